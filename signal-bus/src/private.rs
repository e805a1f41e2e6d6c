//! The only names generated code may mention. Nothing here is for people, and anything may change at any time.

pub use inventory;
pub use std::{
    boxed::Box, option::Option, result::Result, sync::Arc, time::Duration, vec, vec::Vec,
};

pub use crate::{
    codec::{Borrowed, Codec, CodecProbe, MaybeBorrowed, NoCodec, OwnedType, codec},
    error::{Failure, InjectError},
    forms::{
        batch::{Deliveries, TakeBatch, open_batch},
        give::{Fails, InOption, InResult, Publish},
        probe::{InjectFallback, Peel, Probe},
        reply::{Replies, replies, reply},
        take::{
            ByAny, ByArc, BySignal, ByValue, Copying, HandlerOutput, Lend, Loan, Take, Whole, open,
            outcome,
        },
    },
    inject::{
        Dependency, FunctionId, Need, Providable,
        container::Container,
        factory::{Async, AsyncFallible, Factory, Fallible, Plain, PlainFactory},
        provider::{
            Attempt, Owned, Provide, Provided, ProviderFuture, Provides, Shared, Value, build,
            provide,
        },
        wanted::{
            Ask, Form, Injected, Maybe, PeelOption, Required, Wanted, shared, shared_optional,
        },
    },
    publish::{
        annotated::{Filled, Gives, On, Piece, fill, on},
        pending::{Pending, Wait},
        publication::Publication,
        stream::Each,
    },
    registry::{
        BusName, Declarations, Registered, Registration, Submitted,
        handler::{HandlerFuture, handler},
        periodic::{Missed, Periodic},
        provider::{Injectable, Provider},
        publisher::{Publisher, UntypedPublisher},
        retry::{Jitter, Retry},
        subscriber::{Overflow, Subscriber},
        trip::OnTrip,
    },
    scope::any_running,
    signal::{
        AnyValue, Kind, Payload, Signal,
        requested::Requested,
        run::{More, Run},
        stretch::{Delivery, Stretch, next},
        values::{Place, Placed, Put, Values},
    },
    site::Site,
    topic::Topic,
};

use crate::{
    inject::factory::{self, Asked},
    scope::{self, Scope},
};

/// A literal name, which the macro has checked, with the type that was found for it.
#[must_use]
pub fn literal<T: ?Sized>(_probe: Probe<T>, name: &'static str) -> Topic<T> {
    Topic::unchecked(name)
}

/// A topic named by a path.
#[must_use]
pub fn exact<T: ?Sized>(topic: Topic<T>) -> Topic<T> {
    topic
}

/// Runs a blocking handler on the pool for blocking calls, inside the bus and the span of here; its panic goes on here.
///
/// # Panics
///
/// Panics if `call` does, or if the runtime shuts down before it is begun.
pub async fn blocking<R: Send + 'static>(call: impl FnOnce() -> R + Send + 'static) -> R {
    let (scope, span) = (scope::own(), tracing::Span::current());
    let called = tokio::task::spawn_blocking(move || {
        // What it logs stands in the span of whoever awaits it.
        span.in_scope(|| match scope {
            Some(scope) => scope.call(call),
            None => call(),
        })
    });
    match called.await {
        Ok(output) => output,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(error) => panic!("the runtime has shut down: {error}"),
        },
    }
}

/// Makes a parameter by its factory.
///
/// # Errors
///
/// The factory's error.
pub async fn by_factory<P: Send + 'static, F: Factory<P, M>, M>(
    factory: F,
    at: &Site,
    parameter: &'static str,
) -> Result<P, InjectError> {
    let scope = scope::innermost();
    factory::make(container(scope.as_ref()), &factory, Asked { at, parameter }).await
}

/// As [`by_factory`], where the type is not written but found.
///
/// # Errors
///
/// The factory's error.
pub async fn by_factory_of<P: Send + 'static, F: Factory<P, M>, M>(
    _probe: Probe<P>,
    factory: F,
    at: &Site,
    parameter: &'static str,
) -> Result<P, InjectError> {
    by_factory(factory, at, parameter).await
}

