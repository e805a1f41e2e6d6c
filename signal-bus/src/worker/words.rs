//! Those who wait to hear what becomes of the signals of a run.

use std::{collections::VecDeque, sync::Arc};

use crate::{
    error::Failure,
    signal::{
        arrival::{Arrival, Ended},
        stock::Stock,
    },
    worker::load::dead,
};

/// Who waits for a word about signals that a handler has, in their order.
///
/// What the handler has begun with lies in its future, where nobody can look, so it is noted before who waits. Nobody is told
/// whose signal was not handled: whoever waits hears of that when it is dropped.
#[derive(Default)]
pub(super) struct Words(VecDeque<(u64, Arc<dyn Arrival>)>);

impl Words {
    /// Notes who waits for a word about the signals of a stock, before which the handler has begun with so many; nothing, if that was
    /// done before.
    #[inline]
    pub(super) fn expect(&mut self, stock: &Stock, begun: u64) {
        if stock.owes() && self.0.is_empty() {
            let awaited = stock.awaited();
            let awaited = awaited.map(|(at, arrival)| (begun + 1 + at as u64, Arc::clone(arrival)));
            self.0.extend(awaited);
        }
    }

    /// Says of as many signals as the handler has begun with that they were handled, as far as that was not said before.
    #[inline]
    pub(super) fn done(&mut self, begun: u64) {
        while self.0.front().is_some_and(|(at, _)| *at <= begun) {
            let first = self.0.pop_front();
            first
                .into_iter()
                .for_each(|(_, arrival)| arrival.ended(Ended::Done));
        }
    }

    /// Says of the last of so many signals that its handler has failed, and of those before it that they were handled.
    pub(super) fn failed(&mut self, begun: u64, failure: &Failure) {
        self.done(begun - 1);
        if self.0.front().is_some_and(|(at, _)| *at == begun) {
            let last = self.0.pop_front();
            last.into_iter()
                .for_each(|(_, arrival)| arrival.ended(dead(failure)));
        }
    }
}
