//! The deadline of a close, from none at all to one that never comes, and whoever cannot be stopped by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use signal_bus::{Bus, CloseError, CloseOutcome, CloseReport, inject, subscriber};

use crate::ledger::assert_adds_up;

const SIGNALS: u32 = 10_000;

mod slow {
    use super::{Duration, subscriber};

    #[subscriber("deadlines.slow", capacity = 10_000)]
    pub(super) async fn one_by_one(_number: u32) {
        tokio::time::sleep(Duration::from_micros(1)).await;
    }

    #[subscriber("deadlines.slow", capacity = 10_000, concurrency = 8)]
    pub(super) async fn eight_at_once(_number: u32) {
        tokio::time::sleep(Duration::from_micros(1)).await;
    }
}

/// What is reported of a bus that has ended, in time or not.
fn report_of(closed: Result<CloseReport, CloseError>) -> CloseReport {
    closed.unwrap_or_else(|error| error.report().expect("it has ended").clone())
}

/// Closes a bus that has 10,000 signals to handle at two subscriptions.
async fn close_after(deadline: Duration) -> anyhow::Result<CloseReport> {
    let bus = Bus::new().within(concat!(module_path!(), "::slow"));
    let bus = bus.close_timeout(deadline).start().await?;
    let mut accepted = 0;
    for number in 0..SIGNALS {
        // An engine may take an eighth fewer than the capacity.
        accepted += u64::from(bus.try_publish("deadlines.slow", number).is_ok());
    }
    let report = report_of(bus.close().await);
    assert_adds_up(&report.stats);
    let total = report.stats.total;
    let (outcome, elapsed) = (report.outcome, report.elapsed);
    println!("deadline {deadline:?}: {outcome:?} after {elapsed:?} of paused time, {total}");
    assert_eq!(total.accepted, 2 * accepted);
    assert_eq!(total.accepted, total.done + total.abandoned);
    Ok(report)
}

