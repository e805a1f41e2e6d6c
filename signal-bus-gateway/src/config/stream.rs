//! What a configuration says of the stream that several gateways share: the section `nats`.

use std::path::PathBuf;

use crate::{
    config::{Written, file},
    problem::Problems,
    yaml::section::{Section, texts},
};

const STREAM: &str = "PUBSUB";
const SUBJECT: &str = "pubsub";
const REPLICAS_MAX: u32 = 5;
const KEYS: [&str; 12] = [
    "servers",
    "stream",
    "subject",
    "create",
    "replicas",
    "user",
    "password_file",
    "password_env",
    "credentials",
    "ca",
    "cert",
    "key",
];

/// A stream of NATS, in which all gateways that name it put what they accept, and of which all of them show everything.
#[derive(Debug)]
pub(crate) struct StreamConfig {
    pub(crate) line: usize,
    /// Addresses, with commas between.
    pub(crate) servers: Written<String>,
    pub(crate) stream: Written<String>,
    /// What the subjects begin with: `.public` and `.private` follow.
    pub(crate) subject: Written<String>,
    /// Whether it is made where it is missing.
    pub(crate) is_made: bool,
    pub(crate) replicas: usize,
    pub(crate) login: Option<Login>,
    pub(crate) ca: Option<Written<PathBuf>>,
    /// What the server is shown, and its key.
    pub(crate) certificate: Option<(Written<PathBuf>, Written<PathBuf>)>,
}

/// Who the gateway is to the server.
#[derive(Debug)]
pub(crate) enum Login {
    Credentials(Written<PathBuf>),
    Password {
        user: Written<String>,
        password: Written<Secret>,
    },
}

/// Where a password stands. It is none of what a configuration says, so nobody shows it by mistake.
#[derive(Debug, Clone)]
pub(crate) enum Secret {
    File(PathBuf),
    Variable(String),
}

pub(super) fn read(section: &Section<'_>, problems: &mut Problems) -> Option<StreamConfig> {
    section.refuse_unknown(&KEYS, problems);
    if !cfg!(feature = "nats") {
        let text = "this gateway was built without NATS; build it with `--features nats`";
        problems.refuse(section.line(), "nats", text);
    }
    let servers = servers(section, problems);
    let stream = named(section, "stream", STREAM, is_stream, problems);
    let subject = named(section, "subject", SUBJECT, is_subject, problems);
    let login = login(section, problems);
    let certificate = certificate(section, problems);
    let replicas = section.number("replicas", 1, REPLICAS_MAX, problems);
    Some(StreamConfig {
        line: section.line(),
        stream,
        subject,
        is_made: section.flag("create", problems).unwrap_or(false),
        replicas: replicas.map_or(1, |count| {
            count.try_into().expect("an address has 32 bits at least")
        }),
        login,
        ca: file(section, "ca", problems),
        certificate,
        servers: servers?,
    })
}

/// One address, or a list of them.
fn servers(section: &Section<'_>, problems: &mut Problems) -> Option<Written<String>> {
    let path = section.path("servers");
    let Some(node) = section.field("servers") else {
        let text = "expected the address of a NATS server, like `nats://127.0.0.1:4222`, or a list of them, found nothing";
        problems.refuse(section.line(), &path, text);
        return None;
    };
    let servers = match node.as_text() {
        Some(text) => vec![(node.line, text)],
        None => texts(&path, node, problems),
    };
    for (line, server) in &servers {
        if server.contains('@') {
            let text = "expected an address without a password, found one with `@`; write `user`, and `password_file` or `password_env`";
            problems.refuse(*line, &path, text);
            return None;
        }
    }
    let (line, _) = servers.first()?;
    let line = *line;
    let servers: Vec<_> = servers.into_iter().map(|(_, server)| server).collect();
    Some(Written {
        value: servers.join(","),
        line,
    })
}

