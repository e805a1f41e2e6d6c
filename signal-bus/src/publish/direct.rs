//! The short way of a publish: its topic has one log, and nothing else wants to see the signal.

use crate::{
    publish::{Manner, Receipt},
    queue::{lane::Asks, offer::Inside},
    route::topic::Route,
    scope::running::Running,
    signal::values::Put,
};

impl Running {
    /// Whether the short way is known.
    pub(super) fn is_direct(&self, route: &Route) -> bool {
        self.routes.lane(route).is_some()
    }

    /// Whether it is known that nobody hears a topic, and the bus is open.
    #[inline]
    pub(super) fn is_known_unheard(&self, route: &Route, inside: Option<Inside>) -> bool {
        self.routes.is_known_silent(route)
            && self.observe.recorder.is_none()
            && self.exchange.is_open_to(inside)
    }

    /// Lets a value in the short way, if there is one and it is free.
    pub(super) fn send_direct(
        &self,
        route: &Route,
        value: &mut dyn Put,
        manner: &Manner,
    ) -> Option<Receipt> {
        let usual = manner.ticket.is_none()
            && manner.forwarded.is_none()
            && self.observe.recorder.is_none();
        let lane = self.routes.lane(route).filter(|_| usual)?;
        let asks = Asks {
            about: &route.about,
            line: route.line,
            inside: manner.inside,
        };
        let stamp = manner.stamp(route);
        let (id, receivers) = self.exchange.pass_lane(lane, asks, value, stamp)?;
        Some(Receipt {
            receivers,
            id: Some(id),
        })
    }
}
