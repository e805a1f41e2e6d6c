//! Subscriptions that call a closure.

use std::{
    fmt,
    panic::Location,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    error::{CloseError, Failure, subscribe::SubscribeError},
    latch::Latch,
    queue::joining::Leave,
    route::hearer::Alive,
    scope::{
        self,
        running::{BusHandle, Running},
        trip::Trip,
    },
    signal::{AnyValue, Payload, Signal},
    site::Site,
    subscribe::{
        closure::{Calls, Listens},
        options::{Joined, SubscriptionOptions},
        pull::bind,
    },
    topic::IntoPatterns,
    worker::{
        Work,
        effort::Effort,
        handler::{Closure, Handler},
        listening,
    },
};

/// A closure that the bus calls with each signal; made by [`BusHandle::listen`].
///
/// Dropping it leaves at once: what waits is counted as abandoned, a handler that runs comes to its end.
/// [`close`](Self::close) lets it handle what waits first. It may be dropped inside of its own closure.
#[must_use = "a listener leaves when it is dropped, and `let _ =` drops it at once: keep it in a variable, or call `detach`"]
pub struct Listener {
    joined: Joined,
    work: Arc<Work>,
    /// Whether it has left.
    left: AtomicBool,
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("patterns", &self.joined.member.hearer.written())
            .finish_non_exhaustive()
    }
}

impl BusHandle {
    /// Calls a closure with each signal of one or several patterns.
    ///
    /// The closure may be async or plain. It is called in order, one signal at a time; its errors and panics are reported
    /// as those of a subscriber are, and the next signal comes all the same. What it publishes is published from inside a
    /// handler: it may do so while the bus drains.
    ///
    /// A closure that publishes takes a [`handle`](crate::BusGuard::handle) of the bus along, and says what it returns:
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use signal_bus::Signal;
    /// # let bus = signal_bus::Bus::empty().start().await?;
    /// let handle = bus.handle();
    /// let doubles = bus.listen("numbers", async move |number: Signal<u32>| {
    ///     handle.publish("doubled", *number * 2).await?;
    ///     anyhow::Ok(())
    /// })?;
    /// # doubles.close().await?;
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    ///
    /// The closure is cloned for each signal, so a counter that it captures by value counts on a copy: what signals share
    /// goes into an [`Arc`].
    ///
    /// # Errors
    ///
    /// As [`subscribe`](Self::subscribe).
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// use signal_bus::Signal;
    ///
    /// # let bus = signal_bus::Bus::empty().start().await?;
    /// let listener = bus.listen("orders.>", async move |order: Signal<u32>| {
    ///     println!("{} on {}", *order, order.topic());
    /// })?;
    /// bus.publish("orders.eu.created", 7_u32).await?;
    /// listener.close().await?;
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[track_caller]
    pub fn listen<T, F, R, M>(
        &self,
        patterns: impl IntoPatterns<T>,
        closure: F,
    ) -> Result<Listener, SubscribeError>
    where
        T: Payload,
        F: FnOnce(Signal<T>) -> R + Clone + Send + Sync + 'static,
        R: Listens<M>,
    {
        self.subscription(patterns).listen(closure)
    }

    /// Calls a closure with each signal of one or several patterns, whatever its type.
    ///
    /// # Errors
    ///
    /// As [`subscribe_any`](Self::subscribe_any).
    #[track_caller]
    pub fn listen_any<F, R, M>(
        &self,
        patterns: impl IntoPatterns<AnyValue>,
        closure: F,
    ) -> Result<Listener, SubscribeError>
    where
        F: FnOnce(Signal) -> R + Clone + Send + Sync + 'static,
        R: Listens<M>,
    {
        self.subscription(patterns).listen(closure)
    }
}

impl<T: ?Sized + Payload> SubscriptionOptions<T> {
    /// Begins the subscription, and calls a closure with each signal.
    ///
    /// # Errors
    ///
    /// As [`BusHandle::listen`]; also if the group, or the history, is another than is asked for.
    #[track_caller]
    pub fn listen<F, R, M>(self, closure: F) -> Result<Listener, SubscribeError>
    where
        F: FnOnce(Signal<T>) -> R + Clone + Send + Sync + 'static,
        R: Listens<M>,
    {
        self.listen_as("listen", Location::caller(), closure)
    }

    /// As [`listen`](Self::listen), told of as `method` at a place.
    pub(crate) fn listen_as<F, R, M>(
        self,
        method: &'static str,
        at: &'static Location<'static>,
        closure: F,
    ) -> Result<Listener, SubscribeError>
    where
        F: FnOnce(Signal<T>) -> R + Clone + Send + Sync + 'static,
        R: Listens<M>,
    {
        let begin = move |signal| closure.clone()(signal).handled();
        self.listen_by(method, at, Calls::<T, _>::new(begin))
    }

