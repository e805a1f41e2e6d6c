//! Everything at once in orders drawn by lot: publishers, some cancelled, subscribers who come and go, and two who close.
//!
//! Each order is that of its number, so one that fails is run again by it. `ORDERS=100000` tries more than a test has time for.

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context, Waker},
    time::{Duration, Instant},
};

use signal_bus::{Bus, BusGuard, CloseReport, Signal, inject, publisher, subscriber};
use tokio::{
    task::{JoinSet, yield_now},
    time::timeout,
};

use crate::random::Random;
use crate::rates::Rate;
use crate::sizes::size;

/// How many orders are tried, unless it is said.
const ORDERS: u64 = 4_000;
/// Orders of two threads, which nobody can repeat.
const THREADED_ORDERS: u64 = 1_000;

/// What one order has seen.
#[derive(Default)]
struct Seen {
    /// What each subscriber has begun, in order.
    begun: [Mutex<Vec<u32>>; 2],
    accepted: Mutex<BTreeSet<u32>>,
    refused: Mutex<BTreeSet<u32>>,
    lots: Mutex<Lots>,
}

#[derive(Default)]
struct Lots(Option<Random>);

impl Seen {
    fn of(order: u64) -> Arc<Self> {
        let seen = Self::default();
        seen.lots.lock().unwrap().0 = Some(Random(order.wrapping_mul(0x9E37_79B9_7F4A_7C15)));
        Arc::new(seen)
    }

    fn below(&self, limit: usize) -> usize {
        let mut lots = self.lots.lock().unwrap();
        lots.0.as_mut().unwrap().below(limit)
    }

    /// Lets others go first, for as long as the lot says.
    async fn rest(&self, most: usize) {
        for _ in 0..self.below(most + 1) {
            yield_now().await;
        }
    }
}

#[publisher("orders.drawn")]
async fn publish(x: u32) -> u32 {
    x
}

#[subscriber("orders.drawn")]
async fn first(x: u32, #[inject] seen: &Arc<Seen>) -> anyhow::Result<()> {
    seen.begun[0].lock().unwrap().push(x);
    seen.rest(2).await;
    anyhow::ensure!(x % 7 != 0, "by lot");
    Ok(())
}

#[subscriber("orders.drawn")]
async fn second(x: u32, #[inject] seen: &Arc<Seen>) {
    seen.begun[1].lock().unwrap().push(x);
    seen.rest(1).await;
}

/// Publishes some numbers; what is cancelled may have got in or not.
async fn publish_some(bus: Arc<BusGuard>, seen: Arc<Seen>, publisher: u32) {
    for x in 0..1 + u32::try_from(seen.below(5)).unwrap() {
        let x = publisher * 100 + x;
        seen.rest(3).await;
        match seen.below(4) {
            0 => {
                let mut publish = pin!(bus.publish("orders.drawn", x));
                for _ in 0..seen.below(4) {
                    let polled = publish
                        .as_mut()
                        .poll(&mut Context::from_waker(Waker::noop()));
                    match polled {
                        std::task::Poll::Ready(Ok(_)) => seen.accepted.lock().unwrap().insert(x),
                        std::task::Poll::Ready(Err(_)) => seen.refused.lock().unwrap().insert(x),
                        std::task::Poll::Pending => {
                            yield_now().await;
                            continue;
                        }
                    };
                    break;
                }
            }
            1 => _ = publish(x).await,
            _ => match bus.publish("orders.drawn", x).await {
                Ok(_) => drop(seen.accepted.lock().unwrap().insert(x)),
                Err(_) => drop(seen.refused.lock().unwrap().insert(x)),
            },
        }
    }
}

/// Comes, stays for a while, and goes one way or the other.
async fn come_and_go(bus: Arc<BusGuard>, seen: Arc<Seen>) {
    seen.rest(6).await;
    if seen.below(2) == 0 {
        let Ok(mut reader) = bus.subscribe::<u32>("orders.*") else {
            return;
        };
        for _ in 0..seen.below(4) {
            drop(reader.try_recv());
            yield_now().await;
        }
        if seen.below(2) == 0 {
            reader.close();
            while reader.try_recv().is_some() {}
        }
        return;
    }
    let rests = Arc::clone(&seen);
    let listener = bus.listen("orders.drawn", move |_: Signal<u32>| {
        let rests = Arc::clone(&rests);
        async move { rests.rest(2).await }
    });
    seen.rest(6).await;
    match (listener, seen.below(3)) {
        (Ok(listener), 0) => drop(listener.close().await),
        (Ok(listener), 1) => listener.detach(),
        (listener, _) => drop(listener),
    }
}

async fn run(order: u64) {
    let seen = Seen::of(order);
    let capacity = 1 + seen.below(3);
    let bus = Bus::empty()
        .with::<first>()
        .with::<second>()
        .capacity(capacity);
    let bus = bus
        .provide(Arc::clone(&seen))
        .on_error(|_, _| {})
        .start()
        .await
        .unwrap();
    let bus = Arc::new(bus);
    let mut tasks = JoinSet::new();
    for publisher in 0..2 + u32::try_from(seen.below(3)).unwrap() {
        tasks.spawn(publish_some(Arc::clone(&bus), Arc::clone(&seen), publisher));
    }
    for _ in 0..seen.below(3) {
        tasks.spawn(come_and_go(Arc::clone(&bus), Arc::clone(&seen)));
    }
    for _ in 0..2 {
        let (bus, seen) = (Arc::clone(&bus), Arc::clone(&seen));
        tasks.spawn(async move {
            seen.rest(20).await;
            drop(bus.close().await);
        });
    }
    let ended = async {
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    };
    let hangs = timeout(Duration::from_secs(20), ended).await;
    assert!(hangs.is_ok(), "order {order} hangs: {:?}", bus.stats());
    check(order, &seen, &bus.close().await.unwrap());
}

fn check(order: u64, seen: &Seen, report: &CloseReport) {
    let total = report.stats.total;
    let ended = total.done + total.dead + total.dropped + total.abandoned + total.outstanding;
    assert_eq!(total.accepted, ended, "order {order}: {report}");
    let [first, second] = [&seen.begun[0], &seen.begun[1]].map(|begun| begun.lock().unwrap());
    assert_eq!(*first, *second, "order {order}: all or none, in one order");
    let begun: BTreeSet<_> = first.iter().copied().collect();
    assert_eq!(
        begun.len(),
        first.len(),
        "order {order}: nothing comes twice"
    );
    let accepted = seen.accepted.lock().unwrap();
    assert!(
        accepted.is_subset(&begun),
        "order {order}: {accepted:?} of {begun:?}"
    );
    assert!(
        seen.refused.lock().unwrap().is_disjoint(&begun),
        "order {order}"
    );
    for publisher in 0..5 {
        let own = first.iter().filter(|x| **x / 100 == publisher);
        assert!(own.is_sorted(), "order {order}: {first:?}");
    }
}

/// Tries as many orders as `ORDERS` says, or else `usual`.
async fn run_all(usual: u64) {
    let (begun, orders) = (Instant::now(), size("ORDERS", usual));
    for order in 0..orders {
        run(order).await;
    }
    println!("orders: {}", Rate::since(begun, orders));
}

#[tokio::test(start_paused = true)]
async fn in_any_order_nothing_is_lost_and_nothing_hangs() {
    run_all(ORDERS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_two_threads_neither() {
    run_all(THREADED_ORDERS).await;
}
