//! What NATS says, in the words of a bus.

use std::{error::Error, fmt};

use signal_bus::transport::{TransportError, TransportFault};

/// An error with all of its sources: the client's own words often say only where something went wrong.
pub(crate) fn words(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let more = error.to_string();
        if !said.contains(&more) {
            said = format!("{said}: {more}");
        }
        source = error.source();
    }
    said
}

/// An error of a kind, with what was to be done and what the client says.
pub(crate) fn failed(
    fault: TransportFault,
    what: impl fmt::Display,
    error: &(dyn Error + 'static),
) -> TransportError {
    TransportError::new(fault, format!("{what}: {}", words(error)))
}

/// What is said once a connection was drained.
pub(crate) fn closed() -> TransportError {
    TransportError::new(TransportFault::Closed, "the connection to NATS was drained")
}
