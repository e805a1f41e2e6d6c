//! Has the lease of a function renewed, asked for, and given back.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::Mutex,
    time::{self, Instant},
};

use crate::{
    clock::later,
    observe,
    scope::{control::Controls, standing::Stand},
    transport::{
        TransportError, TransportFault,
        lease::{Holding, Lease},
    },
};

/// How long a lease is given back for at most: who is not heard of has it no longer anyway.
const GIVE_BACK_MAX: Duration = Duration::from_millis(500);

/// How long between two questions at least.
const MOMENT: Duration = Duration::from_millis(1);

/// Keeps the lease of one function.
pub(crate) struct Keeper {
    lease: Arc<dyn Lease>,
    times: Times,
    controls: Arc<Controls>,
    /// Who asks is alone with the lease.
    asking: Mutex<()>,
    over: AtomicBool,
}

/// How long is waited for what, so that another takes over in time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// For how long the lease is asked for.
    pub(crate) lease: Duration,
    /// How long after it has asked its holder relies on it: clocks may differ by a tenth.
    valid: Duration,
    renew: Duration,
    /// How often others look whether it is free; together with the lease, that is what was asked for.
    look: Duration,
}

impl Times {
    /// What it takes for another to take over within so long.
    pub(crate) fn within(most: Duration) -> Self {
        let lease = most * 4 / 5;
        Self {
            lease,
            valid: lease * 9 / 10,
            renew: lease / 3,
            look: most / 5,
        }
    }
}

impl Keeper {
    pub(crate) fn new(lease: Arc<dyn Lease>, times: Times, controls: Arc<Controls>) -> Self {
        controls.standing.tell(Stand::Rests {
            reason: "it was not asked for yet",
        });
        Self {
            lease,
            times,
            controls,
            asking: Mutex::new(()),
            over: AtomicBool::new(false),
        }
    }

    /// Asks for the lease at the start, where it is told what keeps the bus from ever having it.
    pub(crate) async fn begin(&self) -> Result<(), TransportError> {
        match self.ask(None).await {
            Err(error) if is_lasting(error.fault()) => Err(error),
            _ => Ok(()),
        }
    }

    /// Keeps the lease until it is over, and gives it back.
    pub(crate) async fn keep(self: Arc<Self>) {
        while !self.over.load(Ordering::Acquire) {
            let standing = &self.controls.standing;
            let paused = self.controls.is_paused();
            let holds = standing.tenure(Instant::now()).is_some();
            // A run that is under way comes to its end before others begin one.
            if paused && !self.controls.is_running() {
                self.give_back("it is paused here").await;
                standing.stirred().await;
                continue;
            }
            let wait = match self.ask(None).await {
                Ok(Holding::Ours { .. }) => self.times.renew,
                Ok(Holding::Theirs { free_in, .. }) => self.times.look.min(free_in.max(MOMENT)),
                Err(_) if holds => self.times.look.min(self.times.renew / 2),
                Err(_) => self.times.look,
            };
            let elsewhere = standing.tenure(Instant::now()).is_none();
            tokio::select! {
                () = standing.stirred() => {}
                () = self.lease.released(), if elsewhere => {}
                () = time::sleep(wait) => {}
            }
        }
        self.give_back("the bus closes").await;
    }

    /// Ends it.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Release);
        self.controls.standing.stir();
    }

    /// Whether a run may begin now: whoever has the lease says with it that he begins.
    pub(crate) async fn claim(&self, mark: Option<u64>) -> bool {
        let held = self.ask(mark).await;
        let standing = &self.controls.standing;
        if held.is_ok() && standing.tenure(Instant::now()).is_some() {
            return true;
        }
        // The time is not over yet, but what was said of it is not certain either.
        if let Err(error) = held {
            self.fails(&error);
        }
        false
    }

    /// Asks for the lease, and tells of what came of it.
    async fn ask(&self, mark: Option<u64>) -> Result<Holding, TransportError> {
        let _alone = self.asking.lock().await;
        let standing = &self.controls.standing;
        let asked = Instant::now();
        let answer = time::timeout(self.times.lease / 2, self.lease.hold(mark)).await;
        let answer = answer.unwrap_or_else(|_| {
            let reason = "no answer in time";
            Err(TransportError::new(TransportFault::Unknown, reason))
        });
        let site = self.controls.site;
        match &answer {
            Ok(Holding::Ours { marked }) => {
                if standing.tell_held(later(asked, self.times.valid), *marked) {
                    tracing::info!(periodic = %site, "runs here from now on: this bus has the lease");
                }
            }
            Ok(Holding::Theirs { holder, .. }) => {
                let holder = holder.clone();
                if standing.tell(Stand::Elsewhere { holder }) {
                    tracing::info!(periodic = %site, "runs elsewhere: another bus has the lease");
                }
            }
            // Whoever has it has it still, until its time is over.
            Err(_) if standing.tenure(Instant::now()).is_some() => {}
            Err(error) => self.fails(error),
        }
        answer
    }

    fn fails(&self, error: &TransportError) {
        let reason = error.to_string();
        if self.controls.standing.tell(Stand::Fails {
            reason: reason.clone(),
        }) {
            let site = self.controls.site;
            observe::warn(&format!(
                "{site} does not run: its lease cannot be had: {reason}; it is asked for again and again"
            ));
        }
    }

    async fn give_back(&self, reason: &'static str) {
        let _alone = self.asking.lock().await;
        let standing = &self.controls.standing;
        let held = standing.tenure(Instant::now()).is_some();
        standing.tell(Stand::Rests { reason });
        if !held {
            return;
        }
        let released = time::timeout(GIVE_BACK_MAX, self.lease.release()).await;
        if !matches!(released, Ok(Ok(()))) {
            let site = self.controls.site;
            tracing::warn!(periodic = %site, "the lease may not have been given back: it is free when its time is over");
        }
    }
}

/// Whether the same will be said the next time.
fn is_lasting(fault: TransportFault) -> bool {
    matches!(
        fault,
        TransportFault::Unauthorized | TransportFault::Missing | TransportFault::Refused
    )
}
