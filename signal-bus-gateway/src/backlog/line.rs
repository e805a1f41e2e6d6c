//! An event as it is kept where a crash does not reach it.

use std::sync::Arc;

/// Everything that is needed to have the event again.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) sequence: u64,
    /// In seconds since 1970.
    pub(crate) timestamp: f64,
    /// Decoded.
    pub(crate) path: Box<str>,
    /// Its JSON, with the newline.
    pub(crate) line: Arc<str>,
}

/// Keeps lines.
pub(crate) trait Keep: Send + 'static {
    /// Keeps lines, all of them, or says what is in the way.
    fn keep(&mut self, lines: Vec<Line>) -> impl Future<Output = Result<(), String>> + Send;

    /// Looks whether it could keep again what it could not keep last.
    fn try_out(&mut self) -> impl Future<Output = Result<(), String>> + Send;

    /// Whether a publisher waits until its event is kept.
    fn is_awaited(&self) -> bool;
}
