//! A bus connects: to the server, and to the streams that hold its topics.

use std::sync::Arc;

use signal_bus::transport::{Connection, Transport, TransportError, TransportFuture};
use tokio::sync::watch;

use crate::{
    client::Connected,
    core::Core,
    delivery::{Kind, Streams},
    jetstream::{self, JetStream, Shared, streams},
    nats::Nats,
    packed::Packed,
    requests::Requests,
    secrets::without_secrets,
};

impl Nats {
    async fn open(&self, patterns: &[String]) -> Result<Arc<dyn Connection>, TransportError> {
        let subjects = patterns.iter().map(|pattern| self.subjects.of(pattern));
        let subjects = subjects.collect::<Result<Vec<_>, _>>()?;
        let own = self.subjects.clone();
        let own = own.with_dead_letters(self.dead.as_deref());
        let own = own.with_requests(&self.requests);
        let delivery = match &self.delivery.0 {
            Kind::AtMostOnce(delivery) => {
                let (mut one, groups) = (self.client(true).await?, self.client(false).await?);
                one.beside = Some(groups.client.clone());
                let requests = self.requests(&groups)?;
                let within = self.publish_within;
                let core = Core::new(one, groups, own, requests, self.encoding, within);
                return Ok(match delivery.packed {
                    true => Arc::new(Packed::new(core)),
                    false => Arc::new(core),
                });
            }
            Kind::AtLeastOnce(delivery) => delivery.clone(),
        };
        let connected = self.client(false).await?;
        let context = jetstream::context(&connected, self.publish_within);
        streams::check(&context).await?;
        let dead = match &self.dead {
            None => None,
            // Where nothing travels, nothing dies.
            Some(_) if subjects.is_empty() => None,
            Some(dead) => Some(self.subjects.of(dead)?),
        };
        if let Some(create) = &self.create {
            streams::create(&context, create, &subjects).await?;
            if let Some(dead) = &dead {
                let name = format!("{}-dead", create.name);
                let letters = Streams {
                    name,
                    ..create.clone()
                };
                streams::create(&context, &letters, &[format!("{dead}.>")]).await?;
            }
        }
        for subject in &subjects {
            streams::holding(&context, subject).await?;
        }
        if let Some(dead) = &dead {
            let held = streams::holding(&context, &format!("{dead}.>")).await;
            held.map_err(|error| {
                let reason = format!(
                    "{error}; dead letters go there: `Nats::dead_letters` names another place, \
                     `Nats::without_dead_letters` keeps none"
                );
                TransportError::new(error.fault(), reason)
            })?;
        }
        let requests = self.requests(&connected)?;
        let shared = Shared {
            connected,
            context,
            subjects: own,
            last: Default::default(),
            encoding: self.encoding,
            delivery,
            publish_within: self.publish_within,
            dead: dead.map(|dead| format!("{dead}.")),
            buckets: self.buckets.clone(),
            closes: watch::Sender::new(false),
        };
        Ok(Arc::new(JetStream::new(shared, requests)))
    }

    fn requests(&self, on: &Connected) -> Result<Requests, TransportError> {
        let subjects = self.subjects.further_below(&self.requests)?;
        Ok(Requests::new(on.clone(), subjects, self.publish_within))
    }
}

impl Transport for Nats {
    fn name(&self) -> String {
        let servers = self
            .servers
            .iter()
            .map(|server| without_secrets(server.as_url_str()));
        servers.collect::<Vec<_>>().join(",")
    }

    fn connect<'a>(&'a self, patterns: &'a [String]) -> TransportFuture<'a, Arc<dyn Connection>> {
        Box::pin(self.open(patterns))
    }
}
