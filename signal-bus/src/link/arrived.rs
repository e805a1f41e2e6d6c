//! What came in: who still has it, and the word to whoever keeps it once nobody does.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{Notify, watch},
    time,
};

use crate::{
    link::owing::{Owing, Taken},
    signal::arrival::{Arrival, Ended},
    transport::{Acknowledge, Verdict},
};

/// How often handlers ask for more time at most.
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// What came in over a connection and is not settled.
#[derive(Default, Debug)]
pub(crate) struct Outstanding {
    state: Mutex<All>,
    /// Tells that there is something to settle.
    told: Notify,
    /// Tells that somebody waits where nobody did.
    begun: Notify,
}

#[derive(Default, Debug)]
struct All {
    /// Until whoever keeps it was told.
    waiting: Owing,
    /// What became of them, and was not told yet.
    told: VecDeque<(usize, Verdict)>,
}

impl Outstanding {
    fn add(&self, acknowledge: Box<dyn Acknowledge>) -> usize {
        let mut state = self.lock();
        let number = state.waiting.add(acknowledge);
        let first = state.waiting.len() == 1;
        drop(state);
        if first {
            // From now on there is somebody whose patience counts.
            self.begun.notify_one();
        }
        number
    }

    fn tell(&self, number: usize, verdict: Verdict) {
        let mut state = self.lock();
        state.told.push_back((number, verdict));
        drop(state);
        self.told.notify_one();
    }

    /// Tells those who keep messages what became of them, and that their handlers still run, until it is over.
    ///
    /// To tell of one may take long, as when a dead letter finds no place: what waits for that is not forgotten meanwhile.
    pub(crate) async fn settle(&self, name: &str, mut over: watch::Receiver<bool>) {
        let telling = async {
            loop {
                self.settle_told(name).await;
                tokio::select! {
                    biased;
                    _ = over.wait_for(|over| *over) => return,
                    () = self.told.notified() => {}
                }
            }
        };
        tokio::select! {
            () = telling => {}
            () = self.remind(name) => {}
        }
    }

    /// Says again and again of those who wait that their handlers still run; never ends.
    async fn remind(&self, name: &str) {
        loop {
            // What comes before the next time has time until then.
            match self.pause() {
                Some(pause) => time::sleep(pause).await,
                None => self.begun.notified().await,
            }
            for one in self.waiting() {
                if let Err(error) = one.extend().await {
                    tracing::debug!(
                        transport = name,
                        "a handler could not ask for more time: {error}"
                    );
                }
            }
        }
    }

    /// After how long those who wait have to hear again that they are not forgotten; `None` if nobody waits.
    fn pause(&self) -> Option<Duration> {
        let patience = self.lock().waiting.patience();
        patience.map(|patience| (patience / 3).max(PAUSE_MIN))
    }

    /// Settles what it was told of.
    pub(crate) async fn settle_told(&self, name: &str) {
        let mut last = None;
        while let Some((number, taken, verdict)) = self.next(last.take()) {
            let settled = match taken.get().try_settle(&verdict) {
                Some(settled) => settled,
                None => {
                    let shared = taken.into_shared();
                    self.lock().waiting.put_back(number, Arc::clone(&shared));
                    let mut telling = Telling {
                        outstanding: self,
                        number,
                        verdict: Some(verdict.clone()),
                    };
                    let settled = shared.settle(verdict).await;
                    telling.verdict = None;
                    settled
                }
            };
            if let Err(error) = settled {
                tracing::warn!(transport = name, "a message may come again: {error}");
            }
            last = Some(number);
        }
    }

    /// What is to be settled next, once that of a number is.
    fn next(&self, settled: Option<usize>) -> Option<(usize, Taken, Verdict)> {
        // Dropped when the lock is released, for it is the transport's.
        let _settled;
        let mut state = self.lock();
        _settled = settled.and_then(|number| state.waiting.remove(number));
        let (number, verdict) = state.told.pop_front()?;
        let taken = state.waiting.take(number);
        let taken = taken.expect("of each message is told once");
        drop(state);
        Some((number, taken, verdict))
    }

    fn waiting(&self) -> Vec<Arc<dyn Acknowledge>> {
        self.lock().waiting.share()
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever keeps a message is being told what became of it, which waits.
struct Telling<'a> {
    outstanding: &'a Outstanding,
    number: usize,
    /// `None` once that was told.
    verdict: Option<Verdict>,
}

impl Drop for Telling<'_> {
    /// What was cut short at the deadline is told once more, before the connection ends.
    fn drop(&mut self) {
        if let Some(verdict) = self.verdict.take() {
            let told = (self.number, verdict);
            self.outstanding.lock().told.push_front(told);
        }
    }
}

