//! What an annotated function costs where nothing is delivered.

use std::hint::black_box;
use std::time::{Duration, Instant};

use signal_bus::{Bus, publisher};
use tokio::sync::broadcast;

use crate::caller::{Caller, Callers};

/// Calls in one run.
const CALLS: u32 = 500_000;

#[expect(clippy::unused_async, reason = "as the one with the attribute")]
async fn plain(value: u64) -> u64 {
    value
}

#[publisher("bench.unheard")]
async fn unheard(value: u64) -> u64 {
    value
}

/// Times the calls of a function.
macro_rules! timed {
    ($call:expr) => {{
        let begun = Instant::now();
        for number in 0..u64::from(CALLS) {
            black_box($call(black_box(number)).await);
        }
        begun.elapsed()
    }};
}

async fn nobody_hears() -> Duration {
    let bus = Bus::empty().start().await.expect("it starts");
    let elapsed = bus.scope(async { timed!(unheard) }).await;
    bus.close().await.expect("it drains");
    elapsed
}

async fn nobody_hears_a_task_outside() -> Duration {
    let bus = Bus::empty().start().await.expect("it starts");
    let elapsed = timed!(unheard);
    bus.close().await.expect("it drains");
    elapsed
}

async fn tokio_broadcast() -> Duration {
    let (sender, _) = broadcast::channel::<u64>(1024);
    timed!(async |number| sender.send(number).is_ok())
}

/// A plain function, the same with an attribute, and a channel that nobody reads.
#[must_use]
pub fn callers() -> Callers {
    Callers {
        shape: "call current",
        title: "A call that delivers nothing",
        all: vec![
            Caller::new("plain function", CALLS, || {
                Box::pin(async { timed!(plain) })
            }),
            Caller::new("annotated, no bus runs", CALLS, || {
                Box::pin(async { timed!(unheard) })
            }),
            Caller::new("annotated, nobody hears it", CALLS, || {
                Box::pin(nobody_hears())
            }),
            Caller::new("annotated, nobody hears it, task of no bus", CALLS, || {
                Box::pin(nobody_hears_a_task_outside())
            }),
            Caller::new("tokio broadcast, no receiver", CALLS, || {
                Box::pin(tokio_broadcast())
            }),
        ],
    }
}
