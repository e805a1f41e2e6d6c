//! Subscriptions at run time: pulled, listened to, once; how they begin and how they end.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_core::Stream;
use signal_bus::{
    Bus, BusGuard, CloseError, CloseOutcome, Listener, Overflow, Signal, SubscribeError,
    Subscription, Topic, publisher, subscriber,
};

static NUMBERS: Topic<u32> = Topic::new("subscriptions.numbers");

#[publisher("declared.texts")]
#[expect(dead_code, reason = "what it declares is all that it is for")]
async fn declare() -> String {
    "text".into()
}

#[subscriber("heard.texts")]
async fn hear(_text: &String) {}

async fn bus() -> BusGuard {
    Bus::empty().start().await.unwrap()
}

#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u32>>>);

impl Seen {
    fn add(&self, number: u32) {
        self.0.lock().unwrap().push(number);
    }

    fn all(&self) -> Vec<u32> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_subscription_gets_what_is_published_after_it_began_in_order() -> anyhow::Result<()> {
    let bus = bus().await;
    bus.publish(NUMBERS, 0).await?;
    let mut numbers = bus.subscribe(NUMBERS)?;
    for number in 1..=3 {
        assert_eq!(bus.publish(NUMBERS, number).await?.receivers, 1);
    }
    for number in 1..=3 {
        let signal = numbers.recv().await.unwrap();
        assert_eq!((*signal, signal.topic()), (number, "subscriptions.numbers"));
    }
    assert!(numbers.try_recv().is_none());
    drop(numbers);
    let report = bus.close().await?;
    let departed = report.stats.departed;
    assert_eq!((departed.count, departed.tally.done), (1, 3));
    Ok(())
}

#[tokio::test]
async fn several_patterns_share_one_queue_and_one_order() -> anyhow::Result<()> {
    let bus = bus().await;
    let mut both = bus.subscribe::<u32>(["a.*", "b", "a.>"])?;
    for (number, topic) in ["a.x", "b", "a.x.y", "c", "a.z"].iter().enumerate() {
        bus.publish(*topic, u32::try_from(number)?).await?;
    }
    let mut seen = Vec::new();
    while let Some(signal) = both.try_recv() {
        seen.push(*signal);
    }
    assert_eq!(
        seen,
        [0, 1, 2, 4],
        "each once, although two patterns hear `a.x`"
    );
    Ok(())
}

#[tokio::test]
async fn a_subscription_holds_its_signals_until_its_reader_begins() -> anyhow::Result<()> {
    let bus = bus().await;
    let mut events = bus.subscribe::<u32>("event")?;
    bus.publish("event", 1_u32).await?;
    bus.publish("event", 2_u32).await?;
    assert_eq!(events.waiting(), 2);
    let reader = tokio::spawn(async move {
        let mut seen = Vec::new();
        while let Some(event) = events.recv().await {
            seen.push(*event);
        }
        seen
    });
    bus.publish("event", 3_u32).await?;
    bus.close().await?;
    assert_eq!(
        reader.await?,
        [1, 2, 3],
        "and `None` after the backlog ends the reader"
    );
    Ok(())
}

#[tokio::test]
async fn it_is_a_stream() -> anyhow::Result<()> {
    let bus = bus().await;
    let mut numbers = bus.subscribe(NUMBERS)?;
    bus.publish(NUMBERS, 7).await?;
    let next = std::future::poll_fn(|context| std::pin::Pin::new(&mut numbers).poll_next(context));
    assert_eq!(next.await.as_deref(), Some(&7));
    Ok(())
}

#[tokio::test]
async fn closing_a_topic_ends_its_readers_after_the_backlog() -> anyhow::Result<()> {
    let bus = bus().await;
    let mut ended = bus.subscribe(NUMBERS)?;
    let mut goes_on = bus.subscribe::<u32>("subscriptions.>")?;
    bus.publish(NUMBERS, 1).await?;
    bus.close_topic(NUMBERS.name())?;
    let refused = bus.publish(NUMBERS, 2).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "topic `subscriptions.numbers` is closed"
    );
    assert_eq!(refused.into_signal(), 2);
    assert_eq!(ended.recv().await.as_deref(), Some(&1));
    assert!(ended.recv().await.is_none());
    bus.publish("subscriptions.others", 3_u32).await?;
    assert_eq!(goes_on.recv().await.as_deref(), Some(&1));
    assert_eq!(goes_on.recv().await.as_deref(), Some(&3));
    assert!(bus.close_topic("a.*").is_err());

