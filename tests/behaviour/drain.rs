//! When it stops, nothing is lost: what was published is handled, through every stage of a chain.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{
    Bus, PublishError, PublishError::Closed, Signal, SubscribeError, inject, publisher, subscriber,
};
use tokio::sync::Semaphore;
use tokio::task::yield_now;

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

mod gate {
    use super::{Semaphore, inject, publisher, subscriber};

    #[publisher("drain.gate.room")]
    pub(super) async fn publish(number: u32) -> u32 {
        number
    }

    /// Takes one, and has room for many more while it waits.
    #[subscriber("drain.gate.room")]
    #[publisher("drain.gate.inside")]
    async fn wait(number: u32, #[inject] gate: &Semaphore) -> u32 {
        gate.acquire().await.unwrap().forget();
        number
    }

    #[subscriber("drain.gate.full", capacity = 1)]
    async fn wait_too(_number: u32, #[inject] gate: &Semaphore) {
        gate.acquire().await.unwrap().forget();
    }

    #[subscriber("drain.gate.inside")]
    async fn inside(_number: &u32) {}
}

/// Not only after the last handler has ended, and also where signals were let in a moment ago, without many questions.
#[tokio::test(start_paused = true)]
async fn while_handlers_run_what_comes_from_outside_is_refused_at_every_way_in()
-> anyhow::Result<()> {
    let gate = Arc::new(Semaphore::new(0));
    let bus = Bus::new().within(concat!(module_path!(), "::gate"));
    let bus = bus.provide_arc(Arc::clone(&gate)).on_error(|_, _| {});
    let bus = bus.start().await?;
    bus.publish("drain.gate.full", 0_u32).await?;
    let handle = bus.handle();
    let waits = tokio::spawn(async move { handle.publish("drain.gate.full", 7_u32).await });
    gate::publish(0).await;
    for _ in 0..10 {
        yield_now().await;
    }
    for number in 1..10 {
        gate::publish(number).await;
    }
    let handle = bus.handle();
    let close = tokio::spawn(async move { handle.close().await });
    assert!(matches!(waits.await?, Err(Closed(7))));

    gate::publish(10).await;
    for topic in ["room", "full", "inside", "unheard"] {
        let topic = format!("drain.gate.{topic}");
        assert!(matches!(bus.publish(&topic, 1_u32).await, Err(Closed(1))));
        assert!(matches!(bus.try_publish(&topic, 2_u32), Err(Closed(2))));
        let prefixed = bus.publisher("drain.gate");
        let last = topic.rsplit('.').next().unwrap();
        assert!(matches!(
            prefixed.publish(last, 3_u32).await,
            Err(Closed(3))
        ));
        let shared = bus.publish_shared(&*topic, Arc::new(4_u32)).await;
        assert!(matches!(shared, Err(PublishError::Closed(_))));
        let delayed = bus.publish_after(Duration::ZERO, &topic, 5_u32);
        assert!(matches!(delayed, Err(Closed(5))));
        let late = bus.subscribe::<u32>(&topic).map(drop);
        assert_eq!(late.unwrap_err(), SubscribeError::Closed);
        let late = bus.listen(&*topic, |_: Signal<u32>| {}).map(drop);
        assert_eq!(late.unwrap_err(), SubscribeError::Closed);
    }
    assert!(matches!(bus.broadcast(6_u32).await, Err(Closed(6))));

    assert!(!close.is_finished());
    gate.add_permits(20);
    let report = close.await??;
    assert_adds_up(&report.stats);
    println!("refused while it drained: {}", report.stats.refused);
    // Ten that waited in the room, what their handlers have published, and one where it was full.
    assert_eq!((report.stats.total.done, report.stats.total.dead), (21, 0));
    Ok(())
}
