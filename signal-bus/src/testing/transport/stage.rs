//! Where a check plays: connections, topics and messages of its own, and waits that all end.

use std::{
    collections::HashSet,
    fmt,
    future::poll_fn,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use anyhow::{Context as _, anyhow, bail, ensure};
use tokio::time::timeout;

use crate::{
    signal::headers::Headers,
    transport::{
        Acknowledge, Connection, Deliveries, Delivery, Features, Incoming, Interest, Message,
        Transport, TransportError, TransportFuture, Verdict, header,
    },
};

/// So many messages never come to one reader, unless the same ones come again and again.
const COME_MAX: usize = 10_000;

/// Where one check plays.
pub(super) struct Stage<'a> {
    pub(super) transport: &'a dyn Transport,
    pub(super) features: Features,
    /// The tokens before all of its topics; no other check, and no other run, has them.
    pub(super) root: String,
    pub(super) limit: Duration,
    pub(super) connected: Mutex<Vec<Arc<dyn Connection>>>,
    pub(super) ids: AtomicU64,
}

/// A promise that cannot be checked, and why.
#[derive(Debug)]
pub(super) struct NotChecked(pub(super) String);

impl fmt::Display for NotChecked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotChecked {}

/// Waits for an answer, but not for ever.
pub(super) async fn answer<T>(
    what: impl fmt::Display,
    limit: Duration,
    asked: TransportFuture<'_, T>,
) -> anyhow::Result<Result<T, TransportError>> {
    let answered = timeout(limit, asked).await;
    answered.with_context(|| format!("{what} had not ended after {limit:?}"))
}

