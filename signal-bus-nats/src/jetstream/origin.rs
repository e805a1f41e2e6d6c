//! Where a message comes from, as the subject says that it is acknowledged on.

use crate::jetstream::missed::Point;

/// What that subject begins with.
const START: &str = "$JS.ACK.";
/// What follows: the stream, the consumer, how often it was handed out, its place, the number of its delivery, the time, and how many wait.
const TOKENS: usize = 7;
/// Newer servers put the domain and the account before that, and may put more behind it.
const TOKENS_NEWER: usize = 9;

/// Where a message comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Origin {
    pub(super) at: Point,
    /// How often it was handed out, this time included.
    pub(super) attempt: u64,
}

/// Reads where messages come from that one consumer hands out.
///
/// The client can read it, too, but all of it, and anew each time: that would cost as much as to take a message in.
#[derive(Default)]
pub(super) struct Origins {
    /// What stands before the numbers; in the next one, too.
    before: String,
}

impl Origins {
    /// Where a message comes from that is acknowledged on this subject; `None` if it is no message of a stream.
    pub(super) fn read(&mut self, subject: &str) -> Option<Origin> {
        let known = Some(&*self.before).filter(|before| !before.is_empty());
        let known = known.and_then(|before| origin(subject.strip_prefix(before)?));
        known.or_else(|| {
            let numbers = numbers(subject)?;
            let before = subject.len() - numbers.len();
            subject[..before].clone_into(&mut self.before);
            origin(numbers)
        })
    }
}

/// What the numbers say.
fn origin(numbers: &str) -> Option<Origin> {
    let mut numbers = numbers.as_bytes().split(|byte| *byte == b'.').map(number);
    let attempt = numbers.next()??;
    let place = numbers.next()??;
    let delivery = numbers.next()??;
    Some(Origin {
        at: Point { place, delivery },
        attempt,
    })
}

/// The part with the numbers.
fn numbers(subject: &str) -> Option<&str> {
    let tokens = subject.strip_prefix(START)?;
    let names = match tokens.split('.').take(TOKENS_NEWER).count() {
        TOKENS => 2,
        TOKENS_NEWER => 4,
        _ => return None,
    };
    tokens.splitn(names + 1, '.').last()
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        let number = number.checked_mul(10)?.checked_add(u64::from(digit))?;
        (digit < 10).then_some(number)
    })
}

#[cfg(test)]
mod tests {
    use super::{Origin, Origins};
    use crate::jetstream::missed::Point;

    #[test]
    fn both_kinds_of_subjects_are_read() {
        for subject in [
            "$JS.ACK.ORDERS.shop.3.17.20.1700000000000000001.5",
            "$JS.ACK._.hash.ORDERS.shop.3.17.20.1700000000000000001.5",
            "$JS.ACK.hub.hash.ORDERS.shop.3.17.20.1700000000000000001.5.random",
            "$JS.ACK.hub.hash.ORDERS.shop.3.17.20.1700000000000000001.5.random.more",
        ] {
            let at = Point {
                place: 17,
                delivery: 20,
            };
            let mut origins = Origins::default();
            let origin = Some(Origin { at, attempt: 3 });
            assert_eq!(origins.read(subject), origin, "{subject}");
            assert_eq!(origins.read(subject), origin, "{subject}, once more");
            let further = subject.replace(".3.17.20.", ".1.18.21.");
            let (place, delivery) = (18, 21);
            let at = Point { place, delivery };
            let origin = Some(Origin { at, attempt: 1 });
            assert_eq!(origins.read(&further), origin, "{further}");
        }
    }

    #[test]
    fn what_is_no_message_of_a_stream_has_no_origin() {
        for subject in [
            "",
            "_INBOX.x",
            "$JS.ACK.",
            "$JS.ACK.ORDERS.shop.3.17.20.1",
            "$JS.ACK.ORDERS.shop.3.17.20.1.5.6",
            "$JS.ACK.ORDERS.shop.3.x.20.1.5",
            "$JS.ACK.ORDERS.shop.3..20.1.5",
            "$JS.ACK.ORDERS.shop.3.-7.20.1.5",
            "$JS.ACK.ORDERS.shop.3.99999999999999999999.20.1.5",
        ] {
            assert_eq!(Origins::default().read(subject), None, "{subject}");
        }
    }

    #[test]
    fn names_may_begin_alike() {
        let mut origins = Origins::default();
        for (consumer, place) in [("shop", 1), ("shop2", 2), ("shop", 3)] {
            let subject = format!("$JS.ACK.ORDERS.{consumer}.1.{place}.1.1700.0");
            let read = origins.read(&subject).map(|origin| origin.at.place);
            assert_eq!(read, Some(place), "{subject}");
        }
        // Another server, of which it is a domain and an account.
        let subject = "$JS.ACK.ORDERS.shop.STREAM.mail.1.4.1.1700.0";
        let read = origins.read(subject).map(|origin| origin.at.place);
        assert_eq!(read, Some(4));
    }
}
