//! The short way of a worker whose handler takes one signal after the other: it has several of them in one go.

use std::{future::poll_fn, sync::Arc, task::Poll};

use tokio::task::coop;

use crate::{
    registry::subscriber::Handle,
    scope::running::Running,
    worker::{
        Handler, Work,
        convoy::{self, Home},
        hand::Hand,
    },
};

/// So many signals count as one step of those after which a task lets others run.
pub(super) const SIGNALS_PER_STEP: usize = 16;
/// Who has handled so many signals without waiting goes back to where others are handled with it.
const QUICK: u64 = 32;

/// As [`work`](super::work), for a handler that takes one signal after the other.
pub(crate) async fn work(running: Arc<Running>, hand: Hand) {
    running.begun.add_permits(1);
    alone(running, hand, None).await;
}

/// What comes next for a handler in a task of its own.
enum Next {
    Run,
    Home,
    End,
}

/// Calls one handler, which may have left others, and may come home to them.
#[expect(
    clippy::manual_async_fn,
    reason = "arguments of an async function are in its future twice"
)]
pub(super) fn alone(
    running: Arc<Running>,
    mut hand: Hand,
    home: Option<Arc<Home>>,
) -> impl Future<Output = ()> + Send + 'static {
    async move {
        if hand.waits() {
            hand.handle(&running).await;
        }
        loop {
            match hand.next(&running, home.is_some()).await {
                Next::Run => {}
                Next::Home => return go_home(running, hand, home).await,
                Next::End => return hand.end(&running),
            }
            let size = hand.left();
            if hand.work().rests(&running) && Box::pin(hand.work().rest(&running)).await {
                hand.try_one(&running).await;
                continue;
            }
            hand.handle(&running).await;
            // A worker that always finds a signal would never let another task run.
            for _ in 0..=size / SIGNALS_PER_STEP {
                coop::consume_budget().await;
            }
        }
    }
}

async fn go_home(running: Arc<Running>, hand: Hand, home: Option<Arc<Home>>) {
    let Some(home) = home else { return };
    running.tasks.reap();
    if let Some(first) = home.enter(hand) {
        convoy::drive(running, home, vec![first]).await;
    }
}

impl Work {
    /// How its handler is called, if it may have several signals in one go.
    pub(crate) fn handle_in_runs(&self, running: &Running) -> Option<Handle> {
        match &self.handler {
            Handler::Each(handle) if self.in_runs && !running.handles_each() => Some(*handle),
            _ => None,
        }
    }
}

impl Hand {
    /// Waits for the next run; `has_home` if there are others it may go back to when there is none.
    async fn next(&mut self, running: &Running, has_home: bool) -> Next {
        // Who rests does so by itself, and others need not ask.
        let rests = self.work().rests(running);
        let goes = has_home && QUICK <= self.quick() && self.comes_back() && !rests;
        poll_fn(
            |context| match running.exchange.poll_run(self.through(), context) {
                Poll::Ready(true) => Poll::Ready(Next::Run),
                Poll::Ready(false) => Poll::Ready(Next::End),
                Poll::Pending if goes => Poll::Ready(Next::Home),
                Poll::Pending => {
                    self.rest();
                    Poll::Pending
                }
            },
        )
        .await
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
    async fn handle(&mut self, running: &Arc<Running>) {
        running.begin();
        poll_fn(|context| self.poll(running, context)).await;
    }
}
