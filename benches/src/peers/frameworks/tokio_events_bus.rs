//! tokio-events: a dispatcher with a queue of its own, and a queue and a task per subscriber.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use ::tokio_events::bus::EventBusConfig;
use ::tokio_events::{Error, Event, EventBusBuilder, Result};

use super::{Handled, publish_all};
use crate::peers::{Value, handle, round_of};
use crate::shape::{CAPACITY, Shape};

#[derive(Clone, Debug)]
struct Carried<T>(T);

impl<T: Value> Event for Carried<T> {
    fn event_type() -> &'static str {
        "Carried"
    }

    // A bus in memory turns nothing into bytes.
    fn serialize_event(&self) -> Result<Vec<u8>> {
        Err(Error::SerializationError("it stays in memory".to_owned()))
    }

    fn deserialize_event(_: &[u8]) -> Result<Self> {
        Err(Error::SerializationError("it stays in memory".to_owned()))
    }
}

pub(super) async fn tokio_events<T: Value>(shape: Shape) -> Duration {
    let (round, handled) = (round_of(shape), Handled::by(shape.subscribers));
    let config = EventBusConfig::ordered()
        .handler_channel_size(CAPACITY)
        .dispatcher_config(|dispatcher| {
            // A dispatch that runs into the timeout is given up, and its signal lost.
            let dispatcher = dispatcher.drop_on_full(false).processing_timeout_ms(0);
            dispatcher.max_queue_size(CAPACITY)
        });
    let bus = EventBusBuilder::new().with_config(config).build().await;
    let bus = Arc::new(bus.expect("it starts"));
    let mut subscriptions = Vec::new();
    for handled in &handled.0 {
        let (round, handled) = (round.clone(), Arc::clone(handled));
        let subscribed = bus.subscribe(move |Carried(value): Carried<T>| {
            handle(&value, round.as_deref());
            handled.fetch_add(1, Ordering::Release);
            std::future::ready(())
        });
        subscriptions.push(subscribed.await.expect("the bus runs"));
    }
    let begun = Instant::now();
    let publishing = Arc::clone(&bus);
    publish_all(shape, round.as_ref(), move |number| {
        let bus = Arc::clone(&publishing);
        async move {
            let published = bus.publish(Carried(T::of(number))).await;
            published.expect("the bus runs");
        }
    })
    .await;
    bus.shutdown_gracefully().await.expect("it drains");
    let elapsed = begun.elapsed();
    handled.assert_all(shape);
    elapsed
}
