//! The way in: from a value to the queues of its topic.

pub(crate) mod annotated;
pub(crate) mod broadcast;
pub(crate) mod by_hand;
pub(crate) mod delayed;
mod direct;
mod manner;
pub(crate) mod membership;
pub(crate) mod pending;
pub(crate) mod prefix;
pub(crate) mod publication;
pub(crate) mod replay;
pub(crate) mod stream;
#[cfg(feature = "transport")]
mod travel;

use std::sync::{Arc, atomic::Ordering};

use crate::{
    error::publish::Refusal,
    publish::direct::asks,
    queue::{
        admission::{Admitted, Rejected, Waited},
        entry::Ticket,
        offer::{Destination, Inside, Offer},
        wakes::Wakes,
    },
    route::{
        found::Way,
        topic::{Hearing, Route},
    },
    scope::running::Running,
    signal::{AnyValue, Kind, Payload, Signal, id::SignalId, label::Label},
};

pub(crate) use manner::{Forwarded, Manner};

/// What a publish that was accepted tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Receipt {
    /// How many subscriptions will handle the signal.
    pub receivers: usize,
    /// The signal's id; `None` if nobody listens.
    pub id: Option<SignalId>,
}

impl Receipt {
    const UNROUTED: Self = Self {
        receivers: 0,
        id: None,
    };
}

/// A signal that has found its queues but is not in them yet.
pub(crate) struct Ready {
    offer: Offer,
    route: Arc<Route>,
    mismatched: u64,
    /// What has to leave for other processes before.
    #[cfg(feature = "transport")]
    departure: Option<travel::Departure>,
}

/// What became of the first, immediate try.
pub(crate) enum Tried {
    /// It is in all queues, or nobody listens.
    Accepted(Receipt),
    /// It has to wait for room.
    Wait(Ready),
    Refused(Refusal, Signal),
}

impl Running {
    /// Who will look at what is published on a route; `None` if nobody does, not even the recorder.
    pub(crate) fn hearing(&self, route: &Route) -> Result<Option<Arc<Hearing>>, Refusal> {
        let hearing = self.routes.hearing(route);
        hearing.as_ref().map_or(Ok(()), |one| one.check(route))?;
        let wanted = hearing.filter(|hearing| hearing.is_heard() || hearing.keeps().is_some());
        if wanted.is_none() && self.observe.recorder.is_some() {
            return Ok(Some(self.routes.look(route)));
        }
        Ok(wanted)
    }

    pub(crate) fn check_open(&self, inside: Option<Inside>) -> Result<(), Refusal> {
        if self.exchange.is_open_to(inside) {
            Ok(())
        } else {
            Err(Refusal::Closed)
        }
    }

    /// Counts a publish that nobody looks at.
    pub(crate) fn unrouted(&self, route: &Route) -> Receipt {
        let hearing = self.routes.hearing(route);
        self.passes_by(hearing.map_or(0, |hearing| hearing.mismatched))
    }

    /// Counts a publish that nobody looks at, and that so many would have heard who take other types.
    fn passes_by(&self, mismatched: u64) -> Receipt {
        self.observe.unrouted.add_one();
        if 0 < mismatched {
            self.observe.mismatched.add(mismatched);
        }
        Receipt::UNROUTED
    }

    /// Whether nobody looks at what is published on a route, not even the recorder.
    pub(crate) fn is_unheard(&self, route: &Route) -> bool {
        self.observe.recorder.is_none() && self.routes.is_silent(route)
    }

    /// Lets a value in as far as that takes no waiting.
    pub(crate) fn send(&self, route: &Arc<Route>, value: Arc<AnyValue>, manner: Manner) -> Tried {
        let mut value = Some(value);
        let (inside, ticket) = (manner.inside, manner.ticket.clone());
        let usual = ticket.is_none() && self.observe.recorder.is_none();
        let way = match usual && manner.forwarded.is_none() {
            true => self.routes.way(route),
            false => Way::Unknown,
        };
        if let Way::Lane(lane) = way {
            let mut stamp = manner.stamp(route);
            let mut asks = asks(route, &inside, &mut stamp);
            if let Some(receipt) = self.send_direct(lane, &mut asks, &mut value) {
                return Tried::Accepted(receipt);
            }
        }
        let value = value.expect("what has found no lane is still here");
        #[cfg(feature = "transport")]
        if let Some(link) = self.link_of(route, &manner) {
            return self.departs(route, link, value, manner);
        }
        let mut signal = Some(self.labelled(route, value, manner));
        if usual {
            if let Some(receipt) = self.pass(route, &mut signal, inside) {
                return Tried::Accepted(receipt);
            }
        }
        let signal = signal.expect("what did not pass is still here");
        self.find(route, signal, (inside, ticket))
    }

