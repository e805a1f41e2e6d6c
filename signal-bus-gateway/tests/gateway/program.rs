//! The program, as a person starts and stops it.

use std::{
    os::unix::fs::PermissionsExt as _,
    process::{Output, Stdio},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout, Command},
};

use crate::kit::{Folder, Raw, assert_ping, connect, field, login, put};

const CONFIG: &str = "server: {bind: 127.0.0.1, port: 0}\nclients: {payloaders: [127.0.0.1]}\n";

pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signal-bus-gateway"));
    command.kill_on_drop(true);
    command
}

pub(crate) async fn output(arguments: &[&str], folder: &Folder) -> Output {
    program()
        .args(arguments)
        .current_dir(&folder.0)
        .output()
        .await
        .expect("it runs")
}

pub(crate) fn texts(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("it is a text");
    (
        output.status.code(),
        text(&output.stdout),
        text(&output.stderr),
    )
}

/// A program that runs, and what it says.
pub(crate) struct Running {
    pub(crate) child: Child,
    said: Lines<BufReader<ChildStdout>>,
    log: Lines<BufReader<ChildStderr>>,
    pub(crate) address: std::net::SocketAddr,
}

impl Running {
    pub(crate) async fn start(folder: &Folder) -> Self {
        Self::start_by(program(), folder).await
    }

