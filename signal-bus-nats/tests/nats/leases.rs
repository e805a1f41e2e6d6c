//! Periodic functions that run once in a cluster, by leases in a KV bucket.

use std::{
    env,
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use signal_bus::{
    Bus, BusGuard, LeaseState, inject, periodic,
    testing::transport::{Conformance, Found},
    transport::{LeaseRequest, Transport as _},
};
use signal_bus_nats::{Buckets, Delivery, Nats, Streams};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::sleep,
};

use crate::{jetstream, server::Server, until};

/// Says to the program that it is the other process, and where the server is.
const SERVER: &str = "SIGNAL_BUS_NATS_LEASES";
/// How long it takes at most until another takes over.
const TAKEOVER: Duration = Duration::from_secs(3);

/// Who has run, and when.
#[derive(Default, Debug)]
struct Ran(Mutex<Vec<(char, Instant)>>);

impl Ran {
    fn all(&self) -> Vec<(char, Instant)> {
        self.0.lock().unwrap().clone()
    }

    fn count_of(&self, who: char) -> usize {
        self.all().iter().filter(|(name, _)| *name == who).count()
    }

    /// Holds that no two runs were closer than this.
    fn apart(&self, least: Duration) {
        for two in self.all().windows(2) {
            let apart = two[1].1 - two[0].1;
            assert!(least <= apart, "{apart:?} after {two:?}");
        }
    }
}

#[derive(Debug)]
struct Name(char);

#[periodic("200ms", once_in = "cluster")]
async fn poll(#[inject] ran: &Ran, #[inject] name: &Name) {
    ran.0.lock().unwrap().push((name.0, Instant::now()));
}

#[periodic("3s", once_in = "cluster")]
async fn seldom(#[inject] ran: &Ran, #[inject] name: &Name) {
    ran.0.lock().unwrap().push((name.0, Instant::now()));
}

#[periodic("100ms", once_in = "cluster")]
async fn print() {
    println!("runs");
}

fn nats(server: &Server) -> Nats {
    let nats = Nats::at(&server.url()).unwrap();
    nats.create_buckets(Buckets::new())
}

async fn started(bus: Bus, name: char, ran: &Arc<Ran>, nats: Nats) -> anyhow::Result<BusGuard> {
    let bus = bus.provide(Name(name)).provide_arc(Arc::clone(ran));
    let bus = bus.lease_time(TAKEOVER).connect_to(nats, []);
    Ok(bus.start().await?)
}

fn lease(bus: &BusGuard) -> LeaseState {
    let mut all = bus.periodics();
    all.next().and_then(|one| one.lease()).expect("it has one")
}

fn holds(bus: &BusGuard) -> bool {
    lease(bus) == LeaseState::Held
}

#[tokio::test]
async fn what_is_promised_of_leases_is_kept() {
    let server = Server::start();
    let nats = nats(&server).create_streams(Streams::named("TEST"));
    let suite = Conformance::below("conformance").limit(Duration::from_secs(8));
    let report = suite.check(&nats).await;
    for name in [
        "one_holder",
        "renewed",
        "left_alone",
        "given_back",
        "not_given_away",
        "marked",
        "leases_apart",
    ] {
        assert_eq!(report.of(name), Some(&Found::Kept), "{report}");
    }
}

#[tokio::test]
async fn of_two_buses_one_runs_it_and_a_close_hands_over_at_once() -> anyhow::Result<()> {
    let (server, ran) = (Server::start(), Arc::new(Ran::default()));
    let bus = Bus::empty().with::<poll>();
    let a = started(bus.clone(), 'a', &ran, nats(&server)).await?;
    let b = started(bus.clone(), 'b', &ran, nats(&server)).await?;
    until(|| ran.count_of('a') == 10).await;
    assert!(holds(&a) && !holds(&b));
    assert_eq!(ran.count_of('b'), 0);
    assert!(b.health().is_healthy(), "{}", b.health());
    a.close().await?;
    let begun = Instant::now();
    until(|| holds(&b)).await;
    println!("handed over {:?} after the close", begun.elapsed());
    until(|| ran.count_of('b') == 10).await;
    ran.apart(Duration::from_millis(195));
    b.close().await?;
    Ok(())
}

