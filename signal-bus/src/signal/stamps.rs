//! The stamps of signals that lie together, by columns: most differ in their ids only, so little is written for each.

use std::{mem, sync::Arc, time::SystemTime};

use crate::signal::{
    arrival::{Arrival, Came},
    headers::Headers,
    id::SignalId,
    label::{Origin, Stamp},
};

/// Stamps, in order.
#[derive(Debug)]
pub(crate) struct Stamps {
    ids: Vec<SignalId>,
    /// When the first one was published.
    first: SystemTime,
    /// When the last one was.
    last: SystemTime,
    rare: Option<Box<Rare>>,
}

/// What few stamps have.
#[derive(Default, Debug)]
struct Rare {
    /// Where another time begins, and which.
    times: Vec<(usize, SystemTime)>,
    /// Of each stamp, up to the last that has one.
    origins: Vec<Option<Origin>>,
    /// What is not as usual, and where.
    others: Vec<(usize, Other)>,
    /// Whether somebody waits to hear what becomes of any of the signals.
    owes: bool,
}

/// What is not as usual of a stamp.
#[derive(Clone, Debug)]
struct Other {
    headers: Headers,
    attempt: u32,
    local: bool,
    came: Option<Arc<Came>>,
}

impl Default for Stamps {
    fn default() -> Self {
        Self {
            ids: Vec::new(),
            first: SystemTime::UNIX_EPOCH,
            last: SystemTime::UNIX_EPOCH,
            rare: None,
        }
    }
}

impl Other {
    const USUAL: Self = Self {
        headers: Headers::NONE,
        attempt: 1,
        local: false,
        came: None,
    };

    fn take(stamp: &mut Stamp) -> Self {
        Self {
            headers: mem::take(&mut stamp.headers),
            attempt: stamp.attempt,
            local: stamp.local,
            came: stamp.came.take(),
        }
    }

    #[inline]
    fn is_usual(stamp: &Stamp) -> bool {
        stamp.headers.is_none() && stamp.came.is_none() && !stamp.local && stamp.attempt == 1
    }
}

impl Stamps {
    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// When the last one was published.
    #[inline]
    pub(super) fn last_time(&self) -> Option<SystemTime> {
        (!self.is_empty()).then_some(self.last)
    }

    /// Puts one behind the others, and takes what it holds; `room` for so many is made where there is none.
    #[inline]
    pub(super) fn push(&mut self, stamp: &mut Stamp, room: usize) {
        if self.is_empty() {
            self.begin(stamp.time, room);
        }
        if stamp.time != self.last {
            self.note_time(stamp.time);
        }
        if stamp.origin.is_some() {
            self.note_origin(stamp.origin);
        }
        if !Other::is_usual(stamp) {
            self.note_other(stamp);
        }
        self.ids.push(stamp.id);
    }

    /// Puts the first one in, which has nothing that is rare.
    #[inline]
    pub(super) fn push_first(&mut self, id: SignalId, time: SystemTime, room: usize) {
        self.begin(time, room);
        self.ids.push(id);
    }

    /// Puts one behind others that is like the last of them, but for its id, and has nothing that is rare.
    #[inline]
    pub(super) fn push_alike(&mut self, id: SignalId) {
        self.ids.push(id);
    }

    #[inline]
    fn begin(&mut self, time: SystemTime, room: usize) {
        (self.first, self.last) = (time, time);
        if self.ids.capacity() == 0 {
            self.ids.reserve_exact(room);
        }
    }

    #[cold]
    fn note_time(&mut self, time: SystemTime) {
        self.last = time;
        let rare = self.rare.get_or_insert_default();
        rare.times.push((self.ids.len(), time));
    }

    fn note_origin(&mut self, origin: Option<Origin>) {
        let rare = self.rare.get_or_insert_default();
        rare.origins.resize(self.ids.len(), None);
        rare.origins.push(origin);
    }

    fn note_other(&mut self, stamp: &mut Stamp) {
        let rare = self.rare.get_or_insert_default();
        rare.owes |= stamp.arrival().is_some();
        rare.others.push((self.ids.len(), Other::take(stamp)));
    }

