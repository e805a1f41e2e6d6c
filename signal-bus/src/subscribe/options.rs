//! What a subscription at run time may say of itself.

use std::{marker::PhantomData, num::NonZeroUsize, panic::Location, sync::Arc};

use crate::{
    error::subscribe::SubscribeError,
    queue::{Settings, kept::Since, parked},
    registry::{retry::Retry, subscriber::Overflow, trip::OnTrip},
    route::{hearer::Wish, member::Member},
    scope::{
        presence::own_fault,
        running::{BusHandle, Running},
    },
    signal::{Kind, Payload},
    site::Site,
    topic::{IntoPatterns, Traits, pattern::Pattern, template::Template},
};

/// A subscription that is being described; made by [`BusHandle::subscription`].
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use signal_bus::Overflow;
///
/// # let bus = signal_bus::Bus::empty().start().await?;
/// let mut newest = bus.subscription::<u32>("prices.*")
///     .capacity(1)
///     .overflow(Overflow::DropOldest)
///     .subscribe()?;
/// bus.publish("prices.tea", 3_u32).await?;
/// bus.publish("prices.tea", 4_u32).await?;
/// assert_eq!(newest.recv().await.as_deref(), Some(&4));
/// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing is subscribed until `subscribe` or `listen` is called"]
pub struct SubscriptionOptions<T: ?Sized> {
    pub(super) bus: BusHandle,
    written: Vec<Box<str>>,
    traits: Vec<Traits>,
    capacity: Option<NonZeroUsize>,
    overflow: Option<Overflow>,
    concurrency: Option<NonZeroUsize>,
    retry: Option<Box<Retry>>,
    on_trip: Option<OnTrip>,
    group: Option<Box<str>>,
    from: From,
    /// The type of the replies, if it replies to requests.
    pub(crate) replies: Option<Kind>,
    takes: PhantomData<fn() -> Box<T>>,
}

/// What a subscription gets of what was before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum From {
    /// The newest of each sticky topic.
    Newest,
    Now,
    Oldest,
    Sequence(u64),
}

impl BusHandle {
    /// Describes a subscription to one or several patterns, before it begins.
    ///
    /// A pattern is a topic; `*` stands for one token, a last `>` for one or more, a last `**` for none or more. `{region}`
    /// is a `*` with a name, by which [`Signal::capture`](crate::Signal::capture) finds what stood there.
    #[expect(clippy::needless_pass_by_value, reason = "as `subscribe` takes it")]
    pub fn subscription<T: ?Sized + Payload>(
        &self,
        patterns: impl IntoPatterns<T>,
    ) -> SubscriptionOptions<T> {
        SubscriptionOptions {
            bus: self.clone(),
            written: patterns.written().into_iter().map(Box::from).collect(),
            traits: patterns.traits(),
            capacity: None,
            overflow: None,
            concurrency: Some(NonZeroUsize::MIN),
            retry: None,
            on_trip: None,
            group: None,
            from: From::Newest,
            replies: None,
            takes: PhantomData,
        }
    }
}

impl<T: ?Sized + Payload> SubscriptionOptions<T> {
    /// How many signals may be outstanding; the bus's own capacity unless set.
    ///
    /// # Panics
    ///
    /// Panics if `signals` is 0: nothing could ever be published.
    pub fn capacity(mut self, signals: usize) -> Self {
        let capacity = NonZeroUsize::new(signals);
        self.capacity = Some(capacity.expect("a subscription needs room for at least one signal"));
        self
    }

    /// What happens to a signal that finds the subscription full; the publisher waits unless set.
    pub fn overflow(mut self, overflow: Overflow) -> Self {
        self.overflow = Some(overflow);
        self
    }

    /// How many signals a listener handles at once; 1, in order, unless set. 0 is taken as 1.
    pub fn concurrency(mut self, limit: usize) -> Self {
        self.concurrency = Some(NonZeroUsize::new(limit).unwrap_or(NonZeroUsize::MIN));
        self
    }

