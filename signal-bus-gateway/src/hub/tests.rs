use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio_util::task::TaskTracker;

use super::{Hub, Refused, Seat};
use crate::{
    access::acl::Rights,
    backlog::{
        Backlog, Since,
        line::{Keep, Line},
    },
    cursor::{Cursor, Epoch},
    event::Draft,
    hub::stream::{End, QueueLimits},
    json::Object,
    topic::Wanted,
};

const LIMITS: QueueLimits = QueueLimits {
    events: 100_000,
    bytes: usize::MAX,
};

/// Keeps nothing.
struct Nowhere {
    is_awaited: bool,
    can: Arc<AtomicBool>,
}

impl Keep for Nowhere {
    async fn keep(&mut self, _: Vec<Line>) -> Result<(), String> {
        tokio::task::yield_now().await;
        self.try_out().await
    }

    async fn try_out(&mut self) -> Result<(), String> {
        let can = self.can.load(Ordering::Relaxed);
        can.then_some(()).ok_or_else(|| "no room".to_owned())
    }

    fn is_awaited(&self) -> bool {
        self.is_awaited
    }
}

struct Running {
    hub: Hub,
    bus: signal_bus::BusGuard,
    placing: tokio::task::JoinHandle<()>,
}

impl Running {
    async fn start(size: usize, limits: QueueLimits) -> Self {
        Self::start_with(size, limits, None).await
    }

    async fn start_with(size: usize, limits: QueueLimits, keep: Option<Nowhere>) -> Self {
        let backlog = Backlog::new(Epoch::from_bits(1), 0, size, None);
        let (hub, bus, placing) = Hub::start(backlog, limits, keep).await.expect("it starts");
        let placing = TaskTracker::new().spawn(placing);
        Self { hub, bus, placing }
    }

    async fn publish(&self, path: &str, number: u32) {
        self.hub
            .publish(draft(path, number))
            .await
            .expect("it is open");
    }

    /// Waits until so many events have their place.
    async fn placed(&self, count: u64) {
        while self.hub.tally().events.load(Ordering::Relaxed) < count {
            tokio::task::yield_now().await;
        }
    }

    async fn close(self) {
        self.bus.close().await.expect("it closes in time");
        self.placing.await.expect("it does not panic");
    }

    async fn seat(&self, path: &str, since: Since) -> Seat {
        let wanted = Wanted::of_path(path).expect("few topics");
        self.hub
            .subscribe(wanted, Arc::default(), None, since)
            .await
            .expect("there is no other gateway")
    }
}

fn draft(path: &str, number: u32) -> Draft {
    let payload = Object::read(&format!("{{\"n\": {number}}}")).expect("an object");
    Draft::new(payload, path, f64::from(number))
}

/// The number that an event carries.
fn number(line: &str) -> u32 {
    let number = line
        .strip_prefix("{\"n\": ")
        .and_then(|rest| rest.split(',').next());
    number.and_then(|number| number.parse().ok()).expect(line)
}

/// The next events, at least one.
async fn take(seat: &Seat) -> Result<Vec<u32>, End> {
    let mut taken = Vec::new();
    std::future::poll_fn(|context| seat.poll_take(&mut taken, 40, context)).await?;
    Ok(taken.iter().map(|event| number(event.line())).collect())
}

const NOTHING: Since = Since {
    time: None,
    cursor: None,
    else_all: false,
};

#[tokio::test]
async fn each_stream_gets_what_it_wants_once_and_in_order() {
    let running = Running::start(0, LIMITS).await;
    let everything = running.seat("/", NOTHING).await;
    let red = running.seat("/apples/red,red/apples,red", NOTHING).await;
    let pears = running.seat("/pears", NOTHING).await;
    for (path, number) in [
        ("/apples/red", 1),
        ("/red", 2),
        ("/pears", 3),
        ("/private/red", 4),
        ("/red/apples/pears", 5),
    ] {
        running.publish(path, number).await;
    }
    running.placed(5).await;
    assert_eq!(running.hub.streams_count(), 3);
    running.hub.end_streams();
    assert_eq!(take(&everything).await, Ok(vec![1, 2, 3, 5]));
    assert_eq!(take(&red).await, Ok(vec![1, 2, 5]));
    assert_eq!(take(&pears).await, Ok(vec![3, 5]));
    assert_eq!(take(&pears).await, Err(End::Closed));
    drop((everything, red, pears));
    assert_eq!(running.hub.streams_count(), 0);
    running.close().await;
}