/// Makes a parameter by its factory, once per bus.
///
/// # Errors
///
/// The factory's error.
pub async fn by_factory_once<P: Send + Sync + 'static, F: Factory<P, M>, M>(
    factory: F,
    at: &Site,
    parameter: &'static str,
) -> Result<Arc<P>, InjectError> {
    let scope = scope::innermost();
    factory::make_once(container(scope.as_ref()), &factory, Asked { at, parameter }).await
}

/// As [`by_factory_once`], where the type is not written but found.
///
/// # Errors
///
/// The factory's error.
pub async fn by_factory_once_of<P: Send + Sync + 'static, F: Factory<P, M>, M>(
    _probe: Probe<P>,
    factory: F,
    at: &Site,
    parameter: &'static str,
) -> Result<Arc<P>, InjectError> {
    by_factory_once(factory, at, parameter).await
}

/// Makes a parameter of a plain function by its factory.
///
/// # Errors
///
/// The factory's error.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a factory is named, as a plain function"
)]
pub fn by_factory_now<P: 'static, F: PlainFactory<P, M>, M>(
    factory: F,
    at: &Site,
    parameter: &'static str,
) -> Result<P, InjectError> {
    let scope = scope::innermost();
    factory::make_now(container(scope.as_ref()), &factory, Asked { at, parameter })
}

/// As [`by_factory_now`], where the type is not written but found.
///
/// # Errors
///
/// The factory's error.
pub fn by_factory_now_of<P: 'static, F: PlainFactory<P, M>, M>(
    _probe: Probe<P>,
    factory: F,
    at: &Site,
    parameter: &'static str,
) -> Result<P, InjectError> {
    by_factory_now(factory, at, parameter)
}

/// Makes a parameter of a plain function by its factory, once per bus.
///
/// # Errors
///
/// The factory's error.
#[expect(
    clippy::needless_pass_by_value,
    reason = "a factory is named, as a plain function"
)]
pub fn by_factory_once_now<P: Send + Sync + 'static, F: PlainFactory<P, M>, M>(
    factory: F,
    at: &Site,
    parameter: &'static str,
) -> Result<Arc<P>, InjectError> {
    let scope = scope::innermost();
    factory::make_once_now(container(scope.as_ref()), &factory, Asked { at, parameter })
}

/// As [`by_factory_once_now`], where the type is not written but found.
///
/// # Errors
///
/// The factory's error.
pub fn by_factory_once_now_of<P: Send + Sync + 'static, F: PlainFactory<P, M>, M>(
    _probe: Probe<P>,
    factory: F,
    at: &Site,
    parameter: &'static str,
) -> Result<Arc<P>, InjectError> {
    by_factory_once_now(factory, at, parameter)
}

/// An owned parameter from what a factory made once.
#[must_use]
pub fn unshare<P: Injected>(shared: &Arc<P>) -> P {
    P::clone(shared)
}

/// The need of a parameter that a factory makes.
#[must_use]
pub fn factory_dependency<F: 'static>(factory: &F, parameter: &'static str) -> Dependency {
    Dependency::new(parameter, Need::Factory(FunctionId::of(factory)))
}

/// The identity of a function.
#[must_use]
pub fn function_id<F: 'static>(function: &F) -> FunctionId {
    FunctionId::of(function)
}

impl<P> Ask<P> {
    /// The value of the parameter.
    ///
    /// # Errors
    ///
    /// If the bus has none, or there is no bus.
    pub fn get(&self, at: &Site, parameter: &'static str) -> Result<P, InjectError> {
        let scope = scope::innermost();
        let container = container(scope.as_ref());
        (self.look_up)(container).ok_or_else(|| match (container, self.need) {
            (Some(_), Need::Type(kind) | Need::OptionalType(kind)) => InjectError::Missing {
                type_name: kind.name,
                parameter,
                site: *at,
            },
            _ => InjectError::NoBus {
                parameter,
                site: *at,
            },
        })
    }
}

fn container(scope: Option<&Scope>) -> Option<&Container> {
    scope.map(|scope| &scope.running.container)
}
