//! What a Rust user would pick instead: channels, and with the feature `frameworks` whole buses.
//!
//! A fan-out sends each signal to one bounded channel per subscriber; a broadcast channel has one queue for all.

mod broadcasts;
mod fan_outs;
#[cfg(feature = "frameworks")]
mod frameworks;

use std::fmt::Debug;
use std::sync::Arc;

use crate::shape::{Measure, Round, Shape, touch};

pub use broadcasts::{async_broadcast, tokio_broadcast};
pub use fan_outs::{async_channel, crossfire, flume, kanal, tokio_mpsc};
#[cfg(feature = "frameworks")]
pub use frameworks::{jaeb, jaeb_sync, kameo, rust_stream, tokio_events};

/// A value that is sent about.
pub(crate) trait Value: Clone + Debug + Send + Sync + Unpin + 'static {
    /// The value of a number.
    fn of(number: u64) -> Self;

    /// What is sent where only bytes are.
    #[cfg(feature = "frameworks")]
    fn bytes(&self) -> impl AsRef<[u8]>;
}

impl Value for u64 {
    fn of(number: u64) -> Self {
        number
    }

    #[cfg(feature = "frameworks")]
    fn bytes(&self) -> impl AsRef<[u8]> {
        self.to_le_bytes()
    }
}

impl Value for [u8; 64] {
    fn of(_: u64) -> Self {
        [7; 64]
    }

    #[cfg(feature = "frameworks")]
    fn bytes(&self) -> impl AsRef<[u8]> {
        self
    }
}

impl Value for Arc<[u8; 1024]> {
    fn of(_: u64) -> Self {
        Self::new([7; 1024])
    }

    #[cfg(feature = "frameworks")]
    fn bytes(&self) -> impl AsRef<[u8]> {
        self.as_slice()
    }
}

/// A subscriber's side of the contest.
pub(crate) fn handle<T>(value: &T, round: Option<&Round>) {
    touch(value);
    if let Some(round) = round {
        round.arrive();
    }
}

/// The round of a contest that is held one signal at a time.
pub(crate) fn round_of(shape: Shape) -> Option<Arc<Round>> {
    (shape.measure == Measure::Rounds).then(Arc::default)
}

/// Begins a round, if there are any.
pub(crate) fn begin(round: Option<&Round>, shape: Shape) {
    if let Some(round) = round {
        round.begin(shape.subscribers);
    }
}

/// Waits until the round is over, if there are any.
pub(crate) async fn over(round: Option<&Round>) {
    if let Some(round) = round {
        round.over().await;
    }
}

/// Runs a contest with the payload of its shape.
macro_rules! by_payload {
    ($run:ident) => {
        /// Runs one contest, inside its runtime.
        pub async fn $run(shape: $crate::shape::Shape) -> std::time::Duration {
            use $crate::shape::Payload;
            match shape.payload {
                Payload::Word => inner::$run::<u64>(shape).await,
                Payload::Block => inner::$run::<[u8; 64]>(shape).await,
                Payload::Page => inner::$run::<std::sync::Arc<[u8; 1024]>>(shape).await,
            }
        }
    };
}
pub(crate) use by_payload;
