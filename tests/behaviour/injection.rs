//! Injected parameters: by factory and by type, there until the last handler has ended.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use signal_bus::{Bus, BusHandle, inject, provider, publisher, subscriber};

#[derive(Debug, Default)]
struct Log(Mutex<Vec<String>>);

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

mod factories {
    use super::*;

    pub(super) async fn name() -> String {
        "Frank".into()
    }

    pub(super) fn fails(_: ()) {}

    pub(super) fn title() -> Result<String, std::num::ParseIntError> {
        Ok("Dr.".into())
    }

    /// A factory whose own parameters are injected.
    #[inject(name = name)]
    pub(super) async fn full_name(
        name: String,
        #[inject] suffix: &&'static str,
    ) -> anyhow::Result<String> {
        anyhow::ensure!(!name.is_empty(), "nameless");
        Ok(format!("{name} {suffix}"))
    }

    #[publisher("factories")]
    pub(super) async fn greet(text: &str) -> String {
        text.to_owned()
    }

    #[subscriber("factories")]
    #[inject(name = full_name)]
    #[inject(title = title)]
    pub(super) async fn print(greeting: String, title: &str, name: String, #[inject] log: &Log) {
        log.note(format!("{greeting} {title} {name}"));
    }

    pub(super) static MADE: AtomicUsize = AtomicUsize::new(0);

    pub(super) async fn counter() -> usize {
        tokio::task::yield_now().await;
        MADE.fetch_add(1, Ordering::Relaxed)
    }

    #[subscriber("factories.once", concurrency = 4)]
    #[inject(number = counter, once)]
    pub(super) async fn once(_signal: (), number: usize, #[inject] log: &Log) {
        log.note(number.to_string());
    }
}

#[tokio::test]
async fn factories_are_called_per_call_nested_and_fallible() -> anyhow::Result<()> {
    let log = Arc::<Log>::default();
    let bus = Bus::empty()
        .with::<factories::print>()
        .provide_arc(Arc::clone(&log))
        .provide("Jr.");
    let bus = bus.on_error(|at, error| println!("{at}: {error}"));
    bus.run(async {
        factories::greet("hello").await;
    })
    .await?;
    assert_eq!(log.take(), ["hello Dr. Frank Jr."]);

    let replaced = bus
        .clone()
        .replace(factories::full_name, || "Bob".to_string());
    replaced
        .run(async {
            factories::greet("hello").await;
        })
        .await?;
    assert_eq!(log.take(), ["hello Dr. Bob"]);

    let nested = bus.clone().replace(factories::name, || "Ann".to_string());
    nested
        .run(async {
            factories::greet("hello").await;
        })
        .await?;
    assert_eq!(log.take(), ["hello Dr. Ann Jr."]);

    let nameless = bus.replace(factories::name, String::new).start().await?;
    factories::greet("hello").await;
    let report = nameless.close().await?;
    assert!(log.take().is_empty());
    assert!(report.failures[0].error.contains("nameless"), "{report}");
    factories::fails(());
    Ok(())
}

#[tokio::test]
async fn a_factory_marked_once_is_called_once_per_bus() -> anyhow::Result<()> {
    let log = Arc::<Log>::default();
    let bus = Bus::empty()
        .with::<factories::once>()
        .provide_arc(Arc::clone(&log));
    for _ in 0..2 {
        bus.run_with(async |bus| {
            for _ in 0..10 {
                bus.publish("factories.once", ()).await.unwrap();
            }
        })
        .await?;
    }
    let mut log = log.take();
    log.dedup();
    assert_eq!(log, ["0", "1"]);
    Ok(())
}

mod providers {
    use super::*;

    #[derive(Debug)]
    pub(super) struct Config {
        pub(super) log: Arc<Log>,
        pub(super) fail_at: Option<&'static str>,
    }

