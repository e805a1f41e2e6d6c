//! `RustStream`: its memory broker alone, without the codec and the dispatcher of a service, in its favour.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use ruststream::memory::MemoryBroker;
use ruststream::{Broker as _, BytesMut, IncomingMessage as _, OutgoingMessage, Publisher as _};
use ruststream::{Subscribe as _, Subscriber as _};

use super::publish_all;
use crate::peers::{Value, handle, round_of};
use crate::shape::Shape;

/// A name is published to and subscribed to.
const NAME: &str = "bench";

pub(super) async fn rust_stream<T: Value>(shape: Shape) -> Duration {
    let round = round_of(shape);
    let broker = MemoryBroker::new().connect().await.expect("it starts");
    let mut readers = Vec::new();
    for _ in 0..shape.subscribers {
        let (mut reader, round) = (
            broker.subscribe(NAME).await.expect("it runs"),
            round.clone(),
        );
        readers.push(tokio::spawn(async move {
            let mut stream = std::pin::pin!(reader.stream());
            for _ in 0..shape.signals() * shape.publishers {
                let message = stream.next().await.expect("nothing is lost");
                let message = message.expect("it cannot fail");
                handle(&message.payload(), round.as_deref());
                message.ack().await.expect("it takes every acknowledgement");
            }
        }));
    }
    let begun = Instant::now();
    let publisher = Arc::new(broker.publisher());
    publish_all(shape, round.as_ref(), move |number| {
        let publisher = Arc::clone(&publisher);
        async move {
            let bytes = BytesMut::from(T::of(number).bytes().as_ref());
            let message = OutgoingMessage::produced(NAME, bytes);
            publisher.publish(message, None).await.expect("it runs");
        }
    })
    .await;
    for reader in readers {
        reader.await.expect("it reads");
    }
    begun.elapsed()
}
