//! Factories: functions that make a parameter, per call or once per bus.

use std::{any::type_name, sync::Arc};

use crate::{
    error::InjectError,
    inject::{FunctionId, container::Container},
    signal::AnyValue,
    site::Site,
};

/// Marks a factory that returns the value.
#[derive(Debug)]
pub struct Plain;
/// Marks a factory that returns a `Result` of the value.
#[derive(Debug)]
pub struct Fallible;
/// Marks a factory that is an `async fn`.
#[derive(Debug)]
pub struct Async;
/// Marks a factory that is an `async fn` and returns a `Result`.
#[derive(Debug)]
pub struct AsyncFallible;

/// A function that makes a `P`: sync or async, fallible or not.
#[diagnostic::on_unimplemented(
    message = "this factory does not make a `{P}`",
    label = "expected `fn() -> {P}`, `async fn() -> {P}`, or either one returning `Result<{P}, E>`",
    note = "a factory takes no arguments; arguments of its own come from `#[inject]` on it",
    note = "`E` must convert into `anyhow::Error`, and the future of an `async fn` must be `Send`"
)]
pub trait Factory<P, M>: Send + Sync + 'static {
    #[doc(hidden)]
    fn make(&self) -> impl Future<Output = anyhow::Result<P>> + Send;
}

/// A plain function that makes a `P`, for injection into a plain function.
#[diagnostic::on_unimplemented(
    message = "this factory does not make a `{P}`",
    label = "expected `fn() -> {P}` or `fn() -> Result<{P}, E>`",
    note = "a plain `fn` cannot await, so its factories are plain functions without arguments"
)]
pub trait PlainFactory<P, M>: 'static {
    #[doc(hidden)]
    fn make_now(&self) -> anyhow::Result<P>;
}

impl<P, F: Fn() -> P + 'static> PlainFactory<P, Plain> for F {
    fn make_now(&self) -> anyhow::Result<P> {
        Ok(self())
    }
}

#[diagnostic::do_not_recommend]
impl<P, E: Into<anyhow::Error>, F: Fn() -> Result<P, E> + 'static> PlainFactory<P, Fallible> for F {
    fn make_now(&self) -> anyhow::Result<P> {
        self().map_err(Into::into)
    }
}

impl<P: Send, F: Fn() -> P + Send + Sync + 'static> Factory<P, Plain> for F {
    fn make(&self) -> impl Future<Output = anyhow::Result<P>> + Send {
        std::future::ready(Ok(self()))
    }
}

#[diagnostic::do_not_recommend]
impl<P, E, F> Factory<P, Fallible> for F
where
    P: Send,
    E: Into<anyhow::Error>,
    F: Fn() -> Result<P, E> + Send + Sync + 'static,
{
    fn make(&self) -> impl Future<Output = anyhow::Result<P>> + Send {
        std::future::ready(self().map_err(Into::into))
    }
}

#[diagnostic::do_not_recommend]
impl<P, F, R> Factory<P, Async> for F
where
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = P> + Send,
{
    fn make(&self) -> impl Future<Output = anyhow::Result<P>> + Send {
        let making = self();
        async move { Ok(making.await) }
    }
}

#[diagnostic::do_not_recommend]
impl<P, E, F, R> Factory<P, AsyncFallible> for F
where
    E: Into<anyhow::Error>,
    F: Fn() -> R + Send + Sync + 'static,
    R: Future<Output = Result<P, E>> + Send,
{
    fn make(&self) -> impl Future<Output = anyhow::Result<P>> + Send {
        let making = self();
        async move { making.await.map_err(Into::into) }
    }
}

/// What stands in for a factory that makes a `P`.
pub(crate) type Replacement<P> = Box<dyn Fn() -> P + Send + Sync>;

/// One injected parameter: which factory makes it, for whom.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) at: &'a Site,
    pub(crate) parameter: &'static str,
}

impl Asked<'_> {
    fn failed<F>(&self, source: anyhow::Error) -> InjectError {
        InjectError::Factory {
            factory: type_name::<F>(),
            parameter: self.parameter,
            site: *self.at,
            source,
        }
    }
}

/// What the replacement of a factory returns, if there is one.
fn replaced<P: 'static, F: 'static>(
    container: Option<&Container>,
    factory: &F,
    asked: Asked<'_>,
) -> Result<Option<P>, InjectError> {
    let Some(container) = container else {
        return Ok(None);
    };
    let function = FunctionId::of(factory);
    if let Some(replacement) = container.replacement::<Replacement<P>>(function) {
        return Ok(Some(replacement()));
    }
    if container.is_replaced(function) {
        let wanted = type_name::<P>();
        return Err(asked.failed::<F>(anyhow::anyhow!(
            "its replacement does not return `{wanted}`: `.replace` takes a function that returns what is injected"
        )));
    }
    Ok(None)
}

/// Makes a value by its factory, or by what replaced it.
pub(crate) async fn make<P: Send + 'static, F: Factory<P, M>, M>(
    container: Option<&Container>,
    factory: &F,
    asked: Asked<'_>,
) -> Result<P, InjectError> {
    match replaced(container, factory, asked)? {
        Some(value) => Ok(value),
        None => factory
            .make()
            .await
            .map_err(|error| asked.failed::<F>(error)),
    }
}

/// As [`make`], for plain functions.
pub(crate) fn make_now<P: 'static, F: PlainFactory<P, M>, M>(
    container: Option<&Container>,
    factory: &F,
    asked: Asked<'_>,
) -> Result<P, InjectError> {
    match replaced(container, factory, asked)? {
        Some(value) => Ok(value),
        None => factory.make_now().map_err(|error| asked.failed::<F>(error)),
    }
}

/// Makes a value the first time; outside a bus there is no first time, so each call makes its own.
///
/// If the making fails or is cancelled, the next who asks tries again.
pub(crate) async fn make_once<P: Send + Sync + 'static, F: Factory<P, M>, M>(
    container: Option<&Container>,
    factory: &F,
    asked: Asked<'_>,
) -> Result<Arc<P>, InjectError> {
    let Some(home) = container else {
        return make(None, factory, asked).await.map(Arc::new);
    };
    let cell = home.once::<P>(FunctionId::of(factory));
    let made = cell
        .get_or_try_init(|| async {
            let value = make(container, factory, asked).await?;
            Ok::<Arc<AnyValue>, InjectError>(Arc::new(value))
        })
        .await?;
    Ok(typed(made))
}

/// As [`make_once`], for plain functions; two that ask at once may both make, and one value is kept.
pub(crate) fn make_once_now<P: Send + Sync + 'static, F: PlainFactory<P, M>, M>(
    container: Option<&Container>,
    factory: &F,
    asked: Asked<'_>,
) -> Result<Arc<P>, InjectError> {
    let Some(home) = container else {
        return make_now(None, factory, asked).map(Arc::new);
    };
    let cell = home.once::<P>(FunctionId::of(factory));
    if let Some(made) = cell.get() {
        return Ok(typed(made));
    }
    let value: Arc<P> = Arc::new(make_now(container, factory, asked)?);
    match cell.set(Arc::clone(&value) as Arc<AnyValue>) {
        Ok(()) => Ok(value),
        Err(_) => Ok(cell.get().map_or(value, typed)),
    }
}

fn typed<P: Send + Sync + 'static>(made: &Arc<AnyValue>) -> Arc<P> {
    Arc::clone(made)
        .downcast()
        .expect("the cell's key holds the type")
}
