//! Requests, and who replies to them.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use anyhow::ensure;
use signal_bus::{Bus, BusHandle, RequestError, Signal, Topic, inject, service, subscriber};

const SECOND: Duration = Duration::from_secs(1);

/// Neither `Clone` nor serialisable.
#[derive(Debug, PartialEq)]
struct Quote {
    item: String,
    cents: u64,
}

#[subscriber("requests.price", reply)]
async fn price(item: String) -> Quote {
    let cents = item.len() as u64 * 100;
    Quote { item, cents }
}

#[tokio::test]
async fn the_reply_of_a_responder_comes_back() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<price>().start().await?;
    let item = String::from("tea");
    let quote = bus
        .request::<String, Quote>("requests.price", item, SECOND)
        .await?;
    assert_eq!((&*quote.item, quote.cents), ("tea", 300));
    assert_eq!(
        Arc::strong_count(&quote),
        1,
        "nobody else has a share of it"
    );
    let report = bus.close().await?;
    assert_eq!((report.stats.published, report.stats.total.done), (1, 1));
    // Called by hand it is the function as it is written.
    assert_eq!(price("a".into()).await.cents, 100);
    Ok(())
}

static SHARED: Topic<u32> = Topic::new("requests.shared");

#[subscriber(SHARED, reply)]
async fn shared(number: &u32) -> anyhow::Result<Arc<String>> {
    ensure!(*number != 13, "not that one");
    Ok(Arc::new(number.to_string()))
}

#[subscriber("requests.perhaps", reply)]
fn perhaps(number: &Signal<u32>) -> Option<u32> {
    (**number != 13).then(|| **number + 1)
}

#[subscriber("requests.blocking", reply, blocking)]
fn blocks(number: u32) -> u32 {
    number + 1
}

#[subscriber("requests.fallible", reply, concurrency = 2, timeout = "1s")]
async fn fallible(number: u32) -> anyhow::Result<Option<Arc<u64>>> {
    match number {
        0 => anyhow::bail!("nothing there"),
        1 => panic!("no way"),
        2 => Ok(None),
        3 => std::future::pending().await,
        number => Ok(Some(Arc::new(u64::from(number)))),
    }
}

#[tokio::test(start_paused = true)]
async fn a_reply_may_have_any_form_in_which_a_publisher_returns() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<shared>().with::<perhaps>();
    let bus = bus.with::<blocks>().with::<fallible>().start().await?;
    let listener = bus.respond("requests.text", async |number: Signal<u32>| {
        anyhow::Ok(number.to_string())
    })?;
    let text = bus.request::<u32, String>(SHARED, 7, SECOND).await?;
    assert_eq!(*text, "7");
    let later = bus.request::<u32, u32>("requests.perhaps", 7, SECOND);
    assert_eq!(*later.await?, 8);
    let later = bus.request::<u32, u32>("requests.blocking", 7, SECOND);
    assert_eq!(*later.await?, 8);
    let number = bus.request::<u32, u64>("requests.fallible", 7, SECOND);
    assert_eq!(*number.await?, 7);
    let seven = bus.request::<u32, String>("requests.text", 7, SECOND);
    assert_eq!(*seven.await?, "7");
    listener.close().await?;
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn without_a_responder_it_is_an_error_at_once_and_nobody_gets_it() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let mut heard = bus.subscribe::<String>("requests.nobody")?;
    let item = String::from("tea");
    let error = bus.request::<String, Quote>("requests.nobody", item, SECOND);
    let error = error.await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "nobody replies on `requests.nobody`, though 1 subscription hears it: add `reply` to a subscriber, \
         `#[subscriber(\"requests.nobody\", reply)]`, or call `bus.respond`"
    );
    assert!(matches!(error, RequestError::NoResponders { heard: 1, .. }));
    assert_eq!(error.into_request().as_deref(), Some("tea"));
    assert!(heard.try_recv().is_none());
    assert_eq!(bus.stats().published, 0);
    drop(heard);
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn whoever_subscribes_to_the_topic_hears_the_request() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<price>().start().await?;
    let mut all = bus.subscribe_any("requests.**")?;
    let mut exact = bus.subscribe::<String>("requests.price")?;
    bus.publish("requests.price", "plain".to_owned()).await?;
    let asked = bus.request::<String, Quote>("requests.price", "asked".into(), SECOND);
    assert_eq!(asked.await?.item, "asked");
    for expected in ["plain", "asked"] {
        assert_eq!(exact.recv().await.unwrap().as_str(), expected);
        let any = all.recv().await.unwrap();
        assert_eq!(any.downcast_ref::<String>().unwrap(), expected);
    }
    drop((all, exact));
    let report = bus.close().await?;
    let total = report.stats.total;
    assert_eq!(
        (report.stats.published, total.accepted, total.done),
        (2, 6, 6)
    );
    Ok(())
}

