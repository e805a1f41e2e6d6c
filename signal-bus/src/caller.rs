//! Who runs some code: a task, or a thread outside of any.

use std::thread::{self, ThreadId};

use tokio::task;

/// Tells one place of waiting from another: what one waits for, the same one cannot do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Caller {
    Task(task::Id),
    Thread(ThreadId),
}

impl Caller {
    pub(crate) fn here() -> Self {
        match task::try_id() {
            Some(task) => Self::Task(task),
            None => Self::Thread(thread::current().id()),
        }
    }
}
