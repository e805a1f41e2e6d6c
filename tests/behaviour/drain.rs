//! When it stops, nothing is lost: what was published is handled, through every stage of a chain.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{Bus, inject, publisher, subscriber};

use crate::ledger::{Ledger, assert_adds_up};

const SIGNALS: u32 = 100;

#[publisher("drain.a")]
async fn begin(number: u32) -> u32 {
    number
}

#[subscriber("drain.a")]
#[publisher("drain.b")]
async fn wait(number: u32) -> u32 {
    tokio::time::sleep(Duration::from_millis(10)).await;
    number
}

#[subscriber("drain.b")]
#[publisher("drain.c")]
async fn pass_on(number: u32) -> u32 {
    number
}

#[subscriber("drain.c")]
async fn end(number: u32, #[inject] ledger: &Ledger) {
    ledger.handle((0, number));
}

fn stages() -> Bus {
    Bus::empty().with::<wait>().with::<pass_on>().with::<end>()
}

async fn publish_all(ledger: &Ledger) {
    for number in 0..SIGNALS {
        begin(number).await;
        ledger.accept((0, number));
    }
}

#[tokio::test(start_paused = true)]
async fn drain_handles_what_was_published_through_three_stages() -> anyhow::Result<()> {
    let ledger = Arc::new(Ledger::default());
    let bus = stages().provide_arc(Arc::clone(&ledger));
    let bus = bus.start().await?;
    publish_all(&ledger).await;
    let report = bus.close().await?;
    assert_adds_up(&report.stats);
    ledger.balance(&report.stats).assert_clean();
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_returns_after_the_last_stage_has_handled_everything() -> anyhow::Result<()> {
    let ledger = Arc::new(Ledger::default());
    let bus = stages().provide_arc(Arc::clone(&ledger));
    bus.run(publish_all(&ledger)).await?;
    ledger.balance(&Default::default()).assert_clean();
    Ok(())
}

#[derive(Debug, Default)]
struct Depths(Mutex<Vec<usize>>);

mod cascade {
    use super::{Depths, inject, publisher, subscriber};

    /// A signal is handled by publishing three of the next depth, down to the last.
    #[subscriber("cascade")]
    pub(super) async fn cascade(depth: usize, #[inject] depths: &Depths) {
        depths.0.lock().unwrap().push(depth);
        if depth < 7 {
            for _ in 0..3 {
                deeper(depth + 1).await;
            }
        }
    }

    #[publisher("cascade")]
    pub(super) async fn deeper(depth: usize) -> usize {
        depth
    }
}

#[tokio::test]
async fn what_handlers_publish_while_draining_is_handled_too() -> anyhow::Result<()> {
    let depths = Arc::new(Depths::default());
    let bus = Bus::empty()
        .with::<cascade::cascade>()
        .provide_arc(Arc::clone(&depths));
    let bus = bus.start().await?;
    cascade::deeper(0).await;
    let report = bus.close().await?;
    let expected: usize = (0..=7).map(|depth| 3_usize.pow(depth)).sum();
    assert_eq!(depths.0.lock().unwrap().len(), expected);
    assert_eq!(report.stats.total.done, expected as u64);
    Ok(())
}
