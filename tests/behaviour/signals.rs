//! The first signal of the operating system drains, the second one aborts: seen from outside, in a process of its own.

use std::time::Instant;

use signal_bus::{
    Bus, BusHandle, CloseError, CloseOutcome, FindingKind, ProcessSignal, StartError, Stopped,
    inject, provider, subscriber,
};

use crate::process::{self, Process};

#[test]
fn the_first_signal_drains_and_the_program_ends_well() {
    for signal in ["-TERM", "-INT"] {
        let mut process = Process::new(module_path!(), "drained");
        process.await_word("ready");
        let sent = Instant::now();
        process.send(signal);
        process.await_word("handled 3");
        process.await_word("drained, 3 done");
        let code = process.exit_code();
        println!("{signal}: {code:?} after {:?}", sent.elapsed());
        assert_eq!(code, Some(0));
    }
}

#[test]
fn the_second_signal_aborts_and_the_exit_code_tells_which() {
    for (signal, code) in [("-TERM", 143), ("-INT", 130)] {
        let mut process = Process::new(module_path!(), "aborted");
        process.await_word("ready");
        process.send("-TERM");
        process.await_word("closing");
        let sent = Instant::now();
        process.send(signal);
        process.await_word("aborted, 1 abandoned");
        let exit_code = process.exit_code();
        println!("-TERM {signal}: {exit_code:?} after {:?}", sent.elapsed());
        assert_eq!(exit_code, Some(code));
    }
}

#[test]
fn what_does_not_end_is_stopped_when_the_bus_has_drained() {
    let mut process = Process::new(module_path!(), "stopped");
    process.await_word("ready");
    process.send("-TERM");
    process.await_word("stopped by SIGTERM, 1 done");
    assert_eq!(process.exit_code(), Some(0));
}

#[test]
fn a_signal_during_the_start_lets_it_end_and_then_drains() {
    let mut process = Process::new(module_path!(), "starting");
    process.await_word("starting");
    let sent = Instant::now();
    process.send("-TERM");
    process.tell();
    process.await_word("drained on SIGTERM, 1 done");
    let code = process.exit_code();
    println!("-TERM while it starts: {code:?} after {:?}", sent.elapsed());
    assert_eq!(code, Some(0));
}

#[test]
fn a_second_signal_during_the_start_gives_it_up() {
    let mut process = Process::new(module_path!(), "hanging");
    process.await_word("starting");
    let sent = Instant::now();
    process.send("-TERM");
    process.send("-INT");
    process.await_word(" came while the bus was starting");
    let code = process.exit_code();
    println!(
        "-TERM -INT while it starts: {code:?} after {:?}",
        sent.elapsed()
    );
    assert_eq!(code, Some(1));
}

#[test]
fn a_runtime_that_hears_nothing_is_refused() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build();
    let bus = Bus::empty().on_signal([ProcessSignal::Terminate]);
    let error = runtime.unwrap().block_on(bus.start()).unwrap_err();
    assert_eq!(error.findings[0].kind, FindingKind::NoRuntime);
    let text = error.to_string();
    assert!(
        text.contains("cannot hear SIGTERM") && text.contains("`enable_io`"),
        "{text}"
    );
}

/// What the tests above run in a process of their own; by itself it does nothing.
#[test]
fn child() {
    let Some(part) = process::part() else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let code = runtime.unwrap().block_on(play(&part));
    std::process::exit(code.unwrap_or(2));
}

async fn play(part: &str) -> anyhow::Result<i32> {
    let bus = match part {
        "starting" => Bus::empty()
            .with::<slow_start::slow>()
            .with::<slow_start::use_it>(),
        "hanging" => Bus::empty()
            .with::<slow_start::never>()
            .with::<slow_start::need_it>(),
        _ => Bus::empty().with::<work>(),
    };
    let bus = bus.on_signal([ProcessSignal::Terminate, ProcessSignal::Interrupt]);
    match part {
        "drained" => drained(&bus).await,
        "aborted" => aborted(&bus).await,
        "stopped" => stopped(&bus).await,
        _ => started(&bus).await,
    }
}

/// Handles nothing before the bus closes, so that there is something to drain; 0 for ever.
#[subscriber("signals.work")]
async fn work(number: u32, #[inject] bus: &BusHandle) {
    bus.closing().await;
    if number == 0 {
        std::future::pending::<()>().await;
    }
    println!("handled {number}");
}

async fn drained(bus: &Bus) -> anyhow::Result<i32> {
    let bus = bus.start().await?;
    for number in 1..=3_u32 {
        bus.publish("signals.work", number).await?;
    }
    println!("ready");
    bus.closing().await;
    let report = bus.close().await?;
    assert_eq!(report.outcome, CloseOutcome::Drained);
    println!("drained, {} done", report.stats.total.done);
    Ok(0)
}

async fn aborted(bus: &Bus) -> anyhow::Result<i32> {
    let run = bus.run_with(async |bus| {
        bus.publish("signals.work", 0_u32).await?;
        println!("ready");
        bus.closing().await;
        println!("closing");
        std::future::pending::<anyhow::Result<()>>().await
    });
    match run.await.unwrap_err().downcast()? {
        CloseError::Aborted(report) => {
            assert_eq!(report.outcome, CloseOutcome::Aborted);
            assert_eq!(report.stuck[0].function, "work");
            println!("aborted, {} abandoned", report.stats.total.abandoned);
            Ok(report.signals[1].exit_code().into())
        }
        error => Err(error.into()),
    }
}

async fn stopped(bus: &Bus) -> anyhow::Result<i32> {
    let run = bus.run_with(async |bus| {
        bus.publish("signals.work", 1_u32).await?;
        println!("ready");
        std::future::pending::<anyhow::Result<()>>().await
    });
    let Stopped { signal, report, .. } = run.await.unwrap_err().downcast()?;
    println!("stopped by {signal}, {} done", report.stats.total.done);
    Ok(0)
}

async fn started(bus: &Bus) -> anyhow::Result<i32> {
    match bus.serve().await {
        Ok(report) => {
            let signal = report.signals[0];
            println!("drained on {signal}, {} done", report.stats.total.done);
            assert!(report.to_string().starts_with("drained on SIGTERM after "));
            Ok(0)
        }
        Err(error) => {
            let error: StartError = error.downcast()?;
            assert_eq!(error.findings[0].kind, FindingKind::Stopped);
            println!("{}", error.findings[0]);
            Ok(1)
        }
    }
}

mod slow_start {
    use super::{inject, provider, subscriber};

    pub(super) struct Slow;
    pub(super) struct Never;

    /// Is ready when it is told so.
    #[provider]
    pub(super) async fn slow() -> anyhow::Result<Slow> {
        println!("starting");
        let told = tokio::task::spawn_blocking(|| std::io::stdin().read_line(&mut String::new()));
        told.await??;
        let bus = signal_bus::current().expect("a provider stands in its bus");
        bus.publish("signals.slow", 1_u32).await?;
        Ok(Slow)
    }

    #[provider]
    pub(super) async fn never() -> Never {
        println!("starting");
        std::future::pending().await
    }

    #[subscriber("signals.slow")]
    pub(super) async fn use_it(_number: u32, #[inject] _slow: &Slow) {}

    #[subscriber("signals.never")]
    pub(super) async fn need_it(_number: u32, #[inject] _never: &Never) {}
}
