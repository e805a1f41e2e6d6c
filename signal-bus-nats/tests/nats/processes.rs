//! Buses in processes of their own.

use std::{
    env,
    process::Stdio,
    time::{Duration, Instant},
};

use signal_bus::{BusGuard, Jitter, Listener, Retry, Signal};
use signal_bus_nats::{Delivery, Nats};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{Noted, connected, nats, server::Server, until};

/// Says to the program that it is the other process, and where the server is.
const SERVER: &str = "SIGNAL_BUS_NATS_SERVER";

fn impatient(nats: &Nats) -> Nats {
    nats.clone()
        .delivery(Delivery::at_least_once().ack_wait(Duration::from_secs(2)))
}

fn started(command: &mut Command) -> anyhow::Result<(Child, Lines<BufReader<ChildStdout>>)> {
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let stdout = child.stdout.take().expect("it is piped");
    Ok((child, BufReader::new(stdout).lines()))
}

/// Starts this program once more, for one test only, which is a part for another process.
fn other_process(
    part: &str,
    server: &Server,
) -> anyhow::Result<(Child, Lines<BufReader<ChildStdout>>)> {
    let mut other = Command::new(env::current_exe()?);
    other.args(["--exact", part, "--ignored", "--nocapture"]);
    started(other.env(SERVER, server.url()))
}

async fn says(lines: &mut Lines<BufReader<ChildStdout>>, words: &str) -> anyhow::Result<()> {
    let wait = async {
        while let Some(line) = lines.next_line().await? {
            if line.contains(words) {
                return Ok(());
            }
        }
        anyhow::bail!("it never says `{words}`")
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await?
}

#[tokio::test]
#[ignore = "it is the other process of the next one"]
async fn the_other_process() -> anyhow::Result<()> {
    let Ok(server) = env::var(SERVER) else {
        return Ok(());
    };
    let bus = connected(&impatient(&Nats::at(&server)?), &["killed"]).await;
    let member = bus.subscription::<u32>("killed").group("the killed");
    let listener = member.listen(|x: Signal<u32>| async move {
        println!("has {}", *x);
        std::future::pending::<()>().await;
    })?;
    bus.connected().await;
    println!("listens");
    tokio::time::sleep(Duration::from_secs(60)).await;
    drop(listener);
    Ok(())
}

#[tokio::test]
async fn what_a_process_had_that_was_killed_is_with_another_after_the_ack_wait()
-> anyhow::Result<()> {
    let server = Server::start();
    let bus = connected(&impatient(&nats(&server)), &["killed"]).await;
    let (mut child, mut lines) = other_process("processes::the_other_process", &server)?;
    says(&mut lines, "listens").await?;
    // One is in its handler, the others wait in its queue.
    for x in 0..3_u32 {
        bus.publish("killed", x).await?;
    }
    says(&mut lines, "has 0").await?;
    let noted = Noted::default();
    let notes = noted.clone();
    let member = bus.subscription::<u32>("killed").group("the killed");
    let listener = member.listen(move |x: Signal<u32>| {
        notes.note((*x, x.attempt()));
        async {}
    })?;
    bus.connected().await;
    // As long as it runs, it keeps what it has, however long that takes.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(noted.all().is_empty());
    child.kill().await?;
    let begun = Instant::now();
    until(|| noted.all().len() == 3).await;
    println!("handed out again after {:?}", begun.elapsed());
    let mut all = noted.all();
    all.sort_unstable();
    assert_eq!(all, [(0, 2), (1, 2), (2, 2)]);
    drop(listener);
    bus.close().await?;
    Ok(())
}

/// A handler that always fails, and is tried again.
fn fails(
    bus: &BusGuard,
    rests: Duration,
    attempts: u32,
    tell: impl Fn(u32) + Clone + Send + Sync + 'static,
) -> anyhow::Result<Listener> {
    let retry = Retry::new().attempts(attempts).jitter(Jitter::None);
    let retry = retry.base(rests).cap(rests);
    let member = bus.subscription::<u32>("tried").group("the tried");
    let listener = member.retry(retry).listen(move |x: Signal<u32>| {
        tell(x.attempt());
        async { Err::<(), _>(anyhow::anyhow!("never")) }
    });
    Ok(listener?)
}

#[tokio::test]
#[ignore = "it is the other process of the next one"]
async fn the_other_process_that_tries_again() -> anyhow::Result<()> {
    let Ok(server) = env::var(SERVER) else {
        return Ok(());
    };
    let bus = connected(&impatient(&Nats::at(&server)?), &["tried"]).await;
    let rests = Duration::from_secs(60);
    let listener = fails(&bus, rests, 5, |attempt| println!("attempt {attempt}"))?;
    bus.connected().await;
    println!("listens");
    tokio::time::sleep(Duration::from_secs(60)).await;
    drop(listener);
    Ok(())
}

#[tokio::test]
async fn what_a_process_would_have_tried_again_that_was_killed_is_tried_by_another()
-> anyhow::Result<()> {
    let server = Server::start();
    let bus = connected(&impatient(&nats(&server)), &["tried"]).await;
    let (mut child, mut lines) =
        other_process("processes::the_other_process_that_tries_again", &server)?;
    says(&mut lines, "listens").await?;
    bus.publish("tried", 7_u32).await?;
    says(&mut lines, "attempt 1").await?;
    let noted = Noted::default();
    let notes = noted.clone();
    let listener = fails(&bus, Duration::from_millis(1), 3, move |attempt| {
        notes.note(attempt);
    })?;
    bus.connected().await;
    // As long as the process runs, it keeps what it is going to try again.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(noted.all().is_empty());
    child.kill().await?;
    until(|| bus.stats().total.dead == 1).await;
    assert_eq!(noted.all(), [2, 3, 4]);
    drop(listener);
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn two_terminals_hear_each_other() -> anyhow::Result<()> {
    let server = Server::start();
    let mut build = Command::new(env!("CARGO"));
    build.current_dir(env!("CARGO_MANIFEST_DIR"));
    build.args(["build", "--quiet", "--example", "two_terminals"]);
    assert!(build.status().await?.success());
    let here = env::current_exe()?;
    let folder = here.ancestors().nth(2).expect("it is in target/debug/deps");
    let program = folder.join("examples/two_terminals");
    let terminal = |name: &str| {
        let mut command = Command::new(&program);
        started(command.arg(name).env("NATS_URL", server.url()))
    };
    let (mut ann, mut bob) = (terminal("ann")?, terminal("bob")?);
    for terminal in [&mut ann, &mut bob] {
        says(&mut terminal.1, "ann: is there").await?;
        says(&mut terminal.1, "bob: is there").await?;
    }
    Ok(())
}
