//! Running a future in a bus of its own, from the start to the last signal.

use crate::{bus::Bus, scope::running::BusHandle};

impl Bus {
    /// Starts the bus, runs a future inside of it, drains the bus, and returns what the future returned.
    ///
    /// Dead letters are no error: the report of [`BusHandle::close`] counts them, [`on_error`](Bus::on_error) hears of
    /// each.
    ///
    /// # Errors
    ///
    /// A [`StartError`](crate::StartError), or a [`CloseError`](crate::CloseError) if the drain did not end before the deadline, as an
    /// [`anyhow::Error`] that downcasts to it.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the future, and the bus as a dropped [`BusGuard`](crate::BusGuard) does.
    pub fn run<F: Future>(
        &self,
        future: F,
    ) -> impl Future<Output = anyhow::Result<F::Output>> + use<F> {
        let starting = self.start();
        async move {
            let bus = starting.await?;
            let output = bus.scope(future).await;
            bus.close().await?;
            Ok(output)
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
            let output = bus.scope(body(handle)).await;
            bus.close().await?;
            Ok(output)
        }
    }
}
