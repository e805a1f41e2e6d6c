//! Providers: functions that make a value of the bus, once per start.

use std::{any::type_name, fmt, marker::PhantomData, pin::Pin, sync::Arc};

use crate::{
    error::InjectError,
    forms::probe::Probe,
    signal::{AnyValue, Kind},
};

/// A value of a bus: an `Arc<T>` whose `T` may be a trait object, with the type forgotten.
#[derive(Clone)]
pub struct Value {
    kind: Kind,
    shared: Arc<AnyValue>,
}

struct Holder<T: ?Sized>(Arc<T>);

impl Value {
    pub(crate) fn new<T: ?Sized + Send + Sync + 'static>(value: Arc<T>) -> Self {
        Self {
            kind: Kind::of::<T>(),
            shared: Arc::new(Holder(value)),
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let holder = self.shared.downcast_ref::<Holder<T>>()?;
        Some(Arc::clone(&holder.0))
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({})", self.kind.name)
    }
}

/// What a provider is awaited as.
pub type ProviderFuture = Pin<Box<dyn Future<Output = Result<Value, InjectError>> + Send>>;

/// Erases the future of a provider.
pub fn provide<F>(future: F) -> ProviderFuture
where
    F: Future<Output = Result<Value, InjectError>> + Send + 'static,
{
    Box::pin(future)
}

/// Stands for the type `T` that a provider makes.
pub struct Provided<T: ?Sized>(PhantomData<fn() -> Box<T>>);

impl<T: ?Sized + 'static> Provided<T> {
    pub(crate) fn kind() -> Kind {
        Kind::of::<T>()
    }
}

impl<T: ?Sized> fmt::Debug for Provided<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provided<{}>", type_name::<T>())
    }
}

impl<T: ?Sized> Probe<Arc<T>> {
    /// An `Arc<T>` provides a `T`.
    #[must_use]
    pub const fn provided(self) -> Provided<T> {
        Provided(PhantomData)
    }
}

/// Every other type provides itself.
pub trait Provides<T>: Sized {
    /// The type that is provided.
    fn provided(self) -> Provided<T> {
        Provided(PhantomData)
    }
}

impl<T> Provides<T> for Probe<T> {}

/// Marks a provider that returns `T`.
#[derive(Debug)]
pub struct Owned;
/// Marks a provider that returns `Arc<T>`.
#[derive(Debug)]
pub struct Shared;
/// Marks a provider that returns a `Result`.
#[derive(Debug)]
pub struct Attempt<M>(M);

/// What a provider may return.
#[diagnostic::on_unimplemented(
    message = "a provider cannot return `{Self}`",
    label = "expected a `Send + Sync` type `T`, an `Arc<T>` (also of a `dyn Trait`), or a `Result` of these",
    note = "what is provided must be `Send + Sync + 'static`; an error must convert into `anyhow::Error`"
)]
pub trait Provide<T: ?Sized, M> {
    #[doc(hidden)]
    fn value(self) -> anyhow::Result<Value>;
}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> Provide<T, Owned> for T {
    fn value(self) -> anyhow::Result<Value> {
        Ok(Value::new(Arc::new(self)))
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized + Send + Sync + 'static> Provide<T, Shared> for Arc<T> {
    fn value(self) -> anyhow::Result<Value> {
        Ok(Value::new(self))
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized, R: Provide<T, M>, E: Into<anyhow::Error>, M> Provide<T, Attempt<M>>
    for Result<R, E>
{
    fn value(self) -> anyhow::Result<Value> {
        self.map_err(Into::into)?.value()
    }
}

/// Makes a value of the bus from what a provider returned.
///
/// # Errors
///
/// The provider's own error.
pub fn build<T: ?Sized, R: Provide<T, M>, M>(
    _provided: Provided<T>,
    returned: R,
) -> Result<Value, InjectError> {
    returned.value().map_err(InjectError::Provider)
}