    /// Whether somebody waits to hear what becomes of any of the signals.
    #[inline]
    pub(super) fn owes(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.owes)
    }

    /// Who waits to hear what becomes of signals, with their places, from one on.
    pub(super) fn awaited(&self, from: usize) -> impl Iterator<Item = (usize, &Arc<dyn Arrival>)> {
        let others = self.rare.as_ref().map_or(&[][..], |rare| &*rare.others);
        let begins = others.partition_point(|(at, _)| *at < from);
        others[begins..]
            .iter()
            .filter_map(|(at, other)| Some((*at, other.came.as_ref()?.arrival()?)))
    }

    /// The id of the first, if the others follow one another, and nothing led to any of them.
    pub(super) fn in_step(&self) -> Option<SignalId> {
        let (first, last) = (*self.ids.first()?, *self.ids.last()?);
        let behind = u64::try_from(self.ids.len() - 1).ok()?;
        let rare = self.rare.as_ref();
        let led = rare.is_some_and(|rare| !rare.origins.is_empty());
        // Ids only grow.
        (!led && last.number() - first.number() == behind).then_some(first)
    }

    /// What leads to a signal that the handler of the one at a place publishes.
    #[inline]
    pub(super) fn leads(&self, at: usize) -> Option<Origin> {
        let parent = *self.ids.get(at)?;
        let led = self.rare.as_ref().and_then(|rare| rare.origin(at));
        let root = led.map_or(parent, |origin| origin.root);
        Some(Origin { parent, root })
    }

    /// The stamp at a place.
    pub(super) fn get(&self, at: usize) -> Option<Stamp> {
        let id = *self.ids.get(at)?;
        let rare = self.rare.as_ref();
        let Other {
            headers,
            attempt,
            local,
            came,
        } = rare.map_or(Other::USUAL, |rare| rare.other(at));
        Some(Stamp {
            id,
            origin: rare.and_then(|rare| rare.origin(at)),
            time: rare.and_then(|rare| rare.time(at)).unwrap_or(self.first),
            headers,
            attempt,
            local,
            came,
        })
    }

    /// Drops them, and keeps the room for others.
    pub(super) fn clear(&mut self) {
        self.ids.clear();
        if let Some(rare) = &mut self.rare {
            rare.times.clear();
            rare.origins.clear();
            rare.others.clear();
            rare.owes = false;
        }
    }
}

impl Rare {
    #[inline]
    fn origin(&self, at: usize) -> Option<Origin> {
        *self.origins.get(at)?
    }

    fn time(&self, at: usize) -> Option<SystemTime> {
        let later = self.times.partition_point(|(begins, _)| *begins <= at);
        self.times[..later].last().map(|(_, time)| *time)
    }

    fn other(&self, at: usize) -> Other {
        let found = self.others.binary_search_by_key(&at, |(place, _)| *place);
        found.map_or(Other::USUAL, |found| self.others[found].1.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::Stamps;
    use crate::signal::{
        headers::Headers,
        id::SignalId,
        label::{Origin, Stamp},
    };

    fn stamp(number: u64) -> Stamp {
        Stamp {
            id: SignalId::numbered(number),
            origin: None,
            time: SystemTime::UNIX_EPOCH,
            headers: Headers::new(),
            attempt: 1,
            local: false,
            came: None,
        }
    }

    fn led(number: u64, parent: u64) -> Stamp {
        let [parent, root] = [parent, 2].map(SignalId::numbered);
        let origin = Some(Origin { parent, root });
        Stamp {
            origin,
            ..stamp(number)
        }
    }

    #[test]
    fn each_stamp_comes_out_as_it_went_in() {
        let later = SystemTime::UNIX_EPOCH + Duration::from_millis(4);
        let headers = Headers::new().with("tenant", "acme");
        let given = [
            stamp(5),
            led(6, 3),
            stamp(7),
            Stamp {
                headers,
                ..stamp(8)
            },
            Stamp {
                time: later,
                ..stamp(9)
            },
            Stamp {
                time: later,
                local: true,
                ..led(10, 4)
            },
            Stamp {
                attempt: 3,
                ..stamp(11)
            },
        ];
        let mut stamps = Stamps::default();
        for round in 0..2 {
            assert_eq!(stamps.last_time(), None, "round {round}");
            given
                .iter()
                .for_each(|stamp| stamps.push(&mut stamp.clone(), 2));
            for (at, stamp) in given.iter().enumerate() {
                let got = stamps.get(at).unwrap();
                assert_eq!(format!("{got:?}"), format!("{stamp:?}"));
                assert_eq!(stamps.leads(at), Some(stamp.leads()));
            }
            assert_eq!(stamps.last_time(), Some(SystemTime::UNIX_EPOCH));
            assert!(stamps.get(given.len()).is_none() && stamps.leads(given.len()).is_none());
            stamps.clear();
            assert!(stamps.is_empty());
        }
    }
}
