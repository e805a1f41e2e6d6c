//! What is wrong in a file, and what was expected.

use std::{fmt, fs, io, path::Path};

/// One thing in a file that is not as it should be; displayed as `file:line: key: what was expected`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, as it was named.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// Where in the file: `server.port`.
    pub key: String,
    /// What is wrong, and what to write.
    pub text: String,
    /// Whether nothing starts with it.
    pub weight: Weight,
}

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// The gateway does not start, or keeps what it has.
    Refused,
    /// It is said, and then left alone.
    Warned,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.line)?;
        if self.weight == Weight::Warned {
            f.write_str("warning: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.text)
    }
}

impl Problem {
    /// A file that cannot be read at all.
    pub(crate) fn of_file(file: &str, error: &std::io::Error) -> Self {
        let no_text = error.get_ref().and_then(|error| error.downcast_ref());
        Self {
            file: file.to_owned(),
            line: no_text.map_or(1, |NoText { line }| *line),
            key: String::new(),
            text: format!("cannot be read: {error}"),
            weight: Weight::Refused,
        }
    }
}

/// A file holds bytes that are none of a text.
#[derive(Debug, thiserror::Error)]
#[error("line {line} is not UTF-8")]
struct NoText {
    line: usize,
}

/// Reads a file; what is no text is named by its line.
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    let bytes = fs::read(path)?;
    String::from_utf8(bytes).map_err(|error| {
        let whole = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = 1 + whole.iter().filter(|byte| **byte == b'\n').count();
        io::Error::new(io::ErrorKind::InvalidData, NoText { line })
    })
}

/// All problems of a file, while it is read.
#[derive(Debug)]
pub(crate) struct Problems {
    file: String,
    /// What PyPubSub takes without a word is only warned of.
    is_lenient: bool,
    found: Vec<Problem>,
}

impl Problems {
    pub(crate) fn new(file: &str, is_lenient: bool) -> Self {
        Self {
            file: file.to_owned(),
            is_lenient,
            found: Vec::new(),
        }
    }

    pub(crate) fn is_lenient(&self) -> bool {
        self.is_lenient
    }

    pub(crate) fn refuse(&mut self, line: usize, key: &str, text: impl Into<String>) {
        self.push(line, key, text.into(), Weight::Refused);
    }

    pub(crate) fn warn(&mut self, line: usize, key: &str, text: impl Into<String>) {
        self.push(line, key, text.into(), Weight::Warned);
    }

    /// Refuses what PyPubSub would take, unless it shall be taken here, too.
    pub(crate) fn refuse_if_strict(&mut self, line: usize, key: &str, text: impl Into<String>) {
        let weight = if self.is_lenient {
            Weight::Warned
        } else {
            Weight::Refused
        };
        self.push(line, key, text.into(), weight);
    }

    /// Puts a problem to the others, but not twice: two ports have one host.
    pub(crate) fn add(&mut self, problem: Problem) {
        if !self.found.contains(&problem) {
            self.found.push(problem);
        }
    }

    fn push(&mut self, line: usize, key: &str, text: String, weight: Weight) {
        self.found.push(Problem {
            file: self.file.clone(),
            line,
            key: key.to_owned(),
            text,
            weight,
        });
    }

    pub(crate) fn are_refused(&self) -> bool {
        self.found
            .iter()
            .any(|problem| problem.weight == Weight::Refused)
    }

    /// All of them, in the order of their lines.
    pub(crate) fn into_found(mut self) -> Vec<Problem> {
        self.found.sort_by_key(|problem| problem.line);
        self.found
    }
}
