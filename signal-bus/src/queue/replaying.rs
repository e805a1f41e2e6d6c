//! The way back into one queue, for a signal that has left it before.

use std::sync::Arc;

use crate::queue::{
    Exchange,
    offer::{Destination, Target},
    store::Store,
};

impl Exchange {
    /// The way to one queue and no other; `None` if it takes nothing in any more.
    pub(crate) fn way_to(&self, target: Target) -> Option<Destination> {
        let state = self.lock();
        let open = state.stores.get(target.queue).is_some_and(Store::is_open);
        open.then(|| Destination {
            generation: state.generation,
            targets: Arc::new([target]),
            keeps: None,
        })
    }
}
