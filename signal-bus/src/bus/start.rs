//! Starting: from the plan to running tasks.

use std::{
    collections::HashMap,
    num::NonZeroUsize,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::Semaphore};

#[cfg(feature = "transport")]
use crate::{bus::leases, inbound};
use crate::{
    bus::{Bus, sharing, signals::Signals},
    ending::Ending,
    error::{Finding, FindingKind, StartError},
    guard::{BusGuard, drain},
    guarded::{Guarded, caught},
    inject::{container::Container, provider::Value},
    latch::Latch,
    layer::Layers,
    link::Links,
    observe::{self, Observe},
    periodic::{self, schedule::schedules},
    queue::{
        Exchange, Settings,
        generation::begin_generation,
        kept::{Kept, Since},
        log::LogId,
        offer::Inside,
        parked,
    },
    registry::{
        periodic::Periodic,
        provider::Provider,
        subscriber::{Call, Concurrency, Overflow, SubscriberEntry},
    },
    report::CloseOutcome,
    route::{Routes, declared::Declared, hearer::Wish},
    scope::{
        Scope,
        active::Active,
        asking::Asking,
        bound::Bound,
        control::Controls,
        passages::Passages,
        presence::Presence,
        running::{self, BusHandle, Running},
        table::{self, Counted},
        tasks::Tasks,
        trip::Trip,
        trips::Trips,
        watch::Watch,
    },
    topic::template::Template,
    topology::{Plan, select::Selection},
    worker::{self, Work, convoy, effort::Effort, hand::Hand, runs},
};

/// Starts a bus, which hears signals from the first moment on.
pub(super) async fn start(bus: Bus) -> Result<BusGuard, StartError> {
    let signals = Signals::hear(&bus.signals);
    let mut starting = Box::pin(begin(bus));
    // Without a runtime there is nobody to hear, and the start says so better.
    let mut signals = match signals {
        Ok(signals) => signals,
        Err(finding) if Handle::try_current().is_ok() => return Err(failed(finding)),
        Err(_) => return starting.await,
    };
    let mut heard = Vec::new();
    let guard = loop {
        tokio::select! {
            biased;
            started = &mut starting => break started?,
            signal = signals.next() => heard.push(signal),
        }
        if let [first, second] = heard[..] {
            let message = format!("{first} and {second} came while the bus was starting");
            return Err(failed(Finding::new(FindingKind::Stopped, message)));
        }
    };
    let running = guard.running();
    heard
        .into_iter()
        .for_each(|signal| running.ending.hear(signal));
    signals.watch(running);
    Ok(guard)
}

async fn begin(bus: Bus) -> Result<BusGuard, StartError> {
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
    let mut plan = bus.plan()?;
    for warning in plan.topology.warnings() {
        observe::warn(&warning.to_string());
    }
    let schedules = schedules(&plan.periodics)?;
    let links = bus.connections.open(&plan, bus.capacity).await?;
    if bus.recorder.is_some() && !links.has_leases() {
        // Whoever tests it, tests it by itself.
        plan.periodics.iter_mut().for_each(Periodic::stands_alone);
    }
    #[cfg(feature = "transport")]
    let leases =
        leases::prepare(&plan.periodics, &links, bus.connections.takes_over_within()).await?;
    let running = Arc::new(running(&bus, &plan, runtime, links));
    let workers = join(&running, &plan.subscribers)?;
    let starting = Starting(Some(Arc::clone(&running)));
    let handle = BusHandle::new(Arc::clone(&running));
    running.container.insert(Value::new(Arc::new(handle)));
    build(&running, &bus, &plan.providers).await?;
    if !spawn_workers(&running, workers).await {
        let message = "the runtime shut down while the bus was starting";
        return Err(failed(Finding::new(FindingKind::NoRuntime, message)));
    }
    #[cfg(feature = "transport")]
    inbound::open(&running)
        .await
        .map_err(|(link, error)| link.failed(&error))?;
    #[cfg(feature = "transport")]
    let keepers = leases::begin(&running, leases).await?;
    table::enter(&running);
    running.tell_of_all();
    for (schedule, controls) in schedules.into_iter().zip(&running.periodics) {
        #[cfg(feature = "transport")]
        if let Some(keeper) = keepers.get(&controls.site) {
            periodic::once::begin(&running, controls, schedule, keeper);
            continue;
        }
        let tick = periodic::tick(Arc::clone(&running), Arc::clone(controls), schedule);
        running.tasks.spawn(&running.runtime, tick);
    }
    let supervisor = drain::supervise(Arc::clone(&running));
    running.runtime.spawn(supervisor);
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
            running.exchange.forget_kept();
            running.observe.letters.forget();
            running.container.dispose();
            running.tasks.take().abort_all();
            // A handle may have got out, and somebody may wait for its close.
            let report = running.report(CloseOutcome::RuntimeGone, Duration::ZERO, Vec::new());
            running.ending.end(report);
        }
    }
}

fn failed(finding: Finding) -> StartError {
    StartError {
        findings: vec![finding],
    }
}

