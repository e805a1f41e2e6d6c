//! What comes in: it is read, let in, and said what became of it.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::SystemTime,
};

use tokio::{select, sync::watch, task::consume_budget};

use crate::{
    error::{Failure, publish::Refusal},
    inbound::learned::{Learned, Lesson},
    link::{arrived::Arrived, codecs, links::Link},
    observe::{
        At,
        letters::{DEAD, DeadLetter, DeadReason, Verdict as Given},
    },
    publish::{Ready, Receipt, Tried},
    queue::lane::Lane,
    route::topic::Route,
    scope::running::Running,
    signal::{
        AnyValue, Kind, Payload as _, Signal,
        arrival::{Came, Carried},
        headers::Headers,
        label::{About, Label, Stamp},
    },
    transport::{Deliveries, Delivery, Incoming, Message, TransportError, TransportFault, Verdict},
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
    closes.mark_changed();
    let mut letting = Letting {
        running: &running,
        link: &link,
        taking: &taking,
        learned: Learned::default(),
        came: None,
    };
    loop {
        let Some(incoming) = next(&mut deliveries, &mut closes).await else {
            return;
        };
        let delivery = match incoming {
            Some(Incoming::Message(delivery)) => delivery,
            Some(Incoming::Lost { count, reason }) => {
                running.observe.far_lost.add(count);
                let are = if count == 0 { "may be" } else { "are" };
                tracing::warn!(
                    transport = link.name,
                    count,
                    "signals of other processes {are} lost: {reason}"
                );
                continue;
            }
            Some(Incoming::Trouble(error)) => {
                tracing::warn!(transport = link.name, "{error}");
                continue;
            }
            None => break,
        };
        let Some((arrived, ready)) = letting.let_in(delivery) else {
            continue;
        };
        let mut sending = pin!(running.wait(Box::new(ready)));
        select! {
            biased;
            _ = closes.wait_for(|closes| *closes) => {
                // What waits for room goes back when the bus closes, once nobody asks for it here any more.
                drop(deliveries);
                return;
            }
            sent = &mut sending => letting.sent(&arrived, sent),
        }
    }
    // It has ended by itself: it is asked for again.
    taking.ended.store(true, Ordering::Release);
    link.covered.send_replace(0);
    running.links.tell_changed();
}

/// What comes next; `None` if the bus closes.
async fn next(
    deliveries: &mut Deliveries,
    closes: &mut watch::Receiver<bool>,
) -> Option<Option<Incoming>> {
    consume_budget().await;
    // Mostly nothing has changed, and to look at what it is takes a lock.
    if closes.has_changed().unwrap_or(true) && *closes.borrow_and_update() {
        return None;
    }
    // Mostly it is there already, and waiting for two things costs more than that.
    let at_once = poll_fn(|context| Poll::Ready(deliveries.as_mut().poll_next(context)));
    if let Poll::Ready(incoming) = at_once.await {
        return Some(incoming);
    }
    select! {
        biased;
        _ = closes.wait_for(|closes| *closes) => None,
        incoming = poll_fn(|context| deliveries.as_mut().poll_next(context)) => Some(incoming),
    }
}

/// Where a message goes, the lane that it may take there, and its value.
type Read = (Arc<Route>, Option<Lane>, Arc<AnyValue>);

/// Lets in what one task takes in.
struct Letting<'a> {
    running: &'a Arc<Running>,
    link: &'a Link,
    taking: &'a Taking,
    learned: Learned,
    /// How all have come of which there is no more to say than of the last one.
    came: Option<Arc<Came>>,
}

/// What the headers of a message say of it.
struct Said {
    /// Whether it is from this bus.
    own: bool,
    time: Option<SystemTime>,
}

