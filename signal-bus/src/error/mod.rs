//! What can go wrong, one type per operation.

pub(crate) mod advice;
pub(crate) mod permanent;
pub(crate) mod publish;
pub(crate) mod replay;
pub(crate) mod request;
pub(crate) mod subscribe;
#[cfg(feature = "transport")]
pub(crate) mod transport;

use std::{fmt, time::Duration};

use crate::{
    error::{permanent::Permanent, publish::Refusal},
    process::ProcessSignal,
    report::CloseReport,
    site::Site,
};

/// A name that is no topic, with the place and the rule.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("invalid topic at byte {position}: {}", reason.text())]
#[non_exhaustive]
pub struct InvalidTopic {
    /// Byte at which the name breaks the rule, from 0.
    pub position: usize,
    /// The rule it breaks.
    pub reason: TopicFault,
}

impl InvalidTopic {
    pub(crate) const fn new(position: usize, reason: TopicFault) -> Self {
        Self { position, reason }
    }
}

/// The rules a topic's name can break.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum TopicFault {
    /// The name has no character.
    Empty,
    /// Two dots follow each other, or the name begins or ends with one.
    EmptyToken,
    /// A character is white space.
    WhiteSpace,
    /// A character is a control character.
    Control,
    /// A character has no shape, such as a zero-width space or a change of direction.
    Invisible,
    /// A character only looks like `.`, `*`, `>`, `$`, `{` or `}`.
    LookAlike,
    /// The name has more than 256 bytes.
    TooLong,
    /// The name has more than 32 tokens.
    TooManyTokens,
    /// A wildcard stands where one exact topic is needed.
    Wildcard,
    /// A wildcard shares its token with other characters.
    WildcardMixed,
    /// A hole, `{region}`, stands where one exact topic is needed.
    Hole,
    /// `>` or `**` is not the last token.
    TailNotLast,
    /// The topic belongs to the bus: `$bus.…`.
    Reserved,
    /// The argument that fills a hole of a template would add a token.
    DotInArgument,
}

impl TopicFault {
    /// The rule in words.
    pub(crate) const fn text(self) -> &'static str {
        self.complaint().1
    }

    /// What the compiler says of a malformed name in a `static`: a panic there takes no arguments.
    pub(crate) const fn at_compile_time(self) -> &'static str {
        self.complaint().0
    }

    const fn complaint(self) -> (&'static str, &'static str) {
        macro_rules! both {
            ($text:literal) => {
                (concat!("invalid topic: ", $text), $text)
            };
        }
        match self {
            Self::Empty => both!("the name is empty"),
            Self::EmptyToken => both!("empty token, between two dots or at an end"),
            Self::WhiteSpace => both!("white space"),
            Self::Control => both!("control character"),
            Self::Invisible => both!("a character that cannot be seen"),
            Self::LookAlike => {
                both!("a character that only looks like `.`, `*`, `>`, `$`, `{` or `}`")
            }
            Self::TooLong => both!("longer than 256 bytes"),
            Self::TooManyTokens => both!("more than 32 tokens"),
            Self::Wildcard => both!("a wildcard, where one exact topic is needed"),
            Self::Hole => both!(
                "a hole, where one exact topic is needed; only `#[publisher]` fills it in, from its arguments"
            ),
            Self::WildcardMixed => both!("a wildcard must stand alone in its token"),
            Self::TailNotLast => both!("`>` and `**` must be the last token"),
            Self::Reserved => both!("`$bus` is reserved for the bus itself"),
            Self::DotInArgument => both!("the argument holds a dot, which would add a token"),
        }
    }
}

impl fmt::Display for TopicFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

/// An injected parameter that could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InjectError {
    /// The bus has no value of this type.
    #[error("nothing provides `{type_name}`, needed by parameter `{parameter}` of {site}")]
    Missing {
        /// The type that was asked for.
        type_name: &'static str,
        /// The parameter that asks for it.
        parameter: &'static str,
        /// The function that asks for it.
        site: Site,
    },
    /// The function was called outside of any running bus, where nothing is provided.
    #[error(
        "{site} was called outside of a running bus, so its parameter `{parameter}` cannot be injected; \
         call it inside `bus.run(..)`, or call `direct` with the argument"
    )]
    NoBus {
        /// The parameter that asks for a value.
        parameter: &'static str,
        /// The function that was called.
        site: Site,
    },
    /// A factory failed.
    #[error("factory `{factory}` for parameter `{parameter}` of {site} failed: {source:#}")]
    Factory {
        /// The factory's path, as the compiler names it.
        factory: &'static str,
        /// The parameter it makes.
        parameter: &'static str,
        /// The function that asks for it.
        site: Site,
        /// The factory's own error.
        source: anyhow::Error,
    },
    /// A provider failed.
    #[error("{0:#}")]
    Provider(anyhow::Error),
}

/// Why the handling of a signal, or a run of a periodic function, failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// The function returned an error.
    #[error("{0:#}")]
    Returned(anyhow::Error),
    /// The function panicked; the text is the panic's message.
    #[error("panicked: {0}")]
    Panicked(String),
    /// The function did not end in the time that its `timeout` gives it.
    #[error("timed out after {0:?}")]
    TimedOut(Duration),
    /// A parameter could not be injected.
    #[error(transparent)]
    Inject(#[from] InjectError),
    /// What the function returned could not be published.
    #[error("its value was not published: {0}")]
    Refused(#[from] Refusal),
}

/// How a call has ended. A failure is large and rare, so it is behind a pointer.
pub(crate) type Outcome = Result<(), Box<Failure>>;

impl From<InjectError> for Box<Failure> {
    fn from(error: InjectError) -> Self {
        Self::new(error.into())
    }
}

impl From<Refusal> for Box<Failure> {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.into())
    }
}