/// A name that NATS takes.
fn named(
    section: &Section<'_>,
    key: &str,
    otherwise: &str,
    is_name: impl Fn(&str) -> bool,
    problems: &mut Problems,
) -> Written<String> {
    let name = section.text(key, problems).unwrap_or(otherwise);
    let line = section.line_of(key);
    if !is_name(name) {
        let text = format!("expected a name like `{otherwise}`, found `{name}`");
        problems.refuse(line, &section.path(key), text);
    }
    Written {
        value: name.to_owned(),
        line,
    }
}

fn is_stream(name: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    !name.is_empty() && name.chars().all(is_plain)
}

fn is_subject(name: &str) -> bool {
    name.split('.').all(is_stream)
}

fn login(section: &Section<'_>, problems: &mut Problems) -> Option<Login> {
    let credentials = file(section, "credentials", problems);
    let user = section.text("user", problems);
    let stands_in = file(section, "password_file", problems);
    let variable = section.text("password_env", problems);
    let mut refuse = |key: &str, text: &str| {
        problems.refuse(section.line_of(key), &section.path(key), text);
        None
    };
    match (credentials, user, stands_in, variable) {
        (None, None, None, None) => None,
        (Some(credentials), None, None, None) => Some(Login::Credentials(credentials)),
        (Some(_), ..) => refuse(
            "credentials",
            "says already who the gateway is; remove `user` and its password, or this",
        ),
        (None, Some(_), None, None) => refuse(
            "user",
            "has no password; write `password_file`, or `password_env`",
        ),
        (None, None, ..) => {
            let keys = ["password_file", "password_env"];
            let key = keys.into_iter().find(|key| section.field(key).is_some());
            refuse(key.unwrap_or("user"), "is of no use without `user`")
        }
        (None, Some(_), Some(_), Some(_)) => refuse(
            "password_env",
            "says the password a second time; remove it, or `password_file`",
        ),
        (None, Some(user), stands_in, variable) => {
            let (key, secret) = match (stands_in, variable) {
                (Some(file), _) => ("password_file", Secret::File(file.value)),
                (None, variable) => {
                    let variable = variable.unwrap_or_default().to_owned();
                    ("password_env", Secret::Variable(variable))
                }
            };
            Some(Login::Password {
                user: Written {
                    value: user.to_owned(),
                    line: section.line_of("user"),
                },
                password: Written {
                    value: secret,
                    line: section.line_of(key),
                },
            })
        }
    }
}

fn certificate(
    section: &Section<'_>,
    problems: &mut Problems,
) -> Option<(Written<PathBuf>, Written<PathBuf>)> {
    let (certificate, key) = (
        file(section, "cert", problems),
        file(section, "key", problems),
    );
    match (&certificate, &key) {
        (Some(written), None) | (None, Some(written)) => {
            let (has, lacks) = match certificate {
                Some(_) => ("cert", "key"),
                None => ("key", "cert"),
            };
            let text = format!("is of no use without `{lacks}`");
            problems.refuse(written.line, &section.path(has), text);
        }
        _ => {}
    }
    Some((certificate?, key?))
}

#[cfg(test)]
mod tests {
    use crate::config::{Compat, Config, read};

    /// What is wrong with the lines of the section; without the client of NATS it is refused as a whole.
    fn problems(server: &str, lines: &str) -> (Option<Config>, Vec<String>) {
        let text = format!("server: {{{server}}}\nclients: {{}}\nnats:\n{lines}");
        let (config, problems) = read("f", &text, Compat::Strict);
        let problems = problems.iter().map(ToString::to_string);
        let problems = problems.filter(|problem| !problem.contains("built without NATS"));
        (config, problems.collect())
    }

