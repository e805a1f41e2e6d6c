//! What the attributes left at link time: one registration for each annotated function or service.

pub(crate) mod handler;
pub(crate) mod publisher;
pub(crate) mod retry;
pub(crate) mod trip;
pub(crate) mod subscriber;
pub(crate) mod group;
pub(crate) mod periodic;
pub(crate) mod provider;

use std::fmt;

use crate::{
    registry::{
        periodic::Periodic,
        provider::{Injectable, Provider},
        publisher::{Publisher, PublisherEntry, UntypedPublisher},
        subscriber::{Subscriber, SubscriberEntry},
    },
    site::Site,
};

/// The name of a bus, for functions that belong to one bus among several.
///
/// A name, not an instance: [`Bus::named`](crate::bus::Bus::named) may be started as often as you like.
///
/// ```standalone_crate
/// use signal_bus::{Bus, BusName, publisher, subscriber};
///
/// static BILLING: BusName = BusName::new("billing");
///
/// #[publisher("invoice", bus = BILLING)]
/// async fn invoice(number: u32) -> u32 { number }
///
/// #[subscriber("invoice", bus = BILLING)]
/// async fn book(number: u32) { println!("booked {number}") }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// Bus::named(&BILLING).run(async { invoice(7).await; }).await
/// # })?; Ok::<_, anyhow::Error>(())
/// ```
#[derive(Clone, Copy, Eq, Debug)]
pub struct BusName(&'static str);

/// The usual name is the empty one. To compare two empty slices takes over 100 ns on some processors: their address points
/// nowhere, and a vectorised comparison of no bytes there is handled by a fault.
impl PartialEq for BusName {
    fn eq(&self, other: &Self) -> bool {
        self.0.len() == other.0.len() && (self.0.is_empty() || self.0 == other.0)
    }
}

impl BusName {
    /// The name of functions that name no bus.
    pub(crate) const DEFAULT: Self = Self("");

    /// Names a bus.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(name)
    }

    /// The name.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        self.0
    }
}

impl fmt::Display for BusName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "default" } else { self.0 })
    }
}

/// What one attribute's function, or one service, has to declare.
pub struct Registration {
    site: Site,
    declare: fn(&mut Declarations),
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Registration({})", self.site)
    }
}

impl Registration {
    /// Written by the attributes.
    #[must_use]
    pub const fn new(site: Site, declare: fn(&mut Declarations)) -> Self {
        Self { site, declare }
    }

    pub(crate) fn site(&self) -> Site {
        self.site
    }

    pub(crate) fn declarations(&self) -> Declarations {
        let mut declarations = Declarations::default();
        (self.declare)(&mut declarations);
        declarations
    }
}

/// A registration as the linker collects it.
#[derive(Debug)]
pub struct Submitted(pub &'static Registration);

inventory::collect!(Submitted);

/// A function or service that can be picked by name: `Bus::empty().with::<print>()`.
///
/// The attributes implement it, for a type that has the function's name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an annotated function or service",
    label = "expected the name of a `#[subscriber]`, `#[periodic]`, `#[provider]`, injected function or `#[service]`",
    note = "publishers need not be named: they belong to every bus"
)]
pub trait Registered {
    #[doc(hidden)]
    fn registration() -> &'static Registration;
}

/// All registrations of the program, in no order.
pub(crate) fn all() -> impl Iterator<Item = &'static Registration> {
    inventory::iter::<Submitted>
        .into_iter()
        .map(|submitted| submitted.0)
}

/// Collects what a registration declares.
#[derive(Default, Debug)]
pub struct Declarations {
    pub(crate) publishers: Vec<PublisherEntry>,
    pub(crate) subscribers: Vec<SubscriberEntry>,
    pub(crate) periodics: Vec<Periodic>,
    pub(crate) providers: Vec<Provider>,
    pub(crate) injectables: Vec<Injectable>,
}

impl Declarations {
    /// Declares a publisher.
    pub fn publisher<T: ?Sized>(&mut self, publisher: Publisher<T>) {
        self.publishers.push(publisher.entry());
    }

    /// Declares a publisher whose type is not known until it is called.
    pub fn publisher_untyped(&mut self, publisher: UntypedPublisher) {
        self.publishers.push(publisher.entry());
    }

    /// Declares a subscriber.
    pub fn subscriber<T: ?Sized>(&mut self, subscriber: Subscriber<T>) {
        self.subscribers.push(subscriber.entry());
    }

    /// Declares a periodic function.
    pub fn periodic(&mut self, periodic: Periodic) {
        self.periodics.push(periodic);
    }

    /// Declares a provider.
    pub fn provider(&mut self, provider: Provider) {
        self.providers.push(provider);
    }

    /// Declares a function with injected parameters.
    pub fn injectable(&mut self, injectable: Injectable) {
        self.injectables.push(injectable);
    }
}
