//! One task for all handlers of a log, as long as they do not wait.
//!
//! A signal that comes alone costs each of them little more than its call, for one wake-up and two visits of the lock do for
//! all. A handler that waits in its call leaves with it for a task of its own, and delays nobody: there it goes on until it
//! has done without waiting for a while. So does one that takes long, which comes back no more.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    queue::{
        cohort::{Companion, Round, Seen},
        log::LogId,
        runs::{Got, Through},
        stores::QueueId,
    },
    scope::running::Running,
    signal::{hatch, segment::Segment, stock::Stock},
    worker::{
        hand::Hand,
        home::Home,
        pace::{Pace, SIGNALS_PER_TURN, poll_step},
        runs::{self, SIGNALS_PER_STEP},
    },
};

/// A handler that takes longer than this for a run while others wait leaves for good, if it does so twice.
const LONG_RUN: Duration = Duration::from_micros(100);

/// Where signals come alone, it is learned of one of so many rounds how long they take.
const LEARNED_EACH: u32 = 4;

/// As [`work`](super::work), for the handlers of a log, which take one signal after the other.
pub(crate) async fn work(running: Arc<Running>, log: LogId, hands: Vec<Hand<'static>>) {
    running.begun.add_permits(hands.len());
    drive(running, Arc::new(Home::new(log)), hands).await;
}

/// Drives the handlers of a log until each of them has left, or the bus ends.
pub(super) fn drive(
    running: Arc<Running>,
    home: Arc<Home>,
    hands: Vec<Hand<'static>>,
) -> impl Future<Output = ()> + Send + 'static {
    let mut convoy = Convoy {
        running,
        home,
        at: hands.len(),
        seats: hands.into_iter().map(Seat::from).collect(),
        segment: None,
        stock: None,
        pace: Pace::default(),
        timed: false,
        rounds: 0,
        ended: None,
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
    pace: Pace,
    /// Whether each handler is timed in this round, because the last one took long.
    timed: bool,
    /// How many rounds there were.
    rounds: u32,
    /// When the handler before has ended, if it was measured just now.
    ended: Option<Instant>,
    seen: Seen,
    spare: Vec<Arc<Segment>>,
}

/// The place of a handler.
///
/// To fetch a place costs more than to poll who is there, so it begins with a line of the cache, and what a usual turn needs is in
/// that.
#[repr(C, align(64))]
struct Seat {
    /// Whether it goes with the others, or has what it has by itself.
    together: bool,
    got: Got,
    hand: Hand<'static>,
}

impl From<Hand<'static>> for Seat {
    fn from(hand: Hand<'static>) -> Self {
        Self {
            together: false,
            got: Got::Nothing,
            hand,
        }
    }
}

impl Companion for Seat {
    fn queue(&self) -> QueueId {
        self.hand.work().queue
    }

    fn is_together(&self) -> bool {
        self.together
    }

    fn go_together(&mut self, together: bool) {
        self.together = together;
        if together {
            self.hand.go_together();
        }
    }

    fn through(&mut self) -> Through<'_> {
        self.hand.through()
    }

    fn get(&mut self, got: Got) {
        self.got = got;
    }
}

/// What has become of a handler in its turn.
enum Turn {
    /// It stays, and was called with so many signals.
    Stays(usize),
    /// It goes on in a task of its own.
    Leaves(usize),
    Ends,
}

impl Turn {
    fn of(stays: bool, signals: usize) -> Self {
        match stays {
            true => Self::Stays(signals),
            false => Self::Leaves(signals),
        }
    }
}

impl Seat {
    /// Calls a handler that goes by itself, if it has anything.
    fn poll_alone(&mut self, running: &Arc<Running>, context: &mut Context<'_>) -> Turn {
        let hand = &mut self.hand;
        match (self.got, hand.left()) {
            _ if self.together => Turn::Stays(0),
            (Got::Ended, _) => Turn::Ends,
            (Got::Nothing, _) | (Got::Signals, 0) => Turn::Stays(0),
            (Got::Signals, size) => {
                let stays = hand.poll(running, context).is_ready() && hand.is_through();
                Turn::of(stays, size)
            }
        }
    }

    /// Lets the handler go on in a task of its own.
    #[cold]
    fn leave(self, running: &Arc<Running>, home: &Arc<Home>) {
        let hand = self.hand;
        if self.together {
            running.exchange.part(hand.work().queue);
        }
        let alone = runs::alone(Arc::clone(running), hand, Some(Arc::clone(home)));
        running.tasks.spawn_worker(&running.runtime, alone);
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
            let seats = &mut self.seats;
            self.home
                .let_in(|hands| seats.extend(hands.map(Seat::from)));
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
        self.running.begin();
        let begun = self.is_learned().then(Instant::now);
        self.ended = None;
        let polled = self.poll_all_turns(context);
        let took = begun.map_or(Duration::ZERO, |begun| begun.elapsed());
        self.pace.learn(took);
        if polled.is_ready() {
            self.rounds = self.rounds.wrapping_add(1);
            self.timed = self.pace.ends_long_round();
        }
        polled
    }

