//! What keeps a gateway from the stream of the others, and what lets it in.

use crate::{
    kit::Folder,
    program::{Running, output, texts},
    several::{ACL, config, server::Server},
};

const FILES: [&str; 4] = ["--config", "c.yaml", "--acl", "a.yaml"];

/// A folder with a password in it.
fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("a.yaml", ACL);
    folder.write("secret", "pw\n");
    folder
}

fn user(server: &Server, name: &str, more: &str) -> String {
    let lines = format!("  user: {name}\n  password_file: secret\n{more}");
    config(server, &lines)
}

/// What a check says.
async fn checked(folder: &Folder, text: &str) -> (Option<i32>, String) {
    folder.write("c.yaml", text);
    let checked = output(&[&FILES[..], &["--check"]].concat(), folder).await;
    let (code, found, log) = texts(&checked);
    assert_eq!(log, "");
    (code, found)
}

/// What a program says that does not start; a check says the same.
async fn refused(folder: &Folder, text: &str) -> String {
    let (code, found) = checked(folder, text).await;
    assert_eq!(code, Some(1), "{found}");
    let (code, _, said) = texts(&output(&FILES, folder).await);
    assert_eq!(code, Some(1), "{said}");
    let last = found.lines().last().unwrap_or_default();
    assert!(said.contains(last), "{said}\n{found}");
    assert!(
        !said.contains("pw") && !found.contains("pw"),
        "{said}\n{found}"
    );
    last.to_owned()
}

async fn is_fine(folder: &Folder, text: &str) {
    let fine = "The configuration is fine.\n".to_owned();
    assert_eq!(checked(folder, text).await, (Some(0), fine));
}

/// It starts, and ends.
async fn starts(folder: &Folder, text: &str) {
    folder.write("c.yaml", text);
    let mut running = Running::start(folder).await;
    running.signal("-TERM");
    let status = running.child.wait().await.expect("it runs");
    assert_eq!(status.code(), Some(0));
}

#[track_caller]
fn assert_starts(said: &str, expected: &str) {
    assert!(said.starts_with(expected), "{said}");
}

#[tokio::test]
async fn a_stream_is_made_only_where_that_was_asked_for_and_never_by_a_check() {
    let mut server = Server::start();
    let folder = folder();
    let missing =
        "c.yaml:4: nats.stream: there is no stream `PUBSUB`; make it, or write `create: true`";
    assert_eq!(refused(&folder, &config(&server, "")).await, missing);
    is_fine(&folder, &config(&server, "  create: true\n")).await;
    assert_eq!(refused(&folder, &config(&server, "")).await, missing);
    starts(&folder, &config(&server, "  create: true\n")).await;
    is_fine(&folder, &config(&server, "")).await;
    starts(&folder, &config(&server, "")).await;
    let said = refused(&folder, &config(&server, "  subject: other\n")).await;
    assert_eq!(
        said,
        "c.yaml:5: nats.subject: the stream `PUBSUB` does not hold `other.public`, only pubsub.public, pubsub.private"
    );
    let text = config(&server, "");
    server.kill();
    let (code, found) = checked(&folder, &text).await;
    assert_eq!(code, Some(1));
    assert_starts(
        &found,
        "c.yaml:4: nats.servers: nothing that speaks NATS answers",
    );
}

