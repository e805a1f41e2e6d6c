//! Topics: what a literal may say, and the holes of a template.

use proc_macro2::Span;
use syn::{Expr, ExprPath, Lit, LitStr};

use crate::diagnostics::Errors;
use crate::parse::bare_expression;

const BYTES_MAX: usize = 256;
const TOKENS_MAX: usize = 32;

/// Who names the topic: only a subscriber may use wildcards.
///
/// A publisher's holes are filled by its parameters; a subscriber's are names for tokens that vary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Publisher,
    Subscriber,
}

/// Where a signal goes to, or comes from.
#[derive(Clone)]
pub(crate) enum Topic {
    /// A checked name; of a template, the pattern that it fills.
    Literal {
        name: LitStr,
        template: Option<Template>,
    },
    /// The path of a `Topic<T>`.
    Typed(ExprPath),
}

/// A topic with holes.
#[derive(Clone)]
pub(crate) struct Template {
    pub(crate) literal: LitStr,
    pub(crate) pieces: Vec<Piece>,
}

/// A part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Text(String),
    /// The name of a parameter.
    Hole(String),
}

impl Topic {
    /// Reads a topic; reports what it must not be.
    pub(crate) fn read(value: &Expr, side: Side, errors: &mut Errors) -> Option<Self> {
        match bare_expression(value) {
            Expr::Lit(lit) => match &lit.lit {
                Lit::Str(literal) => match read_literal(literal, side) {
                    Ok(topic) => return Some(topic),
                    Err(reason) => errors.at(literal, reason),
                },
                other => errors.at(
                    other,
                    "a topic is a string literal, for example \"orders.created\"",
                ),
            },
            Expr::Path(path) => return Some(Self::Typed(path.clone())),
            Expr::Reference(reference) => {
                errors.at(reference, "name the topic without `&`: a `Topic` is `Copy`");
            }
            other => errors.at(
                other,
                "a topic is a literal (\"orders.created\") or the path of a `static` or `const` \
                 of type `Topic<T>`",
            ),
        }
        None
    }

    pub(crate) fn template(&self) -> Option<&Template> {
        match self {
            Self::Literal { template, .. } => template.as_ref(),
            Self::Typed(_) => None,
        }
    }

    /// The text by which two topics are seen to be the same.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Literal {
                name,
                template: None,
            } => format!("\"{}\"", name.value()),
            Self::Literal {
                template: Some(template),
                ..
            } => {
                format!("\"{}\"", template.literal.value())
            }
            Self::Typed(path) => quote::quote!(#path).to_string().replace(' ', ""),
        }
    }

    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Literal { name, .. } => name.span(),
            Self::Typed(path) => syn::spanned::Spanned::span(path),
        }
    }
}

fn read_literal(literal: &LitStr, side: Side) -> Result<Topic, String> {
    let text = literal.value();
    let holes = text.contains(['{', '}']);
    if !holes {
        check(&text, side)?;
        return Ok(Topic::Literal {
            name: literal.clone(),
            template: None,
        });
    }
    let pieces = pieces(&text)?;
    if side == Side::Subscriber {
        check_named(&text, &pieces)?;
    }
    check(&with_holes_as(&pieces, "x"), side).map_err(|reason| format!("{reason} (\"{text}\")"))?;
    let pattern = pattern(&pieces);
    Ok(Topic::Literal {
        name: LitStr::new(&pattern, literal.span()),
        template: Some(Template {
            literal: literal.clone(),
            pieces,
        }),
    })
}

/// Says why the holes of a subscriber's topic cannot be names of its tokens.
fn check_named(text: &str, pieces: &[Piece]) -> Result<(), String> {
    let mut names = Vec::new();
    for piece in pieces {
        let Piece::Hole(name) = piece else { continue };
        if names.contains(&name) {
            return Err(format!(
                "topic \"{text}\" has two holes named `{name}`; `signal.capture(\"{name}\")` could \
                 find only one"
            ));
        }
        names.push(name);
    }
    let mixed = |token: &&str| {
        token.contains('{') && !(token.starts_with('{') && token.find('}') == Some(token.len() - 1))
    };
    match text.split('.').find(mixed) {
        Some(token) => Err(format!(
            "topic \"{text}\": a hole of a subscriber's topic stands for a whole token, so it stands \
             alone in it; write `{{name}}` for `{token}`"
        )),
        None => Ok(()),
    }
}

