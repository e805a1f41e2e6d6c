//! Names of topics, with and without the type they carry.

pub(crate) mod name;
pub(crate) mod pattern;

use std::{fmt, marker::PhantomData};

use crate::error::InvalidTopic;

/// A topic's name together with the type its signals have.
///
/// Publishers and subscribers that name the same `Topic<T>` cannot disagree on the type: that does not
/// compile. It is `Copy`, so it is passed by value.
///
/// ```standalone_crate
/// use signal_bus::{Topic, publisher, subscriber};
///
/// #[derive(Clone)]
/// pub struct Report(u32);
/// pub static REPORTS: Topic<Report> = Topic::new("reports.daily");
///
/// #[publisher(REPORTS)]
/// async fn report() -> Report { Report(7) }
///
/// #[subscriber(REPORTS)]
/// async fn store(report: &Report) { assert_eq!(report.0, 7) }
/// # tokio_test(async { report().await; });
/// # fn tokio_test(f: impl Future<Output = ()>) {
/// #     let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// #     runtime.block_on(signal_bus::Bus::new().run(f)).unwrap();
/// # }
/// ```
pub struct Topic<T: ?Sized> {
    name: &'static str,
    carries: PhantomData<fn() -> Box<T>>,
}

impl<T: ?Sized> Topic<T> {
    /// Names a topic and its type.
    ///
    /// # Panics
    ///
    /// Panics if `name` is not a valid topic; in a `static` or `const` that is an error at compile time.
    /// [`Topic::try_new`] checks names that are made at run time.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        match Self::try_new(name) {
            Ok(topic) => topic,
            Err(error) => panic!("{}", error.reason.at_compile_time()),
        }
    }

    /// Names a topic and its type, if the name is valid.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] says where the name breaks which rule.
    pub const fn try_new(name: &'static str) -> Result<Self, InvalidTopic> {
        match name::check_exact(name) {
            Ok(()) => Ok(Self::unchecked(name)),
            Err(error) => Err(error),
        }
    }

    /// The topic's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Takes a name that the attributes have checked; it may hold wildcards.
    pub(crate) const fn unchecked(name: &'static str) -> Self {
        Self {
            name,
            carries: PhantomData,
        }
    }
}

impl<T: ?Sized> Clone for Topic<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Topic<T> {}

impl<T: ?Sized> fmt::Debug for Topic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic<{}>({:?})", std::any::type_name::<T>(), self.name)
    }
}

impl<T: ?Sized> fmt::Display for Topic<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// What names a topic that carries `T`: a string, or a [`Topic<T>`](Topic).
pub trait IntoTopic<T: ?Sized>: sealed::Sealed<T> {
    /// The topic's name, not yet checked.
    fn name(&self) -> &str;
}

mod sealed {
    use super::Topic;

    #[expect(unnameable_types, reason = "nobody else is to implement the trait")]
    pub trait Sealed<T: ?Sized> {}
    impl<T: ?Sized> Sealed<T> for &str {}
    impl<T: ?Sized> Sealed<T> for String {}
    impl<T: ?Sized> Sealed<T> for &String {}
    impl<T: ?Sized> Sealed<T> for Topic<T> {}
    impl<T: ?Sized> Sealed<T> for &Topic<T> {}
}

impl<T: ?Sized> IntoTopic<T> for &str {
    fn name(&self) -> &str {
        self
    }
}

impl<T: ?Sized> IntoTopic<T> for String {
    fn name(&self) -> &str {
        self
    }
}

impl<T: ?Sized> IntoTopic<T> for &String {
    fn name(&self) -> &str {
        self
    }
}

impl<T: ?Sized> IntoTopic<T> for Topic<T> {
    fn name(&self) -> &str {
        self.name
    }
}

impl<T: ?Sized> IntoTopic<T> for &Topic<T> {
    fn name(&self) -> &str {
        self.name
    }
}
