//! The gateway as its clients see it, on the wire.

mod kit;
mod wire;
mod topics;
mod private;
mod backlog;
mod original;
mod clients;
mod fuzz;
mod ldap;
mod tls;
mod program;
mod window;
mod room;
#[cfg(feature = "nats")]
mod several;
#[cfg(feature = "nats")]
mod joining;
mod mounted;
