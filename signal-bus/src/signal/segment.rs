//! Signals of one topic, in order, that several handlers share.

use std::sync::Arc;

use crate::signal::{
    label::{About, Label, Stamp},
    values::{Put, Values},
};

/// Signals of one topic, in order; nobody changes them while they are shared.
#[derive(Default, Debug)]
pub(crate) struct Segment {
    /// What they are about: they have that in common. `None` while there are none.
    pub(super) about: Option<Arc<About>>,
    pub(super) stamps: Vec<Stamp>,
    pub(super) values: Values,
}

impl Segment {
    pub(crate) fn len(&self) -> usize {
        self.stamps.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.stamps.is_empty()
    }

    /// An empty one for signals like these.
    pub(crate) fn alike(&self) -> Self {
        Self {
            about: None,
            stamps: Vec::new(),
            values: self.values.alike(),
        }
    }

    /// Puts a signal behind the others, unless that is about something else, or its value cannot lie as theirs do; `room` for so
    /// many is made where there is none.
    pub(crate) fn put(
        &mut self,
        value: &mut dyn Put,
        stamp: Stamp,
        about: &Arc<About>,
        room: usize,
    ) -> Result<(), Stamp> {
        let known = self.about.as_ref();
        if !known.is_some_and(|known| Arc::ptr_eq(known, about)) {
            if !self.is_empty() {
                return Err(stamp);
            }
            self.about = Some(Arc::clone(about));
        }
        if !value.put(&mut self.values, room) {
            return Err(stamp);
        }
        if self.stamps.capacity() == 0 {
            self.stamps.reserve_exact(room);
        }
        self.stamps.push(stamp);
        Ok(())
    }

    /// The label of a signal.
    pub(super) fn label(&self, at: usize) -> Option<Label> {
        Some(Label {
            about: Arc::clone(self.about.as_ref()?),
            stamp: self.stamps.get(at)?.clone(),
        })
    }

    /// Drops the signals of a segment that nobody else has, and keeps the room for others; whether nobody else had it.
    pub(crate) fn empty(segment: &mut Arc<Self>) -> bool {
        Arc::get_mut(segment).map(Self::clear).is_some()
    }

    /// Drops the signals, and keeps the room for others.
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.stamps.clear();
    }
}

/// One value that panics does not keep the others.
impl Drop for Segment {
    fn drop(&mut self) {
        self.clear();
    }
}
