//! How long a handler may take, and how often it is called with the same.

use std::{num::NonZeroUsize, time::Duration};

use crate::{registry::retry::Retry, worker::calls::Calls};

/// What a subscription says of it; most say nothing, and pay for a pointer.
pub(crate) struct Effort {
    pub(crate) timeout: Option<Duration>,
    pub(crate) retry: Option<Retry>,
    /// The calls it has at once, where what is to be tried again gives its own to others.
    pub(super) calls: Option<Calls>,
}

impl Effort {
    pub(crate) fn new(
        timeout: Option<Duration>,
        retry: Option<Retry>,
        limit: Option<NonZeroUsize>,
    ) -> Option<Box<Self>> {
        let any = timeout.is_some() || retry.is_some();
        let calls = retry.and_then(|_| Calls::new(limit));
        any.then(|| {
            Box::new(Self {
                timeout,
                retry,
                calls,
            })
        })
    }
}
