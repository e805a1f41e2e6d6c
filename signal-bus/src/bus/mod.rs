//! The description of a bus: which functions, which values, which limits. It is started as often as you like.

#[cfg(feature = "transport")]
pub(crate) mod connect;
mod failures;
mod layers;
#[cfg(feature = "transport")]
mod leases;
mod run;
mod sharing;
mod signals;
mod start;

use std::{
    any::TypeId,
    collections::{HashMap, HashSet},
    fmt,
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use crate::{
    error::{Failure, StartError},
    guard::BusGuard,
    inject::{
        factory::{Factory, Replacement},
        provider::Value,
    },
    layer::MakeLayer,
    link::Connections,
    observe::{At, OnError, Recorder},
    periodic::schedule::Schedule,
    process::ProcessSignal,
    registry::{BusName, Registered, trip::OnTrip},
    scope::{presence, running::BusHandle, trips::PanicLimit},
    signal::{AnyValue, Kind},
    topic::pattern::Pattern,
    topology::{self, Plan, Request, print::Topology, select::Selection},
};

/// Signals that may be outstanding in a subscription that does not say.
const CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();
/// Dead letters that are kept, unless it is said.
const LETTERS_KEPT_MAX: usize = 1024;
/// How often a subscription may panic, unless it is said.
const PANIC_LIMIT: PanicLimit = PanicLimit {
    panics: 5,
    within: Duration::from_secs(10),
};
/// What takes longer is a stall, unless it is said.
const STALL_AFTER: Duration = Duration::from_secs(30);
/// How long a close may take, unless it is said. Kubernetes kills after 30 s.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(25);

/// The description of a bus.
///
/// [`Bus::new`] takes every annotated function of the program. [`run`](Bus::run) starts the bus, runs a future inside of it,
/// and drains it. Cloning and starting a description again makes another bus, which hears nothing of the first.
///
/// ```standalone_crate
/// use signal_bus::{Bus, publisher, subscriber};
///
/// #[publisher("greeting")]
/// async fn greet(name: &str) -> String {
///     format!("hello {name}")
/// }
///
/// #[subscriber("greeting")]
/// async fn print(text: String) {
///     println!("{text}");
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// Bus::new().run(async { greet("world").await; }).await
/// # })?; Ok::<_, anyhow::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "a bus does nothing until it is started"]
pub struct Bus {
    selections: Vec<Selection>,
    provided: Vec<Value>,
    replacements: HashMap<TypeId, Arc<AnyValue>>,
    /// What is kept for those who come later: of which topics, and how many signals.
    histories: Vec<(Pattern, NonZeroUsize)>,
    /// What stands around each call of a handler, the outermost first.
    layers: Vec<MakeLayer>,
    capacity: NonZeroUsize,
    close_timeout: Duration,
    /// Dead letters that are kept to be looked at.
    letters_max: usize,
    panic_limit: PanicLimit,
    on_trip: OnTrip,
    stall_after: Duration,
    /// What closes it from outside of the program.
    signals: Vec<ProcessSignal>,
    strict: bool,
    on_error: Option<OnError>,
    recorder: Option<Arc<dyn Recorder>>,
    /// What connects it to other processes.
    connections: Connections,
}

impl fmt::Debug for Bus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bus")
            .field("selections", &self.selections)
            .field("provided", &self.provided)
            .finish_non_exhaustive()
    }
}

impl Default for Bus {
    fn default() -> Self {
        Self::new()
    }
}

impl Bus {
    /// A bus of every annotated function that names no other bus.
    ///
    /// A crate that nothing references is left out by the linker, with its functions: see [`link!`](macro@crate::link).
    pub fn new() -> Self {
        Self::of(Selection::all(BusName::DEFAULT))
    }

    /// A bus of every annotated function that names this bus: `#[subscriber("topic", bus = BILLING)]`.
    pub fn named(name: &'static BusName) -> Self {
        Self::of(Selection::all(*name))
    }

    /// A bus of no function but those that [`with`](Bus::with) picks.
    pub fn empty() -> Self {
        Self::of(Selection::empty())
    }

    fn of(selection: Selection) -> Self {
        Self {
            selections: vec![selection],
            provided: Vec::new(),
            replacements: HashMap::new(),
            histories: Vec::new(),
            layers: Vec::new(),
            capacity: CAPACITY,
            close_timeout: CLOSE_TIMEOUT,
            letters_max: LETTERS_KEPT_MAX,
            panic_limit: PANIC_LIMIT,
            on_trip: OnTrip::default(),
            stall_after: STALL_AFTER,
            signals: Vec::new(),
            strict: false,
            on_error: None,
            recorder: None,
            connections: Connections::default(),
        }
    }

