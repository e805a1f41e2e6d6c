//! A stream of `JetStream` as a log: whoever reads it sees every message once, in the one order that the server gives.
//!
//! A transport hands out what is new, and has each message acknowledged. A log is read from any place on, tells where it begins and
//! ends, and which log it is; nothing is acknowledged, and no reader leaves anything behind at the server for long.

mod read;
mod stream;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, SystemTime},
};

use async_nats::{
    HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{
        context::ContextBuilder,
        stream::{DiscardPolicy, Info},
    },
};
use bytes::Bytes;
use signal_bus::transport::{Encoding, TransportError};
use tokio::sync::watch;

pub use crate::log::{
    read::{LogReader, Read},
    stream::LogStream,
};
use crate::{client::Connected, delivery::AtLeastOnce, jetstream::Shared, subject::Subjects, wire};

/// How long the server has for one answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);

/// A connection to one stream of `JetStream`, which is read as a log, and written to: by [`Nats::open_log`](crate::Nats::open_log).
#[derive(Clone)]
pub struct Log {
    shared: Arc<Shared>,
    stream: LogStream,
}

/// Where a log begins and ends at the moment, and which one it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Extent {
    /// When the stream was made: another one of the same name counts anew.
    pub made: SystemTime,
    /// The sequence of the oldest message that is there; one more than `last`, if none is.
    pub first: u64,
    /// The sequence of the newest message that was ever stored; 0, if none was.
    pub last: u64,
    /// How many messages it keeps, if that is limited.
    pub messages_max: Option<u64>,
    /// Whether it takes nothing more when it is full, instead of forgetting what is old.
    pub refuses_when_full: bool,
}

/// A message of a log.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Entry {
    /// Its place: greater than that of each message stored before it.
    pub sequence: u64,
    /// The topic it was published on.
    pub topic: String,
    /// What it says.
    pub payload: Bytes,
    /// When the server has stored it; the same for all readers.
    pub stored: SystemTime,
    /// How many messages followed it when it was sent here.
    pub behind: u64,
}

/// Why a log cannot be opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum LogError {
    /// There is no connection: the address, the credentials, TLS.
    Connect(TransportError),
    /// The stream is not there, cannot be made, or is none that can be read as a log.
    Stream(TransportError),
    /// One of its topics may not be published on, or is not the stream's.
    Topics(TransportError),
}

impl fmt::Display for LogError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(error) | Self::Stream(error) | Self::Topics(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for LogError {}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Log({})", self.stream.name)
    }
}

impl Log {
    pub(crate) async fn open(
        connected: Connected,
        subjects: Subjects,
        publish_within: Duration,
        stream: &LogStream,
    ) -> Result<Self, LogError> {
        let context = ContextBuilder::new()
            .timeout(ANSWERED_WITHIN)
            .build(connected.client.clone());
        let shared = Shared {
            connected,
            context,
            subjects,
            last: Default::default(),
            encoding: Encoding::default(),
            delivery: AtLeastOnce::default(),
            publish_within,
            dead: None,
            buckets: None,
            closes: watch::Sender::new(false),
        };
        let log = Self {
            shared: Arc::new(shared),
            stream: stream.clone(),
        };
        let info = log.find().await.map_err(LogError::Stream)?;
        let checked = log.check_topics(&info).await;
        checked.map_err(LogError::Topics)?;
        Ok(log)
    }

    /// Stores a message at the end, and returns its place. The same one, by its id, is stored once, and has one place.
    ///
    /// # Errors
    ///
    /// [`TransportFault::Unknown`](signal_bus::transport::TransportFault::Unknown) if it may be stored or not; with every other, it is not.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it may be stored or not.
    pub async fn append(
        &self,
        topic: &str,
        id: &str,
        payload: impl Into<Bytes>,
    ) -> Result<u64, TransportError> {
        let payload = payload.into();
        let subject = self.shared.subjects.of(topic)?;
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, id);
        let size = wire::size(&headers, &payload);
        wire::check_size(size, self.payload_bytes_max(), topic)?;
        let first = headers.clone();
        let again = || headers.clone();
        let subject = subject.into();
        self.shared.store(subject, first, again, payload).await
    }

    /// How large a message may be, in bytes, with its headers.
    #[must_use]
    pub fn payload_bytes_max(&self) -> usize {
        self.shared.connected.client.max_payload()
    }

    /// Where it begins and ends: asks the server.
    ///
    /// # Errors
    ///
    /// If the server does not answer, or the stream is gone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn extent(&self) -> Result<Extent, TransportError> {
        let info = self.look().await?;
        Ok(extent(&info))
    }

    /// Reads what follows a place: messages that are there, then those that come.
    #[must_use]
    pub fn read_after(&self, sequence: u64) -> LogReader {
        LogReader::new(self.clone(), sequence)
    }

    /// Ends the connection, once everything has left.
    ///
    /// # Errors
    ///
    /// If something may not have left.
    ///
    /// # Cancel safety
    ///
    /// Once begun, it ends by itself.
    pub async fn close(&self) -> Result<(), TransportError> {
        self.shared.connected.close().await
    }
}

fn extent(info: &Info) -> Extent {
    Extent {
        made: info.created.into(),
        first: info.state.first_sequence,
        last: info.state.last_sequence,
        messages_max: u64::try_from(info.config.max_messages)
            .ok()
            .filter(|max| 0 < *max),
        refuses_when_full: info.config.discard == DiscardPolicy::New,
    }
}
