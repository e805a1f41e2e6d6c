//! What happens to signals that meet a full subscription, and how it is told.

use std::sync::{Arc, Mutex};

use signal_bus::{Bus, DeadLetter, inject, subscriber};
use tokio::sync::Semaphore;

/// Lets handlers go on, and notes what they handled.
struct Gate {
    open: Semaphore,
    seen: Mutex<Vec<(char, u32)>>,
}

impl Gate {
    async fn pass(&self, who: char, number: u32) {
        self.open.acquire().await.unwrap().forget();
        self.seen.lock().unwrap().push((who, number));
    }

    fn seen(&self, by: char) -> Vec<u32> {
        let seen = self.seen.lock().unwrap();
        let seen = seen.iter().filter(|(who, _)| *who == by);
        seen.map(|(_, number)| *number).collect()
    }
}

#[subscriber("overflow.numbers", overflow = drop_oldest, capacity = 3)]
async fn latest(number: u32, #[inject] gate: &Gate) {
    gate.pass('o', number).await;
}

#[subscriber("overflow.numbers", overflow = drop_newest, capacity = 3)]
async fn first(number: u32, #[inject] gate: &Gate) {
    gate.pass('n', number).await;
}

#[subscriber("overflow.numbers", overflow = wait, capacity = 100)]
async fn all(number: u32, #[inject] gate: &Gate) {
    gate.pass('w', number).await;
}

#[tokio::test]
async fn each_policy_keeps_what_it_says_and_every_drop_is_counted() -> anyhow::Result<()> {
    let gate = Arc::new(Gate {
        open: Semaphore::new(0),
        seen: Mutex::default(),
    });
    let bus = Bus::empty().with::<latest>().with::<first>().with::<all>();
    let bus = bus.provide_arc(Arc::clone(&gate)).start().await?;
    for number in 0..10_u32 {
        bus.publish("overflow.numbers", number).await?;
        // The first signal is in its handler then.
        tokio::task::yield_now().await;
    }
    assert_eq!(bus.stats().total.dropped, 14, "in the middle of it");
    gate.open.add_permits(100);
    let report = bus.close().await?;
    assert_eq!(gate.seen('o'), [0, 8, 9]);
    assert_eq!(gate.seen('n'), [0, 1, 2]);
    assert_eq!(gate.seen('w'), (0..10).collect::<Vec<_>>());
    let of = |function: &str| {
        let subscriptions = &report.stats.subscriptions;
        let one = subscriptions
            .iter()
            .find(|one| one.site.function == function);
        one.unwrap().tally
    };
    for function in ["latest", "first"] {
        let tally = of(function);
        assert_eq!((tally.accepted, tally.done, tally.dropped), (10, 3, 7));
    }
    assert_eq!((of("all").done, of("all").dropped), (10, 0));
    assert!(report.to_string().contains("14 dropped"), "{report}");
    Ok(())
}

#[subscriber("overflow.failing")]
async fn fail(number: u32) -> anyhow::Result<()> {
    anyhow::bail!("{number}")
}

#[subscriber("$bus.dead", capacity = 2)]
async fn bury(letter: &DeadLetter, #[inject] gate: &Gate) {
    let number = letter.signal().downcast_ref::<u32>();
    gate.pass('d', *number.unwrap()).await;
}

#[tokio::test]
async fn the_bus_s_own_signals_make_nobody_wait() -> anyhow::Result<()> {
    let gate = Arc::new(Gate {
        open: Semaphore::new(0),
        seen: Mutex::default(),
    });
    let bus = Bus::empty().with::<fail>().with::<bury>();
    let bus = bus.provide_arc(Arc::clone(&gate)).start().await?;
    for number in 0..100_u32 {
        bus.publish("overflow.failing", number).await?;
    }
    while bus.stats().total.dead < 100 {
        tokio::task::yield_now().await;
    }
    gate.open.add_permits(100);
    let report = bus.close().await?;
    assert_eq!(gate.seen('d').last(), Some(&99), "the newest stay");
    assert_eq!(
        report.stats.total.dropped + gate.seen('d').len() as u64,
        100
    );
    Ok(())
}
