//! The way out: takes signals from a queue and calls the handler. One loop, not generic, for all subscribers.

mod calls;
pub(crate) mod convoy;
pub(crate) mod effort;
pub(crate) mod hand;
pub(crate) mod handler;
mod home;
mod layered;
pub(crate) mod listening;
mod load;
mod measured;
mod owner;
mod pace;
mod retry;
pub(crate) mod runs;
mod told;
mod trip;
mod words;

use std::{
    future::poll_fn,
    num::NonZeroUsize,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
};

use tokio::{
    task::{JoinSet, coop},
    time,
};

use crate::{
    error::{Failure, Outcome},
    guarded::{Guarded, discard},
    latch::Latch,
    observe::meter::Meter,
    queue::{
        Ending, entry::Entry, offer::Inside, parked::WorkerId, store::Supply, stores::QueueId,
    },
    registry::handler::HandlerFuture,
    route::member::Member,
    scope::{Scope, running::Running, trip::Trip},
    signal::run::Run,
    site::Site,
    topic::template::Template,
    worker::{
        calls::Slot,
        effort::Effort,
        handler::Handler,
        load::{Keys, Load, Settled},
        owner::Gone,
        retry::{Handled, Unwanted},
        told::Told,
    },
};

/// What a worker has to know of its subscription.
pub(crate) struct Work {
    pub(crate) queue: QueueId,
    /// Tells it from the other workers of its queue.
    pub(crate) id: WorkerId,
    /// A listener, who may leave while the bus runs.
    pub(crate) member: Option<Arc<Member>>,
    pub(crate) site: Site,
    pub(crate) handler: Handler,
    /// What its pattern names of the topics, if it does.
    pub(crate) templates: Option<Arc<[Template]>>,
    pub(crate) effort: Option<Box<Effort>>,
    pub(crate) trip: Trip,
    /// Made with the first call, for most have none for long.
    pub(crate) meter: OnceLock<Arc<Meter>>,
    /// Handlers at once at most.
    pub(crate) limit: Option<NonZeroUsize>,
    /// Whether its handler may have several signals in one go.
    pub(crate) in_runs: bool,
    /// Whether its handler replies to requests.
    pub(crate) replies: bool,
    /// Whether it subscribes to the bus's own topics, where failures make no dead letters.
    pub(crate) buries: bool,
    /// Opened when this worker has gone.
    pub(crate) gone: Latch,
}

/// Handles the signals of one subscription until it, or the bus, is closed.
///
/// What it is made of while it waits is small: there may be a hundred thousand of them. The room for a call is made when there
/// is something to call with.
#[expect(
    clippy::manual_async_fn,
    reason = "arguments of an async function are in its future twice"
)]
pub(crate) fn work(
    running: Arc<Running>,
    work: Arc<Work>,
) -> impl Future<Output = ()> + Send + 'static {
    async move {
        let gone = Gone(work);
        let mut handlers = Handlers::default();
        running.begun.add_permits(1);
        while gone.0.waits(&running, &mut handlers).await {
            Box::pin(gone.0.handle_all(&running, &mut handlers)).await;
        }
        while handlers.join_next().await {}
        gone.0.recovers(&running);
        gone.0.part(&running);
        drop(gone);
        running.tasks.reap();
    }
}

/// Handlers that run beside their worker; a serial worker has none, and pays for none.
///
/// Dropping the set cancels what still runs, when the worker itself is cancelled.
#[derive(Default)]
struct Handlers(Option<Box<JoinSet<()>>>);

impl Handlers {
    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |handlers| handlers.len())
    }

    fn spawn(&mut self, handler: impl Future<Output = ()> + Send + 'static) {
        let handlers = self.0.get_or_insert_default();
        handlers.spawn(handler);
        while handlers.try_join_next().is_some() {}
    }

    /// Waits for one to end; `false` if there is none.
    async fn join_next(&mut self) -> bool {
        match &mut self.0 {
            Some(handlers) => handlers.join_next().await.is_some(),
            None => false,
        }
    }
}