    let full = bus.subscription::<u32>("full.*").capacity(1).subscribe()?;
    bus.publish("full.a", 1_u32).await?;
    let handle = bus.handle();
    let waits = tokio::spawn(async move { handle.publish("full.a", 2_u32).await });
    tokio::task::yield_now().await;
    bus.close_topic("full.a")?;
    let refused = waits.await?.unwrap_err();
    assert_eq!(refused.to_string(), "topic `full.a` is closed");
    drop(full);

    let mut late = bus.subscribe(NUMBERS)?;
    assert!(late.recv().await.is_none(), "who comes late does not wait");
    for _ in 0..2 {
        let member = bus.subscription(NUMBERS).group("late");
        let listener = member.listen(|_: Signal<u32>| {})?;
        listener.close().await?;
    }
    let kept: Topic<u32> = Topic::new("subscriptions.kept").sticky();
    bus.publish(kept, 4).await?;
    bus.close_topic(kept.name())?;
    let mut late = bus.subscribe(kept)?;
    assert_eq!(late.recv().await.as_deref(), Some(&4));
    assert!(late.recv().await.is_none());
    Ok(())
}

#[tokio::test]
async fn a_dropped_subscription_abandons_what_waits_and_frees_its_publishers() -> anyhow::Result<()>
{
    let bus = bus().await;
    let full = bus.subscription::<u32>("full").capacity(1).subscribe()?;
    let mut other = bus.subscribe::<u32>("full")?;
    bus.publish("full", 1_u32).await?;
    let handle = bus.handle();
    let waiting = tokio::spawn(async move { handle.publish("full", 2_u32).await.map(|_| ()) });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    let left = std::time::Instant::now();
    drop(full);
    waiting.await??;
    println!("left: the publisher goes on after {:?}", left.elapsed());
    assert_eq!(other.recv().await.as_deref(), Some(&1));
    assert_eq!(other.recv().await.as_deref(), Some(&2));
    drop(other);
    let stats = bus.close().await?.stats;
    assert_eq!(stats.total.abandoned, 1);
    assert_eq!(stats.total.accepted, 3);
    Ok(())
}

