//! What is left of an item whose attributes are wrong: the item as the user wrote it.
//!
//! Works on tokens, because the item may be half typed. The user sees our message, and no second
//! one because the function is missing.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;
use syn::Path;
use syn::parse::{ParseStream, Parser};

use crate::expand::parts;
use crate::parse::{Body, Role};

// Input:   #[publisher("a..b")] async fn on(#[inject] pool: &Pool) { BODY }
// Output:  async fn on(pool: &Pool) { #[inject(__mention)] const _: () = (); BODY }
/// Returns `item` without our attributes, on it and on its parameters.
///
/// Their names are used inside the body, so that no import seems unused.
pub(crate) fn without_attributes(item: TokenStream, role: Role) -> TokenStream {
    let mut taken = Vec::new();
    let stripped = strip(item, role == Role::Service, &mut taken);
    if role == Role::Service {
        let mentions = parts::mentions(&taken);
        return quote! { #stripped #mentions };
    }
    let mut tokens: Vec<TokenTree> = stripped.into_iter().collect();
    if let Some(TokenTree::Group(body)) = tokens.last_mut() {
        if body.delimiter() == Delimiter::Brace {
            let body_with = Body {
                group: body.clone(),
            };
            let (inner, statements) = body_with.split();
            let mentions = parts::mentions(&taken);
            *body = body_with.around(quote! { #inner #mentions #statements });
        }
    }
    tokens.into_iter().collect()
}

/// Strips this level and the parameter lists; with `methods`, also the first level in braces.
fn strip(tokens: TokenStream, methods: bool, taken: &mut Vec<Path>) -> TokenStream {
    let mut stripped = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let attribute = match (&token, tokens.peek()) {
            (TokenTree::Punct(hash), Some(TokenTree::Group(group))) if hash.as_char() == '#' => {
                ours(group)
            }
            _ => None,
        };
        if let Some(path) = attribute {
            taken.push(path);
            tokens.next();
            continue;
        }
        stripped.extend([match token {
            TokenTree::Group(group) => TokenTree::Group(strip_group(group, methods, taken)),
            other => other,
        }]);
    }
    stripped
}

fn strip_group(group: Group, methods: bool, taken: &mut Vec<Path>) -> Group {
    let stripped = match group.delimiter() {
        Delimiter::Parenthesis => strip(group.stream(), false, taken),
        Delimiter::None => strip(group.stream(), methods, taken),
        Delimiter::Brace if methods => strip(group.stream(), false, taken),
        Delimiter::Brace | Delimiter::Bracket => return group,
    };
    let mut result = Group::new(group.delimiter(), stripped);
    result.set_span(group.span());
    result
}

/// Returns the path of an attribute that is ours.
fn ours(attribute: &Group) -> Option<Path> {
    let path = |input: ParseStream<'_>| -> syn::Result<Path> {
        let path = input.call(Path::parse_mod_style)?;
        let _arguments: TokenStream = input.parse()?;
        Ok(path)
    };
    if attribute.delimiter() != Delimiter::Bracket {
        return None;
    }
    path.parse2(attribute.stream())
        .ok()
        .filter(|path| Role::of(path).is_some())
}