impl Work {
    /// Waits until there is something to handle; `false` when there never will be.
    async fn waits(self: &Arc<Self>, running: &Arc<Running>, handlers: &mut Handlers) -> bool {
        if self.leaves() {
            return false;
        }
        loop {
            if self.lacks_room(handlers) {
                // In a box, which few need: each worker would keep the room for it.
                Box::pin(self.has_room(handlers)).await;
            }
            let supply = poll_fn(|context| self.poll_supply(running, context)).await;
            match supply {
                None => return false,
                Some(Supply::At(due)) => {
                    Box::pin(self.waits_until(running, due)).await;
                }
                Some(_) if self.rests(running) => Box::pin(self.probe(running, handlers)).await,
                Some(_) => return true,
            }
        }
    }

    fn poll_supply(&self, running: &Running, context: &mut Context<'_>) -> Poll<Option<Supply>> {
        let exchange = &running.exchange;
        let supply = exchange.poll_supply(self.queue, self.id, context);
        // Only now: whoever tells it to leave does so first, and then wakes who is parked.
        if self.leaves() {
            return Poll::Ready(None);
        }
        supply
    }

    /// Waits until a batch is due, or something has changed.
    async fn waits_until(&self, running: &Running, due: time::Instant) {
        let changed = poll_fn(|context| match self.poll_supply(running, context) {
            Poll::Ready(Some(Supply::At(at))) if at == due => Poll::Pending,
            Poll::Ready(_) | Poll::Pending => Poll::Ready(()),
        });
        tokio::select! {
            biased;
            () = changed => {}
            () = time::sleep_until(due) => {}
        }
    }

    fn leaves(&self) -> bool {
        self.member.as_ref().is_some_and(|member| member.leaves())
    }

    /// Handles what there is.
    async fn handle_all(self: &Arc<Self>, running: &Arc<Running>, handlers: &mut Handlers) {
        if self.limit == Some(NonZeroUsize::MIN) {
            return self.handle_in_turn(running).await;
        }
        while self.goes_on(running) {
            let Some(slot) = self.slot(handlers) else {
                return;
            };
            let Some(load) = self.take(running) else {
                return;
            };
            self.begin(running, load, slot, handlers);
            // A worker that always finds a signal would never let another task run.
            coop::consume_budget().await;
        }
    }

    /// Begins a call beside others.
    fn begin(
        self: &Arc<Self>,
        running: &Arc<Running>,
        load: Load,
        mut slot: Slot,
        handlers: &mut Handlers,
    ) {
        let (work, running) = (Arc::clone(self), Arc::clone(running));
        handlers.spawn(async move {
            let settled = work.handle(&running, load, &mut slot).await;
            settled.finish(&running, &work);
        });
    }

    /// Handles what there is, one after the other.
    async fn handle_in_turn(self: &Arc<Self>, running: &Arc<Running>) {
        let mut next = match self.goes_on(running) {
            true => self.take(running),
            false => None,
        };
        while let Some(load) = next.take() {
            let settled = self.handle(running, load, &mut Slot::Kept).await;
            next = match self.goes_on(running) {
                true => self.finish_and_take(running, &settled),
                false => {
                    settled.finish(running, self);
                    None
                }
            };
            coop::consume_budget().await;
        }
    }

    /// Whether it is to take further signals.
    fn goes_on(&self, running: &Running) -> bool {
        if self.leaves() || self.rests(running) {
            return false;
        }
        !self.is_lost(running)
    }

    /// Whether it is a listener whose owner is gone; it has left then.
    fn is_lost(&self, running: &Running) -> bool {
        let member = self.member.as_ref();
        member.is_some_and(|member| running.lets_go(member))
    }

    fn take(&self, running: &Running) -> Option<Load> {
        let entries = match &self.handler {
            Handler::Batch(_) => running.exchange.take_batch(self.queue, self.id),
            Handler::Each(_) | Handler::Listener(_) => {
                let mut entry = running.exchange.take(self.queue, self.id)?;
                entry.ticket = None;
                return Some(Load::One(entry));
            }
        };
        (!entries.is_empty()).then(|| Load::Batch(entries))
    }