    /// Picks a function or a service by its name: `Bus::empty().with::<print>().with::<Mailer>()`.
    pub fn with<F: Registered>(mut self) -> Self {
        for selection in &mut self.selections {
            selection.pick(F::registration());
        }
        self
    }

    /// Takes only what stands in a module or below it: `Bus::new().within("my_app::billing")`.
    ///
    /// Several calls take what stands in any of the modules. `module_path!()` names the module it is written in.
    pub fn within(mut self, module: &str) -> Self {
        for selection in &mut self.selections {
            selection.narrow(module);
        }
        self
    }

    /// Gives a value for parameters that are injected by its type. It goes before a `#[provider]` of the type.
    pub fn provide<T: Send + Sync + 'static>(self, value: T) -> Self {
        self.provide_arc(Arc::new(value))
    }

    /// Gives a shared value, which may be a trait object: `.provide_arc::<dyn Transport>(Arc::new(Smtp))`.
    pub fn provide_arc<T: ?Sized + Send + Sync + 'static>(mut self, value: Arc<T>) -> Self {
        self.provided
            .retain(|other| other.kind() != Kind::of::<T>());
        self.provided.push(Value::new(value));
        self
    }

    /// Replaces a factory by a function that returns what is injected.
    ///
    /// ```standalone_crate
    /// use signal_bus::{Bus, inject, subscriber};
    ///
    /// async fn name() -> String { "Frank".into() }
    ///
    /// #[subscriber("greeting")]
    /// #[inject(name = name)]
    /// async fn print(greeting: &str, name: String) { println!("{greeting} from {name}") }
    ///
    /// let bus = Bus::new().replace(name, || "Bob".to_string());
    /// ```
    #[expect(
        clippy::needless_pass_by_value,
        reason = "a factory is named, as a plain function"
    )]
    pub fn replace<P, F, M, R>(mut self, factory: F, replacement: R) -> Self
    where
        P: 'static,
        F: Factory<P, M>,
        R: Fn() -> P + Send + Sync + 'static,
    {
        let id = crate::inject::FunctionId::of(&factory).id;
        let replacement: Replacement<P> = Box::new(replacement);
        self.replacements.insert(id, Arc::new(replacement));
        self
    }

    /// Unites this description with another: the functions and values of both, in one bus.
    ///
    /// What both say differently, values for one type and settings, is taken from `other` where it was set there.
    pub fn connect(mut self, other: Self) -> Self {
        self.selections.extend(other.selections);
        for value in other.provided {
            self.provided.retain(|mine| mine.kind() != value.kind());
            self.provided.push(value);
        }
        self.replacements.extend(other.replacements);
        self.histories.extend(other.histories);
        self.layers.extend(other.layers);
        self.signals.extend(other.signals);
        if other.capacity != CAPACITY {
            self.capacity = other.capacity;
        }
        if other.close_timeout != CLOSE_TIMEOUT {
            self.close_timeout = other.close_timeout;
        }
        if other.letters_max != LETTERS_KEPT_MAX {
            self.letters_max = other.letters_max;
        }
        if other.panic_limit != PANIC_LIMIT {
            self.panic_limit = other.panic_limit;
        }
        if other.on_trip != OnTrip::default() {
            self.on_trip = other.on_trip;
        }
        if other.stall_after != STALL_AFTER {
            self.stall_after = other.stall_after;
        }
        self.strict |= other.strict;
        self.on_error = other.on_error.or(self.on_error);
        self.recorder = other.recorder.or(self.recorder);
        self.connections.extend(other.connections);
        self
    }

    /// How many signals may be outstanding in a subscription that does not say itself; 1024 unless set.
    ///
    /// Those in handlers count, too. A handler that takes one signal after the other may be handed several at once, up to an
    /// eighth of the capacity and 64; their room is free again when it is through with all of them, so that a publisher
    /// may have to wait with that many fewer outstanding. Never are there more.
    ///
    /// # Panics
    ///
    /// Panics if `signals` is 0: nothing could ever be published.
    pub fn capacity(mut self, signals: usize) -> Self {
        self.capacity =
            NonZeroUsize::new(signals).expect("a subscription needs room for at least one signal");
        self
    }

    /// Keeps the last `signals` signals of the topics that fit `pattern`, for those who subscribe later.
    ///
    /// [`SubscriptionOptions::from_oldest`](crate::SubscriptionOptions::from_oldest) and
    /// [`from_sequence`](crate::SubscriptionOptions::from_sequence) begin with what is kept; what is published from then on
    /// follows without gap or double. The kept values live as long as they are kept.
    ///
    /// # Panics
    ///
    /// Panics if `pattern` is no pattern, or `signals` is 0.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let bus = signal_bus::Bus::empty().history("orders.>", 1000).start().await?;
    /// bus.publish("orders.eu", 1_u32).await?;
    /// bus.publish("orders.us", 2_u32).await?;
    /// let mut late = bus.subscription::<u32>("orders.>").from_oldest().subscribe()?;
    /// assert_eq!(late.recv().await.as_deref(), Some(&1));
    /// let seen = late.recv().await.expect("there are two").sequence();
    ///
    /// let mut later = bus.subscription::<u32>("orders.>").from_sequence(seen + 1).subscribe()?;
    /// bus.publish("orders.eu", 3_u32).await?;
    /// assert_eq!(later.recv().await.as_deref(), Some(&3));
    /// # drop((late, later)); bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[track_caller]
    pub fn history(mut self, pattern: &str, signals: usize) -> Self {
        let pattern = match Pattern::new(pattern) {
            Ok(pattern) => pattern,
            Err(error) => panic!("no history can be kept of {pattern:?}: {error}"),
        };
        let signals = NonZeroUsize::new(signals);
        let signals = signals.expect("a history keeps at least one signal");
        self.histories.push((pattern, signals));
        self
    }

    /// How long a close may take before it cancels what is left; 25 s unless set.
    pub fn close_timeout(mut self, limit: Duration) -> Self {
        self.close_timeout = limit;
        self
    }

    /// Refuses to start with a publisher nobody hears, or a subscriber nobody feeds.
    pub fn strict(mut self) -> Self {
        self.strict = true;
        self
    }

    /// Calls a function once for each failure: of a handler, of a periodic run, of a publish inside an annotated function.
    ///
    /// Both arguments are `Display`: the place, with function, file and line; and what went wrong. Without this, failures go
    /// to the log at level `error`, or to standard error in a program that has no log set up.
    pub fn on_error(mut self, on_error: impl Fn(&At, &Failure) + Send + Sync + 'static) -> Self {
        self.on_error = Some(Arc::new(on_error));
        self
    }

    /// Lets a recorder hear of everything.
    #[cfg_attr(
        not(feature = "testing"),
        expect(dead_code, reason = "the testing kit records")
    )]
    pub(crate) fn recorder(mut self, recorder: Arc<dyn Recorder>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Checks the wiring without starting anything.
    ///
    /// # Errors
    ///
    /// [`StartError`] with everything that would keep the bus from starting, except providers that fail.
    pub fn check(&self) -> Result<Topology, StartError> {
        self.plan().map(|plan| plan.topology)
    }

    /// The wiring, as [`check`](Bus::check) gives it.
    ///
    /// # Errors
    ///
    /// [`StartError`] if the wiring has an error.
    pub fn topology(&self) -> Result<Topology, StartError> {
        self.check()
    }

    fn plan(&self) -> Result<Plan, StartError> {
        let mut provided: Vec<_> = self.provided.iter().map(Value::kind).collect();
        provided.push(Kind::of::<BusHandle>());
        let replaced: HashSet<_> = self.replacements.keys().copied().collect();
        topology::plan(&Request {
            selections: &self.selections,
            travelling: &self.connections.travelling(),
            carried: &self.connections.carried(),
            provided: &provided,
            replaced: &replaced,
            strict: self.strict,
            alone: self.connections.is_empty() && self.recorder.is_none(),
            capacity: self.capacity,
            own_fault: presence::own_fault,
            readable: |periodic| Schedule::new(periodic).map(drop),
        })
    }

    /// Starts the bus: checks the wiring, builds what is provided, and sets the workers to work.
    ///
    /// # Errors
    ///
    /// [`StartError`] with all that is wrong, each finding with functions, file and line.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a start that is dropped disposes what its providers have made; the next start begins anew.
    ///
    /// # Examples
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let bus = signal_bus::Bus::new().start().await?;
    /// bus.publish("orders.eu.created", 7_u32).await?;
    /// bus.close().await?;
    /// # Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    pub fn start(&self) -> impl Future<Output = Result<BusGuard, StartError>> + Send + use<> {
        start::start(self.clone())
    }
}
