//! Dead letters are kept, looked at, and replayed to those who have failed, and nothing of that is uncounted.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context as _;
use signal_bus::{
    Bus, BusGuard, BusHandle, DeadLetter, DeadLetterId, ReplayError, Signal, SignalId, inject,
    subscriber,
};

use crate::ledger::assert_adds_up;

/// A store that may be away, and what was brought there and elsewhere.
#[derive(Debug, Default)]
struct Store {
    open: AtomicBool,
    stored: Mutex<Vec<(u32, SignalId)>>,
    audited: AtomicU32,
}

impl Store {
    fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }

    fn store(&self, number: &Signal<u32>) -> anyhow::Result<()> {
        let open = self.open.load(Ordering::Relaxed);
        let answer = if open {
            Ok(())
        } else {
            Err(anyhow::anyhow!("no answer"))
        };
        answer
            .context("the store is away")
            .context("cannot store")?;
        self.stored.lock().unwrap().push((**number, number.id()));
        Ok(())
    }

    fn stored(&self) -> Vec<u32> {
        let stored = self.stored.lock().unwrap();
        stored.iter().map(|(number, _)| *number).collect()
    }
}

mod stores {
    use super::*;

    #[subscriber("letters.orders", capacity = 8)]
    pub(super) async fn store(number: &Signal<u32>, #[inject] store: &Store) -> anyhow::Result<()> {
        store.store(number)
    }

    #[subscriber("letters.orders")]
    pub(super) async fn audit(_number: u32, #[inject] store: &Store) {
        store.audited.fetch_add(1, Ordering::Relaxed);
    }
}

fn describe(store: &Arc<Store>) -> Bus {
    let bus = Bus::new().within(concat!(module_path!(), "::stores"));
    bus.on_error(|_, _| {}).provide_arc(Arc::clone(store))
}

async fn fail(bus: &BusGuard, numbers: impl IntoIterator<Item = u32>) -> anyhow::Result<()> {
    for number in numbers {
        bus.publish("letters.orders", number).await?;
    }
    bus.settled().await;
    Ok(())
}

fn numbers(bus: &BusHandle) -> Vec<u32> {
    let number = |letter: &DeadLetter| *letter.signal().downcast_ref::<u32>().unwrap();
    bus.dead_letters().iter().map(number).collect()
}

