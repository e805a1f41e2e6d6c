//! A YAML file as a tree that knows its lines, with the types that PyYAML gives to words.
//!
//! Every value keeps its line, so that a mistake is named where it stands. Anchors, aliases and merges (`<<`) work as in PyYAML.

pub(crate) mod section;

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, Tag};

use crate::problem::Problems;

/// Values of a file, after aliases are filled in; more are an attack.
const NODES_MAX: usize = 100_000;
/// Lists and maps in each other; more are an attack.
const DEPTH_MAX: usize = 64;

/// A value, and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

#[derive(Debug, Clone)]
pub(crate) enum Value {
    Null,
    /// True, false, a float, a date: nothing of which is of use here. As it is written.
    Other(String),
    /// As it is written, and what it means if that is not too much.
    Number(String, Option<i64>),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// What it is, for a person who expected something else.
    pub(crate) fn found(&self) -> String {
        match &self.value {
            Value::Null => "nothing".to_owned(),
            Value::Other(raw) | Value::Number(raw, _) => format!("`{raw}`"),
            Value::Text(text) if text.chars().count() <= 60 => format!("`{text}`"),
            Value::Text(_) => "a long text".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Map(_) => "a map".to_owned(),
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Whether two keys are the same to PyYAML: text and number are not.
    fn is_key(&self, other: &Self) -> bool {
        match (&self.value, &other.value) {
            (Value::Null, Value::Null) => true,
            (Value::Text(one), Value::Text(other))
            | (Value::Other(one), Value::Other(other))
            | (Value::Number(one, _), Value::Number(other, _)) => one == other,
            _ => false,
        }
    }
}

/// Reads the one document of a file. An empty file is a [`Value::Null`]; a broken one is a problem, and nothing else.
pub(crate) fn read(text: &str, problems: &mut Problems) -> Option<Node> {
    // Some editors begin a file with a mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let fed = match event {
            Ok((event, span)) => builder.feed(event, span, problems),
            Err(error) => Err((error.marker().line(), format!("not YAML: {}", error.info()))),
        };
        if let Err((line, text)) = fed {
            problems.refuse(line.max(1), "", text);
            return None;
        }
    }
    Some(builder.root.unwrap_or(Node {
        line: 1,
        value: Value::Null,
    }))
}

/// A line, and what is wrong there.
type Fault = (usize, String);

#[derive(Default)]
struct Builder {
    root: Option<Node>,
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    nodes_count: usize,
    documents_count: usize,
}

/// A list or a map whose end has not come yet.
struct Open {
    anchor: usize,
    node: Node,
    /// The key that waits for its value.
    key: Option<Node>,
}

