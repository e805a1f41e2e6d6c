//! What is generated: beside the function, in it, or around it.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{FnArg, GenericParam, Signature, Type};

use crate::model::output::Output;
use crate::model::{Model, Parameter};
use crate::parse::bare_type;

/// Where the generated code stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The function stays as it is; its declaration stands beside it.
    Beside,
    /// The body is wrapped: one item in, one item out. Legal wherever a function is.
    InPlace,
    /// The function as written becomes `direct`; under its name stands a wrapper.
    Split,
}

impl Shape {
    pub(crate) fn of(model: &Model) -> Self {
        let injected = model.parameters.iter().any(Parameter::is_injected);
        let publishes = !model.roles.publications.is_empty();
        let method = model.receiver.is_some() || model.owner.is_some();
        if model.roles.provider {
            Self::Beside
        } else if model.roles.is_called_by_bus() {
            if injected || publishes {
                Self::Split
            } else {
                Self::Beside
            }
        } else if injected && !method {
            Self::Split
        } else {
            Self::InPlace
        }
    }
}

/// Returns the published type, if an item outside of the function can name it.
pub(crate) fn nameable(
    signature: &Signature,
    output: &Output,
    owner: Option<&Type>,
) -> Option<Type> {
    let ty = match output {
        Output::Value(ty) | Output::Stream(ty) => ty,
        Output::Nothing | Output::Opaque(_) => return None,
    };
    if is_inner(ty, signature, owner.is_some()) {
        return None;
    }
    match owner {
        Some(owner) => syn::parse2(with_owner(ty.to_token_stream(), owner)).ok(),
        None => Some(ty.clone()),
    }
}

/// Whether `ty` has a meaning inside the function only: an inner item knows neither generics nor
/// `Self`. Of a service, `Self` is known.
///
/// The generics of an `impl` cannot be seen from its methods. There, a name such as `T` counts as
/// one: it costs the check of types at start, and mistaking it costs the program.
pub(crate) fn is_inner(ty: &Type, signature: &Signature, owned: bool) -> bool {
    let named: Vec<String> = signature
        .generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Type(ty) => Some(ty.ident.to_string()),
            GenericParam::Const(constant) => Some(constant.ident.to_string()),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    let method = signature.receiver().is_some() || says_self(signature);
    let generic =
        |word: &str| word.len() == 1 && word.starts_with(|c: char| c.is_ascii_uppercase());
    let inner = |word: &str| {
        named.iter().any(|name| name == word)
            || !owned && (word == "Self" || method && generic(word))
    };
    let tokens = ty.to_token_stream();
    any_word(tokens.clone(), &inner) || borrows(tokens, signature).is_some()
}

/// Returns the lifetime of the function that `tokens` mention.
pub(crate) fn borrows(tokens: TokenStream, signature: &Signature) -> Option<String> {
    let declared: Vec<String> = signature
        .generics
        .lifetimes()
        .map(|parameter| parameter.lifetime.ident.to_string())
        .collect();
    let mut after_quote = false;
    for token in tokens {
        match &token {
            TokenTree::Ident(word) if after_quote && declared.iter().any(|name| word == name) => {
                return Some(word.to_string());
            }
            TokenTree::Group(group) => {
                let inside = borrows(group.stream(), signature);
                if inside.is_some() {
                    return inside;
                }
            }
            _ => {}
        }
        after_quote = matches!(&token, TokenTree::Punct(quote) if quote.as_char() == '\'');
    }
    None
}

/// Whether one of `names` occurs in `tokens`.
pub(crate) fn mentions(tokens: TokenStream, names: &[String]) -> bool {
    any_word(tokens, &|word| names.iter().any(|name| name == word))
}

fn any_word(tokens: TokenStream, found: &impl Fn(&str) -> bool) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => found(&word.to_string()),
        TokenTree::Group(group) => any_word(group.stream(), found),
        _ => false,
    })
}

/// Whether the signature says `Self`: then the function stands in an impl, though it has no `self`.
pub(crate) fn says_self(signature: &Signature) -> bool {
    let inputs = signature
        .inputs
        .iter()
        .filter(|input| matches!(input, FnArg::Typed(_)));
    let mut tokens: TokenStream = inputs.map(ToTokens::to_token_stream).collect();
    signature.output.to_tokens(&mut tokens);
    mentions(tokens, &["Self".to_owned()])
}

/// Writes `owner` for `Self`.
fn with_owner(tokens: TokenStream, owner: &Type) -> TokenStream {
    let owner = bare_type(owner);
    let mut tokens = tokens.into_iter().peekable();
    let mut written = TokenStream::new();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Ident(word) if word == "Self" => {
                let path = matches!(tokens.peek(), Some(TokenTree::Punct(colon)) if colon.as_char() == ':');
                written.extend(if path {
                    quote::quote!(<#owner>)
                } else {
                    quote::quote!(#owner)
                });
            }
            TokenTree::Group(group) => {
                let mut inside =
                    proc_macro2::Group::new(group.delimiter(), with_owner(group.stream(), owner));
                inside.set_span(group.span());
                written.extend([TokenTree::Group(inside)]);
            }
            other => written.extend([other]),
        }
    }
    written
}
