//! From a request's path to the topics it names.
//!
//! PyPubSub decodes a path once, as yarl does, and then splits it; nothing is normalised. An event carries the topics as a set; a
//! subscription is one or more batches of topics, of which one must be in that set as a whole.

use std::{borrow::Cow, collections::HashSet, fmt};

use crate::json::write_text;

/// The first topic of a private event.
const PRIVATE: &str = "private";
/// So many topics may a path name, in all of its batches.
pub(crate) const TOPICS_MAX: usize = 512;
/// So many batches may a subscription have.
pub(crate) const BATCHES_MAX: usize = 128;
/// So often somebody behind us may decode a path again.
const DECODINGS_MAX: usize = 3;
/// Up to so many topics are looked through one by one.
const TOPICS_FEW: usize = 12;

/// Decodes a path. What is not UTF-8 when it is decoded, or no two hexadecimal digits, stays as it was sent.
pub(crate) fn decode(raw: &str) -> String {
    let mut decoded = String::with_capacity(raw.len());
    // Bytes of a letter that is not complete, and where they stand in `raw`.
    let (mut pending, mut since) = (Vec::new(), 0);
    let mut at = 0;
    while let Some(letter) = raw[at..].chars().next() {
        let Some(byte) = escaped(&raw[at..]) else {
            decoded.push_str(&raw[since..at]);
            pending.clear();
            decoded.push(letter);
            at += letter.len_utf8();
            since = at;
            continue;
        };
        pending.push(byte);
        if std::str::from_utf8(&pending).is_err_and(|error| error.error_len().is_some()) {
            // The new byte fits not to those before it; perhaps it begins a letter.
            decoded.push_str(&raw[since..at]);
            since = at;
            pending = vec![byte];
        }
        at += 3;
        match std::str::from_utf8(&pending) {
            Ok(letter) => decoded.push_str(letter),
            Err(error) if error.error_len().is_none() => continue,
            Err(_) => decoded.push_str(&raw[since..at]),
        }
        pending.clear();
        since = at;
    }
    decoded.push_str(&raw[since..]);
    decoded
}

/// The byte that `%41` at the start of a text stands for.
fn escaped(text: &str) -> Option<u8> {
    let digits = text.strip_prefix('%')?.get(..2)?;
    let are_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    are_hex.then(|| u8::from_str_radix(digits, 16).ok())?
}

/// The topics of a path: what stands between its slashes.
pub(crate) fn split(decoded: &str) -> impl Iterator<Item = &str> {
    decoded.split('/').filter(|topic| !topic.is_empty())
}

/// Topics of an event, in the order of its path.
#[derive(Debug)]
pub(crate) struct Topics {
    list: Vec<Box<str>>,
    /// The same, where there are many of them.
    set: Option<HashSet<Box<str>>>,
}

impl Topics {
    pub(crate) fn new<'a>(topics: impl Iterator<Item = &'a str>) -> Self {
        let list: Vec<Box<str>> = topics.map(Box::from).collect();
        let set = (TOPICS_FEW < list.len()).then(|| list.iter().cloned().collect());
        Self { list, set }
    }

    /// The topics of an event's path, without a leading `private`; and whether it was there.
    pub(crate) fn of_event(decoded: &str) -> (Self, bool) {
        let mut topics = split(decoded).peekable();
        let is_private = topics.next_if_eq(&PRIVATE).is_some();
        (Self::new(topics), is_private)
    }

    pub(crate) fn contains(&self, topic: &str) -> bool {
        match &self.set {
            Some(set) => set.contains(topic),
            None => self.list.iter().any(|other| **other == *topic),
        }
    }

    /// Whether each of these topics is among them.
    pub(crate) fn contain_all(&self, topics: &[Box<str>]) -> bool {
        topics.iter().all(|topic| self.contains(topic))
    }

    /// Each topic once.
    pub(crate) fn distinct(&self) -> impl Iterator<Item = &str> {
        let is_first = |index: usize| !self.list[..index].contains(&self.list[index]);
        // A few are compared with each other, many are in a set anyhow.
        let few = self.set.is_none().then_some(0..self.list.len());
        let few = few
            .into_iter()
            .flatten()
            .filter(move |index| is_first(*index));
        let few = few.map(|index| &*self.list[index]);
        few.chain(self.set.iter().flatten().map(|topic| &**topic))
    }

    /// The topics as a JSON list.
    pub(crate) fn write_json(&self, out: &mut String) {
        out.push('[');
        for (index, topic) in self.list.iter().enumerate() {
            if 0 < index {
                out.push_str(", ");
            }
            write_text(topic, out);
        }
        out.push(']');
    }
}

/// What a stream wants: any of these batches, each of which asks for all of its topics.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) batches: Vec<Vec<Box<str>>>,
}

