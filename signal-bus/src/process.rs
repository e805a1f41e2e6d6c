//! What the operating system tells the program.

use std::{fmt, process::ExitCode};

/// A signal of the operating system that asks the program to end; see [`Bus::on_signal`](crate::Bus::on_signal).
///
/// A program that ends because of one says so in its exit code, into which it converts: 128 and the signal's number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum ProcessSignal {
    /// `SIGTERM`, by which supervisors, containers and `kill` ask. It is never heard on Windows, which has none.
    Terminate,
    /// `SIGINT`: somebody has pressed ctrl-c.
    Interrupt,
}

impl ProcessSignal {
    /// The exit code of a program that ends because of it: 143 or 130.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Terminate => 128 + 15,
            Self::Interrupt => 128 + 2,
        }
    }
}

impl From<ProcessSignal> for ExitCode {
    fn from(signal: ProcessSignal) -> Self {
        signal.exit_code().into()
    }
}

impl fmt::Display for ProcessSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        })
    }
}
