//! Fetching: as many messages as the bus has time for, handed back when it goes.

use std::{
    collections::VecDeque,
    hash::{DefaultHasher, Hash, Hasher},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_nats::{
    StatusCode, Subscriber,
    jetstream::{
        self, AckKind,
        consumer::{
            AckPolicy, DeliverPolicy, PullConsumer,
            pull::{BatchConfig, Config},
        },
    },
};
use futures_util::{StreamExt as _, stream};
use signal_bus::{
    ConnectionState,
    transport::{
        Deliveries, Delivery, Incoming, Interest, TransportError, TransportFault, Verdict,
    },
};
use tokio::{
    sync::{mpsc, watch},
    time::{self, Instant},
};

use crate::{
    fault::failed,
    jetstream::{Shared, acknowledge::Word, streams},
    wire,
};

/// Messages that are fetched ahead of the bus at most.
const AHEAD_MAX: usize = 256;
/// How long one request for messages stands.
const ASK_FOR: Duration = Duration::from_secs(30);
/// How often the server says that a request still stands.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// Without a beat for so long, the request is gone.
const BEATS_MISSED_AFTER: Duration = Duration::from_secs(12);
/// How long is waited for what is still on its way when the bus goes.
const LAST_ONES: Duration = Duration::from_secs(1);
/// How long between two attempts to get a consumer back.
const BACK_AFTER: Duration = Duration::from_millis(250);

/// Opens what an interest asks for: who fetches, and what comes of it.
pub(crate) async fn open(
    shared: &Arc<Shared>,
    interest: &Interest,
) -> Result<(impl Future<Output = ()> + Send + use<>, Deliveries), TransportError> {
    let subject = shared.subjects.of(&interest.pattern)?;
    let stream = streams::holding(&shared.context, &subject).await?;
    let name = match &interest.group {
        Some(group) => shared_name(group, &subject),
        None => format!("bus-{}", own_name(shared)),
    };
    let mut puller = Puller {
        shared: Arc::clone(shared),
        interest: interest.clone(),
        subject,
        stream,
        name,
        fetched: VecDeque::new(),
        asked: 0,
        last_sequence: 0,
        deliveries: mpsc::channel(1).0,
        unread: Arc::default(),
    };
    let fetching = puller.begin().await?;
    let (sender, receiver) = mpsc::channel(1);
    puller.deliveries = sender;
    let reading = Reading {
        receiver,
        unread: Arc::clone(&puller.unread),
    };
    let deliveries = stream::unfold(reading, |mut reading| async {
        let next = reading.receiver.recv().await?;
        Some((next, reading))
    });
    Ok((puller.run(fetching), Box::pin(deliveries)))
}

/// Waits until the connection takes nothing any more.
async fn over(closes: &mut watch::Receiver<bool>) {
    drop(closes.wait_for(|closes| *closes).await);
}

/// A name that no other consumer has.
fn own_name(shared: &Shared) -> String {
    let inbox = shared.connected.client.new_inbox();
    inbox.rsplit('.').next().unwrap_or_default().to_owned()
}

/// The name of a group's consumer: readable, and its own for each group and subject.
fn shared_name(group: &str, subject: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '_'
        }
    };
    let readable: String = group.chars().map(plain).take(32).collect();
    // Every process must come to the same name: this hasher has no seed.
    let mut hasher = DefaultHasher::new();
    (group, subject).hash(&mut hasher);
    format!("group-{readable}-{:016x}", hasher.finish())
}

struct Puller {
    shared: Arc<Shared>,
    interest: Interest,
    subject: String,
    stream: String,
    /// The consumer's.
    name: String,
    /// What was fetched, and the bus has not taken.
    fetched: VecDeque<jetstream::Message>,
    /// Messages that the server still owes of the last request.
    asked: usize,
    /// The place of the last message in the stream.
    last_sequence: u64,
    deliveries: mpsc::Sender<Incoming>,
    unread: Unread,
}

/// What was on its way to the bus when that went.
type Unread = Arc<Mutex<Vec<Incoming>>>;

/// Where the bus reads.
struct Reading {
    receiver: mpsc::Receiver<Incoming>,
    unread: Unread,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.receiver.close();
        let mut unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        while let Ok(incoming) = self.receiver.try_recv() {
            unread.push(incoming);
        }
    }
}

