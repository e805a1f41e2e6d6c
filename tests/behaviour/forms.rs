//! The forms in which functions give and take signals, and how often each clones the value.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use signal_bus::{Bus, Signal, Topic, inject, publisher, subscriber};

#[derive(Debug, Default)]
struct Counts {
    clones: AtomicUsize,
    heard: Mutex<Vec<String>>,
}

impl Counts {
    fn hear(&self, what: impl Into<String>) {
        self.heard.lock().unwrap().push(what.into());
    }

    fn clones(&self) -> usize {
        self.clones.swap(0, Ordering::Relaxed)
    }

    fn heard(&self) -> Vec<String> {
        let mut heard = std::mem::take(&mut *self.heard.lock().unwrap());
        heard.sort();
        heard
    }
}

/// A value that counts its clones.
#[derive(Debug)]
struct Counted(u32, Arc<Counts>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.1.clones.fetch_add(1, Ordering::Relaxed);
        Self(self.0, Arc::clone(&self.1))
    }
}

static TYPED: Topic<Counted> = Topic::new("forms.typed");
type Shared = Arc<Counted>;

mod borrowed {
    use super::*;

    #[subscriber("forms.value", "forms.shared")]
    async fn borrow(value: &Counted) {
        value.1.hear("borrow");
    }

    #[subscriber("forms.value", "forms.shared")]
    async fn share(value: Arc<Counted>) {
        value.1.hear("share");
    }

    #[subscriber("forms.value", "forms.shared")]
    async fn share_by_alias(value: Shared) {
        value.1.hear("share by alias");
    }

    #[subscriber("forms.value", "forms.shared")]
    async fn borrow_shared(value: &Arc<Counted>) {
        value.1.hear("borrow shared");
    }

    #[subscriber("forms.value", "forms.shared")]
    async fn labelled(value: Signal<Counted>) {
        value.1.hear(format!("labelled {}", value.topic()));
    }

    #[subscriber("forms.value", "forms.shared")]
    async fn borrow_labelled(value: &Signal<Counted>) {
        value.1.hear("borrow labelled");
    }

    #[subscriber("forms.value", "forms.shared")]
    async fn any(value: Signal) {
        let value = value.downcast_ref::<Counted>().unwrap();
        value.1.hear("any");
    }

    #[subscriber("forms.value", "forms.shared", blocking)]
    fn block(value: &Counted) {
        value.1.hear("block");
    }

    #[subscriber("forms.value", "forms.shared")]
    fn plain(Counted(number, counts): &Counted) {
        counts.hear(format!("plain {number}"));
    }
}

mod owned {
    use super::*;

    #[subscriber("forms.owned")]
    async fn own(value: Counted) {
        value.1.hear("own");
    }
}

#[publisher("forms.value")]
async fn give_value(counts: &Arc<Counts>) -> Counted {
    Counted(7, Arc::clone(counts))
}

#[publisher("forms.shared")]
async fn give_shared(counts: &Arc<Counts>) -> Shared {
    Arc::new(Counted(7, Arc::clone(counts)))
}

#[publisher("forms.owned")]
async fn give_owned(counts: &Arc<Counts>) -> anyhow::Result<Option<Shared>> {
    Ok(Some(Arc::new(Counted(7, Arc::clone(counts)))))
}

#[publisher("forms.unheard")]
async fn give_nobody(counts: &Arc<Counts>) -> Counted {
    Counted(7, Arc::clone(counts))
}

const ALL: [&str; 9] = [
    "any",
    "block",
    "borrow",
    "borrow labelled",
    "borrow shared",
    "labelled",
    "plain 7",
    "share",
    "share by alias",
];

fn matches(heard: &[String]) -> bool {
    heard.len() == ALL.len()
        && heard
            .iter()
            .zip(ALL)
            .all(|(heard, all)| heard.starts_with(all))
}

#[tokio::test]
async fn borrowing_and_sharing_clone_nothing() -> anyhow::Result<()> {
    let counts = Arc::<Counts>::default();
    let bus = Bus::new()
        .within(concat!(module_path!(), "::borrowed"))
        .start()
        .await?;
    drop(give_value(&counts).await);
    bus.settled().await;
    assert_eq!(
        counts.clones(),
        1,
        "one share for the caller, one for the bus"
    );
    let heard = counts.heard();
    assert!(matches(&heard), "{heard:?}");
    drop(give_shared(&counts).await);
    bus.settled().await;
    assert_eq!(counts.clones(), 0);
    assert!(matches(&counts.heard()));
    bus.publish("forms.value", Counted(7, Arc::clone(&counts)))
        .await?;
    bus.close().await?;
    assert_eq!(counts.clones(), 0, "what is given away is not cloned");
    Ok(())
}

