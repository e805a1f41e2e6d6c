//! A subscription that panics too often rests, loses nothing, and recovers by itself.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{
    Ailment, Bus, BusGuard, BusHandle, CloseError, CloseOutcome, CloseReport, OnTrip, Signal,
    inject, periodic, subscriber,
};
use tokio::time::{Instant, advance, sleep, timeout};

use crate::ledger::assert_adds_up;

/// A handler that may be broken, and how often it was called.
#[derive(Debug, Default)]
struct Machine {
    broken: AtomicBool,
    calls: AtomicU32,
    times: Mutex<Vec<Instant>>,
}

impl Machine {
    fn new() -> Arc<Self> {
        let machine = Self::default();
        machine.set_broken(true);
        Arc::new(machine)
    }

    fn set_broken(&self, broken: bool) {
        self.broken.store(broken, Ordering::Relaxed);
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    fn run(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.times.lock().unwrap().push(Instant::now());
        assert!(!self.broken.load(Ordering::Relaxed), "it is broken");
    }
}

mod machines {
    use super::*;

    #[subscriber("trips.serial", capacity = 8)]
    pub(super) async fn serial(_number: u32, #[inject] machine: &Machine) {
        machine.run();
    }

    #[subscriber("trips.concurrent", concurrency = 2)]
    pub(super) async fn concurrent(_number: u32, #[inject] machine: &Machine) {
        machine.run();
    }

    #[subscriber(
        "trips.retried",
        concurrency = 2,
        retry(attempts = 100, base = "1s", factor = 1, jitter = none, budget = "1h", panics)
    )]
    pub(super) async fn retried(_number: u32, #[inject] machine: &Machine) {
        machine.run();
    }

    #[subscriber("trips.other")]
    pub(super) async fn other(_number: u32) {}
}

mod driven {
    use super::*;

    #[subscriber("trips.driven")]
    pub(super) async fn driven(_number: u32, #[inject] machine: &Machine) {
        machine.run();
    }

    #[subscriber("trips.driven")]
    pub(super) async fn beside(_number: u32) {}
}

mod vital {
    use super::*;

    #[subscriber("trips.vital", on_trip = close_bus)]
    pub(super) async fn vital(_number: u32, #[inject] machine: &Machine) {
        machine.run();
    }

    #[subscriber("trips.vital", concurrency = 2, on_trip = "rest")]
    pub(super) async fn resting(_number: u32, #[inject] machine: &Machine) {
        machine.run();
    }

    #[subscriber("trips.vital")]
    pub(super) async fn other(_number: u32) {
        sleep(Duration::from_secs(1)).await;
    }

    #[periodic("1s", on_trip = "close_bus")]
    pub(super) async fn clock(#[inject] machine: &Machine) {
        machine.run();
    }
}

mod clocks {
    use super::*;

    #[periodic("1s", fixed_rate)]
    pub(super) async fn often(#[inject] machine: &Machine) {
        machine.run();
    }

    #[periodic("3s")]
    pub(super) async fn seldom(#[inject] machine: &Machine) {
        machine.run();
    }

    #[periodic("1h", after = "1h")]
    pub(super) async fn asked_for(#[inject] machine: &Machine) {
        machine.run();
    }
}

async fn start(machine: &Arc<Machine>) -> anyhow::Result<BusGuard> {
    let bus = Bus::new().within(concat!(module_path!(), "::machines"));
    let bus = bus.on_error(|_, _| {}).provide_arc(Arc::clone(machine));
    Ok(bus.start().await?)
}

fn tripped(bus: &BusGuard) -> Vec<&'static str> {
    let stats = bus.stats();
    let tripped = stats.subscriptions.iter().filter(|one| one.tripped);
    tripped.map(|one| one.site.function).collect()
}

