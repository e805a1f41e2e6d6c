//! Publishes that were refused.

use std::{any::type_name, fmt};

use crate::error::{InvalidTopic, advice::on_types};

/// A publish that was refused; it reached nobody, and gives the signal back.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum PublishError<T> {
    /// The bus is closed, or it drains and the publisher is not one of its handlers.
    #[error("the bus is closed")]
    Closed(T),
    /// A subscription has no room, and the call does not wait (`try_publish` only).
    #[error("a subscription is full")]
    Full(T),
    /// Too many signals of this publisher wait (`max_waiting`), and the call does not wait.
    #[error("as many signals of this publisher wait as its `max_waiting` allows")]
    Throttled(T),
    /// The topic was closed.
    #[error("topic `{topic}` is closed")]
    TopicClosed {
        /// The signal that was refused.
        signal: T,
        /// The topic it was meant for.
        topic: Box<str>,
    },
    /// The topic carries another type.
    #[error("topic `{topic}` carries `{carries}`, not `{}`{}", type_name::<T>(), on_types(type_name::<T>(), .carries))]
    TypeMismatch {
        /// The signal that was refused.
        signal: T,
        /// The topic it was meant for.
        topic: Box<str>,
        /// The type the topic carries.
        carries: &'static str,
    },
    /// The topic travels, and its transport has refused the signal, or has not said what became of it.
    #[cfg(feature = "transport")]
    #[error("{error}")]
    Transport {
        /// The signal that was refused.
        signal: T,
        /// What the transport says; if its fault is [`Unknown`](crate::transport::TransportFault::Unknown), other processes
        /// may have got the signal.
        #[source]
        error: crate::error::transport::TransportError,
    },
    /// The name is not a topic.
    #[error("cannot publish on {topic:?}: {error}")]
    InvalidTopic {
        /// The signal that was refused.
        signal: T,
        /// The name it was published on.
        topic: Box<str>,
        /// What is wrong with the name.
        #[source]
        error: InvalidTopic,
    },
}

impl<T> PublishError<T> {
    /// Takes back the signal.
    #[must_use]
    pub fn into_signal(self) -> T {
        self.take().0
    }

    /// Turns the signal into something else, keeping the reason.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> PublishError<U> {
        let (signal, refusal) = self.take();
        refusal.with(change(signal))
    }

    pub(crate) fn take(self) -> (T, Refusal) {
        match self {
            Self::Closed(signal) => (signal, Refusal::Closed),
            Self::Full(signal) => (signal, Refusal::Full),
            Self::Throttled(signal) => (signal, Refusal::Throttled),
            Self::TopicClosed { signal, topic } => (signal, Refusal::TopicClosed { topic }),
            Self::TypeMismatch {
                signal,
                topic,
                carries,
            } => {
                let found = type_name::<T>();
                let refusal = Refusal::TypeMismatch {
                    topic,
                    carries,
                    found,
                };
                (signal, refusal)
            }
            #[cfg(feature = "transport")]
            Self::Transport { signal, error } => (signal, Refusal::Transport(error)),
            Self::InvalidTopic {
                signal,
                topic,
                error,
            } => (signal, Refusal::InvalidTopic { topic, error }),
        }
    }
}

impl<T> fmt::Debug for PublishError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublishError({self})")
    }
}

/// Why a publish was refused, without the signal: what `on_error` is told of annotated publishers.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The bus is closed, or it drains and the publisher is not one of its handlers.
    #[error("the bus is closed")]
    Closed,
    /// A subscription has no room, and a plain `fn` cannot wait.
    #[error("a subscription is full")]
    Full,
    /// Too many signals of the publisher wait, and the call does not wait.
    #[error("as many signals of this publisher wait as its `max_waiting` allows")]
    Throttled,
    /// The topic was closed.
    #[error("topic `{topic}` is closed")]
    TopicClosed {
        /// The topic the signal was meant for.
        topic: Box<str>,
    },
    /// The topic carries another type.
    #[error("topic `{topic}` carries `{carries}`, not `{found}`{}", on_types(.found, .carries))]
    TypeMismatch {
        /// The topic the signal was meant for.
        topic: Box<str>,
        /// The type the topic carries.
        carries: &'static str,
        /// The type of the signal.
        found: &'static str,
    },
    /// The topic travels, and its transport has refused the signal, or has not said what became of it.
    #[cfg(feature = "transport")]
    #[error(transparent)]
    Transport(crate::error::transport::TransportError),
    /// The name, filled in from the arguments, is not a topic.
    #[error("cannot publish on {topic:?}: {error}")]
    InvalidTopic {
        /// The name that was published on.
        topic: Box<str>,
        /// What is wrong with the name.
        #[source]
        error: InvalidTopic,
    },
}

impl Refusal {
    /// Whether to publish again cannot mend it.
    pub(crate) fn is_permanent(&self) -> bool {
        match self {
            Self::Full | Self::Throttled => false,
            #[cfg(feature = "transport")]
            Self::Transport(error) => error.is_permanent(),
            Self::Closed
            | Self::TopicClosed { .. }
            | Self::TypeMismatch { .. }
            | Self::InvalidTopic { .. } => true,
        }
    }

    pub(crate) fn with<T>(self, signal: T) -> PublishError<T> {
        match self {
            Self::Closed => PublishError::Closed(signal),
            Self::Full => PublishError::Full(signal),
            Self::Throttled => PublishError::Throttled(signal),
            Self::TopicClosed { topic } => PublishError::TopicClosed { signal, topic },
            Self::TypeMismatch { topic, carries, .. } => PublishError::TypeMismatch {
                signal,
                topic,
                carries,
            },
            #[cfg(feature = "transport")]
            Self::Transport(error) => PublishError::Transport { signal, error },
            Self::InvalidTopic { topic, error } => PublishError::InvalidTopic {
                signal,
                topic,
                error,
            },
        }
    }
}
