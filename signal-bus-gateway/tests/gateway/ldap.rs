//! Users whom an LDAP server knows: a real one, started by the script beside this folder.

use std::process::Stdio;

use tokio::{
    net::{TcpListener, TcpStream},
    process::{Child, Command},
};

use crate::kit::{Config, Folder, Gateway, Raw, login};

/// A server on this machine.
struct Directory {
    _server: Child,
    _folder: Folder,
    port: u16,
}

impl Directory {
    async fn start() -> Self {
        let folder = Folder::new();
        let port = free_port();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/slapd");
        let mut command = Command::new(script);
        command
            .arg(&folder.0)
            .arg(port.to_string())
            .kill_on_drop(true)
            .stderr(Stdio::piped());
        let mut server = command.spawn().expect("there is bash");
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            if let Some(status) = server.try_wait().expect("it is ours") {
                let output = server.wait_with_output().await.expect("it is ours");
                panic!(
                    "slapd ends with {status}: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        Self {
            _server: server,
            _folder: folder,
            port,
        }
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    listener.local_addr().expect("it listens").port()
}

/// Both forms of groups: with segments, and the list of before 0.4.3.
fn clients(port: u16) -> String {
    format!(
        "  payloaders: [127.0.0.1]
  ldap:
    uri: ldap://127.0.0.1:{port}
    user_dn: uid=%s,ou=people,dc=example,dc=org
    base_scope: dc=example,dc=org
    membership_patterns:
      - member=uid=%s,ou=people,dc=example,dc=org
      - (uid=%s)
    acl:
      cn=sysadmins,ou=teams,dc=example,dc=org:
        accounts: [accounts]
        restricted: [restricted, dev]
      cn=writers,ou=teams,dc=example,dc=org: [drafts]
      uid=janedoe,ou=people,dc=example,dc=org: {{hr: [hr]}}"
    )
}

const ACL: &str =
    "local: {password: secret, acl: {s: [accounts]}}\nbob: {password: other, acl: {s: [hr]}}\n";

async fn gateway(port: u16) -> Gateway {
    Config::default()
        .clients(&clients(port))
        .acl(ACL)
        .start()
        .await
}

const PATHS: [&str; 5] = [
    "/private/accounts/x",
    "/private/restricted/dev",
    "/private/restricted",
    "/private/drafts",
    "/private/hr",
];

async fn seen(gateway: &Gateway, user: &str, password: &str) -> String {
    let mut stream = gateway.subscribe_with("/", &login(user, password)).await;
    let mut seen = String::new();
    for path in PATHS {
        assert_eq!(gateway.put(path, "{\"secret\": 1}").await, 202);
        assert_eq!(gateway.put("/mark", "{}").await, 202);
        let is_seen = next_is_secret(&mut stream).await;
        seen.push(if is_seen { 'Y' } else { '-' });
    }
    seen
}

async fn next_is_secret(stream: &mut Raw<TcpStream>) -> bool {
    let is_secret = stream.event().await.starts_with("{\"secret\"");
    if is_secret {
        assert!(stream.event().await.contains("/mark"));
    }
    is_secret
}

#[tokio::test]
async fn a_user_sees_what_the_groups_of_the_user_see() {
    let directory = Directory::start().await;
    let gateway = gateway(directory.port).await;
    for (user, password, expected) in [
        ("janedoe", "janepw", "YY-YY"),
        ("eve", "evepw", "-----"),
        ("janedoe", "wrong", "-----"),
        ("janedoe", "", "-----"),
        ("nobody", "x", "-----"),
        ("", "", "-----"),
        ("*", "janepw", "-----"),
        ("janedoe,ou=people", "janepw", "-----"),
        ("janedoe)(uid=*", "janepw", "-----"),
        ("janedoe\0", "janepw", "-----"),
        ("%s", "janepw", "-----"),
        // Whom the file knows is not asked about.
        ("local", "secret", "Y----"),
        ("bob", "bobpw", "-----"),
    ] {
        assert_eq!(
            seen(&gateway, user, password).await,
            expected,
            "{user}:{password}"
        );
    }
}

#[tokio::test]
async fn an_answer_holds_for_a_while_and_only_for_the_same_password() {
    let directory = Directory::start().await;
    let gateway = gateway(directory.port).await;
    assert_eq!(seen(&gateway, "janedoe", "janepw").await, "YY-YY");
    drop(directory);
    assert_eq!(seen(&gateway, "janedoe", "janepw").await, "YY-YY");
    assert_eq!(seen(&gateway, "janedoe", "wrong").await, "-----");
}

/// The original hangs for ever here.
#[tokio::test]
async fn a_server_that_does_not_answer_leaves_its_users_anonymous() {
    let silent = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("there is a free port");
    let port = silent.local_addr().expect("it listens").port();
    let gateway = gateway(port).await;
    assert_eq!(seen(&gateway, "janedoe", "janepw").await, "-----");
    let down = self::gateway(free_port()).await;
    assert_eq!(seen(&down, "janedoe", "janepw").await, "-----");
    for gateway in [gateway, down] {
        let metrics = gateway
            .ask("GET /_bus/metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            .await;
        assert!(
            metrics.body.contains("ldap_failures_total 1\n"),
            "{}",
            metrics.body
        );
    }
}

/// Some servers take it for a login of nobody's, and say yes. Whoever asks this one is counted: it is down.
#[tokio::test]
async fn an_empty_password_is_never_asked_about() {
    let gateway = gateway(free_port()).await;
    for (user, password, asked) in [("janedoe", "", 0), ("", "janepw", 0), ("janedoe", "x", 1)] {
        let login = login(user, password);
        let head = format!("HEAD / HTTP/1.1\r\nHost: x\r\n{login}\r\n");
        assert_eq!(gateway.ask(head).await.status(), 204);
        let metrics = gateway
            .ask("GET /_bus/metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            .await;
        let line = format!("ldap_failures_total {asked}\n");
        assert!(
            metrics.body.contains(&line),
            "{user}:{password} {}",
            metrics.body
        );
    }
}

#[tokio::test]
async fn mistakes_in_the_section_are_named() {
    let clients = "  ldap:
    uri: http://x
    base_scope: dc=x
    membership_patterns: [member=%s, {a: b}]
    acl: {g: 5, h: {s: []}}";
    let config = Config::default().clients(clients);
    let error = config
        .start_in(Folder::new())
        .await
        .err()
        .expect("it is refused");
    let expected = "pypubsub.yaml:7: clients.ldap.user_dn: expected a text, found nothing
pypubsub.yaml:7: clients.ldap.uri: expected `ldap://host:port` or `ldaps://host:port`, found `http://x`
pypubsub.yaml:9: clients.ldap.membership_patterns: expected a filter, found a map: remove the `:` at its end, or write it in quotes
pypubsub.yaml:10: clients.ldap.acl.g: expected a map, found `5`
pypubsub.yaml:10: clients.ldap.acl.h.s: an empty list shows every private event; name the topics, or start with `--compat upstream`";
    assert_eq!(error.to_string(), expected);
}
