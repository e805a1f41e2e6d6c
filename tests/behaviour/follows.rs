//! Signals that follow others in all are let in with few questions; whatever makes one differ, it comes as it should.

use std::sync::{Arc, Mutex};

use signal_bus::{Bus, BusGuard, Headers, Signal, inject, publisher, subscriber};

use tokio::sync::Semaphore;

use crate::ledger::assert_adds_up;

/// What was handled: its topic, its value, its tenant, and whether a handler has published it.
type Handled = (String, u32, Option<String>, bool);

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<Handled>>);

impl Heard {
    fn note(&self, signal: &Signal<u32>) {
        let tenant = signal.header("tenant").map(str::to_owned);
        let led = signal.parent_id().is_some();
        let handled = (signal.topic().to_owned(), **signal, tenant, led);
        self.0.lock().unwrap().push(handled);
    }

    fn take(&self) -> Vec<Handled> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    fn numbers(&self) -> Vec<u32> {
        self.take().into_iter().map(|handled| handled.1).collect()
    }
}

async fn start(bus: Bus, heard: &Arc<Heard>) -> anyhow::Result<BusGuard> {
    let bus = bus.provide_arc(Arc::clone(heard)).on_error(|_, _| {});
    Ok(bus.start().await?)
}

mod bounded {
    use super::*;

    pub(super) const CAPACITY: u32 = 100;

    #[publisher("follows.bounded")]
    pub(super) fn publish(number: u32) -> u32 {
        number
    }

    #[subscriber("follows.bounded", capacity = 100)]
    pub(super) async fn hear(number: Signal<u32>, #[inject] heard: &Heard) {
        heard.note(&number);
    }
}

#[tokio::test]
async fn a_queue_that_has_let_many_follow_is_full_at_its_capacity() -> anyhow::Result<()> {
    let heard = Arc::<Heard>::default();
    let bus = start(Bus::empty().with::<bounded::hear>(), &heard).await?;
    for round in 1..=3 {
        bus.scope(async {
            // Nobody else runs meanwhile: this is one task, and it does not wait.
            for number in 0..bounded::CAPACITY + 10 {
                bounded::publish(number);
            }
        })
        .await;
        let stats = bus.stats();
        assert_adds_up(&stats);
        assert_eq!(stats.refused, 10 * round);
        assert_eq!(stats.published, u64::from(bounded::CAPACITY) * round);
        bus.settled().await;
        assert!(heard.numbers().into_iter().eq(0..bounded::CAPACITY));
    }
    bus.close().await?;
    bus.scope(async { bounded::publish(7) }).await;
    assert_eq!((heard.numbers().len(), bus.stats().refused), (0, 31));
    Ok(())
}

mod held {
    use super::*;

    #[publisher("follows.held")]
    pub(super) fn publish(number: u32) -> u32 {
        number
    }

    #[subscriber("follows.held")]
    pub(super) async fn hear(
        number: Signal<u32>,
        #[inject] (heard, gate): &(Arc<Heard>, Semaphore),
    ) {
        drop(gate.acquire().await);
        heard.note(&number);
    }
}

#[tokio::test]
async fn what_follows_is_refused_once_the_gate_is_closed() -> anyhow::Result<()> {
    let heard = Arc::<Heard>::default();
    let held = Arc::new((Arc::clone(&heard), Semaphore::new(0)));
    let bus = Bus::empty()
        .with::<held::hear>()
        .provide_arc(Arc::clone(&held));
    let bus = start(bus, &heard).await?;
    bus.scope(async {
        drop_number(held::publish(0));
        // The handler has the first one, and waits.
        tokio::task::yield_now().await;
        (1..5).for_each(|number| drop_number(held::publish(number)));
        let handle = bus.handle();
        let close = tokio::spawn(async move { handle.close().await });
        while bus.try_publish("follows.other", 7_u32).is_ok() {
            tokio::task::yield_now().await;
        }
        let before = bus.stats().refused;
        (5..10).for_each(|number| drop_number(held::publish(number)));
        assert_eq!(bus.stats().refused, before + 5);
        held.1.add_permits(1);
        assert_adds_up(&close.await??.stats);
        assert!(heard.numbers().into_iter().eq(0..5));
        anyhow::Ok(())
    })
    .await
}

const fn drop_number(_number: u32) {}

