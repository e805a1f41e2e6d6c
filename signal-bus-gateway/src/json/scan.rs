//! One pass over a JSON text, which writes what it reads.

use std::{collections::HashMap, fmt::Write as _};

use crate::json::{DEPTH_MAX, Fault, Field, Object, number};

/// Objects of more fields look for equal keys by hashing.
const FIELDS_FEW: usize = 8;

pub(super) fn read(text: &str) -> Result<Object, Fault> {
    let mut scan = Scan {
        text,
        at: 0,
        out: String::with_capacity(text.len() + text.len() / 4),
    };
    scan.skip_blanks();
    let is_object = scan.peek() == Some(b'{');
    let fields = if is_object {
        scan.object(1)
    } else {
        scan.value(1).map(|()| Vec::new())
    };
    scan.skip_blanks();
    match fields {
        Some(_) if scan.at < text.len() => Err(Fault::NotJson),
        None => Err(Fault::NotJson),
        Some(_) if !is_object => Err(Fault::NotObject),
        Some(fields) => {
            scan.out.pop();
            Ok(Object {
                text: scan.out,
                fields,
            })
        }
    }
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    out: String,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Takes a mark of the syntax, with the blanks around it.
    fn take(&mut self, mark: u8) -> Option<()> {
        self.skip_blanks();
        if self.peek() != Some(mark) {
            return None;
        }
        self.at += 1;
        self.skip_blanks();
        Some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'{' => self.object(depth).map(drop),
            b'[' => self.list(depth),
            b'"' => self.string(),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            _ => {
                self.at += number::read(&self.text[self.at..], &mut self.out)?;
                Some(())
            }
        }
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            self.out.push_str(word);
        })
    }

    fn list(&mut self, depth: usize) -> Option<()> {
        if DEPTH_MAX < depth {
            return None;
        }
        self.take(b'[')?;
        self.out.push('[');
        while self.peek() != Some(b']') {
            if !self.out.ends_with('[') {
                self.out.push_str(", ");
            }
            self.value(depth + 1)?;
            self.separate(b']')?;
        }
        self.at += 1;
        self.out.push(']');
        Some(())
    }

    fn object(&mut self, depth: usize) -> Option<Vec<Field>> {
        if DEPTH_MAX < depth {
            return None;
        }
        self.take(b'{')?;
        let start = self.out.len();
        self.out.push('{');
        let mut fields = Vec::new();
        while self.peek() != Some(b'}') {
            if !fields.is_empty() {
                self.out.push_str(", ");
            }
            fields.push(self.field(depth)?);
            self.separate(b'}')?;
        }
        self.at += 1;
        self.keep_last(start, &mut fields);
        self.out.push('}');
        Some(fields)
    }

    fn field(&mut self, depth: usize) -> Option<Field> {
        let key_start = self.out.len();
        if self.peek() != Some(b'"') {
            return None;
        }
        self.string()?;
        let key = key_start..self.out.len();
        self.take(b':')?;
        self.out.push_str(": ");
        let value_start = self.out.len();
        self.value(depth + 1)?;
        let value = value_start..self.out.len();
        Some(Field { key, value })
    }

    /// Takes a comma that something follows, or looks at the end.
    fn separate(&mut self, end: u8) -> Option<()> {
        self.skip_blanks();
        match self.peek()? {
            b',' => {
                self.at += 1;
                self.skip_blanks();
                (self.peek()? != end).then_some(())
            }
            byte => (byte == end).then_some(()),
        }
    }

    /// Of fields with the same key, leaves the last value in the place of the first.
    fn keep_last(&mut self, start: usize, fields: &mut Vec<Field>) {
        let kept = distinct(&self.out, fields);
        if kept.len() == fields.len() {
            return;
        }
        let object = self.out.split_off(start);
        self.out.push('{');
        let mut moved = Vec::with_capacity(kept.len());
        for (index, field) in kept.into_iter().enumerate() {
            if 0 < index {
                self.out.push_str(", ");
            }
            let key_start = self.out.len();
            self.out
                .push_str(&object[field.key.start - start..field.key.end - start]);
            let key = key_start..self.out.len();
            self.out.push_str(": ");
            let value_start = self.out.len();
            self.out
                .push_str(&object[field.value.start - start..field.value.end - start]);
            let value = value_start..self.out.len();
            moved.push(Field { key, value });
        }
        *fields = moved;
    }

    /// Reads a string and writes it in ASCII.
    fn string(&mut self) -> Option<()> {
        self.at += 1;
        self.out.push('"');
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.bytes().take_while(|byte| is_plain(*byte)).count();
            self.out.push_str(&rest[..plain]);
            self.at += plain;
            let letter = rest[plain..].chars().next()?;
            self.at += letter.len_utf8();
            match letter {
                '"' => break,
                '\\' => self.escape()?,
                '\0'..='\u{1f}' => return None,
                letter => write_letter(letter, &mut self.out),
            }
        }
        self.out.push('"');
        Some(())
    }

    fn escape(&mut self) -> Option<()> {
        let letter = self.peek()?;
        self.at += 1;
        match letter {
            b'/' => self.out.push('/'),
            b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => {
                self.out.extend(['\\', char::from(letter)]);
            }
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    return None;
                }
                self.at += 4;
                write_unit(u16::from_str_radix(digits, 16).ok()?, &mut self.out);
            }
            _ => return None,
        }
        Some(())
    }
}

/// The fields whose key is not repeated, and the last of those where it is, in the place of the first.
fn distinct(text: &str, fields: &[Field]) -> Vec<Field> {
    let key = |field: &Field| &text[field.key.clone()];
    if fields.len() <= FIELDS_FEW {
        let mut kept: Vec<Field> = Vec::with_capacity(fields.len());
        for field in fields {
            match kept.iter_mut().find(|other| key(other) == key(field)) {
                Some(other) => other.value = field.value.clone(),
                None => kept.push(field.clone()),
            }
        }
        return kept;
    }
    let mut kept: Vec<Field> = Vec::with_capacity(fields.len());
    let mut places = HashMap::with_capacity(fields.len());
    for field in fields {
        let place = *places.entry(key(field)).or_insert(kept.len());
        match kept.get_mut(place) {
            Some(other) => other.value = field.value.clone(),
            None => kept.push(field.clone()),
        }
    }
    kept
}

/// Writes a text as a JSON string, in ASCII.
pub(crate) fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for letter in text.chars() {
        write_letter(letter, out);
    }
    out.push('"');
}

/// Whether a byte of a string stands for itself, in what is read and in what is written.
fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\'
}

fn write_letter(letter: char, out: &mut String) {
    for unit in letter.encode_utf16(&mut [0; 2]) {
        write_unit(*unit, out);
    }
}

/// Half a pair is written like any other unit, so what Python lets pass, passes.
fn write_unit(unit: u16, out: &mut String) {
    match unit {
        0x08 => out.push_str("\\b"),
        0x09 => out.push_str("\\t"),
        0x0a => out.push_str("\\n"),
        0x0c => out.push_str("\\f"),
        0x0d => out.push_str("\\r"),
        0x22 => out.push_str("\\\""),
        0x5c => out.push_str("\\\\"),
        0x20..=0x7e => out.push(char::from(unit.to_le_bytes()[0])),
        _ => write!(out, "\\u{unit:04x}").expect("a text takes everything"),
    }
}
