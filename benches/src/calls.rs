//! What an annotated function costs where nothing is delivered.

use std::hint::black_box;
use std::pin::Pin;
use std::time::{Duration, Instant};

use signal_bus::{Bus, publisher};
use tokio::sync::broadcast;

use crate::contest::runtime;
use crate::shape::Flavor;

/// The name of what is measured, as of a shape.
pub const SHAPE: &str = "call current";

/// Calls in one run.
const CALLS: u64 = 500_000;

type Run = fn() -> Pin<Box<dyn Future<Output = Duration> + Send>>;

/// Somebody who calls.
#[derive(Debug)]
pub struct Caller {
    /// What is called, and where.
    pub name: &'static str,
    run: Run,
    /// Nanoseconds a call, one figure a turn, in ascending order.
    pub nanoseconds: Vec<f64>,
}

impl Caller {
    const fn new(name: &'static str, run: Run) -> Self {
        Self {
            name,
            run,
            nanoseconds: Vec::new(),
        }
    }

    /// The figure in the middle.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.nanoseconds[self.nanoseconds.len() / 2]
    }
}

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
        for number in 0..CALLS {
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

/// Lets everybody call in turn; the first turn, in which caches are cold, does not count.
///
/// # Panics
///
/// Panics if a bus does not start or close, which would be a fault of it.
#[must_use]
pub fn hold(turns: usize) -> Vec<Caller> {
    let mut callers = vec![
        Caller::new("plain function", || Box::pin(async { timed!(plain) })),
        Caller::new("annotated, no bus runs", || {
            Box::pin(async { timed!(unheard) })
        }),
        Caller::new("annotated, nobody hears it", || Box::pin(nobody_hears())),
        Caller::new("annotated, nobody hears it, task of no bus", || {
            Box::pin(nobody_hears_a_task_outside())
        }),
        Caller::new("tokio broadcast, no receiver", || {
            Box::pin(tokio_broadcast())
        }),
    ];
    for turn in 0..=turns {
        for caller in &mut callers {
            let run = caller.run;
            let elapsed = runtime(Flavor::Current).block_on(run());
            if 0 < turn {
                let nanoseconds = elapsed.as_secs_f64() * 1e9 / CALLS as f64;
                caller.nanoseconds.push(nanoseconds);
            }
        }
    }
    for caller in &mut callers {
        caller.nanoseconds.sort_by(f64::total_cmp);
    }
    callers
}
