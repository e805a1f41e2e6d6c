//! Whatever stands there while somebody types: an answer, never a panic.

use proc_macro2::{Group, TokenStream, TokenTree};

use crate::attribute;
use crate::parse::Role;
use crate::tests::Source;
use crate::tests::sample::SAMPLES;

#[test]
fn no_prefix_of_an_item_panics() {
    for sample in SAMPLES {
        let (role, arguments, item) = Source::parse(sample.source).first();
        for prefix in prefixes(&item) {
            attribute::expand(role, arguments.clone(), prefix);
        }
        for prefix in prefixes(&arguments) {
            attribute::expand(role, prefix, item.clone());
        }
    }
}

#[test]
fn no_missing_token_panics() {
    for sample in SAMPLES {
        let (role, arguments, item) = Source::parse(sample.source).first();
        for damaged in without_one(&item) {
            attribute::expand(role, arguments.clone(), damaged);
        }
        for damaged in without_one(&arguments) {
            attribute::expand(role, damaged, item.clone());
        }
    }
}

#[test]
fn a_half_typed_body_is_passed_on() {
    let (role, arguments, item) =
        Source::parse("#[subscriber(\"a\")] async fn on(x: X) { let y = x. }").first();
    let expansion = attribute::expand(role, arguments, item).to_string();
    assert!(expansion.contains("let y = x ."), "{expansion}");
    assert!(!expansion.contains("compile_error"), "{expansion}");
}

#[test]
fn every_attribute_answers_to_everything() {
    let items = [
        "",
        ";",
        "fn",
        "fn f",
        "fn f(",
        "struct S;",
        "impl",
        "impl A {",
        "impl A { fn }",
        "#",
        "#[x]",
    ];
    let arguments = [
        "",
        "=",
        "\"\"",
        "a = ",
        ", ,",
        "\"a\" \"b\"",
        "self",
        "|",
        "retry(",
        "x = = y",
    ];
    for role in Role::ALL {
        for item in items
            .iter()
            .filter_map(|item| item.parse::<TokenStream>().ok())
        {
            for arguments in arguments
                .iter()
                .filter_map(|text| text.parse::<TokenStream>().ok())
            {
                attribute::expand(role, arguments, item.clone());
            }
        }
    }
}

/// Everything that `tokens` begins with, with open groups closed.
fn prefixes(tokens: &TokenStream) -> Vec<TokenStream> {
    let mut prefixes = vec![TokenStream::new()];
    let mut before = TokenStream::new();
    for token in tokens.clone() {
        if let TokenTree::Group(group) = &token {
            for inside in self::prefixes(&group.stream()) {
                let mut prefix = before.clone();
                prefix.extend([TokenTree::Group(Group::new(group.delimiter(), inside))]);
                prefixes.push(prefix);
            }
        }
        before.extend([token]);
        prefixes.push(before.clone());
    }
    prefixes
}

/// `tokens` with any one of them left out.
fn without_one(tokens: &TokenStream) -> Vec<TokenStream> {
    let all: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let mut damaged = Vec::new();
    for (index, token) in all.iter().enumerate() {
        let others = |middle: Option<TokenTree>| {
            let before = all[..index].iter().cloned();
            before
                .chain(middle)
                .chain(all[index + 1..].iter().cloned())
                .collect::<TokenStream>()
        };
        damaged.push(others(None));
        if let TokenTree::Group(group) = token {
            for inside in without_one(&group.stream()) {
                damaged.push(others(Some(TokenTree::Group(Group::new(
                    group.delimiter(),
                    inside,
                )))));
            }
        }
    }
    damaged
}
