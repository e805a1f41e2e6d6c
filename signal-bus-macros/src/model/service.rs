//! The rules of `#[service]`.

use proc_macro2::{Group, TokenStream};
use syn::{Attribute, Path, Token, Type};

use crate::diagnostics::Errors;
use crate::model::{Model, of_function};
use crate::parse::{Function, Method, Role, ServiceBlock, ServiceItem};

/// An `impl` block that passed all rules.
#[derive(Clone)]
pub(crate) struct ServiceModel {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) impl_token: Token![impl],
    pub(crate) owner: Type,
    pub(crate) items: Vec<ModelItem>,
    pub(crate) braces: Group,
    /// Paths to `use`, so that taken attributes count as used.
    pub(crate) mentions: Vec<Path>,
}

/// An item of the block.
#[derive(Clone)]
pub(crate) enum ModelItem {
    Annotated(Box<Model>),
    Plain(Box<Function>),
    Other(TokenStream),
}

/// Checks an `impl` block and all its methods.
pub(crate) fn of_service(
    arguments: &TokenStream,
    block: ServiceBlock,
    errors: &mut Errors,
) -> Option<ServiceModel> {
    if !arguments.is_empty() {
        errors.at(
            arguments,
            "`#[service]` takes no arguments; options stand on the methods",
        );
    }
    let ServiceBlock {
        attributes,
        impl_token,
        generics,
        owner,
        items,
        braces,
    } = block;
    if let Some(parameter) = generics.params.first() {
        errors.at(
            parameter,
            "a service cannot be generic: the bus would not know which type to build; write the \
             impl for one type, for example `impl Mailer<Smtp> { .. }`",
        );
        return None;
    }
    if let Type::Reference(_) | Type::TraitObject(_) | Type::Slice(_) = &owner {
        errors.at(
            &owner,
            "a service is a type of its own: `impl Mailer { .. }`",
        );
        return None;
    }
    let mut mentions = Vec::new();
    let mut checked = Vec::new();
    for item in items {
        match item {
            ServiceItem::Other(tokens) => checked.push(ModelItem::Other(tokens)),
            ServiceItem::Method(method) => {
                mentions.extend(method.annotated.mentions.iter().cloned());
                checked.extend(of_method(*method, &owner, errors));
            }
        }
    }
    if errors.is_empty()
        && !checked
            .iter()
            .any(|item| matches!(item, ModelItem::Annotated(_)))
    {
        errors.at(
            impl_token,
            "`#[service]` finds no annotated method here; mark what the bus should call, for \
             example with `#[subscriber(\"topic\")]`",
        );
    }
    mentions.sort_by_cached_key(text);
    mentions.dedup_by_key(|path| text(path));
    Some(ServiceModel {
        attributes,
        impl_token,
        owner,
        items: checked,
        braces,
        mentions,
    })
}

fn text(path: &Path) -> String {
    quote::quote!(#path).to_string()
}

fn of_method(method: Method, owner: &Type, errors: &mut Errors) -> Option<ModelItem> {
    for attribute in method.hidden {
        errors.at(
            attribute,
            "inside `#[service]` a `cfg_attr` is not evaluated yet, so what it brings is not seen; \
             write two methods, each with its `#[cfg]`",
        );
    }
    let mut annotated = method.annotated;
    if annotated.annotations.is_empty() {
        for annotation in annotated.parameters.iter().flatten() {
            errors.at_span(
                annotation.span,
                "a parameter is injected only where the function is annotated, too; put \
                 `#[inject]` on the function",
            );
        }
        return Some(ModelItem::Plain(Box::new(annotated.function)));
    }
    for annotation in &annotated.annotations {
        if annotation.role == Role::Service {
            errors.at_span(
                annotation.span,
                "`#[service]` goes on the `impl` block, not on a method",
            );
        }
    }
    annotated
        .annotations
        .retain(|annotation| annotation.role != Role::Service);
    let model = of_function(annotated, Some(owner), errors)?;
    Some(ModelItem::Annotated(Box::new(model)))
}
