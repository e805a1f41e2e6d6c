//! Retries: an error is tried again after a random wait; one that is marked as permanent is not.

use signal_bus::{Bus, DeadLetter, MarkPermanent, Signal, publisher, subscriber};

#[publisher("payments")]
async fn pay(amount: &str) -> String {
    amount.to_owned()
}

#[subscriber(
    "payments",
    retry(attempts = 4, base = "20ms", cap = "1s", budget = "1m")
)]
async fn book(amount: Signal<String>) -> anyhow::Result<()> {
    let cents: u32 = amount.parse().permanent()?; // what is no number now will not be one later
    transfer(cents, amount.attempt())?;
    println!("booked {cents} at attempt {}", amount.attempt());
    Ok(())
}

/// A bank that is not always there.
fn transfer(cents: u32, attempt: u32) -> anyhow::Result<()> {
    let answers_at = if cents < 100 { 3 } else { 5 };
    anyhow::ensure!(answers_at <= attempt, "the bank does not answer");
    Ok(())
}

#[subscriber("$bus.dead")]
async fn refund(letter: &DeadLetter) {
    println!("not booked: {letter}");
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bus = Bus::new().on_error(|_, _| {}).start().await?;
    for amount in ["20", "much", "500"] {
        pay(amount).await;
    }
    let report = bus.close().await?;
    println!("{} further attempts were needed", report.stats.retries);
    Ok(())
}
