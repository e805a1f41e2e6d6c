//! The way in from other processes: what a connection is asked for, and what comes in.

mod learned;
mod letting;
mod serving;
mod asked;

use std::sync::Arc;

use tokio::{sync::watch, time};

use crate::{
    inbound::asked::Asked,
    link::links::Link,
    scope::running::{BusHandle, Running},
    transport::TransportError,
};

/// Asks each connection for what is heard when the bus starts.
pub(crate) async fn open(running: &Arc<Running>) -> Result<(), (Arc<Link>, TransportError)> {
    for link in &running.links.all {
        let mut asked = Asked::default();
        let seen = asked
            .adapt(running, link)
            .await
            .map_err(|error| (Arc::clone(link), error))?;
        asked.covers(link, seen);
        let settle = settle(Arc::clone(running), Arc::clone(link));
        running.tasks.spawn(&running.runtime, settle);
        let follow = follow(Arc::clone(running), Arc::clone(link), asked);
        running.tasks.spawn(&running.runtime, follow);
    }
    Ok(())
}

/// Asks for more and for less, as subscribers come and go, until the bus closes.
async fn follow(running: Arc<Running>, link: Arc<Link>, mut asked: Asked) {
    let mut closes = running.links.closes.subscribe();
    let follows = async {
        loop {
            changed(&running, &link).await;
            if asked.lacks() {
                time::sleep(asked.rest()).await;
            }
            match asked.adapt(&running, &link).await {
                Ok(seen) => {
                    link.trouble.send_replace(None);
                    asked.covers(&link, seen);
                }
                Err(error) => {
                    if link.trouble.borrow().is_none() {
                        tracing::warn!(transport = link.name, "cannot subscribe: {error}");
                    }
                    link.trouble.send_replace(Some(error.to_string()));
                    asked.refused();
                    time::sleep(asked.rest()).await;
                }
            }
        }
    };
    tokio::select! {
        biased;
        _ = closes.wait_for(|closes| *closes) => {}
        () = follows => {}
    }
}

/// Waits until there is something that a connection does not know of.
async fn changed(running: &Running, link: &Link) {
    loop {
        let changed = running.links.changed.notified();
        tokio::pin!(changed);
        changed.as_mut().enable();
        if *link.covered.borrow() != running.routes.present().generation() {
            return;
        }
        changed.await;
    }
}

/// Takes nothing in any more; what waits for room goes back.
pub(crate) fn stop(running: &Running) {
    running.links.closes.send_replace(true);
}

/// Settles what is told of, until it is over.
async fn settle(running: Arc<Running>, link: Arc<Link>) {
    let over = running.links.over.subscribe();
    link.outstanding.settle(&link.name, over).await;
}

/// Nothing more comes.
pub(crate) fn over(running: &Running) {
    running.links.over.send_replace(true);
}

/// Says what has become of everything that came in, and ends the connections.
pub(crate) async fn finish(running: &Running) {
    for link in &running.links.all {
        link.outstanding.settle_told(&link.name).await;
        if let Err(error) = link.connection.drain().await {
            tracing::warn!(
                transport = link.name,
                "something may not have left: {error}"
            );
        }
    }
}

impl BusHandle {
    /// Waits until the bus's connections know of all who subscribe now, so that what other processes publish from then on comes in.
    ///
    /// [`Bus::start`](crate::Bus::start) has waited for those who are there from the start; this is for those who
    /// subscribe while the bus runs.
    ///
    /// # Cancel safety
    ///
    /// Only the waiting ends.
    pub async fn connected(&self) {
        let running = self.running();
        let generation = running.routes.present().generation();
        // Not every generation begins with somebody who comes or goes.
        running.links.tell_changed();
        for link in &running.links.all {
            let mut covered: watch::Receiver<u64> = link.covered.subscribe();
            // Of a bus that has closed there is nothing to wait for.
            let knows = covered.wait_for(|covered| generation <= *covered);
            tokio::select! {
                _ = knows => {}
                _ = running.ending.ended() => return,
            }
        }
    }
}