/// Cuts a template at its braces.
fn pieces(text: &str) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(brace) = rest.find(['{', '}']) {
        let at = text.len() - rest.len() + brace;
        if rest[brace..].starts_with('}') {
            return Err(format!(
                "topic \"{text}\" closes a hole at byte {at} that was not opened"
            ));
        }
        let Some(length) = rest[brace..].find('}') else {
            return Err(format!(
                "topic \"{text}\" opens a hole at byte {at} and does not close it"
            ));
        };
        let name = &rest[brace + 1..brace + length];
        if name.is_empty() {
            return Err(format!(
                "topic \"{text}\" has an empty hole at byte {at}; name a parameter in it: `{{region}}`"
            ));
        }
        if syn::parse_str::<syn::Ident>(name).is_err() || name.contains(char::is_whitespace) {
            return Err(format!(
                "topic \"{text}\": a hole holds the name of a parameter, not `{name}`; \
                 make a parameter of that value, or publish by `bus.publish(topic, signal)`"
            ));
        }
        if brace != 0 {
            pieces.push(Piece::Text(rest[..brace].to_owned()));
        }
        pieces.push(Piece::Hole(name.to_owned()));
        rest = &rest[brace + length + 1..];
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest.to_owned()));
    }
    Ok(pieces)
}

fn with_holes_as(pieces: &[Piece], filling: &str) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Hole(_) => filling.to_owned(),
    };
    pieces.iter().map(text).collect()
}

/// Returns the pattern of all topics that the template can become.
fn pattern(pieces: &[Piece]) -> String {
    // A control character cannot stand in a checked name, so it marks the holes.
    let marked = with_holes_as(pieces, "\0");
    let token = |token: &'_ str| {
        if token.contains('\0') {
            "*".to_owned()
        } else {
            token.to_owned()
        }
    };
    marked.split('.').map(token).collect::<Vec<_>>().join(".")
}

/// Says why `topic` is not a name, or for a subscriber not a pattern.
fn check(topic: &str, side: Side) -> Result<(), String> {
    if topic.is_empty() {
        return Err("a topic cannot be empty; name it, for example \"orders.created\"".to_owned());
    }
    if BYTES_MAX < topic.len() {
        let length = topic.len();
        return Err(format!(
            "this topic has {length} bytes; at most {BYTES_MAX} are allowed"
        ));
    }
    let tokens: Vec<&str> = topic.split('.').collect();
    if TOKENS_MAX < tokens.len() {
        let count = tokens.len();
        return Err(format!(
            "this topic has {count} tokens; at most {TOKENS_MAX} are allowed"
        ));
    }
    if tokens[0] == "$bus" && side == Side::Publisher {
        return Err(format!(
            "topic \"{topic}\": `$bus` is reserved for what the bus itself reports"
        ));
    }
    let mut at = 0;
    for (index, token) in tokens.iter().enumerate() {
        let last = index + 1 == tokens.len();
        let escapes = tokens[0] == "$bus";
        check_token(token, at, last, escapes, side)
            .map_err(|reason| format!("topic \"{topic}\" {reason}"))?;
        at += token.len() + 1;
    }
    Ok(())
}

fn check_token(
    token: &str,
    at: usize,
    last: bool,
    escapes: bool,
    side: Side,
) -> Result<(), String> {
    if token.is_empty() {
        return Err(format!(
            "has an empty token at byte {at}; write one `.` between two tokens"
        ));
    }
    for (offset, character) in token.char_indices() {
        let at = at + offset;
        if character.is_whitespace() {
            return Err(format!("has white space at byte {at}; use `-` or `_`"));
        }
        if character.is_control() {
            return Err(format!("has a control character at byte {at}"));
        }
        if is_invisible(character) {
            let code = u32::from(character);
            return Err(format!(
                "has a character at byte {at} that cannot be seen, U+{code:04X}"
            ));
        }
        if let Some(meant) = looks_like(character) {
            return Err(format!(
                "has `{character}` at byte {at}, which only looks like `{meant}`"
            ));
        }
    }
    if escapes && matches!(token, "\\*" | "\\>" | "\\**") {
        return Ok(());
    }
    let Some(wildcard) = token.find(['*', '>']) else {
        return Ok(());
    };
    if side == Side::Publisher {
        let at = at + wildcard;
        let wildcard = if token == "**" {
            token
        } else {
            &token[wildcard..=wildcard]
        };
        return Err(format!(
            "has the wildcard `{wildcard}` at byte {at}; a publisher names one exact topic. \
             A token that varies comes from a parameter: \"orders.{{region}}.created\""
        ));
    }
    match token {
        "*" => Ok(()),
        ">" | "**" if last => Ok(()),
        ">" | "**" => Err(format!(
            "has `{token}` at byte {at}, but it stands for all remaining tokens, so it must be \
             the last; for a single token write `*`"
        )),
        _ => Err(format!(
            "has the token `{token}` at byte {at}, but a wildcard stands alone in its token; \
             write `*` for the whole token"
        )),
    }
}

