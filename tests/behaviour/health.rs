//! What takes long is measured, seen from outside, and warned of once.

use std::sync::Arc;
use std::time::Duration;

use signal_bus::{Ailment, Bus, BusHandle, Phase, Signal, Topic, inject, periodic, subscriber};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use crate::warnings::Warnings;

const LIMIT: Duration = Duration::from_secs(10);

/// Lets handlers go on, one for each permit.
#[derive(Debug)]
struct Gate(Semaphore);

impl Gate {
    async fn pass(&self) {
        self.0.acquire().await.unwrap().forget();
    }
}

mod slow {
    use super::*;

    #[subscriber("health.serial", capacity = 4)]
    pub(super) async fn serial(_number: u32, #[inject] gate: &Gate) {
        gate.pass().await;
    }

    #[subscriber("health.concurrent", concurrency = 2)]
    pub(super) async fn concurrent(number: u32, #[inject] gate: &Gate) {
        match number {
            0 => gate.pass().await,
            _ => sleep(Duration::from_secs(1)).await,
        }
    }

    #[subscriber("health.shared", capacity = 8)]
    pub(super) async fn fast(_number: u32) {}

    #[subscriber("health.shared", capacity = 8)]
    pub(super) async fn slow(_number: u32, #[inject] gate: &Gate) {
        gate.pass().await;
    }

    #[subscriber("health.retried", retry(attempts = 2, base = "60s", jitter = none))]
    pub(super) async fn retried(_number: u32) -> anyhow::Result<()> {
        anyhow::bail!("not yet")
    }

    #[subscriber("health.panics")]
    pub(super) async fn panics(_number: u32) {
        panic!("always");
    }
}

mod clocks {
    use super::*;

    #[periodic("1s")]
    pub(super) async fn hangs(#[inject] gate: &Gate) {
        gate.pass().await;
    }
}

fn bus() -> (Bus, Arc<Gate>) {
    let gate = Arc::new(Gate(Semaphore::new(0)));
    let bus = Bus::new().within(concat!(module_path!(), "::slow"));
    let bus = bus.on_error(|_, _| {}).provide_arc(Arc::clone(&gate));
    (bus.stall_after(LIMIT), gate)
}

/// What is wrong, with the names of the functions.
fn symptoms(bus: &BusHandle) -> Vec<(&'static str, Ailment)> {
    let symptoms = bus.health().symptoms.into_iter();
    symptoms
        .map(|one| (one.site.function, one.ailment))
        .collect()
}

fn report(bus: &BusHandle, function: &str) -> signal_bus::SubscriptionReport {
    let subscriptions = bus.stats().subscriptions;
    let mut named = subscriptions
        .into_iter()
        .filter(|one| one.site.function == function);
    named.next().expect("it is there")
}

