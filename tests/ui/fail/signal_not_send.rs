//! A subscriber takes a signal that cannot leave its thread.

use std::rc::Rc;

use signal_bus::subscriber;

#[subscriber("orders.created")]
async fn store(order: Rc<String>) {
    drop(order);
}

fn main() {}
