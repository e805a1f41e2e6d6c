//! A factory takes an argument that nobody gives.

use signal_bus::inject;

async fn get_url(host: String) -> String {
    format!("http://{host}")
}

#[inject(url = get_url)]
async fn fetch(url: String) -> usize {
    url.len()
}

fn main() {}
