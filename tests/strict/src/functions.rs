//! Publishers, subscribers, stages, periodics.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use futures_core::Stream;
use signal_bus::{BusName, Signal, Topic, periodic, publisher, subscriber};

/// An order.
#[derive(Clone, Debug)]
pub struct Order {
    /// Its number.
    pub id: u32,
    /// What is ordered.
    pub what: String,
}

/// Something to await.
pub(crate) async fn pause() {
    std::future::ready(()).await;
}

/// What is paid back.
#[derive(Clone, Copy, Debug)]
pub struct Refund(pub u32);

/// Carries what is shared.
pub static SHARED: Topic<Refund> = Topic::new("strict.shared");
/// The bus of the accountants.
pub static BOOKS: BusName = BusName::new("strict.books");

/// Creates an order.
#[publisher("strict.orders.{region}.created")]
#[must_use = "an order wants to be looked at"]
pub async fn create(region: &str, id: u32) -> Order {
    pause().await;
    let what = region.to_owned();
    Order { id, what }
}

/// Refunds, or not.
#[publisher("strict.refunded")]
#[publisher(SHARED)]
#[must_use]
pub fn refund(id: u32) -> Option<Refund> {
    (0 < id).then_some(Refund(id))
}

/// Shares.
#[publisher(SHARED)]
pub async fn share() -> Arc<Refund> {
    std::future::ready(Arc::new(Refund(1))).await
}

/// Publishes whatever it is given.
///
/// # Errors
///
/// Never.
#[publisher("strict.generic")]
pub async fn generic<T: Clone + Send + Sync + 'static>(value: T) -> anyhow::Result<T> {
    std::future::ready(Ok(value)).await
}

/// Counts down.
#[derive(Clone, Copy, Debug)]
pub struct CountDown(pub u32);

impl Stream for CountDown {
    type Item = u32;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u32>> {
        let next = self.0.checked_sub(1);
        self.0 = next.unwrap_or_default();
        Poll::Ready(next)
    }
}

/// Publishes each number as it is polled.
#[publisher("strict.ticks")]
pub fn ticks(from: u32) -> impl Stream<Item = u32> {
    CountDown(from)
}

/// Publishes as `async_trait` leaves it.
#[publisher("strict.boxed")]
#[must_use]
pub fn boxed(id: u32) -> Pin<Box<dyn Future<Output = Refund> + Send>> {
    Box::pin(async move { Refund(id) })
}

/// Publishes on another bus.
#[publisher("strict.books", bus = BOOKS)]
pub async fn book() -> u64 {
    std::future::ready(1).await
}

#[subscriber("strict.orders.*.created")]
async fn owned(order: Order) {
    pause().await;
    assert!(0 < order.id);
}

#[subscriber("strict.orders.*.created", concurrency = 4, key = |order: &Order| order.id, timeout = "5s")]
async fn borrowed(order: &Order) -> anyhow::Result<()> {
    anyhow::ensure!(order.id != 0, "no number");
    std::future::ready(Ok(())).await
}

#[subscriber(SHARED, capacity = 64)]
async fn shared(refund: Arc<Refund>) {
    pause().await;
    assert!(0 < refund.0);
}

#[subscriber("strict.orders.>", "strict.generic", concurrency = unbounded)]
async fn audit(any: Signal) {
    pause().await;
    assert!(!any.topic().is_empty());
}

#[subscriber("strict.orders.*.created", filter = |order: &Order| 0 < order.id)]
fn plain(Order { id, .. }: &Order) {
    assert!(*id < 1000);
}

#[subscriber("strict.refunded", blocking)]
fn blocking(refund: Refund) -> anyhow::Result<()> {
    anyhow::ensure!(refund.0 != 0, "nothing to refund");
    Ok(())
}

/// A stage that anybody may call.
///
/// # Errors
///
/// If the order has no number.
#[subscriber("strict.orders.eu.created")]
#[publisher("strict.stored")]
pub async fn stage(order: Signal<Order>) -> anyhow::Result<Option<u32>> {
    anyhow::ensure!(order.id != 0, "no number");
    std::future::ready(Ok(Some(order.id))).await
}

#[subscriber("strict.stored")]
#[subscriber("strict.ticks")]
async fn hear_number(number: u32) {
    pause().await;
    assert!(number < 1000);
}

#[periodic("1h")]
#[publisher("strict.ticks")]
async fn tick() -> u32 {
    std::future::ready(3).await
}

#[periodic(3600, after = "1s", jitter = "50ms", missed = skip)]
fn sweep() {}

#[periodic(3600, after = "1s")]
async fn sweep_slowly() {
    pause().await;
}

#[cfg(any())]
#[subscriber("strict.never")]
async fn never(nothing: Missing) {}

macro_rules! counters {
    ($($name:ident: $topic:literal => $kind:ty),+) => { $(
        #[subscriber($topic)]
        async fn $name(value: Arc<$kind>) {
            pause().await;
            drop(value);
        }
    )+ };
}
counters!(count_refunds: "strict.refunded" => Refund, count_orders: "strict.orders.us.created" => Order);

/// Functions inside of functions.
pub async fn outer() {
    #[subscriber("strict.stored")]
    async fn inner(number: u32) {
        pause().await;
        assert!(number < 1000);
    }
    pause().await;
}
