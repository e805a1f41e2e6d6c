//! The ACL file: users, what they see of private events, and which secure topics they publish.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::{
    problem::{Problem, Problems},
    topic::Topics,
    yaml::{
        self, Node, Value,
        section::{Section, texts},
    },
};

/// What somebody may see and do.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Rights {
    /// All topics of one segment in a private event show it.
    segments: Vec<Vec<Box<str>>>,
    /// Secure topics.
    publishes: HashSet<Box<str>>,
}

impl Rights {
    /// The right to see private events.
    pub(crate) fn to_see(segments: Vec<Vec<Box<str>>>) -> Self {
        Self {
            segments,
            publishes: HashSet::new(),
        }
    }

    /// The rights of all of these together.
    pub(crate) fn united<'a>(all: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut united = Self::default();
        for rights in all {
            united.segments.extend(rights.segments.iter().cloned());
            united.publishes.extend(rights.publishes.iter().cloned());
        }
        united
    }

    /// Whether a private event with these topics may be seen.
    pub(crate) fn see(&self, topics: &Topics) -> bool {
        self.segments
            .iter()
            .any(|segment| topics.contain_all(segment))
    }

    /// Whether a secure topic may be published.
    pub(crate) fn publish(&self, secure: &str) -> bool {
        self.publishes.contains(secure)
    }
}

/// Users, by name.
#[derive(Debug, Default)]
pub(crate) struct Acl {
    users: HashMap<Box<str>, User>,
}

/// A password as it is compared: all of them are of one length.
type Fingerprint = [u8; 32];

#[derive(Debug)]
struct User {
    /// Nobody can log in without one.
    password: Option<Fingerprint>,
    rights: Arc<Rights>,
}

/// What a login comes to.
#[derive(Debug)]
pub(crate) enum Verdict {
    Known(Arc<Rights>),
    /// The user is in the file, with another password.
    Wrong,
    /// The file does not know the user.
    Unknown,
}

impl Acl {
    pub(crate) fn users_count(&self) -> usize {
        self.users.len()
    }

    /// Compares a password, with the same work for every user, also for one that there is not.
    pub(crate) fn judge(&self, user: &str, password: &str) -> Verdict {
        let is_same = |one: &Fingerprint, other: &Fingerprint| one.ct_eq(other);
        self.judge_by(user, password, digest, is_same)
    }

    /// As `judge`: one digest and one comparison, whatever comes of them.
    fn judge_by(
        &self,
        user: &str,
        password: &str,
        digest: impl FnOnce(&str) -> Fingerprint,
        is_same: impl FnOnce(&Fingerprint, &Fingerprint) -> Choice,
    ) -> Verdict {
        let said = digest(password);
        let found = self.users.get(user);
        let expected = found.and_then(|user| user.password);
        let is_set = Choice::from(u8::from(expected.is_some()));
        let is_right = is_same(&expected.unwrap_or_default(), &said) & is_set;
        match found {
            Some(user) if bool::from(is_right) => Verdict::Known(Arc::clone(&user.rights)),
            Some(_) => Verdict::Wrong,
            None => Verdict::Unknown,
        }
    }
}

fn digest(password: &str) -> Fingerprint {
    Sha256::digest(password.as_bytes()).into()
}

/// Reads an ACL file; nothing if one of the problems is refused. An empty file has no users.
pub(crate) fn read(file: &str, text: &str, is_lenient: bool) -> (Option<Acl>, Vec<Problem>) {
    let mut problems = Problems::new(file, is_lenient);
    let acl = yaml::read(text, &mut problems).and_then(|root| acl(&root, &mut problems));
    let acl = acl.filter(|_| !problems.are_refused());
    (acl, problems.into_found())
}

fn acl(root: &Node, problems: &mut Problems) -> Option<Acl> {
    if matches!(root.value, Value::Null) {
        problems.warn(
            1,
            "",
            "the file is empty: nobody can log in, and nobody sees private events",
        );
        return Some(Acl::default());
    }
    let root = Section::new("", root, problems)?;
    let mut users = HashMap::new();
    for (name, node) in root.fields() {
        let Some(text) = name.as_text().filter(|text| !text.contains(':')) else {
            let text = format!(
                "expected the name of a user, a text without `:`, found {}",
                name.found()
            );
            problems.refuse_if_strict(name.line, "", text);
            continue;
        };
        if let Some(user) = user(text, node, problems) {
            users.insert(text.into(), user);
        }
    }
    Some(Acl { users })
}

