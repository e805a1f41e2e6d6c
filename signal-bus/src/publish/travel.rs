//! The way out to other processes: a signal leaves first, and is then let in here.
//!
//! What a transport refuses has reached nobody. Once a message is handed over, nothing can take it back; so a publisher that stops waiting
//! then does not stop the publish, and the signal is let in here all the same.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::sync::OwnedSemaphorePermit;

use crate::{
    error::publish::Refusal,
    link::links::Link,
    publish::{Manner, Ready, Receipt, Tried},
    queue::offer::{Inside, Offer},
    route::topic::{Hearing, Route},
    scope::{
        held::{Begun, Held},
        running::Running,
    },
    signal::{AnyValue, Signal, arrival::Came, name::Names},
    transport::{Message, TransportError, TransportFault},
};

/// What has to leave for other processes.
pub(super) struct Departure {
    link: Arc<Link>,
    message: Message,
    /// What it is called among all, where its headers say more than that.
    names: Option<Box<Names>>,
}

impl Running {
    /// The connection over which what is published so travels, if it does.
    pub(super) fn link_of(&self, route: &Route, manner: &Manner) -> Option<&Arc<Link>> {
        let travels = route.travels?;
        let forwarded = manner.forwarded.as_ref();
        let carried =
            forwarded.is_some_and(|one| matches!(one.came, Came::Carried(_) | Came::Requested(_)));
        if carried || manner.local || route.is_local() {
            return None;
        }
        self.links.all.get(usize::from(travels.link))
    }

    /// Gets a signal ready to leave. Whoever hears it here may have no room, or not be there at all.
    pub(super) fn departs(
        &self,
        route: &Arc<Route>,
        link: &Arc<Link>,
        value: Arc<AnyValue>,
        manner: Manner,
    ) -> Tried {
        let (inside, ticket) = (manner.inside, manner.ticket.clone());
        let waits = manner.waits;
        let stamp = manner.into_stamp(route);
        let signal = |value, stamp| Signal::new(value, route.label(stamp));
        let find = || {
            let known = self.routes.hearing(route);
            let hearing = known.unwrap_or_else(|| self.routes.look(route));
            hearing.check(route).map(|()| hearing)
        };
        let unseen = self.observe.recorder.is_none();
        let known = match unseen && route.only_leaves(self.routes.generation()) {
            // Mostly nobody hears here what travels, and to look at who does costs as much as to write it.
            true => Ok(None),
            false => find().map(Some),
        };
        let known = match known {
            Ok(known) => known,
            Err(refusal) => return Tried::Refused(refusal, signal(value, stamp)),
        };
        let (message, names) = match self.links.message(link, &route.about, &stamp, &*value) {
            Ok(written) => written,
            Err(error) => {
                return Tried::Refused(Refusal::Transport(error), signal(value, stamp));
            }
        };
        self.links.is_new(&message.headers);
        let silent = |hearing: &Arc<Hearing>| unseen && hearing.is_silent();
        if waits && known.as_ref().is_none_or(silent) {
            match self.leaves(link, &message, inside) {
                Some(Ok(())) => return Tried::Accepted(self.passes_by(0)),
                Some(Err(refusal)) => return Tried::Refused(refusal, signal(value, stamp)),
                None => {}
            }
        }
        let hearing = match known.map_or_else(find, Ok) {
            Ok(hearing) => hearing,
            Err(refusal) => return Tried::Refused(refusal, signal(value, stamp)),
        };
        let signal = signal(value, stamp);
        let destination = self.destination(&hearing, &**signal.as_arc(), signal.label());
        Tried::Wait(Ready {
            offer: Offer {
                line: route.line,
                signal,
                destination,
                inside,
                recorded: self.observe.recorder.is_some(),
                counted: true,
                ticket,
            },
            route: Arc::clone(route),
            mismatched: hearing.mismatched,
            departure: Some(Departure {
                link: Arc::clone(link),
                message,
                names,
            }),
        })
    }
}

impl Running {
    /// Sends off what nobody hears here, if that takes no waiting.
    fn leaves(
        &self,
        link: &Link,
        message: &Message,
        inside: Option<Inside>,
    ) -> Option<Result<(), Refusal>> {
        let begun = Begun::new(self);
        if begun.is_none() && inside.is_none() {
            return Some(Err(Refusal::Closed));
        }
        let sent = link.connection.try_publish(message)?;
        Some(sent.map_err(Refusal::Transport))
    }
}

/// The refusal of a publish that cannot wait, and would have to travel.
pub(super) fn must_wait(route: &Route) -> Refusal {
    let reason = format!(
        "`{}` travels to other processes, which takes waiting: use `publish`, or make the publisher an `async fn`",
        route.about.topic
    );
    Refusal::Transport(TransportError::new(TransportFault::MustWait, reason))
}

type Sent = Result<Receipt, (Refusal, Signal)>;

