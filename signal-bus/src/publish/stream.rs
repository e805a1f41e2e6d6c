//! Publishers that return a stream: each item is published as it is polled.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use futures_core::Stream;

use crate::{
    publish::annotated::{On, Publication, Wait},
    signal::Payload,
};

impl<T> On<T> {
    /// Publishes each item of a stream before it is yielded.
    pub fn publish_each<S: Stream<Item = T>>(
        self,
        publication: &'static Publication,
        stream: S,
    ) -> impl Stream<Item = T> + use<S, T>
    where
        T: Payload + Clone,
    {
        Each {
            stream: Box::pin(stream),
            publication,
            on: self,
            waiting: None,
        }
    }
}

/// A stream whose items are published before they are yielded.
struct Each<S: Stream> {
    stream: Pin<Box<S>>,
    publication: &'static Publication,
    on: On<S::Item>,
    /// The item that is being published, with the wait for room.
    waiting: Option<Box<Item<S::Item>>>,
}

struct Item<T> {
    item: T,
    published: Wait,
}

impl<S: Stream> fmt::Debug for Each<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Each({:?})", self.publication)
    }
}

impl<S: Stream<Item: Payload + Clone>> Stream for Each<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = &mut *self;
        if this.waiting.is_none() {
            let Some(item) = ready!(this.stream.as_mut().poll_next(context)) else {
                return Poll::Ready(None);
            };
            let pending = this
                .on
                .clone()
                .publish::<S::Item, _>(this.publication, &item);
            let published = pending.wait();
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
