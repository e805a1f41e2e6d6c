//! Signals of one topic, in order, that several handlers share.

use std::{sync::Arc, time::SystemTime};

use crate::signal::{
    arrival::Arrival,
    id::SignalId,
    label::{About, Label, Stamp},
    stamps::Stamps,
    values::{Put, Values},
};

/// So many signals go together at most where somebody waits to hear what becomes of them: that is told when a handler waits, or is
/// through, and those are handled again that it was not told of when the process dies.
pub(crate) const OWED_MAX: usize = 16;

/// Signals of one topic, in order; nobody changes them while they are shared.
#[derive(Default, Debug)]
pub(crate) struct Segment {
    /// What they are about: they have that in common. `None` while there are none.
    about: Option<Arc<About>>,
    pub(super) stamps: Stamps,
    pub(super) values: Values,
}

impl Segment {
    pub(crate) fn len(&self) -> usize {
        self.stamps.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.stamps.is_empty()
    }

    /// Whether it is to get no longer, where segments are of so many signals at most.
    #[inline]
    pub(crate) fn is_full(&self, most: usize) -> bool {
        most <= self.len() || OWED_MAX <= self.len() && self.owes()
    }

    /// Whether somebody waits to hear what becomes of any of its signals.
    #[inline]
    pub(crate) fn owes(&self) -> bool {
        self.stamps.owes()
    }

    /// Who waits to hear what becomes of signals, with their places, from one on.
    pub(super) fn awaited(&self, from: usize) -> impl Iterator<Item = (usize, &Arc<dyn Arrival>)> {
        self.stamps.awaited(from)
    }

    /// An empty one for signals like these.
    pub(crate) fn alike(&self) -> Self {
        Self {
            about: None,
            stamps: Stamps::default(),
            values: self.values.alike(),
        }
    }

    /// Puts a signal behind the others, unless it is about something else, or its value cannot lie as theirs do; `room` for so
    /// many is made where there is none. What its stamp holds is taken then.
    #[inline]
    pub(crate) fn put(
        &mut self,
        value: &mut dyn Put,
        stamp: &mut Stamp,
        about: &Arc<About>,
        room: usize,
    ) -> bool {
        let known = self.about.as_ref();
        if !known.is_some_and(|known| Arc::ptr_eq(known, about)) {
            if !self.is_empty() {
                return false;
            }
            self.about = Some(Arc::clone(about));
        }
        let put = value.put(&mut self.values, room);
        if put {
            self.stamps.push(stamp, room);
        }
        put
    }

    /// As [`put`](Self::put), for the first one, that is about the same as those which were there before, and has nothing that is
    /// rare.
    #[inline]
    pub(crate) fn put_first(
        &mut self,
        value: &mut dyn Put,
        (id, time): (SignalId, SystemTime),
        room: usize,
    ) -> bool {
        let put = self.follows(value);
        if put {
            self.stamps.push_first(id, time, room);
        }
        put
    }

    /// Whether the signals that were put in last were about the same.
    #[inline]
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        match (&self.about, &other.about) {
            (Some(about), Some(same)) => Arc::ptr_eq(about, same),
            _ => false,
        }
    }

    /// Whether it has signals, and they are about this.
    #[inline]
    pub(crate) fn is_about(&self, about: &Arc<About>) -> bool {
        let known = self.about.as_ref();
        known.is_some_and(|known| Arc::ptr_eq(known, about))
    }

    /// As [`put`](Self::put), behind others, for one that is about the same, was published when the last of them was, and has
    /// nothing that is rare.
    #[inline]
    pub(crate) fn follows(&mut self, value: &mut (impl Put + ?Sized)) -> bool {
        value.follow(&mut self.values)
    }

    /// Stamps what was put in by [`follows`](Self::follows).
    #[inline]
    pub(crate) fn stamp_alike(&mut self, id: SignalId) {
        self.stamps.push_alike(id);
    }

    /// When the last of the signals was published.
    #[inline]
    pub(crate) fn last_time(&self) -> Option<SystemTime> {
        self.stamps.last_time()
    }

    /// The label of a signal.
    pub(super) fn label(&self, at: usize) -> Option<Label> {
        Some(Label {
            about: Arc::clone(self.about.as_ref()?),
            stamp: self.stamps.get(at)?,
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
