//! What a signal allocates once everything is warm: its own `Arc`, or nothing where it lies in place.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

use signal_bus::{Bus, publisher, subscriber};
use tokio::runtime::{Builder, Runtime};

use crate::{HEAP, TURN};

const COUNT: u64 = 10_000;

/// What all handlers of these topics have seen.
static SUM: AtomicU64 = AtomicU64::new(0);

fn add(number: u64) {
    SUM.fetch_add(number, Ordering::Relaxed);
}

/// Something to drop, that has no memory of its own.
#[derive(Clone)]
struct Kept(u64, Option<Arc<()>>);

/// A kibibyte.
struct Wide([u64; 128]);

/// Each topic has three subscribers, which share a log.
mod heard {
    use super::*;

    #[publisher("heard.small")]
    pub(super) async fn small(number: u64) -> u64 {
        number
    }

    #[subscriber("heard.small")]
    async fn small_lent(number: &u64) {
        add(*number);
    }

    #[subscriber("heard.small")]
    async fn small_owned(number: u64) {
        add(number);
    }

    #[subscriber("heard.small")]
    async fn small_lent_too(number: &u64) {
        add(*number);
    }

    #[publisher("heard.alone")]
    pub(super) async fn alone(number: u64) -> u64 {
        number
    }

    #[subscriber("heard.alone")]
    async fn only(number: &u64) {
        add(*number * 3);
    }

    #[publisher("heard.kept")]
    pub(super) async fn kept(number: u64) -> Kept {
        Kept(number, None)
    }

    #[subscriber("heard.kept")]
    async fn kept_lent(kept: &Kept) {
        add(kept.0 + u64::from(kept.1.is_some()));
    }

    #[subscriber("heard.kept")]
    async fn kept_shared(kept: Arc<Kept>) {
        add(kept.0);
    }

    #[subscriber("heard.kept")]
    async fn kept_lent_too(kept: &Kept) {
        add(kept.0);
    }

    #[publisher("heard.late")]
    pub(super) async fn late(number: u64) -> u64 {
        number
    }

    #[subscriber("heard.late")]
    async fn late_lent(number: &u64) {
        tokio::task::yield_now().await;
        add(*number);
    }

    #[subscriber("heard.late")]
    async fn late_owned(number: u64) {
        tokio::task::yield_now().await;
        add(number);
    }

    #[subscriber("heard.late")]
    async fn in_time(number: &u64) {
        add(*number);
    }

    #[publisher("heard.wide")]
    pub(super) async fn wide(wide: &Arc<Wide>) -> Arc<Wide> {
        Arc::clone(wide)
    }

    #[subscriber("heard.wide")]
    async fn wide_lent(wide: &Wide) {
        add(wide.0[0]);
    }

    #[subscriber("heard.wide")]
    async fn wide_shared(wide: Arc<Wide>) {
        add(wide.0[1]);
    }

    #[subscriber("heard.wide")]
    async fn wide_lent_too(wide: &Wide) {
        add(wide.0[2]);
    }
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn multi_thread() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// Publishes `COUNT` times to get warm, and as often again; fails if a signal allocates more than `own` times.
///
/// What is needed once for many signals is a small part of one: room for rows of them, a wait of the publisher. `at_once` are
/// handled before the next ones come.
fn allocates<F: Future<Output = ()>>(
    what: &str,
    own: f64,
    at_once: u64,
    publish: impl Fn() -> F + Copy,
) -> anyhow::Result<()> {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for (name, runtime) in [
        ("one thread", current_thread as fn() -> Runtime),
        ("two threads", multi_thread),
    ] {
        let sum = SUM.load(Ordering::Relaxed);
        let bus = Bus::new().within(concat!(module_path!(), "::heard"));
        let allocations = runtime().block_on(bus.run_with(async |bus| {
            let mut allocations = 0;
            for _ in 0..2 {
                let before = HEAP.stats().allocations;
                for number in 1..=COUNT {
                    publish().await;
                    if number % at_once == 0 {
                        bus.settled().await;
                    }
                }
                bus.settled().await;
                allocations = HEAP.stats().allocations - before;
            }
            allocations
        }))?;
        let each = allocations as f64 / COUNT as f64;
        println!("{what}, {name}: {each:.3} allocations a signal");
        assert!(each < own + 0.2, "{what}, {name}: {each:.3}");
        assert_eq!(SUM.load(Ordering::Relaxed) - sum, 2 * 3 * COUNT);
    }
    Ok(())
}

#[test]
fn a_small_signal_allocates_nothing() -> anyhow::Result<()> {
    allocates("u64 in bulk", 0.0, COUNT, || async {
        heard::small(1).await;
    })?;
    allocates("u64 to one in bulk", 0.0, COUNT, || async {
        heard::alone(1).await;
    })?;
    allocates("u64 one at a time", 0.0, 1, || async {
        heard::small(1).await;
    })?;
    allocates("u64 to one, one at a time", 0.0, 1, || async {
        heard::alone(1).await;
    })
}

#[test]
fn a_small_signal_allocates_nothing_where_handlers_wait() -> anyhow::Result<()> {
    // As many as there is room for: on two threads the publisher would wait for each few of them, and make room for its wait. How
    // many short rows of them are under way there is for the threads to say: of those beyond what is kept some are made anew.
    allocates("u64 to handlers that wait, in bulk", 0.8, 512, || async {
        heard::late(1).await;
    })?;
    allocates(
        "u64 to handlers that wait, one at a time",
        0.0,
        1,
        || async {
            heard::late(1).await;
        },
    )
}

#[test]
fn a_signal_with_something_to_drop_allocates_its_arc() -> anyhow::Result<()> {
    allocates("a value in bulk", 1.0, COUNT, || async {
        heard::kept(1).await;
    })?;
    allocates("a value one at a time", 1.0, 1, || async {
        heard::kept(1).await;
    })
}

#[test]
fn a_signal_that_comes_in_its_arc_allocates_nothing() -> anyhow::Result<()> {
    let wide = &Arc::new(Wide([1; 128]));
    allocates("1 KiB in an Arc, in bulk", 0.0, COUNT, || async {
        heard::wide(wide).await;
    })?;
    allocates("1 KiB in an Arc, one at a time", 0.0, 1, || async {
        heard::wide(wide).await;
    })
}
