//! Layers stand around each call of each handler, in order, and lose nothing in silence.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{
    Bus, Call, DeadReason, Failure, Handled, Headers, Next, Retry, Signal, inject, subscriber,
};
use tokio::time::{Instant, sleep};

/// What has happened, in order.
#[derive(Clone, Default, Debug)]
struct Diary(Arc<Mutex<Vec<String>>>);

impl Diary {
    fn write(&self, text: impl Into<String>) {
        self.0.lock().unwrap().push(text.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// Adds a layer that writes down when it begins and when it ends.
    fn around(&self, bus: Bus, name: &'static str) -> Bus {
        let diary = self.clone();
        bus.layer(move |call: Call, next: Next| {
            let diary = diary.clone();
            async move {
                diary.write(format!("{name} ("));
                let handled = next.run(call).await;
                diary.write(format!(") {name}"));
                handled
            }
        })
    }
}

mod shop {
    use super::*;

    #[subscriber("layers.each")]
    pub(super) async fn each(number: u32, #[inject] diary: &Diary) {
        diary.write(format!("each {number}"));
    }

    #[subscriber("layers.batched", batch = 3, within = "1s")]
    pub(super) async fn batched(numbers: Vec<u32>, #[inject] diary: &Diary) {
        diary.write(format!("batched {numbers:?}"));
    }

    #[subscriber("layers.retried", retry(attempts = 3, base = "1ms"))]
    pub(super) async fn retried(_number: u32) -> anyhow::Result<()> {
        anyhow::bail!("not yet")
    }

    #[subscriber("layers.panics")]
    pub(super) async fn panics(_number: u32) {
        panic!("broken");
    }

    #[subscriber("layers.slow", timeout = "1s")]
    pub(super) async fn slow(seconds: u64) {
        sleep(Duration::from_secs(seconds)).await;
    }

    #[subscriber("layers.{region}.captured")]
    pub(super) async fn captured(number: Signal<u32>, #[inject] diary: &Diary) {
        diary.write(format!("{:?} {number}", number.capture("region")));
    }
}

fn bus(diary: &Diary) -> Bus {
    let bus = Bus::new().within(concat!(module_path!(), "::shop"));
    bus.on_error(|_, _| {}).provide(diary.clone())
}

#[tokio::test(start_paused = true)]
async fn layers_are_called_in_the_order_in_which_they_are_added() -> anyhow::Result<()> {
    let diary = Diary::default();
    let bus = diary.around(diary.around(bus(&diary), "outer"), "inner");
    let bus = bus
        .connect(diary.around(Bus::empty(), "other"))
        .start()
        .await?;
    bus.publish("layers.each", 7_u32).await?;
    bus.settled().await;
    let order = [
        "outer (", "inner (", "other (", "each 7", ") other", ") inner", ") outer",
    ];
    assert_eq!(diary.take(), order);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_layer_sees_subscribers_listeners_and_batches_with_their_labels() -> anyhow::Result<()> {
    let diary = Diary::default();
    let seen = diary.clone();
    let bus = bus(&diary).layer(move |call, next| {
        let signals = call.signals().iter();
        let carried: Vec<_> = signals
            .map(|signal| (signal.downcast_ref::<u32>(), signal.header("tenant")))
            .collect();
        let (function, topic, attempt) = (call.site().function, call.topic(), call.attempt());
        seen.write(format!("{function} {topic} {attempt} {carried:?}"));
        async move { next.run(call).await }
    });
    let bus = bus.start().await?;
    let hears = diary.clone();
    let listener = bus.listen("layers.heard", move |number: Signal<u32>| {
        hears.write(format!("heard {number}"));
    })?;
    let headers = Headers::new().with("tenant", "acme");
    headers.scope(bus.publish("layers.heard", 1_u32)).await?;
    bus.settled().await;
    for number in 2..5_u32 {
        bus.publish("layers.batched", number).await?;
    }
    bus.settled().await;
    bus.publish("layers.eu.captured", 5_u32).await?;
    bus.settled().await;
    let expected = [
        "listen layers.heard 1 [(Some(1), Some(\"acme\"))]",
        "heard 1",
        "batched layers.batched 1 [(Some(2), None), (Some(3), None), (Some(4), None)]",
        "batched [2, 3, 4]",
        "captured layers.eu.captured 1 [(Some(5), None)]",
        "Some(\"eu\") 5",
    ];
    assert_eq!(diary.take(), expected);
    drop(listener);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn each_attempt_passes_the_layers() -> anyhow::Result<()> {
    let diary = Diary::default();
    let seen = diary.clone();
    let bus = bus(&diary).layer(move |call, next| {
        let (seen, attempt) = (seen.clone(), call.attempt());
        async move {
            let handled = next.run(call).await;
            seen.write(format!("{attempt}: {}", handled.as_ref().unwrap_err()));
            handled
        }
    });
    let bus = bus.start().await?;
    bus.publish("layers.retried", 7_u32).await?;
    bus.settled().await;
    assert_eq!(diary.take(), ["1: not yet", "2: not yet", "3: not yet"]);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_a_layer_refuses_is_a_dead_letter_of_the_handler() -> anyhow::Result<()> {
    let diary = Diary::default();
    let bus = bus(&diary).layer(|call, next| async move {
        match call.signal().downcast_ref::<u32>() {
            Some(13) => anyhow::bail!("an unlucky number"),
            _ => anyhow::Ok(next.run(call).await?),
        }
    });
    let bus = bus.start().await?;
    bus.publish("layers.each", 13_u32).await?;
    bus.publish("layers.each", 14_u32).await?;
    bus.settled().await;
    assert_eq!(diary.take(), ["each 14"]);
    let letters = bus.dead_letters();
    let letter = letters.iter().next().expect("there is one");
    assert_eq!(
        (letter.reason(), letter.at().site.function),
        (DeadReason::NotRetried, "each")
    );
    assert_eq!(letter.failure().to_string(), "an unlucky number");
    assert_eq!(letter.signal().downcast_ref(), Some(&13_u32));
    let total = bus.close().await?.stats.total;
    assert_eq!((total.done, total.dead), (1, 1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_left_out_only_when_a_layer_says_so_and_that_is_counted() -> anyhow::Result<()>
{
    let diary = Diary::default();
    let bus = bus(&diary).layer(|call, next| async move {
        match call.site().function {
            "batched" => Ok(next.skip(call)),
            _ => next.run(call).await,
        }
    });
    let bus = bus.start().await?;
    for number in 0..3_u32 {
        bus.publish("layers.batched", number).await?;
    }
    bus.publish("layers.each", 7_u32).await?;
    bus.settled().await;
    assert_eq!(diary.take(), ["each 7"]);
    let stats = bus.close().await?.stats;
    assert_eq!(
        (stats.skipped, stats.total.done, stats.total.dead),
        (3, 4, 0)
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_handler_comes_to_the_layers_and_trips() -> anyhow::Result<()> {
    let diary = Diary::default();
    let seen = diary.clone();
    let bus = bus(&diary)
        .panic_limit(1, Duration::from_secs(10))
        .layer(move |call, next| {
            let seen = seen.clone();
            async move {
                let handled = next.run(call).await;
                if let Err(Failure::Panicked(text)) = &handled {
                    seen.write(text);
                }
                handled
            }
        });
    let bus = bus.start().await?;
    for _ in 0..2 {
        bus.publish("layers.panics", 7_u32).await?;
        bus.settled().await;
    }
    assert_eq!(diary.take(), ["broken", "broken"]);
    assert!(bus.stats().subscriptions.iter().any(|one| one.tripped));
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_layer_that_panics_fails_that_signal_only() -> anyhow::Result<()> {
    let diary = Diary::default();
    let bus = bus(&diary).layer(|call, next| async move {
        assert_ne!(
            call.signal().downcast_ref(),
            Some(&13_u32),
            "an unlucky number"
        );
        next.run(call).await
    });
    let bus = bus.start().await?;
    for number in [13, 14_u32] {
        bus.publish("layers.each", number).await?;
    }
    bus.settled().await;
    assert_eq!(diary.take(), ["each 14"]);
    let total = bus.close().await?.stats.total;
    assert_eq!((total.done, total.dead), (1, 1));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_timeout_of_a_subscriber_stands_around_its_layers() -> anyhow::Result<()> {
    let diary = Diary::default();
    let bus = bus(&diary).layer(|call, next| async move {
        sleep(Duration::from_millis(600)).await;
        next.run(call).await
    });
    let bus = bus.start().await?;
    let began = Instant::now();
    bus.publish("layers.slow", 1_u64).await?;
    bus.settled().await;
    assert_eq!(began.elapsed().as_millis(), 1000);
    assert_eq!(bus.close().await?.stats.total.dead, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_layer_may_call_the_handler_again() -> anyhow::Result<()> {
    let diary = Diary::default();
    let bus = bus(&diary).layer(|call: Call, next: Next| async move {
        drop(next.run(call.clone()).await?);
        next.run(call).await
    });
    let bus = bus.start().await?;
    bus.publish("layers.each", 7_u32).await?;
    bus.settled().await;
    assert_eq!(diary.take(), ["each 7", "each 7"]);
    assert_eq!(bus.close().await?.stats.total.done, 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_a_layer_publishes_comes_from_inside_the_handler() -> anyhow::Result<()> {
    let bus = Bus::empty().layer(|call: Call, next: Next| async move {
        if call.topic() == "layers.first" {
            let bus = signal_bus::current().expect("a layer runs inside of the bus");
            bus.publish(
                "layers.second",
                *call.id().to_string().as_bytes().first().unwrap(),
            )
            .await?;
        }
        anyhow::Ok(next.run(call).await?)
    });
    let bus = bus.start().await?;
    let mut second = bus.subscribe::<u8>("layers.second")?;
    let first = bus.listen("layers.first", |_: Signal<u32>| {})?;
    let id = bus.publish("layers.first", 7_u32).await?.id;
    let second = second.recv().await.expect("it was published");
    assert_eq!(second.parent_id(), id);
    drop(first);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn layers_of_tower_stand_around_handlers() -> anyhow::Result<()> {
    use tower::limit::ConcurrencyLimitLayer;
    use tower::timeout::{TimeoutLayer, error::Elapsed};

    let diary = Diary::default();
    let bus = Bus::empty()
        .tower_layer(ConcurrencyLimitLayer::new(1))
        .tower_layer(TimeoutLayer::new(Duration::from_secs(5)))
        .on_error(|_, _| {});
    let bus = diary.around(bus, "below").start().await?;
    let began = Instant::now();
    let waits = async |seconds: Signal<u64>| sleep(Duration::from_secs(*seconds)).await;
    let fails = async |_: Signal<u64>| anyhow::bail!("its own");
    let listeners = (
        bus.listen("layers.tower", waits)?,
        bus.listen("layers.tower", waits)?,
        bus.subscription("layers.fails")
            .retry(Retry::new().attempts(2))
            .listen(fails)?,
    );
    bus.publish("layers.tower", 3_u64).await?;
    bus.settled().await;
    assert_eq!(
        began.elapsed().as_secs(),
        6,
        "one after the other: the limit is for all handlers"
    );
    assert_eq!(diary.take(), ["below (", ") below", "below (", ") below"]);

    bus.publish("layers.fails", 0_u64).await?;
    bus.settled().await;
    bus.publish("layers.tower", 9_u64).await?;
    bus.settled().await;
    let letters = bus.dead_letters();
    let [failed, late @ ..] = &letters.iter().collect::<Vec<_>>()[..] else {
        panic!("all have failed");
    };
    assert_eq!(
        (failed.failure().to_string(), failed.attempts()),
        ("its own".to_owned(), 2)
    );
    assert_eq!(late.len(), 2);
    assert_eq!(
        late[0].failure().to_string(),
        "a layer failed: request timed out"
    );
    let is_late = |letter: &&signal_bus::DeadLetter| {
        letter.errors().any(<dyn std::error::Error>::is::<Elapsed>)
    };
    assert!(late.iter().all(is_late), "{late:?}");
    drop(listeners);
    bus.close().await?;
    Ok(())
}

#[expect(dead_code, reason = "never called: that it compiles is the point")]
fn functions_are_layers() {
    async fn layer(call: Call, next: Next) -> Result<Handled, Failure> {
        next.run(call).await
    }
    drop(Bus::empty().layer(layer));
}
