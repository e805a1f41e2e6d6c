//! Mistakes and malice that once broke a promise, each with the test it left.

use std::fmt;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Wake};
use std::time::Duration;

use signal_bus::{
    Bus, BusHandle, CloseError, CloseOutcome, CloseReport, DeadLetter, FindingKind, InCurrentBus,
    Signal, inject, periodic, provider, publisher, subscriber,
};
use tokio::runtime::Builder;

use crate::ledger::assert_adds_up;

/// An error that panics when it is displayed, or when it is dropped.
#[derive(Debug)]
struct Nasty(bool);

impl fmt::Display for Nasty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(!self.0, "no words for it");
        f.write_str("a bomb")
    }
}

impl std::error::Error for Nasty {}

impl Drop for Nasty {
    fn drop(&mut self) {
        assert!(self.0 || std::thread::panicking(), "the error went off");
    }
}

struct Grenade;

impl Drop for Grenade {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("the value went off");
        }
    }
}

mod woken {
    use super::subscriber;

    #[subscriber("woken", capacity = 1)]
    pub(super) async fn one(_number: &u32) {
        tokio::task::yield_now().await;
    }

    #[subscriber("woken", capacity = 1)]
    pub(super) async fn two(_number: &u32) {
        tokio::task::yield_now().await;
    }
}

struct PanickingWaker;

impl Wake for PanickingWaker {
    fn wake(self: Arc<Self>) {
        panic!("a test panics");
    }
}

#[tokio::test(start_paused = true)]
async fn a_waker_that_panics_stops_no_worker() -> anyhow::Result<()> {
    let bus = Bus::new().within(concat!(module_path!(), "::woken"));
    let bus = bus.start().await?;
    bus.publish("woken", 1_u32).await?;
    let waker = Arc::new(PanickingWaker).into();
    let mut context = Context::from_waker(&waker);
    let mut publish = pin!(bus.publish("woken", 2_u32));
    assert!(publish.as_mut().poll(&mut context).is_pending());
    let mut settled = pin!(bus.settled());
    assert!(settled.as_mut().poll(&mut context).is_pending());
    tokio::time::sleep(Duration::from_secs(1)).await;
    let minute = Duration::from_secs(60);
    tokio::time::timeout(minute, publish).await??;
    tokio::time::timeout(minute, bus.publish("woken", 3_u32)).await??;
    let report = bus.close().await?;
    println!("panicking waker: {}", report.stats.total);
    assert_eq!(report.stats.total.done, 2 * 3);
    Ok(())
}

/// Runs a test on a thread of its own, for the one that hangs would never come back.
fn comes_back<R: Send + 'static>(test: impl AsyncFnOnce() -> R + Send + 'static) -> R {
    let (done, is_done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        done.send(runtime.block_on(test())).unwrap();
    });
    let result = is_done.recv_timeout(Duration::from_secs(60));
    result.expect("it comes back")
}

/// Asks the bus when it wakes somebody, which takes the lock around all queues.
struct AskingWaker(BusHandle, AtomicU32);

impl Wake for AskingWaker {
    fn wake(self: Arc<Self>) {
        drop(self.0.queue_lengths(">"));
        self.1.fetch_add(1, Ordering::SeqCst);
    }
}

/// Asks the bus when it is dropped.
struct AskingDrop(BusHandle);

impl Wake for AskingDrop {
    fn wake(self: Arc<Self>) {}
}

impl Drop for AskingDrop {
    fn drop(&mut self) {
        drop(self.0.queue_lengths(">"));
    }
}

/// Polls with a waker that is kept by nobody else.
fn polled<F: Future>(bus: &BusHandle, future: Pin<&mut F>) -> Poll<F::Output> {
    let waker = Arc::new(AskingDrop(bus.clone())).into();
    future.poll(&mut Context::from_waker(&waker))
}

#[test]
fn a_waker_may_ask_the_bus_when_nobody_needs_it_any_more() {
    let read = comes_back(async || {
        let bus = Bus::empty().start().await.unwrap();
        let handle = bus.handle();
        let mut reader = bus
            .subscription::<u32>("left")
            .capacity(1)
            .subscribe()
            .unwrap();
        {
            let mut next = pin!(reader.recv());
            assert!(polled(&handle, next.as_mut()).is_pending());
            assert!(polled(&handle, next.as_mut()).is_pending());
            bus.publish("left", 1_u32).await.unwrap();
            let mut waits = pin!(bus.publish("left", 2_u32));
            assert!(polled(&handle, waits.as_mut()).is_pending());
            assert!(polled(&handle, waits.as_mut()).is_pending());
            {
                let mut given_up = pin!(bus.publish("left", 3_u32));
                assert!(polled(&handle, given_up.as_mut()).is_pending());
            }
            let Poll::Ready(first) = polled(&handle, next.as_mut()) else {
                panic!("it is there");
            };
            assert!(polled(&handle, waits.as_mut()).is_ready());
            first.map(|signal: Signal<u32>| *signal)
        }
    });
    assert_eq!(read, Some(1));
}

