//! A publisher remembers that nobody hears it; whatever changes that, the next signal is heard, refused or counted where it should be.

use std::sync::{Arc, Mutex};

use signal_bus::{Bus, BusGuard, Topic, publisher, subscriber};

fn unheard(bus: &BusGuard) -> u64 {
    bus.stats().unrouted
}

#[publisher("unheard.joined")]
async fn joined(number: u32) -> u32 {
    number
}

/// Publishes until the publisher has remembered what there is to remember.
async fn again_and_again<R>(publish: impl AsyncFn(u32) -> R) {
    for number in 0..3 {
        publish(number).await;
    }
}

#[tokio::test]
async fn who_comes_after_an_unheard_signal_hears_the_next_one() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    bus.scope(async {
        for round in 1..=3 {
            again_and_again(async |number| joined(number).await).await;
            assert_eq!(unheard(&bus), 3 * u64::from(round));
            let mut reader = bus.subscribe::<u32>("unheard.joined")?;
            joined(round).await;
            assert_eq!(reader.try_recv().map(|number| *number), Some(round));
            assert!(reader.try_recv().is_none());
        }
        anyhow::Ok(())
    })
    .await?;
    let stats = bus.close().await?.stats;
    assert_eq!((stats.published, stats.unrouted), (12, 9));
    Ok(())
}

#[publisher("unheard.alternating")]
async fn alternate(number: u32) -> u32 {
    number
}

#[tokio::test]
async fn what_nobody_hears_on_one_bus_is_heard_on_another() -> anyhow::Result<()> {
    let (silent, heard) = (Bus::empty().start().await?, Bus::empty().start().await?);
    let mut reader = heard.subscribe::<u32>("unheard.alternating")?;
    for number in 0..10 {
        silent.scope(alternate(number)).await;
        heard.scope(alternate(number)).await;
        // The bus a task is in comes first, whatever is around it.
        heard.scope(silent.scope(alternate(number))).await;
        silent.scope(heard.scope(alternate(number))).await;
        for _ in 0..2 {
            assert_eq!(reader.try_recv().map(|number| *number), Some(number));
        }
        assert!(reader.try_recv().is_none());
    }
    assert_eq!((unheard(&silent), unheard(&heard)), (20, 0));
    silent.close().await?;
    heard.close().await?;
    Ok(())
}

#[publisher("unheard.closed")]
async fn closed(number: u32) -> u32 {
    number
}

#[tokio::test]
async fn a_closed_bus_refuses_what_nobody_has_heard_and_the_next_one_counts_anew()
-> anyhow::Result<()> {
    for round in 0..3 {
        let refused = Arc::<Mutex<Vec<String>>>::default();
        let told = Arc::clone(&refused);
        let bus =
            Bus::empty().on_error(move |_, error| told.lock().unwrap().push(error.to_string()));
        let bus = bus.start().await?;
        bus.scope(async {
            again_and_again(async |number| closed(number).await).await;
            bus.close().await?;
            closed(7).await;
            anyhow::Ok(())
        })
        .await?;
        let stats = bus.stats();
        assert_eq!((stats.unrouted, stats.refused), (3, 1), "round {round}");
        assert_eq!(refused.lock().unwrap().len(), 1);
    }
    Ok(())
}

static STICKY: Topic<u32> = Topic::new("unheard.sticky").sticky();

#[publisher("unheard.sticky")]
async fn later_sticky(number: u32) -> u32 {
    number
}

#[tokio::test]
async fn what_becomes_sticky_is_kept_although_nobody_has_heard_it() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    bus.scope(again_and_again(async |number| later_sticky(number).await))
        .await;
    bus.publish(STICKY, 7).await?;
    bus.scope(later_sticky(8)).await;
    let mut late = bus.subscribe::<u32>(STICKY)?;
    assert_eq!(late.try_recv().map(|number| *number), Some(8));
    bus.close().await?;
    Ok(())
}

