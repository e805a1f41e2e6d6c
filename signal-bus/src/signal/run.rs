//! Signals on their way to one handler, which takes them one after the other.
//!
//! A handler's future is made, boxed and guarded once for a run, and not once for each signal of it.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use crate::{
    guarded::discard,
    signal::{
        AnyValue, Signal,
        id::SignalId,
        label::{Label, Origin},
    },
    topic::template::Template,
};

/// A run that waits to be filled keeps room for so many signals.
const RESTING_ROOM_MAX: usize = 4;

/// Signals for one handler.
pub struct Run {
    waiting: VecDeque<Signal>,
    current: Option<Current>,
    /// Signals that others have, too; those before `at` are over, or the last of them is at hand.
    shared: Option<Arc<Segment>>,
    at: usize,
    spare: Option<Arc<Segment>>,
    /// How many signals may still be begun.
    allowed: usize,
    lead: Arc<Lead>,
    templates: Option<Arc<[Template]>>,
    /// Whether a signal is still wanted when its handler has failed.
    keeps: bool,
}

/// Signals of one topic, in order, that several handlers share; nobody changes them.
#[derive(Default, Debug)]
pub(crate) struct Segment(Vec<Signal>);

impl Segment {
    pub(crate) fn of(signals: Vec<Signal>) -> Self {
        Self(signals)
    }

    /// Takes over the signals, and gives its room for them.
    pub(crate) fn fill(&mut self, signals: &mut Vec<Signal>) {
        std::mem::swap(&mut self.0, signals);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Drop for Segment {
    fn drop(&mut self) {
        // One value that panics does not keep the others.
        self.0.drain(..).for_each(discard);
    }
}

/// The signal that the handler has in hand.
struct Current {
    /// `None` once the handler has taken it.
    value: Option<Arc<AnyValue>>,
    label: Label,
}

/// What of a run is seen from outside while its handler has it.
#[derive(Debug)]
pub(crate) struct Lead {
    parent: AtomicU64,
    root: AtomicU64,
    /// How many signals the handler has begun with since the run was last filled.
    begun: AtomicUsize,
    /// How many of those have been settled.
    settled: AtomicUsize,
    /// Whether the rest is not to be begun.
    stopped: AtomicBool,
}

impl Lead {
    /// What leads to what the handler publishes now.
    pub(crate) fn origin(&self) -> Origin {
        let id = |number: &AtomicU64| SignalId::numbered(number.load(Ordering::Relaxed));
        Origin {
            parent: id(&self.parent),
            root: id(&self.root),
        }
    }

    #[inline]
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Begins with the next signal.
    #[inline]
    fn follow(&self, label: &Label) {
        let Origin { parent, root } = label.leads();
        self.parent.store(parent.number(), Ordering::Relaxed);
        self.root.store(root.number(), Ordering::Relaxed);
        // Nobody else writes it.
        self.begun.store(self.begun() + 1, Ordering::Relaxed);
    }

    /// How many signals the handler has begun with since the run was last filled.
    #[inline]
    pub(crate) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// How many signals are over and not settled, when the last one that was begun is not over.
    pub(crate) fn unsettled(&self) -> usize {
        let settled = self.settled.load(Ordering::Relaxed);
        self.begun().saturating_sub(settled + 1)
    }

    /// Counts signals that were settled.
    pub(crate) fn settle(&self, count: usize) {
        self.settled.fetch_add(count, Ordering::Relaxed);
    }

    /// Begins to count anew.
    pub(crate) fn recount(&self) {
        self.begun.store(0, Ordering::Relaxed);
        self.settled.store(0, Ordering::Relaxed);
    }

    /// Lets no further signal be begun. One that is being begun on another thread may still be.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run({} wait)", self.left())
    }
}

impl Run {
    /// A run without signals yet, for a subscription that was written so.
    pub(crate) fn new(templates: Option<Arc<[Template]>>) -> Self {
        Self {
            waiting: VecDeque::new(),
            current: None,
            shared: None,
            at: 0,
            spare: None,
            allowed: usize::MAX,
            lead: Arc::new(Lead {
                parent: AtomicU64::new(SignalId::UNSET.number()),
                root: AtomicU64::new(SignalId::UNSET.number()),
                begun: AtomicUsize::new(0),
                settled: AtomicUsize::new(0),
                stopped: AtomicBool::new(false),
            }),
            templates,
            keeps: false,
        }
    }

    /// Says whether a signal is still wanted when its handler has failed; then the handler gets a share of the value only.
    pub(crate) fn keep(&mut self, keeps: bool) {
        self.keeps = keeps;
    }

    pub(crate) fn lead(&self) -> &Arc<Lead> {
        &self.lead
    }

    /// Lets only so many signals be begun from now on.
    pub(crate) fn allow(&mut self, count: usize) {
        self.allowed = count;
    }

    /// Whether the next signal may be begun; counts it then.
    #[inline]
    fn goes_on(&mut self) -> bool {
        let goes_on = 0 < self.allowed && !self.lead.is_stopped();
        self.allowed -= usize::from(goes_on);
        goes_on
    }

    /// Adds a signal to those that wait.
    pub(crate) fn add(&mut self, signal: Signal) {
        self.waiting.push_back(signal);
    }