    #[derive(Debug)]
    pub(super) struct Noted(&'static str, Arc<Log>);

    impl Noted {
        fn new(name: &'static str, config: &Config) -> anyhow::Result<Self> {
            anyhow::ensure!(config.fail_at != Some(name), "no {name} today");
            config.log.note(format!("+{name}"));
            Ok(Self(name, Arc::clone(&config.log)))
        }
    }

    impl Drop for Noted {
        fn drop(&mut self) {
            self.1.note(format!("-{}", self.0));
        }
    }

    pub(super) struct Pool(Noted);
    pub(super) struct Cache(Noted);
    pub(super) trait Store: Send + Sync {
        fn name(&self) -> String;
    }

    impl Store for Cache {
        fn name(&self) -> String {
            self.0.0.to_owned()
        }
    }

    #[provider]
    async fn cache(pool: &Pool, config: &Config) -> anyhow::Result<Arc<dyn Store>> {
        assert_eq!(pool.0.0, "pool");
        tokio::task::yield_now().await;
        Ok(Arc::new(Cache(Noted::new("cache", config)?)))
    }

    #[provider]
    fn pool(config: &Config) -> anyhow::Result<Pool> {
        Ok(Pool(Noted::new("pool", config)?))
    }

    #[provider]
    async fn not_needed(config: &Config) -> anyhow::Result<u64> {
        Noted::new("not needed", config)?;
        Ok(1)
    }

    #[subscriber("providers")]
    #[publisher("providers.next")]
    async fn first(depth: u32, #[inject] store: Arc<dyn Store>, #[inject] config: &Config) -> u32 {
        tokio::task::yield_now().await;
        config.log.note(format!("first uses {}", store.name()));
        depth
    }

    #[subscriber("providers.next")]
    async fn second(
        _depth: u32,
        #[inject] store: &dyn Store,
        #[inject] pool: Option<Arc<Pool>>,
        #[inject] handle: &BusHandle,
        #[inject] missing: Option<&u8>,
        #[inject] config: &Config,
    ) {
        assert!(pool.is_some() && missing.is_none());
        config.log.note(format!(
            "second uses {} of {}",
            store.name(),
            handle.stats().subscriptions.len()
        ));
    }
}

fn provided(log: &Arc<Log>, fail_at: Option<&'static str>) -> Bus {
    let log = Arc::clone(log);
    Bus::new()
        .within(concat!(module_path!(), "::providers"))
        .provide(providers::Config { log, fail_at })
}

#[tokio::test]
async fn providers_are_built_in_order_and_disposed_in_reverse_after_the_drain() -> anyhow::Result<()>
{
    let log = Arc::<Log>::default();
    let bus = provided(&log, None);
    for _ in 0..2 {
        bus.run_with(async |bus| bus.publish("providers", 1_u32).await)
            .await??;
        let expected = [
            "+pool",
            "+cache",
            "first uses cache",
            "second uses cache of 2",
            "-cache",
            "-pool",
        ];
        assert_eq!(log.take(), expected);
    }
    Ok(())
}

mod draining {
    use super::*;

    /// What handlers found, and how often it was disposed.
    #[derive(Debug, Default)]
    pub(super) struct Found {
        pub(super) there: AtomicUsize,
        pub(super) none: AtomicUsize,
        pub(super) disposed: AtomicUsize,
    }

    pub(super) struct Pool(Arc<Found>);

