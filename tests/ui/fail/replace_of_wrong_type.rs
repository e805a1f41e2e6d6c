//! A factory of names is replaced by one of numbers.

use signal_bus::{Bus, inject, subscriber};

async fn name() -> String {
    "Frank".to_owned()
}

#[subscriber("greeting")]
#[inject(name = name)]
async fn print(greeting: String, name: String) {
    println!("{greeting} from {name}");
}

fn main() {
    let _bus = Bus::new().replace(name, || 1);
}
