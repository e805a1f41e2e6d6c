//! All queues of a bus, each under an id that is never given twice.

use crate::{queue::store::Store, report::Tally};

/// Identifies a queue of an exchange.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub(crate) struct QueueId {
    index: u32,
    /// How many queues have had the index before.
    turn: u32,
}

/// The queues; those that are over leave their place to others.
#[derive(Default, Debug)]
pub(crate) struct Stores {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// How many have left, and what became of their signals.
    pub(crate) departed: (u64, Tally),
}

#[derive(Debug)]
struct Slot {
    turn: u32,
    store: Option<Box<Store>>,
}

impl QueueId {
    /// A queue that there never is.
    #[cfg(feature = "transport")]
    pub(crate) const NONE: Self = Self {
        index: u32::MAX,
        turn: u32::MAX,
    };
}

impl Stores {
    pub(crate) fn insert(&mut self, store: Store) -> QueueId {
        let store = Some(Box::new(store));
        if let Some(index) = self.free.pop() {
            let slot = &mut self.slots[index as usize];
            slot.store = store;
            return QueueId {
                index,
                turn: slot.turn,
            };
        }
        let index = u32::try_from(self.slots.len()).expect("memory ends before");
        self.slots.push(Slot { turn: 0, store });
        QueueId { index, turn: 0 }
    }

    pub(crate) fn get(&self, queue: QueueId) -> Option<&Store> {
        let slot = self.slots.get(queue.index as usize)?;
        slot.store.as_deref().filter(|_| slot.turn == queue.turn)
    }

    pub(crate) fn get_mut(&mut self, queue: QueueId) -> Option<&mut Store> {
        let slot = &mut self.slots[queue.index as usize];
        slot.store
            .as_deref_mut()
            .filter(|_| slot.turn == queue.turn)
    }

    /// Takes a queue out that is over; its counts stay.
    pub(crate) fn remove(&mut self, queue: QueueId) {
        let Some(tally) = self.get(queue).map(Store::tally) else {
            return;
        };
        let slot = &mut self.slots[queue.index as usize];
        slot.store = None;
        // An index whose turns are used up is not given again.
        if let Some(turn) = slot.turn.checked_add(1) {
            slot.turn = turn;
            self.free.push(queue.index);
        }
        self.departed.0 += 1;
        self.departed.1.add(&tally);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (QueueId, &Store)> {
        let slots = (0..).zip(&self.slots);
        slots.filter_map(|(index, slot)| {
            let queue = QueueId {
                index,
                turn: slot.turn,
            };
            Some((queue, slot.store.as_deref()?))
        })
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Store> {
        self.slots
            .iter_mut()
            .filter_map(|slot| slot.store.as_deref_mut())
    }
}
