//! Whether what is published and what is subscribed to is of one type.

use std::sync::Arc;

use crate::{
    error::publish::Refusal,
    route::{Routes, hearer::Hearer, read, topic::Route},
    signal::Kind,
    topic::pattern::Pattern,
};

impl Routes {
    /// A remembered topic that a subscription of `kind` to `pattern` does not fit.
    pub(crate) fn published_conflict(&self, pattern: &Pattern, kind: Kind) -> Option<Arc<Route>> {
        let differs = |route: &&Arc<Route>| route.about.carries != kind;
        if pattern.is_exact() {
            return self
                .cached(pattern.as_str())
                .filter(|route| differs(&route));
        }
        let cache = read(&self.cache);
        if cache.carries_only(kind) {
            return None;
        }
        let mut others = cache.iter().filter(differs);
        others
            .find(|route| pattern.matches(&route.about.topic))
            .cloned()
    }

    /// A subscription that names a topic, and takes another type of signals than `kind`.
    pub(crate) fn subscribed_conflict(&self, topic: &str, kind: Kind) -> Option<Arc<Hearer>> {
        let present = self.present();
        let hearer = present.binding(topic);
        hearer.filter(|hearer| !hearer.takes(kind)).cloned()
    }

    /// Whether those who name a topic that was never published on take what is published now.
    pub(super) fn check_subscribed(&self, topic: &str, kind: Kind) -> Result<(), Refusal> {
        let Some(hearer) = self.subscribed_conflict(topic, kind) else {
            return Ok(());
        };
        Err(Refusal::TypeMismatch {
            topic: topic.into(),
            carries: hearer.wish.kind.map_or("", |kind| kind.name),
            found: kind.name,
        })
    }
}
