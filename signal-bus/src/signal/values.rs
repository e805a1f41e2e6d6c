//! The values of signals that lie together: shared, each by itself; or in place, where there is nothing in them to drop.
//!
//! Most signals are small and only looked at. In place they cost no allocation and no count, and lie side by side. Whoever wants
//! to keep one has a copy of it.

use std::{any::Any, fmt, mem::needs_drop, sync::Arc};

use crate::{
    guarded::discard,
    signal::{AnyValue, Payload},
};

/// A value of more bytes is shared: to copy it for one who keeps it would cost as much as to allocate.
const IN_PLACE_MAX: usize = 128;

/// Values of one topic, in order.
pub struct Values(Kept);

enum Kept {
    /// `None` once the last handler has taken it for itself.
    Shared(Vec<Option<Arc<AnyValue>>>),
    InPlace {
        /// A [`Places`] of their type.
        places: Box<AnyValue>,
        ways: &'static Ways,
    },
}

/// What is done with values in place by those who do not know their type.
struct Ways {
    value: fn(&AnyValue, usize) -> Option<&AnyValue>,
    share: fn(&AnyValue, usize) -> Option<Arc<AnyValue>>,
    clear: fn(&mut AnyValue),
    /// Takes a value over that nobody else has a share of, or could get one; or gives it back.
    adopt: fn(&mut AnyValue, Arc<AnyValue>, usize) -> Option<Arc<AnyValue>>,
    /// Places for others like these.
    alike: fn(&AnyValue) -> Option<Box<AnyValue>>,
}

/// Values in place.
struct Places<T> {
    values: Vec<T>,
    copy: fn(&T) -> T,
}

impl Default for Values {
    fn default() -> Self {
        Self(Kept::Shared(Vec::new()))
    }
}

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Values")
    }
}

impl Values {
    fn is_empty(&self) -> bool {
        match &self.0 {
            Kept::Shared(values) => values.is_empty(),
            Kept::InPlace { places, ways } => (ways.value)(&**places, 0).is_none(),
        }
    }

    /// The value at a place, as long as it was not taken.
    pub(super) fn value(&self, at: usize) -> Option<&AnyValue> {
        match &self.0 {
            Kept::Shared(values) => values.get(at)?.as_deref(),
            Kept::InPlace { places, ways } => (ways.value)(&**places, at),
        }
    }

    /// As [`value`](Self::value), for one who knows the type.
    #[inline]
    pub(super) fn typed<T: Any>(&self, at: usize) -> Option<&T> {
        match &self.0 {
            Kept::Shared(values) => values.get(at)?.as_deref()?.downcast_ref(),
            Kept::InPlace { .. } => self.row()?.get(at),
        }
    }

    /// All of them, if they lie here themselves, for one who knows the type.
    #[inline]
    pub(super) fn row<T: Any>(&self) -> Option<&[T]> {
        match &self.0 {
            Kept::Shared(_) => None,
            Kept::InPlace { places, .. } => Some(&Places::of(&**places)?.values),
        }
    }

    /// Whether they lie here themselves.
    #[inline]
    pub(super) fn are_in_place(&self) -> bool {
        matches!(self.0, Kept::InPlace { .. })
    }

    /// A share of the value, or of a copy.
    pub(super) fn share(&self, at: usize) -> Option<Arc<AnyValue>> {
        match &self.0 {
            Kept::Shared(values) => values.get(at)?.clone(),
            Kept::InPlace { places, ways } => (ways.share)(&**places, at),
        }
    }

    /// The value with its share, which is not here any more then, unless it lies here itself.
    pub(super) fn take(&mut self, at: usize) -> Option<Arc<AnyValue>> {
        match &mut self.0 {
            Kept::Shared(values) => values.get_mut(at)?.take(),
            Kept::InPlace { .. } => self.share(at),
        }
    }

    /// None, but others will lie as these do.
    pub(super) fn alike(&self) -> Self {
        match &self.0 {
            Kept::Shared(_) => Self::default(),
            Kept::InPlace { places, ways } => {
                let places = (ways.alike)(&**places);
                places.map_or_else(Self::default, |places| Self(Kept::InPlace { places, ways }))
            }
        }
    }

