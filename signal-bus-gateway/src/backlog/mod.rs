//! The newest events, for those who come back.

pub(crate) mod line;
pub(crate) mod past;
mod record;
mod legacy;
pub(crate) mod ground;
pub(crate) mod store;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use crate::{
    backlog::past::{Asked, Past, Run},
    cursor::{Cursor, Epoch},
    event::Event,
};

/// A run is no longer than this, so that little more than its size is kept.
const RUN_EVENTS_MAX: usize = 1024;
/// There are this many runs, at least: events go run by run.
const RUNS_MIN: usize = 16;

/// What a reader wants of the past.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Since {
    /// Events of that time and later, in seconds since 1970.
    pub(crate) time: Option<f64>,
    /// Events after that one.
    pub(crate) cursor: Option<Cursor>,
    /// All that is kept, if that one is not known any more; else nothing, as in PyPubSub.
    pub(crate) else_all: bool,
}

/// The newest events, in their order; never more than its size.
///
/// Somebody who asks for the past takes runs of it, not events, while others wait: what was not asked for is left out later.
#[derive(Debug)]
pub(crate) struct Backlog {
    epoch: Epoch,
    size: usize,
    max_age: Option<Duration>,
    /// The number of the event that comes next.
    next: u64,
    runs: VecDeque<Whole>,
    /// Events of the first run that are not kept any more.
    gone: usize,
    /// The run that grows.
    last: Vec<Arc<Event>>,
    /// The time of the newest event; clocks are set back, and an event may overtake another one.
    latest: f64,
    events_count: usize,
    /// In a row that several gateways show: all that followed this number was read. What is kept and known depends on numbers
    /// only then, and each of them answers the same.
    read_after: Option<u64>,
}

/// A run that does not grow any more.
#[derive(Debug)]
struct Whole {
    run: Run,
    /// No event of it, or before it, is of a later time.
    latest: f64,
}

impl Backlog {
    /// An empty backlog of a row that goes on with the number `next`.
    pub(crate) fn new(epoch: Epoch, next: u64, size: usize, max_age: Option<Duration>) -> Self {
        Self {
            epoch,
            size,
            max_age,
            next,
            runs: VecDeque::new(),
            gone: 0,
            last: Vec::new(),
            latest: f64::MIN,
            events_count: 0,
            read_after: None,
        }
    }

    /// An empty backlog of a row that several gateways show, and of which these are the first number and the last; it goes on where
    /// that begins which may be asked for.
    pub(crate) fn common(
        epoch: Epoch,
        first: u64,
        last: u64,
        size: usize,
        max_age: Option<Duration>,
    ) -> Self {
        let reach = u64::try_from(size).unwrap_or(u64::MAX);
        let after = last.saturating_sub(reach).max(first.saturating_sub(1));
        Self {
            read_after: Some(after),
            ..Self::new(epoch, after + 1, size, max_age)
        }
    }

    /// Forgets everything, and begins with a common row as it is now.
    pub(crate) fn begin_anew(&mut self, epoch: Epoch, first: u64, last: u64) {
        *self = Self::common(epoch, first, last, self.size, self.max_age);
    }

    /// Notes that all up to a number has come, whatever it was.
    pub(crate) fn reach(&mut self, number: u64) {
        self.next = self.next.max(number + 1);
        while self.read_after.is_some() && self.oldest().is_some_and(|oldest| !self.spans(oldest)) {
            self.forget_oldest();
        }
    }

    /// Whether from a number on there are no more than are kept; those that were no events count as well.
    fn spans(&self, number: u64) -> bool {
        let size = u64::try_from(self.size).unwrap_or(u64::MAX);
        self.next <= number.saturating_add(size)
    }

    pub(crate) fn push(&mut self, event: Arc<Event>) {
        self.next = self.next.max(event.cursor.sequence + 1);
        if self.size == 0 {
            return;
        }
        self.latest = self.latest.max(event.timestamp);
        self.last.push(event);
        self.events_count += 1;
        if self.last.len() == self.run_length() {
            let (run, latest) = (std::mem::take(&mut self.last).into(), self.latest);
            self.runs.push_back(Whole { run, latest });
        }
        if self.read_after.is_some() {
            self.reach(self.next - 1);
        } else if self.size < self.events_count {
            self.forget_oldest();
        }
    }