#[tokio::test]
async fn a_closed_subscription_can_be_read_to_its_end() -> anyhow::Result<()> {
    let bus = bus().await;
    let mut numbers = bus.subscribe(NUMBERS)?;
    bus.publish(NUMBERS, 1).await?;
    numbers.close();
    assert_eq!(bus.publish(NUMBERS, 2).await?.receivers, 0);
    assert_eq!(numbers.recv().await.as_deref(), Some(&1));
    assert!(numbers.recv().await.is_none());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_close_waits_for_readers_up_to_its_deadline_and_names_them() -> anyhow::Result<()> {
    let bus = Bus::empty()
        .close_timeout(Duration::from_secs(60))
        .start()
        .await?;
    let mut unread = bus.subscribe(NUMBERS)?;
    let site = unread.site();
    let reader = tokio::spawn(async move {
        assert_eq!(unread.recv().await.as_deref(), Some(&1));
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(unread.recv().await.as_deref(), Some(&2));
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert!(unread.recv().await.is_none(), "three was abandoned");
    });
    for number in 1..=3 {
        bus.publish(NUMBERS, number).await?;
    }
    tokio::task::yield_now().await;
    let error = bus.close().await.unwrap_err();
    let report = error.report().unwrap();
    assert_eq!(report.outcome, CloseOutcome::DeadlineExceeded);
    let total = report.stats.total;
    assert_eq!((total.done, total.abandoned), (2, 1));
    assert_eq!(report.stuck, [site]);
    assert!(
        site.to_string()
            .starts_with("subscribe (tests/behaviour/subscriptions.rs:")
    );
    reader.await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_nobody_else_reads_can_be_read_when_the_bus_is_closed() -> anyhow::Result<()> {
    let bus = bus().await;
    let mut begun = bus.subscribe(NUMBERS)?;
    let mut never = bus.subscribe(NUMBERS)?;
    let dropped = bus.subscribe(NUMBERS)?;
    let once = bus.once(NUMBERS)?;
    for number in 1..=3 {
        bus.publish(NUMBERS, number).await?;
    }
    assert_eq!(begun.recv().await.as_deref(), Some(&1));
    let clock = tokio::time::Instant::now();
    let report = bus.close().await?;
    assert!(clock.elapsed() < Duration::from_secs(2));
    assert_eq!(report.outcome, CloseOutcome::Drained);
    assert_eq!(report.stats.total.outstanding, 9);
    assert!(bus.publish(NUMBERS, 4).await.is_err());
    for number in 2..=3 {
        assert_eq!(begun.recv().await.as_deref(), Some(&number));
    }
    assert!(begun.recv().await.is_none(), "the end, after the backlog");
    assert_eq!(never.try_recv().as_deref(), Some(&1));
    assert_eq!(once.await.as_deref(), Some(&1));
    drop((never, dropped));
    let total = bus.stats().total;
    assert_eq!((total.done, total.abandoned, total.outstanding), (5, 5, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_begins_late_is_waited_for_while_it_reads() -> anyhow::Result<()> {
    let bus = bus().await;
    let mut numbers = bus.subscribe(NUMBERS)?;
    for number in 0..20 {
        bus.publish(NUMBERS, number).await?;
    }
    let reader = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(400)).await;
        let mut seen = 0;
        while numbers.recv().await.is_some() {
            seen += 1;
            tokio::time::sleep(Duration::from_millis(900)).await;
        }
        seen
    });
    let report = bus.close().await?;
    let total = report.stats.total;
    assert_eq!((total.done, total.outstanding), (20, 0));
    assert_eq!(reader.await?, 20);
    Ok(())
}

#[tokio::test]
async fn listeners_are_async_or_plain_and_serial() -> anyhow::Result<()> {
    let bus = bus().await;
    let (slow, quick) = (Seen::default(), Seen::default());
    let _slow = bus.listen(NUMBERS, {
        let slow = slow.clone();
        async move |number: Signal<u32>| {
            tokio::task::yield_now().await;
            slow.add(*number);
        }
    })?;
    let _quick = bus.listen("subscriptions.*", {
        let quick = quick.clone();
        move |number: Signal<u32>| quick.add(*number)
    })?;
    for number in 0..10 {
        bus.publish(NUMBERS, number).await?;
    }
    bus.settled().await;
    assert_eq!(slow.all(), (0..10).collect::<Vec<_>>());
    assert_eq!(quick.all(), slow.all());
    Ok(())
}

#[tokio::test]
async fn a_listeners_error_or_panic_does_not_end_it() -> anyhow::Result<()> {
    let failures = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&failures);
    let count = move |at: &signal_bus::At, _: &signal_bus::Failure| {
        assert!(
            at.to_string()
                .starts_with("listen (tests/behaviour/subscriptions.rs:"),
            "{at}"
        );
        counted.fetch_add(1, Ordering::Relaxed);
    };
    let bus = Bus::empty().on_error(count).start().await?;
    let seen = Seen::default();
    let _listener = bus.listen(NUMBERS, {
        let seen = seen.clone();
        async move |number: Signal<u32>| {
            anyhow::ensure!(*number != 1, "an error");
            assert_ne!(*number, 2, "a panic");
            seen.add(*number);
            Ok(())
        }
    })?;
    for number in 0..4 {
        bus.publish(NUMBERS, number).await?;
    }
    bus.settled().await;
    assert_eq!(seen.all(), [0, 3]);
    assert_eq!(failures.load(Ordering::Relaxed), 2);
    Ok(())
}

#[tokio::test]
async fn a_closed_listener_handles_what_waits() -> anyhow::Result<()> {
    let bus = bus().await;
    let seen = Seen::default();
    let listener = bus.listen(NUMBERS, {
        let seen = seen.clone();
        async move |number: Signal<u32>| {
            tokio::task::yield_now().await;
            seen.add(*number);
        }
    })?;
    for number in 0..3 {
        bus.publish(NUMBERS, number).await?;
    }
    listener.close().await?;
    assert_eq!(seen.all(), [0, 1, 2]);
    assert_eq!(bus.publish(NUMBERS, 3).await?.receivers, 0);
    Ok(())
}

#[tokio::test]
async fn a_dropped_listener_abandons_what_waits() -> anyhow::Result<()> {
    let bus = bus().await;
    let listener = bus.listen(NUMBERS, |_: Signal<u32>| {})?;
    for number in 0..3 {
        bus.publish(NUMBERS, number).await?;
    }
    drop(listener);
    let total = bus.close().await?.stats.total;
    assert_eq!((total.accepted, total.done, total.abandoned), (3, 0, 3));
    Ok(())
}

#[tokio::test]
async fn a_listener_leaves_from_inside_of_its_own_closure() -> anyhow::Result<()> {
    let bus = bus().await;
    let seen = Seen::default();
    let own = Arc::new(Mutex::new(None::<Listener>));
    let listener = bus.listen(NUMBERS, {
        let (own, seen) = (Arc::clone(&own), seen.clone());
        async move |number: Signal<u32>| {
            seen.add(*number);
            drop(own.lock().unwrap().take());
            tokio::task::yield_now().await;
            seen.add(*number + 100);
        }
    })?;
    *own.lock().unwrap() = Some(listener);
    bus.publish(NUMBERS, 1).await?;
    bus.publish(NUMBERS, 2).await?;
    bus.settled().await;
    assert_eq!(
        seen.all(),
        [1, 101],
        "the call comes to its end, and there is no other"
    );
    assert_eq!(bus.publish(NUMBERS, 3).await?.receivers, 0);
    Ok(())
}

#[tokio::test]
async fn a_close_awaited_inside_of_its_own_closure_is_an_error_and_no_hang() -> anyhow::Result<()> {
    let bus = bus().await;
    let own = Arc::new(Mutex::new(None::<Listener>));
    let outcome = Arc::new(Mutex::new(None));
    let listener = bus.listen(NUMBERS, {
        let (own, outcome) = (Arc::clone(&own), Arc::clone(&outcome));
        async move |_: Signal<u32>| {
            let listener = own.lock().unwrap().take();
            if let Some(listener) = listener {
                *outcome.lock().unwrap() = Some(listener.close().await);
            }
        }
    })?;
    *own.lock().unwrap() = Some(listener);
    bus.publish(NUMBERS, 1).await?;
    bus.settled().await;
    let outcome = outcome.lock().unwrap().take();
    assert!(matches!(outcome, Some(Err(CloseError::InsideHandler))));
    Ok(())
}

#[tokio::test]
async fn a_listener_publishes_while_the_bus_drains() -> anyhow::Result<()> {
    let bus = bus().await;
    let seen = Seen::default();
    let _first = bus.listen("first", {
        let bus = bus.handle();
        async move |number: Signal<u32>| {
            tokio::task::yield_now().await;
            bus.publish("second", *number).await.map(drop)
        }
    })?;
    let _second = bus.listen("second", {
        let seen = seen.clone();
        move |number: Signal<u32>| seen.add(*number)
    })?;
    bus.publish("first", 7_u32).await?;
    bus.close().await?;
    assert_eq!(seen.all(), [7]);
    Ok(())
}

#[tokio::test]
async fn one_closure_may_listen_twice() -> anyhow::Result<()> {
    let bus = bus().await;
    let seen = Seen::default();
    let add = {
        let seen = seen.clone();
        move |number: Signal<u32>| seen.add(*number)
    };
    let once = bus.listen(NUMBERS, add.clone())?;
    let _twice = bus.listen(NUMBERS, add)?;
    bus.publish(NUMBERS, 1).await?;
    bus.settled().await;
    once.close().await?;
    bus.publish(NUMBERS, 2).await?;
    bus.settled().await;
    assert_eq!(seen.all(), [1, 1, 2]);
    Ok(())
}

#[tokio::test]
async fn a_subscription_leaves_with_its_owner() -> anyhow::Result<()> {
    struct Owner(Seen);
    let bus = bus().await;
    let seen = Seen::default();
    let owner = Arc::new(Owner(seen.clone()));
    let listener = bus.listen(NUMBERS, {
        let owner = Arc::downgrade(&owner);
        move |number: Signal<u32>| {
            if let Some(owner) = owner.upgrade() {
                owner.0.add(*number);
            }
        }
    })?;
    listener.close_on_drop_of(&owner).detach();
    let mut pulled = bus.subscribe(NUMBERS)?.close_on_drop_of(&owner);
    bus.publish(NUMBERS, 1).await?;
    bus.settled().await;
    assert_eq!(bus.subscriber_count(NUMBERS.name()), 2);
    bus.publish(NUMBERS, 2).await?;
    drop(owner);
    assert!(!bus.has_subscribers(NUMBERS.name()));
    assert_eq!(bus.publish(NUMBERS, 3).await?.receivers, 0);
    bus.settled().await;
    assert_eq!(seen.all(), [1]);
    assert!(pulled.recv().await.is_none());
    let departed = bus.stats().departed;
    assert_eq!((departed.count, departed.tally.abandoned), (2, 3));
    Ok(())
}

#[tokio::test]
async fn once_gets_one_signal_and_leaves() -> anyhow::Result<()> {
    let bus = bus().await;
    let first = bus.once::<u32>("subscriptions.*")?;
    bus.publish(NUMBERS, 1).await?;
    bus.publish(NUMBERS, 2).await?;
    assert_eq!(first.await.as_deref(), Some(&1));
    assert!(!bus.has_subscribers(NUMBERS.name()));
    let never = bus.once::<u32>("never")?;
    bus.close().await?;
    assert!(never.await.is_none());
    Ok(())
}

#[tokio::test]
async fn a_cancelled_reader_takes_nothing_and_a_dropped_one_is_gone() -> anyhow::Result<()> {
    let bus = bus().await;
    let mut numbers = bus.subscribe(NUMBERS)?;
    {
        let mut recv = std::pin::pin!(numbers.recv());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(recv.as_mut().poll(&mut context).is_pending());
    }
    bus.publish(NUMBERS, 1).await?;
    assert_eq!(numbers.recv().await.as_deref(), Some(&1));
    let reader = tokio::spawn(async move { numbers.recv().await.map(drop) });
    tokio::task::yield_now().await;
    reader.abort();
    assert!(reader.await.unwrap_err().is_cancelled());
    assert!(!bus.has_subscribers(NUMBERS.name()));
    let panicking = bus.subscribe(NUMBERS)?;
    let reader = tokio::spawn(async move {
        let _held = panicking;
        panic!("a reader panics");
    });
    assert!(reader.await.unwrap_err().is_panic());
    assert!(!bus.has_subscribers(NUMBERS.name()));
    Ok(())
}

#[tokio::test]
async fn a_type_that_does_not_fit_a_known_topic_is_refused_with_both_places() -> anyhow::Result<()>
{
    let bus = Bus::new().within(module_path!()).start().await?;
    let error = bus.subscribe::<u32>("declared.texts").unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("`alloc::string::String` (behaviour::subscriptions::declare"),
        "{text}"
    );
    assert!(
        text.contains("not `u32` (subscribe (tests/behaviour/subscriptions.rs:"),
        "{text}"
    );
    let text = bus.subscribe::<u32>("declared.>").unwrap_err().to_string();
    assert!(
        text.starts_with("`declared.>` hears topic `declared.texts`, which carries"),
        "{text}"
    );
    assert!(bus.subscribe::<String>("declared.*").is_ok());

    bus.publish("by.hand", 7_u8).await?;
    let text = bus.subscribe::<u32>("by.*").unwrap_err().to_string();
    assert!(
        text.contains("`by.hand`, which carries `u8` (publish (tests/behaviour/"),
        "{text}"
    );
    assert!(bus.subscribe_any("by.*").is_ok());

    let named = bus.subscribe::<u32>("named.by.one")?;
    let text = bus
        .subscribe::<u64>("named.by.one")
        .unwrap_err()
        .to_string();
    assert!(
        text.starts_with("topic `named.by.one` carries `u32` (subscribe (tests/behaviour/"),
        "{text}"
    );
    let refused = bus.publish("named.by.one", 7_i32).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "topic `named.by.one` carries `u32`, not `i32`"
    );
    drop(named);
    assert!(bus.publish("named.by.one", 7_i32).await.is_ok());
    Ok(())
}

