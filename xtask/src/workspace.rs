//! What the workspace holds: its root, the examples, the features of `signal-bus`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// Returns the folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the folder of this crate stands in the workspace's root")
}

/// Returns the names of the programs in `examples/`, sorted.
pub(crate) fn examples() -> Result<Vec<String>, Failure> {
    let folder = root().join("examples");
    let entries = fs::read_dir(&folder).map_err(|error| unreadable(&folder, &error))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| unreadable(&folder, &error))?.path();
        let stem = path.file_stem().and_then(|stem| stem.to_str());
        if let (Some(stem), Some("rs")) = (stem, extension(&path)) {
            names.push(stem.to_owned());
        }
    }
    names.sort();
    if names.is_empty() {
        return Err(Failure::missing(format!(
            "no example in {}",
            folder.display()
        )));
    }
    Ok(names)
}

/// Returns the features of `signal-bus`, without `default`.
pub(crate) fn features() -> Result<Vec<String>, Failure> {
    let path = root().join("signal-bus").join("Cargo.toml");
    let manifest = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
    let features = features_in(&manifest);
    if features.is_empty() {
        return Err(Failure::missing(format!(
            "no `[features]` in {}",
            path.display()
        )));
    }
    Ok(features)
}

/// Reads the keys of the `[features]` table; enough TOML for a manifest we format ourselves.
fn features_in(manifest: &str) -> Vec<String> {
    manifest
        .lines()
        .skip_while(|line| line.trim() != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_alphanumeric()))
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name.trim().to_owned())
        .filter(|name| name != "default")
        .collect()
}

fn extension(path: &Path) -> Option<&str> {
    path.extension().and_then(|extension| extension.to_str())
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::missing(format!("cannot read {}: {error}", path.display()))
}

/// Returns the folder in which cargo put this very program, and puts the examples.
pub(crate) fn output_folder() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()
        .map_err(|error| Failure::missing(format!("cannot find this program: {error}")))?;
    let folder = program.parent().map(Path::to_path_buf);
    folder.ok_or_else(|| Failure::missing("this program stands in no folder".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{examples, features_in};

    #[test]
    fn features_are_the_keys_of_their_table_without_default() {
        let manifest = "\
[package]
name = \"signal-bus\"

[features]
default = [\"macros\"]
# A comment = not a feature.
macros = [
    \"dep:signal-bus-macros\",
]
serde = [\"dep:serde\"]

[dependencies]
tokio = \"1\"
";
        assert_eq!(features_in(manifest), ["macros", "serde"]);
    }

    #[test]
    fn examples_are_listed_by_name() {
        let names = examples().expect("the workspace has examples");
        assert!(names.iter().any(|name| name == "quickstart"), "{names:?}");
    }
}
