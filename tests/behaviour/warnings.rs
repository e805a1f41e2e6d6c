//! What a test is warned of.

use std::sync::{Arc, Mutex, Once};
use std::time::Instant;

use tracing::subscriber::{DefaultGuard, NoSubscriber, set_global_default};

/// The warnings of a test, on whose thread all of its tasks run.
#[derive(Clone, Default)]
pub(crate) struct Warnings(Arc<Mutex<Vec<(Instant, String)>>>);

impl Warnings {
    pub(crate) fn hear() -> (Self, DefaultGuard) {
        let warnings = Self::default();
        let guard = hear_by(warnings.clone());
        (warnings, guard)
    }

    pub(crate) fn take(&self) -> Vec<String> {
        let warnings = self.take_with_times();
        warnings.into_iter().map(|(_, warning)| warning).collect()
    }

    /// Each with the time at which it came.
    pub(crate) fn take_with_times(&self) -> Vec<(Instant, String)> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Has a subscriber hear what this thread logs.
pub(crate) fn hear_by(
    subscriber: impl tracing::Subscriber + Send + Sync + 'static,
) -> DefaultGuard {
    // With one subscriber only, tracing asks the thread that comes first to a place whether it is of interest, and that
    // may be one that hears nothing: https://github.com/tokio-rs/tracing/issues/3611. So there always is another one.
    static DEAF: Once = Once::new();
    DEAF.call_once(|| set_global_default(NoSubscriber::new()).expect("nobody else sets one"));
    tracing::subscriber::set_default(subscriber)
}

impl tracing::field::Visit for Warnings {
    fn record_debug(&mut self, _: &tracing::field::Field, value: &dyn std::fmt::Debug) {
        let warning = (Instant::now(), format!("{value:?}"));
        self.0.lock().unwrap().push(warning);
    }
}

impl tracing::Subscriber for Warnings {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.target().starts_with("signal_bus") && *metadata.level() <= tracing::Level::WARN
    }
    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}
