//! A window on any running bus: what is exposed can be published and heard over HTTP.

mod body;
mod exposed;
mod socket;

use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Body,
    header::{
        ACCEPT, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, SEC_WEBSOCKET_ACCEPT, UPGRADE,
    },
    http::request::Parts,
    upgrade::OnUpgrade,
};
use serde::{Serialize, de::DeserializeOwned};
use signal_bus::BusHandle;
use tokio_util::task::TaskTracker;
use tower_service::Service;

pub use crate::gateway::body::{GatewayBody, TooSlow};
use crate::{
    gateway::exposed::{Exposed, Exposure, Failure, covers},
    topic::decode,
    websocket::{accepted, is_wanted},
};

/// Bodies may have so many bytes, unless it is said.
const BODY_BYTES_MAX: usize = 1024 * 1024;
/// So many signals may wait for a reader, unless it is said.
const WAITING_MAX: usize = 1024;

/// A window on a running bus, as a tower service: it can be mounted in axum, or run by hyper.
///
/// `POST` or `PUT` on `/orders/eu/created` publishes what the body says, as JSON, on `orders.eu.created`; `GET` on
/// `/orders/*/created` streams what is published there: lines of JSON, server-sent events for who accepts
/// `text/event-stream`, or a WebSocket with a text for each signal, for who wants to upgrade to it. What was not exposed is not there.
///
/// | answer | when |
/// |---|---|
/// | 202, `{"receivers":2}` | it was published |
/// | 101 | it goes on as a WebSocket |
/// | 400 | the body is no JSON, or the handshake of a WebSocket is none |
/// | 403 | [`allow`](Self::allow) says no |
/// | 404 | the topic was not exposed, or is none |
/// | 405 | the method is another one |
/// | 409 | the topic carries another type |
/// | 413 | the body is too large |
/// | 422, with the path of the field | the body is no signal of this type |
/// | 501 | a WebSocket is wanted of a server that hands no connections over |
/// | 503 | the bus is closed |
///
/// A WebSocket is a task in the runtime that serves the request; it ends with the bus, or with its reader.
///
/// A reader that is too slow is disconnected; nobody waits for it.
///
/// ```
/// use serde::{Deserialize, Serialize};
/// use signal_bus_gateway::Gateway;
/// use tower_service::Service as _;
///
/// #[derive(Serialize, Deserialize)]
/// struct Order { id: u32, items: Vec<String> }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let bus = signal_bus::Bus::empty().start().await?;
/// let mut orders = bus.subscribe::<Order>("orders.>")?;
/// let mut gateway = Gateway::new(&bus).expose::<Order>("orders.>");
///
/// let request = hyper::Request::post("/orders/eu/created").body(r#"{"id": 7, "items": []}"#.to_owned())?;
/// assert_eq!(gateway.call(request).await?.status(), 202);
/// assert_eq!(orders.recv().await.map(|order| order.id), Some(7));
///
/// let request = hyper::Request::post("/orders/eu/created").body(r#"{"id": 7, "items": [1]}"#.to_owned())?;
/// assert_eq!(gateway.call(request).await?.status(), 422);
/// # drop(orders); bus.close().await?; Ok::<_, Box<dyn std::error::Error>>(()) })?; Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Gateway {
    inner: Arc<Inner>,
}

#[derive(Clone)]
struct Inner {
    bus: BusHandle,
    exposures: Vec<Arc<dyn Exposed>>,
    allow: Option<Arc<Allow>>,
    body_bytes_max: usize,
    waiting_max: usize,
    /// Owns the streams that outlive their requests.
    sockets: TaskTracker,
}

