//! Names that are hashed once, however many tables are asked for them.

use std::hash::{BuildHasher, RandomState};

/// Hashes names: another way in each bus, so that nobody can choose names that meet.
#[derive(Clone, Default, Debug)]
pub(crate) struct Names(RandomState);

impl Names {
    pub(crate) fn named<'a>(&self, name: &'a str) -> Named<'a> {
        Named {
            hash: self.0.hash_one(name),
            name,
        }
    }
}

/// A name with its hash.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) hash: u64,
    pub(crate) name: &'a str,
}
