//! JSON as Python's `json.dumps(json.loads(text))` writes it, byte for byte.
//!
//! Clients of PyPubSub see that form, and some compare bytes: keys keep their order, of two equal keys the last value stands in
//! the place of the first, everything that is not ASCII is escaped. No JSON crate does this and keeps numbers of any size.

mod number;
mod scan;
mod texts;

use std::ops::Range;

pub(crate) use crate::json::{number::write_float, scan::write_text, texts::texts};

/// Nested deeper than this it is refused, before it could use up the stack.
pub(crate) const DEPTH_MAX: usize = 512;

/// A JSON object, written anew.
#[derive(Debug)]
pub(crate) struct Object {
    /// `{"a": 1, "b": 2`, without the last brace.
    text: String,
    fields: Vec<Field>,
}

/// Where a field stands in the text of its object.
#[derive(Debug, Clone)]
struct Field {
    /// With its quotes.
    key: Range<usize>,
    value: Range<usize>,
}

/// Why a text is no JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It is no JSON, or holds what JSON cannot say: `NaN`, `Infinity`, `1e400`; or it is nested too deep.
    NotJson,
    /// It is JSON, but a list, a text, a number.
    NotObject,
}

impl Object {
    /// Reads an object.
    pub(crate) fn read(text: &str) -> Result<Self, Fault> {
        scan::read(text)
    }

    /// Writes the object with these fields in it: in the place of a field of that name, else at its end.
    pub(crate) fn write_with(&self, labels: &[(&str, &str)], out: &mut String) {
        if self
            .fields
            .iter()
            .any(|field| self.label_of(field, labels).is_some())
        {
            self.write_replaced(labels, out);
        } else {
            out.push_str(&self.text);
        }
        let is_there = |name: &str| self.fields.iter().any(|field| self.name(field) == name);
        let mut is_first = self.fields.is_empty();
        for (name, value) in labels.iter().filter(|(name, _)| !is_there(name)) {
            out.push_str(if is_first { "\"" } else { ", \"" });
            is_first = false;
            out.extend([name, "\": ", value]);
        }
        out.push('}');
    }

