//! One of those who take from a subscription at run time: the only one, or a member of a group.

use std::{
    fmt,
    num::NonZeroUsize,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    latch::Latch,
    queue::parked::WorkerId,
    route::hearer::{Alive, Hearer},
};

/// A listener or a reader.
pub(crate) struct Member {
    /// Tells it from the others who take from the same queue.
    pub(crate) id: WorkerId,
    pub(crate) hearer: Arc<Hearer>,
    pub(crate) limit: Option<NonZeroUsize>,
    /// Whether it is to go, though its queue stays.
    leaves: AtomicBool,
    /// Whether nobody wants what it has not done.
    abandoned: AtomicBool,
    departed: Latch,
    alive: OnceLock<Alive>,
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Member({} of {:?})", self.id, self.hearer)
    }
}

impl Member {
    pub(crate) fn new(id: WorkerId, hearer: Arc<Hearer>, limit: Option<NonZeroUsize>) -> Self {
        Self {
            id,
            hearer,
            limit,
            leaves: AtomicBool::new(false),
            abandoned: AtomicBool::new(false),
            departed: Latch::default(),
            alive: OnceLock::new(),
        }
    }

    /// Tells its worker to go.
    pub(crate) fn tell_to_leave(&self) {
        self.leaves.store(true, Ordering::Release);
    }

    pub(crate) fn leaves(&self) -> bool {
        self.leaves.load(Ordering::Acquire)
    }

    /// Marks it as departed; `false` if it was before.
    pub(crate) fn departs(&self) -> bool {
        self.departed.opens()
    }

    pub(crate) fn has_departed(&self) -> bool {
        self.departed.is_open()
    }

    /// Waits until it departs.
    pub(crate) async fn departed(&self) {
        self.departed.wait().await;
    }

    /// Says that nobody wants any more what it has not done.
    pub(crate) fn abandons(&self) {
        self.abandoned.store(true, Ordering::Release);
        self.departed.tell();
    }

    /// Waits until nobody wants what it has not done.
    pub(crate) async fn abandoned(&self) {
        let abandoned = || self.abandoned.load(Ordering::Acquire);
        self.departed.until(abandoned).await;
    }

    /// Binds it to an owner; the first stays, and `false` is returned for others.
    pub(crate) fn bind(&self, alive: Alive) -> bool {
        // The others of a group are not bound by it; alone, it is bound as a whole.
        if self.hearer.wish.group.is_none() {
            self.hearer.bind(Arc::clone(&alive));
        }
        self.alive.set(alive).is_ok()
    }

    /// Whether its owner, if it has one, is still there.
    pub(crate) fn is_alive(&self) -> bool {
        self.alive.get().is_none_or(|alive| alive())
    }
}