    /// Lets it go through signals that others may have, too; the last who has them gets them for itself.
    pub(crate) fn add_segment(&mut self, mut segment: Arc<Segment>) {
        self.at = 0;
        let Some(Segment(signals)) = Arc::get_mut(&mut segment) else {
            self.shared = Some(segment);
            return;
        };
        let room = std::mem::take(&mut self.waiting);
        self.waiting = std::mem::replace(signals, room.into()).into();
        self.spare = Some(segment);
    }

    /// Lets go of the signals that others have, too, when it is through.
    pub(crate) fn release_shared(&mut self) {
        drop(self.shared.take_if(|segment| segment.len() <= self.at));
    }

    /// Gives back the room that a burst has needed, before nothing may come for long.
    pub(crate) fn rest(&mut self) {
        if RESTING_ROOM_MAX < self.waiting.capacity() {
            self.waiting = VecDeque::new();
        }
    }

    /// An empty segment to be filled again, if it has one.
    pub(crate) fn take_spare(&mut self) -> Option<Arc<Segment>> {
        self.spare.take()
    }

    /// How many signals have not been begun.
    pub(crate) fn left(&self) -> usize {
        let shared = self.shared.as_ref();
        self.waiting.len() + shared.map_or(0, |shared| shared.len() - self.at)
    }

    /// The next signal; the one before it is over then, and dropped.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator's items cannot borrow from it"
    )]
    #[inline]
    pub fn next(&mut self) -> Option<Turn<'_>> {
        if self.shared.is_none() {
            return self.next_own();
        }
        if !self.goes_on() {
            return None;
        }
        let signal = self.shared.as_ref()?.0.get(self.at)?;
        self.at += 1;
        self.lead.follow(&signal.label);
        Some(Turn {
            held: Held::Shared(signal),
            templates: self.templates.as_ref(),
            keeps: self.keeps,
        })
    }

    fn next_own(&mut self) -> Option<Turn<'_>> {
        if self.current.is_some() {
            self.end_current();
        }
        if !self.goes_on() {
            return None;
        }
        let Signal { value, label, .. } = self.waiting.pop_front()?;
        self.lead.follow(&label);
        let value = Some(value);
        Some(Turn {
            held: Held::Own(self.current.insert(Current { value, label })),
            templates: self.templates.as_ref(),
            keeps: self.keeps,
        })
    }

    /// Drops the value at hand. If that panics, its label is still there to say whose fault it was.
    pub(crate) fn end_current(&mut self) {
        if let Some(current) = &mut self.current {
            drop(current.value.take());
        }
        self.current = None;
    }

    /// The label of the signal that the handler has, or had last.
    pub(crate) fn label(&self) -> Option<&Label> {
        let last = self.last_shared().map(|signal| &signal.label);
        last.or_else(|| self.current.as_ref().map(|current| &current.label))
    }

    fn last_shared(&self) -> Option<&Signal> {
        let shared = self.shared.as_ref()?;
        shared.0.get(self.at.checked_sub(1)?)
    }

    /// The signal that the handler had last, if the run keeps it.
    pub(crate) fn kept(&self) -> Option<Signal> {
        if let Some(signal) = self.last_shared() {
            return Some(signal.clone());
        }
        let current = self.current.as_ref().filter(|_| self.keeps)?;
        Some(Signal {
            value: current.value.clone()?,
            label: current.label.clone(),
            templates: None,
        })
    }
}

/// What was not begun is dropped, and a value may panic then.
impl Drop for Run {
    fn drop(&mut self) {
        discard(self.current.take());
        self.waiting.drain(..).for_each(discard);
    }
}

/// One signal of a run, at the door of its handler.
pub struct Turn<'run> {
    held: Held<'run>,
    templates: Option<&'run Arc<[Template]>>,
    keeps: bool,
}

/// Who has the value.
enum Held<'run> {
    /// The run alone; nobody, once the handler has taken it.
    Own(&'run mut Current),
    Shared(&'run Signal),
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Turn({})", self.label().id)
    }
}

impl Turn<'_> {
    fn label(&self) -> &Label {
        match &self.held {
            Held::Own(current) => &current.label,
            Held::Shared(signal) => &signal.label,
        }
    }

    /// The value, as long as it was not taken.
    #[inline]
    pub(crate) fn value(&self) -> Option<&AnyValue> {
        match &self.held {
            Held::Own(current) => current.value.as_deref(),
            Held::Shared(signal) => Some(&*signal.value),
        }
    }

    /// The value with its share, which the run then has no more, unless it keeps it.
    #[inline]
    pub(crate) fn take_value(&mut self) -> Option<Arc<AnyValue>> {
        match &mut self.held {
            Held::Own(current) if self.keeps => current.value.clone(),
            Held::Own(current) => current.value.take(),
            Held::Shared(signal) => Some(Arc::clone(&signal.value)),
        }
    }

    /// A share of the whole signal.
    pub(crate) fn share(&self) -> Option<Signal> {
        let value = match &self.held {
            Held::Own(current) => current.value.clone()?,
            Held::Shared(signal) => Arc::clone(&signal.value),
        };
        Some(self.labelled(value))
    }

    /// The whole signal, of which the run keeps the label only.
    pub(crate) fn take_signal(&mut self) -> Option<Signal> {
        let value = self.take_value()?;
        Some(self.labelled(value))
    }

    fn labelled(&self, value: Arc<AnyValue>) -> Signal {
        Signal {
            value,
            label: self.label().clone(),
            templates: self.templates.map(Arc::clone),
        }
    }
}
