//! Crates that are written by a command, to measure what they cost: each depends on the bus, and stands below `target`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::step::Step;
use crate::workspace;

/// How a generated crate is built.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    /// All of it optimized.
    Release,
    /// What it depends on optimized, and it itself not: it is long, and only calls.
    Quick,
}

/// A generated crate whose dependencies are built.
pub(crate) struct Generated {
    name: &'static str,
    /// Where it and those it is compared with stand, and are built.
    beside: PathBuf,
    source: String,
    profile: Profile,
}

impl Generated {
    /// Writes a crate with an empty program, and builds what it depends on; `source` is its program later.
    pub(crate) fn write(
        folder: &str,
        name: &'static str,
        profile: Profile,
        source: String,
    ) -> Result<Self, Failure> {
        let generated = Self {
            name,
            beside: workspace::root().join("target").join(folder),
            source,
            profile,
        };
        put(
            &generated.folder().join("Cargo.toml"),
            &generated.manifest(),
        )?;
        put(
            &generated.folder().join("Cargo.lock"),
            &read(&workspace::root().join("Cargo.lock"))?,
        )?;
        generated.put_empty()?;
        generated.build()?;
        Ok(generated)
    }

    /// Builds a program, and runs it; returns what it prints, which is shown as well.
    pub(crate) fn run(
        folder: &str,
        name: &'static str,
        profile: Profile,
        source: String,
    ) -> Result<String, Failure> {
        let generated = Self::write(folder, name, profile, source)?;
        generated.put_source()?;
        generated.build()?;
        Step::program(name, &generated.program(), name).output()
    }

    /// Makes its program an empty one.
    pub(crate) fn put_empty(&self) -> Result<(), Failure> {
        put(&self.folder().join("src/main.rs"), "fn main() {}\n")
    }

    /// Makes its program the one it is for.
    pub(crate) fn put_source(&self) -> Result<(), Failure> {
        put(&self.folder().join("src/main.rs"), &self.source)
    }

    pub(crate) fn build(&self) -> Result<(), Failure> {
        let manifest = self.folder().join("Cargo.toml");
        let line = match self.profile {
            Profile::Release => "build --quiet --release --manifest-path",
            Profile::Quick => "build --quiet --manifest-path",
        };
        Step::cargo(self.name, line)
            .with_arguments(&[manifest.to_string_lossy()])
            .with_variable("CARGO_TARGET_DIR", &self.output().to_string_lossy())
            .run()
    }

    /// Where its program is, once it is built.
    pub(crate) fn program(&self) -> PathBuf {
        let profile = match self.profile {
            Profile::Release => "release",
            Profile::Quick => "debug",
        };
        self.output().join(profile).join(self.name)
    }

    fn folder(&self) -> PathBuf {
        self.beside.join(self.name)
    }

    fn output(&self) -> PathBuf {
        self.beside.join("target")
    }

    fn manifest(&self) -> String {
        let bus = workspace::root().join("signal-bus");
        format!(
            "[workspace]\n\n[package]\nname = {:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\nsignal-bus = {{ path = {bus:?} }}\n\
             tokio = {{ version = \"1\", features = [\"rt-multi-thread\", \"sync\", \"time\"] }}\n\n\
             [profile.dev]\ndebug = 0\n\n[profile.dev.package.\"*\"]\nopt-level = 3\n",
            self.name
        )
    }
}

/// Writes a file, and makes its folder.
pub(crate) fn put(path: &Path, text: &str) -> Result<(), Failure> {
    let parent = path.parent().expect("it stands in a folder");
    let made = fs::create_dir_all(parent).and_then(|()| fs::write(path, text));
    made.map_err(|error| failed("write", path, &error))
}

/// Reads a file, or says which could not be read.
pub(crate) fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|error| failed("read", path, &error))
}

/// What to say of a file that could not be read or written.
pub(crate) fn failed(verb: &str, path: &Path, error: &std::io::Error) -> Failure {
    Failure::missing(format!("cannot {verb} {}: {error}", path.display()))
}
