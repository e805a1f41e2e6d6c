//! `#[inject]` stands on a function, and no parameter says what to inject.

use signal_bus::inject;

#[inject]
async fn fetch(url: String) -> usize {
    url.len()
}

fn main() {}
