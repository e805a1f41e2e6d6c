//! Who owns a running bus, and how it comes to its end.

pub(crate) mod deadline;
pub(crate) mod drain;

use std::{
    any::Any,
    ops::Deref,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
    time::Duration,
};

use tokio::{
    runtime::{Handle, RuntimeFlavor},
    task,
};

use crate::{
    error::CloseError,
    queue::offer::Inside,
    report::{CloseOutcome, CloseReport},
    scope::{
        self,
        running::{BusHandle, Running},
    },
};

/// How long a dropped guard waits for the drain.
const DROP_WAIT_MAX: Duration = Duration::from_secs(5);

/// Keeps a bus running; made by [`Bus::start`](crate::Bus::start).
///
/// It derefs to [`BusHandle`]. [`close`](BusHandle::close) drains the bus and tells how that went. Dropping the guard starts
/// the same drain but cannot tell: on a multi-thread runtime the drop waits for it, at most 5 s; on a current-thread
/// runtime, or while panicking, the drain goes on in the background.
#[derive(Debug)]
#[must_use = "the bus closes when its guard is dropped"]
pub struct BusGuard {
    handle: BusHandle,
}

impl BusGuard {
    pub(crate) fn new(running: Arc<Running>) -> Self {
        Self {
            handle: BusHandle::new(running),
        }
    }

    /// A handle that may outlive the guard.
    #[must_use]
    pub fn handle(&self) -> BusHandle {
        self.handle.clone()
    }

    /// Runs a future inside this bus, as [`Bus::run`](crate::Bus::run) does, without closing it afterwards.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the future and nothing else.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        let running = Arc::clone(self.running());
        scope::Scope::nested(running).run(Box::pin(future)).await
    }
}

impl Deref for BusGuard {
    type Target = BusHandle;

    fn deref(&self) -> &BusHandle {
        &self.handle
    }
}