/// A user; with a mistake in it, PyPubSub lets the user log in as nobody.
fn user(name: &str, node: &Node, problems: &mut Problems) -> Option<User> {
    if problems.is_lenient() {
        // The problems are said, and nothing starts to fail because of them.
        let mut own = Problems::new("", true);
        let user = strict_user(name, node, &mut own);
        let is_broken = own.are_refused();
        for problem in own.into_found() {
            problems.warn(problem.line, &problem.key, problem.text);
        }
        return user.map(|user| {
            if is_broken {
                user.without_rights()
            } else {
                user
            }
        });
    }
    strict_user(name, node, problems)
}

impl User {
    fn without_rights(self) -> Self {
        Self {
            rights: Arc::default(),
            ..self
        }
    }
}

fn strict_user(name: &str, node: &Node, problems: &mut Problems) -> Option<User> {
    let section = Section::new(name, node, problems)?;
    section.refuse_unknown(&["password", "acl", "topics"], problems);
    if section.field("password").is_none() {
        problems.refuse(
            section.line(),
            &section.path("password"),
            "expected a text, found nothing: nobody could log in",
        );
    }
    let password = section.text("password", problems);
    let acl = section.field("acl");
    let path = section.path("acl");
    let acl = acl.filter(|acl| Section::new(&path, acl, problems).is_some());
    let shown = acl.map_or(Vec::new(), |acl| segments(&path, acl, problems));
    let topics = section.texts("topics", problems);
    Some(User {
        password: password.map(digest),
        rights: Arc::new(Rights {
            segments: shown,
            publishes: topics.into_iter().map(|(_, topic)| topic.into()).collect(),
        }),
    })
}

/// A map of segments, each a list of topics; a list alone is one segment.
pub(crate) fn segments(path: &str, node: &Node, problems: &mut Problems) -> Vec<Vec<Box<str>>> {
    if let Value::List(_) = &node.value {
        return segment(path, node, problems).into_iter().collect();
    }
    let Some(section) = Section::new(path, node, problems) else {
        return Vec::new();
    };
    let mut segments = Vec::new();
    for (name, topics) in section.fields() {
        let path = section.path(name.found().trim_matches('`'));
        segments.extend(segment(&path, topics, problems));
    }
    segments
}