    /// Begins the subscription, and calls something with each signal.
    pub(crate) fn listen_by(
        self,
        method: &'static str,
        at: &'static Location<'static>,
        closure: Box<dyn Closure>,
    ) -> Result<Listener, SubscribeError> {
        Listener::new(self.join(method, at, false)?, closure)
    }
}

impl Listener {
    fn new(joined: Joined, closure: Box<dyn Closure>) -> Result<Self, SubscribeError> {
        let settings = &joined.member.hearer.wish.settings;
        let plain = joined.retry.is_none() && !settings.replies;
        let work = Arc::new(Work {
            queue: joined.member.hearer.queue,
            id: joined.member.id,
            member: Some(Arc::clone(&joined.member)),
            site: joined.site,
            handler: Handler::Listener(closure),
            templates: joined.templates.clone(),
            effort: Effort::new(None, joined.retry.as_deref().copied(), joined.member.limit),
            trip: Trip::new(joined.on_trip.unwrap_or(joined.running.trips.on_trip)),
            meter: OnceLock::new(),
            limit: joined.member.limit,
            in_runs: settings.in_runs() && plain,
            replies: settings.replies,
            buries: joined.reserved,
            gone: Latch::default(),
        });
        let running = Arc::clone(&joined.running);
        let spawned = listening::spawn(&running, Arc::clone(&work));
        let listener = Self {
            joined,
            work,
            left: AtomicBool::new(false),
        };
        // Otherwise it is dropped here, and leaves.
        if spawned {
            Ok(listener)
        } else {
            Err(SubscribeError::Closed)
        }
    }

    /// Leaves when what waits has been handled, and returns when the last handler has ended.
    ///
    /// In a group, what waits goes to the other members, and only what this one is handling is waited for.
    ///
    /// # Errors
    ///
    /// [`CloseError::InsideHandler`] if its own closure awaits it, which would wait for itself; in a group also if the closure
    /// or function of another member does, for members share what waits, and two that close each other would wait for
    /// ever. It has left then, and what waits will be handled.
    ///
    /// # Cancel safety
    ///
    /// It leaves, and what waits is handled, also if this future is dropped; only the waiting ends.
    pub async fn close(self) -> Result<(), CloseError> {
        self.leave(Leave::Drain);
        let (running, work) = (Arc::clone(&self.joined.running), Arc::clone(&self.work));
        drop(self);
        if is_inside(&running, &work) {
            return Err(CloseError::InsideHandler);
        }
        work.gone.wait().await;
        Ok(())
    }

    /// Leaves as soon as the owner is dropped: from then on no signal gets in, and what waits is counted as abandoned, also
    /// if it was [closed](Self::close) before, and was to handle that.
    ///
    /// The owner is not kept alive by the listener; a closure that uses it holds a [`Weak`](std::sync::Weak). Dropping the
    /// listener leaves as well: [`detach`](Self::detach) it, to leave it to the owner alone. Of several calls the first
    /// holds.
    pub fn close_on_drop_of<O: ?Sized + Send + Sync + 'static>(self, owner: &Arc<O>) -> Self {
        bind(&self.joined, owner);
        self
    }

    /// Says that it passes signals on to another bus.
    pub(crate) fn lead_to(&self, bus: u64) {
        let since = self.joined.running.exchange.last_signal();
        self.joined.member.hearer.lead_to(bus, since);
    }

    /// Leaves as soon as `alive` says no.
    pub(crate) fn alive_while(self, alive: Alive) -> Self {
        self.joined.running.bind(&self.joined.member, alive);
        self
    }

    /// Listens until the bus closes, or until the owner it is [bound to](Self::close_on_drop_of) is dropped.
    pub fn detach(self) {
        self.left.store(true, Ordering::Release);
    }

    /// How many signals wait for it.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.joined.running.exchange.waiting(self.work.queue)
    }

    /// Where it was made.
    #[must_use]
    pub fn site(&self) -> Site {
        self.joined.site
    }

    fn leave(&self, how: Leave) {
        if self.left.swap(true, Ordering::AcqRel) {
            return;
        }
        let Joined {
            running, member, ..
        } = &self.joined;
        running.depart_member(member, how);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.leave(Leave::Abandon);
    }
}

/// Whether the code runs in a handler of this very worker's queue.
fn is_inside(running: &Running, work: &Work) -> bool {
    let inside = scope::inside_of(running);
    let handling = inside.and_then(crate::queue::offer::Inside::handling);
    handling.is_some_and(|(queue, _)| queue == work.queue)
}

#[expect(dead_code, reason = "never called: that it compiles is the point")]
fn closures_are_accepted(bus: &BusHandle) {
    fn ok<T>(_: T) {}
    ok(bus.listen("a", async move |_: Signal<u32>| {}));
    ok(bus.listen("a", |_: Signal<u32>| async { Ok::<_, Failure>(()) }));
    ok(bus.listen("a", |_: Signal<u32>| {}));
    ok(bus.listen("a", |_: Signal<u32>| -> anyhow::Result<()> { Ok(()) }));
    ok(bus.listen_any(["a", "b"], |_| {}));
}
