//! Dead letters, looked at and replayed.

use std::{fmt, slice, sync::Arc};

use crate::{
    error::replay::ReplayError,
    observe::letters::DeadLetter,
    queue::{admission::Waited, offer::Offer},
    report::DeadLetterId,
    scope::{
        self,
        running::{BusHandle, Running},
    },
};

/// The dead letters that a bus keeps, as they were at one moment; made by [`BusHandle::dead_letters`].
///
/// It holds the letters, and so their values, as long as it is there itself.
#[derive(Clone)]
pub struct DeadLetters {
    letters: Vec<DeadLetter>,
    dropped: u64,
    bus: BusHandle,
}

impl fmt::Debug for DeadLetters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadLetters")
            .field("letters", &self.letters)
            .field("dropped", &self.dropped)
            .finish_non_exhaustive()
    }
}

impl BusHandle {
    /// The dead letters that the bus keeps, the oldest first.
    ///
    /// They are the newest 1024, unless [`keep_dead_letters`](crate::Bus::keep_dead_letters) says otherwise, and keep their
    /// values alive. They can be browsed until the bus has closed: with the end of the close it lets go of all of them, and
    /// there are none. What was taken before stays with its owner. Whoever has to save them for later subscribes to
    /// `$bus.dead`.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use signal_bus::Signal;
    ///
    /// static STORE: AtomicBool = AtomicBool::new(false);
    ///
    /// # let bus = signal_bus::Bus::empty().on_error(|_, _| {}).start().await?;
    /// let listener = bus.listen("orders", async |order: Signal<u32>| {
    ///     anyhow::ensure!(STORE.load(Ordering::Relaxed), "the store is away");
    ///     Ok(println!("stored {order}"))
    /// })?;
    /// bus.publish("orders", 7_u32).await?;
    /// bus.settled().await;
    /// for letter in &bus.dead_letters() {
    ///     println!("{}: {letter}", letter.id());
    /// }
    ///
    /// STORE.store(true, Ordering::Relaxed);
    /// assert_eq!(bus.dead_letters().replay_all().await?, 1);
    /// bus.settled().await;
    /// assert!(bus.dead_letters().is_empty());
    /// # drop(listener); bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[must_use]
    pub fn dead_letters(&self) -> DeadLetters {
        let (letters, dropped) = self.running().observe.letters.all();
        DeadLetters {
            letters,
            dropped,
            bus: self.clone(),
        }
    }
}

impl DeadLetters {
    /// The letters, the oldest first.
    pub fn iter(&self) -> slice::Iter<'_, DeadLetter> {
        self.letters.iter()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.letters.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// How many letters had to go, so far, because newer ones came.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Delivers the signal of a letter again, to the subscription that has failed and to no other.
    ///
    /// The signal is the same, with its id, and its attempts are counted anew. It waits for room as a publisher does, behind
    /// the signals that wait already, and the subscription counts it as accepted another time. The letter is not kept any
    /// more; if the signal fails again, that makes another one.
    ///
    /// # Errors
    ///
    /// [`ReplayError`] says what is in the way. The letter stays where it is, if it was there.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropped before it completes, nothing was delivered, and the letter is kept as before. It must not be
    /// awaited where the subscription cannot go on without the caller.
    pub async fn replay(&self, id: DeadLetterId) -> Result<(), ReplayError> {
        self.bus.running().replay(id).await
    }

    /// Replays the letters that are here, one after the other, and returns how many it has.
    ///
    /// It passes over letters that are not kept any more, and those whose subscription has left, which stay.
    ///
    /// # Errors
    ///
    /// [`ReplayError::Closed`] if the bus is closed; what was not replayed until then stays.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it completes, some are replayed and the others are kept.
    pub async fn replay_all(&self) -> Result<usize, ReplayError> {
        let mut replayed = 0;
        for letter in &self.letters {
            match self.replay(letter.id()).await {
                Ok(()) => replayed += 1,
                Err(error @ ReplayError::Closed { .. }) => return Err(error),
                Err(ReplayError::SubscriptionGone { .. } | ReplayError::NotKept { .. }) => {}
            }
        }
        Ok(replayed)
    }
}

impl<'a> IntoIterator for &'a DeadLetters {
    type Item = &'a DeadLetter;
    type IntoIter = slice::Iter<'a, DeadLetter>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for DeadLetters {
    type Item = DeadLetter;
    type IntoIter = std::vec::IntoIter<DeadLetter>;

    fn into_iter(self) -> Self::IntoIter {
        self.letters.into_iter()
    }
}

impl Running {
    /// Delivers a dead letter again as soon as there is room.
    async fn replay(self: &Arc<Self>, id: DeadLetterId) -> Result<(), ReplayError> {
        let inside = scope::inside(self);
        if !self.exchange.is_open_to(inside) {
            return Err(ReplayError::Closed { id });
        }
        let taken = self.observe.letters.take(id);
        let taken = taken.ok_or(ReplayError::NotKept { id })?;
        let (target, subscriber) = (taken.letter().target(), taken.letter().at().site);
        let gone = || ReplayError::SubscriptionGone { id, subscriber };
        let mut admission = self.exchange.admit(Offer {
            // It waits for this queue only, so it stands in no topic's line.
            line: self.routes.next_line(),
            signal: taken.letter().signal().clone(),
            destination: self.exchange.way_to(target).ok_or_else(gone)?,
            inside,
            recorded: false,
            counted: false,
            ticket: None,
        });
        loop {
            match self.admitted(&mut admission).await {
                Waited::Admitted(admitted) => {
                    // It may have been closed since the way was found.
                    if self.accepted(&admitted, 0).receivers == 0 {
                        return Err(gone());
                    }
                    taken.done();
                    return Ok(());
                }
                Waited::Closed(_) => return Err(ReplayError::Closed { id }),
                Waited::Stale => {
                    admission.redirect(self.exchange.way_to(target).ok_or_else(gone)?);
                }
            }
        }
    }
}
