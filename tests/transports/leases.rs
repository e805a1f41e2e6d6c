//! Periodic functions that run once in a cluster, over a network in memory.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use signal_bus::{
    Ailment, Bus, BusGuard, LeaseState, PeriodicHandle, inject, periodic,
    testing::TestBus,
    transport::{
        Connection, Deliveries, Features, Holding, Interest, Lease, LeaseRequest, LoopbackNetwork,
        Message, Transport, TransportError, TransportFault, TransportFuture,
    },
};
use tokio::time::{Instant, sleep};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
/// How long it takes at most until another takes over.
const TAKEOVER: Duration = Duration::from_secs(15);

/// Who has run, and when.
#[derive(Debug)]
struct Ran {
    begun: Instant,
    all: Mutex<Vec<(char, Duration)>>,
}

impl Ran {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            all: Mutex::default(),
        })
    }

    fn note(&self, who: char) {
        let after = self.begun.elapsed();
        self.all.lock().unwrap().push((who, after));
    }

    fn all(&self) -> Vec<(char, Duration)> {
        self.all.lock().unwrap().clone()
    }

    /// Who has run, and after how many whole seconds.
    fn seconds(&self) -> Vec<(char, u64)> {
        let all = self.all().into_iter();
        all.map(|(who, after)| (who, after.as_secs())).collect()
    }
}

/// What a bus is called in the tests.
#[derive(Debug)]
struct Name(char);

#[periodic(60, once_in = "cluster")]
async fn report(#[inject] ran: &Ran, #[inject] name: &Name) {
    ran.note(name.0);
}

#[periodic("1s", fixed_rate, once_in = "cluster")]
async fn poll(#[inject] ran: &Ran, #[inject] name: &Name) {
    ran.note(name.0);
}

#[periodic("1m", missed = burst, once_in = "cluster")]
async fn bill(#[inject] ran: &Ran, #[inject] name: &Name) {
    ran.note(name.0);
}

#[periodic("24h", once_in = "cluster")]
async fn daily(#[inject] ran: &Ran, #[inject] name: &Name) {
    ran.note(name.0);
}

#[periodic("60s", once_in = "cluster")]
async fn long(#[inject] ran: &Ran, #[inject] name: &Name) {
    ran.note(name.0);
    sleep(Duration::from_secs(100)).await;
    ran.note(name.0.to_ascii_uppercase());
}

#[periodic(cron = "* * * * *", once_in = "cluster")]
async fn minutely(#[inject] ran: &Ran, #[inject] name: &Name) {
    ran.note(name.0);
}

/// A bus named so, with the leases of a transport.
async fn started(
    bus: Bus,
    name: char,
    ran: &Arc<Ran>,
    transport: impl Transport,
) -> anyhow::Result<BusGuard> {
    let bus = bus.provide(Name(name)).provide_arc(Arc::clone(ran));
    Ok(bus.connect_to(transport, []).start().await?)
}

/// Waits until something is so, in steps that are short beside a lease.
async fn until(what: impl Fn() -> bool) {
    while !what() {
        sleep(Duration::from_millis(20)).await;
    }
}

fn lease(bus: &BusGuard) -> LeaseState {
    let one: PeriodicHandle = bus.periodics().next().expect("it has one");
    one.lease().expect("it runs once")
}

fn holds(bus: &BusGuard) -> bool {
    lease(bus) == LeaseState::Held
}

/// A line to a network, which a test can cut.
#[derive(Clone, Debug)]
struct Line {
    network: LoopbackNetwork,
    fault: Arc<Fault>,
}

#[derive(Default, Debug)]
struct Fault {
    /// Nothing is answered.
    cut: AtomicBool,
    /// What is asked for is done, and the answer is lost.
    deaf: AtomicBool,
    /// What is asked for is refused.
    refused: AtomicBool,
}

impl Line {
    fn to(network: &LoopbackNetwork) -> Self {
        Self {
            network: network.clone(),
            fault: Arc::default(),
        }
    }

