//! A topic of a running bus: what it carries, and who hears it.

use std::{
    collections::HashSet,
    panic::Location,
    sync::{
        Arc, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    error::publish::Refusal,
    queue::{
        kept::Keeps,
        log::LogId,
        offer::{Destination, Target},
    },
    route::{
        found::{Finding, Way},
        hearer::Hearer,
    },
    signal::{
        AnyValue, Kind,
        label::{About, Label, Stamp},
    },
    sync::RwLock,
    topic::Traits,
};

/// A topic, or the broadcast of one type.
#[derive(Debug)]
pub(crate) struct Route {
    /// What it is called, and the type it carries.
    pub(crate) about: Arc<About>,
    /// Its number; publishers that wait stand in the line of this number.
    pub(crate) line: usize,
    /// Where the first publish, which has bound the type, stands; `None` where attributes have.
    pub(crate) bound_at: Option<&'static Location<'static>>,
    /// Whether its newest signal is kept.
    pub(crate) sticky: AtomicBool,
    /// Whether its signals stay in this bus.
    pub(crate) local: AtomicBool,
    /// Whether its signals travel to other processes, and come from there.
    pub(crate) travels: Option<Travels>,
    /// Whether it was asked for lately.
    used: AtomicBool,
    hearing: RwLock<Option<Arc<Hearing>>>,
    found: Finding,
}

/// How the signals of a topic travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Travels {
    /// The number of the connection.
    pub(crate) link: u16,
    /// Whether each of its groups is one over all processes.
    pub(crate) groups: bool,
}

/// Who hears a topic, as found out in one generation.
#[derive(Debug)]
pub(crate) struct Hearing {
    pub(crate) generation: u64,
    /// Where all signals go, unless each has to be asked for.
    usual: Destination,
    /// In the order of the targets: the most specific first.
    pub(crate) hearers: Box<[Arc<Hearer>]>,
    /// Whether a filter, a key or an owner must be asked for each signal.
    selective: bool,
    /// Whether groups that hear it are one over all processes, so that they get only what came for them.
    pub(crate) far_groups: bool,
    /// Subscriptions that hear the topic but not its type.
    pub(crate) mismatched: u64,
    /// Whether nobody may publish on it any more.
    pub(crate) closed: bool,
}

impl Hearing {
    pub(crate) fn new(generation: u64, hearers: Vec<Arc<Hearer>>, keeps: Keeps) -> Self {
        let target = |hearer: &Arc<Hearer>| Target {
            queue: hearer.queue,
            key: 0,
            alone: false,
        };
        let mut logs = Logs::default();
        let first = hearers.iter().filter(|hearer| logs.is_new(hearer));
        Self {
            generation,
            usual: Destination {
                generation,
                targets: first.map(target).collect(),
                keeps: (!keeps.nothing()).then(|| Arc::new(keeps)),
            },
            selective: hearers.iter().any(|hearer| hearer.is_selective()),
            far_groups: false,
            hearers: hearers.into(),
            mismatched: 0,
            closed: false,
        }
    }

    /// Says how its signals travel.
    pub(crate) fn travel(&mut self, travels: Option<Travels>) {
        let grouped = self.hearers.iter().any(|one| one.wish.group.is_some());
        self.far_groups = grouped && travels.is_some_and(|travels| travels.groups);
        self.selective |= self.far_groups;
    }

    pub(crate) fn is_heard(&self) -> bool {
        !self.usual.targets.is_empty()
    }

    pub(crate) fn keeps(&self) -> Option<&Arc<Keeps>> {
        self.usual.keeps.as_ref()
    }

    /// Where all signals go, if that is all there is to do with them.
    pub(crate) fn plain(&self) -> Option<&Destination> {
        let plain = !(self.selective || self.closed || 0 < self.mismatched);
        (plain && self.is_heard() && self.keeps().is_none()).then_some(&self.usual)
    }

    /// Whether somebody may publish on the topic still.
    pub(crate) fn check(&self, route: &Route) -> Result<(), Refusal> {
        if self.closed {
            let topic = (*route.about.topic).into();
            return Err(Refusal::TopicClosed { topic });
        }
        Ok(())
    }

    /// The log that all signals go into, if that is all there is to do with them.
    pub(crate) fn lane(&self) -> Option<LogId> {
        let only = self.plain()?.targets.len() == 1;
        self.hearers.first()?.log().filter(|_| only)
    }

    /// Whether a signal goes anywhere at all.
    pub(crate) fn is_silent(&self) -> bool {
        !self.is_heard() && self.keeps().is_none() && self.mismatched == 0 && !self.closed
    }

    /// Where a value goes; and the subscriptions whose owners are gone.
    pub(crate) fn destination(
        &self,
        value: &AnyValue,
        label: &Label,
    ) -> (Destination, Vec<Arc<Hearer>>) {
        let mut gone = Vec::new();
        let targets = if self.selective {
            let alive = self.hearers.iter().filter(|hearer| {
                let alive = hearer.is_alive();
                if !alive {
                    gone.push(Arc::clone(hearer));
                }
                alive
            });
            let wants = alive.filter(|hearer| hearer.passes(label));
            let wants = wants.filter(|hearer| !self.far_groups || hearer.is_meant(label));
            let mut logs = Logs::default();
            let first = wants.filter(|hearer| logs.is_new(hearer));
            first.filter_map(|hearer| hearer.target(value)).collect()
        } else {
            Arc::clone(&self.usual.targets)
        };
        let destination = Destination {
            targets,
            ..self.usual.clone()
        };
        (destination, gone)
    }
}

