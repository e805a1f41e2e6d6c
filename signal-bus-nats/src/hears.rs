//! What is heard at most once: messages as the client has them, and the signals of packs.

use std::{
    mem,
    pin::Pin,
    slice,
    sync::Arc,
    task::{Context, Poll, ready},
    vec,
};

use async_nats::Subscriber;
use futures_util::{Stream, StreamExt as _};
use signal_bus::transport::Message;

use crate::{
    events::Events,
    inbox::Source,
    pack::{self, Came},
    subject::{Heard, Subjects},
    wire,
};

/// What an interest is read from.
pub(crate) struct Hears {
    subscriber: Subscriber,
    subjects: Subjects,
    pattern: String,
    heard: Heard,
    events: Arc<Events>,
    /// What is left of the pack that came last.
    opened: vec::IntoIter<(Message, usize)>,
    /// How many signals have come of those who pack them; a member of a group gets only some.
    came: Option<Came>,
    /// Signals that were sent and have not come, and were not told of.
    missing: u64,
}

impl Hears {
    /// What a client's subscription to a pattern hears, for one who gets all of it or only his part.
    pub(crate) fn new(
        subscriber: Subscriber,
        subjects: Subjects,
        pattern: String,
        events: Arc<Events>,
        gets_all: bool,
    ) -> Self {
        Self {
            subscriber,
            subjects,
            pattern,
            heard: Heard::default(),
            events,
            opened: Vec::new().into_iter(),
            came: gets_all.then(Came::default),
            missing: 0,
        }
    }

    /// What comes, as a message; `None` if nobody asks for its topic.
    fn message(&mut self, carried: &mut async_nats::Message) -> Option<Message> {
        let (subjects, pattern) = (&self.subjects, &self.pattern);
        let (topic, unasked) = self.heard.topic(subjects, pattern, &carried.subject)?;
        (!unasked).then(|| wire::take(Arc::clone(topic), carried))
    }

    /// Takes the signals out of a pack, and counts what has come of its sender.
    fn open(&mut self, message: Message, size: usize) {
        let mut signals = Vec::new();
        let before = pack::open(message, size, &mut signals);
        if let Some(came) = &mut self.came {
            self.missing += came.count(before, &signals);
        }
        self.opened = signals.into_iter();
    }

    /// Notes a signal that has come by itself.
    fn note(&mut self, signal: &(Message, usize)) {
        if let Some(came) = &mut self.came {
            self.missing += came.count(None, slice::from_ref(signal));
        }
    }
}

impl Stream for Hears {
    type Item = (Message, usize);

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(signal) = self.opened.next() {
                return Poll::Ready(Some(signal));
            }
            let Some(mut carried) = ready!(self.subscriber.poll_next_unpin(context)) else {
                return Poll::Ready(None);
            };
            match self.message(&mut carried) {
                Some(message) if pack::is_one(&message) => self.open(message, carried.length),
                Some(message) => {
                    let signal = (message, carried.length);
                    self.note(&signal);
                    return Poll::Ready(Some(signal));
                }
                None => {}
            }
        }
    }
}

impl Source for Hears {
    /// Of those that the client has dropped itself, whoever comes first tells.
    fn take_dropped(&mut self) -> u64 {
        self.events.take_dropped()
    }

    fn take_missing(&mut self) -> u64 {
        mem::take(&mut self.missing)
    }
}
