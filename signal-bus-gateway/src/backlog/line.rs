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
    /// Keeps lines, and says whether all of them are kept.
    fn keep(&mut self, lines: Vec<Line>) -> impl Future<Output = bool> + Send;

    /// Whether a publisher waits until its event is kept.
    fn is_awaited(&self) -> bool;
}
