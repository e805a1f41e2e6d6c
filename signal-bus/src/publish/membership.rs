//! Who joins a running bus and who leaves it, and the telling of it.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use crate::{
    error::subscribe::SubscribeError,
    queue::{
        joining::{Leave, NotJoined},
        kept::Since,
    },
    route::{
        hearer::{Alive, Hearer, Wish},
        member::Member,
        present::Present,
    },
    scope::{
        self,
        presence::{ADDED, REMOVED, SubscriberEvent, Told},
        running::Running,
    },
    topic::pattern::Pattern,
};

/// How long one whose owner is gone may stay, if no signal comes for it.
const SWEEP_AFTER: Duration = Duration::from_millis(250);

/// Lets those go whose owners are gone, until nobody is bound or the bus has drained.
async fn sweep(running: Arc<Running>) {
    loop {
        tokio::select! {
            biased;
            () = running.exchange.drained() => return,
            () = tokio::time::sleep(SWEEP_AFTER) => {}
        }
        let (lost, goes_on) = running.bound.lost();
        for member in lost {
            running.depart_member(&member, Leave::Abandon);
        }
        if !goes_on {
            return;
        }
    }
}

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
            let joined = self.routes.join(&mut present, &self.exchange, wish, since);
            joined.map_err(|reason| match reason {
                NotJoined::Closed => SubscribeError::Closed,
                NotJoined::Forgotten(oldest) => SubscribeError::Forgotten { oldest },
            })?
        };
        if present.hears_only_closed(&hearer) {
            self.exchange.close_entrance(hearer.queue);
        }
        if hearer.is_reserved() {
            self.reserved_heard.fetch_add(1, Ordering::Relaxed);
        }
        then(&hearer, &present);
        drop(present);
        self.links.tell_changed();
        Ok(hearer)
    }

    /// Lets a subscription go that no group shares, and whose owner is gone.
    pub(crate) fn depart_alone(&self, hearer: &Hearer) {
        if hearer.wish.group.is_none() {
            self.depart(hearer, None, Leave::Abandon);
        }
    }

    /// Lets a listener or a reader go, once; whether others of its group are left, or `None` if it had gone before.
    pub(crate) fn depart_member(&self, member: &Member, how: Leave) -> Option<bool> {
        let departs = member.departs();
        departs.then(|| {
            let others = self.depart(&member.hearer, Some(member), how);
            // In a group nothing is lost: what it has begun, it goes on with.
            if !others && how == Leave::Abandon {
                member.abandons();
            }
            others
        })
    }

    /// Whether nobody wants a listener any more, because its owner is gone; it leaves then, with all that waits.
    pub(crate) fn lets_go(&self, member: &Member) -> bool {
        if member.is_alive() {
            return false;
        }
        if self.depart_member(member, Leave::Abandon).is_none() {
            // It has left before, to handle what waits.
            let last = || !member.leaves();
            if let Some(left) = self.exchange.give_up(member.hearer.queue, last) {
                member.abandons();
                left.discard(&self.exchange);
            }
        }
        true
    }

    fn depart(&self, hearer: &Hearer, member: Option<&Member>, how: Leave) -> bool {
        let mut present = self.routes.present_mut();
        let others = 1 < hearer.members_count();
        if others {
            hearer.members.fetch_sub(1, Ordering::Relaxed);
            // Before it is woken, which the leaving does.
            member.into_iter().for_each(Member::tell_to_leave);
        } else if !present.remove(hearer) {
            return false;
        }
        let (id, limit) = member.map_or((0, None), |member| (member.id, member.limit));
        let left = self.exchange.leave(hearer.queue, id, limit, how);
        debug_assert!(
            others == left.others || !self.exchange.is_open_to(None),
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
        self.links.tell_changed();
        if !others {
            self.routes.left(hearer);
        }
        left.discard(&self.exchange);
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
        // Whoever waits to publish on it is refused now.
        self.exchange.wake_publishers();
        for hearer in over {
            self.exchange.close_entrance(hearer.queue);
        }
    }

    /// Binds a listener or a reader to an owner; of several the first holds.
    ///
    /// Whether the owner is there is asked for each signal, and now and then in between.
    pub(crate) fn bind(self: &Arc<Self>, member: &Arc<Member>, alive: Alive) {
        if !member.bind(alive) {
            return;
        }
        self.routes
            .renew(&mut self.routes.present_mut(), &self.exchange);
        if self.bound.add(member) {
            let sweep = sweep(Arc::clone(self));
            if !self.tasks.spawn(&self.runtime, sweep) {
                self.bound.stop();
            }
        }
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
