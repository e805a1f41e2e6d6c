#![doc = include_str!("../README.md")]
#![warn(
    missing_docs,
    clippy::missing_errors_doc,
    clippy::missing_panics_doc,
    clippy::must_use_candidate,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::unwrap_used
)]

// The order is the architecture: a module uses only modules above it.
mod fault;
mod secrets;
mod subject;
mod wire;
mod delivery;
mod events;
mod client;
mod pack;
mod packer;
mod inbox;
mod hears;
mod desk;
mod requests;
mod core;
mod packed;
mod jetstream;
mod log;
mod nats;
mod connecting;

pub use delivery::{Buckets, Delivery, Storage, Streams};
pub use log::{Entry, Extent, Log, LogError, LogReader, LogStream, Read};
pub use nats::Nats;