/// A consumer, and where its messages come in.
struct Fetching {
    consumer: PullConsumer,
    inbox: String,
    incoming: Subscriber,
}

/// Why a puller ends.
enum Over {
    /// The bus takes nothing any more.
    Closed,
    /// The consumer does not answer.
    Lost(String),
}

impl Puller {
    async fn begin(&self) -> Result<Fetching, TransportError> {
        let consumer = self.consumer().await.map_err(|error| {
            let what = format!("cannot subscribe to `{}`", self.interest.pattern);
            failed(TransportFault::Refused, what, &*error)
        })?;
        let client = &self.shared.connected.client;
        let inbox = client.new_inbox();
        let incoming = client.subscribe(inbox.clone()).await;
        let incoming = incoming.map_err(|error| {
            failed(
                TransportFault::Unreachable,
                "cannot subscribe to an inbox",
                &error,
            )
        })?;
        Ok(Fetching {
            consumer,
            inbox,
            incoming,
        })
    }

    async fn consumer(&self) -> Result<PullConsumer, async_nats::Error> {
        let alone = self.interest.group.is_none();
        let delivery = &self.shared.delivery;
        let context = &self.shared.context;
        if !alone {
            // Whoever was there first has said how it is.
            let there = context
                .get_consumer_from_stream(&self.name, &self.stream)
                .await;
            if let Ok(consumer) = there {
                return Ok(consumer);
            }
        }
        let config = Config {
            durable_name: Some(self.name.clone()),
            description: Some(format!("signal-bus: `{}`", self.interest.pattern)),
            deliver_policy: match self.last_sequence {
                0 => DeliverPolicy::New,
                last => DeliverPolicy::ByStartSequence {
                    start_sequence: last + 1,
                },
            },
            ack_policy: AckPolicy::Explicit,
            ack_wait: delivery.ack_wait,
            max_ack_pending: i64::try_from(delivery.pending_max).unwrap_or(i64::MAX),
            filter_subject: self.subject.clone(),
            inactive_threshold: match alone {
                true => delivery.forgotten_after,
                false => Duration::ZERO,
            },
            ..Config::default()
        };
        Ok(context
            .create_consumer_on_stream(config, &self.stream)
            .await?)
    }

    /// Fetches until the bus takes nothing any more, then hands back.
    async fn run(mut self, mut fetching: Fetching) {
        let mut closes = self.shared.closes.subscribe();
        loop {
            let lost = match self.fetch(&mut fetching).await {
                Over::Closed => break,
                Over::Lost(lost) => lost,
            };
            let error = TransportError::new(TransportFault::Unreachable, lost);
            let told = self.deliveries.send(Incoming::Trouble(error));
            tokio::select! {
                () = over(&mut closes) => break,
                told = told => if told.is_err() { break },
            }
            self.asked = 0;
            let back = async {
                loop {
                    time::sleep(BACK_AFTER).await;
                    if let Ok(fetching) = self.begin().await {
                        return fetching;
                    }
                }
            };
            fetching = tokio::select! {
                () = over(&mut closes) => break,
                () = self.deliveries.closed() => break,
                fetching = back => fetching,
            };
        }
        self.hand_back(fetching).await;
    }

    async fn fetch(&mut self, fetching: &mut Fetching) -> Over {
        let shared = Arc::clone(&self.shared);
        let mut closes = shared.closes.subscribe();
        let mut states = shared.connected.events.states();
        states.mark_unchanged();
        let mut extends = time::interval(shared.delivery.ack_wait / 3);
        let mut heard = Instant::now();
        loop {
            if let Err(lost) = self.ask(fetching).await {
                return Over::Lost(lost);
            }
            let deliveries = self.deliveries.clone();
            tokio::select! {
                biased;
                () = over(&mut closes) => return Over::Closed,
                () = deliveries.closed() => return Over::Closed,
                // What was asked for before an outage is not owed any more.
                _ = states.changed() => {
                    if *states.borrow_and_update() == ConnectionState::Up {
                        self.asked = 0;
                        heard = Instant::now();
                    }
                }
                place = deliveries.reserve(), if !self.fetched.is_empty() => {
                    let delivery = self.fetched.pop_front().and_then(|one| self.delivery(one));
                    if let (Ok(place), Some(delivery)) = (place, delivery) {
                        place.send(delivery);
                    }
                }
                message = fetching.incoming.next() => {
                    heard = Instant::now();
                    let Some(message) = message else {
                        return Over::Lost("the connection has ended".into());
                    };
                    if let Err(lost) = self.take(message) {
                        return Over::Lost(lost);
                    }
                }
                _ = extends.tick() => self.extend().await,
                () = time::sleep_until(heard + BEATS_MISSED_AFTER), if 0 < self.asked => {
                    return Over::Lost(format!("the server has forgotten what `{}` asked for", self.interest.pattern));
                }
            }
        }
    }

