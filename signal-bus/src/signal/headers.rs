//! What travels beside the value: names and texts.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

#[cfg(feature = "transport")]
use std::sync::OnceLock;

use tokio::task::futures::TaskLocalFuture;

#[cfg(feature = "transport")]
use crate::signal::plain::{self, IdRoom, Plain};

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
pub struct Headers(Option<Arc<Written>>);

enum Written {
    Text(Text),
    /// What a bus says of every signal that travels, written once somebody wants to read it; mostly nobody does.
    #[cfg(feature = "transport")]
    Plain(Plain, OnceLock<Box<Text>>),
}

/// Names and texts, one after the other in the order of the names. There are few of a signal: they take one piece of memory.
#[derive(PartialEq, Eq)]
struct Text {
    text: Box<str>,
    ends: Ends,
}

/// Where each name ends, and the text behind it.
#[derive(PartialEq, Eq)]
enum Ends {
    /// As many as there mostly are.
    Few(usize, [End; FEW]),
    Many(Box<[End]>),
}

#[derive(Clone, Copy, PartialEq, Eq, Default)]
struct End {
    name: usize,
    text: usize,
}

const FEW: usize = 4;

tokio::task_local! {
    static HEADERS: Headers;
}

/// Whether any were ever set: most programs set none, and to look for them costs as much as to write a signal down.
static SET: AtomicBool = AtomicBool::new(false);

impl Headers {
    pub(crate) const NONE: Self = Self(None);

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
    pub fn with(self, name: impl Into<String>, text: impl Into<String>) -> Self {
        let (name, text) = (name.into(), text.into());
        Self::of(self.iter().chain([(&*name, &*text)]).collect())
    }

    /// The text of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.as_ref()?.get(name)
    }

    /// Names and texts, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> + Clone {
        let written = self.0.iter();
        written.flat_map(|written| {
            let written = written.text();
            let mut begin = 0;
            written.ends.as_slice().iter().map(move |end| {
                let name = &written.text[begin..end.name];
                begin = end.text;
                (name, &written.text[end.name..end.text])
            })
        })
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
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

    /// Whether the scope this code runs in has none.
    #[inline]
    pub(crate) fn are_none() -> bool {
        !SET.load(Ordering::Relaxed) || Self::are_none_here()
    }

    #[inline(never)]
    fn are_none_here() -> bool {
        HEADERS.try_with(Self::is_none).unwrap_or(true)
    }

    #[inline(never)]
    fn looked_for() -> Self {
        HEADERS.try_with(Clone::clone).unwrap_or_default()
    }
}

impl<N: AsRef<str>, T: AsRef<str>> FromIterator<(N, T)> for Headers {
    /// Of several texts of a name the last counts.
    fn from_iter<I: IntoIterator<Item = (N, T)>>(headers: I) -> Self {
        let mut headers = headers.into_iter();
        let first = [headers.next(), headers.next(), headers.next()];
        #[cfg(feature = "transport")]
        if let [Some(one), Some(other), None] = &first {
            let both = [one, other].map(|(name, text)| (name.as_ref(), text.as_ref()));
            if let Some(plain) = Plain::read(both) {
                return Self::plain(plain);
            }
        }
        Self::of(first.into_iter().flatten().chain(headers).collect())
    }
}

impl Headers {
    /// Those of names and texts; of several texts of a name the last counts.
    fn of<N: AsRef<str>, T: AsRef<str>>(mut all: Vec<(N, T)>) -> Self {
        // Those of a bus are in order already.
        if !all.is_sorted_by(|(one, _), (next, _)| one.as_ref() < next.as_ref()) {
            all.reverse();
            all.sort_by(|(one, _), (other, _)| one.as_ref().cmp(other.as_ref()));
            all.dedup_by(|(one, _), (before, _)| (*one).as_ref() == (*before).as_ref());
        }
        let all = all.iter();
        Self::in_order(all.map(|(name, text)| (name.as_ref(), text.as_ref())))
    }

