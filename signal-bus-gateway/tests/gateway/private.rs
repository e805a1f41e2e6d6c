//! Who may publish what, and who sees what is private.

use crate::kit::{Config, Gateway, Raw, field, login, put};

const ACL: &str = "
testuser:
  password: foobar
  acl:
    segment:
      - git
      - privaterepo.git
  topics: [foo, bar]
broad:
  password: 'b:c'
  acl:
    one: [svn]
    two: [git]
nobody:
  password: n
chef:
  password: c
  topics: [bread, syrup]
baker:
  password: b
  topics: [bread]
";

async fn gateway() -> Gateway {
    Config::default().acl(ACL).start().await
}

/// Publishes on a path, and tells which of the streams hear it.
async fn heard(
    gateway: &Gateway,
    streams: &mut [Raw<tokio::net::TcpStream>],
    path: &str,
) -> String {
    assert_eq!(gateway.put(path, "{\"secret\": true}").await, 202, "{path}");
    assert_eq!(gateway.put("/git/mark", "{}").await, 202);
    let mut heard = String::new();
    for stream in streams {
        let is_heard = stream.event().await.starts_with("{\"secret\": true");
        if is_heard {
            assert!(stream.event().await.contains("mark"));
        }
        heard.push(if is_heard { 'Y' } else { '-' });
    }
    heard
}

#[tokio::test]
async fn a_private_event_is_seen_by_those_whose_acl_shows_it() {
    let gateway = gateway().await;
    let mut streams = Vec::new();
    for (path, user, password) in [
        ("/", "testuser", "foobar"),
        ("/git", "testuser", "foobar"),
        ("/", "broad", "b:c"),
        ("/", "testuser", "wrong"),
        ("/", "unknown", "foobar"),
        ("/", "nobody", "n"),
    ] {
        streams.push(gateway.subscribe_with(path, &login(user, password)).await);
    }
    for header in [
        "",
        "Authorization: basic dGVzdHVzZXI6Zm9vYmFy\r\n",
        "Authorization: Bearer x\r\n",
        "Authorization: Basic ?\r\n",
    ] {
        streams.push(gateway.subscribe_with("/", header).await);
    }
    for (path, expected) in [
        ("/private/git/privaterepo.git", "YYY-------"),
        ("/private/privaterepo.git/git", "YYY-------"),
        ("/private%2Fgit%2Fprivaterepo.git", "YYY-------"),
        ("/%70rivate/git/privaterepo.git", "YYY-------"),
        ("//private/git/privaterepo.git", "YYY-------"),
        ("/private/git/otherrepo.git", "--Y-------"),
        ("/private/svn/x", "--Y-------"),
        ("/private/private/svn", "--Y-------"),
        ("/private", "----------"),
        ("/private/other", "----------"),
        ("/git/privaterepo.git", "YYYYYYYYYY"),
    ] {
        assert_eq!(
            heard(&gateway, &mut streams, path).await,
            expected,
            "{path}"
        );
    }
}

#[tokio::test]
async fn a_private_event_is_found_under_its_topics_without_private() {
    let gateway = gateway().await;
    let mut stream = gateway
        .subscribe_with("/private/git,git", &login("broad", "b:c"))
        .await;
    let mut never = gateway
        .subscribe_with("/private/git", &login("broad", "b:c"))
        .await;
    assert_eq!(gateway.put("/private/git/x", "{}").await, 202);
    assert_eq!(gateway.put("/private/private/git", "{}").await, 202);
    let line = stream.event().await;
    assert_eq!(field(&line, "pubsub_topics"), "[\"git\", \"x\"]");
    assert_eq!(field(&line, "pubsub_path"), "\"/private/git/x\"");
    assert_eq!(
        field(&never.event().await, "pubsub_path"),
        "\"/private/private/git\""
    );
}

#[tokio::test]
async fn what_only_looks_private_is_refused_or_public_where_pypubsub_is_followed() {
    let look_alikes = [
        "/Private/git/x",
        "/git/private/x",
        "/./private/x",
        "/a/../private",
        "/a,private/x",
        "/private%20/x",
    ];
    let strict = gateway().await;
    let upstream = Config::default().acl(ACL).upstream().start().await;
    let mut stream = upstream.subscribe("/").await;
    for path in look_alikes {
        assert_eq!(strict.put(path, "{}").await, 400, "{path}");
        assert_eq!(upstream.put(path, "{}").await, 202, "{path}");
        stream.event().await;
    }
}

