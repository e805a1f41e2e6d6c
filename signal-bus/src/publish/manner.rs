//! How something is published, beside its topic and its value.

use std::{sync::Arc, time::SystemTime};

use crate::{
    queue::{entry::Ticket, offer::Inside},
    route::topic::Route,
    signal::{
        arrival::Came,
        headers::Headers,
        label::{Origin, Stamp},
    },
};

/// How something is published, beside its topic and its value.
#[derive(Clone, Default, Debug)]
pub(crate) struct Manner {
    pub(crate) inside: Option<Inside>,
    /// What led to it, where that is not the handler it is published from.
    pub(crate) origin: Option<Origin>,
    /// Whether the publisher waits if it has to, and so what travels may leave at once.
    pub(crate) waits: bool,
    /// Whether the publisher keeps its signals in the bus.
    pub(crate) local: bool,
    /// Held while the signal waits.
    pub(crate) ticket: Option<Ticket>,
    /// The label it has brought along.
    pub(crate) forwarded: Option<Box<Forwarded>>,
}

/// What a signal brings along that was not published here.
#[derive(Clone, Debug)]
pub(crate) struct Forwarded {
    pub(crate) headers: Headers,
    pub(crate) time: SystemTime,
    pub(crate) came: Came,
    /// Which call of a handler it is for.
    pub(crate) attempt: u32,
}

impl Manner {
    pub(crate) fn inside(inside: Option<Inside>) -> Self {
        Self {
            inside,
            ..Self::default()
        }
    }

    /// What is a signal's own on its label, if it is published here.
    pub(super) fn stamp(&self, route: &Route) -> Stamp {
        let origin = self.origin;
        let origin = origin.or_else(|| self.inside.and_then(Inside::origin));
        Stamp::new(origin, self.local || route.is_local())
    }
    /// The same with what it has brought along.
    pub(super) fn into_stamp(self, route: &Route) -> Stamp {
        let mut stamp = self.stamp(route);
        if let Some(forwarded) = self.forwarded {
            let Forwarded {
                headers,
                time,
                came,
                attempt,
            } = *forwarded;
            (stamp.headers, stamp.time) = (headers, time);
            stamp.came = Some(Arc::new(came));
            stamp.attempt = attempt;
        }
        stamp
    }
}
