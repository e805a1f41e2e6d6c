//! Two running buses, with signals that pass from one to the other.

use std::{fmt, panic::Location, sync::Arc, time::Duration};

use crate::{
    error::{CloseError, Failure, subscribe::SubscribeError},
    publish::{Forwarded, Manner, Tried},
    scope::{
        passages::Entered,
        running::{BusHandle, Running},
    },
    signal::{AnyValue, Signal, arrival::Came, label::Passage},
    subscribe::listen::Listener,
    topic::{IntoPatterns, name::is_reserved},
};

/// Two buses that pass signals to each other; made by [`BusHandle::bridge`].
///
/// It ends when it is dropped, when it is closed, or when one of the buses closes.
#[must_use = "a bridge ends when it is dropped"]
pub struct Bridge {
    there: Listener,
    back: Listener,
}

impl fmt::Debug for Bridge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Bridge").field(&self.there).finish()
    }
}

impl BusHandle {
    /// Passes signals of some topics to another running bus, and from there to this one.
    ///
    /// A signal comes to each bus once: it does not come back, also not over a ring of bridges. It gets a new id there, and
    /// keeps its value, which is shared and not copied, its headers and its time. Signals of local topics and publishers,
    /// broadcasts and the buses' own signals stay where they are. What was published before does not pass.
    ///
    /// A bridge counts as a subscriber of both buses. A topic keeps its order, also where several ways lead to a bus. What
    /// the other bus refuses, because the topic carries another type there, becomes a dead letter of the bus it comes from.
    ///
    /// A full subscription of one bus makes the bridge wait, and so, once the bridge is full, the publishers of the other.
    /// Handlers of two buses that wait for each other in a circle are not detected, unlike those of one bus; nor is a ring
    /// of four buses or more all of whose bridges are full.
    ///
    /// # Errors
    ///
    /// As [`subscribe_any`](Self::subscribe_any), for either bus.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// use signal_bus::Bus;
    ///
    /// let (shop, billing) = (Bus::empty().start().await?, Bus::empty().start().await?);
    /// let bridge = shop.bridge(&billing, "orders.>")?;
    /// let mut orders = billing.subscribe::<u32>("orders.>")?;
    /// shop.publish("orders.eu.created", 7_u32).await?;
    /// assert_eq!(orders.recv().await.as_deref(), Some(&7));
    /// # drop((bridge, orders)); shop.close().await?; billing.close().await?;
    /// # Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[track_caller]
    pub fn bridge(
        &self,
        other: &Self,
        patterns: impl IntoPatterns<AnyValue> + Clone,
    ) -> Result<Bridge, SubscribeError> {
        let there = self.forward(other, patterns.clone())?;
        Ok(Bridge {
            there,
            back: other.forward(self, patterns)?,
        })
    }

    #[track_caller]
    fn forward(
        &self,
        other: &Self,
        patterns: impl IntoPatterns<AnyValue>,
    ) -> Result<Listener, SubscribeError> {
        let written = patterns.written();
        let mut own = written.iter().filter(|written| is_reserved(written));
        if let Some(own) = own.next() {
            return Err(SubscribeError::OwnTopic {
                fault: format!("`{own}` is the bus's own, and stays in its bus").into(),
            });
        }
        #[cfg(feature = "transport")]
        other.running().links.expect_doubles();
        let (from, to) = (Arc::downgrade(self.running()), other.clone());
        let at = Location::caller();
        let pass = move |signal: Signal| async move {
            match from.upgrade() {
                Some(from) => pass(&signal, &from, to.running(), at).await,
                None => Ok(()),
            }
        };
        let listened = self.subscription(patterns).from_now();
        let listener = listened.listen_as("bridge", at, pass)?;
        listener.lead_to(other.running().id);
        let there = Arc::downgrade(other.running());
        // It ends with the other bus, as a listener ends with its owner.
        let alive = move || {
            there
                .upgrade()
                .is_some_and(|there| !there.ending.is_requested())
        };
        Ok(listener.alive_while(Arc::new(alive)))
    }
}

impl Bridge {
    /// Passes what waits on either side, and ends.
    ///
    /// # Errors
    ///
    /// [`CloseError::InsideHandler`] if the bridge itself awaits it, which it never does.
    ///
    /// # Cancel safety
    ///
    /// What waits passes also if this future is dropped; only the waiting ends.
    pub async fn close(self) -> Result<(), CloseError> {
        let Self { there, back } = self;
        there.close().await?;
        back.close().await
    }

    /// Lets the bridge stand until one of the buses closes.
    pub fn detach(self) {
        self.there.detach();
        self.back.detach();
    }
}

/// How long a bridge waits for another that brings the same signal, and waits for room. Full bridges could wait for each other in a
/// circle.
const OVERTAKEN_AFTER: Duration = Duration::from_millis(100);

/// Passes one signal on, if it may pass and has not been there.
async fn pass(
    signal: &Signal,
    from: &Running,
    to: &Arc<Running>,
    at: &'static Location<'static>,
) -> Result<(), Failure> {
    let label = signal.label();
    if label.stamp.local || label.about.topic.is_empty() {
        return Ok(());
    }
    let mut passage = match label.stamp.passage() {
        Some(passage) => Passage::clone(passage),
        None => Passage {
            first: (from.id, label.stamp.id),
            buses: Vec::new(),
        },
    };
    passage.buses.push(from.id);
    // It was asked when the signal came into the bridge; signals that wait in it since before it was one may be here.
    if passage.buses.contains(&to.id) {
        return Ok(());
    }
    // Where other bridges take it from here, nobody needs to take it again.
    let hearers = from.routes.hearers(&label.about.topic).into_iter();
    let takes_to = hearers.filter_map(|hearer| hearer.takes_to(label.stamp.id));
    passage.buses.extend(takes_to.filter(|bus| *bus != to.id));
    let passing = match to.passages.enter(passage.first) {
        Entered::First(passing) => passing,
        Entered::Again(None) => return Ok(()),
        Entered::Again(Some(coming)) => {
            // Whoever brings it also brings what was before it: what comes next here must not overtake.
            coming.is_in(OVERTAKEN_AFTER).await;
            return Ok(());
        }
    };
    to.check_open(None)?;
    #[cfg(feature = "transport")]
    if label.stamp.came.is_some() && !to.links.is_new(&label.stamp.headers) {
        // Both buses are connected to where it comes from, or goes to.
        return Ok(());
    }
    let route = to.routes.resolve(&label.about.topic, signal.kind(), at)?;
    if to.is_unheard(&route) {
        to.unrouted(&route);
        return Ok(());
    }
    let manner = Manner {
        forwarded: Some(Box::new(Forwarded {
            headers: label.stamp.headers.clone(),
            time: label.stamp.time,
            came: Came::Bridged(passage),
            attempt: 1,
        })),
        ..Manner::default()
    };
    let value = Arc::clone(signal.as_arc());
    match to.send(&route, value, manner) {
        Tried::Accepted(_) => Ok(()),
        Tried::Refused(refusal, _) => Err(refusal.into()),
        Tried::Wait(ready) => {
            passing.waits();
            match to.wait(Box::new(ready)).await {
                Ok(_) => Ok(()),
                Err((refusal, _)) => Err(refusal.into()),
            }
        }
    }
}
