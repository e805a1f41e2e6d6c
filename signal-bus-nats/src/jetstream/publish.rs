//! Publishing: until the server has stored it, or the deadline passes.

use std::{
    error::Error as _,
    sync::{Arc, PoisonError},
    time::Duration,
};

use async_nats::{
    HeaderMap, Subject,
    jetstream::{
        self,
        context::{GetStreamByNameErrorKind, PublishAckFuture, PublishError, PublishErrorKind},
        publish::PublishAck,
    },
};
use bytes::Bytes;
use futures_util::FutureExt as _;
use signal_bus::{
    ConnectionState,
    transport::{Message, TransportError, TransportFault},
};
use tokio::time::{self, Instant};

use crate::{
    fault::{failed, words},
    jetstream::Shared,
    wire,
};

/// How long between two attempts.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// How long where each of several has ended in the dark: what breaks connections must not break them for others all the time.
const AGAIN_AFTER_MAX: Duration = Duration::from_secs(1);
/// For so long a server that starts again may know of no stream.
const STREAMLESS_MAX: Duration = Duration::from_secs(2);

/// What the server says if it cannot for the moment.
const UNAVAILABLE: usize = 503;

/// How an attempt has ended that did not succeed.
enum Ended {
    /// The server may have it.
    Unknown(String),
    /// No stream is there to have it.
    Streamless,
    /// The server has not taken it for now.
    Later(String),
    /// The server has refused it.
    Refused(TransportError),
}

/// What is known of the attempts until now.
#[derive(Default)]
struct Known {
    /// Of one of them it is not known how it has ended.
    unknown: Option<String>,
    /// Why the last one has not succeeded.
    said: Option<String>,
}

impl Shared {
    /// Publishes a message: the same one, by its id, as often as it takes.
    pub(crate) async fn publish(&self, message: &Message) -> Result<(), TransportError> {
        let subject = self.subject(&message.topic)?;
        let headers = wire::headers(message);
        let size = wire::size(&headers, &message.payload);
        wire::check_size(size, self.connected.client.max_payload(), &message.topic)?;
        let again = || wire::headers(message);
        let stored = self.store(subject, headers, again, message.payload.clone());
        stored.await.map(drop)
    }