#[tokio::test]
async fn an_unheard_signal_is_not_cloned_and_is_counted() -> anyhow::Result<()> {
    let counts = Arc::<Counts>::default();
    let bus = Bus::new()
        .within(concat!(module_path!(), "::borrowed"))
        .start()
        .await?;
    give_nobody(&counts).await;
    assert_eq!(counts.clones(), 0);
    let stats = bus.close().await?.stats;
    assert_eq!((stats.published, stats.unrouted), (1, 1));
    Ok(())
}

#[tokio::test]
async fn the_last_owner_gets_the_value_itself_where_no_letters_are_kept() -> anyhow::Result<()> {
    let counts = Arc::<Counts>::default();
    let bus = Bus::new()
        .within(concat!(module_path!(), "::owned"))
        .keep_dead_letters(0)
        .start()
        .await?;
    drop(give_owned(&counts).await?);
    bus.settled().await;
    assert_eq!(counts.clones(), 0, "nobody else holds it any more");
    let kept = give_owned(&counts).await?;
    bus.close().await?;
    assert_eq!(counts.clones(), 1);
    drop(kept);
    assert_eq!(counts.heard(), ["own", "own"]);
    Ok(())
}

mod returns {
    use super::*;

    #[publisher("returns")]
    pub(super) async fn maybe(value: Option<u32>) -> Option<u32> {
        value
    }

    #[publisher("returns")]
    pub(super) fn result(value: Result<u32, String>) -> Result<u32, String> {
        value
    }

    #[publisher("returns")]
    #[publisher("returns.too")]
    pub(super) async fn to_two(value: u32) -> u32 {
        value
    }

    #[publisher("returns")]
    pub(super) async fn generic<T: Clone + Send + Sync + 'static>(value: T) -> Option<T> {
        Some(value)
    }

    #[publisher("returns")]
    pub(super) async fn early(value: impl Into<u32> + Send, fail: bool) -> anyhow::Result<u32> {
        let value = value.into();
        if value == 0 {
            return Ok(1000);
        }
        let text = if fail { "x" } else { "41" };
        Ok(value + text.parse::<u32>()?)
    }

    #[publisher("returns.{region}.{number}")]
    pub(super) async fn templated(region: &str, number: u8) -> u32 {
        u32::from(number)
    }

    #[publisher(TYPED)]
    pub(super) async fn typed(counts: &Arc<Counts>) -> Counted {
        Counted(1, Arc::clone(counts))
    }

    pub(super) struct Method(pub(super) u32);

    impl Method {
        #[publisher("returns")]
        pub(super) async fn method(&mut self, more: u32) -> u32 {
            self.0 += more;
            self.0
        }

        #[publisher("returns")]
        pub(super) fn associated() -> Arc<u32> {
            Arc::new(77)
        }
    }

    #[subscriber("returns", "returns.too", "returns.*.*")]
    async fn hear(value: Signal<u32>, #[inject] counts: &Counts) {
        counts.hear(format!("{} {}", value.topic(), *value));
    }

    #[subscriber(TYPED)]
    async fn hear_typed(Counted(number, counts): &Counted) {
        counts.hear(format!("typed {number}"));
    }
}

#[tokio::test]
async fn every_return_form_publishes_what_it_says() -> anyhow::Result<()> {
    let counts = Arc::<Counts>::default();
    let bus = Bus::new()
        .within(concat!(module_path!(), "::returns"))
        .provide_arc(Arc::clone(&counts));
    let mut refused = 0;
    bus.run(async {
        returns::maybe(None).await;
        returns::maybe(Some(1)).await;
        returns::result(Err("no".into())).unwrap_err();
        returns::result(Ok(2)).unwrap();
        returns::to_two(3).await;
        returns::generic(4_u32).await;
        returns::early(0_u16, true).await.unwrap();
        returns::early(1_u16, false).await.unwrap();
        returns::early(1_u16, true).await.unwrap_err();
        returns::templated("eu", 5).await;
        returns::templated("a.b", 6).await;
        returns::typed(&counts).await;
        returns::Method(50).method(1).await;
        returns::Method::associated();
        refused = signal_bus::current().unwrap().stats().refused;
    })
    .await?;
    let expected = [
        "returns 1",
        "returns 1000",
        "returns 2",
        "returns 3",
        "returns 4",
        "returns 42",
        "returns 51",
        "returns 77",
        "returns.eu.5 5",
        "returns.too 3",
        "typed 1",
    ];
    assert_eq!(counts.heard(), expected);
    assert_eq!(refused, 1, "`a.b` would have added a token");
    Ok(())
}

