//! What becomes of a bus in which somebody panics too often.

use crate::{
    observe,
    registry::trip::OnTrip,
    scope::{running::Running, trip::Trip, trips::PanicLimit},
    site::Site,
};

impl Running {
    /// Counts a panic; whether that trips somebody now. That is told once, and may close the bus.
    ///
    /// `meanwhile` says in words what becomes of one that rests.
    pub(crate) fn panicked(&self, site: Site, trip: &Trip, meanwhile: &str) -> bool {
        let limit = self.trips.limit;
        let trips = trip.panicked(limit);
        if trips {
            let closes = trip.on_trip() == OnTrip::CloseBus && self.ending.request_because_of(site);
            let then = match closes {
                true => "so the bus closes (`on_trip = close_bus`)".to_owned(),
                false => format!("so it rests: {meanwhile}"),
            };
            let PanicLimit { panics, within } = limit;
            observe::warn(&format!(
                "{site} has panicked more than {panics} times within {within:?}, {then}"
            ));
        }
        trips
    }
}