    async fn start_by(mut command: Command, folder: &Folder) -> Self {
        command
            .args(["--config", "c.yaml", "--acl", "a.yaml"])
            .current_dir(&folder.0);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it runs");
        let mut said = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let log = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let address = loop {
            let line = said
                .next_line()
                .await
                .expect("it is a text")
                .expect("it says where it listens");
            if let Some(rest) = line.strip_prefix("==== Serving up PubSub goodness at ") {
                let address = rest.strip_suffix(" ====").expect("the line ends");
                break address.parse().expect("an address");
            }
        };
        Self {
            child,
            said,
            log,
            address,
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().expect("it runs").to_string();
        let sent = std::process::Command::new("kill")
            .args([name, &id])
            .status();
        assert!(sent.expect("there is `kill`").success());
    }

    pub(crate) async fn until_logged(&mut self, part: &str) {
        loop {
            let line = self
                .log
                .next_line()
                .await
                .expect("it is a text")
                .expect(part);
            if line.contains(part) {
                return;
            }
        }
    }

    pub(crate) async fn subscribe(&self, header: &str) -> Raw<tokio::net::TcpStream> {
        let mut stream = connect(self.address).await;
        stream
            .send(format!("GET / HTTP/1.1\r\nHost: x\r\n{header}\r\n"))
            .await;
        stream.head().await;
        assert_ping(&stream.line().await);
        stream
    }

    async fn put(&self, path: &str) -> u16 {
        let mut raw = connect(self.address).await;
        raw.send(put(path, "{}")).await;
        raw.answer().await.status()
    }
}

#[tokio::test]
async fn a_stop_finishes_requests_ends_streams_and_succeeds() {
    let folder = Folder::new();
    folder.write("c.yaml", CONFIG);
    let mut running = Running::start(&folder).await;
    let mut stream = running.subscribe("").await;
    let mut publisher = connect(running.address).await;
    publisher
        .send("PUT /late HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
        .await;
    // From here on it is in the middle of a request.
    publisher.head().await;
    running.signal("-TERM");
    let refused = async {
        while tokio::net::TcpStream::connect(running.address)
            .await
            .is_ok()
        {
            tokio::task::yield_now().await;
        }
    };
    refused.await;
    publisher.send("{}").await;
    assert_eq!(publisher.answer().await.status(), 202);
    let rest = stream.rest().await;
    assert!(
        rest.contains("\"pubsub_path\": \"/late\"") && rest.ends_with("}\n\r\n0\r\n\r\n"),
        "{rest}"
    );
    let status = running.child.wait().await.expect("it ends");
    assert_eq!(status.code(), Some(0));
    assert_eq!(running.said.next_line().await.expect("it is a text"), None);
}

/// As many as there may be open files, up to ten thousand: on both sides each takes one.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_ten_thousand_streams_with_their_last_chunk() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).expect("what is allowed is allowed");
    let files = limit.maximum.unwrap_or(u64::MAX).saturating_sub(1000);
    let count = files.clamp(100, 10_000);
    let folder = Folder::new();
    folder.write("c.yaml", CONFIG);
    let mut running = Running::start(&folder).await;
    let mut streams = Vec::new();
    for _ in 0..count / 100 {
        let some = std::iter::repeat_with(|| running.subscribe("")).take(100);
        streams.extend(futures_util::future::join_all(some).await);
    }
    running.signal("-TERM");
    let rests = streams.iter_mut().map(Raw::rest);
    let rests = futures_util::future::join_all(rests).await;
    let is_ended = |rest: &&String| rest.ends_with("0\r\n\r\n");
    let ended_count = rests.iter().filter(is_ended).count();
    println!("{ended_count} of {} streams are ended", streams.len());
    assert_eq!(ended_count, streams.len());
    let status = running.child.wait().await.expect("it ends");
    assert_eq!(status.code(), Some(0));
    while let Some(line) = running.log.next_line().await.expect("it is a text") {
        assert!(!line.contains("given up"), "{line}");
    }
}

#[tokio::test]
async fn the_acl_is_read_again_when_it_is_told_to() {
    let folder = Folder::new();
    folder.write("c.yaml", CONFIG);
    let mut running = Running::start(&folder).await;
    running
        .until_logged(
            "ACL configuration file a.yaml not found, private events will not be broadcast.",
        )
        .await;
    folder.write("a.yaml", "u: {password: p, acl: {s: [git]}}\n");
    running.signal("-USR2");
    running.until_logged("Loaded ACL from a.yaml").await;
    let mut stream = running.subscribe(&login("u", "p")).await;
    assert_eq!(running.put("/private/git").await, 202);
    assert!(stream.event().await.contains("/private/git"));
    folder.write("a.yaml", "u: {password: [\n");
    running.signal("-USR2");
    running.until_logged("a.yaml:2: not YAML").await;
    assert_eq!(running.put("/private/git").await, 202);
    assert!(stream.event().await.contains("/private/git"));
}

/// redb stops after one error, until it is opened again.
#[tokio::test]
async fn a_disk_that_was_full_is_written_to_again_when_it_has_room() {
    let folder = Folder::new();
    let stored = "{bind: 127.0.0.1, port: 0, backlog: {size: 1000, storage: backlog, fsync: true}}";
    folder.write(
        "c.yaml",
        &format!("server: {stored}\nclients: {{payloaders: [127.0.0.1]}}\n"),
    );
    let mut command = Command::new("bash");
    command.kill_on_drop(true).args([
        "-c",
        "trap '' XFSZ; ulimit -S -f 4096; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_signal-bus-gateway"),
    ]);
    let mut running = Running::start_by(command, &folder).await;
    let mut publisher = connect(running.address).await;
    let body = format!("{{\"x\": \"{}\"}}", "x".repeat(90_000));
    let mut stored_count = 0;
    loop {
        publisher.send(put("/a", &body)).await;
        match publisher.answer().await.status() {
            202 => stored_count += 1,
            status => break assert_eq!(status, 503),
        }
    }
    let ready = async || {
        let mut raw = connect(running.address).await;
        raw.send("GET /_bus/ready HTTP/1.1\r\nHost: x\r\n\r\n")
            .await;
        let answer = raw.answer().await;
        (answer.status(), answer.body)
    };
    let (status, said) = ready().await;
    assert!(
        status == 503
            && said.starts_with("the backlog cannot be stored: ")
            && said.contains("File too large"),
        "{status} {said}"
    );
    let id = running.child.id().expect("it runs").to_string();
    let raised = Command::new("prlimit")
        .args(["--pid", &id, "--fsize=unlimited:"])
        .status()
        .await;
    assert!(raised.expect("there is `prlimit`").success());
    // It finds that out by itself: whoever waits for it sends nothing.
    while ready().await.0 != 200 {}
    assert_eq!(running.put("/a").await, 202);
    stored_count += 1;
    running.signal("-KILL");
    running.child.wait().await.expect("it runs");
    let running = Running::start(&folder).await;
    let mut stream = connect(running.address).await;
    stream
        .send("GET / HTTP/1.1\r\nHost: x\r\nX-Fetch-Since: 0\r\n\r\n")
        .await;
    stream.head().await;
    for _ in 0..stored_count {
        assert!(stream.line().await.contains("pubsub_cursor"));
    }
    assert_ping(&stream.line().await);
}

