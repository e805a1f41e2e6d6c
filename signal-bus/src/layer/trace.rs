//! A layer of our own: a span around each call.

use tokio::time::Instant;
use tracing::{Instrument, Span, field};

use crate::{
    error::Failure,
    layer::{Call, Handled, Next},
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
/// the [`Failure`] (`failure`). That somebody has to look at it is told by [`on_error`](crate::Bus::on_error), after the last attempt.
///
/// Where nobody wants the span, it costs no more than any other layer.
///
/// # Errors
///
/// Those of the handler, as they are.
///
/// # Examples
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use signal_bus::{Bus, Signal};
///
/// let bus = Bus::empty().layer(signal_bus::trace).start().await?;
/// let orders = bus.listen("orders", async |order: Signal<u32>| {
///     tracing::info!("stored {}", *order); // INFO handle{handler=.. topic="orders" id=#1 attempt=1}: stored 7
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
    let begun = Instant::now();
    let handled = next.run(call).instrument(span.clone()).await;
    let elapsed = begun.elapsed().as_secs_f64();
    match &handled {
        Ok(_) => tracing::debug!(target: "signal_bus", parent: &span, elapsed, "done"),
        Err(failure) => {
            span.record("otel.status_code", "ERROR");
            tracing::debug!(target: "signal_bus", parent: &span, elapsed, %failure, "failed");
        }
    }
    handled
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
    if let count @ 2.. = call.signals().len() {
        span.record("count", count);
    }
    if let Some(cause) = call.signal().parent_id() {
        span.record("caused_by", field::display(cause));
    }
    span
}
