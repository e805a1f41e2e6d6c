//! An injected parameter has left the method's signature.

use signal_bus::inject;

struct Client;

impl Client {
    #[inject]
    async fn fetch(&self, #[inject] url: String) -> usize {
        url.len()
    }
}

fn main() {
    drop(Client.fetch("http://example.com".to_owned()));
}
