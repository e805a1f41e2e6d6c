//! A subscriber keeps an `Rc` across an await.

use std::rc::Rc;

use signal_bus::subscriber;

#[subscriber("orders.created")]
async fn store(order: String) {
    let shared = Rc::new(order);
    tokio::task::yield_now().await;
    drop(shared);
}

fn main() {}
