//! How many signals a sender has published, and how many of them have come: what is between the two is lost.
//!
//! Only packs say it. A signal that travels alone is counted by both sides.

use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasher as _, RandomState},
    str::FromStr,
    sync::Arc,
};

use signal_bus::transport::Message;

/// Subjects that are counted at once.
const SENT_MAX: usize = 4096;
/// Topics, of all senders together, of which it is known at once what has come.
const CAME_MAX: usize = 16_384;
/// Names of senders that are longer are none of a bus.
const NAME_MAX: usize = 64;

/// What a sender had published on a subject before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Before {
    /// A name for the count, which begins with another one anew.
    series: u64,
    count: u64,
}

impl fmt::Display for Before {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.series, self.count)
    }
}

impl FromStr for Before {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (series, count) = text.split_once('-').ok_or(())?;
        Ok(Self {
            series: u64::from_str_radix(series, 16).map_err(drop)?,
            count: count.parse().map_err(drop)?,
        })
    }
}

/// What was sent on each subject of a connection.
#[derive(Debug)]
pub(crate) struct Sent {
    series: u64,
    subjects: HashMap<Box<str>, u64>,
}

impl Default for Sent {
    fn default() -> Self {
        Self {
            series: series(),
            subjects: HashMap::new(),
        }
    }
}

/// A name that no other count has.
fn series() -> u64 {
    RandomState::new().hash_one(std::process::id())
}

impl Sent {
    /// Counts signals that are sent now, and says what went before.
    pub(crate) fn count(&mut self, subject: &str, signals: usize) -> Before {
        let count = match self.subjects.get_mut(subject) {
            Some(count) => count,
            None => {
                if SENT_MAX <= self.subjects.len() {
                    *self = Self::default();
                }
                self.subjects.entry(subject.into()).or_default()
            }
        };
        let before = Before {
            series: self.series,
            count: *count,
        };
        *count += signals as u64;
        before
    }
}

/// What has come, of each sender that packs.
#[derive(Default, Debug)]
pub(crate) struct Came {
    /// By their names: a sender has a count for each of its connections.
    senders: HashMap<Box<str>, Sender>,
    /// Their topics; some may be forgotten already.
    topics: usize,
}

/// By topic the name of the count, and how many signals have been sent, as far as is known.
type Sender = HashMap<Arc<str>, Before>;

impl Came {
    /// Counts what has come in one message, with what was sent before it, if it says so; how many are missing between this and the last one.
    pub(crate) fn count(&mut self, before: Option<Before>, came: &[(Message, usize)]) -> u64 {
        // Mostly nobody packs.
        if before.is_none() && self.senders.is_empty() {
            return 0;
        }
        let Some((first, _)) = came.first() else {
            return 0;
        };
        let Some(name) = first.sender().filter(|name| name.len() <= NAME_MAX) else {
            return 0;
        };
        let (topic, signals) = (&first.topic, came.len() as u64);
        let Some(before) = before else {
            let sender = self.senders.get_mut(name);
            if let Some(known) = sender.and_then(|sender| sender.get_mut(topic)) {
                known.count = known.count.saturating_add(signals);
            }
            return 0;
        };
        if CAME_MAX <= self.topics {
            *self = Self::default();
        }
        let sender = match self.senders.get_mut(name) {
            Some(sender) => sender,
            None => self.senders.entry(name.into()).or_default(),
        };
        let sent = Before {
            count: before.count.saturating_add(signals),
            ..before
        };
        let known = sender.insert(Arc::clone(topic), sent);
        self.topics += usize::from(known.is_none());
        // Of another count nothing is known. Whatever somebody claims, it is less than could be.
        let known = known.filter(|known| known.series == before.series);
        let missing = known.and_then(|known| before.count.checked_sub(known.count));
        missing
            .and_then(|missing| u32::try_from(missing).ok())
            .map_or(0, u64::from)
    }
}

#[cfg(test)]
mod tests {
    use signal_bus::{
        Headers,
        transport::{Message, header},
    };

    use super::{Before, CAME_MAX, Came, SENT_MAX, Sent};

    fn came(sender: &str, topic: &str, count: usize) -> Vec<(Message, usize)> {
        let headers = Headers::new().with(header::SENDER, sender);
        vec![(Message::new(topic, "", headers), 0); count]
    }

    #[test]
    fn what_is_missing_between_two_packs_is_counted_once() {
        let (mut sent, mut seen) = (Sent::default(), Came::default());
        let mut pack = |sent: &mut Sent, count, comes| {
            let before = sent.count("here", count);
            match comes {
                true => seen.count(Some(before), &came("ann", "here", count)),
                false => 0,
            }
        };
        assert_eq!(pack(&mut sent, 3, true), 0);
        assert_eq!(pack(&mut sent, 5, false), 0);
        assert_eq!(pack(&mut sent, 2, true), 5);
        assert_eq!(pack(&mut sent, 2, true), 0);
        // One that travels alone, and comes; one that does not; and another subject.
        sent.count("here", 1);
        assert_eq!(seen.count(None, &came("ann", "here", 1)), 0);
        sent.count("here", 1);
        sent.count("there", 9);
        let before = sent.count("here", 4);
        assert_eq!(seen.count(Some(before), &came("ann", "here", 4)), 1);
        // Of somebody else, nothing is known.
        assert_eq!(seen.count(Some(before), &came("bob", "here", 4)), 0);
    }

    #[test]
    fn a_count_that_begins_anew_or_claims_too_much_is_no_loss() {
        let mut seen = Came::default();
        let mut count = |series, count| {
            let before = Before { series, count };
            seen.count(Some(before), &came("ann", "here", 1))
        };
        assert_eq!((count(1, 0), count(1, 7)), (0, 6));
        assert_eq!((count(2, 0), count(2, 1)), (0, 0));
        assert_eq!((count(2, 0), count(2, u64::MAX)), (0, 0));
        assert_eq!((count(2, 5), count(2, 7)), (0, 1));
        count(2, u64::MAX);
        assert_eq!(seen.count(None, &came("ann", "here", 1)), 0);
    }

    #[test]
    fn a_sender_counts_for_each_of_its_connections() {
        let (mut one, mut two, mut seen) = (Sent::default(), Sent::default(), Came::default());
        let mut missing = 0;
        for _ in 0..3 {
            for (sent, topic) in [(&mut one, "here"), (&mut two, "there")] {
                sent.count(topic, 1);
                let before = sent.count(topic, 1);
                missing += seen.count(Some(before), &came("ann", topic, 1));
            }
        }
        assert_eq!(missing, 4);
    }

    #[test]
    fn what_is_known_has_a_bound() {
        let (mut sent, mut seen) = (Sent::default(), Came::default());
        for number in 0..=SENT_MAX {
            sent.count(&format!("s{number}"), 1);
        }
        assert_eq!(sent.subjects.len(), 1);
        for number in 0..=CAME_MAX {
            let before = sent.count("here", 1);
            let (sender, topic) = (format!("s{}", number / 100), format!("t{number}"));
            seen.count(Some(before), &came(&sender, &topic, 1));
        }
        assert_eq!((seen.senders.len(), seen.topics), (1, 1));
    }

    #[test]
    fn what_went_before_is_read_as_it_was_written() {
        let mut sent = Sent::default();
        sent.count("here", 7);
        let before = sent.count("here", 1);
        assert_eq!(before.to_string().parse(), Ok(before));
        for odd in ["", "7", "-", "x-1", "1-x", "1-99999999999999999999999"] {
            assert_eq!(odd.parse::<Before>(), Err(()), "{odd}");
        }
    }
}
