//! The expansion as a whole: what it writes, that order does not matter, that nothing panics.

mod sample;
mod snapshots;
mod permutations;
mod half_typed;
mod mistakes;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Meta};

use crate::attribute;
use crate::diagnostics::Errors;
use crate::expand;
use crate::parse::Role;

/// An annotated item, cut at its attributes.
#[derive(Clone)]
struct Source {
    /// Ours.
    ours: Vec<(Role, Attribute)>,
    /// The attributes of others.
    others: Vec<Attribute>,
    rest: TokenStream,
}

impl Source {
    fn parse(text: &str) -> Self {
        let parser = |input: ParseStream<'_>| {
            let attributes = input.call(Attribute::parse_outer)?;
            let mut source = Self {
                ours: vec![],
                others: vec![],
                rest: TokenStream::new(),
            };
            for attribute in attributes {
                match Role::of(attribute.path()) {
                    Some(role) => source.ours.push((role, attribute)),
                    None => source.others.push(attribute),
                }
            }
            source.rest = input.parse()?;
            Ok(source)
        };
        parser
            .parse_str(text)
            .unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// What rustc hands to the attribute that it expands first: its arguments, and the rest.
    fn first(&self) -> (Role, TokenStream, TokenStream) {
        let (role, attribute) = self.ours.first().expect("one of our attributes").clone();
        let arguments = match attribute.meta {
            Meta::List(list) => list.tokens,
            _ => TokenStream::new(),
        };
        let siblings = self.ours.iter().skip(1).map(|(_, attribute)| attribute);
        let mut item: TokenStream = siblings.map(ToTokens::to_token_stream).collect();
        item.extend(self.others.iter().map(ToTokens::to_token_stream));
        item.extend(self.rest.clone());
        (role, arguments, item)
    }

    /// Expands the first attribute, without the `use` of its siblings' names.
    fn expand(&self) -> TokenStream {
        let (role, arguments, item) = self.first();
        let mut errors = Errors::default();
        let expansion = if role == Role::Service {
            let model = attribute::service(&arguments, item, &mut errors);
            model.map(|mut model| {
                model.mentions.clear();
                expand::service(&model)
            })
        } else {
            let model = attribute::function(role, arguments, item, &mut errors);
            model.map(|mut model| {
                model.mentions.clear();
                expand::function(&model)
            })
        };
        assert_eq!(errors.messages(), Vec::<String>::new());
        expansion.expect("no errors")
    }

    /// The messages that the first attribute reports.
    fn messages(&self) -> Vec<String> {
        let (role, arguments, item) = self.first();
        let mut errors = Errors::default();
        if role == Role::Service {
            attribute::service(&arguments, item, &mut errors);
        } else {
            attribute::function(role, arguments, item, &mut errors);
        }
        errors.messages()
    }
}
