//! What is to be told of who has come and gone, in the order in which it happened.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    observe::letters::{DEAD, DeadLetter},
    signal::Kind,
    topic::pattern::Pattern,
};

/// What the topics of those who come begin with.
pub(crate) const ADDED: &str = "$bus.subscriber.added.";
/// What the topics of those who leave begin with.
pub(crate) const REMOVED: &str = "$bus.subscriber.removed.";

/// What is wrong with a subscription of `kind` to the bus's own topics: there are few, and each carries one type.
pub(crate) fn own_fault(pattern: &Pattern, kind: Option<Kind>) -> Option<String> {
    if !pattern.is_reserved() {
        return None;
    }
    let all = [
        (DEAD.to_owned(), Kind::of::<DeadLetter>()),
        (format!("{ADDED}>"), Kind::of::<SubscriberEvent>()),
        (format!("{REMOVED}>"), Kind::of::<SubscriberEvent>()),
    ];
    let overlaps = |own: &str| Pattern::new(own).is_ok_and(|own| own.overlaps(pattern));
    let mut heard = all.iter().filter(|(own, _)| overlaps(own)).peekable();
    let Some((_, carries)) = heard.peek() else {
        let names = all.map(|(own, _)| format!("`{own}`")).join(", ");
        return Some(format!(
            "the bus has no topic of its own like `{}`; it has {names}",
            pattern.as_str()
        ));
    };
    let (carries, wants) = (carries.name, kind?);
    let fits = heard.any(|(_, kind)| *kind == wants);
    (!fits).then(|| {
        format!(
            "`{}` carries `{carries}`, not `{}`",
            pattern.as_str(),
            wants.name
        )
    })
}

/// Somebody has subscribed, or has left: told on `$bus.subscriber.added.…` and `$bus.subscriber.removed.…`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use signal_bus::{Bus, SubscriberEvent};
///
/// let bus = Bus::empty().start().await?;
/// let mut added = bus.subscribe::<SubscriberEvent>("$bus.subscriber.added.orders.>")?;
/// let orders = bus.subscribe::<u32>("orders.*")?;
/// let event = added.recv().await.expect("somebody has come");
/// assert_eq!((event.pattern.as_str(), event.count), ("orders.*", 1));
/// assert_eq!(event.topic(), r"$bus.subscriber.added.orders.\*");
/// # drop((orders, added)); bus.close().await?; Ok::<_, anyhow::Error>(()) })?; Ok::<_, anyhow::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct SubscriberEvent {
    /// The pattern that was subscribed to. In the event's topic its wildcards are escaped by `\`.
    pub pattern: String,
    /// How many subscribers to this very pattern there are now.
    pub count: usize,
}

/// One event, with the topic it is told on.
pub(crate) type Told = (String, SubscriberEvent);

/// Events that wait to be told, one after the other, whoever tells them.
#[derive(Default, Debug)]
pub(crate) struct Presence(Mutex<State>);

#[derive(Default, Debug)]
struct State {
    events: VecDeque<Told>,
    /// Whether somebody tells them already.
    telling: bool,
}

impl Presence {
    pub(crate) fn add(&self, event: Told) {
        self.lock().events.push_back(event);
    }

    /// Hands out the events one by one, to one teller at a time.
    pub(crate) fn tell(&self, tell: impl Fn(Told)) {
        loop {
            let mut state = self.lock();
            if state.telling {
                return;
            }
            let Some(event) = state.events.pop_front() else {
                return;
            };
            state.telling = true;
            drop(state);
            tell(event);
            self.lock().telling = false;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