#[publisher("unheard.generic")]
async fn generic<T: Clone + Send + Sync + 'static>(value: T) -> T {
    value
}

#[tokio::test]
async fn a_generic_publisher_is_checked_for_each_type() -> anyhow::Result<()> {
    let bus = Bus::empty().on_error(|_, _| {}).start().await?;
    bus.scope(async {
        again_and_again(async |number| generic(number).await).await;
        generic("of another type").await;
        generic(7_u32).await;
    })
    .await;
    let stats = bus.close().await?.stats;
    assert_eq!((stats.unrouted, stats.refused), (4, 1));
    Ok(())
}

/// The attribute does not see that there are several types.
struct Holds<T>(T);

impl<T: Clone + Send + Sync + 'static> Holds<T> {
    #[publisher("unheard.held")]
    async fn held(&self) -> T {
        self.0.clone()
    }
}

#[tokio::test]
async fn a_method_of_a_generic_type_is_checked_for_each_type() -> anyhow::Result<()> {
    for heard in [false, true] {
        let bus = Bus::empty().on_error(|_, _| {});
        let bus = match heard {
            true => bus.with::<hears_held>().start().await?,
            false => bus.start().await?,
        };
        bus.scope(async {
            again_and_again(async |number| {
                Holds(number).held().await;
                // Also of a reader that waits for the next one.
                bus.settled().await;
            })
            .await;
            for _ in 0..4 {
                Holds(7_u32).held().await;
                bus.settled().await;
            }
            Holds(7_u64).held().await;
            Holds("of another type").held().await;
            Holds(7_u32).held().await;
        })
        .await;
        let stats = bus.close().await?.stats;
        let done = if heard { 8 } else { 0 };
        assert_eq!((stats.published, stats.refused), (8, 2), "{heard}");
        assert_eq!((stats.unrouted, stats.total.done), (8 - done, done));
    }
    Ok(())
}

#[subscriber("unheard.held")]
async fn hears_held(_number: &u32) {}

#[publisher("unheard.maybe")]
fn maybe(number: Option<u32>) -> Option<u32> {
    number
}

#[tokio::test]
async fn what_is_not_published_is_not_counted_either() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    bus.scope(async {
        for _ in 0..3 {
            maybe(Some(7));
            maybe(None);
        }
    })
    .await;
    assert_eq!(bus.close().await?.stats.published, 3);
    Ok(())
}

#[publisher("unheard.threads")]
fn from_threads(number: u64) -> u64 {
    number
}

/// More threads than have a place of their own to count in, in two buses at once, with a look from yet another one each time.
#[test]
fn unheard_signals_of_many_threads_are_counted_exactly() -> anyhow::Result<()> {
    const THREADS: u64 = 40;
    const SIGNALS: u64 = 500;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let buses = [(); 2].map(|()| runtime.block_on(Bus::empty().start()));
    let [one, two] = buses.map(|bus| bus.map(Arc::new));
    let (one, two) = (one?, two?);
    let threads = (0..THREADS).map(|_| {
        let (one, two, handle) = (Arc::clone(&one), Arc::clone(&two), runtime.handle().clone());
        std::thread::spawn(move || {
            let publish = |bus: &BusGuard| handle.block_on(bus.scope(async { from_threads(7) }));
            for _ in 0..SIGNALS {
                publish(&one);
                publish(&two);
            }
        })
    });
    let threads: Vec<_> = threads.collect();
    for thread in threads {
        thread.join().expect("it publishes");
        assert!(SIGNALS <= unheard(&one), "what was joined is seen");
    }
    for bus in [one, two] {
        assert_eq!(unheard(&bus), THREADS * SIGNALS);
        let report = runtime.block_on(bus.close())?;
        assert_eq!(report.stats.published, THREADS * SIGNALS);
        assert!(report.stats.unrouted == THREADS * SIGNALS);
        runtime.block_on(async { drop(bus) });
    }
    Ok(())
}
