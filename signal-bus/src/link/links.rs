//! The connections of a running bus: which topics travel over which, how a signal becomes a message, and what came in.

use std::{fmt, panic::Location, sync::Arc, time::SystemTime};

use tokio::sync::{Notify, Semaphore, watch};

use crate::{
    link::{
        arrived::Outstanding,
        brings::Brings,
        codecs::Codecs,
        ids::{self, Ids},
    },
    report::health::{ConnectionHealth, ConnectionState},
    route::topic::Travels,
    signal::{
        AnyValue,
        arrival::Came,
        headers::Headers,
        label::{About, Stamp},
        name::{Name, Named, Names},
        plain::{IdRoom, Node, Plain},
    },
    topic::pattern::Pattern,
    transport::{Connection, Features, Message, TransportError, TransportFault, header, message},
};

/// A connection that stands.
pub(crate) struct Link {
    pub(crate) name: String,
    pub(crate) connection: Arc<dyn Connection>,
    pub(crate) features: Features,
    /// The topics that travel; none of them covers another.
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) at: &'static Location<'static>,
    /// What came in and is not settled.
    pub(crate) outstanding: Arc<Outstanding>,
    /// Which of its subscriptions brings which topic.
    pub(crate) brings: Brings,
    /// How many changes of the subscribers the connection knows of.
    pub(crate) covered: watch::Sender<u64>,
    /// What is wrong with what it asks for, for the bus's health.
    pub(crate) trouble: watch::Sender<Option<String>>,
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("name", &self.name)
            .field("patterns", &self.patterns)
            .finish_non_exhaustive()
    }
}

/// All connections of a bus.
#[derive(Debug)]
pub(crate) struct Links {
    /// What the bus is called among all.
    pub(crate) node: Node,
    pub(crate) all: Vec<Arc<Link>>,
    pub(crate) codecs: Codecs,
    ids: Arc<Ids>,
    /// How signals have come here that have left, and of which there is no more to say.
    sent: Arc<Came>,
    /// Tells of subscribers who come and go.
    pub(crate) changed: Notify,
    /// Publishes that go on although nobody waits for them any more.
    pub(crate) detached: Arc<Semaphore>,
    /// Tells whoever takes in that it is over.
    pub(crate) closes: watch::Sender<bool>,
    /// Tells whoever settles that nothing more comes.
    pub(crate) over: watch::Sender<bool>,
}

impl Links {
    pub(crate) fn new(all: Vec<Arc<Link>>, codecs: Codecs, detached_max: usize) -> Self {
        let ids = Arc::<Ids>::default();
        Self {
            node: Node::new(),
            all,
            codecs,
            sent: Arc::new(Came::Sent(named(&ids, None))),
            ids,
            changed: Notify::new(),
            detached: Arc::new(Semaphore::new(detached_max.min(Semaphore::MAX_PERMITS))),
            closes: watch::Sender::new(false),
            over: watch::Sender::new(false),
        }
    }

    /// The topics that travel, and how.
    pub(crate) fn travelling(&self) -> Vec<(Pattern, Travels)> {
        let all = self.all.iter().zip(0..).flat_map(|(link, number)| {
            let travels = Travels {
                link: number,
                groups: link.features.groups,
            };
            let patterns = link.patterns.iter();
            patterns.map(move |pattern| (pattern.clone(), travels))
        });
        all.collect()
    }

    /// How the connections are.
    pub(crate) fn health(&self) -> Vec<ConnectionHealth> {
        let all = self.all.iter().map(|link| {
            let state = link.connection.state();
            let trouble = link.trouble.borrow().clone();
            ConnectionHealth {
                name: link.name.clone(),
                topics: link
                    .patterns
                    .iter()
                    .map(|one| one.as_str().to_owned())
                    .collect(),
                state: match (state, trouble) {
                    (ConnectionState::Up, Some(reason)) => ConnectionState::Down { reason },
                    (state, _) => state,
                },
            }
        });
        all.collect()
    }

    /// Says that subscribers have come or gone.
    pub(crate) fn tell_changed(&self) {
        self.changed.notify_waiters();
    }

    /// The connection over which a topic travels.
    pub(crate) fn of(&self, topic: &str) -> Option<&Arc<Link>> {
        let mut all = self.all.iter();
        all.find(|link| link.patterns.iter().any(|pattern| pattern.matches(topic)))
    }

    /// Writes a signal as a message, with an id that it has each time it is sent, and tells what it is called among all, where the
    /// headers say more than that.
    pub(crate) fn message(
        &self,
        link: &Link,
        about: &About,
        stamp: &Stamp,
        value: &AnyValue,
    ) -> Result<(Message, Option<Box<Names>>), TransportError> {
        let known = self
            .codecs
            .needed(about.carries, format_args!("travel on `{}`", about.topic))?;
        let encoding = link.connection.encoding();
        let payload = encoding.encode(&known.codec, value)?;
        let content_type = known.content_type(encoding);
        let (headers, names) = match self.plain(content_type, stamp) {
            Some(plain) => (plain, None),
            None => self.headers(content_type, stamp)?,
        };
        let message = Message::new(Arc::clone(&about.topic), payload, headers);
        Ok((message, names))
    }

