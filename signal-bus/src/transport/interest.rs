//! What a bus asks a transport for.

/// Messages that a bus asks for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub struct Interest {
    /// The topics: `orders.eu`, `orders.*`, `orders.>`; `*` is one token, `>` one or more.
    pub pattern: String,
    /// Of all subscriptions of the group with this pattern, in whatever process, one gets each message.
    pub group: Option<String>,
}

impl Interest {
    /// Every message of these topics.
    pub fn all(pattern: impl Into<String>) -> Self {
        Self {
            pattern: pattern.into(),
            group: None,
        }
    }

    /// Messages that are divided among a group.
    #[must_use]
    pub fn shared(mut self, group: impl Into<String>) -> Self {
        self.group = Some(group.into());
        self
    }
}
