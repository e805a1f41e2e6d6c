//! Subscriptions that were refused.

use crate::{
    error::{InvalidTopic, advice::on_types},
    site::Site,
};

/// A subscription that was refused; nothing has changed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubscribeError {
    /// The bus is closed, or it drains.
    #[error("the bus is closed")]
    Closed,
    /// No pattern was given.
    #[error("a subscription needs at least one pattern")]
    NoPattern,
    /// A name is no pattern.
    #[error("cannot subscribe to {pattern:?}: {error}")]
    InvalidPattern {
        /// The name.
        pattern: Box<str>,
        /// What is wrong with it.
        #[source]
        error: InvalidTopic,
    },
    /// The bus's own topics drop what nobody takes in time, so they need a subscription of their own.
    #[error("`{pattern}` is a topic of the bus itself, and needs a subscription of its own")]
    Reserved {
        /// The pattern of the bus's own topics.
        pattern: Box<str>,
    },
    /// The bus has no topic of its own that the pattern hears, or it carries another type.
    #[error("{fault}")]
    OwnTopic {
        /// What is wrong.
        fault: Box<str>,
    },
    /// The pattern hears a topic that carries another type.
    ///
    /// To hear signals of any type, use `subscribe_any` or `listen_any`.
    #[error(
        "{} carries `{carries}` ({bound_at}), not `{wants}` ({subscribed_at}){}",
        heard(pattern, topic),
        on_types(.carries, .wants)
    )]
    TypeMismatch {
        /// The pattern that was asked for.
        pattern: Box<str>,
        /// The topic it hears.
        topic: Box<str>,
        /// The type the topic carries.
        carries: &'static str,
        /// What has bound the topic to its type: the function, or the call, with file and line.
        bound_at: Box<str>,
        /// The type that was asked for.
        wants: &'static str,
        /// The call that asked for it, with file and line.
        subscribed_at: Box<str>,
    },
    /// The members of a group share one queue, and this one differs too much from those that are there.
    #[error("the members of group `{group}` need {need}: {first} has {differs}")]
    GroupMismatch {
        /// The group's name.
        group: Box<str>,
        /// Its first member.
        first: Site,
        /// What all members need, and this one lacks.
        need: &'static str,
        /// What the first has of it, and what this one.
        differs: Box<str>,
    },
    /// No history keeps everything that the pattern hears.
    #[error("no history of the bus keeps everything that `{pattern}` hears: see `Bus::history`")]
    NoHistory {
        /// The pattern that was asked for.
        pattern: Box<str>,
    },
    /// The history has forgotten what was asked for.
    #[error(
        "the history begins with {oldest}, and what was before is forgotten: begin there, or with `from_oldest`"
    )]
    Forgotten {
        /// The least sequence number from which nothing is missing.
        oldest: u64,
    },
}

/// The topic, and by which pattern it is heard if that is not its name.
fn heard(pattern: &str, topic: &str) -> String {
    if pattern == topic {
        format!("topic `{topic}`")
    } else {
        format!("`{pattern}` hears topic `{topic}`, which")
    }
}
