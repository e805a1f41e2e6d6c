//! A trait object is injected, of a trait that does not say `Send + Sync`.

use std::sync::Arc;

use signal_bus::{inject, subscriber};

trait Transport {
    fn send(&self, order: String);
}

#[subscriber("orders.created")]
async fn mail(order: String, #[inject] transport: Arc<dyn Transport>) {
    transport.send(order);
}

fn main() {}