#[test]
fn a_waker_may_ask_the_bus_when_its_reader_leaves() {
    let woken = comes_back(async || {
        let bus = Bus::empty().start().await.unwrap();
        let waker = Arc::new(AskingWaker(bus.handle(), AtomicU32::new(0)));
        let of_waker = Arc::clone(&waker).into();
        let mut context = Context::from_waker(&of_waker);
        let mut readers = ["alone", "alone", "shared", "shared"].map(|topic| {
            let options = bus.subscription::<u32>(topic).capacity(1);
            let options = match topic {
                "shared" => options.group("readers"),
                _ => options,
            };
            options.subscribe().unwrap()
        });
        for reader in &mut readers {
            assert!(reader.poll_recv(&mut context).is_pending());
        }
        let [dropped, mut closed, member, last] = readers;
        drop((dropped, member));
        closed.close();
        // Whoever waits for room is let in with the last reader's leave.
        bus.publish("shared", 1_u32).await.unwrap();
        let mut waits = pin!(bus.publish("shared", 2_u32));
        assert!(waits.as_mut().poll(&mut context).is_pending());
        drop(last);
        assert!(waits.as_mut().poll(&mut context).is_ready());
        waker.1.load(Ordering::SeqCst)
    });
    assert_eq!(woken, 5);
}

mod asked {
    use super::{Duration, subscriber};

    /// Fails for each third, and takes too long for the one behind that.
    async fn reply(number: u32) -> anyhow::Result<u32> {
        tokio::task::yield_now().await;
        anyhow::ensure!(number % 3 != 0, "by number");
        if number % 3 == 1 {
            tokio::time::sleep(Duration::from_secs(9)).await;
        }
        Ok(number)
    }

    #[subscriber("asked.alone", reply)]
    pub(super) async fn alone(number: u32) -> anyhow::Result<u32> {
        reply(number).await
    }

    #[subscriber("asked.timed", reply, timeout = "1s")]
    pub(super) async fn timed(number: u32) -> anyhow::Result<u32> {
        reply(number).await
    }

