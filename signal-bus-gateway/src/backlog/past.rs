//! What somebody asks for of the past: a view of the backlog as it was, walked through without it.

use std::{collections::VecDeque, sync::Arc};

use crate::event::Event;

/// Events that follow each other; they are shared by all who walk through them.
pub(super) type Run = Arc<[Arc<Event>]>;

/// Events of the past, oldest first, each once.
#[derive(Debug)]
pub(crate) struct Past {
    runs: VecDeque<Run>,
    /// Where in the first run.
    place: usize,
    asked: Asked,
}

/// Which of the events are asked for.
#[derive(Debug)]
pub(super) struct Asked {
    /// Numbers before this one are not kept any more.
    pub(super) kept: u64,
    /// Those with a number above this one.
    pub(super) after: Option<u64>,
    /// Those of this time and later, in seconds since 1970.
    pub(super) time: Option<f64>,
    /// None before this time.
    pub(super) oldest: f64,
}

impl Past {
    pub(super) fn new(runs: VecDeque<Run>, asked: Asked) -> Self {
        Self {
            runs,
            place: 0,
            asked,
        }
    }

    /// Looks at the next events, `count` at most, and gives those of them that were asked for; nothing at the end.
    pub(crate) fn look(&mut self, count: usize) -> Option<Vec<Arc<Event>>> {
        let mut looked_at: Vec<_> = std::iter::from_fn(|| self.next()).take(count).collect();
        if looked_at.is_empty() {
            return None;
        }
        looked_at.retain(|event| self.asked.holds(event));
        Some(looked_at)
    }

    fn next(&mut self) -> Option<Arc<Event>> {
        loop {
            if let Some(event) = self.runs.front()?.get(self.place) {
                self.place += 1;
                return Some(Arc::clone(event));
            }
            self.runs.pop_front();
            self.place = 0;
        }
    }

    /// How many parts it is put together of.
    #[cfg(test)]
    pub(super) fn parts_count(&self) -> usize {
        self.runs.len()
    }
}

impl Asked {
    fn holds(&self, event: &Event) -> bool {
        let number = event.cursor.sequence;
        let is_after = self.after.is_some_and(|after| after < number);
        let is_new = self.time.is_some_and(|time| time <= event.timestamp);
        self.kept <= number && (is_after || is_new) && self.oldest <= event.timestamp
    }
}
