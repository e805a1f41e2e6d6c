//! A service: an `impl` block whose methods the bus calls.

use proc_macro2::{Group, TokenStream};
use quote::{ToTokens, quote};
use syn::Visibility;

use crate::expand::{beside, call, declare, in_place, inject, parts, split};
use crate::model::{Model, ModelItem, ServiceModel, Shape};

// Input:   #[service] impl Mailer { #[subscriber("user.created")] async fn on_user(&self, ..) { .. } }
// Output:  impl Mailer { async fn on_user(&self, ..) { .. } }
//          impl Registered for Mailer {
//              impl Mailer { fn __declare(__d: &mut Declarations) { .. } }
//              /* one registration, whose handlers get `self` by type */
//          }
/// Expands an `impl` block.
pub(crate) fn service(model: &ServiceModel) -> TokenStream {
    let ServiceModel {
        attributes,
        impl_token,
        owner,
        items,
        braces,
        mentions,
    } = model;
    let mut methods = Group::new(braces.delimiter(), items.iter().map(item).collect());
    methods.set_span(braces.span());
    let mentions = parts::mentions(mentions);
    let site = parts::site(&parts::type_name(owner), syn::spanned::Spanned::span(owner));
    let annotated = items.iter().filter_map(|item| match item {
        ModelItem::Annotated(model) => Some(&**model),
        ModelItem::Plain(_) | ModelItem::Other(_) => None,
    });
    let injects = annotated.clone().map(inject_function);
    let declarations = annotated.map(declaration);
    let before = quote! {
        #site
        impl #owner {
            #(#injects)*
            fn __declare(__d: &mut __p::Declarations) {
                #(#declarations)*
            }
        }
    };
    let declare = quote! { <#owner>::__declare };
    let registration = parts::registered(&before, &declare, &owner.to_token_stream());
    quote! {
        #(#attributes)*
        #impl_token #owner #methods
        #mentions
        #registration
    }
}

fn item(item: &ModelItem) -> TokenStream {
    match item {
        ModelItem::Other(tokens) => tokens.clone(),
        ModelItem::Plain(function) => {
            let mut function = (**function).clone();
            let attributes = std::mem::take(&mut function.attributes);
            let marker = parts::marker();
            quote! { #(#attributes)* #marker #function }
        }
        ModelItem::Annotated(model) => match model.shape {
            Shape::Beside => beside::unchanged(model),
            Shape::InPlace => in_place::method(model),
            Shape::Split => split_method(model),
        },
    }
}

// Input:   #[periodic(60)] async fn sweep(&self, #[inject] bus: &BusHandle) { BODY }
// Output:  async fn sweep(&self) { .. Self::__sweep_direct(self, ..).await }
//          async fn __sweep_direct(&self, bus: &BusHandle) { BODY }
fn split_method(model: &Model) -> TokenStream {
    let (name, _) = call::method_names(model);
    let wrapper = split::wrapper(model);
    let direct = split::direct(model, &name, &Visibility::Inherited);
    quote! {
        #wrapper
        #[doc(hidden)]
        #direct
    }
}

fn inject_function(model: &Model) -> Option<TokenStream> {
    let (_, name) = call::method_names(model);
    let split = model.shape == Shape::Split;
    split.then(|| inject::function(model, &name, &parts::site_of(model)))
}

/// Declares one method, under its `#[cfg]`s.
fn declaration(model: &Model) -> Option<TokenStream> {
    // A publisher declares itself in its body, where it is found without the service.
    let declarations = match model.shape {
        Shape::InPlace => declare::injectable(model)?,
        Shape::Beside | Shape::Split => declare::all(model),
    };
    let cfgs = model.cfgs();
    let site = parts::site_of(model);
    Some(quote! {
        #(#cfgs)*
        {
            #site
            #declarations
        }
    })
}
