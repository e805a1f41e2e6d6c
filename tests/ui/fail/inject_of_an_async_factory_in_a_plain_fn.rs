//! A plain function cannot await its factory.

use signal_bus::inject;

async fn get_url() -> String {
    "http://localhost".to_owned()
}

#[inject(url = get_url)]
fn fetch(url: String) -> usize {
    url.len()
}

fn main() {}
