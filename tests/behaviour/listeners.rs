//! A listener may go at any moment, and what it has not begun with then is given up, also in the middle of many signals.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{Bus, BusHandle, CloseOutcome, DeadLetter, Listener, Signal, SignalId};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use crate::ledger::assert_adds_up;
use crate::random::Random;

const TOPIC: &str = "listeners.numbers";
const MANY: u32 = 100;
const LONG: Duration = Duration::from_secs(60);

/// What a closure was called with, and what it has to leave with.
#[derive(Debug)]
struct Heard<O> {
    calls: Mutex<Vec<u32>>,
    own: Mutex<Option<O>>,
}

impl<O> Default for Heard<O> {
    fn default() -> Self {
        Self {
            calls: Mutex::default(),
            own: Mutex::default(),
        }
    }
}

impl<O> Heard<O> {
    fn add(&self, number: u32) {
        self.calls.lock().unwrap().push(number);
    }

    fn calls(&self) -> Vec<u32> {
        self.calls.lock().unwrap().clone()
    }

    fn let_go(&self) {
        drop(self.own.lock().unwrap().take());
    }
}

async fn publish_many(bus: &BusHandle) -> anyhow::Result<()> {
    for number in 0..MANY {
        bus.publish(TOPIC, number).await?;
    }
    Ok(())
}

#[tokio::test]
async fn who_drops_itself_in_the_middle_is_called_no_more() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let heard = Arc::new(Heard::<Listener>::default());
    let departed = Arc::new(Mutex::new(None));
    let listener = bus.listen(TOPIC, {
        let (heard, departed, bus) = (Arc::clone(&heard), Arc::clone(&departed), bus.handle());
        async move |number: Signal<u32>| {
            heard.add(*number);
            if *number == 3 {
                heard.let_go();
                *departed.lock().unwrap() = Some(bus.stats().total);
                tokio::task::yield_now().await;
            }
        }
    })?;
    *heard.own.lock().unwrap() = Some(listener);
    publish_many(&bus).await?;
    bus.settled().await;
    assert_eq!(heard.calls(), [0, 1, 2, 3]);
    let at_once = departed.lock().unwrap().unwrap();
    let counts = (at_once.done, at_once.outstanding, at_once.abandoned);
    assert_eq!(
        counts,
        (3, 1, 96),
        "it is counted before the call has ended"
    );
    let stats = bus.close().await?.stats;
    assert_adds_up(&stats);
    assert_eq!((stats.total.done, stats.total.abandoned), (4, 96));
    Ok(())
}

#[tokio::test]
async fn whose_owner_goes_in_the_middle_is_called_no_more() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let heard = Arc::new(Heard::<Arc<()>>::default());
    let owner = Arc::new(());
    let listener = bus.listen(TOPIC, {
        let heard = Arc::clone(&heard);
        move |number: Signal<u32>| {
            heard.add(*number);
            if *number == 3 {
                heard.let_go();
            }
        }
    })?;
    listener.close_on_drop_of(&owner).detach();
    *heard.own.lock().unwrap() = Some(owner);
    publish_many(&bus).await?;
    bus.settled().await;
    assert_eq!(heard.calls(), [0, 1, 2, 3]);
    assert!(!bus.has_subscribers(TOPIC));
    let stats = bus.close().await?.stats;
    assert_adds_up(&stats);
    assert_eq!((stats.total.done, stats.total.abandoned), (4, 96));
    Ok(())
}

