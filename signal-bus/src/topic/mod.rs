//! Names of topics, with and without the type they carry.

pub(crate) mod name;
pub(crate) mod named;
pub(crate) mod pattern;
pub(crate) mod template;
pub(crate) mod filed;
pub(crate) mod index;

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
    traits: Traits,
    carries: PhantomData<fn() -> Box<T>>,
}

/// What is special about a topic.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[doc(hidden)]
#[expect(unnameable_types, reason = "nobody else is to name it")]
pub struct Traits {
    /// Its newest signal is kept for those who come later.
    pub(crate) sticky: bool,
    /// Its signals stay in their bus.
    pub(crate) local: bool,
    /// Its signals are meant for other processes, too.
    pub(crate) travelling: bool,
}

impl Traits {
    pub(crate) fn nothing(self) -> bool {
        !self.sticky && !self.local
    }
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

    /// Keeps the newest signal: whoever subscribes later gets it first.
    ///
    /// That suits a state, such as a configuration. It is kept from the first publish, or the first attribute, that names
    /// the topic with this.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # use signal_bus::{Bus, Topic};
    /// static CONFIG: Topic<u32> = Topic::new("config").sticky();
    ///
    /// let bus = Bus::empty().start().await?;
    /// bus.publish(CONFIG, 1).await?;
    /// bus.publish(CONFIG, 2).await?;
    /// let mut late = bus.subscribe(CONFIG)?;
    /// assert_eq!(late.recv().await.as_deref(), Some(&2));
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[must_use]
    pub const fn sticky(mut self) -> Self {
        self.traits.sticky = true;
        self
    }

    /// Keeps the signals in their bus: no bridge and no transport carries them further.
    ///
    /// # Panics
    ///
    /// If the topic is [travelling](crate::transport); in a `static` or `const` that is an error at compile time.
    #[must_use]
    pub const fn local(mut self) -> Self {
        assert!(!self.traits.travelling, "a topic that travels is not local");
        self.traits.local = true;
        self
    }

    /// Says that the topic is meant for other processes, too: a type that could not go there does not compile.
    ///
    /// [`Bus::connect_to`](crate::Bus::connect_to) says over what it travels; a bus that is connected, and carries the topic
    /// nowhere, warns of that when it starts.
    ///
    /// ```
    /// use signal_bus::Topic;
    ///
    /// static ORDERS: Topic<Vec<u32>> = Topic::new("orders.created").travelling();
    /// ```
    ///
    /// ```compile_fail,E0277
    /// use signal_bus::Topic;
    /// use std::time::Instant;
    ///
    /// static STARTED: Topic<Instant> = Topic::new("started").travelling();
    /// ```
    ///
    /// # Panics
    ///
    /// If the topic is [`local`](Self::local); in a `static` or `const` that is an error at compile time.
    #[cfg(feature = "transport")]
    #[must_use]
    pub const fn travelling(mut self) -> Self
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        assert!(!self.traits.local, "a topic that is local does not travel");
        self.traits.travelling = true;
        self
    }

    pub(crate) const fn traits(self) -> Traits {
        self.traits
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
            traits: Traits {
                sticky: false,
                local: false,
                travelling: false,
            },
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
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name a topic that carries `{T}`",
    label = "names no topic of `{T}`",
    note = "a string, or a `Topic<{T}>`"
)]
pub trait IntoTopic<T: ?Sized>: sealed::Sealed<T> {
    /// The topic's name, not yet checked.
    fn name(&self) -> &str;
    #[doc(hidden)]
    fn traits(&self) -> Traits {
        Traits::default()
    }
}

mod sealed {
    use super::Topic;

    #[expect(unnameable_types, reason = "nobody else is to implement the trait")]
    pub trait Sealed<T: ?Sized> {}
    #[expect(unnameable_types, reason = "nobody else is to implement the trait")]
    pub trait SealedPatterns<T: ?Sized> {}
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

    fn traits(&self) -> Traits {
        self.traits
    }
}

impl<T: ?Sized> IntoTopic<T> for &Topic<T> {
    fn name(&self) -> &str {
        self.name
    }

    fn traits(&self) -> Traits {
        self.traits
    }
}

/// What names the patterns to subscribe to: a string, a [`Topic<T>`](Topic), or several of one kind in an array, a slice
/// or a `Vec`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name topics that carry `{T}`",
    label = "names no topic of `{T}`",
    note = "a string, a `Topic<{T}>`, or an array, slice or `Vec` of either"
)]
pub trait IntoPatterns<T: ?Sized>: sealed::SealedPatterns<T> {
    /// The patterns as they were written, not yet checked.
    fn written(&self) -> Vec<&str>;
    /// What is special about each of them, in the same order.
    #[doc(hidden)]
    fn traits(&self) -> Vec<Traits>;
}

macro_rules! one_pattern {
    ($($ty:ty),*) => {$(
        impl<T: ?Sized> sealed::SealedPatterns<T> for $ty {}
        impl<T: ?Sized> IntoPatterns<T> for $ty {
            fn written(&self) -> Vec<&str> {
                vec![IntoTopic::<T>::name(self)]
            }

            fn traits(&self) -> Vec<Traits> {
                vec![IntoTopic::<T>::traits(self)]
            }
        }
    )*};
}

one_pattern!(&str, String, &String, Topic<T>, &Topic<T>);

macro_rules! several_patterns {
    ($([$($generics:tt)*] $ty:ty),*) => {$(
        impl<T: ?Sized, $($generics)*> sealed::SealedPatterns<T> for $ty {}
        impl<T: ?Sized, $($generics)*> IntoPatterns<T> for $ty {
            fn written(&self) -> Vec<&str> {
                self.iter().map(IntoTopic::name).collect()
            }

            fn traits(&self) -> Vec<Traits> {
                self.iter().map(IntoTopic::traits).collect()
            }
        }
    )*};
}

several_patterns!(
    [P: IntoTopic<T>, const N: usize] [P; N],
    [P: IntoTopic<T>, const N: usize] &[P; N],
    [P: IntoTopic<T>] &[P],
    [P: IntoTopic<T>] Vec<P>,
    [P: IntoTopic<T>] &Vec<P>
);
