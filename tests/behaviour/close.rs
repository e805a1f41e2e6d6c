//! Close: refuse what comes from outside, finish what is inside, tell everybody the same.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use signal_bus::{
    Bus, BusHandle, CloseError, CloseOutcome, InCurrentBus, PublishError, inject, periodic,
    provider, publisher, subscriber,
};

use crate::ledger::{Ledger, assert_adds_up};

mod counting {
    use super::{Ledger, inject, subscriber};

    #[subscriber("close.counted")]
    pub(super) async fn count(signal: (u32, u32), #[inject] ledger: &Ledger) {
        ledger.handle(signal);
    }
}

/// Who only waits asks for nothing: the bus lives on until somebody does.
#[tokio::test(start_paused = true)]
async fn who_waits_for_the_end_hears_of_it_and_does_not_bring_it_about() -> anyhow::Result<()> {
    let bus = Bus::empty()
        .with::<counting::count>()
        .provide(Ledger::default());
    let bus = bus.start().await?;
    let handle = bus.handle();
    let mut waits = tokio::spawn(async move { handle.closed().await });
    let hour = Duration::from_secs(3600);
    assert!(tokio::time::timeout(hour, &mut waits).await.is_err());
    bus.publish("close.counted", (0_u32, 0_u32)).await?;
    bus.close().await?;
    assert_eq!(waits.await?.stats.total.done, 1);
    assert_eq!(bus.closed().await.stats.total.done, 1);
    Ok(())
}

mod built {
    use super::{Arc, AtomicU32, Ordering, inject, provider, subscriber};

    /// Counts how often it was disposed.
    pub(super) struct Built(Arc<AtomicU32>);

    impl Drop for Built {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[provider]
    pub(super) async fn built(disposed: &Arc<AtomicU32>) -> Built {
        Built(Arc::clone(disposed))
    }

