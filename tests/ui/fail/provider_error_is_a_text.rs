//! A provider fails with a `String`, which is no error type.

use signal_bus::provider;

struct Pool;

#[provider]
async fn pool() -> Result<Pool, String> {
    Err("no database".to_owned())
}

fn main() {}
