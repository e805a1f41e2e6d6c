//! The tasks of a bus, which come and go while it runs.

use std::sync::{Mutex, MutexGuard, PoisonError};

#[cfg(feature = "transport")]
use tokio::task::AbortHandle;
use tokio::{runtime::Handle, task::JoinSet};

use crate::handoff::{self, Rider};

/// Owns the tasks of a bus until it ends.
#[derive(Debug)]
pub(crate) struct Tasks(Mutex<Option<JoinSet<()>>>);

impl Tasks {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Some(JoinSet::new())))
    }

    /// Spawns a task of the bus; `false` if the bus has ended.
    pub(crate) fn spawn(
        &self,
        runtime: &Handle,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> bool {
        let mut tasks = self.lock();
        let Some(tasks) = tasks.as_mut() else {
            return false;
        };
        tasks.spawn_on(task, runtime);
        true
    }

    /// As [`spawn`](Self::spawn), for a worker: where that [may be](handoff), whoever has woken it goes on with it.
    pub(crate) fn spawn_worker(
        &self,
        runtime: &Handle,
        worker: impl Future<Output = ()> + Send + 'static,
    ) -> bool {
        match handoff::is_for(runtime) {
            true => self.spawn(runtime, Rider::new(runtime, worker)),
            false => self.spawn(runtime, worker),
        }
    }

    /// Spawns a task of the bus that may be ended by itself; `None` if the bus has ended.
    #[cfg(feature = "transport")]
    pub(crate) fn spawn_abortable(
        &self,
        runtime: &Handle,
        task: impl Future<Output = ()> + Send + 'static,
    ) -> Option<AbortHandle> {
        let mut tasks = self.lock();
        tasks.as_mut().map(|tasks| tasks.spawn_on(task, runtime))
    }

    /// Forgets those that are over.
    pub(crate) fn reap(&self) {
        if let Some(tasks) = self.lock().as_mut() {
            while tasks.try_join_next().is_some() {}
        }
    }

    /// Hands all tasks over to whoever ends the bus.
    pub(crate) fn take(&self) -> JoinSet<()> {
        self.lock().take().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, Option<JoinSet<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