#[tokio::test]
async fn a_private_event_is_for_those_who_may_see_it_and_rights_can_be_taken_away() {
    let running = Running::start(0, LIMITS).await;
    let rights = Rights::to_see(vec![vec!["git".into()]]);
    let wanted = || Wanted::of_path("/").expect("few topics");
    let known = running
        .hub
        .subscribe(wanted(), Arc::new(rights), None, NOTHING)
        .await
        .expect("there is no other gateway");
    running.publish("/private/git/a", 1).await;
    running.publish("/private/svn/a", 2).await;
    running.publish("/private", 3).await;
    assert_eq!(take(&known).await, Ok(vec![1]));
    known.stream().revise(Arc::default());
    running.publish("/private/git/a", 4).await;
    running.publish("/open", 5).await;
    assert_eq!(take(&known).await, Ok(vec![5]));
    drop(known);
    running.close().await;
}

#[tokio::test]
async fn a_reader_that_is_too_slow_is_disconnected_and_nobody_else() {
    let limits = QueueLimits {
        events: 3,
        bytes: usize::MAX,
    };
    let running = Running::start(0, limits).await;
    let (slow, quick) = (
        running.seat("/a", NOTHING).await,
        running.seat("/b", NOTHING).await,
    );
    for number in 1..=4 {
        running.publish("/a", number).await;
    }
    running.publish("/b", 5).await;
    running.placed(5).await;
    assert_eq!(take(&quick).await, Ok(vec![5]));
    assert_eq!(take(&slow).await, Err(End::TooSlow));
    assert_eq!(running.hub.tally().too_slow.load(Ordering::Relaxed), 1);
    drop((slow, quick));
    running.close().await;
}

#[tokio::test]
async fn one_event_may_be_larger_than_the_limit_and_two_may_not() {
    let limits = QueueLimits {
        events: 10,
        bytes: 1,
    };
    let running = Running::start(0, limits).await;
    let seat = running.seat("/a", NOTHING).await;
    running.publish("/a", 1).await;
    assert_eq!(take(&seat).await, Ok(vec![1]));
    running.publish("/a", 2).await;
    running.publish("/a", 3).await;
    running.placed(3).await;
    assert_eq!(take(&seat).await, Err(End::TooSlow));
    drop(seat);
    running.close().await;
}

#[tokio::test]
async fn who_loses_a_right_gets_nothing_of_what_waits_already() {
    let running = Running::start(10, LIMITS).await;
    let rights = Rights::to_see(vec![vec!["git".into()]]);
    let wanted = Wanted::of_path("/").expect("few topics");
    let seat = running.hub.subscribe(wanted, rights.into(), None, NOTHING);
    let seat = seat.await.expect("there is no other gateway");
    for (number, path) in [(1, "/private/git"), (2, "/a"), (3, "/private/git")] {
        running.publish(path, number).await;
    }
    running.placed(3).await;
    seat.stream().revise(Arc::default());
    assert_eq!(take(&seat).await, Ok(vec![2]));
    running.publish("/private/git", 4).await;
    running.publish("/a", 5).await;
    running.placed(5).await;
    assert_eq!(take(&seat).await, Ok(vec![5]));
    drop(seat);
    running.close().await;
}

/// The original loses, repeats and reorders here.
#[tokio::test(flavor = "multi_thread")]
async fn the_past_joins_the_present_under_load() {
    const EVENTS: u32 = 20_000;
    let running = Arc::new(Running::start(500, LIMITS).await);
    let seen = Arc::new(AtomicU32::new(0));
    let publisher = {
        let (running, seen) = (Arc::clone(&running), Arc::clone(&seen));
        async move {
            for number in 0..EVENTS {
                // The backlog keeps what the reader has not seen.
                while seen.load(Ordering::Relaxed) + 300 < number {
                    tokio::task::yield_now().await;
                }
                running.publish("/load", number).await;
            }
            running.placed(EVENTS.into()).await;
            running.hub.end_streams();
        }
    };
    let reader = {
        let running = Arc::clone(&running);
        async move {
            let mut joins = 0;
            let mut expected = 0;
            // Leaves and comes back again and again, with the cursor of what it has seen last.
            while expected < EVENTS {
                let cursor = expected.checked_sub(1).map(|last| Cursor {
                    epoch: Epoch::from_bits(1),
                    sequence: last.into(),
                });
                let since = Since {
                    time: cursor.is_none().then_some(0.0),
                    cursor,
                    else_all: false,
                };
                let mut seat = running.seat("/load", since).await;
                while let Some(past) = seat.take_past().await {
                    for event in past {
                        assert_eq!(number(event.line()), expected);
                        expected += 1;
                        seen.store(expected, Ordering::Relaxed);
                    }
                }
                for _ in 0..3 {
                    for number in take(&seat).await.unwrap_or_default() {
                        assert_eq!(number, expected);
                        expected += 1;
                        seen.store(expected, Ordering::Relaxed);
                    }
                }
                joins += 1;
            }
            joins
        }
    };
    let tasks = TaskTracker::new();
    let (publisher, reader) = (tasks.spawn(publisher), tasks.spawn(reader));
    let joins = reader.await.expect("nothing is missing");
    publisher.await.expect("it is open");
    assert!(10 < joins, "{joins} joins");
    Arc::into_inner(running)
        .expect("nobody else has it")
        .close()
        .await;
}

