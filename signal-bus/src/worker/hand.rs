//! The handler of a worker that takes one signal after the other, and the future of its calls.
//!
//! That future is made with the first signal and stays: it goes through what it is given, and then waits for more.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use tokio::time::Instant;

use crate::{
    error::Outcome,
    guarded::Guarded,
    observe::meter::Timing,
    queue::runs::{Handled, Through},
    scope::{Scope, place, running::Running},
    signal::{hatch, lead::Lead, run::Run, stock::Stock},
    worker::{Work, handler::Way, owner::Owner, told, words::Words},
};

/// How the calls of a handler have ended, if they have.
type Polled = Poll<Result<Outcome, String>>;

/// A call among others that has begun.
#[derive(Clone, Copy)]
struct Begun {
    /// How many signals were begun before it.
    before: u64,
    timed: bool,
}

/// A handler, and how far it is.
///
/// In this order, so that what a usual turn needs lies together.
#[repr(C)]
pub(crate) struct Hand<'call> {
    /// The calls of the handler, until one fails.
    calls: Guarded<'call, Outcome>,
    /// What they are in; made with the first one.
    scope: Option<Arc<Scope>>,
    lead: Arc<Lead>,
    /// The time of the run that is on.
    timing: Timing,
    /// How many signals had been begun at the end of the last run in which it has waited.
    waited_until: u64,
    /// How often it has taken long while others waited.
    slow: u8,
    /// Whether its handler has failed, and the queue was not told of it.
    failed: bool,
    /// Who waits to hear what becomes of the signals it has.
    words: Words,
    /// What it goes through by itself; `None` while the handler has it, and as long as it goes with others.
    stock: Option<Box<Stock>>,
    way: Way<'call>,
    /// Dropped last, when all that it held is gone, too.
    owner: Owner<'call>,
}

impl<'call> Hand<'call> {
    pub(super) fn new(owner: Owner<'call>, way: Way<'call>) -> Self {
        Self {
            owner,
            way,
            lead: Arc::default(),
            stock: None,
            calls: Guarded::over(),
            scope: None,
            timing: Timing::default(),
            waited_until: 0,
            slow: 0,
            failed: false,
            words: Words::default(),
        }
    }

    pub(super) fn work(&self) -> &Arc<Work> {
        &self.owner
    }

    /// How many signals it has that its handler has not begun; none while its handler has them.
    pub(super) fn left(&self) -> usize {
        self.stock.as_ref().map_or(0, |stock| stock.left())
    }

