//! Hearings that topics have in common: a hundred thousand topics that one pattern hears need one of them.

use std::{
    collections::HashSet,
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::route::topic::Hearing;

/// So many are remembered.
const COMMON_MAX: usize = 1024;

/// The hearings of one generation, each once.
#[derive(Default, Debug)]
pub(crate) struct Common {
    generation: u64,
    known: HashSet<Same>,
}

impl Common {
    /// The hearing that says the same, if there is one; or this one, for others to share.
    pub(crate) fn share(&mut self, hearing: Hearing) -> Arc<Hearing> {
        if self.generation < hearing.generation || COMMON_MAX <= self.known.len() {
            self.known.clear();
            self.generation = hearing.generation;
        }
        let same = Same(Arc::new(hearing));
        if self.generation != same.0.generation {
            return same.0;
        }
        if let Some(Same(known)) = self.known.get(&same) {
            return Arc::clone(known);
        }
        let hearing = Arc::clone(&same.0);
        self.known.insert(same);
        hearing
    }

    /// Lets go of everything, and of whom it names.
    pub(crate) fn clear(&mut self) {
        self.known = HashSet::new();
    }
}

/// A hearing that is found by what it says.
#[derive(Debug)]
struct Same(Arc<Hearing>);

impl Hash for Same {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for hearer in &self.0.hearers {
            hearer.serial.hash(state);
        }
    }
}

impl PartialEq for Same {
    fn eq(&self, other: &Self) -> bool {
        let (one, two) = (&*self.0, &*other.0);
        let serials = |hearing: &Hearing| -> Vec<u64> {
            let hearers = hearing.hearers.iter();
            hearers.map(|hearer| hearer.serial).collect()
        };
        one.keeps() == two.keeps()
            && (one.mismatched, one.closed, one.far_groups)
                == (two.mismatched, two.closed, two.far_groups)
            && serials(one) == serials(two)
    }
}

impl Eq for Same {}
