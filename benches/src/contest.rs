//! The contest: everybody runs in turn, again and again.

use std::pin::Pin;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use crate::figures::Figures;
use crate::shape::{Flavor, Shape};
use crate::{ours, peers};

type Run = fn(Shape) -> Pin<Box<dyn Future<Output = Duration> + Send>>;

/// Somebody who delivers signals.
#[derive(Clone, Copy, Debug)]
pub struct Contestant {
    /// Its name.
    pub name: &'static str,
    /// Whether a subscriber may miss signals.
    pub lossy: bool,
    run: Run,
}

macro_rules! contestant {
    ($name:literal, $lossy:literal, $($run:tt)+) => {
        Contestant { name: $name, lossy: $lossy, run: |shape| Box::pin($($run)+(shape)) }
    };
}

/// Everybody; this bus is the first.
pub const CONTESTANTS: &[Contestant] = &[
    contestant!("signal-bus", false, ours::run),
    contestant!("kanal", false, peers::kanal),
    contestant!("crossfire", false, peers::crossfire),
    contestant!("tokio mpsc", false, peers::tokio_mpsc),
    contestant!("flume", false, peers::flume),
    contestant!("async-channel", false, peers::async_channel),
    contestant!("async-broadcast", false, peers::async_broadcast),
    contestant!("tokio broadcast", true, peers::tokio_broadcast),
    #[cfg(feature = "frameworks")]
    contestant!("kameo", false, peers::kameo),
    #[cfg(feature = "frameworks")]
    contestant!("jaeb", false, peers::jaeb),
    #[cfg(feature = "frameworks")]
    contestant!("jaeb sync", false, peers::jaeb_sync),
    #[cfg(feature = "frameworks")]
    contestant!("RustStream", false, peers::rust_stream),
    #[cfg(feature = "frameworks")]
    contestant!("tokio-events", false, peers::tokio_events),
];

/// What one contestant needed for one shape.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Who.
    pub contestant: Contestant,
    /// Nanoseconds a unit.
    pub figures: Figures,
}

/// Holds one contest of so many turns; the first turn, in which caches are cold, does not count.
///
/// # Panics
///
/// Panics if a contestant loses a signal without saying so.
#[must_use]
pub fn hold(shape: Shape, turns: usize) -> Vec<Outcome> {
    let outcomes = CONTESTANTS.iter().map(|contestant| Outcome {
        contestant: *contestant,
        figures: Figures::default(),
    });
    let mut outcomes: Vec<Outcome> = outcomes.collect();
    for turn in 0..=turns {
        for outcome in &mut outcomes {
            let run = outcome.contestant.run;
            let elapsed = runtime(shape.flavor)
                .block_on(async move { tokio::spawn(run(shape)).await.expect("nothing is lost") });
            if 0 < turn {
                let units = u32::try_from(shape.units()).expect("they are few");
                let nanoseconds = elapsed.as_secs_f64() * 1e9 / f64::from(units);
                outcome.figures.add(nanoseconds);
            }
        }
    }
    outcomes
}

pub(crate) fn runtime(flavor: Flavor) -> Runtime {
    let mut builder = match flavor {
        Flavor::Current => Builder::new_current_thread(),
        Flavor::Multi => Builder::new_multi_thread(),
    };
    let runtime = builder.worker_threads(2).enable_all().build();
    runtime.expect("the system gives threads")
}
