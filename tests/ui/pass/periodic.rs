//! Functions that the clock calls.

use signal_bus::{Bus, inject, periodic, publisher};

async fn get_url() -> String {
    "http://localhost".to_owned()
}

fn get_secret() -> String {
    "secret".to_owned()
}

#[periodic(1.0)]
#[publisher("new-data")]
#[inject(url = get_url)]
#[inject(secret = get_secret)]
async fn get_data(url: String, secret: String) -> Vec<String> {
    vec![url, secret]
}

#[periodic("250ms", after = "1s", jitter = "50ms", missed = skip)]
async fn poll() {}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Bus::new().run(async {}).await
}
