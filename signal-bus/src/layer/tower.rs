//! Layers of the tower ecosystem.

use std::{
    error::Error,
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use tower_service::Service;

use crate::{
    error::Failure,
    layer::{Call, Handled, Layer, LayerFuture, MakeLayer},
};

/// The layers and the handler below a tower layer, as a service.
///
/// It is always ready, cheap to clone, and keeps nothing: the way on is in each call.
#[derive(Clone, Default)]
pub struct HandlerService(());

impl fmt::Debug for HandlerService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HandlerService")
    }
}

impl Service<Call> for HandlerService {
    type Response = Handled;
    type Error = Failure;
    type Future = LayerFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut call: Call) -> LayerFuture {
        let next = call.next.take();
        let next = next.expect("a call has its way on when it meets a service");
        next.run_boxed(call)
    }
}

/// Makes a layer of a tower layer; its service is made once a start, and cloned for each call.
pub(crate) fn layer<L>(layer: L) -> MakeLayer
where
    L: tower_layer::Layer<HandlerService> + Send + Sync + 'static,
    L::Service: Service<Call, Response = Handled, Error: Into<Box<dyn Error + Send + Sync>>, Future: Send>
        + Clone
        + Send
        + 'static,
{
    Arc::new(move || {
        let service = Mutex::new(layer.layer(HandlerService::default()));
        let layer: Layer = Arc::new(move |mut call, next| {
            let mut service = service
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            call.next = Some(next);
            Box::pin(async move {
                let ready = poll_fn(|context| service.poll_ready(context)).await;
                ready.map_err(failure)?;
                service.call(call).await.map_err(failure)
            })
        });
        layer
    })
}

/// An error of a service; in the chain below it, its own type can be found again.
#[derive(Debug, thiserror::Error)]
#[error("a layer failed")]
struct Foreign(#[source] Box<dyn Error + Send + Sync>);

/// A service's error as a failure; the handler's own stays what it is.
fn failure(error: impl Into<Box<dyn Error + Send + Sync>>) -> Failure {
    match error.into().downcast::<Failure>() {
        Ok(failure) => *failure,
        Err(error) => Failure::Returned(Foreign(error).into()),
    }
}
