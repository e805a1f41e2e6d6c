//! A map of a file, read key by key; what is not as expected becomes a problem.

use crate::{
    problem::Problems,
    yaml::{Node, Value},
};

/// A map, and the name under which it stands in its file.
pub(crate) struct Section<'a> {
    name: String,
    line: usize,
    fields: &'a [(Node, Node)],
}

impl<'a> Section<'a> {
    /// The map that a node is.
    pub(crate) fn new(name: &str, node: &'a Node, problems: &mut Problems) -> Option<Self> {
        let Value::Map(fields) = &node.value else {
            let text = format!("expected a map, found {}", node.found());
            problems.refuse(node.line, name, text);
            return None;
        };
        Some(Self {
            name: name.to_owned(),
            line: node.line,
            fields,
        })
    }

    pub(crate) fn line(&self) -> usize {
        self.line
    }

    /// Where a key of this map stands: `server.port`.
    pub(crate) fn path(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }

    /// The value of a key; nothing is as good as no key.
    pub(crate) fn field(&self, key: &str) -> Option<&'a Node> {
        let found = self
            .fields
            .iter()
            .find(|(name, _)| name.as_text() == Some(key));
        let value = found.map(|(_, value)| value);
        value.filter(|value| !matches!(value.value, Value::Null))
    }

    /// The line of a value; that of the map, if it is not there.
    pub(crate) fn line_of(&self, key: &str) -> usize {
        self.field(key).map_or(self.line, |node| node.line)
    }

    /// All keys, each with its value.
    pub(crate) fn fields(&self) -> &'a [(Node, Node)] {
        self.fields
    }

    /// The map under a key that has to be there.
    pub(crate) fn required_section(&self, key: &str, problems: &mut Problems) -> Option<Self> {
        let path = self.path(key);
        let Some(node) = self.field(key) else {
            problems.refuse(
                self.line,
                &path,
                "expected a map, found nothing; `{}` will do",
            );
            return None;
        };
        Self::new(&path, node, problems)
    }

    pub(crate) fn section(&self, key: &str, problems: &mut Problems) -> Option<Self> {
        Self::new(&self.path(key), self.field(key)?, problems)
    }

    pub(crate) fn text(&self, key: &str, problems: &mut Problems) -> Option<&'a str> {
        let node = self.field(key)?;
        let text = node.as_text().filter(|text| !text.is_empty());
        if text.is_none() {
            let quotes = match node.value {
                Value::Other(_) | Value::Number(..) => "; write it in quotes",
                _ => "",
            };
            let text = format!("expected a text, found {}{quotes}", node.found());
            problems.refuse(node.line, &self.path(key), text);
        }
        text
    }

    /// A number in these bounds; it may stand in quotes, as PyPubSub takes it.
    pub(crate) fn number(
        &self,
        key: &str,
        min: u32,
        max: u32,
        problems: &mut Problems,
    ) -> Option<u32> {
        let node = self.field(key)?;
        let number = match &node.value {
            Value::Number(_, number) => *number,
            Value::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (min..=max).contains(number));
        if number.is_none() {
            let text = format!(
                "expected a number from {min} to {max}, found {}",
                node.found()
            );
            problems.refuse(node.line, &self.path(key), text);
        }
        number
    }

    pub(crate) fn flag(&self, key: &str, problems: &mut Problems) -> Option<bool> {
        let node = self.field(key)?;
        let word = match &node.value {
            Value::Other(raw) => raw.to_ascii_lowercase(),
            _ => String::new(),
        };
        match word.as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => {
                let text = format!("expected `true` or `false`, found {}", node.found());
                problems.refuse(node.line, &self.path(key), text);
                None
            }
        }
    }

    /// The texts of a list, each with its line; none if there is no list.
    pub(crate) fn texts(&self, key: &str, problems: &mut Problems) -> Vec<(usize, &'a str)> {
        match self.field(key) {
            Some(node) => texts(&self.path(key), node, problems),
            None => Vec::new(),
        }
    }

    /// Says which keys mean nothing here.
    pub(crate) fn refuse_unknown(&self, known: &[&str], problems: &mut Problems) {
        for (key, _) in self.fields {
            let name = key.as_text().unwrap_or_default();
            if known.contains(&name) {
                continue;
            }
            let meant = known.iter().find(|known| is_close(known, name));
            let advice = match meant {
                Some(meant) => format!("unknown key {}, did you mean `{meant}`?", key.found()),
                None => format!(
                    "unknown key {}, expected one of: {}",
                    key.found(),
                    known.join(", ")
                ),
            };
            problems.refuse_if_strict(key.line, &self.name, advice);
        }
    }
}

/// The texts of a list, each with its line.
pub(crate) fn texts<'a>(
    path: &str,
    node: &'a Node,
    problems: &mut Problems,
) -> Vec<(usize, &'a str)> {
    let Value::List(items) = &node.value else {
        let text = format!("expected a list of texts, found {}", node.found());
        problems.refuse(node.line, path, text);
        return Vec::new();
    };
    let mut texts = Vec::new();
    for item in items {
        match item.as_text() {
            Some(text) => texts.push((item.line, text)),
            None => {
                let text = format!(
                    "expected a text, found {}; write it in quotes",
                    item.found()
                );
                problems.refuse(item.line, path, text);
            }
        }
    }
    texts
}

/// Whether one letter more, less, or different makes one word of the other, or two that have changed places.
fn is_close(one: &str, other: &str) -> bool {
    let (one, other): (Vec<_>, Vec<_>) = (one.chars().collect(), other.chars().collect());
    let start = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let (one, other) = (&one[start..], &other[start..]);
    let end = one.iter().rev().zip(other.iter().rev());
    let end = end.take_while(|(a, b)| a == b).count();
    match (&one[..one.len() - end], &other[..other.len() - end]) {
        ([a, b], [c, d]) => a == d && b == c,
        (one, other) => one.len().max(other.len()) <= 1,
    }
}

#[cfg(test)]
mod tests {
    use super::is_close;

    #[test]
    fn a_slip_is_close_and_another_word_is_not() {
        for (one, other) in [
            ("port", "prot"),
            ("port", "pot"),
            ("port", "porrt"),
            ("port", "part"),
            ("topics", "topic"),
        ] {
            assert!(
                is_close(one, other) && is_close(other, one),
                "{one} {other}"
            );
        }
        for (one, other) in [
            ("port", "bind"),
            ("port", ""),
            ("key", "cert"),
            ("abcd", "badc"),
        ] {
            assert!(!is_close(one, other), "{one} {other}");
        }
    }
}
