//! This bus and its peers, side by side in one run.
//!
//! Each contestant delivers the same signals to the same number of subscribers, each a task of its own, on a fresh runtime.
//! The contestants take turns, so that what disturbs the machine disturbs all; what counts is the ratio of their medians.

#![allow(
    clippy::disallowed_methods,
    reason = "the peers spawn tasks of their own, and real time is what is measured"
)]

pub mod caller;
pub mod calls;
pub mod contest;
pub mod figures;
pub mod many;
pub mod ours;
pub mod peers;
pub mod report;
pub mod shape;
