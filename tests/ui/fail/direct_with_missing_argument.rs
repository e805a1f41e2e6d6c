//! `direct` is the function as written, with every parameter.

use signal_bus::{inject, subscriber};

fn name() -> String {
    "Frank".to_owned()
}

#[subscriber("greeting")]
#[inject(name = name)]
async fn print(greeting: String, name: String) {
    println!("{greeting} from {name}");
}

#[tokio::main]
async fn main() {
    print::direct("hi".to_owned()).await;
}