    /// The value of a field, as it is written.
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|field| self.name(field) == name)?;
        Some(&self.text[field.value.clone()])
    }

    fn write_replaced(&self, labels: &[(&str, &str)], out: &mut String) {
        out.push('{');
        for (index, field) in self.fields.iter().enumerate() {
            if 0 < index {
                out.push_str(", ");
            }
            let value = self.label_of(field, labels);
            let value = value.unwrap_or(&self.text[field.value.clone()]);
            out.extend([&self.text[field.key.clone()], ": ", value]);
        }
    }

    /// The key of a field as it is written, without its quotes.
    fn name(&self, field: &Field) -> &str {
        &self.text[field.key.start + 1..field.key.end - 1]
    }

    fn label_of<'a>(&self, field: &Field, labels: &[(&str, &'a str)]) -> Option<&'a str> {
        let name = self.name(field);
        let found = labels.iter().find(|(label, _)| *label == name);
        found.map(|(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::{DEPTH_MAX, Object};

    fn written(text: &str) -> String {
        let mut out = String::new();
        match Object::read(text) {
            Ok(object) => object.write_with(&[], &mut out),
            Err(fault) => out = format!("{fault:?}"),
        }
        out
    }

    /// Each right side is what Python 3.11 prints.
    #[test]
    fn what_is_read_is_written_as_python_writes_it() {
        for (text, expected) in [
            ("{}", "{}"),
            (
                " {\"b\" :1,\"a\":[ ] , \"c\":{ }}\n",
                r#"{"b": 1, "a": [], "c": {}}"#,
            ),
            (
                r#"{"a":[1,[2,{"x":null}]],"t":true,"f":false}"#,
                r#"{"a": [1, [2, {"x": null}]], "t": true, "f": false}"#,
            ),
            (r#"{"a": 1, "b": 2, "a": 3}"#, r#"{"a": 3, "b": 2}"#),
            (
                r#"{"o": {"k": 1, "j": [0], "k": {"z": 1, "z": 2}}}"#,
                r#"{"o": {"k": {"z": 2}, "j": [0]}}"#,
            ),
            (r#"{"\u0061": 1, "a": 2}"#, r#"{"a": 2}"#),
            (
                r#"{"é😀": "\/\u00e9\ud83d\ude00\ud800 \u007f"}"#,
                r#"{"\u00e9\ud83d\ude00": "/\u00e9\ud83d\ude00\ud800 \u007f"}"#,
            ),
            (
                "{\"a\": \"\\b\\f\\n\\r\\t\\u0001\\u001F\\\"\\\\\u{7f}\"}",
                r#"{"a": "\b\f\n\r\t\u0001\u001f\"\\\u007f"}"#,
            ),
            (
                r#"{"n": [-0, 0, -0.0, 12345678901234567890123, 1E5, 1e-7, 1.10, 1e16, 1e15, 123e-6, 12.5e-6]}"#,
                r#"{"n": [0, 0, -0.0, 12345678901234567890123, 100000.0, 1e-07, 1.1, 1e+16, 1000000000000000.0, 0.000123, 1.25e-05]}"#,
            ),
        ] {
            assert_eq!(written(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for text in [
            "",
            "  ",
            "hello",
            "{'a': 1}",
            r#"{"t":1}x"#,
            "\u{feff}{}",
            "{",
            r#"{"a"}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            "[1,]",
            r#"{"a": "x"#,
            "{\"a\": \"\n\"}",
            r#"{"a": "\x"}"#,
            r#"{"a": "\u12g4"}"#,
            r#"{"a": 01}"#,
            r#"{"a": 1.}"#,
            r#"{"a": .5}"#,
            r#"{"a": -}"#,
            r#"{"a": +1}"#,
            r#"{"a": 1e}"#,
            "nul",
            "{\"a\":\u{a0}1}",
            r#"{"a": NaN}"#,
            r#"{"a": Infinity}"#,
            r#"{"a": -Infinity}"#,
            r#"{"a": 1e400}"#,
            r#"{1: 2}"#,
            r#"{"a" 1}"#,
        ] {
            assert_eq!(written(text), "NotJson", "{text}");
        }
        for text in ["[1, 2]", "\"s\"", "5", "null", " true "] {
            assert_eq!(written(text), "NotObject", "{text}");
        }
    }

    #[test]
    fn what_is_nested_too_deep_is_refused() {
        let nested = |depth: usize| {
            let lists = depth - 1;
            format!("{{\"a\":{}{}}}", "[".repeat(lists), "]".repeat(lists))
        };
        assert_eq!(written(&nested(DEPTH_MAX + 1)), "NotJson");
        assert!(Object::read(&nested(DEPTH_MAX)).is_ok());
        assert_eq!(
            written(&format!("{{\"a\":{}", "[".repeat(100_000))),
            "NotJson"
        );
    }

    #[test]
    fn an_object_of_many_keys_finds_its_doubles() {
        let many = |end: &str| {
            let fields: Vec<_> = (0..1000)
                .map(|number| format!("\"k{number}\": {number}"))
                .collect();
            format!("{{{}{end}}}", fields.join(", "))
        };
        assert_eq!(written(&many("")), many(""));
        assert_eq!(written(&many(", \"k7\": 7")), many(""));
    }

    #[test]
    fn labels_stand_in_the_place_of_fields_of_their_name() {
        let labels = [("x", "1"), ("y", "\"2\"")];
        for (text, expected) in [
            ("{}", r#"{"x": 1, "y": "2"}"#),
            (r#"{"a": 0}"#, r#"{"a": 0, "x": 1, "y": "2"}"#),
            (
                r#"{"y": [], "a": {"x": 5}}"#,
                r#"{"y": "2", "a": {"x": 5}, "x": 1}"#,
            ),
        ] {
            let mut out = String::new();
            Object::read(text)
                .expect("an object")
                .write_with(&labels, &mut out);
            assert_eq!(out, expected);
        }
    }
}
