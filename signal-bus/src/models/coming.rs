//! Who subscribes, and who goes, while others publish.

use std::{
    sync::Arc,
    task::{Context, Poll, Waker},
};

use loom::{
    future::block_on,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crate::{
    models::{Topic, check, join, one_by_one, place, signal, work},
    queue::{
        Exchange, Settings,
        admission::Rejected,
        generation::begin_generation,
        joining::Leave,
        kept::{Kept, Since},
        offer::Offer,
        parked,
        stores::QueueId,
        wakes::Wakes,
    },
    route::{
        Routes,
        declared::Declared,
        hearer::{Hearer, Wish},
        topic::Route,
    },
    signal::Kind,
    site::Site,
    topic::template::Template,
};

/// The routes and the queues of a bus, and a topic of it.
struct Place {
    routes: Routes,
    exchange: Exchange,
    route: Arc<Route>,
}

impl Place {
    fn new() -> Arc<Self> {
        let generation = begin_generation();
        let routes = Routes::new(Declared::default(), Vec::new(), Vec::new(), generation);
        let kind = Kind::of::<u64>();
        Arc::new(Self {
            route: routes.reserved("a", kind),
            exchange: Exchange::new(Kept::new([]), 0, generation),
            routes,
        })
    }

    /// Subscribes, and reads by hand.
    fn joins(&self) -> Arc<Hearer> {
        let settings = Settings {
            pulled: true,
            ..one_by_one(8)
        };
        let wish = Wish {
            site: Site::new("", "", "", 0),
            templates: [Template::new("a").unwrap()].into(),
            kind: Some(Kind::of::<u64>()),
            filter: None,
            key: None,
            replies: None,
            group: None,
            settings,
        };
        let mut present = self.routes.present_mut();
        let joined = self
            .routes
            .join(&mut present, &self.exchange, wish, Since::Now);
        joined.expect("it runs")
    }

    /// Goes, and leaves what it has not read.
    fn leaves(&self, hearer: &Hearer) {
        let mut present = self.routes.present_mut();
        assert!(present.remove(hearer));
        let left = self.exchange.leave(hearer.queue, 0, None, Leave::Abandon);
        self.routes.renew(&mut present, &self.exchange);
        drop(present);
        self.routes.left(hearer);
        left.discard(&self.exchange);
    }

    /// Publishes where there is room; the place of the signal, and how many get it; `None` if nobody hears it.
    fn publish(&self) -> Option<(u64, usize)> {
        let route = &*self.route;
        if self.routes.is_silent(route) {
            return None;
        }
        let mut signal = Some(signal(&route.about));
        let mut wakes = Wakes::default();
        let passed = self.routes.with_plain(route, |destination| {
            self.exchange
                .pass(&mut signal, destination, route.line, None, &mut wakes)
        });
        wakes.wake();
        if let Some((id, receivers)) = passed.flatten() {
            return Some((place(id), receivers));
        }
        let signal = signal.expect("it did not pass");
        let hearing = self.routes.hearing(route)?;
        let (destination, _) = hearing.destination(&**signal.as_arc(), signal.label());
        let mut offer = Offer {
            line: route.line,
            signal,
            destination,
            inside: None,
            recorded: false,
            counted: true,
            ticket: None,
        };
        loop {
            match self.exchange.try_admit(offer) {
                Ok(admitted) => return Some((place(admitted.id), admitted.receivers)),
                Err(Rejected::Stale(stale)) => {
                    let hearing = self.routes.look(route);
                    let (destination, _) =
                        hearing.destination(&**stale.signal.as_arc(), stale.signal.label());
                    offer = Offer {
                        destination,
                        ..stale
                    };
                }
                Err(rejected) => panic!("{rejected:?}"),
            }
        }
    }

    /// What waits for a reader.
    fn read(&self, queue: QueueId) -> Vec<u64> {
        let reader = parked::next_id();
        let mut context = Context::from_waker(Waker::noop());
        let mut read = Vec::new();
        while let Poll::Ready(Some(entry)) = self.exchange.poll_pull(queue, reader, &mut context) {
            read.push(place(entry.signal.id()));
        }
        read
    }
}

#[test]
fn who_subscribes_gets_all_that_is_let_in_from_then_on() {
    check(3, || {
        let bus = Place::new();
        let there = bus.joins();
        // Who publishes has done so before, and remembers the way.
        assert_eq!(bus.publish(), Some((1, 1)));
        let publisher = {
            let bus = Arc::clone(&bus);
            thread::spawn(move || [bus.publish(), bus.publish()].map(Option::unwrap))
        };
        let before = place(bus.exchange.last_signal());
        let comes = bus.joins();
        let after = place(bus.exchange.last_signal());
        let own = bus.publish().unwrap();
        let mut published = publisher.join().unwrap().to_vec();
        published.push(own);
        published.sort_unstable();
        assert_eq!(bus.read(there.queue), [1, 2, 3, 4]);
        let read = bus.read(comes.queue);
        let both = published.iter().filter(|(_, receivers)| *receivers == 2);
        assert!(both.map(|(place, _)| *place).eq(read.iter().copied()));
        // A last part of all, with no gap: it begins where it came.
        let first = read[0];
        assert!((first..=4).eq(read), "nothing is between");
        assert!(before < first && first <= after + 1);
        assert_eq!(own.1, 2);
    });
}

#[test]
fn the_first_who_subscribes_is_heard_of_by_who_publishes_after() {
    check(3, || {
        let bus = Place::new();
        assert_eq!(
            bus.publish(),
            None,
            "nobody hears it, and that is remembered"
        );
        let joined = Arc::new(AtomicBool::new(false));
        let publisher = {
            let (bus, joined) = (Arc::clone(&bus), Arc::clone(&joined));
            thread::spawn(move || {
                let is_there = joined.load(Ordering::Acquire);
                (is_there, bus.publish(), bus.publish())
            })
        };
        let comes = bus.joins();
        joined.store(true, Ordering::Release);
        let own = bus.publish();
        let (was_there, one, two) = publisher.join().unwrap();
        assert!(own.is_some() && (one.is_some() || !was_there));
        assert!(one.is_none() || two.is_some(), "it is there still");
        let heard = [own, one, two].into_iter().flatten().count() as u64;
        assert!((1..=heard).eq(bus.read(comes.queue)));
    });
}

#[test]
fn two_who_subscribe_at_once_are_both_heard_of() {
    check(3, || {
        let bus = Place::new();
        let comes = {
            let bus = Arc::clone(&bus);
            thread::spawn(move || (bus.joins(), bus.publish().expect("it is there")))
        };
        let publisher = {
            let bus = Arc::clone(&bus);
            thread::spawn(move || bus.publish())
        };
        let one = (bus.joins(), bus.publish().expect("it is there"));
        let two = comes.join().unwrap();
        let by_others = publisher.join().unwrap();
        let published = [one.1, two.1].into_iter().chain(by_others);
        let receivers: usize = published.map(|(_, receivers)| receivers).sum();
        let read = [&one, &two].map(|(hearer, _)| bus.read(hearer.queue));
        assert_eq!(read[0].len() + read[1].len(), receivers);
        for (read, (_, own)) in read.iter().zip([&one, &two]) {
            assert!(read.contains(&own.0), "its own at the least");
        }
    });
}

#[test]
fn who_goes_gets_nothing_more_and_what_it_got_is_counted() {
    check(3, || {
        let bus = Place::new();
        let [stays, goes] = [bus.joins(), bus.joins()];
        assert_eq!(bus.publish(), Some((1, 2)));
        let publisher = {
            let bus = Arc::clone(&bus);
            thread::spawn(move || [bus.publish(), bus.publish()].map(Option::unwrap))
        };
        let read = bus.read(goes.queue);
        bus.leaves(&goes);
        let after = place(bus.exchange.last_signal());
        let own = bus.publish();
        assert_eq!(own.map(|(_, receivers)| receivers), Some(1));
        let published = publisher.join().unwrap();
        for (place, receivers) in published {
            assert!(receivers == 1 || place <= after, "it had gone");
        }
        let twice = published.iter().filter(|(_, receivers)| *receivers == 2);
        let (count, tally) = bus.exchange.ledger().departed;
        assert_eq!((count, tally.accepted), (1, 1 + twice.count() as u64));
        assert_eq!(tally.done, read.len() as u64);
        assert_eq!(tally.done + tally.abandoned, tally.accepted);
        assert_eq!(bus.read(stays.queue), [1, 2, 3, 4]);
        bus.exchange.close_gate();
        block_on(bus.exchange.drained());
    });
}

#[test]
fn one_who_comes_while_signals_follow_each_other_misses_none() {
    check(3, || {
        let topic = Topic::followed(1);
        let publisher = {
            let topic = topic.clone();
            // It remembers its lane, of which it does not know that it is not all any more.
            thread::spawn(move || [0, 1].map(|_| topic.pass()))
        };
        let before = place(topic.exchange.last_signal());
        join(&topic.exchange, one_by_one(8));
        let after = place(topic.exchange.last_signal());
        let passed = publisher.join().unwrap();
        assert!(passed.is_sorted_by(|one, next| one >= next), "{passed:?}");
        let count = 2 + passed.iter().filter(|passed| **passed).count() as u64;
        assert!(
            before <= count && count <= after,
            "then it has to look again"
        );
        topic.exchange.close_gate();
        assert_eq!(work(&topic.exchange, topic.queues[0]).len() as u64, count);
    });
}
