//! Responders that come while the bus runs.

use std::{panic::Location, sync::Arc};

use crate::{
    error::subscribe::SubscribeError,
    forms::reply::reply,
    scope::running::BusHandle,
    signal::{Kind, Payload, Signal},
    subscribe::{closure::Calls, listen::Listener, options::SubscriptionOptions},
    topic::{IntoPatterns, Topic},
};

impl BusHandle {
    /// Replies to the requests on one or several patterns with what an async closure returns, until the listener is dropped.
    ///
    /// It is a [listener](Self::listen) in everything else: it hears what is published on the topic, too, and its errors are reported.
    /// It returns a `Result` of the reply, and an error fails the request.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// use std::time::Duration;
    /// use signal_bus::Signal;
    ///
    /// # let bus = signal_bus::Bus::empty().start().await?;
    /// let prices = bus.respond("prices.*", async |item: Signal<String>| {
    ///     anyhow::Ok(item.len() as u64)
    /// })?;
    /// let price = bus.request::<String, u64>("prices.tea", "green".into(), Duration::from_secs(1));
    /// assert_eq!(*price.await?, 5);
    /// # drop(prices); bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[track_caller]
    pub fn respond<Req, Rep, F, R, E>(
        &self,
        patterns: impl IntoPatterns<Req>,
        closure: F,
    ) -> Result<Listener, SubscribeError>
    where
        Req: Payload,
        Rep: Payload,
        F: FnOnce(Signal<Req>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Result<Rep, E>> + Send + 'static,
        E: Into<anyhow::Error>,
    {
        self.subscription(patterns).respond(closure)
    }
}

impl<Req: ?Sized + Payload> SubscriptionOptions<Req> {
    /// Begins the subscription, and replies to requests with what a closure returns.
    ///
    /// # Errors
    ///
    /// As [`BusHandle::respond`]; also if its group is another than is asked for.
    #[track_caller]
    pub fn respond<Rep, F, R, E>(mut self, closure: F) -> Result<Listener, SubscribeError>
    where
        Rep: Payload,
        F: FnOnce(Signal<Req>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Result<Rep, E>> + Send + 'static,
        E: Into<anyhow::Error>,
    {
        self.replies = Some(Kind::of::<Rep>());
        let begin = move |signal: Signal<Req>| {
            let requested = signal.label().stamp.requested().map(Arc::clone);
            let output = closure.clone()(signal);
            async move { reply(Topic::<Rep>::unchecked(""), requested, output.await) }
        };
        self.listen_by("respond", Location::caller(), Calls::<Req, _>::new(begin))
    }
}
