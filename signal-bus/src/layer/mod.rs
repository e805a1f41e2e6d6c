//! Layers: what stands around each call of a handler.

#[cfg(feature = "tower")]
pub(crate) mod tower;
pub(crate) mod trace;

use std::{fmt, pin::Pin, sync::Arc};

use crate::{
    error::Failure,
    registry::handler::HandlerFuture,
    signal::{Signal, id::SignalId},
    site::Site,
};

/// What a layer, or what it stands around, is awaited as.
pub(crate) type LayerFuture = Pin<Box<dyn Future<Output = Result<Handled, Failure>> + Send>>;

/// A layer of a running bus.
pub(crate) type Layer = Arc<dyn Fn(Call, Next) -> LayerFuture + Send + Sync>;

/// A layer of a description: each start makes its own.
pub(crate) type MakeLayer = Arc<dyn Fn() -> Layer + Send + Sync>;

/// The layers of a running bus, the outermost first.
#[derive(Clone)]
pub(crate) struct Layers(Arc<[Layer]>);

impl Layers {
    pub(crate) fn made(layers: &[MakeLayer]) -> Self {
        Self(layers.iter().map(|make| make()).collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Layers({})", self.0.len())
    }
}

/// One call of a handler, as layers see it: whose it is, and with which signals.
///
/// Cloning it clones no value. As long as a clone is kept, a handler that takes its signal by value gets a clone of that.
/// Displayed as `shop::store (src/main.rs:14) on `orders` #12`.
#[derive(Clone)]
pub struct Call {
    site: Site,
    signals: Signals,
    /// The way on, for a service that has no other place for it.
    #[cfg(feature = "tower")]
    next: Option<Next>,
}

/// One, without an allocation, or those of a batch.
#[derive(Clone)]
pub(crate) enum Signals {
    One(Signal),
    Batch(Vec<Signal>),
}

impl Call {
    pub(crate) fn new(site: Site, signals: Signals) -> Self {
        Self {
            site,
            signals,
            #[cfg(feature = "tower")]
            next: None,
        }
    }

    /// The subscriber's function, or the call that listens.
    #[must_use]
    pub fn site(&self) -> Site {
        self.site
    }

    /// The signal; of a batch, the first.
    ///
    /// Its label tells topic, id, sequence, attempt, headers and what led to it; its value is found by
    /// [`downcast_ref`](Signal::downcast_ref).
    #[must_use]
    pub fn signal(&self) -> &Signal {
        // A handler is called with something.
        &self.signals()[0]
    }

    /// All signals: one, or those of a batch.
    #[must_use]
    pub fn signals(&self) -> &[Signal] {
        match &self.signals {
            Signals::One(signal) => std::slice::from_ref(signal),
            Signals::Batch(signals) => signals,
        }
    }

    /// The topic of the signal; of a batch, of the first.
    #[must_use]
    pub fn topic(&self) -> &str {
        self.signal().topic()
    }

    /// The id of the signal; of a batch, of the first.
    #[must_use]
    pub fn id(&self) -> SignalId {
        self.signal().id()
    }

    /// Which call of the handler with the same signals it is: 1 for the first, more if it is [tried again](crate::Retry).
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.signal().attempt()
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (site, topic, id) = (self.site, self.topic(), self.id());
        write!(f, "{site} on `{topic}` {id}")?;
        match self.signals().len() {
            1 => Ok(()),
            count => write!(f, " and {} more", count - 1),
        }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Call({self})")
    }
}

/// The proof that a call has come to an end: that of its handler, or that of a layer which has [skipped](Next::skip) it.
///
/// A layer has to return one, so it cannot forget the handler by mistake.
#[derive(Debug)]
#[must_use = "a layer returns it"]
pub struct Handled {
    pub(crate) skipped: bool,
}

/// What a layer stands around: the layers below it, and the handler.
#[derive(Clone)]
pub struct Next {
    layers: Layers,
    at: usize,
    handler: Arc<dyn Handles>,
}

impl fmt::Debug for Next {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Next({} of {:?})", self.at, self.layers)
    }
}

/// The handler below all layers.
pub(crate) trait Handles: Send + Sync {
    fn handle(&self, signals: Signals) -> HandlerFuture<'static>;
}

impl Next {
    pub(crate) fn new(layers: Layers, handler: Arc<dyn Handles>) -> Self {
        Self {
            layers,
            at: 0,
            handler,
        }
    }

    /// Calls the layers below, and the handler.
    ///
    /// Called a second time, with a clone of the call, it calls the handler a second time.
    ///
    /// # Errors
    ///
    /// The [`Failure`] of the handler, its panic included, or of a layer below.
    ///
    /// # Cancel safety
    ///
    /// Dropping it cancels the handler where it stands, as a timeout does. The layer still has to say what becomes of the
    /// signal: an error, or [`skip`](Self::skip).
    pub fn run(
        &self,
        call: Call,
    ) -> impl Future<Output = Result<Handled, Failure>> + Send + 'static + use<> {
        self.run_boxed(call)
    }

    fn run_boxed(&self, call: Call) -> LayerFuture {
        if let Some(layer) = self.layers.0.get(self.at) {
            let mut below = self.clone();
            below.at += 1;
            return layer(call, below);
        }
        let handled = self.handler.handle(call.signals);
        Box::pin(async move {
            match handled.await {
                Ok(()) => Ok(Handled { skipped: false }),
                Err(failure) => Err(*failure),
            }
        })
    }

    /// Leaves the handler out: the signals count as done all the same, and as [`Stats::skipped`](crate::Stats::skipped).
    ///
    /// To refuse them, return an error instead: that is a failure like the handler's own, which may be tried again, is reported,
    /// and ends as a dead letter.
    pub fn skip(&self, call: Call) -> Handled {
        drop(call);
        Handled { skipped: true }
    }
}
