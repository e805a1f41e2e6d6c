//! What the operating system does to a process that runs a bus: it kills, stops, starves and replaces it.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use signal_bus::{Bus, DeadLetter, inject, periodic, subscriber};

use crate::ledger::{Ledger, Numbered};
use crate::process::{self, Process};

/// How many signals may be outstanding where a process is killed.
const OUTSTANDING_MAX: usize = 8;
const PERIOD_MS: i128 = 50;
const DAY: u64 = 24 * 3600;
/// The numbers of SIGABRT and SIGKILL.
const ABORTED: Option<i32> = Some(6);
const KILLED: Option<i32> = Some(9);
/// 3 GiB of addresses: enough for the threads of a runtime and for one GiB, not for eight.
const ADDRESSES: u32 = 3 * 1024 * 1024;

/// How far the numbers behind `word` go, which must be 0, 1, 2 and so on.
#[track_caller]
fn count(said: &str, word: &str) -> usize {
    let numbers = said.lines().filter_map(|line| line.strip_prefix(word));
    let numbers: Vec<usize> = numbers.map(|number| number.parse().unwrap()).collect();
    assert!(numbers.iter().copied().eq(0..numbers.len()), "{said}");
    numbers.len()
}

#[test]
fn a_process_that_is_killed_loses_what_was_outstanding_and_no_more() {
    let mut process = Process::new(module_path!(), "killed");
    process.await_word("ready");
    thread::sleep(Duration::from_millis(100));
    process.send("-KILL");
    let said = process.last_words();
    assert_eq!(process.ended_by(), KILLED);
    let (accepted, handled) = (count(&said, "accepted "), count(&said, "handled "));
    let lost = accepted.saturating_sub(handled);
    println!("killed: accepted {accepted}, handled {handled}, lost {lost}");
    assert!(0 < handled && lost <= OUTSTANDING_MAX, "{said}");
}

/// Twenty periods long nothing runs; a bus that made up for them would run twenty times at once.
#[test]
fn a_process_that_is_stopped_makes_up_for_no_missed_run() {
    // It goes on between two of the times at which it would run.
    const STOPPED_MS: u64 = 1025;
    let mut process = Process::new(module_path!(), "stopped");
    (0..3).for_each(|_| process.await_word("run"));
    process.send("-STOP");
    thread::sleep(Duration::from_millis(STOPPED_MS));
    process.send("-CONT");
    (0..5).for_each(|_| process.await_word("run"));
    process.tell();
    let [runs, elapsed, late, _] = ran(process);
    println!(
        "stopped: {runs} runs in {elapsed} ms, of which {STOPPED_MS} ms stood still; {late} late"
    );
    // One at the begin, one that was late, and one whose time came soon after that.
    let most = (elapsed - i128::from(STOPPED_MS)) / PERIOD_MS + 3;
    assert!(runs <= most, "{runs} runs, at most {most}");
}

/// How many runs there were in how many milliseconds, how many of them were beside their times, and how many days the clock
/// of the system has gone meanwhile.
fn ran(mut process: Process) -> [i128; 4] {
    let said = process.last_words();
    assert_eq!(process.exit_code(), Some(0), "{said}");
    let last = said.lines().find_map(|line| line.strip_prefix("in all "));
    let numbers = last.unwrap().split(' ').map(|one| one.parse().unwrap());
    let numbers: Vec<i128> = numbers.collect();
    numbers.try_into().unwrap()
}

/// Periods go by the clock that nobody can set.
#[test]
#[ignore = "needs the program faketime; CONTRIBUTING.md says how to run it"]
fn a_clock_of_the_system_that_jumps_moves_no_period() {
    // At each look at it, by a day.
    for jumps in [
        "@2000-01-01 00:00:00 i86400",
        "@2030-01-01 00:00:00 i-86400",
    ] {
        let mut process = Process::beside_the_time(module_path!(), "stopped", jumps);
        (0..20).for_each(|_| process.await_word("run"));
        process.tell();
        let [runs, elapsed, late, days] = ran(process);
        println!("{jumps}: {runs} runs in {elapsed} ms and {days} days, {late} late");
        assert_ne!(days, 0, "nobody sets the clock");
        assert!((20..=elapsed / PERIOD_MS + 1).contains(&runs));
    }
}

#[test]
fn a_gibibyte_is_passed_on_without_a_copy_where_two_have_no_room() {
    let mut process = Process::limited(module_path!(), "large", ADDRESSES);
    process.await_word("drained, 2 done");
    println!("a gibibyte: {}", process.last_words().trim_end());
    assert_eq!(process.exit_code(), Some(0));
}

#[test]
fn a_handler_that_asks_for_memory_fails_and_one_that_takes_it_ends_the_process() {
    let mut process = Process::limited(module_path!(), "starved", ADDRESSES);
    process.await_word(
        "buried: memory allocation failed because the memory allocator returned an error",
    );
    process.await_word("handled 1");
    process.await_word("takes it");
    let said = process.last_words();
    let ended_by = process.ended_by();
    println!("takes more than there is: ended by signal {ended_by:?}");
    assert_eq!(ended_by, ABORTED, "{said}");
}

#[test]
fn a_process_that_is_replaced_by_another_program_leaves_nothing_in_its_way() {
    let mut process = Process::new(module_path!(), "replaced");
    process.await_word("ready");
    process.await_word("another program");
    assert_eq!(process.last_words(), "");
    assert_eq!(process.exit_code(), Some(0));
}

mod parents {
    use super::{Ledger, Numbered, inject, subscriber};

