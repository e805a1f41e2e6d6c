//! How often a signal comes, and where it is kept until then.

use std::time::Duration;

/// How a signal is delivered to other processes.
#[derive(Clone, Debug)]
pub struct Delivery(pub(crate) Kind);

#[derive(Clone, Debug)]
pub(crate) enum Kind {
    AtMostOnce(AtMostOnce),
    AtLeastOnce(AtLeastOnce),
}

/// How NATS alone delivers.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct AtMostOnce {
    pub(crate) packed: bool,
}

/// How `JetStream` delivers.
#[derive(Clone, Debug)]
pub(crate) struct AtLeastOnce {
    pub(crate) ack_wait: Duration,
    pub(crate) pending_max: usize,
    pub(crate) forgotten_after: Duration,
}

impl Default for AtLeastOnce {
    fn default() -> Self {
        Self {
            ack_wait: Duration::from_secs(30),
            pending_max: 1024,
            forgotten_after: Duration::from_secs(3600),
        }
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Self::at_least_once()
    }
}

impl Delivery {
    /// Every signal comes at least once: `JetStream` stores it, and hands it out until its handlers have ended. The default.
    ///
    /// A publish is over when the server has stored the signal. Of each signal a handler may see a second copy: after
    /// a crash, or when the network fails in the wrong moment; [`Signal::attempt`](signal_bus::Signal::attempt) is more than 1 then.
    ///
    /// What its stream deletes before a subscription has had it, by its limits or because somebody says so, is warned of. It is counted in
    /// [`Stats::lost_on_the_way`](signal_bus::Stats::lost_on_the_way) if the subscription hears all that the stream holds; of one that hears a
    /// part, nobody knows how much was meant for it.
    #[must_use]
    pub fn at_least_once() -> Self {
        Self(Kind::AtLeastOnce(AtLeastOnce::default()))
    }

    /// Every signal comes once at most: NATS without `JetStream`, faster, and without memory.
    ///
    /// What is published while nobody subscribes is gone, and the publish is `Ok` all the same; so is what was sent just before the
    /// server went away. Once that is noticed, a publish is an error, and gives the signal back. What a
    /// subscriber is too slow for is dropped where it arrives, and counted in
    /// [`Stats::lost_on_the_way`](signal_bus::Stats::lost_on_the_way).
    #[must_use]
    pub fn at_most_once() -> Self {
        Self(Kind::AtMostOnce(AtMostOnce::default()))
    }

    /// Under load, signals that follow each other on one topic travel together, in one message of NATS: a pack. It changes
    /// [`at_most_once`](Self::at_most_once) alone.
    ///
    /// What costs most of a signal at most once is its message: for the client, for the server, and for those who read it. Nobody waits
    /// for a pack to fill: what is published while the client is busy goes along, and a signal that is alone when the client has
    /// time goes as it would have gone without this. The order is that of the publishes, packed or not; so topics that take turns gain little.
    ///
    /// To switch it on at those who publish much is enough: every bus that delivers at most once reads packs. Do without it where
    ///
    /// - programs without a bus, buses that deliver at least once, or streams hear the same subjects: they get packs (the
    ///   [page of the crate](crate#on-the-wire) says how to read them);
    /// - a group is to share its work evenly: a member gets a pack as a whole.
    ///
    /// What is lost on the way is lost by packs, too. Each says how many signals went before it, so whoever hears the next one, and is
    /// no member of a group, counts in [`Stats::lost_on_the_way`](signal_bus::Stats::lost_on_the_way) what is missing; the
    /// [page of the crate](crate#packs) says how far that can be relied on.
    ///
    /// # Examples
    ///
    /// ```
    /// use signal_bus_nats::{Delivery, Nats};
    ///
    /// let nats = Nats::at("nats://127.0.0.1:4222")?.delivery(Delivery::at_most_once().packed());
    /// # Ok::<_, signal_bus::transport::TransportError>(())
    /// ```
    #[must_use]
    pub fn packed(mut self) -> Self {
        if let Kind::AtMostOnce(delivery) = &mut self.0 {
            delivery.packed = true;
        }
        self
    }

    pub(crate) fn is_packed(&self) -> bool {
        matches!(self.0, Kind::AtMostOnce(AtMostOnce { packed: true }))
    }

    /// After how long without a word from a bus its signals go to another; 30 s unless set. Handlers may take longer:
    /// the bus says that they still run. A process that dies leaves its signals for so long.
    #[must_use]
    pub fn ack_wait(mut self, wait: Duration) -> Self {
        if let Kind::AtLeastOnce(delivery) = &mut self.0 {
            delivery.ack_wait = wait.max(Duration::from_millis(100));
        }
        self
    }

    /// How many signals of a subscription may be with its buses at once, 1,024 unless set.
    #[must_use]
    pub fn max_pending(mut self, signals: usize) -> Self {
        if let Kind::AtLeastOnce(delivery) = &mut self.0 {
            delivery.pending_max = signals.max(1);
        }
        self
    }

    /// For how long the server keeps the signals of a bus that has gone without a word, 1 h unless set. Groups are kept for good.
    #[must_use]
    pub fn forget_after(mut self, time: Duration) -> Self {
        if let Kind::AtLeastOnce(delivery) = &mut self.0 {
            delivery.forgotten_after = time;
        }
        self
    }
}

/// A stream of `JetStream` that is to be made for the topics that travel, if there is none.
#[derive(Clone, Debug)]
pub struct Streams {
    pub(crate) name: String,
    pub(crate) storage: Storage,
    pub(crate) age_max: Duration,
    pub(crate) bytes_max: Option<u64>,
    pub(crate) replicas: usize,
    pub(crate) duplicate_window: Duration,
}

/// Where a stream keeps its messages.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub enum Storage {
    /// In files, which outlive the server.
    #[default]
    File,
    /// In the server's memory.
    Memory,
}

impl Streams {
    /// A stream of this name: in files, one copy, for 7 days, without a limit of size; doubles are known for 2 minutes.
    ///
    /// A stream with a limit of size that is full refuses what is published, so nothing that somebody has not seen yet goes for it.
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            storage: Storage::File,
            age_max: Duration::from_secs(7 * 24 * 3600),
            bytes_max: None,
            replicas: 1,
            duplicate_window: Duration::from_secs(120),
        }
    }

    /// Where it keeps its messages.
    #[must_use]
    pub fn storage(mut self, storage: Storage) -> Self {
        self.storage = storage;
        self
    }

    /// For how long it keeps a message at most; zero: for ever.
    #[must_use]
    pub fn max_age(mut self, age: Duration) -> Self {
        self.age_max = age;
        self
    }

    /// How large it gets; then publishes are refused.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.bytes_max = Some(bytes);
        self
    }

    /// On how many servers of a cluster it is.
    #[must_use]
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas.max(1);
        self
    }

    /// For how long it knows a message that is published again.
    #[must_use]
    pub fn duplicate_window(mut self, window: Duration) -> Self {
        self.duplicate_window = window;
        self
    }
}

/// KV buckets that are to be made for leases, where there are none: one for each name that a periodic function is
/// `once_in`.
#[derive(Clone, Debug)]
pub struct Buckets {
    pub(crate) replicas: usize,
}

impl Default for Buckets {
    fn default() -> Self {
        Self::new()
    }
}

impl Buckets {
    /// Buckets in files, with one copy of each.
    #[must_use]
    pub fn new() -> Self {
        Self { replicas: 1 }
    }

    /// On how many servers of a cluster each is.
    #[must_use]
    pub fn replicas(mut self, replicas: usize) -> Self {
        self.replicas = replicas.max(1);
        self
    }
}
