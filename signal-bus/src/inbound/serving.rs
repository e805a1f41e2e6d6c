//! Requests of other processes: what a connection is told that this bus replies to, and what comes in.

use std::{
    future::poll_fn,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::SystemTime,
};

use tokio::{pin, select, sync::oneshot};

use crate::{
    error::publish::Refusal,
    inbound::letting::kind,
    link::{codecs, interests::served, links::Link},
    request::{Awaited, Brought, NoReply, Question},
    scope::{held::Held, running::Running},
    transport::{Message, Reply, Request, Requests, TransportError, header},
};

/// What a connection knows that this bus replies to.
#[derive(Default)]
pub(super) struct Serving {
    all: Vec<Served>,
}

/// One pattern, by a task that takes in.
struct Served {
    pattern: String,
    /// Whether the stream has ended by itself.
    ended: Arc<AtomicBool>,
    /// Dropped, it tells the task to leave.
    stays: oneshot::Sender<()>,
    /// Is over when the task has left.
    gone: oneshot::Receiver<()>,
}

/// What a task knows of whoever has begun it.
struct Told {
    ended: Arc<AtomicBool>,
    leaves: oneshot::Receiver<()>,
    /// Held, not read.
    _gone: oneshot::Sender<()>,
}

impl Serving {
    /// Tells the connection what this bus replies to now.
    pub(super) async fn adapt(
        &mut self,
        running: &Arc<Running>,
        link: &Arc<Link>,
    ) -> Result<(), TransportError> {
        if !link.features.requests {
            return Ok(());
        }
        let wanted = wanted(running, link);
        for one in std::mem::take(&mut self.all) {
            if wanted.contains(&one.pattern) && !one.has_ended() {
                self.all.push(one);
            } else {
                one.leave().await;
            }
        }
        for pattern in wanted {
            if self.all.iter().any(|one| one.pattern == pattern) {
                continue;
            }
            let requests = link.connection.serve(&pattern).await?;
            let (served, told) = Served::new(pattern);
            let task = take_in(Arc::clone(running), Arc::clone(link), told, requests);
            if running.tasks.spawn(&running.runtime, task) {
                self.all.push(served);
            }
        }
        Ok(())
    }

    /// Whether something has ended by itself, and has to be asked for again.
    pub(super) fn lacks(&self) -> bool {
        self.all.iter().any(Served::has_ended)
    }
}

impl Served {
    fn new(pattern: String) -> (Self, Told) {
        let (stays, leaves) = oneshot::channel();
        let (tells, gone) = oneshot::channel();
        let ended = Arc::<AtomicBool>::default();
        let told = Told {
            ended: Arc::clone(&ended),
            leaves,
            _gone: tells,
        };
        let served = Self {
            pattern,
            ended,
            stays,
            gone,
        };
        (served, told)
    }

    /// Takes nothing more; whoever has asked already, and has no responder, is told so.
    async fn leave(self) {
        drop(self.stays);
        // Nothing is ever sent: it ends with the task.
        drop(self.gone.await);
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }
}

/// The patterns of those who reply, as far as they travel over a connection.
fn wanted(running: &Running, link: &Link) -> Vec<String> {
    let present = running.routes.present();
    let responders = present.all().filter(|one| one.wish.replies.is_some());
    let patterns: Vec<_> = responders.flat_map(|one| one.patterns()).cloned().collect();
    served(&link.patterns, &patterns)
}

/// Lets in what comes in, in order, until the bus closes or nobody here replies any more.
async fn take_in(running: Arc<Running>, link: Arc<Link>, told: Told, mut requests: Requests) {
    let mut closes = running.links.closes.subscribe();
    let over = async {
        select! {
            _ = closes.wait_for(|closes| *closes) => {}
            _ = told.leaves => {}
        }
    };
    pin!(over);
    let mut leaves = false;
    while !leaves {
        let next = poll_fn(|context| requests.as_mut().poll_next(context));
        let request = select! {
            biased;
            () = &mut over => break,
            request = next => request,
        };
        let Some(Request { message, reply }) = request else {
            // It has ended by itself: it is asked for again.
            told.ended.store(true, Ordering::Release);
            link.covered.send_replace(0);
            return running.links.tell_changed();
        };
        // The close waits until the reply has left.
        let held = running.hold();
        let asked = select! {
            biased;
            () = &mut over => {
                leaves = true;
                Err(NoReply::Gone)
            }
            asked = ask(&running, &message) => asked,
        };
        let asked = asked.map(|awaited| (awaited, held));
        let waits = answer(
            Arc::clone(&running),
            Arc::clone(&link),
            (message, reply),
            asked,
        );
        running.tasks.reap();
        running.tasks.spawn(&running.runtime, waits);
    }
    refuse(&running, &link, requests).await;
}