impl Failure {
    /// What a function returned; a failure of the bus's own stays what it is.
    pub(crate) fn returned(error: anyhow::Error) -> Self {
        error.downcast().unwrap_or_else(Self::Returned)
    }

    /// Whether no retry can mend it: its error is marked as [`Permanent`], or it lies in how the bus is wired, or closed.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Inject(InjectError::Missing { .. } | InjectError::NoBus { .. }) => true,
            Self::Refused(refusal) => refusal.is_permanent(),
            failure => failure
                .chain()
                .any(<dyn std::error::Error>::is::<Permanent>),
        }
    }

    /// The error with all of its sources, from the outermost inwards.
    pub(crate) fn chain(&self) -> anyhow::Chain<'_> {
        match self {
            Self::Returned(error) | Self::Inject(InjectError::Provider(error)) => error.chain(),
            failure => anyhow::Chain::new(failure),
        }
    }
}

/// A bus that cannot start: everything that is wrong with its wiring, in one error.
#[derive(Debug)]
#[non_exhaustive]
pub struct StartError {
    /// The findings, each with the functions it is about, in order of file and line.
    pub findings: Vec<Finding>,
}

impl std::error::Error for StartError {}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.findings.len() {
            1 => f.write_str("the bus cannot start:")?,
            count => write!(f, "the bus cannot start, for {count} reasons:")?,
        }
        for finding in &self.findings {
            write!(f, "\n- {finding}")?;
        }
        Ok(())
    }
}

/// Something noteworthy in the wiring of a bus.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Finding {
    /// What kind of finding it is.
    pub kind: FindingKind,
    /// What is wrong, and what to do about it.
    pub message: String,
    /// The functions it is about, each with its part in it.
    pub places: Vec<(Site, String)>,
}

impl Finding {
    pub(crate) fn new(kind: FindingKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            places: Vec::new(),
        }
    }

    pub(crate) fn at(mut self, site: Site, part: impl Into<String>) -> Self {
        self.places.push((site, part.into()));
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (site, part) in &self.places {
            write!(f, "\n    {site} {part}")?;
        }
        Ok(())
    }
}

/// The kinds of findings of a start-up check.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum FindingKind {
    /// One topic would carry two types.
    TypeMismatch,
    /// A parameter asks for a type that nothing provides.
    MissingProvider,
    /// Providers, or factories, need each other.
    ProviderCycle,
    /// Two providers make the same type.
    DuplicateProvider,
    /// A provider failed while the bus started.
    ProviderFailed,
    /// An option has a value it cannot have.
    InvalidOption,
    /// A type of a topic that travels cannot be written or read, or its publisher cannot wait.
    CannotTravel,
    /// A transport could not connect.
    NotConnected,
    /// The start was not inside a tokio runtime.
    NoRuntime,
    /// Signals of the operating system have given the start up.
    Stopped,
    /// Nobody subscribes to what is published. A warning, unless the bus is strict.
    Unheard,
    /// Nobody publishes what is subscribed to. A warning, unless the bus is strict.
    Unfed,
    /// A topic is meant for other processes, and no connection carries it there. A warning, unless the bus is strict.
    StaysHere,
    /// Topics feed each other in a circle. Only reported.
    TopicCycle,
}

/// A close that did not drain everything, or was not asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloseError {
    /// The deadline passed; the report counts what was abandoned and names what was stuck.
    #[error("the bus did not drain before its deadline: {0}")]
    Deadline(Box<CloseReport>),
    /// A second signal of the operating system came; the report counts what was abandoned.
    #[error("the bus was closed before it had drained: {0}")]
    Aborted(Box<CloseReport>),
    /// The runtime went away under the bus; the report counts what was abandoned.
    #[error("the runtime ended before the bus had drained: {0}")]
    RuntimeGone(Box<CloseReport>),
    /// The panics of a function have [closed](crate::OnTrip::CloseBus) the bus, which has drained; the report
    /// [names](CloseReport::closed_by) it.
    #[error("a function has panicked too often, which has closed the bus: {0}")]
    Tripped(Box<CloseReport>),
    /// A handler cannot wait for the close, which waits for the handler. The close has begun.
    #[error(
        "close() was awaited inside a handler of the bus, which would wait for itself; the close has begun"
    )]
    InsideHandler,
}

/// A signal of the operating system has closed the bus before that ended what ran in it.
#[derive(Debug, thiserror::Error)]
#[error("what ran in the bus had not ended when {signal} had closed it: {report}")]
#[non_exhaustive]
pub struct Stopped {
    /// The signal.
    pub signal: ProcessSignal,
    /// The report of the close, which lacks nothing.
    pub report: Box<CloseReport>,
}

impl CloseError {
    /// The report of the close, if it has ended.
    #[must_use]
    pub fn report(&self) -> Option<&CloseReport> {
        match self {
            Self::Deadline(report)
            | Self::Aborted(report)
            | Self::RuntimeGone(report)
            | Self::Tripped(report) => Some(report),
            Self::InsideHandler => None,
        }
    }
}
