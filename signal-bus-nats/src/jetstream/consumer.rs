//! The consumer of an interest: found, made, and made anew where the old one was.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, PullConsumer, pull::Config},
    stream::ConsumerErrorKind,
};
use futures_util::StreamExt as _;
use signal_bus::transport::{Interest, Start, TransportError, TransportFault};

use crate::{
    fault::failed,
    jetstream::{
        Shared,
        ahead::Ahead,
        looks::{Looks, Place},
        missed::{Missed, Point},
        streams::{self, Held},
    },
    subject::overlap,
};

/// What the server says of a consumer that it does not have.
const NOT_FOUND: usize = 404;

/// What there is to know of a consumer, to make it anew.
pub(super) struct Wanted {
    interest: Interest,
    subject: String,
    /// The consumer's name.
    pub(super) name: String,
    /// Where it was, once it was there.
    was: Option<Arc<Place>>,
    /// The stream, and the name.
    pub(super) from: Arc<[String; 2]>,
}

impl Wanted {
    pub(super) fn new(shared: &Shared, interest: &Interest) -> Result<Self, TransportError> {
        let subject = shared.subjects.of(&interest.pattern)?;
        let name = match &interest.group {
            Some(group) => shared_name(group, &subject),
            None => format!("bus-{}", own_name(shared)),
        };
        Ok(Self {
            interest: interest.clone(),
            subject,
            name,
            was: None,
            from: Arc::default(),
        })
    }

    /// The stream that it is on.
    pub(super) fn stream(&self) -> &str {
        self.was.as_ref().map_or("", |was| &was.stream)
    }

    /// Finds it or makes it; whether its stream is another one than before.
    pub(super) async fn get(
        &mut self,
        shared: &Shared,
    ) -> Result<(PullConsumer, bool), TransportError> {
        let held = streams::holding(&shared.context, &self.subject).await?;
        let same = |was: &Arc<Place>| was.stream == held.name && was.made == held.made;
        let begin = match &self.was {
            // It holds only what nobody has handled, and the server allows nothing else.
            _ if held.is_work_queue => DeliverPolicy::All,
            None => begin(self.interest.start),
            Some(was) if same(was) => DeliverPolicy::ByStartSequence {
                start_sequence: was.floor.load(Ordering::Relaxed) + 1,
            },
            // Of a stream that was made since then, everything was published since then.
            Some(_) => DeliverPolicy::All,
        };
        let known = self.was.as_ref().is_some_and(same);
        let other = self.was.is_some() && !known;
        let mut after = None;
        // Also the own one: it may still be there, and how it begins cannot be said a second time.
        let context = &shared.context;
        let there = context
            .get_consumer_from_stream(&self.name, &held.name)
            .await;
        let consumer: PullConsumer = match there {
            Ok(consumer) => consumer,
            Err(error) => match error.kind() {
                ConsumerErrorKind::JetStream(said) if said.code() == NOT_FOUND => {
                    if let (None, Start::After(place)) = (&self.was, self.interest.start) {
                        after = Some(place);
                    }
                    self.make(shared, &held, begin).await?
                }
                _ => return Err(self.cannot(&error)),
            },
        };
        if !known {
            let missed = Missed::default();
            if let Some(after) = after {
                missed.begin_after(after);
            }
            let floor = consumer.cached_info().ack_floor.stream_sequence;
            self.from = Arc::new([held.name.clone(), self.name.clone()]);
            self.was = Some(Arc::new(Place {
                stream: held.name,
                made: held.made,
                floor: AtomicU64::new(floor),
                missed,
            }));
        }
        Ok((consumer, other))
    }

    async fn make(
        &self,
        shared: &Shared,
        held: &Held,
        begin: DeliverPolicy,
    ) -> Result<PullConsumer, TransportError> {
        let delivery = &shared.delivery;
        let config = Config {
            durable_name: Some(self.name.clone()),
            description: Some(format!("signal-bus: `{}`", self.interest.pattern)),
            deliver_policy: begin,
            ack_policy: AckPolicy::Explicit,
            ack_wait: delivery.ack_wait,
            max_ack_pending: i64::try_from(delivery.pending_max).unwrap_or(i64::MAX),
            filter_subject: self.subject.clone(),
            inactive_threshold: match self.interest.group {
                None => delivery.forgotten_after,
                Some(_) => Duration::ZERO,
            },
            ..Config::default()
        };
        let made = shared
            .context
            .create_consumer_on_stream(config, &held.name)
            .await;
        made.map_err(|error| match held.is_work_queue {
            true => self.cannot_share(held, &error),
            false => self.cannot(&error),
        })
    }

