//! Which of our attributes a path names.

use std::fmt;

use syn::Path;

/// One of our attributes. The order is the one in which they are collected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    Subscriber,
    Periodic,
    Provider,
    Publisher,
    Inject,
    Service,
}

impl Role {
    pub(crate) const ALL: [Self; 6] = [
        Self::Subscriber,
        Self::Periodic,
        Self::Provider,
        Self::Publisher,
        Self::Inject,
        Self::Service,
    ];

    /// Recognizes `publisher` and `signal_bus::publisher`; other paths may be anyone's.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let last = path.segments.last()?;
        let ours = match path.segments.len() {
            1 => path.leading_colon.is_none(),
            2 => path.segments.first()?.ident == "signal_bus",
            _ => false,
        };
        Self::ALL
            .into_iter()
            .find(|role| ours && last.ident == role.name())
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Subscriber => "subscriber",
            Self::Periodic => "periodic",
            Self::Provider => "provider",
            Self::Publisher => "publisher",
            Self::Inject => "inject",
            Self::Service => "service",
        }
    }

    /// What the function is called in messages.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Subscriber => "a subscriber",
            Self::Periodic => "a periodic function",
            Self::Provider => "a provider",
            Self::Publisher => "a publisher",
            Self::Inject => "an injected function",
            Self::Service => "a service",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`#[{}]`", self.name())
    }
}
