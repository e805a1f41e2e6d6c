//! How annotated functions publish: to the current bus, if there is one; what is refused goes to `on_error`.

use std::{
    any::TypeId,
    borrow::Cow,
    fmt::{self, Display, Write as _},
    panic::Location,
    sync::Arc,
};

use crate::{
    error::{InvalidTopic, Outcome, TopicFault, publish::Refusal},
    forms::{
        give::{Fails, Publish},
        probe::Probe,
    },
    publish::{
        Manner, Tried,
        pending::{Pending, Waiting},
        publication::Publication,
    },
    route::{invalid, topic::Route},
    scope::{self, running::Running},
    signal::{
        Kind, Payload,
        values::{Placed, Put},
    },
    topic::Topic,
};

/// A piece of a topic's template.
#[expect(
    missing_debug_implementations,
    reason = "a hole holds anything that can be displayed"
)]
pub enum Piece<'a> {
    /// Text between holes.
    Text(&'a str),
    /// The name of a hole, and what fills it.
    Hole(&'static str, &'a dyn Display),
}

/// A template with its holes filled, if any bus runs that could hear of it.
#[derive(Debug)]
pub struct Filled(Option<(String, Option<InvalidTopic>)>);

/// Fills the holes of a template.
#[must_use]
pub fn fill(pieces: &[Piece<'_>]) -> Filled {
    if !scope::any_running() {
        return Filled(None);
    }
    let (mut topic, mut fault) = (String::new(), None);
    for piece in pieces {
        match piece {
            Piece::Text(text) => topic.push_str(text),
            Piece::Hole(_, value) => {
                let start = topic.len();
                // A `Display` that fails leaves an empty or short token; the check of the name will see.
                write!(topic, "{value}").unwrap_or_default();
                if let Some(dot) = topic[start..].find('.') {
                    fault = fault.or(Some(InvalidTopic::new(
                        start + dot,
                        TopicFault::DotInArgument,
                    )));
                }
            }
        }
    }
    Filled(Some((topic, fault)))
}

/// A topic to publish on.
pub struct On<T: ?Sized> {
    topic: Topic<T>,
    name: Cow<'static, str>,
    fault: Option<InvalidTopic>,
}

impl<T: ?Sized> fmt::Debug for On<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "On({:?})", self.topic)
    }
}

impl<T: ?Sized> Clone for On<T> {
    fn clone(&self) -> Self {
        Self {
            topic: self.topic,
            name: self.name.clone(),
            fault: self.fault,
        }
    }
}

/// Names the topic to publish on.
#[must_use]
pub fn on<T: ?Sized>(topic: Topic<T>) -> On<T> {
    On {
        name: Cow::Borrowed(topic.name()),
        topic,
        fault: None,
    }
}

impl<T: ?Sized> On<T> {
    /// The topic with the holes of its template filled.
    #[must_use]
    pub fn filled(mut self, filled: &Filled) -> Self {
        if let Some((name, fault)) = &filled.0 {
            self.name = Cow::Owned(name.clone());
            self.fault = *fault;
        }
        self
    }

    /// Checks that what a function returns as `R` is what the topic carries.
    ///
    /// By hand and by the bus, every publish comes through here first, and only here something can be wrong with the
    /// types: the same words about the same place are printed once, and nothing follows.
    #[inline]
    #[must_use]
    pub fn gives<R, M, E>(self, _returned: Probe<R>) -> Gives<T, R, E>
    where
        R: Publish<T, M, Error = E>,
        T: Payload + Sized,
    {
        Gives {
            on: self,
            publish: |on, publication, output| {
                if !output.publishes() {
                    return None;
                }
                on.offer(publication, || output.share(), || output.place())
            },
            part: R::part,
            publish_part: |on, publication, part| match part {
                None => None,
                Some(value) => on.offer(publication, || Some(Arc::clone(value)), || None),
            },
        }
    }
}

/// A topic to publish on, for a function that returns `R` or fails with `E`.
///
/// It knows how by pointers, which the compiler sees through, so that its methods have no bounds.
pub struct Gives<T: ?Sized, R, E> {
    pub(super) on: On<T>,
    pub(super) publish: Publisher<T, R>,
    part: fn(R) -> Result<Option<Arc<T>>, E>,
    publish_part: Publisher<T, Option<Arc<T>>>,
}

/// Publishes a share of a value.
pub(super) type Publisher<T, R> = fn(On<T>, &'static Publication, &R) -> Option<Pending>;

impl<T: ?Sized, R, E> fmt::Debug for Gives<T, R, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.on.fmt(f)
    }
}

impl<T: ?Sized, R, E> Gives<T, R, E> {
    /// Publishes what a function returns to its caller, who keeps it.
    #[inline]
    pub fn publish(self, publication: &'static Publication, output: &R) -> Option<Pending> {
        (self.publish)(self.on, publication, output)
    }

