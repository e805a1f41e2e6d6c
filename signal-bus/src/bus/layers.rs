//! What stands around each call of a handler, as the description says it.

use std::sync::Arc;

use crate::{
    bus::Bus,
    error::Failure,
    layer::{Call, Handled, Layer, Next},
};

impl Bus {
    /// Puts a layer around each call of each handler: of annotated subscribers, batches and listeners.
    ///
    /// A layer is an async function or closure that gets the [`Call`], with the signal and the function that handles it, and
    /// what is [`Next`]. It may look, measure, wrap in a span, or give headers to what the handler publishes; it may refuse, by an
    /// error, which counts as the handler's own: it may be tried again, is reported, and ends as a dead letter; and it may
    /// [`skip`](Next::skip) the handler, which is counted. It has to return what one of these has returned, so that no signal
    /// gets lost by mistake.
    ///
    /// Layers are called in the order in which they are added, the first outermost; of [connected](Self::connect) descriptions,
    /// those of the other further inside. They stand around each attempt of a [`Retry`](crate::Retry), and inside of the
    /// subscriber's `timeout`. What they publish is published from inside the handler. A panic of the handler comes to them as
    /// a [`Failure`]; one of their own counts as the handler's.
    ///
    /// A bus with layers handles each signal by itself, which costs some hundred nanoseconds each; one without pays nothing.
    /// What is read by hand passes no layer.
    ///
    /// [`trace`](crate::trace) is one that is there: a span around each call.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// use signal_bus::{Bus, Call, Failure, Handled, Next, Signal};
    ///
    /// async fn tell(call: Call, next: Next) -> Result<Handled, Failure> {
    ///     println!("begins: {call}");
    ///     let handled = next.run(call).await;
    ///     println!("has ended: {}", handled.is_ok());
    ///     handled
    /// }
    ///
    /// let bus = Bus::empty()
    ///     .layer(signal_bus::trace)
    ///     .layer(tell)
    ///     .layer(|call, next| async move {
    ///         let tenant = call.signal().header("tenant").map(str::to_owned);
    ///         match tenant.as_deref() {
    ///             Some("acme") => anyhow::Ok(next.run(call).await?),
    ///             Some(_) => Ok(next.skip(call)),
    ///             None => anyhow::bail!("whose is it?"),
    ///         }
    ///     })
    ///     .on_error(|at, failure| println!("{at}: {failure}"))
    ///     .start()
    ///     .await?;
    /// let orders = bus.listen("orders", |order: Signal<u32>| println!("{order}"))?;
    /// bus.publish("orders", 7_u32).await?;
    /// orders.close().await?;
    /// let stats = bus.close().await?.stats;
    /// assert_eq!((stats.total.dead, stats.skipped), (1, 0));
    /// # Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    pub fn layer<F, R, E>(mut self, layer: F) -> Self
    where
        F: Fn(Call, Next) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Handled, E>> + Send + 'static,
        E: Into<anyhow::Error>,
    {
        let layer: Layer = Arc::new(move |call, next| {
            let handled = layer(call, next);
            Box::pin(async move {
                let failure = |error: E| Failure::returned(error.into());
                handled.await.map_err(failure)
            })
        });
        self.layers.push(Arc::new(move || Arc::clone(&layer)));
        self
    }

    /// Puts a layer of the tower ecosystem around each call of each handler; as [`layer`](Self::layer) in all else.
    ///
    /// The layer is applied once each time the bus starts, so what its service keeps, such as a limit, is for all handlers of the
    /// bus. The service is cloned for each call, and awaited until it is ready. An error that is no [`Failure`] becomes
    /// the source of a [`Failure::Returned`], where [`DeadLetter::errors`](crate::DeadLetter::errors) finds it.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// use std::time::Duration;
    /// use tower::timeout::TimeoutLayer;
    ///
    /// let limit = TimeoutLayer::new(Duration::from_secs(5));
    /// let bus = signal_bus::Bus::empty().tower_layer(limit).start().await?;
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[cfg(feature = "tower")]
    pub fn tower_layer<L>(mut self, layer: L) -> Self
    where
        L: tower_layer::Layer<crate::layer::tower::HandlerService> + Send + Sync + 'static,
        L::Service: tower_service::Service<
                Call,
                Response = Handled,
                Error: Into<Box<dyn std::error::Error + Send + Sync>>,
                Future: Send,
            > + Clone
            + Send
            + 'static,
    {
        self.layers.push(crate::layer::tower::layer(layer));
        self
    }
}
