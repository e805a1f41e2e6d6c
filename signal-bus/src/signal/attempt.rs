//! Which call of its handler a signal is for.

use crate::signal::Signal;

impl<T: ?Sized> Signal<T> {
    /// Which call of the handler this is: 1 for the first, and more where the subscription has a [`Retry`](crate::Retry), or where the
    /// signal came from another process more than once. Of one that came for the second time the first call is 2, the next 3.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.label.stamp.attempt
    }

    /// A share of the signal for another call of its handler.
    pub(crate) fn for_next_attempt(&self) -> Self {
        let mut signal = self.clone();
        signal.label.stamp.attempt = self.attempt().saturating_add(1);
        signal
    }
}
