//! The only reader of a log, as long as it keeps up.
//!
//! Then each signal comes alone, and what is done beside it would cost more than to hand it over. So nothing is sealed, counted
//! or kept for others: the reader changes its own empty segment for the open one, and what it has taken is in the log no more, but
//! for the room that it takes up. When it sleeps, the publisher who was there last puts in the next signal without further questions,
//! and wakes it. Whatever else there is to see to, on either side, goes the usual way.

use std::{
    mem::{replace, take},
    num::NonZeroUsize,
    sync::atomic::Ordering,
    task::Waker,
};

use crate::{
    clock::Tick,
    queue::{
        Phase, State,
        lane::Lane,
        log::Log,
        reading::Reading,
        runs::{Got, Through},
        stores::QueueId,
    },
    signal::values::Put,
};

impl State {
    /// Settles what the only reader of a log has handled, hands it what has come since, or lets it sleep; `None` if there may be more
    /// to see to, and nothing was done.
    #[inline]
    pub(super) fn turn_over_alone_in_log(
        &mut self,
        hand: &mut Through<'_>,
        waker: &Waker,
    ) -> Option<Got> {
        if self.phase != Phase::Running || !self.lines.is_empty() {
            return None;
        }
        let (queue, worker) = (hand.queue, hand.worker);
        let store = self.stores.get_mut(queue)?;
        let reading = store.reading.as_deref_mut()?;
        let log = &mut self.logs[reading.log.index()];
        let usual = store.open && hand.handled.dead == 0 && hand.stock.is_empty();
        if !usual || !log.is_read_by_one(reading) {
            return None;
        }
        log.done_alone(reading);
        if take(&mut store.runs) {
            store.crew.end(worker);
        }
        let done = hand.handled.done;
        if 0 < done {
            store.handling -= done;
            store.counts.done += done as u64;
            self.working -= done;
            self.quiet_count += u64::from(self.working == 0);
        }
        hand.lead.settle_all();
        let size = log.open.len();
        if size == 0 {
            log.sleeps_alone(reading, queue);
            // Of the runtime: nothing happens where it is dropped.
            drop(store.park(worker, waker));
            return Some(Got::Nothing);
        }
        log.take_alone(reading, hand);
        store.handling += size;
        store.begin_run(hand.lead);
        store.crew.begin(worker);
        drop(store.parked.unpark(worker));
        Some(Got::Signals)
    }

    /// Whether those are to be told who wait until all is settled.
    #[inline]
    pub(super) fn tells_of_quiet(&mut self) -> bool {
        self.working == 0 && self.quiet_awaited && take(&mut self.quiet_awaited)
    }

    /// Lets a value in that comes alone, from the publisher of the one before it; returns whom it wakes.
    #[inline]
    pub(super) fn comes_alone(
        &mut self,
        lane: Lane,
        publisher: NonZeroUsize,
        tick: Tick,
        value: &mut dyn Put,
    ) -> Option<Option<Waker>> {
        let usual = self.phase == Phase::Running
            && self.generation == lane.generation
            && self.lines.is_empty();
        let log = self.logs.get_mut(lane.log.index());
        let alike = |log: &&mut Log| log.alike.wakes && log.alike.publisher == Some(publisher);
        let log = log.filter(|log| usual && alike(log))?;
        let store = self.stores.get_mut(log.idle.only()?)?;
        let id = self.last_signal.next();
        let time = log.time_of_first(tick);
        // A value of another type finds no place as those before it had.
        if !log.open.put_first(value, (id, time), log.usual) {
            return None;
        }
        log.alike.wakes = false;
        log.used += 1;
        log.end.store(log.end() + 1, Ordering::Relaxed);
        self.last_signal = id;
        self.routed += 1;
        self.working += 1;
        log.idle.clear();
        if let Some(reading) = &mut store.reading {
            reading.wakes();
        }
        Some(store.parked.take_one())
    }
}

impl Log {
    /// Whether this is the only reader, and all it has not taken is at the open end.
    #[inline]
    fn is_read_by_one(&self, reading: &Reading) -> bool {
        self.sealed.is_empty()
            && self.readers.len() == 1
            && 1 < self.segment_max
            && reading.own.is_empty()
            && !reading.beside
            && reading.together.is_none()
    }

    /// Hands the only reader all there is.
    #[inline]
    fn take_alone(&mut self, reading: &mut Reading, hand: &mut Through<'_>) {
        let size = self.open.len();
        let alike = hand.stock.take_over(&mut self.open);
        self.usual = size.max(self.usual / 2);
        // The segment has a number all the same, so that those who come find theirs.
        self.first += 1;
        reading.next += 1;
        reading.at += size as u64;
        reading.alone = size;
        self.alike.pause();
        self.alike.publisher = self.alike.publisher.filter(|_| alike);
    }

    /// Notes that a reader is done with what it has taken out.
    #[inline]
    pub(super) fn done_alone(&mut self, reading: &mut Reading) {
        let done = take(&mut reading.alone);
        self.used -= done;
        self.moved |= 0 < done;
    }

    /// Remembers that the only reader has found nothing.
    #[inline]
    fn sleeps_alone(&mut self, reading: &mut Reading, reader: QueueId) {
        if !replace(&mut reading.idle, true) {
            self.idle.add(reader);
        }
        self.part_with_spare();
        let only = self.idle.only().is_some();
        self.alike.wakes = only && self.alike.publisher.is_some();
    }
}

#[cfg(test)]
mod tests {
    use std::{
        num::NonZeroUsize,
        sync::Arc,
        task::{Context, Waker},
        time::SystemTime,
    };