#[tokio::test]
async fn the_time_between_runs_is_kept_over_restarts_by_the_clock_of_the_server()
-> anyhow::Result<()> {
    let (mut server, ran) = (Server::start(), Arc::new(Ran::default()));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        let bus = Bus::empty().with::<seldom>();
        let bus = started(bus, 'a', &ran, nats(&server)).await?;
        sleep(Duration::from_millis(700)).await;
        bus.close().await?;
        server.restart();
    }
    let runs = ran.all().len();
    assert!((3..=4).contains(&runs), "{runs}");
    ran.apart(Duration::from_millis(2900));
    Ok(())
}

#[tokio::test]
async fn without_the_server_nobody_runs_and_with_it_one_does() -> anyhow::Result<()> {
    let (mut server, ran) = (Server::start(), Arc::new(Ran::default()));
    let bus = Bus::empty().with::<poll>();
    let a = started(bus.clone(), 'a', &ran, nats(&server)).await?;
    let b = started(bus.clone(), 'b', &ran, nats(&server)).await?;
    for _ in 0..2 {
        let before = ran.all().len();
        until(|| before + 5 < ran.all().len()).await;
        server.kill();
        // The answer to the last claim may be on its way.
        sleep(Duration::from_millis(100)).await;
        let before = ran.all().len();
        until(|| !holds(&a) && !holds(&b)).await;
        assert_eq!(ran.all().len(), before);
        let health = a.health().to_string();
        assert!(health.contains("its lease cannot be had"), "{health}");
        server.run();
        until(|| holds(&a) || holds(&b)).await;
        assert!(!(holds(&a) && holds(&b)));
    }
    let before = ran.all().len();
    until(|| before + 5 < ran.all().len()).await;
    until(|| a.health().is_healthy() && b.health().is_healthy()).await;
    ran.apart(Duration::from_millis(195));
    a.close().await?;
    b.close().await?;
    Ok(())
}

/// Has somebody make the bucket that all of these tests need.
async fn make_bucket(server: &Server) -> anyhow::Result<()> {
    let maker = nats(server).connect(&[]).await?;
    let wanted = LeaseRequest::new("cluster", "made", TAKEOVER);
    drop(maker.lease(&wanted).await?);
    maker.drain().await?;
    Ok(())
}

fn started_elsewhere(server: &Server) -> anyhow::Result<(Child, Lines<BufReader<ChildStdout>>)> {
    let mut other = Command::new(env::current_exe()?);
    other.args(["--exact", "leases::the_other_process"]);
    other.args(["--ignored", "--nocapture"]);
    other.env(SERVER, server.url()).stdout(Stdio::piped());
    let mut child = other.kill_on_drop(true).spawn()?;
    let stdout = child.stdout.take().expect("it is piped");
    Ok((child, BufReader::new(stdout).lines()))
}