/// Asks `requests.fallible`, and says what is wrong.
async fn refused(bus: &BusHandle, number: u32) -> String {
    let asked = bus.request::<u32, u64>("requests.fallible", number, 60 * SECOND);
    asked.await.unwrap_err().to_string()
}

#[tokio::test(start_paused = true)]
async fn a_responder_that_fails_for_good_fails_the_request_at_once() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<fallible>().on_error(|_, _| {});
    let bus = bus.start().await?;
    // It has the signal still when its responder has done with it.
    let slow = bus.subscribe::<u32>("requests.fallible")?;
    let begin = tokio::time::Instant::now();
    for (number, said) in [
        (0, "nothing there"),
        (1, "no way"),
        (2, "its responder has ended without a reply"),
        (3, "1s"),
    ] {
        let said_so = refused(&bus, number).await;
        let begins = "the request on `requests.fallible` has failed: ";
        assert!(said_so.starts_with(begins), "{said_so}");
        assert!(said_so.contains(said), "{said_so}");
    }
    assert_eq!(begin.elapsed(), SECOND, "the handler's own timeout");
    assert_eq!(bus.stats().total.dead, 3);
    drop(slow);
    bus.close().await?;
    Ok(())
}

#[subscriber("requests.stubborn", reply, retry(attempts = 3, base = "1s", jitter = none))]
async fn stubborn(number: u32, #[inject] calls: &AtomicUsize) -> anyhow::Result<u32> {
    let call = calls.fetch_add(1, Ordering::SeqCst);
    ensure!(call == 2, "call {call}");
    Ok(number)
}

