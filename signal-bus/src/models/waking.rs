//! Who sleeps, beside what wakes him.

use std::{
    future::poll_fn,
    sync::{Arc, atomic::AtomicUsize},
    task::Poll,
    time::Duration,
};

use loom::{
    future::block_on,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crate::{
    latch::Latch,
    models::{Topic, check, one_by_one, together::drive, work, work_in_calls},
    queue::{Ending, Settings, joining::Leave, parked, store::Supply},
    registry::subscriber::Batch,
    scope::active::Active,
};

#[test]
fn handlers_that_are_driven_together_are_woken_for_each_signal() {
    check(3, || {
        let topic = Topic::logged(2, 24);
        let left = Arc::new(AtomicUsize::new(2));
        let publishers = topic.published_by([2, 1], &left);
        assert_eq!(block_on(drive(&topic)), [[1, 2, 3], [1, 2, 3]]);
        publishers.into_iter().for_each(|one| one.join().unwrap());
        topic.assert_done(3);
    });
}

#[test]
fn one_that_leaves_those_it_is_driven_with_loses_nothing() {
    check(3, || {
        let topic = Topic::logged(2, 24);
        let publisher = {
            let topic = topic.clone();
            thread::spawn(move || {
                assert!(topic.pass() && topic.pass());
                topic.exchange.close_gate();
            })
        };
        let parts = {
            let topic = topic.clone();
            thread::spawn(move || topic.exchange.part(topic.queues[1]))
        };
        assert_eq!(block_on(drive(&topic)), [[1, 2], [1, 2]]);
        publisher.join().unwrap();
        parts.join().unwrap();
        topic.assert_done(2);
    });
}

#[test]
fn who_waits_until_all_is_settled_is_told() {
    check(2, || {
        let topic = Topic::logged(1, 2);
        assert!(topic.publish().is_some());
        let worker = {
            let topic = topic.clone();
            thread::spawn(move || work(&topic.exchange, topic.queues[0]))
        };
        let other = {
            let topic = topic.clone();
            thread::spawn(move || block_on(topic.exchange.quiet()))
        };
        block_on(topic.exchange.quiet());
        topic.assert_done(1);
        other.join().unwrap();
        topic.exchange.close_gate();
        assert_eq!(worker.join().unwrap(), [1]);
    });
}

#[test]
fn who_waits_for_the_end_of_a_handler_is_told() {
    check(3, || {
        let active = Arc::new(Active::default());
        let handlers = [0, 1].map(|_| {
            let active = Arc::clone(&active);
            thread::spawn(move || drop(active.enter()))
        });
        block_on(active.none());
        handlers.into_iter().for_each(|one| one.join().unwrap());
        block_on(active.none());
    });
}

#[test]
fn a_handler_that_runs_is_watched() {
    check(3, || {
        let active = Arc::new(Active::default());
        let (entered, begins) = active.enter();
        assert!(begins, "nobody watches");
        let watch = {
            let active = Arc::clone(&active);
            // The watch ends where it finds none; otherwise it goes on.
            thread::spawn(move || {
                let ends = !active.ends_to_watch();
                ends || !active.begins_to_watch()
            })
        };
        drop(entered);
        let (_entered, begins) = active.enter();
        let has_ended = watch.join().unwrap();
        assert!(begins || !has_ended, "somebody watches it");
    });
}

#[test]
fn who_waits_for_a_latch_is_told_and_one_opens_it() {
    check(3, || {
        let latch = Arc::new(Latch::default());
        let opens = [0, 1].map(|_| {
            let latch = Arc::clone(&latch);
            thread::spawn(move || latch.opens())
        });
        block_on(latch.wait());
        let opened = opens.map(|one| one.join().unwrap());
        assert!(opened[0] != opened[1]);
    });
}

#[test]
fn who_waits_at_a_latch_for_something_else_is_told() {
    check(3, || {
        let latch = Arc::new((Latch::default(), AtomicBool::new(false)));
        let tells = {
            let latch = Arc::clone(&latch);
            thread::spawn(move || {
                latch.1.store(true, Ordering::Release);
                latch.0.tell();
            })
        };
        block_on(latch.0.until(|| latch.1.load(Ordering::Acquire)));
        tells.join().unwrap();
    });
}

#[test]
fn a_worker_that_is_woken_and_goes_passes_it_on() {
    check(3, || {
        let shared = Settings {
            shared: true,
            ..one_by_one(2)
        };
        let topic = Topic::heard_by(1, shared);
        assert!(topic.exchange.join_group(topic.queues[0], shared.limit));
        let goes = {
            let topic = topic.clone();
            thread::spawn(move || {
                let (worker, mut polls) = (parked::next_id(), 0);
                // It sleeps, is woken for a signal or not, and goes all the same.
                block_on(poll_fn(|context| {
                    let queue = topic.queues[0];
                    polls += 1;
                    match topic.exchange.poll_supply(queue, worker, context) {
                        Poll::Pending if polls == 1 => {
                            context.waker().wake_by_ref();
                            Poll::Pending
                        }
                        _ => Poll::Ready(()),
                    }
                }));
                let limit = shared.limit;
                let left = topic
                    .exchange
                    .leave(topic.queues[0], worker, limit, Leave::Drain);
                assert!(left.others);
                left.discard(&topic.exchange);
                topic.exchange.part_with(topic.queues[0], worker);
            })
        };
        let publisher = {
            let topic = topic.clone();
            thread::spawn(move || {
                assert!(topic.publish().is_some());
                topic.exchange.close_gate();
            })
        };
        assert_eq!(work_in_calls(&topic.exchange, topic.queues[0]), [1]);
        goes.join().unwrap();
        publisher.join().unwrap();
        topic.assert_done(1);
    });
}

#[test]
fn a_batch_that_is_not_full_goes_when_the_gate_closes() {
    check(3, || {
        let batched = Settings {
            batch: Some(Batch {
                size: 3,
                within: Some(Duration::from_secs(3600)),
            }),
            ..one_by_one(4)
        };
        let topic = Topic::heard_by(1, batched);
        let publisher = {
            let topic = topic.clone();
            thread::spawn(move || usize::from(topic.publish().is_some()))
        };
        let worker = {
            let topic = topic.clone();
            thread::spawn(move || {
                let (queue, worker) = (topic.queues[0], parked::next_id());
                let mut handled = 0;
                loop {
                    // No time passes here, so a batch that is due later is not due.
                    let supply = block_on(poll_fn(|context| {
                        match topic.exchange.poll_supply(queue, worker, context) {
                            Poll::Ready(Some(Supply::At(_))) => Poll::Pending,
                            supply => supply,
                        }
                    }));
                    if supply != Some(Supply::Ready) {
                        return handled;
                    }
                    let batch = topic.exchange.take_batch(queue, worker);
                    let keys: Vec<_> = batch.iter().map(|entry| entry.key).collect();
                    handled += keys.len();
                    topic.exchange.finish(queue, worker, &keys, Ending::Done);
                }
            })
        };
        topic.close();
        let let_in = publisher.join().unwrap();
        assert_eq!(worker.join().unwrap(), let_in);
        topic.assert_done(let_in as u64);
    });
}
