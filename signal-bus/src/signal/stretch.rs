//! The signals that a handler has at hand, one after the other.
//!
//! Where their values lie in place, they are looked at side by side: their type is found once for all, and to go from one to the
//! next takes a few steps. Those steps are in the code of each handler, and where many handle a signal, that code is fetched from
//! afar each time; so all that is not needed for each of many signals is in functions of its own.

use std::{fmt, marker::PhantomData, sync::Arc};

use crate::{
    signal::{
        AnyValue, Payload, Signal, label::Label, lead::Lead, requested::Requested, stamps::Stamps,
        stock::Stock, values::Place,
    },
    topic::template::Template,
};

/// What a route must have seen to, or a bug of the bus.
const TYPED: &str = "routes deliver signals of the subscriber's type only";
/// What generated code sees to.
const ONCE: &str = "a signal is taken once";

/// Signals at hand, of a known type, whose values may lie in a row.
///
/// It has no bounds: a future that holds it is `Send` for other reasons than those, and the compiler could not see that.
pub struct Stretch<'run, T: ?Sized, R: ?Sized> {
    /// Values that lie in place; none if they do not.
    row: &'run R,
    /// How many signals were begun before the first of those, if their ids follow one another; else it is far from that.
    before: u64,
    signals: Signals<'run>,
    lead: &'run Lead,
    carries: PhantomData<fn(&T)>,
    templates: Option<&'run Arc<[Template]>>,
}

/// As many signals are never in a row.
const FAR: u64 = 1 << 63;

/// Where signals are.
enum Signals<'run> {
    /// In place, and so are their ids.
    InStep(&'run Stock),
    /// In place, and what each leads to is listed.
    InPlace(&'run Stock, &'run Stamps),
    Others(&'run mut Stock),
}

/// One signal at the door of its handler, with the type of its topic.
pub struct Delivery<'run, T: ?Sized> {
    /// The value, if it lies in place.
    pub(crate) value: Option<&'run T>,
    pub(crate) at_hand: &'run mut (dyn AtHand<T> + Send + 'run),
}

/// The signal at hand, for those who ask for more than its value in place.
pub(crate) trait AtHand<T: ?Sized> {
    /// The value, which was not taken.
    fn value(&self) -> &T;
    /// A share of the whole signal.
    fn share(&self) -> Signal<T>;
    /// The value with its share, which the run then has no more, unless it keeps it.
    fn take_value(&mut self) -> Arc<T>;
    /// The whole signal, of which the run keeps the label only.
    fn take_signal(&mut self) -> Signal<T>;
    /// Who waits for a reply to it, if somebody does.
    fn requested(&self) -> Option<Arc<Requested>>;
}

impl<T: ?Sized, R: ?Sized> fmt::Debug for Stretch<'_, T, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stretch")
    }
}

impl<T: ?Sized> fmt::Debug for Delivery<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Delivery")
    }
}

impl<'run, T: ?Sized + Payload> Stretch<'run, T, T::Row> {
    /// The signals of a stock.
    #[inline]
    pub(super) fn new(
        stock: &'run mut Stock,
        lead: &'run Lead,
        templates: Option<&'run Arc<[Template]>>,
    ) -> Self {
        let mut before = lead.begun().wrapping_add(FAR);
        stock.goes_to(lead);
        let (row, signals) = match T::ROWS && stock.is_in_place() {
            true => {
                let stock = &*stock;
                let segment = stock.segment().expect("they lie there in place");
                let signals = match stock.in_step() {
                    Some((first, begun)) => {
                        before = begun;
                        lead.expect(first, begun);
                        Signals::InStep(stock)
                    }
                    None => Signals::InPlace(stock, &segment.stamps),
                };
                (T::row(&segment.values).expect(TYPED), signals)
            }
            false => (T::NONE, Signals::Others(stock)),
        };
        Self {
            row,
            before,
            signals,
            lead,
            carries: PhantomData,
            templates,
        }
    }

    /// The signal around its value.
    fn labelled(&self, value: Arc<AnyValue>) -> Option<Signal<T>> {
        let signal = Signal::new(value, self.label()?);
        Some(signal.heard_as(self.templates).typed())
    }

    fn label(&self) -> Option<Label> {
        match &self.signals {
            Signals::InStep(stock) | Signals::InPlace(stock, _) => {
                stock.segment()?.label(self.at(stock)?)
            }
            Signals::Others(stock) => stock.label(),
        }
    }

    /// The place of the signal at hand among others.
    fn at(&self, stock: &Stock) -> Option<usize> {
        stock.gone(self.lead.begun()).checked_sub(1)
    }

    fn share_at_hand(&self) -> Option<Arc<AnyValue>> {
        match &self.signals {
            Signals::InStep(stock) | Signals::InPlace(stock, _) => {
                stock.segment()?.values.share(self.at(stock)?)
            }
            Signals::Others(stock) => stock.share_value(),
        }
    }

    fn take_at_hand(&mut self) -> Option<Arc<AnyValue>> {
        match &mut self.signals {
            Signals::Others(stock) => stock.take_value(),
            Signals::InStep(_) | Signals::InPlace(..) => self.share_at_hand(),
        }
    }

