//! A provider makes a trait object of a trait that does not say `Send + Sync`.

use std::sync::Arc;

use signal_bus::provider;

trait Transport {}

struct Smtp;

impl Transport for Smtp {}

#[provider]
fn transport() -> Arc<dyn Transport> {
    Arc::new(Smtp)
}

fn main() {}