    #[test]
    fn each_mistake_is_named_with_its_line_and_what_to_write() {
        let one = "f:4: nats.servers: ";
        for (lines, expected) in [
            (
                "  stream: A\n",
                "expected the address of a NATS server, like `nats://127.0.0.1:4222`, or a list of them, found nothing",
            ),
            ("  servers: 5\n", "expected a list of texts, found `5`"),
            (
                "  servers: nats://ann:secret@h\n",
                "expected an address without a password, found one with `@`; write `user`, and `password_file` or `password_env`",
            ),
        ] {
            assert_eq!(problems("", lines).1, [format!("{one}{expected}")]);
        }
        for (line, expected) in [
            (
                "stream: a.b",
                "nats.stream: expected a name like `PUBSUB`, found `a.b`",
            ),
            (
                "subject: a..b",
                "nats.subject: expected a name like `pubsub`, found `a..b`",
            ),
            (
                "subject: a.*",
                "nats.subject: expected a name like `pubsub`, found `a.*`",
            ),
            (
                "replicas: 9",
                "nats.replicas: expected a number from 1 to 5, found `9`",
            ),
            (
                "create: 1",
                "nats.create: expected `true` or `false`, found `1`",
            ),
            (
                "user: a",
                "nats.user: has no password; write `password_file`, or `password_env`",
            ),
            (
                "password_env: a",
                "nats.password_env: is of no use without `user`",
            ),
            ("cert: a", "nats.cert: is of no use without `key`"),
            ("key: a", "nats.key: is of no use without `cert`"),
            (
                "streem: a",
                "nats: unknown key `streem`, did you mean `stream`?",
            ),
        ] {
            let lines = format!("  servers: h\n  {line}\n");
            assert_eq!(problems("", &lines).1, [format!("f:5: {expected}")]);
        }
        let lines = "  servers: h\n  user: a\n  password_file: b\n";
        for (line, expected) in [
            (
                "password_env: c",
                "f:7: nats.password_env: says the password a second time; remove it, or `password_file`",
            ),
            (
                "credentials: c",
                "f:7: nats.credentials: says already who the gateway is; remove `user` and its password, or this",
            ),
        ] {
            assert_eq!(problems("", &format!("{lines}  {line}\n")).1, [expected]);
        }
    }

    #[test]
    fn the_file_that_is_shown_is_read_as_it_stands() {
        let shown = include_str!("../../examples/several.yaml");
        let (_, problems) = read("f", shown, Compat::Strict);
        let is_other = |problem: &&crate::problem::Problem| !problem.text.contains("built without");
        assert_eq!(problems.iter().filter(is_other).count(), 0);
        // What is commented out is meant, too.
        let (_, problems) = read("f", &shown.replace("\n  # ", "\n  "), Compat::Strict);
        let problems: Vec<_> = problems.iter().filter(is_other).collect();
        assert!(
            matches!(&problems[..], [one] if one.key == "nats.credentials"),
            "{problems:?}"
        );
    }

    /// There is one place where events are kept.
    #[test]
    fn a_file_for_the_backlog_and_a_stream_are_not_both_taken() {
        let stored = "backlog: {size: 5, storage: f}";
        assert_eq!(
            problems(stored, "  servers: h\n").1,
            [
                "f:1: server.backlog.storage: the stream of `nats` keeps the events, for all gateways; remove this, or `nats`"
            ]
        );
    }

    #[test]
    fn a_gateway_without_nats_says_how_it_is_built_with_it() {
        let text = "server: {}\nclients: {}\nnats: {servers: [a, b]}\n";
        let (config, problems) = read("f", text, Compat::Strict);
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        if cfg!(feature = "nats") {
            let nats = config.and_then(|config| config.nats).expect("all is well");
            assert_eq!(nats.servers.value, "a,b");
            assert_eq!(
                (nats.stream.value, nats.subject.value),
                ("PUBSUB".into(), "pubsub".into())
            );
        } else {
            let expected =
                "f:3: nats: this gateway was built without NATS; build it with `--features nats`";
            assert_eq!(problems, [expected]);
        }
    }
}
