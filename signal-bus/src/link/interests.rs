//! What a bus asks a connection for: as little as covers all who hear, and nothing twice.

use std::collections::BTreeMap;

use crate::{topic::pattern::Pattern, transport::Interest};

/// What is to be asked for, so that all who hear get theirs, each message once.
///
/// `heard` are the patterns of those who hear, with the groups that share over all processes; `travelling` those of the
/// connection.
pub(crate) fn interests(
    travelling: &[Pattern],
    heard: impl IntoIterator<Item = (Pattern, Option<Box<str>>)>,
) -> Vec<Interest> {
    let mut by_group: BTreeMap<Option<Box<str>>, Vec<Pattern>> = BTreeMap::new();
    for (pattern, group) in heard {
        let wanted = by_group.entry(group).or_default();
        for travels in travelling {
            if travels.covers(&pattern) {
                wanted.push(pattern.clone());
            } else if travels.overlaps(&pattern) {
                wanted.push(travels.clone());
            }
        }
    }
    let all = by_group.into_iter().flat_map(|(group, wanted)| {
        let patterns = disjoint(travelling, wanted).into_iter();
        patterns.map(move |pattern| {
            let all = Interest::all(written(&pattern));
            match &group {
                Some(group) => all.shared(&**group),
                None => all,
            }
        })
    });
    all.collect()
}

/// What is served of a connection, so that all who reply get their requests: as they are written, for to serve more than somebody here
/// replies to would keep requests from those who do.
pub(crate) fn served(travelling: &[Pattern], replied: &[Pattern]) -> Vec<String> {
    let mut all = Vec::new();
    for pattern in replied {
        for travels in travelling {
            if travels.overlaps(pattern) {
                all.push(common(travels, pattern));
            }
        }
    }
    all.sort();
    all.dedup();
    all
}

/// What two patterns that overlap have in common, as transports know it.
fn common(one: &Pattern, other: &Pattern) -> String {
    let tokens = |pattern: &Pattern| pattern.as_str().split('.').map(str::to_owned).collect();
    let (one, other): (Vec<String>, Vec<String>) = (tokens(one), tokens(other));
    let is_tail = |token: &String| matches!(&**token, ">" | "**");
    let mut common = Vec::new();
    for at in 0..one.len().max(other.len()) {
        match (one.get(at), other.get(at)) {
            // What is open goes on as the other does.
            (Some(tail), _) if is_tail(tail) && at < other.len() => {
                common.extend_from_slice(&other[at..]);
                break;
            }
            (_, Some(tail)) if is_tail(tail) && at < one.len() => {
                common.extend_from_slice(&one[at..]);
                break;
            }
            (Some(star), Some(token)) if star == "*" => common.push(token.clone()),
            (Some(token), Some(_)) => common.push(token.clone()),
            // A `**` that stands for nothing.
            _ => break,
        }
    }
    let common = common.join(".");
    Pattern::new(&common).map_or(common, |common| written(&common))
}

/// Patterns that cover the same, and more where it must be, but no topic twice.
fn disjoint(travelling: &[Pattern], mut wanted: Vec<Pattern>) -> Vec<Pattern> {
    loop {
        wanted.sort();
        wanted.dedup();
        let covered = |one: &Pattern| {
            let mut others = wanted.iter().filter(|other| *other != one);
            others.any(|other| other.covers(one))
        };
        let widest: Vec<_> = wanted.iter().filter(|one| !covered(one)).cloned().collect();
        let crossing = widest.iter().enumerate().find_map(|(at, one)| {
            let mut others = widest[at + 1..].iter();
            others.any(|other| other.overlaps(one)).then_some(one)
        });
        // Of two that cross each other, neither can go: all that travels covers both.
        let whole = crossing.and_then(|one| travelling.iter().find(|all| all.covers(one)));
        match whole {
            Some(whole) if !widest.contains(whole) => {
                wanted = widest;
                wanted.push(whole.clone());
            }
            _ => return widest,
        }
    }
}

