//! Handlers that wait for replies of others, and circles of such waits.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::queue::stores::QueueId;

/// Which handlers wait for a reply of which others; only those are here that can do nothing else meanwhile.
#[derive(Default, Debug)]
pub(crate) struct Asking(Mutex<Vec<(QueueId, QueueId)>>);

/// A wait for a reply, until it is dropped.
#[derive(Debug)]
pub(crate) struct Wait<'a> {
    asking: &'a Asking,
    way: (QueueId, QueueId),
}

impl Asking {
    /// Notes that the handler of one queue waits for that of another; `None` if that would wait for the first in turn.
    pub(crate) fn wait(&self, from: QueueId, to: QueueId) -> Option<Wait<'_>> {
        let mut ways = self.lock();
        let mut reached = vec![to];
        let mut at = 0;
        while let Some(here) = reached.get(at).copied() {
            if here == from {
                return None;
            }
            let next = ways.iter().filter(|(asks, _)| *asks == here);
            for (_, next) in next {
                if !reached.contains(next) {
                    reached.push(*next);
                }
            }
            at += 1;
        }
        let way = (from, to);
        ways.push(way);
        Some(Wait { asking: self, way })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(QueueId, QueueId)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        let mut ways = self.asking.lock();
        if let Some(at) = ways.iter().position(|way| *way == self.way) {
            ways.swap_remove(at);
        }
    }
}
