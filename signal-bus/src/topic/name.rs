//! The rules for names, as `const fn`, so that literals are checked at compile time.

use crate::error::{InvalidTopic, TopicFault};

/// Longest accepted name, in bytes.
pub(crate) const NAME_BYTES_MAX: usize = 256;
/// Most tokens a name may have.
pub(crate) const NAME_TOKENS_MAX: usize = 32;
/// The first token of the bus's own topics.
pub(crate) const RESERVED: &str = "$bus";

/// Checks a name that is published on: no wildcards, nothing reserved.
pub(crate) const fn check_exact(name: &str) -> Result<(), InvalidTopic> {
    if is_reserved(name) {
        return Err(InvalidTopic::new(0, TopicFault::Reserved));
    }
    check(name, false)
}

/// Checks a name that is subscribed to: wildcards and `$bus` are welcome.
pub(crate) const fn check_pattern(name: &str) -> Result<(), InvalidTopic> {
    check(name, true)
}

/// Whether the first token is `$bus`.
pub(crate) const fn is_reserved(name: &str) -> bool {
    let (name, reserved) = (name.as_bytes(), RESERVED.as_bytes());
    if name.len() < reserved.len() {
        return false;
    }
    let mut at = 0;
    while at < reserved.len() {
        if name[at] != reserved[at] {
            return false;
        }
        at += 1;
    }
    name.len() == reserved.len() || name[reserved.len()] == b'.'
}

const fn check(name: &str, wildcards: bool) -> Result<(), InvalidTopic> {
    let bytes = name.as_bytes();
    if bytes.is_empty() {
        return Err(InvalidTopic::new(0, TopicFault::Empty));
    }
    // The bus's own names hold the names of others, and are no longer bound by the limits.
    let reserved = is_reserved(name);
    if !reserved && NAME_BYTES_MAX < bytes.len() {
        let mut at = NAME_BYTES_MAX;
        // The position is where a character begins, so that the name can be cut there.
        while bytes[at] & 0xC0 == 0x80 {
            at -= 1;
        }
        return Err(InvalidTopic::new(at, TopicFault::TooLong));
    }
    let (mut start, mut tokens) = (0, 0);
    loop {
        let end = token_end(bytes, start);
        tokens += 1;
        if !reserved && NAME_TOKENS_MAX < tokens {
            return Err(InvalidTopic::new(start, TopicFault::TooManyTokens));
        }
        let escaped = reserved && is_escaped_wildcard(bytes, start, end);
        if !escaped {
            if let Err(error) = check_token(bytes, start, end, wildcards) {
                return Err(error);
            }
        }
        if end == bytes.len() {
            return Ok(());
        }
        start = end + 1;
    }
}

/// Whether the token is `\*`, `\>` or `\**`: a wildcard of another name, as the bus's own names hold it.
const fn is_escaped_wildcard(bytes: &[u8], start: usize, end: usize) -> bool {
    if end <= start || bytes[start] != b'\\' {
        return false;
    }
    let one = end - start == 2 && (bytes[start + 1] == b'*' || bytes[start + 1] == b'>');
    let all = end - start == 3 && bytes[start + 1] == b'*' && bytes[start + 2] == b'*';
    one || all
}

const fn token_end(bytes: &[u8], start: usize) -> usize {
    let mut end = start;
    while end < bytes.len() && bytes[end] != b'.' {
        end += 1;
    }
    end
}

