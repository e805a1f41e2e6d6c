//! Signals of one topic, in order, that several handlers share.

use std::{fmt, sync::Arc};

use crate::{
    guarded::discard,
    signal::{
        AnyValue,
        label::{About, Stamp},
    },
};

/// A signal among others of its topic: what they have in common is written once.
#[derive(Clone)]
pub(crate) struct Item {
    /// `None` once the last handler has taken it for itself.
    pub(crate) value: Option<Arc<AnyValue>>,
    pub(crate) stamp: Stamp,
}

impl fmt::Debug for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Item({})", self.stamp.id)
    }
}

/// Signals of one topic, in order; nobody changes them while they are shared.
#[derive(Default, Debug)]
pub(crate) struct Segment {
    /// What they are about; `None` while there are none.
    pub(super) about: Option<Arc<About>>,
    pub(super) items: Vec<Item>,
}

impl Segment {
    /// Takes over the signals, and gives its room for them.
    pub(crate) fn fill(&mut self, about: Option<Arc<About>>, items: &mut Vec<Item>) {
        self.about = about;
        std::mem::swap(&mut self.items, items);
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// Drops the signals of a segment that nobody else has, and keeps the room for others; whether nobody else had it.
    pub(crate) fn empty(segment: &mut Arc<Self>) -> bool {
        Arc::get_mut(segment).map(Self::clear).is_some()
    }

    /// Drops the signals, and keeps the room for others.
    pub(crate) fn clear(&mut self) {
        match self.about.as_ref().map(|about| &about.pool) {
            Some(pool) if pool.is_asked() => {
                pool.keep(self.items.drain(..).filter_map(|item| item.value));
            }
            // One value that panics does not keep the others.
            _ => self.items.drain(..).for_each(discard),
        }
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        self.clear();
    }
}
