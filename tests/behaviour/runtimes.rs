//! Runtimes that end under a bus, guards that fall in odd places, and what a bus leaves behind.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use signal_bus::{
    Bus, BusGuard, BusHandle, CloseError, CloseOutcome, Signal, inject, periodic, subscriber,
};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::ledger::assert_adds_up;

/// Is alive as long as a value, a handler or a run is.
type Alive = Arc<()>;

mod busy {
    use super::*;

    #[subscriber("runtimes.busy")]
    pub(super) async fn hang(number: u32, #[inject] alive: Arc<Alive>) {
        let _alive = alive;
        if number % 2 == 0 {
            std::future::pending::<()>().await;
        }
    }

    #[subscriber("runtimes.busy", concurrency = 4)]
    pub(super) async fn wait(_number: u32, #[inject] alive: Arc<Alive>) {
        let _alive = alive;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }

    #[periodic("1ms")]
    pub(super) async fn tick(#[inject] alive: Arc<Alive>) {
        let _alive = alive;
        tokio::task::yield_now().await;
    }

    #[periodic("1ms")]
    pub(super) async fn tick_for_ever(#[inject] alive: Arc<Alive>) {
        let _alive = alive;
        std::future::pending::<()>().await;
    }
}

fn multi_thread() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

async fn started(alive: &Alive) -> anyhow::Result<BusGuard> {
    let bus = Bus::new().within(concat!(module_path!(), "::busy"));
    let bus = bus.provide(Arc::clone(alive)).start().await?;
    for number in 0..100_u32 {
        bus.publish("runtimes.busy", number).await?;
    }
    tokio::time::sleep(Duration::from_millis(5)).await;
    Ok(bus)
}

#[test]
fn a_runtime_that_ends_takes_handlers_and_runs_along_and_all_are_counted() -> anyhow::Result<()> {
    let ends: [fn(Runtime); 3] = [drop, Runtime::shutdown_background, |runtime| {
        runtime.shutdown_timeout(Duration::from_secs(5));
    }];
    for runtime in [multi_thread as fn() -> Runtime, current_thread] {
        for end in ends {
            let alive = Alive::default();
            let runtime = runtime();
            let bus = runtime.block_on(started(&alive))?;
            let begun = Instant::now();
            end(runtime);
            let ended = begun.elapsed();
            let closed = current_thread().block_on(bus.close());
            let Err(CloseError::RuntimeGone(report)) = closed else {
                panic!("{closed:?}");
            };
            assert_eq!(report.outcome, CloseOutcome::RuntimeGone);
            assert_adds_up(&report.stats);
            println!("runtime gone in {ended:?}: {}", report.stats.total);
            assert_eq!(report.stats.total.accepted, 200);
            assert_eq!(report.stats.total.outstanding, 0);
            drop(bus);
            // A runtime that ends in the background ends soon, and holds something until then.
            let mut looks = 0;
            while 1 < Arc::strong_count(&alive) {
                looks += 1;
                assert!(looks < 10_000, "something stays alive");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    }
    Ok(())
}

thread_local! {
    /// Dropped when its thread ends, outside of any runtime.
    static LAST: RefCell<Option<BusGuard>> = const { RefCell::new(None) };
}

mod counting {
    use super::{AtomicU32, Ordering, inject, subscriber};

    #[subscriber("runtimes.counted")]
    pub(super) async fn count(_number: u32, #[inject] count: &AtomicU32) {
        tokio::task::yield_now().await;
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_guard_that_falls_with_its_thread_waits_for_the_drain() -> anyhow::Result<()> {
    let runtime = multi_thread();
    let count = Arc::new(AtomicU32::new(0));
    let provided = Arc::clone(&count);
    let bus = runtime.block_on(async {
        let bus = Bus::empty().with::<counting::count>();
        let bus = bus.provide_arc(provided).start().await?;
        for number in 0..10_u32 {
            bus.publish("runtimes.counted", number).await?;
        }
        anyhow::Ok(bus)
    })?;
    let begun = Instant::now();
    let thread = std::thread::spawn(|| LAST.set(Some(bus)));
    assert!(thread.join().is_ok());
    println!("the guard falls with its thread: {:?}", begun.elapsed());
    assert_eq!(count.load(Ordering::Relaxed), 10);
    Ok(())
}

mod ticking {
    use super::{AtomicU32, Duration, Ordering, inject, periodic};

    #[periodic("1s")]
    pub(super) async fn tick(#[inject] ticks: &AtomicU32) {
        ticks.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn each_start_has_runs_of_its_own_and_a_closed_one_has_none() -> anyhow::Result<()> {
    let ticks = Arc::new(AtomicU32::new(0));
    let ticked = || ticks.swap(0, Ordering::Relaxed);
    let bus = Bus::empty()
        .with::<ticking::tick>()
        .provide_arc(Arc::clone(&ticks));
    let minute = Duration::from_millis(60_010);
    let one = bus.start().await?;
    tokio::time::sleep(minute).await;
    assert_eq!(ticked(), 60);
    let (two, three) = tokio::try_join!(bus.start(), bus.start())?;
    tokio::time::sleep(minute).await;
    assert_eq!(ticked(), 3 * 60);
    one.close().await?;
    two.close().await?;
    ticked();
    tokio::time::sleep(minute).await;
    assert_eq!(ticked(), 60);
    three.close().await?;
    tokio::time::sleep(minute).await;
    assert_eq!(ticked(), 0);
    let four = bus.start().await?;
    tokio::time::sleep(minute).await;
    assert_eq!(ticked(), 60, "a new start after all are closed");
    four.close().await?;
    Ok(())
}

/// Tasks that are alive, besides the one that asks.
fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}

async fn use_it(bus: &BusHandle) -> anyhow::Result<()> {
    let mut read = bus.subscribe::<u32>("runtimes.*")?;
    let heard = bus.listen("runtimes.**", async |_: Signal<u32>| {})?;
    let once = bus.once::<u32>("runtimes.counted")?;
    drop(bus.publish_after(Duration::from_secs(3600), "runtimes.late", 1_u32)?);
    for number in 0..10_u32 {
        bus.publish("runtimes.counted", number).await?;
    }
    assert!(read.recv().await.is_some() && once.await.is_some());
    heard.detach();
    Ok(())
}

#[tokio::test]
async fn a_closed_bus_leaves_no_task_behind() -> anyhow::Result<()> {
    let before = tasks();
    let bus = Bus::empty()
        .with::<counting::count>()
        .with::<ticking::tick>();
    let bus = bus.provide(AtomicU32::new(0));
    for _ in 0..10 {
        let bus = bus.start().await?;
        use_it(&bus).await?;
        println!("{} tasks more while it runs", tasks() - before);
        bus.close().await?;
        // The last of them has told its end already, and is about to return.
        tokio::task::yield_now().await;
        assert_eq!(tasks(), before);
    }
    Ok(())
}
