//! A stream's items cannot leave their thread.

use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use futures_core::Stream;
use signal_bus::publisher;

struct Orders;

impl Stream for Orders {
    type Item = Rc<str>;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Rc<str>>> {
        Poll::Ready(None)
    }
}

#[publisher("orders.created")]
fn create() -> impl Stream<Item = Rc<str>> {
    Orders
}

fn main() {}