    use crate::{
        clock::Tick,
        queue::{
            Exchange,
            generation::begin_generation,
            joining::Leave,
            kept::Kept,
            kit::{join, one_by_one, through},
            lane::Lane,
            stores::QueueId,
        },
        signal::{Kind, label::About, lead::Lead, stock::Stock, values::Placed},
    };

    /// A topic that one hears by a log of its own.
    struct Alone {
        exchange: Exchange,
        queue: QueueId,
        lane: Lane,
        abouts: [Arc<About>; 2],
        stock: Stock,
        lead: Arc<Lead>,
    }

    fn about(topic: &str) -> Arc<About> {
        Arc::new(About {
            topic: topic.into(),
            carries: Kind::of::<u32>(),
        })
    }

    impl Alone {
        fn new(capacity: usize) -> Self {
            let exchange = Exchange::new(Kept::new([]), 0, begin_generation());
            let (queue, generation) = join(&exchange, one_by_one(capacity));
            let log = exchange.share(&[queue]).unwrap();
            Self {
                exchange,
                queue,
                lane: Lane { generation, log },
                abouts: [about("a"), about("b")],
                stock: Stock::default(),
                lead: Arc::default(),
            }
        }

        /// Publishes as the publisher of a topic.
        fn pass(&self, topic: usize) -> bool {
            let publisher = NonZeroUsize::new(topic + 1).unwrap();
            let mut value = Placed::new(7_u32, |value| *value);
            let about = || Some((&self.abouts[topic], topic));
            self.exchange
                .pass_plain(self.lane, publisher, about, &mut value)
        }

        /// Handles what there is, and sleeps then; the topics of what that was.
        fn handles(&mut self) -> Vec<String> {
            let mut topics = Vec::new();
            while self.takes() {
                while self.stock.goes_on(&self.lead) {
                    topics.push(self.stock.label().unwrap().about.topic.to_string());
                }
                self.lead.end();
                self.stock.release_segment();
            }
            topics
        }

        fn takes(&mut self) -> bool {
            let hand = through((self.queue, 1), &mut self.stock, &self.lead);
            let mut context = Context::from_waker(Waker::noop());
            self.exchange.poll_run(hand, &mut context).is_ready()
        }

        /// Whether the next signal may be put in without questions.
        fn is_awaited(&self) -> bool {
            self.exchange.lock().logs[self.lane.log.index()].alike.wakes
        }
    }

    #[test]
    fn who_keeps_up_is_handed_each_signal_without_questions() {
        let mut alone = Alone::new(64);
        for round in 0..5 {
            assert_eq!(alone.is_awaited(), 1 < round, "round {round}");
            assert!(alone.pass(0));
            assert!(!alone.is_awaited(), "it is awake");
            assert_eq!(alone.handles(), ["a"]);
        }
        let tally = alone.exchange.ledger().tallies[0].1;
        assert_eq!((tally.accepted, tally.done, tally.outstanding), (5, 5, 0));
    }

    #[test]
    fn who_comes_alone_comes_no_earlier_than_the_last_tick_and_the_one_before() {
        let mut alone = Alone::new(64);
        let mut last = SystemTime::UNIX_EPOCH;
        for _ in 0..100 {
            let tick = Tick::last().time();
            assert!(alone.pass(0) && alone.takes());
            assert!(alone.stock.goes_on(&alone.lead));
            let time = alone.stock.label().unwrap().stamp.time;
            assert!(tick.max(last) <= time && time <= SystemTime::now());
            last = time;
            alone.lead.end();
            alone.stock.release_segment();
            assert!(!alone.takes());
        }
    }

    #[test]
    fn what_is_put_in_without_questions_is_about_its_topic() {
        let mut alone = Alone::new(64);
        for topics in [[0, 0], [0, 1], [1, 0], [1, 1], [1, 1], [0, 0]] {
            assert!(topics.into_iter().all(|topic| alone.pass(topic)));
            let names = topics.map(|topic| ["a", "b"][topic]);
            assert_eq!(alone.handles(), names);
        }
    }

    #[test]
    fn a_value_of_another_type_has_no_place_among_those_before_it() {
        let mut alone = Alone::new(64);
        for _ in 0..4 {
            assert!(alone.pass(0));
            assert_eq!(alone.handles(), ["a"]);
        }
        assert!(alone.is_awaited());
        let mut other = Placed::new(7_u64, |value| *value);
        // Whoever publishes it has no route for its type.
        let passed = alone
            .exchange
            .pass_plain(alone.lane, NonZeroUsize::MIN, || None, &mut other);
        assert!(!passed && alone.pass(0));
        assert_eq!(alone.handles(), ["a"]);
    }

    #[test]
    fn the_room_of_what_was_taken_is_free_when_it_is_over() {
        let mut alone = Alone::new(16);
        assert!(alone.pass(0) && alone.takes());
        let more = (0..16).take_while(|_| alone.pass(0)).count();
        assert_eq!(more, 15, "one is in its hands");
        assert_eq!(alone.handles().len(), 16);
        assert!((0..16).all(|_| alone.pass(0)) && !alone.pass(0));
    }

    #[test]
    fn nothing_is_put_in_without_questions_once_it_leaves() {
        let mut alone = Alone::new(64);
        for _ in 0..3 {
            assert!(alone.pass(0));
            assert_eq!(alone.handles(), ["a"]);
        }
        assert!(alone.is_awaited());
        alone.exchange.close_entrance(alone.queue);
        assert!(!alone.is_awaited());
        let left = alone
            .exchange
            .leave(alone.queue, 1, NonZeroUsize::new(1), Leave::Drain);
        left.discard(&alone.exchange);
        assert!(!alone.pass(0), "nobody reads the log");
    }
}
