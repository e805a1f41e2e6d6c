//! Signals that are put in just as the one before them.
//!
//! Most publishers that have published do so again before anybody has looked. Then all that was asked for the first one holds for
//! those behind it: who reads, that nobody sleeps, how much room there is beside what those who wait are to have. So it is asked
//! once for a part of a segment. Whatever might change an answer takes that back: somebody who reads, comes, leaves, goes beside
//! or to sleep, who begins to wait for room or ends, the close, and what is put in any other way.

use std::{
    num::NonZeroUsize,
    sync::{Arc, atomic::Ordering},
    time::SystemTime,
};

use crate::{
    clock::Tick,
    queue::{
        Phase, State,
        lane::Lane,
        log::{Log, LogId},
    },
    signal::{label::About, values::Put},
};

/// What may be put into the open end of a log without further questions.
#[derive(Default, Debug)]
pub(super) struct Alike {
    /// So many signals, at least one of which is left out: what fills a segment seals it.
    pub(super) left: usize,
    /// When the last one was published, whoever has put it in: as good as now, until the clock has ticked once more.
    pub(super) time: Tick,
    /// Who has published the last one, if that is known: its signals are all about the same.
    pub(super) publisher: Option<NonZeroUsize>,
    /// The state's, as it was when this was found out.
    changes: u64,
    /// Whether there are none, and the only reader sleeps: the first one wakes it.
    pub(super) wakes: bool,
}

impl Alike {
    /// Forgets what was found out; when the last one was published still holds.
    pub(super) fn end(&mut self) {
        let time = self.time;
        *self = Self {
            time,
            ..Self::default()
        };
    }

    /// Lets no signal in without questions for now.
    pub(super) fn pause(&mut self) {
        (self.left, self.wakes) = (0, false);
    }
}

impl State {
    /// Lets a value in that follows others of its publisher in all; whether it does.
    #[inline(always)]
    pub(super) fn follows(
        &mut self,
        lane: Lane,
        publisher: NonZeroUsize,
        tick: Tick,
        value: &mut (impl Put + ?Sized),
    ) -> bool {
        let Some(log) = self.logs.get_mut(lane.log.index()) else {
            return false;
        };
        let usual = self.generation == lane.generation
            && log.alike.changes == self.changes
            && log.alike.publisher == Some(publisher)
            && log.alike.left != 0
            && tick <= log.alike.time;
        if !(usual && log.open.follows(value)) {
            return false;
        }
        let id = self.last_signal.next();
        log.open.stamp_alike(id);
        log.count_alike();
        self.last_signal = id;
        self.routed += 1;
        self.working += log.readers().len();
        true
    }

    /// Lets signals of another publisher follow, if they are about the same as those before.
    pub(super) fn changes_over(
        &mut self,
        lane: Lane,
        publisher: NonZeroUsize,
        about: &Arc<About>,
    ) -> bool {
        let log = self.logs.get_mut(lane.log.index());
        let granted = |log: &&mut Log| log.alike.left != 0 || log.alike.wakes;
        let log = log.filter(|log| granted(log) && log.open.is_about(about));
        log.is_some_and(|log| log.alike.publisher.replace(publisher) != Some(publisher))
    }

    /// Lets signals follow the one that was put in last, those of its publisher without a look at what they are about.
    ///
    /// What waits in the line of their topic keeps its right of way.
    pub(super) fn lets_follow(&mut self, log: LogId, line: usize, publisher: Option<NonZeroUsize>) {
        let before = match self.phase {
            Phase::Running => self.before(line, None),
            Phase::Draining | Phase::Closed => usize::MAX,
        };
        let changes = self.changes;
        self.logs[log.index()].lets_follow(before, publisher, changes);
    }
}

impl Log {
    /// The time for the label of a signal that comes now.
    ///
    /// A look at the clock costs as much as all else of a publish. Where others wait already, that is their time or the last
    /// tick, whichever is later.
    #[inline]
    pub(super) fn time(&mut self) -> SystemTime {
        let tick = Tick::last();
        match self.open.last_time() {
            Some(last) => {
                self.alike.time = Tick::of(last).max(tick);
                self.alike.time.time()
            }
            None => self.time_of_first(tick),
        }
    }

    /// As [`time`](Self::time), where none wait: that of the one before it, if the clock has not ticked since.
    #[inline]
    pub(super) fn time_of_first(&mut self, tick: Tick) -> SystemTime {
        if !tick.is_before(self.alike.time) {
            self.alike.time = Tick::now();
        }
        self.alike.time.time()
    }

    /// Notes when a signal was published that was put in with a time of its own: what comes next is no older.
    pub(super) fn came_at(&mut self, time: SystemTime) {
        self.alike.time = self.alike.time.max(Tick::of(time));
    }

    /// As the state's, where so many others go before.
    fn lets_follow(&mut self, before: usize, publisher: Option<NonZeroUsize>, changes: u64) {
        let room = self
            .capacity
            .saturating_sub(self.used.saturating_add(before));
        let in_segment = self.segment_max.saturating_sub(self.open.len() + 1);
        self.alike.left = match self.open.is_empty() {
            true => 0,
            false => room.min(in_segment),
        };
        self.alike.publisher = publisher;
        self.alike.changes = changes;
    }

