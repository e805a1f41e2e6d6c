//! The testing kit records what was published and what each handler made of it, exactly and without timers.

use std::time::Duration;

use signal_bus::testing::{Outcome, TestBus};
use signal_bus::{Bus, DeadLetter, publisher, subscriber};

#[publisher("kit.in")]
async fn publish(number: u32) -> u32 {
    number
}

#[subscriber("kit.in")]
#[publisher("kit.out")]
async fn double(number: u32) -> anyhow::Result<u64> {
    tokio::time::sleep(Duration::from_secs(3600)).await;
    anyhow::ensure!(number != 3, "three is not doubled");
    Ok(u64::from(number) * 2)
}

async fn work(from: u32) -> anyhow::Result<()> {
    let bus = TestBus::start(Bus::empty().with::<double>().on_error(|_, _| {})).await?;
    for number in from..from + 3 {
        publish(number).await;
    }
    bus.settled().await;
    let numbers: Vec<_> = bus
        .published::<u32>("kit.in")
        .iter()
        .map(|number| **number)
        .collect();
    assert_eq!(numbers, [from, from + 1, from + 2]);
    let handled = bus.handled::<double>();
    assert_eq!(handled.len(), 3);
    for handled in &handled {
        let number = handled.signal.downcast_ref::<u32>().unwrap();
        match number {
            3 => assert_eq!(
                handled.outcome,
                Outcome::Failed("three is not doubled".into())
            ),
            _ => assert_eq!(handled.outcome, Outcome::Done),
        }
    }
    let dead = bus.published::<DeadLetter>("$bus.dead");
    assert_eq!(dead.len(), usize::from((from..from + 3).contains(&3)));
    let doubled = bus.published::<u64>("kit.out");
    assert_eq!(doubled.len() + dead.len(), 3);
    assert!(bus.published::<u8>("kit.out").is_empty(), "of another type");
    let parents: Vec<_> = bus
        .signals()
        .iter()
        .filter_map(signal_bus::Signal::parent_id)
        .collect();
    assert_eq!(
        parents.len(),
        3,
        "what a handler publishes knows its parent"
    );
    bus.close().await?;
    Ok(())
}

// These run at once on their own runtimes, in paused time, and hear nothing of each other.
macro_rules! at_once {
    ($($name:ident: $from:literal),+) => { $(
        #[tokio::test(start_paused = true)]
        async fn $name() -> anyhow::Result<()> {
            work($from).await
        }
    )+ };
}
at_once!(records_from_one: 1, records_from_two: 2, records_from_three: 3, records_from_ten: 10, records_from_99: 99);