    /// What is through with its run, to be settled and filled again.
    pub(super) fn through(&mut self) -> Through<'_> {
        let work = &self.owner;
        Through {
            queue: work.queue,
            worker: work.id,
            handled: Handled {
                done: self.lead.unsettled(),
                dead: usize::from(std::mem::take(&mut self.failed)),
            },
            stock: self.stock.get_or_insert_default(),
            lead: &self.lead,
        }
    }

    /// Goes with others from now on, and through what they have; it has nothing by itself then.
    pub(super) fn go_together(&mut self) {
        self.stock = None;
    }

    /// Lets the handler go through so many further signals at most.
    pub(super) fn allow(&self, count: u64) {
        self.lead.allow(count);
    }

    /// Calls the handler with one signal after the other, until one fails or there are no more.
    ///
    /// It is pending where the handler waits for something else than signals.
    pub(super) fn poll(&mut self, running: &Arc<Running>, context: &mut Context<'_>) -> Poll<()> {
        let mut stock = self.stock.take();
        if let Some(stock) = &mut stock {
            stock.keep(running.keeps(&self.owner));
        }
        if !self.waits() {
            let begun = self.lead.begun();
            self.timing.begin(begun);
            stock
                .iter()
                .for_each(|stock| self.words.expect(stock, begun));
        }
        let (polled, back) = self.go_on(running, stock, context);
        self.pause(running, polled, back);
        self.progress(running)
    }

    /// Calls the handler with signals that others have, too, so many of them, which come back if it is through with them.
    ///
    /// Otherwise it has to go on by itself: it waits, or has failed. It may begin when another one has `ended`.
    #[inline]
    pub(super) fn poll_together(
        &mut self,
        running: &Arc<Running>,
        (stock, size): (Box<Stock>, usize),
        ended: &mut Option<Instant>,
        context: &mut Context<'_>,
    ) -> Option<Box<Stock>> {
        let begun = self.begin_next(ended);
        self.words.expect(&stock, begun.before);
        let (polled, back) = self.go_on(running, Some(stock), context);
        match (polled, back) {
            (Poll::Pending, Some(stock)) if stock.left() == 0 => {
                self.pass(running, begun, size, ended);
                self.words.done(self.lead.begun());
                Some(stock)
            }
            (polled, back) => {
                self.fall_out(running, begun, polled, back);
                None
            }
        }
    }

    /// Begins a call among others.
    #[inline(always)]
    fn begin_next(&mut self, ended: &mut Option<Instant>) -> Begun {
        let before = self.lead.begun();
        let timed = self.timing.is_due();
        let after = ended.take();
        if timed {
            self.timing.begin_after(before, after);
        }
        Begun { before, timed }
    }

    /// Ends a call among others that went through all of so many signals at once.
    #[inline(always)]
    fn pass(&mut self, running: &Running, begun: Begun, size: usize, ended: &mut Option<Instant>) {
        self.lead.end();
        match begun.timed {
            true => *ended = self.end_run(running),
            // It is as if it had begun and ended now.
            false => self.timing.pass(size),
        }
    }

    /// Notes that a call among others has not.
    #[inline(always)]
    fn fall_out(
        &mut self,
        running: &Arc<Running>,
        begun: Begun,
        polled: Polled,
        back: Option<Box<Stock>>,
    ) {
        if !begun.timed {
            self.timing.begin(begun.before);
        }
        // Nothing is noted of it alone before it has left the others.
        self.pause(running, polled, back);
    }

    /// Whether its calls have begun, so that they only are to be polled.
    #[inline]
    pub(super) fn is_usual(&self) -> bool {
        !self.calls.is_over()
    }

    /// As [`poll_together`](Self::poll_together), for one that [is as usual](Self::is_usual), with what lies in the hatch: that stays
    /// there for the next one, if it is through with it.
    #[inline]
    pub(super) fn poll_next(
        &mut self,
        running: &Arc<Running>,
        size: usize,
        ended: &mut Option<Instant>,
        context: &mut Context<'_>,
    ) -> bool {
        let begun = self.begin_next(ended);
        let Self { scope, calls, .. } = self;
        let polled = place::within(scope, || Pin::new(calls).poll(context));
        if polled.is_pending() && hatch::passes_on() {
            self.pass(running, begun, size, ended);
            return true;
        }
        self.fall_out(running, begun, polled, hatch::take());
        false
    }

    /// As [`poll`](Self::poll), for a handler that does not wait, with what it has by itself: the shorter way, if it is through at once.
    pub(super) fn poll_alone(
        &mut self,
        running: &Arc<Running>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        let mut stock = self.stock.take().unwrap_or_default();
        stock.keep(running.keeps(&self.owner));
        let size = stock.left();
        if let Some(mut stock) = self.poll_together(running, (stock, size), &mut None, context) {
            stock.release_segment();
            self.stock = Some(stock);
            return Poll::Ready(());
        }
        self.progress(running)
    }

    /// Settles what was handled, if the handler waits; whether it does not.
    fn progress(&self, running: &Running) -> Poll<()> {
        if !self.waits() {
            return Poll::Ready(());
        }
        if 0 < self.lead.unsettled() {
            running.exchange.progress(self.owner.queue);
        }
        Poll::Pending
    }

    /// Polls the calls with what there is for the handler; what it gives back it is through with.
    #[inline(always)]
    fn go_on(
        &mut self,
        running: &Arc<Running>,
        stock: Option<Box<Stock>>,
        context: &mut Context<'_>,
    ) -> (Polled, Option<Box<Stock>>) {
        if self.calls.is_over() {
            self.begin(running);
        }
        let outer = hatch::open(stock);
        let Self { scope, calls, .. } = self;
        let polled = place::within(scope, || Pin::new(calls).poll(context));
        (polled, hatch::close(outer))
    }

    #[cold]
    fn begin(&mut self, running: &Arc<Running>) {
        let work = &self.owner;
        // Whoever watches is to see it from its first signal on.
        work.meter(running, Some(&self.lead));
        let scope = Scope::leading(Arc::clone(running), work.queue, Arc::clone(&self.lead));
        self.scope = Some(Arc::new(scope));
        let run = Run::endless(Arc::clone(&self.lead), work.templates.clone());
        self.calls = Guarded::new(self.way.begin(run));
    }

    /// Notes that the handler waits, or how the run has ended.
    #[inline(never)]
    fn pause(&mut self, running: &Arc<Running>, polled: Polled, back: Option<Box<Stock>>) {
        let work = &self.owner;
        if polled.is_pending() && back.is_none() {
            let (begun, lead) = (self.lead.begun(), &self.lead);
            self.timing.waits(begun, || work.meter(running, Some(lead)));
            self.words.done(lead.over());
            return;
        }
        let outcome = match polled {
            Poll::Pending => Ok(()),
            Poll::Ready(outcome) => work.ended(running, outcome),
        };
        let begun = self.lead.begun();
        match &outcome {
            Ok(()) => {
                self.lead.end();
                self.words.done(begun);
            }
            Err(failure) => {
                self.lead.fail();
                self.words.failed(begun, failure);
            }
        }
        self.end_run(running);
        let mut stock = back.unwrap_or_default();
        self.failed = outcome.is_err();
        if self.failed {
            told::tell_of_last(&self.owner, running, &mut stock, outcome);
        }
        // What others have, too, is let go of before it is settled, and no lock is held here.
        stock.release_segment();
        self.stock = Some(stock);
    }

    /// Measures the run that has ended; returns when that was, if it is known.
    fn end_run(&mut self, running: &Running) -> Option<Instant> {
        let begun = self.lead.begun();
        if self.timing.has_waited() {
            self.waited_until = begun;
        }
        let (work, lead) = (&self.owner, &self.lead);
        self.timing.end(begun, || work.meter(running, Some(lead)))
    }

    /// Whether its handler is through with all it had, and has not failed.
    pub(super) fn is_through(&self) -> bool {
        !self.failed && self.left() == 0
    }

    /// Whether its handler waits for something else than signals.
    pub(super) fn waits(&self) -> bool {
        self.timing.is_on()
    }

    /// How many signals its handler has handled of late without waiting.
    pub(super) fn quick(&self) -> u64 {
        self.lead.begun() - self.waited_until
    }

    /// Notes that it has taken long while others waited; whether it may be among them still.
    pub(super) fn takes_long(&mut self) -> bool {
        self.slow = self.slow.saturating_add(1);
        self.comes_back()
    }

    /// Whether it may be among others: it has not taken long twice.
    pub(super) fn comes_back(&self) -> bool {
        self.slow < 2
    }

    /// Lets go of what a burst has needed, before nothing may come for long.
    pub(super) fn rest(&mut self) {
        self.stock.iter_mut().for_each(|stock| stock.rest());
    }

    /// Lets go of all it needs to call a closure, before nothing may come for long; what was measured stays.
    pub(super) fn lie_down(&mut self) {
        self.stop();
        (self.scope, self.stock) = (None, None);
    }

    /// Drops its calls, where they are at home.
    fn stop(&mut self) {
        let outer = hatch::open(None);
        let Self { scope, calls, .. } = self;
        if !calls.is_over() {
            place::within(scope, || *calls = Guarded::over());
        }
        drop(hatch::close(outer));
    }

    /// Ends with the bus, or the subscription.
    pub(super) fn end(self, running: &Running) {
        self.work().recovers(running);
        self.work().part(running);
        drop(self);
        running.tasks.reap();
    }
}

/// What is cut short drops what it holds, before it says that it has gone.
impl Drop for Hand<'_> {
    fn drop(&mut self) {
        self.stop();
        if self.waits() {
            // What was cut short runs no more.
            self.lead.fail();
        }
    }
}

#[cfg(test)]
impl Hand<'_> {
    /// Where what a usual turn needs ends.
    pub(super) const USUAL: usize = std::mem::offset_of!(Self, timing) + Timing::USUAL;
}