#[tokio::test(start_paused = true)]
async fn what_is_tried_again_is_waited_for() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<stubborn>().provide(AtomicUsize::new(0));
    let bus = bus.on_error(|_, _| {}).start().await?;
    let asked = bus.request::<u32, u32>("requests.stubborn", 7, 60 * SECOND);
    assert_eq!(*asked.await?, 7);
    let report = bus.close().await?;
    assert_eq!((report.stats.retries, report.stats.total.dead), (2, 0));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn of_several_responders_the_first_reply_counts() -> anyhow::Result<()> {
    let bus = Bus::empty().on_error(|_, _| {}).start().await?;
    let broken = bus.respond("requests.race", async |_: Signal<u32>| {
        Err::<u32, _>(anyhow::anyhow!("broken"))
    })?;
    let broken_too = bus.respond("requests.race", async |_: Signal<u32>| {
        Err::<u32, _>(anyhow::anyhow!("broken, too"))
    })?;
    let error = bus.request::<u32, u32>("requests.race", 1, SECOND).await;
    assert_eq!(
        error.unwrap_err().to_string(),
        "the request on `requests.race` has failed: broken"
    );
    let slow = bus.respond("requests.race", async |number: Signal<u32>| {
        tokio::time::sleep(SECOND / 2).await;
        anyhow::Ok(*number * 10)
    })?;
    let reply = bus.request::<u32, u32>("requests.race", 2, SECOND).await?;
    assert_eq!(*reply, 20, "the others have ended before");
    drop((broken, broken_too, slow));
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_requester_that_gives_up_leaves_nothing_behind() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let options = bus.subscription::<Arc<()>>("requests.slow").capacity(1);
    let slow = options.respond(move |value: Signal<Arc<()>>| async move {
        counted.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(10 * SECOND).await;
        anyhow::Ok(Arc::strong_count(&*value))
    })?;
    let value = Arc::new(());
    let ask = |limit| bus.request::<Arc<()>, usize>("requests.slow", Arc::clone(&value), limit);
    let error = ask(SECOND).await.unwrap_err();
    assert_eq!(error.to_string(), "no reply on `requests.slow` within 1s");
    assert!(matches!(
        error,
        RequestError::TimedOut { after: SECOND, .. }
    ));
    // There is no room any more: what waits for it reaches nobody.
    assert!(matches!(
        ask(SECOND).await,
        Err(RequestError::TimedOut { .. })
    ));
    drop(tokio::time::timeout(SECOND, ask(60 * SECOND)).await);
    bus.settled().await;
    assert_eq!(
        Arc::strong_count(&value),
        1,
        "nobody has the request any more"
    );
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(*ask(60 * SECOND).await?, 2);
    slow.close().await?;
    let report = bus.close().await?;
    assert_eq!((report.stats.published, report.stats.total.done), (2, 2));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_request_that_no_responder_will_handle_fails_at_once() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    // It keeps all that it hears.
    let other = bus.subscribe::<u32>("requests.lost")?;
    let options = bus.subscription::<u32>("requests.lost").capacity(1);
    let stuck = options
        .overflow(signal_bus::Overflow::DropNewest)
        .respond(async |_: Signal<u32>| std::future::pending::<anyhow::Result<u32>>().await)?;
    let handle = bus.handle();
    let first = tokio::spawn(async move {
        let asked = handle.request::<u32, u32>("requests.lost", 1, 3600 * SECOND);
        asked.await.unwrap_err().to_string()
    });
    bus.settled_soon().await;
    let second = bus.request::<u32, u32>("requests.lost", 2, 3600 * SECOND);
    let begins = "the request on `requests.lost` has failed: it was dropped";
    let dropped = second.await.unwrap_err().to_string();
    assert!(dropped.starts_with(begins), "{dropped}");
    drop(stuck);
    drop(other);
    drop(bus.close().await);
    // The handler was given up on at the deadline.
    let first = first.await?;
    assert!(
        first.contains("closed") || first.contains("gone"),
        "{first}"
    );
    Ok(())
}

/// Lets other tasks run.
trait SettledSoon {
    async fn settled_soon(&self);
}

