//! Once in a cluster: of three buses that stand for three processes, the clock calls the function of one; when it goes, of another.

use std::time::Duration;

use signal_bus::{Bus, BusGuard, StartError, inject, periodic, transport::LoopbackNetwork};
use tokio::time::sleep;

struct Process(&'static str);

#[periodic("100ms", once_in = "cluster")]
async fn report(#[inject] process: &Process) {
    println!("{} reports", process.0);
}

/// In a real cluster `network` is `Nats::at("nats://…")?.create_buckets(Buckets::new())`, and each process does this once.
async fn start(network: &LoopbackNetwork, name: &'static str) -> Result<BusGuard, StartError> {
    let bus = Bus::new().provide(Process(name));
    bus.connect_to(network.clone(), []).start().await
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let ann = start(&network, "ann").await?;
    let bob = start(&network, "bob").await?;
    let cid = start(&network, "cid").await?;
    sleep(Duration::from_millis(350)).await;
    for (name, bus) in [("ann", &ann), ("bob", &bob), ("cid", &cid)] {
        if let Some(lease) = bus.periodic("report").lease() {
            println!("{name} {lease}");
        }
    }
    ann.close().await?;
    println!("ann has gone");
    sleep(Duration::from_millis(350)).await;
    bob.close().await?;
    cid.close().await?;
    Ok(())
}