impl Wanted {
    /// What a subscriber's path asks for; nothing if it names too many topics.
    pub(crate) fn of_path(decoded: &str) -> Option<Self> {
        let mut batches: Vec<Vec<Box<str>>> = Vec::new();
        let (mut topics_count, mut batches_count) = (0, 0);
        for part in decoded.split(',') {
            let mut batch: Vec<Box<str>> = Vec::new();
            for topic in split(part) {
                topics_count += 1;
                if TOPICS_MAX < topics_count {
                    return None;
                }
                if !batch.iter().any(|other| **other == *topic) {
                    batch.push(topic.into());
                }
            }
            batches_count += 1;
            if BATCHES_MAX < batches_count {
                return None;
            }
            let is_same = |other: &Vec<Box<str>>| {
                other.len() == batch.len() && batch.iter().all(|topic| other.contains(topic))
            };
            if !batches.iter().any(is_same) {
                batches.push(batch);
            }
        }
        Some(Self { batches })
    }

    /// Whether an event with these topics is wanted.
    pub(crate) fn matches(&self, topics: &Topics) -> bool {
        self.batches.iter().any(|batch| topics.contain_all(batch))
    }
}

impl fmt::Display for Wanted {
    /// As a path; a log is one line, whatever a client has asked for.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, batch) in self.batches.iter().enumerate() {
            f.write_str(if index == 0 { "/" } else { ",/" })?;
            write!(f, "{}", batch.join("/").escape_debug())?;
        }
        Ok(())
    }
}

/// Whether a path looks private, or like one of these topics, to somebody who reads it less closely than the rules do.
///
/// `/Private/x`, `/git/private/x`, `/a,private` and `/%2570rivate` are public, as PyPubSub reads them; hardly anybody means that.
pub(crate) fn has_look_alike(decoded: &str, secure: &HashSet<Box<str>>) -> bool {
    let is_private = split(decoded).next() == Some(PRIVATE);
    split(decoded).any(|topic| {
        folded(topic).split([',', ';', '/', '\\']).any(|part| {
            let hides_private = !is_private && part == PRIVATE;
            let hides_secure = |secure: &str| topic != secure && part == folded(secure);
            hides_private || secure.iter().any(|secure| hides_secure(secure))
        })
    })
}

/// A topic as a careless reader sees it: without case, blanks, accents, and what is not printed; with wide letters made narrow,
/// and decoded again, as by a proxy.
fn folded(topic: &str) -> String {
    let mut topic = Cow::Borrowed(topic);
    for _ in 0..DECODINGS_MAX {
        if !topic.contains('%') {
            break;
        }
        topic = Cow::Owned(decode(&topic));
    }
    let narrow = topic.chars().map(narrowed).flat_map(char::to_lowercase);
    narrow.filter(|letter| is_seen(*letter)).collect()
}

/// A letter, without what keyboards for Chinese and Turkish make of it.
fn narrowed(letter: char) -> char {
    match letter {
        'ı' => 'i',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(letter) - 0xfee0).unwrap_or(letter),
        _ => letter,
    }
}

