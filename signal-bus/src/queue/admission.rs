//! Letting a signal in: at once, or after a wait in the line of its topic.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    queue::{
        Exchange, Phase, State,
        entry::{Entry, Ticket},
        line::LineId,
        offer::{Destination, Inside, Offer, Target},
        store::Store,
        stores::QueueId,
        stuck,
        wakes::Wakes,
    },
    signal::{Signal, id::SignalId},
};

/// A signal that was let in.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) id: SignalId,
    /// How many queues it is in.
    pub(crate) receivers: usize,
    /// Whether it counts as published.
    pub(crate) counted: bool,
    /// A share of the signal, if one was asked for.
    pub(crate) recorded: Option<Signal>,
    /// The subscriptions of a circle that this signal was let through, over capacity.
    pub(crate) circle: Option<Vec<QueueId>>,
}

/// A signal that was not let in.
#[derive(Debug)]
pub(crate) enum Rejected {
    Closed(Offer),
    Full(Offer),
    /// Somebody has joined since it was routed.
    Stale(Offer),
}

/// What a wait has come to.
#[derive(Debug)]
pub(crate) enum Waited {
    Admitted(Admitted),
    Closed(Offer),
    /// Somebody has joined since the signal was routed: it needs a [new destination](Admission::redirect).
    Stale,
}

impl Exchange {
    /// Lets a signal in at once, or not at all.
    #[expect(
        clippy::result_large_err,
        reason = "an offer that is not let in is tried again, and a box for it would cost more than the copy"
    )]
    pub(crate) fn try_admit(&self, offer: Offer) -> Result<Admitted, Rejected> {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        if !state.is_open(offer.inside.as_ref()) {
            return Err(Rejected::Closed(offer));
        }
        if state.is_stale(&offer) {
            return Err(Rejected::Stale(offer));
        }
        if state.obstacle(&offer, None).is_some() {
            return Err(Rejected::Full(offer));
        }
        let admitted = state.admit(offer, &mut wakes);
        drop(state);
        wakes.wake();
        Ok(admitted)
    }

    /// The usual way of a signal: takes it in if nothing at all stands in its way.
    ///
    /// Who is to be woken is left to the caller, who may hold a lock.
    pub(crate) fn pass(
        &self,
        signal: &mut Option<Signal>,
        destination: &Destination,
        line: usize,
        inside: Option<Inside>,
        wakes: &mut Wakes,
    ) -> Option<(SignalId, usize)> {
        let mut state = self.lock();
        if !state.has_way(destination, line, inside) {
            return None;
        }
        let mut signal = signal.take()?;
        let id = state.number();
        signal.number(id);
        let receivers = state.put(signal, &destination.targets, None, wakes);
        state.routed += u64::from(0 < receivers);
        Some((id, receivers))
    }

    /// Lets a signal in as soon as every queue has room.
    pub(crate) fn admit(self: &Arc<Self>, offer: Offer) -> Admission {
        Admission {
            exchange: Arc::clone(self),
            offer: Some(offer),
            ticket: None,
            waits_for: None,
        }
    }
}

/// The wait of one publisher. Dropped before it is ready, its signal reached nobody.
#[derive(Debug)]
#[must_use]
pub(crate) struct Admission {
    exchange: Arc<Exchange>,
    offer: Option<Offer>,
    ticket: Option<u64>,
    /// The queue without room that it found last, when no circle was closed.
    waits_for: Option<QueueId>,
}

impl Admission {
    /// The signal that waits, to be routed again.
    pub(crate) fn signal(&self) -> Option<&Signal> {
        self.offer.as_ref().map(|offer| &offer.signal)
    }

    /// Gives up the wait, and the signal back.
    pub(crate) fn give_up(mut self) -> Option<Offer> {
        let offer = self.offer.take()?;
        let mut wakes = Wakes::default();
        let mut state = self.exchange.lock();
        state.leave_line(&offer, self.ticket.take(), &mut wakes);
        drop(state);
        wakes.wake();
        Some(offer)
    }

