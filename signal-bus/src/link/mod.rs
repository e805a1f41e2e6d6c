//! The connections of a bus to other processes: none, in a program that is built without the feature `transport`.

#[cfg(feature = "transport")]
pub(crate) mod ids;
#[cfg(feature = "transport")]
mod owing;
#[cfg(feature = "transport")]
pub(crate) mod arrived;
#[cfg(feature = "transport")]
pub(crate) mod codecs;
#[cfg(feature = "transport")]
pub(crate) mod interests;
#[cfg(feature = "transport")]
pub(crate) mod brings;
#[cfg(feature = "transport")]
pub(crate) mod links;
#[cfg(feature = "transport")]
pub(crate) mod leases;
#[cfg(feature = "transport")]
pub(crate) mod replies;
#[cfg(feature = "transport")]
pub(crate) mod connections;
#[cfg(not(feature = "transport"))]
mod none;

#[cfg(not(feature = "transport"))]
pub(crate) use none::{Connections, Links};
#[cfg(feature = "transport")]
pub(crate) use {connections::Connections, links::Links};
