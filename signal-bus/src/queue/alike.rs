//! Signals that are put in just as the one before them.
//!
//! Most publishers that have published do so again before anybody has looked. Then all that was asked for the first one holds for
//! those behind it: who reads, that nobody sleeps or waits, how much room there is. So it is asked once for a part of a segment.
//! Whatever might change an answer takes that back: somebody who reads, comes, leaves, goes beside or to sleep, and what is put
//! in any other way.

use std::sync::{Arc, atomic::Ordering};

use crate::{
    clock::Tick,
    queue::{Phase, State, lane::Lane, log::Log},
    signal::{id::SignalId, label::About, values::Put},
};

/// What may be put into the open end of a log without further questions.
#[derive(Default, Debug)]
pub(super) struct Alike {
    /// So many signals, at least one of which is left out: what fills a segment seals it.
    pub(super) left: usize,
    /// The tick that the last one was published after.
    pub(super) tick: Option<Tick>,
}

impl State {
    /// Lets a value in that follows others in all; whether it does.
    #[inline]
    pub(super) fn follows(&mut self, lane: Lane, about: &Arc<About>, value: &mut dyn Put) -> bool {
        let usual = self.phase == Phase::Running
            && self.generation == lane.generation
            && self.lines.is_empty();
        let log = self.logs.get_mut(lane.log.index());
        let Some(log) = log.filter(|log| usual && log.alike.left != 0) else {
            return false;
        };
        let id = self.last_signal.next();
        let follows = log.follows(id, about, value);
        if follows {
            self.last_signal = id;
            self.routed += 1;
            self.working += log.readers().len();
        }
        follows
    }
}

impl Log {
    /// Lets signals follow the one that was put in last.
    pub(super) fn lets_follow(&mut self) {
        if self.alike.tick.is_some() {
            let room = self.capacity.saturating_sub(self.used);
            let in_segment = self.segment_max.saturating_sub(self.open.len() + 1);
            self.alike.left = room.min(in_segment);
        }
    }

    #[inline]
    fn follows(&mut self, id: SignalId, about: &Arc<About>, value: &mut dyn Put) -> bool {
        let follows = self.alike.tick == Some(Tick::last())
            && self.open.put_alike(value, id, about, self.usual);
        if follows {
            self.alike.left -= 1;
            self.used += 1;
            self.end.store(self.end() + 1, Ordering::Relaxed);
        }
        follows
    }
}