#[tokio::test(start_paused = true)]
async fn stats_tell_what_waits_from_what_runs() -> anyhow::Result<()> {
    let (bus, gate) = bus();
    let bus = bus.start().await?;
    for number in 0..3_u32 {
        bus.publish("health.serial", number).await?;
    }
    sleep(Duration::from_millis(1)).await;
    let one = report(&bus, "serial");
    assert_eq!((one.waiting, one.running, one.tally.outstanding), (2, 1, 3));
    gate.0.add_permits(3);
    bus.settled().await;
    let one = report(&bus, "serial");
    assert_eq!((one.waiting, one.running, one.tally.done), (0, 0, 3));
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_time_that_handlers_take_is_measured() -> anyhow::Result<()> {
    static TIMES: Topic<u64> = Topic::new("health.times");
    let bus = Bus::empty().start().await?;
    let listener = bus.listen(TIMES, async |millis: Signal<u64>| {
        sleep(Duration::from_millis(*millis)).await;
    })?;
    let unread = bus.subscribe(TIMES)?;
    for millis in std::iter::repeat_n(10, 98).chain([400, 2000]) {
        bus.publish(TIMES, millis).await?;
    }
    drop(unread);
    bus.settled().await;
    let latency = report(&bus, "listen").latency.expect("it has handled some");
    assert_eq!(latency.count(), 100);
    assert_eq!(latency.max(), Duration::from_secs(2));
    assert!((10..13).contains(&latency.p50().as_millis()), "{latency}");
    assert!((400..500).contains(&latency.p99().as_millis()), "{latency}");
    assert!(
        latency.quantile(0.97) < Duration::from_millis(13),
        "{latency}"
    );

    let report = bus.close().await?;
    let latency = report.stats.subscriptions[0].latency.as_ref();
    assert!(
        latency.is_some_and(|latency| latency.count() == 100),
        "the last word, too"
    );
    drop(listener);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_measured_where_nothing_was_handled() -> anyhow::Result<()> {
    let (bus, _) = bus();
    let bus = bus.start().await?;
    let mut read = bus.subscribe::<u32>("health.read")?;
    bus.publish("health.read", 1_u32).await?;
    assert!(read.recv().await.is_some());
    let subscriptions = bus.stats().subscriptions;
    assert!(subscriptions.iter().all(|one| one.latency.is_none()));
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_never_waits_is_counted_by_runs() -> anyhow::Result<()> {
    let (bus, _gate) = bus();
    let bus = bus.start().await?;
    let serial = bus.listen("health.quick", |_: Signal<u32>| {})?;
    for number in 0..100_u32 {
        bus.publish("health.quick", number).await?;
    }
    bus.settled().await;
    let latency = report(&bus, "listen").latency.expect("the first is timed");
    assert_eq!(latency.count(), 97, "the last eighth may wait for the next");
    serial.close().await?;
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_seen_and_warned_of_once() -> anyhow::Result<()> {
    let (warnings, _hears) = Warnings::hear();
    let (bus, gate) = bus();
    let bus = bus.start().await?;
    warnings.take();
    bus.publish("health.serial", 0_u32).await?;
    sleep(LIMIT).await;
    assert!(bus.health().is_healthy(), "not yet");
    sleep(LIMIT).await;
    let found = symptoms(&bus);
    let [("serial", Ailment::Stalled { running_for })] = found[..] else {
        panic!("{found:?}");
    };
    assert!(
        LIMIT <= running_for && running_for <= 2 * LIMIT,
        "{running_for:?}"
    );
    assert!(
        report(&bus, "serial")
            .stalled_for
            .is_some_and(|stalled_for| LIMIT <= stalled_for)
    );
    let said = warnings.take();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("slow::serial (") && said[0].contains("health.rs:"),
        "{said:?}"
    );
    sleep(5 * LIMIT).await;
    assert_eq!(warnings.take(), [""; 0], "once is enough");

    gate.0.add_permits(1);
    bus.settled().await;
    assert!(bus.health().is_healthy(), "it is over");
    bus.publish("health.serial", 1_u32).await?;
    sleep(2 * LIMIT).await;
    assert_eq!(warnings.take().len(), 1, "another stall");
    gate.0.add_permits(1);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn signals_that_each_take_their_time_are_no_stall() -> anyhow::Result<()> {
    let (warnings, _hears) = Warnings::hear();
    let (bus, gate) = bus();
    let bus = bus.start().await?;
    warnings.take();
    for number in 0..4_u32 {
        bus.publish("health.serial", number).await?;
    }
    for _ in 0..4 {
        sleep(LIMIT / 2).await;
        assert!(bus.health().is_healthy(), "{}", bus.health());
        gate.0.add_permits(1);
    }
    bus.close().await?;
    assert_eq!(warnings.take(), [""; 0]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn one_of_several_handlers_that_hangs_is_found() -> anyhow::Result<()> {
    let (bus, gate) = bus();
    let bus = bus.start().await?;
    for number in 0..20_u32 {
        bus.publish("health.concurrent", number).await?;
    }
    sleep(Duration::from_secs(15)).await;
    let found = symptoms(&bus);
    assert!(
        matches!(found[..], [("concurrent", Ailment::Stalled { .. })]),
        "{found:?}"
    );
    gate.0.add_permits(1);
    bus.settled().await;
    assert!(bus.health().is_healthy());
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_wait_between_two_attempts_is_no_stall() -> anyhow::Result<()> {
    let (bus, _gate) = bus();
    let bus = bus.start().await?;
    bus.publish("health.retried", 0_u32).await?;
    sleep(3 * LIMIT).await;
    assert!(bus.health().is_healthy(), "{}", bus.health());
    bus.settled().await;
    let latency = report(&bus, "retried").latency.expect("it was called");
    assert!(latency.max() < Duration::from_secs(1), "{latency}");
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_publisher_that_waits_for_long_names_whom_it_waits_for() -> anyhow::Result<()> {
    let (warnings, _hears) = Warnings::hear();
    let bus = Bus::empty().stall_after(LIMIT).start().await?;
    let mut reader = bus
        .subscription::<u32>("health.*.read")
        .capacity(1)
        .subscribe()?;
    bus.publish("health.not.read", 0_u32).await?;
    let handle = bus.handle();
    let waits = tokio::spawn(async move { handle.publish("health.not.read", 1_u32).await });
    sleep(LIMIT / 2).await;
    assert!(bus.health().is_healthy(), "publishers may wait for a while");
    assert_eq!(report(&bus, "subscribe").blocks_for, Some(LIMIT / 2));
    sleep(LIMIT).await;
    let health = bus.health();
    let [symptom] = &health.symptoms[..] else {
        panic!("{health}");
    };
    let Ailment::Full { topic, waited } = &symptom.ailment else {
        panic!("{health}");
    };
    assert_eq!((&**topic, *waited), ("health.not.read", LIMIT * 3 / 2));
    assert_eq!(&*symptom.topics[0], "health.*.read");
    let text = health.to_string();
    let ending = "on `health.*.read` is full: a publish on `health.not.read` has waited for 15.0s";
    assert!(
        text.starts_with("running, 1 symptom\n  subscribe (") && text.ends_with(ending),
        "{text}"
    );
    sleep(5 * LIMIT).await;
    let said = warnings.take();
    assert_eq!(said.len(), 1, "once: {said:?}");
    assert!(
        said[0].contains("`health.not.read`") && said[0].contains("health.rs:"),
        "{said:?}"
    );

    assert!(reader.recv().await.is_some());
    waits.await??;
    assert!(bus.health().is_healthy());
    assert!(reader.recv().await.is_some());
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn of_those_who_share_signals_the_slow_one_is_named() -> anyhow::Result<()> {
    let (bus, gate) = bus();
    let bus = bus.start().await?;
    for number in 0..8_u32 {
        bus.publish("health.shared", number).await?;
    }
    let ninth = timeout(2 * LIMIT, bus.publish("health.shared", 8_u32));
    let asks = async {
        sleep(LIMIT * 3 / 2).await;
        symptoms(&bus)
    };
    let (_, found) = tokio::join!(ninth, asks);
    let full = found
        .iter()
        .filter(|(_, ailment)| matches!(ailment, Ailment::Full { .. }));
    let full: Vec<_> = full.map(|(function, _)| *function).collect();
    assert_eq!(full, ["slow"], "{found:?}");
    gate.0.add_permits(9);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn health_tells_who_rests_and_where_the_bus_stands() -> anyhow::Result<()> {
    let (bus, gate) = bus();
    let bus = bus.panic_limit(0, LIMIT).start().await?;
    bus.publish("health.panics", 0_u32).await?;
    bus.settled().await;
    assert_eq!(symptoms(&bus), [("panics", Ailment::Tripped)]);
    assert_eq!(bus.health().phase, Phase::Running);
    bus.publish("health.serial", 0_u32).await?;
    let handle = bus.handle();
    let closes = bus.handle();
    let close = tokio::spawn(async move { closes.close().await });
    sleep(Duration::from_millis(1)).await;
    assert_eq!(handle.health().phase, Phase::Closing);
    gate.0.add_permits(1);
    close.await??;
    assert_eq!(handle.health().phase, Phase::Closed);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_periodic_run_that_does_not_end_is_a_stall() -> anyhow::Result<()> {
    let (warnings, _hears) = Warnings::hear();
    let gate = Arc::new(Gate(Semaphore::new(1)));
    let bus = Bus::empty().with::<clocks::hangs>().stall_after(LIMIT);
    let bus = bus.provide_arc(Arc::clone(&gate)).start().await?;
    // One run is let through, and the next one begins a second later.
    sleep(LIMIT).await;
    assert!(bus.health().is_healthy(), "not yet");
    sleep(LIMIT).await;
    let found = symptoms(&bus);
    let [("hangs", Ailment::Stalled { running_for })] = found[..] else {
        panic!("{found:?}");
    };
    assert!(LIMIT <= running_for && running_for < 2 * LIMIT);
    let text = bus.health().to_string();
    assert!(
        text.contains(") stalls: it has been running for "),
        "{text}"
    );
    sleep(5 * LIMIT).await;
    let said = warnings.take();
    assert_eq!(said.len(), 1, "once is enough: {said:?}");
    assert!(
        said[0].contains("clocks::hangs (") && said[0].contains("health.rs:"),
        "{said:?}"
    );
    gate.0.add_permits(1);
    sleep(Duration::from_millis(1)).await;
    assert!(bus.health().is_healthy(), "it is over");
    gate.0.add_permits(1);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_periodic_function_that_rests_is_warned_of_once() -> anyhow::Result<()> {
    let (warnings, _hears) = Warnings::hear();
    let bus = Bus::empty().with::<panicking::always>().on_error(|_, _| {});
    let bus = bus.start().await?;
    sleep(Duration::from_secs(300)).await;
    let said = warnings.take();
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("panicking::always (")
            && said[0].contains("has panicked more than 5 times"),
        "{said:?}"
    );
    bus.close().await?;
    Ok(())
}

mod panicking {
    use super::*;

    #[periodic("100ms")]
    pub(super) async fn always() {
        panic!("always");
    }
}