/// Format characters that nobody sees, as the runtime refuses them; the joiners are not among them.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}'
    )
}

/// The character with a meaning that another one only looks like, as the runtime refuses them.
fn looks_like(character: char) -> Option<char> {
    Some(match character {
        '\u{701}' | '\u{702}' | '\u{2024}' | '\u{3002}' | '\u{A60E}' | '\u{FE52}' | '\u{FF0E}'
        | '\u{FF61}' | '\u{10A50}' => '.',
        '\u{66D}' | '\u{204E}' | '\u{2217}' | '\u{FE61}' | '\u{FF0A}' => '*',
        '\u{203A}' | '\u{276F}' | '\u{FE65}' | '\u{FF1E}' => '>',
        '\u{FE69}' | '\u{FF04}' => '$',
        '\u{2774}' | '\u{FE5B}' | '\u{FF5B}' => '{',
        '\u{2775}' | '\u{FE5C}' | '\u{FF5D}' => '}',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Piece, Side, check, pattern, pieces};

    #[test]
    fn names_are_accepted() {
        for name in ["a", "a.b", "$SYS.x", "größe.x-1_2", "a\\b"] {
            assert_eq!(check(name, Side::Publisher), Ok(()), "{name}");
        }
        for name in [
            "*",
            ">",
            "**",
            "a.*.b",
            "a.>",
            "a.**",
            "$bus.dead",
            "$bus.subscriber.added.a.\\*",
        ] {
            assert_eq!(check(name, Side::Subscriber), Ok(()), "{name}");
        }
    }

    #[test]
    fn the_position_and_the_reason_are_named() {
        let reason = |name: &str, side| check(name, side).expect_err(name);
        assert!(reason("a..b", Side::Publisher).contains("empty token at byte 2"));
        assert!(reason("a.", Side::Subscriber).contains("empty token at byte 2"));
        assert!(reason("a b", Side::Subscriber).contains("white space at byte 1"));
        assert!(reason("a.\u{7}", Side::Subscriber).contains("control character at byte 2"));
        assert!(
            reason("a\u{200B}", Side::Publisher).contains("byte 1 that cannot be seen, U+200B")
        );
        assert!(
            reason("a.\u{FF0A}", Side::Subscriber).contains("byte 2, which only looks like `*`")
        );
        assert!(reason("a.x*", Side::Subscriber).contains("token `x*` at byte 2"));
        assert!(reason("a.***", Side::Subscriber).contains("alone"));
        assert!(reason("a.>.b", Side::Subscriber).contains("must be the last"));
        assert!(reason("**.b", Side::Subscriber).contains("must be the last"));
        assert!(reason("a.*", Side::Publisher).contains("wildcard `*` at byte 2"));
        assert!(reason("$bus.dead", Side::Publisher).contains("reserved"));
        assert!(reason(&"x".repeat(257), Side::Publisher).contains("257 bytes"));
        assert!(reason(&["x"; 33].join("."), Side::Publisher).contains("33 tokens"));
    }

    #[test]
    fn a_template_is_cut_at_its_holes() {
        let cut = pieces("orders.{region}.v{n}").expect("well formed");
        assert_eq!(cut[1], Piece::Hole("region".to_owned()));
        assert_eq!(cut[2], Piece::Text(".v".to_owned()));
        assert_eq!(pattern(&cut), "orders.*.*");
        for (wrong, reason) in [
            ("a.{}", "empty hole"),
            ("a.{b", "does not close"),
            ("a.b}", "not opened"),
            ("a.{b.c}", "name of a parameter"),
        ] {
            assert!(pieces(wrong).expect_err(wrong).contains(reason));
        }
    }
}