impl Route {
    /// The label of a signal of the topic.
    pub(crate) fn label(&self, stamp: Stamp) -> Label {
        let about = Arc::clone(&self.about);
        Label { about, stamp }
    }

    pub(crate) fn new(
        topic: &str,
        line: usize,
        carries: Kind,
        bound_at: Option<&'static Location<'static>>,
    ) -> Self {
        Self {
            about: Arc::new(About {
                topic: topic.into(),
                carries,
            }),
            line,
            bound_at,
            sticky: AtomicBool::new(false),
            local: AtomicBool::new(false),
            travels: None,
            used: AtomicBool::new(false),
            hearing: RwLock::new(None),
            found: Finding::default(),
        }
    }

    /// Who hears it, if that was found out in this generation; nobody if it is known that nobody does.
    pub(crate) fn known(&self, generation: u64) -> Known {
        if self.is_silent(generation) {
            return Known::Silent;
        }
        let hearing = self.hearing.read().unwrap_or_else(PoisonError::into_inner);
        match &*hearing {
            Some(hearing) if hearing.generation == generation => Known::Heard(Arc::clone(hearing)),
            _ => Known::Nothing,
        }
    }

    /// Whether it is known that nobody hears it, and nothing is kept of it.
    pub(crate) fn is_silent(&self, generation: u64) -> bool {
        self.found.is_silent(generation)
    }

    /// Whether it is known that its signals travel, and nobody hears them here.
    #[cfg(feature = "transport")]
    pub(crate) fn only_leaves(&self, generation: u64) -> bool {
        self.found.leaves(generation)
    }

    /// Whether it was found out who hears it.
    pub(crate) fn is_known(&self, generation: u64) -> bool {
        self.found.is_known(generation)
    }

    /// Does something with the destination of all its signals, if that is known and all there is to do with them.
    ///
    /// It is held meanwhile, so what is done must not come back to this topic.
    pub(crate) fn with_plain<R>(
        &self,
        generation: u64,
        with: impl FnOnce(&Destination) -> R,
    ) -> Option<R> {
        let hearing = self.hearing.read().unwrap_or_else(PoisonError::into_inner);
        let known = hearing
            .as_deref()
            .filter(|hearing| hearing.generation == generation);
        known.and_then(Hearing::plain).map(with)
    }

    /// The log that all its signals go into, if that is all there is to do with them.
    fn lane(&self, hearing: &Hearing) -> Option<LogId> {
        hearing.lane().filter(|_| self.travels.is_none())
    }

    /// How its signals are published, as far as that is known.
    #[inline]
    pub(crate) fn way(&self, generation: u64) -> Way {
        self.found.way(generation)
    }

    /// Whether it was ever found out how its signals are published.
    pub(super) fn was_found(&self) -> bool {
        self.found.was_any()
    }

    /// Whether its signals stay in this bus.
    #[inline]
    pub(crate) fn is_local(&self) -> bool {
        self.local.load(Ordering::Acquire)
    }

    /// Remembers who hears it.
    pub(crate) fn learn(&self, hearing: &Arc<Hearing>) {
        let leaves = hearing.is_silent() && self.travels.is_some();
        let silent = hearing.is_silent() && !leaves;
        let known = (!silent).then(|| Arc::clone(hearing));
        let before = std::mem::replace(
            &mut *self.hearing.write().unwrap_or_else(PoisonError::into_inner),
            known,
        );
        drop(before);
        let generation = hearing.generation;
        match silent {
            true => self.found.silent(generation),
            false if leaves => self.found.only_leaves(generation),
            false => self.found.heard(generation, self.lane(hearing)),
        }
    }

    /// Forgets who heard it before `generation`.
    pub(crate) fn forget(&self, generation: u64) {
        let mut hearing = self.hearing.write().unwrap_or_else(PoisonError::into_inner);
        let old = hearing.take_if(|hearing| hearing.generation < generation);
        drop(hearing);
        drop(old);
    }

    /// Keeps it for longer: it was asked for.
    #[inline]
    pub(super) fn keep(&self) {
        // Where it is asked for all the time, nobody else has to fetch it anew.
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether nobody has asked for it since the last time this was called.
    pub(super) fn lets_go(&self) -> bool {
        !self.used.swap(false, Ordering::Relaxed)
    }

    /// Sets what is special about it, beside what is set already.
    pub(crate) fn mark(&self, traits: Traits) {
        if traits.sticky {
            self.sticky.store(true, Ordering::Release);
        }
        if traits.local {
            self.local.store(true, Ordering::Release);
        }
    }

    #[inline]
    pub(crate) fn check(&self, kind: Kind) -> Result<(), Refusal> {
        if self.about.carries == kind {
            return Ok(());
        }
        Err(Refusal::TypeMismatch {
            topic: (*self.about.topic).into(),
            carries: self.about.carries.name,
            found: kind.name,
        })
    }
}

/// The logs that a signal goes into: it goes into each once, for all who have a part in it.
#[derive(Default)]
struct Logs(HashSet<LogId>);

impl Logs {
    /// Whether a hearer is the first to name its log, or has none.
    fn is_new(&mut self, hearer: &Hearer) -> bool {
        hearer.log().is_none_or(|log| self.0.insert(log))
    }
}

/// What a route knows of its hearers.
pub(crate) enum Known {
    Heard(Arc<Hearing>),
    Silent,
    Nothing,
}
