//! Waiting for one signal.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{
    error::subscribe::SubscribeError,
    scope::running::BusHandle,
    signal::{AnyValue, Payload, Signal},
    subscribe::pull::Subscription,
    topic::IntoPatterns,
};

/// The first signal to come; made by [`BusHandle::once`].
///
/// `None` if the bus or the topic closes before. It has subscribed when it was made, not when it is first polled; it leaves
/// when it has its signal, or is dropped.
#[must_use = "futures do nothing unless they are polled"]
pub struct Once<T: ?Sized = AnyValue>(Option<Subscription<T>>);

impl<T: ?Sized> fmt::Debug for Once<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Once({:?})", self.0)
    }
}

impl BusHandle {
    /// Subscribes to the next signal only.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let bus = signal_bus::Bus::empty().start().await?;
    /// let first = bus.once::<u32>("orders.*")?;
    /// bus.publish("orders.eu", 7_u32).await?;
    /// bus.publish("orders.us", 8_u32).await?;
    /// assert_eq!(first.await.as_deref(), Some(&7));
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[track_caller]
    pub fn once<T: Payload>(
        &self,
        patterns: impl IntoPatterns<T>,
    ) -> Result<Once<T>, SubscribeError> {
        // What comes later is not waited for by anybody, and must make nobody wait.
        let newest = self
            .subscription(patterns)
            .overflow(crate::registry::subscriber::Overflow::DropNewest);
        Ok(Once(Some(newest.capacity(1).subscribe()?)))
    }
}

impl<T: ?Sized + Payload> Future for Once<T> {
    type Output = Option<Signal<T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(subscription) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let polled = subscription.poll_recv(context);
        if polled.is_ready() {
            self.0 = None;
        }
        polled
    }
}
