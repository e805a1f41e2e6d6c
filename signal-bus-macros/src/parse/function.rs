//! A function with an unparsed body.
//!
//! The body stays a token group: it may be half typed, and what is not looked at costs nothing.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Attribute, Error, Result, Signature, Token, Visibility};

/// A free function or a method.
#[derive(Clone)]
pub(crate) struct Function {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) defaultness: Option<Token![default]>,
    pub(crate) signature: Signature,
    /// `None` for a declaration that ends in `;`.
    pub(crate) body: Option<Body>,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Ok(Self {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            defaultness: if input.peek(Token![default]) {
                Some(input.parse()?)
            } else {
                None
            },
            signature: input.parse()?,
            body: Body::parse(input)?,
        })
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            attributes,
            visibility,
            defaultness,
            signature,
            body,
        } = self;
        let body = match body {
            Some(body) => body.group.to_token_stream(),
            None => quote! { ; },
        };
        tokens.extend(quote! { #(#attributes)* #visibility #defaultness #signature #body });
    }
}

/// The braces of a function and what is in them.
#[derive(Clone)]
pub(crate) struct Body {
    pub(crate) group: Group,
}

impl Body {
    fn parse(input: ParseStream<'_>) -> Result<Option<Self>> {
        if input.peek(Token![;]) {
            input.parse::<Token![;]>()?;
            return Ok(None);
        }
        match input.parse::<TokenTree>()? {
            TokenTree::Group(group) => match braces(group) {
                Some(group) => Ok(Some(Self { group })),
                None => Err(input.error("expected the function's body")),
            },
            other => Err(Error::new(other.span(), "expected the function's body")),
        }
    }

    /// Splits the body into its `#![..]` attributes and the rest.
    pub(crate) fn split(&self) -> (TokenStream, TokenStream) {
        let mut rest: Vec<TokenTree> = self.group.stream().into_iter().collect();
        let mut inner = 0;
        while rest.len() >= inner + 3 && is_inner_attribute(&rest[inner..inner + 3]) {
            inner += 3;
        }
        let statements = rest.split_off(inner);
        (rest.into_iter().collect(), statements.into_iter().collect())
    }

    /// Puts `statements` into the user's braces, so that the function stays the user's for lints.
    pub(crate) fn around(&self, statements: TokenStream) -> Group {
        let mut group = Group::new(Delimiter::Brace, statements);
        group.set_span(self.group.span());
        group
    }
}

/// Finds the braces, also in the invisible group that a `$body:block` arrives in.
fn braces(group: Group) -> Option<Group> {
    match group.delimiter() {
        Delimiter::Brace => Some(group),
        Delimiter::None => {
            let mut inside = group.stream().into_iter();
            match (inside.next(), inside.next()) {
                (Some(TokenTree::Group(group)), None) => braces(group),
                _ => None,
            }
        }
        Delimiter::Parenthesis | Delimiter::Bracket => None,
    }
}

fn is_inner_attribute(tokens: &[TokenTree]) -> bool {
    matches!(
        tokens,
        [TokenTree::Punct(hash), TokenTree::Punct(bang), TokenTree::Group(group)]
            if hash.as_char() == '#'
                && bang.as_char() == '!'
                && group.delimiter() == Delimiter::Bracket
    )
}

/// Says what `input` is, if it is an item other than a function.
pub(crate) fn other_item(input: ParseStream<'_>) -> Option<(Span, &'static str)> {
    let input = input.fork();
    input.call(Attribute::parse_outer).ok()?;
    input.parse::<Visibility>().ok()?;
    loop {
        let word = input.call(Ident::parse_any).ok()?;
        let kind = match word.to_string().as_str() {
            "fn" => return None,
            "struct" => "a struct",
            "enum" => "an enum",
            "union" => "a union",
            "trait" => "a trait",
            "impl" => "an impl block",
            "mod" => "a module",
            "static" => "a static",
            "type" => "a type alias",
            "use" => "a `use`",
            "macro_rules" => "a macro",
            "let" => "a statement",
            "const" if !is_function_word(&input) => "a constant",
            "extern" if input.peek(Token![crate]) => "an `extern crate`",
            "const" | "async" | "unsafe" | "extern" | "default" | "safe" => continue,
            _ => return None,
        };
        return Some((word.span(), kind));
    }
}

fn is_function_word(input: ParseStream<'_>) -> bool {
    input.peek(Token![fn])
        || input.peek(Token![async])
        || input.peek(Token![unsafe])
        || input.peek(Token![extern])
}
