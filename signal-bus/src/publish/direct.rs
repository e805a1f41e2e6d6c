//! The short way of a publish: nobody hears its topic, or one log gets it, and nothing else wants to see the signal.

use crate::{
    publish::{Manner, Receipt},
    queue::{
        lane::{Asks, Lane},
        offer::Inside,
    },
    route::{found::Way, topic::Route},
    scope::running::Running,
    signal::{label::Stamp, values::Put},
};

/// How something is published the short way.
#[derive(Debug)]
pub(super) struct Direct<'a> {
    inside: &'a Option<Inside>,
    stamp: Stamp,
}

impl<'a> Direct<'a> {
    pub(super) fn of(manner: &'a Manner, route: &Route) -> Option<Self> {
        let usual = manner.ticket.is_none() && manner.forwarded.is_none();
        usual.then(|| Self {
            inside: &manner.inside,
            stamp: Stamp::new(manner.origin(), manner.local || route.is_local()),
        })
    }
}

impl Running {
    /// Publishes the short way what `put` has, if that way is known and free; whether it was. A `local` signal stays in the bus.
    #[inline]
    pub(super) fn publish_direct(
        &self,
        route: &Route,
        (inside, local): (&Option<Inside>, bool),
        put: impl FnOnce(&mut dyn FnMut(&mut dyn Put) -> bool) -> bool,
    ) -> bool {
        if self.observe.recorder.is_some() {
            return false;
        }
        match self.routes.way(route) {
            Way::Unknown => false,
            Way::Silent => {
                let open = self.exchange.is_open_to(*inside);
                if open {
                    self.observe.unrouted.add(1);
                }
                open
            }
            Way::Lane(lane) => {
                let origin = inside.and_then(Inside::origin);
                let mut direct = Direct {
                    inside,
                    stamp: Stamp::new(origin, local || route.is_local()),
                };
                put(&mut |value| self.send_direct(route, lane, &mut direct, value).is_some())
            }
        }
    }

    /// Lets a value in through a lane, if that is free.
    #[inline]
    pub(super) fn send_direct(
        &self,
        route: &Route,
        lane: Lane,
        direct: &mut Direct<'_>,
        value: &mut dyn Put,
    ) -> Option<Receipt> {
        let mut asks = Asks {
            about: &route.about,
            line: route.line,
            inside: direct.inside,
            stamp: &mut direct.stamp,
        };
        let (id, receivers) = self.exchange.pass_lane(lane, &mut asks, value)?;
        Some(Receipt {
            receivers,
            id: Some(id),
        })
    }
}
