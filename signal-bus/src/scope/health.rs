//! Whether a bus is well: who rests, who stalls, and who makes publishers wait.

use std::{future::poll_fn, pin::Pin, sync::Arc};

use tokio::time::{self, Instant};

use crate::{
    observe,
    queue::{
        admission::{Admission, Waited},
        ledger::Publishing,
        stores::QueueId,
    },
    report::health::{Ailment, Health, Phase, Symptom},
    route::hearer::Hearer,
    scope::{
        active::Entered,
        running::{BusHandle, Running},
    },
};

/// Looks at what takes long, as long as anything runs or waits.
async fn watch(running: Arc<Running>) {
    loop {
        tokio::select! {
            biased;
            () = running.exchange.drained() => return,
            () = time::sleep(running.watch.look_after()) => {}
        }
        running.look();
        if running.rests_from_watching() {
            return;
        }
    }
}

impl Running {
    /// Counts a handler that begins, and sees to it that it is watched.
    pub(crate) fn enter(self: &Arc<Self>) -> Entered<'_> {
        let (entered, begins) = self.active.enter();
        if begins {
            self.watch_on();
        }
        entered
    }

    /// Sees to it that handlers are watched which begin with what they have taken: who takes signals together need not be counted,
    /// for those are outstanding.
    #[inline]
    pub(crate) fn begin(self: &Arc<Self>) {
        if !self.active.is_watched() && self.active.begins_to_watch() {
            self.watch_on();
        }
    }

    /// Waits until a signal is let in, and sees to it that the wait is watched.
    pub(crate) async fn admitted(self: &Arc<Self>, admission: &mut Admission) -> Waited {
        poll_fn(|context| {
            let polled = Pin::new(&mut *admission).poll(context);
            // Only now it stands in its line, where the watch would see it.
            if polled.is_pending() && self.active.begins_to_watch() {
                self.watch_on();
            }
            polled
        })
        .await
    }

    #[cold]
    fn watch_on(self: &Arc<Self>) {
        let watch = watch(Arc::clone(self));
        // One that has ended stalls nobody, and nobody looks.
        self.tasks.spawn(&self.runtime, watch);
        self.tasks.reap();
    }

    /// Ends the watch, if there is nothing to look at.
    fn rests_from_watching(&self) -> bool {
        let is_needed = self.active.ends_to_watch() || self.exchange.is_to_be_watched();
        // Whoever has begun in between may watch already.
        !(is_needed && self.active.begins_to_watch())
    }

    /// Looks at what takes long, and tells of each once.
    fn look(&self) {
        let now = Instant::now();
        let limit = self.watch.limit;
        for (queue, stalled_for) in self.watch.stalls(now) {
            let Some(hearer) = self.hearer(queue) else {
                continue;
            };
            let waiting = match self.exchange.waiting(queue) {
                0 => String::new(),
                1 => ", and 1 signal waits".to_owned(),
                count => format!(", and {count} signals wait"),
            };
            observe::warn(&format!(
                "a handler of {} has been running for {stalled_for:.1?}{waiting}: give it a `timeout`, or more `concurrency`, or \
                 say that it may run longer than {limit:?} (`Bus::stall_after`)",
                hearer.wish.site
            ));
        }
        for controls in &self.periodics {
            let stalled_for = self.watch.stalled(&controls.meter, now);
            let Some(stalled_for) = stalled_for.filter(|_| controls.meter.tell()) else {
                continue;
            };
            let site = controls.site;
            observe::warn(&format!(
                "a run of {site} has been going on for {stalled_for:.1?}, and no other begins before its end: give what it waits for \
                 a limit, or say that it may run longer than {limit:?} (`Bus::stall_after`)"
            ));
        }
        let long = self.watch.long(self.exchange.publishing(), now);
        for (wait, waited) in self.watch.untold(long) {
            let Some(hearer) = self.hearer(wait.queue) else {
                continue;
            };
            let (site, capacity) = (hearer.wish.site, hearer.wish.settings.capacity);
            observe::warn(&format!(
                "a publish on {} has been waiting for {waited:.1?} for room in {site}, which is full (its capacity is {capacity}): handle or \
                 read them faster, give it an `overflow` policy, or say that a publish may wait longer than {limit:?} \
                 (`Bus::stall_after`)",
                name(&wait.topic)
            ));
        }
    }

    fn hearer(&self, queue: QueueId) -> Option<Arc<Hearer>> {
        self.routes.present().of_queue(queue).cloned()
    }

    fn health(&self) -> Health {
        let now = Instant::now();
        let hearers: Vec<_> = self.routes.present().all().cloned().collect();
        let tripped = self.trips.all();
        let long = self.watch.long(self.exchange.publishing(), now);
        let mut symptoms = Vec::new();
        for hearer in hearers {
            let mut add = |ailment| {
                symptoms.push(Symptom {
                    site: hearer.wish.site,
                    topics: hearer.written(),
                    ailment,
                });
            };
            if tripped.contains(&hearer.queue) {
                add(Ailment::Tripped);
            }
            if let (_, Some(running_for)) = self.watch.measured(hearer.queue, now) {
                add(Ailment::Stalled { running_for });
            }
            let waits = long.iter().filter(|(wait, _)| wait.queue == hearer.queue);
            for (Publishing { topic, .. }, waited) in waits {
                add(Ailment::Full {
                    topic: Arc::clone(topic),
                    waited: *waited,
                });
            }
        }
        for controls in &self.periodics {
            let tripped = controls.trip.is_tripped().then_some(Ailment::Tripped);
            let stalled = self.watch.stalled(&controls.meter, now);
            let stalled = stalled.map(|running_for| Ailment::Stalled { running_for });
            let ailments = tripped.into_iter().chain(stalled);
            #[cfg(feature = "transport")]
            let ailments = ailments.chain(controls.standing.trouble().map(no_lease));
            symptoms.extend(ailments.map(|ailment| Symptom {
                site: controls.site,
                topics: Arc::default(),
                ailment,
            }));
        }
        let phase = match (self.ending.report(), self.ending.is_requested()) {
            (Some(_), _) => Phase::Closed,
            (None, true) => Phase::Closing,
            (None, false) => Phase::Running,
        };
        Health {
            names: self.written_names(),
            phase,
            symptoms,
            connections: self.links.health(),
        }
    }
}

#[cfg(feature = "transport")]
fn no_lease(reason: String) -> Ailment {
    Ailment::NoLease { reason }
}

/// A topic in words.
fn name(topic: &str) -> String {
    match topic {
        "" => "all topics (a broadcast)".to_owned(),
        topic => format!("`{topic}`"),
    }
}

impl BusHandle {
    /// Whether the bus is well: who rests, who stalls, and who makes publishers wait, as of now.
    ///
    /// For a probe that asks whether the program is alive, and for the eyes of an operator: the `Display` names each function
    /// with file and line. What [stalls](crate::Bus::stall_after) and who makes publishers wait for that long is also warned of
    /// in the log, once each, so nobody has to ask. It costs about as much as [`stats`](Self::stats).
    ///
    /// A runtime with one thread which a handler blocks cannot answer; a thread of its own can ask, and sees
    /// the stall from the second look on.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let bus = signal_bus::Bus::empty().start().await?;
    /// let health = bus.health();
    /// assert!(health.is_healthy(), "{health}");
    /// assert_eq!(health.to_string(), "running, healthy");
    /// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn health(&self) -> Health {
        self.running().health()
    }
}