    /// The subject of a topic.
    fn subject(&self, topic: &Arc<str>) -> Result<Subject, TransportError> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match last.get(topic) {
            Some(subject) => Ok(subject),
            None => Ok(last.keep(topic, self.subjects.of(topic)?.into())),
        }
    }

    /// Has the server store something, and tells its place; `again` makes the headers another time, which mostly nobody needs.
    pub(crate) async fn store(
        &self,
        subject: Subject,
        headers: HeaderMap,
        again: impl Fn() -> HeaderMap,
        payload: Bytes,
    ) -> Result<u64, TransportError> {
        let begun = Instant::now();
        let since = self.since();
        let first = match self.send(&subject, headers, payload.clone()) {
            None => None,
            Some(Err(ended)) => Some(ended),
            Some(Ok(acknowledged)) => {
                match self.told(&subject, since, acknowledged.into_future()).await {
                    Ok(place) => return Ok(place),
                    Err(ended) => Some(ended),
                }
            }
        };
        // Few need the room for that, and an allocator has none of its size at hand.
        Box::pin(self.persist(&subject, first, again, payload, begun)).await
    }

    /// Sends it, if that takes no waiting; it has not left otherwise.
    fn send(
        &self,
        subject: &Subject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Option<Result<PublishAckFuture, Ended>> {
        if self.connected.state() != ConnectionState::Up {
            return None;
        }
        let context = &self.context;
        let sent = context.publish_with_headers(subject.clone(), headers, payload);
        Some(sent.now_or_never()?.map_err(|error| ended(subject, &error)))
    }

    /// How often until now what is sent was not permitted, and the connection lost.
    fn since(&self) -> (u64, u64) {
        let events = &self.connected.events;
        (events.violations_count(), events.losses_count())
    }

    /// Waits for what the server says, which has a limit of its own.
    async fn told(
        &self,
        subject: &str,
        since: (u64, u64),
        acknowledged: impl Future<Output = Result<PublishAck, PublishError>>,
    ) -> Result<u64, Ended> {
        tokio::select! {
            biased;
            acknowledged = acknowledged => match acknowledged {
                Ok(acknowledged) => Ok(acknowledged.sequence),
                Err(error) => Err(ended(subject, &error)),
            },
            unanswered = self.connected.events.unanswered(subject, since) => Err(match unanswered {
                Some(error) => Ended::Refused(error),
                None => Ended::Unknown("the connection was lost".into()),
            }),
        }
    }

    /// Goes on after a `first` attempt, until the deadline.
    async fn persist(
        &self,
        subject: &Subject,
        mut first: Option<Ended>,
        again: impl Fn() -> HeaderMap,
        payload: Bytes,
        begun: Instant,
    ) -> Result<u64, TransportError> {
        let deadline = begun + self.publish_within;
        let mut known = Known::default();
        let mut again_after = AGAIN_AFTER;
        loop {
            let mut pause = AGAIN_AFTER;
            let ended = match first.take() {
                Some(ended) => ended,
                None => match self.connected.settled_by(deadline).await {
                    ConnectionState::Up => {
                        let attempt = self.attempt(subject, again(), payload.clone());
                        match time::timeout_at(deadline, attempt).await {
                            Ok(Ok(place)) => return Ok(place),
                            Ok(Err(ended)) => ended,
                            Err(_) => Ended::Unknown("no answer".into()),
                        }
                    }
                    ConnectionState::Failed { reason } => {
                        let error = TransportError::new(self.connected.events.fault(), reason);
                        return Err(self.refused(subject, error, known));
                    }
                    _ => return Err(self.gave_up(subject, known)),
                },
            };
            match ended {
                Ended::Refused(error) => return Err(self.refused(subject, error, known)),
                // In a cluster nobody answers for a stream until a new leader is found.
                Ended::Streamless
                    if STREAMLESS_MAX < begun.elapsed() && self.lacks_stream(subject).await =>
                {
                    let reason = format!("no stream of JetStream holds `{subject}` any more");
                    let error = TransportError::new(TransportFault::Missing, reason);
                    return Err(self.refused(subject, error, known));
                }
                Ended::Streamless => known.said = Some("no stream is there".into()),
                Ended::Later(said) => known.said = Some(said),
                Ended::Unknown(said) => {
                    known.unknown = Some(said);
                    pause = again_after;
                    again_after = AGAIN_AFTER_MAX.min(2 * again_after);
                }
            }
            time::sleep_until(deadline.min(Instant::now() + pause)).await;
            if deadline <= Instant::now() {
                return Err(self.gave_up(subject, known));
            }
        }
    }

    /// Whether the server says that no stream holds a subject: not, that nobody answers for the one that does.
    async fn lacks_stream(&self, subject: &str) -> bool {
        let held = self.context.stream_by_subject(subject).await;
        held.is_err_and(|error| error.kind() == GetStreamByNameErrorKind::NotFound)
    }

    async fn attempt(
        &self,
        subject: &Subject,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<u64, Ended> {
        let since = self.since();
        let context = &self.context;
        let sent = context.publish_with_headers(subject.clone(), headers, payload);
        let acknowledged = sent.await.map_err(|error| ended(subject, &error))?;
        self.told(subject, since, acknowledged.into_future()).await
    }

    /// What is refused now may have been stored before.
    fn refused(&self, subject: &str, error: TransportError, mut known: Known) -> TransportError {
        if let Some(unknown) = &mut known.unknown {
            *unknown = format!("{unknown}, and then: {error}");
            return self.gave_up(subject, known);
        }
        error
    }

    fn gave_up(&self, subject: &str, known: Known) -> TransportError {
        let within = self.publish_within;
        if let Some(said) = known.unknown {
            let reason = format!(
                "the server may have stored a message on `{subject}` or not, within {within:?}: {said}"
            );
            return TransportError::new(TransportFault::Unknown, reason);
        }
        let said = known.said.unwrap_or_else(|| "nothing was sent".into());
        let reason = format!(
            "the server was not there to store a message on `{subject}`, for {within:?}; {said}"
        );
        TransportError::new(TransportFault::Unreachable, reason)
    }
}

fn ended(subject: &str, error: &PublishError) -> Ended {
    let said = words(error);
    match error.kind() {
        PublishErrorKind::StreamNotFound => Ended::Streamless,
        PublishErrorKind::TimedOut | PublishErrorKind::BrokenPipe => Ended::Unknown(said),
        PublishErrorKind::MaxPayloadExceeded => {
            let what = format!("a message on `{subject}` is larger than the server takes");
            Ended::Refused(failed(TransportFault::Refused, what, error))
        }
        _ if is_full(&said) => {
            let what = format!("the stream of `{subject}` is full");
            Ended::Refused(failed(TransportFault::Full, what, error))
        }
        // What the server says itself is certain; of all else, such as an answer that cannot be read, nothing is.
        _ => match answer(error) {
            Some(answer) if answer.code() == UNAVAILABLE => Ended::Later(said),
            Some(_) => {
                let what = format!("the server has not stored a message on `{subject}`");
                Ended::Refused(failed(TransportFault::Refused, what, error))
            }
            None => Ended::Unknown(said),
        },
    }
}

/// The server's own words.
fn answer(error: &PublishError) -> Option<&jetstream::Error> {
    error.source()?.downcast_ref()
}

/// Whether the server says that a limit of the stream, or of the account, is reached.
fn is_full(said: &str) -> bool {
    let full = [
        "maximum messages",
        "maximum bytes",
        "insufficient",
        "resource limits",
        "no space",
    ];
    full.iter().any(|words| said.contains(words))
}
