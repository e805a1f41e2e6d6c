//! The readers of a log that wait for something to be put in.

use std::task::Waker;

use crate::queue::stores::QueueId;

/// Who has found nothing, and is to be woken.
#[derive(Default, Debug)]
pub(super) struct Idle {
    readers: Vec<QueueId>,
    /// Who drives several readers, none of which has found something.
    driver: Option<Waker>,
}

impl Idle {
    pub(super) fn is_empty(&self) -> bool {
        self.driver.is_none() && self.readers.is_empty()
    }

    pub(super) fn add(&mut self, reader: QueueId) {
        self.readers.push(reader);
    }

    /// The only one who waits, if that is a reader.
    #[inline]
    pub(super) fn only(&self) -> Option<QueueId> {
        match (&*self.readers, &self.driver) {
            ([only], None) => Some(*only),
            _ => None,
        }
    }

    /// Forgets the readers.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.readers.clear();
    }

    pub(super) fn add_driver(&mut self, driver: &Waker) {
        match &mut self.driver {
            Some(known) => known.clone_from(driver),
            none => *none = Some(driver.clone()),
        }
    }

    pub(super) fn take_driver(&mut self) -> Option<Waker> {
        self.driver.take()
    }

    /// The readers, in the order in which they came.
    pub(super) fn take(&mut self) -> Vec<QueueId> {
        let mut readers = std::mem::take(&mut self.readers);
        if !readers.is_sorted() {
            readers.sort_unstable();
        }
        readers
    }

    /// Gives back the room of what [`take`](Self::take) has returned.
    pub(super) fn reuse(&mut self, mut woken: Vec<QueueId>) {
        woken.clear();
        if self.readers.is_empty() {
            self.readers = woken;
        }
    }
}
