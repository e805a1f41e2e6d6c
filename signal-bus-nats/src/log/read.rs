//! A reader of a log: it comes back by itself, and goes on where it was.

use std::time::Duration;

use async_nats::jetstream::{
    self,
    consumer::{
        AckPolicy, DeliverPolicy, PullConsumer,
        pull::{Config, Stream},
    },
};
use futures_util::StreamExt as _;
use signal_bus::{
    ConnectionState,
    transport::{TransportError, TransportFault},
};
use tokio::{
    sync::watch,
    time::{self, Instant},
};

use crate::{
    fault::failed,
    log::{Entry, Extent, Log, extent},
};

/// So many are on their way at once.
const AHEAD_MAX: usize = 1024;
/// How long one request for messages stands.
const ASK_FOR: Duration = Duration::from_secs(30);
/// How often the server says that it still stands; twice without, and the reader asks anew.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// After how long the server forgets a reader that is gone.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);
/// How long a reader looks for the server before it says that it is not there.
const LOOK_FOR: Duration = Duration::from_secs(2);
/// How long between two attempts to read.
const BACK_AFTER: Duration = Duration::from_millis(250);

/// What a reader comes to.
#[derive(Debug)]
#[non_exhaustive]
pub enum Read {
    /// It reads, or reads again: this is where the log begins and ends. What it has read before may not be part of it: then say where to
    /// [go on](LogReader::go_on_after).
    Joined(Extent),
    /// The next message.
    Entry(Entry),
    /// Nothing was there any more when it was joined. What follows comes as it is published; numbers up to its end that were not read
    /// are of messages that somebody has deleted.
    Current,
    /// It cannot read at the moment, and goes on trying.
    Trouble(TransportError),
}

/// Reads a log in its order: by [`Log::read_after`].
#[derive(Debug)]
pub struct LogReader {
    log: Log,
    /// Everything up to here was read.
    after: u64,
    at: At,
    states: watch::Receiver<ConnectionState>,
}

/// How far a reader has come.
enum At {
    /// It has to look for the log, at once or after a pause.
    Away { pause: Duration },
    /// It knows the log, and has to ask for messages.
    Found,
    /// It reads; the number that the next message has among those that were sent to it.
    Reading { messages: Box<Stream>, next: u64 },
}

impl std::fmt::Debug for At {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Away { .. } => "Away",
            Self::Found => "Found",
            Self::Reading { .. } => "Reading",
        })
    }
}

impl LogReader {
    pub(super) fn new(log: Log, after: u64) -> Self {
        let mut states = log.shared.connected.events.states();
        states.mark_unchanged();
        let pause = Duration::ZERO;
        Self {
            log,
            after,
            at: At::Away { pause },
            states,
        }
    }

    /// Goes on behind another place.
    pub fn go_on_after(&mut self, sequence: u64) {
        self.after = sequence;
        if matches!(self.at, At::Reading { .. }) {
            self.at = At::Found;
        }
    }

    /// What comes next. The first is [`Read::Joined`], and after each [`Read::Trouble`] it is said again.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was not returned comes the next time.
    pub async fn next(&mut self) -> Read {
        loop {
            let step = match &mut self.at {
                At::Away { pause } => {
                    time::sleep(*pause).await;
                    self.join().await.map(|extent| Some(Read::Joined(extent)))
                }
                At::Found => self.ask().await,
                At::Reading { .. } => self.take().await.map(|entry| entry.map(Read::Entry)),
            };
            match step {
                Ok(Some(read)) => return read,
                Ok(None) => {}
                Err(error) => {
                    self.at = At::Away { pause: BACK_AFTER };
                    return Read::Trouble(error);
                }
            }
        }
    }

    /// Looks where the log is.
    async fn join(&mut self) -> Result<Extent, TransportError> {
        let connected = &self.log.shared.connected;
        match connected.settled_by(Instant::now() + LOOK_FOR).await {
            ConnectionState::Up => {}
            ConnectionState::Failed { reason } => {
                return Err(TransportError::new(connected.events.fault(), reason));
            }
            state => return Err(away(&state)),
        }
        self.states.mark_unchanged();
        let info = self.log.look().await?;
        self.at = At::Found;
        Ok(extent(&info))
    }

    /// Asks for what follows, by a consumer of its own: a consumer may not outlive the server.
    async fn ask(&mut self) -> Result<Option<Read>, TransportError> {
        let config = Config {
            description: Some("signal-bus: reads a log".to_owned()),
            deliver_policy: DeliverPolicy::ByStartSequence {
                start_sequence: self.after + 1,
            },
            ack_policy: AckPolicy::None,
            inactive_threshold: FORGOTTEN_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..Config::default()
        };
        let name = &self.log.stream.name;
        let made = self
            .log
            .shared
            .context
            .create_consumer_on_stream(config, name);
        let consumer: PullConsumer = made.await.map_err(|error| self.cannot(&error))?;
        let asked = consumer
            .stream()
            .max_messages_per_batch(AHEAD_MAX)
            .expires(ASK_FOR)
            .heartbeat(BEAT_EVERY)
            .messages();
        let messages = Box::new(asked.await.map_err(|error| self.cannot(&error))?);
        self.at = At::Reading { messages, next: 1 };
        let is_current = consumer.cached_info().num_pending == 0;
        Ok(is_current.then_some(Read::Current))
    }

    /// The next message; nothing if the reader has to ask anew.
    async fn take(&mut self) -> Result<Option<Entry>, TransportError> {
        let At::Reading { messages, next } = &mut self.at else {
            return Ok(None);
        };
        let message = tokio::select! {
            biased;
            changed = self.states.changed() => {
                let state = self.states.borrow_and_update().clone();
                if changed.is_ok() && state != ConnectionState::Up {
                    return Err(away(&state));
                }
                // Its consumer may be gone with what the server had in memory.
                self.at = At::Away { pause: Duration::ZERO };
                return Ok(None);
            }
            message = messages.next() => message,
        };
        let message = match message {
            Some(Ok(message)) => message,
            Some(Err(error)) => return Err(self.cannot(&error)),
            None => return Err(self.cannot(&Ended)),
        };
        let Ok(info) = message.info() else {
            return Err(self.cannot(&Ended));
        };
        if info.consumer_sequence != *next {
            // One is missing: what was sent to nobody is not sent again, unless it is asked for.
            self.at = At::Found;
            return Ok(None);
        }
        *next += 1;
        if info.stream_sequence <= self.after {
            return Ok(None);
        }
        self.after = info.stream_sequence;
        Ok(Some(self.entry(&info, &message)))
    }

    fn entry(&self, info: &jetstream::message::Info<'_>, message: &async_nats::Message) -> Entry {
        let subject = message.subject.as_str();
        let topic = self.log.shared.subjects.topic(subject).unwrap_or(subject);
        Entry {
            sequence: info.stream_sequence,
            topic: topic.to_owned(),
            payload: message.payload.clone(),
            stored: info.published.into(),
            behind: info.pending,
        }
    }

    fn cannot(&self, error: &(dyn std::error::Error + 'static)) -> TransportError {
        let what = format!("the stream `{}` cannot be read", self.log.stream.name);
        failed(TransportFault::Unreachable, what, error)
    }
}

/// Nothing comes any more.
#[derive(Debug)]
struct Ended;

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("nothing comes any more")
    }
}

impl std::error::Error for Ended {}

fn away(state: &ConnectionState) -> TransportError {
    let reason = match state {
        ConnectionState::Down { reason } | ConnectionState::Failed { reason } => reason.to_string(),
        other => format!("{other:?}"),
    };
    TransportError::new(TransportFault::Unreachable, reason)
}