    #[subscriber("asked.beside", reply, concurrency = 2)]
    pub(super) async fn beside(number: u32) -> anyhow::Result<u32> {
        reply(number).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_waker_that_panics_stops_nobody_who_replies() -> anyhow::Result<()> {
    let bus = Bus::new().within(concat!(module_path!(), "::asked"));
    let bus = bus.on_error(|_, _| {}).start().await?;
    let panics = Arc::new(PanickingWaker).into();
    let minute = Duration::from_secs(60);
    for topic in ["asked.alone", "asked.timed", "asked.beside"] {
        let mut replied = Vec::new();
        for number in 0..6 {
            let mut asked = pin!(bus.request::<u32, u32>(topic, number, minute));
            let polled = asked.as_mut().poll(&mut Context::from_waker(&panics));
            assert!(polled.is_pending());
            tokio::time::sleep(Duration::from_secs(10)).await;
            replied.extend(asked.await.ok().map(|reply| *reply));
        }
        let expected: &[_] = match topic {
            "asked.timed" => &[2, 5],
            _ => &[1, 2, 4, 5],
        };
        assert_eq!(replied, expected, "{topic}");
    }
    let report = bus.close().await?;
    assert_adds_up(&report.stats);
    let total = report.stats.total;
    assert_eq!((total.done, total.dead), (4 + 2 + 4, 2 + 4 + 2));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_waker_that_panics_stops_nobody_who_leaves() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let slow = bus.respond("left", async |number: Signal<u32>| {
        tokio::time::sleep(Duration::from_secs(1)).await;
        anyhow::Ok(*number)
    })?;
    bus.publish("left", 1_u32).await?;
    tokio::task::yield_now().await;
    let hour = Duration::from_secs(3600);
    let mut asked = [2, 3].map(|number| Box::pin(bus.request::<u32, u32>("left", number, hour)));
    let panics = Arc::new(PanickingWaker).into();
    for asked in &mut asked {
        let polled = asked.as_mut().poll(&mut Context::from_waker(&panics));
        assert!(polled.is_pending());
    }
    drop(slow);
    for asked in asked {
        assert!(asked.await.is_err());
    }
    let report = bus.close().await?;
    let total = report.stats.total;
    assert_eq!((total.accepted, total.done, total.abandoned), (3, 1, 2));
    Ok(())
}

#[test]
fn a_waker_may_ask_the_bus_when_its_request_is_dropped() {
    let woken = comes_back(async || {
        let bus = Bus::empty().start().await.unwrap();
        let options = bus.subscription::<u32>("dropped").capacity(2);
        let stuck = options
            .overflow(signal_bus::Overflow::DropOldest)
            .respond(async |_: Signal<u32>| std::future::pending::<anyhow::Result<u32>>().await)
            .unwrap();
        bus.publish("dropped", 1_u32).await.unwrap();
        tokio::task::yield_now().await;
        let waker = Arc::new(AskingWaker(bus.handle(), AtomicU32::new(0)));
        let of_waker = Arc::clone(&waker).into();
        let hour = Duration::from_secs(3600);
        let mut asked = pin!(bus.request::<u32, u32>("dropped", 2, hour));
        let polled = asked.as_mut().poll(&mut Context::from_waker(&of_waker));
        assert!(polled.is_pending());
        bus.publish("dropped", 3_u32).await.unwrap();
        drop(stuck);
        waker.1.load(Ordering::SeqCst)
    });
    assert_eq!(woken, 1, "it was woken, and has come back");
}

mod nasty {
    use super::{DeadLetter, Duration, Grenade, Nasty, periodic, subscriber};

    #[subscriber("nasty")]
    pub(super) async fn fail(display: bool) -> Result<(), Nasty> {
        Err(Nasty(display))
    }

    #[subscriber("nasty.value")]
    pub(super) async fn look(_grenade: &Grenade) -> anyhow::Result<()> {
        anyhow::bail!("so that the signal becomes a dead letter")
    }

    #[subscriber("$bus.dead")]
    pub(super) async fn bury(_letter: &DeadLetter) {}

    #[periodic("1s")]
    pub(super) async fn tick() -> Result<(), Nasty> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        Err(Nasty(true))
    }
}

#[tokio::test(start_paused = true)]
async fn errors_and_values_that_panic_when_looked_at_or_dropped_settle() -> anyhow::Result<()> {
    for buried in [false, true] {
        let bus = Bus::empty()
            .with::<nasty::fail>()
            .with::<nasty::look>()
            .with::<nasty::tick>();
        let bus = if buried {
            bus.with::<nasty::bury>()
        } else {
            bus
        };
        let bus = bus.close_timeout(Duration::from_secs(9)).start().await?;
        for display in [true, false, true, false] {
            bus.publish("nasty", display).await?;
            bus.publish("nasty.value", Grenade).await?;
        }
        tokio::time::sleep(Duration::from_millis(2500)).await;
        let report = bus.close().await?;
        assert_adds_up(&report.stats);
        assert_eq!(report.outcome, CloseOutcome::Drained);
        assert_eq!(report.stats.total.outstanding, 0);
        println!("nasty: {}", report.stats.total);
        assert_eq!(report.stats.periodic_runs, 3, "the ticks go on");
        let mut failures = report.failures.iter();
        assert!(
            failures.any(|failure| failure.error.contains("no words for it")),
            "{report}"
        );
    }
    Ok(())
}

mod telling {
    use super::{publisher, subscriber};

    #[publisher("telling")]
    pub(super) fn tell(text: String) -> String {
        text
    }

    #[subscriber("telling", capacity = 1)]
    pub(super) async fn hear(text: &str) -> anyhow::Result<()> {
        anyhow::bail!("heard {text}")
    }
}

#[tokio::test]
async fn an_on_error_whose_own_publish_is_refused_does_not_call_itself() -> anyhow::Result<()> {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let bus = Bus::empty()
        .with::<telling::hear>()
        .on_error(move |at, error| {
            counted.fetch_add(1, Ordering::Relaxed);
            telling::tell(format!("{at}: {error}"));
        });
    let bus = bus.start().await?;
    telling::tell("first".into());
    telling::tell("second".into());
    let report = bus.close().await?;
    assert!((1..10).contains(&calls.load(Ordering::Relaxed)), "{report}");
    Ok(())
}

mod inside {
    use super::{BusHandle, CloseError, InCurrentBus, inject, subscriber};

