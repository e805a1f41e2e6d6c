//! Publishing by hand: below a prefix, throttled, to everybody, later, and for this bus only.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{
    Bus, BusGuard, CloseOutcome, PublishError, Signal, Subscription, Topic, inject, publisher,
    subscriber,
};

async fn bus() -> BusGuard {
    Bus::empty().start().await.unwrap()
}

fn read<T: ?Sized + signal_bus::Payload>(from: &mut Subscription<T>) -> Vec<String> {
    std::iter::from_fn(|| from.try_recv())
        .map(|signal| signal.topic().to_owned())
        .collect()
}

#[tokio::test]
async fn prefixes_nest_and_an_empty_topic_is_the_prefix_itself() -> anyhow::Result<()> {
    let bus = bus().await;
    let mut all = bus.subscribe::<u32>("ordered.**")?;
    let europe = bus.publisher("ordered").publisher("eu");
    assert_eq!(europe.prefix(), "ordered.eu");
    europe.publish("created", 1_u32).await?;
    europe.publish("", 2_u32).await?;
    europe.try_publish("paid.late", 3_u32)?;
    bus.publisher("").publish("ordered", 4_u32).await?;
    let created: Topic<u32> = Topic::new("created");
    europe.publisher("").publish(created, 5).await?;
    assert_eq!(
        read(&mut all),
        [
            "ordered.eu.created",
            "ordered.eu",
            "ordered.eu.paid.late",
            "ordered",
            "ordered.eu.created"
        ]
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_throttled_publisher_waits_until_few_enough_of_its_own_signals_wait() -> anyhow::Result<()>
{
    let bus = bus().await;
    let mut slow = bus.subscribe::<u32>("metrics.*")?;
    let mut quick = bus.subscribe::<u32>("metrics.*")?;
    let throttled = bus.publisher("metrics").max_waiting(2);
    let other = throttled.publisher("");
    for number in 0..3_u32 {
        bus.publish("metrics.others", number).await?;
    }
    throttled.publish("cpu", 1_u32).await?;
    other.publish("cpu", 2_u32).await?;
    let full = throttled.try_publish("cpu", 3_u32).unwrap_err();
    assert!(matches!(full, PublishError::Throttled(3)), "{full}");
    let waits = other.publish("cpu", 3_u32);
    let mut waits = std::pin::pin!(waits);
    let early = tokio::time::timeout(Duration::from_secs(1), waits.as_mut()).await;
    assert!(early.is_err(), "two of its own wait");
    assert_eq!(read(&mut quick).len(), 5, "the other reader has them all");
    let early = tokio::time::timeout(Duration::from_secs(1), waits.as_mut()).await;
    assert!(early.is_err(), "the slowest reader counts");
    for _ in 0..3 {
        slow.recv().await;
    }
    let early = tokio::time::timeout(Duration::from_secs(1), waits.as_mut()).await;
    assert!(early.is_err(), "those were not its own");
    slow.recv().await;
    assert_eq!(waits.await?.receivers, 2);
    assert_eq!(slow.waiting(), 2);
    Ok(())
}

#[tokio::test]
async fn one_that_may_wait_waits_for_the_signal_before() -> anyhow::Result<()> {
    let bus = bus().await;
    let (sender, mut begun) = tokio::sync::mpsc::unbounded_channel();
    let listener = bus.listen("n", async move |number: Signal<u32>| {
        sender.send(*number).unwrap();
    })?;
    let publisher = bus.publisher("").max_waiting(1);
    for number in 0..10_u32 {
        publisher.publish("n", number).await?;
        // All before this one have been begun with.
        let before: Vec<_> = std::iter::from_fn(|| begun.try_recv().ok()).collect();
        assert!(before.iter().all(|seen| *seen < number));
        assert!(number == 0 || before == [number - 1], "{number} {before:?}");
    }
    listener.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_throttled_publish_ends_when_the_bus_closes_and_gives_the_signal_back()
-> anyhow::Result<()> {
    let bus = bus().await;
    let mut held = bus.subscribe::<String>("n")?;
    let publisher = bus.publisher("").max_waiting(0);
    publisher.publish("n", String::from("one")).await?;
    let waiting = tokio::spawn(async move { publisher.publish("n", String::from("two")).await });
    tokio::task::yield_now().await;
    assert_eq!(bus.close().await?.stats.total.outstanding, 1);
    let refused = waiting.await?.unwrap_err();
    assert_eq!(refused.into_signal(), "two");
    assert_eq!(held.recv().await.unwrap().as_str(), "one");
    assert!(held.recv().await.is_none());
    Ok(())
}

#[subscriber("publishers.only.numbers", filter = |number: &u32| *number < 100)]
async fn small(number: Signal<u32>, #[inject] seen: &Mutex<Vec<(u32, String)>>) {
    let told = (*number, number.topic().to_owned());
    seen.lock().unwrap().push(told);
}

#[tokio::test]
async fn a_broadcast_reaches_whoever_can_take_its_type() -> anyhow::Result<()> {
    let seen = Arc::<Mutex<Vec<(u32, String)>>>::default();
    let bus = Bus::empty().with::<small>().provide_arc(Arc::clone(&seen));
    let bus = bus.start().await?;
    let mut numbers = bus.subscribe::<u32>("publishers.elsewhere")?;
    let mut names = bus.subscribe::<&str>("publishers.elsewhere.names")?;
    let mut any = bus.subscribe_any("publishers.nowhere")?;
    let mut own = bus.subscribe_any("$bus.>")?;
    assert_eq!(bus.broadcast(7_u32).await?.receivers, 3);
    assert_eq!(bus.broadcast(700_u32).await?.receivers, 2, "filters apply");
    assert_eq!(bus.broadcast("Ann").await?.receivers, 2);
    assert_eq!(bus.publisher("any").broadcast("Bob").await?.receivers, 2);
    bus.settled().await;
    assert_eq!(*seen.lock().unwrap(), [(7, String::new())]);
    assert_eq!(read(&mut numbers), ["", ""]);
    assert_eq!(names.try_recv().as_deref(), Some(&"Ann"));
    assert_eq!(read(&mut names), [""]);
    assert_eq!(read(&mut any).len(), 4);
    assert!(own.try_recv().is_none());
    Ok(())
}

#[publisher("publishers.secret", local)]
async fn whisper() -> u32 {
    7
}

#[tokio::test]
async fn local_signals_say_so_and_do_not_pass_a_bridge() -> anyhow::Result<()> {
    let (here, there) = (bus().await, bus().await);
    let _bridge = here.bridge(&there, "publishers.>")?;
    let (mut at_home, mut abroad) = (
        here.subscribe::<u32>("publishers.*")?,
        there.subscribe::<u32>("publishers.*")?,
    );
    let secret: Topic<u32> = Topic::new("publishers.topic").local();
    here.publish(secret, 1).await?;
    here.publisher("publishers")
        .local_only()
        .publish("by", 2_u32)
        .await?;

    here.publish("publishers.open", 3_u32).await?;
    here.settled().await;
    let locals: Vec<_> = std::iter::from_fn(|| at_home.try_recv())
        .map(|signal| (*signal, signal.is_local()))
        .collect();
    assert_eq!(locals, [(1, true), (2, true), (3, false)]);
    assert_eq!(read(&mut abroad), ["publishers.open"]);
    Ok(())
}

#[tokio::test]
async fn a_local_publisher_s_signals_stay_local() -> anyhow::Result<()> {
    let bus = bus().await;
    let mut secrets = bus.subscribe::<u32>("publishers.secret")?;
    whisper().await;
    assert!(secrets.recv().await.unwrap().is_local());
    Ok(())
}

#[publisher("publishers.late")]
async fn says(number: u32) -> u32 {
    number
}

#[subscriber("publishers.late")]
async fn hears(number: &Signal<u32>, #[inject] heard: &Mutex<Vec<(u32, bool)>>) {
    heard.lock().unwrap().push((**number, number.is_local()));
}

#[tokio::test]
async fn a_topic_may_become_local_when_publishers_know_their_way_already() -> anyhow::Result<()> {
    let heard = Arc::<Mutex<Vec<(u32, bool)>>>::default();
    let bus = Bus::empty()
        .with::<hears>()
        .provide_arc(Arc::clone(&heard))
        .start()
        .await?;
    let late: Topic<u32> = Topic::new("publishers.late").local();
    for number in [1, 2] {
        says(number).await;
    }
    bus.publish(late, 3).await?;
    says(4).await;
    bus.close().await?;
    let heard = heard.lock().unwrap();
    assert_eq!(*heard, [(1, false), (2, false), (3, true), (4, true)]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_delayed_signal_comes_at_its_time_unless_it_is_cancelled() -> anyhow::Result<()> {
    let bus = bus().await;
    let mut texts = bus.subscribe::<String>("later")?;
    let delay = Duration::from_secs(60);
    let first = bus.publish_after(delay, "later", String::from("first"))?;
    let second = bus.publish_after(delay, "later", String::from("second"))?;
    drop(bus.publish_after(delay * 2, "later", String::from("third"))?);
    bus.settled().await;
    assert!(first.is_waiting(), "nothing waits for it unless asked to");
    tokio::time::sleep(delay - Duration::from_millis(1)).await;
    assert!(texts.try_recv().is_none());
    assert_eq!(second.cancel().as_deref(), Some("second"));
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(texts.try_recv().unwrap().as_str(), "first");
    assert!(!first.is_waiting());
    assert_eq!(first.cancel(), None, "too late");
    tokio::time::sleep(delay).await;
    assert_eq!(texts.try_recv().unwrap().as_str(), "third");
    assert!(texts.try_recv().is_none());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_close_cancels_what_is_delayed_or_waits_for_it_if_asked_to() -> anyhow::Result<()> {
    let bus = bus().await;
    let seen = Arc::<Mutex<Vec<u32>>>::default();
    let add = Arc::clone(&seen);
    bus.listen("later", move |number: Signal<u32>| {
        add.lock().unwrap().push(*number);
    })?
    .detach();
    let delay = Duration::from_secs(5);
    let cancelled = bus.publish_after(delay, "later", 1_u32)?;
    let drained = bus.publish_after(delay, "later", 2_u32)?.drained();
    let given_up = bus.publish_after(delay * 100, "later", 3_u32)?.drained();
    assert_eq!(given_up.cancel(), Some(3), "nothing waits for it any more");
    let begun = tokio::time::Instant::now();
    let report = bus.close().await?;
    assert_eq!(begun.elapsed(), delay);
    assert_eq!(*seen.lock().unwrap(), [2]);
    assert_eq!(report.outcome, CloseOutcome::Drained);
    assert_eq!(report.stats.delayed_cancelled, 1);
    assert!(!drained.is_waiting());
    assert_eq!(cancelled.cancel(), None, "it was cancelled with the close");
    let refused = bus.publish_after(delay, "later", 4_u32).unwrap_err();
    assert!(matches!(refused, PublishError::Closed(4)));
    Ok(())
}

struct Bad;

impl Drop for Bad {
    fn drop(&mut self) {
        assert!(std::thread::panicking(), "a value panics in its drop");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delayed_value_that_panics_when_it_is_dropped_is_counted_all_the_same()
-> anyhow::Result<()> {
    let bus = Bus::empty().on_error(|_, _| {}).start().await?;
    bus.publish("later", 1_u32).await?;
    let drained = bus.publish_after(Duration::from_millis(20), "later", Bad)?;
    let drained = drained.drained();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(bus.publish_after(Duration::from_secs(60), "later", Bad)?);
    let report = bus.close().await?;
    assert_eq!(report.outcome, CloseOutcome::Drained);
    let stats = report.stats;
    assert_eq!((stats.failures, stats.delayed_cancelled), (1, 1));
    assert!(!drained.is_waiting());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_cancel_that_comes_too_late_takes_nothing_from_the_close() -> anyhow::Result<()> {
    let bus = bus().await;
    let mut full = bus.subscription::<u32>("later").capacity(1).subscribe()?;
    bus.publish("later", 1_u32).await?;
    let delayed = bus.publish_after(Duration::from_millis(20), "later", 2_u32)?;
    let delayed = delayed.drained();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let reader = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut seen = Vec::new();
        while let Some(number) = full.recv().await {
            seen.push(*number);
        }
        seen
    });
    let handle = bus.handle();
    let close = tokio::spawn(async move { handle.close().await });
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(delayed.cancel(), None, "it waits for room already");
    assert_eq!(reader.await?, [1, 2]);
    close.await??;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_throttled_publisher_does_not_wait_inside_of_a_handler() -> anyhow::Result<()> {
    let bus = bus().await;
    let few = bus.publisher("").max_waiting(1);
    let _listener = bus.listen("n", async move |number: Signal<u32>| {
        if *number == 0 {
            for next in 1..4_u32 {
                few.publish("n", next).await.unwrap();
            }
        }
    })?;
    bus.publish("n", 0_u32).await?;
    tokio::time::timeout(Duration::from_secs(5), bus.settled()).await?;
    assert_eq!(bus.stats().total.done, 4);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_when_its_time_has_come_goes_to_on_error() -> anyhow::Result<()> {
    let errors = Arc::<Mutex<Vec<String>>>::default();
    let told = Arc::clone(&errors);
    let bus = Bus::empty().on_error(move |at, error| {
        told.lock().unwrap().push(format!("{at}: {error}"));
    });
    let bus = bus.start().await?;
    let delayed = bus.publish_after(Duration::from_secs(1), "later", "text")?;
    bus.publish("later", 7_u32).await?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(!delayed.is_waiting());
    let errors = errors.lock().unwrap();
    let [error] = &errors[..] else {
        panic!("{errors:?}")
    };
    assert!(
        error.starts_with("publish_after (tests/behaviour/publishers.rs:")
            && error.contains("topic `later` carries `u32`, not `&str`"),
        "{error}"
    );
    Ok(())
}
