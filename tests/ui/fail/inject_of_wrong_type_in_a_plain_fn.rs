//! The factory of a plain function makes a number; the parameter is a text.

use signal_bus::inject;

fn get_url() -> u32 {
    80
}

#[inject(url = get_url)]
fn fetch(url: String) -> usize {
    url.len()
}

fn main() {}
