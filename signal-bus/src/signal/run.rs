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
        AnyValue, Signal, SignalId,
        label::{Label, Origin},
    },
    topic::template::Template,
};

/// Signals for one handler.
pub struct Run {
    waiting: VecDeque<Signal>,
    current: Option<Current>,
    lead: Arc<Lead>,
    templates: Option<Arc<[Template]>>,
    /// Whether a signal is still wanted when its handler has failed.
    keeps: bool,
}

/// The signal that the handler has in hand.
struct Current {
    /// `None` once the handler has taken it.
    value: Option<Arc<AnyValue>>,
    label: Arc<Label>,
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

    fn follow(&self, origin: Origin) {
        self.parent.store(origin.parent.number(), Ordering::Relaxed);
        self.root.store(origin.root.number(), Ordering::Relaxed);
    }

    /// How many signals the handler has begun with since the run was last filled.
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
        write!(f, "Run({} wait)", self.waiting.len())
    }
}

impl Run {
    /// A run without signals yet, for a subscription that was written so.
    pub(crate) fn new(templates: Option<Arc<[Template]>>) -> Self {
        Self {
            waiting: VecDeque::new(),
            current: None,
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

    /// Adds a signal to those that wait.
    pub(crate) fn add(&mut self, signal: Signal) {
        self.waiting.push_back(signal);
    }

    /// How many signals have not been begun.
    pub(crate) fn left(&self) -> usize {
        self.waiting.len()
    }

    /// The next signal; the one before it is over then, and dropped.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator's items cannot borrow from it"
    )]
    pub fn next(&mut self) -> Option<Turn<'_>> {
        self.end_current();
        if self.lead.stopped.load(Ordering::Acquire) {
            return None;
        }
        let Signal { value, label, .. } = self.waiting.pop_front()?;
        self.lead.follow(label.leads());
        let begun = self.lead.begun() + 1;
        self.lead.begun.store(begun, Ordering::Relaxed);
        let current = self.current.insert(Current {
            value: Some(value),
            label,
        });
        Some(Turn {
            current,
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
    pub(crate) fn label(&self) -> Option<&Arc<Label>> {
        self.current.as_ref().map(|current| &current.label)
    }

    /// The signal that the handler had last, if the run keeps it.
    pub(crate) fn kept(&self) -> Option<Signal> {
        let current = self.current.as_ref().filter(|_| self.keeps)?;
        Some(Signal {
            value: current.value.clone()?,
            label: Arc::clone(&current.label),
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
    current: &'run mut Current,
    templates: Option<&'run Arc<[Template]>>,
    keeps: bool,
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Turn({})", self.current.label.id)
    }
}

impl Turn<'_> {
    /// The value, as long as it was not taken.
    pub(crate) fn value(&self) -> Option<&AnyValue> {
        self.current.value.as_deref()
    }

    /// The value with its share, which the run then has no more, unless it keeps it.
    pub(crate) fn take_value(&mut self) -> Option<Arc<AnyValue>> {
        match self.keeps {
            true => self.current.value.clone(),
            false => self.current.value.take(),
        }
    }

    /// A share of the whole signal.
    pub(crate) fn share(&self) -> Option<Signal> {
        Some(Signal {
            value: self.current.value.clone()?,
            label: Arc::clone(&self.current.label),
            templates: self.templates.map(Arc::clone),
        })
    }

    /// The whole signal, of which the run keeps the label only.
    pub(crate) fn take_signal(&mut self) -> Option<Signal> {
        Some(Signal {
            value: self.take_value()?,
            label: Arc::clone(&self.current.label),
            templates: self.templates.map(Arc::clone),
        })
    }
}
