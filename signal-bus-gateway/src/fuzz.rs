//! Texts from outside, put together at random from parts that mean something: nothing of them may end in a panic.
//!
//! `PROPTEST_CASES` in the environment says how many are tried.

use std::{collections::HashSet, net::IpAddr};

use proptest::{
    collection::vec,
    prelude::{ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest},
    sample::select,
};
use tower_service::Service as _;

use crate::{
    access::{
        acl::{self, Verdict},
        basic,
        payloaders::read_network,
    },
    config::{self, Compat},
    gateway::Gateway,
    json::Object,
    topic::{Topics, decode, has_look_alike, split},
};

/// Paths are cheap: of these a million are tried, in one go.
const PATHS_COUNT: u32 = 1_000_000;

/// So many cases, unless the environment asks for others.
fn cases(count: u32) -> ProptestConfig {
    if std::env::var_os("PROPTEST_CASES").is_some() {
        ProptestConfig::default()
    } else {
        ProptestConfig::with_cases(count)
    }
}

fn of_parts(parts: &'static [&'static str], length: usize) -> impl Strategy<Value = String> {
    let any_text = any::<String>().boxed();
    let part = select(parts).prop_map(str::to_owned).boxed();
    let part = prop_oneof![9 => part, 1 => any_text];
    vec(part, 0..length).prop_map(|parts| parts.concat())
}

const JSON: &[&str] = &[
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\"a\"",
    "\\",
    "\\u",
    "d83d",
    "\\u0041",
    "1",
    "-",
    ".",
    "e",
    "E+",
    "0",
    "true",
    "null",
    "NaN",
    " ",
    "\n",
    "é",
    "{\"a\": 1}",
    "\"a\": ",
];

const YAML: &[&str] = &[
    "server:",
    "clients:",
    "port: ",
    "2069",
    "\n",
    "\n  ",
    "\n    ",
    "- ",
    "payloaders:",
    "10.0.0.0/8",
    "backlog: {",
    "size: 1",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "&a ",
    "*a",
    "<<: ",
    "!!str ",
    "|",
    ">",
    "#",
    "~",
    ":",
    ", ",
    "\t",
    "password: x",
    "acl:",
    "s: []",
    "topics:",
    "\u{feff}",
    "---",
    "...",
    "%YAML 1.1",
    "ldap:",
    "membership_patterns:",
    "tls: {}",
    "é",
];

/// All that can stand in a configuration.
const CONFIG: &str = "\
server:
  port: 2069
  bind: 0.0.0.0
  max_payload_size: 102400
  max_connections: 5
  backlog: {size: 10, max_age: 48h, storage: backlog, fsync: yes}
  tls:
    port: 2070
    cert: &file a.pem
    key: *file
    chain: ~
