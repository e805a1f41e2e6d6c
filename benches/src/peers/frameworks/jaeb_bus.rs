//! jaeb: asynchronous handlers, which get a task per signal, and synchronous ones, which run in `publish`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ::jaeb::{EventBus, EventHandler, HandlerResult, SyncEventHandler};

use super::{Handled, publish_all};
use crate::peers::{Value, handle, round_of};
use crate::shape::{Round, Shape};

struct Reader {
    round: Option<Arc<Round>>,
    handled: Arc<AtomicUsize>,
}

impl Reader {
    fn read<T>(&self, value: &T) -> HandlerResult {
        handle(value, self.round.as_deref());
        self.handled.fetch_add(1, Ordering::Release);
        Ok(())
    }
}

struct AsyncReader(Reader);

impl<T: Value> EventHandler<T> for AsyncReader {
    async fn handle(&self, value: &T, _: &EventBus) -> HandlerResult {
        self.0.read(value)
    }
}

struct SyncReader(Reader);

impl<T: Value> SyncEventHandler<T> for SyncReader {
    fn handle(&self, value: &T, _: &EventBus) -> HandlerResult {
        self.0.read(value)
    }
}

/// A contest whose subscribers are `$reader`s.
macro_rules! contest {
    ($name:ident, $reader:ident) => {
        pub(super) async fn $name<T: Value>(shape: Shape) -> Duration {
            let (round, handled) = (round_of(shape), Handled::by(shape.subscribers));
            let bus = EventBus::builder().build().await.expect("it starts");
            for handled in &handled.0 {
                let (round, handled) = (round.clone(), Arc::clone(handled));
                let reader = $reader(Reader { round, handled });
                let subscribed = bus.subscribe::<T, _, _>(reader).await;
                // What is dropped here stays subscribed.
                drop(subscribed.expect("the bus runs"));
            }
            let begun = Instant::now();
            let publishing = bus.clone();
            publish_all(shape, round.as_ref(), move |number| {
                let bus = publishing.clone();
                async move { bus.publish(T::of(number)).await.expect("the bus runs") }
            })
            .await;
            bus.shutdown().await.expect("it drains");
            let elapsed = begun.elapsed();
            handled.assert_all(shape);
            elapsed
        }
    };
}

contest!(jaeb, AsyncReader);
contest!(jaeb_sync, SyncReader);