#[tokio::test]
async fn whose_owner_goes_while_it_is_closed_gives_up_the_rest() -> anyhow::Result<()> {
    for way in 0..3 {
        let bus = Bus::empty().start().await?;
        let heard = Arc::new(Heard::<Arc<()>>::default());
        let owner = Arc::new(());
        let options = match way {
            0 => bus.subscription(TOPIC),
            1 => bus.subscription(TOPIC).concurrency(2),
            _ => bus.subscription(TOPIC).group("one"),
        };
        let listener = options.listen({
            let heard = Arc::clone(&heard);
            async move |number: Signal<u32>| {
                tokio::task::yield_now().await;
                heard.add(*number);
                if *number == 3 {
                    heard.let_go();
                }
            }
        })?;
        let listener = listener.close_on_drop_of(&owner);
        *heard.own.lock().unwrap() = Some(owner);
        publish_many(&bus).await?;
        timeout(LONG, listener.close()).await??;
        let calls = heard.calls().len() as u64;
        assert!((4..=5).contains(&calls), "{calls}");
        let total = bus.close().await?.stats.total;
        assert_eq!((total.done, total.abandoned), (calls, 100 - calls));
    }
    Ok(())
}

/// What another task does to a listener that is in the middle of many signals.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum End {
    Drop,
    Owner,
    Close,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_let_go_by_another_thread_is_called_once_more_at_most() -> anyhow::Result<()> {
    let (bus, mut random) = (Bus::empty().start().await?, Random(7));
    let (mut called, mut given_up) = (0, 0);
    for round in 0..600 {
        let end = [End::Drop, End::Owner, End::Close][round % 3];
        let owner = Arc::new(());
        let (calls, after) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let gone = Arc::new(AtomicBool::new(false));
        let listener = bus.listen(TOPIC, {
            let (gone, calls, after) = (Arc::clone(&gone), Arc::clone(&calls), Arc::clone(&after));
            async move |number: Signal<u32>| {
                let is_gone = gone.load(Ordering::Acquire);
                after.fetch_add(u64::from(is_gone), Ordering::Relaxed);
                let before = calls.fetch_add(1, Ordering::Relaxed);
                assert_eq!(before, u64::from(*number), "the order");
                if *number % 16 == 15 {
                    tokio::task::yield_now().await;
                }
            }
        })?;
        let listener = listener.close_on_drop_of(&owner);
        let (at, middle) = (random.below(100) as u64, Arc::clone(&calls));
        let other = tokio::spawn(async move {
            while middle.load(Ordering::Relaxed) < at {
                tokio::task::yield_now().await;
            }
            match end {
                End::Drop => drop(listener),
                End::Owner => {
                    listener.detach();
                    drop(owner);
                }
                End::Close => return listener.close().await,
            }
            gone.store(true, Ordering::Release);
            Ok(())
        });
        let mut accepted = 0;
        for number in 0..MANY {
            accepted += bus.publish(TOPIC, number).await?.receivers as u64;
        }
        other.await??;
        bus.settled().await;
        let (calls, after) = (calls.load(Ordering::Relaxed), after.load(Ordering::Relaxed));
        // One may have been on its way to the closure.
        assert!(after <= 1, "{after} after {end:?}, round {round}");
        assert!(calls == accepted || end != End::Close, "round {round}");
        (called, given_up) = (called + calls, given_up + accepted - calls);
    }
    assert!(0 < given_up, "nobody was let go in the middle");
    let stats = bus.close().await?.stats;
    assert_adds_up(&stats);
    let total = stats.total;
    assert_eq!(
        (total.done, total.dead, total.abandoned),
        (called, 0, given_up)
    );
    Ok(())
}

#[tokio::test]
async fn each_failure_is_that_of_one_signal() -> anyhow::Result<()> {
    let bus = Bus::empty()
        .on_error(|_, _| {})
        .panic_limit(100, Duration::from_secs(1));
    let bus = bus.start().await?;
    let heard = Arc::new(Heard::<()>::default());
    let _listener = bus.listen(TOPIC, {
        let heard = Arc::clone(&heard);
        async move |number: Signal<u32>| {
            heard.add(*number);
            assert_ne!(*number % 10, 3, "a panic");
            tokio::task::yield_now().await;
            anyhow::ensure!(*number % 10 != 7, "an error");
            assert_ne!(*number % 10, 9, "a panic after a wait");
            Ok(())
        }
    })?;
    publish_many(&bus).await?;
    bus.settled().await;
    assert_eq!(heard.calls(), (0..MANY).collect::<Vec<_>>());
    let letters = bus.dead_letters();
    let value = |letter: &DeadLetter| *letter.signal().downcast_ref::<u32>().unwrap();
    let failed = (0..MANY).filter(|number| [3, 7, 9].contains(&(number % 10)));
    assert_eq!(
        letters.iter().map(value).collect::<Vec<_>>(),
        failed.collect::<Vec<_>>()
    );
    let stats = bus.close().await?.stats;
    assert_adds_up(&stats);
    assert_eq!((stats.total.done, stats.total.dead), (70, 30));
    Ok(())
}

