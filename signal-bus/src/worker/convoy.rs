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
    queue::{
        cohort::{Companion, Round, Seen},
        log::LogId,
        runs::{Got, Through},
        stores::QueueId,
    },
    scope::running::Running,
    signal::segment::Segment,
    worker::{
        hand::Hand,
        runs::{self, SIGNALS_PER_STEP},
    },
};

/// Handlers that take longer than this together are timed one by one.
const LONG_ROUND: Duration = Duration::from_micros(200);
/// A handler that takes longer than this for a run while others wait leaves for good, if it does so twice.
const LONG_RUN: Duration = Duration::from_micros(100);

/// To begin with a handler counts as much as so many signals.
const SIGNALS_PER_TURN: usize = 4;

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
    fn let_in(&self, seats: &mut Vec<Seat>) {
        if self.knocks.swap(false, Ordering::AcqRel) {
            seats.extend(self.door().arrived.drain(..).map(Seat::from));
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
        seats: hands.into_iter().map(Seat::from).collect(),
        segment: None,
        share: None,
        steps: 0,
        timed: false,
        seen: Seen::default(),
        spare: Vec::new(),
    };
    poll_fn(move |context| convoy.poll(context))
}

struct Convoy {
    running: Arc<Running>,
    home: Arc<Home>,
    seats: Vec<Seat>,
    /// The signals of this round, for those who go together.
    segment: Option<Arc<Segment>>,
    /// A share of them, which goes from one to the next: to count shares would cost as much as to call a small handler.
    share: Option<Arc<Segment>>,
    /// Whose turn it is in this round.
    at: usize,
    /// What was done since the last step, counted in signals.
    steps: usize,
    /// Whether each handler is timed in this round, because the last one took long.
    timed: bool,
    seen: Seen,
    spare: Vec<Arc<Segment>>,
}

/// The place of a handler; empty, once it has left in this round.
struct Seat {
    hand: Option<Hand>,
    /// Whether it goes with the others, or has what it has by itself.
    together: bool,
    got: Got,
}

impl From<Hand> for Seat {
    fn from(hand: Hand) -> Self {
        Self {
            hand: Some(hand),
            together: false,
            got: Got::Nothing,
        }
    }
}

impl Companion for Seat {
    fn queue(&self) -> Option<QueueId> {
        self.hand.as_ref().map(|hand| hand.work().queue)
    }

    fn is_together(&self) -> bool {
        self.together
    }

    fn go_together(&mut self, together: bool) {
        self.together = together;
    }

    fn is_settled(&mut self) {
        self.hand.iter_mut().for_each(Hand::is_settled);
    }

    fn through(&mut self) -> Through<'_> {
        let hand = self.hand.as_mut();
        hand.expect("empty places go before a round").through()
    }

    fn get(&mut self, got: Got) {
        self.got = got;
    }
}

impl Convoy {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.at == self.seats.len() && !ready!(self.poll_round(context)) {
                return Poll::Ready(());
            }
            ready!(self.poll_turns(context));
        }
    }

    /// Waits for the next round; `false` if there will be none.
    fn poll_round(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        loop {
            self.share = None;
            self.spare.extend(self.segment.take());
            self.spare.retain_mut(Segment::empty);
            self.home.let_in(&mut self.seats);
            self.seats.retain(|seat| seat.hand.is_some());
            self.at = self.seats.len();
            if self.seats.is_empty() && self.home.close() {
                return Poll::Ready(false);
            }
            let (exchange, log) = (&self.running.exchange, self.home.log);
            let (seats, seen, spare) = (&mut self.seats, &mut self.seen, &mut self.spare);
            let polled = exchange.poll_together(log, seats, seen, spare, context);
            match polled {
                Poll::Ready(Round::Signals(segment)) => {
                    self.segment = segment;
                    self.at = 0;
                    return Poll::Ready(true);
                }
                Poll::Ready(Round::Ended) if !self.seats.is_empty() => {
                    // Others may be at the door, with signals that they have not handled.
                    self.end();
                    continue;
                }
                Poll::Ready(Round::Ended) | Poll::Pending => {}
            }
            if self.home.sleeps(context.waker()) {
                return Poll::Pending;
            }
        }
    }

    /// Gives each handler its turn.
    fn poll_turns(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let running = Arc::clone(&self.running);
        let _active = running.enter();
        let alone = self.seats.len() < 2;
        let begun = (!alone && self.at == 0).then(Instant::now);
        while let Some(seat) = self.seats.get_mut(self.at) {
            let size = match (&self.segment, &seat.hand) {
                (Some(segment), _) if seat.together => segment.len(),
                (_, Some(hand)) if seat.got == Got::Signals => hand.left(),
                _ => 0,
            };
            if 0 < size {
                // A task that always finds a signal would never let another one run.
                while SIGNALS_PER_STEP <= self.steps {
                    ready!(poll_step(context));
                    self.steps -= SIGNALS_PER_STEP;
                }
                self.steps += SIGNALS_PER_TURN + size;
                self.turn(context);
            } else if seat.got == Got::Ended && !seat.together {
                seat.hand
                    .take()
                    .into_iter()
                    .for_each(|hand| hand.end(&running));
            }
            self.at += 1;
        }
        self.timed = begun.is_some_and(|begun| LONG_ROUND < begun.elapsed());
        Poll::Ready(())
    }

    fn turn(&mut self, context: &mut Context<'_>) {
        let Some(Seat {
            hand: Some(hand),
            together,
            ..
        }) = self.seats.get_mut(self.at)
        else {
            return;
        };
        if let (Some(segment), true) = (&self.segment, *together) {
            let share = self.share.take();
            hand.fill(share.unwrap_or_else(|| Arc::clone(segment)));
        }
        let begun = self.timed.then(Instant::now);
        let rests = hand.work().rests(&self.running);
        let stays = !rests && hand.poll(&self.running, *together, context).is_ready();
        if begun.is_some_and(|begun| LONG_RUN < begun.elapsed()) {
            hand.takes_long();
        }
        if *together {
            self.share = hand.give_back();
        }
        if !stays || hand.has_failed() || 0 < hand.left() || !hand.comes_back() {
            self.leave();
        }
    }

    /// Lets the handler whose turn it is go on in a task of its own.
    fn leave(&mut self) {
        let Some(seat) = self.seats.get_mut(self.at) else {
            return;
        };
        let Some(hand) = seat.hand.take() else { return };
        if seat.together {
            self.running.exchange.part(hand.work().queue);
        }
        let running = Arc::clone(&self.running);
        let alone = runs::alone(running, hand, Some(Arc::clone(&self.home)));
        self.running.tasks.spawn(&self.running.runtime, alone);
    }

    /// Ends with the bus, or the topic.
    fn end(&mut self) {
        for seat in self.seats.drain(..) {
            seat.hand
                .into_iter()
                .for_each(|hand| hand.end(&self.running));
        }
    }
}

/// Takes a step of those after which a task lets others run.
fn poll_step(context: &mut Context<'_>) -> Poll<()> {
    ready!(coop::poll_proceed(context)).made_progress();
    Poll::Ready(())
}