#[tokio::test]
#[ignore = "it is the other process of the next one"]
async fn the_other_process() -> anyhow::Result<()> {
    let Ok(server) = env::var(SERVER) else {
        return Ok(());
    };
    let nats = Nats::at(&server)?;
    let bus = Bus::empty().with::<print>().lease_time(TAKEOVER);
    let bus = bus.connect_to(nats, []).start().await?;
    sleep(Duration::from_secs(60)).await;
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_process_that_is_killed_leaves_the_lease_to_another_in_time() -> anyhow::Result<()> {
    let server = Server::start();
    make_bucket(&server).await?;
    let (mut child, mut lines) = started_elsewhere(&server)?;
    let runs = async {
        while let Some(line) = lines.next_line().await? {
            if line.contains("runs") {
                return Ok(());
            }
        }
        anyhow::bail!("it does not run")
    };
    tokio::time::timeout(Duration::from_secs(60), runs).await??;
    let bus = Bus::empty().with::<print>().lease_time(TAKEOVER);
    let bus = bus.connect_to(nats(&server), []).start().await?;
    let process = child.id().expect("it runs").to_string();
    match lease(&bus) {
        LeaseState::HeldBy { holder } => assert!(holder.starts_with(&process), "{holder}"),
        other => panic!("{other:?}"),
    }
    // As long as it lives, it keeps the lease.
    sleep(TAKEOVER * 2).await;
    assert!(!holds(&bus));
    child.kill().await?;
    let killed = Instant::now();
    until(|| holds(&bus)).await;
    println!("taken over after {:?}", killed.elapsed());
    bus.close().await?;
    Ok(())
}

async fn refused(nats: Nats) -> String {
    let ran = Arc::new(Ran::default());
    let bus = Bus::empty().with::<poll>();
    let refused = started(bus, 'a', &ran, nats).await;
    refused.expect_err("something is wrong").to_string()
}

#[tokio::test]
async fn a_bucket_that_is_missing_is_named_with_what_to_write() -> anyhow::Result<()> {
    let server = Server::start();
    let error = refused(Nats::at(&server.url())?).await;
    assert!(error.contains("there is no KV bucket `cluster`"), "{error}");
    assert!(error.contains(".create_buckets(Buckets::new())"), "{error}");
    assert!(error.contains("leases::poll (signal-bus-nats"), "{error}");
    let once = nats(&server).delivery(Delivery::at_most_once());
    let error = refused(once).await;
    assert!(error.contains("at-least-once delivery"), "{error}");
    // Nothing was made unasked.
    let names = jetstream(&server).await;
    assert!(names.get_key_value("cluster").await.is_err());
    let ran = Arc::new(Ran::default());
    let bus = Bus::empty().with::<poll>();
    let bus = started(bus, 'a', &ran, nats(&server)).await?;
    // A bucket that goes is told, and one that is made anew is taken.
    jetstream(&server).await.delete_key_value("cluster").await?;
    until(|| bus.health().to_string().contains("lease cannot be had")).await;
    make_bucket(&server).await?;
    let before = ran.all().len();
    until(|| before < ran.all().len()).await;
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn what_the_server_does_not_permit_fails_the_start() -> anyhow::Result<()> {
    let users = |deny: &str| {
        format!(
            r#"authorization {{ users: [
                {{ user: all, password: secret }},
                {{ user: ann, password: secret, permissions: {{ publish: {{ deny: ["{deny}"] }} }} }}
            ] }}"#
        )
    };
    for (deny, said) in [
        ("$KV.>", "the server does not permit it"),
        (
            "$JS.API.STREAM.INFO.KV_cluster",
            "permit `$JS.API.>`, `$KV.cluster.>`",
        ),
    ] {
        let server = Server::with(&users(deny), &["-js"]);
        let of = |user: &str| server.url().replace("//", &format!("//{user}:secret@"));
        let ran = Arc::new(Ran::default());
        let nats = Nats::at(&of("all"))?.create_buckets(Buckets::new());
        let bus = started(Bus::empty().with::<poll>(), 'a', &ran, nats).await?;
        bus.close().await?;
        let error = refused(Nats::at(&of("ann"))?).await;
        assert!(error.contains(said), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    Ok(())
}

#[tokio::test]
async fn below_different_prefixes_a_function_has_different_leases() -> anyhow::Result<()> {
    let (server, ran) = (Server::start(), Arc::new(Ran::default()));
    let bus = Bus::empty().with::<poll>();
    let test = nats(&server).prefix("test")?;
    let a = started(bus.clone(), 'a', &ran, nats(&server)).await?;
    let b = started(bus.clone(), 'b', &ran, test).await?;
    assert!(holds(&a) && holds(&b));
    a.close().await?;
    b.close().await?;
    Ok(())
}
