//! How a WebSocket begins.

use hyper::http::request::Parts;

use crate::{
    websocket::accepted,
    wire::{Frame, answer::NAME},
};

/// The head with which a WebSocket begins, or what is wrong.
pub(super) fn head(head: &Parts, frame: Frame) -> Result<String, String> {
    let accept = accepted(&head.headers)?;
    let (subscribers, requests) = (frame.counts.subscribers, frame.counts.requests);
    Ok(format!(
        "HTTP/1.1 101 Switching Protocols\r\nServer: {NAME}\r\nX-Subscribers: {subscribers}\r\nX-Requests: {requests}\r\n\
         Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    ))
}
