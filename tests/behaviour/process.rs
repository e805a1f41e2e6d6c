//! A process of its own, for what cannot be tried inside of this one.
//!
//! It is this very program, asked to run one test only, `child` of the module that starts it, which a variable tells what to be.

use std::env;
use std::io::{BufRead, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdout, Command, Stdio};

/// The variable that tells a child what to be.
const PART: &str = "SIGNAL_BUS_TEST_CHILD";

/// The part that this process plays, if it is a child.
pub(crate) fn part() -> Option<String> {
    env::var(PART).ok()
}

/// A process that runs a bus.
pub(crate) struct Process {
    child: Child,
    says: BufReader<ChildStdout>,
}

impl Process {
    /// Starts the test `child` of `module`, which plays `part`.
    pub(crate) fn new(module: &str, part: &str) -> Self {
        let program = env::current_exe().unwrap();
        Self::start(Command::new(program), module, part)
    }

    /// As [`new`](Self::new), with as many KiB of addresses as are given.
    pub(crate) fn limited(module: &str, part: &str, kibibytes: u32) -> Self {
        let mut shell = Command::new("sh");
        let limits = format!("ulimit -v {kibibytes} && exec \"$0\" \"$@\"");
        shell.arg("-c").arg(limits);
        shell.arg(env::current_exe().unwrap());
        Self::start(shell, module, part)
    }

    /// As [`new`](Self::new), with a clock of the system that says what libfaketime is told; the one that cannot be set is right.
    pub(crate) fn beside_the_time(module: &str, part: &str, time: &str) -> Self {
        let mut faketime = Command::new("faketime");
        faketime.args(["--exclude-monotonic", "-f", time]);
        faketime.arg(env::current_exe().unwrap());
        Self::start(faketime, module, part)
    }

    fn start(mut command: Command, module: &str, part: &str) -> Self {
        let (_, module) = module.split_once("::").unwrap();
        let test = format!("{module}::child");
        command.args([&test, "--exact", "--nocapture", "--quiet"]);
        command.env(PART, part);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let says = BufReader::new(child.stdout.take().unwrap());
        Self { child, says }
    }

    /// Reads until the process says `word`.
    #[track_caller]
    pub(crate) fn await_word(&mut self, word: &str) {
        let mut said = String::new();
        while !said.ends_with(&format!("{word}\n")) {
            let read = self.says.read_line(&mut said).unwrap();
            assert_ne!(read, 0, "it ends without `{word}`, and has said: {said}");
        }
    }

    /// Everything that it has yet to say, until its end.
    pub(crate) fn last_words(&mut self) -> String {
        let mut said = String::new();
        self.says.read_to_string(&mut said).unwrap();
        said
    }

    pub(crate) fn send(&self, signal: &str) {
        let id = self.child.id().to_string();
        let sent = Command::new("kill").args([signal, &id]).status().unwrap();
        assert!(sent.success());
    }

    pub(crate) fn tell(&mut self) {
        self.child.stdin.take().unwrap().write_all(b"\n").unwrap();
    }

    pub(crate) fn exit_code(mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// The number of the signal that has ended it.
    pub(crate) fn ended_by(mut self) -> Option<i32> {
        self.child.wait().unwrap().signal()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // After a failed assertion, nothing is left behind; otherwise it has ended.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
