//! Frameworks, each in the mode in which its documentation promises every signal to every subscriber.
//!
//! | framework | used as | when a subscriber is slow |
//! |---|---|---|
//! | kameo | `MessageBus` with `DeliveryStrategy::Guaranteed`, bounded mailboxes | the bus waits, then its mailbox is full, then publishers wait |
//! | jaeb | asynchronous handlers | nobody waits: a task per signal and handler, without a bound, in no order |
//! | jaeb sync | synchronous handlers, which run in `publish` | the publisher is slow |
//! | `RustStream` | `MemoryBroker`, its bytes without a codec | nobody waits: queues without a bound |
//! | tokio-events | `drop_on_full(false)`, no processing timeout | the dispatcher waits, then its queue is full, then publishers wait |

mod jaeb_bus;
mod kameo_bus;
mod rust_stream;
mod tokio_events_bus;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::peers::{begin, by_payload, over};
use crate::shape::{Round, Shape};

/// Publishes all signals of a shape, in a task per publisher.
async fn publish_all<P, F>(shape: Shape, round: Option<&Arc<Round>>, publish: P)
where
    P: Fn(u64) -> F + Clone + Send + 'static,
    F: Future<Output = ()> + Send,
{
    let mut publishers = Vec::new();
    for _ in 0..shape.publishers {
        let (publish, round) = (publish.clone(), round.cloned());
        publishers.push(tokio::spawn(async move {
            for number in 0..shape.signals() as u64 {
                begin(round.as_deref(), shape);
                publish(number).await;
                over(round.as_deref()).await;
                // Some publish without ever waiting: a runtime of one thread would run nobody else.
                tokio::task::coop::consume_budget().await;
            }
        }));
    }
    for publisher in publishers {
        publisher.await.expect("it publishes");
    }
}

/// How many signals each subscriber has handled.
#[derive(Clone)]
struct Handled(Vec<Arc<AtomicUsize>>);

impl Handled {
    fn by(subscribers: usize) -> Self {
        Self((0..subscribers).map(|_| Arc::default()).collect())
    }

    fn assert_all(&self, shape: Shape) {
        for handled in &self.0 {
            let handled = handled.load(Ordering::Acquire);
            assert_eq!(handled, shape.signals() * shape.publishers);
        }
    }
}

mod inner {
    pub(super) use super::jaeb_bus::{jaeb, jaeb_sync};
    pub(super) use super::kameo_bus::kameo;
    pub(super) use super::rust_stream::rust_stream;
    pub(super) use super::tokio_events_bus::tokio_events;
}

by_payload!(kameo);
by_payload!(jaeb);
by_payload!(jaeb_sync);
by_payload!(rust_stream);
by_payload!(tokio_events);
