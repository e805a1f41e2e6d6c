//! The short way of a worker whose handler takes one signal after the other: it has several of them in one go.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
};

use crate::{
    scope::running::Running,
    worker::{
        Work, convoy,
        hand::Hand,
        handler::{Handler, Way},
        home::Home,
        owner::{Gone, Owner},
        pace::{SIGNALS_PER_TURN, poll_step},
    },
};

/// So many signals count as one step of those after which a task lets others run.
pub(super) const SIGNALS_PER_STEP: usize = 16;
/// Who has handled so many signals without waiting goes back to where others are handled with it.
const QUICK: u64 = 32;

/// As [`work`](super::work), for a handler that takes one signal after the other.
pub(crate) fn work(
    running: Arc<Running>,
    hand: Hand<'static>,
) -> impl Future<Output = ()> + Send + 'static {
    alone(running, hand, None)
}

/// What comes next for a handler in a task of its own.
enum Next {
    Rest,
    Home,
    End,
}

/// Calls one handler: a new one, or one that has left others, and may come home to them.
///
/// Of what idle subscribers need its future is the largest part, so what is rare in it is elsewhere.
#[expect(
    clippy::manual_async_fn,
    reason = "arguments of an async function are in its future twice"
)]
pub(super) fn alone(
    running: Arc<Running>,
    mut hand: Hand<'static>,
    home: Option<Arc<Home>>,
) -> impl Future<Output = ()> + Send + 'static {
    async move {
        let has_home = home.is_some();
        if !has_home {
            running.begun.add_permits(1);
        }
        let mut since_step = 0;
        loop {
            let next =
                poll_fn(|context| hand.poll_runs(&running, (has_home, &mut since_step), context));
            match next.await {
                Next::Rest => {
                    if Box::pin(hand.work().rest(&running)).await {
                        Box::pin(hand.try_one(&running)).await;
                    }
                }
                Next::Home => return Box::pin(go_home(running, hand, home)).await,
                Next::End => return hand.end(&running),
            }
        }
    }
}

async fn go_home(running: Arc<Running>, hand: Hand<'static>, home: Option<Arc<Home>>) {
    let Some(home) = home else { return };
    running.tasks.reap();
    if let Some(first) = home.enter(hand) {
        convoy::drive(running, home, vec![first]).await;
    }
}

impl Work {
    /// Its hand, if its handler may have several signals in one go.
    pub(crate) fn hand_in_runs(self: &Arc<Self>, running: &Running) -> Option<Hand<'static>> {
        match &self.handler {
            Handler::Each(handle) if self.in_runs && !running.handles_each() => {
                let owner = Owner::Own(Gone(Arc::clone(self)));
                Some(Hand::new(owner, Way::Function(*handle)))
            }
            _ => None,
        }
    }
}

impl Hand<'_> {
    /// Calls the handler with one run after the other, until it has to rest, or may go back to others, if it `has_home`, or there
    /// will be no more.
    fn poll_runs(
        &mut self,
        running: &Arc<Running>,
        (has_home, since_step): (bool, &mut usize),
        context: &mut Context<'_>,
    ) -> Poll<Next> {
        let mut each = SIGNALS_PER_TURN;
        loop {
            if self.waits() {
                running.begin();
                ready!(self.poll(running, context));
            }
            // A worker that always finds a signal would never let another task run.
            while SIGNALS_PER_STEP <= *since_step {
                ready!(poll_step(context));
                *since_step -= SIGNALS_PER_STEP;
            }
            match running.exchange.poll_run(self.through(), context) {
                Poll::Ready(true) => {}
                Poll::Ready(false) => return Poll::Ready(Next::End),
                // Who rests does so by itself, and others need not ask.
                Poll::Pending if has_home && self.goes_home(running) => {
                    return Poll::Ready(Next::Home);
                }
                Poll::Pending => {
                    self.rest();
                    return Poll::Pending;
                }
            }
            if self.work().rests(running) {
                return Poll::Ready(Next::Rest);
            }
            running.begin();
            *since_step += each + self.left();
            // A run that comes right behind another one is a step of its own: while others run, signals gather.
            each = SIGNALS_PER_STEP;
            ready!(self.poll_alone(running, context));
        }
    }

    fn goes_home(&self, running: &Running) -> bool {
        QUICK <= self.quick() && self.comes_back() && !self.work().rests(running)
    }

    /// Tries one signal after a rest.
    async fn try_one(&mut self, running: &Arc<Running>) {
        let panics = self.work().panics();
        self.allow(1);
        self.handle(running).await;
        self.allow(u64::MAX);
        self.work().tried(running, panics);
    }

    /// Calls the handler with what it has, until one call fails or there are no more signals.
    pub(super) async fn handle(&mut self, running: &Arc<Running>) {
        running.begin();
        poll_fn(|context| self.poll(running, context)).await;
    }
}

#[cfg(test)]
mod tests {
    use std::{mem::size_of, sync::Arc};

    use super::alone;
    use crate::{
        scope::running::Running,
        worker::{hand::Hand, home::Home},
    };

    /// The size of what a worker is.
    fn size<F>(_: impl Fn(Arc<Running>, Hand<'static>, Option<Arc<Home>>) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn a_worker_has_room_for_little_more_than_its_hand() {
        let most = size_of::<Hand<'static>>() + 64;
        assert!(size(alone) <= most, "{} of {most} B", size(alone));
    }
}
