//! PyPubSub's configuration file, and what the gateway adds to it.

mod directory;
pub(crate) mod stream;

use std::{collections::HashSet, path::PathBuf, time::Duration};

pub(crate) use crate::config::{directory::DirectoryConfig, stream::StreamConfig};
use crate::{
    access::payloaders::{Payloaders, read_network},
    problem::{Problem, Problems},
    yaml::{self, Node, Value, section::Section},
};

/// What runs where there is no configuration file.
pub(crate) const EMBEDDED: &str = "\
server:
  port: 2069
clients:
  payloaders:
    - 127.0.0.0/8
    - ::1
";

const PORT: u16 = 2069;
const PAYLOAD_BYTES_MAX: u32 = 102_400;
/// A larger payload would be held in memory as a whole, many times at once.
const PAYLOAD_BYTES_LIMIT: u32 = 64 * 1024 * 1024;
const BACKLOG_SIZE_LIMIT: u32 = 10_000_000;
const CONNECTIONS_LIMIT: u32 = 10_000_000;

/// How closely PyPubSub is followed where that is not safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compat {
    /// What PyPubSub lets everybody see, or anybody publish, by mistake is refused.
    #[default]
    Strict,
    /// As PyPubSub.
    Upstream,
}

/// A value, and the line that says it; that of its section, where nothing is said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written<T> {
    pub(crate) value: T,
    pub(crate) line: usize,
}