#[tokio::test]
async fn whoever_may_not_is_told_by_which_key() {
    let server = Server::with(
        "authorization { users: [
            {user: all, password: pw},
            {user: half, password: pw, permissions: {publish: ['pubsub.public', '$JS.API.>'], subscribe: ['_INBOX.>']}},
            {user: none, password: pw, permissions: {publish: ['pubsub.>'], subscribe: ['_INBOX.>']}}
        ] }",
        &["-js"],
    );
    let folder = folder();
    starts(&folder, &user(&server, "all", "  create: true\n")).await;
    let said = refused(&folder, &user(&server, "none", "")).await;
    assert_starts(
        &said,
        "c.yaml:4: nats.stream: the server does not permit it: ",
    );
    let said = refused(&folder, &user(&server, "half", "")).await;
    assert_starts(
        &said,
        "c.yaml:4: nats.subject: the server does not permit it: ",
    );
    assert!(said.contains("pubsub.private"), "{said}");
    let said = refused(&folder, &config(&server, "")).await;
    assert_starts(
        &said,
        "c.yaml:4: nats: the server does not accept the credentials",
    );
    folder.write("secret", "pwpw\n");
    let said = refused(&folder, &user(&server, "all", "")).await;
    assert_starts(
        &said,
        "c.yaml:5: nats.user: the server does not accept the credentials",
    );
    folder.write("secret", "\n");
    let said = refused(&folder, &user(&server, "all", "")).await;
    assert_eq!(
        said,
        "c.yaml:6: nats.password_file: expected a password, it is empty"
    );
    std::fs::remove_file(folder.0.join("secret")).expect("it is there");
    let said = refused(&folder, &user(&server, "all", "")).await;
    let expected = "c.yaml:6: nats.password_file: expected a password, secret cannot be read: ";
    assert_starts(&said, expected);
    let lines = "  user: all\n  password_env: NO_SUCH_VARIABLE\n";
    let said = refused(&folder, &config(&server, lines)).await;
    let expected = "c.yaml:6: nats.password_env: expected a password, the environment has no `NO_SUCH_VARIABLE` that is a text";
    assert_eq!(said, expected);
}

/// Two authorities, `ca` and `other`, and what the first one vouches for: `server` and `client`; of each a `.crt` and a `.key`.
fn make_certificates(folder: &Folder) {
    let of_ca = "-CA ca.crt -CAkey ca.key -addext basicConstraints=critical,CA:FALSE -addext subjectAltName=IP:127.0.0.1";
    let server = format!("{of_ca} -addext extendedKeyUsage=serverAuth");
    let client = format!("{of_ca} -addext extendedKeyUsage=clientAuth");
    for (name, more) in [
        ("ca", ""),
        ("other", ""),
        ("server", &server),
        ("client", &client),
    ] {
        let common = "req -x509 -newkey ec -noenc -days 2 -pkeyopt ec_paramgen_curve:prime256v1";
        let own = format!("-subj /CN={name} -keyout {name}.key -out {name}.crt");
        let mut openssl = std::process::Command::new("openssl");
        openssl.current_dir(&folder.0);
        for part in [common, &own, more] {
            openssl.args(part.split_whitespace());
        }
        let made = openssl.output();
        let made = made.expect("openssl 3 is installed: `apt-get install openssl`");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
    }
}

/// In both directions.
#[tokio::test]
async fn a_certificate_says_who_is_who() {
    let folder = folder();
    make_certificates(&folder);
    let place = folder.0.display();
    let tls = format!(
        "tls {{ cert_file: \"{place}/server.crt\", key_file: \"{place}/server.key\", ca_file: \"{place}/ca.crt\", verify: true }}"
    );
    let server = Server::with(&tls, &["-js"]);
    let lines = |ca: &str, more: &str| {
        let lines = format!("  create: true\n  ca: {ca}\n{more}");
        config(&server, &lines)
    };
    let own = "  cert: client.crt\n  key: client.key\n";
    starts(&folder, &lines("ca.crt", own)).await;
    let said = refused(&folder, &lines("other.crt", own)).await;
    let insecure = "c.yaml:6: nats.ca: no secure connection (TLS) to nats://127.0.0.1";
    assert_starts(&said, insecure);
    let said = refused(&folder, &lines("ca.crt", "")).await;
    assert_starts(&said, insecure);
    let said = refused(&folder, &lines("gone.crt", own)).await;
    assert_starts(
        &said,
        "c.yaml:6: nats.ca: expected a file that can be read, ",
    );
}
