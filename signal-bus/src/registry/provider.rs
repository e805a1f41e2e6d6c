//! Providers and injected functions, as the attributes declare them.

use std::fmt;

use crate::{
    inject::{
        Dependency, FunctionId,
        provider::{Provided, ProviderFuture},
    },
    signal::Kind,
    site::Site,
};

/// A provider's declaration.
#[derive(Clone)]
pub struct Provider {
    pub(crate) site: Site,
    pub(crate) provides: Kind,
    pub(crate) build: fn() -> ProviderFuture,
    pub(crate) dependencies: Vec<Dependency>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({} of {})", self.site, self.provides.name)
    }
}

impl Provider {
    /// Declares that the function at `site` makes a `T`.
    #[must_use]
    pub fn new<T: ?Sized + 'static>(
        site: Site,
        _provides: Provided<T>,
        build: fn() -> ProviderFuture,
    ) -> Self {
        Self {
            site,
            provides: Provided::<T>::kind(),
            build,
            dependencies: Vec::new(),
        }
    }

    /// What its parameters need.
    #[must_use]
    pub fn dependencies(mut self, dependencies: Vec<Dependency>) -> Self {
        self.dependencies = dependencies;
        self
    }
}

/// The declaration of a function with injected parameters, which may be a factory of others.
#[derive(Clone, Debug)]
pub struct Injectable {
    pub(crate) site: Site,
    pub(crate) function: FunctionId,
    pub(crate) dependencies: Vec<Dependency>,
}

impl Injectable {
    /// Declares what the function at `site` needs.
    #[must_use]
    pub fn new(site: Site, function: FunctionId, dependencies: Vec<Dependency>) -> Self {
        Self {
            site,
            function,
            dependencies,
        }
    }
}