/// A message that came in, as far as somebody waits to hear what becomes of it.
#[derive(Clone)]
pub(crate) struct Arrived(Option<Arc<Owed>>);

/// The word that somebody waits for.
pub(crate) struct Owed {
    number: usize,
    outstanding: Arc<Outstanding>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Subscriptions that have it, once that is known.
    receivers: Option<usize>,
    ended: usize,
    dead: Option<String>,
    returned: bool,
    told: bool,
}

impl fmt::Debug for Owed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owed({})", self.number)
    }
}

impl Arrived {
    /// A message that comes once at most: nobody waits for a word.
    pub(crate) const ONCE: Self = Self(None);

    pub(crate) fn owed(acknowledge: Box<dyn Acknowledge>, outstanding: &Arc<Outstanding>) -> Self {
        Self(Some(Arc::new(Owed {
            number: outstanding.add(acknowledge),
            outstanding: Arc::clone(outstanding),
            state: Mutex::default(),
        })))
    }

    /// Whoever waits for the word.
    pub(crate) fn waits(&self) -> Option<Arc<dyn Arrival>> {
        self.0.as_ref().map(|owed| Arc::clone(owed) as _)
    }

    /// Says how many subscriptions have it.
    pub(crate) fn goes_to(&self, receivers: usize) {
        if let Some(owed) = &self.0 {
            owed.change(|state| state.receivers = Some(receivers));
        }
    }

    /// Says what became of it, whoever has it.
    pub(crate) fn settle(&self, verdict: Verdict) {
        if let Some(owed) = &self.0 {
            owed.tell(&mut owed.lock(), verdict);
        }
    }
}

impl Arrival for Owed {
    fn ended(&self, how: Ended) {
        self.change(|state| {
            state.ended += 1;
            match how {
                Ended::Done | Ended::Dropped => {}
                Ended::Dead(reason) => state.dead = Some(reason),
                Ended::Returned => state.returned = true,
            }
        });
    }
}

impl Owed {
    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.lock();
        change(&mut state);
        if state
            .receivers
            .is_some_and(|receivers| receivers <= state.ended)
        {
            // What goes back is handled again by all: nobody is left out.
            let verdict = match (state.returned, state.dead.take()) {
                (true, _) => Verdict::Again { after: None },
                (false, Some(reason)) => Verdict::Dead { reason },
                (false, None) => Verdict::Done,
            };
            self.tell(&mut state, verdict);
        }
    }

    fn tell(&self, state: &mut State, verdict: Verdict) {
        if !std::mem::replace(&mut state.told, true) {
            self.outstanding.tell(self.number, verdict);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Owed {
    /// Whoever had it was given up on.
    fn drop(&mut self) {
        let mut state = std::mem::take(&mut *self.lock());
        self.tell(&mut state, Verdict::Again { after: None });
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::pending,
        pin::pin,
        sync::{
            Arc, Mutex,
            atomic::{AtomicBool, Ordering},
        },
        task::{Context, Waker},
        time::Duration,
    };

    use super::{Arrived, Outstanding};
    use crate::transport::{Acknowledge, TransportFuture, Verdict};

    /// Waits for ever when it is told first.
    #[derive(Clone, Default, Debug)]
    struct Hangs(Arc<(AtomicBool, Mutex<Vec<Verdict>>)>);

    impl Acknowledge for Hangs {
        fn settle(&self, verdict: Verdict) -> TransportFuture<'_, ()> {
            Box::pin(async move {
                let (hung, told) = &*self.0;
                if !hung.swap(true, Ordering::Relaxed) {
                    pending::<()>().await;
                }
                told.lock().unwrap().push(verdict);
                Ok(())
            })
        }

        fn extend(&self) -> TransportFuture<'_, ()> {
            Box::pin(async { Ok(()) })
        }

        fn patience(&self) -> Duration {
            Duration::from_secs(30)
        }
    }

    #[tokio::test]
    async fn who_was_being_told_when_that_was_cut_short_is_told_once_more() {
        let (outstanding, hangs) = (Arc::<Outstanding>::default(), Hangs::default());
        Arrived::owed(Box::new(hangs.clone()), &outstanding).settle(Verdict::Done);
        let mut context = Context::from_waker(Waker::noop());
        assert!(
            pin!(outstanding.settle_told("test"))
                .poll(&mut context)
                .is_pending()
        );
        outstanding.settle_told("test").await;
        assert_eq!(*hangs.0.1.lock().unwrap(), [Verdict::Done]);
        outstanding.settle_told("test").await;
        assert_eq!(outstanding.lock().waiting.len(), 0);
    }
}
