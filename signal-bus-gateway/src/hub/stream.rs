//! The queue of one reader.

use std::{
    collections::VecDeque,
    future::poll_fn,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll, Waker},
    time::Duration,
};

use tokio::time::sleep;

use crate::{access::acl::Rights, event::Event, hub::filter::Filter, mutex::lock, topic::Wanted};

/// Whoever was too slow may still read the end of what is on its way: a line that is cut off is of no use.
const GRACE: Duration = Duration::from_secs(1);

/// So much may wait for a reader before it is disconnected.
#[derive(Debug, Clone, Copy)]
pub(crate) struct QueueLimits {
    pub(crate) events: usize,
    /// Of their lines, in bytes; a single event may be larger.
    pub(crate) bytes: usize,
}

/// Why a stream has no more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The gateway stops.
    Closed,
    /// The reader was too slow. It resumes by its cursor: nothing was left out before the end.
    TooSlow,
}

/// A reader's place: what it wants, what it may see, and what waits for it.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) wanted: Wanted,
    filter: Option<Filter>,
    limits: QueueLimits,
    /// Replaced when the ACL is read again.
    rights: Mutex<Arc<Rights>>,
    /// One more than the number of the event that was offered last: several batches may match one event.
    offered: AtomicU64,
    queue: Mutex<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    end: Option<End>,
    waker: Option<Waker>,
    /// Whether the waker asks for nothing but that the reader was too slow.
    is_writing: bool,
}

/// What has become of an offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offered {
    Waits,
    /// It is not for this reader, or the reader is gone.
    Declined,
    /// It was one too many: the reader is disconnected.
    Overflowed,
}

impl Stream {
    pub(crate) fn new(
        wanted: Wanted,
        rights: Arc<Rights>,
        filter: Option<Filter>,
        limits: QueueLimits,
    ) -> Self {
        Self {
            wanted,
            filter,
            limits,
            rights: Mutex::new(rights),
            offered: AtomicU64::new(0),
            queue: Mutex::default(),
        }
    }

    /// Whether the reader may see an event whose topics it wants, and its filter lets it pass.
    pub(crate) fn takes(&self, event: &Event) -> bool {
        let may_see = !event.is_private || lock(&self.rights).see(&event.topics);
        may_see
            && self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.passes(event))
    }

    /// Replaces the rights, also for what waits already.
    pub(crate) fn revise(&self, rights: Arc<Rights>) {
        let mut queue = lock(&self.queue);
        *lock(&self.rights) = rights;
        queue.events.retain(|event| self.takes(event));
        queue.bytes = queue.events.iter().map(|event| event.size()).sum();
    }

    /// Puts a wanted event into the queue, once.
    pub(crate) fn offer(&self, event: &Arc<Event>) -> Offered {
        let number = event.cursor.sequence + 1;
        if self.offered.swap(number, Ordering::Relaxed) == number {
            return Offered::Declined;
        }
        // Rights do not change between the look at them and the place in the queue.
        let mut queue = lock(&self.queue);
        if queue.end.is_some() || !self.takes(event) {
            return Offered::Declined;
        }
        let bytes = queue.bytes + event.size();
        let is_full = self.limits.events <= queue.events.len() || self.limits.bytes < bytes;
        if is_full && !queue.events.is_empty() {
            queue.end_with(End::TooSlow);
            queue.events = VecDeque::new();
            return Offered::Overflowed;
        }
        queue.bytes = bytes;
        queue.events.push_back(Arc::clone(event));
        if !queue.is_writing {
            queue.wake();
        }
        Offered::Waits
    }

    /// Ends the stream after what waits; says whether it had no end yet.
    pub(crate) fn end(&self, end: End) -> bool {
        let mut queue = lock(&self.queue);
        let is_first = queue.end.is_none();
        if is_first {
            queue.end_with(end);
        }
        is_first
    }

    /// Returns when a reader that was too slow has had its time to read what is on its way.
    ///
    /// To be awaited beside a write, by the one who takes events: there is one waker.
    pub(crate) async fn cut_off(&self) {
        poll_fn(|context| self.poll_too_slow(context)).await;
        // Boxed: streams are many, and this is rare.
        Box::pin(sleep(GRACE)).await;
    }

    fn poll_too_slow(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut queue = lock(&self.queue);
        if queue.end == Some(End::TooSlow) {
            return Poll::Ready(());
        }
        queue.is_writing = true;
        queue.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Moves at most `count` events to `taken`; says why there will be none any more.
    pub(crate) fn poll_take(
        &self,
        taken: &mut Vec<Arc<Event>>,
        count: usize,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), End>> {
        let mut queue = lock(&self.queue);
        if queue.events.is_empty() {
            if let Some(end) = queue.end {
                return Poll::Ready(Err(end));
            }
            queue.is_writing = false;
            queue.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        let count = count.min(queue.events.len());
        let before = taken.len();
        taken.extend(queue.events.drain(..count));
        let bytes: usize = taken[before..].iter().map(|event| event.size()).sum();
        queue.bytes -= bytes;
        if queue.events.is_empty() {
            // A burst is over; the room it took is not for one reader to keep.
            queue.events = VecDeque::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl Queue {
    fn end_with(&mut self, end: End) {
        self.end = Some(end);
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
