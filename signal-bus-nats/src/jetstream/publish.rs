//! Publishing: until the server has stored it, or the deadline passes.

use std::time::Duration;

use async_nats::{
    HeaderMap,
    jetstream::context::{PublishError, PublishErrorKind},
};
use bytes::Bytes;
use signal_bus::transport::{Message, TransportError, TransportFault};
use tokio::time::{self, Instant};

use crate::{
    fault::{failed, words},
    jetstream::Shared,
    wire,
};

/// How long between two attempts.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
/// For so long a server that starts again may know of no stream.
const STREAMLESS_MAX: Duration = Duration::from_secs(2);

/// How an attempt has ended that did not succeed.
enum Ended {
    /// The server may have it.
    Unknown(String),
    /// No stream is there to have it.
    Streamless,
    /// The server has refused it.
    Refused(TransportError),
}

impl Shared {
    /// Publishes a message: the same one, by its id, as often as it takes.
    pub(crate) async fn publish(&self, message: &Message) -> Result<(), TransportError> {
        let subject = self.subjects.of(&message.topic)?;
        let headers = wire::headers(message, true);
        let size = wire::size(&headers, &message.payload);
        wire::check_size(size, self.connected.client.max_payload(), &message.topic)?;
        self.store(subject, headers, message.payload.clone()).await
    }

    /// Has the server store something.
    pub(crate) async fn store(
        &self,
        subject: String,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), TransportError> {
        let begun = Instant::now();
        let deadline = begun + self.publish_within;
        let mut unknown: Option<String> = None;
        loop {
            if !self.connected.stands_by(deadline).await {
                return Err(self.gave_up(&subject, unknown));
            }
            let attempt = self.attempt(&subject, headers.clone(), payload.clone());
            let ended = tokio::select! {
                biased;
                stored = time::timeout_at(deadline, attempt) => match stored {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(ended)) => ended,
                    Err(_) => Ended::Unknown("no answer".into()),
                },
                error = self.connected.events.violated("Publish", &subject) => return Err(error),
            };
            match ended {
                Ended::Refused(error) => return Err(error),
                Ended::Streamless if unknown.is_none() && STREAMLESS_MAX < begun.elapsed() => {
                    let reason = format!("no stream of JetStream holds `{subject}` any more");
                    return Err(TransportError::new(TransportFault::Missing, reason));
                }
                Ended::Streamless => {}
                Ended::Unknown(said) => unknown = Some(said),
            }
            if deadline <= Instant::now() {
                return Err(self.gave_up(&subject, unknown));
            }
            time::sleep(AGAIN_AFTER).await;
        }
    }

    async fn attempt(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), Ended> {
        let sent = self
            .context
            .publish_with_headers(subject.to_owned(), headers, payload);
        let acknowledged = sent.await.map_err(|error| ended(subject, &error))?;
        acknowledged
            .await
            .map(drop)
            .map_err(|error| ended(subject, &error))
    }

    fn gave_up(&self, subject: &str, unknown: Option<String>) -> TransportError {
        let within = self.publish_within;
        match unknown {
            None => TransportError::new(
                TransportFault::Unreachable,
                format!(
                    "the server was not there to store a message on `{subject}`, for {within:?}; nothing was sent"
                ),
            ),
            Some(said) => TransportError::new(
                TransportFault::Unknown,
                format!(
                    "the server may have stored a message on `{subject}` or not, within {within:?}: {said}"
                ),
            ),
        }
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
        _ => {
            let what = format!("the server has not stored a message on `{subject}`");
            Ended::Refused(failed(TransportFault::Refused, what, error))
        }
    }
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
