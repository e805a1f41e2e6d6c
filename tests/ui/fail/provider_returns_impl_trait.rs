//! A provider does not say which type it provides.

use signal_bus::provider;

trait Transport {}

struct Smtp;

impl Transport for Smtp {}

#[provider]
fn transport() -> impl Transport {
    Smtp
}

fn main() {}
