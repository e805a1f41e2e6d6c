//! `#[inject]` has another name here, so that a parameter seems to come from nowhere.

use signal_bus::{inject as wire, subscriber};

fn name() -> String {
    "Frank".to_owned()
}

#[subscriber("greeting")]
#[wire(name = name)]
async fn print(greeting: String, name: String) {
    println!("{greeting} from {name}");
}

fn main() {}
