//! Which of the program's functions a bus runs.

use crate::{
    registry::{
        BusName, Declarations, Registration,
        periodic::Periodic,
        provider::{Injectable, Provider},
        publisher::PublisherEntry,
        subscriber::SubscriberEntry,
    },
    site::Site,
};

/// A part of a description's choice; a description that unites others has several.
#[derive(Clone, Debug)]
pub(crate) struct Selection {
    name: BusName,
    /// Whether it takes every function of its name, or only those that were picked.
    all: bool,
    within: Vec<String>,
    picked: Vec<&'static Registration>,
}

impl Selection {
    pub(crate) fn all(name: BusName) -> Self {
        Self {
            name,
            all: true,
            within: Vec::new(),
            picked: Vec::new(),
        }
    }

    pub(crate) fn empty() -> Self {
        Self {
            all: false,
            ..Self::all(BusName::DEFAULT)
        }
    }

    pub(crate) fn name(&self) -> BusName {
        self.name
    }

    pub(crate) fn narrow(&mut self, module: &str) {
        self.within.push(module.to_owned());
        // `Bus::empty().within(..)` takes what is there, as `Bus::new().within(..)` does.
        self.all = true;
    }

    pub(crate) fn pick(&mut self, registration: &'static Registration) {
        self.picked.push(registration);
    }

    pub(crate) fn picked(&self) -> &[&'static Registration] {
        &self.picked
    }

    fn takes(&self, registration: &'static Registration, site: Site, bus: Option<BusName>) -> bool {
        let picked = self
            .picked
            .iter()
            .any(|one| std::ptr::eq(*one, registration));
        let named = self.all && bus.is_none_or(|bus| bus == self.name);
        let within = || self.within.is_empty() || self.within.iter().any(|m| site.is_within(m));
        picked || named && within()
    }
}

/// The functions a bus runs, in order of file and line.
#[derive(Default, Debug)]
pub(crate) struct Chosen {
    /// All publishers of the bus's names; those outside the choice are marked `false`.
    pub(crate) publishers: Vec<(PublisherEntry, bool)>,
    pub(crate) subscribers: Vec<SubscriberEntry>,
    pub(crate) periodics: Vec<Periodic>,
    pub(crate) providers: Vec<Provider>,
    pub(crate) injectables: Vec<Injectable>,
}

pub(crate) fn choose(
    selections: &[Selection],
    declared: &[(&'static Registration, Declarations)],
) -> Chosen {
    let mut chosen = Chosen::default();
    for (registration, declarations) in declared {
        let takes = |site: Site, bus: Option<BusName>| {
            let mut selections = selections.iter();
            selections.any(|selection| selection.takes(registration, site, bus))
        };
        for publisher in &declarations.publishers {
            let taken = takes(publisher.site, Some(publisher.bus));
            let named = selections.iter().any(|s| s.name == publisher.bus);
            if taken || named {
                chosen.publishers.push((publisher.clone(), taken));
            }
        }
        let subscribers = declarations.subscribers.iter().cloned();
        chosen
            .subscribers
            .extend(subscribers.filter(|one| takes(one.site, Some(one.bus))));
        let periodics = declarations.periodics.iter().cloned();
        chosen
            .periodics
            .extend(periodics.filter(|one| takes(one.site, Some(one.bus))));
        let providers = declarations.providers.iter().cloned();
        chosen
            .providers
            .extend(providers.filter(|one| takes(one.site, None)));
        let injectables = declarations.injectables.iter().cloned();
        chosen
            .injectables
            .extend(injectables.filter(|one| takes(one.site, Some(bus_of(declarations, one)))));
    }
    chosen
}

/// An injected function belongs to the bus that its other attributes name, or else to the default one.
fn bus_of(declarations: &Declarations, injectable: &Injectable) -> BusName {
    let site = &injectable.site;
    let subscribers = declarations
        .subscribers
        .iter()
        .map(|one| (one.site, one.bus));
    let periodics = declarations.periodics.iter().map(|one| (one.site, one.bus));
    let publishers = declarations
        .publishers
        .iter()
        .map(|one| (one.site, one.bus));
    let mut all = subscribers.chain(periodics).chain(publishers);
    all.find(|(at, _)| at == site)
        .map_or(BusName::DEFAULT, |(_, bus)| bus)
}