#[tokio::test]
async fn the_newest_letters_are_kept_with_all_that_is_known() -> anyhow::Result<()> {
    let bus = describe(&Arc::default())
        .keep_dead_letters(3)
        .start()
        .await?;
    fail(&bus, 1..=5).await?;
    assert_eq!(numbers(&bus), [3, 4, 5]);
    let letters = bus.dead_letters();
    assert_eq!((letters.len(), letters.dropped()), (3, 2));
    let letter = letters.iter().next().unwrap();
    assert_eq!(letter.id().number(), 3);
    assert_eq!(letter.at().site.function, "store");
    assert_eq!(letter.signal().topic(), "letters.orders");
    let errors: Vec<_> = letter.errors().map(ToString::to_string).collect();
    assert_eq!(errors, ["cannot store", "the store is away", "no answer"]);
    assert_eq!(letter.attempts(), 1);
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_bus_that_keeps_no_letters_has_none() -> anyhow::Result<()> {
    let bus = describe(&Arc::default())
        .keep_dead_letters(0)
        .start()
        .await?;
    fail(&bus, 1..=5).await?;
    assert!(bus.dead_letters().is_empty());
    assert_eq!(bus.dead_letters().dropped(), 0);
    assert_eq!(bus.close().await?.stats.total.dead, 5);
    Ok(())
}

#[tokio::test]
async fn a_replay_goes_to_who_has_failed_and_is_counted() -> anyhow::Result<()> {
    let store = Arc::<Store>::default();
    let bus = describe(&store).start().await?;
    fail(&bus, [1, 2]).await?;
    let letters = bus.dead_letters();
    let letter = letters.iter().next().unwrap();
    letters.replay(letter.id()).await?;
    bus.settled().await;
    assert_eq!(
        numbers(&bus),
        [2, 1],
        "it has failed again, and is another letter"
    );
    let ids: Vec<_> = bus.dead_letters().iter().map(DeadLetter::id).collect();
    assert_eq!(ids, [2, 3].map(DeadLetterId::from_number));

    store.open();
    assert_eq!(bus.dead_letters().replay_all().await?, 2);
    bus.settled().await;
    assert!(bus.dead_letters().is_empty());
    let expected: Vec<_> = letters.iter().map(|letter| letter.signal().id()).collect();
    let stored = store.stored.lock().unwrap().clone();
    assert_eq!(
        stored,
        [(2, expected[1]), (1, expected[0])],
        "with the ids they had"
    );
    assert_eq!(
        store.audited.load(Ordering::Relaxed),
        2,
        "others hear of no replay"
    );

    let stats = bus.close().await?.stats;
    assert_adds_up(&stats);
    let mut subscriptions = stats.subscriptions.iter();
    let one = subscriptions.find(|one| one.site.function == "store");
    let tally = one.unwrap().tally;
    assert_eq!((tally.accepted, tally.done, tally.dead), (5, 2, 3));
    assert_eq!(stats.published, 2, "a replay is no publish");
    Ok(())
}

mod retried {
    use super::*;

    #[subscriber("letters.retried", retry(attempts = 3))]
    pub(super) async fn store(number: Signal<u32>, #[inject] store: &Store) -> anyhow::Result<()> {
        store.audited.fetch_add(number.attempt(), Ordering::Relaxed);
        store.store(&number)
    }
}

#[tokio::test(start_paused = true)]
async fn the_attempts_of_a_replay_are_counted_anew() -> anyhow::Result<()> {
    let store = Arc::<Store>::default();
    let bus = Bus::empty().with::<retried::store>().on_error(|_, _| {});
    let bus = bus.provide_arc(Arc::clone(&store)).start().await?;
    bus.publish("letters.retried", 7_u32).await?;
    bus.settled().await;
    assert_eq!(bus.dead_letters().replay_all().await?, 1);
    bus.settled().await;
    assert_eq!(store.audited.load(Ordering::Relaxed), 2 * (1 + 2 + 3));
    let attempts: Vec<_> = bus
        .dead_letters()
        .iter()
        .map(DeadLetter::attempts)
        .collect();
    assert_eq!(attempts, [3]);
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_letter_is_replayed_once() -> anyhow::Result<()> {
    let store = Arc::<Store>::default();
    let bus = describe(&store).start().await?;
    fail(&bus, [7]).await?;
    store.open();
    let letters = bus.dead_letters();
    let id = letters.iter().next().unwrap().id();
    letters.replay(id).await?;
    assert_eq!(letters.replay(id).await, Err(ReplayError::NotKept { id }));
    assert_eq!(letters.replay_all().await?, 0);
    bus.close().await?;
    assert_eq!(store.stored(), [7]);
    Ok(())
}

mod narrow {
    use super::*;

    #[derive(Default)]
    pub(super) struct Door(pub(super) tokio::sync::Notify);

    #[subscriber("letters.narrow", capacity = 1)]
    pub(super) async fn pass(
        number: Signal<u32>,
        #[inject] store: &Store,
        #[inject] door: &Door,
    ) -> anyhow::Result<()> {
        if *number != 1 {
            door.0.notified().await;
        }
        store.store(&number)
    }
}

#[tokio::test(start_paused = true)]
async fn a_replay_waits_for_room_and_is_cancel_safe() -> anyhow::Result<()> {
    let (store, door) = (Arc::<Store>::default(), Arc::<narrow::Door>::default());
    let bus = Bus::empty().with::<narrow::pass>().on_error(|_, _| {});
    let bus = bus
        .provide_arc(Arc::clone(&store))
        .provide_arc(Arc::clone(&door));
    let bus = bus.start().await?;
    bus.publish("letters.narrow", 1_u32).await?;
    bus.settled().await;
    store.open();
    bus.publish("letters.narrow", 2_u32).await?;

    let letters = bus.dead_letters();
    let replay = tokio::time::timeout(Duration::from_secs(9), letters.replay_all());
    assert!(replay.await.is_err(), "there is room for one");
    assert_eq!(numbers(&bus), [1], "what was not delivered is kept");
    assert_eq!(bus.stats().total.accepted, 2);

    let replay = tokio::spawn(async move { letters.replay_all().await });
    tokio::task::yield_now().await;
    assert!(numbers(&bus).is_empty(), "it is on its way");
    // Whoever comes in between changes all ways, and takes no part.
    let mut other = bus.subscribe::<u32>("letters.narrow")?;
    door.0.notify_one();
    assert_eq!(replay.await??, 1);
    bus.settled().await;
    assert_eq!(store.stored(), [2, 1]);
    assert!(other.try_recv().is_none());
    drop(other);
    assert_adds_up(&bus.close().await?.stats);
    Ok(())
}

#[tokio::test]
async fn a_letter_whose_subscription_has_gone_stays() -> anyhow::Result<()> {
    let store = Arc::<Store>::default();
    let bus = describe(&store).start().await?;
    let refuse = |_: Signal<u32>| Err::<(), _>(anyhow::anyhow!("never"));
    let listener = bus.listen("letters.orders", refuse)?;
    fail(&bus, [1, 2]).await?;
    assert_eq!(bus.dead_letters().len(), 4);
    listener.close().await?;
    store.open();
    let letters = bus.dead_letters();
    assert_eq!(letters.replay_all().await?, 2);
    bus.settled().await;
    assert_eq!(store.stored(), [1, 2]);
    assert_eq!(numbers(&bus), [1, 2]);
    let left = bus.dead_letters();
    let letter = left.iter().next().unwrap();
    let error = left.replay(letter.id()).await.unwrap_err();
    assert!(matches!(error, ReplayError::SubscriptionGone { .. }));
    let (id, site) = (letter.id(), letter.at().site);
    let expected = format!("dead letter {id} was not replayed: {site} has left the bus");
    assert_eq!(error.to_string(), expected);
    assert_eq!(bus.dead_letters().len(), 2, "they stay");
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_subscription_that_leaves_while_a_replay_waits_gives_the_letter_back()
-> anyhow::Result<()> {
    let bus = Bus::empty().on_error(|_, _| {}).start().await?;
    let door = Arc::new(tokio::sync::Notify::new());
    let inside = Arc::clone(&door);
    let pass = bus.subscription::<u32>("letters.left").capacity(1);
    let listener = pass.listen(async move |number: Signal<u32>| {
        anyhow::ensure!(*number == 2, "never");
        inside.notified().await;
        Ok(())
    })?;
    bus.publish("letters.left", 1_u32).await?;
    bus.settled().await;
    bus.publish("letters.left", 2_u32).await?;
    let letters = bus.dead_letters();
    let id = letters.iter().next().unwrap().id();
    let replay = tokio::spawn(async move { letters.replay(id).await });
    tokio::task::yield_now().await;
    drop(listener);
    let replayed = replay.await?;
    assert!(
        matches!(replayed, Err(ReplayError::SubscriptionGone { .. })),
        "{replayed:?}"
    );
    assert_eq!(numbers(&bus), [1]);
    door.notify_one();
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_closed_bus_replays_nothing_and_holds_no_value() -> anyhow::Result<()> {
    let bus = Bus::empty().on_error(|_, _| {}).start().await?;
    let refuse = |_: Signal<Vec<u8>>| Err::<(), _>(anyhow::anyhow!("never"));
    bus.listen("letters.values", refuse)?.detach();
    let value = Arc::new(vec![7_u8]);
    bus.publish_shared("letters.values", Arc::clone(&value))
        .await?;
    bus.settled().await;
    let letters = bus.dead_letters();
    let id = letters.iter().next().unwrap().id();
    assert_eq!(
        Arc::strong_count(&value),
        3,
        "mine, the bus's, and that of `letters`"
    );
    let handle = bus.handle();
    bus.close().await?;
    assert_eq!(Arc::strong_count(&value), 2);
    assert!(handle.dead_letters().is_empty());
    let error = letters.replay(id).await.unwrap_err();
    assert_eq!(error, ReplayError::Closed { id });
    assert_eq!(
        error.to_string(),
        "dead letter 1 was not replayed: the bus is closed"
    );
    assert_eq!(letters.replay_all().await, Err(error));
    Ok(())
}

mod buried {
    use super::*;

    #[subscriber("letters.buried")]
    pub(super) async fn refuse(_number: u32) -> anyhow::Result<()> {
        anyhow::bail!("never")
    }

    /// Replays each letter once, also while the bus drains, and then fails itself.
    #[subscriber("$bus.dead")]
    pub(super) async fn bury(
        letter: DeadLetter,
        #[inject] bus: &BusHandle,
        #[inject] store: &Store,
    ) -> anyhow::Result<()> {
        if store.audited.fetch_add(1, Ordering::Relaxed) == 0 {
            bus.dead_letters().replay(letter.id()).await?;
        }
        anyhow::bail!("a letter about a letter would never end")
    }
}

#[tokio::test]
async fn a_handler_of_letters_may_replay_and_makes_none() -> anyhow::Result<()> {
    let store = Arc::<Store>::default();
    let bus = Bus::new().within(concat!(module_path!(), "::buried"));
    let bus = bus.on_error(|_, _| {}).provide_arc(Arc::clone(&store));
    let bus = bus.start().await?;
    bus.publish("letters.buried", 7_u32).await?;
    let stats = bus.close().await?.stats;
    assert_adds_up(&stats);
    assert_eq!(
        store.audited.load(Ordering::Relaxed),
        2,
        "the letter, and that of its replay"
    );
    let tallies = stats.subscriptions.iter().map(|one| one.tally);
    let dead: Vec<_> = tallies.map(|tally| (tally.accepted, tally.dead)).collect();
    assert_eq!(dead, [(2, 2), (2, 2)]);
    Ok(())
}

mod grouped {
    use super::*;

    #[subscriber("letters.rows", batch = 2, group = "letters", concurrency = 2)]
    pub(super) async fn batch(
        numbers: Vec<Signal<u32>>,
        #[inject] store: &Store,
    ) -> anyhow::Result<()> {
        numbers.iter().try_for_each(|number| store.store(number))
    }
}

#[tokio::test]
async fn batches_and_groups_get_their_letters_back() -> anyhow::Result<()> {
    let store = Arc::<Store>::default();
    let bus = Bus::empty().with::<grouped::batch>().on_error(|_, _| {});
    let bus = bus.provide_arc(Arc::clone(&store)).start().await?;
    for number in [1_u32, 2] {
        bus.publish("letters.rows", number).await?;
    }
    bus.settled().await;
    assert_eq!(numbers(&bus), [1, 2], "each signal of a batch is a letter");
    store.open();
    assert_eq!(bus.dead_letters().replay_all().await?, 2);
    assert_adds_up(&bus.close().await?.stats);
    assert_eq!(store.stored(), [1, 2]);
    Ok(())
}

mod flaky {
    use super::*;

    #[subscriber("letters.flaky", concurrency = 4, capacity = 16)]
    pub(super) async fn store(number: Signal<u32>, #[inject] store: &Store) -> anyhow::Result<()> {
        let call = store.audited.fetch_add(1, Ordering::Relaxed);
        anyhow::ensure!(call % 3 != 0, "every third call fails");
        store.store(&number)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replays_beside_publishes_and_each_other_lose_and_double_nothing() -> anyhow::Result<()> {
    const SIGNALS: u32 = 1000;
    let store = Arc::<Store>::default();
    store.open();
    let bus = Bus::empty().with::<flaky::store>().on_error(|_, _| {});
    let bus = bus.provide_arc(Arc::clone(&store)).start().await?;
    let replayer = |bus: BusHandle| async move {
        let mut replayed = 0;
        while bus.stats().total.done < u64::from(SIGNALS) {
            replayed += bus.dead_letters().replay_all().await?;
            tokio::task::yield_now().await;
        }
        anyhow::Ok(replayed)
    };
    let replayers = [bus.handle(), bus.handle()].map(|bus| tokio::spawn(replayer(bus)));
    for number in 0..SIGNALS {
        bus.publish("letters.flaky", number).await?;
    }
    let mut replayed = 0;
    for replayer in replayers {
        replayed += replayer.await??;
    }
    assert!(bus.dead_letters().is_empty());
    let stats = bus.close().await?.stats;
    assert_adds_up(&stats);
    assert_eq!(stats.total.accepted, u64::from(SIGNALS) + replayed as u64);
    assert_eq!(stats.total.dead, replayed as u64);
    let mut stored = store.stored();
    stored.sort_unstable();
    assert_eq!(stored, Vec::from_iter(0..SIGNALS));
    Ok(())
}
