//! The wiring of a bus, resolved and checked before the first signal.

pub(crate) mod travel;
pub(crate) mod check;
pub(crate) mod options;
pub(crate) mod needs;
pub(crate) mod replies;
pub(crate) mod print;
pub(crate) mod patterns;
pub(crate) mod select;

use std::{collections::HashSet, num::NonZeroUsize};

use crate::{
    error::StartError,
    registry::{
        Declarations, Registration, periodic::Periodic, provider::Provider,
        publisher::PublisherEntry, subscriber::SubscriberEntry,
    },
    signal::Kind,
    topic::pattern::Pattern,
    topology::{check::Wiring, needs::Needs, print::Topology, select::Selection},
};

/// What a description asks for.
pub(crate) struct Request<'a> {
    pub(crate) selections: &'a [Selection],
    /// Types of which the description itself has a value.
    pub(crate) provided: &'a [Kind],
    /// Factories the description has replaced.
    pub(crate) replaced: &'a HashSet<std::any::TypeId>,
    pub(crate) strict: bool,
    /// The topics that travel to other processes.
    pub(crate) travelling: &'a [Pattern],
    /// Types that can travel although no function says so.
    pub(crate) carried: &'a [Kind],
    /// The capacity of subscriptions that name none.
    pub(crate) capacity: NonZeroUsize,
    /// What is wrong with a subscription to the bus's own topics, if something is.
    pub(crate) own_fault: fn(&Pattern, Option<Kind>) -> Option<String>,
    /// Whether it has no connection to other processes, which would matter.
    pub(crate) alone: bool,
    /// Whether the schedule of a periodic function can be read; the error says what is wrong with it.
    pub(crate) readable: fn(&Periodic) -> Result<(), String>,
}

/// What a bus starts: everything in order, nothing missing.
pub(crate) struct Plan {
    pub(crate) topology: Topology,
    /// Every publisher of the program whose bus is among the names.
    pub(crate) publishers: Vec<PublisherEntry>,
    pub(crate) subscribers: Vec<SubscriberEntry>,
    pub(crate) periodics: Vec<Periodic>,
    /// In the order in which they can be built.
    pub(crate) providers: Vec<Provider>,
}

/// Resolves and checks the wiring; all that is wrong comes in one error.
pub(crate) fn plan(request: &Request<'_>) -> Result<Plan, StartError> {
    let declared = declared(request.selections);
    let chosen = select::choose(request.selections, &declared);
    let mut errors = options::faults(request, &chosen);
    let wiring = Wiring::new(&chosen);
    errors.append(&mut wiring.type_mismatches());
    errors.append(&mut replies::mismatches(&chosen));
    let mut warnings = wiring.unconnected(&chosen, request.travelling);
    errors.append(&mut travel::unfit(
        request.travelling,
        request.carried,
        &chosen,
    ));
    errors.append(&mut travel::hasty(request.travelling, &chosen));
    warnings.append(&mut travel::stays(request.travelling, &chosen));
    if request.strict {
        errors.append(&mut warnings);
    }
    warnings.append(&mut check::topic_cycles(&chosen));
    let (providers, mut unmet) = Needs::new(request, &declared, &chosen).resolve();
    errors.append(&mut unmet);
    if !errors.is_empty() {
        errors
            .sort_by(|a, b| (a.kind, &a.places, &a.message).cmp(&(b.kind, &b.places, &b.message)));
        return Err(StartError { findings: errors });
    }
    let topology = Topology::new(&chosen, &providers, warnings);
    let select::Chosen {
        publishers,
        subscribers,
        periodics,
        ..
    } = chosen;
    Ok(Plan {
        topology,
        publishers: publishers.into_iter().map(|(entry, _)| entry).collect(),
        subscribers,
        periodics,
        providers,
    })
}

/// Every registration with what it declares, in order of file and line: the linker promises none.
fn declared(selections: &[Selection]) -> Vec<(&'static Registration, Declarations)> {
    let mut registrations: Vec<_> = crate::registry::all().collect();
    // A function that was picked by name may stand in a program part the linker did not keep.
    for selection in selections {
        registrations.extend_from_slice(selection.picked());
    }
    // The linker mostly keeps the order of a file, so there is little to sort.
    registrations.sort_by(|a, b| {
        let at = |one: &&Registration| std::ptr::from_ref(*one).addr();
        a.site().cmp(&b.site()).then_with(|| at(a).cmp(&at(b)))
    });
    registrations.dedup_by(|a, b| std::ptr::eq(*a, *b));
    registrations
        .into_iter()
        .map(|registration| (registration, registration.declarations()))
        .collect()
}
