//! The bus as a stranger sees it: one file a promise, each with topics and a bus of its own.

#![allow(
    clippy::disallowed_methods,
    reason = "tests stand where user code stands, and users spawn tasks of their own"
)]

mod ledger;
#[cfg(unix)]
mod process;
mod random;
mod rates;
mod sizes;
mod warnings;

mod attacks;
mod auto_traits;
mod batches;
mod bridges;
mod calls;
mod cancelled_publishes;
mod churn;
mod circles;
mod clocks;
mod close;
mod concurrency;
mod convoys;
mod dead_letters;
mod deadlines;
mod drain;
mod dropped_guards;
mod factories;
mod failures;
mod follows;
mod forms;
mod groups;
mod handoff;
mod health;
mod injection;
mod instances;
mod labels;
mod layers;
mod listeners;
mod membership;
mod model;
mod names;
mod ordering;
mod overflow;
mod parked_retries;
mod panics;
mod periodics;
mod plain_values;
mod pressure;
#[cfg(unix)]
mod processes;
mod publishers;
mod publishing;
mod random_orders;
mod retained;
mod requests;
mod retries;
mod routing;
mod runtimes;
mod schedules;
mod scopes;
mod services;
mod shared;
#[cfg(unix)]
mod signals;
mod soak;
mod subscriptions;
mod testing_kit;
mod topics;
mod traces;
mod trips;
mod unheard;
mod wiring;
