//! Every form of a batch, and the options of a subscription that is shared or overflows.

#![deny(warnings)]

use std::sync::Arc;

use signal_bus::{Signal, Topic, inject, periodic, publisher, subscriber};

#[derive(Clone)]
pub struct Row(pub u32);

type Rows = Vec<Row>;

const WORKERS: &str = "workers";
const LIMIT: usize = 16;

pub static ROWS: Topic<Row> = Topic::new("rows").sticky().local();

#[publisher("rows", local)]
fn row(number: u32) -> Row {
    Row(number)
}

#[subscriber("rows", batch = 100, within = "50ms")]
async fn owned(rows: Vec<Row>) {
    drop(rows);
}

#[subscriber("rows", batch = LIMIT, within = 0.5, timeout = "5s")]
async fn aliased(rows: Rows) -> anyhow::Result<()> {
    drop(rows);
    Ok(())
}

#[subscriber(ROWS, batch = 8)]
async fn lent(rows: &[Row]) {
    assert!(!rows.is_empty());
}

#[subscriber("rows", batch = 8)]
async fn shared(rows: Vec<Arc<Row>>) {
    drop(rows);
}

#[subscriber("rows", "more.*", batch = 8, concurrency = 4)]
async fn labelled(rows: &[Signal<Row>], #[inject] limit: &usize) {
    assert!(rows.len() <= *limit);
}

#[subscriber("rows.>", batch = 8, blocking)]
fn anything(rows: Vec<Signal>) {
    drop(rows);
}

#[subscriber("rows", batch = 8)]
#[publisher("sums")]
async fn sum(rows: Vec<Row>) -> u32 {
    rows.iter().map(|row| row.0).sum()
}

#[subscriber("rows", group = WORKERS, overflow = drop_oldest, capacity = 8)]
async fn one(row: &Row) {
    assert_eq!(row.0, 7);
}

#[subscriber("rows", group = "workers", overflow = drop_oldest, capacity = 8)]
async fn other(row: Row) {
    drop(row);
}

#[subscriber("rows", overflow = drop_newest)]
async fn first(row: Arc<Row>) {
    drop(row);
}

#[subscriber("orders.{region}.created", "orders.imported")]
async fn regional(order: Signal<u32>) {
    assert!(order.capture("region").is_some_and(|region| region == "eu"));
}

#[periodic(cron = "0 */5 * * * *", tz = "Europe/Berlin", missed = skip, jitter = "1s")]
async fn report() {}

#[periodic(cron = "@hourly")]
fn hourly() {}

fn main() {
    row(7);
}
