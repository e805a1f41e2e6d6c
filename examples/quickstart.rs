//! The main job: functions of two crates find each other, and every signal is handled before the end.

use std::sync::Arc;

use mail::Outbox;
use signal_bus::Bus;

/// Real input: one order a line, and one line that is none.
const INPUT: &str = include_str!("orders.csv");

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let outbox = Arc::new(Outbox::default());
    let bus = Bus::new().provide_arc(Arc::clone(&outbox));

    let (mut placed, mut refused) = (0, 0);
    bus.run(async {
        for line in INPUT.lines() {
            match orders::place(line).await {
                Ok(_) => placed += 1,
                Err(error) => {
                    refused += 1;
                    println!("refused: {error:#}");
                }
            }
        }
        println!(
            "{} letters written when the last order is placed",
            outbox.letters().len()
        );
    })
    .await?;

    let letters = outbox.letters();
    println!(
        "{} letters written when `run` returns, for example:",
        letters.len()
    );
    for letter in letters.iter().take(3) {
        println!("  {letter}");
    }
    println!(
        "{placed} placed, {refused} refused, {} lost",
        placed - letters.len()
    );
    Ok(())
}