impl BusHandle {
    /// Closes the bus: refuses new signals from outside, lets the handlers finish what waits, and reports.
    ///
    /// Handlers and periodic runs that are under way may still publish, and what they publish is handled. The close waits
    /// until nothing is queued or running, over all topics, and then disposes what providers made, in reverse order. At the
    /// deadline (`close_timeout`, 25 s unless set) it cancels what is left and counts it. A handler that blocks its thread cannot be
    /// cancelled, and is not waited for: within 100 ms of the deadline the close ends and names it, also where handlers block
    /// every thread of a multi-thread runtime. (A connection to other processes has 1 s more, to say what has become of what came
    /// in; on a current-thread runtime nothing ends while a handler blocks the only thread.) What waits in a
    /// [`Subscription`](crate::Subscription) that nobody reads from, or only the task that awaits the close, is left to it
    /// after half a second in which nobody has begun: it can be read afterwards. Everybody who calls it, also again
    /// and later, gets the same report.
    ///
    /// # Errors
    ///
    /// [`CloseError::Deadline`] if the deadline passed, [`CloseError::Aborted`] if a second
    /// [signal](crate::Bus::on_signal) came before; [`CloseError::Tripped`] if the bus has drained, but was closed by
    /// [panics](crate::OnTrip::CloseBus). All of them carry the report. Failed handlers are no error of the
    /// close: the report counts them. [`CloseError::InsideHandler`] if a handler awaits it, which would wait for itself.
    ///
    /// # Cancel safety
    ///
    /// The close goes on when this future is dropped; only the waiting ends.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let bus = signal_bus::Bus::new().start().await?;
    /// let report = bus.close().await?;
    /// println!("{report}");
    /// # Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    pub async fn close(&self) -> Result<CloseReport, CloseError> {
        let running = self.running();
        running.ending.request();
        if is_waited_for(running) {
            return Err(CloseError::InsideHandler);
        }
        deadline::keep(running);
        let report = CloseReport::clone(&*running.ending.ended().await);
        match report.outcome {
            CloseOutcome::Drained if report.closed_by.is_some() => {
                Err(CloseError::Tripped(Box::new(report)))
            }
            CloseOutcome::Drained => Ok(report),
            CloseOutcome::DeadlineExceeded => Err(CloseError::Deadline(Box::new(report))),
            CloseOutcome::Aborted => Err(CloseError::Aborted(Box::new(report))),
            CloseOutcome::RuntimeGone => Err(CloseError::RuntimeGone(Box::new(report))),
        }
    }

    /// Waits until somebody has asked the bus to close, or a [signal](crate::Bus::on_signal) of the operating system has.
    ///
    /// That is the moment for what feeds the bus to stop: publishes from outside are refused from now on.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let bus = signal_bus::Bus::empty().start().await?;
    /// # async fn accept() { std::future::pending().await }
    /// # let handle = bus.handle(); tokio::spawn(async move { handle.close().await });
    /// loop {
    ///     tokio::select! {
    ///         () = accept() => println!("somebody has come"),
    ///         () = bus.closing() => break,
    ///     }
    /// }
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    pub async fn closing(&self) {
        self.running().ending.requested().await;
    }

    /// Waits until the bus has closed, whoever has asked for that, and returns the report.
    ///
    /// It does not ask for the close, as [`close`](Self::close) does; and where that is an error, inside a handler, this waits until the
    /// deadline of the close.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only looks.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let bus = signal_bus::Bus::empty().start().await?;
    /// let closed = { let handle = bus.handle(); async move { handle.closed().await } };
    /// let (report, closed) = tokio::join!(bus.close(), closed);
    /// assert_eq!(report?.outcome, closed.outcome);
    /// # Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    pub async fn closed(&self) -> CloseReport {
        let report = self.running().ending.ended().await;
        CloseReport::clone(&report)
    }

    /// Waits until nothing is queued or running, on any topic; exactly, by a counter.
    ///
    /// What waits in a [`Subscription`](crate::Subscription) is in the hands of its reader, and is not waited for.
    ///
    /// # Panics
    ///
    /// Panics inside a handler or a periodic function of this bus, which would wait for itself. The panic is reported as
    /// any panic of a handler is.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only looks.
    pub async fn settled(&self) {
        let running = self.running();
        assert!(
            !is_waited_for(running),
            "settled() was awaited inside a handler of the bus, which would wait for itself"
        );
        running.exchange.quiet().await;
    }
}

/// Whether the bus waits for this very task, so that the task must not wait for the bus.
fn is_waited_for(running: &Arc<Running>) -> bool {
    match scope::inside(running) {
        Some(Inside::Handler(..) | Inside::Run | Inside::Start) => true,
        Some(Inside::Spawned(_)) | None => false,
    }
}

impl Drop for BusGuard {
    fn drop(&mut self) {
        let running = self.handle.running();
        running.ending.request();
        deadline::keep(running);
        let may_wait = !thread::panicking()
            && running.runtime.runtime_flavor() == RuntimeFlavor::MultiThread
            && running.ending.report().is_none()
            && !is_waited_for(running)
            && is_alive(&running.runtime);
        if may_wait {
            wait(running);
        }
    }
}

/// Blocks this thread until the drain is over, if that does not keep the runtime from draining.
fn wait(running: &Running) {
    let Ok(here) = Handle::try_current() else {
        running.ending.wait(DROP_WAIT_MAX);
        return;
    };
    if here.runtime_flavor() != RuntimeFlavor::MultiThread {
        return;
    }
    let waited: Result<(), Box<dyn Any + Send>> = catch_unwind(AssertUnwindSafe(|| {
        task::block_in_place(|| running.ending.wait(DROP_WAIT_MAX));
    }));
    // Inside a `LocalSet` a thread may not block; then the drain goes on in the background.
    drop(waited);
}

/// Whether a runtime still takes tasks; one that shuts down would let a wait run into its limit.
fn is_alive(runtime: &Handle) -> bool {
    let mut probe = pin!(runtime.spawn(std::future::pending::<()>()));
    let polled = probe.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    probe.abort();
    matches!(polled, Poll::Pending)
}
