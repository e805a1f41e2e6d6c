//! From topics to the streams that want them: an event looks at those that could want it, not at all of them.

use std::{collections::HashMap, sync::Arc};

use crate::{event::Event, hub::stream::Stream};

/// All streams. A batch is filed under one of its topics, the one under which fewest are.
#[derive(Debug, Default)]
pub(crate) struct Index {
    by_topic: HashMap<Box<str>, Vec<Filed>>,
    /// Those with a batch that names no topic.
    everything: Vec<Arc<Stream>>,
    streams_count: usize,
}

#[derive(Debug)]
struct Filed {
    stream: Arc<Stream>,
    /// Which of its batches.
    batch: usize,
}

/// Under which topics the batches of a stream are filed.
pub(crate) type Places = Vec<Option<Box<str>>>;

impl Index {
    pub(crate) fn insert(&mut self, stream: &Arc<Stream>) -> Places {
        self.streams_count += 1;
        let batches = stream.wanted.batches.iter().enumerate();
        batches
            .map(|(batch, topics)| self.file(stream, batch, topics))
            .collect()
    }

    fn file(
        &mut self,
        stream: &Arc<Stream>,
        batch: usize,
        topics: &[Box<str>],
    ) -> Option<Box<str>> {
        let crowd = |topic: &str| self.by_topic.get(topic).map_or(0, Vec::len);
        let Some(rarest) = topics.iter().min_by_key(|topic| crowd(topic)).cloned() else {
            self.everything.push(Arc::clone(stream));
            return None;
        };
        let filed = Filed {
            stream: Arc::clone(stream),
            batch,
        };
        self.by_topic.entry(rarest.clone()).or_default().push(filed);
        Some(rarest)
    }

    pub(crate) fn remove(&mut self, stream: &Arc<Stream>, places: &Places) {
        self.streams_count -= 1;
        for place in places {
            let Some(topic) = place else {
                take_out(&mut self.everything, |other| Arc::ptr_eq(other, stream));
                continue;
            };
            let Some(filed) = self.by_topic.get_mut(topic) else {
                continue;
            };
            take_out(filed, |filed| Arc::ptr_eq(&filed.stream, stream));
            if filed.is_empty() {
                self.by_topic.remove(topic);
            }
        }
    }

    /// Calls `hand` with each stream that wants an event; more than once, if several batches do.
    pub(crate) fn each(&self, event: &Event, mut hand: impl FnMut(&Arc<Stream>)) {
        self.everything.iter().for_each(&mut hand);
        for topic in event.topics.distinct() {
            for filed in self.by_topic.get(topic).into_iter().flatten() {
                let wanted = &filed.stream.wanted.batches[filed.batch];
                if wanted.len() == 1 || event.topics.contain_all(wanted) {
                    hand(&filed.stream);
                }
            }
        }
    }

    /// All streams; some of them more than once.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &Arc<Stream>> {
        let filed = self.by_topic.values().flatten();
        self.everything
            .iter()
            .chain(filed.map(|filed| &filed.stream))
    }

    pub(crate) fn streams_count(&self) -> usize {
        self.streams_count
    }
}

/// Removes one element, and does not keep the order of the others.
fn take_out<T>(list: &mut Vec<T>, is_it: impl Fn(&T) -> bool) {
    if let Some(place) = list.iter().rposition(is_it) {
        list.swap_remove(place);
    }
    if list.len() < list.capacity() / 4 {
        list.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::{
        collection::vec,
        prelude::{Strategy, prop_assert_eq, proptest},
        sample::select,
    };

    use super::Index;
    use crate::{
        cursor::{Cursor, Epoch},
        event::Event,
        hub::stream::{QueueLimits, Stream},
        topic::Wanted,
    };

    const LIMITS: QueueLimits = QueueLimits {
        events: 1,
        bytes: 1,
    };

    fn paths() -> impl Strategy<Value = String> {
        let part = select(vec!["/a", "/b", "/c", "/d", ",", "/"]);
        vec(part, 0..6).prop_map(|parts| parts.concat())
    }

    fn event(path: &str) -> Event {
        let cursor = Cursor {
            epoch: Epoch::from_bits(0),
            sequence: 0,
        };
        Event::restored(cursor, 0.0, path, "{}\n")
    }

    proptest! {
        /// The index against a look at everybody, while some have left.
        #[test]
        fn those_who_want_an_event_are_found_and_nobody_else(wanted in vec(paths(), 0..12), left in vec(0_usize..12, 0..6), path in paths()) {
            let mut index = Index::default();
            let stream = |path: &String| {
                let wanted = Wanted::of_path(path).expect("few topics");
                Arc::new(Stream::new(wanted, Arc::default(), None, LIMITS))
            };
            let mut streams: Vec<_> = wanted.iter().map(stream).map(|stream| {
                let places = index.insert(&stream);
                (stream, places)
            }).collect();
            for place in left {
                if place < streams.len() {
                    let (stream, places) = streams.swap_remove(place);
                    index.remove(&stream, &places);
                }
            }
            prop_assert_eq!(index.streams_count(), streams.len());
            let event = event(&path);
            let mut found = Vec::new();
            index.each(&event, |stream| found.push(Arc::as_ptr(stream)));
            found.sort();
            found.dedup();
            let wanting = streams.iter().filter(|(stream, _)| stream.wanted.matches(&event.topics));
            let mut expected: Vec<_> = wanting.map(|(stream, _)| Arc::as_ptr(stream)).collect();
            expected.sort();
            prop_assert_eq!(found, expected);
            for (stream, places) in streams {
                index.remove(&stream, &places);
            }
            prop_assert_eq!(index.by_topic.len() + index.everything.len(), 0);
        }
    }
}
