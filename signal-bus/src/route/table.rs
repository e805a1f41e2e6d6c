//! Routes by name, in a row that one can go along.
//!
//! Where topics come and go all the time, a table of the standard library keeps marks of those that have gone, and is made anew, or
//! twice as large, for those. Here whoever stands behind one that goes moves up instead ("linear probing", and its deletion:
//! Knuth, The Art of Computer Programming, volume 3, section 6.4, algorithms L and R).

use std::sync::Arc;

use crate::{route::topic::Route, topic::named::Named};

/// Nobody's cell.
const EMPTY: u32 = u32::MAX;
/// So many cells there are at least.
const CELLS_MIN: usize = 16;

/// Routes, each under the hash of its name.
///
/// There may be many, so of a hash only what is looked at is kept.
#[derive(Default, Debug)]
pub(crate) struct Table {
    row: Vec<Arc<Route>>,
    /// The hash of each in the row.
    hashes: Vec<u32>,
    /// Places in the row, each at its hash, or as soon behind it as there was nobody. A power of two, and half of them empty.
    cells: Box<[u32]>,
}

impl Table {
    pub(crate) fn len(&self) -> usize {
        self.row.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Route>> {
        self.row.iter()
    }

    /// The route at a place in the row.
    pub(crate) fn at(&self, place: usize) -> &Arc<Route> {
        &self.row[place]
    }

    pub(crate) fn get(&self, topic: Named<'_>) -> Option<&Arc<Route>> {
        let hash = low(topic.hash);
        let is = |place: usize| {
            self.hashes[place] == hash && *self.row[place].about.topic == *topic.name
        };
        let cell = self.cell(hash, is)?;
        Some(self.at(self.cells[cell] as usize))
    }

    /// Puts a route at the end of the row; there is none of its name.
    pub(crate) fn push(&mut self, hash: u64, route: Arc<Route>) {
        self.row.push(route);
        self.hashes.push(low(hash));
        if self.cells.len() < 2 * self.row.len() {
            self.cells = vec![EMPTY; CELLS_MIN.max(2 * self.cells.len())].into();
            for place in 0..self.row.len() {
                self.put(place);
            }
        } else {
            self.put(self.row.len() - 1);
        }
    }

    /// Puts a route in the place of another one, which is returned; there is none of its name.
    pub(crate) fn replace(&mut self, place: usize, hash: u64, route: Arc<Route>) -> Arc<Route> {
        self.clear(place);
        self.hashes[place] = low(hash);
        self.put(place);
        std::mem::replace(&mut self.row[place], route)
    }

    /// Takes the route at a place out of the row; the last one comes to its place.
    pub(crate) fn swap_remove(&mut self, place: usize) -> Arc<Route> {
        self.clear(place);
        let last = self.row.len() - 1;
        if place < last {
            let cell = self.cell(self.hashes[last], |other| other == last);
            self.cells[cell.expect("each has a cell")] = number(place);
        }
        self.hashes.swap_remove(place);
        self.row.swap_remove(place)
    }

    /// Finds the first cell, from that of a hash on, whose place is the one.
    fn cell(&self, hash: u32, is: impl Fn(usize) -> bool) -> Option<usize> {
        if self.cells.is_empty() {
            return None;
        }
        let mut cell = self.home(hash);
        loop {
            match self.cells[cell] {
                EMPTY => return None,
                place if is(place as usize) => return Some(cell),
                _ => cell = self.behind(cell),
            }
        }
    }

    /// Gives a place the first empty cell from that of its hash on.
    fn put(&mut self, place: usize) {
        let mut cell = self.home(self.hashes[place]);
        while self.cells[cell] != EMPTY {
            cell = self.behind(cell);
        }
        self.cells[cell] = number(place);
    }

    /// Empties the cell of a place; whoever would not be found any more moves up.
    fn clear(&mut self, place: usize) {
        let hole = self.cell(self.hashes[place], |other| other == place);
        let mut hole = hole.expect("each has a cell");
        let mut cell = self.behind(hole);
        while self.cells[cell] != EMPTY {
            let home = self.home(self.hashes[self.cells[cell] as usize]);
            if self.distance(hole, cell) <= self.distance(home, cell) {
                self.cells[hole] = self.cells[cell];
                hole = cell;
            }
            cell = self.behind(cell);
        }
        self.cells[hole] = EMPTY;
    }

    /// The cell of a hash.
    fn home(&self, hash: u32) -> usize {
        hash as usize & (self.cells.len() - 1)
    }

    fn behind(&self, cell: usize) -> usize {
        (cell + 1) & (self.cells.len() - 1)
    }

    /// How many cells there are from one to another one, around the end.
    fn distance(&self, from: usize, to: usize) -> usize {
        to.wrapping_sub(from) & (self.cells.len() - 1)
    }
}

/// What is kept of a hash.
fn low(hash: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "that is the point")]
    let low = hash as u32;
    low
}

fn number(place: usize) -> u32 {
    u32::try_from(place).expect("so many topics have no room")
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, sync::Arc};

    use proptest::{collection::vec, prelude::*};

    use super::Table;
    use crate::{route::topic::Route, signal::Kind, topic::named::Named};

    fn route(name: &str) -> Arc<Route> {
        Arc::new(Route::new(name, 0, Kind::of::<u8>(), None))
    }

    // Hashes of a few bits, so that many names meet, at the end of the table as well.
    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

        #[test]
        fn it_holds_what_a_map_holds(steps in vec((0..40_u8, any::<bool>(), any::<prop::sample::Index>()), 200)) {
            let (mut table, mut map) = (Table::default(), HashMap::new());
            for (name, comes, place) in steps {
                let name = name.to_string();
                let hash = (name.len() as u64 * 7 + u64::from(name.as_bytes()[0])) % 19;
                if comes && !map.contains_key(&name) {
                    let route = route(&name);
                    // Mostly it is put in the place of another one where there are many.
                    if place.index(40) < map.len() {
                        let gone = table.replace(place.index(map.len()), hash, Arc::clone(&route));
                        prop_assert!(map.remove(&*gone.about.topic).is_some());
                    } else {
                        table.push(hash, Arc::clone(&route));
                    }
                    map.insert(name, (hash, route));
                } else if !comes && !map.is_empty() {
                    let gone = table.swap_remove(place.index(map.len()));
                    prop_assert!(map.remove(&*gone.about.topic).is_some());
                }
                prop_assert_eq!(table.len(), map.len());
                prop_assert!(table.iter().all(|route| map.contains_key(&*route.about.topic)));
                for (name, (hash, route)) in &map {
                    let found = table.get(Named { hash: *hash, name });
                    prop_assert!(found.is_some_and(|found| Arc::ptr_eq(found, route)), "{}", name);
                }
                let name = "none";
                let mut unnamed = (0..19).map(|hash| table.get(Named { hash, name }));
                prop_assert!(unnamed.all(|found| found.is_none()));
            }
        }
    }
}
