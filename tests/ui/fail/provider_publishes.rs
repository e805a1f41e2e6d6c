//! A provider is a publisher, too.

use signal_bus::{provider, publisher};

#[provider]
#[publisher("pools")]
async fn pool() -> String {
    "pool".to_owned()
}

fn main() {}