#[tokio::test]
async fn who_comes_or_goes_among_those_that_follow_gets_its_part() -> anyhow::Result<()> {
    let heard = Arc::<Heard>::default();
    let bus = start(Bus::empty().with::<bounded::hear>(), &heard).await?;
    let publish =
        |from: u32| (from..from + 5).for_each(|number| drop_number(bounded::publish(number)));
    bus.scope(async {
        publish(0);
        let mut late = bus.subscribe::<u32>("follows.bounded")?;
        publish(5);
        let read: Vec<_> = std::iter::from_fn(|| late.try_recv().map(|number| *number)).collect();
        drop(late);
        publish(10);
        assert_eq!(read, [5, 6, 7, 8, 9]);
        anyhow::Ok(())
    })
    .await?;
    bus.settled().await;
    assert!(heard.numbers().into_iter().eq(0..15));
    assert_adds_up(&bus.close().await?.stats);
    Ok(())
}

mod several {
    use super::*;

    #[publisher("follows.one")]
    pub(super) fn one(number: u32) -> u32 {
        number
    }

    #[publisher("follows.two")]
    pub(super) fn two(number: u32) -> u32 {
        number
    }

    #[subscriber("follows.one", "follows.two")]
    pub(super) async fn hear(number: Signal<u32>, #[inject] heard: &Heard) {
        heard.note(&number);
    }

    #[subscriber("follows.one", "follows.two")]
    pub(super) async fn hear_too(_number: &u32) {}
}

#[tokio::test]
async fn signals_of_topics_that_have_the_same_readers_keep_their_topics() -> anyhow::Result<()> {
    let heard = Arc::<Heard>::default();
    let bus = Bus::empty()
        .with::<several::hear>()
        .with::<several::hear_too>();
    let bus = start(bus, &heard).await?;
    let of_one = |number: u32| number / 5 % 2 == 0;
    bus.scope(async {
        for number in 0..40 {
            match of_one(number) {
                true => several::one(number),
                false => several::two(number),
            };
        }
    })
    .await;
    bus.settled().await;
    let handled = heard.take();
    assert_eq!(handled.len(), 40);
    for (at, (topic, number, ..)) in (0..).zip(handled) {
        let expected = if of_one(at) {
            "follows.one"
        } else {
            "follows.two"
        };
        assert_eq!((&*topic, number), (expected, at));
    }
    bus.close().await?;
    Ok(())
}

mod led {
    use super::*;

    #[publisher("follows.led")]
    pub(super) async fn publish(number: u32) -> u32 {
        number
    }

    #[subscriber("follows.led")]
    pub(super) async fn hear(number: Signal<u32>, #[inject] heard: &Heard) {
        heard.note(&number);
    }

    #[subscriber("follows.leading")]
    pub(super) async fn lead(number: u32) {
        publish(number).await;
    }
}

#[tokio::test]
async fn what_follows_has_neither_the_headers_nor_the_parent_of_another_one() -> anyhow::Result<()>
{
    let heard = Arc::<Heard>::default();
    let bus = Bus::empty().with::<led::hear>().with::<led::lead>();
    let bus = start(bus, &heard).await?;
    let publish = async |from: u32| {
        for number in from..from + 5 {
            led::publish(number).await;
        }
    };
    let acme = Headers::new().with("tenant", "acme");
    bus.scope(async {
        publish(0).await;
        acme.clone().scope(publish(5)).await;
        publish(10).await;
        for number in 15..20_u32 {
            bus.publish("follows.leading", number).await?;
        }
        bus.settled().await;
        publish(20).await;
        anyhow::Ok(())
    })
    .await?;
    bus.settled().await;
    let handled = heard.take();
    assert_eq!(handled.len(), 25);
    for (at, (_, number, tenant, led)) in (0..).zip(handled) {
        let expected = (at, (5..10).contains(&at), (15..20).contains(&at));
        assert_eq!((number, tenant.is_some(), led), expected);
    }
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_publisher_of_two_buses_by_turns_reaches_each_of_them() -> anyhow::Result<()> {
    let both = [(); 2].map(|()| Arc::<Heard>::default());
    let describe = || Bus::empty().with::<bounded::hear>();
    let (one, two) = (
        start(describe(), &both[0]).await?,
        start(describe(), &both[1]).await?,
    );
    for part in 0..10 {
        for (bus, from) in [(&one, 0), (&two, 1000)] {
            let numbers = from + part * 5..from + part * 5 + 5;
            bus.scope(async { numbers.for_each(|number| drop_number(bounded::publish(number))) })
                .await;
        }
    }
    for (bus, heard, from) in [(one, &both[0], 0), (two, &both[1], 1000)] {
        bus.settled().await;
        assert!(heard.numbers().into_iter().eq(from..from + 50));
        assert_adds_up(&bus.close().await?.stats);
    }
    Ok(())
}
