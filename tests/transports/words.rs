//! What is said of each message that came in, where its handler takes several in one go.

use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use futures_core::Stream;
use signal_bus::{
    Bus, BusGuard, Headers, Registered, inject, subscriber,
    transport::{
        Acknowledge, Connection, Deliveries, Delivery, Features, Incoming, Interest, Message,
        Transport, TransportError, TransportFuture, Verdict,
    },
};
use tokio::sync::Semaphore;

use crate::{Noted, until};

/// More than are in hand at once.
const MESSAGES: u32 = 40;

/// Hands out messages with numbers as soon as somebody asks for a topic, and notes what is said of each.
#[derive(Clone, Default, Debug)]
struct Handing(Arc<Mutex<BTreeMap<u32, Vec<Verdict>>>>);

#[derive(Debug)]
struct Word(u32, Handing);

/// What is handed out, and no end.
struct Handed(VecDeque<Delivery>);

impl Handing {
    fn said(&self) -> BTreeMap<u32, Vec<Verdict>> {
        self.0.lock().unwrap().clone()
    }

    /// Waits until something was said of so many messages.
    async fn until_said_of(&self, count: u32) {
        until(|| self.said().len() == count as usize).await;
    }

    /// The messages that are over.
    fn done(&self) -> Vec<u32> {
        let said = self.said().into_iter();
        let done = said.filter(|(_, said)| *said == [Verdict::Done]);
        done.map(|(number, _)| number).collect()
    }
}

impl Transport for Handing {
    fn name(&self) -> String {
        "handing".into()
    }

    fn connect<'a>(&'a self, _: &'a [String]) -> TransportFuture<'a, Arc<dyn Connection>> {
        Box::pin(async { Ok(Arc::new(self.clone()) as Arc<dyn Connection>) })
    }
}

impl Connection for Handing {
    fn features(&self) -> Features {
        Features::none().ordered().at_least_once()
    }

    fn publish<'a>(&'a self, _: &'a Message) -> TransportFuture<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn subscribe<'a>(&'a self, interest: &'a Interest) -> TransportFuture<'a, Deliveries> {
        Box::pin(async {
            let topic = interest.pattern.replace('*', "some");
            let messages = (0..MESSAGES).map(|number| {
                let payload = number.to_string();
                let message = Message::new(topic.as_str(), payload, Headers::new());
                Delivery::acknowledged_by(message, 1, Word(number, self.clone()))
            });
            Ok(Box::pin(Handed(messages.collect())) as Deliveries)
        })
    }

    fn drain(&self) -> TransportFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }
}

impl Stream for Handed {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Incoming>> {
        let next = self.0.pop_front().map(Incoming::Message);
        next.map_or(Poll::Pending, |next| Poll::Ready(Some(next)))
    }
}

impl Word {
    fn say(&self, verdict: Verdict) {
        let mut said = self.1.0.lock().unwrap();
        said.entry(self.0).or_default().push(verdict);
    }
}

impl Acknowledge for Word {
    fn settle(&self, verdict: Verdict) -> TransportFuture<'_, ()> {
        Box::pin(async {
            self.say(verdict);
            Ok(())
        })
    }

    /// As one whose way is free now and then.
    fn try_settle(&self, verdict: &Verdict) -> Option<Result<(), TransportError>> {
        (self.0 % 4 != 1).then(|| {
            self.say(verdict.clone());
            Ok(())
        })
    }

    fn extend(&self) -> TransportFuture<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }
}

/// What is said of a message whose handler has failed so.
fn dead(reason: &str) -> Verdict {
    let reason = reason.into();
    Verdict::Dead { reason }
}

/// What handlers wait for: every third message takes a permit.
struct Gate(Semaphore);

impl Gate {
    async fn pass(&self, number: u32) {
        if number % 3 == 0 {
            self.0.acquire().await.unwrap().forget();
        }
    }

    fn open(&self, count: usize) {
        self.0.add_permits(count);
    }
}

struct Started {
    bus: BusGuard,
    handing: Handing,
    gate: Arc<Gate>,
    noted: Noted<u32>,
}

impl Started {
    async fn with<F: Registered>() -> anyhow::Result<Self> {
        Self::start(Bus::empty().with::<F>()).await
    }

    async fn start(bus: Bus) -> anyhow::Result<Self> {
        let (handing, gate) = (Handing::default(), Arc::new(Gate(Semaphore::new(0))));
        let noted = Noted::default();
        let bus = bus
            .carry::<u32>()
            .provide_arc(Arc::clone(&gate))
            .provide(noted.clone())
            .connect_to(handing.clone(), ["words.>"])
            .close_timeout(Duration::from_secs(5));
        Ok(Self {
            bus: bus.start().await?,
            handing,
            gate,
            noted,
        })
    }

    /// As [`start`](Self::start), until one who notes what it has got has all messages.
    async fn start_until_noted(bus: Bus) -> anyhow::Result<Self> {
        let started = Self::start(bus).await?;
        until(|| started.noted.all().len() == MESSAGES as usize).await;
        Ok(started)
    }
}

#[subscriber("words.gated")]
async fn gated(number: &u32, #[inject] gate: Arc<Gate>, #[inject] noted: Arc<Noted<u32>>) {
    noted.note(*number);
    gate.pass(*number).await;
}