    /// Counts one that follows.
    #[inline(always)]
    fn count_alike(&mut self) {
        self.alike.left -= 1;
        self.used += 1;
        self.end.store(self.end() + 1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{
        num::NonZeroUsize,
        pin::Pin,
        sync::Arc,
        task::{Context, Poll, Waker},
        time::SystemTime,
    };

    use crate::{
        queue::{
            Exchange,
            admission::Waited,
            generation::begin_generation,
            kept::Kept,
            kit::{join, one_by_one, through},
            lane::Lane,
            offer::{Destination, Offer, Target},
            stores::QueueId,
        },
        signal::{
            Kind, Signal,
            label::{About, Label, Stamp},
            lead::Lead,
            stock::Stock,
            values::Placed,
        },
    };

    /// One subscription of a topic that has a log.
    struct Logged {
        exchange: Arc<Exchange>,
        queue: QueueId,
        lane: Lane,
        about: Arc<About>,
        stock: Stock,
        lead: Arc<Lead>,
    }

    impl Logged {
        fn new(capacity: usize) -> Self {
            let exchange = Exchange::new(Kept::new([]), 0, begin_generation());
            let (queue, generation) = join(&exchange, one_by_one(capacity));
            let log = exchange.share(&[queue]).unwrap();
            Self {
                exchange: Arc::new(exchange),
                queue,
                lane: Lane { generation, log },
                about: Arc::new(About {
                    topic: "a".into(),
                    carries: Kind::of::<u32>(),
                }),
                stock: Stock::default(),
                lead: Arc::default(),
            }
        }

        fn pass(&self) -> bool {
            let mut value = Placed::new(7_u32, |value| *value);
            let about = || Some((&self.about, 0));
            self.exchange
                .pass_plain(self.lane, NonZeroUsize::MIN, about, &mut value)
        }

        /// Settles the run that is out, and takes the next one; how many signals are in that.
        fn turn_over(&mut self) -> usize {
            while self.stock.goes_on(&self.lead) {}
            self.lead.end();
            self.stock.release_segment();
            let hand = through((self.queue, 1), &mut self.stock, &self.lead);
            let mut context = Context::from_waker(Waker::noop());
            assert!(self.exchange.poll_run(hand, &mut context).is_ready());
            self.stock.left()
        }

        fn offer(&self) -> Offer {
            let label = Label {
                about: Arc::clone(&self.about),
                stamp: Stamp::PLAIN,
            };
            let target = Target {
                queue: self.queue,
                key: 0,
                alone: false,
            };
            Offer {
                line: 0,
                signal: Signal::new(Arc::new(7_u32), label),
                destination: Destination {
                    generation: self.lane.generation,
                    targets: Arc::new([target]),
                    keeps: None,
                },
                inside: None,
                recorded: false,
                counted: true,
                ticket: None,
            }
        }
    }

    #[test]
    fn what_was_found_before_somebody_came_does_not_follow() {
        let logged = Logged::new(64);
        assert!(logged.pass() && logged.pass());
        // He who publishes has asked who is there, and has not come to the lock.
        join(&logged.exchange, one_by_one(8));
        assert!(!logged.pass(), "the one who came gets it, too");
    }

    #[test]
    fn nothing_follows_through_a_closed_gate() {
        let logged = Logged::new(64);
        assert!((0..3).all(|_| logged.pass()));
        logged.exchange.close_gate();
        assert!(!logged.pass());
    }

    #[test]
    fn what_follows_leaves_their_room_to_those_who_wait() {
        // The first run is of three signals, the others of four, so that none is begun where there is no room.
        let mut logged = Logged::new(35);
        assert!((0..3).all(|_| logged.pass()));
        assert_eq!(logged.turn_over(), 3);
        assert!((0..32).all(|_| logged.pass()) && !logged.pass());
        let mut context = Context::from_waker(Waker::noop());
        let mut waits = logged.exchange.admit(logged.offer());
        assert!(Pin::new(&mut waits).poll(&mut context).is_pending());
        assert_eq!(logged.turn_over(), 4);
        assert!(logged.pass() && logged.pass(), "there is room for three");
        assert!(!logged.pass(), "one waits");
        let waited = Pin::new(&mut waits).poll(&mut context);
        assert!(matches!(waited, Poll::Ready(Waited::Admitted(_))));
        assert!(!logged.pass(), "it is full");
    }

    #[test]
    fn who_comes_alone_comes_no_earlier_than_one_that_came_another_way() {
        let mut logged = Logged::new(64);
        let mut context = Context::from_waker(Waker::noop());
        let mut last = SystemTime::UNIX_EPOCH;
        for round in 0..1_000 {
            if round % 2 == 0 {
                assert!(logged.pass());
            } else {
                let mut admission = logged.exchange.admit(logged.offer());
                assert!(Pin::new(&mut admission).poll(&mut context).is_ready());
            }
            assert_eq!(logged.turn_over(), 1);
            assert!(logged.stock.goes_on(&logged.lead));
            let time = logged.stock.label().unwrap().stamp.time;
            assert!(
                last <= time,
                "round {round}: {:?}",
                last.duration_since(time)
            );
            last = time;
        }
    }
}
