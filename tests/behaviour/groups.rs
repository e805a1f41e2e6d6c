//! Groups: each signal goes to one member, while members come and go.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};

use signal_bus::{Bus, Signal, SubscribeError, inject, subscriber};

#[derive(Default)]
struct Work {
    left: AtomicU32,
    right: AtomicU32,
    seen: Mutex<Vec<u32>>,
}

impl Work {
    fn handled(&self) -> Vec<u32> {
        let mut seen = self.seen.lock().unwrap().clone();
        seen.sort_unstable();
        seen
    }
}

#[subscriber("groups.jobs", group = "workers")]
async fn left(job: u32, #[inject] work: &Work) {
    tokio::task::yield_now().await;
    work.left.fetch_add(1, Ordering::Relaxed);
    work.seen.lock().unwrap().push(job);
}

#[subscriber("groups.jobs", group = "workers")]
async fn right(job: &u32, #[inject] work: &Work) {
    tokio::task::yield_now().await;
    work.right.fetch_add(1, Ordering::Relaxed);
    work.seen.lock().unwrap().push(*job);
}

#[subscriber("groups.jobs")]
async fn beside(_job: &u32) {}

#[tokio::test]
async fn each_signal_goes_to_one_member_and_to_all_others_beside() -> anyhow::Result<()> {
    let work = Arc::new(Work::default());
    let bus = Bus::empty().with::<left>().with::<right>().with::<beside>();
    let bus = bus.provide_arc(Arc::clone(&work)).start().await?;
    for job in 0..100_u32 {
        let receipt = bus.publish("groups.jobs", job).await?;
        assert_eq!(receipt.receivers, 2, "the group, and the one beside it");
    }
    let report = bus.close().await?;
    assert_eq!(work.handled(), (0..100).collect::<Vec<_>>());
    let (left, right) = (&work.left, &work.right);
    assert_eq!(
        left.load(Ordering::Relaxed) + right.load(Ordering::Relaxed),
        100
    );
    assert!(0 < left.load(Ordering::Relaxed) && 0 < right.load(Ordering::Relaxed));
    assert_eq!(
        report.stats.total.accepted, 200,
        "the ledger counts a group as one subscription"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_come_and_go_and_no_job_is_lost_or_done_twice() -> anyhow::Result<()> {
    let work = Arc::new(Work::default());
    let bus = Bus::empty()
        .with::<left>()
        .provide_arc(Arc::clone(&work))
        .start()
        .await?;
    let handle = bus.handle();
    let coming = Arc::clone(&work);
    let members = tokio::spawn(async move {
        for round in 0..200 {
            let member = handle
                .subscription::<u32>("groups.jobs")
                .group("workers")
                .listen({
                    let work = Arc::clone(&coming);
                    async move |job: Signal<u32>| {
                        tokio::task::yield_now().await;
                        work.right.fetch_add(1, Ordering::Relaxed);
                        work.seen.lock().unwrap().push(*job);
                    }
                })
                .unwrap();
            tokio::task::yield_now().await;
            if round % 2 == 0 {
                member.close().await.unwrap();
            } else {
                drop(member);
            }
        }
    });
    for job in 0..20_000_u32 {
        bus.publish("groups.jobs", job).await?;
        if job % 50 == 0 {
            tokio::task::yield_now().await;
        }
    }
    members.await?;
    let report = bus.close().await?;
    assert_eq!(work.handled(), (0..20_000).collect::<Vec<_>>());
    let total = report.stats.total;
    assert_eq!((total.accepted, total.done), (20_000, 20_000));
    Ok(())
}

#[tokio::test]
async fn what_waits_stays_for_the_members_that_are_left() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let member = || {
        bus.subscription::<u32>("groups.read")
            .group("readers")
            .subscribe()
    };
    let (mut one, mut two) = (member()?, member()?);
    for job in 0..4_u32 {
        bus.publish("groups.read", job).await?;
    }
    assert_eq!(one.recv().await.as_deref(), Some(&0));
    assert_eq!(two.recv().await.as_deref(), Some(&1));
    assert_eq!(bus.subscriber_count("groups.read"), 2);
    assert_eq!(
        bus.queue_lengths("groups.read").len(),
        1,
        "they share one subscription"
    );
    drop(one);
    assert_eq!(bus.subscriber_count("groups.read"), 1);
    bus.publish("groups.read", 4_u32).await?;
    assert_eq!(two.try_recv().as_deref(), Some(&2));
    two.close();
    assert!(!bus.has_subscribers("groups.read"));
    assert_eq!(two.recv().await.as_deref(), Some(&3));
    assert_eq!(two.recv().await.as_deref(), Some(&4));
    assert!(two.recv().await.is_none());
    assert_eq!(bus.stats().departed.tally.abandoned, 0);
    Ok(())
}

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn a_reader_that_turns_away_leaves_the_signal_to_the_others() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let member = || {
        bus.subscription::<u32>("groups.read")
            .group("readers")
            .subscribe()
    };
    let mut members = [member()?, member()?];
    let woken = [(); 2].map(|()| Arc::new(Woken::default()));
    for (member, woken) in members.iter_mut().zip(&woken) {
        let waker = Waker::from(Arc::clone(woken));
        let mut recv = std::pin::pin!(member.recv());
        let polled = recv.as_mut().poll(&mut Context::from_waker(&waker));
        assert!(polled.is_pending());
        // The future is dropped: whoever is woken may not come back for the signal.
    }
    bus.publish("groups.read", 7_u32).await?;
    for woken in &woken {
        assert!(woken.0.load(Ordering::Relaxed), "nobody is left to sleep");
    }
    assert_eq!(members[0].recv().await.as_deref(), Some(&7));
    Ok(())
}

