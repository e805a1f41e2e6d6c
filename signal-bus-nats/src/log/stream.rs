//! The stream of a log: found, or made where that was asked for.

use std::{error::Error as _, time::Duration};

use async_nats::{
    HeaderMap,
    jetstream::{
        self,
        context::{GetStreamError, GetStreamErrorKind},
        stream::{Config, DiscardPolicy, Info, RetentionPolicy},
    },
};
use bytes::Bytes;
use signal_bus::transport::{TransportError, TransportFault};

use crate::{fault::failed, log::Log, subject::covers};

/// For so long a message that is stored again is known.
const DUPLICATES_KNOWN_FOR: Duration = Duration::from_secs(120);
/// A header by which the server refuses a message, unless the stream has this name.
const EXPECTED_STREAM: &str = "Nats-Expected-Stream";
/// No stream can have this name.
const NO_STREAM: &str = "this.is.only.a.question";

/// A stream that is read as a log.
#[derive(Clone, Debug)]
pub struct LogStream {
    pub(crate) name: String,
    pub(super) topics: Vec<String>,
    pub(super) is_made: bool,
    pub(super) messages_max: u64,
    pub(super) age_max: Duration,
    pub(super) replicas: usize,
}

impl LogStream {
    /// The stream of this name, which holds these topics. It has to be there, unless [`create`](Self::create) is said.
    pub fn named(
        name: impl Into<String>,
        topics: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            name: name.into(),
            topics: topics.into_iter().map(Into::into).collect(),
            is_made: false,
            messages_max: 0,
            age_max: Duration::ZERO,
            replicas: 1,
        }
    }

    /// Makes it if it is not there: in files, with the newest messages up to a number and an age; zero is no limit. One
    /// that is there is left as it is.
    #[must_use]
    pub fn create(mut self, messages_max: u64, age_max: Duration) -> Self {
        self.is_made = true;
        (self.messages_max, self.age_max) = (messages_max, age_max);
        self
    }

    /// On how many servers of a cluster it is made; 1 unless set.
    #[must_use]
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas.max(1);
        self
    }

    fn config(&self, subjects: Vec<String>) -> Config {
        Config {
            name: self.name.clone(),
            subjects,
            retention: RetentionPolicy::Limits,
            // Who reads a log wants what is new.
            discard: DiscardPolicy::Old,
            max_messages: i64::try_from(self.messages_max)
                .ok()
                .filter(|max| 0 < *max)
                .unwrap_or(-1),
            max_age: self.age_max,
            num_replicas: self.replicas,
            // The server wants no window that is longer than messages are kept.
            duplicate_window: match self.age_max.is_zero() {
                true => DUPLICATES_KNOWN_FOR,
                false => DUPLICATES_KNOWN_FOR.min(self.age_max),
            },
            ..Config::default()
        }
    }
}

impl Log {
    /// What the server says of the stream.
    pub(super) async fn look(&self) -> Result<Info, TransportError> {
        let name = &self.stream.name;
        let asked = self.permitted("STREAM.INFO", self.shared.context.get_stream(name));
        match asked.await? {
            Ok(stream) => Ok(stream.cached_info().clone()),
            Err(error) => Err(self.cannot_look(&error)),
        }
    }

    /// Waits for an answer of `JetStream`; of what is not permitted the server only tells by the way.
    async fn permitted<T>(
        &self,
        verb: &str,
        asked: impl Future<Output = T>,
    ) -> Result<T, TransportError> {
        let events = &self.shared.connected.events;
        let subject = format!("$JS.API.{verb}.{}", self.stream.name);
        let since = events.violations_count();
        tokio::select! {
            biased;
            answer = asked => Ok(answer),
            error = events.violated("Publish", &subject, since) => Err(error),
        }
    }

    fn cannot_look(&self, error: &GetStreamError) -> TransportError {
        let name = &self.stream.name;
        match error.kind() {
            GetStreamErrorKind::JetStream(said) if said.code() == 404 => {
                let reason = format!("there is no stream `{name}`");
                TransportError::new(TransportFault::Missing, reason)
            }
            GetStreamErrorKind::InvalidStreamName | GetStreamErrorKind::EmptyName => {
                let what = format!("`{name}` is no name of a stream");
                failed(TransportFault::Refused, what, error)
            }
            _ => {
                let what = format!(
                    "the server does not say how its stream `{name}` is (start it with `nats-server -js`, and permit `$JS.API.>` and `_INBOX.>`)"
                );
                failed(TransportFault::Unreachable, what, error)
            }
        }
    }

    /// Finds the stream, or makes it; it has to be one that can be read as a log.
    pub(super) async fn find(&self) -> Result<Info, TransportError> {
        let wanted = &self.stream;
        let subjects = wanted.topics.iter();
        let subjects = subjects.map(|topic| self.shared.subjects.of(topic));
        let subjects = subjects.collect::<Result<Vec<_>, _>>()?;
        let info = match self.look().await {
            Err(error) if error.fault() == TransportFault::Missing && wanted.is_made => {
                self.make(&subjects).await?
            }
            found => found?,
        };
        if info.config.retention != RetentionPolicy::Limits {
            let name = &wanted.name;
            let reason = format!(
                "the stream `{name}` forgets what somebody has read: make one whose retention is `limits`"
            );
            return Err(TransportError::new(TransportFault::Refused, reason));
        }
        Ok(info)
    }

    async fn make(&self, subjects: &[String]) -> Result<Info, TransportError> {
        let config = self.stream.config(subjects.to_vec());
        let made = self.permitted("STREAM.CREATE", self.shared.context.create_stream(config));
        match made.await? {
            Ok(stream) => Ok(stream.cached_info().clone()),
            // Somebody else may have made it at the same time.
            Err(error) => self.look().await.map_err(|_| {
                let what = format!("cannot make the stream `{}`", self.stream.name);
                failed(TransportFault::Refused, what, &error)
            }),
        }
    }

    /// Looks whether the stream holds each topic, and it may be published on.
    pub(super) async fn check_topics(&self, info: &Info) -> Result<(), TransportError> {
        for topic in &self.stream.topics {
            let subject = self.shared.subjects.of(topic)?;
            let held = &info.config.subjects;
            if !held.iter().any(|own| covers(own, &subject)) {
                let (name, held) = (&self.stream.name, held.join(", "));
                let reason = format!("the stream `{name}` does not hold `{subject}`, only {held}");
                return Err(TransportError::new(TransportFault::Missing, reason));
            }
            self.ask_for(&subject).await?;
        }
        Ok(())
    }

    /// Asks whether it may be published on, by a message that the server does not store.
    async fn ask_for(&self, subject: &str) -> Result<(), TransportError> {
        let mut headers = HeaderMap::new();
        headers.insert(EXPECTED_STREAM, NO_STREAM);
        let events = &self.shared.connected.events;
        let since = events.violations_count();
        let context = &self.shared.context;
        let asked = async {
            let sent = context.publish_with_headers(subject.to_owned(), headers, Bytes::new());
            sent.await?.await
        };
        let answer = tokio::select! {
            biased;
            answer = asked => answer,
            error = events.violated("Publish", subject, since) => return Err(error),
        };
        let Err(error) = answer else {
            return Ok(());
        };
        let is_said = |error: &(dyn std::error::Error + 'static)| error.is::<jetstream::Error>();
        if error.source().is_some_and(is_said) {
            return Ok(());
        }
        let what = format!("`{subject}` cannot be published on");
        Err(failed(TransportFault::Refused, what, &error))
    }
}
