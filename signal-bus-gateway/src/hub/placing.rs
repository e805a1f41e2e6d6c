//! The subscriber that gives each accepted event its place, keeps it, and hands it on.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use signal_bus::{Signal, Subscription};
use tokio::{sync::oneshot, time::timeout};

use crate::{
    backlog::line::{Keep, Line},
    event::{Draft, Event},
    hub::{Accepted, Row, stream::Offered},
    mutex::lock,
};

/// So many are kept and handed on together.
const TOGETHER_MAX: usize = 256;
/// How often a store that has failed is tried.
const TRIAL_PERIOD: Duration = Duration::from_secs(1);

/// Gives each accepted event its place, until the bus is closed and all of them have one.
pub(super) async fn place_all(
    mut accepted: Subscription<Accepted>,
    row: Arc<Row>,
    mut keep: Option<impl Keep>,
) {
    let mut next = lock(&row.inner).backlog.next();
    while let Some(first) = next_accepted(&mut accepted, &row, keep.as_mut()).await {
        let mut together = vec![first];
        while together.len() < TOGETHER_MAX {
            match accepted.try_recv() {
                Some(signal) => together.push(signal),
                None => break,
            }
        }
        let count = together.len().try_into().unwrap_or(u64::MAX);
        let (mut events, mut lines, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
        for signal in together {
            let Some((draft, kept)) = taken(&signal) else {
                continue;
            };
            let line: Arc<str> = draft.line(next).into();
            if keep.is_some() {
                lines.push(Line {
                    sequence: next.sequence,
                    timestamp: draft.timestamp(),
                    path: draft.path().into(),
                    line: Arc::clone(&line),
                });
            }
            events.push(Arc::new(draft.into_event(next, &line)));
            waiting.extend(kept);
            next.sequence += 1;
        }
        match &mut keep {
            None => row.place(&events),
            Some(keep) if keep.is_awaited() => {
                // Who was told that an event is not stored may send it again: nobody has seen it.
                let kept = keep.keep(lines).await;
                let is_kept = kept.is_ok();
                row.note_kept(kept);
                if is_kept {
                    row.place(&events);
                }
                // Who does not wait any more need not know.
                waiting
                    .into_iter()
                    .for_each(|kept| kept.send(is_kept).unwrap_or_default());
            }
            Some(keep) => {
                row.place(&events);
                row.note_kept(keep.keep(lines).await);
            }
        }
        row.settled.send_modify(|settled| *settled += count);
    }
}

/// Waits for what comes next; looks meanwhile whether a store that has failed has recovered, for those who send nothing until it has.
async fn next_accepted(
    accepted: &mut Subscription<Accepted>,
    row: &Row,
    mut keep: Option<&mut impl Keep>,
) -> Option<Signal<Accepted>> {
    loop {
        let is_failing = lock(&row.store_fault).is_some();
        let Some(keep) = keep.as_mut().filter(|_| is_failing) else {
            return accepted.recv().await;
        };
        match timeout(TRIAL_PERIOD, accepted.recv()).await {
            Ok(accepted) => return accepted,
            Err(_) => *lock(&row.store_fault) = keep.try_out().await.err(),
        }
    }
}

fn taken(signal: &Signal<Accepted>) -> Option<(Draft, Option<oneshot::Sender<bool>>)> {
    let draft = lock(&signal.draft).take()?;
    Some((draft, lock(&signal.kept).take()))
}

impl Row {
    fn note_kept(&self, kept: Result<(), String>) {
        if kept.is_err() {
            self.tally.store_failures.fetch_add(1, Ordering::Relaxed);
        }
        *lock(&self.store_fault) = kept.err();
    }

    /// Puts events into the row, and hands them to all who want them.
    pub(super) fn place(&self, events: &[Arc<Event>]) {
        for event in events {
            // One lock for each event, so that who comes does not wait for all of them.
            let mut inner = lock(&self.inner);
            inner.backlog.push(Arc::clone(event));
            inner.index.each(event, |stream| {
                if stream.offer(event) == Offered::Overflowed {
                    self.tally.too_slow.fetch_add(1, Ordering::Relaxed);
                    let wanted = &stream.wanted;
                    tracing::warn!("a stream of {wanted} is disconnected: its reader is too slow");
                }
            });
            drop(inner);
            self.tally.events.fetch_add(1, Ordering::Relaxed);
        }
    }
}
