//! A periodic function keeps an `Rc` across an await.

use std::rc::Rc;

use signal_bus::periodic;

#[periodic(1)]
async fn poll() {
    let shared = Rc::new(1);
    tokio::task::yield_now().await;
    drop(shared);
}

fn main() {}