fn segment(path: &str, node: &Node, problems: &mut Problems) -> Option<Vec<Box<str>>> {
    let topics = texts(path, node, problems);
    if matches!(&node.value, Value::List(items) if items.is_empty()) {
        let text = "an empty list shows every private event; name the topics, or start with `--compat upstream`";
        problems.refuse_if_strict(node.line, path, text);
    }
    matches!(node.value, Value::List(_))
        .then(|| topics.into_iter().map(|(_, topic)| topic.into()).collect())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use subtle::ConstantTimeEq as _;

    use super::{Acl, Fingerprint, Verdict, read};
    use crate::topic::Topics;

    const SAMPLE: &str = "
testuser:
  password: foobar
  acl:
    title_of_my_first_access_segment:
      - git
      - privaterepo.git
    allow_email_access_for_foobar:
      - email
      - example.org
      - dev
  topics:
    - foo
    - bar
";

    fn acl(text: &str) -> Acl {
        let (acl, problems) = read("acl", text, false);
        acl.unwrap_or_else(|| panic!("{problems:?}"))
    }

    #[track_caller]
    fn assert_refused(text: &str, expected: &str) {
        let (acl, problems) = read("f", text, false);
        assert!(acl.is_none());
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.join("\n"), expected);
    }

    #[test]
    fn a_user_sees_what_holds_all_topics_of_a_segment() {
        let Verdict::Known(rights) = acl(SAMPLE).judge("testuser", "foobar") else {
            panic!("the password is right");
        };
        for (path, is_seen) in [
            ("/private/git/privaterepo.git", true),
            ("/private/privaterepo.git/x/git", true),
            ("/private/git", false),
            ("/private/git/otherrepo.git", false),
            ("/private/Git/privaterepo.git", false),
            ("/private/email/dev/example.org", true),
            ("/private", false),
        ] {
            assert_eq!(rights.see(&Topics::of_event(path).0), is_seen, "{path}");
        }
        assert!(rights.publish("foo") && rights.publish("bar") && !rights.publish("Foo"));
    }

    #[test]
    fn nobody_logs_in_with_another_password_or_name() {
        let acl = acl(SAMPLE);
        for password in ["", "foobaz", "foobar ", "Foobar"] {
            assert!(
                matches!(acl.judge("testuser", password), Verdict::Wrong),
                "{password}"
            );
        }
        for user in ["", "Testuser", "other"] {
            assert!(
                matches!(acl.judge(user, "foobar"), Verdict::Unknown),
                "{user}"
            );
            assert!(matches!(acl.judge(user, ""), Verdict::Unknown), "{user}");
        }
    }

    /// What a clock could tell is what is done; so that is counted.
    #[test]
    fn every_login_takes_the_same_work() {
        let text = "a: {password: foobar, acl: {s: [x]}}\nnone: {password: foobar}\nunset: {acl: {s: [x]}}\n";
        let (acl, _) = read("f", text, true);
        let acl = acl.expect("nothing is refused");
        for (user, password, is_known) in [
            ("a", "foobar", true),
            ("a", "foobaz", false),
            ("a", "", false),
            ("none", "foobar", true),
            ("unset", "", false),
            ("unset", "foobar", false),
            ("nobody", "foobar", false),
            ("nobody", "", false),
        ] {
            let (digests, compared) = (Cell::new(0), Cell::new(0));
            let digest = |password: &str| {
                digests.set(digests.get() + 1);
                super::digest(password)
            };
            let is_same = |one: &Fingerprint, other: &Fingerprint| {
                compared.set(compared.get() + one.len().min(other.len()));
                one.ct_eq(other)
            };
            let verdict = acl.judge_by(user, password, digest, is_same);
            let work = (digests.get(), compared.get());
            assert_eq!(work, (1, 32), "{user}:{password}");
            assert_eq!(
                matches!(verdict, Verdict::Known(_)),
                is_known,
                "{user}:{password}"
            );
        }
    }

    #[test]
    fn each_mistake_is_named_with_its_line() {
        assert_refused(
            "a:\n  password: 5\n  acl:\n    all: []\n    one: git\n    two: [git, 7]\nb:\n  acl: [git]\n  topic: [x]\nc: 5\n7: {}\n",
            "f:2: a.password: expected a text, found `5`; write it in quotes\n\
             f:4: a.acl.all: an empty list shows every private event; name the topics, or start with `--compat upstream`\n\
             f:5: a.acl.one: expected a list of texts, found `git`\n\
             f:6: a.acl.two: expected a text, found `7`; write it in quotes\n\
             f:8: b.password: expected a text, found nothing: nobody could log in\n\
             f:8: b.acl: expected a map, found a list\n\
             f:9: b: unknown key `topic`, did you mean `topics`?\n\
             f:10: c: expected a map, found `5`\n\
             f:11: expected the name of a user, a text without `:`, found `7`",
        );
        assert_refused("[1, 2]", "f:1: expected a map, found a list");
        assert_refused(
            "a: {password: x",
            "f:2: not YAML: while parsing a flow mapping, did not find expected ',' or '}'",
        );
    }

    #[test]
    fn an_empty_file_has_no_users() {
        for text in ["", "# nobody\n", "~"] {
            assert_eq!(acl(text).users_count(), 0);
        }
    }

    /// There, a mistake leaves its user without rights, and an empty list shows everything.
    #[test]
    fn where_pypubsub_is_followed_mistakes_close_and_empty_lists_open() {
        let text =
            "a:\n  password: x\n  acl: {s: [git, 7]}\nb:\n  password: x\n  acl: {s: []}\nc: 5\n";
        let (acl, problems) = read("f", text, true);
        let acl = acl.expect("nothing is refused");
        assert_eq!(problems.len(), 3, "{problems:?}");
        let sees = |user: &str, path: &str| match acl.judge(user, "x") {
            Verdict::Known(rights) => rights.see(&Topics::of_event(path).0),
            _ => false,
        };
        assert!(!sees("a", "/private/git/7") && !sees("a", "/private/git"));
        assert!(sees("b", "/private/anything") && sees("b", "/private"));
        assert!(!sees("c", "/private"));
    }
}
