//! The close, beside publishers, handlers, and others who close.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use loom::{
    future::block_on,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use crate::{
    ending::Ending,
    models::{Hand, Topic, check, one_by_one, work, work_in_calls},
    process::ProcessSignal,
    queue::offer::Inside,
    report::{CloseOutcome, CloseReport, Stats},
};

/// One who publishes, twice, while the bus drains: what is let in is handled, and nothing else.
fn a_close(topic: fn() -> Topic, work: fn(&Topic) -> Vec<u64>) {
    check(2, move || {
        let topic = topic();
        let publisher = {
            let topic = topic.clone();
            // Of two, the second one may have to wait for room until the close.
            thread::spawn(move || [topic.publish(), topic.publish()])
        };
        let closer = {
            let topic = topic.clone();
            thread::spawn(move || {
                topic.close();
                topic.tallies()
            })
        };
        let handled = work(&topic);
        let published = publisher.join().unwrap();
        let let_in: Vec<_> = published
            .iter()
            .flatten()
            .map(|(place, _)| *place)
            .collect();
        assert_eq!(handled, let_in);
        assert!(published[0].is_some() || published[1].is_none());
        // What is drained stays so.
        assert_eq!(closer.join().unwrap(), topic.tallies());
        topic.assert_done(let_in.len() as u64);
        assert!(topic.exchange.publishing().is_empty());
    });
}

#[test]
fn what_is_let_into_a_queue_before_the_gate_closes_is_handled() {
    a_close(
        || Topic::heard_by(1, one_by_one(1)),
        |topic| work_in_calls(&topic.exchange, topic.queues[0]),
    );
}

#[test]
fn what_is_let_into_a_log_before_the_gate_closes_is_handled() {
    a_close(
        || Topic::logged(1, 1),
        |topic| work(&topic.exchange, topic.queues[0]),
    );
}

#[test]
fn what_does_not_wait_is_let_in_before_the_gate_closes_or_never() {
    check(3, || {
        let topic = Topic::followed(1);
        let publisher = {
            let topic = topic.clone();
            thread::spawn(move || [0, 1].map(|_| topic.pass()))
        };
        let worker = {
            let topic = topic.clone();
            thread::spawn(move || work(&topic.exchange, topic.queues[0]))
        };
        topic.close();
        assert!(!topic.exchange.is_open_to(None));
        let passed = publisher.join().unwrap();
        assert!(passed.is_sorted_by(|one, next| one >= next), "{passed:?}");
        let count = 2 + passed.iter().filter(|passed| **passed).count();
        assert_eq!(worker.join().unwrap().len(), count);
        topic.assert_done(count as u64);
    });
}

#[test]
fn a_handler_publishes_while_the_bus_drains() {
    check(2, || {
        // Who handles the first topic publishes on the second.
        let (topic, far) = Topic::logged(1, 1).and_another(one_by_one(1));
        let closer = {
            let topic = topic.clone();
            thread::spawn(move || topic.close())
        };
        let other = {
            let far = far.clone();
            thread::spawn(move || work_in_calls(&far.exchange, far.queues[0]))
        };
        let let_in = topic.publish().is_some();
        let mut hand = Hand::new();
        while hand.waits(&topic.exchange, topic.queues[0]) {
            while hand.begins() {
                let offer = far.offer(Some(Inside::Run));
                assert!(far.exchange.try_admit(offer).is_ok(), "it drains");
            }
            hand.handles();
        }
        closer.join().unwrap();
        assert_eq!(hand.begun.len(), usize::from(let_in));
        assert_eq!(other.join().unwrap().len(), usize::from(let_in));
        topic.assert_done(u64::from(let_in));
    });
}

#[test]
fn what_is_given_up_on_is_counted_once_and_no_more_is_begun() {
    check(3, || {
        let topic = Topic::followed(1);
        assert!(topic.pass());
        let given_up = Arc::new(AtomicBool::new(false));
        let gives_up = {
            let (topic, given_up) = (topic.clone(), Arc::clone(&given_up));
            thread::spawn(move || {
                topic.exchange.abandon();
                given_up.store(true, Ordering::Release);
                block_on(topic.exchange.drained());
                topic.tallies()
            })
        };
        let mut hand = Hand::new();
        while hand.waits(&topic.exchange, topic.queues[0]) {
            loop {
                let given_up = given_up.load(Ordering::Acquire);
                let begins = hand.begins();
                assert!(!(given_up && begins), "nobody wants it any more");
                if !begins {
                    break;
                }
            }
            hand.handles();
        }
        let tallies = topic.tallies();
        assert_eq!(gives_up.join().unwrap(), tallies, "it is over");
        let tally = &tallies[0];
        assert_eq!((tally.accepted, tally.outstanding), (3, 0));
        assert_eq!(tally.done + tally.abandoned, 3, "{tally}");
        assert!(tally.done <= hand.begun.len() as u64, "{tally}");
    });
}

