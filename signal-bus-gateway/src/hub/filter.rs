//! What a reader wants to know of the fields of events.

use crate::{event::Event, json::write_text};

/// A field and its value: `cultivar:macintosh`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    field: String,
    /// As JSON writes it: a word that is no text, and the text.
    word: String,
    text: String,
}

impl Filter {
    /// Reads `field:value`.
    pub(crate) fn read(written: &str) -> Option<Self> {
        let (field, word) = written.split_once(':')?;
        if field.is_empty() {
            return None;
        }
        let quoted = |text: &str| {
            let mut quoted = String::new();
            write_text(text, &mut quoted);
            quoted
        };
        Some(Self {
            field: name(&quoted(field)).to_owned(),
            word: word.to_owned(),
            text: quoted(word),
        })
    }

    /// Whether an event has the field, with this value.
    pub(crate) fn passes(&self, event: &Event) -> bool {
        let value = event.value(&self.field);
        value.is_some_and(|value| value == self.word || value == self.text)
    }
}

/// What stands between the quotes of a text; more quotes are its own.
fn name(quoted: &str) -> &str {
    &quoted[1..quoted.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::Filter;
    use crate::{
        cursor::{Cursor, Epoch},
        event::Event,
    };

    #[test]
    fn a_field_is_compared_as_a_text_or_as_what_it_is() {
        let line = "{\"cultivar\": \"mac:intosh\", \"red\": true, \"n\": 12, \"\\u00e9\": \"\\u00e9\", \"in\": {\"a\": 1}, \"\\\"q\\\"\": 1, \"\\\\\": 2}\n";
        let cursor = Cursor {
            epoch: Epoch::from_bits(0),
            sequence: 0,
        };
        let event = Event::restored(cursor, 0.0, "/a", line);
        let passes = |written: &str| {
            Filter::read(written)
                .expect("a field and a value")
                .passes(&event)
        };
        for written in [
            "cultivar:mac:intosh",
            "red:true",
            "n:12",
            "\"q\":1",
            "\\:2",
            "in:{\"a\": 1}",
            "\u{e9}:\u{e9}",
            "pubsub_path:/a",
        ] {
            assert_eq!(passes(written), !written.starts_with("pubsub"), "{written}");
        }
        for written in ["cultivar:mac", "red:false", "n:1", "a:1", "other:", "in:1"] {
            assert!(!passes(written), "{written}");
        }
        for written in ["", "cultivar", ":x"] {
            assert_eq!(Filter::read(written), None);
        }
    }
}
