//! Letting a signal in: at once, or after a wait in the line of its topic.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
};

use crate::{
    queue::{
        Exchange, Inside, Offer, Phase, QueueId, State, Target,
        line::LineId,
        store::Entry,
        stuck::{self, Blocked},
        wakes::Wakes,
    },
    signal::{Signal, SignalId},
};

/// A signal that was let in.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) id: SignalId,
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
}

impl Exchange {
    /// Lets a signal in at once, or not at all.
    pub(crate) fn try_admit(&self, offer: Offer) -> Result<Admitted, Rejected> {
        let mut wakes = Wakes::default();
        let mut state = self.lock();
        if !state.is_open(&offer) {
            return Err(Rejected::Closed(offer));
        }
        if state.obstacle(&offer, None).is_some() {
            return Err(Rejected::Full(offer));
        }
        let (admitted, dropped) = state.admit(offer, &mut wakes);
        drop(state);
        wakes.wake();
        dropped.into_iter().for_each(Entry::discard);
        Ok(admitted)
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

impl Future for Admission {
    type Output = Result<Admitted, Offer>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let offer = this
            .offer
            .take()
            .expect("a future is not polled after it is ready");
        let exchange = Arc::clone(&this.exchange);
        let mut wakes = Wakes::default();
        let mut state = exchange.lock();
        if !state.is_open(&offer) {
            state.leave_line(&offer, this.ticket.take(), &mut wakes);
            drop(state);
            wakes.wake();
            return Poll::Ready(Err(offer));
        }
        let circle = match state.obstacle(&offer, this.ticket) {
            None => None,
            Some(obstacle) => {
                // Whoever waits for the same queue as before closes no circle now that it did not close then, unless a
                // wait beside it has ended, which wakes it with `waits_for` forgotten.
                let known = this.ticket.is_some_and(|ticket| state.is_known(ticket));
                let circle = match obstacle {
                    Obstacle::Full(queue) if known && this.waits_for == Some(queue) => None,
                    Obstacle::Full(_) | Obstacle::Line => {
                        stuck::circle(&state.stores, &state.blocked, offer.inside, &offer.targets)
                    }
                };
                if circle.is_none() {
                    let ticket = state.join_line(&offer, this.ticket, obstacle, context.waker());
                    state.know(ticket);
                    this.ticket = Some(ticket);
                    this.waits_for = obstacle.queue();
                    this.offer = Some(offer);
                    return Poll::Pending;
                }
                state.over_capacity += 1;
                circle
            }
        };
        state.leave_line(&offer, this.ticket.take(), &mut wakes);
        let (mut admitted, dropped) = state.admit(offer, &mut wakes);
        admitted.circle = circle;
        drop(state);
        wakes.wake();
        dropped.into_iter().for_each(Entry::discard);
        Poll::Ready(Ok(admitted))
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
enum Obstacle {
    Full(QueueId),
    Line,
}

impl Obstacle {
    fn queue(self) -> Option<QueueId> {
        match self {
            Self::Full(queue) => Some(queue),
            Self::Line => None,
        }
    }
}

impl State {
    fn is_open(&self, offer: &Offer) -> bool {
        match self.phase {
            Phase::Running => true,
            Phase::Draining => offer.inside.is_some(),
            Phase::Closed => false,
        }
    }

    fn full(&self, offer: &Offer) -> Option<QueueId> {
        let mut queues = offer.targets.iter().map(|target| target.queue);
        queues.find(|queue| self.stores[queue.0].is_full())
    }

    fn obstacle(&self, offer: &Offer, ticket: Option<u64>) -> Option<Obstacle> {
        if offer.inside == Some(Inside::Start) {
            // Nobody takes a signal before the start is over, and the start waits for this one.
            return None;
        }
        let in_turn = match (self.lines.get(&LineId::of(offer, ticket)), ticket) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(line), Some(ticket)) => line.is_first(ticket),
        };
        if !in_turn {
            return Some(Obstacle::Line);
        }
        self.full(offer).map(Obstacle::Full)
    }

    /// Puts the signal into all of its queues.
    ///
    /// What has to be dropped is returned: the values are the user's, and their `drop` must not run under the lock.
    fn admit(&mut self, offer: Offer, wakes: &mut Wakes) -> (Admitted, Vec<Entry>) {
        let Offer {
            mut signal,
            targets,
            recorded,
            counted,
            ..
        } = offer;
        let id = self.last_signal.next();
        self.last_signal = id;
        signal.label_mut().id = id;
        let recorded = recorded.then(|| signal.clone());
        self.routed += u64::from(counted && !targets.is_empty());
        let mut dropped = Vec::new();
        let (last, others) = match targets.split_last() {
            Some((last, others)) => (Some(last), others),
            None => (None, &*targets),
        };
        for target in others {
            dropped.extend(self.push(*target, signal.clone(), wakes));
        }
        match last {
            // The publisher keeps no share, so that the last handler can have the value for itself.
            Some(target) => dropped.extend(self.push(*target, signal, wakes)),
            None => dropped.push(Entry { signal, key: 0 }),
        }
        let admitted = Admitted {
            id,
            recorded,
            circle: None,
        };
        (admitted, dropped)
    }

    fn push(&mut self, target: Target, signal: Signal, wakes: &mut Wakes) -> Option<Entry> {
        let Target { queue, key } = target;
        let dropped = self.stores[queue.0].push(Entry { signal, key }, wakes);
        // One in, one out: nothing more is outstanding than before.
        self.outstanding += usize::from(dropped.is_none());
        dropped
    }

    /// Takes, or keeps, a place in the line; returns its number.
    fn join_line(
        &mut self,
        offer: &Offer,
        ticket: Option<u64>,
        obstacle: Obstacle,
        waker: &Waker,
    ) -> u64 {
        let ticket = ticket.unwrap_or_else(|| {
            self.last_ticket += 1;
            self.remember_blocked(offer, self.last_ticket);
            self.last_ticket
        });
        let id = LineId::of(offer, Some(ticket));
        let line = self.lines.entry(id).or_default();
        line.wait(ticket, waker);
        if let Obstacle::Full(queue) = obstacle {
            if line.waits_for != Some(queue) {
                line.waits_for = Some(queue);
                self.stores[queue.0].add_line(id);
            }
        }
        ticket
    }

    fn remember_blocked(&mut self, offer: &Offer, ticket: u64) {
        if let Some(handling) = offer.inside.and_then(Inside::handling) {
            self.blocked.push(Blocked {
                ticket,
                handling,
                targets: Arc::clone(&offer.targets),
                known: true,
            });
        }
    }

    /// Whether a waiting handler has looked for a circle since its other waits have changed.
    fn is_known(&self, ticket: u64) -> bool {
        self.blocked
            .iter()
            .any(|blocked| blocked.ticket == ticket && blocked.known)
    }

    fn know(&mut self, ticket: u64) {
        if let Some(blocked) = self
            .blocked
            .iter_mut()
            .find(|blocked| blocked.ticket == ticket)
        {
            blocked.known = true;
        }
    }

    /// Forgets the wait of a handler. Its other waits look again: what could move before may be a circle now.
    fn forget_blocked(&mut self, ticket: u64, wakes: &mut Wakes) {
        let Some(at) = self
            .blocked
            .iter()
            .position(|blocked| blocked.ticket == ticket)
        else {
            return;
        };
        let gone = self.blocked.swap_remove(at);
        for other in self
            .blocked
            .iter_mut()
            .filter(|other| other.handling == gone.handling)
        {
            other.known = false;
            if let Some(line) = self.lines.get(&LineId::Handler(other.ticket)) {
                line.wake_first(wakes);
            }
        }
    }

    /// Leaves the line, if it was in it; the next one then has its turn.
    fn leave_line(&mut self, offer: &Offer, ticket: Option<u64>, wakes: &mut Wakes) {
        let Some(ticket) = ticket else { return };
        self.forget_blocked(ticket, wakes);
        let id = LineId::of(offer, Some(ticket));
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        let was_first = line.is_first(ticket);
        line.leave(ticket);
        if line.is_empty() {
            if let Some(queue) = line.waits_for {
                self.stores[queue.0].remove_line(id);
            }
            self.lines.remove(&id);
        } else if was_first {
            line.wake_first(wakes);
        }
    }
}

impl Offer {
    /// Takes back the signal.
    pub(crate) fn into_signal(self) -> Signal {
        self.signal
    }
}
