//! Publishes so many signals of one shape: `instructions <shape> <signals>`.
//!
//! A crate of its own, so that its dependencies get no features that a benchmark's peers turn on.

use std::hint::black_box;
use std::process::ExitCode;

use signal_bus::{Bus, BusHandle, publisher, subscriber};

/// Signals before those that are asked for, so that every queue has its first block and every route is resolved.
const WARM_UP: u64 = 1000;

#[publisher("nobody")]
async fn nobody(value: u64) -> u64 {
    value
}

#[publisher("one")]
async fn one(value: u64) -> u64 {
    value
}

#[subscriber("one")]
async fn of_one(value: &u64) {
    black_box(value);
}

#[publisher("sixteen")]
async fn sixteen(value: u64) -> u64 {
    value
}

macro_rules! of_sixteen {
    ($($name:ident)+) => {
        $(#[subscriber("sixteen")]
        async fn $name(value: &u64) {
            black_box(value);
        })+
    };
}

of_sixteen!(a b c d e f g h i j k l m n o p);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [shape, signals] = &arguments[..] else {
        eprintln!("usage: instructions <shape> <signals>");
        return ExitCode::from(2);
    };
    let signals = signals.parse().expect("signals are a number");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Who takes long is treated in another way, and here everything takes long.
        .start_paused(true)
        .build()
        .expect("the system gives a timer");
    runtime.block_on(async {
        if shape == "outside" {
            for value in 0..WARM_UP + signals {
                black_box(nobody(value).await);
            }
            return;
        }
        let ran = Bus::new().run_with(async |bus| {
            publish(&bus, shape, WARM_UP).await;
            publish(&bus, shape, signals).await;
        });
        ran.await.expect("it starts and drains");
    });
    ExitCode::SUCCESS
}

async fn publish(bus: &BusHandle, shape: &str, signals: u64) {
    for value in 0..signals {
        match shape {
            "nobody" => drop(nobody(value).await),
            "one" | "lone one" => drop(one(value).await),
            "sixteen" | "lone sixteen" => drop(sixteen(value).await),
            _ => unreachable!("no shape `{shape}`"),
        }
        if shape.starts_with("lone") {
            bus.settled().await;
        }
    }
    bus.settled().await;
}
