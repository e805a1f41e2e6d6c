//! `#[inject]` misspells a parameter.

use signal_bus::inject;

fn get_url() -> String {
    "http://localhost".to_owned()
}

#[inject(ulr = get_url)]
async fn fetch(url: String) -> usize {
    url.len()
}

fn main() {}