#[tokio::test]
async fn a_group_s_name_means_something_among_those_who_hear_the_same() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let member = |pattern: &str| {
        bus.subscription::<u32>(pattern.to_owned())
            .group("workers")
            .subscribe()
    };
    let (orders, mails) = (member("orders.*")?, member("mails")?);
    let _others = member("groups.other.*")?;
    let receipt = bus.publish("orders.eu", 1_u32).await?;
    assert_eq!((receipt.receivers, orders.waiting()), (1, 1));
    assert_eq!(mails.waiting(), 0);
    let refused = member("orders.eu").unwrap_err();
    assert!(matches!(refused, SubscribeError::GroupMismatch { .. }));
    let text = refused.to_string();
    assert!(
        text.starts_with(
            "the members of group `workers` need the same topics: subscribe (tests/behaviour/groups.rs:"
        ),
        "{text}"
    );
    let other_type = bus.subscription::<u64>("groups.other.*").group("workers");
    let text = other_type.subscribe().unwrap_err().to_string();
    assert!(text.contains("the same type of signal"), "{text}");
    let smaller = bus
        .subscription::<u32>("mails")
        .group("workers")
        .capacity(4);
    let text = smaller.subscribe().unwrap_err().to_string();
    assert!(text.contains("the same capacity"), "{text}");
    assert!(text.ends_with("has 1024, and here 4"), "{text}");
    let called = bus.subscription::<u32>("mails").group("workers");
    let text = called.listen(|_: Signal<u32>| {}).unwrap_err().to_string();
    assert!(
        text.ends_with("has `subscribe`, and here `listen`, or an attribute"),
        "{text}"
    );

    let small = || bus.subscription::<u32>("groups.small").group("workers");
    let _first = small().capacity(2).subscribe()?;
    let _second = small().subscribe()?;
    assert_eq!(
        bus.queue_lengths("groups.small")[0].capacity,
        2,
        "as it is for those who are there"
    );
    Ok(())
}

mod unequal {
    use signal_bus::subscriber;