#[test]
fn the_counts_add_up_beside_a_handler_at_work() {
    check(3, || {
        let topic = Topic::followed(1);
        assert!(topic.pass());
        topic.exchange.close_gate();
        // How many the handler is through with, a little earlier than it says so.
        let over = Arc::new(Mutex::new(0));
        let looks = {
            let (topic, over) = (topic.clone(), Arc::clone(&over));
            thread::spawn(move || {
                let mut done = 0;
                for _ in 0..2 {
                    let tally = topic.tallies().remove(0);
                    assert_eq!(tally.done + tally.outstanding, 3, "{tally}");
                    assert!(done <= tally.done && tally.done <= *over.lock().unwrap());
                    done = tally.done;
                }
            })
        };
        let mut hand = Hand::new();
        while hand.waits(&topic.exchange, topic.queues[0]) {
            while hand.begins() {
                // Here it waits for something, so what is over is settled.
                topic.exchange.progress(topic.queues[0]);
                *over.lock().unwrap() += 1;
            }
            hand.handles();
        }
        looks.join().unwrap();
        topic.assert_done(3);
    });
}

fn report(stats: Stats) -> CloseReport {
    CloseReport {
        names: Vec::new(),
        outcome: CloseOutcome::Drained,
        signals: Vec::new(),
        closed_by: None,
        elapsed: Duration::ZERO,
        stats,
        failures: Vec::new(),
        stuck: Vec::new(),
    }
}

#[test]
fn two_who_close_get_one_report_after_all_is_handled() {
    check(1, || {
        let topic = Topic::logged(1, 1);
        assert!(topic.publish().is_some());
        let ending = Arc::new(Ending::default());
        let supervisor = {
            let (topic, ending) = (topic.clone(), Arc::clone(&ending));
            thread::spawn(move || {
                block_on(ending.requested());
                topic.close();
                let mut stats = Stats::default();
                topic.tallies().iter().for_each(|one| stats.total.add(one));
                ending.end(report(stats));
            })
        };
        let waits = {
            let ending = Arc::clone(&ending);
            thread::spawn(move || {
                ending.request();
                block_on(ending.ended())
            })
        };
        let blocks = {
            let ending = Arc::clone(&ending);
            thread::spawn(move || {
                ending.request();
                ending.wait(Duration::MAX);
                ending.report().expect("it was waited for")
            })
        };
        assert_eq!(work(&topic.exchange, topic.queues[0]), [1]);
        let reports = [waits.join().unwrap(), blocks.join().unwrap()];
        supervisor.join().unwrap();
        assert!(Arc::ptr_eq(&reports[0], &reports[1]));
        assert_eq!(reports[0].stats.total.done, 1);
    });
}

#[test]
fn of_two_signals_of_the_system_one_closes_and_one_aborts() {
    check(3, || {
        let ending = Arc::new(Ending::default());
        let hears = [ProcessSignal::Terminate, ProcessSignal::Interrupt].map(|signal| {
            let ending = Arc::clone(&ending);
            thread::spawn(move || ending.hear(signal))
        });
        block_on(ending.requested());
        block_on(ending.aborted());
        assert!(ending.is_requested() && ending.is_aborted());
        assert_eq!(ending.signals().len(), 2);
        hears.into_iter().for_each(|one| one.join().unwrap());
    });
}

#[test]
fn a_periodic_run_begins_before_the_gate_closes_or_never() {
    check(3, || {
        let topic = Topic::heard_by(1, one_by_one(1));
        let runs = {
            let topic = topic.clone();
            thread::spawn(move || {
                let begun = topic.exchange.begin_run();
                if begun {
                    // Whoever has begun may publish, and is waited for.
                    let offer = topic.offer(Some(Inside::Run));
                    assert!(topic.exchange.try_admit(offer).is_ok());
                    topic.exchange.end_run();
                }
                begun
            })
        };
        let worker = {
            let topic = topic.clone();
            thread::spawn(move || work_in_calls(&topic.exchange, topic.queues[0]))
        };
        topic.close();
        let begun = runs.join().unwrap();
        assert_eq!(worker.join().unwrap().len(), usize::from(begun));
        topic.assert_done(u64::from(begun));
    });
}