    /// Parts what a function returned to the bus into signal and outcome.
    #[inline]
    pub fn part(self, output: R) -> (Option<Arc<T>>, Outcome)
    where
        E: Fails,
    {
        match (self.part)(output) {
            Ok(part) => (part, Ok(())),
            Err(error) => (None, Err(Box::new(error.failure()))),
        }
    }

    /// Publishes what a function returned to the bus.
    #[inline]
    pub fn publish_part(
        self,
        publication: &'static Publication,
        part: &Option<Arc<T>>,
    ) -> Option<Pending> {
        (self.publish_part)(self.on, publication, part)
    }
}

impl<T: Payload> On<T> {
    #[inline]
    fn offer(
        self,
        publication: &'static Publication,
        share: impl Fn() -> Option<Arc<T>>,
        place: impl Fn() -> Option<Placed<T>>,
    ) -> Option<Pending> {
        let tried = match self.is_fixed() {
            true => publication.publish_again(TypeId::of::<T>, &place),
            false => None,
        };
        if tried == Some(true) {
            return None;
        }
        self.offer_anew(publication, tried, share, place)
    }

    #[inline(never)]
    fn offer_anew(
        self,
        publication: &'static Publication,
        tried: Option<bool>,
        share: impl Fn() -> Option<Arc<T>>,
        place: impl Fn() -> Option<Placed<T>>,
    ) -> Option<Pending> {
        let put = |put: &mut dyn FnMut(&mut dyn Put) -> bool| {
            let placed = place();
            placed.is_some_and(|mut value| put(&mut value))
        };
        let here = tried.or_else(|| self.offer_here(publication, put));
        if here == Some(true) {
            return None;
        }
        let (running, inside) = publication.find()?;
        let resolved;
        let route = match running.routes.of_publisher(publication.number()) {
            // The usual way: no look-up, no count of references.
            Some(route) if self.is_fixed() => route.check(Kind::of::<T>()).map(|()| route),
            _ => {
                resolved = self.resolve(publication, &running);
                resolved.as_ref().map_err(Refusal::clone)
            }
        };
        let route = match running.check_open(inside).and(route) {
            Ok(route) => route,
            Err(refusal) => {
                publication.refuse(&running, &self.name, refusal);
                return None;
            }
        };
        let local = self.is_local(publication);
        if here.is_none() && running.publish_direct(route, (&inside, local), publication, &put) {
            return None;
        }
        if running.is_unheard(route) {
            running.unrouted(route);
            return None;
        }
        let manner = Manner {
            local,
            waits: !publication.at_once,
            ..Manner::inside(inside)
        };
        let value = T::erase(share()?);
        match running.send(route, value, manner) {
            Tried::Accepted(_) => None,
            Tried::Wait(ready) => Some(Pending(Box::new(Waiting {
                publication,
                topic: (&*route.about.topic).into(),
                running: Arc::clone(&running),
                ready,
            }))),
            Tried::Refused(refusal, _) => {
                publication.refuse(&running, &self.name, refusal);
                None
            }
        }
    }

    /// Publishes the shortest way: nobody hears it, or there is a way for values that have nothing to drop, and it is free.
    ///
    /// The task's own bus is used where it stands: nobody counts its shares, and nothing of the user's is called but `clone` of
    /// such a value.
    fn offer_here(
        &self,
        publication: &Publication,
        put: impl Fn(&mut dyn FnMut(&mut dyn Put) -> bool) -> bool,
    ) -> Option<bool> {
        if !self.is_fixed() {
            return None;
        }
        scope::with_own(publication.bus, |running, inside| {
            let route = running.routes.of_publisher(publication.number())?;
            let fits = route.about.carries == Kind::of::<T>();
            let local = self.is_local(publication);
            Some(fits && running.publish_direct(route, (&inside, local), publication, &put))
        })
    }

    /// Whether its signals stay in the bus, as the publisher or its topic is written.
    fn is_local(&self, publication: &Publication) -> bool {
        publication.local || self.topic.traits().local
    }

    /// Whether the name is the same each time.
    fn is_fixed(&self) -> bool {
        matches!(self.name, Cow::Borrowed(_))
    }

    fn resolve(&self, publication: &Publication, running: &Running) -> Result<Arc<Route>, Refusal> {
        if let Some(error) = self.fault {
            return Err(invalid(&self.name, error));
        }
        let at = Location::caller();
        let route = running.routes.resolve(&self.name, Kind::of::<T>(), at)?;
        running
            .routes
            .mark(&route, self.topic.traits(), &running.exchange);
        if self.is_fixed() {
            running.routes.remember(publication.number(), &route);
        }
        Ok(route)
    }
}