    /// The headers of a signal of which there is no more to say than of all.
    fn plain(&self, content_type: &'static str, stamp: &Stamp) -> Option<Headers> {
        if stamp.origin.is_some() || !stamp.headers.is_none() {
            return None;
        }
        let given = self.ids.next(self.node);
        Some(Headers::plain(Plain {
            content_type,
            given,
        }))
    }

    fn headers(
        &self,
        content_type: &str,
        stamp: &Stamp,
    ) -> Result<(Headers, Option<Box<Names>>), TransportError> {
        let (now, node) = (SystemTime::now(), self.node.as_str());
        // What came over a bridge is the same message still, if it was one.
        let bridged = stamp.passage().and_then(|_| stamp.headers.get(header::ID));
        let mut room = IdRoom::default();
        let time = bridged.map(|_| message::microseconds(now).to_string());
        let (id, own) = match bridged {
            None => {
                let given = self.ids.next(self.node);
                (given.written(&mut room), Some(Name::Given(given)))
            }
            Some(id) => (id, ids::name(id)),
        };
        let origin = stamp.origin;
        let root = origin.map(|origin| self.ids.root_of(origin, node));
        let parent = origin.map(|origin| self.ids.of(origin.parent, node).to_string());
        let root_text = root.as_ref().map(Name::to_string);
        // In the order of their names.
        let all = [
            Some((header::CONTENT_TYPE, content_type)),
            Some((header::ID, id)),
            parent.as_deref().map(|parent| (header::PARENT, parent)),
            root_text.as_deref().map(|root| (header::ROOT, root)),
            bridged.map(|_| (header::SENDER, node)),
            time.as_deref().map(|time| (header::TIME, time)),
        ];
        let headers = written(&stamp.headers)?.and_own(all.into_iter().flatten());
        Ok((headers, Some(Box::new(Names { own, root }))))
    }

    /// From now on what is published elsewhere may come over a bridge, too.
    pub(crate) fn expect_doubles(&self) {
        self.ids.expect_doubles();
    }

    /// Whether a signal that may come over a bridge, too, is here for the first time; told by what it is called among all.
    pub(crate) fn is_new(&self, headers: &Headers) -> bool {
        self.ids.is_new(|| headers.get(header::ID))
    }

    /// An id for a message that is no signal of this bus.
    pub(super) fn next_id(&self) -> String {
        self.ids.next(self.node).to_string()
    }

    /// How a signal has come here that has left with such names.
    pub(crate) fn sent(&self, names: Option<Box<Names>>) -> Arc<Came> {
        match names {
            None => Arc::clone(&self.sent),
            Some(_) => Arc::new(Came::Sent(named(&self.ids, names))),
        }
    }

    /// What a message's signal is called among all, as its headers say.
    pub(crate) fn named_by(&self, headers: &Headers) -> Named {
        let name = |header| ids::name(headers.get(header)?);
        let names = || Names {
            own: name(header::ID),
            root: name(header::ROOT),
        };
        let plain = headers.as_plain().is_some();
        named(&self.ids, (!plain).then(|| Box::new(names())))
    }
}

fn named(by: &Arc<Ids>, names: Option<Box<Names>>) -> Named {
    Named {
        names,
        by: Arc::clone(by) as _,
    }
}

/// The user's headers, if they can travel; those of a bus that were passed on are left out.
fn written(headers: &Headers) -> Result<Headers, TransportError> {
    if headers.is_none() {
        return Ok(Headers::NONE);
    }
    let is_token = |name: &str| {
        let odd = |byte: u8| !byte.is_ascii_graphic() || byte == b':';
        !name.is_empty() && !name.bytes().any(odd)
    };
    let breaks = |text: &str| text.contains(['\r', '\n', '\0']);
    if let Some((name, _)) = headers
        .iter()
        .find(|(name, text)| !is_token(name) || breaks(text))
    {
        let reason = format!(
            "the header {name:?} cannot travel: names are visible ASCII without a colon, texts have no line breaks"
        );
        return Err(TransportError::new(TransportFault::Unfit, reason));
    }
    Ok(match headers.iter().any(|(name, _)| is_own(name)) {
        false => headers.clone(),
        true => headers.iter().filter(|(name, _)| !is_own(name)).collect(),
    })
}

/// Whether a bus writes this header itself.
fn is_own(name: &str) -> bool {
    [
        header::CONTENT_TYPE,
        header::ID,
        header::SENDER,
        header::PARENT,
        header::ROOT,
        header::TIME,
        header::ERROR,
        header::GONE,
    ]
    .contains(&name)
}