    /// Those of names and texts that stand in the order of the names, each once.
    fn in_order<'a>(all: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        let length = |(name, text): (&str, &str)| name.len() + text.len();
        let (count, length) = all
            .clone()
            .fold((0, 0), |(count, sum), one| (count + 1, sum + length(one)));
        match count {
            0 => Self::NONE,
            _ => Self(Some(Arc::new(Written::Text(Text::new(all, count, length))))),
        }
    }
}

impl Written {
    fn text(&self) -> &Text {
        match self {
            Self::Text(text) => text,
            #[cfg(feature = "transport")]
            Self::Plain(plain, text) => text.get_or_init(|| Box::new(plain.into())),
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        #[cfg(feature = "transport")]
        if let Self::Plain(Plain { content_type, .. }, _) = self {
            return match name {
                plain::CONTENT_TYPE => Some(content_type),
                plain::ID => self.text().get(name),
                _ => None,
            };
        }
        self.text().get(name)
    }
}

impl PartialEq for Written {
    fn eq(&self, other: &Self) -> bool {
        self.text() == other.text()
    }
}

impl Eq for Written {}

impl Text {
    /// So many names and texts, of such a length together.
    fn new<'a>(all: impl Iterator<Item = (&'a str, &'a str)>, count: usize, length: usize) -> Self {
        let mut written = String::with_capacity(length);
        let mut ends = Ends::with_room(count);
        for ((name, text), end) in all.zip(ends.as_mut_slice()) {
            written.push_str(name);
            end.name = written.len();
            written.push_str(text);
            end.text = written.len();
        }
        Self {
            text: written.into_boxed_str(),
            ends,
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let bytes = self.text.as_bytes();
        let mut begin = 0;
        for end in self.ends.as_slice() {
            if bytes[begin..end.name] == *name.as_bytes() {
                return self.text.get(end.name..end.text);
            }
            begin = end.text;
        }
        None
    }
}

impl Ends {
    fn with_room(count: usize) -> Self {
        match count <= FEW {
            true => Self::Few(count, [End::default(); FEW]),
            false => Self::Many(vec![End::default(); count].into()),
        }
    }

    fn as_slice(&self) -> &[End] {
        match self {
            Self::Few(count, ends) => &ends[..*count],
            Self::Many(ends) => ends,
        }
    }

    fn as_mut_slice(&mut self) -> &mut [End] {
        match self {
            Self::Few(count, ends) => &mut ends[..*count],
            Self::Many(ends) => ends,
        }
    }
}

#[cfg(feature = "transport")]
impl Headers {
    /// What a bus says of every signal.
    pub(crate) fn plain(plain: Plain) -> Self {
        Self(Some(Arc::new(Written::Plain(plain, OnceLock::new()))))
    }

    /// What a bus says of every signal, if they say no more.
    pub(crate) fn as_plain(&self) -> Option<&Plain> {
        match self.0.as_deref()? {
            Written::Plain(plain, _) => Some(plain),
            Written::Text(_) => None,
        }
    }

    /// With what the bus itself has to say; its names are known beforehand, and stand in their order.
    pub(crate) fn and_own<'a>(
        &'a self,
        own: impl Iterator<Item = (&'a str, &'a str)> + Clone,
    ) -> Self {
        match self.is_none() {
            true => Self::in_order(own),
            false => Self::of(self.iter().chain(own).collect()),
        }
    }
}

#[cfg(feature = "transport")]
impl From<&Plain> for Text {
    fn from(plain: &Plain) -> Self {
        let mut room = IdRoom::default();
        let id = plain.given.written(&mut room);
        // In the order of their names.
        let all = [(plain::CONTENT_TYPE, plain.content_type), (plain::ID, id)];
        let length = all.iter().map(|(name, text)| name.len() + text.len());
        Self::new(all.into_iter(), all.len(), length.sum())
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
