//! The way in from other processes: what a connection is asked for, and what comes in.

use std::{
    collections::HashMap,
    future::poll_fn,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{sync::watch, task::AbortHandle, time};

use crate::{
    clock::grown,
    error::{Failure, publish::Refusal},
    guarded::caught,
    link::{arrived::Arrived, interests::interests, links::Link},
    observe::{
        At,
        letters::{DEAD, DeadLetter, DeadReason, Verdict as Given},
    },
    publish::{Forwarded, Manner, Tried},
    scope::running::{BusHandle, Running},
    signal::{
        AnyValue, Kind, Payload as _, Signal,
        arrival::Came,
        label::{About, Label, Stamp},
    },
    transport::{
        Deliveries, Delivery, Encoding, Incoming, Interest, Message, TransportError,
        TransportFault, Verdict, header,
    },
};

/// How long to wait before a connection is asked again that has refused.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long at most.
const ASK_AGAIN_AFTER_MAX: Duration = Duration::from_secs(10);

/// What is asked for of one connection, each by a task that takes in.
#[derive(Default)]
struct Asked(HashMap<Interest, AbortHandle>);

/// Asks each connection for what is heard when the bus starts.
pub(crate) async fn open(running: &Arc<Running>) -> Result<(), (Arc<Link>, TransportError)> {
    for link in &running.links.all {
        let mut asked = Asked::default();
        let seen = asked
            .adapt(running, link)
            .await
            .map_err(|error| (Arc::clone(link), error))?;
        link.covered.send_replace(seen);
        let settle = settle(Arc::clone(running), Arc::clone(link));
        running.tasks.spawn(&running.runtime, settle);
        let follow = follow(Arc::clone(running), Arc::clone(link), asked);
        running.tasks.spawn(&running.runtime, follow);
    }
    Ok(())
}

/// Asks for more and for less, as subscribers come and go, until the bus closes.
async fn follow(running: Arc<Running>, link: Arc<Link>, mut asked: Asked) {
    let mut closes = running.links.closes.subscribe();
    let mut refusals = 0;
    loop {
        let changed = running.links.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if *link.covered.borrow() == running.routes.present().generation() {
            tokio::select! {
                biased;
                _ = closes.wait_for(|closes| *closes) => return,
                () = changed => {}
            }
        }
        match asked.adapt(&running, &link).await {
            Ok(seen) => {
                refusals = 0;
                link.trouble.send_replace(None);
                link.covered.send_replace(seen);
            }
            Err(error) => {
                if refusals == 0 {
                    tracing::warn!(transport = link.name, "cannot subscribe: {error}");
                }
                link.trouble.send_replace(Some(error.to_string()));
                let wait = grown(ASK_AGAIN_AFTER, 2.0, refusals, ASK_AGAIN_AFTER_MAX);
                refusals = refusals.saturating_add(1);
                tokio::select! {
                    biased;
                    _ = closes.wait_for(|closes| *closes) => return,
                    () = time::sleep(wait) => {}
                }
            }
        }
    }
}

impl Asked {
    /// Asks for what is heard now; returns the generation in which that was.
    async fn adapt(
        &mut self,
        running: &Arc<Running>,
        link: &Arc<Link>,
    ) -> Result<u64, TransportError> {
        let (wanted, generation) = wanted(running, link);
        self.0.retain(|interest, task| {
            let stays = wanted.contains(interest) && !task.is_finished();
            if !stays {
                task.abort();
            }
            stays
        });
        for interest in wanted {
            if self.0.contains_key(&interest) {
                continue;
            }
            let deliveries = link.connection.subscribe(&interest).await?;
            let task = take_in(
                Arc::clone(running),
                Arc::clone(link),
                interest.clone(),
                deliveries,
            );
            let handle = running.tasks.spawn_abortable(&running.runtime, task);
            self.0.extend(handle.map(|handle| (interest, handle)));
        }
        Ok(generation)
    }
}

/// What is heard of what travels over a connection.
fn wanted(running: &Running, link: &Link) -> (Vec<Interest>, u64) {
    let present = running.routes.present();
    let generation = present.generation();
    let heard = present.all().filter(|hearer| !hearer.is_reserved());
    let heard = heard.flat_map(|hearer| {
        let group = hearer.wish.group.clone();
        let group = group.filter(|_| link.features.groups);
        let patterns = hearer.patterns();
        patterns.map(move |pattern| (pattern.clone(), group.clone()))
    });
    (
        interests(&link.patterns, heard.collect::<Vec<_>>()),
        generation,
    )
}

/// Lets in what comes in, in order, until the bus closes or nobody asks any more.
async fn take_in(
    running: Arc<Running>,
    link: Arc<Link>,
    interest: Interest,
    mut deliveries: Deliveries,
) {
    let mut closes = running.links.closes.subscribe();
    let group: Option<Arc<str>> = interest.group.map(Into::into);
    loop {
        let next = poll_fn(|context| deliveries.as_mut().poll_next(context));
        let incoming = tokio::select! {
            biased;
            _ = closes.wait_for(|closes| *closes) => return,
            incoming = next => incoming,
        };
        let delivery = match incoming {
            Some(Incoming::Message(delivery)) => delivery,
            Some(Incoming::Lost { count, reason }) => {
                running.observe.far_lost.add(count);
                tracing::warn!(
                    transport = link.name,
                    count,
                    "signals of other processes are lost: {reason}"
                );
                continue;
            }
            Some(Incoming::Trouble(error)) => {
                tracing::warn!(transport = link.name, "{error}");
                continue;
            }
            None => break,
        };
        // What waits for room goes back when the bus closes.
        tokio::select! {
            biased;
            _ = closes.wait_for(|closes| *closes) => return,
            () = let_in(&running, &link, group.as_ref(), delivery) => {}
        }
    }
    // It has ended by itself: it is asked for again.
    link.covered.send_replace(0);
    running.links.tell_changed();
}

/// Lets one message in, and waits for room if it has to.
async fn let_in(running: &Arc<Running>, link: &Link, group: Option<&Arc<str>>, delivery: Delivery) {
    let Delivery {
        message,
        attempt,
        acknowledge,
        ..
    } = delivery;
    let named = running.links.named(&message.headers);
    let arrived = Arc::new(match acknowledge {
        None => Arrived::once(group.cloned(), named),
        Some(acknowledge) => Arrived::owed(group.cloned(), named, acknowledge, &link.outstanding),
    });
    let own = message.sender() == Some(&*running.links.node);
    if own && group.is_none() {
        return arrived.settle(Verdict::Done);
    }
    let (kind, value) = match read(running, group.map(|group| &**group), &message) {
        Ok(Some(read)) => read,
        // Whoever has heard it is gone.
        Ok(None) => return arrived.settle(Verdict::Done),
        Err(error) => return bury(running, link, &arrived, message, &error),
    };
    let route = match running.routes.resolve(&message.topic, kind, link.at) {
        Ok(route) => route,
        Err(refusal) => {
            let error = TransportError::new(TransportFault::Unfit, refusal.to_string());
            return bury(running, link, &arrived, message, &error);
        }
    };
    let manner = Manner {
        forwarded: Some(Box::new(Forwarded {
            time: message.time().unwrap_or_else(SystemTime::now),
            headers: message.headers,
            came: Came::Carried(Arc::clone(&arrived) as _),
            attempt,
        })),
        ..Manner::default()
    };
    let sent = match running.send(&route, value, manner) {
        Tried::Accepted(receipt) => Ok(receipt),
        Tried::Wait(ready) => running.wait(ready).await,
        Tried::Refused(refusal, signal) => Err((refusal, signal)),
    };
    match sent {
        Ok(receipt) => arrived.goes_to(receipt.receivers),
        // Somebody else may want it.
        Err((Refusal::Closed, _)) => arrived.settle(Verdict::Again { after: None }),
        Err((refusal, _)) => {
            tracing::debug!(
                transport = link.name,
                "nobody gets a signal of another process: {refusal}"
            );
            arrived.settle(Verdict::Done);
        }
    }
}

/// The value of a message, as those who hear it take it; `None` if nobody does.
fn read(
    running: &Running,
    group: Option<&str>,
    message: &Message,
) -> Result<Option<(Kind, Arc<AnyValue>)>, TransportError> {
    let hearers = running.routes.hearers(&message.topic);
    let mut hearers = hearers.iter().filter(|hearer| match group {
        Some(group) => hearer.wish.group.as_deref() == Some(group),
        None => true,
    });
    let Some(first) = hearers.next() else {
        return Ok(None);
    };
    let taken = [first]
        .into_iter()
        .chain(hearers)
        .find_map(|one| one.wish.kind);
    let named = || {
        running
            .links
            .codecs
            .named(message.headers.get(header::TYPE)?)
    };
    let kind = running
        .routes
        .carries(&message.topic)
        .or(taken)
        .or_else(named);
    let Some(kind) = kind else {
        let reason = format!(
            "nobody here knows the type of `{}`: it takes an annotated function, or `Bus::carry`, to read it",
            message.topic
        );
        return Err(TransportError::new(TransportFault::Unfit, reason));
    };
    let Some(codec) = running.links.codecs.of(kind) else {
        let reason = format!(
            "`{}` cannot be read from a message: it needs `Serialize` and `DeserializeOwned`, and an annotated function \
             that publishes or takes it, or `Bus::carry::<{}>()`",
            kind.name, kind.name
        );
        return Err(TransportError::new(TransportFault::Unfit, reason));
    };
    let encoding = match message.headers.get(header::CONTENT_TYPE) {
        None => Encoding::Json,
        Some(content_type) => Encoding::of_content_type(content_type)?,
    };
    let value = caught(|| encoding.decode(codec, &message.payload)).unwrap_or_else(|panic| {
        let reason = format!("cannot read the payload: its `Deserialize` panicked: {panic}");
        Err(TransportError::new(TransportFault::Unfit, reason))
    })?;
    Ok(Some((kind, value)))
}

/// Makes a dead letter of what cannot be read.
fn bury(
    running: &Arc<Running>,
    link: &Link,
    arrived: &Arrived,
    message: Message,
    error: &TransportError,
) {
    let at = At::topic(link.site(), &message.topic);
    let failure = Failure::Refused(Refusal::Transport(error.clone()));
    running.observe.failed(&at, &failure);
    let about = Arc::new(About {
        topic: (*message.topic).into(),
        carries: Kind::of::<Message>(),
    });
    let stamp = Stamp::new(None, false);
    let signal = Signal::new(Message::erase(Arc::new(message)), Label { about, stamp });
    let given = Given {
        attempts: 1,
        reason: DeadReason::Unreadable,
    };
    let letters = &running.observe.letters;
    let letter = DeadLetter::unread(letters.next_id(), at, signal, Arc::new(failure), given);
    letters.keep(letter.clone());
    if running.is_monitored() || running.observe.recorder.is_some() {
        running.announce(DEAD, letter, None);
    }
    arrived.settle(Verdict::Dead {
        reason: error.to_string(),
    });
}

/// Takes nothing in any more; what waits for room goes back.
pub(crate) fn stop(running: &Running) {
    running.links.closes.send_replace(true);
}

/// Settles what is told of, until it is over.
async fn settle(running: Arc<Running>, link: Arc<Link>) {
    let over = running.links.over.subscribe();
    link.outstanding.settle(&link.name, over).await;
}

/// Nothing more comes.
pub(crate) fn over(running: &Running) {
    running.links.over.send_replace(true);
}

/// Says what has become of everything that came in, and ends the connections.
pub(crate) async fn finish(running: &Running) {
    for link in &running.links.all {
        link.outstanding.settle_told(&link.name).await;
        if let Err(error) = link.connection.drain().await {
            tracing::warn!(
                transport = link.name,
                "something may not have left: {error}"
            );
        }
    }
}

impl BusHandle {
    /// Waits until the bus's connections know of all who subscribe now, so that what other processes publish from then on comes in.
    ///
    /// [`Bus::start`](crate::Bus::start) has waited for those who are there from the start; this is for those who
    /// subscribe while the bus runs.
    ///
    /// # Cancel safety
    ///
    /// Only the waiting ends.
    pub async fn connected(&self) {
        let running = self.running();
        let generation = running.routes.present().generation();
        // Not every generation begins with somebody who comes or goes.
        running.links.tell_changed();
        for link in &running.links.all {
            let mut covered: watch::Receiver<u64> = link.covered.subscribe();
            // Of a bus that has closed there is nothing to wait for.
            let knows = covered.wait_for(|covered| generation <= *covered);
            tokio::select! {
                _ = knows => {}
                _ = running.ending.ended() => return,
            }
        }
    }
}
