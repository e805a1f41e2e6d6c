//! Places in the lines in which publishers wait, and what the waits of handlers are known for.

use std::{sync::Arc, task::Waker};

use crate::queue::{
    State,
    admission::Obstacle,
    line::{Line, LineId},
    log::LogId,
    offer::{Inside, Offer, Target},
    stores::QueueId,
    stuck::Blocked,
    wakes::Wakes,
};

impl State {
    /// Takes, or keeps, a place in the line; returns its number.
    pub(super) fn join_line(
        &mut self,
        offer: &Offer,
        ticket: Option<u64>,
        obstacle: Obstacle,
        waker: &Waker,
        wakes: &mut Wakes,
    ) -> u64 {
        let ticket = ticket.unwrap_or_else(|| {
            self.last_ticket += 1;
            self.changes += 1;
            self.remember_blocked(offer, self.last_ticket);
            self.last_ticket
        });
        let id = LineId::of(offer, Some(ticket));
        let line = self.lines.entry(id);
        let line = line.or_insert_with(|| Line::new((&*offer.signal.label().about.topic).into()));
        wakes.drop_waker(line.wait(ticket, waker));
        if let Obstacle::Full(target) = obstacle {
            if line.waits_for != Some(target.queue) {
                line.waits_for = Some(target.queue);
                self.add_line(target, id);
            }
        }
        ticket
    }

    fn remember_blocked(&mut self, offer: &Offer, ticket: u64) {
        if let Some(handling) = offer.inside.and_then(Inside::handling) {
            self.blocked.push(Blocked {
                ticket,
                handling,
                targets: Arc::clone(&offer.destination.targets),
                known: true,
            });
        }
    }

    /// Tells where a waiting handler wants to go now.
    pub(super) fn redirect(&mut self, ticket: u64, targets: &Arc<[Target]>) {
        let mut blocked = self.blocked.iter_mut();
        if let Some(blocked) = blocked.find(|blocked| blocked.ticket == ticket) {
            blocked.targets = Arc::clone(targets);
            blocked.known = false;
        }
    }

    /// Whether a waiting handler has looked for a circle since its other waits have changed, or it was told of room.
    ///
    /// Others who looked while there was room have seen that it can move; if somebody else has taken that room, it cannot.
    pub(super) fn is_known(&self, ticket: u64) -> bool {
        let mut blocked = self.blocked.iter();
        let line = self.lines.get(&LineId::Handler(ticket));
        line.is_some_and(|line| line.waits_for.is_some())
            && blocked.any(|blocked| blocked.ticket == ticket && blocked.known)
    }

    pub(super) fn know(&mut self, ticket: u64) {
        if let Some(blocked) = self
            .blocked
            .iter_mut()
            .find(|blocked| blocked.ticket == ticket)
        {
            blocked.known = true;
        }
    }

    /// Lets every handler that waits look for a circle again.
    pub(super) fn look_again(&mut self, wakes: &mut Wakes) {
        for blocked in &mut self.blocked {
            blocked.known = false;
            if let Some(line) = self.lines.get(&LineId::Handler(blocked.ticket)) {
                line.wake_first(wakes);
            }
        }
    }

    /// Lets the handlers look for a circle again whose signals hold up a log now, and may not have before.
    ///
    /// Those whose own wait has closed none as long as others held it up would not look by themselves.
    pub(super) fn look_again_in(&mut self, log: LogId, wakes: &mut Wakes) {
        self.update_blocked(None);
        let shared = &self.logs[log.index()];
        for blocked in &mut self.blocked {
            let store = self.stores.get(blocked.handling.0);
            let reading = store.and_then(|store| store.reading.as_deref());
            if reading.is_some_and(|one| one.log == log && one.holds_up(shared)) {
                blocked.known = false;
                if let Some(line) = self.lines.get(&LineId::Handler(blocked.ticket)) {
                    line.wake_first(wakes);
                }
            }
        }
    }

    /// Lets the handlers of a queue look for a circle again.
    ///
    /// One of them has ended and has made no room, because more had been let in than there is room for: those that are
    /// left may be all that wait now, and none of them would look by itself.
    pub(super) fn look_again_from(&mut self, queue: QueueId, wakes: &mut Wakes) {
        for blocked in &mut self.blocked {
            if blocked.handling.0 == queue {
                blocked.known = false;
                if let Some(line) = self.lines.get(&LineId::Handler(blocked.ticket)) {
                    line.wake_first(wakes);
                }
            }
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
    pub(super) fn leave_line(&mut self, offer: &Offer, ticket: Option<u64>, wakes: &mut Wakes) {
        let Some(ticket) = ticket else { return };
        self.forget_blocked(ticket, wakes);
        let id = LineId::of(offer, Some(ticket));
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        self.changes += 1;
        let was_first = line.is_first(ticket);
        wakes.drop_waker(line.leave(ticket));
        if line.is_empty() {
            let waits_for = line.waits_for;
            self.lines.remove(&id);
            if let Some(queue) = waits_for {
                self.remove_line(queue, id);
            }
        } else if was_first {
            line.wake_first(wakes);
        }
    }
}
