//! A factory fails with a `String`, which is no error type.

use signal_bus::inject;

async fn get_url() -> Result<String, String> {
    Err("no network".to_owned())
}

#[inject(url = get_url)]
async fn fetch(url: String) -> usize {
    url.len()
}

fn main() {}