const fn check_token(
    bytes: &[u8],
    start: usize,
    end: usize,
    wildcards: bool,
) -> Result<(), InvalidTopic> {
    if start == end {
        return Err(InvalidTopic::new(start, TopicFault::EmptyToken));
    }
    if !wildcards && bytes[start] == b'{' && bytes[end - 1] == b'}' && start + 2 < end {
        return Err(InvalidTopic::new(start, TopicFault::Hole));
    }
    let mut at = start;
    while at < end {
        // What most names are made of needs no further look.
        if is_ordinary(bytes[at]) {
            at += 1;
            continue;
        }
        let (code, width) = decode(bytes, at);
        if is_control(code) {
            return Err(InvalidTopic::new(at, TopicFault::Control));
        }
        if is_white_space(code) {
            return Err(InvalidTopic::new(at, TopicFault::WhiteSpace));
        }
        if is_invisible(code) {
            return Err(InvalidTopic::new(at, TopicFault::Invisible));
        }
        if is_look_alike(code) {
            return Err(InvalidTopic::new(at, TopicFault::LookAlike));
        }
        if bytes[at] == b'*' || bytes[at] == b'>' {
            if !wildcards {
                return Err(InvalidTopic::new(at, TopicFault::Wildcard));
            }
            return check_wildcard(bytes, start, end, at);
        }
        at += width;
    }
    Ok(())
}

/// Whether a byte is a character of ASCII that nobody takes for another one, and that means nothing here.
const fn is_ordinary(byte: u8) -> bool {
    b' ' < byte && byte < 0x7F && byte != b'*' && byte != b'>'
}

const fn check_wildcard(
    bytes: &[u8],
    start: usize,
    end: usize,
    at: usize,
) -> Result<(), InvalidTopic> {
    let rest = bytes[start] == b'>' && end - start == 1
        || end - start == 2 && bytes[start] == b'*' && bytes[start + 1] == b'*';
    let one = bytes[start] == b'*' && end - start == 1;
    if !rest && !one {
        return Err(InvalidTopic::new(at, TopicFault::WildcardMixed));
    }
    if rest && end != bytes.len() {
        return Err(InvalidTopic::new(at, TopicFault::TailNotLast));
    }
    Ok(())
}

/// Decodes the character at `at` of valid UTF-8: its code point and its width in bytes.
const fn decode(bytes: &[u8], at: usize) -> (u32, usize) {
    let first = bytes[at] as u32;
    if first < 0x80 {
        (first, 1)
    } else if first < 0xE0 {
        ((first & 0x1F) << 6 | tail(bytes, at + 1), 2)
    } else if first < 0xF0 {
        (
            (first & 0x0F) << 12 | tail(bytes, at + 1) << 6 | tail(bytes, at + 2),
            3,
        )
    } else {
        (
            (first & 0x07) << 18
                | tail(bytes, at + 1) << 12
                | tail(bytes, at + 2) << 6
                | tail(bytes, at + 3),
            4,
        )
    }
}

const fn tail(bytes: &[u8], at: usize) -> u32 {
    (bytes[at] & 0x3F) as u32
}

const fn is_control(code: u32) -> bool {
    code < 0x20 && !is_white_space(code) || matches!(code, 0x7F..=0x9F)
}

/// The `White_Space` property of Unicode (`char::is_whitespace` is `const` only from 1.87 on).
const fn is_white_space(code: u32) -> bool {
    matches!(
        code,
        0x09..=0x0D | 0x20 | 0xA0 | 0x1680 | 0x2000..=0x200A | 0x2028 | 0x2029 | 0x202F | 0x205F | 0x3000
    )
}

/// Format characters that nobody sees. The joiners U+200C and U+200D are not among them: scripts and emoji need them.
const fn is_invisible(code: u32) -> bool {
    matches!(
        code,
        0xAD | 0x61C | 0x180E | 0x200B | 0x200E | 0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0xFEFF
            | 0xFFF9..=0xFFFB | 0xE0000..=0xE007F
    )
}

/// What Unicode lists as confusable with the characters that mean something here, but for letters and digits
/// (<https://www.unicode.org/Public/security/latest/confusables.txt>), and their full-width forms.
const fn is_look_alike(code: u32) -> bool {
    matches!(
        code,
        // `.`
        0x701 | 0x702 | 0x2024 | 0x3002 | 0xA60E | 0xFE52 | 0xFF0E | 0xFF61 | 0x10A50
        // `*`
        | 0x66D | 0x204E | 0x2217 | 0xFE61 | 0xFF0A
        // `>`
        | 0x203A | 0x276F | 0xFE65 | 0xFF1E
        // `$`, `{`, `}`
        | 0xFE69 | 0xFF04 | 0x2774 | 0xFE5B | 0xFF5B | 0x2775 | 0xFE5C | 0xFF5D
    )
}

