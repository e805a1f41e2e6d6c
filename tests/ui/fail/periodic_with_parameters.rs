//! Nobody gives a periodic function an argument.

use signal_bus::periodic;

#[periodic(1)]
async fn poll(url: String) {
    drop(url);
}

fn main() {}
