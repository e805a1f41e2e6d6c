//! Fetching: as many messages as the bus has time for, handed back when it goes.

use std::{
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use async_nats::{
    StatusCode, Subscriber,
    jetstream::{
        AckKind,
        consumer::{PullConsumer, pull::BatchConfig},
    },
};
use futures_util::{FutureExt as _, StreamExt as _};
use signal_bus::{
    ConnectionState,
    transport::{Deliveries, Interest, TransportError, TransportFault},
};
use tokio::{
    sync::watch,
    time::{self, Instant},
};

use crate::{
    fault::failed,
    jetstream::{
        Shared,
        acknowledge::Word,
        ahead::{Ahead, deliveries},
        consumer::Wanted,
        going::Going,
        held::Held,
        looks::Looks,
        origin::{Origin, Origins},
    },
    subject::Heard,
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
/// Words of the server about requests that are on their way at most, beside the messages that they ask for.
const WORDS_MAX: usize = 16;
/// How long a request stands that only asks for an answer.
const ASK_FOR_A_WORD: Duration = Duration::from_millis(1);
/// How long between two attempts to get a consumer back.
const BACK_AFTER: Duration = Duration::from_millis(250);

/// Opens what an interest asks for: who fetches, and what comes of it.
pub(crate) async fn open(
    shared: &Arc<Shared>,
    interest: &Interest,
) -> Result<(impl Future<Output = ()> + Send + use<>, Deliveries), TransportError> {
    let mut wanted = Wanted::new(shared, interest)?;
    let (consumer, _) = wanted.get(shared).await?;
    let client = &shared.connected.client;
    let inbox = client.new_inbox();
    let incoming = client.subscribe(inbox.clone()).await;
    let incoming = incoming.map_err(|error| {
        let what = "cannot subscribe to an inbox";
        failed(TransportFault::Unreachable, what, &error)
    })?;
    let most = AHEAD_MAX.min(shared.delivery.pending_max);
    let going = Arc::<Going>::default();
    let ahead = Ahead::new(most / 2, Arc::clone(&going));
    let deliveries = deliveries(Arc::clone(&ahead));
    let puller = Puller {
        shared: Arc::clone(shared),
        pattern: interest.pattern.clone(),
        alone: interest.group.is_none(),
        wanted,
        consumer,
        inbox,
        incoming,
        most,
        ahead,
        going,
        held: Arc::default(),
        origins: Origins::default(),
        heard: Heard::default(),
        asked: 0,
        read: Some(0),
    };
    Ok((puller.run(), deliveries))
}

/// Waits until the connection takes nothing any more.
async fn over(closes: &mut watch::Receiver<bool>) {
    drop(closes.wait_for(|closes| *closes).await);
}

struct Puller {
    shared: Arc<Shared>,
    pattern: String,
    /// Nobody shares its consumer.
    alone: bool,
    wanted: Wanted,
    consumer: PullConsumer,
    /// Where messages come in.
    inbox: String,
    incoming: Subscriber,
    /// As many are fetched ahead.
    most: usize,
    ahead: Arc<Ahead>,
    going: Arc<Going>,
    held: Arc<Held>,
    origins: Origins,
    heard: Heard,
    /// Messages that the server still owes of the last request.
    asked: usize,
    /// How much has come in; `None` once the server counts otherwise, which begins anew with each connection.
    read: Option<usize>,
}

/// Why nothing comes any more.
struct Lost(String);

impl Puller {
    /// Fetches until the bus takes nothing any more, then hands back.
    async fn run(mut self) {
        let mut closes = self.shared.closes.subscribe();
        let (shared, ahead) = (Arc::clone(&self.shared), Arc::clone(&self.ahead));
        let going = Arc::clone(&self.going);
        if let Some(odd) = self.wanted.rivals(&shared).await {
            ahead.tell(odd);
        }
        tokio::select! {
            biased;
            () = over(&mut closes) => going.leave(),
            () = going.leaves() => {}
            () = remind(&shared, &ahead) => {}
            () = self.go_on() => {}
        }
        self.hand_back().await;
    }

    /// Fetches, and gets back what is lost.
    async fn go_on(&mut self) {
        loop {
            let Some(looks) = self.looks() else { return };
            looks.look_first().await;
            let Lost(lost) = tokio::select! {
                lost = self.fetch() => lost,
                () = looks.go_on() => return,
            };
            let error = TransportError::new(TransportFault::Unreachable, lost);
            self.ahead.tell(error);
            self.asked = 0;
            let other = loop {
                time::sleep(BACK_AFTER).await;
                match self.wanted.get(&self.shared).await {
                    Ok((consumer, other)) => {
                        self.consumer = consumer;
                        break other;
                    }
                    Err(error) => tracing::debug!("no consumer yet: {error}"),
                }
            };
            if other {
                self.held.end();
                self.held = Arc::default();
            }
        }
    }

    fn looks(&self) -> Option<Looks> {
        let (shared, ahead) = (&self.shared, &self.ahead);
        self.wanted.looks(shared, &self.consumer, ahead)
    }

    async fn fetch(&mut self) -> Lost {
        let (shared, ahead) = (Arc::clone(&self.shared), Arc::clone(&self.ahead));
        let mut states = shared.connected.events.states();
        states.mark_unchanged();
        let mut heard = Instant::now();
        loop {
            if self.asked == 0 && ahead.len() <= self.most / 2 {
                if let Err(lost) = self.ask().await {
                    return lost;
                }
                heard = Instant::now();
            }
            tokio::select! {
                biased;
                // What was asked for before an outage is not owed any more.
                changed = states.changed() => {
                    if changed.is_ok() && *states.borrow_and_update() == ConnectionState::Up {
                        self.asked = 0;
                        self.read = None;
                        if let Some(looks) = self.looks() {
                            looks.look_first().await;
                        }
                    }
                }
                message = self.incoming.next() => {
                    heard = Instant::now();
                    self.read = self.read.map(|read| read + 1);
                    let Some(message) = message else {
                        // The connection was drained, or is gone for good: its state says so.
                        return std::future::pending().await;
                    };
                    let mut next = Some(message);
                    while let Some(message) = next {
                        match self.take(message) {
                            Ok(None) => {}
                            Ok(Some(unasked)) => drop(unasked.say(AckKind::Ack).await),
                            Err(lost) => return lost,
                        }
                        // What is here already needs no other look around.
                        next = self.incoming.next().now_or_never().flatten();
                        self.read = self.read.map(|read| read + usize::from(next.is_some()));
                    }
                }
                () = ahead.has_room(), if self.asked == 0 => {}
                () = time::sleep_until(heard + BEATS_MISSED_AFTER), if 0 < self.asked => {
                    return Lost(format!("the server has forgotten what `{}` asked for", self.pattern));
                }
            }
        }
    }

    /// Asks for as many as there is room for.
    async fn ask(&mut self) -> Result<(), Lost> {
        let batch = self.most - self.ahead.len();
        let config = BatchConfig {
            batch,
            expires: Some(ASK_FOR),
            idle_heartbeat: BEAT_EVERY,
            ..BatchConfig::default()
        };
        let inbox = self.inbox.clone().into();
        let asked = self.consumer.request_batch(config, inbox).await;
        asked.map_err(|error| Lost(error.to_string()))?;
        self.asked = batch;
        Ok(())
    }

    /// Takes in what the server sends: a message, or a word about the request. What nobody asks for is to be acknowledged.
    fn take(&mut self, message: async_nats::Message) -> Result<Option<Word>, Lost> {
        match message.status {
            None | Some(StatusCode::OK) => {
                self.asked = self.asked.saturating_sub(1);
                Ok(self.keep(message))
            }
            Some(StatusCode::IDLE_HEARTBEAT) => Ok(None),
            Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => {
                self.asked = 0;
                Ok(None)
            }
            Some(status) => {
                let said = message.description.unwrap_or_default();
                let pattern = &self.pattern;
                let lost = format!("the consumer of `{pattern}` is gone: {status} {said}");
                Err(Lost(lost))
            }
        }
    }

    /// Keeps a message for the bus, if that asks for it.
    fn keep(&mut self, carried: async_nats::Message) -> Option<Word> {
        let reply = carried.reply.as_deref();
        let origin = reply.and_then(|reply| self.origins.read(reply));
        let Some(Origin { at, attempt }) = origin else {
            let pattern = &self.pattern;
            tracing::warn!(
                ?reply,
                "a message for `{pattern}` does not say where it is from"
            );
            return None;
        };
        let place = at.place;
        self.wanted.came(at, 1 < attempt);
        let (subjects, pattern) = (&self.shared.subjects, &self.pattern);
        let heard = self.heard.topic(subjects, pattern, &carried.subject);
        let (topic, unasked) = heard.filter(|_| self.held.hold(place))?;
        let message = wire::read(Arc::clone(topic), &carried);
        let word = Word {
            shared: Arc::clone(&self.shared),
            carried,
            topic: Arc::clone(&message.topic),
            held: Arc::clone(&self.held),
            going: Arc::clone(&self.going),
            let_go: AtomicBool::new(false),
            place,
            from: Arc::clone(&self.wanted.from),
        };
        if unasked {
            return Some(word);
        }
        let attempt = u32::try_from(attempt).unwrap_or(u32::MAX).max(1);
        self.ahead.push(message, attempt, Arc::new(word));
        None
    }

    /// Takes what is still on its way, and nothing after that.
    async fn take_last_ones(&mut self) {
        if self.end().await.is_err() {
            return;
        }
        while let Some(message) = self.incoming.next().await {
            let is_one = matches!(message.status, None | Some(StatusCode::OK));
            if let Some(unasked) = is_one.then(|| self.keep(message)).flatten() {
                drop(unasked.say(AckKind::Ack).await);
            }
        }
    }

    /// Has the server send nothing more.
    ///
    /// The client forgets a subscription as soon as it has told the server so, and drops what is still on its way, which then waits for
    /// the server's patience. So both are told to count: to more than can be on its way. What is missing to that are answers to requests
    /// that the server cannot grant.
    async fn end(&mut self) -> Result<(), async_nats::Error> {
        let Some(read) = self.read else {
            return Ok(self.incoming.drain().await?);
        };
        let missing = self.asked + WORDS_MAX;
        let last = u64::try_from(read + missing)?;
        self.incoming.unsubscribe_after(last).await?;
        let refused = BatchConfig {
            batch: 1,
            expires: Some(ASK_FOR_A_WORD),
            idle_heartbeat: BEAT_EVERY,
            ..BatchConfig::default()
        };
        for _ in 0..missing {
            let inbox = self.inbox.clone().into();
            self.consumer.request_batch(refused.clone(), inbox).await?;
        }
        Ok(())
    }

    /// Gives back what the bus has not taken, also what is still on its way.
    async fn hand_back(mut self) {
        let last = async {
            self.take_last_ones().await;
            // The server looks through its requests, and forgets those whose inbox is no more.
            self.consumer.get_info().await
        };
        drop(time::timeout(LAST_ONES, last).await);
        self.going.ended();
        for word in self.ahead.close() {
            if let Err(error) = word.say(AckKind::Nak(None)).await {
                tracing::debug!("a message was not handed back, and comes again later: {error}");
            }
        }
        if self.alone {
            let context = &self.shared.context;
            let (name, stream) = (&self.wanted.name, self.wanted.stream());
            let forgotten = context.delete_consumer_from_stream(name, stream);
            drop(time::timeout(LAST_ONES, forgotten).await);
        }
    }
}

impl Drop for Puller {
    fn drop(&mut self) {
        self.going.ended();
    }
}

/// Says again and again of what waits that it is not forgotten; never ends.
async fn remind(shared: &Shared, ahead: &Ahead) {
    let mut beats = time::interval(shared.delivery.ack_wait / 3);
    loop {
        beats.tick().await;
        for word in ahead.waiting() {
            if let Err(error) = word.say(AckKind::Progress).await {
                tracing::debug!("a message that waits may go to another bus: {error}");
            }
        }
    }
}