/// Whether a letter takes room of its own: no blank, no mark on another letter, nothing that is never printed.
fn is_seen(letter: char) -> bool {
    let is_hidden = matches!(letter,
        '\u{ad}' | '\u{300}'..='\u{36f}' | '\u{61c}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
        | '\u{e0000}'..='\u{e0fff}');
    !is_hidden && !letter.is_whitespace() && !letter.is_control()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{BATCHES_MAX, TOPICS_MAX, Topics, Wanted, decode, has_look_alike, split};

    fn topics(raw: &str) -> Vec<String> {
        split(&decode(raw)).map(str::to_owned).collect()
    }

    /// The table of the wire contract.
    #[test]
    fn paths_are_decoded_once_and_split_and_nothing_else() {
        for (raw, expected, path) in [
            ("//a/b", vec!["a", "b"], "//a/b"),
            ("/a//b/", vec!["a", "b"], "/a//b/"),
            ("/a/../b", vec!["a", "..", "b"], "/a/../b"),
            ("/./a", vec![".", "a"], "/./a"),
            ("/a%2Fb", vec!["a", "b"], "/a/b"),
            ("/%41pples", vec!["Apples"], "/Apples"),
            ("/%C3%A9", vec!["é"], "/é"),
            ("/%FF", vec!["%FF"], "/%FF"),
            ("/%zz", vec!["%zz"], "/%zz"),
            ("/%ff%41", vec!["%ffA"], "/%ffA"),
            ("/%C3%41", vec!["%C3A"], "/%C3A"),
            ("/%C3%C3%A9", vec!["%C3é"], "/%C3é"),
            ("/%C3", vec!["%C3"], "/%C3"),
            ("/%E2%82x", vec!["%E2%82x"], "/%E2%82x"),
            ("/%4", vec!["%4"], "/%4"),
            ("/%", vec!["%"], "/%"),
            ("/a%20b", vec!["a b"], "/a b"),
            ("/a%00b", vec!["a\0b"], "/a\0b"),
            ("/a;b=c", vec!["a;b=c"], "/a;b=c"),
            ("/a+b", vec!["a+b"], "/a+b"),
            ("/a%2Bb", vec!["a+b"], "/a+b"),
            ("/a%3Fb", vec!["a?b"], "/a?b"),
            ("/a%25b", vec!["a%b"], "/a%b"),
            ("/%2541", vec!["%41"], "/%41"),
        ] {
            assert_eq!(topics(raw), expected, "{raw}");
            assert_eq!(decode(raw), path, "{raw}");
        }
    }

    #[test]
    fn a_batch_is_wanted_as_a_whole_and_in_any_order() {
        let wanted = |path: &str, event: &str| {
            let wanted = Wanted::of_path(&decode(path)).expect("few topics");
            wanted.matches(&Topics::of_event(&decode(event)).0)
        };
        assert!(wanted("/apples/red", "/red/apples"));
        assert!(!wanted("/apples/red", "/apples"));
        assert!(!wanted("/apples/red", "/Apples/red"));
        assert!(wanted("/pears,apples", "/fruits/apples"));
        assert!(wanted("/pears%2Capples", "/fruits/apples"));
        assert!(!wanted("/apples", "/apples,oranges"));
        for everything in ["/", "/,", "/apples,"] {
            assert!(wanted(everything, "/x"), "{everything}");
        }
        let many: String = (0..100).map(|number| format!("/t{number}")).collect();
        assert!(wanted("/t99/t0", &many));
        assert!(!wanted("/t99/t100", &many));
    }

    /// Each of them costs when the stream comes and goes, while everybody waits.
    #[test]
    fn a_batch_that_is_said_again_counts_once() {
        let count = |path: &str| Wanted::of_path(path).expect("few topics").batches.len();
        assert_eq!(count("/b,b,//b/,/b/b"), 1);
        assert_eq!(count("/a/b,/b/a,/b"), 2);
        assert_eq!(count(",,/,"), 1);
        assert_eq!(count(&"/b,".repeat(BATCHES_MAX - 1)), 2);
    }

    #[test]
    fn a_path_names_no_more_topics_and_batches_than_it_may() {
        assert!(Wanted::of_path(&"/a".repeat(TOPICS_MAX)).is_some());
        assert!(Wanted::of_path(&"/a".repeat(TOPICS_MAX + 1)).is_none());
        assert!(Wanted::of_path(&",".repeat(BATCHES_MAX - 1)).is_some());
        assert!(Wanted::of_path(&",".repeat(BATCHES_MAX)).is_none());
    }

    #[test]
    fn what_is_wanted_is_shown_in_one_line() {
        let shown = |path: &str| Wanted::of_path(path).expect("few topics").to_string();
        assert_eq!(shown("/"), "/");
        assert_eq!(shown("/a//b,c,"), "/a/b,/c,/");
        assert_eq!(shown("/a\nb"), "/a\\nb");
    }

    #[test]
    fn each_topic_of_an_event_is_named_once() {
        let event = |path: &str| Topics::of_event(path).0.distinct().count();
        assert_eq!(event("/a/b/a"), 2);
        assert_eq!(event(&"/a/b".repeat(20)), 2);
    }

    #[test]
    fn an_event_is_private_if_its_first_topic_says_so() {
        for (raw, is_private) in [
            ("/private", true),
            ("/private/git", true),
            ("//private/git", true),
            ("/%70rivate/x", true),
            ("/private%2Fx", true),
            ("/Private/x", false),
            ("/x/private", false),
        ] {
            let (topics, private) = Topics::of_event(&decode(raw));
            assert_eq!(private, is_private, "{raw}");
            assert_eq!(topics.contains("private"), raw == "/x/private");
        }
    }

    #[test]
    fn look_alikes_are_told_from_what_is_meant() {
        let secure = HashSet::from([Box::from("sec")]);
        let alike = |raw: &str| has_look_alike(&decode(raw), &secure);
        for raw in [
            "/Private/git",
            "/git/private/x",
            "/./private/..",
            "/a/../private",
            "/a,private",
            "/PRIVATE",
            "/private%20/x",
            "/private%00",
            "/Sec/x",
            "/a,sec/x",
            "/x/SEC",
            "/private/Sec",
            "/%2570rivate/x",
            "/private%252Fgit",
            "/%252570rivate",
            "/private%E2%80%8B/x",
            "/pri%C2%ADvate",
            "/%EF%BB%BFprivate",
            "/%EF%BD%90rivate/x",
            "/private%EF%BC%8Fgit",
            "/PR%C4%B0VATE",
            "/pr%C4%B1vate",
            "/private;v=1/x",
            "/private%5Cgit",
            "/sec;x",
        ] {
            assert!(alike(raw), "{raw}");
        }
        for raw in [
            "/100%25",
            "/%25zz",
            "/%2561",
            "/caf%C3%A9",
            "/private/git",
            "/private/private",
            "/git/privaterepo.git",
            "/sec/x",
            "/secure",
            "/",
        ] {
            assert!(!alike(raw), "{raw}");
        }
    }
}