#[tokio::test(start_paused = true)]
async fn without_any_time_a_close_counts_everything_that_waits() -> anyhow::Result<()> {
    for deadline in [Duration::ZERO, Duration::from_millis(1)] {
        let report = close_after(deadline).await?;
        assert_eq!(report.outcome, CloseOutcome::DeadlineExceeded);
        assert!(0 < report.stats.total.abandoned);
        let has_begun = !deadline.is_zero();
        assert_eq!(!report.stuck.is_empty(), has_begun, "{report}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn with_all_the_time_there_is_a_close_finishes_everything() -> anyhow::Result<()> {
    let report = close_after(Duration::MAX).await?;
    assert_eq!(report.outcome, CloseOutcome::Drained);
    assert_eq!(report.stats.total.abandoned, 0);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_bus_with_nothing_to_do_needs_no_time_to_drain() -> anyhow::Result<()> {
    let bus = Bus::empty().close_timeout(Duration::ZERO).start().await?;
    assert_eq!(bus.close().await?.outcome, CloseOutcome::Drained);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_quiet_is_told_when_a_bus_is_given_up_on() -> anyhow::Result<()> {
    let bus = Bus::new().within(concat!(module_path!(), "::slow"));
    let bus = bus.close_timeout(Duration::ZERO).start().await?;
    bus.publish("deadlines.slow", 7_u32).await?;
    let (handle, second) = (bus.handle().clone(), Duration::from_secs(1));
    let waits = tokio::spawn(async move { tokio::time::timeout(second, handle.settled()).await });
    tokio::task::yield_now().await;
    assert!(bus.close().await.is_err());
    assert!(waits.await?.is_ok(), "it would wait for ever");
    Ok(())
}

mod blocked {
    use super::{AtomicBool, Duration, Ordering, inject, subscriber};

    /// Keeps its thread until it is let go, and cannot be cancelled.
    #[subscriber("deadlines.blocked")]
    pub(super) async fn sleep(_number: u32, #[inject] free: &AtomicBool) {
        while !free.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[subscriber("deadlines.spun")]
    pub(super) async fn count(_number: u32, #[inject] free: &AtomicBool) {
        while !free.load(Ordering::Relaxed) {
            std::hint::spin_loop();
        }
    }
}

mod neighbours {
    use super::{AtomicBool, Duration, Ordering, inject, subscriber};

    #[subscriber("deadlines.neighbours")]
    pub(super) async fn quick(_number: u32) {}

    #[subscriber("deadlines.neighbours")]
    pub(super) async fn asleep(_number: u32, #[inject] free: &AtomicBool) {
        while !free.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[subscriber("deadlines.neighbours")]
    pub(super) async fn behind(_number: u32) {}
}

/// The others of its topic are held up by who blocks a thread, and are not blamed for it.
#[test]
fn only_who_blocks_its_thread_is_called_stuck() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let free = Arc::new(AtomicBool::new(false));
    let provided = Arc::clone(&free);
    let report = runtime.block_on(async {
        let bus = Bus::new().within(concat!(module_path!(), "::neighbours"));
        let bus = bus.provide_arc(provided).close_timeout(Duration::ZERO);
        let bus = bus.start().await?;
        bus.publish("deadlines.neighbours", 7_u32).await?;
        while bus.stats().subscriptions.iter().all(|one| one.running == 0) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let error = bus.close().await.unwrap_err();
        anyhow::Ok(error.report().cloned())
    })?;
    free.store(true, Ordering::Relaxed);
    let report = report.expect("the deadline has passed");
    assert_adds_up(&report.stats);
    let stuck: Vec<_> = report.stuck.iter().map(|site| site.function).collect();
    assert_eq!(stuck, ["asleep"]);
    let total = report.stats.total;
    assert_eq!((total.done, total.abandoned), (1, 2));
    Ok(())
}

/// Closes a bus, with no time, whose handlers block two threads of so many.
fn close_with_two_blocked(threads: usize) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()?;
    let free = Arc::new(AtomicBool::new(false));
    let provided = Arc::clone(&free);
    let report = runtime.block_on(async {
        let bus = Bus::new().within(concat!(module_path!(), "::blocked"));
        let bus = bus.provide_arc(provided).close_timeout(Duration::ZERO);
        let bus = bus.start().await?;
        for number in 0..10_u32 {
            bus.publish("deadlines.blocked", number).await?;
            bus.publish("deadlines.spun", number).await?;
        }
        // Both are in their first handler. The clock of the runtime may stand still by now, if no thread is left to keep it.
        while bus.stats().subscriptions.iter().any(|one| one.running == 0) {
            std::thread::yield_now();
        }
        let begun = Instant::now();
        let error = bus.close().await.unwrap_err();
        let late = begun.elapsed();
        println!("2 of {threads} threads blocked: closed {late:?} after the deadline");
        anyhow::Ok(error.report().cloned())
    })?;
    free.store(true, Ordering::Relaxed);
    let report = report.expect("the deadline has passed");
    assert_adds_up(&report.stats);
    let mut stuck: Vec<_> = report.stuck.iter().map(|site| site.function).collect();
    stuck.sort_unstable();
    assert_eq!(stuck, ["count", "sleep"]);
    assert_eq!(report.stats.total.abandoned, 20);
    Ok(())
}

/// Whoever blocks a thread cannot be stopped; the close ends all the same, and says who it was.
#[test]
fn threads_that_are_blocked_do_not_keep_a_close() -> anyhow::Result<()> {
    close_with_two_blocked(3)
}

/// No thread is left for the drain; the close ends where it is awaited.
#[test]
fn when_all_threads_are_blocked_a_close_ends_all_the_same() -> anyhow::Result<()> {
    close_with_two_blocked(2)
}

mod late {
    use super::{AtomicBool, Duration, Ordering, inject, subscriber};

    /// Waits first, so that it is on the thread that keeps the runtime's clock when it blocks it.
    #[subscriber("deadlines.late")]
    pub(super) async fn block(_number: u32, #[inject] free: &AtomicBool) {
        tokio::time::sleep(Duration::from_millis(20)).await;
        while !free.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// The clock of a runtime stands still while a handler blocks the thread that keeps it.
#[test]
fn a_thread_that_is_blocked_while_the_bus_drains_does_not_keep_it() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let free = Arc::new(AtomicBool::new(false));
    let provided = Arc::clone(&free);
    let report = runtime.block_on(async {
        let bus = Bus::new().within(concat!(module_path!(), "::late"));
        let bus = bus.provide_arc(provided);
        let bus = bus
            .close_timeout(Duration::from_millis(100))
            .start()
            .await?;
        bus.publish("deadlines.late", 7_u32).await?;
        let error = bus.close().await.unwrap_err();
        anyhow::Ok(error.report().cloned())
    })?;
    free.store(true, Ordering::Relaxed);
    let report = report.expect("the deadline has passed");
    println!(
        "blocked while it drained: closed after {:?} of 100 ms",
        report.elapsed
    );
    assert_eq!(report.outcome, CloseOutcome::DeadlineExceeded);
    assert_eq!((report.stuck.len(), report.stats.total.abandoned), (1, 1));
    assert_adds_up(&report.stats);
    Ok(())
}

mod disposed {
    use std::sync::Mutex;
    use std::sync::mpsc::{Receiver, channel};

    use signal_bus::{inject, provider, subscriber};

    use super::{Arc, Duration};

    pub(super) type Log = Arc<Mutex<Vec<&'static str>>>;

    /// Takes longer to go than the close has.
    pub(super) struct Mailer(Log);

    pub(super) struct Pool(Log);

    impl Drop for Mailer {
        fn drop(&mut self) {
            self.0.lock().unwrap().push("mailer begins");
            let (_sends, never): (_, Receiver<()>) = channel();
            assert!(never.recv_timeout(Duration::from_millis(300)).is_err());
            self.0.lock().unwrap().push("mailer ends");
        }
    }

    impl Drop for Pool {
        fn drop(&mut self) {
            self.0.lock().unwrap().push("pool");
        }
    }

    #[provider]
    async fn pool(#[inject] log: Log) -> Pool {
        Pool(log)
    }

    #[provider]
    async fn mailer(#[inject] log: Log, _pool: &Pool) -> Mailer {
        Mailer(log)
    }

    #[subscriber("deadlines.disposed")]
    async fn in_time(_number: u32, #[inject] _mailer: &Mailer) {}

    #[subscriber("deadlines.endless")]
    async fn endless(_number: u32, #[inject] _mailer: &Mailer) {
        std::future::pending::<()>().await;
    }
}

/// Closes a bus on a topic whose handler has something that goes slowly; what went, by the end of the close.
async fn disposes_of(topic: &str) -> anyhow::Result<(CloseOutcome, Vec<&'static str>)> {
    let log = disposed::Log::default();
    let bus = Bus::new().within(concat!(module_path!(), "::disposed"));
    let bus = bus.provide_arc(Arc::clone(&log));
    let bus = bus.close_timeout(Duration::from_millis(50)).start().await?;
    bus.publish(topic, 7_u32).await?;
    let outcome = report_of(bus.close().await).outcome;
    let gone = log.lock().unwrap().clone();
    Ok((outcome, gone))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_goes_slowly_goes_once_and_in_its_order() -> anyhow::Result<()> {
    let all = vec!["mailer begins", "mailer ends", "pool"];
    let drained = disposes_of("deadlines.disposed").await?;
    assert_eq!(drained, (CloseOutcome::Drained, all.clone()));
    let late = disposes_of("deadlines.endless").await?;
    assert_eq!(late, (CloseOutcome::DeadlineExceeded, all));
    Ok(())
}