    impl Drop for Pool {
        fn drop(&mut self) {
            self.0.disposed.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[provider]
    async fn pool(found: &Arc<Found>) -> Pool {
        Pool(Arc::clone(found))
    }

    #[subscriber("injection.draining", capacity = 100, concurrency = 4)]
    async fn look(
        _number: u32,
        #[inject] found: &Arc<Found>,
        #[inject] pool: Option<Arc<Pool>>,
        #[inject] bus: &BusHandle,
    ) {
        bus.closing().await;
        tokio::task::yield_now().await;
        let is_there = pool.is_some() && found.disposed.load(Ordering::Relaxed) == 0;
        let count = if is_there { &found.there } else { &found.none };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test]
async fn what_is_injected_is_there_for_all_who_drain_and_is_disposed_once() -> anyhow::Result<()> {
    let found = Arc::<draining::Found>::default();
    let bus = Bus::new().within(concat!(module_path!(), "::draining"));
    let bus = bus.provide(Arc::clone(&found)).start().await?;
    for number in 0..100_u32 {
        bus.publish("injection.draining", number).await?;
    }
    assert_eq!(
        found.there.load(Ordering::Relaxed),
        0,
        "none before it closes"
    );
    bus.close().await?;
    let count = |count: &AtomicUsize| count.load(Ordering::Relaxed);
    let counts = (
        count(&found.there),
        count(&found.none),
        count(&found.disposed),
    );
    println!(
        "handled while it drained: {} with their pool, {} without; disposed {} time",
        counts.0, counts.1, counts.2
    );
    assert_eq!(counts, (100, 0, 1));
    Ok(())
}

#[tokio::test]
async fn a_provider_that_fails_refuses_the_start_and_what_is_built_is_disposed() {
    let log = Arc::<Log>::default();
    let error = provided(&log, Some("cache"))
        .start()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("no cache today"), "{error}");
    assert!(
        error.contains("behaviour::injection::providers::cache (tests/behaviour/injection.rs:"),
        "{error}"
    );
    assert_eq!(log.take(), ["+pool", "-pool"]);
}

#[tokio::test]
async fn a_start_that_is_cancelled_is_as_if_it_had_never_been() -> anyhow::Result<()> {
    let log = Arc::<Log>::default();
    let bus = provided(&log, None);
    {
        let mut start = Box::pin(bus.start());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(start.as_mut().poll(&mut context).is_pending());
    }
    assert_eq!(log.take(), ["+pool", "-pool"]);
    bus.run(async {}).await?;
    assert_eq!(log.take(), ["+pool", "+cache", "-cache", "-pool"]);
    Ok(())
}

mod holding {
    use super::*;

    /// A value that holds the bus that holds it.
    pub(super) struct Holder {
        pub(super) bus: BusHandle,
        pub(super) _alive: Arc<()>,
    }

    #[provider]
    async fn holder(bus: &BusHandle, alive: &Arc<()>) -> Holder {
        tokio::task::yield_now().await;
        Holder {
            bus: bus.clone(),
            _alive: Arc::clone(alive),
        }
    }

    #[subscriber("holding")]
    async fn hold(_signal: (), #[inject] holder: &Holder) {
        assert_eq!(holder.bus.stats().total.outstanding, 1);
    }
}

#[tokio::test]
async fn a_value_that_holds_the_bus_goes_with_the_bus() -> anyhow::Result<()> {
    let alive = Arc::new(());
    let bus = Bus::new()
        .within(concat!(module_path!(), "::holding"))
        .provide(Arc::clone(&alive));
    // Dropped at each of its awaits, and then finished.
    for polls in 1..8 {
        let mut start = Box::pin(bus.start());
        for _ in 0..polls {
            let mut context = std::task::Context::from_waker(std::task::Waker::noop());
            if let std::task::Poll::Ready(started) = start.as_mut().poll(&mut context) {
                let started = started?;
                started.publish("holding", ()).await?;
                assert_eq!(started.close().await?.stats.total.done, 1);
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(start);
        tokio::task::yield_now().await;
        assert_eq!(
            Arc::strong_count(&alive),
            2,
            "one here, one in the description ({polls} polls)"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_value_goes_before_a_provider_of_its_type() -> anyhow::Result<()> {
    struct Other;
    impl providers::Store for Other {
        fn name(&self) -> String {
            "other".into()
        }
    }
    let log = Arc::<Log>::default();
    let bus = provided(&log, Some("cache")).provide_arc::<dyn providers::Store>(Arc::new(Other));
    bus.run_with(async |bus| bus.publish("providers", 1_u32).await)
        .await??;
    assert_eq!(
        log.take(),
        [
            "+pool",
            "first uses other",
            "second uses other of 2",
            "-pool"
        ]
    );
    Ok(())
}
