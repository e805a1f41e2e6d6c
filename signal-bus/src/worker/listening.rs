//! The short way of a listener that is called with one signal after the other.
//!
//! It may leave at any time, and gives up what it has not begun with then. So it takes one signal at a time: all others are in its queue,
//! where whoever leaves finds them. What it needs to be called with them is made with the first one.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use crate::{
    scope::running::Running,
    worker::{
        Work,
        hand::Hand,
        handler::{Handler, Way},
        owner::{Gone, Owner},
        pace::poll_step,
    },
};

/// What comes next for a listener that has no signal in hand.
enum Next {
    /// It has panicked too often.
    Rest,
    End,
}

/// As [`work`](super::work), for a listener that is called with one signal after the other.
///
/// Of what idle listeners need its future is a large part, so what is rare in it is elsewhere.
#[expect(
    clippy::manual_async_fn,
    reason = "arguments of an async function are in its future twice"
)]
fn listen(running: Arc<Running>, work: Arc<Work>) -> impl Future<Output = ()> + Send + 'static {
    async move {
        let gone = Gone(work);
        let mut hand = None;
        running.begun.add_permits(1);
        loop {
            let next = poll_fn(|context| gone.0.poll_calls(&running, &mut hand, context));
            match (next.await, &mut hand) {
                (Next::Rest, Some(hand)) => Box::pin(hand.probe(&running)).await,
                (Next::Rest, None) => {}
                (Next::End, _) => break,
            }
        }
        drop(hand);
        gone.0.recovers(&running);
        gone.0.part(&running);
        drop(gone);
        running.tasks.reap();
    }
}

/// Spawns the worker of a listener; `false` if the bus has ended.
pub(crate) fn spawn(running: &Arc<Running>, work: Arc<Work>) -> bool {
    let (tasks, runtime, bus) = (&running.tasks, &running.runtime, Arc::clone(running));
    match work.listens_plainly(running) {
        true => tasks.spawn(runtime, listen(bus, work)),
        false => tasks.spawn(runtime, super::work(bus, work)),
    }
}

impl Work {
    /// Whether it is a listener that is called with one signal after the other, and nothing is to be seen to in a call but the call
    /// itself.
    fn listens_plainly(&self, running: &Running) -> bool {
        self.in_runs && matches!(self.handler, Handler::Listener(_)) && !running.handles_each()
    }

    /// Calls the closure with what there is, until it has to rest, or there will be no more.
    fn poll_calls<'call>(
        self: &'call Arc<Self>,
        running: &Arc<Running>,
        hand: &mut Option<Box<Hand<'call>>>,
        context: &mut Context<'_>,
    ) -> Poll<Next> {
        let hand = match hand {
            Some(hand) => hand,
            none => match ready!(self.poll_supply(running, context)) {
                Some(_) => none.insert(Box::new(self.hand())),
                None => return Poll::Ready(Next::End),
            },
        };
        if hand.waits() {
            running.begin();
            ready!(hand.poll(running, context));
        }
        loop {
            if self.is_lost(running) || self.rests(running) {
                return self.poll_standing(running, hand, context);
            }
            match running.exchange.poll_run(hand.through(), context) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(Next::End),
                Poll::Pending => {
                    hand.lie_down();
                    return Poll::Pending;
                }
            }
            running.begin();
            ready!(hand.poll_alone(running, context));
            // A worker that always finds a signal would never let another task run.
            if poll_step(context).is_pending() {
                running.exchange.settle_run(&hand.through());
                return Poll::Pending;
            }
        }
    }

    fn hand(self: &Arc<Self>) -> Hand<'_> {
        match &self.handler {
            Handler::Listener(closure) => Hand::new(Owner::Lent(self), Way::Closure(&**closure)),
            Handler::Each(_) | Handler::Batch(_) => unreachable!("only listeners listen"),
        }
    }

    /// Takes nothing, and waits for something to try once it has rested, or for the end.
    fn poll_standing(
        self: &Arc<Self>,
        running: &Arc<Running>,
        hand: &mut Hand<'_>,
        context: &mut Context<'_>,
    ) -> Poll<Next> {
        running.exchange.settle_run(&hand.through());
        match ready!(self.poll_supply(running, context)) {
            None => Poll::Ready(Next::End),
            Some(_) if self.rests(running) => Poll::Ready(Next::Rest),
            Some(_) => {
                // Whoever lets it go for its owner's sake is about to.
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

impl Hand<'_> {
    /// Rests, and then tries one signal: if that does not panic, the rest is over.
    async fn probe(&mut self, running: &Arc<Running>) {
        if !self.work().rest(running).await || self.work().is_lost(running) {
            return;
        }
        let taken =
            poll_fn(|context| Poll::Ready(running.exchange.poll_run(self.through(), context)));
        if taken.await != Poll::Ready(true) {
            return;
        }
        let panics = self.work().panics();
        self.handle(running).await;
        self.work().tried(running, panics);
    }
}
