//! The values that are filed at one place: usually one or two, sometimes a hundred thousand.

use std::collections::BTreeMap;

/// So many are looked through one by one.
const FEW_MAX: usize = 16;

/// What can be filed: it has a number, by which it is kept in order and found again.
pub(crate) trait Numbered {
    fn number(&self) -> u64;
}

/// Values in the order of their numbers.
#[derive(Debug)]
pub(crate) enum Filed<V> {
    Few(Vec<V>),
    Many(BTreeMap<u64, V>),
}

impl<V> Default for Filed<V> {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl<V: Numbered> Filed<V> {
    pub(crate) fn insert(&mut self, value: V) {
        match self {
            Self::Few(values) if values.len() < FEW_MAX => {
                let at = values.partition_point(|other| other.number() < value.number());
                if values.capacity() == 0 {
                    // Most places have one value for good.
                    values.reserve_exact(1);
                }
                values.insert(at, value);
            }
            Self::Few(values) => {
                let values = values.drain(..).chain([value]);
                let values = values.map(|value| (value.number(), value));
                *self = Self::Many(values.collect());
            }
            Self::Many(values) => {
                values.insert(value.number(), value);
            }
        }
    }

    pub(crate) fn remove(&mut self, number: u64) {
        match self {
            Self::Few(values) => values.retain(|value| value.number() != number),
            Self::Many(values) => {
                values.remove(&number);
                if values.len() < FEW_MAX / 2 {
                    let values = std::mem::take(values);
                    *self = Self::Few(values.into_values().collect());
                }
            }
        }
    }
}

impl<V> Filed<V> {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &V> {
        let (few, many) = match self {
            Self::Few(values) => (&values[..], None),
            Self::Many(values) => (&[][..], Some(values)),
        };
        few.iter()
            .chain(many.into_iter().flat_map(BTreeMap::values))
    }

    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Few(values) => values.is_empty(),
            Self::Many(values) => values.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FEW_MAX, Filed, Numbered};

    impl Numbered for usize {
        fn number(&self) -> u64 {
            *self as u64
        }
    }

    #[test]
    fn few_and_many_are_kept_in_order() {
        let mut filed = Filed::default();
        let mut expected = std::collections::BTreeSet::new();
        for step in 0..400_usize {
            let number = step * 7 % 61;
            if step / 100 % 2 == 0 {
                if expected.insert(number) {
                    filed.insert(number);
                }
            } else {
                expected.remove(&number);
                filed.remove(number as u64);
            }
            assert!(filed.iter().eq(&expected), "{filed:?}");
            assert_eq!(filed.is_empty(), expected.is_empty());
            let many = matches!(filed, Filed::Many(_));
            assert!(!many || FEW_MAX / 2 <= expected.len());
        }
    }
}
