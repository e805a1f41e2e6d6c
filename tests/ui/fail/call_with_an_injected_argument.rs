//! An injected parameter has left the function's signature.

use signal_bus::inject;

fn get_url() -> String {
    "http://localhost".to_owned()
}

#[inject(url = get_url)]
async fn fetch(path: String, url: String) -> String {
    url + &path
}

fn main() {
    drop(fetch("/".to_owned(), "http://example.com".to_owned()));
}
