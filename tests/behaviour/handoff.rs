//! Who waits for what a handler does with its signal: on one thread the handler goes on in its turn.

use std::sync::{Arc, Mutex};

use signal_bus::{Bus, BusHandle, inject, subscriber};
use tokio::sync::Notify;

#[derive(Debug, Default)]
struct Seen {
    done: Mutex<Vec<&'static str>>,
    answered: Notify,
}

impl Seen {
    fn note(&self, done: &'static str) {
        self.done.lock().unwrap().push(done);
    }
}

#[subscriber("handoff.asked")]
async fn answers(_signal: (), #[inject] seen: &Seen) {
    seen.note("handler");
    seen.answered.notify_one();
}

#[subscriber("handoff.passed")]
async fn passes(
    _signal: (),
    #[inject] seen: &Seen,
    #[inject] bus: &BusHandle,
) -> anyhow::Result<()> {
    seen.note("first handler");
    bus.publish("handoff.asked", ()).await?;
    Ok(())
}

/// What is done after a signal, in its order, by a task of ours and one of tokio's that is spawned behind it.
async fn done_after(topic: &'static str) -> anyhow::Result<Vec<&'static str>> {
    let seen = Arc::new(Seen::default());
    let bus = Bus::empty().with::<answers>().with::<passes>();
    let bus = bus.provide_arc(Arc::clone(&seen)).start().await?;
    // Once, so that all have had their first turn.
    bus.publish(topic, ()).await?;
    seen.answered.notified().await;
    bus.settled().await;
    seen.done.lock().unwrap().clear();
    let (handle, asks) = (bus.handle(), Arc::clone(&seen));
    let asking = signal_bus::spawn(async move {
        handle.publish(topic, ()).await?;
        asks.answered.notified().await;
        asks.note("publisher");
        anyhow::Ok(())
    });
    let other = Arc::clone(&seen);
    let other = tokio::spawn(async move { other.note("other") });
    asking.await??;
    other.await?;
    bus.close().await?;
    Ok(std::mem::take(&mut *seen.done.lock().unwrap()))
}

#[tokio::test]
async fn a_handler_goes_on_in_the_turn_of_who_waits_for_it() -> anyhow::Result<()> {
    let done = done_after("handoff.asked").await?;
    assert_eq!(done, ["handler", "publisher", "other"]);
    Ok(())
}

#[tokio::test]
async fn so_does_one_that_is_woken_by_another_one() -> anyhow::Result<()> {
    let done = done_after("handoff.passed").await?;
    assert_eq!(done, ["first handler", "handler", "publisher", "other"]);
    Ok(())
}