    /// Whether it is learned how long this round takes. To look at the clock costs as much as to call a small handler.
    fn is_learned(&self) -> bool {
        let signals = self.segment.as_ref().map_or(1, |segment| segment.len());
        let often = self.timed || SIGNALS_PER_STEP <= signals;
        1 < self.seats.len() && (often || self.rounds % LEARNED_EACH == 0)
    }

    fn poll_all_turns(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.at < self.seats.len() {
            // A task that always finds a signal would never let another one run.
            while self.pace.is_step_due() {
                ready!(poll_step(context));
                self.pace.steps();
            }
            self.turns(context);
        }
        Poll::Ready(())
    }

    /// Gives handlers their turn, as many as go to a step.
    fn turns(&mut self, context: &mut Context<'_>) {
        while self.at < self.seats.len() && !self.pace.is_step_due() {
            let turn = match self.usual_turns(context) {
                (0, None) => self.turn(context),
                (_, None) => continue,
                (_, Some(signals)) => Turn::Leaves(signals),
            };
            match turn {
                Turn::Stays(0) => self.at += 1,
                Turn::Stays(signals) => {
                    self.at += 1;
                    self.pace.did(SIGNALS_PER_TURN + signals);
                }
                // Another one has the place then, whose turn it is.
                Turn::Leaves(signals) => {
                    let seat = self.seats.swap_remove(self.at);
                    seat.leave(&self.running, &self.home);
                    self.pace.did(SIGNALS_PER_TURN + signals);
                }
                Turn::Ends => self.seats.swap_remove(self.at).hand.end(&self.running),
            }
        }
    }

    /// Gives handlers their turn that go together, one after the other, as long as that is as usual; how many those were, and how many
    /// signals the one behind them was called with, if it leaves.
    ///
    /// What they go through lies in the hatch for all of them.
    fn usual_turns(&mut self, context: &mut Context<'_>) -> (usize, Option<usize>) {
        // Where somebody waits for a word, each handler has one to say.
        let usual = |segment: &&Arc<Segment>| !self.timed && !segment.owes();
        let segment = self.segment.as_ref().filter(usual);
        let Some(size) = segment.map(|segment| segment.len()) else {
            return (0, None);
        };
        let Some(mut all) = self.stock.take() else {
            return (0, None);
        };
        all.rewind();
        let outer = hatch::open(Some(all));
        let most = self.pace.turns_left(size);
        let (mut through, mut leaves) = (0, false);
        for seat in self.seats[self.at..].iter_mut().take(most) {
            if !seat.together || !seat.hand.is_usual() {
                break;
            }
            let (hand, ended) = (&mut seat.hand, &mut self.ended);
            leaves = !hand.poll_next(&self.running, size, ended, context);
            if leaves {
                break;
            }
            through += 1;
        }
        self.stock = hatch::close(outer);
        self.at += through;
        self.pace.did(through * (SIGNALS_PER_TURN + size));
        (through, leaves.then_some(size))
    }

    /// Gives one handler its turn.
    fn turn(&mut self, context: &mut Context<'_>) -> Turn {
        let Self {
            running,
            segment,
            stock,
            ended,
            ..
        } = self;
        let seat = &mut self.seats[self.at];
        let begun = self.timed.then(Instant::now);
        let turn = match &segment {
            Some(segment) if seat.together => {
                let mut all = match stock.take() {
                    Some(stock) => stock,
                    None => fill(Box::default(), segment, running),
                };
                all.rewind();
                let size = segment.len();
                *stock = seat
                    .hand
                    .poll_together(running, (all, size), ended, context);
                Turn::of(stock.is_some(), size)
            }
            _ => {
                // It takes the time that it takes, which is nobody's behind it.
                *ended = None;
                seat.poll_alone(running, context)
            }
        };
        let long = begun.is_some_and(|begun| LONG_RUN < begun.elapsed());
        match turn {
            Turn::Stays(signals) if long && 0 < signals => {
                Turn::of(seat.hand.takes_long(), signals)
            }
            Turn::Leaves(signals) if long => {
                seat.hand.takes_long();
                Turn::Leaves(signals)
            }
            turn => turn,
        }
    }

    /// Ends with the bus, or the topic.
    fn end(&mut self) {
        let seats = self.seats.drain(..);
        seats.for_each(|seat| seat.hand.end(&self.running));
    }
}

/// Fills what handlers go through with signals that they share.
fn fill(mut stock: Box<Stock>, segment: &Arc<Segment>, running: &Running) -> Box<Stock> {
    stock.keep(running.keeps_dead());
    stock.add_segment(Arc::clone(segment));
    stock
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::Seat;
    use crate::worker::hand::Hand;

    #[test]
    fn a_usual_turn_fetches_one_line_of_the_cache() {
        let usual = offset_of!(Seat, hand) + Hand::USUAL;
        assert!(usual <= 64, "{usual} B");
    }
}
