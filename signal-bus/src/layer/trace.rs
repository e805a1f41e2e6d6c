//! A layer of our own: a span around each call.

use tokio::time::Instant;
use tracing::{Instrument, Span, field};

use crate::{
    error::Failure,
    layer::{Call, Handled, Next, Signals},
};

/// A layer that puts a span of [tracing](https://docs.rs/tracing) around each call of each handler:
/// `Bus::new().layer(signal_bus::trace)`.
///
/// Whatever the handler logs, and whatever spans it makes, stand in that span; also those of the layers further inside. It is called
/// `handle`, has the level `INFO` and the target `signal_bus`, and these fields:
///
/// | field | |
/// |---|---|
/// | `handler` | the function, with file and line |
/// | `topic`, `id`, `attempt` | of the signal; of a batch, of the first |
/// | `count` | how many signals it is called with, if it takes batches |
/// | `caused_by` | the id of the signal whose handler has published this one, if one has |
/// | `otel.name`, `otel.kind`, `otel.status_code` | what [OpenTelemetry](https://docs.rs/tracing-opentelemetry) calls the span and its kind (`process orders.created`, `consumer`), and `ERROR` if the call fails |
///
/// At its end there is an event of the level `DEBUG` in the span, `done` or `failed`, with the time it took in seconds (`elapsed`) and
/// the [`Failure`] (`failure`). A call that does not come to its end, because of its timeout, the deadline of a close or a layer
/// further inside that panics, is `cancelled`, and an `ERROR` as well. That somebody has to look at it is told by
/// [`on_error`](crate::Bus::on_error), after the last attempt.
///
/// Where nobody wants the span, it costs no more than any other layer.
///
/// # Errors
///
/// Those of the handler, as they are.
///
/// # Cancel safety
///
/// Dropping it cancels the handler where it stands, as a timeout does; the span tells of it.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use signal_bus::{Bus, Signal};
///
/// let bus = Bus::empty().layer(signal_bus::trace).start().await?;
/// let orders = bus.listen("orders", async |order: Signal<u32>| {
///     tracing::info!("stored {}", *order); // INFO handle{handler=.. topic="orders" id=#1 attempt=1 ..}: stored 7
/// })?;
/// bus.publish("orders", 7_u32).await?;
/// orders.close().await?;
/// # bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
/// ```
pub async fn trace(call: Call, next: Next) -> Result<Handled, Failure> {
    let span = span(&call);
    if span.is_disabled() {
        return next.run(call).await;
    }
    let mut told = Told {
        begun: Instant::now(),
        span,
        ended: false,
    };
    // Layers further inside may log before they are awaited.
    let running = told.span.in_scope(|| next.run(call));
    let handled = running.instrument(told.span.clone()).await;
    told.end(&handled);
    handled
}

/// A call whose end is told of, also if that is only that nobody awaits it any more.
struct Told {
    span: Span,
    begun: Instant,
    ended: bool,
}

impl Told {
    fn end(&mut self, handled: &Result<Handled, Failure>) {
        self.ended = true;
        let (span, elapsed) = (&self.span, self.elapsed());
        match handled {
            Ok(_) => tracing::debug!(target: "signal_bus", parent: span, elapsed, "done"),
            Err(failure) => {
                span.record("otel.status_code", "ERROR");
                tracing::debug!(target: "signal_bus", parent: span, elapsed, %failure, "failed");
            }
        }
    }

    fn elapsed(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        if !self.ended {
            let (span, elapsed) = (&self.span, self.elapsed());
            span.record("otel.status_code", "ERROR");
            tracing::debug!(target: "signal_bus", parent: span, elapsed, "cancelled");
        }
    }
}

fn span(call: &Call) -> Span {
    let span = tracing::info_span!(
        target: "signal_bus",
        "handle",
        handler = %call.site(),
        topic = call.topic(),
        id = %call.id(),
        attempt = call.attempt(),
        count = field::Empty,
        caused_by = field::Empty,
        otel.name = format_args!("process {}", call.topic()),
        otel.kind = "consumer",
        otel.status_code = field::Empty,
    );
    if let Signals::Batch(signals) = &call.signals {
        span.record("count", signals.len());
    }
    if let Some(cause) = call.signal().parent_id() {
        span.record("caused_by", field::display(cause));
    }
    span
}
