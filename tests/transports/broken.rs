//! Transports that break a promise, each in its own way.

use std::{
    collections::{HashSet, VecDeque},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use signal_bus::{
    Headers,
    transport::{
        Acknowledge, Connection, Deliveries, Delivery, Features, Holding, Incoming, Interest,
        Lease, LeaseRequest, LoopbackNetwork, Mark, Message, Reply, Request, Requests, Start,
        Transport, TransportError, TransportFault, TransportFuture, Verdict, header,
    },
};

/// What is wrong with a transport.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    LosesSome,
    SwapsTwo,
    Duplicates,
    TrimsHeaders,
    CutsPayloads,
    HearsTooMuch,
    BeginsTooEarly,
    LosesInACrowd,
    IgnoresGroups,
    ForgetsGroups,
    MixesGroups,
    KeepsWhatComesBack,
    CountsNoAttempts,
    HurriesBack,
    ForgetsVerdicts,
    ForgetsDead,
    KeepsWhatIsDropped,
    ExtendsNothing,
    CannotBeAcknowledged,
    StoresTwice,
    ReplaysNothing,
    LosesTheSeam,
    HasNoSequence,
    GoesOnTooEarly,
    PublishesAfterDrain,
    RefusesOddly,
    NeverEnds,
    KeepsWhatItFetched,
    ForgetsLastWords,
    EndsOthersToo,
    StumblesOverGivenUp,
    NeverAnswers,
    Panics,
    ChangesItsMind,
    LeasesToAll,
    NamesNobody,
    LeasesForEver,
    LeasesTooBriefly,
    RenewsNothing,
    ReleasesNothing,
    TellsNobody,
    ReleasesForOthers,
    ForgetsMarks,
    ForgetsItsAge,
    MarksForAll,
    MixesLeases,
    MixesReplies,
    WaitsForNobody,
    AsksEverybody,
    PublishesRequests,
    StumblesOverGivenUpRequests,
    ServesAfterDrain,
    DropsAtOnce,
    TakesAndSaysNo,
    HandsOverLate,
    TakesAfterDrain,
}

/// A loopback network with a flaw.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    network: LoopbackNetwork,
    flaw: Flaw,
    shared: Arc<Shared>,
}

#[derive(Default, Debug)]
struct Shared {
    count: AtomicUsize,
    busy: AtomicBool,
    ids: Mutex<HashSet<String>>,
    replies: Arc<Mutex<Vec<Message>>>,
}

#[derive(Debug)]
struct BrokenConnection {
    inner: Arc<dyn Connection>,
    flaw: Flaw,
    shared: Arc<Shared>,
    drained: AtomicBool,
    stumbled: Arc<AtomicBool>,
    unsent: Mutex<Vec<Message>>,
}

impl Broken {
    pub(crate) fn new(flaw: Flaw) -> Self {
        Self {
            network: LoopbackNetwork::patient_for(Duration::from_secs(1)),
            flaw,
            shared: Arc::default(),
        }
    }
}

impl Transport for Broken {
    fn name(&self) -> String {
        format!("broken ({:?})", self.flaw)
    }

    fn connect<'a>(&'a self, patterns: &'a [String]) -> TransportFuture<'a, Arc<dyn Connection>> {
        Box::pin(async move {
            let connection = BrokenConnection {
                inner: self.network.connect(patterns).await?,
                flaw: self.flaw,
                shared: Arc::clone(&self.shared),
                drained: AtomicBool::default(),
                stumbled: Arc::default(),
                unsent: Mutex::default(),
            };
            Ok(Arc::new(connection) as Arc<dyn Connection>)
        })
    }
}

impl BrokenConnection {
    fn count(&self) -> usize {
        self.shared.count.fetch_add(1, Ordering::SeqCst)
    }

