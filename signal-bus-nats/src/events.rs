//! What the client tells by the way: how its connection is, and what the server did not permit.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
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
    /// How often something was not permitted.
    violated: watch::Sender<u64>,
    violations: Mutex<VecDeque<String>>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            state: watch::Sender::new(ConnectionState::Up),
            violated: watch::Sender::new(0),
            violations: Mutex::default(),
        }
    }
}

impl Events {
    pub(crate) fn hear(&self, event: &Event) {
        match event {
            Event::Connected => self.is(ConnectionState::Up),
            Event::Disconnected => self.is(ConnectionState::Down {
                reason: "the server does not answer".into(),
            }),
            Event::ServerError(ServerError::AuthorizationViolation) => {
                self.is(ConnectionState::Failed {
                    reason: "the server does not accept the credentials any more".into(),
                });
            }
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
            // Dropped messages are counted where they are dropped; this client never lets it come to that.
            Event::SlowConsumer(_) | Event::LameDuckMode | Event::Draining => {
                tracing::debug!("NATS: {event}");
            }
        }
    }

    fn is(&self, state: ConnectionState) {
        self.state.send_if_modified(|now| {
            let other = *now != state;
            *now = state;
            other
        });
    }

    fn violate(&self, said: &str) {
        let mut violations = self.violations();
        violations.push_back(said.to_owned());
        if VIOLATIONS_MAX < violations.len() {
            violations.pop_front();
        }
        drop(violations);
        self.violated.send_modify(|count| *count += 1);
    }

    pub(crate) fn state(&self) -> ConnectionState {
        self.state.borrow().clone()
    }

    /// Tells of each change of the state.
    pub(crate) fn states(&self) -> watch::Receiver<ConnectionState> {
        self.state.subscribe()
    }

    /// What was said about a subject that may not be used so: `Publish`, `Subscription`.
    fn violation(&self, verb: &str, subject: &str) -> Option<TransportError> {
        let violations = self.violations();
        let quoted = format!("\"{subject}\"");
        let mut about = violations.iter().rev();
        let said = about.find(|said| said.contains(verb) && said.contains(&quoted))?;
        Some(TransportError::new(
            TransportFault::Unauthorized,
            format!("the server does not permit it: {said}"),
        ))
    }

    /// What is said about a subject that may not be used so, once the server has seen it: the client hands it on in a task of
    /// its own.
    pub(crate) async fn violation_soon(&self, verb: &str, subject: &str) -> Option<TransportError> {
        time::timeout(HANDED_ON_WITHIN, self.violated(verb, subject))
            .await
            .ok()
    }

    /// Waits until a subject may not be used so.
    pub(crate) async fn violated(&self, verb: &str, subject: &str) -> TransportError {
        let mut violated = self.violated.subscribe();
        loop {
            if let Some(error) = self.violation(verb, subject) {
                return error;
            }
            if violated.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }

    fn violations(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.violations
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
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
                .violation("Publish", "secret.x")
                .unwrap()
                .to_string()
                .contains(said)
        );
        assert!(events.violation("Subscription", "secret.x").is_none());
        assert!(events.violation("Publish", "secret").is_none());
        for at in 0..VIOLATIONS_MAX {
            events.violate(&format!("Permissions Violation for Publish to \"{at}\""));
        }
        assert!(events.violation("Publish", "secret.x").is_none());
    }

    #[test]
    fn the_state_follows_the_connection() {
        let events = Events::default();
        events.hear(&Event::Disconnected);
        assert!(matches!(events.state(), ConnectionState::Down { .. }));
        events.hear(&Event::Connected);
        assert_eq!(events.state(), ConnectionState::Up);
    }
}
