//! Publishers among themselves, and beside those who hear them.

use std::sync::{Arc, atomic::AtomicUsize};

use loom::{future::block_on, thread};

use crate::{
    models::{Topic, check, one_by_one, read, target, together::drive, work, work_in_calls},
    queue::{Settings, joining::Leave, offer::Destination},
};

#[test]
fn publishers_who_wait_for_room_are_heard_in_one_order_by_all() {
    check(2, || {
        let topic = Topic::logged(2, 1);
        let left = Arc::new(AtomicUsize::new(2));
        let publishers = [0, 1].map(|_| {
            let (topic, left) = (topic.clone(), Arc::clone(&left));
            thread::spawn(move || {
                let (_, receivers) = topic.publish().expect("the gate is open");
                assert_eq!(receivers, 2);
                topic.through(&left);
            })
        });
        assert_eq!(block_on(drive(&topic)), [[1, 2], [1, 2]]);
        publishers.into_iter().for_each(|one| one.join().unwrap());
        topic.assert_done(2);
    });
}

#[test]
fn a_publisher_who_waits_for_the_last_of_two_readers_is_let_in() {
    check(2, || {
        let topic = Topic::logged(2, 1);
        assert!(topic.publish().is_some());
        let publisher = {
            let topic = topic.clone();
            thread::spawn(move || {
                assert!(topic.publish().is_some());
                topic.exchange.close_gate();
            })
        };
        let other = {
            let topic = topic.clone();
            thread::spawn(move || work(&topic.exchange, topic.queues[1]))
        };
        assert_eq!(work(&topic.exchange, topic.queues[0]), [1, 2]);
        assert_eq!(other.join().unwrap(), [1, 2]);
        publisher.join().unwrap();
        topic.assert_done(2);
    });
}

#[test]
fn publishers_who_do_not_wait_are_heard_in_one_order_by_all() {
    check(1, || {
        let topic = Topic::followed(2);
        let left = Arc::new(AtomicUsize::new(2));
        let publishers = [0, 1].map(|_| {
            let (topic, left) = (topic.clone(), Arc::clone(&left));
            thread::spawn(move || {
                assert!(topic.pass());
                topic.through(&left);
            })
        });
        let other = {
            let topic = topic.clone();
            thread::spawn(move || work(&topic.exchange, topic.queues[1]))
        };
        let heard = work(&topic.exchange, topic.queues[0]);
        assert_eq!(heard, [1, 2, 3, 4]);
        assert_eq!(other.join().unwrap(), heard);
        publishers.into_iter().for_each(|one| one.join().unwrap());
        topic.assert_done(4);
    });
}

/// Two publishers, of which one has to wait for the other's signal to be handled.
fn publishers_and(settings: Settings, work: fn(&Topic) -> Vec<u64>) {
    check(3, move || {
        let topic = Topic::heard_by(1, settings);
        let left = Arc::new(AtomicUsize::new(2));
        let publishers = [0, 1].map(|_| {
            let (topic, left) = (topic.clone(), Arc::clone(&left));
            thread::spawn(move || {
                assert!(topic.publish().is_some());
                topic.through(&left);
            })
        });
        assert_eq!(work(&topic), [1, 2]);
        publishers.into_iter().for_each(|one| one.join().unwrap());
        topic.assert_done(2);
    });
}

#[test]
fn a_publisher_who_waits_for_a_worker_is_let_in() {
    publishers_and(one_by_one(1), |topic| {
        work_in_calls(&topic.exchange, topic.queues[0])
    });
}

#[test]
fn a_publisher_who_waits_for_a_reader_is_let_in() {
    let settings = Settings {
        limit: None,
        pulled: true,
        ..one_by_one(1)
    };
    publishers_and(settings, |topic| read(&topic.exchange, topic.queues[0]));
}

#[test]
fn publishers_of_two_topics_who_wait_for_one_queue_are_let_in() {
    check(2, || {
        let one = Topic::heard_by(1, one_by_one(1));
        let other = Topic {
            line: 1,
            ..one.clone()
        };
        assert!(one.publish().is_some());
        let left = Arc::new(AtomicUsize::new(2));
        let publishers = [&one, &other].map(|topic| {
            let (topic, left) = (topic.clone(), Arc::clone(&left));
            thread::spawn(move || {
                assert!(topic.publish().is_some());
                topic.through(&left);
            })
        });
        // Both are told of the room, and one finds it taken.
        assert_eq!(work_in_calls(&one.exchange, one.queues[0]), [1, 2, 3]);
        publishers.into_iter().for_each(|one| one.join().unwrap());
        one.assert_done(3);
    });
}

