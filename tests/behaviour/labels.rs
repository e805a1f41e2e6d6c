//! What a signal carries beside its value.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use signal_bus::{Bus, Headers, Signal, SignalId, inject, publisher, subscriber};

/// Topic, id, parent and root.
type Told = (String, SignalId, Option<SignalId>, SignalId);

#[derive(Default)]
struct Seen(Mutex<Vec<Told>>);

impl Seen {
    fn add<T: ?Sized>(&self, signal: &Signal<T>) {
        let told = (
            signal.topic().to_owned(),
            signal.id(),
            signal.parent_id(),
            signal.root_id(),
        );
        self.0.lock().unwrap().push(told);
    }
}

#[publisher("labels.first")]
async fn first() -> u32 {
    1
}

#[subscriber("labels.first")]
#[publisher("labels.second")]
async fn second(number: Signal<u32>, #[inject] seen: &Seen) -> u32 {
    seen.add(&number);
    *number + 1
}

#[subscriber("labels.second")]
#[publisher("labels.deep.third")]
async fn third(number: Signal<u32>, #[inject] seen: &Seen) -> u32 {
    seen.add(&number);
    *number + 1
}

#[subscriber("labels.{depth}.third")]
async fn last(number: Signal<u32>, #[inject] seen: &Seen) {
    seen.add(&number);
    assert_eq!((*number, number.capture("depth")), (3, Some("deep")));
    assert_eq!(number.capture("region"), None);
    assert_eq!(number.captures().collect::<Vec<_>>(), [("depth", "deep")]);
}

#[tokio::test]
async fn parents_and_the_root_lead_back_to_where_it_began() -> anyhow::Result<()> {
    let seen = Arc::new(Seen::default());
    let bus = Bus::new()
        .within(module_path!())
        .provide_arc(Arc::clone(&seen));
    bus.run(async {
        first().await;
    })
    .await?;
    let seen = std::mem::take(&mut *seen.0.lock().unwrap());
    let [
        (one, first, None, root),
        (two, second, Some(parent), same),
        (three, _, Some(last), end),
    ] = &seen[..]
    else {
        panic!("{seen:?}")
    };
    assert_eq!(
        [one, two, three],
        ["labels.first", "labels.second", "labels.deep.third"]
    );
    assert_eq!((parent, last), (first, second));
    assert_eq!([root, same, end], [first; 3]);
    Ok(())
}

#[tokio::test]
async fn sequence_and_time_go_up_and_ids_are_ordered_in_a_topic() -> anyhow::Result<()> {
    let before = SystemTime::now();
    let bus = Bus::empty().start().await?;
    let mut all = bus.subscribe_any("**")?;
    for number in 0..100_u32 {
        let topic = format!("n.{}", number % 3);
        let receipt = bus.publish(&topic, number).await?;
        assert_eq!(receipt.receivers, 1);
    }
    let signals: Vec<_> = std::iter::from_fn(|| all.try_recv()).collect();
    assert_eq!(signals.len(), 100);
    for pair in signals.windows(2) {
        assert!(pair[0].sequence() < pair[1].sequence());
        assert!(pair[0].id() < pair[1].id());
    }
    for signal in &signals {
        assert!((before..=SystemTime::now()).contains(&signal.time()));
        assert_eq!(signal.type_name(), "u32");
        assert!(signal.headers().is_empty() && !signal.is_local());
        assert_eq!((signal.parent_id(), signal.root_id()), (None, signal.id()));
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn times_go_up_in_a_queue_where_a_publisher_had_to_wait() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let mut all = bus.subscribe::<u32>("waited.*")?;
    let full = bus.subscription::<u32>("waited.full").capacity(1);
    let mut full = full.subscribe()?;
    bus.publish("waited.full", 1_u32).await?;
    let mut waits = std::pin::pin!(bus.publish("waited.full", 2_u32));
    let at_once = tokio::time::timeout(Duration::from_millis(1), &mut waits).await;
    assert!(at_once.is_err(), "there is no room for it");
    bus.publish("waited.other", 3_u32).await?;
    assert_eq!(full.try_recv().as_deref(), Some(&1));
    waits.await?;
    let signals: Vec<_> = std::iter::from_fn(|| all.try_recv()).collect();
    let numbers: Vec<_> = signals.iter().map(|signal| **signal).collect();
    assert_eq!(numbers, [1, 3, 2]);
    assert!(signals.is_sorted_by_key(Signal::time));
    Ok(())
}

#[publisher("labels.traced")]
async fn trace() -> u32 {
    7
}

#[publisher("labels.traced.plain")]
fn trace_now() -> u32 {
    8
}

#[tokio::test]
async fn headers_are_those_of_the_innermost_scope() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let mut traced = bus.subscribe::<u32>("labels.traced.**")?;
    let outer = Headers::new().with("trace", "one").with("user", "ann");
    let inner = Headers::new().with("trace", "two");
    let scoped = async {
        trace().await;
        inner.sync_scope(trace_now);
        bus.publisher("labels").publish("traced", 9_u32).await
    };
    outer.clone().scope(scoped).await?;
    trace().await;
    let told = |signal: Signal<u32>| {
        let headers = signal.headers().iter();
        headers
            .map(|(name, text)| format!("{name}={text}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    let headers: Vec<_> = std::iter::from_fn(|| traced.try_recv()).map(told).collect();
    assert_eq!(
        headers,
        ["trace=one user=ann", "trace=two", "trace=one user=ann", ""]
    );
    Ok(())
}