    /// Drops them, and keeps the room for others.
    pub(super) fn clear(&mut self) {
        match &mut self.0 {
            // One value that panics does not keep the others.
            Kept::Shared(values) => values.drain(..).for_each(discard),
            Kept::InPlace { places, ways } => (ways.clear)(&mut **places),
        }
    }
}

/// Where a value is.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// By itself.
    Alone(&'a AnyValue),
    /// Among others.
    Among(&'a Values, usize),
}

/// A value that is put among others.
pub trait Put {
    /// Puts it behind the others, unless it cannot lie as they do; `room` for so many is made where there is none.
    fn put(&mut self, values: &mut Values, room: usize) -> bool;

    /// Puts it behind the others if it can lie in place as they do and there is room; whether it did.
    fn follow(&mut self, values: &mut Values) -> bool;
}

impl Put for Option<Arc<AnyValue>> {
    fn put(&mut self, values: &mut Values, room: usize) -> bool {
        if let Kept::InPlace { places, ways } = &mut values.0 {
            *self = self
                .take()
                .and_then(|value| (ways.adopt)(&mut **places, value, room));
            if self.is_none() {
                return true;
            }
            if !values.is_empty() {
                return false;
            }
            *values = Values::default();
        }
        if let Kept::Shared(shared) = &mut values.0 {
            push(shared, self.take(), room);
        }
        true
    }

    fn follow(&mut self, _: &mut Values) -> bool {
        false
    }
}

/// Puts a value behind others, where there is room for so many at least.
#[inline]
fn push<V>(values: &mut Vec<V>, value: V, room: usize) {
    if values.capacity() == 0 {
        values.reserve_exact(room);
    }
    values.push(value);
}

/// A value that can lie in place.
pub struct Placed<T> {
    value: Option<T>,
    copy: fn(&T) -> T,
}

impl<T> fmt::Debug for Placed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Placed")
    }
}

impl<T: Payload + Sized> Placed<T> {
    /// Whether values of the type can lie in place.
    pub(crate) const FITS: bool = !needs_drop::<T>() && size_of::<T>() <= IN_PLACE_MAX;

    const WAYS: Ways = Ways {
        value: |places, at| Some(Places::<T>::of(places)?.values.get(at)?),
        share: |places, at| {
            let places = Places::<T>::of(places)?;
            Some(T::erase(Arc::new((places.copy)(places.values.get(at)?))))
        },
        clear: |places| {
            if let Some(places) = places.downcast_mut::<Places<T>>() {
                places.values.clear();
            }
        },
        adopt: |places, mut value, room| {
            let Some(places) = places.downcast_mut::<Places<T>>() else {
                return Some(value);
            };
            // A `Weak` of it finds it as long as somebody handles it.
            if Arc::get_mut(&mut value).is_none() {
                return Some(value);
            }
            match value.downcast::<T>() {
                Ok(alone) => {
                    let value = Arc::into_inner(alone).expect("nobody else has a share");
                    push(&mut places.values, value, room);
                    None
                }
                Err(other) => Some(other),
            }
        },
        alike: |places| {
            let copy = Places::<T>::of(places)?.copy;
            let values = Vec::new();
            Some(Box::new(Places { values, copy }))
        },
    };

    pub(crate) fn new(value: T, copy: fn(&T) -> T) -> Self {
        let value = Some(value);
        Self { value, copy }
    }
}

impl<T: Any> Places<T> {
    fn of(places: &AnyValue) -> Option<&Self> {
        places.downcast_ref()
    }
}

impl<T: Payload + Sized> Put for Placed<T> {
    #[inline]
    fn put(&mut self, values: &mut Values, room: usize) -> bool {
        self.follow(values) || self.put_anew(values, room)
    }

    #[inline]
    fn follow(&mut self, values: &mut Values) -> bool {
        let Kept::InPlace { places, .. } = &mut values.0 else {
            return false;
        };
        let Some(Places { values, .. }) = places.downcast_mut::<Places<T>>() else {
            return false;
        };
        if values.len() == values.capacity() {
            return false;
        }
        self.value.take().map(|value| values.push(value)).is_some()
    }
}

