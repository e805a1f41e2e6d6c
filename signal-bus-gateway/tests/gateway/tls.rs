//! The second listener.

use std::sync::Arc;

use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{ClientConfig, RootCertStore, crypto::ring},
};

use crate::kit::{Config, Folder, Gateway, Raw, assert_ping, put};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/certificates");

fn config(certificate: &str, key: &str) -> Config {
    Config::server(&format!(
        "  tls: {{port: 0, cert: {FOLDER}/{certificate}, key: {FOLDER}/{key}, chain: {FOLDER}/ca.crt}}"
    ))
}

async fn connect(gateway: &Gateway) -> Raw<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_file(format!("{FOLDER}/ca.crt")).expect("a certificate");
    roots.add(root).expect("it can sign");
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder
        .with_safe_default_protocol_versions()
        .expect("it speaks TLS");
    let client = builder.with_root_certificates(roots).with_no_client_auth();
    let address = gateway.server.tls_address().expect("it is configured");
    let socket = TcpStream::connect(address).await.expect("somebody listens");
    let name = ServerName::try_from("localhost").expect("a name");
    let stream = TlsConnector::from(Arc::new(client))
        .connect(name, socket)
        .await;
    Raw::new(stream.expect("the certificate is good"))
}

#[tokio::test]
async fn events_travel_between_both_listeners() {
    let gateway = config("server.crt", "server.key").start().await;
    let mut secure = connect(&gateway).await;
    secure.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(
        secure
            .head()
            .await
            .contains("Transfer-Encoding: chunked\r\n")
    );
    assert_ping(&secure.line().await);
    let mut plain = gateway.subscribe("/a").await;
    let mut publisher = connect(&gateway).await;
    publisher.send(put("/a", "{\"n\": 1}")).await;
    assert_eq!(publisher.answer().await.status(), 202);
    let line = plain.event().await;
    assert_eq!(secure.event().await, line);
    publisher.send(put("/a", "x")).await;
    assert_eq!(publisher.answer().await.status(), 400);
}

#[tokio::test]
async fn who_speaks_no_tls_there_is_closed_and_nobody_else() {
    let gateway = config("server.crt", "server.key").start().await;
    let address = gateway.server.tls_address().expect("it is configured");
    let mut raw = crate::kit::connect(address).await;
    raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let mut bytes = Vec::new();
    raw.stream.read_to_end(&mut bytes).await.unwrap_or_default();
    assert!(!bytes.starts_with(b"HTTP"));
    let mut secure = connect(&gateway).await;
    secure.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(secure.answer().await.status(), 204);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_used_is_named() {
    for (certificate, key, where_, expected) in [
        (
            "none.crt",
            "server.key",
            "cert",
            "none.crt cannot be read: No such file",
        ),
        ("server.key", "server.key", "cert", "server.key holds none"),
        (
            "server.crt",
            "ca.crt",
            "key",
            "expected a private key in PEM form, found in ",
        ),
        (
            "ca.crt",
            "server.key",
            "key",
            "server.key does not go together with it",
        ),
    ] {
        let error = config(certificate, key)
            .start_in(Folder::new())
            .await
            .err()
            .expect("it is refused");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("pypubsub.yaml:4: server.tls.{where_}: "))
                && text.contains(expected),
            "{text}"
        );
    }
}

#[tokio::test]
async fn all_files_that_cannot_be_used_are_named_at_once() {
    let config =
        Config::server("  tls:\n    port: 0\n    cert: DIR/a\n    key: DIR/b\n    chain: DIR/c");
    let error = config.start_in(Folder::new()).await.err();
    let text = error.expect("it is refused").to_string();
    let starts: Vec<_> = text.lines().map(|line| line.split(", ").next()).collect();
    let expected = [
        "6: server.tls.cert",
        "7: server.tls.key",
        "8: server.tls.chain",
    ];
    let expected = expected.map(|key| format!("pypubsub.yaml:{key}: expected a file in PEM form"));
    assert!(starts.iter().flatten().eq(&expected), "{text}");
}
