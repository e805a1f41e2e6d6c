//! Whether a bus is well, and what is wrong if it is not.

use std::{fmt, sync::Arc, time::Duration};

use crate::site::Site;

/// Where a bus stands between its start and its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Phase {
    /// It takes signals.
    Running,
    /// It was asked to close, and handles what is left.
    Closing,
    /// It has ended.
    Closed,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Closing => "closing",
            Self::Closed => "closed",
        })
    }
}

/// Whether a bus is well, as [`BusHandle::health`](crate::BusHandle::health) finds it.
///
/// Its `Display` is meant for a log or a terminal; with the feature `serde` it can be serialised for a status page.
///
/// ```text
/// bus `billing`: running, 2 symptoms
///   shop::pay (src/pay.rs:14) on `orders.*.created` stalls: it has been running for 41.2s
///   shop::pay (src/pay.rs:14) on `orders.*.created` is full: a publish on `orders.eu.created` has waited for 40.8s
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Health {
    /// The names of the bus, as in a [`CloseReport`](crate::CloseReport).
    pub names: Vec<&'static str>,
    /// Where it stands.
    pub phase: Phase,
    /// What is wrong, in the order of its subscriptions, and then of its periodic functions.
    pub symptoms: Vec<Symptom>,
    /// Its connections to other processes.
    pub connections: Vec<ConnectionHealth>,
}

impl Health {
    /// Whether nothing is wrong. A bus that closes may be as healthy as one that runs: for whether it takes signals, ask its
    /// [`phase`](Self::phase).
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.symptoms.is_empty() && self.connections.iter().all(ConnectionHealth::is_healthy)
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            names,
            phase,
            symptoms,
            connections,
        } = self;
        if !names.is_empty() {
            write!(f, "bus `{}`: ", names.join("`, `"))?;
        }
        let connections: Vec<_> = connections.iter().filter(|one| !one.is_healthy()).collect();
        match symptoms.len() + connections.len() {
            0 => write!(f, "{phase}, healthy")?,
            1 => write!(f, "{phase}, 1 symptom")?,
            count => write!(f, "{phase}, {count} symptoms")?,
        }
        for symptom in symptoms {
            write!(f, "\n  {symptom}")?;
        }
        for connection in connections {
            write!(f, "\n  {connection}")?;
        }
        Ok(())
    }
}

/// A connection to other processes.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct ConnectionHealth {
    /// What it leads to.
    pub name: String,
    /// The topics that travel.
    pub topics: Vec<String>,
    /// How it is.
    pub state: ConnectionState,
}

/// How a connection is.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum ConnectionState {
    /// It stands.
    Up,
    /// It is gone, or does only a part of what it should, and gets it back by itself.
    Down {
        /// What is known of the reason.
        reason: String,
    },
    /// It is gone for good.
    Failed {
        /// Why.
        reason: String,
    },
}

impl ConnectionHealth {
    /// Whether it stands.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.state == ConnectionState::Up
    }
}

impl fmt::Display for ConnectionHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, state, .. } = self;
        match state {
            ConnectionState::Up => write!(f, "the connection to {name} stands"),
            ConnectionState::Down { reason } => {
                write!(f, "the connection to {name} is down: {reason}")
            }
            ConnectionState::Failed { reason } => {
                write!(f, "the connection to {name} has failed: {reason}")
            }
        }
    }
}

/// A subscription, or a periodic function, that is not well.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Symptom {
    /// The function, or the call that subscribed.
    pub site: Site,
    /// The topics or patterns it subscribes to; none for a periodic function.
    pub topics: Arc<[Box<str>]>,
    /// What is wrong with it.
    pub ailment: Ailment,
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            site,
            topics,
            ailment,
        } = self;
        match topics.is_empty() {
            true => write!(f, "{site} {ailment}"),
            false => write!(f, "{site} on `{}` {ailment}", topics.join("`, `")),
        }
    }
}