#[cfg(test)]
mod tests {
    use super::{
        check_exact, check_pattern, is_control, is_invisible, is_look_alike, is_ordinary,
        is_white_space,
    };
    use crate::error::TopicFault::{self, *};

    fn fault(name: &str) -> Option<(usize, TopicFault)> {
        check_exact(name).err().map(|e| (e.position, e.reason))
    }

    #[test]
    fn wrong_names_are_refused_with_position_and_reason() {
        let cases = [
            ("", 0, Empty),
            (".", 0, EmptyToken),
            ("a..b", 2, EmptyToken),
            (".a", 0, EmptyToken),
            ("a.", 2, EmptyToken),
            ("*", 0, Wildcard),
            ("a.>", 2, Wildcard),
            ("a*b", 1, Wildcard),
            ("a\0", 1, Control),
            ("a\u{85}", 1, Control),
            ("a\r\nb", 1, WhiteSpace),
            ("a b", 1, WhiteSpace),
            ("é.ü\u{3000}", 5, WhiteSpace),
            ("a\u{200B}b", 1, Invisible),
            ("\u{202E}a", 0, Invisible),
            ("orders\u{2024}eu", 6, LookAlike),
            ("a.\u{FF0A}", 2, LookAlike),
            ("a.\u{203A}", 2, LookAlike),
            ("\u{FF04}bus.dead", 0, LookAlike),
            ("orders.{region}.created", 7, Hole),
            ("$bus.dead", 0, Reserved),
            ("$bus", 0, Reserved),
        ];
        for (name, position, reason) in cases {
            assert_eq!(fault(name), Some((position, reason)), "{name:?}");
        }
        assert_eq!(fault(&"x".repeat(257)), Some((256, TooLong)));
        assert_eq!(fault(&"é".repeat(129)), Some((256, TooLong)));
        assert_eq!(
            fault(&format!("x{}", "é".repeat(128))),
            Some((255, TooLong))
        );
        assert_eq!(fault(&vec!["x"; 33].join(".")), Some((64, TooManyTokens)));
    }

    #[test]
    fn right_names_are_accepted_byte_for_byte() {
        for name in [
            "a",
            "orders.eu.created",
            "😀.ﻢ",
            "A",
            "a\u{200D}b",
            "$buses",
            "{}",
            "a.{b",
            "$x",
        ] {
            assert_eq!(fault(name), None, "{name:?}");
        }
        assert_eq!(fault(&"x".repeat(256)), None);
        assert_eq!(fault(&vec!["x"; 32].join(".")), None);
    }

    #[test]
    fn ordinary_is_what_no_rule_is_about() {
        for byte in 0..=u8::MAX {
            let code = u32::from(byte);
            let rules = [is_control, is_white_space, is_invisible, is_look_alike];
            let is_meant = rules.iter().any(|rule| rule(code)) || b"*>".contains(&byte);
            assert_eq!(is_ordinary(byte), byte.is_ascii() && !is_meant, "{byte:#x}");
        }
    }

    #[test]
    fn wildcards_stand_alone_and_the_rest_stands_last() {
        for name in [
            "*",
            ">",
            "**",
            "a.*.b",
            "a.>",
            "a.**",
            "$bus.dead",
            "$bus.>",
            "$bus.subscriber.added.a.\\*.\\**",
        ] {
            assert!(check_pattern(name).is_ok(), "{name:?}");
        }
        for (name, position, reason) in [
            ("a.x*", 3, WildcardMixed),
            ("***", 0, WildcardMixed),
            (">>", 0, WildcardMixed),
            (">.a", 0, TailNotLast),
            ("a.**.b", 2, TailNotLast),
            ("a.\\*", 3, WildcardMixed),
        ] {
            let error = check_pattern(name).unwrap_err();
            assert_eq!(
                (error.position, error.reason),
                (position, reason),
                "{name:?}"
            );
        }
    }
}
