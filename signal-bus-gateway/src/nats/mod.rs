//! The row of several gateways, in a stream of NATS.

mod client;

use std::{
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use sha2::{Digest, Sha256};
use signal_bus::transport::{TransportError, TransportFault};
use signal_bus_nats::{Entry, Log, LogError, LogReader, LogStream, Read};

use crate::{
    config::{Config, StreamConfig},
    cursor::Epoch,
    event::Draft,
    hub::{
        Refused,
        common::{Asked, Common, Extent, Heard, Reading},
    },
    mutex::lock,
    nats::client::{client, note},
    problem::Problems,
};

/// How long a start waits for the server, and how long a check does.
const START_PATIENCE: Duration = Duration::from_secs(10);
const CHECK_PATIENCE: Duration = Duration::from_secs(3);
/// A stream that is made keeps so many events at least, and each for so long: a gateway that was away reads what it has missed.
const KEPT_MIN: u64 = 65_536;
const KEPT_FOR_MIN: Duration = Duration::from_secs(3600);
/// What the labels of an event, and the head of a message, may add to a payload.
const LABELS_BYTES: usize = 20_000;

/// The stream that all gateways share.
#[derive(Debug)]
pub(crate) struct Link {
    log: Log,
    name: String,
    subjects: Subjects,
    /// Begins the ids of all messages of this process.
    process: u64,
    count: AtomicU64,
    /// Why nothing could be published last.
    fault: Mutex<Option<TransportFault>>,
}

/// Where events go: who may hear the one need not be permitted to hear the other.
#[derive(Debug, Clone)]
struct Subjects {
    public: String,
    private: String,
}

/// Reads the stream.
#[derive(Debug)]
pub(crate) struct LinkReader {
    reader: LogReader,
    name: String,
    subjects: Subjects,
}

/// What a stream is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Start,
    /// Nothing is made.
    Check,
}

/// Connects, and finds the stream or makes it; what is in the way becomes a problem.
pub(crate) async fn open(
    config: &Config,
    nats: &StreamConfig,
    purpose: Purpose,
    problems: &mut Problems,
) -> Option<Link> {
    let subjects = Subjects {
        public: format!("{}.public", nats.subject.value),
        private: format!("{}.private", nats.subject.value),
    };
    let patience = match purpose {
        Purpose::Start => START_PATIENCE,
        Purpose::Check => CHECK_PATIENCE,
    };
    let client = client(nats, patience, problems)?;
    let mut stream = LogStream::named(&nats.stream.value, [&subjects.public, &subjects.private]);
    if nats.is_made && purpose == Purpose::Start {
        let size = u64::try_from(config.backlog.size).unwrap_or(u64::MAX);
        let age = config
            .backlog
            .max_age
            .map_or(Duration::ZERO, |age| age.max(KEPT_FOR_MIN));
        stream = stream
            .create(size.max(KEPT_MIN), age)
            .replicas(nats.replicas);
    }
    match client.open_log(&stream).await {
        Ok(log) => Some(Link {
            log,
            name: nats.stream.value.clone(),
            subjects,
            process: Epoch::random().bits(),
            count: AtomicU64::new(0),
            fault: Mutex::default(),
        }),
        Err(error) => {
            let is_missing =
                matches!(&error, LogError::Stream(why) if why.fault() == TransportFault::Missing);
            // A start makes it.
            if !(is_missing && nats.is_made && purpose == Purpose::Check) {
                note(nats, &error, problems);
            }
            None
        }
    }
}

/// Tries what is configured, and makes nothing; not for a thread of an async runtime.
pub(crate) fn check(config: &Config, nats: &StreamConfig, problems: &mut Problems) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => runtime.block_on(async {
            if let Some(link) = open(config, nats, Purpose::Check, problems).await {
                link.look(config, nats, problems).await;
                link.close().await;
            }
        }),
        Err(error) => problems.refuse(nats.line, "nats", format!("cannot be tried: {error}")),
    }
}

