//! The handler of a worker that takes one signal after the other, and the future of its calls.
//!
//! That future is made with the first signal and stays: it goes through what it is given, and then waits for more.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    error::Outcome,
    guarded::{Guarded, caught},
    observe::meter::Timing,
    queue::runs::{Handled, Through},
    registry::subscriber::Handle,
    scope::{Scope, place::Scoped, running::Running},
    signal::{hatch, lead::Lead, run::Run, segment::Segment, stock::Stock},
    worker::{Gone, Work, load::Keys, retry, told::Told},
};

/// The calls of a handler, until one fails.
type Calls = Scoped<Guarded<'static, Outcome>>;

/// A handler, and how far it is.
pub(crate) struct Hand {
    handle: Handle,
    lead: Arc<Lead>,
    /// `None` while the handler has it.
    stock: Option<Box<Stock>>,
    calls: Option<Calls>,
    /// The time of the run that is on.
    timing: Timing,
    /// How many signals of the run that is on were settled in the middle of it.
    settled: usize,
    /// Whether the handler has waited in the run that is on.
    waited: bool,
    /// How many signals it has handled of late without waiting.
    quick: usize,
    /// How often it has taken long while others waited.
    slow: u8,
    /// What the queue has not been told of.
    handled: Handled,
    /// Dropped last, when all that it held is gone, too.
    gone: Gone,
}

impl Hand {
    pub(crate) fn new(work: Arc<Work>, handle: Handle) -> Self {
        Self {
            gone: Gone(work),
            handle,
            lead: Arc::default(),
            stock: Some(Box::default()),
            calls: None,
            timing: Timing::default(),
            settled: 0,
            waited: false,
            quick: 0,
            slow: 0,
            handled: Handled::default(),
        }
    }

    pub(super) fn work(&self) -> &Arc<Work> {
        &self.gone.0
    }

    /// How many signals it has that its handler has not begun; none while its handler has them.
    pub(super) fn left(&self) -> usize {
        self.stock.as_ref().map_or(0, |stock| stock.left())
    }

    /// What is through with its run, to be settled and filled again.
    pub(super) fn through(&mut self) -> Through<'_> {
        let work = &self.gone.0;
        Through {
            queue: work.queue,
            worker: work.id,
            handled: std::mem::take(&mut self.handled),
            stock: self.stock.get_or_insert_default(),
            lead: &self.lead,
        }
    }

    /// Gives it signals that others have, too, when what it had before was settled with them.
    pub(super) fn fill(&mut self, segment: Arc<Segment>) {
        self.lead.recount();
        self.stock.get_or_insert_default().add_segment(segment);
    }

    /// Gives back the signals that others have, too, if it is through with them.
    pub(super) fn give_back(&mut self) -> Option<Arc<Segment>> {
        self.stock.as_mut()?.take_segment()
    }

    /// Notes that what it has handled was settled with what others have.
    pub(super) fn is_settled(&mut self) {
        self.handled = Handled::default();
        self.lead.recount();
    }

    /// Whether its handler has failed in the last run.
    pub(super) fn has_failed(&self) -> bool {
        0 < self.handled.dead
    }

    /// Lets the handler go through so many signals at most, from when it is next filled.
    pub(super) fn allow(&self, count: usize) {
        self.lead.allow(count);
    }

    /// Calls the handler with one signal after the other, until one fails or there are no more.
    ///
    /// It is pending where the handler waits for something else than signals. `together` if the queue has the same notes of it
    /// as of others.
    pub(super) fn poll(
        &mut self,
        running: &Arc<Running>,
        together: bool,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let work = &self.gone.0;
        let meter = work.meter(running, Some(&self.lead));
        self.timing.begin(meter);
        if let Some(stock) = &mut self.stock {
            stock.keep(running.keeps(work));
        }
        let calls = self
            .calls
            .get_or_insert_with(|| begin(work, &self.lead, self.handle, running));
        let outer = hatch::open(self.stock.take());
        let polled = Pin::new(calls).poll(context);
        let back = hatch::close(outer);
        let outcome = match (polled, back) {
            (Poll::Pending, None) => {
                self.waited = true;
                self.timing.waits(meter, self.lead.begun());
                // Where it goes with others, nothing is noted of it alone.
                if !together && 0 < self.lead.unsettled() {
                    self.settled += running.exchange.progress(work.queue);
                }
                return Poll::Pending;
            }
            (Poll::Pending, back) => {
                self.stock = back;
                Ok(())
            }
            (Poll::Ready(outcome), back) => {
                self.calls = None;
                self.stock = back;
                work.ended(running, outcome)
            }
        };
        let begun = self.lead.begun();
        if outcome.is_ok() {
            self.lead.end();
        }
        self.timing.end(meter, begun);
        let failed = usize::from(outcome.is_err());
        self.handled = Handled {
            done: begun.saturating_sub(failed + std::mem::take(&mut self.settled)),
            dead: failed,
        };
        if outcome.is_err() {
            tell(work, running, self.stock.get_or_insert_default(), outcome);
        }
        if let (Some(stock), false) = (&mut self.stock, together) {
            // What others have, too, is let go of before it is settled, and no lock is held here.
            stock.release_segment();
        }
        self.quick = match std::mem::take(&mut self.waited) {
            true => 0,
            false => self.quick.saturating_add(begun),
        };
        Poll::Ready(())
    }

    /// Whether its handler waits for something else than signals.
    pub(super) fn waits(&self) -> bool {
        self.stock.is_none()
    }

    /// How many signals its handler has handled of late without waiting.
    pub(super) fn quick(&self) -> usize {
        self.quick
    }

    /// Notes that it has taken long while others waited.
    pub(super) fn takes_long(&mut self) {
        self.slow = self.slow.saturating_add(1);
    }

    /// Whether it may be among others: it has not taken long twice.
    pub(super) fn comes_back(&self) -> bool {
        self.slow < 2
    }

    /// Lets go of what a burst has needed, before nothing may come for long.
    pub(super) fn rest(&mut self) {
        self.stock.iter_mut().for_each(|stock| stock.rest());
    }

    /// Ends with the bus, or the subscription.
    pub(super) fn end(self, running: &Running) {
        self.work().recovers(running);
        self.work().part(running);
        drop(self);
        running.tasks.reap();
    }
}

fn begin(work: &Arc<Work>, lead: &Arc<Lead>, handle: Handle, running: &Arc<Running>) -> Calls {
    let run = Run::endless(Arc::clone(lead), work.templates.clone());
    let scope = Scope::leading(Arc::clone(running), work.queue, Arc::clone(lead));
    scope.run(Guarded::new(handle(run)))
}

fn tell(work: &Work, running: &Arc<Running>, stock: &mut Stock, outcome: Outcome) {
    if let Some(label) = stock.label() {
        let (told, handled) = (
            Told::one(label, stock.kept()),
            retry::Handled::once(outcome),
        );
        told.tell(work, running, handled, &Keys::One([0]));
    }
    if let Err(panic) = caught(|| stock.end_current()) {
        tracing::error!(subscriber = %work.site, "its signal panicked while it was dropped: {panic}");
    }
}

/// What is cut short drops what it holds, before it says that it has gone.
impl Drop for Hand {
    fn drop(&mut self) {
        let outer = hatch::open(None);
        self.calls = None;
        drop(hatch::close(outer));
        if let Some(meter) = self.gone.0.meter.get() {
            self.timing.cut(meter);
        }
    }
}