impl Stage<'_> {
    pub(super) async fn connect(&self) -> anyhow::Result<Party<'_>> {
        let patterns = [format!("{}.>", self.root)];
        let connecting = self.transport.connect(&patterns);
        let connection = answer("to connect", self.limit, connecting).await?;
        let connection = connection.context("to connect failed")?;
        self.lock().push(Arc::clone(&connection));
        Ok(Party {
            stage: self,
            connection,
        })
    }

    /// A topic that only this check has.
    pub(super) fn topic(&self, end: &str) -> String {
        format!("{}.{end}", self.root)
    }

    /// A message with an id of its own.
    pub(super) fn message(&self, topic: &str, text: &(impl ToString + ?Sized)) -> Message {
        let number = self.ids.fetch_add(1, Ordering::Relaxed);
        let headers = Headers::new()
            .with(header::ID, format!("{}-{number}", self.root))
            .with(header::CONTENT_TYPE, "application/json");
        Message::new(topic, text.to_string(), headers)
    }

    /// What to ask for, so that a check sees all kinds of subscriptions that are promised; each with a topic of its own.
    pub(super) fn kinds(&self) -> Vec<Interest> {
        let mut kinds = vec![Interest::all(self.topic("plain"))];
        if self.features.groups {
            kinds.push(Interest::all(self.topic("grouped")).shared("group"));
        }
        kinds
    }

    /// How long to wait for what comes again by itself.
    pub(super) fn patience(&self, delivery: &Delivery) -> anyhow::Result<Duration> {
        let patience = owed(delivery)?.patience();
        let most = self.limit / 2;
        if most < patience {
            let why = format!(
                "the patience of {patience:?} is too long to wait for: connect with one of {most:?} at most"
            );
            bail!(NotChecked(why));
        }
        Ok(patience)
    }

    /// How long nothing may come, for the suite to believe that nothing does.
    pub(super) fn quiet(&self) -> Duration {
        self.limit / 50
    }

    /// Ends what the check has connected.
    pub(super) async fn clear(&self) {
        let connected = std::mem::take(&mut *self.lock());
        for connection in connected {
            // The check has said what it had to say.
            drop(timeout(self.limit, connection.drain()).await);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<dyn Connection>>> {
        self.connected
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection of a check.
pub(super) struct Party<'a> {
    pub(super) stage: &'a Stage<'a>,
    pub(super) connection: Arc<dyn Connection>,
}

impl Party<'_> {
    pub(super) async fn subscribe(&self, interest: &Interest) -> anyhow::Result<Reader> {
        let asked = self.connection.subscribe(interest);
        let pattern = &interest.pattern;
        let what = format!("to subscribe to `{pattern}`");
        let stream = answer(&what, self.stage.limit, asked).await?;
        Ok(Reader {
            stream: stream.with_context(|| format!("{what} failed"))?,
            features: self.stage.features,
            limit: self.stage.limit,
            taken: HashSet::new(),
            came: 0,
        })
    }

    pub(super) async fn hear(&self, topic: &str) -> anyhow::Result<Reader> {
        self.subscribe(&Interest::all(topic)).await
    }

    pub(super) async fn send(&self, message: &Message) -> anyhow::Result<()> {
        let sent = self.connection.publish(message);
        let sent = answer("a publish", self.stage.limit, sent).await?;
        sent.context("a publish failed")
    }

    pub(super) async fn publish(&self, topic: &str, text: impl ToString) -> anyhow::Result<()> {
        self.send(&self.stage.message(topic, &text)).await
    }

    /// Publishes numbers, one after the other.
    pub(super) async fn count(
        &self,
        topic: &str,
        numbers: std::ops::Range<usize>,
    ) -> anyhow::Result<()> {
        for number in numbers {
            self.publish(topic, number).await?;
        }
        Ok(())
    }

    pub(super) async fn drain(&self) -> anyhow::Result<()> {
        self.stage
            .lock()
            .retain(|one| !Arc::ptr_eq(one, &self.connection));
        let drained = answer("to drain", self.stage.limit, self.connection.drain()).await?;
        drained.context("to drain failed")
    }
}

/// Reads what comes in.
pub(super) struct Reader {
    stream: Deliveries,
    features: Features,
    pub(super) limit: Duration,
    /// The ids of what was taken, for what comes again although its reader was only slow.
    taken: HashSet<String>,
    came: usize,
}

impl Reader {
    /// What comes next, whatever that is; `None` at the end.
    async fn next_any(&mut self) -> anyhow::Result<Option<Incoming>> {
        poll_fn(|context| self.poll_any(context)).await
    }

    fn poll_any(&mut self, context: &mut Context<'_>) -> Poll<anyhow::Result<Option<Incoming>>> {
        let next = std::task::ready!(self.stream.as_mut().poll_next(context));
        self.came += 1;
        Poll::Ready(match next {
            Some(Incoming::Lost { count, reason }) => {
                Err(anyhow!("{count} messages are lost: {reason}"))
            }
            Some(_) if COME_MAX < self.came => Err(anyhow!(
                "messages that are settled come again and again, {COME_MAX} times by now"
            )),
            next => Ok(next),
        })
    }

    /// What comes next; `None` if nothing does for so long.
    pub(super) async fn next_within(&mut self, wait: Duration) -> anyhow::Result<Option<Delivery>> {
        let message = async {
            loop {
                match self.next_any().await? {
                    Some(Incoming::Message(delivery)) => return Ok(delivery),
                    Some(_) => {}
                    None => bail!("a stream ended although nobody had drained its connection"),
                }
            }
        };
        let Ok(next) = timeout(wait, message).await else {
            return Ok(None);
        };
        let delivery = next?;
        ensure!(0 < delivery.attempt, "attempts count from 1, not from 0");
        if self.features.at_least_once {
            owed(&delivery)?;
        }
        Ok(Some(delivery))
    }

    pub(super) async fn next(&mut self) -> anyhow::Result<Delivery> {
        let limit = self.limit;
        let next = self.next_within(limit).await?;
        next.with_context(|| format!("nothing came for {limit:?}"))
    }

    /// The next message, which is over then.
    pub(super) async fn take(&mut self) -> anyhow::Result<Delivery> {
        loop {
            let delivery = self.next().await?;
            end(&delivery, Verdict::Done, self.limit).await?;
            let id = delivery.message.id().unwrap_or_default().to_owned();
            if self.taken.insert(id) || delivery.attempt == 1 {
                return Ok(delivery);
            }
        }
    }

    /// The texts of the next messages.
    pub(super) async fn texts(&mut self, count: usize) -> anyhow::Result<Vec<String>> {
        let mut texts = Vec::new();
        while texts.len() < count {
            let taken = self.take().await;
            let taken = taken.with_context(|| format!("only {} of {count} came", texts.len()))?;
            texts.push(text(&taken.message));
        }
        Ok(texts)
    }

    /// The numbers of the next messages.
    pub(super) async fn numbers(&mut self, count: usize) -> anyhow::Result<Vec<usize>> {
        let texts = self.texts(count).await?;
        let numbers = texts.iter().map(|text| {
            let number = text.parse();
            number.with_context(|| format!("{text:?} came, which nobody has published"))
        });
        numbers.collect()
    }

    /// Holds that nothing more comes.
    pub(super) async fn stays_quiet(&mut self, wait: Duration) -> anyhow::Result<()> {
        loop {
            let Some(delivery) = self.next_within(wait).await? else {
                return Ok(());
            };
            let id = delivery.message.id().unwrap_or_default();
            // Only late, as a slow reader may see it.
            let again = 1 < delivery.attempt && self.taken.contains(id);
            ensure!(again, "{:?} came as well", text(&delivery.message));
        }
    }

    /// Holds that the stream ends.
    pub(super) async fn ends(&mut self) -> anyhow::Result<()> {
        let limit = self.limit;
        let all = async {
            while self.next_any().await?.is_some() {}
            Ok(())
        };
        let ended = timeout(limit, all).await;
        ended.with_context(|| format!("a stream had not ended {limit:?} after the drain"))?
    }
}

/// Takes as many messages from several readers together, each with the place of its reader.
pub(super) async fn shares(
    readers: &mut [Reader],
    count: usize,
) -> anyhow::Result<Vec<(usize, String)>> {
    let mut shares = Vec::new();
    while shares.len() < count {
        let limit = readers.first().map(|one| one.limit).unwrap_or_default();
        let next = timeout(limit, first(readers)).await;
        let (place, delivery) =
            next.with_context(|| format!("only {} of {count} came", shares.len()))??;
        end(&delivery, Verdict::Done, limit).await?;
        let id = delivery.message.id().unwrap_or_default();
        let known = readers.iter().any(|reader| reader.taken.contains(id));
        readers[place].taken.insert(id.to_owned());
        if !known || delivery.attempt == 1 {
            shares.push((place, text(&delivery.message)));
        }
    }
    Ok(shares)
}

/// What comes to any of several readers.
async fn first(readers: &mut [Reader]) -> anyhow::Result<(usize, Delivery)> {
    poll_fn(|context| {
        for (place, reader) in readers.iter_mut().enumerate() {
            while let Poll::Ready(next) = reader.poll_any(context)? {
                return Poll::Ready(match next {
                    Some(Incoming::Message(delivery)) => Ok((place, delivery)),
                    Some(_) => continue,
                    None => Err(anyhow!("a stream ended by itself")),
                });
            }
        }
        Poll::Pending
    })
    .await
}

/// The payload, as text.
pub(super) fn text(message: &Message) -> String {
    String::from_utf8_lossy(&message.payload).into_owned()
}

/// The way back, which at least once takes.
pub(super) fn owed(delivery: &Delivery) -> anyhow::Result<&dyn Acknowledge> {
    let by = delivery.acknowledge.as_deref();
    by.context("a delivery came that cannot be acknowledged")
}

/// Says what became of a message, if anybody waits to hear that.
pub(super) async fn end(
    delivery: &Delivery,
    verdict: Verdict,
    limit: Duration,
) -> anyhow::Result<()> {
    let Some(by) = &delivery.acknowledge else {
        return Ok(());
    };
    let what = format!("to settle a message as {verdict:?}");
    // As a bus does.
    let settled = match by.try_settle(&verdict) {
        Some(settled) => settled,
        None => answer(&what, limit, by.settle(verdict)).await?,
    };
    settled.with_context(|| format!("{what} failed"))
}