    #[subscriber("groups.unequal.*", group = "unequal", capacity = 8)]
    async fn one(_job: &u32) {}

    #[subscriber("groups.unequal.eu", group = "unequal", overflow = drop_newest)]
    async fn other(_job: &u32) {}

    #[subscriber("groups.sorted", group = "sorted")]
    async fn plain(_job: &u32) {}

    #[subscriber("groups.sorted", group = "sorted", filter = |job: &u32| *job != 3)]
    async fn filtered(_job: &u32) {}
}

#[tokio::test]
async fn members_that_cannot_share_a_queue_are_refused_at_start_with_both_places() {
    let bus = Bus::new().within(concat!(module_path!(), "::unequal"));
    let text = bus.start().await.unwrap_err().to_string();
    for part in [
        "- the members of group `unequal` need the same topics\n    behaviour::groups::unequal::one (",
        "hears `groups.unequal.*` as `u32`, capacity 8, overflow wait\n    behaviour::groups::unequal::other (",
        "hears `groups.unequal.eu` as `u32`, capacity 1024, overflow drop_newest",
        "- the members of group `sorted` need to take every signal as it comes\n",
        "capacity 1024, overflow wait, with a filter",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
    }
}

mod limits {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use signal_bus::{Bus, inject, subscriber};

    #[derive(Default)]
    pub(super) struct Most {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl Most {
        async fn enter(&self) {
            let now = self.now.fetch_add(1, Ordering::Relaxed) + 1;
            self.most.fetch_max(now, Ordering::Relaxed);
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            self.now.fetch_sub(1, Ordering::Relaxed);
        }
    }

    #[subscriber("groups.limited", group = "limited", concurrency = 3)]
    async fn wide(_job: &u32, #[inject] most: &Most) {
        most.enter().await;
    }

    #[subscriber("groups.limited", group = "limited")]
    async fn narrow(_job: &u32, #[inject] most: &Most) {
        most.enter().await;
    }

    #[tokio::test]
    async fn each_member_adds_its_own_concurrency() -> anyhow::Result<()> {
        let most = Arc::new(Most::default());
        let bus = Bus::empty().with::<wide>().with::<narrow>();
        let bus = bus.provide_arc(Arc::clone(&most)).start().await?;
        for job in 0..40_u32 {
            bus.publish("groups.limited", job).await?;
        }
        bus.close().await?;
        assert_eq!(most.most.load(Ordering::Relaxed), 4);
        Ok(())
    }
}

mod leaving {
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use signal_bus::{
        Bus, BusGuard, CloseError, Listener, Signal, SubscriptionOptions, inject, subscriber,
    };
    use tokio::time::{Instant, sleep, timeout};

    fn member(bus: &BusGuard) -> SubscriptionOptions<u32> {
        let jobs = bus.subscription::<u32>("groups.leaving");
        jobs.group("leaving").capacity(2)
    }

    #[subscriber("groups.leaving", group = "leaving", capacity = 2)]
    async fn stays(job: u32, #[inject] done: &Mutex<Vec<u32>>) {
        done.lock().unwrap().push(job);
    }