impl SettledSoon for BusHandle {
    async fn settled_soon(&self) {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn what_waits_for_a_responder_that_leaves_fails() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let other = bus.subscribe::<u32>("requests.left")?;
    let leaves = bus.respond("requests.left", async |_: Signal<u32>| {
        std::future::pending::<anyhow::Result<u32>>().await
    })?;
    let ask = |number: u32| {
        let handle = bus.handle();
        tokio::spawn(async move {
            let asked = handle.request::<u32, u32>("requests.left", number, 3600 * SECOND);
            asked.await.unwrap_err().to_string()
        })
    };
    let (_running, waiting) = (ask(1), ask(2));
    bus.settled_soon().await;
    drop(leaves);
    let begins = "the request on `requests.left` has failed: it was dropped";
    let said = waiting.await?;
    assert!(said.starts_with(begins), "{said}");
    drop(other);
    Ok(())
}

#[tokio::test]
async fn a_filter_decides_whether_somebody_replies() -> anyhow::Result<()> {
    #[subscriber("requests.even", reply, filter = |number: &u32| number % 2 == 0)]
    async fn even(number: u32) -> u32 {
        number / 2
    }
    let bus = Bus::empty().with::<even>().start().await?;
    let ask = |number: u32| bus.request::<u32, u32>("requests.even", number, SECOND);
    assert_eq!(*ask(4).await?, 2);
    let error = ask(3).await.unwrap_err();
    assert_eq!(error.into_request(), Some(3));
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn the_members_of_a_group_share_the_requests() -> anyhow::Result<()> {
    let bus = Bus::empty().start().await?;
    let calls: Arc<Mutex<Vec<u32>>> = Arc::default();
    let member = || {
        let calls = Arc::clone(&calls);
        let options = bus.subscription::<u32>("requests.shared_work");
        options
            .group("workers")
            .respond(async move |number: Signal<u32>| {
                calls.lock().unwrap().push(*number);
                anyhow::Ok(*number)
            })
    };
    let members = [member()?, member()?];
    for number in 0..10_u32 {
        let asked = bus.request::<u32, u32>("requests.shared_work", number, SECOND);
        assert_eq!(*asked.await?, number);
    }
    assert_eq!(*calls.lock().unwrap(), (0..10).collect::<Vec<_>>());
    let options = bus.subscription::<u32>("requests.shared_work");
    let other = options
        .group("workers")
        .respond(async |_: Signal<u32>| anyhow::Ok("text"));
    let error = other.unwrap_err().to_string();
    assert!(error.contains("the same replies"), "{error}");
    drop(members);
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn the_types_of_request_and_reply_are_checked() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<price>().start().await?;
    let error = bus.request::<u32, Quote>("requests.price", 7, SECOND).await;
    let error = error.unwrap_err();
    assert!(matches!(error, RequestError::Refused(_)), "{error}");
    assert_eq!(
        error.to_string(),
        "topic `requests.price` carries `alloc::string::String`, not `u32`"
    );
    assert_eq!(error.into_request(), Some(7));
    let error = bus.request::<String, u32>("requests.price", "tea".into(), SECOND);
    let error = error.await.unwrap_err().to_string();
    let begins = "replies on `requests.price` are `behaviour::requests::Quote` of `behaviour::requests::price (";
    assert!(error.starts_with(begins), "{error}");
    assert!(error.ends_with("`, not `u32`"), "{error}");
    assert_eq!(bus.stats().published, 0);
    let error = bus.request::<u32, u32>("requests..odd", 7, SECOND).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("empty token"), "{error}");
    bus.close().await?;
    Ok(())
}

#[tokio::test]
async fn a_closed_bus_gives_the_request_back() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<price>().start().await?;
    let handle = bus.handle();
    bus.close().await?;
    let error = handle.request::<String, Quote>("requests.price", "tea".into(), SECOND);
    let error = error.await.unwrap_err();
    assert_eq!(error.to_string(), "the bus is closed");
    assert_eq!(error.into_request().as_deref(), Some("tea"));
    Ok(())
}

#[derive(Clone, Copy)]
struct Order(u32);

#[subscriber("requests.orders")]
async fn order(order: Order, #[inject] bus: &BusHandle, #[inject] seen: &Mutex<Vec<u64>>) {
    let item = "x".repeat(order.0 as usize);
    let asked = bus.request::<String, Quote>("requests.price", item, SECOND);
    let quote = asked.await.expect("it replies while the bus drains");
    seen.lock().unwrap().push(quote.cents);
}

#[tokio::test]
async fn a_handler_may_ask_also_while_the_bus_drains() -> anyhow::Result<()> {
    let seen = Arc::new(Mutex::<Vec<u64>>::default());
    let bus = Bus::empty().with::<order>().with::<price>();
    let bus = bus.provide_arc(Arc::clone(&seen)).start().await?;
    for number in 0..3 {
        bus.publish("requests.orders", Order(number)).await?;
    }
    bus.close().await?;
    assert_eq!(*seen.lock().unwrap(), [0, 100, 200]);
    Ok(())
}

#[subscriber("requests.ping", reply)]
async fn ping(number: u32, #[inject] bus: &BusHandle) -> anyhow::Result<u32> {
    let limit = 3600 * SECOND;
    Ok(*bus
        .request::<u32, u32>("requests.pong", number, limit)
        .await?)
}

