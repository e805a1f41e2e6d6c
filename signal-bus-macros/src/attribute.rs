//! The way of one attribute through the rooms.

use proc_macro2::TokenStream;
use quote::quote;

use crate::diagnostics::Errors;
use crate::expand::parts::MENTION;
use crate::model::{Model, ServiceModel};
use crate::parse::{Annotated, Role, ServiceBlock};
use crate::{expand, fallback, model};

/// Expands the attribute of `role`, or reports every mistake at its place.
pub(crate) fn expand(role: Role, arguments: TokenStream, item: TokenStream) -> TokenStream {
    if arguments.to_string() == MENTION {
        return TokenStream::new();
    }
    let mut errors = Errors::default();
    let expansion = match role {
        Role::Service => service(&arguments, item.clone(), &mut errors)
            .filter(|_| errors.is_empty())
            .map(|model| expand::service(&model)),
        _ => function(role, arguments, item.clone(), &mut errors)
            .filter(|_| errors.is_empty())
            .map(|model| expand::function(&model)),
    };
    expansion.unwrap_or_else(|| {
        let item = fallback::without_attributes(item, role);
        let errors = errors.into_tokens();
        quote! { #item #errors }
    })
}

/// Parses and checks a function; its model is good only if no errors were added.
pub(crate) fn function(
    role: Role,
    arguments: TokenStream,
    item: TokenStream,
    errors: &mut Errors,
) -> Option<Model> {
    let parsed = Annotated::parse(role, arguments, item);
    let annotated = errors.keep(parsed)?;
    model::of_function(annotated, None, errors)
}

/// Parses and checks an `impl` block; its model is good only if no errors were added.
pub(crate) fn service(
    arguments: &TokenStream,
    item: TokenStream,
    errors: &mut Errors,
) -> Option<ServiceModel> {
    let parsed = ServiceBlock::parse(item);
    let block = errors.keep(parsed)?;
    model::of_service(arguments, block, errors)
}