    /// Sends the signal elsewhere; its place in the line stays.
    pub(crate) fn redirect(&mut self, destination: Destination) {
        if let Some(offer) = &mut self.offer {
            if let Some(ticket) = self.ticket {
                self.exchange.lock().redirect(ticket, &destination.targets);
            }
            self.waits_for = None;
            offer.destination = destination;
        }
    }
}

impl Future for Admission {
    type Output = Waited;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let offer = this
            .offer
            .take()
            .expect("a future is not polled after it is ready");
        let exchange = Arc::clone(&this.exchange);
        let mut wakes = Wakes::default();
        let mut state = exchange.lock();
        if !state.is_open(offer.inside.as_ref()) {
            state.leave_line(&offer, this.ticket.take(), &mut wakes);
            drop(state);
            wakes.wake();
            return Poll::Ready(Waited::Closed(offer));
        }
        if state.is_stale(&offer) {
            this.offer = Some(offer);
            return Poll::Ready(Waited::Stale);
        }
        state.leave_for(&offer.destination.targets);
        let circle = match state.obstacle(&offer, this.ticket) {
            None => None,
            Some(obstacle) => {
                let handling = offer.inside.and_then(Inside::handling);
                state.update_blocked(handling.map(|(queue, _)| queue));
                let circle = this.circle(&state, &offer, obstacle);
                if circle.is_none() {
                    let waker = context.waker();
                    let ticket = state.join_line(&offer, this.ticket, obstacle, waker, &mut wakes);
                    state.know(ticket);
                    this.ticket = Some(ticket);
                    this.waits_for = obstacle.queue();
                    this.offer = Some(offer);
                    drop(state);
                    wakes.wake();
                    return Poll::Pending;
                }
                state.over_capacity += 1;
                circle
            }
        };
        state.leave_line(&offer, this.ticket.take(), &mut wakes);
        let mut admitted = state.admit(offer, &mut wakes);
        admitted.circle = circle;
        drop(state);
        wakes.wake();
        Poll::Ready(Waited::Admitted(admitted))
    }
}

impl Admission {
    /// The circle that would be closed by waiting.
    ///
    /// Whoever waits for the same queue as before closes no circle now that it did not close then, unless a wait beside it
    /// has ended, which wakes it with `waits_for` forgotten.
    fn circle(&self, state: &State, offer: &Offer, obstacle: Obstacle) -> Option<Vec<QueueId>> {
        let known = self.ticket.is_some_and(|ticket| state.is_known(ticket));
        match obstacle {
            Obstacle::Full(target) if known && self.waits_for == Some(target.queue) => None,
            Obstacle::Full(_) | Obstacle::Line => {
                let targets = &offer.destination.targets;
                stuck::circle(
                    &state.stores,
                    &state.logs,
                    &state.blocked,
                    offer.inside,
                    targets,
                )
            }
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        if let (Some(ticket), Some(offer)) = (self.ticket, &self.offer) {
            let mut wakes = Wakes::default();
            self.exchange
                .lock()
                .leave_line(offer, Some(ticket), &mut wakes);
            wakes.wake();
        }
    }
}

/// What keeps a signal out: the queue that has no room, or the publishers before it.
#[derive(Clone, Copy)]
pub(super) enum Obstacle {
    Full(Target),
    Line,
}

impl Obstacle {
    fn queue(self) -> Option<QueueId> {
        match self {
            Self::Full(target) => Some(target.queue),
            Self::Line => None,
        }
    }
}

impl State {
    pub(super) fn is_open(&self, inside: Option<&Inside>) -> bool {
        match self.phase {
            Phase::Running => true,
            Phase::Draining => inside.is_some(),
            Phase::Closed => false,
        }
    }

    /// Whether somebody may have joined whom the offer does not know.
    fn is_stale(&self, offer: &Offer) -> bool {
        offer.destination.generation != self.generation
    }