#[tokio::test]
async fn secure_topics_are_published_by_those_who_hold_all_of_them() {
    let config = Config::default()
        .clients("  payloaders: [127.0.0.1]\n  secure_topics: [bread, syrup]")
        .acl(ACL);
    let gateway = config.start().await;
    let publish = async |path: &str, header: &str| {
        let request = put(path, "{}").replacen("\r\n", &format!("\r\n{header}"), 1);
        gateway.ask(request).await.status()
    };
    let (chef, baker) = (login("chef", "c"), login("baker", "b"));
    for (path, header, status) in [
        ("/bread", &*chef, 202),
        ("/bread/syrup", &chef, 202),
        ("/bread", &baker, 202),
        ("/bread/syrup", &baker, 403),
        ("/private/bread", &baker, 202),
        ("/private/syrup", &baker, 403),
        ("/br%65ad", "", 403),
        ("/x/bread", "", 403),
        ("/bread", &login("chef", "wrong"), 403),
        ("/breadcrumbs", "", 202),
        ("/Bread", "", 400),
        ("/a,bread", "", 400),
        ("/bread", "", 403),
    ] {
        assert_eq!(publish(path, header).await, status, "{path} {header}");
    }
}

#[tokio::test]
async fn a_user_may_publish_secure_topics_from_anywhere_and_nothing_else() {
    let config = Config::default()
        .clients("  secure_topics: [bread]")
        .acl(ACL);
    let gateway = config.start().await;
    let baker = login("baker", "b");
    let publish = async |path: &str| {
        let request = put(path, "{}").replacen("\r\n", &format!("\r\n{baker}"), 1);
        gateway.ask(request).await.status()
    };
    assert_eq!(publish("/bread").await, 202);
    assert_eq!(publish("/bread/other").await, 202);
    assert_eq!(publish("/other").await, 403);
}

#[tokio::test]
async fn a_new_acl_reaches_open_streams_and_a_broken_one_changes_nothing() {
    let gateway = gateway().await;
    let mut streams = [gateway.subscribe_with("/", &login("broad", "b:c")).await];
    let reload = |text: &str| {
        gateway.folder.write("acl.yaml", text);
        gateway.server.reload_acl();
    };
    assert_eq!(heard(&gateway, &mut streams, "/private/git").await, "Y");
    for broken in ["broad: [", "broad: {password: x, acl: {s: []}}", "- list"] {
        reload(broken);
        assert_eq!(
            heard(&gateway, &mut streams, "/private/git").await,
            "Y",
            "{broken}"
        );
        assert_eq!(
            heard(&gateway, &mut streams, "/private/other").await,
            "-",
            "{broken}"
        );
    }
    reload("broad: {password: 'b:c', acl: {s: [other]}}");
    assert_eq!(heard(&gateway, &mut streams, "/private/git").await, "-");
    assert_eq!(heard(&gateway, &mut streams, "/private/other").await, "Y");
    reload("broad: {password: new, acl: {s: [other]}}");
    assert_eq!(heard(&gateway, &mut streams, "/private/other").await, "-");
    reload("");
    let mut late = [gateway.subscribe_with("/", &login("broad", "new")).await];
    assert_eq!(heard(&gateway, &mut late, "/private/other").await, "-");
}

#[tokio::test]
async fn a_file_that_is_gone_leaves_the_users_of_before() {
    let gateway = gateway().await;
    std::fs::remove_file(gateway.folder.0.join("acl.yaml")).expect("it is there");
    gateway.server.reload_acl();
    let mut streams = [gateway.subscribe_with("/", &login("broad", "b:c")).await];
    assert_eq!(heard(&gateway, &mut streams, "/private/git").await, "Y");
}

#[tokio::test]
async fn where_pypubsub_is_followed_open_streams_keep_their_rights_and_an_empty_list_shows_all() {
    let gateway = Config::default()
        .acl("all: {password: x, acl: {s: []}}")
        .upstream()
        .start()
        .await;
    let mut streams = [gateway.subscribe_with("/", &login("all", "x")).await];
    assert_eq!(heard(&gateway, &mut streams, "/private/any").await, "Y");
    assert_eq!(heard(&gateway, &mut streams, "/private").await, "Y");
    gateway.folder.write("acl.yaml", "");
    gateway.server.reload_acl();
    assert_eq!(heard(&gateway, &mut streams, "/private/any").await, "Y");
}

/// Enough logins that one which panics, or answers something else, is found.
#[tokio::test]
async fn no_authorization_header_breaks_the_gateway() {
    let gateway = gateway().await;
    let mut raw = gateway.connect().await;
    let long = "A".repeat(7000);
    for value in [
        "",
        "Basic",
        "Basic  ",
        ":",
        "Basic Og==",
        "Basic ////",
        "\u{e9}",
        &long,
        "Basic Basic dGVzdHVzZXI6Zm9vYmFy",
        "====",
        "Basic AAAA",
    ] {
        raw.send(format!(
            "HEAD / HTTP/1.1\r\nHost: x\r\nAuthorization: {value}\r\n\r\n"
        ))
        .await;
        assert_eq!(raw.answer().await.status(), 204, "{value}");
    }
}