    /// The message as it is published, if it is.
    fn altered(&self, message: &Message) -> Option<Message> {
        let mut altered = message.clone();
        match self.flaw {
            Flaw::LosesSome if self.count() % 100 == 99 => return None,
            Flaw::TrimsHeaders => {
                let headers = message.headers.iter();
                altered.headers = headers.map(|(name, text)| (name, text.trim())).collect();
            }
            Flaw::CutsPayloads => {
                let most = altered.payload.len().min(32 * 1024);
                altered.payload = altered.payload.slice(..most);
            }
            Flaw::StoresTwice => {
                let id = message.id().unwrap_or_default().to_owned();
                if !self.shared.ids.lock().unwrap().insert(id.clone()) {
                    let new = format!("{id}-{}", self.count());
                    altered.headers = Headers::clone(&message.headers).with(header::ID, new);
                }
            }
            _ => {}
        }
        Some(altered)
    }

    async fn published(&self, message: &Message) -> Result<(), TransportError> {
        match self.flaw {
            Flaw::NeverAnswers => std::future::pending().await,
            Flaw::PublishesAfterDrain if self.drained.load(Ordering::SeqCst) => return Ok(()),
            Flaw::LosesInACrowd => {
                let crowded = self.shared.busy.swap(true, Ordering::SeqCst);
                tokio::task::yield_now().await;
                self.shared.busy.store(false, Ordering::SeqCst);
                if crowded {
                    return Ok(());
                }
            }
            Flaw::StumblesOverGivenUp => {
                while self.stumbled.swap(true, Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                tokio::task::yield_now().await;
                self.stumbled.store(false, Ordering::SeqCst);
            }
            Flaw::ForgetsLastWords => {
                self.unsent.lock().unwrap().push(message.clone());
                let ready: Vec<_> = {
                    let mut unsent = self.unsent.lock().unwrap();
                    let ready = unsent.len().saturating_sub(3);
                    unsent.drain(..ready).collect()
                };
                for message in ready {
                    self.inner.publish(&message).await?;
                }
                return Ok(());
            }
            Flaw::HandsOverLate => {
                self.inner.publish(message).await?;
                let late = std::mem::take(&mut *self.unsent.lock().unwrap());
                for message in late {
                    self.inner.publish(&message).await?;
                }
                return Ok(());
            }
            _ => {}
        }
        match self.altered(message) {
            Some(message) => self.inner.publish(&message).await,
            None => Ok(()),
        }
    }

    fn asked(&self, interest: &Interest) -> Interest {
        let mut asked = interest.clone();
        match self.flaw {
            Flaw::HearsTooMuch => {
                if let Some(begin) = interest.pattern.strip_suffix('*') {
                    asked.pattern = format!("{begin}>");
                }
            }
            Flaw::BeginsTooEarly => asked.start = Start::Oldest,
            Flaw::IgnoresGroups => asked.group = None,
            Flaw::ForgetsGroups if asked.group.is_some() => {
                asked.group = Some(format!("group-{}", self.count()));
            }
            Flaw::MixesGroups if asked.group.is_some() => asked.group = Some("group".into()),
            Flaw::ReplaysNothing => asked.start = Start::Now,
            Flaw::GoesOnTooEarly => {
                if let Start::After(sequence) = asked.start {
                    asked.start = Start::After(sequence - 1);
                }
            }
            _ => {}
        }
        asked
    }
}

impl Connection for BrokenConnection {
    fn features(&self) -> Features {
        let features = self.inner.features();
        match self.flaw {
            Flaw::ChangesItsMind if self.count() % 2 == 1 => Features::none(),
            _ => features,
        }
    }

    fn publish<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, ()> {
        Box::pin(async {
            let published = self.published(message).await;
            published.map_err(|error| match self.flaw {
                Flaw::RefusesOddly => TransportError::new(TransportFault::Refused, "no"),
                _ => error,
            })
        })
    }

    fn try_publish(&self, message: &Message) -> Option<Result<(), TransportError>> {
        match self.flaw {
            Flaw::DropsAtOnce if self.count() % 100 == 99 => Some(Ok(())),
            Flaw::TakesAndSaysNo => {
                let mut taken = message.clone();
                let id = format!("taken-{}", self.count());
                taken.headers = message.headers.clone().with(header::ID, id);
                drop(self.inner.try_publish(&taken));
                None
            }
            Flaw::HandsOverLate => {
                self.unsent.lock().unwrap().push(message.clone());
                Some(Ok(()))
            }
            Flaw::TakesAfterDrain if self.drained.load(Ordering::SeqCst) => Some(Ok(())),
            Flaw::DropsAtOnce | Flaw::TakesAfterDrain => self.inner.try_publish(message),
            _ => None,
        }
    }

