//! Providers: functions that make a value of the bus, once per start.

use std::{any::type_name, fmt, marker::PhantomData, pin::Pin, sync::Arc};

use crate::{
    error::InjectError,
    forms::probe::Probe,
    inject::Providable,
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
    label = "its error does not convert into `anyhow::Error`",
    note = "any `std::error::Error + Send + Sync + 'static` does; for a text, use `anyhow::bail!`"
)]
pub trait Provide<T: ?Sized, M> {
    #[doc(hidden)]
    fn share(self) -> anyhow::Result<Arc<T>>;
}

#[diagnostic::do_not_recommend]
impl<T> Provide<T, Owned> for T {
    fn share(self) -> anyhow::Result<Arc<T>> {
        Ok(Arc::new(self))
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Provide<T, Shared> for Arc<T> {
    fn share(self) -> anyhow::Result<Self> {
        Ok(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized, R: Provide<T, M>, E: Into<anyhow::Error>, M> Provide<T, Attempt<M>>
    for Result<R, E>
{
    fn share(self) -> anyhow::Result<Arc<T>> {
        self.map_err(Into::into)?.share()
    }
}

/// Makes a value of the bus from what a provider returned.
///
/// # Errors
///
/// The provider's own error.
pub fn build<T: ?Sized + Providable, R: Provide<T, M>, M>(
    _provided: Provided<T>,
    returned: R,
) -> Result<Value, InjectError> {
    returned
        .share()
        .map(Value::new)
        .map_err(InjectError::Provider)
}