impl Link {
    /// Where the row begins and ends; what of the server's settings does not fit becomes a problem.
    pub(crate) async fn look(
        &self,
        config: &Config,
        nats: &StreamConfig,
        problems: &mut Problems,
    ) -> Option<Extent> {
        let extent = match self.log.extent().await {
            Ok(extent) => extent,
            Err(error) => {
                problems.refuse(nats.stream.line, "nats.stream", error.to_string());
                return None;
            }
        };
        let size = u64::try_from(config.backlog.size).unwrap_or(u64::MAX);
        if let Some(max) = extent.messages_max.filter(|max| *max < size) {
            let text = format!(
                "the stream keeps {max} messages, less than the {size} of server.backlog.size; raise its limit: `nats stream edit --max-msgs`"
            );
            problems.warn(nats.stream.line, "nats.stream", text);
        }
        if extent.refuses_when_full {
            let text = "the stream takes nothing more when it is full; have it forget what is old: `nats stream edit --discard old`";
            problems.warn(nats.stream.line, "nats.stream", text);
        }
        let room = self.log.payload_bytes_max();
        if room < config.payload_bytes_max.saturating_add(LABELS_BYTES) {
            let text = format!(
                "the server takes messages of {room} bytes, which is too little for each payload of server.max_payload_size and its labels; larger ones are answered with 400"
            );
            problems.warn(nats.servers.line, "nats.servers", text);
        }
        Some(of_stream(&self.name, &extent))
    }

    pub(crate) fn read_after(&self, number: u64) -> LinkReader {
        LinkReader {
            reader: self.log.read_after(number),
            name: self.name.clone(),
            subjects: self.subjects.clone(),
        }
    }

    /// Ends the connection, once everything has left.
    pub(crate) async fn close(&self) {
        if let Err(error) = self.log.close().await {
            tracing::warn!("the connection to NATS has not ended well: {error}");
        }
    }

    /// What becomes of a publisher; the same fault is told once.
    fn refused(&self, error: &TransportError) -> Refused {
        let fault = error.fault();
        if matches!(fault, TransportFault::TooLarge { .. }) {
            return Refused::TooLarge;
        }
        if lock(&self.fault).replace(fault) != Some(fault) {
            tracing::error!("an event could not be shared: {error}");
        }
        match fault {
            TransportFault::Unknown => Refused::Unknown,
            _ => Refused::NotShared,
        }
    }
}

impl Common for Link {
    fn publish(&self, draft: Draft) -> Asked<'_, u64, Refused> {
        Box::pin(async move {
            let topic = self.subjects.of(draft.is_private());
            let number = self.count.fetch_add(1, Ordering::Relaxed);
            let id = format!("{:x}-{number}", self.process);
            match self.log.append(topic, &id, draft.message()).await {
                Ok(place) => {
                    *lock(&self.fault) = None;
                    Ok(place)
                }
                Err(error) => Err(self.refused(&error)),
            }
        })
    }

    fn last(&self) -> Asked<'_, u64, String> {
        Box::pin(async {
            let extent = self.log.extent().await;
            extent
                .map(|extent| extent.last)
                .map_err(|error| error.to_string())
        })
    }
}

impl Reading for LinkReader {
    async fn next(&mut self) -> Heard {
        match self.reader.next().await {
            Read::Joined(extent) => Heard::Joined(of_stream(&self.name, &extent)),
            Read::Entry(entry) => Heard::Placed {
                number: entry.sequence,
                draft: self.subjects.draft(&entry),
                is_last: entry.behind == 0,
            },
            Read::Current => Heard::Current,
            Read::Trouble(error) => Heard::Trouble(error.to_string()),
            other => Heard::Trouble(format!("what is read is not known here: {other:?}")),
        }
    }

    fn go_on_after(&mut self, number: u64) {
        self.reader.go_on_after(number);
    }
}

impl Subjects {
    fn of(&self, is_private: bool) -> &str {
        if is_private {
            &self.private
        } else {
            &self.public
        }
    }

    /// What a message says; or why it is no event.
    fn draft(&self, entry: &Entry) -> Result<Draft, String> {
        let topic = &entry.topic;
        if ![&self.public, &self.private].contains(&topic) {
            return Err(format!("no event is published on `{topic}`"));
        }
        let stored = entry.stored.duration_since(UNIX_EPOCH);
        let draft = Draft::of_message(&entry.payload, stored.unwrap_or_default().as_secs_f64())?;
        if self.of(draft.is_private()) != topic {
            return Err(format!("its path does not belong on `{topic}`"));
        }
        Ok(draft)
    }
}

/// Each gateway comes to the same epoch for the same stream, and to another one when it was made anew.
fn of_stream(name: &str, extent: &signal_bus_nats::Extent) -> Extent {
    let made = extent.made.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(made.as_nanos().to_le_bytes());
    hash.update(name);
    let digest = hash.finalize();
    let bits = digest.first_chunk().expect("a digest is longer");
    Extent {
        epoch: Epoch::from_bits(u64::from_le_bytes(*bits)),
        first: extent.first,
        last: extent.last,
    }
}
