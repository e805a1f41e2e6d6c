//! A provider provides nothing.

use signal_bus::provider;

#[provider]
fn pool() {}

fn main() {}
