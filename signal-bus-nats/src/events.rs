//! What the client tells by the way: how its connection is, and what the server did not permit.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_nats::{ClientError, Event, ServerError};
use signal_bus::{
    ConnectionState,
    transport::{TransportError, TransportFault},
};
use tokio::{sync::watch, time};

/// How long it takes at most until something is heard that the client knows.
const HANDED_ON_WITHIN: Duration = Duration::from_millis(20);
/// Violations that are remembered.
const VIOLATIONS_MAX: usize = 256;

/// What a connection has told.
#[derive(Debug)]
pub(crate) struct Events {
    state: watch::Sender<ConnectionState>,
    /// Whether it is up, for each publish to look at.
    up: AtomicBool,
    /// Tells that something was not permitted, or that the connection was lost.
    tells: watch::Sender<()>,
    /// How often something was not permitted, for each publish to look at.
    violated: AtomicU64,
    /// The last of them, with their numbers.
    violations: Mutex<VecDeque<(u64, String)>>,
    /// How often the connection was lost.
    lost: AtomicU64,
    /// Whether the client is no more.
    ended: AtomicBool,
    /// Messages that the client has dropped.
    dropped: AtomicU64,
}

/// What the client tells its events to; that it is no more is told by its drop.
#[derive(Debug)]
pub(crate) struct Hearing(pub(crate) Arc<Events>);

impl Drop for Hearing {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Default for Events {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(ConnectionState::Up),
            up: AtomicBool::new(true),
            tells: watch::Sender::default(),
            violated: AtomicU64::new(0),
            violations: Mutex::default(),
            lost: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
        }
    }
}

impl Events {
    pub(crate) fn hear(&self, event: &Event) {
        match event {
            // The client goes on saying so when it is no more.
            Event::Connected if self.ended.load(Ordering::Acquire) => {}
            Event::Connected => self.is(ConnectionState::Up),
            Event::Disconnected => self.is_down(),
            Event::ServerError(ServerError::AuthorizationViolation) => self.is_refused(),
            // The client goes on trying, and says so each time.
            Event::ClientError(ClientError::Other(said)) if is_refusal(said) => self.is_refused(),
            Event::ServerError(ServerError::Other(said)) if is_refusal(said) => self.is_refused(),
            Event::ServerError(ServerError::Other(said))
                if said.contains("ermissions Violation") =>
            {
                self.violate(said);
            }
            Event::ServerError(error) => tracing::warn!("NATS: {error}"),
            Event::ClientError(ClientError::MaxReconnects) | Event::Closed => {
                self.is(ConnectionState::Failed {
                    reason: "the connection was closed".into(),
                });
            }
            Event::ClientError(error) => tracing::debug!("NATS: {error}"),
            Event::SlowConsumer(_) => {
                self.dropped.fetch_add(1, Ordering::Relaxed);
            }
            Event::LameDuckMode | Event::Draining => tracing::debug!("NATS: {event}"),
        }
    }

    /// No answer comes any more to what was sent until now.
    fn lose(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        self.tells.send_replace(());
    }

    fn is_down(&self) {
        self.lose();
        // Why the server has hung up says more.
        if !matches!(*self.state.borrow(), ConnectionState::Failed { .. }) {
            let reason = "the server does not answer".into();
            self.is(ConnectionState::Down { reason });
        }
    }

