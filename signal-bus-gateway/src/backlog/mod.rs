//! The newest events, for those who come back.

pub(crate) mod line;
mod record;
mod legacy;
pub(crate) mod ground;
pub(crate) mod store;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::{
    cursor::{Cursor, Epoch},
    event::Event,
};

/// What a reader wants of the past.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Since {
    /// Events of that time and later, in seconds since 1970.
    pub(crate) time: Option<i64>,
    /// Events after that one.
    pub(crate) cursor: Option<Cursor>,
    /// All that is kept, if that one is not known any more; else nothing, as in PyPubSub.
    pub(crate) else_all: bool,
}

/// The newest events, in their order; never more than its size.
#[derive(Debug)]
pub(crate) struct Backlog {
    epoch: Epoch,
    size: usize,
    max_age: Option<Duration>,
    /// The number of the event that comes next.
    next: u64,
    events: VecDeque<Arc<Event>>,
}

impl Backlog {
    /// An empty backlog of a row that goes on with the number `next`.
    pub(crate) fn new(epoch: Epoch, next: u64, size: usize, max_age: Option<Duration>) -> Self {
        Self {
            epoch,
            size,
            max_age,
            next,
            events: VecDeque::new(),
        }
    }

    pub(crate) fn push(&mut self, event: Arc<Event>) {
        self.next = self.next.max(event.cursor.sequence + 1);
        if self.size == 0 {
            return;
        }
        if self.events.len() == self.size {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// What is kept and asked for, oldest first, each event once. `now` is in seconds since 1970.
    ///
    pub(crate) fn since(&self, since: Since, now: f64) -> Vec<Arc<Event>> {
        let otherwise = since.else_all.then_some(0);
        let place = |cursor| self.place_after(cursor).or(otherwise);
        let after = since.cursor.and_then(place);
        if since.time.is_none() && after.is_none() {
            return Vec::new();
        }
        let oldest = self.max_age.map_or(f64::MIN, |age| now - age.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "so far away no second counts")]
        let time = since.time.map(|time| time as f64);
        let wanted = self.events.iter().enumerate().filter(|(place, event)| {
            let is_after = after.is_some_and(|after| after <= *place);
            let is_new = time.is_some_and(|time| time <= event.timestamp);
            (is_after || is_new) && oldest <= event.timestamp
        });
        wanted.map(|(_, event)| Arc::clone(event)).collect()
    }

    /// The place of the next event.
    pub(crate) fn next(&self) -> Cursor {
        Cursor {
            epoch: self.epoch,
            sequence: self.next,
        }
    }

    /// Whether nothing is missing between a cursor and what is kept.
    pub(crate) fn knows(&self, cursor: Cursor) -> bool {
        self.place_after(cursor).is_some()
    }

    /// Where the events begin that follow a cursor.
    ///
    /// The event itself may be missing between others: what a crash has taken, or a torn page, was seen by somebody.
    fn place_after(&self, cursor: Cursor) -> Option<usize> {
        let oldest = self.events.front()?.cursor.sequence;
        let is_known = cursor.epoch == self.epoch && (oldest..self.next).contains(&cursor.sequence);
        let is_before = |event: &Arc<Event>| event.cursor.sequence <= cursor.sequence;
        is_known.then(|| self.events.partition_point(is_before))
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use super::{Backlog, Since};
    use crate::{
        cursor::{Cursor, Epoch},
        event::Event,
    };

    fn cursor(sequence: u64) -> Cursor {
        Cursor {
            epoch: Epoch::from_bits(1),
            sequence,
        }
    }

    /// Events 1 to 9, each at its second; 5 is missing.
    fn backlog(size: usize, max_age: Option<u64>) -> Backlog {
        let mut backlog = Backlog::new(
            Epoch::from_bits(1),
            0,
            size,
            max_age.map(Duration::from_secs),
        );
        for (second, sequence) in [1, 2, 3, 4, 6, 7, 8, 9]
            .map(|number| (f64::from(number), u64::try_from(number).expect("positive")))
        {
            backlog.push(Arc::new(Event::restored(
                cursor(sequence),
                second,
                "/a",
                "{}\n",
            )));
        }
        backlog
    }

    fn found(backlog: &Backlog, since: Since) -> Vec<u64> {
        let events = backlog.since(since, 10.0);
        events.iter().map(|event| event.cursor.sequence).collect()
    }

    fn after(sequence: u64) -> Since {
        Since {
            time: None,
            cursor: Some(cursor(sequence)),
            else_all: false,
        }
    }

    fn from(time: i64) -> Since {
        Since {
            time: Some(time),
            cursor: None,
            else_all: false,
        }
    }

    #[test]
    fn a_cursor_names_what_comes_after_it() {
        let backlog = backlog(5, None);
        assert_eq!(found(&backlog, after(7)), [8, 9]);
        assert_eq!(found(&backlog, after(4)), [6, 7, 8, 9]);
        assert_eq!(found(&backlog, after(9)), [0; 0]);
    }

    #[test]
    fn a_cursor_of_an_event_that_was_lost_between_others_still_names_what_follows() {
        assert_eq!(found(&backlog(5, None), after(5)), [6, 7, 8, 9]);
    }

    #[test]
    fn a_cursor_that_is_not_kept_names_nothing() {
        let backlog = backlog(5, None);
        for unknown in [0, 3, 10] {
            assert_eq!(found(&backlog, after(unknown)), [0; 0], "{unknown}");
        }
        let other = Cursor {
            epoch: Epoch::from_bits(2),
            sequence: 7,
        };
        let since = Since {
            time: None,
            cursor: Some(other),
            else_all: false,
        };
        assert_eq!(found(&backlog, since), [0; 0]);
    }

    #[test]
    fn a_time_names_what_is_not_older() {
        let backlog = backlog(5, None);
        assert_eq!(found(&backlog, from(8)), [8, 9]);
        assert_eq!(found(&backlog, from(0)), [4, 6, 7, 8, 9]);
        assert_eq!(found(&backlog, from(i64::MIN)), [4, 6, 7, 8, 9]);
        assert_eq!(found(&backlog, from(i64::MAX)), [0; 0]);
    }

    #[test]
    fn nothing_that_is_too_old_is_named() {
        let backlog = backlog(8, Some(3));
        assert_eq!(found(&backlog, from(0)), [7, 8, 9]);
        assert_eq!(found(&backlog, after(1)), [7, 8, 9]);
    }

    #[test]
    fn both_together_name_each_event_once() {
        let since = Since {
            time: Some(8),
            cursor: Some(cursor(6)),
            else_all: false,
        };
        assert_eq!(found(&backlog(8, None), since), [7, 8, 9]);
    }

    #[test]
    fn all_that_is_kept_can_be_had_instead() {
        let backlog = backlog(3, None);
        for (sequence, expected) in [(8, &[9][..]), (1, &[7, 8, 9]), (50, &[7, 8, 9])] {
            let since = Since {
                else_all: true,
                ..after(sequence)
            };
            assert_eq!(found(&backlog, since), expected, "{sequence}");
            assert_eq!(backlog.knows(cursor(sequence)), sequence == 8);
        }
    }

    #[test]
    fn a_backlog_without_size_keeps_nothing() {
        assert_eq!(backlog(0, None).len(), 0);
        assert_eq!(found(&backlog(0, None), Since::default()), [0; 0]);
        assert_eq!(found(&backlog(9, None), Since::default()), [0; 0]);
    }
}