/// The patterns without those that others cover; `Err` with two that cross each other.
pub(crate) fn widest(patterns: &[Pattern]) -> Result<Vec<Pattern>, (Pattern, Pattern)> {
    let covered = |at: usize, one: &Pattern| {
        let mut others = patterns.iter().enumerate();
        others.any(|(other_at, other)| {
            other_at != at && other.covers(one) && (other != one || other_at < at)
        })
    };
    let kept = patterns.iter().enumerate();
    let kept = kept.filter(|(at, one)| !covered(*at, one));
    let kept: Vec<_> = kept.map(|(_, one)| one.clone()).collect();
    for (at, one) in kept.iter().enumerate() {
        if let Some(other) = kept[at + 1..].iter().find(|other| other.overlaps(one)) {
            return Err((one.clone(), other.clone()));
        }
    }
    Ok(kept)
}

/// The pattern as transports know it: `>` is their only open end.
pub(super) fn written(pattern: &Pattern) -> String {
    match pattern.as_str().strip_suffix("**") {
        Some(begin) => format!("{begin}>"),
        None => pattern.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{interests, served, widest};
    use crate::{topic::pattern::Pattern, transport::Interest};

    fn patterns(written: &[&str]) -> Vec<Pattern> {
        let all = written.iter().map(|one| Pattern::new(one).unwrap());
        all.collect()
    }

    fn asked(travelling: &[&str], heard: &[(&str, Option<&str>)]) -> Vec<String> {
        let heard = heard.iter().map(|(pattern, group)| {
            let group = group.map(Box::from);
            (Pattern::new(pattern).unwrap(), group)
        });
        let shown = |one: &Interest| match &one.group {
            Some(group) => format!("{} in {group}", one.pattern),
            None => one.pattern.clone(),
        };
        let asked = interests(&patterns(travelling), heard);
        asked.iter().map(shown).collect()
    }

    #[test]
    fn only_what_is_heard_and_travels_is_asked_for() {
        let all = [("orders.eu", None), ("local.x", None), ("mail.sent", None)];
        assert_eq!(
            asked(&["orders.>", "mail.*"], &all),
            ["mail.sent", "orders.eu"]
        );
        assert_eq!(asked(&["orders.>"], &[("**", None)]), ["orders.>"]);
        assert!(asked(&["orders.>"], &[("mail", None)]).is_empty());
    }

    #[test]
    fn no_topic_is_asked_for_twice() {
        let covered = [("orders.>", None), ("orders.eu", None), ("orders.*", None)];
        assert_eq!(asked(&["orders.>"], &covered), ["orders.>"]);
        let crossing = [
            ("orders.*.new", None),
            ("orders.eu.*", None),
            ("orders.us", None),
        ];
        assert_eq!(asked(&["orders.>"], &crossing), ["orders.>"]);
    }

    #[test]
    fn a_group_asks_for_itself() {
        let heard = [
            ("orders.eu", Some("a")),
            ("orders.eu", Some("b")),
            ("orders.>", None),
        ];
        let asks = ["orders.>", "orders.eu in a", "orders.eu in b"];
        assert_eq!(asked(&["orders.>"], &heard), asks);
    }

    #[test]
    fn what_is_served_is_what_both_have_in_common() {
        for (travels, replied, common) in [
            ("orders.>", "orders.eu", "orders.eu"),
            ("orders.>", "orders.*.new", "orders.*.new"),
            ("orders.eu.*", "orders.*.new", "orders.eu.new"),
            ("orders.eu", "**", "orders.eu"),
            ("orders.>", "orders.**", "orders.>"),
            ("orders", "orders.**", "orders"),
            ("*.eu.>", "orders.**", "orders.eu.>"),
        ] {
            let served = served(&patterns(&[travels]), &patterns(&[replied]));
            assert_eq!(served, [common], "{travels} {replied}");
        }
        assert!(served(&patterns(&["orders.>"]), &patterns(&["mail"])).is_empty());
    }

    #[test]
    fn what_travels_is_said_once() {
        let kept = widest(&patterns(&["orders.eu", "orders.>", "mail", "mail"])).unwrap();
        assert_eq!(kept, patterns(&["orders.>", "mail"]));
        let (one, other) = widest(&patterns(&["a.*", "*.b"])).unwrap_err();
        assert_eq!((one.as_str(), other.as_str()), ("a.*", "*.b"));
    }
}
