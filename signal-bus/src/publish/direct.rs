//! The short way of a publish: nobody hears its topic, or one log gets it, and nothing else wants to see the signal.

use crate::{
    publish::{Receipt, publication::Publication},
    queue::{
        lane::{Asks, Lane},
        offer::Inside,
    },
    route::{
        found::{Finding, Way},
        topic::Route,
    },
    scope::running::Running,
    signal::{label::Stamp, values::Put},
};

impl Running {
    /// Counts a signal that nobody hears, if that was found out of those who are there now; whether it was.
    #[inline]
    pub(super) fn passes_unheard(&self, found: &Finding) -> bool {
        found.is_silent(self.routes.generation())
            && self.exchange.is_open_to(None)
            && self.observe.unrouted.add_one_here()
    }

    /// Publishes the short way what `put` has, if that way is known and free; whether it was. A `local` signal stays in the bus.
    ///
    /// That nobody hears it the publisher remembers.
    #[inline]
    pub(super) fn publish_direct(
        &self,
        route: &Route,
        (inside, local): (&Option<Inside>, bool),
        publication: &Publication,
        put: impl FnOnce(&mut dyn FnMut(&mut dyn Put) -> bool) -> bool,
    ) -> bool {
        if self.observe.recorder.is_some() {
            return false;
        }
        let generation = self.routes.generation();
        match route.way(generation) {
            Way::Unknown => false,
            Way::Silent => {
                publication.learn_silent(generation);
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