impl Builder {
    fn feed(&mut self, event: Event<'_>, span: Span, problems: &mut Problems) -> Result<(), Fault> {
        let line = span.start.line();
        match event {
            Event::DocumentStart(_) if 0 < self.documents_count => {
                return Err((
                    line,
                    "a second document begins here, expected one".to_owned(),
                ));
            }
            Event::DocumentStart(_) => self.documents_count += 1,
            Event::Scalar(text, style, anchor, tag) => {
                let kind = kind(tag.as_deref(), &SCALARS).map_err(|text| (line, text))?;
                let value = scalar(&text, style, kind.as_deref());
                self.place(anchor, Node { line, value }, problems)?;
            }
            Event::SequenceStart(anchor, tag) => {
                kind(tag.as_deref(), &["seq"]).map_err(|text| (line, text))?;
                self.begin(anchor, line, Value::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, tag) => {
                kind(tag.as_deref(), &["map"]).map_err(|text| (line, text))?;
                self.begin(anchor, line, Value::Map(Vec::new()))?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Open {
                    anchor, mut node, ..
                } = self.open.pop().expect("an end follows a start");
                if let Value::Map(fields) = &mut node.value {
                    merge(fields)?;
                }
                self.place(anchor, node, problems)?;
            }
            Event::Alias(anchor) => {
                let Some(node) = self.anchors.get(&anchor) else {
                    return Err((line, "an alias inside of what it names".to_owned()));
                };
                let mut node = node.clone();
                node.line = line;
                self.nodes_count += size(&node);
                self.place(0, node, problems)?;
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn begin(&mut self, anchor: usize, line: usize, value: Value) -> Result<(), Fault> {
        if DEPTH_MAX <= self.open.len() {
            return Err((line, format!("nested deeper than {DEPTH_MAX}")));
        }
        self.open.push(Open {
            anchor,
            node: Node { line, value },
            key: None,
        });
        Ok(())
    }

    fn place(&mut self, anchor: usize, node: Node, problems: &mut Problems) -> Result<(), Fault> {
        self.nodes_count += 1;
        if NODES_MAX < self.nodes_count {
            return Err((node.line, format!("more than {NODES_MAX} values")));
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
            self.nodes_count += size(&node);
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        match &mut open.node.value {
            Value::List(items) => items.push(node),
            Value::Map(fields) => match open.key.take() {
                None => open.key = Some(node),
                Some(key) => put(fields, key, node, problems),
            },
            _ => unreachable!("only lists and maps are opened"),
        }
        Ok(())
    }
}

/// Of equal keys the last one counts in PyYAML; but nobody means to write two.
fn put(fields: &mut Vec<(Node, Node)>, key: Node, value: Node, problems: &mut Problems) {
    let is_merge = key.as_text() == Some("<<");
    match fields.iter_mut().find(|(other, _)| other.is_key(&key)) {
        Some(field) if !is_merge => {
            let text = format!("stands in line {} already; remove one", field.0.line);
            problems.refuse_if_strict(key.line, &key.found(), text);
            *field = (key, value);
        }
        _ => fields.push((key, value)),
    }
}

/// Fills in what `<<` names; own fields go before it.
fn merge(fields: &mut Vec<(Node, Node)>) -> Result<(), Fault> {
    let is_merge = |(key, _): &(Node, Node)| key.as_text() == Some("<<");
    if !fields.iter().any(is_merge) {
        return Ok(());
    }
    let (merges, own): (Vec<_>, Vec<_>) = std::mem::take(fields).into_iter().partition(is_merge);
    *fields = own;
    for (key, value) in merges {
        let sources = match value.value {
            Value::List(items) => items,
            _ => vec![value],
        };
        for source in sources {
            let Value::Map(inherited) = source.value else {
                return Err((key.line, "`<<` expects a map".to_owned()));
            };
            for field in inherited {
                if !fields.iter().any(|(other, _)| other.is_key(&field.0)) {
                    fields.push(field);
                }
            }
        }
    }
    Ok(())
}

fn size(node: &Node) -> usize {
    match &node.value {
        Value::List(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Map(fields) => {
            let inner = fields.iter().map(|(key, value)| size(key) + size(value));
            1 + inner.sum::<usize>()
        }
        _ => 1,
    }
}

/// Tags of values that are neither lists nor maps.
const SCALARS: [&str; 5] = ["str", "int", "float", "bool", "null"];

/// What a tag says of a value. Other tags than these would mean something to another program, and nothing here.
fn kind(tag: Option<&Tag>, known: &[&str]) -> Result<Option<String>, String> {
    let Some(tag) = tag.filter(|tag| !(tag.handle.is_empty() && tag.suffix == "!")) else {
        return Ok(None);
    };
    if tag.is_yaml_core_schema() && known.contains(&tag.suffix.as_str()) {
        return Ok(Some(tag.suffix.clone()));
    }
    let written = if tag.is_yaml_core_schema() {
        format!("!!{}", tag.suffix)
    } else {
        tag.to_string()
    };
    Err(format!("the tag `{written}` means nothing here; remove it"))
}

fn scalar(text: &str, style: ScalarStyle, kind: Option<&str>) -> Value {
    let is_text = match kind {
        None => style != ScalarStyle::Plain,
        Some(kind) => kind == "str",
    };
    if is_text {
        return Value::Text(text.to_owned());
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        _ if is_bool(text) => Value::Other(text.to_owned()),
        _ if is_integer(text) => Value::Number(text.to_owned(), integer(text)),
        _ if is_float(text) || is_date(text) => Value::Other(text.to_owned()),
        _ => Value::Text(text.to_owned()),
    }
}

/// YAML 1.1 knows more words for true and false than its successors do.
fn is_bool(text: &str) -> bool {
    const WORDS: [&str; 6] = ["yes", "no", "true", "false", "on", "off"];
    let is_capital = |word: &str| {
        let mut letters = text.chars();
        letters.next().is_some_and(char::is_uppercase)
            && (letters.as_str() == &word[1..] || text.chars().all(char::is_uppercase))
    };
    WORDS
        .iter()
        .any(|word| text == *word || text.eq_ignore_ascii_case(word) && is_capital(word))
}

fn digits(text: &str) -> (&str, u32) {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    match unsigned.as_bytes() {
        [b'0', b'x', ..] => (&unsigned[2..], 16),
        [b'0', b'b', ..] => (&unsigned[2..], 2),
        [b'0', _, ..] => (&unsigned[1..], 8),
        _ => (unsigned, 10),
    }
}

fn is_integer(text: &str) -> bool {
    let (digits, radix) = digits(text);
    let is_digit = |letter: char| letter == '_' || letter.is_digit(radix);
    let first = digits.chars().next();
    first.is_some_and(|first| first != '_' || radix != 10) && digits.chars().all(is_digit)
}

fn integer(text: &str) -> Option<i64> {
    let (digits, radix) = digits(text);
    let value = i64::from_str_radix(&digits.replace('_', ""), radix).ok()?;
    Some(if text.starts_with('-') { -value } else { value })
}

/// PyYAML asks for a point, and for a sign in the exponent.
fn is_float(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let special = [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"];
    let has_digits = unsigned.bytes().any(|byte| byte.is_ascii_digit());
    let plain = unsigned.replace('_', "");
    let fits = plain
        .bytes()
        .all(|byte| byte.is_ascii_digit() || b".eE+-".contains(&byte));
    special.contains(&unsigned)
        || unsigned.contains('.') && has_digits && fits && plain.parse::<f64>().is_ok()
}

/// `2001-01-23`, also with a time behind it.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |from: usize, count: usize| {
        let part = bytes.get(from..from + count);
        part.is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let is_day =
        digits(0, 4) && digits(5, 2) && digits(8, 2) && bytes[4] == b'-' && bytes[7] == b'-';
    is_day && matches!(bytes.get(10), None | Some(b'T' | b't' | b' ' | b'\t'))
}

#[cfg(test)]
mod tests {
    use super::{Node, Value, read};
    use crate::problem::Problems;

    fn shown(node: &Node) -> String {
        match &node.value {
            Value::List(items) => {
                let items: Vec<_> = items.iter().map(shown).collect();
                format!("[{}]", items.join(" "))
            }
            Value::Map(fields) => {
                let fields = fields.iter();
                let fields: Vec<_> = fields
                    .map(|(key, value)| format!("{}:{}", shown(key), shown(value)))
                    .collect();
                format!("{{{}}}", fields.join(" "))
            }
            Value::Null => "null".to_owned(),
            Value::Number(_, number) => format!("{number:?}"),
            Value::Other(raw) => format!("?{raw}"),
            Value::Text(text) => text.clone(),
        }
    }

    fn read_as(text: &str) -> String {
        let mut problems = Problems::new("f", false);
        let node = read(text, &mut problems);
        let found = problems.into_found();
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        node.map_or(found.join("\n"), |node| shown(&node))
    }

    #[test]
    fn words_have_the_types_that_pyyaml_gives_them() {
        for (text, expected) in [
            ("[a, 'b', \"c\"]", "[a b c]"),
            (
                "[yes, No, ON, oFF, y, true, TRUE]",
                "[?yes ?No ?ON oFF y ?true ?TRUE]",
            ),
            (
                "[1, -2, +3, 0x1F, 010, 1_000, 0, 0b11]",
                "[Some(1) Some(-2) Some(3) Some(31) Some(8) Some(1000) Some(0) Some(3)]",
            ),
            ("[99999999999999999999, 08, 1a, _1]", "[None 08 1a _1]"),
            (
                "[1.5, 1e5, 1.0e+5, .inf, 1.2.3, 10.0.0.1]",
                "[?1.5 1e5 ?1.0e+5 ?.inf 1.2.3 10.0.0.1]",
            ),
            (
                "[2026-11-21, 2026-11-21x, ~, null, '']",
                "[?2026-11-21 2026-11-21x null null ]",
            ),
            ("[!!str 5, 10:30]", "[5 10:30]"),
            (
                "!!seq [!!int '5', !!null '', !!bool no, ! x, !!map {}]",
                "[Some(5) null ?no x {}]",
            ),
            ("", "null"),
            ("# nothing\n", "null"),
        ] {
            assert_eq!(read_as(text), expected, "{text}");
        }
    }

    #[test]
    fn anchors_aliases_and_merges_are_filled_in() {
        assert_eq!(read_as("a: &x [1]\nb: *x\n"), "{a:[Some(1)] b:[Some(1)]}");
        assert_eq!(
            read_as("a: &x {k: v, l: w}\nb: {l: own, <<: *x}\n"),
            "{a:{k:v l:w} b:{l:own k:v}}"
        );
        assert_eq!(read_as("a: {<<: 5}"), "f:1: `<<` expects a map");
    }

    #[test]
    fn the_last_of_two_equal_keys_counts_where_pypubsub_is_followed() {
        assert_eq!(read_as("a: 1\n'a': 2\n"), "{a:Some(2)}");
        for (is_lenient, expected) in [
            (false, "f:2: `a`: stands in line 1 already; remove one"),
            (
                true,
                "f:2: warning: `a`: stands in line 1 already; remove one",
            ),
        ] {
            let mut problems = Problems::new("f", is_lenient);
            read("a: 1\na: 2\n", &mut problems).expect("it can be read");
            let found = problems.into_found();
            assert_eq!(found[0].to_string(), expected);
        }
    }

    /// A secret that another program should have filled in is no password.
    #[test]
    fn tags_of_other_programs_are_refused() {
        for (text, tag) in [
            ("\na: !vault x", "!vault"),
            ("\na: !vault {b: c}", "!vault"),
            ("\na: !vault [b]", "!vault"),
            ("\na: !!binary aGk=", "!!binary"),
            ("\na: !!python/object:x {}", "!!python/object:x"),
            ("\na: !!str {}", "!!str"),
        ] {
            let expected = format!("f:2: the tag `{tag}` means nothing here; remove it");
            assert_eq!(read_as(text), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_names_its_line() {
        assert!(
            read_as("a: 1\nb: [\n").starts_with("f:"),
            "{}",
            read_as("a: 1\nb: [\n")
        );
        assert_eq!(
            read_as("a: 1\n---\nb: 2\n"),
            "f:2: a second document begins here, expected one"
        );
        let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
        assert_eq!(read_as(&deep), "f:1: nested deeper than 64");
    }

    #[test]
    fn aliases_of_aliases_do_not_use_up_the_memory() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..9 {
            let inner = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        assert!(
            read_as(&bomb).contains("more than 100000 values"),
            "{}",
            read_as(&bomb)
        );
    }
}