    fn obstacle(&self, offer: &Offer, ticket: Option<u64>) -> Option<Obstacle> {
        if offer.inside == Some(Inside::Start) {
            // Nobody takes a signal before the start is over, and the start waits for this one.
            return None;
        }
        let before = match (self.lines.get(&LineId::of(offer, ticket)), ticket) {
            (None, _) => 0,
            (Some(line), None) => line.len(),
            (Some(line), Some(ticket)) if line.is_first(ticket) => 0,
            (Some(_), Some(_)) => return Some(Obstacle::Line),
        };
        let mut targets = offer.destination.targets.iter();
        match targets.find(|target| self.lacks_room(**target, before)) {
            // Where there is room for one, others have the right of way.
            Some(target) if self.is_full(*target) => Some(Obstacle::Full(*target)),
            Some(_) => Some(Obstacle::Line),
            None => None,
        }
    }

    /// Puts the signal into all of its queues that are still there.
    fn admit(&mut self, offer: Offer, wakes: &mut Wakes) -> Admitted {
        let Offer {
            mut signal,
            destination: Destination { targets, keeps, .. },
            recorded,
            counted,
            ticket,
            ..
        } = offer;
        // What is delivered another time keeps its id.
        if signal.id() == SignalId::UNSET {
            signal.number(self.number());
        }
        let id = signal.id();
        let recorded = recorded.then(|| signal.clone());
        if let Some(keeps) = &keeps {
            let forgotten = self.kept.keep(keeps, &signal).into_iter();
            let forgotten = forgotten.map(|signal| entry(signal, 0, None));
            forgotten.for_each(|entry| wakes.drop_entry(entry));
        }
        let receivers = self.put(signal, &targets, ticket, wakes);
        self.routed += u64::from(0 < receivers && counted);
        Admitted {
            id,
            receivers,
            counted,
            recorded,
            circle: None,
        }
    }

    /// Puts a signal wherever it is to go and there still is somebody; returns for how many subscriptions that was.
    fn put(
        &mut self,
        signal: Signal,
        targets: &[Target],
        ticket: Option<Ticket>,
        wakes: &mut Wakes,
    ) -> usize {
        let Some(last) = targets.iter().rposition(|target| self.is_there(*target)) else {
            wakes.drop_entry(entry(signal, 0, ticket));
            return 0;
        };
        let mut receivers = 0;
        for target in &targets[..last] {
            if self.is_there(*target) {
                let entry = entry(signal.clone(), target.key, ticket.clone());
                receivers += self.push(*target, entry, wakes);
            }
        }
        // The publisher keeps no share, so that the last handler can have the value for itself.
        let entry = entry(signal, targets[last].key, ticket);
        receivers + self.push(targets[last], entry, wakes)
    }

    /// Whether a signal from `inside` can go to all of a destination now.
    fn has_way(&self, destination: &Destination, line: usize, inside: Option<Inside>) -> bool {
        let before = self.before(line, inside.as_ref());
        let mut targets = destination.targets.iter();
        self.is_open(inside.as_ref())
            && destination.generation == self.generation
            && !targets.any(|target| self.lacks_room(*target, before))
    }

    fn is_there(&self, target: Target) -> bool {
        self.stores.get(target.queue).is_some_and(Store::is_open)
    }

    /// Puts a signal where it is to go; returns for how many subscriptions that is.
    fn push(&mut self, target: Target, entry: Entry, wakes: &mut Wakes) -> usize {
        let Some(store) = self.stores.get_mut(target.queue) else {
            return 0;
        };
        if let (Some(log), false) = (store.log(), target.alone) {
            return self.push_shared(log, entry, wakes);
        }
        store.leave_cohort(&mut self.logs);
        store.go_beside(target.queue, &mut self.logs);
        let pulled = store.is_pulled();
        // One in, one out: nothing more is outstanding than before.
        if store.push(entry, wakes) {
            self.more(pulled);
        }
        1
    }
}

fn entry(signal: Signal, key: u64, ticket: Option<Ticket>) -> Entry {
    Entry {
        signal,
        key,
        since: None,
        ticket,
    }
}
