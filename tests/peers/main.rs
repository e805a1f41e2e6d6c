//! What other libraries document, held against this one: one file a library, one test for each thing it says, and one for each
//! of its faults that we do not share.
//!
//! aiopubsub 3.0.0, <https://gitlab.com/quantlane/libs/aiopubsub>; mpubsub 0.0.1, <https://github.com/flaviovs/mpubsub>, as far
//! as it is local; the hub of queues of <https://github.com/madhavi1102/async_publish_subscribe>.

#![allow(
    clippy::disallowed_methods,
    reason = "tests stand where user code stands, and users spawn tasks of their own"
)]

use std::sync::{Arc, Mutex};

mod aiopubsub;
mod hub_demo;
mod mpubsub;

/// What listeners have seen, in order.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<String>>>);

impl Seen {
    fn add(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}
