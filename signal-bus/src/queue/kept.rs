//! Signals that are kept for those who come later.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::signal::Signal;

/// Where the signals of a topic are kept.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(crate) struct Keeps {
    /// The newest, until the next.
    pub(crate) newest: bool,
    /// Places of the histories they are in.
    pub(crate) histories: Vec<usize>,
}

impl Keeps {
    pub(crate) fn nothing(&self) -> bool {
        !self.newest && self.histories.is_empty()
    }
}

/// What somebody who joins gets of what was before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Since {
    /// Nothing.
    Now,
    /// The newest of each sticky topic.
    Newest,
    /// Everything a history still has.
    Oldest(usize),
    /// Everything a history has had from this number on.
    Sequence(usize, u64),
}

/// The kept signals of a bus.
#[derive(Default, Debug)]
pub(crate) struct Kept {
    newest: HashMap<Arc<str>, Signal>,
    histories: Vec<History>,
}

#[derive(Debug)]
struct History {
    size: usize,
    signals: VecDeque<Signal>,
    /// The number of the last signal that had to go.
    forgotten: u64,
}

impl Kept {
    pub(crate) fn new(sizes: impl IntoIterator<Item = usize>) -> Self {
        let history = |size| History {
            size,
            signals: VecDeque::new(),
            forgotten: 0,
        };
        Self {
            newest: HashMap::new(),
            histories: sizes.into_iter().map(history).collect(),
        }
    }

    /// Keeps a signal; what has to go for it is returned, to be dropped.
    pub(crate) fn keep(&mut self, keeps: &Keeps, signal: &Signal) -> Vec<Signal> {
        let mut dropped = Vec::new();
        if keeps.newest {
            let topic = &*signal.label().about.topic;
            match self.newest.get_mut(topic) {
                Some(newest) => dropped.push(std::mem::replace(newest, signal.kept())),
                None => drop(self.newest.insert(topic.into(), signal.kept())),
            }
        }
        for place in &keeps.histories {
            let history = &mut self.histories[*place];
            history.signals.push_back(signal.kept());
            if history.size < history.signals.len() {
                let oldest = history.signals.pop_front();
                history.forgotten = oldest.as_ref().map_or(0, Signal::sequence);
                dropped.extend(oldest);
            }
        }
        dropped
    }

    /// The kept signals that somebody `wants`, in order; the error is the first number there still is.
    pub(crate) fn since(
        &self,
        since: Since,
        wants: &dyn Fn(&Signal) -> bool,
    ) -> Result<Vec<Signal>, u64> {
        let (place, first) = match since {
            Since::Now => return Ok(Vec::new()),
            Since::Newest => {
                let newest = self.newest.values().filter(|signal| wants(signal));
                let mut newest: Vec<_> = newest.cloned().collect();
                newest.sort_by_key(Signal::id);
                return Ok(newest);
            }
            Since::Oldest(place) => (place, None),
            Since::Sequence(place, first) => (place, Some(first)),
        };
        let history = &self.histories[place];
        let complete = first.is_none_or(|first| history.forgotten < first.max(1));
        if !complete {
            return Err(history.forgotten + 1);
        }
        let signals = history.signals.iter();
        let signals = signals.filter(|signal| first.is_none_or(|first| first <= signal.sequence()));
        Ok(signals.filter(|signal| wants(signal)).cloned().collect())
    }

    /// Takes everything out, to be dropped.
    pub(crate) fn clear(&mut self) -> Vec<Signal> {
        let newest = self.newest.drain().map(|(_, signal)| signal);
        let histories = self.histories.iter_mut();
        newest
            .chain(histories.flat_map(|history| history.signals.drain(..)))
            .collect()
    }
}
