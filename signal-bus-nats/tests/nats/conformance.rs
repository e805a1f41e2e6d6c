//! The suite for transports, over a real server: what NATS promises, it keeps.

use std::time::Duration;

use signal_bus::testing::transport::{Found, Report, conformance};
use signal_bus_nats::{Buckets, Delivery};

use crate::{nats, server::Server};

/// The names of those checks that have ended in a way, other than kept.
fn ended(report: &Report, how: fn(&Found) -> bool) -> Vec<&str> {
    report.assert();
    let ended = report.checks.iter().filter(|one| how(&one.found));
    ended.map(|one| one.name).collect()
}

#[tokio::test]
async fn nats_without_jetstream_keeps_all_it_promises() {
    keeps_all_it_promises(Delivery::at_most_once()).await;
}

#[tokio::test]
async fn nats_with_packs_keeps_all_it_promises() {
    keeps_all_it_promises(Delivery::at_most_once().packed()).await;
}

async fn keeps_all_it_promises(at_most_once: Delivery) {
    let server = Server::with("", &[]);
    let core = nats(&server).delivery(at_most_once);
    let report = conformance(&core, "conformance").await;
    assert!(ended(&report, |found| matches!(found, Found::NotChecked(_))).is_empty());
    // All that takes a memory.
    let not_promised = [
        "again",
        "again_later",
        "dropped",
        "over",
        "extended",
        "left_to_others",
        "kept_for_the_next",
        "stored_once",
        "replayed",
        "replayed_after",
        "durable",
        "one_holder",
        "renewed",
        "left_alone",
        "given_back",
        "not_given_away",
        "marked",
        "leases_apart",
        "handed_back",
    ];
    let without = ended(&report, |found| *found == Found::NotPromised);
    assert_eq!(without, not_promised);
}

#[tokio::test]
async fn jetstream_keeps_all_it_promises() {
    let server = Server::start();
    let impatient = Delivery::at_least_once().ack_wait(Duration::from_secs(1));
    let nats = nats(&server).create_buckets(Buckets::new());
    let report = conformance(&nats.delivery(impatient), "conformance").await;
    // What outlives a server, the tests show that kill it.
    let unkept = ended(&report, |found| *found != Found::Kept);
    assert_eq!(unkept, ["durable"]);
}