/// All that a configuration file says.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) bind: Written<String>,
    pub(crate) port: Written<u16>,
    pub(crate) tls: Option<TlsConfig>,
    pub(crate) payload_bytes_max: usize,
    /// As many as there is room for, unless set.
    pub(crate) connections_max: Option<usize>,
    pub(crate) backlog: BacklogConfig,
    pub(crate) payloaders: Payloaders,
    /// Parts of the names of clients that want a NUL behind each line.
    pub(crate) oldschoolers: Vec<Box<str>>,
    pub(crate) secure_topics: HashSet<Box<str>>,
    pub(crate) directory: Option<DirectoryConfig>,
    /// What several gateways share, if this is one of them.
    pub(crate) nats: Option<StreamConfig>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct BacklogConfig {
    /// In events; 0 keeps none.
    pub(crate) size: usize,
    /// Older events are not replayed.
    pub(crate) max_age: Option<Duration>,
    pub(crate) storage: Option<Written<PathBuf>>,
    /// Whether an answer waits until its event is on the disk.
    pub(crate) fsync: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct TlsConfig {
    pub(crate) port: Written<u16>,
    pub(crate) certificate: Written<PathBuf>,
    pub(crate) key: Written<PathBuf>,
    pub(crate) chain: Option<Written<PathBuf>>,
}

/// Reads a configuration; nothing if one of the problems is refused.
pub(crate) fn read(file: &str, text: &str, compat: Compat) -> (Option<Config>, Vec<Problem>) {
    let (config, problems) = examine(file, text, compat);
    let config = config.filter(|_| !problems.are_refused());
    (config, problems.into_found())
}

/// Reads as much of a configuration as there is, for those who look for further problems.
pub(crate) fn examine(file: &str, text: &str, compat: Compat) -> (Option<Config>, Problems) {
    let mut problems = Problems::new(file, compat == Compat::Upstream);
    let config = yaml::read(text, &mut problems).and_then(|root| config(&root, &mut problems));
    (config, problems)
}

fn config(root: &Node, problems: &mut Problems) -> Option<Config> {
    let root = Section::new("", root, problems)?;
    root.refuse_unknown(&["server", "clients", "nats", "sqs"], problems);
    if let Some(node) = root.field("sqs") {
        let text = "input from SQS is not supported; remove it, or run PyPubSub for it";
        problems.refuse(node.line, "sqs", text);
    }
    let server = root.required_section("server", problems);
    let clients = root.required_section("clients", problems);
    let (server, clients) = (server?, clients?);
    server.refuse_unknown(
        &[
            "port",
            "bind",
            "max_payload_size",
            "max_connections",
            "backlog",
            "tls",
        ],
        problems,
    );
    let connections_max = server.number("max_connections", 1, CONNECTIONS_LIMIT, problems);
    let size = server.number("max_payload_size", 0, PAYLOAD_BYTES_LIMIT, problems);
    let size = size.unwrap_or(PAYLOAD_BYTES_MAX);
    note_moved(&clients, problems);
    let kept = server.section("backlog", problems);
    let kept = kept.map(|section| backlog(&section, problems));
    let kept = kept.unwrap_or_default();
    let nats = root.section("nats", problems);
    if let (Some(_), Some(storage)) = (&nats, &kept.storage) {
        let text =
            "the stream of `nats` keeps the events, for all gateways; remove this, or `nats`";
        problems.refuse(storage.line, "server.backlog.storage", text);
    }
    Some(Config {
        bind: Written {
            value: server
                .text("bind", problems)
                .unwrap_or("0.0.0.0")
                .to_owned(),
            line: server.line_of("bind"),
        },
        port: port(&server, problems).unwrap_or(Written {
            value: PORT,
            line: server.line(),
        }),
        tls: server
            .section("tls", problems)
            .and_then(|section| tls(&section, problems)),
        payload_bytes_max: size.try_into().expect("an address has 32 bits at least"),
        connections_max: connections_max
            .map(|max| max.try_into().expect("an address has 32 bits at least")),
        backlog: kept,
        payloaders: payloaders(&clients, problems),
        oldschoolers: oldschoolers(&clients, problems),
        secure_topics: secure_topics(&clients, problems),
        directory: clients
            .section("ldap", problems)
            .and_then(|section| directory::read(&section, problems)),
        nats: nats.and_then(|section| stream::read(&section, problems)),
    })
}

fn port(section: &Section<'_>, problems: &mut Problems) -> Option<Written<u16>> {
    let port = section.number("port", 0, u16::MAX.into(), problems)?;
    Some(Written {
        value: u16::try_from(port).ok()?,
        line: section.line_of("port"),
    })
}

/// The name of a file.
fn file(section: &Section<'_>, key: &str, problems: &mut Problems) -> Option<Written<PathBuf>> {
    Some(Written {
        value: section.text(key, problems)?.into(),
        line: section.line_of(key),
    })
}

/// PyPubSub 0.6 has moved three keys; an old file would lose what it says without a word.
fn note_moved(clients: &Section<'_>, problems: &mut Problems) {
    const MOVED: [(&str, &str); 3] = [
        ("max_payload_size", "server.max_payload_size"),
        ("payload_backlog_size", "server.backlog.size"),
        ("payload_backlog_max_age", "server.backlog.max_age"),
    ];
    let mut known = vec!["payloaders", "oldschoolers", "secure_topics", "ldap"];
    for (old, new) in MOVED {
        if let Some(node) = clients.field(old) {
            let text = format!("is not read any more since PyPubSub 0.6; write `{new}`");
            problems.refuse_if_strict(node.line, &clients.path(old), text);
        }
        known.push(old);
    }
    clients.refuse_unknown(&known, problems);
}

fn tls(section: &Section<'_>, problems: &mut Problems) -> Option<TlsConfig> {
    section.refuse_unknown(&["port", "cert", "key", "chain"], problems);
    for required in ["port", "cert", "key"] {
        if section.field(required).is_none() {
            let text = format!(
                "configuration option '{required}' is missing or invalid, cannot enable TLS!"
            );
            problems.refuse(section.line(), &section.path(required), text);
        }
    }
    let chain = file(section, "chain", problems);
    let (port, certificate) = (port(section, problems), file(section, "cert", problems));
    Some(TlsConfig {
        key: file(section, "key", problems)?,
        // Without one nothing starts, and the files can be looked at all the same.
        port: port.unwrap_or_default(),
        certificate: certificate?,
        chain,
    })
}

fn backlog(section: &Section<'_>, problems: &mut Problems) -> BacklogConfig {
    section.refuse_unknown(&["size", "max_age", "storage", "fsync"], problems);
    let size = section
        .number("size", 0, BACKLOG_SIZE_LIMIT, problems)
        .unwrap_or(0);
    let storage = file(section, "storage", problems);
    if let (Some(storage), 0) = (&storage, size) {
        let text = "stores nothing while `size` is 0; say how many events to keep";
        problems.refuse_if_strict(storage.line, &section.path("storage"), text);
    }
    let fsync = section.flag("fsync", problems).unwrap_or(false);
    if fsync && storage.is_none() {
        problems.refuse(
            section.line_of("fsync"),
            &section.path("fsync"),
            "means nothing without `storage`, the name of a file",
        );
    }
    BacklogConfig {
        size: size.try_into().expect("an address has 32 bits at least"),
        max_age: max_age(section, problems),
        storage: storage.filter(|_| 0 < size),
        fsync,
    }
}

/// `45s`, `30m`, `12h`, `7d`, or seconds.
fn max_age(section: &Section<'_>, problems: &mut Problems) -> Option<Duration> {
    let node = section.field("max_age")?;
    let seconds = match &node.value {
        Value::Number(_, number) => number.and_then(|number| u64::try_from(number).ok()),
        Value::Text(text) => seconds(text),
        _ => None,
    };
    if seconds.is_none() {
        let text = format!(
            "expected seconds, or `45s`, `30m`, `12h`, `7d`, found {}",
            node.found()
        );
        problems.refuse(node.line, &section.path("max_age"), text);
    }
    seconds
        .filter(|seconds| 0 < *seconds)
        .map(Duration::from_secs)
}

fn seconds(written: &str) -> Option<u64> {
    let written = written.trim().to_lowercase();
    let unit = match written.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86400,
        _ => return None,
    };
    let count = written[..written.len() - 1].trim();
    let is_number = count.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = count.parse().ok().filter(|_| is_number)?;
    count.checked_mul(unit)
}

