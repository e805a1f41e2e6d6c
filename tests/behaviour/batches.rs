//! Batches: when they are full, when they are due, and what becomes of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{Bus, DeadLetter, FindingKind, Signal, inject, publisher, subscriber};
use tokio::time::Instant;

/// What was handled, and how long after the start.
struct Rows {
    began: Instant,
    batches: Mutex<Vec<(Vec<u32>, Duration)>>,
}

impl Rows {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            began: Instant::now(),
            batches: Mutex::default(),
        })
    }

    fn add(&self, rows: Vec<u32>) {
        let batch = (rows, self.began.elapsed());
        self.batches.lock().unwrap().push(batch);
    }

    fn sizes(&self) -> Vec<usize> {
        let batches = self.batches.lock().unwrap();
        batches.iter().map(|(rows, _)| rows.len()).collect()
    }

    fn all(&self) -> Vec<u32> {
        let batches = self.batches.lock().unwrap();
        batches.iter().flat_map(|(rows, _)| rows.clone()).collect()
    }

    fn take(&self) -> Vec<(Vec<u32>, u128)> {
        let batches = std::mem::take(&mut *self.batches.lock().unwrap());
        let told = batches.into_iter();
        told.map(|(rows, at)| (rows, at.as_millis())).collect()
    }
}

#[subscriber("batches.windowed", batch = 3, within = "50ms")]
async fn windowed(rows: Vec<u32>, #[inject] seen: &Rows) {
    seen.add(rows);
}

#[tokio::test(start_paused = true)]
async fn the_window_counts_from_the_first_signal_of_a_batch() -> anyhow::Result<()> {
    let seen = Rows::new();
    let bus = Bus::empty()
        .with::<windowed>()
        .provide_arc(Arc::clone(&seen));
    let bus = bus.start().await?;
    tokio::time::sleep(Duration::from_millis(20)).await;
    bus.publish("batches.windowed", 1_u32).await?;
    tokio::time::sleep(Duration::from_millis(40)).await;
    bus.publish("batches.windowed", 2_u32).await?;
    // 70 ms: 50 ms after the first, not after the second.
    tokio::time::sleep(Duration::from_millis(40)).await;
    assert_eq!(seen.take(), [(vec![1, 2], 70)]);
    for row in 3..=9_u32 {
        bus.publish("batches.windowed", row).await?;
    }
    tokio::task::yield_now().await;
    assert_eq!(
        seen.take(),
        [(vec![3, 4, 5], 100), (vec![6, 7, 8], 100)],
        "full batches do not wait"
    );
    tokio::time::sleep(Duration::from_millis(49)).await;
    assert!(seen.take().is_empty(), "the rest is not due yet");
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(seen.take(), [(vec![9], 150)]);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_close_and_a_settle_flush_what_waits_for_its_window() -> anyhow::Result<()> {
    let seen = Rows::new();
    let bus = Bus::empty()
        .with::<patient>()
        .provide_arc(Arc::clone(&seen));
    let bus = bus.start().await?;
    bus.publish("batches.patient", 1_u32).await?;
    bus.publish("batches.patient", 2_u32).await?;
    bus.close().await?;
    assert_eq!(seen.take(), [(vec![1, 2], 0)], "at once, not in an hour");
    Ok(())
}

#[subscriber("batches.patient", batch = 100, within = "1h")]
async fn patient(rows: &[u32], #[inject] seen: &Rows) {
    seen.add(rows.to_vec());
}

#[publisher("batches.greedy")]
fn row(number: u32) -> u32 {
    number
}

#[subscriber("batches.greedy", batch = 8, capacity = 64)]
async fn greedy(rows: Vec<u32>, #[inject] seen: &Rows) {
    tokio::task::yield_now().await;
    seen.add(rows);
}

#[tokio::test]
async fn without_a_window_a_batch_is_what_waits_and_the_order_is_kept() -> anyhow::Result<()> {
    let seen = Rows::new();
    let bus = Bus::empty().with::<greedy>().provide_arc(Arc::clone(&seen));
    bus.run(async { (0..60).for_each(|number| _ = row(number)) })
        .await?;
    assert_eq!(seen.all(), (0..60).collect::<Vec<_>>());
    assert_eq!(seen.sizes(), [8, 8, 8, 8, 8, 8, 8, 4]);
    Ok(())
}

#[subscriber("batches.failing", batch = 2, within = "1s")]
async fn failing(rows: Vec<Signal<u32>>) -> anyhow::Result<()> {
    anyhow::ensure!(rows.iter().all(|row| **row != 3), "three is too much");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_failed_batch_is_a_failure_of_each_of_its_signals() -> anyhow::Result<()> {
    let failed = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&failed);
    let bus = Bus::empty().with::<failing>().on_error(move |at, error| {
        told.lock().unwrap().push((at.signal, error.to_string()));
    });
    let bus = bus.start().await?;
    let mut letters = bus.subscribe::<DeadLetter>("$bus.dead")?;
    let mut ids = Vec::new();
    for row in 1..=5_u32 {
        ids.push(bus.publish("batches.failing", row).await?.id);
    }
    bus.settled().await;
    let total = bus.stats().total;
    assert_eq!((total.done, total.dead), (3, 2), "the others were handled");
    let failed = std::mem::take(&mut *failed.lock().unwrap());
    assert_eq!(
        failed,
        [2, 3].map(|row| (ids[row], "three is too much".to_owned()))
    );
    for row in [3, 4] {
        let letter = letters.try_recv().unwrap();
        assert_eq!(letter.signal().downcast_ref::<u32>(), Some(&row));
    }
    assert!(letters.try_recv().is_none());
    drop(letters);
    bus.close().await?;
    Ok(())
}

#[subscriber("batches.sums.in", batch = 4)]
#[publisher("batches.sums.out")]
async fn sum(rows: Vec<u32>) -> u32 {
    rows.iter().sum()
}

#[subscriber("batches.sums.out")]
async fn result(sum: Signal<u32>, #[inject] seen: &Rows) {
    seen.add(vec![*sum]);
}

#[tokio::test]
async fn a_batch_may_be_a_stage() -> anyhow::Result<()> {
    let seen = Rows::new();
    let bus = Bus::empty().with::<sum>().with::<result>();
    let bus = bus.provide_arc(Arc::clone(&seen)).start().await?;
    for row in 1..=8_u32 {
        bus.publish("batches.sums.in", row).await?;
    }
    bus.close().await?;
    assert_eq!(seen.all(), [10, 26]);
    Ok(())
}

#[subscriber("batches.too.large", batch = 16, capacity = 15)]
async fn too_large(rows: Vec<u32>) {
    drop(rows);
}

const NONE: usize = 0;

#[subscriber("batches.empty", batch = NONE)]
async fn empty(rows: Vec<u32>) {
    drop(rows);
}

#[tokio::test]
async fn a_batch_that_can_never_be_full_is_refused_at_start() {
    let bus = Bus::empty().with::<too_large>().with::<empty>();
    let error = bus.start().await.unwrap_err();
    assert!(
        error
            .findings
            .iter()
            .all(|finding| finding.kind == FindingKind::InvalidOption)
    );
    let text = error.to_string();
    for part in [
        "write `capacity = 16`, or more\n    behaviour::batches::too_large (tests/behaviour/batches.rs:",
        "has `batch = 16` and a capacity of 15",
        "has `batch = 0`",
    ] {
        assert!(text.contains(part), "{text}");
    }
}
