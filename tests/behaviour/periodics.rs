//! Periodic functions: at once, never overlapping, and their last run's value is delivered.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{Bus, inject, periodic, publisher, subscriber};
use tokio::time::{Instant, sleep};

#[derive(Debug)]
struct Clock {
    begun: Instant,
    runs: Mutex<Vec<u64>>,
}

impl Clock {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            runs: Mutex::default(),
        })
    }

    /// Notes the milliseconds since the start.
    fn tick(&self) -> usize {
        let mut runs = self.runs.lock().unwrap();
        runs.push(u64::try_from(self.begun.elapsed().as_millis()).unwrap());
        runs.len()
    }

    fn runs(&self) -> Vec<u64> {
        self.runs.lock().unwrap().clone()
    }
}

#[periodic(1.0)]
async fn fixed_delay(#[inject] clock: &Clock) {
    clock.tick();
    sleep(Duration::from_millis(250)).await;
}

#[periodic("1s", fixed_rate)]
async fn fixed_rate(#[inject] clock: &Clock) {
    clock.tick();
    sleep(Duration::from_millis(250)).await;
}

#[periodic("1s", missed = skip)]
async fn late_and_skipping(#[inject] clock: &Clock) {
    let late = if clock.tick() == 1 { 2500 } else { 0 };
    sleep(Duration::from_millis(late)).await;
}

#[periodic("1s", missed = burst)]
async fn late_and_bursting(#[inject] clock: &Clock) {
    let late = if clock.tick() == 1 { 2500 } else { 0 };
    sleep(Duration::from_millis(late)).await;
}

#[periodic("250ms", after = "1s")]
async fn after(#[inject] clock: &Clock) {
    clock.tick();
}

#[periodic("1s", jitter = "100ms")]
async fn jittering(#[inject] clock: &Clock) {
    clock.tick();
}

#[periodic("1s")]
async fn troubled(#[inject] clock: &Clock) -> anyhow::Result<()> {
    match clock.tick() {
        1 => anyhow::bail!("the first run fails"),
        2 => panic!("the second run panics"),
        _ => Ok(()),
    }
}

async fn run(bus: Bus, clock: &Arc<Clock>, time: Duration) -> anyhow::Result<Vec<u64>> {
    bus.provide_arc(Arc::clone(clock)).run(sleep(time)).await?;
    Ok(clock.runs())
}

const LONG: Duration = Duration::from_millis(4600);

#[tokio::test(start_paused = true)]
async fn the_period_counts_from_the_end_of_a_run() -> anyhow::Result<()> {
    let clock = Clock::new();
    let runs = run(Bus::empty().with::<fixed_delay>(), &clock, LONG).await?;
    assert_eq!(runs, [0, 1250, 2500, 3750]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn at_a_fixed_rate_it_counts_from_the_start() -> anyhow::Result<()> {
    let clock = Clock::new();
    let runs = run(Bus::empty().with::<fixed_rate>(), &clock, LONG).await?;
    assert_eq!(runs, [0, 1000, 2000, 3000, 4000]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn missed_runs_are_skipped_or_made_up_for() -> anyhow::Result<()> {
    let clock = Clock::new();
    let runs = run(Bus::empty().with::<late_and_skipping>(), &clock, LONG).await?;
    assert_eq!(runs, [0, 3000, 4000]);
    let clock = Clock::new();
    let runs = run(Bus::empty().with::<late_and_bursting>(), &clock, LONG).await?;
    assert_eq!(runs, [0, 2500, 2500, 3000, 4000]);
    Ok(())
}

/// Misses two of its times at each tenth run.
#[periodic("1s", missed = skip)]
async fn late_at_times(#[inject] clock: &Clock) {
    let late = if clock.tick() % 10 == 0 { 2500 } else { 0 };
    sleep(Duration::from_millis(late)).await;
}

#[tokio::test(start_paused = true)]
async fn for_an_hour_no_run_is_beside_its_time_or_made_up_for() -> anyhow::Result<()> {
    let clock = Clock::new();
    let hour = Duration::from_secs(3600) - Duration::from_millis(1);
    let runs = run(Bus::empty().with::<late_at_times>(), &clock, hour).await?;
    let drift = runs.iter().map(|at| at % 1000).max();
    let missed = 3600 - runs.len();
    println!(
        "an hour: {} runs, {missed} missed, {drift:?} ms of drift",
        runs.len()
    );
    assert!(runs.is_sorted_by(|one, next| one < next), "none at once");
    assert_eq!((runs.len(), missed, drift), (3000, 600, Some(0)));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn after_delays_the_first_run_and_jitter_each_later_one() -> anyhow::Result<()> {
    let clock = Clock::new();
    let runs = run(
        Bus::empty().with::<after>(),
        &clock,
        Duration::from_millis(1600),
    )
    .await?;
    assert_eq!(runs, [1000, 1250, 1500]);
    let clock = Clock::new();
    let runs = run(Bus::empty().with::<jittering>(), &clock, LONG).await?;
    assert_eq!(runs[0], 0);
    // The clock counts in whole milliseconds, rounded up.
    for pair in runs.windows(2) {
        assert!((1000..=1101).contains(&(pair[1] - pair[0])), "{runs:?}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn errors_and_panics_are_reported_and_the_ticks_go_on() -> anyhow::Result<()> {
    let clock = Clock::new();
    let bus = Bus::empty()
        .with::<troubled>()
        .provide_arc(Arc::clone(&clock))
        .on_error(|_, _| {});
    let bus = bus.start().await?;
    sleep(LONG).await;
    let report = bus.close().await?;
    assert_eq!(clock.runs(), [0, 1000, 2000, 3000, 4000]);
    assert_eq!(report.stats.periodic_runs, 5);
    let errors: Vec<_> = report
        .failures
        .iter()
        .map(|failure| failure.error.as_str())
        .collect();
    assert_eq!(
        errors,
        ["the first run fails", "panicked: the second run panics"]
    );
    Ok(())
}

mod publishing {
    use super::*;

    #[periodic(60)]
    #[publisher("periodics.rows")]
    pub(super) async fn get_rows(#[inject] _clock: &Clock) -> Option<Vec<u32>> {
        sleep(Duration::from_millis(100)).await;
        Some(vec![1, 2])
    }

    #[subscriber("periodics.rows")]
    pub(super) async fn count(rows: &[u32], #[inject] clock: &Clock) {
        sleep(Duration::from_millis(100)).await;
        for _ in rows {
            clock.tick();
        }
    }
}

/// The body has ended before the first run begins; the run, and what it publishes, comes first.
#[tokio::test(start_paused = true)]
async fn the_first_run_happens_even_if_the_body_ends_at_once() -> anyhow::Result<()> {
    let clock = Clock::new();
    let bus = Bus::empty()
        .with::<publishing::get_rows>()
        .with::<publishing::count>();
    let runs = run(bus, &clock, Duration::ZERO).await?;
    assert_eq!(runs, [200, 200]);
    Ok(())
}
