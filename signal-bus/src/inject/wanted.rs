//! Parameters that are injected by type, in the forms in which they may be written.
//!
//! `Wanted::<P>::NEW.peel_option().form()` ends in one of four forms, by the same preference of inherent methods
//! as in [`probe`](crate::forms::probe).

use std::{fmt, marker::PhantomData, sync::Arc};

use crate::{
    inject::{Dependency, Need, container::Container},
    signal::Kind,
};

/// Stands for the type of a parameter.
pub struct Wanted<P>(PhantomData<fn() -> P>);
/// Stands for the type of a parameter that must be there.
pub struct Required<P>(PhantomData<fn() -> P>);
/// Stands for what is inside the `Option` of a parameter that may be missing.
pub struct Maybe<P>(PhantomData<fn() -> P>);
/// The form `Arc<T>`.
pub struct RequiredArc<T: ?Sized>(PhantomData<fn() -> Box<T>>);
/// The form `T`, cloned.
pub struct RequiredClone<T>(PhantomData<fn() -> T>);
/// The form `Option<Arc<T>>`.
pub struct MaybeArc<T: ?Sized>(PhantomData<fn() -> Box<T>>);
/// The form `Option<T>`, cloned.
pub struct MaybeClone<T>(PhantomData<fn() -> T>);

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

impl<T: ?Sized> Required<Arc<T>> {
    /// Shares the value.
    #[must_use]
    pub const fn form(self) -> RequiredArc<T> {
        RequiredArc(PhantomData)
    }
}

impl<T: ?Sized> Maybe<Arc<T>> {
    /// Shares the value.
    #[must_use]
    pub const fn form(self) -> MaybeArc<T> {
        MaybeArc(PhantomData)
    }
}

/// Every other parameter gets a clone.
pub trait Form: Sized {
    /// What it is cloned as.
    type Cloned;
    /// Clones the value.
    fn form(self) -> Self::Cloned;
}

impl<T> Form for Required<T> {
    type Cloned = RequiredClone<T>;
    fn form(self) -> RequiredClone<T> {
        RequiredClone(PhantomData)
    }
}

impl<T> Form for Maybe<T> {
    type Cloned = MaybeClone<T>;
    fn form(self) -> MaybeClone<T> {
        MaybeClone(PhantomData)
    }
}

/// A value that a parameter owns after injection by type: it is cloned out of the bus.
#[diagnostic::on_unimplemented(
    message = "an injected parameter cannot have the type `{Self}`",
    label = "owned, but not `Clone`",
    note = "accepted forms: `&{Self}`, `Arc<{Self}>`, `{Self}` if it is `Clone + Send + Sync`, and `Option<_>` of these"
)]
pub trait Injected: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> Injected for T {}

/// A form that can be looked up.
pub trait Lookup {
    /// The parameter's type.
    type Output;
    /// The need, for the check at start.
    fn need() -> Need;
    /// The value, if the bus has it, or can do without.
    fn look_up(container: Option<&Container>) -> Option<Self::Output>;
}

impl<T: ?Sized + Send + Sync + 'static> Lookup for RequiredArc<T> {
    type Output = Arc<T>;
    fn need() -> Need {
        Need::Type(Kind::of::<T>())
    }
    fn look_up(container: Option<&Container>) -> Option<Arc<T>> {
        container?.get()
    }
}

impl<T: Injected> Lookup for RequiredClone<T> {
    type Output = T;
    fn need() -> Need {
        Need::Type(Kind::of::<T>())
    }
    fn look_up(container: Option<&Container>) -> Option<T> {
        container?.get::<T>().map(Arc::unwrap_or_clone)
    }
}

impl<T: ?Sized + Send + Sync + 'static> Lookup for MaybeArc<T> {
    type Output = Option<Arc<T>>;
    fn need() -> Need {
        Need::OptionalType(Kind::of::<T>())
    }
    fn look_up(container: Option<&Container>) -> Option<Option<Arc<T>>> {
        Some(container.and_then(Container::get))
    }
}

impl<T: Injected> Lookup for MaybeClone<T> {
    type Output = Option<T>;
    fn need() -> Need {
        Need::OptionalType(Kind::of::<T>())
    }
    fn look_up(container: Option<&Container>) -> Option<Option<T>> {
        Some(
            container
                .and_then(Container::get::<T>)
                .map(Arc::unwrap_or_clone),
        )
    }
}

macro_rules! forms {
    ($($form:ident: $($bound:ident)?),*) => { $(
        impl<T $(: $bound)?> fmt::Debug for $form<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($form))
            }
        }
    )* };
}
forms!(Wanted:, Required:, Maybe:, RequiredArc:, RequiredClone:, MaybeArc:, MaybeClone:);

/// The dependency of a parameter, for the check at start.
pub(crate) fn dependency<L: Lookup>(parameter: &'static str) -> Dependency {
    Dependency::new(parameter, L::need())
}