/// `accept` fails at once then, again and again.
#[tokio::test]
async fn without_open_files_nobody_is_let_in_until_there_are_some() {
    let folder = Folder::new();
    folder.write("c.yaml", CONFIG);
    let mut running = Running::start(&folder).await;
    let id = running.child.id().expect("it runs").to_string();
    let limit = async |files: &str| {
        let limited = Command::new("prlimit")
            .args(["--pid", &id, &format!("--nofile={files}:")])
            .status();
        assert!(limited.await.expect("there is `prlimit`").success());
    };
    let mut inside = connect(running.address).await;
    let mut failures = async || {
        inside
            .send("GET /_bus/metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            .await;
        let metrics = inside.answer().await.body;
        let mut lines = metrics.lines();
        let count =
            lines.find_map(|line| line.strip_prefix("signal_bus_gateway_accept_failures_total "));
        count
            .and_then(|count| count.parse::<u32>().ok())
            .expect(&metrics)
    };
    assert_eq!(failures().await, 0);
    limit("4").await;
    let mut late = connect(running.address).await;
    late.send(put("/a", "{}")).await;
    let count = loop {
        match failures().await {
            0..3 => tokio::task::yield_now().await,
            count => break count,
        }
    };
    // It rests in between: otherwise there would be thousands by now.
    assert!(count < 100, "{count}");
    limit("1000").await;
    assert_eq!(late.answer().await.status(), 202);
    running.signal("-TERM");
    assert_eq!(running.child.wait().await.expect("it ends").code(), Some(0));
    let mut said_count = 0;
    while let Some(line) = running.log.next_line().await.expect("it is a text") {
        said_count +=
            u32::from(line.contains("nobody is let in until this is over: Too many open files"));
    }
    assert_eq!(said_count, 1);
}

#[tokio::test]
async fn a_check_says_all_that_is_wrong_and_ends() {
    let folder = Folder::new();
    folder.write(
        "c.yaml",
        "server: {port: 70000}\nclients:\n  payloaders: [10/8]\n",
    );
    folder.write("a.yaml", "u: {password: 5}\n");
    let checked = output(
        &["--config", "c.yaml", "--acl", "a.yaml", "--check"],
        &folder,
    )
    .await;
    let expected = "c.yaml:1: server.port: expected a number from 0 to 65535, found `70000`\n\
                    c.yaml:3: clients.payloaders: expected a network like `10.0.0.0/8`, `10.1.2.3` or `2001:db8::/32`, found `10/8`\n\
                    a.yaml:1: u.password: expected a text, found `5`; write it in quotes\n";
    assert_eq!(
        texts(&checked),
        (Some(1), expected.to_owned(), String::new())
    );
    folder.write("c.yaml", CONFIG);
    folder.write("a.yaml", "u: {password: '5'}\n");
    let checked = output(
        &["--config", "c.yaml", "--acl", "a.yaml", "--check"],
        &folder,
    )
    .await;
    assert_eq!(
        texts(&checked),
        (
            Some(0),
            "The configuration is fine.\n".to_owned(),
            String::new()
        )
    );
}

/// A config in which everything that is named cannot be used, and what is said of it.
const USELESS: (&str, &str) = (
    "server:
  bind: 203.0.113.7
  port: x
  max_payload_size: 1000
  tls:
    port: 0
    cert: none.crt
    key: none.key
  backlog:
    size: 10
    storage: none/backlog
clients:
  payloaders: [127.0.0.1]
  ldap:
    uri: ldap://127.0.0.1:ldap
    user_dn: uid=somebody
    base_scope: dc=example
    membership_patterns: [member=somebody, (member=%s]
    acl: {g: [a]}
",
    "c.yaml:2: server.bind: expected an address of this machine, found `203.0.113.7`; `0.0.0.0` means all of them
c.yaml:3: server.port: expected a number from 0 to 65535, found `x`
c.yaml:7: server.tls.cert: expected a file in PEM form, none.crt cannot be read: No such file or directory (os error 2)
c.yaml:8: server.tls.key: expected a file in PEM form, none.key cannot be read: No such file or directory (os error 2)
c.yaml:11: server.backlog.storage: expected a file in a folder that is there, found none/backlog; make the folder, or name another file
c.yaml:15: clients.ldap.uri: expected `ldap://host:port` or `ldaps://host:port`, found `ldap://127.0.0.1:ldap`
c.yaml:16: clients.ldap.user_dn: expected `%s` in place of the user, found `uid=somebody`
c.yaml:18: clients.ldap.membership_patterns: expected a filter with `%s` in place of the user, like `member=uid=%s,ou=people`, found `member=somebody`
c.yaml:18: clients.ldap.membership_patterns: expected a filter with `%s` in place of the user, like `member=uid=%s,ou=people`, found `(member=%s`
a.yaml:1: u.password: expected a text, found `5`; write it in quotes
",
);

#[tokio::test]
async fn a_check_tries_what_the_files_name_and_changes_nothing() {
    let folder = Folder::new();
    folder.write("a.yaml", "u: {password: 5}\n");
    let check = async |config: &str| {
        folder.write("c.yaml", config);
        let arguments = ["--config", "c.yaml", "--acl", "a.yaml", "--check"];
        texts(&output(&arguments, &folder).await)
    };
    let (config, expected) = USELESS;
    assert_eq!(
        check(config).await,
        (Some(1), expected.to_owned(), String::new())
    );
    let stored = |storage: &str| {
        format!(
            "server:\n  {{bind: 127.0.0.1, port: 0, backlog: {{size: 9, storage: {storage}}}}}\nclients: {{}}\n"
        )
    };
    folder.write("a.yaml", "{}");
    assert_eq!(check(&stored("backlog")).await.0, Some(0));
    folder.write("text", "no json\n");
    let (code, said, _) = check(&stored("text")).await;
    let start = "c.yaml:2: server.backlog.storage: expected a backlog,";
    assert!(code == Some(1) && said.starts_with(start), "{said}");
    folder.write("torn", "{\"timestamp\": 1");
    assert_eq!(check(&stored("torn")).await.0, Some(0));
    let mut names: Vec<_> = std::fs::read_dir(&folder.0).expect("it is there").collect();
    names.sort_by_key(|name| name.as_ref().map(std::fs::DirEntry::file_name).ok());
    let names = names
        .into_iter()
        .map(|entry| entry.expect("it is there").file_name());
    assert!(names.eq(["a.yaml", "c.yaml", "text", "torn"]));
    assert_eq!(check("server: {bind: 127.0.0.1}\nclients:\n  ldap: {uri: 'ldap://127.0.0.1:1', user_dn: 'a=%s', base_scope: x, acl: {}}\n").await,
        (Some(0), "c.yaml:3: warning: clients.ldap.uri: nobody listens at ldap://127.0.0.1:1: Connection refused (os error 111); start it, or users whom only it knows stay anonymous\nThe configuration is fine.\n".to_owned(), String::new()));
}

#[tokio::test]
async fn a_check_goes_well_beside_the_gateway_that_runs() {
    let folder = Folder::new();
    folder.write("c.yaml", "server:\n  bind: 127.0.0.1\n  port: 0\n  backlog: {size: 9, storage: backlog}\nclients: {}\n");
    let running = Running::start(&folder).await;
    let port = running.address.port();
    folder.write("c.yaml", &format!("server:\n  bind: 127.0.0.1\n  port: {port}\n  backlog: {{size: 9, storage: backlog}}\nclients: {{}}\n"));
    folder.write("a.yaml", "{}");
    let arguments = ["--config", "c.yaml", "--acl", "a.yaml", "--check"];
    let (code, said, _) = texts(&output(&arguments, &folder).await);
    assert_eq!(code, Some(0));
    assert_eq!(
        said,
        "c.yaml:4: warning: server.backlog.storage: another process has backlog open; stop that gateway, or name a file of its own for each\nThe configuration is fine.\n"
    );
}

#[tokio::test]
async fn a_file_that_is_no_text_is_named_with_its_line() {
    let folder = Folder::new();
    folder.write("c.yaml", CONFIG);
    for name in ["bad.yaml", "bad_acl.yaml"] {
        let bytes = b"server: {}\nclients: {}\n# caf\xe9\n";
        std::fs::write(folder.0.join(name), bytes).expect("there is room for a file");
    }
    let run = async |arguments: &[&str]| texts(&output(arguments, &folder).await);
    let said = "cannot be read: line 3 is not UTF-8\n";
    for check in [&["--check"][..], &[]] {
        let checked = run(&[&["--config", "bad.yaml"], check].concat()).await;
        let expected = format!("signal-bus-gateway: bad.yaml: {said}");
        assert_eq!(checked, (Some(1), String::new(), expected));
    }
    let checked = run(&["--config", "c.yaml", "--acl", "bad_acl.yaml", "--check"]).await;
    let expected = format!("bad_acl.yaml:3: {said}");
    assert_eq!(checked, (Some(1), expected, String::new()));
}

#[tokio::test]
async fn a_check_says_that_the_acl_file_it_was_told_of_is_not_there() {
    let folder = Folder::new();
    folder.write("c.yaml", CONFIG);
    let arguments = ["--config", "c.yaml", "--acl", "a.yaml", "--check"];
    let (code, said, _) = texts(&output(&arguments, &folder).await);
    assert_eq!(code, Some(0));
    assert_eq!(
        said,
        "a.yaml:1: warning: not found, private events will not be broadcast\nThe configuration is fine.\n"
    );
}

#[tokio::test]
async fn without_any_file_there_is_a_configuration_that_works() {
    let (code, said, log) = texts(&output(&["--check"], &Folder::new()).await);
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "The configuration is fine.\n")
    );
    assert!(
        log.contains(
            "no pypubsub.yaml here: port 2069 on all addresses, and this machine may publish"
        ),
        "{log}"
    );
}

