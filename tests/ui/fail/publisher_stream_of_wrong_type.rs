//! The topic carries orders; the stream's items are numbers.

use futures_core::Stream;
use signal_bus::{Topic, publisher};

#[derive(Clone)]
struct Order;

static ORDERS: Topic<Order> = Topic::new("orders.created");

#[publisher(ORDERS)]
fn create(numbers: Numbers) -> impl Stream<Item = u32> {
    numbers
}

struct Numbers;

impl Stream for Numbers {
    type Item = u32;

    fn poll_next(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<u32>> {
        std::task::Poll::Ready(None)
    }
}

fn main() {}