    fn set(flag: &AtomicBool, to: bool) {
        flag.store(to, Ordering::SeqCst);
    }
}

impl Transport for Line {
    fn name(&self) -> String {
        "line".into()
    }

    fn connect<'a>(&'a self, patterns: &'a [String]) -> TransportFuture<'a, Arc<dyn Connection>> {
        Box::pin(async {
            let connection = LineConnection {
                inner: self.network.connect(patterns).await?,
                fault: Arc::clone(&self.fault),
            };
            Ok(Arc::new(connection) as Arc<dyn Connection>)
        })
    }
}

#[derive(Debug)]
struct LineConnection {
    inner: Arc<dyn Connection>,
    fault: Arc<Fault>,
}

impl Connection for LineConnection {
    fn features(&self) -> Features {
        self.inner.features()
    }

    fn publish<'a>(&'a self, message: &'a Message) -> TransportFuture<'a, ()> {
        self.inner.publish(message)
    }

    fn subscribe<'a>(&'a self, interest: &'a Interest) -> TransportFuture<'a, Deliveries> {
        self.inner.subscribe(interest)
    }

    fn drain(&self) -> TransportFuture<'_, ()> {
        self.inner.drain()
    }

    fn lease<'a>(&'a self, request: &'a LeaseRequest) -> TransportFuture<'a, Arc<dyn Lease>> {
        Box::pin(async {
            let inner = self.inner.lease(request).await?;
            let fault = Arc::clone(&self.fault);
            Ok(Arc::new(LineLease { inner, fault }) as Arc<dyn Lease>)
        })
    }
}

#[derive(Debug)]
struct LineLease {
    inner: Arc<dyn Lease>,
    fault: Arc<Fault>,
}

impl LineLease {
    async fn passes(&self) -> Result<(), TransportError> {
        if self.fault.cut.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        match self.fault.refused.load(Ordering::SeqCst) {
            true => Err(TransportError::new(TransportFault::Missing, "no bucket")),
            false => Ok(()),
        }
    }
}