/// Publishes until one more panic than is allowed has happened.
async fn trip(bus: &BusGuard, topic: &str) -> anyhow::Result<()> {
    for number in 0..6_u32 {
        assert!(tripped(bus).is_empty(), "{number}");
        bus.publish(topic, number).await?;
        bus.settled().await;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_panics_too_often_rests_and_publishers_wait() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = start(&machine).await?;
    trip(&bus, "trips.serial").await?;
    assert_eq!(tripped(&bus), ["serial"]);
    // Without a step of the clock there is no probe.
    for number in 0..8_u32 {
        bus.try_publish("trips.serial", number)?;
        bus.publish("trips.other", number).await?;
        tokio::task::yield_now().await;
    }
    assert!(
        bus.try_publish("trips.serial", 8_u32).is_err(),
        "it is full"
    );
    assert_eq!(machine.calls(), 6);

    machine.set_broken(false);
    timeout(Duration::from_secs(2), bus.publish("trips.serial", 9_u32)).await??;
    bus.settled().await;
    assert!(tripped(&bus).is_empty(), "it has recovered");
    assert_eq!(machine.calls(), 6 + 9);
    let stats = bus.close().await?.stats;
    assert_adds_up(&stats);
    assert_eq!((stats.total.dead, stats.total.done), (6, 9 + 8));
    Ok(())
}

/// However often, as soon as a signal that is tried goes well.
#[tokio::test(start_paused = true)]
async fn who_tripped_recovers_each_time_and_nothing_is_lost() -> anyhow::Result<()> {
    const TRIPS: u32 = 20;
    let machine = Machine::new();
    let bus = start(&machine).await?;
    let mut recovered = Vec::new();
    for _ in 0..TRIPS {
        machine.set_broken(true);
        trip(&bus, "trips.serial").await?;
        assert_eq!(tripped(&bus), ["serial"]);
        machine.set_broken(false);
        let begun = Instant::now();
        bus.publish("trips.serial", 7_u32).await?;
        bus.settled().await;
        recovered.push(begun.elapsed());
        assert!(tripped(&bus).is_empty(), "it has recovered");
        // What is counted against it is forgotten by then.
        sleep(Duration::from_secs(60)).await;
    }
    let total = bus.close().await?.stats.total;
    recovered.sort_unstable();
    println!(
        "{TRIPS} trips: recovered after {:?} to {:?} of paused time, {total}",
        recovered[0],
        recovered[recovered.len() - 1]
    );
    assert_eq!((total.dead, total.done), (120, u64::from(TRIPS)));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_trips_takes_nothing_of_what_waits_already() -> anyhow::Result<()> {
    for topic in ["trips.serial", "trips.concurrent"] {
        let machine = Machine::new();
        let bus = start(&machine).await?;
        for number in 0..8_u32 {
            bus.try_publish(topic, number)?;
        }
        // Handlers run, and the clock does not.
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let calls = machine.calls();
        assert!((6..8).contains(&calls), "{topic}: {calls}");
        assert_eq!(bus.stats().total.outstanding, u64::from(8 - calls));
        machine.set_broken(false);
        bus.settled().await;
        assert_eq!(machine.calls(), 8);
        assert_adds_up(&bus.close().await?.stats);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_is_driven_with_others_rests_by_itself() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = Bus::new()
        .within(concat!(module_path!(), "::driven"))
        .provide_arc(Arc::clone(&machine))
        .start()
        .await?;
    // So quick for so long that it goes back to the others as soon as it can.
    machine.set_broken(false);
    for number in 0..100_u32 {
        bus.publish("trips.driven", number).await?;
        bus.settled().await;
    }
    machine.set_broken(true);
    trip(&bus, "trips.driven").await?;
    bus.settled().await;
    assert_eq!(tripped(&bus), ["driven"]);
    bus.publish("trips.driven", 0_u32).await?;
    // Handlers run, and the clock does not.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(machine.calls(), 106, "it rests");
    machine.set_broken(false);
    bus.settled().await;
    assert_eq!(machine.calls(), 107);
    assert_adds_up(&bus.close().await?.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_probe_takes_one_signal_and_the_rests_become_longer() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = start(&machine).await?;
    trip(&bus, "trips.serial").await?;
    for number in 0..8_u32 {
        bus.publish("trips.serial", number).await?;
    }
    let tripped_at = Instant::now();
    bus.settled().await;
    assert_eq!(tripped(&bus), ["serial"], "none of them has helped");
    let probes = machine.times.lock().unwrap().split_off(6);
    let begins = std::iter::once(&tripped_at).chain(&probes);
    for (tried, (begun, probe)) in begins.zip(&probes).enumerate() {
        let longest = Duration::from_secs(60.min(1 << tried));
        // The clock's own steps are milliseconds.
        assert!(probe.duration_since(*begun) <= longest + Duration::from_millis(2));
    }
    // One by one: a rest of no time at all is as good as impossible twice.
    let last = probes[probes.len() - 1].duration_since(tripped_at);
    println!("{} probes, the last one after {last:?}", probes.len());
    let mut moments = probes.clone();
    moments.dedup();
    assert!((7..=8).contains(&moments.len()), "{probes:?}");
    assert_eq!(bus.close().await?.stats.total.dead, 14);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_to_be_tried_again_rests_as_well() -> anyhow::Result<()> {
    // With others behind it, and without.
    for signals in [6_u32, 20] {
        let machine = Machine::new();
        let bus = start(&machine).await?;
        for number in 0..signals {
            bus.publish("trips.retried", number).await?;
        }
        sleep(Duration::from_secs(600)).await;
        assert_eq!(tripped(&bus), ["retried"]);
        let calls = machine.calls();
        assert!((8..100).contains(&calls), "{calls} calls in ten minutes");
        machine.set_broken(false);
        timeout(Duration::from_secs(61), bus.settled()).await?;
        assert!(tripped(&bus).is_empty());
        let stats = bus.close().await?.stats;
        assert_eq!(stats.total.done, u64::from(signals));
        assert_adds_up(&stats);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_close_tries_again_at_once_what_rests() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = start(&machine).await?;
    for number in 0..6_u32 {
        bus.publish("trips.retried", number).await?;
    }
    sleep(Duration::from_secs(600)).await;
    let (begun, calls) = (Instant::now(), machine.calls());
    machine.set_broken(false);
    assert_adds_up(&bus.close().await?.stats);
    assert_eq!(machine.calls(), calls + 6);
    assert!(
        begun.elapsed() <= Duration::from_secs(1),
        "their usual wait"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn panics_far_from_each_other_trip_nobody() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = start(&machine).await?;
    for number in 0..20_u32 {
        bus.publish("trips.serial", number).await?;
        bus.settled().await;
        advance(Duration::from_millis(2100)).await;
        assert!(tripped(&bus).is_empty());
    }
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn concurrent_handlers_rest_together() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = start(&machine).await?;
    trip(&bus, "trips.concurrent").await?;
    assert_eq!(tripped(&bus), ["concurrent"]);
    machine.set_broken(false);
    for number in 0..10_u32 {
        bus.publish("trips.concurrent", number).await?;
        tokio::task::yield_now().await;
    }
    assert_eq!(machine.calls(), 6);
    bus.settled().await;
    assert_eq!(machine.calls(), 16);
    assert!(tripped(&bus).is_empty());
    assert_adds_up(&bus.close().await?.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_close_does_not_wait_for_a_rest() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = start(&machine).await?;
    trip(&bus, "trips.serial").await?;
    for number in 0..5_u32 {
        bus.publish("trips.serial", number).await?;
        tokio::task::yield_now().await;
    }
    let begun = Instant::now();
    let report = bus.close().await?;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(report.outcome, CloseOutcome::Drained);
    assert_eq!((machine.calls(), report.stats.total.dead), (11, 11));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_is_closed_does_not_rest() -> anyhow::Result<()> {
    let bus = Bus::empty()
        .on_error(|_, _| {})
        .panic_limit(0, Duration::from_secs(1));
    let bus = bus.start().await?;
    let break_down = |_: Signal<u32>| -> () { panic!("it is broken") };
    let listener = bus.listen("trips.listened", break_down)?;
    for number in 0..5_u32 {
        bus.publish("trips.listened", number).await?;
        tokio::task::yield_now().await;
    }
    assert_eq!(bus.stats().total.dead, 1);
    let begun = Instant::now();
    listener.close().await?;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert_eq!(bus.close().await?.stats.total.dead, 5);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_never_reached_trips_nobody() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = Bus::empty().with::<machines::serial>().on_error(|_, _| {});
    let bus = bus.panic_limit(usize::MAX, Duration::ZERO);
    let bus = bus.provide_arc(Arc::clone(&machine)).start().await?;
    let begun = Instant::now();
    for number in 0..100_u32 {
        bus.publish("trips.serial", number).await?;
    }
    bus.settled().await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    bus.close().await?;
    Ok(())
}

fn clock(machine: &Arc<Machine>) -> Bus {
    let bus = Bus::empty().on_error(|_, _| {});
    bus.provide_arc(Arc::clone(machine))
}

#[tokio::test(start_paused = true)]
async fn a_periodic_function_that_panics_too_often_rests_and_recovers() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = clock(&machine).with::<clocks::often>().start().await?;
    let often = bus.periodic("often");
    sleep(Duration::from_millis(4500)).await;
    assert!(!often.is_tripped() && bus.health().is_healthy());
    sleep(Duration::from_secs(1)).await;
    assert!(often.is_tripped(), "the sixth within ten seconds");
    let health = bus.health();
    assert_eq!(health.symptoms.len(), 1, "{health}");
    assert_eq!(health.symptoms[0].ailment, Ailment::Tripped);
    let text = health.to_string();
    assert!(
        text.contains("clocks::often (") && text.ends_with(") rests: it has panicked too often")
    );

    sleep(Duration::from_secs(600)).await;
    assert!(often.is_tripped(), "no run has helped");
    let times = machine.times.lock().unwrap().split_off(5);
    assert!(times.len() < 300, "{} runs in ten minutes", times.len());
    for (tried, gap) in times.windows(2).enumerate() {
        // Whatever the rest is, the next run is due a second later.
        let longest = Duration::from_secs(60.min(1 << tried.min(6)));
        assert!(
            gap[1] - gap[0] <= longest + Duration::from_millis(2),
            "{tried}"
        );
    }
    let waits = times.windows(2).map(|gap| gap[1] - gap[0]);
    assert!(waits.max() > Some(Duration::from_secs(2)), "{times:?}");

    machine.set_broken(false);
    sleep(Duration::from_secs(61)).await;
    assert!(!often.is_tripped() && bus.health().is_healthy());
    let calls = machine.calls();
    sleep(Duration::from_secs(10)).await;
    assert_eq!(machine.calls(), calls + 10, "each second as before");
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn runs_that_panic_far_from_each_other_trip_nobody() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = clock(&machine).with::<clocks::seldom>().start().await?;
    sleep(Duration::from_secs(61)).await;
    assert_eq!(machine.calls(), 21);
    assert!(!bus.periodic("seldom").is_tripped());
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_run_that_is_asked_for_does_not_wait_for_the_rest() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = clock(&machine).with::<clocks::asked_for>();
    let bus = bus.panic_limit(0, Duration::from_secs(1)).start().await?;
    let asked_for = bus.periodic("asked_for");
    for calls in 1..=3 {
        asked_for.trigger();
        bus.settled().await;
        assert_eq!(machine.calls(), calls);
        assert!(asked_for.is_tripped());
    }
    machine.set_broken(false);
    let begun = Instant::now();
    asked_for.trigger();
    bus.settled().await;
    assert!(!asked_for.is_tripped(), "it was as good as any other run");
    assert_eq!(begun.elapsed(), Duration::ZERO);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_close_does_not_wait_for_a_periodic_function_that_rests() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = clock(&machine).with::<clocks::often>();
    let bus = bus.panic_limit(0, Duration::from_secs(1)).start().await?;
    sleep(Duration::from_secs(100)).await;
    let often = bus.periodic("often");
    assert!(often.is_tripped());
    let rest = often.next_run().expect("it will be tried again");
    assert!(rest <= Duration::from_secs(61));
    let (begun, calls) = (Instant::now(), machine.calls());
    bus.close().await?;
    assert_eq!((begun.elapsed(), machine.calls()), (Duration::ZERO, calls));
    Ok(())
}

/// The report of a bus that panics have closed, and the name of the function whose panics those were.
fn closed_by(error: &anyhow::Error) -> (&CloseReport, &'static str) {
    let Some(CloseError::Tripped(report)) = error.downcast_ref() else {
        panic!("{error:?}");
    };
    let site = report.closed_by.expect("it is named");
    let text = error.to_string();
    let named = format!("drained because {site} has panicked too often, after ");
    assert!(text.contains(&named), "{text}");
    (report, site.function)
}

async fn publish_until_closed(bus: BusHandle) {
    for number in 0..10_u32 {
        if bus.publish("trips.vital", number).await.is_err() {
            break;
        }
    }
    std::future::pending::<()>().await;
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_trips_closes_the_bus_where_that_is_said() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = clock(&machine)
        .with::<vital::vital>()
        .with::<vital::other>();
    let error = bus.run_with(publish_until_closed).await.unwrap_err();
    let (report, function) = closed_by(&error);
    assert_eq!(function, "vital");
    // What has waited is handled, also by the one that has tripped; each signal is tried at once.
    let total = report.stats.total;
    assert_eq!((total.accepted, total.dead, total.done), (20, 10, 10));
    assert_eq!(machine.calls(), 10);
    assert_adds_up(&report.stats);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_bus_says_what_happens_to_those_who_do_not() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = clock(&machine).on_trip(OnTrip::CloseBus);
    // What is set in one of two descriptions holds in both.
    let bus = Bus::empty().connect(bus.with::<vital::resting>());
    let resting = bus.start().await?;
    for number in 0..10_u32 {
        resting.publish("trips.vital", number).await?;
    }
    resting.settled().await;
    assert_eq!(resting.close().await?.closed_by, None, "it says so itself");

    let machine = Machine::new();
    let serial = clock(&machine).with::<machines::serial>();
    let serial = serial.on_trip(OnTrip::CloseBus).start().await?;
    for number in 0..6_u32 {
        serial.publish("trips.serial", number).await?;
    }
    serial.closing().await;
    let error = serial.close().await.unwrap_err().into();
    assert_eq!(closed_by(&error).1, "serial");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_listener_and_a_periodic_function_may_close_the_bus_as_well() -> anyhow::Result<()> {
    let bus = Bus::empty().on_error(|_, _| {});
    let bus = bus.panic_limit(0, Duration::ZERO).start().await?;
    let listener = bus.subscription::<u32>("trips.heard");
    let listener = listener.on_trip(OnTrip::CloseBus);
    let listener = listener.listen(|_: Signal<u32>| -> () { panic!("it is broken") })?;
    bus.publish("trips.heard", 1_u32).await?;
    bus.closing().await;
    let error = bus.close().await.unwrap_err().into();
    assert_eq!(closed_by(&error).1, "listen");
    drop(listener);

    let machine = Machine::new();
    let begun = Instant::now();
    let error = clock(&machine).with::<vital::clock>().serve().await;
    assert_eq!(closed_by(&error.unwrap_err()).1, "clock");
    assert_eq!((begun.elapsed().as_secs(), machine.calls()), (5, 6));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn panics_in_a_bus_that_closes_have_not_closed_it() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = clock(&machine).with::<vital::vital>().start().await?;
    for number in 0..10_u32 {
        bus.try_publish("trips.vital", number)?;
    }
    let report = bus.close().await?;
    assert_eq!((machine.calls(), report.closed_by), (10, None));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_passes_does_not_hide_who_has_closed_the_bus() -> anyhow::Result<()> {
    let machine = Machine::new();
    let bus = clock(&machine)
        .with::<vital::vital>()
        .with::<vital::other>();
    let bus = bus.close_timeout(Duration::from_secs(3));
    let error = bus.run_with(publish_until_closed).await.unwrap_err();
    let Some(CloseError::Deadline(report)) = error.downcast_ref() else {
        panic!("{error:?}");
    };
    assert_eq!(report.closed_by.map(|site| site.function), Some("vital"));
    assert!(error.to_string().contains("::vital::vital ("), "{error}");
    Ok(())
}
