//! What becomes of those who panic too often.

/// What happens when a subscription, or a periodic function, has panicked [more often than it may](crate::Bus::panic_limit).
///
/// Attributes write it as `on_trip = rest` or `on_trip = close_bus`, a listener takes it as a
/// [value](crate::SubscriptionOptions::on_trip), and [`Bus::on_trip`](crate::Bus::on_trip) holds for all that do not say.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum OnTrip {
    /// It rests, and is tried again later, while all others go on.
    #[default]
    Rest,
    /// The bus closes, and says in its [report](crate::CloseReport::closed_by) because of whom: for what the rest of the program
    /// is of no use without, so that whoever watches over the program starts it anew.
    CloseBus,
}
