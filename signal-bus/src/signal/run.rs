//! Signals on their way to one handler, which takes them one after the other.
//!
//! A handler's future is made, boxed and guarded once, and not for each signal: when it is through with what it has, it waits for
//! more, and only a failure ends it.

use std::{
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    guarded::discard,
    signal::{Payload, Signal, hatch, lead::Lead, stock::Stock, stretch::Stretch},
    topic::template::Template,
};

/// Signals for one handler.
pub struct Run {
    /// `None` while it waits for signals.
    stock: Option<Box<Stock>>,
    lead: Arc<Lead>,
    templates: Option<Arc<[Template]>>,
    supply: Supply,
}

/// Whether signals are still to come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Supply {
    /// Through the [hatch], when it is through with those at hand.
    HandedIn,
    /// What it was made with, which was not looked at.
    Once,
    Never,
}

/// What is to be done with a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Goes,
    Waits,
    Ends,
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Run({:?})", self.stock)
    }
}

impl Run {
    /// A run that is given signals through the [hatch], for a subscription that was written so.
    pub(crate) fn endless(lead: Arc<Lead>, templates: Option<Arc<[Template]>>) -> Self {
        Self {
            stock: None,
            lead,
            templates,
            supply: Supply::HandedIn,
        }
    }

    /// A run of one signal.
    pub(crate) fn of(signal: Signal, templates: Option<Arc<[Template]>>) -> Self {
        let mut stock = Box::<Stock>::default();
        stock.add(signal);
        Self {
            stock: Some(stock),
            lead: Arc::default(),
            templates,
            supply: Supply::Once,
        }
    }

    /// Waits for signals; `false` if there will be none.
    #[inline]
    pub fn more(&mut self) -> More<'_> {
        More(self)
    }

    /// Goes to what the worker hands in, or passes back what it is through with.
    ///
    /// One step for both, and not in line: each handler would have that code, and where many handle a signal they would not fit into
    /// the cache.
    #[inline(never)]
    fn step(&mut self) -> Step {
        match self.supply {
            Supply::HandedIn => match self.stock.take() {
                Some(mut through) => {
                    through.comes_back(&self.lead);
                    hatch::put_back(through);
                    Step::Waits
                }
                None => {
                    self.stock = hatch::take();
                    match self.stock {
                        Some(_) => Step::Goes,
                        None => Step::Waits,
                    }
                }
            },
            Supply::Once => {
                self.supply = Supply::Never;
                Step::Goes
            }
            Supply::Never => Step::Ends,
        }
    }

    /// The signals at hand.
    #[inline(never)]
    pub(crate) fn stretch<T: ?Sized + Payload>(&mut self) -> Stretch<'_, T, T::Row> {
        let stock = self.stock.as_deref_mut().expect("it has waited for them");
        Stretch::new(stock, &self.lead, self.templates.as_ref())
    }
}

/// What is left is passed back. Of a run that is given no more, it is dropped here, so that a value that panics then is its handler's.
impl Drop for Run {
    fn drop(&mut self) {
        let Some(mut stock) = self.stock.take() else {
            return;
        };
        stock.comes_back(&self.lead);
        if self.supply == Supply::HandedIn {
            hatch::put_back(stock);
        } else if std::thread::panicking() {
            discard(stock);
        } else {
            stock.end_current();
        }
    }
}

/// The wait for signals of a run.
#[derive(Debug)]
#[must_use = "futures do nothing unless they are polled"]
pub struct More<'run>(&'run mut Run);

impl Future for More<'_> {
    type Output = bool;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<bool> {
        match self.0.step() {
            Step::Goes => Poll::Ready(true),
            Step::Waits => Poll::Pending,
            Step::Ends => Poll::Ready(false),
        }
    }
}
