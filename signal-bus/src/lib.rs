// Of two definitions of a link the first holds: the README's own lead nowhere from a page of the documentation.
#![doc = include_str!("../docs/links.md")]
#![doc = include_str!("../README.md")]
#![warn(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used
)]

// The order is the architecture: a module uses only modules above it.
mod site;
mod guarded;
mod clock;
mod sync;
mod latch;
mod caller;
mod handoff;
mod process;
mod report;
mod error;
mod topic;
mod signal;
mod codec;
mod forms;
mod inject;
mod registry;
mod topology;
mod queue;
mod observe;
#[cfg(feature = "transport")]
pub mod transport;
mod layer;
mod route;
mod link;
mod ending;
mod scope;
mod publish;
mod worker;
mod subscribe;
mod request;
mod bridge;
#[cfg(feature = "transport")]
mod inbound;
mod periodic;
mod guard;
mod bus;
#[cfg(feature = "testing")]
pub mod testing;
#[doc(hidden)]
pub mod private;
#[cfg(all(loom, test))]
mod models;

#[cfg(feature = "macros")]
pub use signal_bus_macros::{inject, periodic, provider, publisher, service, subscriber};

pub use crate::{
    bridge::Bridge,
    bus::Bus,
    error::{
        CloseError, Failure, Finding, FindingKind, InjectError, InvalidTopic, StartError, Stopped,
        TopicFault,
        permanent::{MarkPermanent, Permanent, permanent},
        publish::{PublishError, Refusal},
        replay::ReplayError,
        request::RequestError,
        subscribe::SubscribeError,
    },
    guard::BusGuard,
    layer::{Call, Handled, Next, trace::trace},
    observe::{
        At,
        letters::{DeadLetter, DeadReason},
    },
    periodic::handle::PeriodicHandle,
    process::ProcessSignal,
    publish::{Receipt, delayed::Delayed, prefix::Publisher, replay::DeadLetters},
    registry::{
        BusName, Registered,
        retry::{Jitter, Retry},
        subscriber::Overflow,
        trip::OnTrip,
    },
    report::{
        CloseOutcome, CloseReport, DeadLetterId, Departed, FailureReport, Stats,
        SubscriptionReport, Tally,
        health::{Ailment, ConnectionHealth, ConnectionState, Health, Phase, Symptom},
        latency::Latency,
    },
    scope::{InBus, InCurrentBus, current, presence::SubscriberEvent, running::BusHandle, spawn},
    signal::{AnyValue, Payload, Signal, headers::Headers, id::SignalId},
    site::Site,
    subscribe::{
        ask::QueueLength, closure::Listens, listen::Listener, once::Once,
        options::SubscriptionOptions, pull::Subscription,
    },
    topic::{IntoPatterns, IntoTopic, Topic},
    topology::print::{LockError, Topology},
};

#[cfg(feature = "transport")]
pub use crate::report::lease::LeaseState;

#[cfg(feature = "tower")]
pub use crate::layer::tower::HandlerService;

#[doc = include_str!("../docs/linking.md")]
#[macro_export]
macro_rules! link {
    ($($krate:ident),+ $(,)?) => {
        const _: () = {
            $(
                #[allow(unused_imports, clippy::single_component_path_imports)]
                use ::$krate as _;
            )+
        };
    };
}