    fn subscribe<'a>(&'a self, interest: &'a Interest) -> TransportFuture<'a, Deliveries> {
        Box::pin(async {
            assert!(self.flaw != Flaw::Panics, "not today");
            let stream = self.inner.subscribe(&self.asked(interest)).await?;
            Ok(Box::pin(Altered {
                stream,
                flaw: self.flaw,
                count: 0,
                grouped: interest.group.is_some(),
                replays: interest.start != Start::Now,
                held: VecDeque::new(),
                swapped: None,
                stumbled: Arc::clone(&self.stumbled),
            }) as Deliveries)
        })
    }

    fn request<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, Message> {
        Box::pin(self.replied(message))
    }

    fn serve<'a>(&'a self, pattern: &'a str) -> TransportFuture<'a, Requests> {
        Box::pin(async move {
            if self.flaw == Flaw::ServesAfterDrain && self.drained.load(Ordering::SeqCst) {
                return Ok(Box::pin(Desk::nobody()) as Requests);
            }
            let requests = self.inner.serve(pattern).await?;
            Ok(Box::pin(Desk {
                requests: Some(requests),
                replies: match self.flaw {
                    Flaw::MixesReplies => Some(Arc::clone(&self.shared.replies)),
                    _ => None,
                },
                again: match self.flaw {
                    Flaw::AsksEverybody => Some((0, VecDeque::new())),
                    _ => None,
                },
            }) as Requests)
        })
    }

    fn drain(&self) -> TransportFuture<'_, ()> {
        self.drained.store(true, Ordering::SeqCst);
        self.inner.drain()
    }

    fn lease<'a>(&'a self, request: &'a LeaseRequest) -> TransportFuture<'a, Arc<dyn Lease>> {
        Box::pin(async {
            let mut altered = request.clone();
            match self.flaw {
                Flaw::LeasesToAll => altered.holder = "all".into(),
                Flaw::LeasesForEver => altered.time *= 1000,
                Flaw::LeasesTooBriefly => altered.time = altered.time * 3 / 4,
                Flaw::MixesLeases => altered.name = altered.name.to_lowercase(),
                _ => {}
            }
            Ok(Arc::new(BrokenLease {
                inner: self.inner.lease(&altered).await?,
                others: self.inner.lease(&altered.clone().held_by("ann")).await?,
                flaw: self.flaw,
                held: AtomicBool::default(),
            }) as Arc<dyn Lease>)
        })
    }
}

/// A lease with a flaw.
#[derive(Debug)]
struct BrokenLease {
    inner: Arc<dyn Lease>,
    /// The same, as one of those sees it who ask for it.
    others: Arc<dyn Lease>,
    flaw: Flaw,
    held: AtomicBool,
}

impl BrokenLease {
    async fn altered(&self, mark: Option<u64>) -> Result<Holding, TransportError> {
        if self.flaw == Flaw::RenewsNothing && self.held.load(Ordering::SeqCst) {
            return Ok(Holding::Ours { marked: None });
        }
        let mut holding = self.inner.hold(mark).await?;
        match &mut holding {
            Holding::Ours { marked } => {
                self.held.store(true, Ordering::SeqCst);
                match self.flaw {
                    Flaw::ForgetsMarks if mark.is_none() => *marked = None,
                    Flaw::ForgetsItsAge => {
                        *marked = marked.map(|mark| Mark::new(mark.number, Duration::ZERO));
                    }
                    _ => {}
                }
            }
            Holding::Theirs { holder, .. } if self.flaw == Flaw::NamesNobody => {
                *holder = "somebody".into();
            }
            Holding::Theirs { .. } if self.flaw == Flaw::MarksForAll && mark.is_some() => {
                self.others.hold(mark).await?;
            }
            _ => {}
        }
        Ok(holding)
    }
}

