//! Whether a transport keeps what it promises.
//!
//! [`conformance`] connects to a [`Transport`] several times, and tries every promise of the
//! [`Features`] that its connections declare, and those that hold for all transports. Whoever
//! writes a transport calls it from a test of his own:
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?.block_on(async {
//! use std::time::Duration;
//! use signal_bus::{testing::transport::conformance, transport::LoopbackNetwork};
//!
//! let network = LoopbackNetwork::patient_for(Duration::from_secs(2));
//! conformance(&network, "conformance").await.assert();
//! # Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
//! ```
//!
//! A good run shows that nothing was seen to be broken; it takes an engine that is killed, and networks that fail, to know more.

mod report;
mod stage;
mod arriving;
mod owing;
mod sharing;
mod asking;
mod storing;
mod leasing;
mod leaving;

use std::{
    collections::BTreeSet,
    hash::{BuildHasher, RandomState},
    pin::Pin,
    sync::{Mutex, atomic::AtomicU64},
    time::Duration,
};

use anyhow::ensure;
use tokio::time::timeout;

use crate::{
    guarded::Guarded,
    testing::transport::stage::{NotChecked, Stage},
    transport::{ConnectionState, Features, Transport},
};

pub use report::{Checked, Found, Report};

/// How long each wait of the suite lasts at most, unless it is said.
const LIMIT: Duration = Duration::from_secs(10);
/// How many such waits a check may last.
const WAITS_MAX: u32 = 12;

/// Checks that a transport keeps its promises, with topics below `prefix`, which it must be allowed to carry.
///
/// As [`Conformance::check`], with waits of at most 10 s.
///
/// # Cancel safety
///
/// As [`Conformance::check`].
pub async fn conformance(transport: &dyn Transport, prefix: &str) -> Report {
    Conformance::below(prefix).check(transport).await
}

/// The suite, and how it runs.
#[derive(Clone, Debug)]
#[must_use = "it does nothing until it checks a transport"]
pub struct Conformance {
    prefix: String,
    limit: Duration,
}

impl Conformance {
    /// The suite, with topics below a prefix of one or more tokens: `conformance`.
    ///
    /// Each run has topics and ids of its own below that, so it may run again with a server that remembers.
    pub fn below(prefix: impl Into<String>) -> Self {
        Self {
            prefix: prefix.into(),
            limit: LIMIT,
        }
    }

    /// How long each wait lasts at most: 10 s, unless it is said.
    ///
    /// A promise that takes waiting for the [patience](crate::transport::Acknowledge::patience) of a message is checked if that
    /// is half of this at most.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Checks a transport: connects to it, and tries one promise after the other.
    ///
    /// Nothing stands still for ever: a transport that does not answer has broken its promise. One that panics, too.
    ///
    /// # Cancel safety
    ///
    /// Dropped before its end it leaves connections behind that were not drained, and nothing else.
    pub async fn check(&self, transport: &dyn Transport) -> Report {
        let run = RandomState::new().hash_one(std::process::id());
        let root = format!("{}.r{run:016x}", self.prefix);
        let mut report = Report {
            transport: transport.name(),
            checks: Vec::new(),
        };
        let stage = |name: &str, features| Stage {
            transport,
            features,
            root: format!("{root}.{name}"),
            limit: self.limit,
            connected: Mutex::default(),
            ids: AtomicU64::default(),
        };
        let alike = stage("connecting", Features::none());
        let (features, found) = match play(&alike, |stage| Box::pin(connecting(stage))).await {
            Ok(features) => (features, Found::Kept),
            Err(found) => (Features::none(), found),
        };
        let connects = found == Found::Kept;
        report.checks.push(Checked {
            name: "connecting",
            promise: "every connection stands, and promises the same",
            found,
        });
        for check in checks().into_iter().filter(|_| connects) {
            let found = match (check.needs)(&features) {
                false => Found::NotPromised,
                true => {
                    let stage = stage(check.name, features);
                    let played = play(&stage, check.play).await;
                    played.map_or_else(|found| found, |()| Found::Kept)
                }
            };
            report.checks.push(Checked {
                name: check.name,
                promise: check.promise,
                found,
            });
        }
        report
    }
}

/// One promise, and how to try it.
struct Check {
    name: &'static str,
    promise: &'static str,
    /// Whether it is promised.
    needs: fn(&Features) -> bool,
    play: Play<()>,
}

type Playing<'a, T> = Pin<Box<dyn Future<Output = anyhow::Result<T>> + Send + 'a>>;
type Play<T> = for<'a> fn(&'a Stage<'a>) -> Playing<'a, T>;

impl Check {
    /// A promise of every transport.
    fn of_all(name: &'static str, promise: &'static str, play: Play<()>) -> Self {
        Self {
            name,
            promise,
            needs: |_| true,
            play,
        }
    }

    /// A promise of those transports that declare so.
    fn if_promised(mut self, needs: fn(&Features) -> bool) -> Self {
        self.needs = needs;
        self
    }
}

/// All promises.
fn checks() -> Vec<Check> {
    let rooms = [
        arriving::checks(),
        owing::checks(),
        sharing::checks(),
        asking::checks(),
        storing::checks(),
        leasing::checks(),
        leaving::checks(),
    ];
    rooms.into_iter().flatten().collect()
}

/// Tries one promise, and clears up after it.
async fn play<'a, T: Send + 'static>(stage: &'a Stage<'a>, play: Play<T>) -> Result<T, Found> {
    let limit = stage.limit.saturating_mul(WAITS_MAX);
    let playing: Guarded<'_, anyhow::Result<T>> = Guarded::new(play(stage));
    let played = timeout(limit, playing).await;
    stage.clear().await;
    match played {
        Ok(Ok(Ok(output))) => Ok(output),
        Ok(Ok(Err(error))) => Err(match error.downcast_ref::<NotChecked>() {
            Some(NotChecked(why)) => Found::NotChecked(why.clone()),
            None => Found::Broken(format!("{error:#}")),
        }),
        Ok(Err(panic)) => Err(Found::Broken(format!("it panicked: {panic}"))),
        Err(_) => Err(Found::Broken(format!("it had not ended after {limit:?}"))),
    }
}

/// Connects twice.
async fn connecting(stage: &Stage<'_>) -> anyhow::Result<Features> {
    let (one, other) = (stage.connect().await?, stage.connect().await?);
    let features = one.connection.features();
    for again in [&one, &other] {
        let promised = again.connection.features();
        ensure!(
            promised == features,
            "one promises {features:?} and another one {promised:?}"
        );
        if let ConnectionState::Down { reason } = again.connection.state() {
            anyhow::bail!("it says that it is down: {reason}");
        }
    }
    Ok(features)
}

/// Says what of the expected did not come, and what came that was not expected.
fn same<T: Ord + std::fmt::Debug>(
    came: impl IntoIterator<Item = T>,
    expected: impl IntoIterator<Item = T>,
) -> anyhow::Result<()> {
    let mut missing: Vec<T> = expected.into_iter().collect();
    let (mut seen, mut wrong) = (BTreeSet::new(), Vec::new());
    for one in came {
        match missing.iter().position(|wanted| *wanted == one) {
            Some(place) => {
                seen.insert(missing.swap_remove(place));
            }
            None => wrong.push(one),
        }
    }
    let twice = wrong.iter().find(|one| seen.contains(one));
    if let Some(twice) = twice {
        anyhow::bail!("{twice:?} came more than once");
    }
    ensure!(
        wrong.is_empty(),
        "{wrong:?} came, which is for somebody else"
    );
    missing.sort();
    ensure!(missing.is_empty(), "{missing:?} did not come");
    Ok(())
}
