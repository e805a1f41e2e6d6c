//! What the compiler promises of the public types: they pass between threads, and so do the futures that they make.

use std::panic::{RefUnwindSafe, UnwindSafe};

use signal_bus::{
    Bus, BusGuard, BusHandle, CloseError, CloseReport, DeadLetter, Health, Listener, PublishError,
    Receipt, Signal, StartError, Stats, SubscribeError, Subscription, Topic,
};

fn passes_between_threads<T: Send + Sync + Unpin + 'static>() {}
fn survives_panics<T: UnwindSafe + RefUnwindSafe>() {}
fn is_error<T: std::error::Error + Send + Sync + 'static>() {}
fn is_sent<F: Future + Send>(future: F) -> F {
    future
}

/// A signal that is neither `Clone` nor `Debug`, and as large as a page.
struct Large(#[expect(dead_code, reason = "it is there to be large")] [u8; 4096]);

#[test]
fn the_public_types_pass_between_threads() {
    passes_between_threads::<Bus>();
    passes_between_threads::<BusGuard>();
    passes_between_threads::<BusHandle>();
    passes_between_threads::<Signal<Large>>();
    passes_between_threads::<Signal>();
    passes_between_threads::<Subscription<Large>>();
    passes_between_threads::<Listener>();
    passes_between_threads::<Topic<Large>>();
    passes_between_threads::<Receipt>();
    passes_between_threads::<Stats>();
    passes_between_threads::<Health>();
    passes_between_threads::<CloseReport>();
    passes_between_threads::<DeadLetter>();
    is_error::<StartError>();
    is_error::<CloseError>();
    is_error::<SubscribeError>();
    is_error::<PublishError<Large>>();
    // What a program keeps after a panic that it has caught.
    survives_panics::<Topic<u32>>();
    survives_panics::<Stats>();
    survives_panics::<CloseReport>();
}

#[tokio::test]
async fn the_public_futures_are_sent_and_small() -> anyhow::Result<()> {
    let bus = Bus::empty();
    let start = is_sent(bus.start());
    let size_of_start = size_of_val(&start);
    let bus = start.await?;
    let publish = is_sent(bus.publish("auto.traits", 7_u32));
    let topic: Topic<u32> = Topic::new("auto.traits");
    let typed = is_sent(bus.publish(topic, 7_u32));
    println!(
        "futures: start {size_of_start} B, publish {} B of a text and {} B of a topic",
        size_of_val(&publish),
        size_of_val(&typed)
    );
    publish.await?;
    typed.await?;
    let mut subscription = bus.subscribe::<u32>("auto.traits")?;
    let sizes = [
        ("recv", size_of_val(&is_sent(subscription.recv()))),
        ("settled", size_of_val(&is_sent(bus.settled()))),
        ("closing", size_of_val(&is_sent(bus.closing()))),
        ("closed", size_of_val(&is_sent(bus.closed()))),
        ("close", size_of_val(&is_sent(bus.close()))),
        ("a handle", size_of::<BusHandle>()),
        ("a topic", size_of::<Topic<u32>>()),
        ("a signal", size_of::<Signal<Large>>()),
        ("a receipt", size_of::<Receipt>()),
    ];
    for (name, size) in sizes {
        println!("size of {name}: {size} B");
    }
    assert_eq!(size_of::<BusHandle>(), size_of::<usize>());
    assert!(
        size_of::<Signal<Large>>() < size_of::<Large>(),
        "it is shared"
    );
    let large = Large([7; 4096]);
    assert_eq!(bus.publish("auto.traits.large", large).await?.receivers, 0);
    drop(subscription);
    bus.close().await?;
    Ok(())
}