#[tokio::test]
async fn a_topic_of_another_type_that_appears_later_is_skipped_and_counted() -> anyhow::Result<()> {
    let bus = bus().await;
    let mut numbers = bus.subscribe::<u32>("later.*")?;
    let mut any = bus.subscribe_any("later.*")?;
    bus.publish("later.text", "text").await?;
    bus.publish("later.number", 7_u32).await?;
    assert_eq!(numbers.recv().await.as_deref(), Some(&7));
    assert_eq!(
        any.recv().await.unwrap().downcast_ref::<&str>(),
        Some(&"text")
    );
    assert_eq!(any.recv().await.unwrap().downcast_ref::<u32>(), Some(&7));
    assert_eq!(bus.stats().mismatched, 1);
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_is_refused() -> anyhow::Result<()> {
    let bus = bus().await;
    let refused = |pattern: &str| bus.subscribe::<u32>(pattern).unwrap_err();
    assert_eq!(
        refused("a.>.b").to_string(),
        "cannot subscribe to \"a.>.b\": invalid topic at byte 2: `>` and `**` must be the last token"
    );
    assert!(matches!(
        refused("a..b"),
        SubscribeError::InvalidPattern { .. }
    ));
    assert!(matches!(refused(""), SubscribeError::InvalidPattern { .. }));
    let none: [&str; 0] = [];
    assert_eq!(
        bus.subscribe::<u32>(none).unwrap_err(),
        SubscribeError::NoPattern
    );
    let mixed = bus.subscribe_any(["$bus.dead", "a"]).unwrap_err();
    assert!(matches!(mixed, SubscribeError::Reserved { .. }));
    bus.close().await?;
    assert_eq!(refused("a"), SubscribeError::Closed);
    assert_eq!(
        bus.listen("a", |_: Signal<u32>| {}).unwrap_err(),
        SubscribeError::Closed
    );
    Ok(())
}

#[tokio::test]
async fn what_overflows_is_dropped_by_its_policy_and_counted() -> anyhow::Result<()> {
    let bus = bus().await;
    let keeping = |overflow| bus.subscription::<u32>("o").capacity(2).overflow(overflow);
    let mut oldest = keeping(Overflow::DropOldest).subscribe()?;
    let mut newest = keeping(Overflow::DropNewest).subscribe()?;
    for number in 0..5_u32 {
        bus.publish("o", number).await?;
    }
    let read = |subscription: &mut signal_bus::Subscription<u32>| {
        let signals = std::iter::from_fn(|| subscription.try_recv());
        signals.map(|signal| *signal).collect::<Vec<_>>()
    };
    assert_eq!(read(&mut oldest), [3, 4]);
    assert_eq!(read(&mut newest), [0, 1]);
    let stats = bus.stats();
    let dropped: Vec<_> = stats
        .subscriptions
        .iter()
        .map(|one| one.tally.dropped)
        .collect();
    assert_eq!(dropped, [3, 3]);
    let report = bus.close().await?;
    assert!(
        report
            .to_string()
            .contains("5 accepted, 2 done, 0 dead, 3 dropped"),
        "{report}"
    );
    Ok(())
}

#[tokio::test]
async fn a_listener_may_handle_several_at_once() -> anyhow::Result<()> {
    let bus = bus().await;
    let together = Arc::new(tokio::sync::Barrier::new(4));
    let _listener = bus.subscription::<u32>("c").concurrency(4).listen({
        let together = Arc::clone(&together);
        async move |_: Signal<u32>| {
            together.wait().await;
        }
    })?;
    for number in 0..8_u32 {
        bus.publish("c", number).await?;
    }
    bus.settled().await;
    assert_eq!(bus.close().await?.stats.total.done, 8);
    Ok(())
}

#[test]
fn a_reader_on_another_thread_is_waited_for() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let bus = bus().await;
        let mut numbers = bus.subscribe(NUMBERS)?;
        for number in 0..2 {
            bus.publish(NUMBERS, number).await?;
        }
        let handle = tokio::runtime::Handle::current();
        let (begins, begun) = tokio::sync::oneshot::channel();
        let reader = std::thread::spawn(move || {
            handle.block_on(async {
                numbers.recv().await;
                begins.send(()).unwrap();
                tokio::time::sleep(Duration::from_millis(900)).await;
                while numbers.recv().await.is_some() {}
            });
        });
        begun.await?;
        assert_eq!(bus.close().await?.stats.total.outstanding, 0);
        reader.join().unwrap();
        Ok(())
    })
}