    fn run_length(&self) -> usize {
        (self.size / RUNS_MIN).clamp(1, RUN_EVENTS_MAX)
    }

    fn forget_oldest(&mut self) {
        if self.runs.is_empty() {
            // Of the numbers that followed, few were events.
            let (run, latest) = (std::mem::take(&mut self.last).into(), self.latest);
            self.runs.push_back(Whole { run, latest });
        }
        self.events_count -= 1;
        self.gone += 1;
        if self
            .runs
            .front()
            .is_some_and(|first| first.run.len() <= self.gone)
        {
            self.runs.pop_front();
            self.gone = 0;
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.events_count
    }

    /// What is kept and asked for. `now` is in seconds since 1970.
    pub(crate) fn since(&self, since: Since, now: f64) -> Option<Past> {
        let known = since.cursor.filter(|cursor| self.holds(*cursor));
        let is_stale = since.cursor.is_some_and(|cursor| !self.knows(cursor, now));
        let is_all = is_stale && since.else_all;
        let asked = Asked {
            kept: self.oldest()?,
            after: known.map(|cursor| cursor.sequence),
            time: if is_all { Some(f64::MIN) } else { since.time },
            oldest: self.oldest_time(now),
        };
        let start = self.start(&asked)?;
        let runs = self.runs.range(start..).map(|whole| Arc::clone(&whole.run));
        let last = (!self.last.is_empty()).then(|| self.last.as_slice().into());
        Some(Past::new(runs.chain(last).collect(), asked))
    }

    /// The run before which nothing is asked for; nothing, if nothing is asked for at all.
    fn start(&self, asked: &Asked) -> Option<usize> {
        let from_time = |time: f64| self.runs.partition_point(|whole| whole.latest < time);
        let after = asked.after.map(|number| self.run_after(number));
        let start = after.into_iter().chain(asked.time.map(from_time)).min()?;
        Some(start.max(from_time(asked.oldest)))
    }

    /// The place of the next event.
    pub(crate) fn next(&self) -> Cursor {
        Cursor {
            epoch: self.epoch,
            sequence: self.next,
        }
    }

    /// Whether nothing is missing between a cursor and what is replayed: nothing is forgotten, and nothing too old.
    pub(crate) fn knows(&self, cursor: Cursor, now: f64) -> bool {
        let is_replayed = |next: &Arc<Event>| self.oldest_time(now) <= next.timestamp;
        let is_read = self.read_after.is_none_or(|after| after <= cursor.sequence);
        is_read && self.holds(cursor) && self.after(cursor.sequence).is_none_or(is_replayed)
    }

    /// Whether nothing is missing between a cursor and what is kept.
    ///
    /// The event itself may be missing between others: what a crash has taken, or a torn page, was seen by somebody.
    fn holds(&self, cursor: Cursor) -> bool {
        if self.read_after.is_some() {
            let is_in_reach = cursor.sequence < self.next && self.spans(cursor.sequence + 1);
            return cursor.epoch == self.epoch && is_in_reach;
        }
        let kept = self.oldest().map(|oldest| oldest..self.next);
        cursor.epoch == self.epoch && kept.is_some_and(|kept| kept.contains(&cursor.sequence))
    }

    /// The event that follows a number.
    fn after(&self, number: u64) -> Option<&Arc<Event>> {
        let whole = self.runs.get(self.run_after(number));
        let run = whole.map_or(&self.last[..], |whole| &whole.run);
        run.get(run.partition_point(|event| event.cursor.sequence <= number))
    }

    /// The run in which the event is that follows a number; one behind the last, if it is in the run that grows.
    fn run_after(&self, number: u64) -> usize {
        let last = |whole: &Whole| whole.run.last().map(|event| event.cursor.sequence);
        self.runs
            .partition_point(|whole| last(whole).is_none_or(|last| last <= number))
    }

    /// The time of the oldest event that is replayed.
    fn oldest_time(&self, now: f64) -> f64 {
        self.max_age.map_or(f64::MIN, |age| now - age.as_secs_f64())
    }

    /// The number of the oldest event that is kept.
    fn oldest(&self) -> Option<u64> {
        let first = self.runs.front().map(|first| &first.run[self.gone]);
        first
            .or(self.last.first())
            .map(|event| event.cursor.sequence)
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
        let mut past = backlog.since(since, 10.0);
        let runs = std::iter::from_fn(|| past.as_mut()?.look(3));
        runs.flatten().map(|event| event.cursor.sequence).collect()
    }

    fn after(sequence: u64) -> Since {
        Since {
            time: None,
            cursor: Some(cursor(sequence)),
            else_all: false,
        }
    }

    fn from(time: f64) -> Since {
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
        assert_eq!(found(&backlog, from(8.0)), [8, 9]);
        assert_eq!(found(&backlog, from(0.0)), [4, 6, 7, 8, 9]);
        assert_eq!(found(&backlog, from(f64::MIN)), [4, 6, 7, 8, 9]);
        assert_eq!(found(&backlog, from(f64::MAX)), [0; 0]);
    }

    #[test]
    fn nothing_that_is_too_old_is_named() {
        let backlog = backlog(8, Some(3));
        assert_eq!(found(&backlog, from(0.0)), [7, 8, 9]);
        assert_eq!(found(&backlog, after(1)), [7, 8, 9]);
    }

    #[test]
    fn both_together_name_each_event_once() {
        let since = Since {
            time: Some(8.0),
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
            assert_eq!(backlog.knows(cursor(sequence), 10.0), sequence == 8);
        }
    }

    /// Who goes on there would miss what is too old, and not know it.
    #[test]
    fn a_cursor_behind_which_something_is_too_old_is_not_known() {
        let backlog = backlog(8, Some(3));
        let otherwise_all = Since {
            else_all: true,
            ..after(3)
        };
        assert_eq!(found(&backlog, otherwise_all), [7, 8, 9]);
        for (sequence, is_known) in [(5, false), (6, true), (9, true)] {
            assert_eq!(
                backlog.knows(cursor(sequence), 10.0),
                is_known,
                "{sequence}"
            );
        }
    }

    /// The time of an event: its number, but a clock was set back for some.
    fn second(number: u32) -> u32 {
        if number % 1000 == 0 {
            number.saturating_sub(50)
        } else {
            number
        }
    }

    fn long(size: usize) -> Backlog {
        let mut backlog = Backlog::new(Epoch::from_bits(1), 0, size, None);
        for number in 0..100_000 {
            let time = f64::from(second(number));
            let event = Event::restored(cursor(number.into()), time, "/a", "{}\n");
            backlog.push(Arc::new(event));
        }
        backlog
    }

    /// What is taken while others wait is counted here, not timed.
    #[test]
    fn whoever_asks_for_the_past_takes_runs_and_only_those_that_may_hold_it() {
        let backlog = long(80_000);
        assert_eq!(backlog.len(), 80_000);
        let parts = |since| {
            backlog
                .since(since, 0.0)
                .map_or(0, |past| past.parts_count())
        };
        assert!(
            (78..=81).contains(&parts(from(0.0))),
            "{}",
            parts(from(0.0))
        );
        assert!(parts(from(99_000.0)) <= 2 && parts(after(99_000)) <= 2);
        assert!(parts(from(1e9)) <= 1);
        assert_eq!(parts(after(10_000)), 0);
        let last = Since {
            time: Some(99_990.0),
            ..after(99_000)
        };
        assert!(parts(last) <= 2);
    }

    #[test]
    fn of_many_events_each_is_found_where_it_is_asked_for() {
        for size in [1, 17, 1000, 80_000, 1_000_000] {
            let backlog = long(size);
            let kept = 100_000_u32.saturating_sub(size.try_into().expect("few"));
            for start in [0, 20_000, 20_001, 83_615, 98_999, 99_000, 99_999] {
                let is_known = |_: &u32| kept <= start;
                let expected = (start + 1..100_000).filter(is_known).map(u64::from);
                let found_after = found(&backlog, after(start.into()));
                assert!(found_after.into_iter().eq(expected), "{size} {start}");
                let is_new = |number: &u32| start <= second(*number);
                let expected = (kept..100_000).filter(is_new).map(u64::from);
                let found_since = found(&backlog, from(start.into()));
                assert!(found_since.into_iter().eq(expected), "{size} {start}");
            }
        }
    }

    #[test]
    fn a_backlog_without_size_keeps_nothing() {
        assert_eq!(backlog(0, None).len(), 0);
        assert_eq!(found(&backlog(0, None), Since::default()), [0; 0]);
        assert_eq!(found(&backlog(9, None), Since::default()), [0; 0]);
    }
}