fn payloaders(clients: &Section<'_>, problems: &mut Problems) -> Payloaders {
    let mut networks = Vec::new();
    for (line, written) in clients.texts("payloaders", problems) {
        match read_network(written) {
            Some(network) => networks.push(network),
            None => {
                let text = format!(
                    "expected a network like `10.0.0.0/8`, `10.1.2.3` or `2001:db8::/32`, found `{written}`"
                );
                problems.refuse(line, "clients.payloaders", text);
            }
        }
    }
    Payloaders::new(networks)
}

/// The texts of a list. To Python a text alone is a list of its letters, which nobody means; where PyPubSub is followed, it is one here.
fn texts_or_letters<'a>(
    clients: &Section<'a>,
    key: &str,
    problems: &mut Problems,
) -> Vec<(usize, &'a str)> {
    let node = clients.field(key);
    let alone = node.and_then(|node| Some((node.line, node.as_text()?)));
    match alone.filter(|_| problems.is_lenient()) {
        None => clients.texts(key, problems),
        Some((line, text)) => {
            let advice = format!(
                "expected a list of texts, found `{text}`, and takes each of its letters for one; write `[{text}]`"
            );
            problems.warn(line, &clients.path(key), advice);
            let letters = text.split("").filter(|letter| !letter.is_empty());
            letters.map(|letter| (line, letter)).collect()
        }
    }
}

fn oldschoolers(clients: &Section<'_>, problems: &mut Problems) -> Vec<Box<str>> {
    let texts = texts_or_letters(clients, "oldschoolers", problems);
    texts.into_iter().map(|(_, text)| text.into()).collect()
}

