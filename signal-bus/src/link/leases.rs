//! Leases, of the connection that has them.

use std::sync::Arc;

use crate::{
    link::links::{Link, Links},
    transport::{
        TransportError,
        lease::{Lease, LeaseRequest},
    },
};

impl Links {
    /// The connection that is asked for leases: the first that has them.
    pub(crate) fn leasing(&self) -> Option<&Arc<Link>> {
        self.all.iter().find(|link| link.features.leases)
    }

    /// Whether one has.
    pub(crate) fn has_leases(&self) -> bool {
        self.leasing().is_some()
    }

    /// Prepares for a lease, which this bus may have then.
    pub(crate) async fn lease(
        &self,
        link: &Link,
        request: LeaseRequest,
    ) -> Result<Arc<dyn Lease>, TransportError> {
        let holder = format!("{}-{}", std::process::id(), self.node.as_str());
        link.connection.lease(&request.held_by(holder)).await
    }
}
