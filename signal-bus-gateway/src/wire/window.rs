//! Paths below `/_bus`, which PyPubSub does not use: how the gateway is.

use std::sync::atomic::Ordering;

use hyper::Method;

use crate::wire::{
    Counts, Desk, Frame,
    answer::{self, Answer, Said},
};

/// What stands before each of these paths.
const START: &str = "/_bus/";
/// Below it, streams for browsers; the rest of the path are their topics.
const EVENTS: &str = "/_bus/events";

/// The topics of a path for browsers; nothing if it is another one.
pub(super) fn events(path: &str) -> Option<&str> {
    let rest = path.strip_prefix(EVENTS)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// The answer of a path below `/_bus`; nothing if it is another one, or a stream.
pub(super) fn look(desk: &Desk, method: &Method, path: &str, frame: Frame) -> Option<Answer> {
    let page = path.strip_prefix(START)?;
    let Frame { counts, is_closing } = frame;
    if *method == Method::OPTIONS {
        return Some(answer::preflight(counts, is_closing));
    }
    if *method != Method::GET || events(path).is_some() {
        return None;
    }
    let said = match page {
        "health" => health(desk),
        "ready" => ready(desk),
        "metrics" => Said {
            status: 200,
            content_type: "text/plain; version=0.0.4; charset=utf-8",
            text: metrics(desk, counts),
        },
        _ => Said::plain(
            404,
            "There is no such page; there are /_bus/health, /_bus/ready, /_bus/metrics and /_bus/events.\n",
        ),
    };
    Some(answer::said(said, counts, is_closing))
}

/// Whether it works: a program that does not should be started again. A full disk would stay full.
fn health(desk: &Desk) -> Said {
    let health = desk.hub.health();
    if health.is_healthy() {
        Said::plain(200, "well\n")
    } else {
        Said::plain(503, &format!("{health}\n"))
    }
}

/// Whether it can do what is asked of it: one that stops soon, or cannot store, should not get more.
fn ready(desk: &Desk) -> Said {
    if desk.closing.is_cancelled() {
        return Said::plain(503, "stopping\n");
    }
    match desk.hub.store_fault() {
        Some(fault) if desk.hub.newest().is_some() => {
            Said::plain(503, &format!("the stream cannot be read: {fault}\n"))
        }
        Some(fault) => Said::plain(503, &format!("the backlog cannot be stored: {fault}\n")),
        None => Said::plain(200, "ready\n"),
    }
}

fn gauge(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

fn metric(name: &str, kind: &str, help: &str, value: u64) -> String {
    let name = format!("signal_bus_gateway_{name}");
    format!("# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n")
}

/// What there is to count, as Prometheus reads it.
fn metrics(desk: &Desk, counts: Counts) -> String {
    [traffic(desk, counts), neighbours(desk), others(desk)].concat()
}

/// What comes and goes.
fn traffic(desk: &Desk, counts: Counts) -> String {
    let tally = desk.hub.tally();
    let mut text = String::new();
    let mut write =
        |name: &str, kind: &str, help: &str, value| text.push_str(&metric(name, kind, help, value));
    write(
        "requests_total",
        "counter",
        "Requests so far, with this one.",
        counts.requests,
    );
    write(
        "streams",
        "gauge",
        "Streams that are open.",
        gauge(counts.subscribers),
    );
    write(
        "events_total",
        "counter",
        "Events that were accepted.",
        tally.events.load(Ordering::Relaxed),
    );
    let deliveries = tally.deliveries.load(Ordering::Relaxed);
    write(
        "deliveries_total",
        "counter",
        "Events that were written to a stream.",
        deliveries,
    );
    write(
        "turned_away_total",
        "counter",
        "Clients for whom there was no room.",
        desk.turned_away.load(Ordering::Relaxed),
    );
    write(
        "accept_failures_total",
        "counter",
        "Tries to let a client in that the system has refused, for want of open files.",
        desk.not_admitted.load(Ordering::Relaxed),
    );
    let too_slow = tally.too_slow.load(Ordering::Relaxed);
    write(
        "slow_streams_total",
        "counter",
        "Streams that were disconnected, for their readers were too slow.",
        too_slow,
    );
    text
}

/// What lies on the disk, and what others answer.
fn neighbours(desk: &Desk) -> String {
    let mut text = String::new();
    let mut write =
        |name: &str, kind: &str, help: &str, value| text.push_str(&metric(name, kind, help, value));
    write(
        "backlog_events",
        "gauge",
        "Events that are kept for those who come back.",
        gauge(desk.hub.backlog_len()),
    );
    write(
        "backlog_torn_events",
        "gauge",
        "Events that were torn in the backlog's file at the start, and are left out.",
        desk.damage.torn_count,
    );
    write(
        "backlog_put_aside",
        "gauge",
        "1 if the backlog's file was broken at the start, and another one has been begun; else 0.",
        desk.damage.is_put_aside.into(),
    );
    let not_stored = desk.hub.store_failures();
    write(
        "store_failures_total",
        "counter",
        "Writes to the backlog's file, or to the stream of all gateways, that have failed.",
        not_stored,
    );
    let failures = desk.logins.directory_failures();
    write(
        "ldap_failures_total",
        "counter",
        "Questions that the LDAP server has not answered.",
        failures,
    );
    text
}

/// What several gateways show; nothing if there is but this one.
fn others(desk: &Desk) -> String {
    let Some(newest) = desk.hub.newest() else {
        return String::new();
    };
    let tally = desk.hub.tally();
    [
        metric(
            "stream_sequence",
            "gauge",
            "Up to which message of the stream of all gateways this one has come.",
            newest,
        ),
        metric(
            "stream_readable",
            "gauge",
            "1 if all of the stream of all gateways is shown; 0 while it cannot be read.",
            desk.hub.store_fault().is_none().into(),
        ),
        metric(
            "unreadable_messages_total",
            "counter",
            "Messages of the stream that were no events, and are not shown.",
            tally.unreadable.load(Ordering::Relaxed),
        ),
    ]
    .concat()
}
