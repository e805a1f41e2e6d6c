//! Times of day, and periodic functions in the hands of others.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use signal_bus::{Bus, FindingKind, inject, periodic};
use tokio::time::Instant;

/// When the runs began, in seconds of the test's clock.
struct Runs {
    begun: Instant,
    at: std::sync::Mutex<Vec<u64>>,
    running: AtomicUsize,
}

impl Runs {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            at: std::sync::Mutex::default(),
            running: AtomicUsize::new(0),
        })
    }

    fn add(&self) {
        let now = self.begun.elapsed().as_secs();
        self.at.lock().unwrap().push(now);
    }

    fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *self.at.lock().unwrap())
    }

    fn count(&self) -> usize {
        self.take().len()
    }
}

async fn seconds(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

#[periodic(cron = "*/5 * * * * *")]
async fn every_five_seconds(#[inject] runs: &Runs) {
    runs.add();
}

#[tokio::test(start_paused = true)]
async fn a_cron_expression_names_the_times_of_the_runs() -> anyhow::Result<()> {
    let runs = Runs::new();
    let bus = Bus::empty()
        .with::<every_five_seconds>()
        .provide_arc(Arc::clone(&runs));
    let bus = bus.start().await?;
    tokio::task::yield_now().await;
    assert_eq!(runs.count(), 0, "no run before the first of its times");
    seconds(60).await;
    let at = runs.take();
    assert!((11..=13).contains(&at.len()), "{at:?}");
    for pair in at.windows(2) {
        assert!((4..=6).contains(&(pair[1] - pair[0])), "{at:?}");
    }
    bus.close().await?;
    Ok(())
}

#[periodic(cron = "0 0 3 * * *", tz = "America/New_York")]
async fn at_three_in_new_york(#[inject] runs: &Runs) {
    runs.add();
}

#[periodic(cron = "@daily", tz = "Europe/Berlin")]
fn at_midnight_in_berlin(#[inject] runs: &Runs) {
    runs.add();
}

#[tokio::test(start_paused = true)]
async fn a_day_has_one_run_of_a_daily_schedule_in_its_time_zone() -> anyhow::Result<()> {
    let runs = Runs::new();
    let bus = Bus::empty()
        .with::<at_three_in_new_york>()
        .with::<at_midnight_in_berlin>()
        .provide_arc(Arc::clone(&runs));
    let bus = bus.start().await?;
    seconds(4 * 24 * 60 * 60).await;
    let at = runs.take();
    // On a day of 23 or 25 hours there may be one more or less.
    assert!((6..=10).contains(&at.len()), "{at:?}");
    // 3:00 in New York is 9:00 in Berlin, or an hour beside it where clocks are changed on different days.
    let hours = (at[1] - at[0]) / 3600;
    assert!([8, 9, 10, 14, 15, 16].contains(&hours), "{at:?}");
    bus.close().await?;
    Ok(())
}

#[periodic(cron = "*/10 * * * * *")]
async fn slow_and_skipping(#[inject] runs: &Runs) {
    runs.add();
    seconds(35).await;
}

#[periodic(cron = "*/10 * * * * *", missed = burst)]
async fn slow_and_bursting(#[inject] runs: &Runs) {
    runs.add();
    if runs.running.fetch_add(1, Ordering::Relaxed) == 0 {
        seconds(35).await;
    }
}

#[tokio::test(start_paused = true)]
async fn missed_times_are_skipped_or_made_up_for() -> anyhow::Result<()> {
    let runs = Runs::new();
    let bus = Bus::empty()
        .with::<slow_and_skipping>()
        .provide_arc(Arc::clone(&runs));
    let bus = bus.start().await?;
    seconds(100).await;
    let at = runs.take();
    for pair in at.windows(2) {
        assert!((39..=41).contains(&(pair[1] - pair[0])), "{at:?}");
    }
    bus.close().await?;

    let runs = Runs::new();
    let bus = Bus::empty()
        .with::<slow_and_bursting>()
        .provide_arc(Arc::clone(&runs));
    let bus = bus.start().await?;
    seconds(100).await;
    let at = runs.take();
    assert!((9..=11).contains(&at.len()), "{at:?}");
    let first = at[0];
    let late = at.iter().filter(|at| (34..=36).contains(&(**at - first)));
    assert_eq!(late.count(), 3, "three that were missed, at once: {at:?}");
    bus.close().await?;
    Ok(())
}

mod wrong {
    use signal_bus::periodic;

    #[periodic(cron = "0 99 * * * *")]
    async fn minute_99() {}

    #[periodic(cron = "0 0 0 30 2 *")]
    async fn thirtieth_of_february() {}

    #[periodic(cron = "0 0 * * * *", tz = "Europe/Atlantis")]
    async fn in_atlantis() {}
}

#[tokio::test]
async fn what_is_no_schedule_is_refused_at_start_all_at_once() {
    let bus = Bus::new().within(concat!(module_path!(), "::wrong"));
    let error = bus.start().await.unwrap_err();
    assert_eq!(error.findings.len(), 3);
    assert!(
        error
            .findings
            .iter()
            .all(|finding| finding.kind == FindingKind::InvalidOption)
    );
    let text = error.to_string();
    for part in [
        "`0 99 * * * *` is no cron expression: `99` is no minute (0-59); write [second] minute",
        "`0 0 0 30 2 *` names no time that will ever come",
        "`Europe/Atlantis` is no time zone; write for example \"Europe/Berlin\"",
        "behaviour::schedules::wrong::in_atlantis (tests/behaviour/schedules.rs:",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

#[periodic("1h")]
async fn hourly(#[inject] runs: &Runs) {
    assert_eq!(runs.running.fetch_add(1, Ordering::Relaxed), 0);
    runs.add();
    seconds(2).await;
    runs.running.fetch_sub(1, Ordering::Relaxed);
}

#[tokio::test(start_paused = true)]
async fn a_trigger_asks_for_a_run_that_overlaps_no_other() -> anyhow::Result<()> {
    let runs = Runs::new();
    let bus = Bus::empty().with::<hourly>().provide_arc(Arc::clone(&runs));
    let bus = bus.start().await?;
    let hourly = bus.periodic("hourly");
    seconds(1).await;
    assert!(hourly.is_running());
    hourly.trigger();
    hourly.trigger();
    seconds(10).await;
    assert!(!hourly.is_running());
    assert_eq!(runs.take(), [0, 2], "two triggers before one run are one");
    bus.periodic("schedules::hourly").trigger();
    seconds(3601).await;
    assert_eq!(runs.take(), [11], "a fixed delay begins anew");
    seconds(3).await;
    assert_eq!(runs.take(), [11 + 2 + 3600]);
    bus.close().await?;
    assert!(!hourly.is_running());
    hourly.trigger();
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handle_knows_how_long_it_is_until_the_next_run() -> anyhow::Result<()> {
    let runs = Runs::new();
    let bus = Bus::empty()
        .with::<hourly>()
        .with::<every_five_seconds>()
        .provide_arc(Arc::clone(&runs));
    let bus = bus.start().await?;
    let hourly = bus.periodic("hourly");
    assert_eq!(
        hourly.next_run(),
        Some(Duration::ZERO),
        "the first comes at once"
    );
    let often = bus.periodic("every_five_seconds").next_run();
    assert!(often.is_some_and(|next| next <= Duration::from_secs(5)));
    seconds(1).await;
    assert_eq!(hourly.next_run(), None, "it runs for two seconds");
    seconds(2).await;
    let next = hourly.next_run().unwrap().as_secs_f64();
    assert!((next - 3599.0).abs() < 0.1, "{next}");
    hourly.pause();
    assert_eq!(hourly.next_run(), None);
    hourly.trigger();
    assert_eq!(hourly.next_run(), Some(Duration::ZERO));
    seconds(3).await;
    hourly.resume();
    let next = hourly.next_run().unwrap().as_secs_f64();
    assert!(
        (next - 3599.0).abs() < 0.1,
        "a fixed delay begins anew: {next}"
    );
    bus.close().await?;
    assert_eq!(hourly.next_run(), None);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_run_that_was_asked_for_is_settled_and_drained() -> anyhow::Result<()> {
    let runs = Runs::new();
    let bus = Bus::empty()
        .with::<every_five_seconds>()
        .provide_arc(Arc::clone(&runs));
    let bus = bus.start().await?;
    let handle = bus.periodic("every_five_seconds");
    handle.pause();
    handle.trigger();
    bus.settled().await;
    assert_eq!(runs.count(), 1);
    handle.trigger();
    bus.close().await?;
    assert_eq!(runs.count(), 1, "asked for before the close");
    handle.trigger();
    tokio::task::yield_now().await;
    assert_eq!(runs.count(), 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_paused_function_runs_only_when_it_is_triggered() -> anyhow::Result<()> {
    let runs = Runs::new();
    let bus = Bus::empty()
        .with::<every_five_seconds>()
        .provide_arc(Arc::clone(&runs));
    let bus = bus.start().await?;
    let handle = bus.periodic("every_five_seconds");
    handle.pause();
    assert!(handle.is_paused());
    seconds(60).await;
    assert_eq!(runs.count(), 0);
    handle.trigger();
    seconds(1).await;
    assert_eq!(runs.count(), 1);
    handle.resume();
    seconds(1).await;
    let at_once = runs.count();
    assert!(
        (1..=2).contains(&at_once),
        "one that was due meanwhile comes at once"
    );
    seconds(60).await;
    assert!((11..=13).contains(&runs.count()));
    let sites: Vec<_> = bus.periodics().map(|one| one.site().function).collect();
    assert_eq!(sites, ["every_five_seconds"]);
    bus.close().await?;
    Ok(())
}

#[tokio::test]
#[should_panic(
    expected = "no periodic function of the bus is named `yearly`; there are: [\
                           behaviour::schedules::every_five_seconds (tests/behaviour/schedules.rs:"
)]
async fn a_name_that_is_none_panics_with_those_there_are() {
    let bus = Bus::empty()
        .with::<every_five_seconds>()
        .provide_arc(Runs::new());
    let bus = bus.start().await.unwrap();
    bus.periodic("yearly").trigger();
}
