//! Nobody would poll what a periodic function returns.

use futures_core::Stream;
use signal_bus::{periodic, publisher};

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

#[periodic(1)]
#[publisher("numbers")]
fn count() -> impl Stream<Item = u32> {
    Numbers
}

fn main() {}
