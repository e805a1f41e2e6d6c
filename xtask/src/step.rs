//! One command of a task: said, run, timed.

use std::fmt;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::workspace;

/// How often a program with a time limit is looked at.
const LOOK_PERIOD: Duration = Duration::from_millis(20);

/// A command under the name by which it is reported; displayed as a person types it.
pub(crate) struct Step {
    name: String,
    program: PathBuf,
    /// What a person types for `program`.
    typed: String,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

impl Step {
    /// A step that runs the cargo which runs us; `line` is split at its spaces.
    pub(crate) fn cargo(name: &str, line: &str) -> Self {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let arguments: Vec<&str> = line.split_whitespace().collect();
        Self::program(name, Path::new(&cargo), "cargo").with_arguments(&arguments)
    }

    /// A step that runs `program`, for which a person types `typed`.
    pub(crate) fn program(name: &str, program: &Path, typed: &str) -> Self {
        Self {
            name: name.to_owned(),
            program: program.to_owned(),
            typed: typed.to_owned(),
            arguments: Vec::new(),
            variables: Vec::new(),
        }
    }

    /// Adds arguments at the end of the command.
    pub(crate) fn with_arguments<S: AsRef<str>>(mut self, arguments: &[S]) -> Self {
        let arguments = arguments.iter().map(|word| word.as_ref().to_owned());
        self.arguments.extend(arguments);
        self
    }

    /// Sets an environment variable for the command.
    pub(crate) fn with_variable(mut self, variable: &str, value: &str) -> Self {
        self.variables.push((variable.to_owned(), value.to_owned()));
        self
    }

    /// Runs the command to its end.
    pub(crate) fn run(self) -> Result<(), Failure> {
        self.run_and_wait(|child| child.wait().map(Some))
    }

    /// Runs the command to its end, or ends it when `limit` has passed.
    pub(crate) fn run_within(self, limit: Duration) -> Result<(), Failure> {
        self.run_and_wait(|child| wait_within(child, limit))
    }

    /// Runs the command to its end; returns what it says, which is shown as well.
    pub(crate) fn output(self) -> Result<String, Failure> {
        let mut said = String::new();
        let read = |child: &mut Child| {
            let lines = child.stdout.take().map(BufReader::new);
            for line in lines.into_iter().flat_map(BufRead::lines) {
                let line = line?;
                println!("{line}");
                said.push_str(&line);
                said.push('\n');
            }
            child.wait().map(Some)
        };
        self.spawn_and_wait(|command| command.stdout(Stdio::piped()), read)?;
        Ok(said)
    }

    /// Runs the command; `wait` returns nothing if it ended the command for being too slow.
    fn run_and_wait(
        self,
        wait: impl FnOnce(&mut Child) -> io::Result<Option<ExitStatus>>,
    ) -> Result<(), Failure> {
        self.spawn_and_wait(|command| command, wait)
    }

    /// As `run_and_wait`, after the command was set up further.
    fn spawn_and_wait(
        self,
        set_up: impl FnOnce(&mut Command) -> &mut Command,
        wait: impl FnOnce(&mut Child) -> io::Result<Option<ExitStatus>>,
    ) -> Result<(), Failure> {
        println!("==> {}: {self}", self.name);
        let start = now();
        let ended = set_up(&mut self.command())
            .spawn()
            .and_then(|mut child| wait(&mut child));
        let seconds = start.elapsed().as_secs_f64();
        let reason = match ended {
            Ok(Some(status)) if status.success() => {
                println!("    {} took {seconds:.1} s", self.name);
                return Ok(());
            }
            Ok(Some(status)) => format!("{status} after {seconds:.1} s"),
            Ok(None) => format!("still running after {seconds:.1} s"),
            Err(error) => format!("cannot run it: {error}"),
        };
        let command = self.to_string();
        let name = self.name;
        Err(Failure::Step {
            name,
            command,
            reason,
        })
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(workspace::root());
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
        // No step asks questions; one that does shall fail, not wait.
        command.stdin(Stdio::null());
        command
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (variable, value) in &self.variables {
            write!(formatter, "{variable}={} ", quoted(value))?;
        }
        formatter.write_str(&self.typed)?;
        for argument in &self.arguments {
            write!(formatter, " {}", quoted(argument))?;
        }
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the clock of the person who waits; no runtime is here to pause it"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

#[expect(
    clippy::disallowed_methods,
    reason = "std has no wait with a limit, and no runtime is here to block"
)]
fn wait_within(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let start = now();
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        thread::sleep(LOOK_PERIOD);
    }
    child.kill()?;
    child.wait()?;
    Ok(None)
}

/// Quotes a word as a shell needs it.
fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./=:,+".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use super::Step;
    use crate::failure::Failure;

    fn reason(outcome: Result<(), Failure>) -> String {
        outcome.expect_err("the step cannot succeed").to_string()
    }

    #[test]
    fn a_step_that_succeeds_is_no_failure() {
        let step = Step::cargo("version", "--version");
        step.run().expect("cargo knows its version");
    }

    #[test]
    fn a_failing_step_names_itself_and_the_line_to_type() {
        let step = Step::cargo("lint", "no-such-command").with_arguments(&["a b"]);
        let text = reason(step.with_variable("FLAGS", "-D x").run());
        let start = "step `lint` failed: exit status: 101";
        assert!(text.starts_with(start), "{text}");
        let end = "FLAGS='-D x' cargo no-such-command 'a b'";
        assert!(text.ends_with(end), "{text}");
    }

    #[test]
    fn what_a_step_says_is_returned() {
        let said = Step::cargo("version", "--version").output();
        let said = said.expect("cargo knows its version");
        assert!(said.starts_with("cargo ") && said.ends_with('\n'), "{said}");
        reason(Step::cargo("none", "no-such-command").output().map(drop));
    }

    #[test]
    fn a_step_over_its_limit_is_ended_and_fails() {
        let text = reason(Step::cargo("slow", "--version").run_within(Duration::ZERO));
        assert!(text.contains("still running after"), "{text}");
    }

    #[test]
    fn a_program_that_does_not_exist_is_a_failure() {
        let step = Step::program("none", Path::new("no-such-program"), "no-such-program");
        let text = reason(step.run());
        assert!(text.contains("cannot run it"), "{text}");
    }
}
