//! The route of each publisher whose topic is always the same, found without a hash.

use std::{
    num::NonZeroUsize,
    sync::{Arc, OnceLock},
};

use crate::route::topic::Route;

/// Identifies a publisher of the program, from 1.
pub(crate) type PublisherNumber = NonZeroUsize;

/// Routes by the publisher's number.
///
/// Bucket `k` has room for the numbers from `2^k` on; it grows without moving what others look at.
#[derive(Default, Debug)]
pub(crate) struct Slots([OnceLock<Box<[Slot]>>; 32]);

type Slot = OnceLock<Arc<Route>>;

impl Slots {
    #[inline]
    pub(crate) fn get(&self, number: PublisherNumber) -> Option<&Arc<Route>> {
        let (bucket, at) = Self::place(number);
        self.0.get(bucket)?.get()?.get(at)?.get()
    }

    pub(crate) fn set(&self, number: PublisherNumber, route: &Arc<Route>) {
        let (bucket, at) = Self::place(number);
        let Some(bucket) = self.0.get(bucket) else {
            return;
        };
        let room = || (0..number.get() - at).map(|_| OnceLock::new()).collect();
        // Whoever was first has put in the same route.
        bucket.get_or_init(room)[at].get_or_init(|| Arc::clone(route));
    }

    fn place(number: PublisherNumber) -> (usize, usize) {
        let bucket = number.ilog2() as usize;
        (bucket, number.get() - (1 << bucket))
    }
}
