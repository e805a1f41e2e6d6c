//! The layer that traces: what stands in the log of a handler, and what of it others can find.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use signal_bus::{Bus, publisher, subscriber};
use tokio::time::sleep;
use tracing::dispatcher::{get_default, with_default};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Level};

use crate::warnings::hear_by;

/// What is written to a log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn hear(level: Level) -> (Self, DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone());
        (log, hear_by(subscriber.finish()))
    }

    /// The lines of it that end so.
    fn lines(&self, end: &str) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().filter(|line| line.trim_end().ends_with(end));
        lines.map(str::to_owned).collect()
    }
}

mod shop {
    use super::*;

    #[publisher("traces.placed")]
    pub(super) async fn place(id: u32) -> u32 {
        id
    }

    #[subscriber("traces.placed")]
    #[publisher("traces.stored")]
    pub(super) async fn store(id: u32) -> u32 {
        tracing::info!("stores {id}");
        sleep(Duration::from_millis(250)).await;
        tracing::info!("has stored {id}");
        id
    }

    #[subscriber("traces.stored")]
    pub(super) async fn mail(id: u32) {
        tracing::info!("mails {id}");
    }

    #[subscriber("traces.counted", batch = 3, within = "1s")]
    pub(super) async fn count(ids: Vec<u32>) {
        tracing::info!("counts {}", ids.len());
    }

    #[subscriber("traces.drawn", blocking)]
    pub(super) fn draw(heard_by: &Dispatch) {
        with_default(heard_by, || tracing::info!("draws"));
    }

    #[subscriber("traces.late", timeout = "250ms")]
    pub(super) async fn wait(_id: u32) {
        std::future::pending::<()>().await;
    }

    #[subscriber("traces.refused", retry(attempts = 2, base = "1ms"))]
    pub(super) async fn refuse(_id: u32) -> anyhow::Result<()> {
        anyhow::bail!("sold out")
    }
}

fn bus() -> Bus {
    let bus = Bus::new().within(concat!(module_path!(), "::shop"));
    bus.layer(signal_bus::trace).on_error(|_, _| {})
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_logs_stands_in_the_span_of_its_signal() -> anyhow::Result<()> {
    let (log, _guard) = Log::hear(Level::INFO);
    let bus = bus().start().await?;
    let mut heard = bus.subscribe::<u32>("traces.placed")?;
    bus.scope(shop::place(7)).await;
    let first = heard.recv().await.unwrap().id();
    bus.settled().await;
    let ends = ["stores 7", "has stored 7", "mails 7"];
    let [stores, has_stored, mails] = ends.map(|end| log.lines(end));
    for lines in [&stores, &has_stored] {
        assert_eq!(lines.len(), 1, "{lines:?}");
        let line = &lines[0];
        let span =
            format!("topic=\"traces.placed\" id={first} attempt=1 otel.name=process traces.placed");
        assert!(
            line.contains("handle{handler=") && line.contains("shop::store"),
            "{line}"
        );
        assert!(
            line.contains(&span) && !line.contains("caused_by"),
            "{line}"
        );
    }
    let caused = format!("caused_by={first}");
    assert!(
        mails[0].contains("topic=\"traces.stored\"") && mails[0].contains(&caused),
        "{mails:?}"
    );
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_span_tells_how_its_call_has_ended_and_after_what_time() -> anyhow::Result<()> {
    let (log, _guard) = Log::hear(Level::DEBUG);
    let bus = bus().start().await?;
    bus.scope(shop::place(7)).await;
    bus.settled().await;
    let done = log.lines("done elapsed=0.25");
    assert!(
        done.len() == 1 && done[0].contains("shop::store"),
        "{done:?}"
    );
    bus.publish("traces.refused", 7_u32).await?;
    bus.settled().await;
    let failed = log.lines("failed elapsed=0.0 failure=sold out");
    assert_eq!(failed.len(), 2, "{failed:?}");
    for (line, attempt) in failed.iter().zip(1..) {
        assert!(line.contains(&format!("attempt={attempt}")), "{line}");
        assert!(line.contains("otel.status_code=\"ERROR\""), "{line}");
    }
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_span_tells_that_its_call_was_cancelled() -> anyhow::Result<()> {
    let (log, _guard) = Log::hear(Level::DEBUG);
    let bus = bus().close_timeout(Duration::from_millis(100));
    let bus = bus.start().await?;
    bus.publish("traces.late", 7_u32).await?;
    bus.settled().await;
    bus.publish("traces.late", 7_u32).await?;
    bus.close().await.unwrap_err();
    for end in ["cancelled elapsed=0.25", "cancelled elapsed=0.1"] {
        let lines = log.lines(end);
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("otel.status_code=\"ERROR\""), "{lines:?}");
    }
    Ok(())
}

/// What is called on another thread would stand alone there.
#[tokio::test]
async fn what_a_blocking_handler_logs_stands_in_the_span_too() -> anyhow::Result<()> {
    let (log, _guard) = Log::hear(Level::INFO);
    let bus = bus().start().await?;
    // That of a test is its thread's alone.
    let heard_by = get_default(Dispatch::clone);
    bus.publish("traces.drawn", heard_by).await?;
    bus.settled().await;
    let lines = log.lines("draws");
    assert!(
        lines.len() == 1 && lines[0].contains("topic=\"traces.drawn\""),
        "{lines:?}"
    );
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_a_layer_further_inside_logs_at_once_stands_in_the_span() -> anyhow::Result<()> {
    let (log, _guard) = Log::hear(Level::INFO);
    let bus = bus().layer(|call, next| {
        tracing::info!("comes by");
        next.run(call)
    });
    let bus = bus.start().await?;
    bus.publish("traces.stored", 7_u32).await?;
    bus.settled().await;
    let lines = log.lines("comes by");
    assert!(
        lines.len() == 1 && lines[0].contains("topic=\"traces.stored\""),
        "{lines:?}"
    );
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_span_of_a_batch_says_how_many_signals_there_are() -> anyhow::Result<()> {
    let (log, _guard) = Log::hear(Level::INFO);
    let bus = bus().start().await?;
    for id in 0..3_u32 {
        bus.publish("traces.counted", id).await?;
    }
    bus.settled().await;
    let counts = log.lines("counts 3");
    assert!(
        counts.len() == 1 && counts[0].contains(" count=3"),
        "{counts:?}"
    );
    bus.publish("traces.counted", 3_u32).await?;
    bus.settled().await;
    let counts = log.lines("counts 1");
    assert!(
        counts.len() == 1 && counts[0].contains(" count=1"),
        "{counts:?}"
    );
    bus.close().await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn where_nobody_wants_the_span_the_handler_is_called_all_the_same() -> anyhow::Result<()> {
    let (log, _guard) = Log::hear(Level::ERROR);
    let bus = bus().start().await?;
    bus.scope(shop::place(7)).await;
    bus.settled().await;
    assert_eq!(bus.close().await?.stats.total.done, 2);
    assert_eq!(log.lines(""), [""; 0]);
    Ok(())
}