/// A publisher who finds room, or waits for it, while the only one goes who hears him.
fn the_last_one_goes(topic: fn() -> Topic, full: bool, how: Leave) {
    check(3, move || {
        let topic = topic();
        if full {
            assert!(topic.publish().is_some());
        }
        let publisher = {
            let topic = topic.clone();
            thread::spawn(move || topic.publish().expect("the gate is open"))
        };
        let worker = (how == Leave::Drain).then(|| {
            let topic = topic.clone();
            thread::spawn(move || work(&topic.exchange, topic.queues[0]))
        });
        let left = topic.exchange.leave(topic.queues[0], 0, None, how);
        left.discard(&topic.exchange);
        assert_eq!(topic.publish().map(|(_, receivers)| receivers), Some(0));
        let (_, receivers) = publisher.join().unwrap();
        let handled = worker.map_or(0, |worker| worker.join().unwrap().len());
        let (count, tally) = topic.exchange.ledger().departed;
        let accepted = receivers + usize::from(full);
        assert_eq!((count, tally.accepted), (1, accepted as u64));
        assert_eq!((tally.done, tally.outstanding), (handled as u64, 0));
        assert_eq!(tally.done + tally.abandoned, tally.accepted);
        assert!(how == Leave::Abandon || tally.abandoned == 0);
        topic.close();
    });
}

#[test]
fn a_publish_beside_the_last_reader_that_goes_is_counted() {
    for how in [Leave::Abandon, Leave::Drain] {
        the_last_one_goes(|| Topic::heard_by(1, one_by_one(1)), false, how);
        the_last_one_goes(|| Topic::logged(1, 1), false, how);
    }
}

#[test]
fn a_publisher_who_waits_for_the_last_reader_that_goes_is_let_in() {
    for how in [Leave::Abandon, Leave::Drain] {
        the_last_one_goes(|| Topic::heard_by(1, one_by_one(1)), true, how);
        the_last_one_goes(|| Topic::logged(1, 1), true, how);
    }
}

#[test]
fn one_that_goes_frees_what_it_alone_held_up() {
    check(3, || {
        // The other one has handled what there is, so that the publisher waits for the one that goes.
        let topic = Topic::logged(2, 1);
        assert!(topic.publish().is_some());
        let publisher = {
            let topic = topic.clone();
            thread::spawn(move || {
                let published = topic.publish().expect("the gate is open");
                topic.exchange.close_gate();
                published
            })
        };
        let goes = {
            let topic = topic.clone();
            thread::spawn(move || {
                let left = topic
                    .exchange
                    .leave(topic.queues[1], 0, None, Leave::Abandon);
                left.discard(&topic.exchange);
            })
        };
        assert_eq!(work(&topic.exchange, topic.queues[0]), [1, 2]);
        let (_, receivers) = publisher.join().unwrap();
        goes.join().unwrap();
        assert_eq!(receivers, 1);
        topic.assert_done(2);
        let (_, tally) = topic.exchange.ledger().departed;
        assert_eq!((tally.accepted, tally.abandoned), (1, 1));
    });
}

#[test]
fn a_signal_for_several_queues_enters_all_of_them_or_none() {
    check(3, || {
        // Two topics that have one queue in common, whose room is for one of their signals.
        let topic = Topic::heard_by(3, one_by_one(1));
        let pair = |queues: [usize; 2]| Topic {
            destination: Destination {
                targets: queues.map(|at| target(topic.queues[at])).into(),
                ..topic.destination.clone()
            },
            ..topic.clone()
        };
        let tries = [pair([0, 1]), pair([2, 1])].map(|topic| {
            thread::spawn(move || topic.exchange.try_admit(topic.offer(None)).is_ok())
        });
        let [one, two] = tries.map(|one| one.join().unwrap());
        assert!(one != two, "there is room for one of them");
        let accepted = topic.tallies().into_iter().map(|tally| tally.accepted);
        let accepted: Vec<_> = accepted.collect();
        assert_eq!(accepted, [u64::from(one), 1, u64::from(two)]);
        topic.exchange.abandon();
    });
}
