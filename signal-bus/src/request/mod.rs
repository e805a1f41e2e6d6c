//! Requests: a signal to which somebody waits for a reply.
//!
//! A request is published as any other signal of its topic, and whoever subscribes to that hears it. Its label knows who waits
//! ([`requested`](crate::signal::requested)), and a handler that replies tells it by that: the value goes over as it is.

#[cfg(feature = "transport")]
mod far;
mod respond;

use std::{
    panic::Location,
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::{sync::oneshot, time};

use crate::{
    error::{publish::Refusal, request::RequestError},
    publish::{Forwarded, Manner, Receipt, Tried, by_hand::unshare},
    queue::{offer::Inside, stores::QueueId},
    route::{hearer::Hearer, topic::Route},
    scope::{
        self,
        running::{BusHandle, Running},
    },
    signal::{
        AnyValue, Kind, Payload,
        arrival::Came,
        headers::Headers,
        label::Stamp,
        name::Named,
        requested::{Answer, Requested},
    },
    topic::{IntoTopic, Traits},
};

/// A request before it is let in.
pub(crate) struct Question {
    pub(crate) route: Arc<Route>,
    pub(crate) value: Arc<AnyValue>,
    pub(crate) inside: Option<Inside>,
    pub(crate) local: bool,
}

/// How a request is labelled.
pub(crate) struct Brought {
    pub(crate) headers: Headers,
    pub(crate) time: SystemTime,
    /// What it is called in other processes, if it came from one.
    pub(crate) named: Option<Named>,
}

/// Why there is no reply.
pub(crate) enum NoReply {
    /// Nobody replies; so many hear it.
    NoResponders(Arc<AnyValue>, usize),
    Circle(Arc<AnyValue>),
    Refused(Refusal, Arc<AnyValue>),
    Failed(String),
    OtherType(String),
    /// Whoever would have replied has left, and nobody has got it.
    Gone,
    Closed,
}

/// The wait for what becomes of a request.
pub(crate) type Awaited = oneshot::Receiver<Answer>;

impl BusHandle {
    /// Asks whoever replies on a topic, and waits for the first reply, for so long at most.
    ///
    /// The request is a signal of its topic: everybody who subscribes to that here hears it, and those that were annotated with
    /// `reply`, or came by [`respond`](Self::respond), reply. Where nobody does, nobody gets it. In one process neither the
    /// request nor the reply becomes bytes, and no reply is copied: it comes in an [`Arc`].
    ///
    /// A topic that travels to other processes is asked for there where nobody here replies, if its transport carries requests: then one
    /// responder of all processes gets it, and the subscribers here do not hear it. The types of request and reply must be able to
    /// travel for that. Over a bridge a request passes as any signal does, and nobody beyond replies to it.
    ///
    /// A handler may ask, also while the bus drains; it keeps its place in its queue meanwhile. Handlers that would wait for each other's
    /// replies are told so at once; that a responder waits for room in the queue of the very handler that asks is not seen, and ends with
    /// the timeout.
    ///
    /// # Errors
    ///
    /// [`RequestError::NoResponders`] at once, if nobody replies, and [`RequestError::Failed`] as soon as every responder has failed for
    /// good; every [`RequestError`] says what became of the request, and gives it back if nobody has got it.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, nobody waits for the reply any more. A request that a responder has got is handled all the same;
    /// one that waits for room reaches nobody.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use std::time::Duration;
    /// use signal_bus::{Bus, RequestError, subscriber};
    ///
    /// #[subscriber("numbers.double", reply)]
    /// async fn double(number: u32) -> anyhow::Result<u64> {
    ///     anyhow::ensure!(number != 13, "not that one");
    ///     Ok(u64::from(number) * 2)
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let bus = Bus::new().on_error(|_, _| {}).start().await?;
    /// let second = Duration::from_secs(1);
    /// let reply = bus.request::<u32, u64>("numbers.double", 21, second).await?;
    /// assert_eq!(*reply, 42);
    ///
    /// let failed = bus.request::<u32, u64>("numbers.double", 13, second).await.unwrap_err();
    /// assert_eq!(failed.to_string(), "the request on `numbers.double` has failed: not that one");
    ///
    /// let nobody = bus.request::<u32, u64>("numbers.halve", 21, second).await.unwrap_err();
    /// assert!(matches!(nobody, RequestError::NoResponders { request: 21, .. }));
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[track_caller]
    pub fn request<Req: Payload, Rep: Payload>(
        &self,
        topic: impl IntoTopic<Req> + Send,
        request: Req,
        timeout: Duration,
    ) -> impl Future<Output = Result<Arc<Rep>, RequestError<Req>>> + Send {
        let at = Location::caller();
        async move {
            let name = topic.name();
            let asks = self.ask::<Req, Rep>(name, topic.traits(), request, at);
            match time::timeout(timeout, asks).await {
                Ok(replied) => replied,
                Err(_) => Err(RequestError::TimedOut {
                    topic: name.into(),
                    after: timeout,
                }),
            }
        }
    }

    async fn ask<Req: Payload, Rep: Payload>(
        &self,
        topic: &str,
        traits: Traits,
        request: Req,
        at: &'static Location<'static>,
    ) -> Result<Arc<Rep>, RequestError<Req>> {
        let running = self.running();
        let inside = scope::inside(running);
        let route = running
            .check_open(inside)
            .and_then(|()| running.routes.resolve(topic, Kind::of::<Req>(), at));
        let route = match route {
            Ok(route) => route,
            Err(refusal) => return Err(RequestError::refused(self.refused(refusal, request))),
        };
        running.routes.mark(&route, traits, &running.exchange);
        let question = Question {
            local: traits.local || route.is_local(),
            route,
            value: Req::erase(Arc::new(request)),
            inside,
        };
        let replied = running.asks(question, Kind::of::<Rep>()).await;
        match replied {
            Ok(reply) => {
                let other = || RequestError::mismatch::<Rep>(topic, "another type");
                Rep::restore(reply).ok_or_else(other)
            }
            Err(reason) => Err(self.without_reply::<Req, Rep>(topic, reason)),
        }
    }

    /// What is said of a request without a reply.
    fn without_reply<Req: Payload, Rep: Payload>(
        &self,
        topic: &str,
        reason: NoReply,
    ) -> RequestError<Req> {
        let back = |value| {
            let value = Req::restore(value).expect("the request is of this type");
            unshare(value)
        };
        match reason {
            NoReply::NoResponders(value, heard) => RequestError::NoResponders {
                request: back(value),
                topic: topic.into(),
                heard,
            },
            NoReply::Circle(value) => RequestError::Circle {
                request: back(value),
                topic: topic.into(),
            },
            NoReply::Refused(refusal, value) => {
                RequestError::refused(self.refused(refusal, back(value)))
            }
            NoReply::Failed(reason) => RequestError::failed(topic, reason),
            NoReply::Gone => RequestError::failed(topic, "its responder has gone"),
            NoReply::OtherType(found) => RequestError::mismatch::<Rep>(topic, &found),
            NoReply::Closed => RequestError::Closed { request: None },
        }
    }
}

impl Running {
    /// Asks here, or else elsewhere.
    async fn asks(
        self: &Arc<Self>,
        question: Question,
        wants: Kind,
    ) -> Result<Arc<AnyValue>, NoReply> {
        let responders = self.responders(&question);
        if responders.is_empty() {
            return self.asks_far(question, wants).await;
        }
        let mut kinds = responders
            .iter()
            .filter_map(|one| one.wish.replies.as_deref().copied());
        if !kinds.any(|kind| kind == wants) {
            return Err(NoReply::OtherType(told_types(&responders)));
        }
        let _wait = match self.waits_for(question.inside, &responders) {
            Some((from, to)) => match self.asking.wait(from, to) {
                Some(wait) => Some(wait),
                None => return Err(NoReply::Circle(question.value)),
            },
            None => None,
        };
        let brought = Brought {
            headers: Headers::current(),
            time: Stamp::UNTIMED,
            named: None,
        };
        let count = responders.len();
        drop(responders);
        let awaited = self.let_in(question, brought, Some(wants), count).await?;
        self.answer(awaited).await.map(|(reply, _)| reply)
    }

    /// Asks where nobody here replies.
    #[cfg(not(feature = "transport"))]
    #[expect(
        clippy::unused_async,
        reason = "with a transport there is something to wait for"
    )]
    async fn asks_far(&self, question: Question, _: Kind) -> Result<Arc<AnyValue>, NoReply> {
        Err(self.nobody(question))
    }

    /// Those who would reply to a request now.
    pub(crate) fn responders(&self, question: &Question) -> Vec<Arc<Hearer>> {
        let about = &question.route.about;
        let mut hearers = self.routes.hearers(&about.topic);
        hearers.retain(|one| {
            let replies = one.wish.replies.is_some() && one.takes(about.carries);
            replies && one.is_alive() && one.target(&*question.value).is_some()
        });
        hearers
    }

    /// Whether nobody replies at all.
    fn nobody(&self, question: Question) -> NoReply {
        let about = &question.route.about;
        let hearers = self.routes.hearers(&about.topic);
        let heard = hearers.iter().filter(|one| one.takes(about.carries));
        NoReply::NoResponders(question.value, heard.count())
    }

    /// Which handler waits for which, if both can do nothing else meanwhile.
    fn waits_for(
        &self,
        inside: Option<Inside>,
        responders: &[Arc<Hearer>],
    ) -> Option<(QueueId, QueueId)> {
        let (from, _) = inside?.handling()?;
        let [only] = responders else { return None };
        let serial = only.wish.settings.is_serial() && self.exchange.is_serial(from);
        serial.then_some((from, only.queue))
    }

    /// Publishes a request to those who hear it here, as soon as there is room.
    pub(crate) async fn let_in(
        self: &Arc<Self>,
        question: Question,
        brought: Brought,
        wants: Option<Kind>,
        responders: usize,
    ) -> Result<Awaited, NoReply> {
        let Question {
            route,
            value,
            inside,
            local,
        } = question;
        let (requested, awaited) = Requested::new(wants, brought.named, responders);
        let manner = Manner {
            local,
            forwarded: Some(Box::new(Forwarded {
                headers: brought.headers,
                time: brought.time,
                came: Came::Requested(requested),
                attempt: 1,
            })),
            ..Manner::inside(inside)
        };
        let sent = match self.send(&route, value, manner) {
            Tried::Accepted(receipt) => Ok(receipt),
            Tried::Wait(ready) => self.wait(Box::new(ready)).await,
            Tried::Refused(refusal, signal) => Err((refusal, signal)),
        };
        match sent {
            Ok(Receipt { receivers: 0, .. }) => Err(NoReply::Gone),
            Ok(_) => Ok(awaited),
            Err((refusal, signal)) => Err(NoReply::Refused(refusal, signal.into_arc())),
        }
    }

    /// Waits for the reply, but not for longer than the bus lives.
    pub(crate) async fn answer(&self, awaited: Awaited) -> Result<(Arc<AnyValue>, Kind), NoReply> {
        let answer = tokio::select! {
            biased;
            answer = awaited => answer,
            _ = self.ending.ended() => return Err(NoReply::Closed),
        };
        let failed = |why: &str| Err(NoReply::Failed(why.to_owned()));
        match answer {
            Ok(Answer::Reply(value, kind)) => Ok((value, kind)),
            Ok(Answer::OtherType(name)) => Err(NoReply::OtherType(name.to_owned())),
            Ok(Answer::Failed(reason)) => Err(NoReply::Failed(reason)),
            Ok(Answer::Silent) => failed("its responder has ended without a reply"),
            Ok(Answer::Dropped) => {
                failed("it was dropped, because its responder had no room for it, or has left")
            }
            Ok(Answer::Closing) => Err(NoReply::Closed),
            Err(_) => failed("its responder has gone"),
        }
    }
}

/// The types of the replies, and who gives them.
fn told_types(responders: &[Arc<Hearer>]) -> String {
    let told = responders.iter().filter_map(|one| {
        let kind = *one.wish.replies.as_deref()?;
        Some(format!("{}` of `{}", kind.name, one.wish.site))
    });
    told.collect::<Vec<_>>().join("`, `")
}

#[expect(dead_code, reason = "never called: that it compiles is the point")]
fn requests_are_send(bus: &BusHandle) {
    fn ok<T: Send>(_: T) {}
    ok(bus.request::<u32, String>("a", 7, Duration::ZERO));
}
