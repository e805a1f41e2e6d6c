//! `GET`: a stream that does not end.

use hyper::{
    header::{HeaderMap, USER_AGENT},
    http::request::Parts,
};

use crate::{
    backlog::Since,
    clock,
    cursor::Cursor,
    event::Ending,
    hub::Seat,
    login::Client,
    topic::Wanted,
    wire::{Counts, Desk, answer::NAME},
};

/// A stream that is about to begin.
#[derive(Debug)]
pub(crate) struct Opening {
    /// The head of the answer, as it is sent.
    pub(crate) head: String,
    pub(crate) seat: Seat,
    pub(crate) ending: Ending,
}

/// Takes a seat for a subscriber; nothing if the path asks for too much.
pub(super) async fn open(
    desk: &Desk,
    head: &Parts,
    path: &str,
    client: &Client,
    counts: Counts,
    is_closing: bool,
) -> Option<Opening> {
    let wanted = Wanted::of_path(path)?;
    let since = Since {
        time: text(&head.headers, "x-fetch-since").map(seconds),
        cursor: text(&head.headers, "x-fetch-since-cursor").and_then(Cursor::read),
    };
    let seat = desk
        .hub
        .subscribe(wanted, client.rights.clone(), since)
        .await;
    desk.logins.note_stream(client, seat.stream());
    let agent = head
        .headers
        .get(USER_AGENT)
        .map_or(&[][..], |value| value.as_bytes());
    let agent = String::from_utf8_lossy(agent);
    let is_old = desk.oldschoolers.iter().any(|part| agent.contains(&**part));
    Some(Opening {
        head: stream_head(counts, is_closing),
        seat,
        ending: if is_old {
            Ending::Terminator
        } else {
            Ending::Newline
        },
    })
}

/// A header that is there and says something.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().unwrap_or("?");
    Some(value).filter(|value| !value.is_empty())
}

/// What Python's `int` makes of it; what it does not take is the beginning of time, as in PyPubSub 0.7.2.
fn seconds(written: &str) -> i64 {
    written.trim().replace('_', "").parse().unwrap_or(0)
}

fn stream_head(counts: Counts, is_closing: bool) -> String {
    let Counts {
        subscribers,
        requests,
    } = counts;
    let date = clock::http_date();
    let close = if is_closing {
        "Connection: close\r\n"
    } else {
        ""
    };
    format!(
        "HTTP/1.1 200 OK\r\nServer: {NAME}\r\nX-Subscribers: {subscribers}\r\nX-Requests: {requests}\r\n\
         Content-Type: application/vnd.pypubsub-stream\r\nTransfer-Encoding: chunked\r\nDate: {date}\r\n{close}\r\n"
    )
}