/// What is wrong with a subscription, or a periodic function.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Ailment {
    /// It rests, because it has [panicked too often](crate::Bus::panic_limit); of a group, one member does.
    Tripped,
    /// A handler, or a run, [goes on for too long](crate::Bus::stall_after).
    Stalled {
        /// How long it has been running, as far as that was noticed: up to an eighth of the limit, and at most 5 s, less.
        running_for: Duration,
    },
    /// It has no room, and a publisher has waited for it for [too long](crate::Bus::stall_after).
    Full {
        /// What is published on; empty for a [broadcast](crate::BusHandle::broadcast).
        topic: Arc<str>,
        /// How long the publisher has waited that waits for longest.
        waited: Duration,
    },
    /// It runs [once in a cluster](macro@crate::periodic#once-in-a-cluster), and this bus cannot have its lease, nor does it know who has.
    NoLease {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Ailment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLease { reason } => {
                write!(f, "does not run: its lease cannot be had: {reason}")
            }
            Self::Tripped => f.write_str("rests: it has panicked too often"),
            Self::Stalled { running_for } => {
                write!(f, "stalls: it has been running for {running_for:.1?}")
            }
            Self::Full { topic, waited } if topic.is_empty() => {
                write!(f, "is full: a broadcast has waited for {waited:.1?}")
            }
            Self::Full { topic, waited } => {
                write!(
                    f,
                    "is full: a publish on `{topic}` has waited for {waited:.1?}"
                )
            }
        }
    }
}

/// For a status page; times are in seconds.
#[cfg(feature = "serde")]
mod written {
    use std::time::Duration;

    use serde::ser::{Serialize, SerializeStruct, Serializer};

    use super::{Ailment, ConnectionHealth, ConnectionState, Health, Symptom};

    impl Serialize for Health {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut written = serializer.serialize_struct("Health", 5)?;
            written.serialize_field("names", &self.names)?;
            written.serialize_field("phase", &self.phase.to_string())?;
            written.serialize_field("healthy", &self.is_healthy())?;
            written.serialize_field("symptoms", &self.symptoms)?;
            written.serialize_field("connections", &self.connections)?;
            written.end()
        }
    }

    impl Serialize for ConnectionHealth {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let (state, reason) = match &self.state {
                ConnectionState::Up => ("up", None),
                ConnectionState::Down { reason } => ("down", Some(reason)),
                ConnectionState::Failed { reason } => ("failed", Some(reason)),
            };
            let mut written = serializer.serialize_struct("ConnectionHealth", 4)?;
            written.serialize_field("name", &self.name)?;
            written.serialize_field("topics", &self.topics)?;
            written.serialize_field("state", state)?;
            written.serialize_field("reason", &reason)?;
            written.end()
        }
    }

    impl Serialize for Symptom {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let (ailment, topic, seconds) = match &self.ailment {
                Ailment::Tripped => ("tripped", None, None),
                Ailment::Stalled { running_for } => ("stalled", None, Some(running_for)),
                Ailment::Full { topic, waited } => ("full", Some(&**topic), Some(waited)),
                Ailment::NoLease { .. } => ("no_lease", None, None),
            };
            let mut written = serializer.serialize_struct("Symptom", 5)?;
            written.serialize_field("site", &self.site.to_string())?;
            written.serialize_field("topics", &*self.topics)?;
            written.serialize_field("ailment", ailment)?;
            written.serialize_field("topic", &topic)?;
            written.serialize_field("seconds", &seconds.map(Duration::as_secs_f64))?;
            written.end()
        }
    }

    #[cfg(test)]
    mod tests {
        use std::time::Duration;

        use super::{Ailment, ConnectionHealth, ConnectionState, Health, Symptom};
        use crate::{report::health::Phase, site::Site};

        #[test]
        fn health_can_be_put_on_a_status_page() {
            let symptom = |ailment| Symptom {
                site: Site::new("pay", "shop", "src/pay.rs", 14),
                topics: ["orders.*".into()].into(),
                ailment,
            };
            let waited = Duration::from_millis(40_500);
            let health = Health {
                names: vec!["billing"],
                phase: Phase::Running,
                symptoms: vec![
                    symptom(Ailment::Tripped),
                    symptom(Ailment::Full {
                        topic: "orders.eu".into(),
                        waited,
                    }),
                ],
                connections: vec![ConnectionHealth {
                    name: "nats://far".into(),
                    topics: vec!["orders.>".into()],
                    state: ConnectionState::Down {
                        reason: "gone".into(),
                    },
                }],
            };
            let site = r#""site":"shop::pay (src/pay.rs:14)","topics":["orders.*"]"#;
            let written = format!(
                r#"{{"names":["billing"],"phase":"running","healthy":false,"symptoms":[{{{site},"ailment":"tripped","topic":null,"seconds":null}},{{{site},"ailment":"full","topic":"orders.eu","seconds":40.5}}],"connections":[{{"name":"nats://far","topics":["orders.>"],"state":"down","reason":"gone"}}]}}"#
            );
            assert_eq!(serde_json::to_string(&health).unwrap(), written);
        }
    }
}
