//! The factory makes a number; the parameter is a text.

use signal_bus::inject;

async fn get_url() -> u32 {
    80
}

#[inject(url = get_url)]
async fn fetch(url: String) -> usize {
    url.len()
}

fn main() {}
