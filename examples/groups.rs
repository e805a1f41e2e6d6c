//! Groups: each job goes to one worker of the group, while workers come and go; the auditor gets every job.

use signal_bus::{Bus, Signal, publisher, subscriber};

#[publisher("jobs")]
async fn submit(number: u32) -> u32 {
    number
}

#[subscriber("jobs", group = "workers")]
async fn work(job: u32) {
    println!("the annotated worker does job {job}");
    tokio::task::yield_now().await;
}

#[subscriber("jobs")]
async fn audit(job: &u32) {
    println!("the auditor has seen job {job}");
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let run = Bus::new().run_with(async |bus| {
        let helper =
            bus.subscription::<u32>("jobs")
                .group("workers")
                .listen(async |job: Signal<u32>| {
                    println!("the helper does job {job}");
                    tokio::task::yield_now().await;
                })?;
        for job in 0..4 {
            submit(job).await;
        }
        bus.settled().await;
        helper.close().await?;
        submit(4).await;
        anyhow::Ok(())
    });
    run.await?
}
