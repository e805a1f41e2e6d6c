//! Files of the workspace, and what is wrong at a line of one.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are not ours to keep tidy.
const FOREIGN: [&str; 2] = ["target", ".git"];

/// A file with its path below the workspace's root.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl Source {
    /// A file that exists only in a test.
    pub(crate) fn of(path: &str, text: &str) -> Self {
        Self {
            path: path.into(),
            text: text.to_owned(),
        }
    }

    /// Reads one file.
    pub(crate) fn read(path: &str) -> Self {
        let text = fs::read_to_string(root().join(path));
        let text = text.unwrap_or_else(|error| panic!("cannot read `{path}`: {error}"));
        Self {
            path: path.into(),
            text,
        }
    }

    /// Reads the files of `folder` and of all folders below it, sorted by path.
    pub(crate) fn read_all(folder: &str, extensions: &[&str]) -> Vec<Self> {
        let mut paths = Vec::new();
        collect(&root().join(folder), extensions, &mut paths);
        paths.sort();
        assert!(!paths.is_empty(), "nothing to check in `{folder}`");
        let below_root = |path: PathBuf| path.strip_prefix(root()).map(Path::to_path_buf);
        let paths = paths
            .into_iter()
            .map(|path| below_root(path).expect("we started at the root"));
        paths
            .map(|path| Self::read(&path.to_string_lossy()))
            .collect()
    }

    /// Reads the files of `folder`, but of no folder below it.
    pub(crate) fn read_folder(folder: &str, extensions: &[&str]) -> Vec<Self> {
        let mut files = Self::read_all(folder, extensions);
        files.retain(|file| file.path.parent() == Some(Path::new(folder)));
        files
    }

    /// Says what is wrong at `line`, which counts from 1.
    pub(crate) fn finding(&self, line: usize, sentence: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            sentence: sentence.into(),
        }
    }
}

/// One broken rule, and where.
#[derive(Debug)]
pub(crate) struct Finding {
    path: PathBuf,
    line: usize,
    sentence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}:{}: {}",
            self.path.display(),
            self.line,
            self.sentence
        )
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("this crate stands in the root")
}

fn collect(folder: &Path, extensions: &[&str], paths: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder);
    let entries = entries.unwrap_or_else(|error| panic!("cannot read {folder:?}: {error}"));
    for entry in entries {
        let path = entry.expect("a folder that opens can be listed").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        if path.is_dir() && !FOREIGN.contains(&name.as_ref()) {
            collect(&path, extensions, paths);
        } else if path.is_file() && extensions.contains(&extension.as_ref()) {
            paths.push(path);
        }
    }
}
