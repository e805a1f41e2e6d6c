//! A provider keeps an `Rc` across an await.

use std::rc::Rc;

use signal_bus::provider;

struct Pool;

#[provider]
async fn pool() -> Pool {
    let name = Rc::new("pool");
    tokio::task::yield_now().await;
    drop(name);
    Pool
}

fn main() {}
