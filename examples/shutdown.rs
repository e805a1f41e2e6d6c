//! Graceful shutdown: a signal stops what makes work, what was accepted is done, and a report says so; a second one aborts.

use std::time::Duration;

use signal_bus::{Bus, ProcessSignal, periodic, publisher, subscriber};
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
        .on_signal([ProcessSignal::Terminate, ProcessSignal::Interrupt])
        .close_timeout(Duration::from_secs(10))
        .start()
        .await?;
    println!("delivering; press ctrl-c to stop, or wait two seconds");
    if timeout(Duration::from_secs(2), bus.closing())
        .await
        .is_err()
    {
        println!("nobody pressed ctrl-c");
    }
    println!("closing; what waits is delivered first, unless ctrl-c is pressed again");
    println!("{}", bus.close().await?);
    Ok(())
}