    /// Asks for more, if there is room and nothing is owed.
    async fn ask(&mut self, fetching: &Fetching) -> Result<(), String> {
        let ahead = AHEAD_MAX.min(self.shared.delivery.pending_max);
        if 0 < self.asked || ahead / 2 < self.fetched.len() {
            return Ok(());
        }
        let batch = ahead - self.fetched.len();
        let config = BatchConfig {
            batch,
            expires: Some(ASK_FOR),
            idle_heartbeat: BEAT_EVERY,
            ..BatchConfig::default()
        };
        let inbox = fetching.inbox.clone().into();
        let asked = fetching.consumer.request_batch(config, inbox).await;
        asked.map_err(|error| error.to_string())?;
        self.asked = batch;
        Ok(())
    }

    /// Takes in what the server sends: a message, or a word about the request.
    fn take(&mut self, message: async_nats::Message) -> Result<(), String> {
        match message.status {
            None | Some(StatusCode::OK) => {
                self.asked = self.asked.saturating_sub(1);
                self.fetched.push_back(jetstream::Message {
                    message,
                    context: self.shared.context.clone(),
                });
                Ok(())
            }
            Some(StatusCode::IDLE_HEARTBEAT) => Ok(()),
            Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => {
                self.asked = 0;
                Ok(())
            }
            Some(status) => {
                let said = message.description.unwrap_or_default();
                Err(format!(
                    "the consumer of `{}` is gone: {status} {said}",
                    self.interest.pattern
                ))
            }
        }
    }

    /// A message as the bus takes it.
    fn delivery(&mut self, message: jetstream::Message) -> Option<Incoming> {
        let (sequence, attempt) = match message.info() {
            Ok(info) => (info.stream_sequence, info.delivered),
            Err(error) => {
                tracing::warn!("a message without its place in the stream: {error}");
                return None;
            }
        };
        self.last_sequence = self.last_sequence.max(sequence);
        let (carried, acker) = message.split();
        let (payload, headers) = (carried.payload.clone(), carried.headers.clone());
        let message = wire::message(&self.shared.subjects, carried)?;
        let word = Word {
            shared: Arc::clone(&self.shared),
            acker,
            topic: message.topic.clone(),
            payload,
            headers,
            place: format!("{}-{sequence}-{}", self.stream, self.name),
        };
        let attempt = u32::try_from(attempt).unwrap_or(u32::MAX).max(1);
        Some(Incoming::Message(Delivery::acknowledged_by(
            message, attempt, word,
        )))
    }

    /// Says of what waits here that it is not forgotten.
    async fn extend(&self) {
        for message in &self.fetched {
            if let Err(error) = message.ack_with(AckKind::Progress).await {
                tracing::debug!("a message that waits may go to another bus: {error}");
            }
        }
    }

    /// Gives back what the bus has not taken, also what is still on its way.
    async fn hand_back(mut self, mut fetching: Fetching) {
        drop(fetching.incoming.drain().await);
        let last = async {
            while let Some(message) = fetching.incoming.next().await {
                drop(self.take(message));
            }
        };
        drop(time::timeout(LAST_ONES, last).await);
        for message in self.fetched.drain(..) {
            if let Err(error) = message.ack_with(AckKind::Nak(None)).await {
                tracing::debug!("a message was not handed back, and comes again later: {error}");
            }
        }
        let unread =
            std::mem::take(&mut *self.unread.lock().unwrap_or_else(PoisonError::into_inner));
        for incoming in unread {
            if let Incoming::Message(Delivery {
                acknowledge: Some(word),
                ..
            }) = incoming
            {
                drop(word.settle(Verdict::Again { after: None }).await);
            }
        }
        if self.interest.group.is_none() {
            let context = &self.shared.context;
            let forgotten = context.delete_consumer_from_stream(&self.name, &self.stream);
            drop(time::timeout(LAST_ONES, forgotten).await);
        }
    }
}
