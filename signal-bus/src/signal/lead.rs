//! What of a run is seen from outside while its handler has it.

use std::sync::atomic::Ordering;

use crate::{
    signal::{id::SignalId, label::Origin},
    sync::{AtomicU8, AtomicU64},
};

/// How far a handler is that goes from signal to signal.
///
/// Its counts only grow, so that nobody has to begin them anew between two runs.
#[derive(Debug)]
pub(crate) struct Lead {
    /// How far the id of the signal in hand is ahead of how many were begun: of signals whose ids follow one another that stays
    /// the same, so nothing of it is written for each.
    ahead: AtomicU64,
    /// The first of all that led to the signal in hand, if that is not itself.
    root: AtomicU64,
    /// How many signals the handler has begun with.
    begun: AtomicU64,
    /// How many of those have been settled.
    settled: AtomicU64,
    /// How many may have been begun at most.
    limit: AtomicU64,
    /// What has become of the last one that was begun: [`OVER`], [`ON`] or [`FAILED`].
    last: AtomicU8,
}

/// The root of a signal that nothing led to.
const ITSELF: u64 = 0;

/// No signal may be begun any more.
const STOPPED: u64 = 0;

/// Over, as those before it.
const OVER: u8 = 0;
/// In the hands of the handler.
const ON: u8 = 1;
/// No more in its hands, but not over before it is settled.
const FAILED: u8 = 2;

impl Default for Lead {
    fn default() -> Self {
        Self {
            ahead: AtomicU64::new(SignalId::UNSET.number()),
            root: AtomicU64::new(ITSELF),
            begun: AtomicU64::new(0),
            settled: AtomicU64::new(0),
            limit: AtomicU64::new(u64::MAX),
            last: AtomicU8::new(OVER),
        }
    }
}

impl Lead {
    /// What leads to what the handler publishes now.
    pub(crate) fn origin(&self) -> Origin {
        let parent = self
            .ahead
            .load(Ordering::Relaxed)
            .wrapping_add(self.begun());
        let root = match self.root.load(Ordering::Relaxed) {
            ITSELF => parent,
            root => root,
        };
        let [parent, root] = [parent, root].map(SignalId::numbered);
        Origin { parent, root }
    }

    /// Whether a further signal may be begun, where so many were.
    #[inline]
    fn goes_on_from(&self, begun: u64) -> bool {
        begun < self.limit.load(Ordering::Acquire)
    }

    /// Whether a further signal may be begun.
    #[inline]
    pub(super) fn goes_on(&self) -> bool {
        self.goes_on_from(self.begun())
    }

    /// Begins with a signal, where so many were begun, if a further one may be.
    #[inline]
    pub(super) fn follows(&self, begun: u64, leads: Origin) -> bool {
        let goes_on = self.goes_on_from(begun);
        if goes_on {
            self.follow_on(begun, leads);
        }
        goes_on
    }

    /// Begins with the next signal.
    pub(super) fn follow(&self, leads: Origin) {
        self.follow_on(self.begun(), leads);
    }

    #[inline]
    fn follow_on(&self, begun: u64, leads: Origin) {
        let Origin { parent, root } = leads;
        self.expect(parent, begun);
        if root != parent {
            self.root.store(root.number(), Ordering::Relaxed);
        }
        self.begin(begun);
    }

    /// Makes ready for a signal of this id that nothing led to, before which so many are begun, and for such as have the ids behind it.
    #[inline]
    pub(super) fn expect(&self, id: SignalId, before: u64) {
        let ahead = id.number().wrapping_sub(before.wrapping_add(1));
        self.ahead.store(ahead, Ordering::Relaxed);
        self.root.store(ITSELF, Ordering::Relaxed);
    }

    /// Begins with the one that was [expected](Self::expect), where so many were begun, if a further one may be begun.
    #[inline]
    pub(super) fn steps(&self, begun: u64) -> bool {
        let goes_on = self.goes_on_from(begun);
        if goes_on {
            self.begin(begun);
        }
        goes_on
    }

    #[inline]
    fn begin(&self, begun: u64) {
        // First, so that nobody sees it begun and over.
        self.last.store(ON, Ordering::Relaxed);
        // Nobody else writes it.
        self.begun.store(begun + 1, Ordering::Release);
    }

