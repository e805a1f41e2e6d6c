//! A row that several gateways show: somebody else gives the numbers, and each gateway reads all of them.

use std::{
    fmt,
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use signal_bus::{Bus, BusGuard, BusHandle, StartError};
use tokio::time::timeout;

use crate::{
    backlog::Backlog,
    cursor::{Cursor, Epoch},
    event::Draft,
    hub::{
        Behind, Hub, Refused, Row,
        stream::{End, QueueLimits},
    },
    mutex::lock,
};

/// How often is asked whether a row is as long as a cursor says, and how long each time is waited for it.
const LOOKS_MAX: u32 = 5;
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// A future of whoever keeps a row.
pub(crate) type Asked<'a, T, E> = Pin<Box<dyn Future<Output = Result<T, E>> + Send + 'a>>;

/// Whoever keeps the row, and numbers what is published.
pub(crate) trait Common: fmt::Debug + Send + Sync {
    /// Stores a draft, for all gateways or none; returns its number.
    fn publish(&self, draft: Draft) -> Asked<'_, u64, Refused>;

    /// The newest number that was given; or why that is not known.
    fn last(&self) -> Asked<'_, u64, String>;
}

/// Reads the row: all of it, in its order, without end.
pub(crate) trait Reading: Send + 'static {
    fn next(&mut self) -> impl Future<Output = Heard> + Send;

    /// Goes on behind another number.
    fn go_on_after(&mut self, number: u64);
}

/// What is read of the row.
#[derive(Debug)]
pub(crate) enum Heard {
    /// It is read, or read again.
    Joined(Extent),
    /// What has got a number: an event, or why it is none.
    Placed {
        number: u64,
        draft: Result<Draft, String>,
        /// Nothing follows at the moment.
        is_last: bool,
    },
    /// Nothing follows at the moment, of what was there when it was joined.
    Current,
    /// It cannot be read at the moment.
    Trouble(String),
}

/// Which row it is, and where it begins and ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    pub(crate) epoch: Epoch,
    /// The oldest number that is kept; one more than the newest, if none is.
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Hub {
    /// Starts the bus of a gateway that shows a common row; the future that comes with it reads the row until the bus is closed.
    pub(crate) async fn start_common(
        backlog: Backlog,
        limits: QueueLimits,
        common: Arc<dyn Common>,
        reading: impl Reading,
    ) -> Result<(Self, BusGuard, impl Future<Output = ()> + Send), StartError> {
        let bus = Bus::empty().start().await?;
        let row = Arc::new(Row::new(backlog, limits));
        *lock(&row.store_fault) = Some("it is being read".to_owned());
        let hub = Self {
            bus: BusHandle::clone(&bus),
            row: Arc::clone(&row),
            is_awaited: false,
            common: Some(common),
        };
        let closed = BusHandle::clone(&bus);
        let placing = async move {
            tokio::select! {
                () = place_common(reading, row) => {}
                _ = closed.closed() => {}
            }
        };
        Ok((hub, bus, placing))
    }

    /// Waits until this gateway shows all that there is.
    pub(crate) async fn caught_up(&self) {
        let mut settled = self.row.settled.subscribe();
        while self.store_fault().is_some() && settled.changed().await.is_ok() {}
    }

    /// The number up to which the common row was read, if there is one.
    pub(crate) fn newest(&self) -> Option<u64> {
        self.common.as_ref().map(|_| *self.row.settled.borrow())
    }

    /// Waits for an event that another gateway has shown: who goes on after it here shall miss nothing, and see nothing twice.
    pub(super) async fn catch_up(
        &self,
        common: &dyn Common,
        cursor: Option<Cursor>,
    ) -> Result<(), Behind> {
        let is_ahead = |cursor: &Cursor| {
            let next = lock(&self.row.inner).backlog.next();
            cursor.epoch == next.epoch && next.sequence <= cursor.sequence
        };
        let Some(cursor) = cursor.filter(is_ahead) else {
            return Ok(());
        };
        for _ in 0..LOOKS_MAX {
            let reached = timeout(LOOK_AGAIN_AFTER, self.reaches(cursor.sequence));
            if reached.await.is_ok() {
                return Ok(());
            }
            match common.last().await {
                Ok(last) if cursor.sequence <= last => {}
                // It was never there, or the server has lost it.
                Ok(_) => return Ok(()),
                Err(_) => return Err(Behind),
            }
        }
        Err(Behind)
    }
}

