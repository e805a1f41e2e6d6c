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
#![cfg_attr(
    not(feature = "nats"),
    expect(
        dead_code,
        reason = "what gateways share is read, but nobody carries it"
    )
)]

// The order is the architecture: a module uses only modules above it.
mod mutex;
mod clock;
mod json;
mod topic;
mod cursor;
mod event;
mod websocket;
mod problem;
mod yaml;
mod access;
mod config;
mod backlog;
mod hub;
#[cfg(feature = "nats")]
mod nats;
mod login;
mod wire;
mod serve;
mod setup;
mod shown;
mod server;
mod gateway;
#[cfg(test)]
mod fuzz;

pub use crate::{
    config::Compat,
    gateway::{Access, Gateway, GatewayBody, TooSlow},
    problem::{Problem, Weight},
    server::Server,
    setup::Setup,
    shown::ServerError,
};
