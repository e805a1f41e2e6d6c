//! Texts that were written as JSON, read back.

/// The texts of a list of texts, as [`Object`](crate::json::Object) writes one.
pub(crate) fn texts(written: &str) -> Option<Vec<String>> {
    let inner = written.strip_prefix('[')?.strip_suffix(']')?;
    let mut texts = Vec::new();
    let mut rest = inner;
    while !rest.is_empty() {
        let body = rest.strip_prefix('"')?;
        let (text, length) = text(body)?;
        texts.push(text);
        rest = &body[length..];
        rest = rest.strip_prefix(", ").unwrap_or(rest);
    }
    Some(texts)
}

/// A text up to its closing quote, and where it ends behind it.
fn text(body: &str) -> Option<(String, usize)> {
    let mut units = Vec::new();
    let mut letters = body.char_indices();
    loop {
        match letters.next()? {
            (at, '"') => return Some((String::from_utf16(&units).ok()?, at + 1)),
            (_, '\\') => units.push(escape(&mut letters)?),
            (_, letter) => units.extend_from_slice(letter.encode_utf16(&mut [0; 2])),
        }
    }
}

fn escape(letters: &mut std::str::CharIndices<'_>) -> Option<u16> {
    Some(match letters.next()?.1 {
        'b' => 0x08,
        't' => 0x09,
        'n' => 0x0a,
        'f' => 0x0c,
        'r' => 0x0d,
        'u' => {
            let digits: String = letters.by_ref().take(4).map(|(_, letter)| letter).collect();
            u16::from_str_radix(&digits, 16).ok()?
        }
        letter => u16::try_from(u32::from(letter)).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::texts;

    #[test]
    fn texts_are_read_back() {
        assert_eq!(
            texts(r#"["a", "\u00e9\ud83d\ude00\n\"\\", ""]"#),
            Some(vec!["a".into(), "é😀\n\"\\".into(), String::new()])
        );
        assert_eq!(texts("[]"), Some(Vec::new()));
        for written in ["", "[1]", r#"["a"#, r#"["\ud800"]"#, r#"["\u12"]"#, "{}"] {
            assert_eq!(texts(written), None, "{written}");
        }
    }
}
