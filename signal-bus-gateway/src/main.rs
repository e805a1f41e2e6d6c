//! The gateway as a program, in PyPubSub's place.

use std::{path::PathBuf, process::ExitCode};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_bus_gateway::{Compat, Problem, Server, Setup, Weight};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

const HELP: &str = "\
A publisher/subscriber service on HTTP, in the place of PyPubSub.

usage: signal-bus-gateway [OPTIONS]

options:
  --config FILE      the configuration (default: pypubsub.yaml; if that is not
                     there, port 2069, and this machine may publish)
  --acl FILE         who sees private events (default: pypubsub_acl.yaml)
  --compat upstream  takes what PyPubSub takes, also where that is not safe
  --check            reads both files, tries what they name, says all that is
                     wrong, and ends; it changes nothing
  -h, --help         shows this page
  -V, --version      shows the version

signals:
  SIGUSR2            reads the ACL file again
  SIGTERM, SIGINT    stops: requests are finished, streams are ended
";

/// What a command line asks for.
#[derive(Debug, Default)]
struct Options {
    config: Option<PathBuf>,
    acl: Option<PathBuf>,
    compat: Compat,
    only_checks: bool,
}

fn main() -> ExitCode {
    log_to_stderr();
    let options = match options() {
        Ok(Some(options)) => options,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signal-bus-gateway: {error}\nTry `signal-bus-gateway --help`.");
            return ExitCode::from(2);
        }
    };
    let setup = match Setup::of_file(options.config.as_deref()) {
        Ok(setup) => setup.compat(options.compat),
        Err(error) => {
            let file = options.config.unwrap_or_default();
            eprintln!(
                "signal-bus-gateway: {}: cannot be read: {error}",
                file.display()
            );
            return ExitCode::FAILURE;
        }
    };
    let setup = match options.acl {
        Some(acl) => setup.acl(acl),
        None => setup,
    };
    if options.only_checks {
        check(&setup)
    } else {
        run(&setup)
    }
}

/// What others say of their connections is said by us.
fn log_to_stderr() {
    let lines = tracing_subscriber::fmt::layer()
        .without_time()
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    let levels = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("async_nats", LevelFilter::OFF);
    tracing_subscriber::registry()
        .with(lines)
        .with(levels)
        .init();
}

/// The options; nothing if a page was shown instead.
fn options() -> Result<Option<Options>, lexopt::Error> {
    use lexopt::prelude::{Long, Short, ValueExt as _};
    let mut parser = lexopt::Parser::from_env();
    let mut options = Options::default();
    while let Some(argument) = parser.next()? {
        match argument {
            Long("config") => options.config = Some(parser.value()?.into()),
            Long("acl") => options.acl = Some(parser.value()?.into()),
            Long("compat") => {
                let value = parser.value()?.string()?;
                if value != "upstream" {
                    return Err(format!("`--compat` takes `upstream`, not `{value}`").into());
                }
                options.compat = Compat::Upstream;
            }
            Long("check") => options.only_checks = true,
            Short('h') | Long("help") => {
                print!("{HELP}");
                return Ok(None);
            }
            Short('V') | Long("version") => {
                println!("signal-bus-gateway {}", env!("CARGO_PKG_VERSION"));
                return Ok(None);
            }
            other => return Err(other.unexpected()),
        }
    }
    Ok(Some(options))
}

fn check(setup: &Setup) -> ExitCode {
    let problems = setup.check();
    problems.iter().for_each(|problem| println!("{problem}"));
    let is_refused = |problem: &Problem| problem.weight == Weight::Refused;
    if problems.iter().any(is_refused) {
        return ExitCode::FAILURE;
    }
    println!("The configuration is fine.");
    ExitCode::SUCCESS
}

fn run(setup: &Setup) -> ExitCode {
    make_room_for_clients();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let served = match runtime {
        Ok(runtime) => {
            let served = runtime.block_on(serve(setup));
            // Whoever is left has had its time.
            runtime.shutdown_background();
            served
        }
        Err(error) => Err(error.into()),
    };
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signal-bus-gateway: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

/// Each client is an open file; many systems allow a program a thousand, unless it asks for more.
fn make_room_for_clients() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!("the limit on open files stays as it is: {error}");
    }
}

async fn serve(setup: &Setup) -> Result<(), Box<dyn std::error::Error>> {
    // Before anybody can know that we run: who sends a signal early means it.
    let mut reload = signal(SignalKind::user_defined2())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let server = tokio::select! {
        server = Server::start(setup) => server?,
        // A start may wait for others.
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    println!(
        "==== signal-bus-gateway v/{} starting... ====",
        env!("CARGO_PKG_VERSION")
    );
    println!(
        "==== Serving up PubSub goodness at {} ====",
        server.address()
    );
    if let Some(address) = server.tls_address() {
        println!("==== Serving up PubSub TLS goodness at {address} ====");
    }
    loop {
        tokio::select! {
            _ = reload.recv() => server.reload_acl(),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    tokio::select! {
        () = server.stop() => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