mod streams {
    use super::*;
    use futures_core::Stream;

    #[derive(Debug)]
    pub(super) struct CountDown(pub(super) u32);

    impl Stream for CountDown {
        type Item = u32;

        fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
            let next = self.0.checked_sub(1);
            self.0 = next.unwrap_or_default();
            Poll::Ready(next)
        }
    }

    #[publisher("streams")]
    pub(super) fn ticks(count: u32) -> impl Stream<Item = u32> {
        CountDown(count)
    }

    #[subscriber("streams", capacity = 2)]
    async fn hear(tick: u32, #[inject] counts: &Counts) {
        tokio::task::yield_now().await;
        counts.hear(tick.to_string());
    }
}

#[tokio::test]
async fn a_stream_publishes_each_item_as_it_is_polled() -> anyhow::Result<()> {
    use futures_core::Stream as _;
    let counts = Arc::<Counts>::default();
    let bus = Bus::new()
        .within(concat!(module_path!(), "::streams"))
        .provide_arc(Arc::clone(&counts));
    let bus = bus.start().await?;
    let mut ticks = Box::pin(streams::ticks(9));
    assert_eq!(
        bus.stats().published,
        0,
        "nothing is published before it is polled"
    );
    for expected in (0..9).rev() {
        let item = std::future::poll_fn(|context| ticks.as_mut().poll_next(context)).await;
        assert_eq!(item, Some(expected));
    }
    bus.close().await?;
    assert_eq!(counts.heard().len(), 9);
    Ok(())
}

mod unusual {
    use super::*;

    #[subscriber("unusual.path", blocking)]
    fn on_the_pool(path: &Path, #[inject] counts: &Counts) {
        counts.hear(path.display().to_string());
    }

    #[subscriber("unusual.text")]
    async fn text(text: &str, #[inject] counts: &Counts) {
        counts.hear(text);
    }

    #[subscriber("unusual.rows")]
    async fn rows(rows: &[u8], #[inject] counts: &Counts) {
        counts.hear(format!("{rows:?}"));
    }

    #[subscriber("unusual.static")]
    async fn forever(text: &'static str, #[inject] counts: &Counts) {
        counts.hear(text);
    }

    #[subscriber("unusual.tuple")]
    async fn pattern((a, _): (u8, String), #[inject] counts: &Counts) {
        counts.hear(a.to_string());
    }
}

#[tokio::test]
async fn parameters_may_be_slices_text_and_patterns() -> anyhow::Result<()> {
    let counts = Arc::<Counts>::default();
    let bus = Bus::new()
        .within(concat!(module_path!(), "::unusual"))
        .provide_arc(Arc::clone(&counts));
    let bus = bus.start().await?;
    bus.publish("unusual.path", PathBuf::from("thumbs")).await?;
    bus.publish("unusual.text", String::from("text")).await?;
    bus.publish("unusual.rows", vec![1_u8, 2]).await?;
    bus.publish("unusual.static", "static").await?;
    bus.publish("unusual.tuple", (9_u8, String::new())).await?;
    bus.close().await?;
    assert_eq!(counts.heard(), ["9", "[1, 2]", "static", "text", "thumbs"]);
    Ok(())
}

#[tokio::test]
async fn functions_inside_of_functions_are_registered() -> anyhow::Result<()> {
    #[publisher("inner")]
    async fn publish() -> u32 {
        3
    }

    #[subscriber("inner")]
    async fn hear(value: &u32, #[inject] counts: &Counts) {
        counts.hear(value.to_string());
    }

    let counts = Arc::<Counts>::default();
    let bus = Bus::empty().with::<hear>().provide_arc(Arc::clone(&counts));
    bus.run(async {
        publish().await;
    })
    .await?;
    assert_eq!(counts.heard(), ["3"]);
    Ok(())
}
