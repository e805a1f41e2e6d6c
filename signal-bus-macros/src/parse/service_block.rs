//! An `impl` block whose functions have unparsed bodies.

use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Error, Generics, Result, Token, Type};

use crate::parse::annotated::Annotated;
use crate::parse::function::{Function, other_item};

/// An inherent `impl` block.
#[derive(Clone)]
pub(crate) struct ServiceBlock {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) impl_token: Token![impl],
    pub(crate) generics: Generics,
    pub(crate) owner: Type,
    pub(crate) items: Vec<ServiceItem>,
    pub(crate) braces: Group,
}

/// An item of the block.
#[derive(Clone)]
pub(crate) enum ServiceItem {
    Method(Box<Method>),
    /// Constants, types and macro calls pass through.
    Other(TokenStream),
}

/// A method, annotated or not.
#[derive(Clone)]
pub(crate) struct Method {
    pub(crate) annotated: Annotated,
    /// Attributes that `#[service]` cannot see through.
    pub(crate) hidden: Vec<Attribute>,
}

impl ServiceBlock {
    pub(crate) fn parse(item: TokenStream) -> Result<Self> {
        let parser = |input: ParseStream<'_>| {
            match other_item(input) {
                Some((_, "an impl block")) => {}
                Some((span, kind)) => return Err(Error::new(span, not_an_impl(kind))),
                None => return Err(input.error(not_an_impl("a function"))),
            }
            block(input)
        };
        parser.parse2(item)
    }
}

fn not_an_impl(kind: &str) -> String {
    format!(
        "`#[service]` goes on an `impl` block, not on {kind}: `#[service] impl Mailer {{ .. }}`"
    )
}

fn block(input: ParseStream<'_>) -> Result<ServiceBlock> {
    let attributes = input.call(Attribute::parse_outer)?;
    if input.peek(Token![unsafe]) || input.peek(Token![default]) {
        return Err(input.error("a service is a plain inherent `impl` block"));
    }
    let impl_token = input.parse()?;
    let mut generics = if input.peek(Token![<]) {
        input.parse()?
    } else {
        Generics::default()
    };
    let owner: Type = input.parse()?;
    if input.peek(Token![for]) {
        let message = "a service is an inherent impl, not one of a trait: \
            put the annotated methods into `impl Type { .. }` and let them call the trait's";
        return Err(Error::new_spanned(owner, message));
    }
    generics.where_clause = input.parse()?;
    let braces = match input.parse::<TokenTree>()? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => group,
        other => return Err(Error::new(other.span(), "expected the methods in braces")),
    };
    let items = items.parse2(braces.stream())?;
    Ok(ServiceBlock {
        attributes,
        impl_token,
        generics,
        owner,
        items,
        braces,
    })
}

fn items(input: ParseStream<'_>) -> Result<Vec<ServiceItem>> {
    let mut items = Vec::new();
    while !input.is_empty() {
        items.push(if is_function(input) {
            let function: Function = input.parse()?;
            let hidden = function
                .attributes
                .iter()
                .filter(|attribute| hides(attribute));
            let hidden = hidden.cloned().collect();
            ServiceItem::Method(Box::new(Method {
                annotated: Annotated::collect(function)?,
                hidden,
            }))
        } else {
            ServiceItem::Other(other(input)?)
        });
    }
    Ok(items)
}

/// Looks for `fn` before anything that a function cannot begin with.
fn is_function(input: ParseStream<'_>) -> bool {
    let input = input.fork();
    let begins = input.call(Attribute::parse_outer).is_ok();
    begins && input.parse::<syn::Visibility>().is_ok() && {
        let mut words = 0;
        while !input.peek(Token![fn]) && words < 6 {
            let word = input.parse::<TokenTree>();
            if !matches!(word, Ok(TokenTree::Ident(_) | TokenTree::Literal(_))) {
                break;
            }
            words += 1;
        }
        input.peek(Token![fn])
    }
}

/// Passes an item through: up to `;` or to the end of its braces.
fn other(input: ParseStream<'_>) -> Result<TokenStream> {
    let mut tokens = TokenStream::new();
    let mut value = false;
    while !input.is_empty() {
        let token: TokenTree = input.parse()?;
        let end = match &token {
            TokenTree::Punct(punct) => {
                value |= punct.as_char() == '=';
                punct.as_char() == ';'
            }
            TokenTree::Group(group) => !value && group.delimiter() == Delimiter::Brace,
            _ => false,
        };
        tokens.extend([token]);
        if end {
            break;
        }
    }
    Ok(tokens)
}

/// Whether a `cfg_attr` brings one of our attributes: inside an impl it is not evaluated yet.
fn hides(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg_attr")
        && attribute
            .meta
            .require_list()
            .is_ok_and(|list| names_ours(list.tokens.clone()))
}

fn names_ours(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => crate::parse::Role::ALL
            .into_iter()
            .any(|role| word == role.name()),
        _ => false,
    })
}
