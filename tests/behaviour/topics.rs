//! Wildcards, the bus's own topics, and the order in which a topic is handled.

use std::sync::{Arc, Mutex};

use signal_bus::{Bus, Signal, SignalId, inject, publisher, subscriber};

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl Heard {
    fn note(&self, who: &str, topic: &str) {
        self.0.lock().unwrap().push(format!("{who} {topic}"));
    }
}

#[publisher("orders.{region}.created")]
async fn create(region: &str, number: u32) -> u32 {
    number
}

#[publisher("orders")]
async fn all() -> String {
    "all".into()
}

#[subscriber("orders.*.created")]
async fn star(order: Signal<u32>, #[inject] heard: &Heard) {
    heard.note("star", order.topic());
}

#[subscriber("orders.eu.created")]
async fn exact(order: Signal<u32>, #[inject] heard: &Heard) {
    heard.note("exact", order.topic());
}

#[subscriber("orders.>")]
async fn below(any: Signal, #[inject] heard: &Heard) {
    heard.note("below", any.topic());
}

#[subscriber("orders.**")]
async fn with_root(any: Signal, #[inject] heard: &Heard) {
    heard.note(any.type_name(), any.topic());
}

#[subscriber("**", "orders.>", "orders.eu.created")]
async fn everything_once(any: Signal, #[inject] heard: &Heard) {
    heard.note("everything", any.topic());
}

#[tokio::test]
async fn patterns_hear_what_they_say_once_the_most_specific_first() -> anyhow::Result<()> {
    let heard = Arc::<Heard>::default();
    let bus = Bus::empty()
        .with::<star>()
        .with::<exact>()
        .with::<below>()
        .with::<with_root>()
        .with::<everything_once>()
        .provide_arc(Arc::clone(&heard));
    bus.run(async {
        create("eu", 1).await;
        signal_bus::current().unwrap().settled().await;
        all().await;
        signal_bus::current().unwrap().settled().await;
        create("us", 1).await;
    })
    .await?;
    let heard = std::mem::take(&mut *heard.0.lock().unwrap());
    let expected = [
        "exact orders.eu.created",
        "everything orders.eu.created",
        "star orders.eu.created",
        "below orders.eu.created",
        "u32 orders.eu.created",
        "alloc::string::String orders",
        "everything orders",
        "star orders.us.created",
        "below orders.us.created",
        "everything orders.us.created",
        "u32 orders.us.created",
    ];
    let sorted = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    assert_eq!(
        sorted(heard.clone()),
        sorted(expected.map(String::from).to_vec())
    );
    let place = |line: &str| heard.iter().position(|heard| heard == line).unwrap();
    assert!(
        place("exact orders.eu.created") < place("star orders.eu.created"),
        "{heard:?}"
    );
    assert!(
        place("star orders.eu.created") < place("below orders.eu.created"),
        "{heard:?}"
    );
    assert!(
        place("below orders.us.created") < place("everything orders.us.created"),
        "{heard:?}"
    );
    Ok(())
}

mod ordered {
    use super::*;

    #[derive(Debug, Default)]
    pub(super) struct Orders(pub(super) Mutex<[Vec<SignalId>; 2]>);

    #[subscriber("ordered.a", capacity = 4)]
    async fn one(signal: Signal<u32>, #[inject] orders: &Orders) {
        orders.0.lock().unwrap()[0].push(signal.id());
    }

    #[subscriber("ordered.a", "ordered.b", capacity = 7)]
    async fn two(signal: Signal<u32>, #[inject] orders: &Orders) {
        tokio::task::yield_now().await;
        if signal.topic() == "ordered.a" {
            orders.0.lock().unwrap()[1].push(signal.id());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_subscriber_sees_one_order_of_a_topic() -> anyhow::Result<()> {
    let orders = Arc::<ordered::Orders>::default();
    let bus = Bus::new()
        .within(concat!(module_path!(), "::ordered"))
        .provide_arc(Arc::clone(&orders));
    let bus = bus.start().await?;
    let publishers: Vec<_> = (0..8_u32)
        .map(|publisher| (publisher, bus.handle()))
        .map(|(publisher, bus)| {
            tokio::spawn(async move {
                for number in 0..500 {
                    let topic = if number % 3 == 0 {
                        "ordered.b"
                    } else {
                        "ordered.a"
                    };
                    bus.publish(topic, publisher * 1000 + number).await.unwrap();
                }
            })
        })
        .collect();
    for publisher in publishers {
        publisher.await?;
    }
    bus.close().await?;
    let [one, two] = std::mem::take(&mut *orders.0.lock().unwrap());
    assert_eq!(one.len(), 8 * 333);
    assert_eq!(one, two);
    assert!(one.is_sorted(), "ids are ordered within a topic");
    Ok(())
}

mod many {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[derive(Debug, Default)]
    pub(super) struct Count(pub(super) AtomicUsize);

    #[subscriber("many.*.once")]
    async fn once(_number: &u32, #[inject] count: &Count) {
        count.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// More topics than the bus remembers: those that are forgotten are found again.
#[tokio::test]
async fn a_topic_that_is_used_once_costs_nothing_for_ever() -> anyhow::Result<()> {
    let count = Arc::<many::Count>::default();
    let bus = Bus::new()
        .within(concat!(module_path!(), "::many"))
        .provide_arc(Arc::clone(&count));
    let bus = bus.start().await?;
    for number in 0..140_000_u32 {
        let topic = format!("many.{}.once", number % 70_000);
        assert_eq!(bus.publish(topic, number).await?.receivers, 1);
    }
    bus.close().await?;
    assert_eq!(count.0.load(std::sync::atomic::Ordering::Relaxed), 140_000);
    Ok(())
}
