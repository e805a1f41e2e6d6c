//! Who joins a running bus and who leaves it, and the telling of it.

use std::{
    num::NonZeroUsize,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use crate::{
    error::subscribe::SubscribeError,
    queue::{
        joining::{Leave, NotJoined, Replay},
        kept::Since,
    },
    route::{
        hearer::{Hearer, Wish},
        present::Present,
    },
    scope::{
        self,
        presence::{ADDED, REMOVED, SubscriberEvent, Told},
        running::Running,
    },
    signal::Signal,
    topic::{pattern::Pattern, template::Template},
};

impl Running {
    /// Lets a subscription in: it gets each signal it hears that is accepted from now on.
    ///
    /// One that names a group which is there already becomes a member of it.
    pub(crate) fn join(&self, wish: Wish, since: Since) -> Result<Arc<Hearer>, SubscribeError> {
        let hearer = self.join_untold(wish, since, |hearer, present| {
            self.note(ADDED, hearer, |pattern| present.count(pattern));
        })?;
        self.tell_presence();
        Ok(hearer)
    }

    /// As [`join`](Self::join), for those that are there when the bus starts; `then` is called under the lock.
    pub(crate) fn join_untold(
        &self,
        wish: Wish,
        since: Since,
        then: impl FnOnce(&Hearer, &Present),
    ) -> Result<Arc<Hearer>, SubscribeError> {
        let mut present = self.routes.present_mut();
        let group = present.group(&wish).cloned();
        let hearer = if let Some(first) = group {
            if let Some((need, differs)) = first.wish.terms().lacks(&wish.terms()) {
                return Err(SubscribeError::GroupMismatch {
                    group: wish.group.unwrap_or_default(),
                    first: first.wish.site,
                    need,
                    differs: differs.into(),
                });
            }
            if !self.exchange.join_group(first.queue, wish.settings.limit) {
                return Err(SubscribeError::Closed);
            }
            first.members.fetch_add(1, Ordering::Relaxed);
            first
        } else {
            let wants = |signal: &Signal| {
                let mut patterns = wish.templates.iter().map(Template::pattern);
                wish.kind.is_none_or(|kind| kind == signal.kind())
                    && patterns.any(|pattern| pattern.matches(signal.topic()))
            };
            let replay = Replay {
                since,
                wants: &wants,
            };
            let generation = present.generation() + 1;
            let joined = self.exchange.join(wish.settings, generation, &replay);
            let queue = joined.map_err(|reason| match reason {
                NotJoined::Closed => SubscribeError::Closed,
                NotJoined::Forgotten(oldest) => SubscribeError::Forgotten { oldest },
            })?;
            present.next_generation();
            let hearer = present.insert(queue, wish);
            self.routes.joined(&present);
            hearer
        };
        if present.hears_only_closed(&hearer) {
            self.exchange.close_entrance(hearer.queue);
        }
        if hearer.is_reserved() {
            self.reserved_heard.fetch_add(1, Ordering::Relaxed);
        }
        then(&hearer, &present);
        Ok(hearer)
    }

    /// Lets a subscriber go; whether others of its group are left.
    pub(crate) fn depart(&self, hearer: &Hearer, limit: Option<NonZeroUsize>, how: Leave) -> bool {
        self.depart_worker(hearer, limit, how, None)
    }

    /// As [`depart`](Self::depart); a worker whose queue stays is told to go.
    pub(crate) fn depart_worker(
        &self,
        hearer: &Hearer,
        limit: Option<NonZeroUsize>,
        how: Leave,
        leaves: Option<&AtomicBool>,
    ) -> bool {
        let mut present = self.routes.present_mut();
        let others = 1 < hearer.members.load(Ordering::Relaxed);
        if others {
            hearer.members.fetch_sub(1, Ordering::Relaxed);
            // Before it is woken, which the leaving does.
            leaves
                .into_iter()
                .for_each(|leaves| leaves.store(true, Ordering::Release));
        } else if !present.remove(hearer) {
            return false;
        }
        let left = self.exchange.leave(hearer.queue, limit, how);
        debug_assert!(
            others == left || !self.exchange.is_open_to(None),
            "both count the members"
        );
        if !others {
            self.routes.renew(&mut present, &self.exchange);
        }
        if hearer.is_reserved() {
            self.reserved_heard.fetch_sub(1, Ordering::Relaxed);
        }
        self.note(REMOVED, hearer, |pattern| present.count(pattern));
        drop(present);
        if !others {
            self.routes.left(hearer);
        }
        self.tell_presence();
        others
    }

    /// Lets nobody publish on a topic any more; subscriptions that hear nothing else end after what waits.
    pub(crate) fn close_topic(&self, topic: &str) {
        let mut present = self.routes.present_mut();
        present.close(topic);
        self.routes.renew(&mut present, &self.exchange);
        let hearers = present.matching(topic).into_iter();
        let over = hearers.filter(|hearer| present.hears_only_closed(hearer));
        let over: Vec<_> = over.collect();
        drop(present);
        for hearer in over {
            self.exchange.close_entrance(hearer.queue);
        }
    }

    /// Says that a subscription asks for each signal from now on whether its owner is still there.
    pub(crate) fn bound(&self) {
        self.routes
            .renew(&mut self.routes.present_mut(), &self.exchange);
    }

    /// Notes who has come or gone, if anybody could want to know.
    fn note(&self, topic: &str, hearer: &Hearer, count: impl Fn(&Pattern) -> usize) {
        if self.reserved_heard.load(Ordering::Relaxed) == 0 {
            return;
        }
        for pattern in hearer.patterns().filter(|pattern| !pattern.is_reserved()) {
            let event = SubscriberEvent {
                pattern: pattern.as_str().to_owned(),
                count: count(pattern),
            };
            self.presence
                .add((format!("{topic}{}", pattern.escaped()), event));
        }
    }

    fn tell_presence(&self) {
        let inside = scope::inside_of(self);
        self.presence
            .tell(|(topic, event): Told| self.announce(&topic, event, inside));
    }

    /// Tells of the subscriptions that were there before anybody could hear of them.
    pub(crate) fn tell_of_all(&self) {
        let present = self.routes.present();
        for hearer in present.all() {
            self.note(ADDED, hearer, |pattern| present.count(pattern));
        }
        drop(present);
        self.tell_presence();
    }
}
