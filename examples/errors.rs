//! Errors and panics: each is reported, becomes a dead letter, and is in nobody's way.

use signal_bus::{Bus, DeadLetter, publisher, subscriber};

#[publisher("jobs")]
async fn submit(job: u32) -> u32 {
    job
}

#[subscriber("jobs")]
async fn work(job: u32) -> anyhow::Result<()> {
    anyhow::ensure!(job != 2, "job {job} is impossible");
    assert!(job != 4, "job {job} is absurd");
    println!("job {job} is done");
    Ok(())
}

#[subscriber("$bus.dead")]
async fn dead(letter: &DeadLetter) {
    println!("dead letter: {}: {}", letter.at(), letter.failure());
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bus = Bus::new()
        .on_error(|at, error| println!("{at}: {error}"))
        .start()
        .await?;
    for job in 1..=5 {
        submit(job).await;
    }
    let report = bus.close().await?;
    println!("{report}");
    Ok(())
}
