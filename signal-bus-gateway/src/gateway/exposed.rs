//! One pattern that is exposed, and the type of its signals.

use std::{marker::PhantomData, pin::Pin};

use hyper::{
    Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
};
use serde::{Serialize, de::DeserializeOwned};
use signal_bus::{BusHandle, PublishError, Signal, SubscribeError};

use crate::{
    gateway::body::{GatewayBody, Pipe},
    json::write_text,
};

/// Why a request is not answered with what it asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    error: String,
    /// The field in which it is.
    path: Option<String>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, error: &str) -> Self {
        Self {
            status,
            error: error.to_owned(),
            path: None,
        }
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "there is no such topic here")
    }

    /// `{"error":"..","path":".."}`
    pub(super) fn into_response(self) -> Response<GatewayBody> {
        let mut text = "{\"error\":".to_owned();
        write_text(&self.error, &mut text);
        if let Some(path) = &self.path {
            text.push_str(",\"path\":");
            write_text(path, &mut text);
        }
        text.push_str("}\n");
        let mut response = Response::new(GatewayBody::whole(text));
        *response.status_mut() = self.status;
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            let methods = HeaderValue::from_static("GET, PUT, POST");
            response.headers_mut().insert(ALLOW, methods);
        }
        response
    }
}

/// What is exposed, without its type.
pub(super) trait Exposed: Send + Sync {
    fn pattern(&self) -> &str;

    /// Publishes a body, and says how many hear it.
    fn publish<'a>(&'a self, bus: &'a BusHandle, topic: &'a str, body: &'a [u8]) -> Publishing<'a>;

    /// Begins to hear a pattern that this one covers.
    fn subscribe(
        &self,
        bus: &BusHandle,
        pattern: &str,
        waiting_max: usize,
        is_browser: bool,
    ) -> Result<GatewayBody, Failure>;
}

pub(super) type Publishing<'a> = Pin<Box<dyn Future<Output = Result<usize, Failure>> + Send + 'a>>;

pub(super) struct Exposure<T> {
    pattern: Box<str>,
    carries: PhantomData<fn() -> T>,
}

impl<T> Exposure<T> {
    pub(super) fn new(pattern: &str) -> Self {
        Self {
            pattern: pattern.into(),
            carries: PhantomData,
        }
    }
}

impl<T: Serialize + DeserializeOwned + Send + Sync + 'static> Exposed for Exposure<T> {
    fn pattern(&self) -> &str {
        &self.pattern
    }

    fn publish<'a>(&'a self, bus: &'a BusHandle, topic: &'a str, body: &'a [u8]) -> Publishing<'a> {
        Box::pin(async move {
            let signal: T = read(body)?;
            let published = bus.publish(topic, signal).await;
            published
                .map(|receipt| receipt.receivers)
                .map_err(|error| refused(&error))
        })
    }

    fn subscribe(
        &self,
        bus: &BusHandle,
        pattern: &str,
        waiting_max: usize,
        is_browser: bool,
    ) -> Result<GatewayBody, Failure> {
        let pipe = Pipe::new(waiting_max);
        let end = pipe.clone();
        let listener = bus.listen(pattern, move |signal: Signal<T>| {
            match written(&signal, is_browser) {
                Ok(text) => {
                    end.push(text.into());
                    Ok(())
                }
                Err(error) => Err(error),
            }
        });
        let listener = listener.map_err(|error| unheard(&error))?;
        Ok(GatewayBody::stream(pipe, listener, bus.clone()))
    }
}

/// Reads a signal; an error names the field.
fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let read = serde_path_to_error::deserialize(&mut reader);
    let signal = read.map_err(|error| {
        let (path, error) = (error.path().to_string(), error.into_inner());
        if !error.is_data() {
            return Failure::new(StatusCode::BAD_REQUEST, &error.to_string());
        }
        Failure {
            path: Some(path),
            ..Failure::new(StatusCode::UNPROCESSABLE_ENTITY, &error.to_string())
        }
    })?;
    let end = reader.end();
    end.map_err(|error| Failure::new(StatusCode::BAD_REQUEST, &error.to_string()))?;
    Ok(signal)
}

/// A signal as a reader gets it.
fn written<T: Serialize>(
    signal: &Signal<T>,
    is_browser: bool,
) -> Result<String, serde_json::Error> {
    let (topic, json) = (signal.topic(), serde_json::to_string(&**signal)?);
    // A type may hand JSON on as it came. Its texts hold no ends of lines; between them a blank is as good.
    let json = json.replace(['\n', '\r'], " ");
    Ok(if is_browser {
        format!("event: {topic}\ndata: {json}\n\n")
    } else {
        let mut line = "{\"topic\":".to_owned();
        write_text(topic, &mut line);
        line + ",\"signal\":" + &json + "}\n"
    })
}

fn refused<T>(error: &PublishError<T>) -> Failure {
    let status = match error {
        PublishError::Closed(_) | PublishError::TopicClosed { .. } => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        PublishError::TypeMismatch { .. } => StatusCode::CONFLICT,
        PublishError::InvalidTopic { .. } => return Failure::not_found(),
        _ => StatusCode::TOO_MANY_REQUESTS,
    };
    Failure::new(status, &error.to_string())
}

fn unheard(error: &SubscribeError) -> Failure {
    let status = match error {
        SubscribeError::Closed => StatusCode::SERVICE_UNAVAILABLE,
        SubscribeError::TypeMismatch { .. } => StatusCode::CONFLICT,
        _ => return Failure::not_found(),
    };
    Failure::new(status, &error.to_string())
}

/// Whether a pattern hears everything that another one, or a topic, hears.
pub(super) fn covers(pattern: &str, other: &str) -> bool {
    let (pattern, other): (Vec<_>, Vec<_>) =
        (pattern.split('.').collect(), other.split('.').collect());
    covers_tokens(&pattern, &other)
}

fn covers_tokens(pattern: &[&str], other: &[&str]) -> bool {
    match (pattern, other) {
        (["**"], _) => true,
        ([">"], [first, ..]) => *first != "**",
        ([], []) => true,
        ([token, pattern @ ..], [first, other @ ..]) => {
            let is_one = !matches!(*first, ">" | "**");
            let takes = *token == "*" || token.starts_with('{') || token == first;
            is_one && takes && covers_tokens(pattern, other)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::covers;

    #[test]
    fn nothing_is_heard_that_was_not_exposed() {
        for (pattern, other) in [
            ("a", "a"),
            ("a.*", "a.b"),
            ("a.*", "a.*"),
            ("a.{x}", "a.b"),
            ("a.>", "a.b.c"),
            ("a.>", "a.*.c"),
            ("a.>", "a.>"),
            ("a.>", "a.b.**"),
            ("a.**", "a"),
            ("a.**", "a.>"),
            ("a.**", "a.**"),
            ("**", "a.b"),
            ("*.b", "*.b"),
        ] {
            assert!(covers(pattern, other), "{pattern} {other}");
        }
        for (pattern, other) in [
            ("a", "b"),
            ("a", "a.b"),
            ("a", "*"),
            ("a.*", "a"),
            ("a.*", "a.b.c"),
            ("a.*", "a.>"),
            ("a.*", "a.**"),
            ("a.>", "a"),
            ("a.>", "a.**"),
            ("a.>", ">"),
            ("a.b", "a.*"),
            ("a.>", "*.b"),
            ("a.**", "**"),
            ("*.b", "a.>"),
        ] {
            assert!(!covers(pattern, other), "{pattern} {other}");
        }
    }
}
