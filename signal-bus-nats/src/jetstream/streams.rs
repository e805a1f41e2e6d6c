//! Streams: found, or made where that was asked for.

use async_nats::jetstream::{
    Context,
    stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
};
use futures_util::StreamExt as _;
use signal_bus::transport::{TransportError, TransportFault};

use crate::{
    delivery::{Storage, Streams},
    fault::failed,
    subject::covers,
};

/// A stream, as far as it matters to who reads it.
pub(crate) struct Held {
    pub(crate) name: String,
    /// When it was made: another one of the same name begins anew.
    pub(crate) made: String,
    /// Whether it hands each message to one consumer, and deletes what was handled.
    pub(crate) is_work_queue: bool,
}

/// The stream that holds a subject, or all that a pattern stands for.
pub(crate) async fn holding(context: &Context, subject: &str) -> Result<Held, TransportError> {
    let found = context.stream_by_subject(subject).await;
    if let Ok(name) = found {
        let stream = context.get_stream(&name).await;
        let stream = stream.map_err(|error| cannot_look(&name, &error))?;
        let info = stream.cached_info();
        let subjects = &info.config.subjects;
        if subjects.iter().any(|own| covers(own, subject)) {
            return Ok(Held {
                name,
                made: info.created.to_string(),
                is_work_queue: info.config.retention == RetentionPolicy::WorkQueue,
            });
        }
        let reason = format!(
            "the stream `{name}` holds only a part of `{subject}`: {}",
            subjects.join(", ")
        );
        return Err(TransportError::new(TransportFault::Missing, reason));
    }
    let reason = format!(
        "no stream of JetStream holds `{subject}`: add it to one, have one made with `Nats::create_streams`, or deliver \
         `Delivery::at_most_once()`, which needs none"
    );
    Err(TransportError::new(TransportFault::Missing, reason))
}

/// Looks whether the server has `JetStream` at all.
pub(crate) async fn check(context: &Context) -> Result<(), TransportError> {
    match context.stream_names().next().await {
        None | Some(Ok(_)) => Ok(()),
        Some(Err(error)) => {
            let what = "the server does not answer for JetStream (start it with `nats-server -js`, and permit `$JS.API.>` and `_INBOX.>`)";
            Err(failed(TransportFault::Missing, what, &error))
        }
    }
}

/// Sees to it that streams hold all subjects: what none holds is added to the one of the name, which is made if it is not there.
pub(crate) async fn create(
    context: &Context,
    wanted: &Streams,
    subjects: &[String],
) -> Result<(), TransportError> {
    let mut missing = Vec::new();
    for subject in subjects {
        if holding(context, subject).await.is_err() {
            missing.push(subject.clone());
        }
    }
    let subjects = missing;
    if subjects.is_empty() {
        return Ok(());
    }
    if let Ok(stream) = context.get_stream(&wanted.name).await {
        let mut config = stream.cached_info().config.clone();
        let covered = |own: &String| subjects.iter().any(|new| covers(new, own));
        config.subjects.retain(|own| !covered(own));
        config.subjects.extend(subjects.iter().cloned());
        let updated = context.update_stream(config).await;
        return updated.map(drop).map_err(|error| {
            let what = format!(
                "cannot add {} to the stream `{}`",
                subjects.join(", "),
                wanted.name
            );
            failed(TransportFault::Refused, what, &error)
        });
    }
    let bytes = wanted
        .bytes_max
        .map_or(-1, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX));
    let created = context.create_stream(Config {
        name: wanted.name.clone(),
        subjects: subjects.clone(),
        retention: RetentionPolicy::Limits,
        // What is full refuses, and forgets nothing.
        discard: DiscardPolicy::New,
        max_age: wanted.age_max,
        max_bytes: bytes,
        storage: match wanted.storage {
            Storage::File => StorageType::File,
            Storage::Memory => StorageType::Memory,
        },
        num_replicas: wanted.replicas,
        duplicate_window: match wanted.age_max.is_zero() {
            true => wanted.duplicate_window,
            // The server wants no window that is longer.
            false => wanted.duplicate_window.min(wanted.age_max),
        },
        ..Config::default()
    });
    created.await.map(drop).map_err(|error| {
        let what = format!(
            "cannot make the stream `{}` for {}",
            wanted.name,
            subjects.join(", ")
        );
        failed(TransportFault::Refused, what, &error)
    })
}

fn cannot_look(name: &str, error: &(dyn std::error::Error + 'static)) -> TransportError {
    let what = format!("cannot look at the stream `{name}`");
    failed(TransportFault::Missing, what, error)
}
