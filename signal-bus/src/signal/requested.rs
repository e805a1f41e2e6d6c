//! A signal to which somebody waits for a reply.
//!
//! The request knows how many responders have it. Each of them ends once: with a reply, of which the first counts, or without one; and
//! when the last has ended, or the signal is gone for good, whoever waits is told why there is no reply.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::oneshot;

use crate::{
    guarded::{caught, discard},
    signal::{
        AnyValue, Kind,
        arrival::{Arrival, Ended},
        headers::Headers,
        id::SignalId,
        name::Named,
    },
};

/// What has become of a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// A responder has replied.
    Reply(Arc<AnyValue>, Kind),
    /// A responder has replied with a value of this type, which is not the one that is waited for.
    OtherType(&'static str),
    /// A responder has failed for good; why, in words.
    Failed(String),
    /// A responder has ended well, and has nothing to reply.
    Silent,
    /// It was dropped before a responder had it.
    Dropped,
    /// The bus closes before a responder could try again.
    Closing,
}

/// The wait for a reply, as the label of the request knows it.
pub struct Requested {
    /// The type that is waited for; `None` takes any.
    wants: Option<Kind>,
    /// What the signal is called in other processes, if it came from one.
    named: Option<Named>,
    state: Mutex<State>,
}

struct State {
    /// `None` once whoever waits was told.
    waits: Option<oneshot::Sender<Answer>>,
    /// Responders that have not ended.
    responders: usize,
    /// Why those that have ended have not replied.
    reason: Option<Answer>,
}

impl fmt::Debug for Requested {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requested")
            .field("wants", &self.wants)
            .finish_non_exhaustive()
    }
}

impl Requested {
    /// A request to so many responders. What is received is an error if the signal has gone without a word.
    pub(crate) fn new(
        wants: Option<Kind>,
        named: Option<Named>,
        responders: usize,
    ) -> (Arc<Self>, oneshot::Receiver<Answer>) {
        let (waits, answer) = oneshot::channel();
        let state = State {
            waits: Some(waits),
            responders,
            reason: None,
        };
        let requested = Self {
            wants,
            named,
            state: Mutex::new(state),
        };
        (Arc::new(requested), answer)
    }

    /// Replies, unless somebody has before.
    pub(crate) fn answer(&self, value: Arc<AnyValue>, kind: Kind) {
        let mut state = self.lock();
        if self.wants.is_some_and(|wants| wants != kind) {
            state.note(Answer::OtherType(kind.name));
        } else {
            state.tell(Answer::Reply(value, kind));
        }
    }

    /// Says which id it has in this bus.
    pub(crate) fn numbered(&self, id: SignalId, headers: &Headers) {
        if let Some(named) = &self.named {
            named.numbered(id, headers);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Arrival for Requested {
    /// A responder has ended, with or without a reply.
    fn ended(&self, how: Ended) {
        let mut state = self.lock();
        state.note(match how {
            Ended::Done => Answer::Silent,
            Ended::Dropped => Answer::Dropped,
            Ended::Dead(reason) => Answer::Failed(reason),
            Ended::Returned => Answer::Closing,
        });
        state.responders = state.responders.saturating_sub(1);
        if state.responders == 0 {
            let reason = state.reason.take();
            state.tell(reason.unwrap_or(Answer::Silent));
        }
    }
}

impl State {
    /// Notes why there is no reply. What a responder has said says more than that it said nothing.
    fn note(&mut self, reason: Answer) {
        let silent = matches!(self.reason, None | Some(Answer::Silent));
        if silent {
            self.reason = Some(reason);
        }
    }

    fn tell(&mut self, answer: Answer) {
        if let Some(waits) = self.waits.take() {
            // Whoever has given up does not want to know; the waker of one who waits may panic.
            if let Err(panic) = caught(|| drop(waits.send(answer))) {
                tracing::error!("who waits for a reply panicked: {panic}");
            }
        }
    }
}

/// Whoever still waits is woken by that, and may panic.
impl Drop for State {
    fn drop(&mut self) {
        discard(self.waits.take());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Answer, Requested};
    use crate::signal::{
        Kind,
        arrival::{Arrival as _, Ended},
    };

    fn number(value: u32) -> (Arc<crate::signal::AnyValue>, Kind) {
        (Arc::new(value), Kind::of::<u32>())
    }

    #[test]
    fn the_first_reply_counts() {
        let (requested, mut answer) = Requested::new(Some(Kind::of::<u32>()), None, 3);
        requested.ended(Ended::Dead("no".into()));
        for value in [1, 2] {
            let (value, kind) = number(value);
            requested.answer(value, kind);
            requested.ended(Ended::Done);
        }
        let Ok(Answer::Reply(value, _)) = answer.try_recv() else {
            panic!("there was a reply");
        };
        assert_eq!(value.downcast_ref(), Some(&1_u32));
    }

    #[test]
    fn when_the_last_has_ended_the_reason_is_told() {
        let (requested, mut answer) = Requested::new(None, None, 2);
        requested.ended(Ended::Dead("broken".into()));
        assert!(answer.try_recv().is_err(), "another may reply");
        requested.ended(Ended::Done);
        assert!(matches!(answer.try_recv(), Ok(Answer::Failed(why)) if why == "broken"));
    }

    #[test]
    fn a_reply_of_another_type_is_none() {
        let (requested, mut answer) = Requested::new(Some(Kind::of::<String>()), None, 1);
        let (value, kind) = number(1);
        requested.answer(value, kind);
        requested.ended(Ended::Done);
        assert!(matches!(answer.try_recv(), Ok(Answer::OtherType("u32"))));
    }

    #[test]
    fn what_is_gone_is_told_of_at_once() {
        let (requested, mut answer) = Requested::new(None, None, 1);
        drop(requested);
        assert!(matches!(
            answer.try_recv(),
            Err(tokio::sync::oneshot::error::TryRecvError::Closed)
        ));
    }
}
