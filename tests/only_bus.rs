//! A program with one bus, whose publishers find their way by fewer looks than where there are several.
//!
//! One test, for those of a program run at the same time, each with a bus of its own.

#![allow(
    clippy::disallowed_methods,
    reason = "tests stand where user code stands"
)]

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use signal_bus::{Bus, BusGuard, Headers, Signal, inject, publisher, subscriber};

static CLONES: AtomicUsize = AtomicUsize::new(0);

/// Counts how often it is cloned.
#[derive(Debug)]
struct Counted(u32);

impl Clone for Counted {
    fn clone(&self) -> Self {
        CLONES.fetch_add(1, Ordering::SeqCst);
        Self(self.0)
    }
}

#[publisher("counted")]
async fn say(number: u32) -> Counted {
    Counted(number)
}

/// What was heard: the number, whether it has a parent, and its tenant.
type Heard = Mutex<Vec<(u32, bool, Option<String>)>>;

#[subscriber("counted")]
async fn hear(said: &Signal<Counted>, #[inject] heard: &Heard) {
    let tenant = said.header("tenant").map(str::to_owned);
    let one = (said.0, said.parent_id().is_some(), tenant);
    heard.lock().unwrap().push(one);
}

#[subscriber("begin")]
async fn begin(number: u32) {
    say(number).await;
}

/// What `publish` lets be heard, and how often a value was cloned for it.
async fn heard<R>(
    bus: &BusGuard,
    heard: &Heard,
    publish: impl AsyncFnOnce() -> R,
) -> (Vec<(u32, bool, Option<String>)>, usize) {
    let before = CLONES.load(Ordering::SeqCst);
    drop(publish().await);
    bus.settled().await;
    let heard = std::mem::take(&mut *heard.lock().unwrap());
    (heard, CLONES.load(Ordering::SeqCst) - before)
}

async fn elsewhere(number: u32) {
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(say(number));
    });
    tokio::task::spawn_blocking(|| thread.join().unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn the_short_way_goes_where_the_long_one_does() -> anyhow::Result<()> {
    let all = std::sync::Arc::<Heard>::default();
    let bus = Bus::empty().with::<hear>().with::<begin>();
    let bus = bus.provide_arc(std::sync::Arc::clone(&all)).start().await?;
    let plain = |number| (number, false, None);
    // From the second or third time on the way is known.
    for number in 0..8 {
        let said = heard(&bus, &all, async || bus.scope(say(number)).await).await;
        assert_eq!(said.0, [plain(number)], "in the scope of the bus");
        let said = heard(&bus, &all, async || say(number).await).await;
        assert_eq!(said.0, [plain(number)], "in a task of no bus");
        let said = heard(&bus, &all, async || elsewhere(number).await).await;
        assert_eq!(said, (vec![], 0), "on a thread of no bus");
        let headers = Headers::new().with("tenant", "acme");
        let said = heard(&bus, &all, async || {
            headers.scope(bus.scope(say(number))).await
        });
        let tenant = Some("acme".to_owned());
        assert_eq!(said.await.0, [(number, false, tenant)]);
        let said = heard(&bus, &all, async || {
            bus.publish("begin", number).await.unwrap();
        });
        assert_eq!(said.await.0, [(number, true, None)], "in a handler");
        if number == 4 {
            // With another one beside it, and when that is gone.
            let other = Bus::empty().start().await?;
            let said = heard(&bus, &all, async || other.scope(say(number)).await).await;
            assert_eq!(said.0, [], "another bus");
            let said = heard(&bus, &all, async || bus.scope(say(number)).await).await;
            assert_eq!(said.0, [plain(number)]);
            other.close().await?;
        }
    }
    let stats = bus.close().await?.stats;
    assert_eq!(stats.refused, 0);
    Ok(())
}
