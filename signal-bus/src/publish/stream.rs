//! Publishers that return a stream: each item is published as it is polled.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use crate::publish::{
    annotated::{Gives, On, Publisher},
    pending::{Pending, Wait},
    publication::Publication,
};

impl<T, R, E> Gives<T, R, E> {
    /// Publishes each item of a stream before it is yielded.
    pub fn publish_each<S>(self, publication: &'static Publication, stream: S) -> Each<S, T>
    where
        S: Stream<Item = R>,
    {
        Each {
            stream: Box::pin(stream),
            publication,
            on: self.on,
            publish: self.publish,
            waiting: None,
        }
    }
}

/// A stream whose items are published before they are yielded.
///
/// It asks nothing of the items: it is the return type of the user's function, and what is wrong with them would be
/// told there a second time.
#[must_use = "streams do nothing unless they are polled"]
pub struct Each<S: Stream, T> {
    stream: Pin<Box<S>>,
    publication: &'static Publication,
    on: On<T>,
    publish: Publisher<T, S::Item>,
    /// The item that is being published, with the wait for room.
    waiting: Option<Box<Item<S::Item>>>,
}

struct Item<T> {
    item: T,
    published: Wait,
}

impl<S: Stream, T> fmt::Debug for Each<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Each({:?})", self.publication)
    }
}

impl<S: Stream, T> Stream for Each<S, T> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = &mut *self;
        if this.waiting.is_none() {
            let Some(item) = ready!(this.stream.as_mut().poll_next(context)) else {
                return Poll::Ready(None);
            };
            let published = (this.publish)(this.on.clone(), this.publication, &item);
            let Some(published) = published.map(Pending::wait) else {
                return Poll::Ready(Some(item));
            };
            this.waiting = Some(Box::new(Item { item, published }));
        }
        if let Some(waiting) = &mut this.waiting {
            ready!(Pin::new(&mut waiting.published).poll(context));
        }
        Poll::Ready(this.waiting.take().map(|waiting| waiting.item))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let (low, high) = self.stream.size_hint();
        let waiting = usize::from(self.waiting.is_some());
        (
            low.saturating_add(waiting),
            high.and_then(|high| high.checked_add(waiting)),
        )
    }
}
