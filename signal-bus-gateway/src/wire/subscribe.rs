//! `GET`: a stream that does not end.

use bytes::Bytes;
use hyper::{
    header::{HeaderMap, USER_AGENT},
    http::request::Parts,
};

use crate::{
    backlog::Since,
    clock,
    cursor::Cursor,
    event::{Form, stale},
    hub::{Behind, Seat, filter::Filter},
    login::Client,
    topic::{Wanted, decode},
    websocket,
    wire::{
        Counts, Desk, Frame,
        answer::{NAME, Text},
        socket,
    },
};

/// What browsers ask of a stream: not to be kept, and to be read from pages of other origins.
const FOR_BROWSERS: &str = "Cache-Control: no-cache\r\nAccess-Control-Allow-Origin: *\r\n";

/// A stream that is about to begin.
#[derive(Debug)]
pub(crate) struct Opening {
    /// The head of the answer, as it is sent.
    pub(crate) head: String,
    pub(crate) seat: Seat,
    pub(crate) form: Form,
    /// What is said before the past.
    pub(crate) preface: Option<Bytes>,
}

/// Why there is no stream.
#[derive(Debug)]
pub(super) enum NoStream {
    /// What was asked for is none.
    Asked(String),
    /// Another gateway has shown more.
    Behind,
}

impl From<String> for NoStream {
    fn from(what: String) -> Self {
        Self::Asked(what)
    }
}

impl From<Behind> for NoStream {
    fn from(_: Behind) -> Self {
        Self::Behind
    }
}

/// Takes a seat for a subscriber; the path may ask for too much.
pub(super) async fn open(
    desk: &Desk,
    head: &Parts,
    path: &str,
    client: &Client,
    frame: Frame,
) -> Result<Opening, Text> {
    let wanted = Wanted::of_path(path).ok_or(Text::BadRequest)?;
    let since = Since {
        time: text(&head.headers, "x-fetch-since").map(seconds),
        cursor: text(&head.headers, "x-fetch-since-cursor").and_then(Cursor::read),
        else_all: false,
    };
    let seat = desk
        .hub
        .subscribe(wanted, client.rights.clone(), None, since)
        .await
        .map_err(|Behind| Text::Behind)?;
    desk.logins.note_stream(client, seat.stream());
    let agent = head
        .headers
        .get(USER_AGENT)
        .map_or(&[][..], |value| value.as_bytes());
    let agent = String::from_utf8_lossy(agent);
    let is_old = desk.oldschoolers.iter().any(|part| agent.contains(&**part));
    Ok(Opening {
        head: stream_head(frame, "application/vnd.pypubsub-stream", ""),
        seat,
        form: if is_old {
            Form::Terminated
        } else {
            Form::Lines
        },
        preface: None,
    })
}

/// Takes a seat for a browser, by server-sent events or a WebSocket; what the query asks for may be wrong.
pub(super) async fn open_events(
    desk: &Desk,
    head: &Parts,
    path: &str,
    client: &Client,
    frame: Frame,
) -> Result<Opening, NoStream> {
    let too_many = || "the path names too many topics".to_owned();
    let wanted = Wanted::of_path(path).ok_or_else(too_many)?;
    let wish = Query::read(head)?;
    let socket = websocket::is_wanted(&head.headers).then(|| socket::head(head, frame));
    let socket = socket.transpose()?;
    let seat = desk
        .hub
        .subscribe(wanted, client.rights.clone(), wish.filter, wish.since)
        .await?;
    desk.logins.note_stream(client, seat.stream());
    let is_stale = wish.is_unreadable || seat.is_stale;
    let (head, form) = match socket {
        Some(head) => (head, Form::Socket),
        None => (
            stream_head(frame, "text/event-stream", FOR_BROWSERS),
            Form::ServerSent,
        ),
    };
    Ok(Opening {
        head,
        seat,
        form,
        preface: is_stale.then(stale),
    })
}

/// What a browser asks for beside topics.
#[derive(Debug)]
struct Query {
    since: Since,
    filter: Option<Filter>,
    /// It goes on after something that we did not write.
    is_unreadable: bool,
}

impl Query {
    /// Reads `?since=latest|cursor|seconds&where=field:value`; a browser that comes back says itself where it was.
    fn read(head: &Parts) -> Result<Self, String> {
        let mut query = Self {
            since: Since::default(),
            filter: None,
            is_unreadable: false,
        };
        let mut has_since = false;
        let pairs = head.uri.query().unwrap_or_default().split('&');
        for pair in pairs.filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(&value.replace('+', " "));
            match name {
                "since" if has_since => {
                    return Err("`since` stands twice, expected one".to_owned());
                }
                "since" => {
                    query.since_what(&value)?;
                    has_since = true;
                }
                "where" if query.filter.is_some() => {
                    return Err("`where` stands twice, expected one `field:value`".to_owned());
                }
                "where" => {
                    let filter = Filter::read(&value);
                    query.filter =
                        Some(filter.ok_or_else(|| {
                            format!("`where` expects `field:value`, not `{value}`")
                        })?);
                }
                _ => return Err(format!("there is no `{name}`, but `since` and `where`")),
            }
        }
        if let Some(id) = text(&head.headers, "last-event-id") {
            query.since = Since::default();
            query.go_on_after(id);
        }
        Ok(query)
    }

    fn since_what(&mut self, value: &str) -> Result<(), String> {
        if value == "latest" {
            return Ok(());
        }
        let seconds = value.parse::<f64>();
        if let Some(seconds) = seconds.ok().filter(|seconds| seconds.is_finite()) {
            self.since.time = Some(seconds);
        } else if value.len() == 36 {
            self.go_on_after(value);
        } else {
            return Err(format!(
                "`since` expects `latest`, a cursor, or seconds since 1970, not `{value}`"
            ));
        }
        Ok(())
    }

    fn go_on_after(&mut self, cursor: &str) {
        self.since.cursor = Cursor::read(cursor);
        self.since.else_all = true;
        if self.since.cursor.is_none() {
            self.is_unreadable = true;
            self.since.time = Some(f64::MIN);
        }
    }
}

/// A header that is there and says something.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().unwrap_or("?");
    Some(value).filter(|value| !value.is_empty())
}

/// What Python's `int` makes of it; what it does not take is the beginning of time, as in PyPubSub 0.7.2.
fn seconds(written: &str) -> f64 {
    let written = written.trim().replace('_', "");
    let digits = written.trim_start_matches(['+', '-']);
    let is_whole = digits.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = written.parse().ok().filter(|_| is_whole);
    parsed.unwrap_or(0.0)
}

fn stream_head(frame: Frame, content_type: &str, more: &str) -> String {
    let Counts {
        subscribers,
        requests,
    } = frame.counts;
    let date = clock::http_date();
    let close = if frame.is_closing {
        "Connection: close\r\n"
    } else {
        ""
    };
    format!(
        "HTTP/1.1 200 OK\r\nServer: {NAME}\r\nX-Subscribers: {subscribers}\r\nX-Requests: {requests}\r\n\
         Content-Type: {content_type}\r\nTransfer-Encoding: chunked\r\nDate: {date}\r\n{more}{close}\r\n"
    )
}
