//! Many buses at once, with failures and departures at random moments.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use signal_bus::{BusGuard, Retry, Signal, transport::LoopbackNetwork};
use tokio::time::{sleep, timeout};

use crate::{Noted, attacks::close, connected, until};

const BUSES: usize = 4;
const TOPICS: u64 = 5;
const SIGNALS: u32 = 400;

/// Numbers that differ, the same in every run.
#[derive(Clone)]
struct Dice(Arc<Mutex<u64>>);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(seed)))
    }

    fn roll(&self, sides: u64) -> u64 {
        let mut last = self.0.lock().unwrap();
        *last = last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (*last >> 33) % sides
    }
}

/// Who has handled what: by place, and with which attempt.
#[derive(Clone, Default)]
struct Seen {
    plain: Noted<(usize, u32)>,
    grouped: Noted<(u32, u32)>,
}

async fn bus(
    network: &LoopbackNetwork,
    place: usize,
    seen: &Seen,
    dice: &Dice,
) -> anyhow::Result<BusGuard> {
    let bus = connected(network, &["storm.>"]).await;
    let retry = Retry::new().attempts(3).base(Duration::from_millis(5));
    let plain = bus
        .subscription::<u32>("storm.*")
        .concurrency(3)
        .retry(retry);
    let (notes, rolls) = (seen.plain.clone(), dice.clone());
    let plain = plain.listen(move |x: Signal<u32>| {
        let (fails, rest) = (rolls.roll(10) == 0, rolls.roll(40));
        notes.note((place, *x));
        async move {
            sleep(Duration::from_millis(rest)).await;
            anyhow::ensure!(!fails, "bad luck");
            Ok(())
        }
    })?;
    plain.detach();
    let grouped = bus.subscription::<u32>("storm.*").group("all");
    let (notes, rolls) = (seen.grouped.clone(), dice.clone());
    let grouped = grouped.listen(move |x: Signal<u32>| {
        notes.note((*x, x.attempt()));
        sleep(Duration::from_millis(rolls.roll(30)))
    })?;
    grouped.detach();
    bus.connected().await;
    Ok(bus)
}

/// Publishes from all of them, while guests come and go, and the last one leaves.
async fn rage(mut buses: Vec<BusGuard>, dice: &Dice) -> anyhow::Result<Vec<BusGuard>> {
    let mut leaves = buses.pop();
    for x in 0..SIGNALS {
        let topic = format!("storm.t{}", dice.roll(TOPICS));
        let bus = &buses[usize::try_from(dice.roll(3))?];
        bus.publish(topic, x).await?;
        if dice.roll(20) == 0 {
            let pattern = ["storm.t1", "storm.>"][usize::try_from(dice.roll(2))?];
            let guest = bus.subscribe::<u32>(pattern)?;
            sleep(Duration::from_millis(dice.roll(50))).await;
            drop(guest);
        }
        if x == SIGNALS / 2 {
            close(leaves.take().expect("it leaves once")).await?;
        }
    }
    Ok(buses)
}

async fn storm(seed: u64) -> anyhow::Result<()> {
    let network = LoopbackNetwork::patient_for(Duration::from_millis(200));
    let (seen, dice) = (Seen::default(), Dice::new(seed));
    let mut buses = Vec::new();
    for place in 0..BUSES {
        buses.push(bus(&network, place, &seen, &dice).await?);
    }
    let buses = rage(buses, &dice).await?;
    let over = until(|| network.outstanding() == 0);
    timeout(Duration::from_secs(600), over).await?;
    for bus in buses {
        close(bus).await?;
    }
    let plain = seen.plain.all();
    for place in 0..BUSES - 1 {
        let came = plain.iter().filter(|one| one.0 == place);
        let came: std::collections::BTreeSet<_> = came.map(|one| one.1).collect();
        assert!(came.into_iter().eq(0..SIGNALS), "bus {place}, seed {seed}");
    }
    let grouped = seen.grouped.all();
    for x in 0..SIGNALS {
        let times: Vec<_> = grouped.iter().filter(|one| one.0 == x).collect();
        assert!(!times.is_empty(), "{x} was lost, seed {seed}");
        let first = times.iter().filter(|one| one.1 == 1);
        assert!(first.count() <= 1, "{x} came twice: {times:?}, seed {seed}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn in_a_storm_nothing_is_lost_and_all_ledgers_close() -> anyhow::Result<()> {
    for seed in 1..=8 {
        storm(seed).await?;
    }
    Ok(())
}