/// By a pattern, for which there is a queue, and no log.
#[subscriber("words.gated.*")]
async fn gated_by_pattern(
    number: &u32,
    #[inject] gate: Arc<Gate>,
    #[inject] noted: Arc<Noted<u32>>,
) {
    noted.note(*number);
    gate.pass(*number).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_over_is_said_while_the_next_one_waits() -> anyhow::Result<()> {
    for started in [
        Started::with::<gated>().await?,
        Started::with::<gated_by_pattern>().await?,
    ] {
        let Started {
            bus,
            handing,
            gate,
            noted,
        } = started;
        for waits in (0..MESSAGES).step_by(3) {
            until(|| noted.all().last() == Some(&waits)).await;
            until(|| handing.done().len() == waits as usize).await;
            assert_eq!(handing.done(), (0..waits).collect::<Vec<_>>());
            gate.open(1);
        }
        until(|| handing.done().len() == MESSAGES as usize).await;
        bus.close().await?;
        assert_eq!(handing.done(), (0..MESSAGES).collect::<Vec<_>>());
    }
    Ok(())
}

#[subscriber("words.failing")]
async fn failing(number: &u32, #[inject] noted: Arc<Noted<u32>>) -> anyhow::Result<()> {
    noted.note(*number);
    anyhow::ensure!(number % 5 != 4, "{number} is odd");
    assert!(number % 7 != 6, "{number} is worse");
    Ok(())
}

#[subscriber("words.failing.*")]
async fn failing_by_pattern(number: &u32, #[inject] noted: Arc<Noted<u32>>) -> anyhow::Result<()> {
    noted.note(*number);
    anyhow::ensure!(number % 5 != 4, "{number} is odd");
    assert!(number % 7 != 6, "{number} is worse");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_of_several_has_its_own_verdict() -> anyhow::Result<()> {
    for started in [
        Started::with::<failing>().await?,
        Started::with::<failing_by_pattern>().await?,
    ] {
        let handing = &started.handing;
        handing.until_said_of(MESSAGES).await;
        for (number, said) in handing.said() {
            let expected = match number {
                _ if number % 5 == 4 => dead(&format!("{number} is odd")),
                _ if number % 7 == 6 => dead(&format!("panicked: {number} is worse")),
                _ => Verdict::Done,
            };
            assert_eq!(said, [expected], "{number}");
        }
        assert_eq!(started.noted.all(), (0..MESSAGES).collect::<Vec<_>>());
        started.bus.close().await?;
        assert_eq!(started.handing.said().len(), MESSAGES as usize);
    }
    Ok(())
}

#[subscriber("words.shared")]
async fn shares(number: &u32, #[inject] gate: Arc<Gate>) {
    gate.pass(*number).await;
}

#[subscriber("words.shared")]
async fn shares_at_once(_: &u32) {}

/// Has the same signals in the same log, and is through with them long before.
#[subscriber("words.shared")]
async fn shares_and_fails(number: &u32, #[inject] noted: Arc<Noted<u32>>) -> anyhow::Result<()> {
    noted.note(*number);
    anyhow::ensure!(*number != 7, "seven");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_message_is_over_when_all_who_have_it_are_through() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<shares>().with::<shares_and_fails>();
    let Started {
        bus, handing, gate, ..
    } = Started::start_until_noted(bus).await?;
    for waits in (0..MESSAGES).step_by(3) {
        handing.until_said_of(waits).await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(handing.said().len(), waits as usize, "{waits} is in hand");
        gate.open(1);
    }
    handing.until_said_of(MESSAGES).await;
    bus.close().await?;
    for (number, said) in handing.said() {
        let expected = match number {
            7 => dead("seven"),
            _ => Verdict::Done,
        };
        assert_eq!(said, [expected], "{number}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_was_not_handled_in_time_goes_back() -> anyhow::Result<()> {
    for bus in [
        Bus::empty().with::<gated>(),
        Bus::empty().with::<gated_by_pattern>(),
        Bus::empty().with::<shares>().with::<shares_at_once>(),
    ] {
        let Started {
            bus, handing, gate, ..
        } = Started::start(bus).await?;
        gate.open(2);
        handing.until_said_of(6).await;
        let outcome = bus.close().await;
        assert!(outcome.is_err(), "it was cut short");
        let said = handing.said();
        assert_eq!(said.len(), MESSAGES as usize);
        for (number, said) in said {
            let expected = match number {
                0..6 => Verdict::Done,
                _ => Verdict::Again { after: None },
            };
            assert_eq!(said, [expected], "{number}");
        }
    }
    Ok(())
}

/// Has the same signals as one that waits, and fails once.
#[subscriber("words.shared")]
async fn fails_once(number: &u32, #[inject] noted: Arc<Noted<u32>>) -> anyhow::Result<()> {
    let first = !noted.all().contains(number);
    noted.note(*number);
    anyhow::ensure!(*number != 7 || !first, "seven");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_is_replayed_says_nothing_more_of_its_message() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<shares>().with::<fails_once>();
    let Started {
        bus,
        handing,
        gate,
        noted,
    } = Started::start_until_noted(bus).await?;
    assert_eq!(bus.dead_letters().replay_all().await?, 1);
    until(|| noted.all().len() == MESSAGES as usize + 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(handing.said().len(), 0, "the first one is in hand");
    gate.open(MESSAGES as usize);
    handing.until_said_of(MESSAGES).await;
    assert_eq!(handing.said()[&7], [dead("seven")]);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_has_failed_for_one_and_was_not_handled_by_another_goes_back() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<shares>().with::<fails_once>();
    let Started { bus, handing, .. } = Started::start_until_noted(bus).await?;
    let letters = bus.dead_letters();
    assert!(bus.close().await.is_err(), "it was cut short");
    let said = handing.said();
    assert_eq!(said.len(), MESSAGES as usize);
    let again = Verdict::Again { after: None };
    assert!(said.values().all(|said| *said == [again.clone()]));
    assert_eq!(letters.len(), 1);
    Ok(())
}
