//! The signals that a handler has at hand, one after the other.
//!
//! Where their values lie in place, they are looked at side by side: their type is found once for all, and to go from one to the
//! next takes a few steps.

use std::{fmt, marker::PhantomData, sync::Arc};

use crate::{
    signal::{
        AnyValue, Payload, Signal, label::Label, lead::Lead, requested::Requested,
        segment::Segment, stamps::Leads, stock::Stock, values::Place,
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
    signals: Signals<'run, R>,
    carries: PhantomData<fn(&T)>,
    lead: &'run Lead,
    templates: Option<&'run Arc<[Template]>>,
}

/// Where signals are.
enum Signals<'run, R: ?Sized> {
    Nowhere,
    InPlace {
        /// Their values,
        row: &'run R,
        /// what each is stamped with,
        leads: Leads<'run>,
        /// and all of it.
        segment: &'run Segment,
        /// How many of them were begun.
        begun: &'run mut usize,
    },
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
    /// The signals of a stock; none without one.
    pub(super) fn new(
        stock: Option<&'run mut Stock>,
        lead: &'run Lead,
        templates: Option<&'run Arc<[Template]>>,
    ) -> Self {
        Self {
            signals: stock.map_or(Signals::Nowhere, Signals::of::<T>),
            carries: PhantomData,
            lead,
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
            Signals::Nowhere => None,
            Signals::InPlace { segment, begun, .. } => segment.label(begun.checked_sub(1)?),
            Signals::Others(stock) => stock.label(),
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
    let value = match &mut stretch.signals {
        Signals::InPlace {
            row, leads, begun, ..
        } => {
            let at = **begun;
            let value = T::nth(row, at)?;
            if !stretch.lead.follows(leads.of(at)?) {
                return None;
            }
            **begun = at + 1;
            Some(value)
        }
        signals => match signals.go_on(stretch.lead) {
            true => None,
            false => return None,
        },
    };
    let at_hand = stretch;
    Some(Delivery { value, at_hand })
}

impl<'run, R: ?Sized> Signals<'run, R> {
    fn of<T: ?Sized + Payload<Row = R>>(stock: &'run mut Stock) -> Self {
        if !(T::ROWS && stock.is_in_place()) {
            return Self::Others(stock);
        }
        match stock.split() {
            Some((segment, begun)) => Self::InPlace {
                row: T::row(&segment.values).expect(TYPED),
                leads: segment.stamps.all_leads(),
                segment,
                begun,
            },
            None => Self::Nowhere,
        }
    }

    #[inline(never)]
    fn go_on(&mut self, lead: &Lead) -> bool {
        match self {
            Self::Others(stock) => stock.goes_on(lead),
            Self::Nowhere | Self::InPlace { .. } => false,
        }
    }

    fn share_value(&self) -> Option<Arc<AnyValue>> {
        match self {
            Self::Nowhere => None,
            Self::InPlace { segment, begun, .. } => segment.values.share(begun.checked_sub(1)?),
            Self::Others(stock) => stock.share_value(),
        }
    }

    fn take_value(&mut self) -> Option<Arc<AnyValue>> {
        match self {
            Self::Others(stock) => stock.take_value(),
            Self::Nowhere | Self::InPlace { .. } => self.share_value(),
        }
    }

    fn place(&self) -> Option<Place<'_>> {
        match self {
            Self::Nowhere => None,
            Self::InPlace { segment, begun, .. } => {
                Some(Place::Among(&segment.values, begun.checked_sub(1)?))
            }
            Self::Others(stock) => stock.place(),
        }
    }
}

impl<T: ?Sized + Payload> AtHand<T> for Stretch<'_, T, T::Row> {
    fn value(&self) -> &T {
        T::find(self.signals.place().expect(ONCE)).expect(TYPED)
    }

    fn share(&self) -> Signal<T> {
        let value = self.signals.share_value();
        value.and_then(|value| self.labelled(value)).expect(ONCE)
    }

    fn take_value(&mut self) -> Arc<T> {
        T::restore(self.signals.take_value().expect(ONCE)).expect(TYPED)
    }

    fn take_signal(&mut self) -> Signal<T> {
        let value = self.signals.take_value();
        value.and_then(|value| self.labelled(value)).expect(ONCE)
    }

    fn requested(&self) -> Option<Arc<Requested>> {
        self.label()?.stamp.requested().cloned()
    }
}
