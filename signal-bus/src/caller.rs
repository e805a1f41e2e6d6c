//! Who runs some code: a task, or a thread outside of any.

use std::{
    cell::Cell,
    thread::{self, ThreadId},
};

use tokio::task;

/// Tells one place of waiting from another: what one waits for, the same one cannot do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Caller {
    Task(task::Id),
    Thread(ThreadId),
}

thread_local! {
    // A task that is polled inside of another one's poll.
    static WITHIN: Cell<Option<task::Id>> = const { Cell::new(None) };
}

/// Does what a task does, where that is polled by another one.
#[inline]
pub(crate) fn within<R>(task: task::Id, does: impl FnOnce() -> R) -> R {
    let _within = Within(WITHIN.replace(Some(task)));
    does()
}

/// What was there before.
struct Within(Option<task::Id>);

impl Drop for Within {
    fn drop(&mut self) {
        WITHIN.set(self.0);
    }
}

impl Caller {
    pub(crate) fn here() -> Self {
        match WITHIN.get().or_else(task::try_id) {
            Some(task) => Self::Task(task),
            None => Self::Thread(thread::current().id()),
        }
    }
}
