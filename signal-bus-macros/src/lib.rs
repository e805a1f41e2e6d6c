//! The attributes of `signal-bus`. Depend on `signal-bus`, which re-exports them.
//!
//! An annotated item walks through three rooms: `parse` (syntax), `model` (all rules, every
//! error with its place) and `expand` (tokens, no decisions). If a rule is broken, `fallback`
//! gives the user's item back without our attributes, beside the errors.

#![warn(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stderr,
    clippy::print_stdout
)]

mod diagnostics;
mod parse;
mod model;
mod expand;
mod fallback;
mod attribute;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

use crate::parse::Role;

/// Publishes what the function returns.
///
/// ```text
/// #[publisher("orders.created")]            a literal topic, checked here
/// #[publisher("orders.{region}.created")]   filled in from the parameter `region`
/// #[publisher(ORDERS)]                      a `static ORDERS: Topic<Order>`
/// #[publisher("invoice", bus = BILLING)]    on the bus of that `BusName`
/// #[publisher("draft", local)]              no bridge and no transport carries it further
/// ```
///
/// `T`, `Arc<T>`, `Option<_>`, `Result<_, _>` and `impl Stream<Item = T>` are published as `T`;
/// `None` and `Err` publish nothing. Several `#[publisher]` send to several topics.
#[proc_macro_attribute]
pub fn publisher(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(Role::Publisher, arguments.into(), item.into()).into()
}

/// Calls the function with each signal of its topics.
///
/// ```text
/// #[subscriber("orders.*.created", ORDERS, ...)]   several topics, one queue, one order
/// #[subscriber("orders.{region}.created")]         `Signal::capture("region")` is what stands there
/// concurrency = 4 | unbounded                      how many at once; 1 unless set
/// key = |order: &Order| order.id                   with `concurrency`: in order per key
/// capacity = 256                                   how many signals may be outstanding
/// overflow = wait | drop_oldest | drop_newest      what a signal does that meets it full; `wait` unless set
/// batch = 100, within = "50ms"                     several at once; the first waits so long for others
/// group = "workers"                                each signal goes to one member of the group
/// filter = |order: &Order| order.total > 0         others are not accepted
/// timeout = "5s"                                   a longer run is a failure
/// retry(attempts = 5, base = "100ms", factor = 2,  a failed signal is handled again, after a random wait of up to
///       cap = "30s", jitter = full | none,         base * factor^n, at most cap; no attempt begins after budget;
///       budget = "5min", panics, timeouts)         errors are retried, the others where they are named
/// on_trip = rest | close_bus                       what happens when it has panicked too often; as the bus says unless set
/// blocking                                         a plain `fn`, on the blocking pool
/// reply                                            what is returned goes back to whoever asks, by `BusHandle::request`
/// bus = BILLING                                    on the bus of that `BusName`
/// ```
///
/// With `reply` it returns `T`, `Arc<T>`, or these in `Option<_>`, `Result<_, E>` or `Result<Option<_>, E>`: an error fails the request,
/// and `None` leaves the reply to other responders. `T` need not be `Clone`. What is published on the topic it hears as any other
/// subscriber does, and its return value is dropped then.
///
/// `retry` alone, and each part that is left out, is as written here, but for `panics` and `timeouts`, which are off. What is
/// retried keeps its room, and where one is handled at a time its place, so those behind it wait; `signal_bus::Retry` tells the
/// rest.
///
/// A `*` stands for one token, a last `>` for one or more, a last `**` for none or more.
///
/// One parameter takes the signal, as `T`, `&T`, `Arc<T>`, `Signal<T>` or `Signal`, or a batch, as
/// `Vec<_>` or `&[_]` of what is no reference; the others are injected. Members of a group share one queue: they
/// hear the same, with the same capacity, overflow policy and batch, and without filter and key. A
/// batch that fails is a failure of each of its signals. What is dropped at the limit is what waits:
/// of `drop_oldest, capacity = 2`, one signal is in the handler, and the other is the newest.
/// Several `#[subscriber]` make several subscriptions.
///
/// Of a small value with nothing in it to drop, each `Arc<T>` and `Signal<T>` may hold a copy of its own, made by its `Clone`. What
/// all of them are to share, such as a count, goes into an `Arc` inside of it.
///
/// Handlers of one topic are called one after the other in one task as long as none of them waits; one that awaits something goes
/// on in a task of its own, and holds up nobody. One that blocks its thread holds up the others of its topic: make it `blocking`.
#[proc_macro_attribute]
pub fn subscriber(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(Role::Subscriber, arguments.into(), item.into()).into()
}

