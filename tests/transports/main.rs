//! Signals that travel between the buses of several processes, over a transport in memory.

#![allow(
    clippy::disallowed_methods,
    reason = "tests stand where user code stands, and users spawn tasks of their own"
)]

mod broken;
mod fake;

mod attacks;
mod conformance;
mod connections;
mod failures;
mod groups;
mod interests;
mod journeys;
mod leases;
mod requests;
mod storms;
mod types;
mod words;

use std::sync::{Arc, Mutex};

use signal_bus::{Bus, BusGuard, transport::LoopbackNetwork};

/// A bus that is connected, with `topics` travelling.
async fn connected(network: &LoopbackNetwork, topics: &[&str]) -> BusGuard {
    let bus = Bus::empty().carry::<u32>().carry::<String>();
    let bus = bus.connect_to(network.clone(), topics.iter().copied());
    bus.start().await.expect("nothing is in the way")
}

/// What was noted, in order.
#[derive(Clone, Default)]
struct Noted<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone> Noted<T> {
    fn note(&self, one: T) {
        self.0.lock().unwrap().push(one);
    }

    fn all(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }
}

/// Waits until something is so. With paused time no time passes but what the bus itself waits for.
async fn until(what: impl Fn() -> bool) {
    while !what() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}
