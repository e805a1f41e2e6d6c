//! A periodic function that runs once in a cluster: where the lease is.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::{Duration, SystemTime},
};

use tokio::time::Instant;

use crate::{
    clock::jitter,
    observe,
    periodic::{
        Begins, Next, begins,
        keeper::Keeper,
        run,
        schedule::{Due, Schedule},
    },
    scope::{control::Controls, running::Running, standing::Tenure},
};

/// Bits of a claim that tell it from others of the same time.
const RANDOM_BITS: u32 = 30;

/// Runs a periodic function while its bus has the lease, until the bus is asked to close.
pub(crate) fn begin(
    running: &Arc<Running>,
    controls: &Arc<Controls>,
    schedule: Schedule,
    keeper: &Arc<Keeper>,
) {
    // Said here and not inside, as of all others.
    let first = schedule.first(Instant::now());
    let turns = Turns {
        running: Arc::clone(running),
        controls: Arc::clone(controls),
        schedule,
        keeper: Arc::clone(keeper),
        first,
        last: None,
    };
    let (tasks, runtime) = (&running.tasks, &running.runtime);
    tasks.spawn(runtime, turns.run());
    tasks.spawn(runtime, Arc::clone(keeper).keep());
}

struct Turns {
    running: Arc<Running>,
    controls: Arc<Controls>,
    schedule: Schedule,
    keeper: Arc<Keeper>,
    /// When it would run first if it were alone.
    first: Due,
    /// The last claim of this bus, and what comes then if no other bus has made one since.
    last: Option<(u64, Next)>,
}

impl Turns {
    async fn run(mut self) {
        while let Some(tenure) = self.stand_by().await {
            if !self.has_its_turn(tenure).await {
                break;
            }
        }
        self.controls.next_is(None);
        self.keeper.end();
    }

    /// Waits for the lease; `None` if the bus closes.
    async fn stand_by(&self) -> Option<Tenure> {
        loop {
            if self.controls.take_trigger() {
                let site = self.controls.site;
                observe::warn(&format!(
                    "{site} was asked to run, and does not: this bus has not got its lease (`PeriodicHandle::lease` tells who has)"
                ));
                self.running.exchange.end_run();
            }
            self.controls.next_is(None);
            tokio::select! {
                biased;
                () = self.running.ending.requested() => {
                    if self.controls.end() {
                        return None;
                    }
                }
                () = self.controls.changed() => {}
                tenure = self.controls.standing.held() => return Some(tenure),
            }
        }
    }

    /// Runs it as long as this bus has the lease; `false` if the bus closes meanwhile.
    async fn has_its_turn(&mut self, tenure: Tenure) -> bool {
        let (controls, schedule) = (Arc::clone(&self.controls), &self.schedule);
        let mut next = self.resumed(tenure);
        loop {
            let begins = tokio::select! {
                biased;
                () = controls.standing.lost(tenure) => return true,
                begins = begins(&self.running, &controls, schedule, next) => begins,
            };
            let asked_for = match begins {
                Begins::InTime => false,
                Begins::Triggered => true,
                Begins::Never => return false,
            };
            // A run that was asked for is beside a schedule that has its own times.
            let beside = asked_for && schedule.has_times();
            let claim = (!beside).then(|| claim(next.due));
            if let Some(claim) = claim {
                self.last = Some((claim, next));
            }
            if !self.keeper.claim(claim).await {
                self.running.exchange.end_run();
                return true;
            }
            run(&self.running, &controls, schedule).await;
            if let Some(claim) = claim {
                next = next.after(schedule);
                self.last = Some((claim, next));
                // The others wait for as long.
                if !schedule.has_times() {
                    self.keeper.claim(Some(claim)).await;
                }
            }
            if controls.is_paused() {
                controls.standing.stir();
            }
            self.running.exchange.end_run();
        }
    }

    /// What comes next when the lease is had anew: as if whoever has run it last had gone on.
    fn resumed(&self, tenure: Tenure) -> Next {
        let now = Instant::now();
        let Some((mark, read)) = tenure.marked else {
            return self.next(Some(self.schedule.late(self.first, now)));
        };
        if let Some((claim, next)) = self.last {
            if claim == mark.number {
                return next;
            }
        }
        let ago = mark.ago.saturating_add(now.duration_since(read));
        let was_due = SystemTime::UNIX_EPOCH + Duration::from_secs(mark.number >> RANDOM_BITS);
        self.next(self.schedule.resumed(self.first, was_due, ago, now))
    }

    fn next(&self, due: Option<Due>) -> Next {
        let rest = jitter(self.schedule.jitter());
        Next { due, rest }
    }
}

/// What is noted with the lease when a run begins: what time of day it is for, if it is for one, so that no other bus runs it for the same; and
/// something of its own, by which this bus knows it again.
fn claim(due: Option<Due>) -> u64 {
    let random = RandomState::new().hash_one(std::process::id()) >> (u64::BITS - RANDOM_BITS);
    let seconds = match due {
        Some(Due::Wall(time)) => {
            let since = time.duration_since(SystemTime::UNIX_EPOCH);
            since.unwrap_or_default().as_secs()
        }
        Some(Due::At(_)) | None => 0,
    };
    seconds << RANDOM_BITS | random
}
