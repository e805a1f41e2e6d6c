//! What travels beside the value: names and texts.

use std::{
    borrow::Cow,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::task::futures::TaskLocalFuture;

/// Texts by name that travel with a signal: a trace context, a tenant, a content type.
///
/// They are set for all that a future, or a call, publishes, by annotated functions and by hand:
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use signal_bus::{Bus, Headers};
///
/// let bus = Bus::empty().start().await?;
/// let mut orders = bus.subscribe::<u32>("orders")?;
///
/// let headers = Headers::new().with("tenant", "acme");
/// headers.scope(bus.publish("orders", 7_u32)).await?;
///
/// let order = orders.recv().await.expect("it was published");
/// assert_eq!(order.header("tenant"), Some("acme"));
/// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
/// ```
///
/// A handler's signals do not inherit the headers of the one it handles: what belongs together is told by
/// [`Signal::root_id`](super::Signal::root_id). To pass them on, scope what publishes: `order.headers().clone().scope(..)`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(Option<Arc<Vec<Header>>>);

/// What the bus itself mostly has to say of a signal.
#[cfg(feature = "transport")]
const OWN_MAX: usize = 4;

/// A name and a text. There are few of a signal, so they stand in a row, in the order of the names.
type Header = (Cow<'static, str>, String);

tokio::task_local! {
    static HEADERS: Headers;
}

/// Whether any were ever set: most programs set none, and to look for them costs as much as to write a signal down.
static SET: AtomicBool = AtomicBool::new(false);

impl Headers {
    pub(super) const NONE: Self = Self(None);

    /// Whether there are none, told at a glance; there may be none otherwise, too.
    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// No headers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a header, or replaces the one of that name.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, text: impl Into<String>) -> Self {
        let headers = Arc::make_mut(self.0.get_or_insert_default());
        set(headers, (Cow::Owned(name.into()), text.into()));
        self
    }

    /// The text of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let headers = self.0.as_ref()?;
        let place = headers.binary_search_by(|(one, _)| (**one).cmp(name));
        place.ok().map(|place| headers[place].1.as_str())
    }

    /// Names and texts, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.0.iter().flat_map(|headers| headers.iter());
        headers.map(|(name, text)| (&**name, text.as_str()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|headers| headers.is_empty())
    }

    /// Gives these headers to every signal that `future` publishes; they replace those of a scope around it.
    ///
    /// # Cancel safety
    ///
    /// That of `future`.
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> + use<F> {
        SET.store(true, Ordering::Relaxed);
        let scoped: TaskLocalFuture<Self, F> = HEADERS.scope(self, future);
        scoped
    }

    /// Gives these headers to every signal that `call` publishes, without waiting.
    pub fn sync_scope<R>(self, call: impl FnOnce() -> R) -> R {
        SET.store(true, Ordering::Relaxed);
        HEADERS.sync_scope(self, call)
    }

    /// The headers of the scope this code runs in.
    #[inline]
    pub(crate) fn current() -> Self {
        match SET.load(Ordering::Relaxed) {
            true => Self::looked_for(),
            false => Self::NONE,
        }
    }

    #[inline(never)]
    fn looked_for() -> Self {
        HEADERS.try_with(Clone::clone).unwrap_or_default()
    }
}

impl<N: Into<String>, T: Into<String>> FromIterator<(N, T)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, T)>>(headers: I) -> Self {
        let headers = headers.into_iter();
        let all = headers.map(|(name, text)| (Cow::Owned(name.into()), text.into()));
        let mut all: Vec<Header> = all.collect();
        // Of several texts of a name the last counts.
        all.reverse();
        all.sort_by(|one, other| one.0.cmp(&other.0));
        all.dedup_by(|one, before| one.0 == before.0);
        Self((!all.is_empty()).then(|| Arc::new(all)))
    }
}

#[cfg(feature = "transport")]
impl Headers {
    /// Adds what the bus itself has to say; its names are known beforehand.
    pub(crate) fn and_own(mut self, own: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let headers = Arc::make_mut(self.0.get_or_insert_default());
        headers.reserve(OWN_MAX);
        for (name, text) in own {
            set(headers, (Cow::Borrowed(name), text));
        }
        self
    }
}

/// Adds a header, or replaces the one of that name.
fn set(headers: &mut Vec<Header>, header: Header) {
    match headers.binary_search_by(|(name, _)| name.cmp(&header.0)) {
        Ok(place) => headers[place] = header,
        Err(place) => headers.insert(place, header),
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
