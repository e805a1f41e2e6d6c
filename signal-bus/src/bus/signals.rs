//! Closing on signals of the operating system.

use std::{
    io,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    error::{Finding, FindingKind},
    guarded::caught,
    process::ProcessSignal,
    scope::running::Running,
};

#[cfg(feature = "signals")]
impl crate::bus::Bus {
    /// Closes the bus when the operating system asks for it: the first signal drains, the second one aborts.
    ///
    /// The first does what [`close`](crate::BusHandle::close) does. [`serve`](Self::serve) then returns with the report, and
    /// [`closing`](crate::BusHandle::closing) tells whoever waits for it; what runs in [`run`](Self::run) may come to its end
    /// until the drain has. The second, of whatever kind, moves the deadline to that moment: what is left is cancelled, and
    /// counted as abandoned, and the close ends with [`CloseError::Aborted`](crate::CloseError::Aborted). A signal that
    /// comes while the bus starts lets the start end, and closes then; a second one gives the start up.
    ///
    /// From the start of the bus on, a signal that is named here does not end the program by itself any more, also not when
    /// the bus has closed: the program ends when its `main` does. Every bus that names a signal hears of it. A handler that
    /// blocks the only thread of a runtime keeps the bus from hearing anything. On Windows there is ctrl-c only.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use signal_bus::{Bus, CloseError, ProcessSignal};
    ///
    /// #[tokio::main]
    /// async fn main() -> anyhow::Result<()> {
    ///     let bus = Bus::new().on_signal([ProcessSignal::Terminate, ProcessSignal::Interrupt]);
    ///     println!("{}", bus.serve().await?);
    ///     Ok(())
    /// }
    /// ```
    pub fn on_signal(mut self, signals: impl IntoIterator<Item = ProcessSignal>) -> Self {
        self.signals.extend(signals);
        self
    }
}

/// What a bus hears of the operating system.
pub(super) struct Signals(Vec<Hearing>);

impl Signals {
    /// Begins to hear: from now on none is missed.
    pub(super) fn hear(signals: &[ProcessSignal]) -> Result<Self, Finding> {
        let mut signals = signals.to_vec();
        signals.sort_unstable();
        signals.dedup();
        let hearing = signals.into_iter().map(|signal| {
            // It panics where the runtime cannot hear.
            let hearing = caught(|| Hearing::new(signal));
            let error = match hearing {
                Ok(Ok(hearing)) => return Ok(hearing),
                Ok(Err(error)) => error.to_string(),
                Err(_) => "build the runtime with `enable_io` or `enable_all`".to_owned(),
            };
            let message = format!("the bus cannot hear {signal}, as `on_signal` asks: {error}");
            Err(Finding::new(FindingKind::NoRuntime, message))
        });
        hearing.collect::<Result<_, _>>().map(Self)
    }

    /// Waits for the next one; for ever, if none is asked for.
    pub(super) async fn next(&mut self) -> ProcessSignal {
        std::future::poll_fn(|context| {
            let mut heard = self.0.iter_mut().map(|hearing| hearing.poll(context));
            heard.find(Poll::is_ready).unwrap_or(Poll::Pending)
        })
        .await
    }

    fn hears_any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Passes on to a bus what comes, until it has ended.
    pub(super) fn watch(mut self, running: &Arc<Running>) {
        if !self.hears_any() {
            return;
        }
        let bus = Arc::clone(running);
        running.runtime.spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    _ = bus.ending.ended() => return,
                    signal = self.next() => bus.ending.hear(signal),
                }
            }
        });
    }
}

/// One of the signals that are heard.
#[cfg(all(feature = "signals", any(unix, windows)))]
struct Hearing {
    signal: ProcessSignal,
    #[cfg(unix)]
    stream: tokio::signal::unix::Signal,
    #[cfg(windows)]
    stream: Option<tokio::signal::windows::CtrlC>,
}

#[cfg(all(feature = "signals", unix))]
impl Hearing {
    fn new(signal: ProcessSignal) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal as hear};

        let kind = match signal {
            ProcessSignal::Terminate => SignalKind::terminate(),
            ProcessSignal::Interrupt => SignalKind::interrupt(),
        };
        let stream = hear(kind)?;
        Ok(Self { signal, stream })
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ProcessSignal> {
        match self.stream.poll_recv(context) {
            Poll::Ready(Some(())) => Poll::Ready(self.signal),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(all(feature = "signals", windows))]
impl Hearing {
    fn new(signal: ProcessSignal) -> io::Result<Self> {
        let stream = match signal {
            ProcessSignal::Terminate => None,
            ProcessSignal::Interrupt => Some(tokio::signal::windows::ctrl_c()?),
        };
        Ok(Self { signal, stream })
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ProcessSignal> {
        let stream = self.stream.as_mut();
        match stream.map(|stream| stream.poll_recv(context)) {
            Some(Poll::Ready(Some(()))) => Poll::Ready(self.signal),
            Some(Poll::Ready(None) | Poll::Pending) | None => Poll::Pending,
        }
    }
}

/// There are none to be heard.
#[cfg(not(all(feature = "signals", any(unix, windows))))]
enum Hearing {}

#[cfg(not(all(feature = "signals", any(unix, windows))))]
impl Hearing {
    fn new(_: ProcessSignal) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ProcessSignal> {
        match *self {}
    }
}
