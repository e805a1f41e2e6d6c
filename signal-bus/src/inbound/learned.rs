//! How the messages of a topic are read, once one of them was.

use std::{collections::HashMap, sync::Arc};

use crate::{codec::Codec, queue::lane::Lane, route::topic::Route, scope::running::Running};

/// Topics that are remembered at once.
const TOPICS_MAX: usize = 1024;

/// How the messages of topics are read, as long as nobody comes or goes.
#[derive(Default)]
pub(super) struct Learned {
    /// Who was there when it was learned.
    generation: u64,
    topics: HashMap<Arc<str>, Lesson>,
    /// The one that was asked for last.
    last: Option<(Arc<str>, Lesson)>,
}

/// How the messages of one topic are read, and where they go.
#[derive(Clone)]
pub(super) struct Lesson {
    pub(super) codec: Codec,
    pub(super) route: Arc<Route>,
    /// The lane that all its messages take, if there is one, and it is free.
    pub(super) lane: Option<Lane>,
}

impl Learned {
    /// What was learned of a topic under the same generation.
    pub(super) fn of(&mut self, topic: &Arc<str>, running: &Running) -> Option<&Lesson> {
        let generation = running.routes.generation();
        if self.generation != generation {
            self.generation = generation;
            self.topics.clear();
            self.last = None;
        }
        // Mostly it is not only the same topic, but the very text.
        let known = self.last.as_ref();
        if known.is_none_or(|(last, _)| !Arc::ptr_eq(last, topic)) {
            let lesson = self.topics.get(topic)?;
            self.last = Some((Arc::clone(topic), lesson.clone()));
        }
        self.last.as_ref().map(|(_, lesson)| lesson)
    }

    /// Remembers what was learned since [`of`](Self::of) had nothing to tell.
    pub(super) fn learn(&mut self, topic: &Arc<str>, lesson: Lesson) {
        if TOPICS_MAX <= self.topics.len() {
            self.topics.clear();
        }
        self.topics.insert(Arc::clone(topic), lesson);
    }
}