impl Lease for BrokenLease {
    fn hold(&self, mark: Option<u64>) -> TransportFuture<'_, Holding> {
        Box::pin(self.altered(mark))
    }

    fn released(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        match self.flaw {
            Flaw::TellsNobody => Box::pin(std::future::pending()),
            _ => self.inner.released(),
        }
    }

    fn release(&self) -> TransportFuture<'_, ()> {
        match self.flaw {
            Flaw::ReleasesNothing => Box::pin(async { Ok(()) }),
            Flaw::ReleasesForOthers => self.others.release(),
            _ => self.inner.release(),
        }
    }
}

impl BrokenConnection {
    async fn replied(&self, message: &Message) -> Result<Message, TransportError> {
        match self.flaw {
            Flaw::WaitsForNobody => {
                let replied = self.inner.request(message).await;
                return match replied {
                    Err(error) if error.fault() == TransportFault::NoResponders => {
                        std::future::pending().await
                    }
                    replied => replied,
                };
            }
            Flaw::PublishesRequests => self.inner.publish(message).await?,
            Flaw::StumblesOverGivenUpRequests => {
                while self.stumbled.swap(true, Ordering::SeqCst) {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                let replied = self.inner.request(message).await;
                self.stumbled.store(false, Ordering::SeqCst);
                return replied;
            }
            _ => {}
        }
        self.inner.request(message).await
    }
}

/// A stream of requests with a flaw.
struct Desk {
    requests: Option<Requests>,
    /// Replies that went out before, of which the last is sent again in the place of each.
    replies: Option<Arc<Mutex<Vec<Message>>>>,
    /// How many came, and those that come twice.
    again: Option<(usize, VecDeque<Request>)>,
}

impl Desk {
    fn nobody() -> Self {
        Self {
            requests: None,
            replies: None,
            again: None,
        }
    }
}

impl Stream for Desk {
    type Item = Request;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Request>> {
        let this = self.get_mut();
        if let Some(twice) = this.again.as_mut().and_then(|again| again.1.pop_front()) {
            return Poll::Ready(Some(twice));
        }
        let Some(requests) = &mut this.requests else {
            return Poll::Pending;
        };
        let next = std::task::ready!(requests.as_mut().poll_next(context));
        let Some(Request { message, reply, .. }) = next else {
            return Poll::Ready(None);
        };
        if let Some((count, twice)) = &mut this.again {
            *count += 1;
            let other = Mixing {
                by: None,
                replies: None,
            };
            twice.push_back(Request::new(message.clone(), other));
        }
        let mixing = Mixing {
            by: Some(reply),
            replies: this.replies.clone(),
        };
        Poll::Ready(Some(Request::new(message, mixing)))
    }
}

/// A way back with a flaw.
#[derive(Debug)]
struct Mixing {
    by: Option<Box<dyn Reply>>,
    replies: Option<Arc<Mutex<Vec<Message>>>>,
}

impl Reply for Mixing {
    fn send<'a>(&'a self, reply: &'a Message) -> TransportFuture<'a, ()> {
        Box::pin(async move {
            let Some(by) = &self.by else { return Ok(()) };
            let Some(replies) = &self.replies else {
                return by.send(reply).await;
            };
            let last = {
                let mut replies = replies.lock().unwrap();
                replies.push(reply.clone());
                replies[replies.len().saturating_sub(2)].clone()
            };
            by.send(&last).await
        })
    }
}

/// A stream with a flaw.
struct Altered {
    stream: Deliveries,
    flaw: Flaw,
    count: usize,
    grouped: bool,
    replays: bool,
    held: VecDeque<Incoming>,
    swapped: Option<Incoming>,
    stumbled: Arc<AtomicBool>,
}

impl Stream for Altered {
    type Item = Incoming;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Incoming>> {
        let this = self.get_mut();
        if this.flaw == Flaw::EndsOthersToo && this.stumbled.load(Ordering::SeqCst) {
            return Poll::Ready(None);
        }
        if this.flaw == Flaw::KeepsWhatItFetched && this.grouped {
            return this.poll_ahead(context);
        }
        loop {
            if let Some(held) = this.held.pop_front() {
                return Poll::Ready(Some(held));
            }
            match std::task::ready!(this.stream.as_mut().poll_next(context)) {
                Some(Incoming::Message(delivery)) => this.alter(delivery),
                None if this.flaw == Flaw::NeverEnds => return Poll::Pending,
                other => return Poll::Ready(other),
            }
        }
    }
}

impl Altered {
    /// Fetches all there is, and has it still when the connection is drained.
    fn poll_ahead(&mut self, context: &mut Context<'_>) -> Poll<Option<Incoming>> {
        loop {
            match self.stream.as_mut().poll_next(context) {
                Poll::Ready(Some(incoming)) => self.held.push_back(incoming),
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Pending => break,
            }
        }
        self.held
            .pop_front()
            .map_or(Poll::Pending, |one| Poll::Ready(Some(one)))
    }