fn secure_topics(clients: &Section<'_>, problems: &mut Problems) -> HashSet<Box<str>> {
    let mut topics = HashSet::new();
    for (line, topic) in texts_or_letters(clients, "secure_topics", problems) {
        if topic.is_empty() || topic.contains('/') {
            let text = format!(
                "expected one topic, without `/`, found `{topic}`; it would protect nothing"
            );
            problems.refuse_if_strict(line, "clients.secure_topics", text);
        } else {
            topics.insert(topic.into());
        }
    }
    topics
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Compat, Config, EMBEDDED, read, seconds};

    fn config(text: &str) -> Config {
        let (config, problems) = read("pypubsub.yaml", text, Compat::Strict);
        config.unwrap_or_else(|| panic!("{problems:?}"))
    }

    #[track_caller]
    fn assert_refused(text: &str, expected: &str) {
        let (config, problems) = read("f", text, Compat::Strict);
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(problems.join("\n"), expected);
        assert!(config.is_none());
    }

    const SAMPLE: &str = "\
# General server settings
server:
  port: 2069
  bind: 0.0.0.0
  max_payload_size:          102400   # Max size of each JSON payload
  backlog:
    size:           0   # Max number of payloads to keep in backlog cache (set to 0 to disable)
    max_age:      48h   # Maximum age of a backlog item before culling it (set to 0 to never prune on age)
#    storage: backlog.json  # File-storage for backlog between restarts. Comment out to disable.
clients:
  payloaders:
    - 127.0.0.1/24
    - 10.0.0.1/24
  oldschoolers:
    - svnwcsub
  secure_topics: ~