    fn cannot(&self, error: &(dyn std::error::Error + 'static)) -> TransportError {
        let what = format!("cannot subscribe to `{}`", self.interest.pattern);
        failed(TransportFault::Refused, what, error)
    }

    fn cannot_share(
        &self,
        held: &Held,
        error: &(dyn std::error::Error + 'static),
    ) -> TransportError {
        let what = format!(
            "cannot subscribe to `{}`: its stream `{}` is a work queue, which hands each message to one consumer only, so all that \
             subscribe to it have to be of one group, with one pattern",
            self.interest.pattern, held.name
        );
        failed(TransportFault::Refused, what, error)
    }

    /// What is odd about the group, as far as the server knows of it: consumers with other patterns, whose members get the same messages
    /// once more.
    pub(super) async fn rivals(&self, shared: &Shared) -> Option<TransportError> {
        let group = self.interest.group.as_ref()?;
        let stream = shared.context.get_stream(self.stream()).await.ok()?;
        let mut names = stream.consumers();
        let mut rivals = Vec::new();
        while let Some(Ok(other)) = names.next().await {
            let subject = &other.config.filter_subject;
            let same = other.name == shared_name(group, subject);
            if same && *subject != self.subject && overlap(subject, &self.subject) {
                rivals.push(format!("`{subject}`"));
            }
        }
        let rivals = Some(rivals.join(", ")).filter(|rivals| !rivals.is_empty())?;
        let reason = format!(
            "the group `{group}` hears `{}` here, and elsewhere, or before, {rivals}: JetStream keeps what waits for each apart, and hands \
             out twice what both want; give all members one pattern, and delete the consumer that nobody needs any more",
            self.subject
        );
        Some(TransportError::new(TransportFault::Unfit, reason))
    }

    /// Whoever looks after the consumer, once it was there.
    pub(super) fn looks(
        &self,
        shared: &Arc<Shared>,
        consumer: &PullConsumer,
        ahead: &Arc<Ahead>,
    ) -> Option<Looks> {
        let pattern = &self.interest.pattern;
        let called = match &self.interest.group {
            Some(group) => format!("the group `{group}` of `{pattern}`"),
            None => format!("a subscription to `{pattern}`"),
        };
        Some(Looks {
            shared: Arc::clone(shared),
            consumer: consumer.clone(),
            place: Arc::clone(self.was.as_ref()?),
            subject: self.subject.clone(),
            called,
            is_shared: self.interest.group.is_some(),
            ahead: Arc::clone(ahead),
        })
    }

    /// Notes a message that came.
    pub(super) fn came(&self, now: Point, is_copy: bool) {
        if let Some(was) = &self.was {
            was.missed.came(now, is_copy);
        }
    }
}

/// Where a consumer begins that nobody knows yet.
fn begin(start: Start) -> DeliverPolicy {
    match start {
        Start::Oldest => DeliverPolicy::All,
        Start::After(place) => DeliverPolicy::ByStartSequence {
            start_sequence: place.saturating_add(1),
        },
        _ => DeliverPolicy::New,
    }
}

/// A name that no other consumer has.
fn own_name(shared: &Shared) -> String {
    let inbox = shared.connected.client.new_inbox();
    inbox.rsplit('.').next().unwrap_or_default().to_owned()
}

/// The name of a group's consumer: readable, and its own for each group and subject.
fn shared_name(group: &str, subject: &str) -> String {
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() || c == '-' => c,
        _ => '_',
    };
    let readable: String = group.chars().map(plain).take(32).collect();
    let number = fingerprint([group, subject]);
    format!("group-{readable}-{number:016x}")
}

/// A number to which each process comes, whatever it was built with: FNV-1a.
fn fingerprint(texts: [&str; 2]) -> u64 {
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::shared_name;

    #[test]
    fn a_group_has_one_name_for_good() {
        let name = shared_name("the shop", "orders.>");
        assert_eq!(name, "group-the_shop-9c961aead6838363");
    }

    #[test]
    fn no_two_groups_have_one_name() {
        let groups = [("a b", "x"), ("a_b", "x"), ("a", "bx"), ("ab", "x")];
        let names = groups.map(|(group, subject)| shared_name(group, subject));
        assert_eq!(names.into_iter().collect::<HashSet<_>>().len(), 4);
    }
}