    /// Lets a listener handle each signal at once.
    pub fn unbounded(mut self) -> Self {
        self.concurrency = None;
        self
    }

    /// How a listener tries a signal again whose handling has failed; not at all unless set.
    ///
    /// # Panics
    ///
    /// Panics if `retry` has no attempts, or a factor below 1.
    pub fn retry(mut self, retry: Retry) -> Self {
        if let Some((rule, has)) = retry.fault() {
            panic!("{rule}, and this one {has}");
        }
        self.retry = Some(Box::new(retry));
        self
    }

    /// What happens when a listener has panicked too often; as the [bus](crate::Bus::on_trip) says unless set.
    pub fn on_trip(mut self, on_trip: OnTrip) -> Self {
        self.on_trip = Some(on_trip);
        self
    }

    /// Shares the signals with the other members of a group: each goes to one of them.
    ///
    /// Annotated functions may be members of the same group. All members hear the same topics, in the same way; what is not
    /// said here of capacity and overflow is as it is for those who are there. What waits when a member leaves goes to the
    /// others. Groups of one name that hear nothing in common are different ones.
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into().into());
        self
    }

    /// Begins with nothing of what was before, not even of sticky topics.
    pub fn from_now(mut self) -> Self {
        self.from = From::Now;
        self
    }

    /// Begins with all that a [history](crate::Bus::history) of the bus still has.
    ///
    /// If that is more than the capacity, the capacity is that large.
    pub fn from_oldest(mut self) -> Self {
        self.from = From::Oldest;
        self
    }

    /// Begins with the signal of a [sequence number](crate::Signal::sequence), or the first one after it, out of a
    /// [history](crate::Bus::history) of the bus; what is published from now on follows without gap or double.
    ///
    /// To go on after a signal, ask for its number plus one. A number beyond the newest begins with nothing of what was before:
    /// what is published from now on comes, also what has a smaller number.
    pub fn from_sequence(mut self, first: u64) -> Self {
        self.from = From::Sequence(first);
        self
    }

    /// Checks everything, and joins.
    pub(super) fn join(
        self,
        method: &'static str,
        at: &'static Location<'static>,
        pulled: bool,
    ) -> Result<Joined, SubscribeError> {
        let running = Arc::clone(self.bus.running());
        let templates = self.templates()?;
        let site = Site::call(method, at);
        let mut patterns = templates.iter().map(Template::pattern);
        if let Some(fault) = patterns.find_map(|pattern| own_fault(pattern, T::kind())) {
            return Err(SubscribeError::OwnTopic {
                fault: fault.into(),
            });
        }
        if let Some(kind) = T::kind() {
            for template in templates.iter() {
                running.check_type(template, kind, site)?;
            }
        }
        for (template, traits) in templates.iter().zip(&self.traits) {
            running
                .routes
                .mark_named(template.written(), *traits, &running.exchange);
        }
        let since = self.since(&running, &templates)?;
        let reserved = templates
            .iter()
            .any(|template| template.pattern().is_reserved());
        let named = templates.iter().any(Template::has_holes);
        let named = named.then(|| Arc::clone(&templates));
        let mut settings = Settings {
            capacity: self.capacity.unwrap_or(running.capacity),
            limit: if pulled { None } else { self.concurrency },
            keyed: false,
            // The bus's own signals make nobody wait.
            overflow: if reserved {
                Overflow::DropOldest
            } else {
                self.overflow.unwrap_or_default()
            },
            batch: None,
            shared: self.group.is_some(),
            pulled,
            replies: self.replies.is_some(),
            leaves: true,
        };
        let mut wish = Wish {
            site,
            templates,
            kind: T::kind(),
            filter: None,
            key: None,
            replies: self.replies.map(Box::new),
            group: self.group,
            settings,
        };
        if let Some(first) = running.routes.present().group(&wish) {
            let there = first.wish.settings;
            settings.capacity = self.capacity.unwrap_or(there.capacity);
            settings.overflow = self.overflow.unwrap_or(there.overflow);
            wish.settings = settings;
        }
        let hearer = running.join(wish, since)?;
        let member = Member::new(parked::next_id(), hearer, settings.limit);
        Ok(Joined {
            running,
            member: Arc::new(member),
            site,
            templates: named,
            reserved,
            retry: self.retry,
            on_trip: self.on_trip,
        })
    }

    fn templates(&self) -> Result<Arc<[Template]>, SubscribeError> {
        let templates = self.written.iter().map(|written| {
            let template = Template::new(written);
            template.map_err(|error| SubscribeError::InvalidPattern {
                pattern: written.clone(),
                error,
            })
        });
        let templates: Vec<_> = templates.collect::<Result<_, _>>()?;
        let mut reserved = templates.iter().filter(|one| one.pattern().is_reserved());
        match (reserved.next(), reserved.count() + 1) {
            _ if templates.is_empty() => Err(SubscribeError::NoPattern),
            (Some(one), count) if count < templates.len() => Err(SubscribeError::Reserved {
                pattern: one.written().into(),
            }),
            _ => Ok(templates.into()),
        }
    }

    fn since(&self, running: &Running, templates: &[Template]) -> Result<Since, SubscribeError> {
        match self.from {
            From::Newest => return Ok(Since::Newest),
            From::Now => return Ok(Since::Now),
            From::Oldest | From::Sequence(_) => {}
        }
        let covers = |history: &Pattern| {
            let mut patterns = templates.iter().map(Template::pattern);
            patterns.all(|pattern| history.covers(pattern))
        };
        let histories = running.routes.histories.iter().enumerate();
        let covering = histories.filter(|(_, (history, _))| covers(history));
        // The one that keeps the most.
        let place = covering.max_by_key(|(_, (_, size))| *size);
        let place = place.map(|(place, _)| place);
        let place = place.ok_or_else(|| SubscribeError::NoHistory {
            pattern: self.written.join("`, `").into(),
        })?;
        Ok(match self.from {
            From::Sequence(first) => Since::Sequence(place, first),
            _ => Since::Oldest(place),
        })
    }
}