/// Hands on what the row gets, for ever: in its order, each number once.
async fn place_common(mut reading: impl Reading, row: Arc<Row>) {
    // Up to here it was there when it was joined: then this gateway has caught up.
    let mut target = 0;
    loop {
        match reading.next().await {
            Heard::Joined(extent) => {
                if let Some(after) = row.join(&extent) {
                    reading.go_on_after(after);
                }
                target = extent.last;
            }
            Heard::Placed {
                number,
                draft,
                is_last,
            } => {
                row.place_numbered(number, draft);
                if is_last {
                    row.reach(target);
                }
            }
            // Somebody may have deleted the last of them.
            Heard::Current => row.reach(target),
            Heard::Trouble(text) => {
                row.note_trouble(text);
                continue;
            }
        }
        if target <= row.read_up_to() {
            row.note_caught_up();
        }
    }
}

impl Row {
    /// Up to which number the row was read.
    fn read_up_to(&self) -> u64 {
        lock(&self.inner).backlog.next().sequence - 1
    }

    /// Looks whether the row goes on where it was. If not, begins anew, and says after which number.
    fn join(&self, extent: &Extent) -> Option<u64> {
        let mut inner = lock(&self.inner);
        let next = inner.backlog.next();
        let read = next.sequence - 1;
        let why = if extent.epoch != next.epoch {
            "it is another one: it was made anew"
        } else if extent.last < read {
            "it has lost its newest events"
        } else if next.sequence < extent.first {
            "it has forgotten events that were not read yet"
        } else {
            return None;
        };
        let Extent { epoch, first, last } = *extent;
        inner.backlog.begin_anew(epoch, first, last);
        let after = inner.backlog.next().sequence - 1;
        // Whoever reads on does not know that something is missing; who comes back is told.
        for stream in inner.index.streams() {
            stream.end(End::Closed);
        }
        drop(inner);
        tracing::error!(
            "the stream does not go on where it was: {why}; all readers have to come again"
        );
        self.settled.send_replace(after);
        self.accepted.store(0, Ordering::Relaxed);
        Some(after)
    }

    /// Puts what has got a number into the row.
    fn place_numbered(&self, number: u64, draft: Result<Draft, String>) {
        let epoch = {
            let inner = lock(&self.inner);
            let next = inner.backlog.next();
            if number < next.sequence {
                return;
            }
            next.epoch
        };
        match draft {
            Ok(draft) => {
                let cursor = Cursor {
                    epoch,
                    sequence: number,
                };
                let line = draft.line(cursor);
                self.place(&[Arc::new(draft.into_event(cursor, &line))]);
            }
            Err(why) => self.note_unreadable(number, &why),
        }
        self.reach(number);
    }

    /// Notes that all up to a number was read.
    fn reach(&self, number: u64) {
        let mut inner = lock(&self.inner);
        inner.backlog.reach(number);
        let read = inner.backlog.next().sequence - 1;
        drop(inner);
        self.settled.send_replace(read);
    }

    /// Somebody else has published what is no event. Of many, few are told.
    fn note_unreadable(&self, number: u64, why: &str) {
        let count = self.tally.unreadable.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_power_of_two() {
            tracing::warn!("message {number} of the stream is not shown: {why}; {count} until now");
        }
    }

    fn note_trouble(&self, text: String) {
        let mut fault = lock(&self.store_fault);
        if fault.as_ref() != Some(&text) {
            tracing::error!("the stream cannot be read: {text}");
            *fault = Some(text);
        }
    }

    fn note_caught_up(&self) {
        if lock(&self.store_fault).take().is_some() {
            tracing::info!("all of the stream is shown, up to {}", self.read_up_to());
            // Whoever waits for that looks again.
            self.settled.send_replace(self.read_up_to());
        }
    }
}

#[cfg(test)]
mod tests;
