//! A handler that panics in a program without unwinding: `tests/abort.rs` compiles it with `-C panic=abort`.

use signal_bus::{Bus, subscriber};

#[subscriber("panicking")]
async fn handle(number: u32) {
    assert_eq!(number, 0, "a handler panics");
    println!("handled {number}");
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bus = Bus::new().start().await?;
    for number in 0..2_u32 {
        bus.publish("panicking", number).await?;
        bus.settled().await;
    }
    println!("survived: {}", bus.close().await?.stats.total);
    Ok(())
}
