//! Starting: from the plan to running tasks.

use std::{
    num::NonZeroUsize,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tokio::{runtime::Handle, sync::Semaphore, task::JoinSet};

use crate::{
    bus::Bus,
    ending::Ending,
    error::{Finding, FindingKind, StartError},
    guard::{BusGuard, drain},
    guarded::{Guarded, caught},
    inject::{container::Container, provider::Value},
    observe::Observe,
    periodic,
    queue::{Exchange, Inside, QueueId, Settings},
    registry::{
        periodic::Periodic,
        provider::Provider,
        subscriber::{Concurrency, SubscriberEntry},
    },
    report::{CloseOutcome, CloseReport},
    route::{Hearer, Routes},
    scope::{
        Scope,
        running::{Active, BusHandle, RunMark, Running, Subscription},
        table::{self, Counted},
    },
    topology::{Plan, select::Selection},
    worker,
};

pub(super) async fn start(bus: Bus) -> Result<BusGuard, StartError> {
    let Ok(runtime) = Handle::try_current() else {
        let message =
            "a bus starts inside a tokio runtime: use `#[tokio::main]`, or `runtime.block_on(..)`";
        return Err(failed(Finding::new(FindingKind::NoRuntime, message)));
    };
    if caught(|| drop(tokio::time::sleep(Duration::ZERO))).is_err() {
        let message =
            "a bus needs the runtime's clock: build the runtime with `enable_time` or `enable_all`";
        return Err(failed(Finding::new(FindingKind::NoRuntime, message)));
    }
    let plan = bus.plan()?;
    for warning in plan.topology.warnings() {
        tracing::warn!("{warning}");
    }
    let running = Arc::new(running(&bus, &plan, runtime));
    let starting = Starting(Some(Arc::clone(&running)));
    let handle = BusHandle::new(Arc::clone(&running));
    running.container.insert(Value::new(Arc::new(handle)));
    build(&running, &bus, &plan.providers).await?;
    let mut tasks = JoinSet::new();
    if !spawn_workers(&running, &mut tasks).await {
        let message = "the runtime shut down while the bus was starting";
        return Err(failed(Finding::new(FindingKind::NoRuntime, message)));
    }
    table::enter(&running);
    for (index, periodic) in plan.periodics.into_iter().enumerate() {
        tasks.spawn(periodic::tick(Arc::clone(&running), index, periodic));
    }
    running.runtime.spawn(drain::supervise(
        Arc::clone(&running),
        tasks,
        bus.close_timeout,
    ));
    starting.done();
    Ok(BusGuard::new(running))
}

/// Undoes a start that fails or is dropped half-way.
///
/// The container holds a handle of the bus that holds the container, so without this neither would ever go.
struct Starting(Option<Arc<Running>>);

impl Starting {
    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Starting {
    fn drop(&mut self) {
        if let Some(running) = &self.0 {
            running.exchange.abandon();
            running.container.dispose();
            // A handle may have got out, and somebody may wait for its close.
            running.ending.end(CloseReport {
                outcome: CloseOutcome::RuntimeGone,
                elapsed: Duration::ZERO,
                stats: running.stats(),
                failures: running.observe.failures(),
                stuck: Vec::new(),
            });
        }
    }
}

fn failed(finding: Finding) -> StartError {
    StartError {
        findings: vec![finding],
    }
}

fn running(bus: &Bus, plan: &Plan, runtime: Handle) -> Running {
    let subscribers = &plan.subscribers;
    let owed = plan
        .periodics
        .iter()
        .filter(|periodic| periodic.after.is_none());
    let hearers = subscribers.iter().enumerate();
    let hearers = hearers.map(|(index, subscriber)| Hearer::new(QueueId(index), subscriber));
    let routes = Routes::new(hearers.collect(), &plan.publishers, subscribers);
    let mut names: Vec<_> = bus.selections.iter().map(Selection::name).collect();
    names.dedup();
    Running {
        names,
        exchange: Arc::new(Exchange::new(
            subscribers
                .iter()
                .map(|subscriber| settings(subscriber, bus.capacity)),
            owed.count(),
        )),
        dead_letters_heard: routes.is_heard(worker::DEAD),
        routes,
        observe: Observe::new(bus.on_error.clone(), bus.recorder.clone()),
        container: Container::new(bus.replacements.clone()),
        subscriptions: subscribers.iter().map(subscription).collect(),
        periodics: plan.periodics.iter().map(mark).collect(),
        begun: Semaphore::new(0),
        runtime,
        circle_told: AtomicBool::new(false),
        ending: Ending::default(),
        active: Active::default(),
        _counted: Counted::new(),
    }
}

fn settings(subscriber: &SubscriberEntry, capacity: NonZeroUsize) -> Settings {
    Settings {
        capacity: subscriber
            .capacity
            .and_then(NonZeroUsize::new)
            .unwrap_or(capacity),
        concurrency: match subscriber.concurrency {
            Concurrency::At(limit) => Some(limit),
            Concurrency::Unbounded => None,
        },
        keyed: subscriber.key.is_some(),
        drops_oldest: hears_bus(subscriber),
    }
}

fn hears_bus(subscriber: &SubscriberEntry) -> bool {
    let mut topics = subscriber.topics.iter();
    topics.any(|topic| crate::topic::name::is_reserved(topic))
}

fn subscription(subscriber: &SubscriberEntry) -> Subscription {
    let topics = subscriber.topics.iter();
    Subscription {
        site: subscriber.site,
        topics: topics.map(|topic| Box::from(*topic)).collect(),
        call: subscriber.call,
        timeout: subscriber.timeout,
        serial: subscriber.concurrency == Concurrency::At(NonZeroUsize::MIN),
        buries: hears_bus(subscriber),
    }
}

fn mark(periodic: &Periodic) -> RunMark {
    RunMark {
        site: periodic.site,
        runs: AtomicBool::new(false),
    }
}

/// Builds what the providers make, each after what it needs.
async fn build(
    running: &Arc<Running>,
    bus: &Bus,
    providers: &[Provider],
) -> Result<(), StartError> {
    for value in &bus.provided {
        running.container.insert(value.clone());
    }
    for provider in providers {
        let scope = Scope::new(Arc::clone(running), Some(Inside::Start));
        match scope.run(Guarded::run(provider.build)).await {
            Ok(Ok(value)) => running.container.insert(value),
            Ok(Err(error)) => return Err(provider_failed(provider, &error.to_string())),
            Err(panic) => return Err(provider_failed(provider, &format!("panicked: {panic}"))),
        }
    }
    Ok(())
}

fn provider_failed(provider: &Provider, error: &str) -> StartError {
    let message = format!(
        "the provider of `{}` failed: {error}",
        provider.provides.name
    );
    let finding = Finding::new(FindingKind::ProviderFailed, message);
    failed(finding.at(provider.site, "is the provider"))
}

/// Spawns the workers, and waits until each waits for its first signal: woken in the order of a route, they then run in
/// that order, from the first signal on.
///
/// `false` if the workers end instead, because the runtime is gone.
async fn spawn_workers(running: &Arc<Running>, tasks: &mut JoinSet<()>) -> bool {
    let count = running.subscriptions.len();
    for index in 0..count {
        tasks.spawn(worker::work(Arc::clone(running), QueueId(index)));
    }
    for _ in 0..count {
        tokio::select! {
            biased;
            permit = running.begun.acquire() => match permit {
                Ok(permit) => permit.forget(),
                Err(_) => return false,
            },
            _ = tasks.join_next() => return false,
        }
    }
    true
}

#[expect(dead_code, reason = "never called: that it compiles is the point")]
fn futures_are_send(bus: &Bus) {
    fn send<T: Send>(_: T) {}
    send(bus.start());
    send(bus.run(async {}));
}
