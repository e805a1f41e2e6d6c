//! The only reader of a log, who keeps up, beside whatever else there may be.

use std::{
    sync::{Arc, atomic::AtomicUsize},
    task::{Context, Waker},
};

use loom::{future::block_on, thread};

use crate::{
    models::{Hand, Topic, check, one_by_one},
    queue::joining::Leave,
    scope::active::Active,
};

/// Signals that were handled before the model begins.
const BEFORE: u64 = 2;

/// A topic with one reader who sleeps, so that the next signal comes alone, and the hand of that.
fn asleep() -> (Topic, Hand) {
    let (topic, mut hand) = (Topic::logged(1, 40), Hand::new());
    let queue = topic.queues[0];
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..BEFORE {
        assert!(topic.pass());
        let exchange = &topic.exchange;
        assert!(
            exchange
                .poll_run(hand.through(queue), &mut context)
                .is_ready()
        );
        hand.handles();
        assert!(
            exchange
                .poll_run(hand.through(queue), &mut context)
                .is_pending()
        );
    }
    (topic, hand)
}

/// Handles signals until there will be none; their places.
fn work(topic: &Topic, mut hand: Hand) -> Vec<u64> {
    while hand.waits(&topic.exchange, topic.queues[0]) {
        hand.handles();
    }
    hand.begun
}

#[test]
fn the_only_reader_is_woken_for_each_signal() {
    check(3, || {
        let (topic, hand) = asleep();
        let left = Arc::new(AtomicUsize::new(2));
        let publishers = topic.published_by([2, 1], &left);
        assert_eq!(work(&topic, hand), [1, 2, 3, 4, 5]);
        publishers.into_iter().for_each(|one| one.join().unwrap());
        topic.assert_done(5);
    });
}

#[test]
fn what_the_only_reader_has_let_in_before_the_gate_closes_is_handled() {
    check(3, || {
        let (topic, hand) = asleep();
        let publisher = {
            let topic = topic.clone();
            thread::spawn(move || [(); 2].map(|()| topic.pass()))
        };
        let worker = {
            let topic = topic.clone();
            thread::spawn(move || work(&topic, hand).len() as u64)
        };
        topic.close();
        let let_in = publisher.join().unwrap().map(u64::from);
        let handled = BEFORE + let_in.iter().sum::<u64>();
        assert_eq!(worker.join().unwrap(), handled);
        topic.assert_done(handled);
    });
}

#[test]
fn the_only_reader_that_leaves_handles_what_was_let_in() {
    check(3, || {
        let (topic, hand) = asleep();
        let publisher = {
            let topic = topic.clone();
            thread::spawn(move || [(); 2].map(|()| topic.pass()))
        };
        let leaves = {
            let (topic, worker) = (topic.clone(), hand.id);
            thread::spawn(move || {
                let limit = one_by_one(40).limit;
                let exchange = &topic.exchange;
                exchange
                    .leave(topic.queues[0], worker, limit, Leave::Drain)
                    .discard(exchange);
            })
        };
        let handled = work(&topic, hand).len() as u64;
        leaves.join().unwrap();
        let let_in = publisher.join().unwrap().map(u64::from);
        assert_eq!(handled, BEFORE + let_in.iter().sum::<u64>());
        let departed = topic.exchange.ledger().departed.1;
        assert_eq!((departed.accepted, departed.done), (handled, handled));
    });
}

#[test]
fn who_waits_until_the_only_reader_is_through_is_told() {
    check(3, || {
        let (topic, hand) = asleep();
        let worker = {
            let topic = topic.clone();
            thread::spawn(move || work(&topic, hand).len() as u64)
        };
        assert!(topic.pass());
        block_on(topic.exchange.quiet());
        topic.assert_done(BEFORE + 1);
        topic.exchange.close_gate();
        assert_eq!(worker.join().unwrap(), BEFORE + 1);
    });
}

#[test]
fn publishers_that_wait_for_the_only_reader_are_let_in() {
    check(2, || {
        // There is room for sixteen, and two of them come in runs.
        let topic = Topic::logged(1, 16);
        assert!((0..15).all(|_| topic.pass()));
        let publishers = [(); 2].map(|()| {
            let topic = topic.clone();
            thread::spawn(move || assert!(topic.publish().is_some()))
        });
        let worker = {
            let topic = topic.clone();
            thread::spawn(move || work(&topic, Hand::new()).len())
        };
        publishers.into_iter().for_each(|one| one.join().unwrap());
        topic.exchange.close_gate();
        assert_eq!(worker.join().unwrap(), 17);
        topic.assert_done(17);
    });
}

#[test]
fn a_run_that_was_taken_is_watched() {
    check(3, || {
        let topic = Topic::logged(1, 16);
        assert!(topic.pass());
        let active = Arc::new(Active::default());
        assert!(active.begins_to_watch());
        let watch = {
            let (topic, active) = (topic.clone(), Arc::clone(&active));
            // The watch ends where there is nothing to look at; otherwise it goes on.
            thread::spawn(move || {
                let needed = active.ends_to_watch() || topic.exchange.is_to_be_watched();
                !(needed && active.begins_to_watch())
            })
        };
        let mut hand = Hand::new();
        assert!(hand.waits(&topic.exchange, topic.queues[0]));
        let begins = !active.is_watched() && active.begins_to_watch();
        let has_ended = watch.join().unwrap();
        assert!(begins || !has_ended, "somebody watches it");
        hand.handles();
    });
}
