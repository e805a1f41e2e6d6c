//! Graceful shutdown: ctrl-c stops what makes work, what was accepted is done, and a report says so.

use std::time::Duration;

use signal_bus::{Bus, periodic, publisher, subscriber};
use tokio::signal::ctrl_c;
use tokio::time::{sleep, timeout};

#[periodic("20ms")]
#[publisher("parcels")]
fn find_parcel() -> String {
    "a parcel".to_owned()
}

#[subscriber("parcels")]
async fn deliver(_parcel: String) {
    sleep(Duration::from_millis(30)).await;
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let bus = Bus::new()
        .close_timeout(Duration::from_secs(10))
        .start()
        .await?;
    println!("delivering; press ctrl-c to stop, or wait two seconds");
    match timeout(Duration::from_secs(2), ctrl_c()).await {
        Ok(pressed) => pressed?,
        Err(_) => println!("nobody pressed ctrl-c"),
    }
    println!("closing; what waits is delivered first");
    println!("{}", bus.close().await?);
    Ok(())
}