/// Sends a signal off, and lets it in; what takes waiting comes back as a future.
pub(super) fn set_off(running: &Arc<Running>, ready: Box<Ready>) -> Result<Sent, Travelling> {
    // What has begun before the close is waited for, like a run of a periodic function.
    let held = running.hold();
    if held.is_none() && ready.offer.inside.is_none() {
        return Ok(Err((Refusal::Closed, ready.into_signal())));
    }
    let departure = ready.departure.as_ref();
    let tried = departure.and_then(|one| one.link.connection.try_publish(&one.message));
    match tried {
        None => {
            let sending = send(Arc::clone(running), held, ready);
            Err(Travelling::new(running, sending))
        }
        Some(Err(error)) => Ok(Err((Refusal::Transport(error), ready.into_signal()))),
        Some(Ok(())) => match running.arrive(ready) {
            Tried::Accepted(receipt) => Ok(Ok(receipt)),
            Tried::Refused(refusal, signal) => Ok(Err((refusal, signal))),
            Tried::Wait(ready) => {
                let entering = enter(Arc::clone(running), held, ready);
                let mut travelling = Travelling::new(running, entering);
                travelling.begun = true;
                Err(travelling)
            }
        },
    }
}

/// Boxes within boxes: an allocator has small ones at hand, and there is one for each signal.
async fn send(running: Arc<Running>, held: Option<Held>, ready: Box<Ready>) -> Sent {
    if let Err(error) = handed_over(&running, &ready).await {
        return Err((Refusal::Transport(error), ready.into_signal()));
    }
    match running.arrive(ready) {
        Tried::Accepted(receipt) => Ok(receipt),
        Tried::Wait(ready) => Box::pin(enter(running, held, ready)).await,
        Tried::Refused(refusal, signal) => Err((refusal, signal)),
    }
}

/// Waits for room here, of what has left.
async fn enter(running: Arc<Running>, _held: Option<Held>, ready: Ready) -> Sent {
    running.wait_for_room(ready).await
}

impl Running {
    /// Lets in here what has left.
    fn arrive(&self, mut ready: Box<Ready>) -> Tried {
        if let Ok(None) = self.hearing(&ready.route) {
            return Tried::Accepted(self.unrouted(&ready.route));
        }
        // Here, too, it has the name that it has elsewhere.
        if let Some(Departure { message, names, .. }) = ready.departure.take() {
            let sent = || self.links.sent(names);
            ready.offer.signal.bring(message.headers, sent);
        }
        // The gate may have closed meanwhile, for those who come from outside.
        ready.offer.inside.get_or_insert(Inside::Spawned(None));
        self.attempt(*ready)
    }
}

/// Waits for the transport, but not for longer than the bus lives.
async fn handed_over(running: &Running, ready: &Ready) -> Result<(), TransportError> {
    let Some(Departure { link, message, .. }) = &ready.departure else {
        return Ok(());
    };
    tokio::select! {
        biased;
        published = link.connection.publish(message) => published,
        _ = running.ending.ended() => {
            let reason = format!("the bus has ended, and {} has not said what became of the signal", link.name);
            Err(TransportError::new(TransportFault::Unknown, reason))
        }
    }
}

/// A publish that travels. Dropped after it has begun, it goes on in a task of the bus.
#[must_use = "futures do nothing unless they are polled"]
pub(super) struct Travelling {
    running: Arc<Running>,
    sending: Option<Pin<Box<dyn Future<Output = Sent> + Send>>>,
    begun: bool,
}

impl Travelling {
    fn new(running: &Arc<Running>, sending: impl Future<Output = Sent> + Send + 'static) -> Self {
        Self {
            running: Arc::clone(running),
            sending: Some(Box::pin(sending)),
            begun: false,
        }
    }
}

impl Future for Travelling {
    type Output = Sent;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Sent> {
        self.begun = true;
        let sending = self.sending.as_mut().expect("polled after it has ended");
        let sent = sending.as_mut().poll(context);
        if sent.is_ready() {
            self.sending = None;
        }
        sent
    }
}

impl Drop for Travelling {
    fn drop(&mut self) {
        let Some(sending) = self.sending.take().filter(|_| self.begun) else {
            return;
        };
        let running = &self.running;
        let Ok(permit) = Arc::clone(&running.links.detached).try_acquire_owned() else {
            // So many go on already that one more may be given up on: what became of it is not known.
            return;
        };
        running.tasks.reap();
        running
            .tasks
            .spawn(&running.runtime, go_on(sending, permit));
    }
}

async fn go_on(sending: Pin<Box<dyn Future<Output = Sent> + Send>>, _permit: OwnedSemaphorePermit) {
    if let Err((refusal, signal)) = sending.await {
        tracing::warn!(
            topic = signal.topic(),
            "a publish that nobody waited for was refused: {refusal}"
        );
    }
}
