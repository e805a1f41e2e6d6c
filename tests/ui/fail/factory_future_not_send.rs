//! A factory keeps an `Rc` across an await.

use std::rc::Rc;

use signal_bus::{inject, subscriber};

async fn name() -> String {
    let name = Rc::new("Frank");
    tokio::task::yield_now().await;
    name.to_string()
}

#[subscriber("greeting")]
#[inject(name = name)]
async fn print(greeting: String, name: String) {
    println!("{greeting} from {name}");
}

fn main() {}
