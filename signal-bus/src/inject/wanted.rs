//! Parameters that are injected by type, in the forms in which they may be written.
//!
//! `Wanted::<P>::NEW.peel_option().form()` finds out how to ask for a `P`, by the same preference of inherent methods
//! as in [`probe`](crate::forms::probe). A reference names its form itself: [`shared`], [`shared_optional`].
//!
//! That a value can be injected at all is checked where the form is found, and nowhere else. Generated code does so
//! twice, for the check at start and for the call; but the same words about the same place are printed once.

use std::{fmt, marker::PhantomData, sync::Arc};

use crate::{
    inject::{Dependency, Need, Providable, container::Container},
    signal::Kind,
};

/// Stands for the type of a parameter.
pub struct Wanted<P>(PhantomData<fn() -> P>);
/// Stands for the type of a parameter that must be there.
pub struct Required<P>(PhantomData<fn() -> P>);
/// Stands for what is inside the `Option` of a parameter that may be missing.
pub struct Maybe<P>(PhantomData<fn() -> P>);

/// How to ask a bus for a `P`.
pub struct Ask<P> {
    pub(crate) need: Need,
    /// The value, if the bus has it, or can do without.
    pub(crate) look_up: fn(Option<&Container>) -> Option<P>,
}

impl<P> Ask<P> {
    /// The need of the parameter, for the check at start.
    #[must_use]
    pub fn dependency(&self, parameter: &'static str, _line: u32) -> Dependency {
        Dependency::new(parameter, self.need)
    }
}

impl<P> Wanted<P> {
    /// The value for the type `P`.
    pub const NEW: Self = Self(PhantomData);
}

impl<P> Wanted<Option<P>> {
    /// An `Option` may be missing.
    #[must_use]
    pub const fn peel_option(self) -> Maybe<P> {
        Maybe(PhantomData)
    }
}

/// Every other parameter must be there.
pub trait PeelOption<P>: Sized {
    /// The same type, as required.
    fn peel_option(self) -> Required<P> {
        Required(PhantomData)
    }
}

impl<P> PeelOption<P> for Wanted<P> {}

/// The form `&T`, and `Arc<T>`.
#[must_use]
pub fn shared<T: ?Sized + Providable>() -> Ask<Arc<T>> {
    Ask {
        need: Need::Type(Kind::of::<T>()),
        look_up: |container| container?.get(),
    }
}

/// The form `Option<&T>`, and `Option<Arc<T>>`.
#[must_use]
pub fn shared_optional<T: ?Sized + Providable>() -> Ask<Option<Arc<T>>> {
    Ask {
        need: Need::OptionalType(Kind::of::<T>()),
        look_up: |container| Some(container.and_then(Container::get)),
    }
}

impl<T: ?Sized> Required<Arc<T>> {
    /// Shares the value.
    #[must_use]
    pub fn form(self) -> Ask<Arc<T>>
    where
        T: Providable,
    {
        shared()
    }
}

impl<T: ?Sized> Maybe<Arc<T>> {
    /// Shares the value.
    #[must_use]
    pub fn form(self) -> Ask<Option<Arc<T>>>
    where
        T: Providable,
    {
        shared_optional()
    }
}

/// Every other parameter gets a clone.
pub trait Form: Sized {
    /// What is cloned.
    type Value;
    /// The parameter's type.
    type Parameter;
    /// Clones the value.
    fn form(self) -> Ask<Self::Parameter>
    where
        Self::Value: Injected;
}

impl<T> Form for Required<T> {
    type Value = T;
    type Parameter = T;
    fn form(self) -> Ask<T>
    where
        T: Injected,
    {
        Ask {
            need: Need::Type(Kind::of::<T>()),
            look_up: |container| container?.get().map(Arc::unwrap_or_clone),
        }
    }
}

impl<T> Form for Maybe<T> {
    type Value = T;
    type Parameter = Option<T>;
    fn form(self) -> Ask<Option<T>>
    where
        T: Injected,
    {
        Ask {
            need: Need::OptionalType(Kind::of::<T>()),
            look_up: |container| Some(container.and_then(Container::get).map(Arc::unwrap_or_clone)),
        }
    }
}

/// A value that a parameter owns after injection by type: it is cloned out of the bus.
#[diagnostic::on_unimplemented(
    message = "an injected parameter cannot have the type `{Self}`",
    label = "owned, but not `Clone`",
    note = "accepted forms: `&{Self}`, `Arc<{Self}>`, `{Self}` if it is `Clone + Send + Sync`, and `Option<_>` of these"
)]
pub trait Injected: Clone + Providable {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Providable> Injected for T {}

macro_rules! forms {
    ($($form:ident),*) => { $(
        impl<P> fmt::Debug for $form<P> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($form))
            }
        }
    )* };
}
forms!(Wanted, Required, Maybe, Ask);
