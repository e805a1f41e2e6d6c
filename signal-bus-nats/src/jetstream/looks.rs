//! Looks at the server, again and again: how far a consumer has come, and what its stream has deleted before that.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::jetstream::{
    consumer::PullConsumer,
    stream::{Config, State, Stream},
};
use tokio::time;

use crate::{
    jetstream::{
        Shared,
        ahead::Ahead,
        missed::{Found, Gap, Gone, Missed, Point},
    },
    subject::covers,
};

/// How often is looked.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How long the first look may hold up what is fetched.
const FIRST_MAX: Duration = Duration::from_secs(2);
/// What to do where a stream forgets what nobody has had.
const ADVICE: &str = "with `discard: new` and longer limits a stream refuses instead of forgetting";

/// Where a consumer is, and how far it has come.
pub(super) struct Place {
    pub(super) stream: String,
    /// When the stream was made: another one of the same name begins anew.
    pub(super) made: String,
    /// Up to here everything was handled, by whomever of a group. Nothing after it may be left out.
    pub(super) floor: AtomicU64,
    pub(super) missed: Missed,
}

/// Whoever looks after one consumer.
#[derive(Clone)]
pub(super) struct Looks {
    pub(super) shared: Arc<Shared>,
    pub(super) consumer: PullConsumer,
    pub(super) place: Arc<Place>,
    /// What it hears, as a subject.
    pub(super) subject: String,
    /// How it is called where something is told of it.
    pub(super) called: String,
    pub(super) is_shared: bool,
    /// Where it is told.
    pub(super) ahead: Arc<Ahead>,
}

impl Looks {
    /// Looks again and again, and as soon as something was left out; never ends.
    pub(super) async fn go_on(self) {
        loop {
            tokio::select! {
                () = time::sleep(LOOK_EVERY) => {}
                () = self.place.missed.notices() => {}
            }
            self.look().await;
        }
    }

    /// Looks before anything is fetched that would hide what was deleted; what cannot be seen at once is looked at later.
    pub(super) async fn look_first(&self) {
        self.place.missed.begin_anew();
        drop(time::timeout(FIRST_MAX, self.look()).await);
    }

    async fn look(&self) {
        let stream = self.shared.context.get_stream(&self.place.stream).await;
        // In this order: what was deleted before is not handed out after it.
        let (Ok(stream), Ok(consumer)) = (stream, self.consumer.get_info().await) else {
            return;
        };
        let handled = consumer.ack_floor.stream_sequence;
        self.place.floor.store(handled, Ordering::Relaxed);
        let info = stream.cached_info();
        let found = Found {
            first: info.state.first_sequence,
            at: Point {
                place: consumer.delivered.stream_sequence,
                delivery: consumer.delivered.consumer_sequence,
            },
            waits: 0 < consumer.num_pending,
            hears_all: self.hears_all(&info.config),
        };
        let missed = &self.place.missed;
        match missed.find(found, self.is_shared) {
            None => {}
            Some(Gone::Exactly(count)) => self.tell(count),
            Some(Gone::AtMost(count)) => self.tell_at_most(count),
        }
        let gaps = missed.take_gaps();
        if gaps.is_empty() {
            return;
        }
        match deleted(&stream, &info.state, &gaps).await {
            Some(0) => {}
            Some(count) => self.tell(count),
            None => missed.put_back(gaps),
        }
    }

    /// Whether it hears all that its stream holds.
    fn hears_all(&self, config: &Config) -> bool {
        let from_elsewhere = config.mirror.is_some() || config.sources.is_some();
        let mut subjects = config.subjects.iter();
        !from_elsewhere && subjects.all(|own| covers(&self.subject, own))
    }

    fn tell(&self, count: u64) {
        let (stream, called) = (&self.place.stream, &self.called);
        let reason = format!(
            "the stream `{stream}` has deleted {count} before {called} had them, by its limits or because somebody said so; {ADVICE}"
        );
        self.ahead.tell_lost(count, reason);
    }

    fn tell_at_most(&self, count: u64) {
        let (stream, called) = (&self.place.stream, &self.called);
        let reason = format!(
            "the stream `{stream}` has deleted {count} messages that {called} had not come to; how many of them it would have heard \
             nobody knows, because it hears only a part of the stream; {ADVICE}"
        );
        self.ahead.tell_lost(0, reason);
    }
}

/// How many of those that were left out the stream has deleted.
async fn deleted(stream: &Stream, state: &State, gaps: &[Gap]) -> Option<u64> {
    let first = state.first_sequence;
    let count = |places: &[u64]| gaps.iter().map(|gap| gap.deleted(first, places)).sum();
    let noticed: u64 = gaps.iter().map(|gap| gap.count).sum();
    if count(&[]) == noticed || state.deleted_count.unwrap_or_default() == 0 {
        return Some(count(&[]));
    }
    let details = stream.info_builder().with_deleted(true).fetch().await;
    let places = details.ok()?.info.state.deleted.unwrap_or_default();
    Some(count(&places))
}
