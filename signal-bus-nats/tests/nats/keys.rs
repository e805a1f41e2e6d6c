//! Keys and certificates, made for one test: none of them is kept.

use std::{
    path::PathBuf,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use nkeys::KeyPair;
use serde_json::{Value, json};

/// A folder with files that are secret for the time of a test.
pub(crate) struct Keys {
    folder: PathBuf,
    account: KeyPair,
}

impl Keys {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("signal-bus-nats-keys-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let account = KeyPair::new_account();
        Self { folder, account }
    }

    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Two authorities, `ca` and `other`, and what the first one vouches for: `server` and `client`; of each a `.crt` and a `.key`.
    pub(crate) fn certificates() -> Self {
        let keys = Self::new();
        for name in ["ca", "other"] {
            keys.certificate(name, &[]);
        }
        let (ca, key) = (keys.file("ca.crt"), keys.file("ca.key"));
        for (name, usage) in [("server", "serverAuth"), ("client", "clientAuth")] {
            let usage = format!("extendedKeyUsage=critical,{usage}");
            let of_ca = ["-CA", &ca, "-CAkey", &key, "-addext", &usage];
            let host = ["-addext", "subjectAltName=IP:127.0.0.1"];
            let no_ca = ["-addext", "basicConstraints=critical,CA:FALSE"];
            keys.certificate(name, &[&of_ca[..], &host, &no_ca].concat());
        }
        keys
    }

    fn certificate(&self, name: &str, more: &[&str]) {
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-noenc", "-days", "2"]);
        openssl.args(["-pkeyopt", "ec_paramgen_curve:prime256v1"]);
        openssl.args(["-subj", &format!("/CN={name}")]).args(more);
        openssl
            .arg("-keyout")
            .arg(self.file(&format!("{name}.key")));
        openssl.arg("-out").arg(self.file(&format!("{name}.crt")));
        let made = openssl.output();
        let made = made.expect("openssl 3 is installed: `apt-get install openssl`");
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }

    /// Credentials, `ann.creds`, and the configuration of a server that knows who has given them.
    pub(crate) fn credentials() -> (Self, String) {
        let keys = Self::new();
        keys.renew_credentials(None);
        let operator = KeyPair::new_operator();
        let limits = json!({
            "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1,
            "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1
        });
        let trusted = json!({ "type": "operator", "version": 2 });
        let trusted = vouched(&operator, &operator, &trusted, None);
        let known = json!({
            "type": "account", "version": 2, "limits": limits, "default_permissions": { "pub": {}, "sub": {} }
        });
        let known = vouched(&keys.account, &operator, &known, None);
        // JetStream asks for an account of the server's own.
        let system = KeyPair::new_account();
        let of_system =
            json!({ "type": "account", "version": 2, "limits": { "conn": -1, "subs": -1 } });
        let of_system = vouched(&system, &operator, &of_system, None);
        let (account, system) = (keys.account.public_key(), system.public_key());
        let config = format!(
            "operator: {trusted}\nsystem_account: {system}\nresolver: MEMORY\nresolver_preload: {{ {account}: {known}, {system}: {of_system} }}"
        );
        (keys, config)
    }

    /// Writes other credentials of the same account; they last for so long, or until the test ends.
    pub(crate) fn renew_credentials(&self, lasts: Option<Duration>) {
        let ann = KeyPair::new_user();
        let user = json!({
            "type": "user", "version": 2, "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1
        });
        let ends = lasts.map(|lasts| UNIX_EPOCH.elapsed().unwrap() + lasts);
        let user = vouched(&ann, &self.account, &user, ends);
        let seed = ann.seed().unwrap();
        let credentials = format!(
            "-----BEGIN NATS USER JWT-----\n{user}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        std::fs::write(self.file("ann.creds"), credentials).unwrap();
    }
}

impl Drop for Keys {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

/// What one says of another one, as a JWT of NATS, that may end.
fn vouched(of: &KeyPair, by: &KeyPair, what: &Value, ends: Option<Duration>) -> String {
    let written = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string().as_bytes());
    let head = json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let mut claims = json!({
        "iat": 1_700_000_000, "iss": by.public_key(), "sub": of.public_key(), "name": "test", "jti": "test", "nats": what
    });
    if let Some(ends) = ends {
        claims["exp"] = ends.as_secs().into();
    }
    let text = format!("{}.{}", written(&head), written(&claims));
    let signed = by.sign(text.as_bytes()).unwrap();
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signed))
}