impl<T: Payload + Sized> Placed<T> {
    /// Puts the value where there is no room yet, or no place for such values.
    #[cold]
    fn put_anew(&mut self, values: &mut Values, room: usize) -> bool {
        match &mut values.0 {
            Kept::InPlace { places, .. } => {
                if let Some(places) = places.downcast_mut::<Places<T>>() {
                    if let Some(value) = self.value.take() {
                        push(&mut places.values, value, room);
                    }
                    return true;
                }
                if !values.is_empty() {
                    return false;
                }
            }
            // Those before it stay as they are.
            Kept::Shared(shared) if !shared.is_empty() => {
                let value = self.value.take();
                push(shared, value.map(|value| T::erase(Arc::new(value))), room);
                return true;
            }
            Kept::Shared(_) => {}
        }
        let mut first = Vec::with_capacity(room);
        first.extend(self.value.take());
        let places = Places {
            values: first,
            copy: self.copy,
        };
        let ways = &Self::WAYS;
        let places = Box::new(places);
        values.0 = Kept::InPlace { places, ways };
        true
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{IN_PLACE_MAX, Placed, Put, Values};
    use crate::signal::AnyValue;

    const ROOM: usize = 4;

    fn plain(value: u32) -> Placed<u32> {
        Placed::new(value, |value| *value)
    }

    fn shared(value: u32) -> Option<Arc<AnyValue>> {
        Some(Arc::new(value))
    }

    fn all(values: &Values) -> Vec<u32> {
        let each = (0..).map_while(|at| values.typed::<u32>(at));
        each.copied().collect()
    }

    #[test]
    fn only_small_values_with_nothing_to_drop_lie_in_place() {
        let fit = [
            Placed::<()>::FITS,
            Placed::<u64>::FITS,
            Placed::<[u8; IN_PLACE_MAX]>::FITS,
            Placed::<[u8; IN_PLACE_MAX + 1]>::FITS,
            Placed::<String>::FITS,
        ];
        assert_eq!(fit, [true, true, true, false, false]);
    }

    #[test]
    fn who_keeps_a_value_in_place_has_a_copy() {
        let mut values = Values::default();
        assert!(plain(1).put(&mut values, ROOM) && plain(2).put(&mut values, ROOM));
        assert_eq!(values.row(), Some(&[1_u32, 2][..]));
        assert_eq!(values.row::<u64>(), None);
        let taken = values.take(1).unwrap();
        assert_eq!(taken.downcast_ref(), Some(&2_u32));
        assert_eq!(all(&values), [1, 2], "it lies there still");
        assert!(values.share(2).is_none());
    }

    #[test]
    fn a_share_that_nobody_else_has_moves_in_among_those_in_place() {
        let mut values = Values::default();
        assert!(plain(1).put(&mut values, ROOM) && shared(2).put(&mut values, ROOM));
        assert_eq!(values.row(), Some(&[1_u32, 2][..]));
        let mut others: Option<Arc<AnyValue>> = shared(3);
        let kept = others.clone();
        assert!(
            !others.put(&mut values, ROOM),
            "it is not moved away from others"
        );
        assert!(others.is_some() && kept.is_some());
        values.clear();
        assert!(
            others.put(&mut values, ROOM),
            "where there are none, it is shared"
        );
        assert!(values.row::<u32>().is_none());
        assert_eq!(all(&values), [3]);
    }

    #[test]
    fn a_share_that_somebody_may_find_again_does_not_move() {
        let mut values = Values::default();
        assert!(plain(1).put(&mut values, ROOM));
        let mut value = shared(2);
        let weak = value.as_ref().map(Arc::downgrade).unwrap();
        assert!(!value.put(&mut values, ROOM));
        values.clear();
        assert!(value.put(&mut values, ROOM) && weak.upgrade().is_some());
    }

    #[test]
    fn those_behind_shared_values_are_shared() {
        let mut values = Values::default();
        assert!(shared(1).put(&mut values, ROOM) && plain(2).put(&mut values, ROOM));
        assert!(!values.are_in_place());
        assert_eq!(all(&values), [1, 2]);
        assert!(values.take(0).is_some() && values.take(0).is_none());
        values.clear();
        assert!(plain(3).put(&mut values, ROOM) && values.are_in_place());
    }

    #[test]
    fn others_like_these_lie_in_place_from_the_first() {
        let mut values = Values::default();
        assert!(plain(1).put(&mut values, ROOM));
        let mut others = values.alike();
        assert!(others.are_in_place() && others.is_empty());
        assert!(shared(2).put(&mut others, ROOM) && others.are_in_place());
        assert!(!Values::default().alike().are_in_place());
    }
}
