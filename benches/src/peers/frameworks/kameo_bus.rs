//! kameo: the bus is an actor, and so is each subscriber.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ::kameo::error::Infallible;
use ::kameo::mailbox;
use ::kameo::prelude::{Actor, ActorRef, ActorStopReason, Context, Message, Spawn, WeakActorRef};
use kameo_actors::DeliveryStrategy;
use kameo_actors::message_bus::{MessageBus, Publish, Register};

use super::{Handled, publish_all};
use crate::peers::{Value, handle, round_of};
use crate::shape::{CAPACITY, Round, Shape};

/// A subscriber; it counts for itself and tells at its end.
struct Reader {
    round: Option<Arc<Round>>,
    handled: usize,
    told: Arc<AtomicUsize>,
}

impl Actor for Reader {
    type Args = Self;
    type Error = Infallible;

    async fn on_start(args: Self, _: ActorRef<Self>) -> Result<Self, Infallible> {
        Ok(args)
    }

    async fn on_stop(
        &mut self,
        _: WeakActorRef<Self>,
        _: ActorStopReason,
    ) -> Result<(), Infallible> {
        self.told.store(self.handled, Ordering::Release);
        Ok(())
    }
}

impl<T: Value> Message<T> for Reader {
    type Reply = ();

    async fn handle(&mut self, value: T, _: &mut Context<Self, ()>) {
        handle(&value, self.round.as_deref());
        self.handled += 1;
    }
}

pub(super) async fn kameo<T: Value>(shape: Shape) -> Duration {
    let (round, handled) = (round_of(shape), Handled::by(shape.subscribers));
    let bus = MessageBus::spawn_with_mailbox(
        MessageBus::new(DeliveryStrategy::Guaranteed),
        mailbox::bounded(CAPACITY),
    );
    let mut readers = Vec::new();
    for told in &handled.0 {
        let reader = Reader {
            round: round.clone(),
            handled: 0,
            told: Arc::clone(told),
        };
        let reader = Reader::spawn_with_mailbox(reader, mailbox::bounded(CAPACITY));
        let registered = bus.ask(Register(reader.clone().recipient::<T>())).await;
        registered.expect("the bus runs");
        readers.push(reader);
    }
    let begun = Instant::now();
    let publishing = bus.clone();
    publish_all(shape, round.as_ref(), move |number| {
        let bus = publishing.clone();
        async move {
            let published = bus.tell(Publish(T::of(number))).await;
            published.expect("the bus runs");
        }
    })
    .await;
    bus.stop_gracefully().await.expect("the bus runs");
    bus.wait_for_shutdown().await;
    for reader in &readers {
        reader.stop_gracefully().await.expect("it reads");
    }
    for reader in &readers {
        // `wait_for_shutdown` would end before `on_stop` does.
        let stopped = reader.wait_for_shutdown_result().await;
        drop(stopped.expect("it cannot fail"));
    }
    let elapsed = begun.elapsed();
    handled.assert_all(shape);
    elapsed
}
