//! A trait only says that there is a publisher.

use signal_bus::publisher;

trait Shop {
    #[publisher("orders.created")]
    fn create(&self) -> String;
}

fn main() {}
