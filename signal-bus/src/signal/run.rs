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
    signal::{AnyValue, Signal, hatch, lead::Lead, stock::Stock},
    topic::template::Template,
};

/// Signals for one handler.
pub struct Run {
    /// `None` while it waits for signals.
    stock: Option<Box<Stock>>,
    lead: Arc<Lead>,
    templates: Option<Arc<[Template]>>,
    /// Whether it has no more signals than it was made with, and those were not begun.
    only: Option<bool>,
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
            only: None,
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
            only: Some(true),
        }
    }

    /// Waits until there are signals; `false` if there will never be.
    #[inline]
    pub fn more(&mut self) -> More<'_> {
        More(self)
    }

    /// The next signal, if there is one at hand; the one before it is over then, and dropped.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator's items cannot borrow from it"
    )]
    #[inline]
    pub fn next(&mut self) -> Option<Turn<'_>> {
        let stock = self.stock.as_deref_mut()?;
        let templates = self.templates.as_ref();
        let goes_on = stock.goes_on(&self.lead);
        goes_on.then_some(Turn { stock, templates })
    }

    fn poll_more(&mut self) -> Poll<bool> {
        if let Some(first) = &mut self.only {
            return Poll::Ready(std::mem::take(first));
        }
        if let Some(through) = self.stock.take() {
            // The worker looks here again when it has something.
            hatch::put_back(through);
            return Poll::Pending;
        }
        self.stock = hatch::take();
        match self.stock.is_some() {
            true => Poll::Ready(true),
            false => Poll::Pending,
        }
    }
}

/// What is left is passed back. Of a run that is given no more, it is dropped here, so that a value that panics then is its handler's.
impl Drop for Run {
    fn drop(&mut self) {
        let Some(mut stock) = self.stock.take() else {
            return;
        };
        if self.only.is_none() {
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

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<bool> {
        self.0.poll_more()
    }
}

/// One signal of a run, at the door of its handler.
pub struct Turn<'run> {
    stock: &'run mut Stock,
    templates: Option<&'run Arc<[Template]>>,
}

impl fmt::Debug for Turn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Turn({:?})", self.stock)
    }
}

impl Turn<'_> {
    /// The value, as long as it was not taken.
    #[inline]
    pub(crate) fn value(&self) -> Option<&AnyValue> {
        self.stock.value()
    }

    /// The value with its share, which the run then has no more, unless it keeps it.
    #[inline]
    pub(crate) fn take_value(&mut self) -> Option<Arc<AnyValue>> {
        self.stock.take_value()
    }

    /// A share of the whole signal.
    pub(crate) fn share(&self) -> Option<Signal> {
        let value = self.stock.share_value()?;
        self.stock.labelled(value, self.templates)
    }

    /// The whole signal, of which the run keeps the label only.
    pub(crate) fn take_signal(&mut self) -> Option<Signal> {
        let value = self.take_value()?;
        self.stock.labelled(value, self.templates)
    }
}
