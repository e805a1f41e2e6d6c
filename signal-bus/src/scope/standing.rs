//! Who has the lease of a periodic function, as far as its bus knows.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::{
    sync::{Notify, watch},
    time::{self, Instant},
};

use crate::{report::lease::LeaseState, transport::Mark};

/// Where a bus stands with the lease of one of its functions.
#[derive(Debug)]
pub(crate) struct Standing {
    stand: watch::Sender<Stand>,
    /// How often it got the lease.
    tenures_count: AtomicU64,
    stirred: Notify,
}

/// Where a bus stands with a lease.
#[derive(Clone, Debug)]
pub(crate) enum Stand {
    /// It takes none.
    Unneeded,
    Holds(Tenure),
    Elsewhere {
        holder: String,
    },
    /// It has none of its own will.
    Rests {
        reason: &'static str,
    },
    /// It cannot have it, or does not know.
    Fails {
        reason: String,
    },
}

/// The time in which a bus has the lease.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tenure {
    number: u64,
    until: Instant,
    /// What stands on the lease, and when that was read.
    pub(crate) marked: Option<(Mark, Instant)>,
}

impl Default for Standing {
    fn default() -> Self {
        Self {
            stand: watch::Sender::new(Stand::Unneeded),
            tenures_count: AtomicU64::new(0),
            stirred: Notify::new(),
        }
    }
}

impl Standing {
    /// Says what has become of it; whether that is another kind of news than before.
    pub(crate) fn tell(&self, stand: Stand) -> bool {
        let before = self.stand.send_replace(stand);
        std::mem::discriminant(&before) != std::mem::discriminant(&*self.stand.borrow())
    }

    /// Says that it has the lease, still or anew; whether it is anew.
    pub(crate) fn tell_held(&self, until: Instant, marked: Option<Mark>) -> bool {
        let now = Instant::now();
        let before = self.tenure(now).map(|tenure| tenure.number);
        let number = before.unwrap_or_else(|| self.tenures_count.fetch_add(1, Ordering::Relaxed));
        self.stand.send_replace(Stand::Holds(Tenure {
            number,
            until,
            marked: marked.map(|mark| (mark, now)),
        }));
        before.is_none()
    }

    /// The tenure, if it has the lease now.
    pub(crate) fn tenure(&self, now: Instant) -> Option<Tenure> {
        match *self.stand.borrow() {
            Stand::Holds(tenure) if now < tenure.until => Some(tenure),
            _ => None,
        }
    }

    /// Waits until it has the lease.
    pub(crate) async fn held(&self) -> Tenure {
        let mut stands = self.stand.subscribe();
        loop {
            stands.borrow_and_update();
            if let Some(tenure) = self.tenure(Instant::now()) {
                return tenure;
            }
            // It is its own sender.
            drop(stands.changed().await);
        }
    }

    /// Waits until a tenure is over: also if nobody says so, when its time is.
    pub(crate) async fn lost(&self, tenure: Tenure) {
        let mut stands = self.stand.subscribe();
        loop {
            stands.borrow_and_update();
            let now = self.tenure(Instant::now());
            let Some(now) = now.filter(|now| now.number == tenure.number) else {
                return;
            };
            drop(time::timeout_at(now.until, stands.changed()).await);
        }
    }

    /// Has whoever keeps the lease look again whether it is wanted.
    pub(crate) fn stir(&self) {
        self.stirred.notify_one();
    }

    /// Waits until there is something to look at; only the lease's keeper does.
    pub(crate) async fn stirred(&self) {
        self.stirred.notified().await;
    }

    /// Who has the lease; `None` if none is needed.
    pub(crate) fn state(&self) -> Option<LeaseState> {
        let stand = self.stand.borrow().clone();
        Some(match stand {
            Stand::Unneeded => return None,
            Stand::Holds(tenure) if Instant::now() < tenure.until => LeaseState::Held,
            Stand::Holds(_) => LeaseState::NotHeld {
                reason: "it could not be renewed in time".into(),
            },
            Stand::Elsewhere { holder } => LeaseState::HeldBy { holder },
            Stand::Rests { reason } => LeaseState::NotHeld {
                reason: reason.into(),
            },
            Stand::Fails { reason } => LeaseState::NotHeld { reason },
        })
    }

    /// What keeps it from having the lease, or from knowing who has it.
    pub(crate) fn trouble(&self) -> Option<String> {
        match (&*self.stand.borrow(), self.state()) {
            (Stand::Rests { .. }, _) => None,
            (_, Some(LeaseState::NotHeld { reason })) => Some(reason),
            _ => None,
        }
    }
}