    #[subscriber("processes.parent", capacity = 16)]
    pub(super) async fn count(signal: Numbered, #[inject] ledger: &Ledger) {
        tokio::task::yield_now().await;
        ledger.handle(signal);
    }
}

/// What a child of this process has open, besides what it opens itself.
fn open_in_a_child() -> String {
    let child = Command::new("ls").arg("/dev/fd/").output().unwrap();
    String::from_utf8(child.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn children_inherit_nothing_and_disturb_nothing() -> anyhow::Result<()> {
    let before = open_in_a_child();
    let ledger = Arc::new(Ledger::default());
    let bus = Bus::empty()
        .with::<parents::count>()
        .provide_arc(Arc::clone(&ledger));
    let bus = bus.start().await?;
    let children =
        tokio::task::spawn_blocking(|| (0..50).map(|_| open_in_a_child()).collect::<Vec<_>>());
    let mut number = 0;
    while !children.is_finished() || number < 1000 {
        bus.publish("processes.parent", (0_u32, number)).await?;
        ledger.accept((0, number));
        number += 1;
    }
    for inherited in children.await? {
        assert_eq!(inherited, before);
    }
    let report = bus.close().await?;
    ledger.balance(&report.stats).assert_clean();
    Ok(())
}

/// What the tests above run in a process of their own; by itself it does nothing.
#[test]
fn child() {
    let Some(part) = process::part() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    let played = runtime.unwrap().block_on(play(&part));
    std::process::exit(if played.is_ok() { 0 } else { 2 });
}

async fn play(part: &str) -> anyhow::Result<()> {
    match part {
        "killed" => publish_without_end().await,
        "stopped" => run_until_told().await,
        "large" => publish_a_gibibyte().await,
        "starved" => starve().await,
        _ => become_another_program().await,
    }
}

/// When the runs of a child began.
type Runs = Mutex<Vec<Instant>>;

mod parts {
    use super::*;

    #[subscriber("processes.killed", capacity = 8)]
    pub(super) async fn tell(number: u32) {
        tokio::task::yield_now().await;
        println!("handled {number}");
    }

    #[periodic("50ms", missed = skip)]
    pub(super) async fn tick(#[inject] runs: &Runs) {
        runs.lock().unwrap().push(Instant::now());
        println!("run");
    }

    #[subscriber("processes.large")]
    pub(super) async fn look(bytes: &[u8]) {
        assert_eq!(bytes.len(), 1 << 30);
    }

    #[subscriber("processes.large")]
    pub(super) async fn look_again(bytes: Arc<Vec<u8>>) {
        assert_eq!(bytes.last(), Some(&0));
    }

    #[subscriber("processes.starved")]
    pub(super) async fn starve(number: u32) -> anyhow::Result<()> {
        let much = 8 << 30;
        match number {
            0 => Vec::<u8>::new().try_reserve_exact(much)?,
            1 => println!("handled 1"),
            _ => {
                println!("takes it");
                std::hint::black_box(Vec::<u8>::with_capacity(much));
            }
        }
        Ok(())
    }

    #[subscriber("$bus.dead")]
    pub(super) async fn bury(letter: &DeadLetter) {
        println!("buried: {}", letter.failure());
    }

    #[subscriber("processes.replaced")]
    pub(super) async fn hang(_number: u32) {
        std::future::pending::<()>().await;
    }
}

async fn publish_without_end() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<parts::tell>().start().await?;
    println!("ready");
    for number in 0_u32.. {
        bus.publish("processes.killed", number).await?;
        println!("accepted {number}");
    }
    Ok(())
}

/// Whether a run begins nowhere near one of its times.
fn is_late(since_the_first: Duration) -> bool {
    let beside = since_the_first.as_millis() % PERIOD_MS.unsigned_abs();
    (10..40).contains(&beside)
}

async fn run_until_told() -> anyhow::Result<()> {
    let runs = Arc::new(Runs::default());
    let (begun, day) = (Instant::now(), SystemTime::now());
    let bus = Bus::empty()
        .with::<parts::tick>()
        .provide_arc(Arc::clone(&runs));
    let bus = bus.start().await?;
    let told = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
    told.await??;
    bus.close().await?;
    let elapsed = begun.elapsed().as_millis();
    let runs = runs.lock().unwrap();
    let late = runs.iter().filter(|at| is_late(at.duration_since(runs[0])));
    let days = match SystemTime::now().duration_since(day) {
        Ok(later) => i128::from(later.as_secs() / DAY),
        Err(earlier) => -i128::from(earlier.duration().as_secs() / DAY),
    };
    println!("in all {} {elapsed} {} {days}", runs.len(), late.count());
    Ok(())
}

async fn publish_a_gibibyte() -> anyhow::Result<()> {
    let bus = Bus::empty()
        .with::<parts::look>()
        .with::<parts::look_again>();
    let bus = bus.start().await?;
    bus.publish("processes.large", vec![0_u8; 1 << 30]).await?;
    println!("drained, {} done", bus.close().await?.stats.total.done);
    println!("{}", addresses());
    Ok(())
}

/// What the system says of the addresses that this process has had at most.
fn addresses() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmPeak:"));
    line.unwrap_or("only Linux says how many").to_owned()
}

async fn starve() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<parts::starve>().with::<parts::bury>();
    let bus = bus.start().await?;
    for number in 0..3_u32 {
        bus.publish("processes.starved", number).await?;
        bus.settled().await;
    }
    Ok(())
}

async fn become_another_program() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<parts::hang>().start().await?;
    for number in 0..3_u32 {
        bus.publish("processes.replaced", number).await?;
    }
    println!("ready");
    std::io::stdout().flush()?;
    Err(Command::new("echo").arg("another program").exec().into())
}