/// Injects parameters: they leave the function's public signature.
///
/// ```text
/// #[inject(name = get_name)]          on a function: `name` comes from a factory, per call
/// #[inject(name = get_name, once)]    the same, once per bus
/// #[inject]                           on a function whose parameters say `#[inject]`
/// #[inject] pool: &Pool               on a parameter: by type, from a provider
/// #[inject(get_name)] name: String    on a parameter: from a factory
/// ```
#[proc_macro_attribute]
pub fn inject(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(Role::Inject, arguments.into(), item.into()).into()
}

/// Calls the function by the clock while a bus runs.
///
/// ```text
/// #[periodic(1.0)]                 seconds, "250ms", or a `Duration` expression
/// #[periodic(cron = "0 3 * * *")]  times of day: [second] minute hour day month weekday [year]
/// tz = "Europe/Berlin"             with `cron`: the time zone; UTC unless set
/// after = "1s"                     wait before the first run
/// jitter = "50ms"                  up to this much later, at random
/// fixed_rate                       count from the start of a run, not from its end
/// missed = skip | burst | delay    what becomes of missed runs; a fixed rate, or `cron`
/// once_in = "cluster"              of all processes that are connected, one runs it
/// on_trip = rest | close_bus       what happens when it has panicked too often; as the bus says unless set
/// bus = BILLING                    on the bus of that `BusName`
/// ```
///
/// # Once in a cluster
///
/// With `once_in`, the clock calls the function in one of all processes that say so; the name stands for those who share it. The
/// bus needs a connection that has leases (`Bus::connect_to`; the first of several is asked), such as NATS with the KV bucket of that name. Each function has
/// a lease of its own, by its path: two functions may run in two processes, and one that is renamed begins anew.
///
/// - **At most one.** Only the process that has the lease begins a run, and it says so to the server before. This holds as
///   long as the clocks of the machines run about as fast (within a tenth), whatever time they show, and no process stands still
///   for longer than the lease in the middle of a run. Nothing can stop code that is paused and goes on later: what
///   must never happen twice needs a check of its own where it takes effect.
/// - **The next one.** A process that closes hands the lease over at once, after a run that is under way. One that is killed has
///   it for as long as `Bus::lease_time` says, 15 s unless set; then another takes it.
/// - **The time between runs** is kept, by the server's clock: a process that takes over waits as long as the one before it would have. A job of
///   every 24 hours neither begins anew with each restart, nor is put off by it. What has come due while nobody had the lease, or
///   all processes were down, runs at once, once; with `missed = burst`, all of it. Times of day (`cron`) that came while none was there are left
///   out. `after` counts from the start of each process. A run that has begun counts, also if its process dies in it.
/// - **Without the server** no run begins, in no process, and `Bus::health` says so; a run that is under way goes on. If
///   the lease is lost meanwhile, another process may begin the next one beside it.
/// - **By hand.** `PeriodicHandle::lease` says who has it. Where it is paused, the lease is left to others; a run that is asked for where
///   the lease is not is skipped, with a warning.
#[proc_macro_attribute]
pub fn periodic(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(Role::Periodic, arguments.into(), item.into()).into()
}

/// Provides the value that the function returns, built once per start.
///
/// Its parameters are injected by type, or by a factory where `#[inject(..)]` names one. `T`,
/// `Arc<T>`, `Arc<dyn Trait>` and a `Result` of these may be returned.
#[proc_macro_attribute]
pub fn provider(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(Role::Provider, arguments.into(), item.into()).into()
}

/// Wires the annotated methods of an `impl` block to the provided value of its type.
///
/// Inside, `#[provider]`, `#[subscriber]`, `#[periodic]`, `#[publisher]` and `#[inject]` stand on
/// methods; `self` is the value that a provider made, shared by all of them.
#[proc_macro_attribute]
pub fn service(arguments: TokenStream, item: TokenStream) -> TokenStream {
    attribute::expand(Role::Service, arguments.into(), item.into()).into()
}
