//! A stream's items go to the caller and onto the bus, and cannot be cloned.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use signal_bus::publisher;

struct Order;

struct Orders;

impl Stream for Orders {
    type Item = Order;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Order>> {
        Poll::Ready(None)
    }
}

#[publisher("orders.created")]
fn create() -> impl Stream<Item = Order> {
    Orders
}

fn main() {}
