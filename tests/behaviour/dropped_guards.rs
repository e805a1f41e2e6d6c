//! Dropping the guard starts the same drain; it never panics, and never hangs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use signal_bus::{Bus, BusGuard, BusHandle, CloseOutcome, inject, subscriber};
use tokio::runtime::{Builder, Runtime};

#[subscriber("dropped")]
async fn count(_number: u32, #[inject] count: &AtomicU32) {
    tokio::task::yield_now().await;
    count.fetch_add(1, Ordering::Relaxed);
}

fn multi_thread() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Tells how long it takes to drop a guard, wherever it falls.
struct Timed {
    place: &'static str,
    guard: Option<BusGuard>,
}

impl Timed {
    fn new(place: &'static str, guard: BusGuard) -> Self {
        Self {
            place,
            guard: Some(guard),
        }
    }

    fn handle(&self) -> BusHandle {
        self.guard.as_ref().unwrap().handle()
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        let begun = Instant::now();
        drop(self.guard.take());
        println!("the guard falls {}: {:?}", self.place, begun.elapsed());
    }
}

async fn started(counter: &Arc<AtomicU32>) -> BusGuard {
    let bus = Bus::empty()
        .with::<count>()
        .provide_arc(Arc::clone(counter));
    let bus = bus.start().await.unwrap();
    for number in 0..10_u32 {
        bus.publish("dropped", number).await.unwrap();
    }
    bus
}

#[test]
fn on_a_multi_thread_runtime_the_drop_waits_for_the_drain() {
    let counter = Arc::default();
    multi_thread().block_on(async {
        drop(Timed::new("inside of the runtime", started(&counter).await));
    });
    assert_eq!(counter.load(Ordering::Relaxed), 10);
}

#[test]
fn inside_a_task_of_a_multi_thread_runtime_the_drop_waits_for_the_drain() {
    let counter = Arc::<AtomicU32>::default();
    let inside = Arc::clone(&counter);
    let task = async move {
        drop(Timed::new("in a task", started(&inside).await));
        inside.load(Ordering::Relaxed)
    };
    assert_eq!(
        multi_thread()
            .block_on(async { tokio::spawn(task).await })
            .unwrap(),
        10
    );
}

#[test]
fn outside_of_the_runtime_the_drop_waits_for_the_drain() {
    let counter = Arc::default();
    let runtime = multi_thread();
    let bus = runtime.block_on(started(&counter));
    drop(Timed::new("outside of the runtime", bus));
    assert_eq!(counter.load(Ordering::Relaxed), 10);
}

#[test]
fn on_a_current_thread_runtime_the_drain_goes_on_in_the_background() {
    let counter = Arc::default();
    current_thread().block_on(async {
        let bus = Timed::new("on a current-thread runtime", started(&counter).await);
        let handle = bus.handle();
        drop(bus);
        assert_eq!(counter.load(Ordering::Relaxed), 0, "nothing has run yet");
        assert_eq!(handle.close().await.unwrap().outcome, CloseOutcome::Drained);
    });
    assert_eq!(counter.load(Ordering::Relaxed), 10);
}

#[test]
fn during_a_panic_the_drop_does_not_wait() {
    let counter = Arc::default();
    let runtime = multi_thread();
    let handle = runtime.block_on(async { started(&counter).await.handle() });
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            let _bus = Timed::new("during a panic", started(&counter).await);
            panic!("a test panics on purpose");
        });
    }));
    assert!(panicked.is_err());
    assert!(runtime.block_on(handle.close()).is_ok());
}

#[test]
fn after_the_runtime_is_gone_the_report_says_what_was_abandoned() {
    for runtime in [multi_thread as fn() -> Runtime, current_thread] {
        let counter = Arc::default();
        let runtime = runtime();
        let bus = runtime.block_on(async {
            let bus = started(&counter).await;
            // Nobody awaits here: on a current-thread runtime all ten still wait.
            bus
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
        let report = current_thread().block_on(bus.close());
        let total = match &report {
            Ok(report) => report.stats.total,
            Err(error) => {
                let report = error.report().expect("it has ended");
                assert_eq!(report.outcome, CloseOutcome::RuntimeGone);
                report.stats.total
            }
        };
        assert_eq!(total.accepted, 10);
        assert_eq!(total.done + total.abandoned, 10, "{report:?}");
        // The runtime ends while one handler runs on another thread: that one counts as abandoned, and may still have counted.
        let counted = u64::from(counter.load(Ordering::Relaxed));
        assert!(
            (total.done..=total.done + 1).contains(&counted),
            "{report:?}"
        );
        drop(Timed::new("after its runtime", bus));
    }
}

#[test]
fn a_guard_that_falls_with_its_runtime_neither_hangs_nor_panics() {
    let counter = Arc::<AtomicU32>::default();
    let runtime = multi_thread();
    let inside = Arc::clone(&counter);
    runtime.block_on(async {
        let (begun, started_up) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let _bus = Timed::new("with its runtime", started(&inside).await);
            begun.send(()).ok();
            std::future::pending::<()>().await;
        });
        started_up.await.unwrap();
    });
    let (done, ended) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        drop(runtime);
        done.send(()).ok();
    });
    // Far below the 5 s for which a drop may wait, and far above what a machine under load needs.
    assert!(
        ended.recv_timeout(Duration::from_secs(4)).is_ok(),
        "the drop of the runtime waited"
    );
}

#[test]
fn in_a_local_set_the_drain_goes_on_in_the_background() {
    let counter = Arc::default();
    let runtime = multi_thread();
    let local = tokio::task::LocalSet::new();
    let handle = runtime.block_on(local.run_until(async {
        let bus = Timed::new("in a `LocalSet`", started(&counter).await);
        bus.handle()
    }));
    runtime.block_on(handle.close()).unwrap();
    assert_eq!(counter.load(Ordering::Relaxed), 10);
}

#[test]
fn a_bus_starts_inside_a_runtime_only() {
    let mut start = Box::pin(Bus::empty().start());
    let polled = std::future::Future::poll(
        start.as_mut(),
        &mut std::task::Context::from_waker(std::task::Waker::noop()),
    );
    let std::task::Poll::Ready(Err(error)) = polled else {
        panic!("it cannot have started");
    };
    assert!(error.to_string().contains("#[tokio::main]"), "{error}");
}
