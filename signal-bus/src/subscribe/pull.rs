//! Subscriptions that are read by hand.

use std::{
    fmt,
    marker::PhantomData,
    panic::Location,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;

use crate::{
    error::subscribe::SubscribeError,
    queue::{entry::Entry, joining::Leave},
    scope::running::BusHandle,
    signal::{AnyValue, Payload, Signal, arrival::Ended},
    site::Site,
    subscribe::options::{Joined, SubscriptionOptions},
    topic::IntoPatterns,
};

/// Signals to read, in order; made by [`BusHandle::subscribe`].
///
/// It holds what is published until it is read, so a reader may begin late. While it is full, publishers wait. It is also a
/// [`Stream`]. A signal counts as handled when the reader has it.
///
/// Dropping it leaves at once, and counts what waits as abandoned; [`close`](Self::close) lets no further signal in, and what
/// waits can be read. A bus that closes waits until everything was read, up to its deadline. It does not wait for what
/// nobody has begun to read, or only the task that awaits the close: that stays to be read when the bus is closed, and the
/// report counts it as outstanding.
#[must_use = "a subscription leaves when it is dropped, and `let _ =` drops it at once: keep it in a variable"]
pub struct Subscription<T: ?Sized = AnyValue> {
    joined: Joined,
    state: State,
    takes: PhantomData<fn() -> Box<T>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// What waits can be read.
    Closed,
    /// What waits is for the others of the group, or is given up.
    Left,
}

impl<T: ?Sized> fmt::Debug for Subscription<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("patterns", &self.joined.member.hearer.written())
            .field("waiting", &self.waiting())
            .finish_non_exhaustive()
    }
}

impl BusHandle {
    /// Subscribes to one or several patterns, to read the signals by hand.
    ///
    /// It gets every signal of type `T` whose publish is accepted from now on, each once, in one order. A topic that carries
    /// another type is refused if it is known already: declared by an attribute, published on, or named by another
    /// subscription. As long as this one is there, what it names exactly carries `T`, and publishing anything else there is
    /// refused; a topic of another type that appears later under a wildcard is skipped, counted as mismatched, and warned of
    /// once. Several patterns stand in an array: they share one queue.
    ///
    /// # Errors
    ///
    /// [`SubscribeError`]: a name is no pattern, a topic carries another type, the bus is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let bus = signal_bus::Bus::empty().start().await?;
    /// let mut orders = bus.subscribe::<u32>(["orders.{region}.created", "orders.imported"])?;
    /// bus.publish("orders.eu.created", 7_u32).await?;
    /// let order = orders.recv().await.expect("one was published");
    /// assert_eq!((*order, order.capture("region")), (7, Some("eu")));
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[track_caller]
    pub fn subscribe<T: Payload>(
        &self,
        patterns: impl IntoPatterns<T>,
    ) -> Result<Subscription<T>, SubscribeError> {
        self.subscription(patterns).subscribe()
    }

    /// Subscribes to signals of any type.
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe), but for types.
    #[track_caller]
    pub fn subscribe_any(
        &self,
        patterns: impl IntoPatterns<AnyValue>,
    ) -> Result<Subscription, SubscribeError> {
        self.subscription(patterns).subscribe()
    }
}

impl<T: ?Sized + Payload> SubscriptionOptions<T> {
    /// Begins the subscription, to be read by hand.
    ///
    /// # Errors
    ///
    /// As [`BusHandle::subscribe`]; also if the group, or the history, is another than is asked for.
    #[track_caller]
    pub fn subscribe(self) -> Result<Subscription<T>, SubscribeError> {
        Ok(Subscription {
            joined: self.join("subscribe", Location::caller(), true)?,
            state: State::Open,
            takes: PhantomData,
        })
    }
}

impl<T: ?Sized + Payload> Subscription<T> {
    /// Waits for the next signal; `None` when there will be none any more: the bus or the topic is closed and all was read.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a future that is dropped has taken nothing.
    pub async fn recv(&mut self) -> Option<Signal<T>> {
        std::future::poll_fn(|context| self.poll_recv(context)).await
    }

    /// The next signal, if one waits.
    pub fn try_recv(&mut self) -> Option<Signal<T>> {
        match self.poll_recv(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(signal) => signal,
            Poll::Pending => None,
        }
    }

    /// Polls for the next signal, as [`recv`](Self::recv) waits for it.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<Signal<T>>> {
        if !self.joined.member.is_alive() {
            self.leave(Leave::Abandon);
        }
        if self.state == State::Left {
            return Poll::Ready(None);
        }
        let Joined {
            running, member, ..
        } = &self.joined;
        if self.state == State::Open && member.leaves() {
            // What waits is for the others of its group.
            return Poll::Ready(None);
        }
        let exchange = &running.exchange;
        let pulled = exchange.poll_pull(member.hearer.queue, member.id, context);
        pulled.map(|entry| {
            let entry = entry?;
            entry.ended(false, Ended::Done);
            let Entry { signal, .. } = entry;
            Some(signal.heard_as(self.joined.templates.as_ref()).typed())
        })
    }
}

impl<T: ?Sized> Subscription<T> {
    /// Lets no further signal in; what waits can be read, and then `recv` returns `None`.
    ///
    /// In a group, what waits is for the other members, and `recv` returns `None` at once.
    pub fn close(&mut self) {
        self.leave(Leave::Drain);
    }

    fn leave(&mut self, how: Leave) {
        let Joined {
            running, member, ..
        } = &self.joined;
        match (self.state, how) {
            (State::Open, how) => {
                let others = running.depart_member(member, how);
                self.state = match how {
                    Leave::Drain if others == Some(false) => State::Closed,
                    Leave::Drain | Leave::Abandon => State::Left,
                };
            }
            (State::Closed, Leave::Abandon) => {
                let queue = member.hearer.queue;
                let left = running.exchange.leave(queue, member.id, None, how);
                left.discard(&running.exchange);
                self.state = State::Left;
            }
            (State::Closed, Leave::Drain) | (State::Left, _) => {}
        }
    }

    /// Leaves as soon as the owner is dropped: from then on no signal gets in, and what waits is counted as abandoned.
    ///
    /// The owner is not kept alive. Of several calls the first holds.
    pub fn close_on_drop_of<O: ?Sized + Send + Sync + 'static>(self, owner: &Arc<O>) -> Self {
        bind(&self.joined, owner);
        self
    }

    /// How many signals wait to be read.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.joined
            .running
            .exchange
            .waiting(self.joined.member.hearer.queue)
    }

    /// Where it was subscribed.
    #[must_use]
    pub fn site(&self) -> Site {
        self.joined.site
    }
}

/// Binds a subscription to the life of an owner.
pub(super) fn bind<O: ?Sized + Send + Sync + 'static>(joined: &Joined, owner: &Arc<O>) {
    let owner = Arc::downgrade(owner);
    let alive = Arc::new(move || 0 < owner.strong_count());
    joined.running.bind(&joined.member, alive);
}

impl<T: ?Sized> Drop for Subscription<T> {
    fn drop(&mut self) {
        self.leave(Leave::Abandon);
    }
}

impl<T: ?Sized + Payload> Stream for Subscription<T> {
    type Item = Signal<T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Signal<T>>> {
        self.poll_recv(context)
    }
}