    fn alter(&mut self, mut delivery: Delivery) {
        self.count += 1;
        match self.flaw {
            // The next one goes first.
            Flaw::SwapsTwo if self.count % 10 == 5 => {
                self.swapped = Some(Incoming::Message(delivery));
                return;
            }
            Flaw::LosesTheSeam if self.replays && self.count == 50 => return,
            Flaw::Duplicates if self.count % 7 == 0 => {
                let message = delivery.message.clone();
                let twice = Delivery::acknowledged_by(message, 1, Altering::nobody(self.flaw));
                self.held.push_back(Incoming::Message(twice));
            }
            Flaw::CannotBeAcknowledged => delivery.acknowledge = None,
            Flaw::HasNoSequence => delivery.sequence = None,
            Flaw::CountsNoAttempts => delivery.attempt = 1,
            _ => {}
        }
        if let Some(by) = delivery.acknowledge.take() {
            let flaw = self.flaw;
            delivery.acknowledge = Some(Box::new(Altering { by: Some(by), flaw }));
        }
        self.held.push_back(Incoming::Message(delivery));
        self.held.extend(self.swapped.take());
    }
}

impl Drop for Altered {
    fn drop(&mut self) {
        if self.flaw == Flaw::EndsOthersToo {
            self.stumbled.store(true, Ordering::SeqCst);
        }
    }
}

/// An acknowledgement with a flaw.
#[derive(Debug)]
struct Altering {
    by: Option<Box<dyn Acknowledge>>,
    flaw: Flaw,
}

impl Altering {
    fn nobody(flaw: Flaw) -> Self {
        Self { by: None, flaw }
    }
}

impl Acknowledge for Altering {
    fn settle(&self, verdict: Verdict) -> TransportFuture<'_, ()> {
        let verdict = match (self.flaw, verdict) {
            (Flaw::ForgetsVerdicts, Verdict::Done) | (Flaw::ForgetsDead, Verdict::Dead { .. }) => {
                Verdict::Again { after: None }
            }
            (Flaw::HurriesBack, Verdict::Again { .. }) => Verdict::Again { after: None },
            (Flaw::KeepsWhatComesBack, Verdict::Again { .. }) => Verdict::Done,
            (_, verdict) => verdict,
        };
        match &self.by {
            Some(by) => by.settle(verdict),
            None => Box::pin(async { Ok(()) }),
        }
    }

    fn extend(&self) -> TransportFuture<'_, ()> {
        match &self.by {
            Some(by) if self.flaw != Flaw::ExtendsNothing => by.extend(),
            _ => Box::pin(async { Ok(()) }),
        }
    }

    fn patience(&self) -> Duration {
        let by = self.by.as_ref();
        by.map_or(Duration::from_secs(1), |by| by.patience())
    }
}

impl Drop for Altering {
    fn drop(&mut self) {
        if self.flaw == Flaw::KeepsWhatIsDropped {
            let mut settled = self.settle(Verdict::Done);
            // In memory that is over at once.
            let mut context = Context::from_waker(std::task::Waker::noop());
            assert!(settled.as_mut().poll(&mut context).is_ready());
        }
    }
}