impl Letting<'_> {
    /// Lets one message in, as far as that takes no waiting.
    fn let_in(&mut self, delivery: Delivery) -> Option<(Arrived, Ready)> {
        let (running, link) = (self.running, self.link);
        let group = self.taking.group.as_ref();
        let Delivery {
            message,
            attempt,
            acknowledge,
            ..
        } = delivery;
        let arrived = match acknowledge {
            None => Arrived::ONCE,
            Some(acknowledge) => Arrived::owed(acknowledge, &link.outstanding),
        };
        let said = self.said(&message);
        // What an older subscription brings as well comes from there.
        let elsewhere = || !link.brings.is_first(self.taking.number, &message.topic);
        // What has come before, and failed, comes again.
        let bridged = || attempt == 1 && !running.links.is_new(&message.headers);
        if group.is_none() && (said.own || elsewhere() || bridged()) {
            arrived.settle(Verdict::Done);
            return None;
        }
        let generation = running.routes.generation();
        let (route, lane, value) = match self.read(&message) {
            Ok(Some(read)) => read,
            // Whoever has heard it is gone.
            Ok(None) => {
                arrived.settle(self.unheard());
                return None;
            }
            Err(error) => {
                bury(running, link, &arrived, message, &error);
                return None;
            }
        };
        let came = self.came(&message.headers, &arrived);
        let mut stamp = Stamp {
            time: said.time.unwrap_or_else(SystemTime::now),
            headers: message.headers,
            came: Some(came),
            attempt,
            local: route.is_local(),
            ..Stamp::PLAIN
        };
        let mut value = Some(value);
        let direct =
            lane.and_then(|lane| running.deliver_direct(&route, lane, &mut stamp, &mut value));
        if let Some(receipt) = direct {
            self.sent(&arrived, Ok(receipt));
            return None;
        }
        let value = value.expect("what has found no lane is still here");
        let about = Arc::clone(&route.about);
        match running.deliver(&route, Signal::new(value, Label { about, stamp })) {
            Tried::Accepted(Receipt { receivers: 0, .. })
                if generation != running.routes.present().generation() =>
            {
                // Somebody was here when it was read, and may have gone.
                arrived.settle(self.unheard());
            }
            Tried::Accepted(receipt) => self.sent(&arrived, Ok(receipt)),
            Tried::Wait(ready) => return Some((arrived, ready)),
            Tried::Refused(refusal, signal) => self.sent(&arrived, Err((refusal, signal))),
        }
        None
    }

    /// What the headers of a message say of it.
    fn said(&self, message: &Message) -> Said {
        let node = &self.running.links.node;
        match message.headers.as_plain() {
            Some(plain) => Said {
                own: plain.given.node == *node,
                time: message.time(),
            },
            None => Said {
                own: message.sender() == Some(node.as_str()),
                time: message.time(),
            },
        }
    }

    /// How a message has come.
    fn came(&mut self, headers: &Headers, arrived: &Arrived) -> Arc<Came> {
        let owed = arrived.waits();
        let usual = owed.is_none() && headers.as_plain().is_some();
        if let Some(came) = self.came.as_ref().filter(|_| usual) {
            return Arc::clone(came);
        }
        let came = Arc::new(Came::Carried(Carried {
            group: self.taking.group.clone(),
            named: self.running.links.named_by(headers),
            owed,
        }));
        self.came = usual.then(|| Arc::clone(&came)).or(self.came.take());
        came
    }

    /// What became of a message that nobody here hears: a group has other members elsewhere, who want it.
    fn unheard(&self) -> Verdict {
        match self.taking.group {
            Some(_) => Verdict::Again { after: None },
            None => Verdict::Done,
        }
    }

    fn sent(&self, arrived: &Arrived, sent: Result<Receipt, (Refusal, Signal)>) {
        match sent {
            Ok(receipt) => arrived.goes_to(receipt.receivers),
            // Somebody else may want it.
            Err((Refusal::Closed, _)) => arrived.settle(Verdict::Again { after: None }),
            Err((refusal, _)) => {
                tracing::debug!(
                    transport = self.link.name,
                    "nobody gets a signal of another process: {refusal}"
                );
                arrived.settle(Verdict::Done);
            }
        }
    }

    /// Reads a message as those who hear it take it; `None` if nobody does.
    fn read(&mut self, message: &Message) -> Result<Option<Read>, TransportError> {
        let (running, topic) = (self.running, &message.topic);
        if let Some(lesson) = self.learned.of(topic, running) {
            return Ok(Some((
                Arc::clone(&lesson.route),
                lesson.lane,
                codecs::read(&lesson.codec, message)?,
            )));
        }
        let Some(kind) = kind(running, self.taking.group.as_deref(), message)? else {
            return Ok(None);
        };
        let known = running
            .links
            .codecs
            .needed(kind, format_args!("be read from a message"))?;
        let value = codecs::read(&known.codec, message)?;
        let route = running.routes.resolve(topic, kind, self.link.at);
        let route = route
            .map_err(|refusal| TransportError::new(TransportFault::Unfit, refusal.to_string()))?;
        // A group has queues of its own: if its last member has just left, a lane leads to others.
        let lane = match self.taking.group {
            Some(_) => None,
            None => running.arrival_lane(&route),
        };
        let lesson = Lesson {
            codec: known.codec,
            route: Arc::clone(&route),
            lane,
        };
        self.learned.learn(topic, lesson);
        Ok(Some((route, lane, value)))
    }
}

/// The type of what those who hear a message take; `None` if nobody hears it.
pub(super) fn kind(
    running: &Running,
    group: Option<&str>,
    message: &Message,
) -> Result<Option<Kind>, TransportError> {
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
    let carries = running.routes.carries(&message.topic);
    let named = || running.links.codecs.named(message.type_name()?);
    let kind = carries.or(taken).or_else(named);
    kind.map(Some).ok_or_else(|| {
        let reason = format!(
            "nobody here knows the type of `{}`: it takes an annotated function, or `Bus::carry`, to read it",
            message.topic
        );
        TransportError::new(TransportFault::Unfit, reason)
    })
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
        topic: Arc::clone(&message.topic),
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