/// Says to those who have asked already that nobody has taken their requests.
async fn refuse(running: &Arc<Running>, link: &Arc<Link>, mut requests: Requests) {
    let next = |requests: &mut Requests, context: &mut Context<'_>| match requests
        .as_mut()
        .poll_next(context)
    {
        Poll::Ready(request) => Poll::Ready(request),
        Poll::Pending => Poll::Ready(None),
    };
    while let Some(request) = poll_fn(|context| next(&mut requests, context)).await {
        let Request { message, reply } = request;
        let (running, link) = (Arc::clone(running), Arc::clone(link));
        answer(running, link, (message, reply), Err(NoReply::Gone)).await;
    }
}

/// Asks those who reply here.
async fn ask(running: &Arc<Running>, message: &Message) -> Result<Awaited, NoReply> {
    let failed = |why: String| NoReply::Failed(why);
    // Whoever did has just left.
    let nobody = || NoReply::Gone;
    let unread = |error: TransportError| failed(error.to_string());
    let kind = kind(running, None, message).map_err(unread)?;
    let kind = kind.ok_or_else(nobody)?;
    let known = &running.links.codecs;
    let codec = known.needed(kind, format_args!("be read from a request"));
    let value = codecs::read(&codec.map_err(unread)?.codec, message).map_err(unread)?;
    let at = running.links.of(&message.topic).map(|link| link.at);
    let at = at.ok_or_else(nobody)?;
    let route = running.routes.resolve(&message.topic, kind, at);
    let question = Question {
        route: route.map_err(|refusal| failed(refusal.to_string()))?,
        value,
        inside: None,
        local: false,
    };
    let responders = running.responders(&question).len();
    if responders == 0 {
        return Err(nobody());
    }
    let brought = Brought {
        headers: message.headers.clone(),
        time: message.time().unwrap_or_else(SystemTime::now),
        named: Some(running.links.named_by(&message.headers)),
    };
    running.let_in(question, brought, None, responders).await
}

/// Waits for the reply, and sends it.
async fn answer(
    running: Arc<Running>,
    link: Arc<Link>,
    (message, back): (Message, Box<dyn Reply>),
    asked: Result<(Awaited, Option<Held>), NoReply>,
) {
    let is_gone = match &asked {
        Err(NoReply::Gone | NoReply::Refused(Refusal::Closed, _)) => true,
        Ok(_) | Err(_) => false,
    };
    let (answered, _held) = match asked {
        Ok((awaited, held)) => (running.answer(awaited).await, held),
        Err(reason) => (Err(reason), None),
    };
    let links = &running.links;
    let reply = match answered {
        _ if is_gone => links.gone(&message),
        Ok((value, kind)) => links
            .reply(&link, &message, &*value, kind)
            .unwrap_or_else(|error| links.no_reply(&message, &error.to_string())),
        Err(reason) => links.no_reply(&message, &told(&message, reason)),
    };
    let sent = match back.send(&reply).await {
        // What is too large, say: whoever asks hears of it.
        Err(error) if reply.headers.get(header::ERROR).is_none() => {
            let reply = links.no_reply(&message, &error.to_string());
            back.send(&reply).await
        }
        sent => sent,
    };
    if let Err(error) = sent {
        tracing::warn!(
            transport = link.name,
            "a reply on `{}` has not left: {error}",
            message.topic
        );
    }
}

/// Why there is no reply, for somebody elsewhere.
fn told(message: &Message, reason: NoReply) -> String {
    match reason {
        NoReply::Failed(reason) => reason,
        NoReply::Refused(refusal, _) => refusal.to_string(),
        NoReply::Closed => "the bus of its responder has closed".to_owned(),
        NoReply::NoResponders(..) | NoReply::Circle(_) | NoReply::OtherType(_) | NoReply::Gone => {
            format!("nobody replies on `{}`", message.topic)
        }
    }
}