type Allow = dyn Fn(&Parts, Access<'_>) -> bool + Send + Sync;

/// What a request is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access<'a> {
    /// Publish on a topic.
    Publish(&'a str),
    /// Hear a topic, or a pattern.
    Subscribe(&'a str),
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let exposures = self.inner.exposures.iter().map(|exposed| exposed.pattern());
        f.debug_struct("Gateway")
            .field("exposures", &exposures.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Gateway {
    /// A window on a bus, through which nothing is seen yet.
    #[must_use]
    pub fn new(bus: &BusHandle) -> Self {
        Self {
            inner: Arc::new(Inner {
                bus: bus.clone(),
                exposures: Vec::new(),
                allow: None,
                body_bytes_max: BODY_BYTES_MAX,
                waiting_max: WAITING_MAX,
                sockets: TaskTracker::new(),
            }),
        }
    }

    fn inner(&mut self) -> &mut Inner {
        Arc::make_mut(&mut self.inner)
    }

    /// Shows the topics that fit a pattern, which carry signals of this type. Of several that fit, the first counts.
    ///
    /// # Panics
    ///
    /// Panics if the pattern begins with `$bus`: what the bus says of itself is not for everybody.
    #[must_use]
    pub fn expose<T: Serialize + DeserializeOwned + Send + Sync + 'static>(
        mut self,
        pattern: &str,
    ) -> Self {
        assert!(
            !pattern.starts_with("$bus"),
            "what the bus says of itself cannot be exposed: {pattern}"
        );
        self.inner()
            .exposures
            .push(Arc::new(Exposure::<T>::new(pattern)));
        self
    }

    /// Asks before each publish and each stream; whoever gets `false` gets a 403. Without it, what is exposed is for everybody.
    #[must_use]
    pub fn allow(
        mut self,
        allow: impl Fn(&Parts, Access<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.inner().allow = Some(Arc::new(allow));
        self
    }

    /// How many bytes a body may have; 1 MiB unless set.
    #[must_use]
    pub fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.inner().body_bytes_max = bytes;
        self
    }

    /// How many signals may wait for a reader before it is disconnected; 1024 unless set.
    #[must_use]
    pub fn waiting_max(mut self, signals: usize) -> Self {
        self.inner().waiting_max = signals.max(1);
        self
    }
}

impl<B> Service<Request<B>> for Gateway
where
    B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>, Data: Send> + Send + 'static,
{
    type Response = Response<GatewayBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let inner = Arc::clone(&self.inner);
        Box::pin(async move {
            let answered = inner.answer(request).await;
            Ok(answered.unwrap_or_else(Failure::into_response))
        })
    }
}

impl Inner {
    async fn answer<B>(&self, request: Request<B>) -> Result<Response<GatewayBody>, Failure>
    where
        B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send,
    {
        let (mut head, body) = request.into_parts();
        let name = name_of(head.uri.path())?;
        let found = self
            .exposures
            .iter()
            .find(|exposed| covers(exposed.pattern(), &name));
        let exposed = found.ok_or_else(Failure::not_found)?;
        match head.method {
            Method::PUT | Method::POST => {
                self.check(&head, Access::Publish(&name))?;
                let bytes = self.collect(body).await?;
                let receivers = exposed.publish(&self.bus, &name, &bytes).await?;
                let mut response = Response::new(GatewayBody::whole(format!(
                    "{{\"receivers\":{receivers}}}\n"
                )));
                *response.status_mut() = StatusCode::ACCEPTED;
                Ok(typed(response, "application/json"))
            }
            Method::GET => {
                self.check(&head, Access::Subscribe(&name))?;
                if is_wanted(&head.headers) {
                    let signals = || exposed.subscribe(&self.bus, &name, self.waiting_max, false);
                    return self.open_socket(&mut head, signals);
                }
                let is_browser = head
                    .headers
                    .get(ACCEPT)
                    .and_then(|accept| accept.to_str().ok());
                let is_browser =
                    is_browser.is_some_and(|accept| accept.contains("text/event-stream"));
                let body = exposed.subscribe(&self.bus, &name, self.waiting_max, is_browser)?;
                let content_type = if is_browser {
                    "text/event-stream"
                } else {
                    "application/x-ndjson"
                };
                let mut response = typed(Response::new(body), content_type);
                response
                    .headers_mut()
                    .insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
                Ok(response)
            }
            _ => Err(Failure::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "expected GET, PUT or POST",
            )),
        }
    }

    /// Begins a stream on a WebSocket.
    fn open_socket(
        &self,
        head: &mut Parts,
        signals: impl FnOnce() -> Result<GatewayBody, Failure>,
    ) -> Result<Response<GatewayBody>, Failure> {
        let accepted = accepted(&head.headers);
        let accepted = accepted.map_err(|fault| Failure::new(StatusCode::BAD_REQUEST, &fault))?;
        let accepted = HeaderValue::try_from(accepted).expect("it is base64");
        let handing = head.extensions.remove::<OnUpgrade>().ok_or_else(|| {
            let text = "this server hands no connections over; serve it `with_upgrades`";
            Failure::new(StatusCode::NOT_IMPLEMENTED, text)
        })?;
        self.sockets.spawn(socket::run(handing, signals()?));
        let mut response = Response::new(GatewayBody::empty());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, accepted);
        Ok(response)
    }

    fn check(&self, head: &Parts, access: Access<'_>) -> Result<(), Failure> {
        let is_allowed = self.allow.as_ref().is_none_or(|allow| allow(head, access));
        let refused = || Failure::new(StatusCode::FORBIDDEN, "you are not allowed to");
        is_allowed.then_some(()).ok_or_else(refused)
    }

    async fn collect<B>(&self, body: B) -> Result<Bytes, Failure>
    where
        B: Body<Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send,
    {
        match Limited::new(body, self.body_bytes_max).collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => {
                let text = format!("expected at most {} bytes", self.body_bytes_max);
                Err(Failure::new(StatusCode::PAYLOAD_TOO_LARGE, &text))
            }
            Err(_) => Err(Failure::new(StatusCode::BAD_REQUEST, "the body breaks off")),
        }
    }
}

/// `orders.eu.created`, of `/orders/eu/created`.
fn name_of(path: &str) -> Result<String, Failure> {
    let tokens: Vec<_> = path
        .strip_prefix('/')
        .unwrap_or(path)
        .split('/')
        .map(decode)
        .collect();
    let is_token = |token: &String| !token.is_empty() && !token.contains(['.', '/']);
    if !tokens.iter().all(is_token) || tokens[0] == "$bus" {
        return Err(Failure::not_found());
    }
    Ok(tokens.join("."))
}

fn typed(mut response: Response<GatewayBody>, content_type: &'static str) -> Response<GatewayBody> {
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests;
