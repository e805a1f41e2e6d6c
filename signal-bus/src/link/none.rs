//! A bus without connections: what stands for them in a program that is built without the feature `transport`.

use std::num::NonZeroUsize;

use crate::{
    error::StartError, report::health::ConnectionHealth, route::topic::Travels, signal::Kind,
    topic::pattern::Pattern, topology::Plan,
};

/// No connections, as the description of a bus asks for them.
#[derive(Clone, Default)]
pub(crate) struct Connections {}

/// No connections.
#[derive(Debug)]
pub(crate) struct Links;

#[expect(
    clippy::unused_self,
    reason = "with connections there is something to look at"
)]
impl Connections {
    pub(crate) fn extend(&mut self, _others: Self) {}

    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    pub(crate) fn travelling(&self) -> Vec<Pattern> {
        Vec::new()
    }

    pub(crate) fn carried(&self) -> Vec<Kind> {
        Vec::new()
    }

    #[expect(clippy::unused_async, reason = "to connect takes time")]
    pub(crate) async fn open(
        &self,
        _plan: &Plan,
        _capacity: NonZeroUsize,
    ) -> Result<Links, StartError> {
        Ok(Links)
    }
}

#[expect(
    clippy::unused_self,
    reason = "with connections there is something to look at"
)]
impl Links {
    pub(crate) fn travelling(&self) -> Vec<(Pattern, Travels)> {
        Vec::new()
    }

    pub(crate) fn health(&self) -> Vec<ConnectionHealth> {
        Vec::new()
    }

    pub(crate) fn has_leases(&self) -> bool {
        false
    }

    pub(crate) fn tell_changed(&self) {}
}
