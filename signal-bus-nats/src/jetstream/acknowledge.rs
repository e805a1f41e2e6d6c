//! What becomes of a message is told to the server.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_nats::{PublishError, header::NATS_MESSAGE_ID, jetstream::AckKind};
use futures_util::FutureExt as _;
use signal_bus::transport::{
    Acknowledge, TransportError, TransportFault, TransportFuture, Verdict,
};

use crate::{
    fault::failed,
    jetstream::{Shared, going::Going, held::Held},
};

/// What a dead letter says of why it is one.
const REASON: &str = "Signal-Dead-Reason";
/// After how long a message comes again whose dead letter could not be stored.
const DEAD_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// The way back of one message.
pub(super) struct Word {
    pub(super) shared: Arc<Shared>,
    /// As it came, for a dead letter and for the way back.
    pub(super) carried: async_nats::Message,
    pub(super) topic: Arc<str>,
    /// Where is noted that it is here.
    pub(super) held: Arc<Held>,
    /// Whether whoever has fetched it still fetches.
    pub(super) going: Arc<Going>,
    /// Whether it is noted there no more.
    pub(super) let_go: AtomicBool,
    /// Its place in the stream.
    pub(super) place: u64,
    /// The stream, and the consumer.
    pub(super) from: Arc<[String; 2]>,
}

/// The word as the bus has it; whoever fetches has it too, until the bus takes the message.
#[derive(Debug)]
pub(super) struct Told(pub(super) Arc<Word>);

impl Drop for Word {
    fn drop(&mut self) {
        self.let_go();
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Word(of {})", self.known_as())
    }
}

impl Word {
    pub(super) async fn say(&self, kind: AckKind) -> Result<(), TransportError> {
        if self.held.is_gone() {
            return Ok(());
        }
        if matches!(kind, AckKind::Nak(_)) {
            // It may come to this bus again before the server's answer could.
            self.let_go();
        }
        let Some(reply) = self.carried.reply.clone() else {
            return Ok(());
        };
        let client = &self.shared.connected.client;
        let said = client.publish(reply, kind.into()).await;
        said.map_err(|error| self.untold(&error))
    }

    /// Says that it is over, if that takes no waiting.
    fn try_acknowledge(&self) -> Option<Result<(), TransportError>> {
        let reply = self.carried.reply.clone().filter(|_| !self.held.is_gone());
        let Some(reply) = reply else {
            return Some(Ok(()));
        };
        let client = &self.shared.connected.client;
        let said = client.publish(reply, AckKind::Ack.into()).now_or_never()?;
        Some(said.map_err(|error| self.untold(&error)))
    }

    fn untold(&self, error: &PublishError) -> TransportError {
        let what = format!(
            "the server was not told what became of a message on `{}`",
            self.topic
        );
        failed(TransportFault::Unreachable, what, error)
    }

    /// What its dead letter is known by.
    fn known_as(&self) -> String {
        let [stream, consumer] = &*self.from;
        format!("{stream}-{}-{consumer}", self.place)
    }

    fn let_go(&self) {
        if !self.let_go.swap(true, Ordering::AcqRel) {
            self.held.let_go(self.place);
        }
    }

    /// Stores the dead letter first, and only then lets the message go.
    async fn bury(&self, reason: &str) -> Result<(), TransportError> {
        let Some(dead) = &self.shared.dead else {
            return self.say(AckKind::Term).await;
        };
        let mut headers = self.carried.headers.clone().unwrap_or_default();
        let words: String = reason
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        headers.insert(REASON, words);
        headers.insert(NATS_MESSAGE_ID, format!("dead-{}", self.known_as()));
        let subject = format!("{dead}{}", self.topic);
        match self
            .shared
            .store(
                subject.into(),
                headers.clone(),
                || headers.clone(),
                self.carried.payload.clone(),
            )
            .await
        {
            Ok(_) => self.say(AckKind::Term).await,
            Err(error) => {
                self.say(AckKind::Nak(Some(DEAD_AGAIN_AFTER))).await?;
                Err(error)
            }
        }
    }
}

impl Acknowledge for Told {
    fn settle(&self, verdict: Verdict) -> TransportFuture<'_, ()> {
        Box::pin(async move {
            match verdict {
                Verdict::Done => self.0.say(AckKind::Ack).await,
                Verdict::Again { after } => {
                    self.0.going.is_settled().await;
                    self.0.say(AckKind::Nak(after)).await
                }
                Verdict::Dead { reason } => self.0.bury(&reason).await,
                other => {
                    tracing::warn!("a verdict that is not known here: {other:?}");
                    self.0.say(AckKind::Nak(None)).await
                }
            }
        })
    }

    fn try_settle(&self, verdict: &Verdict) -> Option<Result<(), TransportError>> {
        match verdict {
            Verdict::Done => self.0.try_acknowledge(),
            _ => None,
        }
    }

    fn extend(&self) -> TransportFuture<'_, ()> {
        Box::pin(self.0.say(AckKind::Progress))
    }

    fn patience(&self) -> Duration {
        self.0.shared.delivery.ack_wait
    }
}
