//! What comes in: it is read, let in, and said what became of it.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::SystemTime,
};

use tokio::select;

use crate::{
    error::{Failure, publish::Refusal},
    guarded::caught,
    link::{arrived::Arrived, links::Link},
    observe::{
        At,
        letters::{DEAD, DeadLetter, DeadReason, Verdict as Given},
    },
    publish::{Forwarded, Manner, Receipt, Tried},
    scope::running::Running,
    signal::{
        AnyValue, Kind, Payload as _, Signal,
        arrival::Came,
        label::{About, Label, Stamp},
    },
    transport::{
        Deliveries, Delivery, Encoding, Incoming, Message, TransportError, TransportFault, Verdict,
        header,
    },
};

/// What one task takes in.
pub(super) struct Taking {
    /// Its number among all that are asked for of the connection.
    pub(super) number: u64,
    pub(super) group: Option<Arc<str>>,
    /// Whether its stream has ended by itself.
    pub(super) ended: Arc<AtomicBool>,
}

/// Lets in what comes in, in order, until the bus closes or nobody asks any more.
pub(super) async fn take_in(
    running: Arc<Running>,
    link: Arc<Link>,
    taking: Taking,
    mut deliveries: Deliveries,
) {
    let mut closes = running.links.closes.subscribe();
    loop {
        let next = poll_fn(|context| deliveries.as_mut().poll_next(context));
        let incoming = select! {
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
        select! {
            biased;
            _ = closes.wait_for(|closes| *closes) => return,
            () = let_in(&running, &link, &taking, delivery) => {}
        }
    }
    // It has ended by itself: it is asked for again.
    taking.ended.store(true, Ordering::Release);
    link.covered.send_replace(0);
    running.links.tell_changed();
}

/// Lets one message in, and waits for room if it has to.
async fn let_in(running: &Arc<Running>, link: &Link, taking: &Taking, delivery: Delivery) {
    let group = taking.group.as_ref();
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
    // What an older subscription brings as well comes from there.
    let elsewhere = || own || !link.brings.is_first(taking.number, &message.topic);
    // What has come before, and failed, comes again.
    let bridged = || attempt == 1 && !running.links.is_new(&message.headers);
    if group.is_none() && (elsewhere() || bridged()) {
        return arrived.settle(Verdict::Done);
    }
    // A group has other members elsewhere, who want it where nobody is here any more.
    let unheard = || match group {
        Some(_) => Verdict::Again { after: None },
        None => Verdict::Done,
    };
    let generation = running.routes.present().generation();
    let (kind, value) = match read(running, group.map(|group| &**group), &message) {
        Ok(Some(read)) => read,
        // Whoever has heard it is gone.
        Ok(None) => return arrived.settle(unheard()),
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
        Ok(Receipt { receivers: 0, .. }) if generation != running.routes.present().generation() => {
            // Somebody was here when it was read, and may have gone.
            arrived.settle(unheard());
        }
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
    let codec = running
        .links
        .codecs
        .needed(kind, format_args!("be read from a message"))?;
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
