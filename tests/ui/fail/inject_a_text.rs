//! A constant is injected without a factory.

use signal_bus::inject;

#[inject(url = "http://localhost")]
async fn fetch(url: String) -> usize {
    url.len()
}

fn main() {}
