//! NATS without `JetStream`, where what is published travels in packs.

use std::time::Duration;

use async_nats::Subject;
use futures_util::FutureExt as _;
use signal_bus::{
    ConnectionState,
    transport::{
        Connection, Deliveries, Encoding, Features, Interest, Message, Requests, TransportError,
        TransportFault, TransportFuture,
    },
};
use tokio::{
    task::consume_budget,
    time::{self, Instant},
};

use crate::{
    core::{Core, away},
    fault::closed,
    pack::reach,
    packer::{Packer, Put},
    wire,
};

/// How long the client has to take what was published last.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);

/// A connection that delivers once at most, and packs what is published.
#[derive(Debug)]
pub(crate) struct Packed {
    core: Core,
    packer: Packer,
}

/// Where a message goes.
struct Place {
    subject: Subject,
    /// How large it is in a pack at most.
    reach: usize,
    /// How large a message may be.
    limit: usize,
}

impl Packed {
    pub(crate) fn new(core: Core) -> Self {
        let packer = Packer::new(core.own.client.clone());
        Self { core, packer }
    }

    /// Where a message goes, and whether its subject may be published on, as far as that is known.
    fn prepare(&self, message: &Message, since: u64) -> Result<(Place, bool), TransportError> {
        let (subject, permitted) = self.core.subject(message, since)?;
        let (reach, limit) = (reach(message), self.core.own.client.max_payload());
        // Mostly it is far from that, and need not be looked at closely: nothing stands three times in a message of its own.
        if limit / 3 < reach {
            let size = wire::size(&wire::headers(message), &message.payload);
            wire::check_size(size, limit, &message.topic)?;
        }
        self.core.check_up(message)?;
        let place = Place {
            subject,
            reach,
            limit,
        };
        Ok((place, permitted))
    }

    fn put(&self, place: &Place, message: &Message) -> Put {
        self.packer
            .put(&place.subject, message, place.reach, place.limit)
    }

    /// Puts a message into a pack, and waits for room.
    async fn wait(&self, place: &Place, message: &Message) -> Result<u64, TransportError> {
        loop {
            let left = self.packer.left();
            match self.put(place, message) {
                Put::Taken(number) => return Ok(number),
                Put::Closed => return Err(closed()),
                Put::Full => left.await,
            }
            self.core.check_up(message)?;
        }
    }

    async fn send(&self, message: &Message) -> Result<(), TransportError> {
        let since = self.core.own.events.violations_count();
        let (place, permitted) = self.prepare(message, since)?;
        let end = Instant::now() + self.core.publish_within;
        let Ok(number) = time::timeout_at(end, self.wait(&place, message)).await else {
            return Err(away(message, "the server takes nothing in"));
        };
        let number = number?;
        if !permitted {
            match time::timeout_at(end, self.packer.has_left(number)).await {
                Ok(true) => {}
                Ok(false) => return Err(away(message, "the client has not taken it")),
                // It may leave yet.
                Err(_) => {
                    let reason = format!(
                        "`{}` has not left in time, and may do so later",
                        message.topic
                    );
                    return Err(TransportError::new(TransportFault::Unknown, reason));
                }
            }
            let subject = place.subject;
            self.core.ask_for(&message.topic, subject, since).await?;
        }
        Ok(())
    }

    async fn end(&self) -> Result<(), TransportError> {
        let left = match self.packer.close(LEAVES_WITHIN).await {
            0 => Ok(()),
            count => {
                let reason = format!("{count} signals that were published have not left");
                Err(TransportError::new(TransportFault::Unknown, reason))
            }
        };
        left.and(self.core.drain().await)
    }
}

impl Connection for Packed {
    fn features(&self) -> Features {
        self.core.features()
    }

    fn encoding(&self) -> Encoding {
        self.core.encoding()
    }

    fn publish<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, ()> {
        Box::pin(async {
            // It waits for nothing else, mostly: others have their turn now and then, and those who hand over.
            consume_budget().await;
            self.send(message).await
        })
    }

    fn try_publish(&self, message: &Message) -> Option<Result<(), TransportError>> {
        consume_budget().now_or_never()?;
        let since = self.core.own.events.violations_count();
        let place = match self.prepare(message, since) {
            Ok((place, true)) => place,
            Ok((_, false)) => return None,
            Err(error) => return Some(Err(error)),
        };
        match self.put(&place, message) {
            Put::Taken(_) => Some(Ok(())),
            Put::Full => None,
            Put::Closed => Some(Err(closed())),
        }
    }

    fn subscribe<'a>(&'a self, interest: &'a Interest) -> TransportFuture<'a, Deliveries> {
        self.core.subscribe(interest)
    }

    fn request<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, Message> {
        self.core.request(message)
    }

    fn serve<'a>(&'a self, pattern: &'a str) -> TransportFuture<'a, Requests> {
        self.core.serve(pattern)
    }

    fn drain(&self) -> TransportFuture<'_, ()> {
        self.core.refuse();
        Box::pin(self.end())
    }

    fn state(&self) -> ConnectionState {
        self.core.state()
    }
}
