//! What a bus asks a transport for.

/// Messages that a bus asks for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Interest {
    /// The topics: `orders.eu`, `orders.*`, `orders.>`; `*` is one token, `>` one or more.
    pub pattern: String,
    /// Of all subscriptions of the group with this pattern, in whatever process, one gets each message.
    pub group: Option<String>,
    /// With which message it begins.
    pub start: Start,
}

/// With which message a subscription begins; what follows joins it without a gap, and nothing comes in twice.
///
/// All but [`Now`](Self::Now) takes a transport that [replays](crate::transport::Features::replay). A group goes on where it is: for one that
/// has been there before, this changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
#[non_exhaustive]
pub enum Start {
    /// With the first that is published after it has begun.
    #[default]
    Now,
    /// With the oldest that the engine still has.
    Oldest,
    /// With the first after the one of this [sequence](crate::transport::Delivery::sequence), or the oldest that the engine still has
    /// of those.
    After(u64),
}

impl Interest {
    /// Every message of these topics, from now on.
    pub fn all(pattern: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            group: None,
            start: Start::Now,
        }
    }

    /// Messages that are divided among a group.
    #[must_use]
    pub fn shared(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }

    /// The same from another message on.
    #[must_use]
    pub fn starting(mut self, start: Start) -> Self {
        self.start = start;
        self
    }
}