    /// Lets in a signal that came from elsewhere, as far as that takes no waiting.
    #[cfg(feature = "transport")]
    pub(crate) fn deliver(&self, route: &Arc<Route>, signal: Signal) -> Tried {
        let mut signal = Some(signal);
        if self.observe.recorder.is_none() {
            if let Some(receipt) = self.pass(route, &mut signal, None) {
                return Tried::Accepted(receipt);
            }
        }
        let signal = signal.expect("what did not pass is still here");
        self.find(route, signal, (None, None))
    }

    /// Finds the queues of a signal, and lets it in if that takes no waiting.
    fn find(
        &self,
        route: &Arc<Route>,
        signal: Signal,
        (inside, ticket): (Option<Inside>, Option<Ticket>),
    ) -> Tried {
        match self.hearing(route) {
            Ok(Some(hearing)) => {
                let mut ready = self.ready(route, &hearing, signal, inside);
                ready.offer.ticket = ticket;
                self.attempt(ready)
            }
            Ok(None) => Tried::Accepted(self.unrouted(route)),
            Err(refusal) => Tried::Refused(refusal, signal),
        }
    }

    /// The usual way of a signal, which is taken if nothing is in its way.
    fn pass(
        &self,
        route: &Route,
        signal: &mut Option<Signal>,
        inside: Option<Inside>,
    ) -> Option<Receipt> {
        let mut wakes = Wakes::default();
        let passed = self.routes.with_plain(route, |destination| {
            let line = route.line;
            self.exchange
                .pass(signal, destination, line, inside, &mut wakes)
        });
        let (id, receivers) = passed.flatten()?;
        wakes.wake();
        if receivers == 0 {
            self.observe.unrouted.add_one();
        }
        let id = Some(id);
        Some(Receipt { receivers, id })
    }

    /// Labels a value.
    pub(crate) fn labelled(&self, route: &Route, value: Arc<AnyValue>, manner: Manner) -> Signal {
        Signal::new(value, route.label(manner.into_stamp(route)))
    }

    /// Finds the queues of a signal; nothing has happened yet.
    fn ready(
        &self,
        route: &Arc<Route>,
        hearing: &Hearing,
        signal: Signal,
        inside: Option<Inside>,
    ) -> Ready {
        let destination = self.destination(hearing, &**signal.as_arc(), signal.label());
        Ready {
            offer: Offer {
                line: route.line,
                signal,
                destination,
                inside,
                recorded: self.observe.recorder.is_some(),
                counted: true,
                ticket: None,
            },
            route: Arc::clone(route),
            mismatched: hearing.mismatched,
            #[cfg(feature = "transport")]
            departure: None,
        }
    }

    /// Where a value goes; subscriptions whose owners are gone leave.
    fn destination(&self, hearing: &Hearing, value: &AnyValue, label: &Label) -> Destination {
        let (destination, gone) = hearing.destination(value, label);
        for hearer in gone {
            self.depart_alone(&hearer);
        }
        destination
    }

    /// Finds the queues again, after somebody has come.
    fn reroute(&self, route: &Route, signal: &Signal) -> Result<(Destination, u64), Refusal> {
        let hearing = self.routes.look(route);
        hearing.check(route)?;
        let destination = self.destination(&hearing, &**signal.as_arc(), signal.label());
        Ok((destination, hearing.mismatched))
    }