/// A subscription that has joined.
pub(super) struct Joined {
    pub(super) running: Arc<Running>,
    pub(super) member: Arc<Member>,
    pub(super) site: Site,
    /// What its pattern names of the topics, if it does.
    pub(super) templates: Option<Arc<[Template]>>,
    pub(super) reserved: bool,
    pub(super) retry: Option<Box<Retry>>,
    pub(super) on_trip: Option<OnTrip>,
}

impl Running {
    /// Whether all topics that are known so far fit a typed pattern.
    fn check_type(
        &self,
        template: &Template,
        kind: Kind,
        site: Site,
    ) -> Result<(), SubscribeError> {
        let pattern = template.pattern();
        let mismatch =
            |topic: &str, carries: &'static str, bound_at: String| SubscribeError::TypeMismatch {
                pattern: template.written().into(),
                topic: topic.into(),
                carries,
                bound_at: bound_at.into(),
                wants: kind.name,
                subscribed_at: site.to_string().into(),
            };
        if let Some((topic, declared)) = self.routes.declared.conflict(pattern, kind) {
            let carries = declared.kind.map_or("", |kind| kind.name);
            let topic = topic.unwrap_or(pattern.as_str());
            return Err(mismatch(topic, carries, declared.site.to_string()));
        }
        if pattern.is_exact() {
            if let Some(other) = self.routes.subscribed_conflict(pattern.as_str(), kind) {
                let carries = other.wish.kind.map_or("", |kind| kind.name);
                return Err(mismatch(
                    pattern.as_str(),
                    carries,
                    other.wish.site.to_string(),
                ));
            }
        }
        if let Some(route) = self.routes.published_conflict(pattern, kind) {
            let bound_at = match route.bound_at {
                Some(at) => Site::call("publish", at).to_string(),
                None => String::from("the bus itself"),
            };
            return Err(mismatch(
                &route.about.topic,
                route.about.carries.name,
                bound_at,
            ));
        }
        Ok(())
    }
}