    /// The client is no more: it was closed, or has panicked.
    fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.lose();
        let reason = "the NATS client has ended, and nothing but a new start brings it back".into();
        self.is(ConnectionState::Failed { reason });
    }

    /// What fails where the connection has failed.
    pub(crate) fn fault(&self) -> TransportFault {
        match self.ended.load(Ordering::Acquire) {
            true => TransportFault::Unreachable,
            false => TransportFault::Unauthorized,
        }
    }

    fn is_refused(&self) {
        let reason = "the server does not accept the credentials any more".into();
        self.is(ConnectionState::Failed { reason });
    }

    /// Messages that the client has dropped since this was asked for last: those for whom nobody had time.
    pub(crate) fn take_dropped(&self) -> u64 {
        self.dropped.swap(0, Ordering::Relaxed)
    }

    fn is(&self, state: ConnectionState) {
        self.state.send_if_modified(|now| {
            self.up
                .store(state == ConnectionState::Up, Ordering::Release);
            let other = *now != state;
            *now = state;
            other
        });
    }

    fn violate(&self, said: &str) {
        let mut violations = self.violations();
        let number = self.violations_count() + 1;
        violations.push_back((number, said.to_owned()));
        if VIOLATIONS_MAX < violations.len() {
            violations.pop_front();
        }
        self.violated.store(number, Ordering::Release);
        self.tells.send_replace(());
        drop(violations);
    }

    /// How often something was not permitted until now. What is permitted can change: only what is said later counts.
    pub(crate) fn violations_count(&self) -> u64 {
        self.violated.load(Ordering::Acquire)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.up.load(Ordering::Acquire)
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.state.borrow().clone()
    }

    /// Tells of each change of the state.
    pub(crate) fn states(&self) -> watch::Receiver<ConnectionState> {
        self.state.subscribe()
    }

    /// What was said since then about a subject that may not be used so: `Publish`, `Subscription`.
    fn violation(&self, verb: &str, subject: &str, since: u64) -> Option<TransportError> {
        if self.violations_count() <= since {
            return None;
        }
        let violations = self.violations();
        let quoted = format!("\"{subject}\"");
        let mut about = violations.iter().rev();
        let (_, said) = about.find(|(number, said)| {
            since < *number && said.contains(verb) && said.contains(&quoted)
        })?;
        Some(TransportError::new(
            TransportFault::Unauthorized,
            format!("the server does not permit it: {said}"),
        ))
    }

    /// What is said about a subject that may not be used so, once the server has seen it: the client hands it on in a task of
    /// its own.
    pub(crate) async fn violation_soon(
        &self,
        verb: &str,
        subject: &str,
        since: u64,
    ) -> Option<TransportError> {
        time::timeout(HANDED_ON_WITHIN, self.violated(verb, subject, since))
            .await
            .ok()
    }

    /// How often the connection was lost until now.
    pub(crate) fn losses_count(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Waits until a subject may not be used so.
    pub(crate) async fn violated(&self, verb: &str, subject: &str, since: u64) -> TransportError {
        let violated = || self.violation(verb, subject, since);
        self.until(violated).await
    }

    /// Waits until no answer comes any more to what was sent on a subject: it may not be used so, or, `None`, the connection was
    /// lost; each since so often.
    pub(crate) async fn unanswered(
        &self,
        subject: &str,
        (violations, losses): (u64, u64),
    ) -> Option<TransportError> {
        let unanswered = || match self.violation("Publish", subject, violations) {
            Some(error) => Some(Some(error)),
            None => (losses < self.losses_count()).then_some(None),
        };
        self.until(unanswered).await
    }

    /// Waits until the client has told something, or had before.
    async fn until<T>(&self, told: impl Fn() -> Option<T>) -> T {
        let mut tells = self.tells.subscribe();
        loop {
            if let Some(told) = told() {
                return told;
            }
            if tells.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn violations(&self) -> MutexGuard<'_, VecDeque<(u64, String)>> {
        self.violations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether it says that the credentials are wrong, or were taken back. That they have ended is none: others may be there already,
/// and if not, that is said of the next connection.
fn is_refusal(said: &str) -> bool {
    let said = said.to_lowercase();
    if said.contains("expired") {
        return false;
    }
    let refusals = ["authorization violation", "authentication", "revoked"];
    refusals.iter().any(|words| said.contains(words))
}

#[cfg(test)]
mod tests {
    use async_nats::{Event, ServerError};
    use signal_bus::ConnectionState;

    use super::{Events, VIOLATIONS_MAX};

    #[test]
    fn a_violation_is_known_by_verb_and_subject() {
        let events = Events::default();
        let said = "Permissions Violation for Publish to \"secret.x\"";
        events.hear(&Event::ServerError(ServerError::Other(said.into())));
        assert!(
            events
                .violation("Publish", "secret.x", 0)
                .unwrap()
                .to_string()
                .contains(said)
        );
        assert!(events.violation("Subscription", "secret.x", 0).is_none());
        assert!(events.violation("Publish", "secret", 0).is_none());
        let since = events.violations_count();
        assert!(events.violation("Publish", "secret.x", since).is_none());
        for at in 0..VIOLATIONS_MAX {
            events.violate(&format!("Permissions Violation for Publish to \"{at}\""));
        }
        assert!(events.violation("Publish", "secret.x", 0).is_none());
    }

    #[test]
    fn credentials_that_have_ended_are_not_refused_yet() {
        let events = Events::default();
        let said = |said: &str| Event::ServerError(ServerError::Other(said.into()));
        events.hear(&said("user authentication expired"));
        assert_eq!(events.state(), ConnectionState::Up);
        events.hear(&Event::Disconnected);
        assert!(matches!(events.state(), ConnectionState::Down { .. }));
        events.hear(&said("user authentication revoked"));
        assert!(matches!(events.state(), ConnectionState::Failed { .. }));
    }

    #[test]
    fn the_state_follows_the_connection() {
        let events = Events::default();
        events.hear(&Event::Disconnected);
        assert!(matches!(events.state(), ConnectionState::Down { .. }));
        events.hear(&Event::Connected);
        assert_eq!(events.state(), ConnectionState::Up);
        events.hear(&Event::ServerError(ServerError::AuthorizationViolation));
        events.hear(&Event::Disconnected);
        assert!(matches!(events.state(), ConnectionState::Failed { .. }));
        events.hear(&Event::Connected);
        assert_eq!(events.state(), ConnectionState::Up);
    }
}