    /// Lets a signal in if that takes no waiting.
    pub(crate) fn attempt(&self, mut ready: Ready) -> Tried {
        loop {
            let mut offer = match self.exchange.try_admit(ready.offer) {
                Ok(admitted) => return Tried::Accepted(self.accepted(&admitted, ready.mismatched)),
                Err(Rejected::Full(offer)) => return Tried::Wait(Ready { offer, ..ready }),
                Err(Rejected::Closed(offer)) => {
                    return Tried::Refused(Refusal::Closed, offer.into_signal());
                }
                Err(Rejected::Stale(offer)) => offer,
            };
            match self.reroute(&ready.route, &offer.signal) {
                Ok((destination, mismatched)) => {
                    offer.destination = destination;
                    ready.mismatched = mismatched;
                    ready.offer = offer;
                }
                Err(refusal) => return Tried::Refused(refusal, offer.into_signal()),
            }
        }
    }

    /// Lets a signal in as soon as there is room, once it has left for where else it is to go.
    pub(crate) async fn wait(
        self: &Arc<Self>,
        ready: Box<Ready>,
    ) -> Result<Receipt, (Refusal, Signal)> {
        #[cfg(feature = "transport")]
        if ready.departure.is_some() {
            return match travel::set_off(self, ready) {
                Ok(sent) => sent,
                Err(travelling) => travelling.await,
            };
        }
        self.wait_for_room(*ready).await
    }

    async fn wait_for_room(self: &Arc<Self>, ready: Ready) -> Result<Receipt, (Refusal, Signal)> {
        let Ready {
            offer,
            route,
            mut mismatched,
            ..
        } = ready;
        let mut admission = self.exchange.admit(offer);
        loop {
            match self.admitted(&mut admission).await {
                Waited::Admitted(admitted) => return Ok(self.accepted(&admitted, mismatched)),
                Waited::Closed(offer) => return Err((Refusal::Closed, offer.into_signal())),
                Waited::Stale => {}
            }
            let signal = admission.signal().cloned();
            let signal = signal.expect("a stale admission keeps its offer");
            match self.reroute(&route, &signal) {
                Ok((destination, passed_by)) => {
                    mismatched = passed_by;
                    admission.redirect(destination);
                }
                Err(refusal) => {
                    drop(signal);
                    let offer = admission.give_up();
                    let offer = offer.expect("a stale admission keeps its offer");
                    return Err((refusal, offer.into_signal()));
                }
            }
        }
    }

    /// Publishes on one of the bus's own topics, which never makes anyone wait and is not counted as published.
    pub(crate) fn announce<T: Payload>(&self, topic: &str, value: T, inside: Option<Inside>) {
        let route = self.routes.reserved(topic, Kind::of::<T>());
        let Ok(Some(hearing)) = self.hearing(&route) else {
            return;
        };
        let value = T::erase(Arc::new(value));
        let signal = self.labelled(&route, value, Manner::inside(inside));
        let mut ready = self.ready(&route, &hearing, signal, inside);
        ready.offer.counted = false;
        ready.mismatched = 0;
        // Refused only where the bus was given up on, and everything on it was counted as abandoned.
        drop(self.attempt(ready));
    }

    fn accepted(&self, admitted: &Admitted, mismatched: u64) -> Receipt {
        let receivers = admitted.receivers;
        if receivers == 0 && admitted.counted {
            self.observe.unrouted.add_one();
        }
        if 0 < mismatched {
            self.observe.mismatched.add(mismatched);
        }
        self.record(admitted);
        if let Some(circle) = &admitted.circle {
            if !self.circle_told.swap(true, Ordering::Relaxed) {
                let circle = circle
                    .iter()
                    .filter_map(|queue| Some(self.site_of(*queue)?.to_string()));
                let circle = circle.collect::<Vec<_>>().join(", ");
                tracing::warn!(
                    "handlers wait for each other in a circle, so signals are let through over capacity: {circle}"
                );
            }
        }
        Receipt {
            receivers,
            id: Some(admitted.id),
        }
    }

    fn record(&self, admitted: &Admitted) {
        if let (Some(recorder), Some(signal)) = (&self.observe.recorder, &admitted.recorded) {
            recorder.published(signal);
        }
    }
}

impl Ready {
    /// Why a publish is refused that cannot wait.
    pub(crate) fn refusal(&self) -> Refusal {
        #[cfg(feature = "transport")]
        if self.departure.is_some() {
            return travel::must_wait(&self.route);
        }
        Refusal::Full
    }

    pub(crate) fn into_signal(self) -> Signal {
        self.offer.into_signal()
    }
}
