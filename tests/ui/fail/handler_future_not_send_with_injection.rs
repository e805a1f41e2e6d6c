//! A subscriber with an injected parameter keeps an `Rc` across an await.

use std::rc::Rc;

use signal_bus::{inject, subscriber};

async fn name() -> String {
    "Frank".to_owned()
}

#[subscriber("orders.created")]
#[inject(name = name)]
async fn store(order: String, name: String) {
    let shared = Rc::new(order + &name);
    tokio::task::yield_now().await;
    drop(shared);
}

fn main() {}
