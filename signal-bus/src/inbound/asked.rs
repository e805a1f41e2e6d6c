//! What a connection is asked for, while subscribers come and go.
//!
//! Whoever comes may want more than was asked for: then that is asked for beside it. What came first goes on until nobody wants anything
//! of it, and is the one that brings the topics of both, so that a change loses no message and brings none twice.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{task::AbortHandle, time::Instant};

use crate::{
    clock::grown,
    inbound::{
        letting::{Taking, take_in},
        serving::Serving,
    },
    link::{interests::interests, links::Link},
    scope::running::Running,
    topic::pattern::Pattern,
    transport::{Interest, TransportError},
};

/// How long to wait before a connection is asked again that has refused, or whose streams end by themselves.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
/// How long at most.
const ASK_AGAIN_AFTER_MAX: Duration = Duration::from_secs(10);

/// What is asked for of one connection, the oldest first.
#[derive(Default)]
pub(super) struct Asked {
    all: Vec<Asking>,
    /// The requests that this bus takes.
    serving: Serving,
    last: u64,
    /// How often in a row it was refused, or had to be asked for again.
    refusals: u32,
    refused_at: Option<Instant>,
}

/// Something that is asked for, by a task that takes in.
struct Asking {
    number: u64,
    interest: Interest,
    pattern: Pattern,
    /// Whether the stream has ended by itself.
    ended: Arc<AtomicBool>,
    task: AbortHandle,
}

impl Asking {
    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Whether it brings all that another one would.
    fn covers(&self, interest: &Interest, pattern: &Pattern) -> bool {
        match &interest.group {
            Some(_) => self.interest == *interest,
            None => self.interest.group.is_none() && self.pattern.covers(pattern),
        }
    }
}

impl Asked {
    /// Asks for what is heard now; returns the generation in which that was.
    pub(super) async fn adapt(
        &mut self,
        running: &Arc<Running>,
        link: &Arc<Link>,
    ) -> Result<u64, TransportError> {
        running.tasks.reap();
        let (wanted, generation) = wanted(running, link);
        self.forget_ended(link);
        for (interest, pattern) in &wanted {
            let mut all = self.all.iter();
            if !all.any(|asking| asking.covers(interest, pattern)) {
                self.ask(running, link, interest, pattern).await?;
            }
        }
        self.retire(link, &wanted);
        self.serving.adapt(running, link).await?;
        Ok(generation)
    }

    async fn ask(
        &mut self,
        running: &Arc<Running>,
        link: &Arc<Link>,
        interest: &Interest,
        pattern: &Pattern,
    ) -> Result<(), TransportError> {
        let deliveries = link.connection.subscribe(interest).await?;
        self.last += 1;
        let number = self.last;
        let ended = Arc::<AtomicBool>::default();
        let taking = Taking {
            number,
            group: interest.group.as_deref().map(Into::into),
            ended: Arc::clone(&ended),
        };
        if interest.group.is_none() {
            link.brings.add(number, pattern);
        }
        let task = take_in(Arc::clone(running), Arc::clone(link), taking, deliveries);
        let task = running.tasks.spawn_abortable(&running.runtime, task);
        self.all.extend(task.map(|task| Asking {
            number,
            interest: interest.clone(),
            pattern: pattern.clone(),
            ended,
            task,
        }));
        Ok(())
    }

    /// Forgets what has ended by itself, so that it is asked for again.
    fn forget_ended(&mut self, link: &Link) {
        let before = self.all.len();
        self.all.retain(|asking| {
            let ended = asking.has_ended();
            if ended {
                link.brings.remove(asking.number);
                tracing::warn!(
                    transport = link.name,
                    "the subscription to `{}` has ended by itself, and is asked for again",
                    asking.interest.pattern
                );
            }
            !ended
        });
        if self.all.len() < before {
            self.refused();
        }
    }

    /// Ends what nobody wants any more, or somebody older brings.
    fn retire(&mut self, link: &Link, wanted: &[(Interest, Pattern)]) {
        let mut kept: Vec<Asking> = Vec::new();
        for asking in self.all.drain(..) {
            let brings = wanted.iter().any(|(interest, pattern)| {
                let wants = match &interest.group {
                    Some(_) => asking.interest == *interest,
                    None => asking.interest.group.is_none() && asking.pattern.overlaps(pattern),
                };
                wants && !kept.iter().any(|older| older.covers(interest, pattern))
            });
            if brings {
                kept.push(asking);
            } else {
                link.brings.remove(asking.number);
                asking.task.abort();
            }
        }
        self.all = kept;
    }

    /// Notes that the connection knows of all who were there in a generation, unless something has ended since.
    pub(super) fn covers(&self, link: &Link, generation: u64) {
        // Whoever ends says so first and changes the number then, under the same lock.
        link.covered.send_modify(|covered| {
            if !self.lacks() {
                *covered = generation;
            }
        });
    }

    /// Notes that the connection has refused, or has ended something.
    pub(super) fn refused(&mut self) {
        let now = Instant::now();
        let long_ago = now.checked_sub(2 * ASK_AGAIN_AFTER_MAX);
        let calm = self
            .refused_at
            .is_none_or(|at| long_ago.is_some_and(|long_ago| at < long_ago));
        self.refusals = if calm {
            1
        } else {
            self.refusals.saturating_add(1)
        };
        self.refused_at = Some(now);
    }

    /// How long to wait before it is asked for the next time: at once, unless that has gone wrong just now.
    pub(super) fn rest(&self) -> Duration {
        let before = self.refusals.checked_sub(1);
        let rest = before.map(|before| grown(ASK_AGAIN_AFTER, 2.0, before, ASK_AGAIN_AFTER_MAX));
        rest.unwrap_or_default()
    }

    /// Whether something has ended by itself, and has to be asked for again.
    pub(super) fn lacks(&self) -> bool {
        self.all.iter().any(Asking::has_ended) || self.serving.lacks()
    }
}

/// What is heard of what travels over a connection.
fn wanted(running: &Running, link: &Link) -> (Vec<(Interest, Pattern)>, u64) {
    let present = running.routes.present();
    let generation = present.generation();
    let heard = present.all().filter(|hearer| !hearer.is_reserved());
    let heard = heard.flat_map(|hearer| {
        let group = hearer.wish.group.clone();
        let group = group.filter(|_| link.features.groups);
        let patterns = hearer.patterns();
        patterns.map(move |pattern| (pattern.clone(), group.clone()))
    });
    let wanted = interests(&link.patterns, heard.collect::<Vec<_>>());
    let wanted = wanted.into_iter().filter_map(|interest| {
        let pattern = Pattern::new(&interest.pattern).ok()?;
        Some((interest, pattern))
    });
    (wanted.collect(), generation)
}
