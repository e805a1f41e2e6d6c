//! Questions about who is there.

use std::sync::Arc;

use crate::{
    error::InvalidTopic,
    route::hearer::Hearer,
    scope::running::BusHandle,
    site::Site,
    topic::{name, pattern::Pattern},
};

/// How many signals wait in one subscription.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct QueueLength {
    /// The subscriber's function, or the call that subscribed.
    pub site: Site,
    /// What it subscribes to.
    pub topics: Arc<[Box<str>]>,
    /// Signals that wait, not counting those in handlers.
    pub waiting: usize,
    /// Signals that may be outstanding.
    pub capacity: usize,
}

impl BusHandle {
    /// How many subscribers hear a topic, by its name or by a pattern.
    ///
    /// Those of annotated functions count as those at run time do; each member of a group counts. Once the topic carries a
    /// type, only those count that take it. Of a pattern, whoever hears a topic that fits it counts: `**` asks for all. A
    /// name that is no topic has none.
    #[must_use]
    pub fn subscriber_count(&self, topic: &str) -> usize {
        let hearers = self.hearers(topic);
        hearers.iter().map(|hearer| hearer.members_count()).sum()
    }

    /// Whether anybody hears a topic, by its name or by a pattern, whether or not it was published on before; or, of a
    /// pattern, any topic that fits it.
    #[must_use]
    pub fn has_subscribers(&self, topic: &str) -> bool {
        !self.hearers(topic).is_empty()
    }

    /// How many signals wait in each subscription that hears a topic which fits `pattern`.
    ///
    /// In the order of subscription. A text that is no pattern fits nothing.
    #[must_use]
    pub fn queue_lengths(&self, pattern: &str) -> Vec<QueueLength> {
        let Ok(pattern) = Pattern::new(pattern) else {
            return Vec::new();
        };
        let running = self.running();
        let present = running.routes.hearers_below(&pattern);
        let length = |hearer: Arc<Hearer>| QueueLength {
            site: hearer.wish.site,
            topics: hearer.written(),
            waiting: running.exchange.waiting(hearer.queue),
            capacity: running
                .exchange
                .capacity(hearer.queue)
                .unwrap_or_else(|| hearer.wish.settings.capacity.get()),
        };
        present.into_iter().map(length).collect()
    }

    /// Lets nobody publish on a topic any more, while this bus runs.
    ///
    /// What waits is handled. A subscription that hears nothing but closed topics ends after that: `recv` returns `None`.
    /// A subscription by a wildcard goes on, for it may hear others.
    ///
    /// # Errors
    ///
    /// [`InvalidTopic`] if the name is no topic.
    pub fn close_topic(&self, topic: &str) -> Result<(), InvalidTopic> {
        name::check_exact(topic)?;
        self.running().close_topic(topic);
        Ok(())
    }

    /// Those who hear a topic, or one that fits a pattern; whoever has lost his owner leaves.
    fn hearers(&self, topic: &str) -> Vec<Arc<Hearer>> {
        let running = self.running();
        let Ok(pattern) = Pattern::new(topic) else {
            return Vec::new();
        };
        let (carries, hearers) = match pattern.is_exact() {
            true => (running.routes.carries(topic), running.routes.hearers(topic)),
            false => (None, running.routes.hearers_below(&pattern)),
        };
        let hearers = hearers.into_iter();
        let takes = |hearer: &Arc<Hearer>| carries.is_none_or(|kind| hearer.takes(kind));
        let (alive, gone): (Vec<_>, Vec<_>) = hearers.partition(|hearer| hearer.is_alive());
        for hearer in gone {
            running.depart_alone(&hearer);
        }
        alive.into_iter().filter(takes).collect()
    }
}
