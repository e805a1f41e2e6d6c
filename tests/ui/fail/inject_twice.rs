//! A parameter is injected by the function's attribute and by its own.

use signal_bus::{inject, subscriber};

fn name() -> String {
    "Frank".to_owned()
}

#[subscriber("greeting")]
#[inject(name = name)]
async fn print(greeting: String, #[inject] name: String) {
    println!("{greeting} from {name}");
}

fn main() {}
