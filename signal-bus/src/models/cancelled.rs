//! Publishers who give up their wait, beside the room that they wait for.

use loom::thread;

use crate::models::{Topic, check, one_by_one, poll_once, work, work_in_calls};

/// The first in line gives up while there is room again: the next one is let in.
fn the_first_gives_up(topic: fn() -> Topic, work: fn(&Topic) -> Vec<u64>) {
    check(3, move || {
        let topic = topic();
        assert!(topic.publish().is_some());
        let mut first = topic.admission();
        assert!(poll_once(&mut first).is_pending());
        let gives_up = thread::spawn(move || drop(first));
        let next = {
            let topic = topic.clone();
            thread::spawn(move || {
                let (number, _) = topic.publish().expect("the gate is open");
                topic.exchange.close_gate();
                number
            })
        };
        // He who has given up has reached nobody, and has used up no number.
        assert_eq!(work(&topic), [1, 2]);
        gives_up.join().unwrap();
        assert_eq!(next.join().unwrap(), 2);
        topic.assert_done(2);
        assert!(topic.exchange.publishing().is_empty());
    });
}

#[test]
fn a_publisher_who_gives_up_passes_the_room_of_a_queue_on() {
    the_first_gives_up(
        || Topic::heard_by(1, one_by_one(1)),
        |topic| work_in_calls(&topic.exchange, topic.queues[0]),
    );
}

#[test]
fn a_publisher_who_gives_up_passes_the_room_of_a_log_on() {
    the_first_gives_up(
        || Topic::logged(1, 1),
        |topic| work(&topic.exchange, topic.queues[0]),
    );
}

#[test]
fn a_publisher_who_gives_up_or_is_let_in_does_one_of_them() {
    check(3, || {
        let topic = Topic::logged(1, 1);
        assert!(topic.publish().is_some());
        let waits = {
            let topic = topic.clone();
            thread::spawn(move || {
                // He is woken or not before he gives up; and may have been let in by then.
                let mut admission = topic.admission();
                let mut polled = poll_once(&mut admission);
                if polled.is_pending() {
                    polled = poll_once(&mut admission);
                }
                let gave_back = admission.give_up().is_some();
                assert!(gave_back == polled.is_pending());
                topic.exchange.close_gate();
                polled.is_ready()
            })
        };
        let heard = work(&topic.exchange, topic.queues[0]);
        let let_in = waits.join().unwrap();
        assert_eq!(heard.len(), 1 + usize::from(let_in));
        topic.assert_done(heard.len() as u64);
        assert!(topic.exchange.publishing().is_empty());
    });
}