/// Somebody who wants little of a long past does not keep the others from theirs.
#[tokio::test]
async fn who_walks_through_the_past_lets_others_go_on() {
    const EVENTS: u32 = 20_000;
    let running = Running::start(EVENTS.try_into().expect("few"), LIMITS).await;
    for number in 0..EVENTS {
        running.publish("/a", number).await;
    }
    running.publish("/wanted", EVENTS).await;
    running.placed(u64::from(EVENTS) + 1).await;
    let all = Since {
        time: Some(0.0),
        ..NOTHING
    };
    let mut seat = running.seat("/wanted", all).await;
    let (mut turns, mut found) = (0, Vec::new());
    let walk = async {
        while let Some(events) = seat.take_past().await {
            found.extend(events.iter().map(|event| number(event.line())));
        }
    };
    let others = async {
        loop {
            turns += 1;
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { () = walk => {}, () = others => {} }
    assert_eq!(found, [EVENTS]);
    assert!(EVENTS / 100 < turns, "{turns} turns");
    drop(seat);
    running.close().await;
}

#[tokio::test]
async fn a_publisher_is_told_that_its_event_is_not_stored_and_nobody_gets_it() {
    let keep = Nowhere {
        is_awaited: true,
        can: Arc::default(),
    };
    let running = Running::start_with(10, LIMITS, Some(keep)).await;
    let seat = running.seat("/", NOTHING).await;
    assert_eq!(
        running.hub.publish(draft("/a", 1)).await,
        Err(Refused::NotStored)
    );
    assert_eq!(running.hub.backlog_len(), 0);
    running.hub.end_streams();
    assert_eq!(take(&seat).await, Err(End::Closed));
    drop(seat);
    running.close().await;
}

#[tokio::test]
async fn what_cannot_be_stored_is_delivered_where_nobody_waits_for_it() {
    let keep = Nowhere {
        is_awaited: false,
        can: Arc::default(),
    };
    let running = Running::start_with(10, LIMITS, Some(keep)).await;
    let seat = running.seat("/", NOTHING).await;
    running.publish("/a", 1).await;
    assert_eq!(take(&seat).await, Ok(vec![1]));
    drop(seat);
    running.close().await;
}

/// Those who publish may wait for it before they come back.
#[tokio::test(start_paused = true)]
async fn a_store_that_fails_is_told_of_until_it_recovers_also_if_nobody_publishes() {
    for is_awaited in [true, false] {
        let can = Arc::new(AtomicBool::new(true));
        let keep = Nowhere {
            is_awaited,
            can: Arc::clone(&can),
        };
        let running = Running::start_with(10, LIMITS, Some(keep)).await;
        running.publish("/a", 1).await;
        assert_eq!(running.hub.store_fault(), None);
        can.store(false, Ordering::Relaxed);
        let published = running.hub.publish(draft("/a", 2)).await;
        assert_eq!(published.is_ok(), !is_awaited);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(running.hub.store_fault().as_deref(), Some("no room"));
        assert_eq!(running.hub.store_failures(), 1);
        can.store(true, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(running.hub.store_fault(), None);
        running.close().await;
    }
}

#[tokio::test]
async fn a_hub_that_is_closed_refuses() {
    let running = Running::start(0, LIMITS).await;
    let hub = running.hub.clone();
    running.close().await;
    assert_eq!(hub.publish(draft("/a", 1)).await, Err(Refused::Closed));
    hub.end_streams();
    let late = hub
        .subscribe(
            Wanted::of_path("/").expect("few topics"),
            Arc::default(),
            None,
            NOTHING,
        )
        .await
        .expect("there is no other gateway");
    let end = tokio::time::timeout(Duration::from_secs(10), take(&late)).await;
    assert_eq!(end, Ok(Err(End::Closed)));
}
