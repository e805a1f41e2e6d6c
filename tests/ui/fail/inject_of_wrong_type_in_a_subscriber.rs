//! The factory makes a number; the subscriber's parameter is a text.

use signal_bus::{inject, subscriber};

fn name() -> u32 {
    1
}

#[subscriber("greeting")]
#[inject(name = name)]
async fn print(greeting: String, name: String) {
    println!("{greeting} from {name}");
}

fn main() {}