    #[subscriber("close.built")]
    pub(super) async fn use_it(_number: u32, #[inject] _built: &Built) {}
}

#[tokio::test]
async fn a_thousand_closes_get_one_report() -> anyhow::Result<()> {
    let disposed = Arc::<AtomicU32>::default();
    let bus = Bus::empty()
        .with::<built::use_it>()
        .with::<built::built>()
        .provide(Arc::clone(&disposed));
    let bus = bus.start().await?;
    for number in 0..100_u32 {
        bus.publish("close.built", number).await?;
    }
    let closes: Vec<_> = (0..1000)
        .map(|_| bus.handle())
        .map(|bus| tokio::spawn(async move { bus.close().await }))
        .collect();
    let mut reports = BTreeSet::from([format!("{:?}", bus.close().await?)]);
    for close in closes {
        let report = close.await??;
        assert_eq!(report.stats.total.done, 100);
        reports.insert(format!("{report:?}"));
    }
    println!(
        "1001 closes: {} of them had an effect, {} reports",
        disposed.load(Ordering::Relaxed),
        reports.len()
    );
    assert_eq!(disposed.load(Ordering::Relaxed), 1);
    assert_eq!(reports.len(), 1);
    Ok(())
}

async fn close_while_publishing(rounds: u32, publishers: u32) -> anyhow::Result<()> {
    for round in 0..rounds {
        let ledger = Arc::new(Ledger::default());
        let bus = Bus::empty()
            .with::<counting::count>()
            .provide_arc(Arc::clone(&ledger));
        let bus = bus.capacity(16).start().await?;
        let tasks: Vec<_> = (0..publishers)
            .map(|publisher| (publisher, bus.handle(), Arc::clone(&ledger)))
            .map(|(publisher, bus, ledger)| {
                tokio::spawn(publish_until_closed(bus, ledger, publisher))
            })
            .collect();
        // Now before all have begun, now in the middle of their waits.
        for _ in 0..=round % 8 {
            tokio::task::yield_now().await;
        }
        let report = bus.close().await?;
        for task in tasks {
            task.await?;
        }
        assert_adds_up(&report.stats);
        ledger.balance(&report.stats).assert_clean();
    }
    Ok(())
}

async fn publish_until_closed(bus: BusHandle, ledger: Arc<Ledger>, publisher: u32) {
    for number in 0.. {
        match bus.publish("close.counted", (publisher, number)).await {
            Ok(_) => ledger.accept((publisher, number)),
            Err(PublishError::Closed(signal)) => return ledger.refuse(signal),
            Err(error) => panic!("{error}"),
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn close_under_a_thousand_publishers_handles_what_was_accepted() -> anyhow::Result<()> {
    close_while_publishing(200, 1000).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close_under_publishers_on_two_threads_handles_what_was_accepted() -> anyhow::Result<()> {
    close_while_publishing(200, 1000).await
}

mod closing {
    use super::{AtomicU32, BusHandle, CloseError, Ordering, inject, subscriber};

    #[subscriber("close.yourself")]
    pub(super) async fn close(_now: (), #[inject] bus: &BusHandle, #[inject] closed: &AtomicU32) {
        let error = bus.close().await.expect_err("it would wait for itself");
        assert!(matches!(error, CloseError::InsideHandler), "{error}");
        closed.fetch_add(1, Ordering::Relaxed);
    }

    #[subscriber("close.settle")]
    pub(super) async fn settle(_now: (), #[inject] bus: &BusHandle) {
        bus.settled().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_awaits_the_close_gets_an_error_and_the_bus_closes() -> anyhow::Result<()> {
    let closed = Arc::new(AtomicU32::new(0));
    let bus = Bus::empty()
        .with::<closing::close>()
        .provide_arc(Arc::clone(&closed));
    let bus = bus.start().await?;
    bus.publish("close.yourself", ()).await?;
    bus.settled().await;
    assert_eq!(closed.load(Ordering::Relaxed), 1);
    let refused = bus.publish("close.yourself", ()).await.unwrap_err();
    assert!(matches!(refused, PublishError::Closed(())));
    assert_eq!(bus.close().await?.outcome, CloseOutcome::Drained);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_awaits_settled_fails_and_does_not_hang() -> anyhow::Result<()> {
    let bus = Bus::empty()
        .with::<closing::settle>()
        .on_error(|_, _| {})
        .start()
        .await?;
    bus.publish("close.settle", ()).await?;
    let report = bus.close().await?;
    assert_eq!(report.stats.total.dead, 1);
    assert!(
        report.failures[0].error.contains("would wait for itself"),
        "{report}"
    );
    Ok(())
}

mod hanging {
    use super::{Duration, periodic, subscriber};

    #[subscriber("close.hang", capacity = 100)]
    pub(super) async fn hang(_number: u32) {
        std::future::pending::<()>().await;
    }

    #[subscriber("close.hang", blocking)]
    pub(super) fn block(_number: u32) {
        std::thread::sleep(Duration::from_millis(50));
    }

    #[periodic(1)]
    pub(super) async fn hang_on() {
        std::future::pending::<()>().await;
    }
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_what_is_left_is_counted_and_what_was_stuck_is_named() -> anyhow::Result<()>
{
    let bus = Bus::empty()
        .with::<hanging::hang>()
        .with::<hanging::hang_on>();
    let bus = bus.close_timeout(Duration::from_secs(3)).start().await?;
    for number in 0..10_u32 {
        bus.publish("close.hang", number).await?;
    }
    let error = bus.close().await.unwrap_err();
    let report = error.report().expect("the deadline has passed");
    assert_eq!(report.outcome, CloseOutcome::DeadlineExceeded);
    assert_eq!(report.stats.total.abandoned, 10);
    assert_adds_up(&report.stats);
    println!(
        "stuck: closed after {:?} of paused time, with a deadline of 3 s",
        report.elapsed
    );
    let stuck: Vec<_> = report.stuck.iter().map(|site| site.function).collect();
    assert_eq!(stuck, ["hang", "hang_on"]);
    let again = bus.close().await.unwrap_err();
    assert_eq!(again.to_string(), error.to_string());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn run_returns_the_deadline_as_an_error_that_downcasts() {
    let bus = Bus::empty()
        .with::<hanging::hang>()
        .close_timeout(Duration::from_millis(1));
    let output = bus
        .run_with(async |bus| bus.publish("close.hang", 1_u32).await.map(drop))
        .await;
    let error = output.unwrap_err().downcast::<CloseError>().unwrap();
    assert_eq!(error.report().unwrap().stuck[0].function, "hang");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_close_that_nobody_awaits_any_more_goes_on() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<hanging::block>().start().await?;
    for number in 0..3_u32 {
        bus.publish("close.hang", number).await?;
    }
    let waited = tokio::time::timeout(Duration::from_millis(1), bus.close()).await;
    assert!(waited.is_err(), "three blocking handlers take longer");
    let report = bus.close().await?;
    println!(
        "given up: closed all the same after {:?}, {}",
        report.elapsed, report.stats.total
    );
    assert_eq!(report.stats.total.done, 3);
    Ok(())
}

mod idle {
    use super::{Duration, periodic, publisher, subscriber};

    #[subscriber("close.idle")]
    pub(super) async fn idle(_number: u32) {}

    #[periodic("1h", after = "1h")]
    pub(super) async fn sleep_long() {
        tokio::time::sleep(Duration::from_secs(3600)).await;
    }

    #[publisher("close.idle")]
    pub(super) async fn late(number: u32) -> u32 {
        number
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_no_idle_subscriber_and_no_sleeping_period() -> anyhow::Result<()> {
    let bus = Bus::empty()
        .with::<idle::idle>()
        .with::<idle::sleep_long>()
        .start()
        .await?;
    let report = bus.close().await?;
    assert_eq!(
        report.elapsed,
        Duration::ZERO,
        "paused time does not move unless somebody sleeps"
    );
    assert_eq!(report.stats.periodic_runs, 0);
    Ok(())
}

#[tokio::test]
async fn what_an_annotated_function_cannot_publish_goes_to_on_error() -> anyhow::Result<()> {
    let errors = Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = Arc::clone(&errors);
    let bus = Bus::empty()
        .with::<idle::idle>()
        .on_error(move |at, error| told.lock().unwrap().push(format!("{at}: {error}")))
        .start()
        .await?;
    // The task outlives the bus, but its scope is the bus's.
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let late = async move {
        gone.await.ok();
        idle::late(7).await
    };
    let bound = Arc::new(std::sync::Mutex::new(None));
    bus.scope(async { *bound.lock().unwrap() = Some(late.in_current_bus()) })
        .await;
    let bound = bound.lock().unwrap().take().unwrap();
    let task = tokio::spawn(bound);
    let report = bus.close().await?;
    assert_eq!(report.stats.refused, 0);
    go.send(()).unwrap();
    assert_eq!(task.await?, 7, "the value still returns");
    let errors = errors.lock().unwrap();
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0].contains("::late (") && errors[0].ends_with("the bus is closed"),
        "{errors:?}"
    );
    assert_eq!(bus.stats().refused, 1);
    Ok(())
}
