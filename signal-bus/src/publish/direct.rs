//! The short way of a publish: nobody hears its topic, or one log gets it, and nothing else wants to see the signal.

use crate::{
    publish::{Manner, Receipt},
    queue::{
        lane::{Asks, Lane},
        offer::Inside,
    },
    route::{found::Way, topic::Route},
    scope::running::Running,
    signal::{headers::Headers, label::Origin, values::Put},
};

/// How something is published the short way.
#[derive(Clone, Copy, Debug)]
pub(super) struct Direct {
    pub(super) inside: Option<Inside>,
    pub(super) origin: Option<Origin>,
    /// Whether the publisher keeps its signals in the bus.
    pub(super) local: bool,
}

impl Direct {
    pub(super) fn of(manner: &Manner) -> Option<Self> {
        let usual = manner.ticket.is_none() && manner.forwarded.is_none();
        usual.then(|| Self {
            inside: manner.inside,
            origin: manner.origin(),
            local: manner.local,
        })
    }
}

impl Running {
    /// Publishes the short way what `put` has, if that way is known and free; whether it was.
    #[inline]
    pub(super) fn publish_direct(
        &self,
        route: &Route,
        direct: &Direct,
        put: impl FnOnce(&mut dyn FnMut(&mut dyn Put) -> bool) -> bool,
    ) -> bool {
        if self.observe.recorder.is_some() {
            return false;
        }
        match self.routes.way(route) {
            Way::Unknown => false,
            Way::Silent => {
                let open = self.exchange.is_open_to(direct.inside);
                open.then(|| self.unrouted(route)).is_some()
            }
            Way::Lane(lane) => {
                put(&mut |value| self.send_direct(route, lane, value, direct).is_some())
            }
        }
    }

    /// Lets a value in through a lane, if that is free.
    pub(super) fn send_direct(
        &self,
        route: &Route,
        lane: Lane,
        value: &mut dyn Put,
        direct: &Direct,
    ) -> Option<Receipt> {
        let asks = Asks {
            about: &route.about,
            line: route.line,
            inside: direct.inside,
            origin: direct.origin,
            headers: Headers::current(),
            local: direct.local || route.is_local(),
        };
        let (id, receivers) = self.exchange.pass_lane(lane, asks, value)?;
        Some(Receipt {
            receivers,
            id: Some(id),
        })
    }
}
