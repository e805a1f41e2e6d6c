//! Clocks that jump, and periods at the ends of what a duration can say.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use signal_bus::{Bus, BusGuard, CloseOutcome, inject, periodic, subscriber};
use tokio::time::{advance, sleep};

const SECOND: Duration = Duration::from_secs(1);
const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);

#[derive(Debug, Default)]
struct Runs(AtomicU32);

impl Runs {
    fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self) -> u32 {
        self.0.swap(0, Ordering::Relaxed)
    }
}

mod periods {
    use super::{Duration, Runs, YEAR, inject, periodic, sleep};

    #[periodic("1s", missed = skip)]
    pub(super) async fn skipping(#[inject] runs: &Runs) {
        runs.count();
    }

    #[periodic("1s")]
    pub(super) async fn delayed(#[inject] runs: &Runs) {
        runs.count();
    }

    #[periodic("1ns", missed = skip)]
    pub(super) async fn shortest(#[inject] runs: &Runs) {
        runs.count();
        tokio::task::yield_now().await;
    }

    #[periodic("1ns")]
    pub(super) async fn shortest_delay(#[inject] runs: &Runs) {
        runs.count();
    }

    const LONGEST: Duration = Duration::MAX;

    #[periodic(LONGEST)]
    pub(super) async fn longest(#[inject] runs: &Runs) {
        runs.count();
    }

    #[periodic(LONGEST, missed = burst)]
    pub(super) async fn longest_at_a_fixed_rate(#[inject] runs: &Runs) {
        runs.count();
    }

    #[periodic("1s", missed = skip)]
    pub(super) async fn endless(#[inject] runs: &Runs) {
        runs.count();
        sleep(YEAR).await;
    }
}

async fn start(bus: Bus) -> anyhow::Result<(BusGuard, Arc<Runs>)> {
    let runs = Arc::new(Runs::default());
    let bus = bus.provide_arc(Arc::clone(&runs)).start().await?;
    // The first run, which comes at once.
    sleep(Duration::from_millis(1)).await;
    assert_ne!(runs.take(), 0);
    Ok((bus, runs))
}

#[tokio::test(start_paused = true)]
async fn after_a_year_that_was_skipped_there_is_one_run() -> anyhow::Result<()> {
    let (skipping, delayed) = (
        Bus::empty().with::<periods::skipping>(),
        Bus::empty().with::<periods::delayed>(),
    );
    for bus in [skipping, delayed] {
        let (bus, runs) = start(bus).await?;
        advance(YEAR).await;
        sleep(SECOND / 2).await;
        assert_eq!(runs.take(), 1);
        sleep(3 * SECOND).await;
        assert_eq!(runs.take(), 3, "and it goes on as before");
        bus.close().await?;
    }
    Ok(())
}

/// What no clock can keep up with takes the time that there is, and stops nobody else.
#[tokio::test(start_paused = true)]
async fn a_period_of_a_nanosecond_leaves_room_for_others() -> anyhow::Result<()> {
    let bus = Bus::empty()
        .with::<periods::shortest>()
        .with::<periods::shortest_delay>();
    let (bus, runs) = start(bus).await?;
    let mut heard = bus.subscribe::<u32>("clocks.beside")?;
    for number in 0..100_u32 {
        bus.publish("clocks.beside", number).await?;
        assert_eq!(heard.recv().await.as_deref(), Some(&number));
        sleep(Duration::from_millis(1)).await;
    }
    drop(heard);
    bus.close().await?;
    println!("1 ns: {} runs in 100 ms of paused time", runs.take());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_longest_period_there_is_has_a_first_run() -> anyhow::Result<()> {
    let bus = Bus::empty()
        .with::<periods::longest>()
        .with::<periods::longest_at_a_fixed_rate>();
    let (bus, runs) = start(bus).await?;
    advance(YEAR).await;
    sleep(SECOND).await;
    assert_eq!(runs.take(), 0);
    assert_eq!(bus.close().await?.stats.periodic_runs, 2);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_run_without_an_end_is_alone_and_is_named_at_the_deadline() -> anyhow::Result<()> {
    let (bus, runs) = start(
        Bus::empty()
            .with::<periods::endless>()
            .close_timeout(SECOND),
    )
    .await?;
    sleep(1000 * SECOND).await;
    assert_eq!(runs.take(), 0, "no run overlaps another");
    let error = bus.close().await.unwrap_err();
    let report = error.report().unwrap();
    assert_eq!(report.outcome, CloseOutcome::DeadlineExceeded);
    assert_eq!(report.stuck[0].function, "endless");
    Ok(())
}

mod late {
    use super::subscriber;

    #[subscriber("clocks.late", timeout = "1h")]
    pub(super) async fn wait(_number: u32) {
        tokio::task::yield_now().await;
    }
}

/// A timeout counts from the call, so a jump before it takes nothing of it.
#[tokio::test(start_paused = true)]
async fn a_jump_of_the_clock_times_out_nobody_who_had_not_begun() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<late::wait>().start().await?;
    for number in 0..10_u32 {
        bus.try_publish("clocks.late", number)?;
    }
    advance(YEAR).await;
    assert_eq!(bus.close().await?.stats.total.done, 10);
    Ok(())
}