#[tokio::test]
async fn what_keeps_it_from_starting_is_said_with_its_cause() {
    let folder = Folder::new();
    folder.write("c.yaml", "server: {port: x}\nclients: {}\n");
    let (code, said, log) = texts(&output(&["--config", "c.yaml"], &folder).await);
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert_eq!(
        log,
        "signal-bus-gateway: c.yaml:1: server.port: expected a number from 0 to 65535, found `x`\n"
    );
    let (code, _, log) = texts(&output(&["--config", "none.yaml"], &folder).await);
    assert_eq!(code, Some(1));
    assert!(
        log.starts_with("signal-bus-gateway: none.yaml: cannot be read: No such file"),
        "{log}"
    );
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = taken.local_addr().expect("it listens").port();
    folder.write(
        "c.yaml",
        &format!("server: {{bind: 127.0.0.1, port: {port}}}\nclients: {{}}\n"),
    );
    let (code, _, log) = texts(&output(&["--config", "c.yaml"], &folder).await);
    assert_eq!(code, Some(1));
    let expected = format!(
        "signal-bus-gateway: c.yaml:1: server.port: expected a free port, another program listens on 127.0.0.1:{port}; stop it, or choose another port\n  because: Address already in use"
    );
    assert!(log.contains(&expected), "{log}");
    folder.write("c.yaml", CONFIG);
    folder.write("a.yaml", "u: {password: x, acl: {s: []}}\n");
    let (code, _, log) = texts(&output(&["--config", "c.yaml", "--acl", "a.yaml"], &folder).await);
    assert_eq!(code, Some(1));
    assert!(
        log.contains("a.yaml:1: u.acl.s: an empty list shows every private event"),
        "{log}"
    );
}

