//! A published value on its way: the signal and its label.

use std::{
    any::{Any, TypeId, type_name},
    fmt,
    num::NonZeroU64,
    ops::Deref,
    sync::Arc,
};

/// The value of a signal whose type is not known.
pub type AnyValue = dyn Any + Send + Sync;

/// A published value with its label; derefs to the value.
///
/// A subscriber that takes `Signal<Order>` learns topic and id with the order; one that takes `Signal`
/// hears signals of any type and asks with [`downcast_ref`](Signal::downcast_ref). Cloning it clones no value.
///
/// ```standalone_crate
/// use signal_bus::{Signal, subscriber};
///
/// #[subscriber("orders.>")]
/// async fn audit(signal: Signal) {
///     match signal.downcast_ref::<String>() {
///         Some(text) => println!("{} said {text}", signal.topic()),
///         None => println!("{} carried a {}", signal.topic(), signal.type_name()),
///     }
/// }
/// ```
pub struct Signal<T: ?Sized = AnyValue> {
    value: Arc<T>,
    label: Label,
}

/// What a signal is labelled with.
#[derive(Clone)]
pub(crate) struct Label {
    pub(crate) topic: Arc<str>,
    pub(crate) id: SignalId,
    pub(crate) parent: Option<SignalId>,
    pub(crate) type_name: &'static str,
}

/// Identifies a signal in its bus; of two signals of one topic, the later has the greater.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SignalId(NonZeroU64);

impl SignalId {
    /// The id before any signal was admitted; replaced on admission.
    pub(crate) const UNSET: Self = Self(NonZeroU64::MIN);

    /// The id that follows.
    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl fmt::Display for SignalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl fmt::Debug for SignalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<T: ?Sized> Signal<T> {
    pub(crate) fn new(value: Arc<T>, label: Label) -> Self {
        Self { value, label }
    }

    /// The topic it was published on.
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.label.topic
    }

    /// Its id: unique in the bus, ordered within the topic.
    #[must_use]
    pub fn id(&self) -> SignalId {
        self.label.id
    }

    /// The signal whose handler published this one, if a handler did.
    #[must_use]
    pub fn parent_id(&self) -> Option<SignalId> {
        self.label.parent
    }

    /// The name of the value's type, as [`std::any::type_name`] gives it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.label.type_name
    }

    /// The value, shared.
    #[must_use]
    pub fn into_arc(self) -> Arc<T> {
        self.value
    }

    pub(crate) fn as_arc(&self) -> &Arc<T> {
        &self.value
    }

    pub(crate) fn label(&self) -> &Label {
        &self.label
    }

    pub(crate) fn label_mut(&mut self) -> &mut Label {
        &mut self.label
    }

    pub(crate) fn into_parts(self) -> (Arc<T>, Label) {
        (self.value, self.label)
    }
}

impl Signal {
    /// The value, if it is a `T`.
    #[must_use]
    pub fn downcast_ref<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.value.downcast_ref()
    }

    /// The signal with its type, if its value is a `T`.
    ///
    /// # Errors
    ///
    /// Gives the signal back if its value is of another type.
    pub fn downcast<T: Any + Send + Sync>(self) -> Result<Signal<T>, Self> {
        let Self { value, label } = self;
        match value.downcast() {
            Ok(value) => Ok(Signal { value, label }),
            Err(value) => Err(Self { value, label }),
        }
    }
}

impl<T: ?Sized> Deref for Signal<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: ?Sized> Clone for Signal<T> {
    fn clone(&self) -> Self {
        Self {
            value: Arc::clone(&self.value),
            label: self.label.clone(),
        }
    }
}

impl<T: ?Sized> fmt::Debug for Signal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Label {
            topic,
            id,
            type_name,
            ..
        } = &self.label;
        write!(f, "Signal<{type_name}>({topic} {id})")
    }
}

/// A type that can travel on a bus: any that is `Send + Sync + 'static`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot travel on a signal bus: a signal must be `Send + Sync + 'static`",
    label = "cannot be shared between the tasks of its subscribers"
)]
pub trait Payload: Send + Sync + 'static {
    /// Its type, or `None` for the value of any type.
    #[doc(hidden)]
    fn kind() -> Option<Kind>;
    /// Forgets the type.
    #[doc(hidden)]
    fn erase(value: Arc<Self>) -> Arc<AnyValue>;
    /// Finds the type again, if it is this one.
    #[doc(hidden)]
    fn restore(value: Arc<AnyValue>) -> Option<Arc<Self>>;
}

#[diagnostic::do_not_recommend]
impl<T: Any + Send + Sync> Payload for T {
    fn kind() -> Option<Kind> {
        Some(Kind::of::<T>())
    }

    fn erase(value: Arc<Self>) -> Arc<AnyValue> {
        value
    }

    fn restore(value: Arc<AnyValue>) -> Option<Arc<Self>> {
        value.downcast().ok()
    }
}

#[diagnostic::do_not_recommend]
impl Payload for AnyValue {
    fn kind() -> Option<Kind> {
        None
    }

    fn erase(value: Arc<Self>) -> Arc<AnyValue> {
        value
    }

    fn restore(value: Arc<AnyValue>) -> Option<Arc<Self>> {
        Some(value)
    }
}

/// A type's identity and its name for messages.
#[derive(Clone, Copy, Debug)]
#[doc(hidden)]
pub struct Kind {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
}

impl Kind {
    pub(crate) fn of<T: ?Sized + 'static>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
        }
    }
}

impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Kind {}