    #[tokio::test]
    async fn an_owner_takes_its_own_member_along_and_no_other() -> anyhow::Result<()> {
        let done = Arc::<Mutex<Vec<u32>>>::default();
        let bus = Bus::empty().with::<stays>().provide_arc(Arc::clone(&done));
        let bus = bus.start().await?;
        let (first, second) = (Arc::new(1), Arc::new(2));
        for owner in [&first, &second] {
            let listener = member(&bus).listen(|_: Signal<u32>| {})?;
            listener.close_on_drop_of(owner).detach();
        }
        drop((first, second));
        for job in 0..5_u32 {
            assert_eq!(bus.publish("groups.leaving", job).await?.receivers, 1);
            bus.settled().await;
        }
        assert_eq!(bus.subscriber_count("groups.leaving"), 1);
        assert_eq!(*done.lock().unwrap(), [0, 1, 2, 3, 4]);
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn the_call_of_a_member_that_has_left_keeps_nobody_from_work() -> anyhow::Result<()> {
        let bus = Bus::empty().start().await?;
        let busy = member(&bus).listen(|_: Signal<u32>| sleep(Duration::from_secs(3)))?;
        bus.publish("groups.leaving", 0_u32).await?;
        sleep(Duration::from_millis(50)).await;
        let begun = Instant::now();
        let (told, mut at) = tokio::sync::mpsc::unbounded_channel();
        let _idle = member(&bus).listen(move |_: Signal<u32>| {
            told.send(begun.elapsed()).unwrap();
        })?;
        drop(busy);
        bus.publish("groups.leaving", 1_u32).await?;
        assert!(at.recv().await.unwrap() < Duration::from_secs(1));
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_circle_is_found_though_one_that_could_have_ended_it_has_left() -> anyhow::Result<()>
    {
        let bus = Bus::empty().start().await?;
        let unbounded = member(&bus).unbounded().listen(|_: Signal<u32>| {})?;
        let handle = bus.handle();
        let _stays = member(&bus).listen(async move |job: Signal<u32>| {
            if *job < 2 {
                handle.publish("groups.leaving", *job + 10).await.unwrap();
            }
        })?;
        unbounded.close().await?;
        bus.publish("groups.leaving", 0_u32).await?;
        bus.publish("groups.leaving", 1_u32).await?;
        timeout(Duration::from_secs(5), bus.settled()).await?;
        assert_eq!(bus.stats().total.done, 4);
        Ok(())
    }

    #[tokio::test(start_paused = true)]
    async fn a_circle_that_a_leaving_member_closes_is_found() -> anyhow::Result<()> {
        let bus = Bus::empty().start().await?;
        let idle = Arc::<Mutex<Option<Listener>>>::default();
        let joined = || {
            let (handle, idle) = (bus.handle(), Arc::clone(&idle));
            member(&bus).listen(async move |job: Signal<u32>| {
                if *job < 2 {
                    let publish = handle.publish("groups.leaving", *job + 10);
                    let leaves = async { drop(idle.lock().unwrap().take()) };
                    tokio::join!(publish, leaves).0.unwrap();
                }
            })
        };
        let (one, _two) = (joined()?, joined()?);
        sleep(Duration::from_millis(10)).await;
        *idle.lock().unwrap() = Some(one);
        bus.publish("groups.leaving", 0_u32).await?;
        bus.publish("groups.leaving", 1_u32).await?;
        timeout(Duration::from_secs(5), bus.settled()).await?;
        assert_eq!(bus.stats().total.done, 4);
        Ok(())
    }

    #[tokio::test]
    async fn a_close_awaited_in_the_closure_of_another_member_is_an_error_and_no_hang()
    -> anyhow::Result<()> {
        let bus = Bus::empty().start().await?;
        let other = Arc::new(Mutex::new(Some(member(&bus).listen(|_: Signal<u32>| {})?)));
        let outcomes = Arc::<Mutex<Vec<_>>>::default();
        let heard = Arc::clone(&outcomes);
        let stays = member(&bus).listen(async move |_: Signal<u32>| {
            let other = other.lock().unwrap().take();
            if let Some(other) = other {
                let outcome = other.close().await;
                heard.lock().unwrap().push(outcome);
            }
        })?;
        // Members take turns, so the closure that closes has one of two.
        for job in 0..2_u32 {
            bus.publish("groups.leaving", job).await?;
            bus.settled().await;
        }
        let outcomes = std::mem::take(&mut *outcomes.lock().unwrap());
        assert!(
            matches!(outcomes[..], [Err(CloseError::InsideHandler)]),
            "{outcomes:?}"
        );
        assert_eq!(bus.subscriber_count("groups.leaving"), 1);
        stays.close().await?;
        Ok(())
    }
}
