//! Finds the type that travels from the type that is written, through aliases.
//!
//! A method of the type itself goes before a method of a trait. So `Probe::<P>::NEW.peel_arc()` calls the
//! method written here for `Probe<Arc<T>>` where `P` is an `Arc<T>`, under whatever name, and the one of the trait
//! [`Peel`] for all others.

use std::{
    fmt,
    marker::PhantomData,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{error::InjectError, signal::Signal};

/// Stands for a type, as a value to call methods on.
pub struct Probe<P: ?Sized>(PhantomData<fn() -> Box<P>>);

impl<P: ?Sized> Probe<P> {
    /// The value for the type `P`.
    pub const NEW: Self = Self(PhantomData);
}

impl<P: ?Sized> Clone for Probe<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: ?Sized> Copy for Probe<P> {}

impl<P: ?Sized> fmt::Debug for Probe<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Probe<{}>", std::any::type_name::<P>())
    }
}

impl<T: ?Sized> Probe<Arc<T>> {
    /// What a parameter takes from the signal.
    #[must_use]
    pub const fn peel_param(self) -> Probe<T> {
        Probe::NEW
    }

    /// What an `Arc` shares.
    #[must_use]
    pub const fn peel_arc(self) -> Probe<T> {
        Probe::NEW
    }
}

impl<T: ?Sized> Probe<Signal<T>> {
    /// What a parameter takes from the signal.
    #[must_use]
    pub const fn peel_param(self) -> Probe<T> {
        Probe::NEW
    }
}

impl Probe<str> {
    /// What a parameter takes from the signal.
    #[must_use]
    pub const fn peel_param(self) -> Probe<String> {
        Probe::NEW
    }

    /// The type that owns what is borrowed.
    #[must_use]
    pub const fn owned(self) -> Probe<String> {
        Probe::NEW
    }
}

impl Probe<Path> {
    /// What a parameter takes from the signal.
    #[must_use]
    pub const fn peel_param(self) -> Probe<PathBuf> {
        Probe::NEW
    }

    /// The type that owns what is borrowed.
    #[must_use]
    pub const fn owned(self) -> Probe<PathBuf> {
        Probe::NEW
    }
}

impl<U> Probe<Vec<U>> {
    /// What one signal of a batch is taken as.
    #[must_use]
    pub const fn peel_batch(self) -> Probe<U> {
        Probe::NEW
    }
}

impl<U> Probe<[U]> {
    /// What one signal of a batch is taken as.
    #[must_use]
    pub const fn peel_batch(self) -> Probe<U> {
        Probe::NEW
    }

    /// What a parameter takes from the signal.
    #[must_use]
    pub const fn peel_param(self) -> Probe<Vec<U>> {
        Probe::NEW
    }

    /// The type that owns what is borrowed.
    #[must_use]
    pub const fn owned(self) -> Probe<Vec<U>> {
        Probe::NEW
    }
}

impl<R, E> Probe<Result<R, E>> {
    /// What is returned when all goes well.
    #[must_use]
    pub const fn peel_result(self) -> Probe<R> {
        Probe::NEW
    }
}

impl<R, E: From<InjectError>> Probe<Result<R, E>> {
    /// Returns the error as the function's own.
    ///
    /// # Errors
    ///
    /// Always: that is what it is for.
    pub fn inject_error(self, error: InjectError) -> Result<R, E> {
        Err(error.into())
    }
}

impl<R> Probe<Option<R>> {
    /// What is returned when there is something.
    #[must_use]
    pub const fn peel_option(self) -> Probe<R> {
        Probe::NEW
    }
}

/// The same methods for every other type, which is its own inside.
pub trait Peel<P: ?Sized>: Sized {
    /// What a parameter takes from the signal.
    fn peel_param(self) -> Probe<P> {
        Probe::NEW
    }

    /// What one signal of a batch is taken as.
    fn peel_batch(self) -> Probe<P> {
        Probe::NEW
    }

    /// The type that owns what is borrowed.
    fn owned(self) -> Probe<P> {
        Probe::NEW
    }

    /// What is returned when all goes well.
    fn peel_result(self) -> Probe<P> {
        Probe::NEW
    }

    /// What is returned when there is something.
    fn peel_option(self) -> Probe<P> {
        Probe::NEW
    }

    /// What an `Arc` shares.
    fn peel_arc(self) -> Probe<P> {
        Probe::NEW
    }
}

impl<P: ?Sized> Peel<P> for Probe<P> {}

/// What a function does whose parameter cannot be injected, if its return type has no place for the error.
pub trait InjectFallback<R>: Sized {
    /// Panics.
    ///
    /// # Panics
    ///
    /// Always, with the error's advice.
    fn inject_error(self, error: InjectError) -> R {
        panic!("{error}")
    }
}

impl<R> InjectFallback<R> for Probe<R> {}