    fn place(&self) -> Option<Place<'_>> {
        match &self.signals {
            Signals::InStep(stock) | Signals::InPlace(stock, _) => {
                Some(Place::Among(&stock.segment()?.values, self.at(stock)?))
            }
            Signals::Others(stock) => stock.place(),
        }
    }

    /// As [`next`], where that takes more than a few steps; the value, if it lies in place.
    #[inline(never)]
    fn next_of_any(&mut self) -> Option<Option<&'run T>> {
        match &mut self.signals {
            Signals::InStep(_) => None,
            Signals::Others(stock) => stock.goes_on(self.lead).then_some(None),
            Signals::InPlace(stock, stamps) => {
                let begun = self.lead.begun();
                let at = stock.gone(begun);
                let value = T::nth(self.row, at)?;
                let follows = self.lead.follows(begun, stamps.leads(at)?);
                follows.then_some(Some(value))
            }
        }
    }
}

/// The next signal, if there is one that may be begun; the one before it is over then, and dropped.
///
/// Not a method: of a type that cannot travel, the compiler would say again that there is none.
#[expect(
    clippy::inline_always,
    reason = "what is handed over for each signal stays in registers"
)]
#[inline(always)]
pub fn next<'door, T: ?Sized + Payload>(
    stretch: &'door mut Stretch<'_, T, T::Row>,
) -> Option<Delivery<'door, T>> {
    let begun = stretch.lead.begun();
    let at = usize::try_from(begun.wrapping_sub(stretch.before)).unwrap_or(usize::MAX);
    let value = match T::nth(stretch.row, at) {
        Some(value) => {
            if !stretch.lead.steps(begun) {
                return None;
            }
            Some(value)
        }
        None if matches!(stretch.signals, Signals::InStep(_)) => return None,
        None => {
            elsewhere();
            stretch.next_of_any()?
        }
    };
    let at_hand = stretch;
    Some(Delivery { value, at_hand })
}

/// Keeps the way that takes more than a few steps apart from the one that does not.
#[cold]
fn elsewhere() {}

impl<T: ?Sized + Payload> AtHand<T> for Stretch<'_, T, T::Row> {
    fn value(&self) -> &T {
        T::find(self.place().expect(ONCE)).expect(TYPED)
    }

    fn share(&self) -> Signal<T> {
        let value = self.share_at_hand();
        value.and_then(|value| self.labelled(value)).expect(ONCE)
    }

    fn take_value(&mut self) -> Arc<T> {
        T::restore(self.take_at_hand().expect(ONCE)).expect(TYPED)
    }

    fn take_signal(&mut self) -> Signal<T> {
        let value = self.take_at_hand();
        value.and_then(|value| self.labelled(value)).expect(ONCE)
    }

    fn requested(&self) -> Option<Arc<Requested>> {
        self.label()?.stamp.requested().cloned()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Stretch, next};
    use crate::signal::{
        Kind,
        id::SignalId,
        label::{About, Origin, Stamp},
        lead::Lead,
        segment::Segment,
        stock::Stock,
        values::Placed,
    };

    /// A signal with this id, and what led to it.
    fn stamp(id: u64, origin: Option<Origin>) -> Stamp {
        Stamp {
            id: SignalId::numbered(id),
            origin,
            ..Stamp::PLAIN
        }
    }

    /// Signals whose values are their ids.
    fn stock(stamps: &[Stamp]) -> Stock {
        let about = Arc::new(About {
            topic: "a".into(),
            carries: Kind::of::<u64>(),
        });
        let mut segment = Segment::default();
        for stamp in stamps {
            let mut value = Placed::new(stamp.id.number(), |value| *value);
            assert!(segment.put(&mut value, &mut stamp.clone(), &about, 1));
        }
        let mut stock = Stock::default();
        stock.add_segment(Arc::new(segment));
        stock
    }

    /// Goes through so many signals at most; their values, and what each leads to.
    fn go_through(stock: &mut Stock, lead: &Lead, most: usize) -> Vec<(u64, Origin)> {
        let mut stretch = Stretch::<u64, _>::new(stock, lead, None);
        let each = std::iter::from_fn(|| {
            let delivery = next(&mut stretch)?;
            Some((*delivery.value.unwrap(), lead.origin()))
        });
        let all = each.take(most).collect();
        stock.comes_back(lead);
        all
    }

    fn expected(stamps: &[Stamp]) -> Vec<(u64, Origin)> {
        let each = stamps.iter();
        each.map(|stamp| (stamp.id.number(), stamp.leads()))
            .collect()
    }

    #[test]
    fn each_signal_leads_on_as_it_would_alone_whatever_its_neighbours_are() {
        let [parent, root] = [3, 2].map(SignalId::numbered);
        let led = Some(Origin { parent, root });
        let lead = Lead::default();
        let rows = [
            [(5, None), (6, None), (7, None)],
            [(8, None), (10, None), (11, None)],
            [(12, None), (13, led), (14, None)],
            [(15, led), (16, led), (17, led)],
            [(18, None), (19, None), (20, None)],
        ];
        for row in rows {
            let stamps = row.map(|(id, origin)| stamp(id, origin));
            let mut stock = stock(&stamps);
            assert_eq!(go_through(&mut stock, &lead, 9), expected(&stamps));
            assert_eq!(stock.left(), 0);
        }
        assert_eq!(lead.begun(), 15);
    }

    #[test]
    fn who_stops_in_the_middle_goes_on_there() {
        for ids in [[5, 6, 7, 8], [5, 6, 8, 9]] {
            let stamps = ids.map(|id| stamp(id, None));
            let (mut stock, lead) = (stock(&stamps), Lead::default());
            assert_eq!(go_through(&mut stock, &lead, 2), expected(&stamps[..2]));
            assert_eq!(stock.left(), 2);
            lead.allow(1);
            assert_eq!(go_through(&mut stock, &lead, 9), expected(&stamps[2..3]));
            lead.allow(9);
            assert_eq!(go_through(&mut stock, &lead, 9), expected(&stamps[3..]));
        }
    }
}
