//! The connections of a bus to other processes.

use std::{panic::Location, sync::Arc, time::Duration};

use crate::{
    bus::Bus,
    link::{codecs::carried, connections::Wanted},
    signal::Payload,
    transport::Transport,
};

/// A lease is renewed several times in it, and each time takes a moment.
const LEASE_TIME_MIN: Duration = Duration::from_millis(100);

impl Bus {
    /// Lets topics travel: what is published on them reaches the subscribers of every process that is connected so.
    ///
    /// Nothing else changes. Subscribers of this bus get the signals of this bus as ever, as values and not as bytes; those of
    /// other processes get them by the transport. All other topics stay here, as do signals of publishers and topics that are
    /// `local`. Patterns may have wildcards, `orders.>`; of several connections, the first whose topics fit has the signal.
    ///
    /// A publish on a topic that travels waits for the transport first: if that refuses, nobody has got the signal, and the
    /// error gives it back. Its order holds for each publisher: subscribers here may get the signals of two processes in
    /// another order than those elsewhere. A plain `fn` that publishes cannot wait for the transport, and is refused.
    ///
    /// A [group](crate::SubscriptionOptions) is one group over all processes, where the transport [can](crate::transport::Features::groups):
    /// also what is published here then goes to one of its members, wherever that is.
    ///
    /// With a transport that delivers at least once, a message is acknowledged when every subscriber of this bus that hears it has
    /// ended. It goes back where this bus closes before, and is a dead letter there where one has failed for good.
    ///
    /// A connection may also be there for its leases alone, where a periodic function runs [once in a
    /// cluster](macro@crate::periodic#once-in-a-cluster); then no topic has to travel: `[]`.
    /// A [request](crate::BusHandle::request) that nobody here replies to goes to one process where somebody does, where the transport
    /// [carries](crate::transport::Features::requests) requests.
    ///
    /// [`start`](Self::start) connects, and fails with everything that is wrong: a server that is not there, and types of
    /// topics that travel which lack `Serialize` or `Deserialize`, with file and line.
    ///
    /// # Examples
    ///
    /// Two buses of one process; [`LoopbackNetwork`](crate::transport::LoopbackNetwork) stands for a server.
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// use signal_bus::{Bus, transport::LoopbackNetwork};
    ///
    /// let network = LoopbackNetwork::new();
    /// let shop = Bus::empty().carry::<u32>().connect_to(network.clone(), ["orders.>"]).start().await?;
    /// let mail = Bus::empty().carry::<u32>().connect_to(network.clone(), ["orders.>"]).start().await?;
    ///
    /// let mut orders = mail.subscribe::<u32>("orders.eu")?;
    /// mail.connected().await;
    /// shop.publish("orders.eu", 7_u32).await?;
    /// assert_eq!(orders.recv().await.as_deref(), Some(&7));
    /// # drop(orders); shop.close().await?; mail.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
    /// ```
    #[track_caller]
    pub fn connect_to<'a>(
        mut self,
        transport: impl Transport,
        topics: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.connections.wanted.push(Wanted {
            transport: Arc::new(transport),
            topics: topics.into_iter().map(str::to_owned).collect(),
            at: Location::caller(),
        });
        self
    }

    /// How long it takes at most until another process runs what runs [once in a cluster](macro@crate::periodic#once-in-a-cluster), after
    /// the one that ran it was killed: 15 s unless set, 100 ms at least.
    ///
    /// It is best the same in all processes. A process that stands still for that long, or cannot reach the server for that long, loses the lease; three times in it
    /// each holder writes to the server.
    pub fn lease_time(mut self, most: Duration) -> Self {
        self.connections.takes_over_within = Some(most.max(LEASE_TIME_MIN));
        self
    }

    /// Lets a type travel that no annotated function publishes or takes, but the program by hand.
    pub fn carry<T>(mut self) -> Self
    where
        T: Payload + Sized + serde::Serialize + serde::de::DeserializeOwned,
    {
        self.connections.beside.push(carried::<T>());
        self
    }
}
