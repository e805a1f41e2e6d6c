//! Why a command stopped, and what to type next.

use std::fmt;
use std::process::ExitCode;

use crate::HELP;

/// Why a command stopped.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line makes no sense.
    Usage { problem: String },
    /// A step of the command failed.
    Step {
        name: String,
        command: String,
        reason: String,
    },
    /// Something that the command needs is missing.
    Missing { what: String },
}

impl Failure {
    pub(crate) fn usage(problem: String) -> Self {
        Self::Usage { problem }
    }

    pub(crate) fn missing(what: String) -> Self {
        Self::Missing { what }
    }

    /// Returns 2 for a wrong command line, 1 for everything else, as `cargo` users expect.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage { .. } => ExitCode::from(2),
            Self::Step { .. } | Self::Missing { .. } => ExitCode::FAILURE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage { problem } => write!(formatter, "{problem}\n\n{HELP}"),
            Self::Step {
                name,
                command,
                reason,
            } => write!(
                formatter,
                "step `{name}` failed: {reason}\nto run it alone: {command}"
            ),
            Self::Missing { what } => formatter.write_str(what),
        }
    }
}
