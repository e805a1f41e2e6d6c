//! What becomes of a message is told to the server.

use std::{fmt, sync::Arc, time::Duration};

use async_nats::{
    HeaderMap,
    header::NATS_MESSAGE_ID,
    jetstream::{AckKind, message::Acker},
};
use bytes::Bytes;
use signal_bus::transport::{
    Acknowledge, TransportError, TransportFault, TransportFuture, Verdict,
};

use crate::{fault::failed, jetstream::Shared};

/// What a dead letter says of why it is one.
const REASON: &str = "Signal-Dead-Reason";
/// After how long a message comes again whose dead letter could not be stored.
const DEAD_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The way back of one message.
pub(crate) struct Word {
    pub(crate) shared: Arc<Shared>,
    pub(crate) acker: Acker,
    /// What is kept of it for a dead letter.
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) headers: Option<HeaderMap>,
    /// The stream and the place in it, by which a dead letter is known.
    pub(crate) place: String,
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Word(of {})", self.place)
    }
}

impl Word {
    async fn say(&self, kind: AckKind) -> Result<(), TransportError> {
        self.acker.ack_with(kind).await.map_err(|error| {
            let what = format!(
                "the server was not told what became of a message on `{}`",
                self.topic
            );
            failed(TransportFault::Unreachable, what, &*error)
        })
    }

    /// Stores the dead letter first, and only then lets the message go.
    async fn bury(&self, reason: &str) -> Result<(), TransportError> {
        let Some(dead) = &self.shared.dead else {
            return self.say(AckKind::Term).await;
        };
        let mut headers = self.headers.clone().unwrap_or_default();
        let words: String = reason
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        headers.insert(REASON, words);
        headers.insert(NATS_MESSAGE_ID, format!("dead-{}", self.place));
        let subject = format!("{dead}{}", self.topic);
        match self
            .shared
            .store(subject, headers, self.payload.clone())
            .await
        {
            Ok(()) => self.say(AckKind::Term).await,
            Err(error) => {
                self.say(AckKind::Nak(Some(DEAD_AGAIN_AFTER))).await?;
                Err(error)
            }
        }
    }
}

impl Acknowledge for Word {
    fn settle(&self, verdict: Verdict) -> TransportFuture<'_, ()> {
        Box::pin(async move {
            match verdict {
                Verdict::Done => self.say(AckKind::Ack).await,
                Verdict::Again { after } => self.say(AckKind::Nak(after)).await,
                Verdict::Dead { reason } => self.bury(&reason).await,
                other => {
                    tracing::warn!("a verdict that is not known here: {other:?}");
                    self.say(AckKind::Nak(None)).await
                }
            }
        })
    }

    fn extend(&self) -> TransportFuture<'_, ()> {
        Box::pin(self.say(AckKind::Progress))
    }

    fn patience(&self) -> Duration {
        self.shared.delivery.ack_wait
    }
}
