//! A function with our attributes taken off it.
//!
//! The first attribute that rustc expands takes its siblings, so that all are checked together and
//! generated once, whatever their order.

use proc_macro2::{Span, TokenStream};
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, FnArg, Meta, Path, Result};

use crate::parse::Role;
use crate::parse::function::{Function, other_item};

/// One of our attributes, as written.
#[derive(Clone)]
pub(crate) struct Annotation {
    pub(crate) role: Role,
    /// Where to point when something is missing.
    pub(crate) span: Span,
    pub(crate) arguments: TokenStream,
}

/// A function, our attributes on it, and the paths by which they were named.
#[derive(Clone)]
pub(crate) struct Annotated {
    pub(crate) function: Function,
    pub(crate) annotations: Vec<Annotation>,
    /// `#[inject]` per typed parameter, taken off as well.
    pub(crate) parameters: Vec<Vec<Annotation>>,
    /// Paths of attributes that rustc never sees, because we took them.
    pub(crate) mentions: Vec<Path>,
}

impl Annotated {
    /// Parses the function that the attribute of `role` stands on, and takes its siblings.
    pub(crate) fn parse(role: Role, arguments: TokenStream, item: TokenStream) -> Result<Self> {
        let parser = |input: ParseStream<'_>| {
            if let Some((span, kind)) = other_item(input) {
                return Err(Error::new(span, not_a_function(role, kind)));
            }
            let function: Function = input.parse()?;
            if input.is_empty() {
                Ok(function)
            } else {
                Err(input.error("expected one function"))
            }
        };
        let function = parser.parse2(item)?;
        let own = Annotation {
            role,
            span: Span::call_site(),
            arguments,
        };
        let mut annotated = Self::collect(function)?;
        annotated.annotations.push(own);
        annotated.sort();
        Ok(annotated)
    }

    /// Takes all our attributes off `function`.
    pub(crate) fn collect(mut function: Function) -> Result<Self> {
        let mut mentions = Vec::new();
        let annotations = take(&mut function.attributes, &mut mentions)?;
        let mut parameters = Vec::new();
        for input in &mut function.signature.inputs {
            let taken = match input {
                FnArg::Typed(typed) => take(&mut typed.attrs, &mut mentions)?,
                FnArg::Receiver(receiver) => match receiver.attrs.first() {
                    Some(attribute) if Role::of(attribute.path()).is_some() => {
                        let message = "`self` is not injected: remove the attribute";
                        return Err(Error::new_spanned(attribute, message));
                    }
                    _ => continue,
                },
            };
            parameters.push(taken);
        }
        let mut annotated = Self {
            function,
            annotations,
            parameters,
            mentions,
        };
        annotated.sort();
        Ok(annotated)
    }

    /// Brings the attributes in one order: the output must not depend on who expanded first.
    fn sort(&mut self) {
        self.annotations
            .sort_by_cached_key(|annotation| (annotation.role, annotation.arguments.to_string()));
        self.mentions.sort_by_cached_key(text);
        self.mentions.dedup_by_key(|path| text(path));
    }
}

fn text(path: &Path) -> String {
    quote::quote!(#path).to_string()
}

fn take(attributes: &mut Vec<Attribute>, mentions: &mut Vec<Path>) -> Result<Vec<Annotation>> {
    let mut taken = Vec::new();
    let mut kept = Vec::new();
    for attribute in attributes.drain(..) {
        let Some(role) = Role::of(attribute.path()) else {
            kept.push(attribute);
            continue;
        };
        mentions.push(attribute.path().clone());
        let span = attribute.path().span();
        let arguments = match attribute.meta {
            Meta::Path(_) => TokenStream::new(),
            Meta::List(list) => list.tokens,
            Meta::NameValue(pair) => {
                let name = role.name();
                let message = format!("write the argument in parentheses: `#[{name}(..)]`");
                return Err(Error::new_spanned(pair, message));
            }
        };
        taken.push(Annotation {
            role,
            span,
            arguments,
        });
    }
    *attributes = kept;
    Ok(taken)
}

fn not_a_function(role: Role, kind: &str) -> String {
    let hint = match kind {
        "a struct" | "an enum" | "a union" | "a trait" | "an impl block" => {
            "; for methods, put `#[service]` on the impl block"
        }
        _ => "",
    };
    format!("{role} goes on a function, not on {kind}{hint}")
}
