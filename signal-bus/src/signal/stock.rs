//! What a handler goes through: its own signals, or those that others have, too.

use std::{collections::VecDeque, fmt, mem::swap, ops::Deref, sync::Arc};

use crate::{
    guarded::discard,
    signal::{
        AnyValue, Signal,
        arrival::Arrival,
        id::SignalId,
        label::Label,
        lead::Lead,
        segment::{OWED_MAX, Segment},
        values::Place,
    },
    topic::template::Template,
};

/// What waits to be filled keeps room for so many signals.
const RESTING_ROOM_MAX: usize = 4;

/// Signals for one handler, and the one it has in hand.
#[derive(Default)]
pub(crate) struct Stock {
    waiting: VecDeque<Signal>,
    /// Whether somebody waits to hear what becomes of any of those.
    owes: bool,
    /// The one of those that is in hand.
    current: Option<Current>,
    /// Signals that lie together; those before `at` are over, or the last of them is in hand.
    segment: Option<Held>,
    at: usize,
    /// The id of the first of those, if the others follow one another, and nothing led to any of them: all handlers that go through
    /// them want to know.
    first: Option<SignalId>,
    /// How many signals its handler had begun with before the first of those.
    before: u64,
    /// An empty segment to be filled again.
    spare: Option<Held>,
    /// Whether a signal is still wanted when its handler has failed.
    keeps: bool,
}

/// Signals that lie together.
pub(crate) enum Held {
    /// Nobody else has them, so nobody counts who does.
    Own(Box<Segment>),
    /// Others may have them, too.
    Shared(Arc<Segment>),
}

impl Deref for Held {
    type Target = Segment;

    #[inline]
    fn deref(&self) -> &Segment {
        match self {
            Self::Own(segment) => segment,
            Self::Shared(segment) => segment,
        }
    }
}

impl Held {
    /// To be changed, if nobody else has them.
    fn alone(&mut self) -> Option<&mut Segment> {
        match self {
            Self::Own(segment) => Some(segment),
            Self::Shared(segment) => Arc::get_mut(segment),
        }
    }
}

/// The signal that the handler has in hand, if nobody else has it.
struct Current {
    /// `None` once the handler has taken it.
    value: Option<Arc<AnyValue>>,
    label: Label,
}

impl fmt::Debug for Stock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Stock({} wait)", self.left())
    }
}

/// Filling it.
impl Stock {
    /// Says whether a signal is still wanted when its handler has failed; then the handler gets a share of the value only.
    pub(crate) fn keep(&mut self, keeps: bool) {
        self.keeps = keeps;
    }

    /// Adds a signal to those that wait.
    pub(crate) fn add(&mut self, signal: Signal) {
        let owes = signal.label().stamp.arrival().is_some();
        self.owes = owes || self.owes && !self.waiting.is_empty();
        self.waiting.push_back(signal);
    }

    /// Whether no more are to be added, where so many go together at most.
    pub(crate) fn is_full(&self, most: usize) -> bool {
        most <= self.left() || self.owes && OWED_MAX <= self.left()
    }

    /// Whether somebody waits to hear what becomes of any of its signals.
    #[inline]
    pub(crate) fn owes(&self) -> bool {
        match &self.segment {
            Some(segment) => segment.owes(),
            None => self.owes,
        }
    }

    /// Who waits to hear what becomes of signals that have not been begun, and how many will be begun before each.
    pub(crate) fn awaited(&self) -> impl Iterator<Item = (usize, &Arc<dyn Arrival>)> {
        let segment = self
            .segment
            .iter()
            .flat_map(|segment| segment.awaited(self.at));
        let waiting = self.waiting.iter().enumerate();
        let waiting =
            waiting.filter_map(|(at, signal)| Some((at, signal.label().stamp.arrival()?)));
        segment
            .map(|(at, arrival)| (at - self.at, arrival))
            .chain(waiting)
    }

    /// Lets the handler go through signals that others may have, too.
    pub(crate) fn add_segment(&mut self, segment: Arc<Segment>) {
        self.at = 0;
        self.first = segment.stamps.in_step();
        self.segment = Some(Held::Shared(segment));
    }

    /// Lets the handler go through all signals of a segment that nobody else reads, and leaves an empty one in its place;
    /// whether signals can lie in that as they did.
    #[inline]
    pub(crate) fn take_over(&mut self, open: &mut Segment) -> bool {
        let mut own = match self.spare.take() {
            Some(Held::Own(own)) => own,
            _ => Box::new(open.alike()),
        };
        swap(&mut *own, open);
        let alike = open.is_like(&own);
        self.at = 0;
        self.first = own.stamps.in_step();
        self.segment = Some(Held::Own(own));
        alike
    }

    /// Goes back to the first of the signals that others may have, too, to go through them once more.
    #[inline]
    pub(crate) fn rewind(&mut self) {
        self.at = 0;
    }

    /// Goes back to the first of the signals that others may have, too, if it is through with all it has; whether it is.
    #[inline]
    pub(crate) fn begins_again(&mut self) -> bool {
        let through = self.left() == 0;
        if through {
            self.at = 0;
        }
        through
    }

