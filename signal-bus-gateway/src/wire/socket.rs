//! The handshake of a WebSocket (RFC 6455, 4.2).

use hyper::{
    header::{HeaderMap, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE},
    http::request::Parts,
};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use crate::wire::{Frame, answer::NAME};

/// Whether a request wants the connection for a WebSocket.
pub(crate) fn is_wanted(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(UPGRADE).and_then(|value| value.to_str().ok());
    upgrade.is_some_and(|upgrade| upgrade.eq_ignore_ascii_case("websocket"))
}

/// What proves that we have read the request, or what is wrong with it.
pub(crate) fn accepted(headers: &HeaderMap) -> Result<String, String> {
    let value = |name| headers.get(name).map_or(&[][..], |value| value.as_bytes());
    if value(SEC_WEBSOCKET_VERSION) != b"13" {
        return Err("expected `Sec-WebSocket-Version: 13`".to_owned());
    }
    let key = value(SEC_WEBSOCKET_KEY);
    if key.len() != 24 {
        return Err("expected a `Sec-WebSocket-Key` of 24 letters".to_owned());
    }
    Ok(derive_accept_key(key))
}

/// The head with which a WebSocket begins, or what is wrong.
pub(super) fn head(head: &Parts, frame: Frame) -> Result<String, String> {
    let accept = accepted(&head.headers)?;
    let (subscribers, requests) = (frame.counts.subscribers, frame.counts.requests);
    Ok(format!(
        "HTTP/1.1 101 Switching Protocols\r\nServer: {NAME}\r\nX-Subscribers: {subscribers}\r\nX-Requests: {requests}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    ))
}
