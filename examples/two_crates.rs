//! Buses across modules: each crate describes its own bus, and one program unites them.

use std::sync::Arc;

use mail::Outbox;
use signal_bus::Bus;

// The linker drops a crate that nothing mentions, and its functions with it; this line mentions both.
signal_bus::link!(orders, mail);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let outbox = Arc::new(Outbox::default());
    let orders_bus = Bus::new().within("orders");
    let mail_bus = Bus::new().within("mail").provide_arc(Arc::clone(&outbox));

    let placed = orders_bus
        .connect(mail_bus)
        .run(orders::place("Ada, 2, 1250"))
        .await?;
    println!("{:?}", placed?);
    println!("{:?}", outbox.letters());
    Ok(())
}
