//! The short way of a publish: nobody hears its topic, or one log gets it, and nothing else wants to see the signal.

use std::{num::NonZeroUsize, sync::Arc};

use crate::{
    publish::{Receipt, publication::Publication},
    queue::{
        lane::{Asks, Lane},
        offer::Inside,
    },
    route::{found::Way, topic::Route},
    scope::running::Running,
    signal::{label::Stamp, values::Put},
};

/// Puts a copy of a value where it is told, if it can.
pub(super) type Puts<'a> = dyn Fn(&mut dyn FnMut(&mut dyn Put) -> bool) -> bool + 'a;

impl Running {
    /// Counts a signal that nobody hears, if that takes no look at anything else; whether it did.
    #[inline]
    pub(super) fn counts_unheard(&self) -> bool {
        self.exchange.is_open_to(None) && self.observe.unrouted.add_one_here()
    }

    /// Publishes a value through a lane, from outside, if that is free and there is nothing rare about it; whether it was.
    #[inline]
    pub(super) fn publish_plain<'route>(
        &self,
        (lane, publisher): (Lane, NonZeroUsize),
        route: impl FnOnce() -> Option<&'route Arc<Route>>,
        value: &mut impl Put,
    ) -> bool {
        let about = || route().map(|route| (&route.about, route.line));
        self.exchange.pass_plain(lane, publisher, about, value)
    }

    /// As [`publish_plain`](Self::publish_plain), from anywhere, and with whatever there is to write on its label.
    pub(super) fn publish_within(
        &self,
        route: &Route,
        lane: Lane,
        inside: Option<Inside>,
        value: &mut dyn Put,
    ) -> bool {
        let origin = inside.and_then(Inside::origin);
        let mut stamp = Stamp::new(origin, false);
        let mut asks = asks(route, &inside, &mut stamp);
        self.send_direct(lane, &mut asks, value).is_some()
    }

    /// Publishes what `put` has through a lane; a `local` signal stays in the bus.
    fn publish_through(
        &self,
        route: &Route,
        lane: Lane,
        (inside, local): (&Option<Inside>, bool),
        put: &Puts<'_>,
    ) -> bool {
        let origin = inside.and_then(Inside::origin);
        let mut stamp = Stamp::new(origin, local);
        let mut asks = asks(route, inside, &mut stamp);
        put(&mut |value| self.send_direct(lane, &mut asks, value).is_some())
    }

    /// Publishes the short way what `put` has, if that way is known and free; whether it was. A `local` signal stays in the bus.
    ///
    /// What was found the publisher remembers.
    #[inline]
    pub(super) fn publish_direct(
        &self,
        route: &Route,
        (inside, local): (&Option<Inside>, bool),
        publication: &Publication,
        put: &Puts<'_>,
    ) -> bool {
        if self.observe.recorder.is_some() {
            return false;
        }
        let generation = self.routes.generation();
        match route.way(generation) {
            Way::Unknown => false,
            Way::Silent => {
                publication.learn(generation, None, route.about.carries);
                let open = self.exchange.is_open_to(*inside);
                if open {
                    self.observe.unrouted.add_one();
                }
                open
            }
            Way::Lane(lane) => {
                let local = local || route.is_local();
                if !local {
                    publication.learn(generation, Some(lane.log), route.about.carries);
                }
                self.publish_through(route, lane, (inside, local), put)
            }
        }
    }

    /// The lane that signals of a topic take that have come from elsewhere, as it is in this generation.
    #[cfg(feature = "transport")]
    pub(crate) fn arrival_lane(&self, route: &Route) -> Option<Lane> {
        if self.observe.recorder.is_some() {
            return None;
        }
        let hearing = self.routes.hearing(route);
        let hearing = hearing.unwrap_or_else(|| self.routes.look(route));
        let log = hearing.lane()?;
        let generation = hearing.generation;
        Some(Lane { generation, log })
    }

    /// Lets in a value that came from elsewhere through a lane, if that is free.
    #[cfg(feature = "transport")]
    pub(crate) fn deliver_direct(
        &self,
        route: &Route,
        lane: Lane,
        stamp: &mut Stamp,
        value: &mut dyn Put,
    ) -> Option<Receipt> {
        let mut asks = asks(route, &None, stamp);
        let (id, receivers) = self.exchange.pass_arrived(lane, &mut asks, value)?;
        let id = Some(id);
        Some(Receipt { receivers, id })
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
