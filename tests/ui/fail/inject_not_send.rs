//! An injected value cannot leave its thread.

use std::cell::RefCell;

use signal_bus::{inject, subscriber};

#[subscriber("orders.created")]
async fn store(order: String, #[inject] orders: &RefCell<Vec<String>>) {
    orders.borrow_mut().push(order);
}

fn main() {}
