//! A function is a provider, and a provider.

use signal_bus::provider;

struct Pool;

#[provider]
#[provider]
fn pool() -> Pool {
    Pool
}

fn main() {}
