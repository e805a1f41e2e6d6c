//! The short way of a publish: nobody hears its topic, or one log gets it, and nothing else wants to see the signal.

use crate::{
    publish::Receipt,
    queue::{
        lane::{Asks, Lane},
        offer::Inside,
    },
    route::{found::Way, topic::Route},
    scope::running::Running,
    signal::{label::Stamp, values::Put},
};

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
                    self.observe.unrouted.add_one();
                }
                open
            }
            Way::Lane(lane) => {
                let origin = inside.and_then(Inside::origin);
                let mut stamp = Stamp::new(origin, local || route.is_local());
                let mut asks = asks(route, inside, &mut stamp);
                put(&mut |value| self.send_direct(lane, &mut asks, value).is_some())
            }
        }
    }

    /// Lets a value in through a lane, if that is free.
    #[inline]
    pub(super) fn send_direct(
        &self,
        lane: Lane,
        asks: &mut Asks<'_>,
        value: &mut dyn Put,
    ) -> Option<Receipt> {
        let (id, receivers) = self.exchange.pass_lane(lane, asks, value)?;
        Some(Receipt {
            receivers,
            id: Some(id),
        })
    }
}

/// What asks for a lane of a route.
#[inline]
pub(super) fn asks<'a>(
    route: &'a Route,
    inside: &'a Option<Inside>,
    stamp: &'a mut Stamp,
) -> Asks<'a> {
    Asks {
        about: &route.about,
        line: route.line,
        inside,
        stamp,
    }
}