fn running(bus: &Bus, plan: &Plan, runtime: Handle, links: Links) -> Running {
    let owed = plan.periodics.iter().filter(|periodic| periodic.is_owed());
    let kept = Kept::new(bus.histories.iter().map(|history| history.1.get()));
    let histories = bus.histories.iter();
    let histories = histories.map(|(pattern, size)| (pattern.clone(), size.get()));
    let declared = Declared::new(&plan.publishers, &plan.subscribers);
    let mut names = Vec::new();
    for name in bus.selections.iter().map(Selection::name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let generation = begin_generation();
    Running {
        id: running::next_id(),
        names,
        exchange: Arc::new(Exchange::new(kept, owed.count(), generation)),
        routes: Routes::new(
            declared,
            histories.collect(),
            links.travelling(),
            generation,
        ),
        links,
        observe: Observe::new(bus.on_error.clone(), bus.recorder.clone(), bus.letters_max),
        container: Container::new(bus.replacements.clone()),
        layers: Layers::made(&bus.layers),
        periodics: plan
            .periodics
            .iter()
            .map(|periodic| {
                let on_trip = periodic.on_trip.unwrap_or(bus.on_trip);
                Arc::new(Controls::new(periodic.site, on_trip))
            })
            .collect(),
        begun: Semaphore::new(0),
        runtime,
        capacity: bus.capacity,
        reserved_heard: AtomicUsize::new(0),
        presence: Presence::default(),
        circle_told: AtomicBool::new(false),
        trips: Trips::new(bus.panic_limit, bus.on_trip),
        asking: Asking::default(),
        close_timeout: bus.close_timeout,
        ending: Ending::default(),
        tasks: Tasks::new(),
        watch: Watch::new(bus.stall_after),
        active: Active::default(),
        passages: Passages::new(bus.capacity),
        bound: Bound::default(),
        _counted: Counted::new(),
    }
}

/// Lets all annotated subscribers in, so that what providers publish waits for them.
fn join(running: &Running, subscribers: &[SubscriberEntry]) -> Result<Vec<Arc<Work>>, StartError> {
    let mut sharing = Vec::new();
    let joined = subscribers.iter().map(|subscriber| {
        let wish = wish(subscriber, running.capacity);
        let (templates, settings) = (Arc::clone(&wish.templates), wish.settings);
        let hearer = running.join_untold(wish, Since::Newest, |_, _| {});
        let hearer = hearer.map_err(|error| {
            let finding = Finding::new(FindingKind::InvalidOption, error.to_string());
            failed(finding.at(subscriber.site, "cannot subscribe"))
        })?;
        let named = templates.iter().any(Template::has_holes);
        let in_runs = settings.in_runs() && subscriber.handles_plainly();
        if in_runs && hearer.may_share() {
            sharing.push(Arc::clone(&hearer));
        }
        Ok(Arc::new(Work {
            queue: hearer.queue,
            id: parked::next_id(),
            member: None,
            site: subscriber.site,
            handler: subscriber.call.into(),
            templates: named.then_some(templates),
            effort: Effort::new(subscriber.timeout, subscriber.retry, settings.limit),
            trip: Trip::new(subscriber.on_trip.unwrap_or(running.trips.on_trip)),
            meter: OnceLock::new(),
            limit: settings.limit,
            in_runs,
            replies: settings.replies,
            buries: hearer.is_reserved(),
            gone: Latch::default(),
        }))
    });
    let joined = joined.collect::<Result<_, _>>()?;
    if !running.handles_each() {
        sharing::share(running, sharing);
    }
    Ok(joined)
}

fn wish(subscriber: &SubscriberEntry, capacity: NonZeroUsize) -> Wish {
    // The attributes have checked the names.
    let templates = subscriber
        .as_written()
        .iter()
        .filter_map(|topic| Template::new(topic).ok());
    let templates: Arc<[_]> = templates.collect();
    let reserved = templates.iter().any(|one| one.pattern().is_reserved());
    let own = subscriber.capacity.and_then(NonZeroUsize::new);
    Wish {
        site: subscriber.site,
        templates,
        kind: subscriber.kind,
        filter: subscriber.filter.clone(),
        key: subscriber.key.clone(),
        replies: subscriber.replies.map(|(kind, _)| Box::new(kind)),
        group: subscriber.group.map(Box::from),
        settings: Settings {
            capacity: own.unwrap_or(capacity),
            limit: match subscriber.concurrency {
                Concurrency::At(limit) => Some(limit),
                Concurrency::Unbounded => None,
            },
            keyed: subscriber.key.is_some(),
            overflow: if reserved {
                Overflow::DropOldest
            } else {
                subscriber.overflow
            },
            batch: match subscriber.call {
                Call::Each(_) => None,
                Call::Batch(_, batch) => Some(batch),
            },
            shared: subscriber.group.is_some(),
            pulled: false,
            replies: subscriber.replies.is_some(),
            leaves: false,
        },
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
async fn spawn_workers(running: &Arc<Running>, workers: Vec<Arc<Work>>) -> bool {
    let (tasks, runtime) = (&running.tasks, &running.runtime);
    let mut convoys: Vec<(LogId, Vec<Hand<'static>>)> = Vec::new();
    let mut places: HashMap<LogId, usize> = HashMap::new();
    for work in &workers {
        let (bus, work) = (Arc::clone(running), Arc::clone(work));
        let Some(hand) = work.hand_in_runs(running) else {
            tasks.spawn_worker(runtime, worker::work(bus, work));
            continue;
        };
        let log = running.exchange.log_of(work.queue);
        let Some(log) = log else {
            tasks.spawn_worker(runtime, runs::work(bus, hand));
            continue;
        };
        let place = *places.entry(log).or_insert(convoys.len());
        match convoys.get_mut(place) {
            Some((_, hands)) => hands.push(hand),
            None => convoys.push((log, vec![hand])),
        }
    }
    for (log, mut hands) in convoys {
        let bus = Arc::clone(running);
        match hands.len() {
            1 => hands.pop().into_iter().for_each(|hand| {
                tasks.spawn_worker(runtime, runs::work(Arc::clone(&bus), hand));
            }),
            _ => {
                tasks.spawn_worker(runtime, convoy::work(bus, log, hands));
            }
        }
    }
    for work in &workers {
        tokio::select! {
            biased;
            permit = running.begun.acquire() => match permit {
                Ok(permit) => permit.forget(),
                Err(_) => return false,
            },
            () = work.gone.wait() => return false,
        }
    }
    true
}
