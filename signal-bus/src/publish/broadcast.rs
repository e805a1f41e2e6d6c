//! Signals without a topic, for everybody who can take their type.

use std::sync::Arc;

use crate::{
    error::publish::PublishError,
    publish::{
        Manner, Receipt,
        by_hand::{Shared, unshare, value_of},
    },
    scope::{self, running::BusHandle},
    signal::{Kind, Payload},
};

impl BusHandle {
    /// Publishes a signal without a topic: every subscription that can take its type gets it, whatever topics it hears.
    ///
    /// [`Signal::topic`](crate::Signal::topic) is empty then. Filters apply; subscriptions to the bus's own topics get none.
    /// It waits while a subscription is full.
    ///
    /// # Errors
    ///
    /// [`PublishError::Closed`] gives the signal back.
    ///
    /// # Cancel safety
    ///
    /// As [`publish`](Self::publish).
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let bus = signal_bus::Bus::empty().start().await?;
    /// let mut orders = bus.subscribe::<u32>("orders.*")?;
    /// let mut names = bus.subscribe::<String>("names")?;
    /// assert_eq!(bus.broadcast(7_u32).await?.receivers, 1);
    /// assert_eq!(orders.recv().await.as_deref(), Some(&7));
    /// assert!(names.try_recv().is_none());
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    pub async fn broadcast<T: Payload + Sized>(
        &self,
        signal: T,
    ) -> Result<Receipt, PublishError<T>> {
        let manner = Manner::inside(scope::inside(self.running()));
        let published = self.broadcast_in(Arc::new(signal), manner).await;
        published.map_err(|error| error.map(unshare))
    }

    pub(crate) async fn broadcast_in<T: Payload>(
        &self,
        signal: Arc<T>,
        manner: Manner,
    ) -> Result<Receipt, PublishError<Arc<T>>> {
        let running = self.running();
        let open = running.check_open(manner.inside);
        let route = open.map(|()| running.routes.broadcast(Kind::of::<T>()));
        match self.hand_over(route, signal, manner)? {
            Shared::Done(receipt) => Ok(receipt),
            Shared::Wait(ready) => match running.wait(ready).await {
                Ok(receipt) => Ok(receipt),
                Err((refusal, signal)) => Err(self.refused(refusal, value_of(signal))),
            },
        }
    }
}
