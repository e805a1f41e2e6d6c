//! The factory is called where it should be named.

use signal_bus::inject;

fn get_url() -> String {
    "http://localhost".to_owned()
}

#[inject(url = get_url())]
async fn fetch(url: String) -> usize {
    url.len()
}

fn main() {}
