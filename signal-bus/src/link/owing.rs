//! Those who keep messages until they are told what became of them.

use std::{mem, sync::Arc, time::Duration};

use crate::transport::Acknowledge;

/// Those who keep messages, each with a number as long as it is here: the numbers are places, so nobody searches.
#[derive(Default, Debug)]
pub(super) struct Owing {
    places: Vec<Place>,
    free: Vec<usize>,
}

#[derive(Default, Debug)]
enum Place {
    #[default]
    Free,
    /// Nobody else has it: most are told without a wait, and need not be shared.
    Own(Box<dyn Acknowledge>),
    Shared(Arc<dyn Acknowledge>),
    /// It is being told, and has its number still.
    Taken,
}

impl Owing {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    pub(super) fn add(&mut self, one: Box<dyn Acknowledge>) -> usize {
        let place = Place::Own(one);
        match self.free.pop() {
            Some(number) => {
                self.places[number] = place;
                number
            }
            None => {
                self.places.push(place);
                self.places.len() - 1
            }
        }
    }

    /// Takes one out, which keeps its number until that is [given up](Self::remove), or it is [put back](Self::put_back).
    pub(super) fn take(&mut self, number: usize) -> Option<Taken> {
        match mem::replace(&mut self.places[number], Place::Taken) {
            Place::Own(one) => Some(Taken::Own(one)),
            Place::Shared(one) => Some(Taken::Shared(one)),
            Place::Free | Place::Taken => None,
        }
    }

    /// Puts one back where it was, for the time that it takes to tell it.
    pub(super) fn put_back(&mut self, number: usize, one: Arc<dyn Acknowledge>) {
        self.places[number] = Place::Shared(one);
    }

    /// Gives up a number; whoever has it is dropped by the caller.
    pub(super) fn remove(&mut self, number: usize) -> Option<Taken> {
        let taken = self.take(number);
        self.places[number] = Place::Free;
        self.free.push(number);
        taken
    }

    /// How patient the least patient of them is.
    pub(super) fn patience(&self) -> Option<Duration> {
        let patience = self.places.iter().filter_map(Place::patience);
        patience.min()
    }

    /// All that are here, to be reminded.
    pub(super) fn share(&mut self) -> Vec<Arc<dyn Acknowledge>> {
        let shared = self.places.iter_mut().filter_map(Place::share);
        shared.collect()
    }
}

impl Place {
    fn patience(&self) -> Option<Duration> {
        match self {
            Self::Own(one) => Some(one.patience()),
            Self::Shared(one) => Some(one.patience()),
            Self::Free | Self::Taken => None,
        }
    }

    fn share(&mut self) -> Option<Arc<dyn Acknowledge>> {
        let shared = match mem::take(self) {
            Self::Own(one) => one.into(),
            Self::Shared(one) => one,
            other => {
                *self = other;
                return None;
            }
        };
        *self = Self::Shared(Arc::clone(&shared));
        Some(shared)
    }
}

/// One that was taken out.
#[derive(Debug)]
pub(super) enum Taken {
    Own(Box<dyn Acknowledge>),
    Shared(Arc<dyn Acknowledge>),
}

impl Taken {
    pub(super) fn get(&self) -> &dyn Acknowledge {
        match self {
            Self::Own(one) => &**one,
            Self::Shared(one) => &**one,
        }
    }

    pub(super) fn into_shared(self) -> Arc<dyn Acknowledge> {
        match self {
            Self::Own(one) => one.into(),
            Self::Shared(one) => one,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Owing, Taken};
    use crate::transport::{Acknowledge, TransportFuture, Verdict};

    #[derive(Debug)]
    struct Patient(u64);

    impl Acknowledge for Patient {
        fn settle(&self, _: Verdict) -> TransportFuture<'_, ()> {
            Box::pin(async { Ok(()) })
        }

        fn extend(&self) -> TransportFuture<'_, ()> {
            Box::pin(async { Ok(()) })
        }

        fn patience(&self) -> Duration {
            Duration::from_secs(self.0)
        }
    }

    fn patience(taken: &Taken) -> u64 {
        taken.get().patience().as_secs()
    }

    #[test]
    fn a_number_is_given_to_another_once_it_is_given_up() {
        let mut owing = Owing::default();
        let numbers = [3, 1, 2].map(|patience| owing.add(Box::new(Patient(patience))));
        assert_eq!(owing.patience(), Some(Duration::from_secs(1)));
        let taken = owing.take(numbers[1]).unwrap();
        assert_eq!(patience(&taken), 1);
        assert_eq!(owing.len(), 3, "it is being told");
        assert_eq!(owing.patience(), Some(Duration::from_secs(2)));
        let other = owing.add(Box::new(Patient(7)));
        assert!(!numbers.contains(&other));
        assert!(owing.remove(numbers[1]).is_none(), "it was taken");
        assert_eq!(owing.add(Box::new(Patient(8))), numbers[1]);
        assert_eq!(owing.len(), 4);
    }

    #[test]
    fn who_is_told_for_long_is_reminded_meanwhile() {
        let mut owing = Owing::default();
        let numbers = [3, 4].map(|patience| owing.add(Box::new(Patient(patience))));
        let reminded = |owing: &mut Owing| {
            let shared = owing.share().into_iter();
            shared
                .map(|one| one.patience().as_secs())
                .collect::<Vec<_>>()
        };
        let taken = owing.take(numbers[0]).unwrap();
        assert_eq!(reminded(&mut owing), [4]);
        owing.put_back(numbers[0], taken.into_shared());
        assert_eq!(reminded(&mut owing), [3, 4]);
        assert_eq!(owing.remove(numbers[0]).as_ref().map(patience), Some(3));
        assert_eq!(owing.remove(numbers[1]).as_ref().map(patience), Some(4));
        assert_eq!((owing.len(), reminded(&mut owing)), (0, vec![]));
        assert_eq!(owing.patience(), None);
    }
}