    /// Settles what was handled, and takes what is next.
    fn finish_and_take(&self, running: &Running, settled: &Settled) -> Option<Load> {
        if let (Handler::Each(_) | Handler::Listener(_), Keys::One([key])) =
            (&self.handler, &settled.keys)
        {
            let (exchange, worker) = (&running.exchange, self.id);
            let next = exchange.finish_and_take(self.queue, worker, *key, settled.ending);
            return next.map(|mut entry| {
                entry.ticket = None;
                Load::One(entry)
            });
        }
        settled.finish(running, self);
        self.take(running)
    }

    /// Calls the handler; what it was called with is to be settled then, whatever has happened.
    async fn handle(
        self: &Arc<Self>,
        running: &Arc<Running>,
        load: Load,
        slot: &mut Slot,
    ) -> Settled {
        let _active = running.enter();
        let told = Told::new(self, running, &load);
        let keys = load.keys();
        let arrivals = load.arrivals(self.replies);
        let effort = self.effort.as_ref();
        let handled = match effort.and_then(|effort| effort.retry.as_ref()) {
            None => Ok(Handled::once(self.attempt(running, load).await)),
            Some(retry) => Box::pin(self.persist(running, load, retry, slot)).await,
        };
        let handled = match handled {
            Ok(handled) => handled,
            Err(Unwanted) => {
                discard(told);
                let ending = Ending::Abandoned;
                return Settled { keys, ending };
            }
        };
        load::tell(arrivals, &handled);
        let ending = match &handled.outcome {
            Ok(()) => Ending::Done,
            Err(_) => Ending::Dead,
        };
        told.tell(self, running, handled, &keys);
        Settled { keys, ending }
    }

    /// Calls the handler once.
    async fn attempt(self: &Arc<Self>, running: &Arc<Running>, load: Load) -> Outcome {
        let inside = Inside::Handler(self.queue, load.origin());
        let scope = Scope::new(Arc::clone(running), Some(inside));
        let call = scope.run(Guarded::run(|| match running.layers.is_empty() {
            true => self.call(load),
            false => self.layered(running, load),
        }));
        let limit = self.effort.as_ref().and_then(|effort| effort.timeout);
        let call = async {
            match limit {
                None => Ok(call.await),
                Some(limit) => time::timeout(limit, call).await.map_err(|_| limit),
            }
        };
        let called = match self.meter(running, None).time(call).await {
            Ok(called) => called,
            Err(limit) => return Err(Box::new(Failure::TimedOut(limit))),
        };
        self.ended(running, called)
    }

    /// How a call has ended that may have panicked.
    fn ended(&self, running: &Running, called: Result<Outcome, String>) -> Outcome {
        called.unwrap_or_else(|panic| {
            self.panicked(running);
            Err(Box::new(Failure::Panicked(panic)))
        })
    }

    /// Takes nothing from its queue any more.
    fn part(&self, running: &Running) {
        running.exchange.part_with(self.queue, self.id);
        if self.has_departed() {
            running.watch.remove(self.queue, self.id);
        }
    }

    fn has_departed(&self) -> bool {
        let member = self.member.as_ref();
        member.is_some_and(|member| member.has_departed())
    }

    fn call(&self, load: Load) -> HandlerFuture<'static> {
        let heard = |entry: Entry| entry.signal.heard_as(self.templates.as_ref());
        match (&self.handler, load) {
            (Handler::Each(handle), Load::One(entry)) => {
                handle(Run::of(entry.signal, self.templates.clone()))
            }
            (Handler::Listener(closure), Load::One(entry)) => closure.call(heard(entry)),
            (Handler::Batch(handle), Load::Batch(entries)) => {
                handle(entries.into_iter().map(heard).collect())
            }
            (Handler::Batch(handle), Load::One(entry)) => handle(vec![heard(entry)]),
            (Handler::Each(_) | Handler::Listener(_), Load::Batch(_)) => {
                unreachable!("a batch is taken for a handler of batches only")
            }
        }
    }
}
