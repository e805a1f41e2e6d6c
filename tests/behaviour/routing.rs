//! Who hears a topic, as patterns come and go and topics are remembered and forgotten: always as a naive matcher says.

use std::time::Instant;

use signal_bus::{AnyValue, Bus, PublishError, Subscription, subscriber};

use crate::random::Random;
use crate::rates::Rate;
use crate::sizes::size;

/// Whether a pattern hears a topic, token by token, as the rules are written.
fn hears(pattern: &[&str], topic: &[&str]) -> bool {
    match (pattern, topic) {
        (["**"], _) => true,
        ([">"], rest) => !rest.is_empty(),
        ([], []) => true,
        ([token, pattern @ ..], [name, topic @ ..]) => {
            (*token == "*" || token == name) && hears(pattern, topic)
        }
        ([], _) | (_, []) => false,
    }
}

impl Random {
    fn topic(&mut self) -> String {
        let names = ["a", "b", "c"];
        let tokens = (0..=self.below(3)).map(|_| names[self.below(3)]);
        tokens.collect::<Vec<_>>().join(".")
    }

    fn pattern(&mut self) -> String {
        let mut tokens: Vec<_> = (0..=self.below(3))
            .map(|_| ["a", "b", "c", "*", "*"][self.below(5)])
            .collect();
        match self.below(5) {
            0 => tokens.push(">"),
            1 => tokens.push("**"),
            _ => {}
        }
        tokens.join(".")
    }
}

#[test]
fn the_matcher_of_these_tests_follows_the_rules() {
    let says = |pattern: &str, topic: &str| {
        let (pattern, topic): (Vec<_>, Vec<_>) =
            (pattern.split('.').collect(), topic.split('.').collect());
        hears(&pattern, &topic)
    };
    for (pattern, topic) in [
        ("a", "a"),
        ("*", "a"),
        ("a.*.c", "a.b.c"),
        ("a.>", "a.b.c"),
        ("a.**", "a"),
        ("**", "a"),
    ] {
        assert!(says(pattern, topic), "{pattern} {topic}");
    }
    for (pattern, topic) in [
        ("a", "b"),
        ("*", "a.b"),
        ("a.>", "a"),
        ("a.*", "a"),
        ("a.b", "a"),
    ] {
        assert!(!says(pattern, topic), "{pattern} {topic}");
    }
}

#[tokio::test]
async fn who_hears_a_topic_is_as_a_naive_matcher_says_at_any_time() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let mut random = Random(7);
    let mut there: Vec<(Vec<String>, Subscription<AnyValue>)> = Vec::new();
    let (begun, steps) = (Instant::now(), size("ROUTING_STEPS", 20_000));
    for step in 0..steps {
        match random.below(10) {
            0 if there.len() < 60 => {
                let count = 1 + random.below(3);
                let patterns: Vec<_> = (0..count).map(|_| random.pattern()).collect();
                there.push((patterns.clone(), bus.subscribe_any(&patterns)?));
            }
            1 if !there.is_empty() => {
                let at = random.below(there.len());
                drop(there.swap_remove(at));
            }
            _ => {}
        }
        // Now and then so many topics come that all others are forgotten.
        if step % 5_000 == 4_999 {
            for other in 0..70_000_u32 {
                bus.try_publish(format!("once.{step}.{other}"), 0_u32)?;
                if other % 500 == 0 {
                    for (_, subscription) in &mut there {
                        while subscription.try_recv().is_some() {}
                    }
                }
            }
        }
        let topic = random.topic();
        let tokens: Vec<_> = topic.split('.').collect();
        let receipt = bus.publish(&topic, step).await?;
        let mut expected = 0;
        for (patterns, subscription) in &mut there {
            let mut patterns = patterns.iter();
            let hears = patterns.any(|one| hears(&one.split('.').collect::<Vec<_>>(), &tokens));
            expected += usize::from(hears);
            let mut heard = 0;
            while let Some(signal) = subscription.try_recv() {
                heard += u32::from(signal.downcast_ref() == Some(&step));
            }
            assert_eq!(heard, u32::from(hears), "once, or not at all");
        }
        assert_eq!(receipt.receivers, expected);
        assert_eq!(bus.subscriber_count(&topic), expected);
        assert_eq!(bus.has_subscribers(&topic), 0 < expected);
    }
    println!("steps: {}", Rate::since(begun, steps));
    Ok(())
}

#[subscriber("routing.annotated")]
async fn annotated(_number: &u32) {}

/// More than are remembered of those that no attribute names, twice: one that was asked for is passed over once.
const OTHERS: u32 = 140_000;

#[tokio::test]
async fn what_is_forgotten_is_neither_in_use_nor_named() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<annotated>().start().await?;
    let full = bus.subscription::<u32>("routing.full.*").capacity(1);
    let mut full = full.subscribe()?;
    let _named = bus.subscribe::<u32>("routing.named")?;
    for topic in ["annotated", "named", "idle", "full.one"] {
        bus.publish(format!("routing.{topic}"), 0_u32).await?;
    }
    let handle = bus.handle();
    let waits = tokio::spawn(async move { handle.publish("routing.full.one", 1_u32).await });
    tokio::task::yield_now().await;
    assert_eq!(full.waiting(), 1, "the other one waits for room");
    for number in 0..OTHERS {
        bus.publish(format!("routing.others.{number}"), number)
            .await?;
    }
    for topic in ["annotated", "named", "full.one"] {
        let other = bus.try_publish(format!("routing.{topic}"), 7_u16);
        let refused = matches!(other, Err(PublishError::TypeMismatch { .. }));
        assert!(refused, "{topic}: {other:?}");
    }
    bus.publish("routing.idle", 7_u16).await?;
    for number in [0, 1] {
        assert_eq!(full.recv().await.as_deref(), Some(&number));
    }
    waits.await??;
    bus.close().await?;
    Ok(())
}
