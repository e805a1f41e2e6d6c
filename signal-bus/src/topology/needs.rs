//! What injected parameters need: who provides it, in which order it is built, and what is missing.

use std::{
    any::TypeId,
    collections::{HashMap, HashSet},
};

use crate::{
    error::{Finding, FindingKind},
    inject::{Dependency, Need},
    registry::{
        Declarations, Registration,
        provider::{Injectable, Provider},
    },
    signal::Kind,
    site::Site,
    topology::{Request, select::Chosen},
};

/// Walks from the chosen functions to all that they need.
pub(crate) struct Needs<'a> {
    provided: HashSet<TypeId>,
    replaced: &'a HashSet<TypeId>,
    providers: HashMap<TypeId, Vec<&'a Provider>>,
    factories: HashMap<TypeId, &'a Injectable>,
    roots: Vec<(Site, &'a [Dependency])>,
    state: HashMap<TypeId, State>,
    path: Vec<(TypeId, Site, &'static str)>,
    order: Vec<Provider>,
    missing: Vec<(Kind, Finding)>,
    findings: Vec<Finding>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Entered,
    Done,
}

impl<'a> Needs<'a> {
    pub(crate) fn new(
        request: &'a Request<'a>,
        declared: &'a [(&'static Registration, Declarations)],
        chosen: &'a Chosen,
    ) -> Self {
        let mut providers: HashMap<TypeId, Vec<&Provider>> = HashMap::new();
        for provider in &chosen.providers {
            providers
                .entry(provider.provides.id)
                .or_default()
                .push(provider);
        }
        let factories = declared
            .iter()
            .flat_map(|(_, declarations)| &declarations.injectables)
            .map(|injectable| (injectable.function.id, injectable))
            .collect();
        let subscribers = chosen
            .subscribers
            .iter()
            .map(|s| (s.site, &*s.dependencies));
        let periodics = chosen.periodics.iter().map(|p| (p.site, &*p.dependencies));
        let injectables = chosen
            .injectables
            .iter()
            .map(|i| (i.site, &*i.dependencies));
        Self {
            provided: request.provided.iter().map(|kind| kind.id).collect(),
            replaced: request.replaced,
            providers,
            factories,
            roots: subscribers.chain(periodics).chain(injectables).collect(),
            state: HashMap::new(),
            path: Vec::new(),
            order: Vec::new(),
            missing: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// The providers to build, in order, and what is wrong.
    pub(crate) fn resolve(mut self) -> (Vec<Provider>, Vec<Finding>) {
        for (site, dependencies) in std::mem::take(&mut self.roots) {
            self.visit_all(site, dependencies);
        }
        self.findings
            .extend(self.missing.into_iter().map(|(_, finding)| finding));
        (self.order, self.findings)
    }

    fn visit_all(&mut self, site: Site, dependencies: &'a [Dependency]) {
        for dependency in dependencies {
            self.visit(site, dependency);
        }
    }

    fn visit(&mut self, site: Site, dependency: &'a Dependency) {
        match dependency.need {
            Need::Type(kind) => self.visit_type(site, dependency.parameter, kind, true),
            Need::OptionalType(kind) => self.visit_type(site, dependency.parameter, kind, false),
            Need::Factory(function) => {
                if self.replaced.contains(&function.id) {
                    return;
                }
                if let Some(&factory) = self.factories.get(&function.id) {
                    if self.enter(function.id, factory.site, function.name) {
                        self.visit_all(factory.site, &factory.dependencies);
                        self.leave(function.id);
                    }
                }
            }
        }
    }

    fn visit_type(&mut self, site: Site, parameter: &'static str, kind: Kind, required: bool) {
        if self.provided.contains(&kind.id) {
            return;
        }
        let Some(providers) = self.providers.get(&kind.id) else {
            if required {
                self.miss(site, parameter, kind);
            }
            return;
        };
        let (provider, others) = (providers[0], providers.len() - 1);
        if 0 < others && !self.state.contains_key(&kind.id) {
            let mut finding = Finding::new(
                FindingKind::DuplicateProvider,
                format!("`{}` has {} providers; keep one", kind.name, others + 1),
            );
            for provider in providers {
                finding = finding.at(provider.site, "provides it");
            }
            self.findings.push(finding);
        }
        if self.enter(kind.id, provider.site, kind.name) {
            self.visit_all(provider.site, &provider.dependencies);
            self.leave(kind.id);
            self.order.push(provider.clone());
        }
    }

    fn miss(&mut self, site: Site, parameter: &'static str, kind: Kind) {
        let part = format!("needs it for parameter `{parameter}`");
        if let Some((_, finding)) = self.missing.iter_mut().find(|(known, _)| *known == kind) {
            if !finding.places.contains(&(site, part.clone())) {
                finding.places.push((site, part));
            }
            return;
        }
        let message = format!(
            "nothing provides `{}`: add `.provide(value)` to the bus, or a `#[provider]` function",
            kind.name
        );
        let finding = Finding::new(FindingKind::MissingProvider, message).at(site, part);
        self.missing.push((kind, finding));
    }

    /// Whether this is the first visit; a visit inside itself is a cycle.
    fn enter(&mut self, id: TypeId, site: Site, name: &'static str) -> bool {
        match self.state.get(&id) {
            Some(State::Done) => false,
            Some(State::Entered) => {
                self.report_cycle(id);
                false
            }
            None => {
                self.state.insert(id, State::Entered);
                self.path.push((id, site, name));
                true
            }
        }
    }

    fn leave(&mut self, id: TypeId) {
        self.state.insert(id, State::Done);
        self.path.pop();
    }

    fn report_cycle(&mut self, id: TypeId) {
        let start = self.path.iter().position(|(on_path, ..)| *on_path == id);
        let cycle = &self.path[start.unwrap_or_default()..];
        let names: Vec<_> = cycle
            .iter()
            .chain(cycle.first())
            .map(|(.., name)| *name)
            .collect();
        let message = format!("these need each other: {}", names.join(" -> "));
        let mut finding = Finding::new(FindingKind::ProviderCycle, message);
        for (_, site, name) in cycle {
            finding = finding.at(*site, format!("makes `{name}`"));
        }
        self.findings.push(finding);
    }
}
