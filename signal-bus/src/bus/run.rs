//! Running a future in a bus of its own, from the start to the last signal.

use crate::{
    bus::Bus,
    error::Stopped,
    guard::BusGuard,
    report::CloseReport,
    scope::running::{BusHandle, Running},
};

impl Bus {
    /// Starts the bus, runs a future inside of it, drains the bus, and returns what the future returned.
    ///
    /// Dead letters are no error: the report of [`BusHandle::close`] counts them, [`on_error`](Bus::on_error) hears of
    /// each. When a signal of the operating system, or [panics](Bus::on_trip), have [closed the bus](Bus::on_signal), the future has until the end of the
    /// drain to end as well: [`closing`](BusHandle::closing) tells it, and so does each publish that is refused. Then it is
    /// dropped.
    ///
    /// # Errors
    ///
    /// A [`StartError`](crate::StartError), a [`CloseError`](crate::CloseError) if the drain did not end before the deadline
    /// or panics have closed the bus, or [`Stopped`] if the future did not end before a bus that a signal has closed, as an [`anyhow::Error`] that downcasts
    /// to it.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the future, and the bus as a dropped [`BusGuard`] does.
    pub fn run<F: Future>(
        &self,
        future: F,
    ) -> impl Future<Output = anyhow::Result<F::Output>> + use<F> {
        let starting = self.start();
        async move {
            let bus = starting.await?;
            within(&bus, future).await
        }
    }

    /// As [`run`](Bus::run), with the handle at hand.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use signal_bus::Bus;
    /// let receivers = Bus::empty()
    ///     .run_with(async |bus| bus.publish("numbers", 7).await.map(|receipt| receipt.receivers))
    ///     .await??;
    /// assert_eq!(receivers, 0);
    /// # Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Bus::run).
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Bus::run).
    pub fn run_with<F: AsyncFnOnce(BusHandle) -> R, R>(
        &self,
        body: F,
    ) -> impl Future<Output = anyhow::Result<R>> + use<F, R> {
        let starting = self.start();
        async move {
            let bus = starting.await?;
            let handle = bus.handle();
            within(&bus, body(handle)).await
        }
    }

    /// Starts the bus, lets it run until it is asked to close, and returns the report of the close.
    ///
    /// It is asked by [a signal of the operating system](Bus::on_signal), or by anybody who [closes](BusHandle::close) it.
    ///
    /// ```standalone_crate
    /// use signal_bus::{Bus, BusHandle, inject, periodic};
    ///
    /// #[periodic("10ms", after = "10ms")]
    /// async fn close_soon(#[inject] bus: &BusHandle) {
    ///     drop(bus.close().await);        // an error here: a run cannot wait for the close, which waits for the run
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// println!("{}", Bus::new().serve().await?);
    /// # Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// A [`StartError`](crate::StartError), or a [`CloseError`](crate::CloseError) if the drain did not end before the
    /// deadline, was aborted, or was begun by [panics](Bus::on_trip), as an [`anyhow::Error`] that downcasts to it.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the bus as a dropped [`BusGuard`] does.
    pub fn serve(&self) -> impl Future<Output = anyhow::Result<CloseReport>> + Send + use<> {
        let starting = self.start();
        async move {
            let bus = starting.await?;
            bus.closing().await;
            Ok(bus.close().await?)
        }
    }
}

/// Runs a future inside a bus, and drains the bus.
async fn within<F: Future>(bus: &BusGuard, future: F) -> anyhow::Result<F::Output> {
    let output = tokio::select! {
        biased;
        output = bus.scope(future) => Some(output),
        () = stopped(bus.running()) => None,
    };
    // One that panics have closed ends here: its close is an error.
    let report = bus.close().await?;
    match (output, report.signals.first()) {
        (Some(output), _) => Ok(output),
        (None, signal) => Err(Stopped {
            signal: *signal.expect("a signal has stopped it"),
            report: Box::new(report),
        }
        .into()),
    }
}

/// Waits for the end of a bus that a signal, or panics, have closed. One that somebody else has closed leaves the future alone.
async fn stopped(running: &Running) {
    let report = running.ending.ended().await;
    if report.signals.is_empty() && report.closed_by.is_none() {
        std::future::pending::<()>().await;
    }
}

#[expect(dead_code, reason = "never called: that it compiles is the point")]
fn futures_are_send(bus: &Bus) {
    fn send<T: Send>(_: T) {}
    send(bus.start());
    send(bus.run(async {}));
}