impl Lease for LineLease {
    fn hold(&self, mark: Option<u64>) -> TransportFuture<'_, Holding> {
        Box::pin(async move {
            self.passes().await?;
            let held = self.inner.hold(mark).await;
            if mark.is_some() && self.fault.deaf.load(Ordering::SeqCst) {
                std::future::pending::<()>().await;
            }
            held
        })
    }

    fn released(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.inner.released()
    }

    fn release(&self) -> TransportFuture<'_, ()> {
        Box::pin(async {
            self.passes().await?;
            self.inner.release().await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn of_three_buses_one_runs_it_and_all_know_who() -> anyhow::Result<()> {
    let (network, ran) = (LoopbackNetwork::new(), Ran::new());
    let mut buses = Vec::new();
    for name in ['a', 'b', 'c'] {
        let bus = Bus::empty().with::<report>();
        buses.push(started(bus, name, &ran, network.clone()).await?);
    }
    sleep(MINUTE * 10 + MINUTE / 2).await;
    let expected: Vec<_> = (0..11).map(|minute| ('a', minute * 60)).collect();
    assert_eq!(ran.seconds(), expected);
    assert!(holds(&buses[0]));
    for other in &buses[1..] {
        match lease(other) {
            LeaseState::HeldBy { holder } => {
                let process = format!("{}-", std::process::id());
                assert!(holder.starts_with(&process), "{holder}");
            }
            other => panic!("{other:?}"),
        }
        assert!(other.health().is_healthy(), "{}", other.health());
        assert_eq!(other.periodic("report").next_run(), None);
    }
    for bus in buses.into_iter().rev() {
        bus.close().await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_closes_hands_over_at_once_and_the_interval_is_kept() -> anyhow::Result<()> {
    let (network, ran) = (LoopbackNetwork::new(), Ran::new());
    let bus = Bus::empty().with::<report>();
    let a = started(bus.clone(), 'a', &ran, network.clone()).await?;
    let b = started(bus.clone(), 'b', &ran, network.clone()).await?;
    sleep(MINUTE + MINUTE / 2).await;
    let closing = Instant::now();
    a.close().await?;
    until(|| holds(&b)).await;
    let taken = closing.elapsed();
    assert!(taken < Duration::from_millis(50), "{taken:?}");
    sleep(MINUTE * 2).await;
    assert_eq!(ran.seconds(), [('a', 0), ('a', 60), ('b', 120), ('b', 180)]);
    b.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_cut_off_runs_no_more_and_another_takes_over_in_time() -> anyhow::Result<()> {
    let (network, ran) = (LoopbackNetwork::new(), Ran::new());
    let line = Line::to(&network);
    let bus = Bus::empty().with::<report>();
    let a = started(bus.clone(), 'a', &ran, line.clone()).await?;
    let b = started(bus.clone(), 'b', &ran, network.clone()).await?;
    for round in 0..3 {
        sleep(MINUTE + Duration::from_millis(1700 * round)).await;
        assert!(holds(&a) && !holds(&b));
        Line::set(&line.fault.cut, true);
        let cut = Instant::now();
        until(|| holds(&b)).await;
        let taken = cut.elapsed();
        assert!(taken <= TAKEOVER, "{taken:?}");
        assert!(!holds(&a), "two have it");
        let health = a.health();
        let ailment = &health.symptoms[0].ailment;
        assert!(matches!(ailment, Ailment::NoLease { .. }), "{health}");
        // The other one gives it back: it does not want it any more.
        Line::set(&line.fault.cut, false);
        b.periodic("report").pause();
        until(|| holds(&a)).await;
        assert!(a.health().is_healthy(), "{}", a.health());
        b.periodic("report").resume();
    }
    let all = ran.all();
    let apart = all.windows(2).map(|two| two[1].1 - two[0].1);
    assert!(apart.clone().all(|apart| MINUTE <= apart), "{all:?}");
    a.close().await?;
    b.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn of_a_thousand_runs_none_is_made_twice_while_buses_come_go_and_are_cut_off()
-> anyhow::Result<()> {
    let (network, ran) = (LoopbackNetwork::new(), Ran::new());
    let bus = Bus::empty().with::<poll>();
    let mut buses = Vec::new();
    for name in ['a', 'b', 'c'] {
        let line = Line::to(&network);
        let bus = started(bus.clone(), name, &ran, line.clone()).await?;
        buses.push((name, line, bus));
    }
    let mut round = 0_u32;
    while ran.all().len() < 1000 {
        round += 1;
        assert!(round < 200, "too few runs: {}", ran.all().len());
        sleep(Duration::from_millis(13_700 + u64::from(round % 7) * 137)).await;
        let holder = buses.iter().position(|(_, _, bus)| holds(bus));
        let place = holder.unwrap_or(0);
        if round % 2 == 0 {
            let (name, line, gone) = buses.remove(place);
            gone.close().await?;
            let again = started(bus.clone(), name, &ran, line.clone()).await?;
            buses.push((name, line, again));
        } else {
            Line::set(&buses[place].1.fault.cut, true);
            until(|| buses.iter().filter(|(_, _, bus)| holds(bus)).count() == 0).await;
            until(|| buses.iter().any(|(_, _, bus)| holds(bus))).await;
            Line::set(&buses[place].1.fault.cut, false);
        }
        assert!(buses.iter().filter(|(_, _, bus)| holds(bus)).count() <= 1);
    }
    let all = ran.all();
    let names: std::collections::BTreeSet<_> = all.iter().map(|(name, _)| *name).collect();
    assert_eq!(names.len(), 3, "all have had their turn");
    // What is late by a moment is not waited for a second longer.
    let close = Duration::from_millis(990);
    for two in all.windows(2) {
        assert!(close <= two[1].1 - two[0].1, "{two:?}");
    }
    for (_, _, bus) in buses {
        bus.close().await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_daily_job_in_processes_that_live_for_an_hour_runs_every_day() -> anyhow::Result<()> {
    let (network, ran) = (LoopbackNetwork::new(), Ran::new());
    for _ in 0..100 {
        let bus = Bus::empty().with::<daily>();
        let bus = started(bus, 'a', &ran, network.clone()).await?;
        sleep(HOUR).await;
        bus.close().await?;
    }
    let hours: Vec<_> = ran
        .all()
        .iter()
        .map(|(_, at)| at.as_secs() / 3600)
        .collect();
    assert_eq!(hours, [0, 24, 48, 72, 96]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_came_due_while_nobody_was_there_runs_once_or_as_often_as_it_was_missed()
-> anyhow::Result<()> {
    for (bus, runs) in [
        (Bus::empty().with::<report>(), 1),
        (Bus::empty().with::<bill>(), 5),
    ] {
        let (network, ran) = (LoopbackNetwork::new(), Ran::new());
        let first = started(bus.clone(), 'a', &ran, network.clone()).await?;
        sleep(MINUTE / 2).await;
        first.close().await?;
        sleep(MINUTE * 5).await;
        let second = started(bus, 'b', &ran, network).await?;
        sleep(Duration::from_secs(1)).await;
        let late: Vec<_> = ran.seconds().split_off(1);
        assert_eq!(late, vec![('b', 330); runs]);
        second.close().await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_run_longer_than_the_lease_is_alone_also_while_its_bus_closes() -> anyhow::Result<()> {
    let (network, ran) = (LoopbackNetwork::new(), Ran::new());
    let bus = Bus::empty().with::<long>().close_timeout(MINUTE * 10);
    let a = started(bus.clone(), 'a', &ran, network.clone()).await?;
    let b = started(bus.clone(), 'b', &ran, network).await?;
    sleep(Duration::from_secs(170)).await;
    a.close().await?;
    sleep(Duration::from_secs(100)).await;
    assert_eq!(
        ran.seconds(),
        [('a', 0), ('A', 100), ('a', 160), ('A', 260), ('b', 320)]
    );
    b.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_time_of_day_has_one_run_also_where_it_is_handed_over_to_a_slow_clock()
-> anyhow::Result<()> {
    let (network, ran) = (LoopbackNetwork::new(), Ran::new());
    let bus = Bus::empty().with::<minutely>();
    let mut a = started(bus.clone(), 'a', &ran, network.clone()).await?;
    let mut b = started(bus.clone(), 'b', &ran, network.clone()).await?;
    for minute in 1..=20 {
        until(|| ran.all().len() == minute).await;
        a.close().await?;
        a = b;
        b = started(bus.clone(), 'c', &ran, network.clone()).await?;
    }
    let all = ran.all();
    // The clock of each bus begins with the system's, for which no time passes here.
    let least = Duration::from_secs(55);
    for two in all.windows(2) {
        assert!(least <= two[1].1 - two[0].1, "{two:?}");
    }
    a.close().await?;
    b.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_is_lost_is_made_again_and_no_run_is_left_out() -> anyhow::Result<()> {
    let (network, ran) = (LoopbackNetwork::new(), Ran::new());
    let line = Line::to(&network);
    let bus = started(Bus::empty().with::<daily>(), 'a', &ran, line.clone()).await?;
    sleep(HOUR).await;
    Line::set(&line.fault.deaf, true);
    sleep(HOUR * 24).await;
    assert_eq!(ran.all().len(), 1);
    Line::set(&line.fault.deaf, false);
    sleep(MINUTE).await;
    assert_eq!(ran.all().len(), 2);
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn without_the_server_nobody_runs_and_health_says_so() -> anyhow::Result<()> {
    let (network, ran) = (LoopbackNetwork::new(), Ran::new());
    let line = Line::to(&network);
    let bus = Bus::empty().with::<report>();
    let a = started(bus.clone(), 'a', &ran, line.clone()).await?;
    let b = started(bus.clone(), 'b', &ran, line.clone()).await?;
    sleep(MINUTE / 2).await;
    Line::set(&line.fault.refused, true);
    sleep(MINUTE * 10).await;
    assert_eq!(ran.seconds(), [('a', 0)]);
    for bus in [&a, &b] {
        let said = bus.health().to_string();
        assert!(
            said.contains("its lease cannot be had: no bucket"),
            "{said}"
        );
    }
    Line::set(&line.fault.refused, false);
    sleep(MINUTE / 2).await;
    assert_eq!(ran.all().len(), 2);
    assert!(a.health().is_healthy() && b.health().is_healthy());
    a.close().await?;
    b.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn where_it_is_paused_others_run_it_and_without_the_lease_nothing_is_triggered()
-> anyhow::Result<()> {
    let (network, ran) = (LoopbackNetwork::new(), Ran::new());
    let bus = Bus::empty().with::<report>();
    let a = started(bus.clone(), 'a', &ran, network.clone()).await?;
    let b = started(bus.clone(), 'b', &ran, network.clone()).await?;
    sleep(MINUTE / 2).await;
    b.periodic("report").trigger();
    b.settled().await;
    assert_eq!(ran.seconds(), [('a', 0)]);
    a.periodic("report").trigger();
    a.settled().await;
    assert_eq!(ran.seconds(), [('a', 0), ('a', 30)]);
    a.periodic("report").pause();
    until(|| holds(&b)).await;
    assert_eq!(lease(&a).to_string(), "has no lease: it is paused here");
    assert!(a.health().is_healthy());
    sleep(MINUTE).await;
    assert_eq!(ran.seconds()[2..], [('b', 90)]);
    a.periodic("report").resume();
    b.close().await?;
    sleep(MINUTE).await;
    assert_eq!(ran.seconds()[3..], [('a', 150)]);
    a.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn without_leases_a_start_is_refused_with_what_to_write() {
    let named = || Bus::empty().with::<report>().with::<poll>();
    let ran = Ran::new();
    let bus = named().provide(Name('a')).provide_arc(Arc::clone(&ran));
    let refused = bus.start().await.unwrap_err().to_string();
    assert_eq!(bus.check().unwrap_err().to_string(), refused);
    assert!(refused.contains("for 2 reasons"), "{refused}");
    assert!(refused.contains("`.connect_to(nats, [..])`"), "{refused}");
    let place = "leases::report (tests/transports/leases.rs:";
    assert!(refused.contains(place), "{refused}");
    let line = Line::to(&LoopbackNetwork::new());
    Line::set(&line.fault.refused, true);
    let refused = started(named(), 'a', &ran, line).await.unwrap_err();
    let refused = refused.to_string();
    assert!(
        refused.contains("line gives no lease: no bucket"),
        "{refused}"
    );
    assert!(refused.contains("runs once in `cluster`"), "{refused}");
    let modest = crate::fake::Fake::default().without_leases();
    let refused = started(named(), 'a', &ran, modest).await.unwrap_err();
    let refused = refused.to_string();
    assert!(refused.contains("and fake has none"), "{refused}");
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_records_is_alone_unless_it_is_connected() -> anyhow::Result<()> {
    let (network, ran) = (LoopbackNetwork::new(), Ran::new());
    let bus = Bus::empty().with::<report>();
    let other = started(bus.clone(), 'a', &ran, network.clone()).await?;
    let bus = bus.provide(Name('t')).provide_arc(Arc::clone(&ran));
    let alone = TestBus::start(bus.clone()).await?;
    sleep(MINUTE / 2).await;
    assert_eq!(alone.periodic("report").lease(), None);
    assert_eq!(ran.seconds(), [('a', 0), ('t', 0)]);
    let connected = TestBus::start(bus.connect_to(network, [])).await?;
    sleep(MINUTE).await;
    assert_eq!(ran.seconds()[2..], [('a', 60), ('t', 60)]);
    drop((alone, connected));
    other.close().await?;
    Ok(())
}