clients:
  payloaders: [127.0.0.1/24, 'fe80::/10']
  oldschoolers:
    - svnwcsub
  secure_topics: [a, \"b\"]
  ldap:
    uri: ldaps://h
    user_dn: uid=%s,ou=people
    base_scope: ou=groups
    membership_patterns: ['member=uid=%s']
    acl:
      cn=a,ou=groups: [x, y]
      cn=b,ou=groups: {one: [z]}
";

/// All that can stand in an ACL file.
const ACL: &str = "\
one: &one
  password: a
  acl:
    first: [git, x]
    second:
      - svn
  topics: [t]
two: {<<: *one, password: 'b:c'}
three:
  password: |
    long
  topics: ~
";

/// A file in which some bytes are others, are missing, or stand there twice.
fn mistaken(file: &'static str) -> impl Strategy<Value = String> {
    let mistake = (0..file.len(), 0_usize..12, of_parts(YAML, 3));
    vec(mistake, 1..5).prop_map(|mistakes| {
        let mut bytes = file.as_bytes().to_vec();
        for (at, length, text) in mistakes {
            let start = at.min(bytes.len());
            let end = (start + length).min(bytes.len());
            let again = if length % 3 == 0 { start..end } else { 0..0 };
            let inserted = [bytes[again].to_vec(), text.into_bytes()].concat();
            bytes.splice(start..end, inserted);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

const LOGINS: &[&str] = &[
    "Basic ", "basic ", "YTpi", "YT", "=", "==", "/", "+", " ", "?", "é", ":", "Og==", "Bearer ",
];

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn json_is_read_or_refused_and_what_was_written_is_read_again(text in of_parts(JSON, 30)) {
        if let Ok(object) = Object::read(&text) {
            let (mut written, mut again) = (String::new(), String::new());
            object.write_with(&[], &mut written);
            Object::read(&written).expect("we have written it").write_with(&[], &mut again);
            prop_assert!(written.is_ascii());
            prop_assert_eq!(written, again);
        }
    }

    #[test]
    fn configurations_are_read_or_refused_with_a_line(text in prop_oneof![of_parts(YAML, 40), mistaken(CONFIG)]) {
        for compat in [Compat::Strict, Compat::Upstream] {
            let (config, problems) = config::read("f", &text, compat);
            let lines = text.lines().count() + 2;
            prop_assert!(config.is_some() || !problems.is_empty());
            prop_assert!(problems.iter().all(|problem| (1..=lines).contains(&problem.line)), "{:?}", problems);
        }
    }

    #[test]
    fn acls_are_read_or_refused(text in prop_oneof![of_parts(YAML, 40), mistaken(ACL)]) {
        let nothing = Topics::of_event("/private").0;
        for is_lenient in [true, false] {
            let (acl, problems) = acl::read("f", &text, is_lenient);
            prop_assert!(acl.is_some() || !problems.is_empty());
            // Only an empty list shows an event without topics.
            let opened = acl.filter(|_| !is_lenient).map(|acl| ["one", "two", "three"].map(|user| {
                let shown = ["a", "b:c", "long\n"].map(|password| acl.judge(user, password));
                shown.iter().any(|verdict| matches!(verdict, Verdict::Known(rights) if rights.see(&nothing)))
            }));
            prop_assert!(!opened.unwrap_or_default().contains(&true));
        }
    }

    #[test]
    fn logins_are_read_or_refused(text in of_parts(LOGINS, 12)) {
        if let Some(login) = basic::read(&text) {
            prop_assert!(!login.user.contains(':'));
        }
    }

    #[test]
    fn a_network_holds_the_address_it_was_read_from(address in any::<IpAddr>(), length in 0_u8..140) {
        if let Some(network) = read_network(&format!("{address}/{length}")) {
            prop_assert!(network.contains(&address));
        }
    }

    #[test]
    fn a_path_that_says_nothing_in_escapes_is_itself(path in "[^%]*") {
        prop_assert_eq!(decode(&path), path);
    }
}

const PATHS: &[&str] = &[
    "/", "/", "/", "a", "b", "*", "**", ">", "%3E", "%2E", ".", "$bus", "%24bus", "%2F", "%00",
    "{x}", "%7Bx%7D", "%", "%C3%A9", "%20", "?", "a/b",
];

/// Whatever is asked of a window on a bus that is open: it never says that it is its own fault.
#[test]
fn no_request_breaks_a_window_on_a_bus() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("there is room for a thread");
    let (_bus, gateway) = runtime.block_on(async {
        let bus = signal_bus::Bus::empty().start().await.expect("it starts");
        let gateway = Gateway::new(&bus)
            .expose::<serde_json::Value>("a.>")
            .expose::<Vec<Option<u8>>>("b.*.a");
        (bus, gateway)
    });
    let methods = select(vec!["GET", "PUT", "POST", "HEAD"]);
    proptest!(cases(2000), |(path in of_parts(PATHS, 8), body in of_parts(JSON, 20), method in methods)| {
        let request = hyper::Request::builder().method(method).uri(format!("/{path}"));
        if let Ok(request) = request.body(body) {
            let answered = runtime.block_on(gateway.clone().call(request));
            let status = answered.expect("it never fails").status();
            prop_assert!(!status.is_server_error(), "{}", status);
        }
    });
}

/// The files that the mistakes are made in have none.
#[test]
fn files_without_mistakes_are_taken() {
    let (config, problems) = config::read("f", CONFIG, Compat::Strict);
    assert!(config.is_some(), "{problems:?}");
    let (acl, problems) = acl::read("f", ACL, false);
    assert!(acl.is_some(), "{problems:?}");
}

/// A generator that is good enough, and quick: splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((bits >> 33) % u64::try_from(end).expect("it is small"))
            .expect("it is smaller")
    }
}

/// What anybody sees, whose topics read in small letters hold `private`, must not have been accepted.
#[test]
fn no_public_event_looks_private() {
    const PARTS: [&str; 22] = [
        "/",
        "/",
        "/",
        "private",
        "PRIVATE",
        "Private",
        "%70rivate",
        "pri",
        "vate",
        "%2F",
        "%2f",
        ",",
        "%2C",
        ".",
        "..",
        "git",
        "%",
        "%20",
        "%C3%A9",
        "privatX",
        "%50RIVATE",
        "x",
    ];
    let mut random = Random(1);
    let (mut refused, mut private, mut public) = (0, 0, 0);
    let nothing_secure = HashSet::new();
    for _ in 0..PATHS_COUNT {
        let mut raw = "/".to_owned();
        for _ in 0..random.below(7) {
            raw.push_str(PARTS[random.below(PARTS.len())]);
        }
        let decoded = decode(&raw);
        if has_look_alike(&decoded, &nothing_secure) {
            refused += 1;
            continue;
        }
        if Topics::of_event(&decoded).1 {
            private += 1;
            continue;
        }
        public += 1;
        let looks_private = split(&decoded).any(|topic| topic.to_lowercase() == "private");
        assert!(!looks_private, "{raw}");
    }
    println!("{refused} refused, {private} private, {public} public");
    assert!(
        30_000 < refused.min(private).min(public),
        "{refused} {private} {public}"
    );
}
