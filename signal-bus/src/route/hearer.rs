//! One subscription as the routes see it: what it hears, and what it wants of that.

use std::{
    fmt,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
};

use crate::{
    guarded::caught,
    observe,
    queue::{Settings, log::LogId, offer::Target, stores::QueueId},
    registry::{
        group::Terms,
        subscriber::{Filter, Key, Overflow},
    },
    signal::{AnyValue, Kind, id::SignalId, label::Label},
    site::Site,
    topic::{pattern::Pattern, template::Template},
};

/// Says whether the owner a subscription is bound to is still there.
pub(crate) type Alive = Arc<dyn Fn() -> bool + Send + Sync>;

/// What a subscription asks to hear.
pub(crate) struct Wish {
    pub(crate) site: Site,
    pub(crate) templates: Arc<[Template]>,
    pub(crate) kind: Option<Kind>,
    pub(crate) filter: Option<Filter>,
    pub(crate) key: Option<Key>,
    /// The type of the replies, if it replies to requests; few do, and all have the room for it.
    pub(crate) replies: Option<Box<Kind>>,
    pub(crate) group: Option<Box<str>>,
    pub(crate) settings: Settings,
}

impl Wish {
    /// On what it would share a queue with others of its group.
    pub(crate) fn terms(&self) -> Terms {
        let templates = self.templates.iter();
        Terms {
            patterns: templates.map(|one| one.pattern().clone()).collect(),
            kind: self.kind,
            pulled: self.settings.pulled,
            replies: self.replies.as_deref().copied(),
            batch: self.settings.batch,
            capacity: self.settings.capacity.get(),
            overflow: self.settings.overflow,
            selective: self.filter.is_some() || self.key.is_some(),
        }
    }
}

/// A subscription that has joined.
pub(crate) struct Hearer {
    pub(crate) queue: QueueId,
    /// Its number in the order of subscription.
    pub(crate) serial: u64,
    pub(crate) wish: Wish,
    /// Subscribers that share it: 1, or the members of its group.
    pub(crate) members: AtomicU32,
    /// The log that it shares with others who get the same.
    log: OnceLock<LogId>,
    alive: OnceLock<Alive>,
    /// The bus to which it passes signals on, if it is a bridge, and the last signal before it.
    leads_to: OnceLock<(u64, SignalId)>,
    /// Whether it was said that a signal of another type passed it by.
    mismatch_told: AtomicBool,
}

impl fmt::Debug for Hearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hearer({:?} of {:?})", self.queue, self.wish.site)
    }
}

impl Hearer {
    /// How many subscribers share it.
    pub(crate) fn members_count(&self) -> usize {
        let count = self.members.load(Ordering::Relaxed);
        usize::try_from(count).unwrap_or(usize::MAX)
    }

    pub(crate) fn new(queue: QueueId, serial: u64, wish: Wish) -> Self {
        Self {
            queue,
            serial,
            wish,
            members: AtomicU32::new(1),
            log: OnceLock::new(),
            alive: OnceLock::new(),
            leads_to: OnceLock::new(),
            mismatch_told: AtomicBool::new(false),
        }
    }