#[tokio::test]
async fn a_value_that_waits_may_call_the_bus_when_it_is_dropped() -> anyhow::Result<()> {
    struct Job {
        _reply: Subscription<u32>,
    }
    let bus = bus().await;
    let jobs = bus.subscribe::<Job>("jobs.with.replies")?;
    let job = Job {
        _reply: bus.subscribe::<u32>("reply")?,
    };
    bus.publish("jobs.with.replies", job).await?;
    drop(jobs);
    assert!(!bus.has_subscribers("reply"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_has_lost_its_owner_leaves_though_no_signal_comes() -> anyhow::Result<()> {
    let bus = bus().await;
    let owner = Arc::new(());
    let full = bus.subscription(NUMBERS).capacity(1).subscribe()?;
    let full = full.close_on_drop_of(&owner);
    bus.publish(NUMBERS, 0).await?;
    let handle = bus.handle();
    let publisher = tokio::spawn(async move { handle.publish(NUMBERS, 1).await });
    let mut idle = bus.subscribe::<u32>("idle")?.close_on_drop_of(&owner);
    let reader = tokio::spawn(async move { idle.recv().await.is_none() });
    for _ in 0..100 {
        let listener = bus.listen("quiet", |_: Signal<u32>| {})?;
        listener.close_on_drop_of(&owner).detach();
    }
    tokio::task::yield_now().await;
    drop(owner);
    assert_eq!(publisher.await??.receivers, 0);
    assert!(reader.await?);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(bus.stats().subscriptions.is_empty());
    assert_eq!(bus.stats().total.abandoned, 1);
    drop(full);
    bus.close().await?;
    Ok(())
}