    #[subscriber("inside.close")]
    pub(super) async fn close(_signal: (), #[inject] bus: &BusHandle) {
        let closed = bus.close().in_current_bus().await;
        assert!(matches!(closed, Err(CloseError::InsideHandler)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_stays_a_handler_in_whatever_scope_of_its_bus() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<inside::close>().start().await?;
    bus.publish("inside.close", ()).await?;
    bus.settled().await;
    let report = bus.close().await?;
    assert_eq!(report.stats.total.done, 1, "{report}");
    Ok(())
}

mod starting {
    use super::{BusHandle, CloseError, provider, subscriber};

    pub(super) struct Published;
    pub(super) struct Closed;

    #[provider]
    async fn published(bus: &BusHandle) -> anyhow::Result<Published> {
        for number in 0..2000_u32 {
            bus.publish("starting", number).await?;
        }
        Ok(Published)
    }

    #[provider]
    async fn closed(bus: &BusHandle) -> anyhow::Result<Closed> {
        let closed = bus.close().await;
        assert!(matches!(closed, Err(CloseError::InsideHandler)));
        anyhow::bail!("closed while it starts")
    }

    #[subscriber("starting", capacity = 8)]
    async fn hear(_number: u32, #[inject] _published: &Published) {}

    #[subscriber("starting.closed")]
    pub(super) async fn needs_closed(_number: u32, #[inject] _closed: &Closed) {}

    use super::inject;
}

#[tokio::test(start_paused = true)]
async fn a_provider_may_publish_more_than_there_is_room_for() -> anyhow::Result<()> {
    let begun = std::time::Instant::now();
    let module = concat!(module_path!(), "::starting");
    let bus = Bus::new()
        .within(module)
        .provide(starting::Closed)
        .start()
        .await?;
    println!("starting: with 2000 signals after {:?}", begun.elapsed());
    let report = bus.close().await?;
    assert_eq!(report.stats.total.done, 2000);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_closes_its_bus_gets_an_error() {
    let module = concat!(module_path!(), "::starting");
    let error = Bus::new()
        .within(module)
        .provide(starting::Published)
        .start()
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("closed while it starts"),
        "{error}"
    );
}

mod replaced {
    use super::{inject, subscriber};

    pub(super) fn name() -> Result<String, std::num::ParseIntError> {
        Ok("real".into())
    }

    #[subscriber("replaced")]
    #[inject(name = name)]
    pub(super) async fn greet(_signal: (), name: String) {
        assert_eq!(name, "Bob");
    }
}

#[tokio::test]
async fn a_replacement_of_another_type_is_an_error_and_not_ignored() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<replaced::greet>().on_error(|_, _| {});
    let right = bus
        .clone()
        .replace(replaced::name, || "Bob".to_string())
        .start()
        .await?;
    right.publish("replaced", ()).await?;
    assert_eq!(right.close().await?.stats.total.done, 1);
    let wrong = bus.replace(replaced::name, || {
        Ok::<String, std::num::ParseIntError>("Bob".into())
    });
    let wrong = wrong.start().await?;
    wrong.publish("replaced", ()).await?;
    let report = wrong.close().await?;
    assert!(
        report.failures[0]
            .error
            .contains("its replacement does not return"),
        "{report}"
    );
    Ok(())
}

mod mixed {
    use super::subscriber;
    use signal_bus::Signal;

    #[subscriber("mixed", "$bus.dead")]
    async fn hear(_any: Signal) {}
}

#[test]
fn topics_of_the_bus_want_a_subscription_of_their_own() {
    let error = Bus::new()
        .within(concat!(module_path!(), "::mixed"))
        .check()
        .unwrap_err();
    assert_eq!(
        error.findings[0].kind,
        FindingKind::InvalidOption,
        "{error}"
    );
}

mod restarted {
    use super::{publisher, subscriber};

    #[publisher("restarted")]
    pub(super) async fn publish(number: u32) -> u32 {
        number
    }

    #[subscriber("restarted")]
    pub(super) async fn hear(_number: u32) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_bus_that_still_drains_is_not_in_the_way_of_its_successor() -> anyhow::Result<()> {
    let description = Bus::empty().with::<restarted::hear>();
    let first = description.start().await?;
    restarted::publish(1).await;
    let report = first.handle();
    drop(first);
    let second = description.start().await?;
    restarted::publish(2).await;
    assert_eq!(second.close().await?.stats.total.done, 1);
    assert_eq!(report.close().await?.stats.total.done, 1);
    Ok(())
}

mod apart {
    use super::{BusHandle, Context, Duration, Future, Pin, Poll, inject, pin, subscriber};

    /// Polls two futures only when each is woken itself, as `FuturesUnordered` does.
    struct Apart<A, B>(Option<Pin<Box<A>>>, Option<Pin<Box<B>>>, Flags);
    type Flags = [std::sync::Arc<Flag>; 2];

    #[derive(Default)]
    struct Flag(
        std::sync::atomic::AtomicBool,
        std::sync::Mutex<Option<std::task::Waker>>,
    );

    impl std::task::Wake for Flag {
        fn wake(self: std::sync::Arc<Self>) {
            self.0.store(true, std::sync::atomic::Ordering::SeqCst);
            if let Some(waker) = self.1.lock().unwrap().take() {
                waker.wake();
            }
        }
    }

    fn poll_if_woken<F: Future>(
        future: &mut Option<Pin<Box<F>>>,
        flag: &std::sync::Arc<Flag>,
        context: &Context<'_>,
    ) {
        *flag.1.lock().unwrap() = Some(context.waker().clone());
        if flag.0.swap(false, std::sync::atomic::Ordering::SeqCst) {
            let waker = std::task::Waker::from(std::sync::Arc::clone(flag));
            let polled = future
                .as_mut()
                .map(|future| future.as_mut().poll(&mut Context::from_waker(&waker)));
            if polled.is_some_and(|polled| polled.is_ready()) {
                *future = None;
            }
        }
    }

    impl<A: Future, B: Future> Future for Apart<A, B> {
        type Output = ();

        fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
            let this = &mut *self;
            poll_if_woken(&mut this.0, &this.2[0], context);
            poll_if_woken(&mut this.1, &this.2[1], context);
            if this.0.is_none() && this.1.is_none() {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }
    }

    #[subscriber("apart.slow", capacity = 1)]
    pub(super) async fn slow(_number: u32) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }

    #[subscriber("apart.own", capacity = 1)]
    pub(super) async fn own(number: u32, #[inject] bus: &BusHandle) {
        if number == 0 {
            let (one, two) = (
                bus.publish("apart.slow", 1_u32),
                bus.publish("apart.own", 1_u32),
            );
            let flags: Flags = Default::default();
            flags
                .iter()
                .for_each(|flag| flag.0.store(true, std::sync::atomic::Ordering::SeqCst));
            pin!(Apart(Some(Box::pin(one)), Some(Box::pin(two)), flags)).await;
        }
    }
}

/// Its own queue is a circle only once the other publish has found room; nobody polls the wait for it then.
#[tokio::test(start_paused = true)]
async fn two_waits_of_one_handler_are_a_circle_when_only_the_circle_is_left() -> anyhow::Result<()>
{
    let bus = Bus::empty().with::<apart::slow>().with::<apart::own>();
    let bus = bus.close_timeout(Duration::from_secs(9)).start().await?;
    bus.publish("apart.slow", 0_u32).await?;
    bus.publish("apart.own", 0_u32).await?;
    let report: CloseReport = bus.close().await?;
    assert_eq!(
        (report.stats.total.done, report.stats.over_capacity),
        (4, 1),
        "{report}"
    );
    Ok(())
}

#[test]
fn a_runtime_without_a_clock_is_refused_at_start() {
    let runtime = Builder::new_current_thread().build().unwrap();
    let error = runtime
        .block_on(Bus::empty().start())
        .unwrap_err()
        .to_string();
    assert!(error.contains("enable_time"), "{error}");
}

mod lasting {
    use super::{AtomicU32, BusHandle, Ordering, inject, subscriber};

    /// Blocks its thread until the bus has given up on it, so that it can be cancelled only when it is over.
    #[subscriber("lasting", concurrency = 2)]
    pub(super) async fn last(_signal: (), #[inject] ended: &AtomicU32, #[inject] bus: &BusHandle) {
        while bus.stats().total.abandoned == 0 {
            std::thread::yield_now();
        }
        ended.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_handlers_have_their_time_of_grace_too() -> anyhow::Result<()> {
    let ended = Arc::new(AtomicU32::new(0));
    let bus = Bus::empty()
        .with::<lasting::last>()
        .provide_arc(Arc::clone(&ended));
    let bus = bus.close_timeout(Duration::from_millis(1)).start().await?;
    bus.publish("lasting", ()).await?;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let error: CloseError = bus.close().await.unwrap_err();
    assert_eq!(error.report().unwrap().stats.total.abandoned, 1);
    assert_eq!(
        ended.load(Ordering::Relaxed),
        1,
        "the close has waited for what it could not cancel"
    );
    Ok(())
}
