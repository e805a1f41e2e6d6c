//! A factory does not exist.

use signal_bus::inject;

#[inject(url = get_url)]
async fn fetch(url: String) -> usize {
    url.len()
}

fn main() {}
