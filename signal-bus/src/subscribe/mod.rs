//! Subscribing at run time: pulled, listened to, once.

pub(crate) mod options;
pub(crate) mod pull;
pub(crate) mod closure;
pub(crate) mod listen;
pub(crate) mod once;
pub(crate) mod ask;