    pub(crate) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.wish.templates.iter().map(Template::pattern)
    }

    /// The patterns as they were written.
    pub(crate) fn written(&self) -> Arc<[Box<str>]> {
        let templates = self.wish.templates.iter();
        templates
            .map(|template| template.written().into())
            .collect()
    }

    /// Whether that is what it wrote.
    pub(crate) fn is_written(&self, topics: &[Box<str>]) -> bool {
        let templates = self.wish.templates.iter().map(Template::written);
        templates.eq(topics.iter().map(|topic| &**topic))
    }

    /// Says that it shares a log with others who get the same.
    pub(crate) fn share(&self, log: LogId) {
        self.log.get_or_init(|| log);
    }

    pub(crate) fn log(&self) -> Option<LogId> {
        self.log.get().copied()
    }

    /// Whether it may share a log with others to which it is equal.
    pub(crate) fn may_share(&self) -> bool {
        let mut patterns = self.patterns();
        let only = patterns.next().filter(|_| patterns.next().is_none());
        let exact = only.is_some_and(|only| only.is_exact() && !only.is_reserved());
        let settings = &self.wish.settings;
        exact
            && !self.is_selective()
            && !settings.replies
            && settings.in_runs()
            && settings.overflow == Overflow::Wait
    }

    /// Whether it gets the same signals as another who [may share](Self::may_share), and has the same room for them.
    pub(crate) fn shares_with(&self, other: &Self) -> bool {
        self.wish.kind == other.wish.kind
            && self.wish.settings == other.wish.settings
            && self.patterns().eq(other.patterns())
    }

    /// Whether it takes signals of a type.
    pub(crate) fn takes(&self, kind: Kind) -> bool {
        self.wish.kind.is_none_or(|own| own == kind)
    }

    /// Whether it hears the bus's own topics.
    pub(crate) fn is_reserved(&self) -> bool {
        self.patterns().any(Pattern::is_reserved)
    }

    /// Whether each signal has to be asked for.
    pub(crate) fn is_selective(&self) -> bool {
        self.wish.filter.is_some()
            || self.wish.key.is_some()
            || self.alive.get().is_some()
            || self.leads_to.get().is_some()
    }

    /// Says that it passes signals on to another bus: those after `since`, and perhaps some before.
    pub(crate) fn lead_to(&self, bus: u64, since: SignalId) {
        self.leads_to.get_or_init(|| (bus, since));
    }

    /// The bus to which it surely passes a signal of this id, if it is not to be found there already.
    pub(crate) fn takes_to(&self, id: SignalId) -> Option<u64> {
        let leads_to = self.leads_to.get().filter(|(_, since)| *since < id);
        leads_to.map(|(bus, _)| *bus)
    }

    /// Whether a signal may pass: a bridge leaves alone what stays here, and what has been where it leads.
    ///
    /// So a signal that comes over a bridge needs no room in the way back, and two full bridges do not wait for each other.
    pub(crate) fn passes(&self, label: &Label) -> bool {
        let Some((bus, _)) = self.leads_to.get() else {
            return true;
        };
        let passage = label.stamp.passage();
        let has_been = passage.is_some_and(|passage| passage.buses.contains(bus));
        !(label.stamp.local || label.about.topic.is_empty() || has_been)
    }

    /// Whether a signal of a topic that travels is for it: a group gets only what came for it, from wherever, and everybody else
    /// what did not.
    pub(crate) fn is_meant(&self, label: &Label) -> bool {
        let stamp = &label.stamp;
        if stamp.requested().is_some() {
            // A request stays where somebody replies.
            return true;
        }
        match (&self.wish.group, stamp.carried()) {
            (Some(group), Some(carried)) => carried.group.as_deref() == Some(&**group),
            (Some(_), None) => stamp.local,
            (None, carried) => carried.is_none_or(|carried| carried.group.is_none()),
        }
    }

    /// Binds it to an owner; the first stays.
    pub(crate) fn bind(&self, alive: Alive) {
        // Whoever binds twice is told so by the caller's documentation.
        drop(self.alive.set(alive));
    }

    /// Whether its owner, if it has one, is still there.
    pub(crate) fn is_alive(&self) -> bool {
        self.alive.get().is_none_or(|alive| alive())
    }

    /// Where a value goes, if it is wanted.
    ///
    /// A filter or a key that panics lets the signal in: its handler is the place to fail.
    pub(crate) fn target(&self, value: &AnyValue) -> Option<Target> {
        if let Some(filter) = &self.wish.filter {
            if !caught(|| filter(value)).unwrap_or(true) {
                return None;
            }
        }
        let key = self.wish.key.as_ref().map(|key| caught(|| key(value)));
        Some(Target {
            queue: self.queue,
            key: key.and_then(Result::ok).unwrap_or_default(),
            alone: false,
        })
    }

    /// Says, once, that a topic of another type passes it by.
    pub(crate) fn tell_mismatch(&self, topic: &str, carries: Kind) {
        if !self.mismatch_told.swap(true, Ordering::Relaxed) {
            let wants = self.wish.kind.map_or("anything", |kind| kind.name);
            observe::warn(&format!(
                "{} takes `{wants}`, so topic `{topic}` is skipped for it, which carries `{}`",
                self.wish.site, carries.name
            ));
        }
    }
}