    /// Whether nothing is left of what it had, and that was let go of.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.segment.is_none() && self.waiting.is_empty()
    }

    /// Takes the signals that lie together from it.
    #[inline]
    pub(crate) fn take_segment(&mut self) -> Option<Held> {
        self.segment.take()
    }

    /// Lets go of the signals that lie together, when it is through; whoever is the last drops them.
    #[inline]
    pub(crate) fn release_segment(&mut self) {
        let through = self.segment.take_if(|segment| segment.len() <= self.at);
        let Some(mut segment) = through else {
            return;
        };
        if let Some(alone) = segment.alone() {
            alone.clear();
            self.spare = Some(segment);
        }
    }

    /// Gives back the room that a burst has needed, before nothing may come for long.
    pub(crate) fn rest(&mut self) {
        if RESTING_ROOM_MAX < self.waiting.capacity() {
            self.waiting = VecDeque::new();
        }
    }

    /// An empty segment to be filled again, if it has one that others had.
    pub(crate) fn take_spare(&mut self) -> Option<Arc<Segment>> {
        match self.spare.take() {
            Some(Held::Shared(spare)) => Some(spare),
            own => {
                self.spare = own;
                None
            }
        }
    }

    /// How many signals have not been begun.
    pub(crate) fn left(&self) -> usize {
        let segment = self.segment.as_ref();
        self.waiting.len() + segment.map_or(0, |segment| segment.len() - self.at)
    }
}

/// Going through it.
impl Stock {
    /// Whether what it has are signals whose values lie in place.
    #[inline]
    pub(super) fn is_in_place(&self) -> bool {
        let segment = self.segment.as_ref();
        self.current.is_none() && segment.is_some_and(|segment| segment.values.are_in_place())
    }

    /// Lets a handler go through it that counts what it begins with; it is to [come back](Self::comes_back) from that.
    #[inline]
    pub(super) fn goes_to(&mut self, lead: &Lead) {
        self.before = lead.begun().wrapping_sub(self.at as u64);
    }

    /// Notes how far a handler has gone through the signals that lie together.
    #[inline]
    pub(super) fn comes_back(&mut self, lead: &Lead) {
        if self.segment.is_some() {
            self.at = self.gone(lead.begun());
        }
    }

    /// How many of the signals that lie together were begun, where its handler has begun so many.
    #[inline]
    pub(super) fn gone(&self, begun: u64) -> usize {
        // There are not more than are in memory.
        usize::try_from(begun.wrapping_sub(self.before)).unwrap_or(usize::MAX)
    }

    /// The id of the first of the signals that lie together, if the others follow one another, and nothing led to any of them; and
    /// how many signals its handler had begun with before.
    #[inline]
    pub(super) fn in_step(&self) -> Option<(SignalId, u64)> {
        Some((self.first?, self.before))
    }

    /// The signals that lie together.
    #[inline]
    pub(super) fn segment(&self) -> Option<&Segment> {
        self.segment.as_deref()
    }

    /// Goes to the next signal, if there is one that may be begun; the one before it is over then, and dropped.
    #[inline]
    pub(crate) fn goes_on(&mut self, lead: &Lead) -> bool {
        if self.current.is_some() {
            self.end_current();
        }
        if !lead.goes_on() {
            return false;
        }
        let Some(segment) = &self.segment else {
            return self.goes_on_alone(lead);
        };
        let Some(leads) = segment.stamps.leads(self.at) else {
            return false;
        };
        self.at += 1;
        lead.follow(leads);
        true
    }

    fn goes_on_alone(&mut self, lead: &Lead) -> bool {
        let Some(Signal { value, label, .. }) = self.waiting.pop_front() else {
            return false;
        };
        lead.follow(label.stamp.leads());
        let value = Some(value);
        self.current = Some(Current { value, label });
        true
    }

    /// Drops the value at hand. If that panics, its label is still there to say whose fault it was.
    pub(crate) fn end_current(&mut self) {
        if let Some(current) = &mut self.current {
            drop(current.value.take());
        }
        self.current = None;
    }

    /// The segment, and the place in it of the signal at hand, if that is one of those that others may have, too.
    #[inline]
    fn last(&self) -> Option<(&Segment, usize)> {
        Some((self.segment.as_deref()?, self.at.checked_sub(1)?))
    }

    /// The place of the value at hand, from which it may have been taken.
    #[inline]
    pub(super) fn place(&self) -> Option<Place<'_>> {
        match self.last() {
            Some((segment, at)) => Some(Place::Among(&segment.values, at)),
            None => Some(Place::Alone(self.current.as_ref()?.value.as_deref()?)),
        }
    }

    /// The value with its share, which is not here any more then, unless it is kept, or others have it, too.
    pub(super) fn take_value(&mut self) -> Option<Arc<AnyValue>> {
        if self.keeps {
            return self.share_value();
        }
        let Some(segment) = &mut self.segment else {
            return self.current.as_mut()?.value.take();
        };
        let at = self.at.checked_sub(1)?;
        match segment.alone() {
            Some(alone) => alone.values.take(at),
            None => segment.values.share(at),
        }
    }

    /// A share of the value.
    pub(super) fn share_value(&self) -> Option<Arc<AnyValue>> {
        match self.last() {
            Some((segment, at)) => segment.values.share(at),
            None => self.current.as_ref()?.value.clone(),
        }
    }

    /// The label of the signal that the handler has, or had last.
    pub(crate) fn label(&self) -> Option<Label> {
        match self.last() {
            Some((segment, at)) => segment.label(at),
            None => self.current.as_ref().map(|current| current.label.clone()),
        }
    }

    /// The signal at hand around a value.
    pub(super) fn labelled(
        &self,
        value: Arc<AnyValue>,
        templates: Option<&Arc<[Template]>>,
    ) -> Option<Signal> {
        let signal = Signal::new(value, self.label()?);
        Some(signal.heard_as(templates))
    }

    /// The signal that the handler had last, if it is kept.
    pub(crate) fn kept(&self) -> Option<Signal> {
        let wanted = self.keeps || self.segment.is_some();
        wanted.then(|| self.labelled(self.share_value()?, None))?
    }
}

/// What was not begun is dropped, and a value may panic then.
impl Drop for Stock {
    fn drop(&mut self) {
        discard(self.current.take());
        self.waiting.drain(..).for_each(discard);
    }
}