";

    #[test]
    fn the_file_that_pypubsub_ships_is_read_as_it_means() {
        let config = config(SAMPLE);
        assert_eq!(
            (config.bind.value.as_str(), config.port.value),
            ("0.0.0.0", 2069)
        );
        assert_eq!(
            (config.payload_bytes_max, config.backlog.size),
            (102_400, 0)
        );
        assert_eq!(config.backlog.max_age, Some(Duration::from_secs(48 * 3600)));
        assert!(
            config
                .payloaders
                .contain("10.0.0.77".parse().expect("an address"))
        );
        assert_eq!(config.oldschoolers, [Box::from("svnwcsub")]);
        assert!(
            config.secure_topics.is_empty() && config.tls.is_none() && config.directory.is_none()
        );
    }

    #[test]
    fn an_almost_empty_file_has_the_defaults_of_pypubsub() {
        let config = config("server: {}\nclients: {}\n");
        assert_eq!(
            (config.bind.value.as_str(), config.port.value),
            ("0.0.0.0", 2069)
        );
        assert_eq!(config.payload_bytes_max, 102_400);
        assert!(
            !config
                .payloaders
                .contain("127.0.0.1".parse().expect("an address"))
        );
    }

    #[test]
    fn the_embedded_file_lets_this_machine_publish() {
        let config = config(EMBEDDED);
        assert_eq!(config.port.value, 2069);
        assert!(
            config
                .payloaders
                .contain("127.0.0.1".parse().expect("an address"))
        );
        assert!(
            !config
                .payloaders
                .contain("10.0.0.1".parse().expect("an address"))
        );
    }

    #[test]
    fn each_mistake_is_named_with_its_line_and_what_was_expected() {
        assert_refused(
            "server:\n  port: http\n  bind: 5\n  backlog:\n    size: -1\n    max_age: soon\n    fsync: maybe\nclients:\n  payloaders:\n    - 10/8\n    - 7\n  secure_topics: abc\n",
            "f:2: server.port: expected a number from 0 to 65535, found `http`\n\
             f:3: server.bind: expected a text, found `5`; write it in quotes\n\
             f:5: server.backlog.size: expected a number from 0 to 10000000, found `-1`\n\
             f:6: server.backlog.max_age: expected seconds, or `45s`, `30m`, `12h`, `7d`, found `soon`\n\
             f:7: server.backlog.fsync: expected `true` or `false`, found `maybe`\n\
             f:10: clients.payloaders: expected a network like `10.0.0.0/8`, `10.1.2.3` or `2001:db8::/32`, found `10/8`\n\
             f:11: clients.payloaders: expected a text, found `7`; write it in quotes\n\
             f:12: clients.secure_topics: expected a list of texts, found `abc`",
        );
        assert_refused("", "f:1: expected a map, found nothing");
        assert_refused(
            "clients: ~\n",
            "f:1: server: expected a map, found nothing; `{}` will do\n\
             f:1: clients: expected a map, found nothing; `{}` will do",
        );
        assert_refused(
            "server: {}\nclients: {}\nsqs: {q: {queue: a}}\n",
            "f:3: sqs: input from SQS is not supported; remove it, or run PyPubSub for it",
        );
        assert_refused(
            "server:\n  tls:\n    port: 2070\n    key: k\nclients: {}\n",
            "f:3: server.tls.cert: configuration option 'cert' is missing or invalid, cannot enable TLS!",
        );
    }

    #[test]
    fn an_ldap_server_that_would_take_everybody_for_the_same_user_is_refused() {
        let text = "server: {}\nclients:\n  ldap:\n    uri: ldap://h\n    user_dn: cn=admin\n    base_scope: b\n    membership_patterns:\n      - member=admin\n    acl: {}\n";
        assert_refused(
            text,
            "f:5: clients.ldap.user_dn: expected `%s` in place of the user, found `cn=admin`\n\
             f:8: clients.ldap.membership_patterns: expected a filter with `%s` in place of the user, like `member=uid=%s,ou=people`, found `member=admin`",
        );
        for (text, count) in [(text.to_owned(), 2), (text.replace("cn=admin", "cn=%s"), 1)] {
            let (config, problems) = read("f", &text, Compat::Upstream);
            let knows_nobody = config.is_some_and(|config| config.directory.is_none());
            assert_eq!((problems.len(), knows_nobody), (count, true), "{text}");
        }
    }

    #[test]
    fn a_key_that_means_nothing_is_refused_or_only_warned_of_where_pypubsub_is_followed() {
        let text = "server: {}\nclients:\n  secure_topic: [a]\n  max_payload_size: 5\n  x: 1\n";
        assert_refused(
            text,
            "f:3: clients: unknown key `secure_topic`, did you mean `secure_topics`?\n\
             f:4: clients.max_payload_size: is not read any more since PyPubSub 0.6; write `server.max_payload_size`\n\
             f:5: clients: unknown key `x`, expected one of: payloaders, oldschoolers, secure_topics, ldap, max_payload_size, payload_backlog_size, payload_backlog_max_age",
        );
        let (config, problems) = read("f", text, Compat::Upstream);
        assert!(config.is_some());
        assert_eq!(problems.len(), 3);
        assert!(
            problems[0]
                .to_string()
                .starts_with("f:3: warning: clients: unknown")
        );
    }

    /// PyPubSub does not start with a text for networks.
    #[test]
    fn where_pypubsub_is_followed_a_text_is_a_list_of_its_letters() {
        let text = "server: {}\nclients:\n  secure_topics: aé/\n  oldschoolers: xy\n";
        assert_refused(
            text,
            "f:3: clients.secure_topics: expected a list of texts, found `aé/`\n\
             f:4: clients.oldschoolers: expected a list of texts, found `xy`",
        );
        let (config, problems) = read("f", text, Compat::Upstream);
        let config = config.expect("nothing is refused");
        let mut topics: Vec<_> = config.secure_topics.iter().map(|topic| &**topic).collect();
        topics.sort_unstable();
        assert_eq!(topics, ["a", "é"]);
        assert_eq!(config.oldschoolers, [Box::from("x"), Box::from("y")]);
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(
            problems[0],
            "f:3: warning: clients.secure_topics: expected a list of texts, found `aé/`, and takes each of its letters for one; write `[aé/]`"
        );
        let networks = "server: {}\nclients: {payloaders: 127.0.0.1}\n";
        let (config, problems) = read("f", networks, Compat::Upstream);
        assert!(config.is_none());
        assert_eq!(
            problems[0].to_string(),
            "f:2: clients.payloaders: expected a list of texts, found `127.0.0.1`"
        );
    }

    #[test]
    fn ages_are_read_with_their_units() {
        for (written, expected) in [
            ("45s", Some(45)),
            (" 30 M ", Some(1800)),
            ("12h", Some(43200)),
            ("7D", Some(604_800)),
            ("5", None),
            ("h", None),
            ("+5s", None),
            ("99999999999999999999d", None),
            ("5é", None),
        ] {
            assert_eq!(seconds(written), expected, "{written}");
        }
    }
}
