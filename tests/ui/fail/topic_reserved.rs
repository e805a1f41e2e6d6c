//! A publisher's topic begins with `$bus`.

use signal_bus::publisher;

#[publisher("$bus.dead")]
async fn create() -> String {
    "an order".to_owned()
}

fn main() {}
