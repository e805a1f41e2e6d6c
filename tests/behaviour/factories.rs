//! Factories and providers that fail, hang, panic or turn upon the bus they work for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use signal_bus::{Bus, BusHandle, CloseError, StartError, inject, periodic, provider, subscriber};
use tokio::time::{sleep, timeout};

use crate::ledger::assert_adds_up;

const SIGNALS: u32 = 100;

mod once {
    use super::*;

    /// Fails, panics and hangs before it makes anything; what it makes it makes slowly.
    #[inject]
    pub(super) async fn reluctant(#[inject] calls: &AtomicU32) -> anyhow::Result<u32> {
        let call = calls.fetch_add(1, Ordering::Relaxed);
        match call {
            0 => anyhow::bail!("not yet"),
            1 => panic!("not at all"),
            2 => std::future::pending().await,
            _ => sleep(Duration::from_millis(100)).await,
        }
        Ok(call)
    }

    #[subscriber("factories.once", concurrency = 103, timeout = "1s")]
    #[inject(made = reluctant, once)]
    pub(super) async fn take(_number: u32, made: u32) {
        assert_eq!(made, 3, "all have the same one");
    }
}

/// A making that fails or is cancelled leaves its turn to the next who waits; once it is made, it is made for all.
#[tokio::test(start_paused = true)]
async fn a_hundred_who_want_the_same_get_one_that_is_made_once() -> anyhow::Result<()> {
    let calls = Arc::new(AtomicU32::new(0));
    let bus = Bus::empty().with::<once::take>().on_error(|_, _| {});
    let bus = bus.provide_arc(Arc::clone(&calls)).start().await?;
    for number in 0..3_u32 {
        bus.publish("factories.once", number).await?;
    }
    // The third one hangs, and all others come to wait behind it.
    sleep(Duration::from_millis(500)).await;
    for number in 0..SIGNALS {
        bus.publish("factories.once", number).await?;
    }
    let report = bus.close().await?;
    assert_adds_up(&report.stats);
    let (total, calls) = (report.stats.total, calls.load(Ordering::Relaxed));
    println!("made once: {calls} calls of the factory, {total}");
    assert_eq!(
        (total.done, total.dead),
        (u64::from(SIGNALS), 3),
        "{report}"
    );
    assert_eq!(calls, 4, "three in vain, one for all");
    Ok(())
}

mod failing {
    use super::*;

    pub(super) struct Panics;
    pub(super) struct Hangs;
    pub(super) struct Built(pub(super) Arc<AtomicU32>);

    impl Drop for Built {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[provider]
    pub(super) async fn built(disposed: &Arc<AtomicU32>) -> Built {
        Built(Arc::clone(disposed))
    }

    #[provider]
    pub(super) async fn panics(_built: &Built) -> Panics {
        tokio::task::yield_now().await;
        panic!("no such thing")
    }

    #[provider]
    pub(super) async fn hangs(_built: &Built) -> Hangs {
        std::future::pending().await
    }

    #[subscriber("factories.panics")]
    pub(super) async fn needs_what_panics(_number: u32, #[inject] _panics: &Panics) {}

    #[subscriber("factories.hangs")]
    pub(super) async fn needs_what_hangs(_number: u32, #[inject] _hangs: &Hangs) {}
}

fn providing(disposed: &Arc<AtomicU32>) -> Bus {
    let bus = Bus::empty().provide(Arc::clone(disposed));
    bus.with::<failing::built>()
}

#[tokio::test]
async fn a_provider_that_panics_refuses_the_start_by_name() {
    let disposed = Arc::new(AtomicU32::new(0));
    let bus = providing(&disposed).with::<failing::panics>();
    let bus = bus.with::<failing::needs_what_panics>();
    let error: StartError = bus.start().await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("no such thing") && text.contains("failing::panics ("),
        "{text}"
    );
    assert_eq!(disposed.load(Ordering::Relaxed), 1);
}

/// A start has no deadline of its own: whoever wants one puts it around.
#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_is_given_up_with_the_start() {
    let disposed = Arc::new(AtomicU32::new(0));
    let bus = providing(&disposed).with::<failing::hangs>();
    let bus = bus.with::<failing::needs_what_hangs>();
    assert!(timeout(Duration::from_secs(30), bus.start()).await.is_err());
    assert_eq!(
        disposed.load(Ordering::Relaxed),
        1,
        "what was built is disposed"
    );
}

mod turning {
    use super::*;

    /// Publishes on the topic of the handler it is called for, and closes the bus.
    #[inject]
    pub(super) async fn treacherous(#[inject] bus: &BusHandle) -> anyhow::Result<u32> {
        if bus.stats().published < 5 {
            bus.publish("factories.turning", 0_u32).await?;
        } else {
            let closed = bus.close().await;
            assert!(matches!(closed, Err(CloseError::InsideHandler)));
        }
        Ok(7)
    }

    #[subscriber("factories.turning", capacity = 1)]
    #[inject(made = treacherous)]
    pub(super) async fn take(_number: u32, made: u32) {
        assert_eq!(made, 7);
    }

    #[periodic("1s")]
    pub(super) async fn close(#[inject] bus: &BusHandle) {
        let closed = bus.close().await;
        assert!(matches!(closed, Err(CloseError::InsideHandler)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_factory_that_publishes_and_closes_neither_hangs_nor_loses() -> anyhow::Result<()> {
    let begun = std::time::Instant::now();
    let bus = Bus::empty().with::<turning::take>().start().await?;
    bus.publish("factories.turning", 0_u32).await?;
    timeout(Duration::from_secs(5), bus.closing()).await?;
    let report = bus.close().await?;
    assert_adds_up(&report.stats);
    let total = report.stats.total;
    println!("turning: closed after {:?}, {total}", begun.elapsed());
    assert_eq!((total.done, total.dead), (5, 0), "{report}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_periodic_function_that_closes_the_bus_gets_an_error_and_it_closes() -> anyhow::Result<()>
{
    let bus = Bus::empty().with::<turning::close>().start().await?;
    timeout(Duration::from_secs(5), bus.closing()).await?;
    let report = bus.close().await?;
    assert_eq!(
        (report.stats.periodic_runs, report.stats.failures),
        (1, 0),
        "{report}"
    );
    Ok(())
}