#[tokio::test]
async fn an_address_that_nobody_can_listen_on_is_named_with_its_line() {
    let folder = Folder::new();
    for (host, said) in [
        ("203.0.113.7", "Cannot assign requested address"),
        ("no-such-host.invalid", "failed to lookup address"),
    ] {
        folder.write(
            "c.yaml",
            &format!("server:\n  port: 0\n  bind: {host}\nclients: {{}}\n"),
        );
        let (code, _, log) = texts(&output(&["--config", "c.yaml"], &folder).await);
        let expected = format!(
            "signal-bus-gateway: c.yaml:3: server.bind: expected an address of this machine, found `{host}`; `0.0.0.0` means all of them\n  because: {said}"
        );
        assert!(code == Some(1) && log.contains(&expected), "{log}");
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let port = taken.local_addr().expect("it listens").port();
    let files = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates/server");
    let tls = format!("  tls:\n    cert: {files}.crt\n    key: {files}.key\n    port: {port}\n");
    folder.write(
        "c.yaml",
        &format!("server:\n  bind: 127.0.0.1\n  port: 0\n{tls}clients: {{}}\n"),
    );
    let (code, _, log) = texts(&output(&["--config", "c.yaml"], &folder).await);
    assert!(
        code == Some(1) && log.contains("c.yaml:7: server.tls.port: expected a free port"),
        "{log}"
    );
}

/// Without the rights of a superuser, if it is one who runs the tests.
#[tokio::test]
async fn what_a_user_may_not_do_is_named_with_its_line() {
    let folder = Folder::new();
    std::fs::create_dir(folder.0.join("closed")).expect("there is room for a folder");
    let closed = std::fs::Permissions::from_mode(0o555);
    std::fs::set_permissions(folder.0.join("closed"), closed).expect("it is ours");
    let stored = "port: 0, backlog: {size: 9, storage: closed/backlog}";
    let mut cases = vec![(
        stored,
        "server.backlog.storage: expected a file that this user may read and write",
    )];
    // Some machines let everybody listen everywhere.
    let free = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if free.is_ok_and(|free| free.trim() != "0") {
        cases.push((
            "port: 1",
            "server.port: this user may not listen on port 1; choose one from 1024 on",
        ));
    }
    for (config, expected) in cases {
        let config = format!("server:\n  {{bind: 127.0.0.1, {config}}}\nclients: {{}}\n");
        folder.write("c.yaml", &config);
        let program = env!("CARGO_BIN_EXE_signal-bus-gateway");
        let script = if rustix::process::geteuid().is_root() {
            "exec setpriv --bounding-set=-all --inh-caps=-all \"$0\" --config c.yaml"
        } else {
            "exec \"$0\" --config c.yaml"
        };
        let mut command = Command::new("bash");
        command.args(["-c", script, program]).current_dir(&folder.0);
        let said = command.output().await;
        let (code, _, log) = texts(&said.expect("there is `bash`"));
        let expected = format!("signal-bus-gateway: c.yaml:2: {expected}");
        assert!(code == Some(1) && log.contains(&expected), "{log}");
    }
}

#[tokio::test]
async fn a_command_line_that_means_nothing_is_refused() {
    let folder = Folder::new();
    for (arguments, expected) in [
        (&["--prot"][..], "invalid option '--prot'"),
        (&["x"], "unexpected argument \"x\""),
        (
            &["--compat", "downstream"],
            "`--compat` takes `upstream`, not `downstream`",
        ),
        (&["--config"], "missing argument for option '--config'"),
    ] {
        let (code, said, log) = texts(&output(arguments, &folder).await);
        assert_eq!((code, said.as_str()), (Some(2), ""));
        assert_eq!(
            log,
            format!("signal-bus-gateway: {expected}\nTry `signal-bus-gateway --help`.\n")
        );
    }
    let (code, said, _) = texts(&output(&["--help"], &folder).await);
    for (short, long) in [("-h", "--help"), ("-V", "--version")] {
        let (short, long) = (
            output(&[short], &folder).await,
            output(&[long], &folder).await,
        );
        assert_eq!(texts(&short), texts(&long));
    }
    assert!(
        code == Some(0) && said.contains("--compat upstream") && said.contains("SIGUSR2"),
        "{said}"
    );
    let (code, said, _) = texts(&output(&["--version"], &folder).await);
    assert_eq!(
        (code, said),
        (
            Some(0),
            format!("signal-bus-gateway {}\n", env!("CARGO_PKG_VERSION"))
        )
    );
}

/// What was answered with 202 is there after a crash.
#[tokio::test]
async fn what_was_accepted_outlives_a_kill_where_storing_is_awaited() {
    let folder = Folder::new();
    let config = "server: {bind: 127.0.0.1, port: 0, backlog: {size: 100000, storage: backlog, fsync: true}}\nclients: {payloaders: [127.0.0.1]}\n";
    folder.write("c.yaml", config);
    let mut accepted = Vec::new();
    for round in 0..3 {
        let mut running = Running::start(&folder).await;
        let publish = async |publisher: u32| {
            let mut raw = connect(running.address).await;
            let mut accepted = Vec::new();
            for number in 0.. {
                let name = format!("{round}-{publisher}-{number}");
                raw.try_send(put("/load", &format!("{{\"n\": \"{name}\"}}")))
                    .await;
                let Some(head) = raw.try_until("\r\n\r\n").await else {
                    break;
                };
                assert!(head.starts_with("HTTP/1.1 202 "), "{head}");
                // The text of the answer may be lost; it was accepted all the same.
                accepted.push(name);
                if raw.take_some(39).await.len() < 39 {
                    break;
                }
                if publisher == 0 && number == 40 {
                    running.signal("-KILL");
                }
            }
            accepted
        };
        let all = tokio::join!(publish(0), publish(1), publish(2), publish(3));
        accepted.extend([all.0, all.1, all.2, all.3].concat());
        running.child.wait().await.expect("it ends");
    }
    let running = Running::start(&folder).await;
    let mut stream = connect(running.address).await;
    stream
        .send("GET /load HTTP/1.1\r\nHost: x\r\nX-Fetch-Since: 0\r\n\r\n")
        .await;
    stream.head().await;
    let mut there = Vec::new();
    loop {
        let line = stream.line().await;
        if line.starts_with("{\"stillalive\"") {
            break;
        }
        there.push(field(&line, "n").trim_matches('"').to_owned());
    }
    let lost: Vec<_> = accepted
        .iter()
        .filter(|name| !there.contains(name))
        .collect();
    println!(
        "{} accepted, {} there, {} lost",
        accepted.len(),
        there.len(),
        lost.len()
    );
    assert!(
        lost.is_empty() && 100 < accepted.len(),
        "{} accepted, lost: {lost:?}",
        accepted.len()
    );
    let mut distinct = there.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), there.len());
}
