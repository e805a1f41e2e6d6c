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
    /// Whether it gets no more signals than it was made with.
    only: bool,
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
            only: false,
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
            only: true,
        }
    }

    /// Waits for more signals, when it is through with those at hand; `false` if there will never be any.
    #[inline]
    pub fn more(&mut self) -> More<'_> {
        More {
            run: self,
            waits: false,
        }
    }

    /// The signals at hand: those it has, or what the worker hands in.
    ///
    /// Not in line: each handler would have that code, and where many handle a signal they would not fit into the cache.
    #[inline(never)]
    pub(crate) fn stretch<T: ?Sized + Payload>(&mut self) -> Stretch<'_, T, T::Row> {
        if self.stock.is_none() {
            self.stock = hatch::take();
        }
        let stock = self.stock.as_deref_mut();
        Stretch::new(stock, &self.lead, self.templates.as_ref())
    }

    /// Passes back what it is through with; whether it may get more.
    #[inline(never)]
    fn passes_back(&mut self) -> bool {
        if self.only {
            return false;
        }
        if let Some(mut through) = self.stock.take() {
            through.comes_back(&self.lead);
            hatch::put_back(through);
        }
        true
    }
}

/// What is left is passed back. Of a run that is given no more, it is dropped here, so that a value that panics then is its handler's.
impl Drop for Run {
    fn drop(&mut self) {
        let Some(mut stock) = self.stock.take() else {
            return;
        };
        stock.comes_back(&self.lead);
        if !self.only {
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
pub struct More<'run> {
    run: &'run mut Run,
    /// Whether what it had was passed back: the worker looks here again when it has something.
    waits: bool,
}

impl Future for More<'_> {
    type Output = bool;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<bool> {
        if self.waits {
            return Poll::Ready(true);
        }
        self.waits = true;
        match self.run.passes_back() {
            true => Poll::Pending,
            false => Poll::Ready(false),
        }
    }
}
