//! What may happen around a connection at a bad moment, and what then holds.

use std::time::Duration;

use signal_bus::{
    Bus, BusGuard, Headers, Overflow, PublishError, Signal, Topic, publisher,
    transport::{LoopbackNetwork, Message, Transport as _, TransportFault},
};
use tokio::time::{Instant, sleep, timeout};

use crate::{Noted, connected, fake::Fake, until};

#[tokio::test(start_paused = true)]
async fn who_comes_and_goes_costs_the_others_no_signal() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (here, there) = (
        connected(&network, &["comes.>"]).await,
        connected(&network, &["comes.>"]).await,
    );
    let mut stays = there.subscribe::<u32>("comes.eu.new")?;
    there.connected().await;
    let handle = here.handle();
    let publishes = tokio::spawn(async move {
        for x in 0..1000_u32 {
            handle.publish("comes.eu.new", x).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let mut came = Vec::new();
    for turn in 0.. {
        let pattern = ["comes.>", "comes.eu.*", "comes.*.new", "comes.eu.new"][turn % 4];
        let guest = there.subscribe::<u32>(pattern)?;
        if turn % 3 == 0 {
            timeout(Duration::from_secs(60), there.connected()).await?;
        }
        for _ in 0..7 {
            came.extend(
                timeout(Duration::from_secs(1), stays.recv())
                    .await?
                    .map(|x| *x),
            );
            if came.len() == 1000 {
                break;
            }
        }
        drop(guest);
        if came.len() == 1000 {
            break;
        }
    }
    publishes.await?;
    assert_eq!(came, (0..1000).collect::<Vec<_>>());
    until(|| network.outstanding() == 0).await;
    assert!(stays.try_recv().is_none());
    drop(stays);
    close(here).await?;
    close(there).await
}

/// Closes a bus, and holds that all it has accepted has come to an end.
pub(crate) async fn close(bus: BusGuard) -> anyhow::Result<()> {
    let total = bus.close().await?.stats.total;
    let ended = total.done + total.dead + total.dropped + total.abandoned;
    assert_eq!((total.accepted, total.outstanding), (ended, 0), "{total:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_ends_by_itself_is_asked_for_again_with_patience() -> anyhow::Result<()>
{
    let fake = Fake::default();
    let bus = connected_to(&fake, "ending").await;
    fake.end_streams(true);
    let mut heard = bus.subscribe::<u32>("ending")?;
    sleep(Duration::from_secs(60)).await;
    let asked = fake.subscribed();
    assert!((3..40).contains(&asked), "asked {asked} times in a minute");
    fake.end_streams(false);
    sleep(Duration::from_secs(20)).await;
    timeout(Duration::from_secs(1), bus.connected()).await?;
    let other = connected(fake.network(), &["ending"]).await;
    other.publish("ending", 7_u32).await?;
    assert_eq!(heard.recv().await.as_deref(), Some(&7));
    drop(heard);
    close(bus).await?;
    close(other).await
}

async fn connected_to(fake: &Fake, topic: &str) -> BusGuard {
    let bus = Bus::empty()
        .carry::<u32>()
        .close_timeout(Duration::from_secs(5));
    let bus = bus.connect_to(fake.clone(), [topic]).start().await;
    bus.expect("nothing is in the way")
}

#[tokio::test(start_paused = true)]
async fn what_a_member_of_a_group_leaves_unread_goes_to_another_at_once() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (here, there) = (
        connected(&network, &["unread"]).await,
        connected(&network, &["unread"]).await,
    );
    let reader = here
        .subscription::<u32>("unread")
        .group("readers")
        .subscribe()?;
    here.connected().await;
    for x in 0..10_u32 {
        here.publish("unread", x).await?;
    }
    until(|| here.stats().total.accepted == 10).await;
    let mut other = there
        .subscription::<u32>("unread")
        .group("readers")
        .subscribe()?;
    there.connected().await;
    let began = Instant::now();
    drop(reader);
    let mut came = Vec::new();
    while came.len() < 10 {
        let next = timeout(Duration::from_secs(60), other.recv()).await?;
        came.extend(next.map(|x| *x));
    }
    came.sort_unstable();
    assert_eq!(came, (0..10).collect::<Vec<_>>());
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "nobody waits for the patience"
    );
    until(|| network.outstanding() == 0).await;
    drop(other);
    close(here).await?;
    close(there).await
}

#[tokio::test(start_paused = true)]
async fn what_comes_for_a_member_of_a_group_that_has_just_gone_goes_to_the_next()
-> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let bus = connected(&network, &["gone"]).await;
    let member = || bus.subscription::<u32>("gone").group("members").subscribe();
    let gone = member()?;
    bus.connected().await;
    let stranger = network.connect(&[]).await?;
    // In memory nobody else runs between these two.
    let message = Message::new("gone", "7", Headers::new());
    stranger.publish(&message).await?;
    drop(gone);
    sleep(Duration::from_secs(1)).await;
    let mut next = member()?;
    let came = timeout(Duration::from_secs(60), next.recv()).await?;
    assert_eq!(came.as_deref(), Some(&7));
    until(|| network.outstanding() == 0).await;
    drop(next);
    close(bus).await
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_waited_for_however_short_the_patience() -> anyhow::Result<()> {
    let network = LoopbackNetwork::patient_for(Duration::from_millis(30));
    let (here, there) = (
        connected(&network, &["hasty"]).await,
        connected(&network, &["hasty"]).await,
    );
    let noted = Noted::default();
    let notes = noted.clone();
    let listener = there.listen("hasty", move |x: Signal<u32>| {
        notes.note(*x);
        sleep(Duration::from_millis(500))
    })?;
    there.connected().await;
    for x in 0..3_u32 {
        sleep(Duration::from_secs(7)).await;
        here.publish("hasty", x).await?;
    }
    until(|| network.outstanding() == 0).await;
    assert_eq!(noted.all(), [0, 1, 2]);
    drop(listener);
    close(here).await?;
    close(there).await
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_never_answers_holds_the_close_no_longer_than_its_deadline()
-> anyhow::Result<()> {
    let fake = Fake::default();
    let bus = connected_to(&fake, "silent").await;
    let mut heard = bus.subscribe::<u32>("silent")?;
    fake.hold();
    fake.hold_drain();
    let handle = bus.handle();
    let publish = tokio::spawn(async move { handle.publish("silent", 7_u32).await });
    until(|| fake.published() == 1).await;
    let began = Instant::now();
    bus.close().await.unwrap_err();
    let waited = began.elapsed();
    assert!(waited <= Duration::from_millis(6100), "{waited:?}");
    match timeout(Duration::from_secs(1), publish).await?? {
        Err(PublishError::Transport { signal: 7, error }) => {
            assert_eq!(error.fault(), TransportFault::Unknown);
            assert!(error.to_string().contains("the bus has ended"), "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert!(heard.recv().await.is_none());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_transport_that_never_subscribes_holds_up_no_close() -> anyhow::Result<()> {
    let fake = Fake::default();
    let bus = connected_to(&fake, "never").await;
    fake.hold_interests();
    let heard = bus.subscribe::<u32>("never")?;
    sleep(Duration::from_secs(1)).await;
    let (handle, began) = (bus.handle(), Instant::now());
    let connects = tokio::spawn(async move { handle.connected().await });
    sleep(Duration::from_secs(1)).await;
    assert!(!connects.is_finished());
    drop(heard);
    close(bus).await?;
    timeout(Duration::from_secs(1), connects).await??;
    assert!(began.elapsed() < Duration::from_secs(4));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_bridge_between_two_that_are_connected_brings_nothing_twice() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let (one, other, third) = (
        connected(&network, &["bridged"]).await,
        connected(&network, &["bridged"]).await,
        connected(&network, &["bridged"]).await,
    );
    let noted = Noted::default();
    let mut listeners = Vec::new();
    for (place, bus) in [&one, &other, &third].into_iter().enumerate() {
        let notes = noted.clone();
        listeners.push(bus.listen("bridged", move |x: Signal<u32>| {
            notes.note((place, *x));
            async {}
        })?);
    }
    let bridge = one.bridge(&other, "bridged")?;
    for bus in [&one, &other, &third] {
        bus.connected().await;
    }
    for (x, bus) in [&one, &other, &third].into_iter().enumerate() {
        bus.publish("bridged", u32::try_from(x)?).await?;
    }
    sleep(Duration::from_secs(120)).await;
    let mut all = noted.all();
    all.sort_unstable();
    let each = (0..3).flat_map(|place| (0..3).map(move |x| (place, x)));
    assert_eq!(all, each.collect::<Vec<_>>());
    assert_eq!(network.outstanding(), 0);
    drop((bridge, listeners));
    close(one).await?;
    close(other).await?;
    close(third).await
}

#[tokio::test(start_paused = true)]
async fn whoever_cannot_wait_is_told_so() -> anyhow::Result<()> {
    let bus = connected(&LoopbackNetwork::new(), &["waits.>"]).await;
    let refused = [
        bus.try_publish("waits.here", 7_u32),
        bus.publisher("waits").try_publish("here", 7_u32),
    ];
    for refused in refused {
        match refused {
            Err(PublishError::Transport { signal: 7, error }) => {
                assert_eq!(error.fault(), TransportFault::MustWait);
                assert!(error.to_string().contains("use `publish`"), "{error}");
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bus.try_publish("stays", 7_u32)?.receivers, 0);
    close(bus).await
}

mod hasty {
    use signal_bus::{publisher, subscriber};

    #[publisher("hasty.made")]
    pub(super) fn make() -> u32 {
        7
    }

    #[publisher("hasty.kept", local)]
    pub(super) fn keep() -> u32 {
        7
    }

    // The bus calls it, and waits.
    #[subscriber("hasty.asked")]
    #[publisher("hasty.answered")]
    fn answer(x: &u32) -> u32 {
        *x
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_publisher_of_what_travels_is_told_at_start() -> anyhow::Result<()> {
    let bus = Bus::empty().within("transports::attacks::hasty");
    let bus = bus.connect_to(LoopbackNetwork::new(), ["hasty.>"]);
    let error = bus.start().await.unwrap_err().to_string();
    assert!(
        error.contains("make (tests/transports/attacks.rs:"),
        "{error}"
    );
    assert!(
        error.contains("make its publisher an `async fn`"),
        "{error}"
    );
    assert!(
        !error.contains("keep (") && !error.contains("answer ("),
        "{error}"
    );
    let bus = Bus::empty()
        .within("transports::attacks::hasty")
        .start()
        .await?;
    assert_eq!((hasty::make(), hasty::keep()), (7, 7));
    close(bus).await
}

#[derive(serde::Serialize, serde::Deserialize, Clone, Debug)]
#[serde(into = "u32", from = "u32")]
struct Touchy(u32);

impl From<Touchy> for u32 {
    fn from(touchy: Touchy) -> Self {
        assert!(touchy.0 != 13, "unlucky to write");
        touchy.0
    }
}

impl From<u32> for Touchy {
    fn from(x: u32) -> Self {
        assert!(x != 7, "unlucky to read");
        Self(x)
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_a_value_is_written_or_read_is_an_error_of_that_signal() -> anyhow::Result<()>
{
    let network = LoopbackNetwork::new();
    let bus = || {
        Bus::empty()
            .carry::<Touchy>()
            .connect_to(network.clone(), ["touchy"])
    };
    let (here, there) = (bus().start().await?, bus().start().await?);
    let mut heard = there.subscribe::<Touchy>("touchy")?;
    there.connected().await;
    let error = here.publish("touchy", Touchy(13)).await.unwrap_err();
    assert!(error.to_string().contains("unlucky to write"), "{error}");
    here.publish("touchy", Touchy(7)).await?;
    here.publish("touchy", Touchy(1)).await?;
    assert_eq!(heard.recv().await.map(|x| x.0), Some(1));
    until(|| network.outstanding() == 0).await;
    assert!(network.dead()[0].1.contains("unlucky to read"));
    drop(heard);
    close(here).await?;
    close(there).await
}

#[tokio::test(start_paused = true)]
async fn what_overflows_is_dropped_and_never_comes_again() -> anyhow::Result<()> {
    let network = LoopbackNetwork::patient_for(Duration::from_secs(1));
    let (here, there) = (
        connected(&network, &["flood"]).await,
        connected(&network, &["flood"]).await,
    );
    let newest = there.subscription::<u32>("flood").capacity(2);
    let mut newest = newest.overflow(Overflow::DropOldest).subscribe()?;
    let oldest = there.subscription::<u32>("flood").capacity(2);
    let mut oldest = oldest.overflow(Overflow::DropNewest).subscribe()?;
    there.connected().await;
    for x in 0..20_u32 {
        here.publish("flood", x).await?;
    }
    sleep(Duration::from_secs(10)).await;
    let mut came = Vec::new();
    for reader in [&mut newest, &mut oldest] {
        came.extend(reader.try_recv().map(|x| *x));
        came.extend(reader.try_recv().map(|x| *x));
        assert!(reader.try_recv().is_none());
    }
    assert_eq!(came, [18, 19, 0, 1]);
    until(|| network.outstanding() == 0).await;
    assert_eq!(there.stats().total.dropped, 36);
    drop((newest, oldest));
    close(here).await?;
    close(there).await
}

static STICKY: Topic<u32> = Topic::new("kinds.sticky").sticky();

#[publisher("kinds.stream")]
fn count(to: u32) -> impl futures_core::Stream<Item = u32> {
    Counts(0..to)
}

struct Counts(std::ops::Range<u32>);

impl futures_core::Stream for Counts {
    type Item = u32;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<u32>> {
        std::task::Poll::Ready(self.0.next())
    }
}

mod kinds {
    use signal_bus::subscriber;

    #[subscriber("kinds.batch", batch = 3, within = "1s")]
    pub(super) async fn batch(
        all: Vec<u32>,
        #[signal_bus::inject] noted: &crate::Noted<(&'static str, u32)>,
    ) {
        all.iter().for_each(|x| noted.note(("batch", *x)));
    }

    #[subscriber("kinds.keyed", concurrency = 4, key = |x: &u32| x % 3)]
    pub(super) async fn keyed(
        x: u32,
        #[signal_bus::inject] noted: &crate::Noted<(&'static str, u32)>,
    ) {
        tokio::time::sleep(std::time::Duration::from_millis(u64::from(x))).await;
        noted.note(("keyed", x));
    }
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_publisher_and_subscriber_travels() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let noted = Noted::<(&'static str, u32)>::default();
    let there = Bus::empty().history("kinds.history", 2);
    let there = there
        .with::<kinds::batch>()
        .with::<kinds::keyed>()
        .provide(noted.clone());
    let there = there
        .connect_to(network.clone(), ["kinds.>"])
        .carry::<u32>();
    let there = there.start().await?;
    let mut all = there.subscribe::<u32>("kinds.>")?;
    there.connected().await;
    let here = connected(&network, &["kinds.>"]).await;
    here.publish(STICKY, 1_u32).await?;
    here.publisher("kinds").publish("history", 2_u32).await?;
    here.publisher("kinds")
        .local_only()
        .publish("history", 3_u32)
        .await?;
    let soon = Duration::from_secs(1);
    drop(here.publish_after(soon, "kinds.delayed", 4_u32)?);
    sleep(2 * soon).await;
    here.scope(async {
        let mut stream = std::pin::pin!(count(2));
        while std::future::poll_fn(|context| {
            futures_core::Stream::poll_next(stream.as_mut(), context)
        })
        .await
        .is_some()
        {}
    })
    .await;
    let mut came = Vec::new();
    for _ in 0..5 {
        let next = all.recv().await.unwrap();
        came.push((next.topic().to_owned(), *next));
    }
    let expected = [
        ("kinds.sticky", 1),
        ("kinds.history", 2),
        ("kinds.delayed", 4),
        ("kinds.stream", 0),
        ("kinds.stream", 1),
    ];
    assert_eq!(came, expected.map(|(topic, x)| (topic.to_owned(), x)));
    assert!(all.try_recv().is_none());
    let late = there.subscription::<u32>("kinds.history").from_oldest();
    assert_eq!(late.subscribe()?.recv().await.as_deref(), Some(&2));
    drop(all);
    for x in 10..15_u32 {
        here.publish("kinds.batch", x).await?;
        here.publish("kinds.keyed", x).await?;
    }
    until(|| network.outstanding() == 0).await;
    let mut came = noted.all();
    came.sort_unstable();
    let both = ["batch", "keyed"].into_iter();
    let expected = both.flat_map(|kind| (10..15_u32).map(move |x| (kind, x)));
    assert_eq!(came, expected.collect::<Vec<_>>());
    close(here).await?;
    close(there).await
}

#[tokio::test(start_paused = true)]
async fn a_guard_that_is_dropped_hands_back_what_is_not_handled() -> anyhow::Result<()> {
    let network = LoopbackNetwork::new();
    let here = connected(&network, &["falls"]).await;
    let there = connected(&network, &["falls"]).await;
    let member = there.subscription::<u32>("falls").group("members");
    let slow = member.listen(|_: Signal<u32>| sleep(Duration::from_secs(1)))?;
    slow.detach();
    there.connected().await;
    for x in 0..5_u32 {
        here.publish("falls", x).await?;
    }
    drop(there);
    let noted = Noted::default();
    let notes = noted.clone();
    let next = here.subscription::<u32>("falls").group("members");
    let next = next.listen(move |x: Signal<u32>| {
        notes.note(*x);
        async {}
    })?;
    until(|| network.outstanding() == 0).await;
    drop(next);
    close(here).await
}

#[test]
fn a_runtime_that_shuts_down_leaves_what_is_not_handled_to_others() {
    let network = LoopbackNetwork::patient_for(Duration::from_millis(50));
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let first = runtime();
    let bus = first.block_on(async {
        let bus = connected(&network, &["shut"]).await;
        let stuck = bus.subscription::<u32>("shut").group("members");
        let stuck = stuck.listen(|_: Signal<u32>| std::future::pending::<()>());
        stuck.unwrap().detach();
        bus.connected().await;
        bus.publish("shut", 7_u32).await.unwrap();
        until(|| bus.stats().total.accepted == 1).await;
        bus
    });
    drop(first);
    drop(bus);
    runtime().block_on(async {
        let bus = connected(&network, &["shut"]).await;
        let mut next = bus
            .subscription::<u32>("shut")
            .group("members")
            .subscribe()
            .unwrap();
        let came = timeout(Duration::from_secs(20), next.recv()).await.unwrap();
        assert_eq!(came.as_deref(), Some(&7));
        drop(next);
        close(bus).await.unwrap();
    });
}
