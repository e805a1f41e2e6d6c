//! Which call of its handler a signal is for.

use crate::signal::Signal;

impl<T: ?Sized> Signal<T> {
    /// Which call of the handler this is: 1 for the first, and more where the subscription has a [`Retry`](crate::Retry).
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.label.stamp.attempt
    }

    /// A share of the signal for another call of its handler.
    pub(crate) fn for_attempt(&self, attempt: u32) -> Self {
        let mut signal = self.clone();
        signal.label.stamp.attempt = attempt;
        signal
    }
}
