//! How long a handler may take, and how often it is called with the same.

use std::time::Duration;

use crate::registry::retry::Retry;

/// What a subscription says of it; most say nothing, and pay for a pointer.
pub(crate) struct Effort {
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Option<Retry>,
}

impl Effort {
    pub(crate) fn new(timeout: Option<Duration>, retry: Option<Retry>) -> Option<Box<Self>> {
        let any = timeout.is_some() || retry.is_some();
        any.then(|| Box::new(Self { timeout, retry }))
    }
}
