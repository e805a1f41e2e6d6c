//! What a function may look like: templates, results, options, shared signals, streams, stages.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use signal_bus::{Bus, Signal, Topic, publisher, subscriber};

#[derive(Clone)]
struct Order(u32);

#[derive(Clone)]
struct Tick;

struct Report;

struct Ticks;

impl Stream for Ticks {
    type Item = Tick;

    fn poll_next(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Tick>> {
        Poll::Ready(None)
    }
}

static SHARED: Topic<Report> = Topic::new("reports.daily");

#[publisher("orders.{region}.created")]
async fn create(region: &str, id: u32) -> Order {
    println!("{region}");
    Order(id)
}

#[publisher("orders.paid")]
async fn pay(id: u32) -> anyhow::Result<u32> {
    Ok(id)
}

#[publisher("orders.refunded")]
fn refund(id: u32) -> Option<u64> {
    Some(u64::from(id))
}

#[publisher(SHARED)]
async fn big() -> Arc<Report> {
    Arc::new(Report)
}

#[publisher("ticks")]
fn ticks() -> impl Stream<Item = Tick> {
    Ticks
}

#[subscriber("orders.*.created")]
async fn owned(order: Order) {
    println!("{}", order.0);
}

#[subscriber("orders.*.created")]
async fn borrowed(order: &Order) {
    println!("{}", order.0);
}

#[subscriber(SHARED)]
async fn shared(report: Arc<Report>) -> anyhow::Result<()> {
    drop(report);
    Ok(())
}

#[subscriber("orders.*.created", "orders.imported")]
async fn labelled(order: Signal<Order>) {
    println!("{} {}", order.topic(), order.id());
}

#[subscriber("orders.>")]
async fn audit(any: Signal) {
    drop(any);
}

#[subscriber("thumbs", blocking)]
fn render(path: &String) {
    println!("{path}");
}

#[subscriber("in")]
#[publisher("out")]
async fn stage(x: u8) -> anyhow::Result<Option<u16>> {
    Ok(Some(u16::from(x)))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    Bus::new()
        .run(async {
            create("eu", 1).await;
            refund(1);
            big().await;
            drop(ticks());
            stage(1).await.and(pay(1).await)
        })
        .await??;
    Ok(())
}
