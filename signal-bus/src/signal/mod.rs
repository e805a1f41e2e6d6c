//! A published value on its way: the signal and its label.

#[cfg(feature = "transport")]
pub(crate) mod plain;
pub(crate) mod name;
pub(crate) mod arrival;
pub(crate) mod by_type;
pub(crate) mod requested;
mod attempt;
pub(crate) mod hatch;
pub(crate) mod headers;
pub(crate) mod id;
pub(crate) mod label;
pub(crate) mod lead;
mod payload;
pub(crate) mod run;
pub(crate) mod segment;
mod stamps;
pub(crate) mod stock;
pub(crate) mod stretch;
pub(crate) mod values;

use std::{any::Any, fmt, ops::Deref, sync::Arc, time::SystemTime};

use crate::{
    signal::{
        headers::Headers,
        id::SignalId,
        label::{Label, Origin},
    },
    topic::template::Template,
};

pub use payload::{Kind, Payload};

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
    /// What the subscription that got it was written as, if that has names for parts of the topic.
    templates: Option<Arc<[Template]>>,
}

impl<T: ?Sized> Signal<T> {
    pub(crate) fn new(value: Arc<T>, label: Label) -> Self {
        Self {
            value,
            label,
            templates: None,
        }
    }

    /// The topic it was published on; empty for a [broadcast](crate::BusHandle::broadcast).
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.label.about.topic
    }

    /// The part of the topic that a hole of the subscription's pattern stands for.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let bus = signal_bus::Bus::empty().start().await?;
    /// let mut orders = bus.subscribe::<u32>("orders.{region}.created")?;
    /// bus.publish("orders.eu.created", 7_u32).await?;
    /// let order = orders.recv().await.expect("one was published");
    /// assert_eq!(order.capture("region"), Some("eu"));
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn capture(&self, name: &str) -> Option<&str> {
        let mut captures = self.captures();
        captures
            .find(|(hole, _)| *hole == name)
            .map(|(_, part)| part)
    }

    /// All parts of the topic that holes of the subscription's pattern stand for, with their names.
    ///
    /// Where several patterns of a subscription hear the topic, the first that was written and has holes gives them.
    pub fn captures(&self) -> impl Iterator<Item = (&str, &str)> {
        let templates = self.templates.iter().flat_map(|templates| templates.iter());
        let mut hearing = templates.filter(|template| {
            template.has_holes() && template.pattern().matches(&self.label.about.topic)
        });
        let first = hearing.next().into_iter();
        first.flat_map(|template| template.captures(&self.label.about.topic))
    }

    /// Its id: unique in the bus, ordered within the topic.
    #[must_use]
    pub fn id(&self) -> SignalId {
        self.label.stamp.id
    }

    /// Its number in the order in which the bus let signals in, over all topics; the later has the greater.
    ///
    /// Signals that nobody was there to hear have none, and numbers are not dense within a topic. A
    /// [history](crate::Bus::history) is read from such a number on.
    #[must_use]
    pub fn sequence(&self) -> u64 {
        self.label.stamp.id.number()
    }

    /// The signal whose handler published this one, if a handler did.
    #[must_use]
    pub fn parent_id(&self) -> Option<SignalId> {
        self.label.stamp.origin.map(|origin| origin.parent)
    }

    /// The first of the signals that led to this one by handlers that published; its own id if none did.
    #[must_use]
    pub fn root_id(&self) -> SignalId {
        self.label.stamp.leads().root
    }

    /// When it was published, by the system's clock: of a signal whose publisher had to wait for room, when it was let in.
    ///
    /// Of a signal that came while others waited, or right behind another one, that may be the time of the one before it or of the
    /// clock's last tick, whichever is later: on Linux some milliseconds too early at most.
    #[must_use]
    pub fn time(&self) -> SystemTime {
        self.label.stamp.time
    }

    /// What travels beside the value.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.label.stamp.headers
    }

    /// The text of one of its [`headers`](Self::headers).
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.label.stamp.headers.get(name)
    }

    /// Whether it stays in its bus: its topic or its publisher is `local`.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.label.stamp.local
    }

    /// The name of the value's type, as [`std::any::type_name`] gives it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        self.label.about.carries.name
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

    /// What led to a signal that the handler of this one publishes.
    pub(crate) fn leads(&self) -> Origin {
        self.label.stamp.leads()
    }

    /// Lets it in: gives it its id, and its time, if it has brought none from another bus.
    ///
    /// Both are given under one lock, so that in each queue they go up together.
    pub(crate) fn number(&mut self, id: SignalId) {
        self.label.stamp.number(id);
    }

    /// Gives it the headers that it travels with, and who is to hear which id it gets.
    #[cfg(feature = "transport")]
    pub(crate) fn bring(&mut self, headers: Headers, sent: impl FnOnce() -> Arc<arrival::Came>) {
        let stamp = &mut self.label.stamp;
        stamp.headers = headers;
        stamp.came.get_or_insert_with(sent);
    }

    /// A share of the signal for those who come later: whoever sent it does not wait for what they make of it.
    pub(crate) fn kept(&self) -> Self {
        let mut kept = self.clone();
        let bridged = self.label.stamp.passage().is_some();
        kept.label.stamp.came = kept.label.stamp.came.filter(|_| bridged);
        kept
    }

    /// A share of the signal of which nobody waits to hear any more: its subscription has said what became of it.
    pub(crate) fn told_of(&self) -> Self {
        let mut told = self.clone();
        let came = told.label.stamp.came.as_mut();
        if let Some(came) = came.filter(|came| came.arrival().is_some()) {
            *came = Arc::new(came.told_of());
        }
        told
    }

    /// The signal as the subscription that was written so gets it.
    pub(crate) fn heard_as(mut self, templates: Option<&Arc<[Template]>>) -> Self {
        self.templates = templates.map(Arc::clone);
        self
    }

    /// The same label on another form of the value.
    pub(crate) fn map<U: ?Sized>(self, change: impl FnOnce(Arc<T>) -> Arc<U>) -> Signal<U> {
        Signal {
            value: change(self.value),
            label: self.label,
            templates: self.templates,
        }
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
        let Self {
            value,
            label,
            templates,
        } = self;
        match value.downcast() {
            Ok(value) => Ok(Signal {
                value,
                label,
                templates,
            }),
            Err(value) => Err(Self {
                value,
                label,
                templates,
            }),
        }
    }

    /// The value and the label.
    pub(crate) fn into_parts(self) -> (Arc<AnyValue>, Label) {
        (self.value, self.label)
    }

    /// The signal as one of its type.
    ///
    /// # Panics
    ///
    /// Panics if the value is of another type: routes deliver signals of the subscriber's type only.
    pub(crate) fn typed<T: ?Sized + Payload>(self) -> Signal<T> {
        self.map(|value| {
            T::restore(value).expect("routes deliver signals of the subscriber's type only")
        })
    }

    /// The type of the value.
    pub(crate) fn kind(&self) -> Kind {
        Kind {
            id: (*self.value).type_id(),
            name: self.label.about.carries.name,
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
            templates: self.templates.clone(),
        }
    }
}

/// As the value is displayed.
impl<T: ?Sized + fmt::Display> fmt::Display for Signal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// Its type, topic and id, for signals of any type have them; `{:?}` of `*signal` is the value's own.
impl<T: ?Sized> fmt::Debug for Signal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Label { about, stamp } = &self.label;
        let (topic, carries) = (&about.topic, about.carries.name);
        write!(f, "Signal<{carries}>({topic} {})", stamp.id)
    }
}
