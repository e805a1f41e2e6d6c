//! One task for all handlers of a log, as long as they do not wait.
//!
//! A signal that comes alone costs each of them little more than its call, for one wake-up and two visits of the lock do for
//! all. A handler that waits in its call leaves with it for a task of its own, and delays nobody: there it goes on until it
//! has done without waiting for a while. So does one that takes long, which comes back no more.

use std::{
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use tokio::{task::coop, time::Instant};

use crate::{
    queue::{log::LogId, runs::Got},
    scope::running::Running,
    worker::{
        hand::Hand,
        runs::{self, SIGNALS_PER_STEP},
    },
};

/// Handlers that take longer than this together are timed one by one.
const LONG_ROUND: Duration = Duration::from_micros(200);
/// A handler that takes longer than this for a run while others wait leaves for good, if it does so twice.
const LONG_RUN: Duration = Duration::from_micros(100);

/// Where handlers that have left come back to.
pub(crate) struct Home {
    log: LogId,
    /// Whether somebody waits at the door.
    knocks: AtomicBool,
    door: Mutex<Door>,
}

#[derive(Default)]
struct Door {
    /// Whether there is a convoy to come back to.
    open: bool,
    arrived: Vec<Hand>,
    /// Whoever drives the convoy, while it sleeps.
    driver: Option<Waker>,
}

impl Home {
    fn new(log: LogId) -> Self {
        Self {
            log,
            knocks: AtomicBool::new(false),
            door: Mutex::new(Door {
                open: true,
                ..Door::default()
            }),
        }
    }

    /// Takes a handler in; or gives it back, if it is to be the first of a new convoy.
    pub(super) fn enter(&self, hand: Hand) -> Option<Hand> {
        let mut door = self.door();
        if !door.open {
            door.open = true;
            return Some(hand);
        }
        door.arrived.push(hand);
        self.knocks.store(true, Ordering::Release);
        let driver = door.driver.take();
        drop(door);
        driver.into_iter().for_each(Waker::wake);
        None
    }

    /// Takes in whoever is at the door.
    fn let_in(&self, hands: &mut Vec<Option<Hand>>) {
        if self.knocks.swap(false, Ordering::AcqRel) {
            hands.extend(self.door().arrived.drain(..).map(Some));
        }
    }

    /// Sleeps until somebody comes; `false` if somebody has come already.
    fn sleeps(&self, waker: &Waker) -> bool {
        let mut door = self.door();
        let sleeps = door.arrived.is_empty();
        if sleeps {
            door.driver = Some(waker.clone());
        }
        sleeps
    }

    /// Closes the door behind the last handler, unless another one stands before it.
    fn close(&self) -> bool {
        let mut door = self.door();
        door.open = !door.arrived.is_empty();
        !door.open
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As [`work`](super::work), for the handlers of a log, which take one signal after the other.
pub(crate) async fn work(running: Arc<Running>, log: LogId, hands: Vec<Hand>) {
    running.begun.add_permits(hands.len());
    drive(running, Arc::new(Home::new(log)), hands).await;
}

/// Drives the handlers of a log until each of them has left, or the bus ends.
pub(super) fn drive(
    running: Arc<Running>,
    home: Arc<Home>,
    hands: Vec<Hand>,
) -> impl Future<Output = ()> + Send + 'static {
    let mut convoy = Convoy {
        running,
        home,
        at: hands.len(),
        got: vec![Got::Nothing; hands.len()],
        hands: hands.into_iter().map(Some).collect(),
        timed: false,
    };
    async move {
        poll_fn(|context| convoy.poll(context)).await;
        convoy.end();
    }
}

struct Convoy {
    running: Arc<Running>,
    home: Arc<Home>,
    /// A gap for each that has left in this round.
    hands: Vec<Option<Hand>>,
    /// What each has got for this round.
    got: Vec<Got>,
    /// Whose turn it is in this round.
    at: usize,
    /// Whether each handler is timed in this round, because the last one took long.
    timed: bool,
}

impl Convoy {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.at == self.hands.len() && !ready!(self.poll_round(context)) {
                return Poll::Ready(());
            }
            ready!(self.poll_turns(context));
        }
    }

    /// Waits for the next round; `false` if there will be none.
    fn poll_round(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        loop {
            self.home.let_in(&mut self.hands);
            self.hands.retain(Option::is_some);
            if self.hands.is_empty() && self.home.close() {
                return Poll::Ready(false);
            }
            self.got.resize(self.hands.len(), Got::Nothing);
            let hands = self.hands.iter_mut().flatten().zip(&mut self.got);
            let hands = hands.map(|(hand, got)| (hand.through(), got));
            let (exchange, log) = (&self.running.exchange, self.home.log);
            let polled = exchange.poll_runs(log, hands, context);
            self.at = if polled.is_ready() {
                0
            } else {
                self.hands.len()
            };
            if polled.is_pending() && !self.home.sleeps(context.waker()) {
                continue;
            }
            if polled.is_pending() {
                self.hands.iter_mut().flatten().for_each(Hand::rest);
            }
            return polled;
        }
    }

    /// Gives each handler its turn.
    fn poll_turns(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let running = Arc::clone(&self.running);
        let _active = running.enter();
        let alone = self.hands.len() < 2;
        let begun = (!alone && self.at == 0).then(Instant::now);
        while self.at < self.hands.len() {
            let at = self.at;
            if self.got[at] == Got::Signals {
                // A task that always finds a signal would never let another one run.
                let size = self.hands[at].as_ref().map_or(0, Hand::left);
                for _ in 0..=size / SIGNALS_PER_STEP {
                    ready!(poll_step(context));
                }
                self.turn(at, context);
            } else if self.got[at] == Got::Ended {
                self.hands[at]
                    .take()
                    .into_iter()
                    .for_each(|hand| hand.end(&running));
            }
            self.at += 1;
        }
        self.timed = begun.is_some_and(|begun| LONG_ROUND < begun.elapsed());
        Poll::Ready(())
    }

    fn turn(&mut self, at: usize, context: &mut Context<'_>) {
        let Some(hand) = &mut self.hands[at] else {
            return;
        };
        let begun = self.timed.then(Instant::now);
        let rests = hand.work().rests(&self.running);
        let leaves = rests || hand.poll(&self.running, context).is_pending() || 0 < hand.left();
        if begun.is_some_and(|begun| LONG_RUN < begun.elapsed()) {
            hand.takes_long();
        }
        if leaves || !hand.comes_back() {
            self.leave(at);
        }
    }

    /// Lets a handler go on in a task of its own.
    fn leave(&mut self, at: usize) {
        if let Some(hand) = self.hands[at].take() {
            let running = Arc::clone(&self.running);
            let alone = runs::alone(running, hand, Some(Arc::clone(&self.home)));
            self.running.tasks.spawn(&self.running.runtime, alone);
        }
    }

    /// Ends with the bus.
    fn end(&mut self) {
        self.home.door().open = false;
        self.home.let_in(&mut self.hands);
        for hand in self.hands.drain(..).flatten() {
            hand.end(&self.running);
        }
    }
}

/// Takes a step of those after which a task lets others run.
fn poll_step(context: &mut Context<'_>) -> Poll<()> {
    ready!(coop::poll_proceed(context)).made_progress();
    Poll::Ready(())
}
