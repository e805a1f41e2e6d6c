//! Buckets of keys and values: found, or made where that was asked for; and what is written in them of a lease.

use async_nats::jetstream::{
    Context,
    context::KeyValueErrorKind,
    kv,
    stream::{Config, DiscardPolicy},
};
use signal_bus::transport::{TransportError, TransportFault};

use crate::{delivery::Buckets, fault::failed};

/// The bucket of a name.
pub(super) async fn open(
    context: &Context,
    name: &str,
    create: Option<&Buckets>,
) -> Result<kv::Store, TransportError> {
    let error = match (context.get_key_value(name).await, create) {
        (Ok(store), _) => return Ok(store),
        (Err(error), None) => error,
        (Err(_), Some(wanted)) => return made(context, name, wanted).await,
    };
    if error.kind() == KeyValueErrorKind::InvalidStoreName {
        let what = format!("`{name}` is no name of a bucket");
        return Err(failed(TransportFault::Refused, what, &error));
    }
    let what = format!(
        "there is no KV bucket `{name}` that may be used: have it made with `.create_buckets(Buckets::new())`, or by `nats kv add {name}`, \
         and permit `$JS.API.>`, `$KV.{name}.>` and `_INBOX.>`"
    );
    Err(failed(TransportFault::Missing, what, &error))
}

/// Makes a bucket as other clients do; the client's own way asks the server first for what 2.9 cannot say.
async fn made(
    context: &Context,
    name: &str,
    wanted: &Buckets,
) -> Result<kv::Store, TransportError> {
    let cannot = |error: &(dyn std::error::Error + 'static)| {
        let what = format!("cannot make the KV bucket `{name}`");
        failed(TransportFault::Refused, what, error)
    };
    let created = context.create_stream(Config {
        name: format!("KV_{name}"),
        subjects: vec![format!("$KV.{name}.>")],
        max_messages_per_subject: 1,
        max_messages: -1,
        max_bytes: -1,
        max_message_size: -1,
        discard: DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        num_replicas: wanted.replicas,
        ..Config::default()
    });
    created.await.map_err(|error| cannot(&error))?;
    let store = context.get_key_value(name).await;
    store.map_err(|error| cannot(&error))
}

/// A name as a key: of each of its parts, what a key cannot hold is written as `=C3`.
pub(super) fn key(prefix: &str, name: &str) -> String {
    let parts = prefix.split('.').filter(|part| !part.is_empty());
    let parts = parts.chain(name.split("::")).map(|part| {
        let letters = part.bytes().map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => char::from(byte).to_string(),
            _ => format!("={byte:02X}"),
        });
        letters.collect::<String>()
    });
    parts.collect::<Vec<_>>().join(".")
}

/// What is written of a lease.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub(super) struct Written {
    /// Who has it.
    pub(super) holder: Option<String>,
    /// For how many milliseconds after it was written.
    pub(super) milliseconds: u64,
    /// A number, and when it was noted, in nanoseconds since 1970 by the server's clock.
    pub(super) mark: Option<(u64, u64)>,
}

impl Written {
    pub(super) fn bytes(&self) -> Vec<u8> {
        let mark = self
            .mark
            .map(|(number, at)| serde_json::json!({ "number": number, "at": at }));
        let written = serde_json::json!({
            "holder": self.holder,
            "milliseconds": self.milliseconds,
            "mark": mark,
        });
        written.to_string().into_bytes()
    }

    /// Reads it; `None` if it is something else. What was deleted by hand says nothing.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let written: serde_json::Value = serde_json::from_slice(bytes).ok()?;
        let mark = match written.get("mark")? {
            serde_json::Value::Null => None,
            mark => Some((mark.get("number")?.as_u64()?, mark.get("at")?.as_u64()?)),
        };
        Some(Self {
            holder: written.get("holder")?.as_str().map(str::to_owned),
            milliseconds: written.get("milliseconds")?.as_u64()?,
            mark,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Written, key};

    #[test]
    fn a_name_is_a_key_of_its_own() {
        assert_eq!(key("", "shop::jobs::report"), "shop.jobs.report");
        assert_eq!(
            key("prod.", "shop::Mailer::sweep"),
            "prod.shop.Mailer.sweep"
        );
        assert_eq!(key("", "a.b"), "a=2Eb");
        assert_eq!(key("", "ä=b"), "=C3=A4=3Db");
    }

    #[test]
    fn what_is_written_comes_back() {
        for mark in [None, Some((u64::MAX, 1_700_000_000_123_456_789))] {
            for holder in [None, Some("4711-3fa9".to_owned())] {
                let written = Written {
                    holder,
                    milliseconds: 12_000,
                    mark,
                };
                assert_eq!(Written::read(&written.bytes()), Some(written));
            }
        }
        assert_eq!(Written::read(b""), Some(Written::default()));
        for odd in [
            "7",
            "{}",
            "[]",
            r#"{"holder":"a","milliseconds":-1,"mark":null}"#,
        ] {
            assert_eq!(Written::read(odd.as_bytes()), None, "{odd}");
        }
    }
}
