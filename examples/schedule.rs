//! Times of day, and a periodic function in the hands of an operator: run now, pause, resume.

use std::time::Duration;

use signal_bus::{Bus, periodic};

#[periodic(cron = "* * * * * *")]
async fn every_second() {
    println!("a second has begun");
}

#[periodic(cron = "0 0 3 * * Mon-Fri", tz = "Europe/Berlin", missed = skip, jitter = "1m")]
async fn nightly_report() {
    println!("the nightly report");
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let run = Bus::new().run_with(async |bus| {
        tokio::time::sleep(Duration::from_millis(1100)).await;
        bus.periodic("every_second").pause();
        bus.periodic("nightly_report").trigger();
        tokio::time::sleep(Duration::from_millis(1100)).await;
        println!("nothing for a second");
        bus.periodic("every_second").resume();
        tokio::time::sleep(Duration::from_millis(100)).await;
    });
    run.await
}