    /// How many signals the handler has begun with.
    #[inline]
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Acquire)
    }

    /// How many signals are over, of those that the handler has begun with.
    pub(crate) fn over(&self) -> u64 {
        self.begun() - u64::from(self.is_on())
    }

    /// How many signals are over and not settled.
    pub(crate) fn unsettled(&self) -> usize {
        let settled = self.settled.load(Ordering::Relaxed);
        let begun = self.begun();
        let unsettled = begun.saturating_sub(settled + u64::from(self.is_on()));
        usize::try_from(unsettled).unwrap_or(usize::MAX)
    }

    /// Counts signals that were settled.
    pub(crate) fn settle(&self, count: u64) {
        self.settled.fetch_add(count, Ordering::Relaxed);
    }

    /// Notes that all that was begun is settled.
    pub(crate) fn settle_all(&self) {
        self.settled.store(self.begun(), Ordering::Relaxed);
        self.end();
    }

    /// Notes that what was begun is over.
    #[inline]
    pub(crate) fn end(&self) {
        self.last.store(OVER, Ordering::Relaxed);
    }

    /// Notes that the handler has failed with the last one.
    pub(crate) fn fail(&self) {
        self.last.store(FAILED, Ordering::Relaxed);
    }

    /// Whether the last one that was begun is not over.
    pub(crate) fn is_on(&self) -> bool {
        self.last.load(Ordering::Relaxed) != OVER
    }

    /// The signal that is in the hands of the handler, by how many it has begun with; `None` if there is none.
    pub(crate) fn in_hand(&self) -> Option<u64> {
        let on = self.last.load(Ordering::Relaxed) == ON;
        on.then(|| self.begun())
    }

    /// Lets only so many further signals be begun; none once it was [stopped](Self::stop).
    pub(crate) fn allow(&self, count: u64) {
        let limit = self.begun().saturating_add(count);
        let now = self.limit.load(Ordering::Relaxed);
        if now != STOPPED {
            let (success, failure) = (Ordering::Release, Ordering::Relaxed);
            // Nobody else changes it but who stops it.
            self.limit
                .compare_exchange(now, limit, success, failure)
                .ok();
        }
    }

    /// Lets no further signal be begun. One that is being begun on another thread may still be.
    pub(crate) fn stop(&self) {
        self.limit.store(STOPPED, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::Lead;
    use crate::signal::{id::SignalId, label::Origin};

    fn led(number: u64) -> Origin {
        let id = SignalId::numbered(number);
        Origin {
            parent: id,
            root: id,
        }
    }

    #[test]
    fn what_is_over_is_to_be_settled_and_what_is_in_hand_is_not() {
        let lead = Lead::default();
        assert_eq!((lead.unsettled(), lead.in_hand()), (0, None));
        lead.follow(led(1));
        lead.follow(led(2));
        assert_eq!((lead.unsettled(), lead.in_hand()), (1, Some(2)));
        lead.settle(1);
        lead.end();
        assert_eq!((lead.unsettled(), lead.in_hand()), (1, None));
        // The next run, before the one before it is settled.
        lead.follow(led(3));
        assert_eq!((lead.unsettled(), lead.in_hand()), (1, Some(3)));
        lead.fail();
        assert_eq!((lead.unsettled(), lead.in_hand()), (1, None));
        assert!(lead.is_on(), "it is not over before it is settled");
        lead.settle_all();
        assert_eq!((lead.unsettled(), lead.is_on()), (0, false));
    }

    #[test]
    fn what_leads_to_the_next_follows_from_the_ids_of_those_that_are_expected() {
        let id = SignalId::numbered;
        let lead = Lead::default();
        lead.follow(Origin {
            parent: id(3),
            root: id(2),
        });
        assert_eq!((lead.origin().parent, lead.origin().root), (id(3), id(2)));
        lead.expect(id(7), 1);
        assert!(lead.steps(1) && lead.origin() == led(7));
        assert!(lead.steps(2) && lead.origin() == led(8));
        lead.stop();
        assert!(!lead.steps(3) && lead.origin() == led(8));
    }

    #[test]
    fn only_as_many_further_signals_are_begun_as_are_allowed() {
        let lead = Lead::default();
        lead.follow(led(1));
        lead.allow(1);
        assert!(lead.goes_on());
        lead.follow(led(2));
        assert!(!lead.goes_on());
        lead.allow(u64::MAX);
        assert!(lead.goes_on());
        lead.stop();
        lead.allow(1);
        assert!(!lead.goes_on(), "who was stopped stays so");
    }
}