#[subscriber("requests.pong", reply)]
async fn pong(number: u32, #[inject] bus: &BusHandle) -> anyhow::Result<u32> {
    let topic = if number == 0 {
        "requests.ping"
    } else {
        "requests.leaf"
    };
    let limit = 3600 * SECOND;
    Ok(*bus.request::<u32, u32>(topic, number, limit).await?)
}

#[subscriber("requests.leaf", reply)]
async fn leaf(number: u32) -> u32 {
    number
}

#[tokio::test(start_paused = true)]
async fn handlers_that_would_wait_for_each_others_replies_are_told_so() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<ping>().with::<pong>().with::<leaf>();
    let bus = bus.on_error(|_, _| {}).start().await?;
    let ask = |number: u32| bus.request::<u32, u32>("requests.ping", number, 3600 * SECOND);
    let begin = tokio::time::Instant::now();
    let error = ask(0).await.unwrap_err().to_string();
    assert!(error.contains("would wait for itself"), "{error}");
    assert_eq!(*ask(7).await?, 7, "a chain is no circle");
    assert_eq!(begin.elapsed(), Duration::ZERO);
    bus.close().await?;
    Ok(())
}

struct Shop {
    cents: u64,
}

#[service]
impl Shop {
    #[subscriber("requests.service", reply)]
    async fn price(&self, item: &str) -> Quote {
        let cents = self.cents;
        let item = item.to_owned();
        Quote { item, cents }
    }
}

#[tokio::test]
async fn a_method_of_a_service_replies_as_well() -> anyhow::Result<()> {
    let bus = Bus::empty().with::<Shop>().provide(Shop { cents: 7 });
    let bus = bus.start().await?;
    let asked = bus.request::<String, Quote>("requests.service", "tea".into(), SECOND);
    assert_eq!(asked.await?.cents, 7);
    bus.close().await?;
    Ok(())
}

#[subscriber("requests.label", reply)]
async fn label(asked: Signal<u32>) -> String {
    format!("{:?} {:?}", asked.parent_id().is_some(), asked.topic())
}

#[subscriber("requests.label.begin")]
async fn begins(_: &u32, #[inject] bus: &BusHandle, #[inject] said: &Mutex<String>) {
    let asked = bus.request::<u32, String>("requests.label", 1, SECOND);
    *said.lock().unwrap() = asked.await.unwrap().to_string();
}

#[tokio::test]
async fn a_request_knows_the_signal_whose_handler_asks() -> anyhow::Result<()> {
    let said = Arc::new(Mutex::<String>::default());
    let bus = Bus::empty().with::<label>().with::<begins>();
    let bus = bus.provide_arc(Arc::clone(&said)).start().await?;
    bus.publish("requests.label.begin", 1_u32).await?;
    bus.settled().await;
    assert_eq!(*said.lock().unwrap(), r#"true "requests.label""#);
    bus.close().await?;
    Ok(())
}

#[subscriber("requests.two.types", reply)]
async fn two_text(number: u32) -> String {
    number.to_string()
}

#[subscriber("requests.two.*", reply)]
async fn two_number(number: u32) -> u32 {
    number
}

#[tokio::test]
async fn two_responders_of_different_replies_are_refused_with_both_places() {
    let bus = Bus::empty().with::<two_text>();
    let error = bus.with::<two_number>().start().await.unwrap_err();
    let error = error.to_string();
    for part in [
        "`requests.two.types` has replies of two types",
        "requests::two_text (",
        "replies with `alloc::string::String`",
        "requests::two_number (",
        "replies with `u32`",
    ] {
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn the_topology_says_who_replies_and_nobody_has_to_feed_them() -> anyhow::Result<()> {
    let topology = Bus::empty().with::<price>().check()?;
    let lock = topology.to_lock();
    let line = "heard by behaviour::requests::price, replies with `behaviour::requests::Quote`";
    assert!(lock.contains(line), "{lock}");
    assert!(topology.warnings().is_empty(), "{topology}");
    Ok(())
}