/// A part of a closure that cannot be copied each time.
#[derive(Debug)]
struct Fragile(Arc<AtomicU64>);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        let copies = self.0.fetch_add(1, Ordering::Relaxed);
        assert_ne!(copies % 4, 2, "it breaks");
        Self(Arc::clone(&self.0))
    }
}

#[tokio::test]
async fn a_closure_that_breaks_while_it_is_copied_fails_with_one_signal() -> anyhow::Result<()> {
    let bus = Bus::empty()
        .on_error(|_, _| {})
        .panic_limit(100, Duration::from_secs(1));
    let bus = bus.start().await?;
    let heard = Arc::new(Heard::<()>::default());
    let fragile = Fragile(Arc::default());
    let _listener = bus.listen(TOPIC, {
        let heard = Arc::clone(&heard);
        move |number: Signal<u32>| {
            let _whole = &fragile;
            heard.add(*number);
        }
    })?;
    publish_many(&bus).await?;
    bus.settled().await;
    let whole = (0..MANY).filter(|number| number % 4 != 2);
    assert_eq!(heard.calls(), whole.collect::<Vec<_>>());
    assert_eq!(bus.close().await?.stats.total.dead, 25);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_deadline_in_the_middle_lets_nothing_begin() -> anyhow::Result<()> {
    let bus = Bus::empty()
        .close_timeout(Duration::from_secs(1))
        .start()
        .await?;
    let (heard, go_on) = (Arc::new(Heard::<()>::default()), Arc::new(Notify::new()));
    let _listener = bus.listen(TOPIC, {
        let (heard, go_on) = (Arc::clone(&heard), Arc::clone(&go_on));
        async move |number: Signal<u32>| {
            heard.add(*number);
            if *number == 3 {
                go_on.notified().await;
            }
        }
    })?;
    publish_many(&bus).await?;
    let late = bus.close().await.unwrap_err();
    go_on.notify_one();
    tokio::task::yield_now().await;
    assert_eq!(heard.calls(), [0, 1, 2, 3]);
    let report = late.report().unwrap();
    assert_eq!(report.outcome, CloseOutcome::DeadlineExceeded);
    let total = report.stats.total;
    assert_eq!((total.done, total.abandoned), (3, 97));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn who_leaves_while_it_rests_is_tried_no_more() -> anyhow::Result<()> {
    // The rest is a random part of a second, and now and then it ends before anybody looks for lost owners.
    for round in 0..24 {
        let bus = Bus::empty()
            .on_error(|_, _| {})
            .panic_limit(0, Duration::from_secs(1));
        let bus = bus.start().await?;
        let (heard, owner) = (Arc::new(Heard::<()>::default()), Arc::new(()));
        let listener = bus.listen(TOPIC, {
            let heard = Arc::clone(&heard);
            move |number: Signal<u32>| -> () {
                heard.add(*number);
                panic!("it is broken");
            }
        })?;
        let listener = listener.close_on_drop_of(&owner);
        publish_many(&bus).await?;
        while heard.calls().is_empty() {
            tokio::task::yield_now().await;
        }
        assert_eq!(listener.waiting(), 99, "it rests");
        match round % 4 {
            0 => drop(listener),
            _ => {
                listener.detach();
                drop(owner);
            }
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        bus.settled().await;
        assert_eq!(heard.calls(), [0], "round {round}");
        let total = bus.close().await?.stats.total;
        assert_eq!((total.dead, total.abandoned), (1, 99), "round {round}");
    }
    Ok(())
}

#[tokio::test]
async fn who_rests_tries_one_signal_and_then_goes_on_with_all() -> anyhow::Result<()> {
    tokio::time::pause();
    let bus = Bus::empty()
        .on_error(|_, _| {})
        .panic_limit(0, Duration::from_secs(1));
    let bus = bus.start().await?;
    let (heard, broken) = (
        Arc::new(Heard::<()>::default()),
        Arc::new(AtomicBool::new(true)),
    );
    let listener = bus.listen(TOPIC, {
        let (heard, broken) = (Arc::clone(&heard), Arc::clone(&broken));
        async move |number: Signal<u32>| {
            heard.add(*number);
            tokio::task::yield_now().await;
            assert!(!broken.load(Ordering::Relaxed), "it is broken");
        }
    })?;
    publish_many(&bus).await?;
    while bus.stats().total.dead == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(heard.calls(), [0]);
    while heard.calls().len() < 3 {
        tokio::time::advance(Duration::from_millis(10)).await;
        assert_eq!(listener.waiting(), 100 - heard.calls().len());
    }
    broken.store(false, Ordering::Relaxed);
    bus.settled().await;
    assert_eq!(heard.calls(), (0..MANY).collect::<Vec<_>>());
    assert!(bus.health().is_healthy());
    let total = bus.close().await?.stats.total;
    assert_eq!(total.done + total.dead, 100);
    Ok(())
}

#[tokio::test]
async fn what_it_publishes_comes_from_the_signal_that_it_has() -> anyhow::Result<()> {
    type Link = (SignalId, Option<SignalId>, SignalId);
    let bus = Bus::empty().start().await?;
    let (from, to) = (
        Arc::new(Mutex::new(Vec::new())),
        Arc::new(Mutex::new(Vec::<Link>::new())),
    );
    let _first = bus.listen(TOPIC, {
        let (from, bus) = (Arc::clone(&from), bus.handle());
        async move |number: Signal<u32>| {
            if *number % 3 == 1 {
                tokio::task::yield_now().await;
            }
            from.lock().unwrap().push((number.id(), number.root_id()));
            bus.publish("listeners.next", *number).await.map(drop)
        }
    })?;
    let _next = bus.listen("listeners.next", {
        let to = Arc::clone(&to);
        move |number: Signal<u32>| {
            let link = (number.id(), number.parent_id(), number.root_id());
            to.lock().unwrap().push(link);
        }
    })?;
    publish_many(&bus).await?;
    bus.settled().await;
    let (from, to) = (from.lock().unwrap(), to.lock().unwrap());
    let leads = from.iter().map(|(id, root)| (Some(*id), *root));
    let led = to.iter().map(|(_, parent, root)| (*parent, *root));
    assert_eq!(led.collect::<Vec<_>>(), leads.collect::<Vec<_>>());
    assert_eq!(to.len(), 100);
    Ok(())
}

#[tokio::test]
async fn each_call_that_ends_makes_room_for_one_signal() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let (begun, ends) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
    let listener = bus.subscription(TOPIC).capacity(64).listen({
        let (begun, ends) = (Arc::clone(&begun), Arc::clone(&ends));
        async move |_: Signal<u32>| {
            begun.fetch_add(1, Ordering::Relaxed);
            ends.acquire()
                .await
                .map(tokio::sync::SemaphorePermit::forget)
        }
    })?;
    for number in 0..64_u32 {
        bus.try_publish(TOPIC, number)?;
    }
    for ended in 1..=64_u32 {
        assert!(bus.try_publish(TOPIC, 0_u32).is_err(), "it is full");
        ends.add_permits(1);
        while begun.load(Ordering::Relaxed) <= ended {
            tokio::task::yield_now().await;
        }
        assert_eq!(listener.waiting(), 62);
        bus.try_publish(TOPIC, ended)?;
    }
    ends.add_permits(100);
    listener.close().await?;
    assert_eq!(bus.close().await?.stats.total.done, 128);
    Ok(())
}
