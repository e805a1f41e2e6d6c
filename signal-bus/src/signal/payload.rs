//! What can travel on a bus.

use std::{
    any::{Any, TypeId, type_name},
    sync::Arc,
};

use crate::signal::{
    AnyValue,
    values::{Place, Values},
};

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
    /// Values of this type that lie in place.
    #[doc(hidden)]
    type Row: ?Sized + Sync + 'static;
    /// Whether there are rows: they are of one type.
    #[doc(hidden)]
    const ROWS: bool;
    /// No values.
    #[doc(hidden)]
    const NONE: &'static Self::Row;
    /// The values, if they lie in place and are of this type.
    #[doc(hidden)]
    fn row(values: &Values) -> Option<&Self::Row>;
    /// One of them.
    #[doc(hidden)]
    fn nth(row: &Self::Row, at: usize) -> Option<&Self>;
    /// Finds a value of this type at its place.
    #[doc(hidden)]
    fn find(place: Place<'_>) -> Option<&Self>;
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

    type Row = [Self];
    const ROWS: bool = true;
    const NONE: &'static [Self] = &[];

    fn row(values: &Values) -> Option<&[Self]> {
        values.row()
    }

    #[inline]
    fn nth(row: &[Self], at: usize) -> Option<&Self> {
        row.get(at)
    }

    #[inline]
    fn find(place: Place<'_>) -> Option<&Self> {
        match place {
            Place::Alone(value) => value.downcast_ref(),
            Place::Among(values, at) => values.typed(at),
        }
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

    type Row = ();
    const ROWS: bool = false;
    const NONE: &'static () = &();

    fn row(_: &Values) -> Option<&()> {
        None
    }

    fn nth((): &(), _: usize) -> Option<&Self> {
        None
    }

    fn find(place: Place<'_>) -> Option<&Self> {
        match place {
            Place::Alone(value) => Some(value),
            Place::Among(values, at) => values.value(at),
        }
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
