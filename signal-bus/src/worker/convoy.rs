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
    signal::{segment::Segment, stock::Stock},
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
        stock: None,
        steps: 0,
        timed: false,
        left: false,
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
    /// What they go through, which goes from one to the next: it would cost as much as to call a small handler to fill one each.
    stock: Option<Box<Stock>>,
    /// Whose turn it is in this round.
    at: usize,
    /// What was done since the last step, counted in signals.
    steps: usize,
    /// Whether each handler is timed in this round, because the last one took long.
    timed: bool,
    /// Whether a handler has left in this round.
    left: bool,
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
        if together {
            self.hand.iter_mut().for_each(Hand::go_together);
        }
    }

    fn through(&mut self) -> Through<'_> {
        let hand = self.hand.as_mut();
        hand.expect("empty places go before a round").through()
    }

    fn get(&mut self, got: Got) {
        self.got = got;
    }
}

impl Seat {
    /// Calls the handler with what it has by itself, if it has anything: how many signals those are, and whether it may stay.
    fn poll_alone(
        &mut self,
        running: &Arc<Running>,
        context: &mut Context<'_>,
    ) -> Option<(usize, bool)> {
        let hand = self.hand.as_mut()?;
        match hand.left() {
            _ if self.together || self.got != Got::Signals => None,
            0 => None,
            size => Some((
                size,
                hand.poll(running, context).is_ready() && hand.is_through(),
            )),
        }
    }

    /// Ends the handler, if there is nothing for it any more.
    fn end_alone(&mut self, running: &Running) -> bool {
        let ends = !self.together && self.got == Got::Ended;
        let ended = self.hand.take_if(|_| ends);
        ended.map(|hand| hand.end(running)).is_some()
    }

    /// Notes that the handler has taken long while others waited; whether it may stay.
    fn takes_long(&mut self) -> bool {
        self.hand.as_mut().is_some_and(|hand| {
            hand.takes_long();
            hand.comes_back()
        })
    }

    /// Lets the handler go on in a task of its own.
    #[cold]
    fn leave(&mut self, running: &Arc<Running>, home: &Arc<Home>) {
        let Some(hand) = self.hand.take() else { return };
        if self.together {
            running.exchange.part(hand.work().queue);
        }
        let alone = runs::alone(Arc::clone(running), hand, Some(Arc::clone(home)));
        running.tasks.spawn(&running.runtime, alone);
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
            // Whoever has it still has left with it.
            self.stock
                .iter_mut()
                .for_each(|stock| drop(stock.take_segment()));
            self.spare.extend(self.segment.take());
            self.spare.retain_mut(Segment::empty);
            self.home.let_in(&mut self.seats);
            if std::mem::take(&mut self.left) {
                self.seats.retain(|seat| seat.hand.is_some());
            }
            self.at = self.seats.len();
            if self.seats.is_empty() && self.home.close() {
                return Poll::Ready(false);
            }
            let (exchange, log) = (&self.running.exchange, self.home.log);
            let (seats, seen, spare) = (&mut self.seats, &mut self.seen, &mut self.spare);
            let polled = exchange.poll_together(log, seats, seen, spare, context);
            match polled {
                Poll::Ready(Round::Signals(segment)) => {
                    let stock = self.stock.take().unwrap_or_default();
                    self.stock = segment.as_ref().map(|one| fill(stock, one, &self.running));
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
        while self.at < self.seats.len() {
            // A task that always finds a signal would never let another one run.
            while SIGNALS_PER_STEP <= self.steps {
                ready!(poll_step(context));
                self.steps -= SIGNALS_PER_STEP;
            }
            self.turns(context);
        }
        self.timed = begun.is_some_and(|begun| LONG_ROUND < begun.elapsed());
        Poll::Ready(())
    }

    /// Gives handlers their turn, as many as go to a step.
    fn turns(&mut self, context: &mut Context<'_>) {
        let Self {
            running,
            home,
            seats,
            segment,
            stock,
            at,
            ..
        } = self;
        let shared = segment.as_ref().map_or(0, |segment| segment.len());
        for seat in seats.iter_mut().skip(*at) {
            *at += 1;
            let begun = self.timed.then(Instant::now);
            let (size, mut stays) = match (&mut seat.hand, &segment) {
                (Some(hand), Some(segment)) if seat.together => {
                    let mut all = match stock.take() {
                        Some(stock) => stock,
                        None => fill(Box::default(), segment, running),
                    };
                    all.rewind();
                    *stock = hand.poll_together(running, (all, shared), context);
                    (shared, stock.is_some())
                }
                _ => match seat.poll_alone(running, context) {
                    Some(polled) => polled,
                    None => {
                        self.left |= seat.end_alone(running);
                        continue;
                    }
                },
            };
            if begun.is_some_and(|begun| LONG_RUN < begun.elapsed()) {
                stays = seat.takes_long() && stays;
            }
            if !stays {
                seat.leave(running, home);
                self.left = true;
            }
            self.steps += SIGNALS_PER_TURN + size;
            if SIGNALS_PER_STEP <= self.steps {
                return;
            }
        }
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

/// Fills what handlers go through with signals that they share.
fn fill(mut stock: Box<Stock>, segment: &Arc<Segment>, running: &Running) -> Box<Stock> {
    stock.keep(running.keeps_dead());
    stock.add_segment(Arc::clone(segment));
    stock
}

/// Takes a step of those after which a task lets others run.
fn poll_step(context: &mut Context<'_>) -> Poll<()> {
    ready!(coop::poll_proceed(context)).made_progress();
    Poll::Ready(())
}
