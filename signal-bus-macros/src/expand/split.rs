//! A function that becomes two: `direct`, as written, and a wrapper under its name.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::punctuated::Punctuated;
use syn::{FnArg, GenericParam, Pat, PatIdent, Signature, Token, Visibility};

use crate::expand::attributes::{self, Dealt};
use crate::expand::{call, declare, inject, parts, publish};
use crate::model::{Call, Model, Output, Parameter, Source};

// Input:   #[subscriber("in")] #[inject(name = name)] async fn on(x: In, name: String) { BODY }
// Output:  async fn on(x: In) { .. on::__inject().await .. on::direct(x, __injected_1).await }
//          struct on {}
//          impl on { async fn direct(x: In, name: String) { BODY } }
//          impl Registered for on { impl on { async fn __inject() .. } /* a registration */ }
/// Expands a free function around which its callers stand.
pub(crate) fn function(model: &Model) -> TokenStream {
    let name = &model.function.signature.ident;
    let wrapper = wrapper(model);
    let mentions = parts::mentions(&model.mentions);
    let companion = parts::companion(model);
    let direct = direct(
        model,
        &Ident::new("direct", name.span()),
        &model.function.visibility,
    );
    let site = parts::site_of(model);
    let inject = inject::function(model, &format_ident!("__inject"), &TokenStream::new());
    let inject = (!inject.is_empty()).then(|| quote! { impl #name { #inject } });
    let declarations = declare::all(model);
    let registration = parts::registered(
        &quote! { #site #inject },
        &quote! { |__d| { #declarations } },
        &name.to_token_stream(),
    );
    quote! {
        #wrapper
        #mentions
        #companion
        #[allow(dead_code, unreachable_pub)]
        impl #name {
            #direct
        }
        #registration
    }
}

// Output:  async fn on(x: In) -> R {
//              let (__injected_1,) = match on::__inject().await { .. };
//              let __out: R = on::direct(x, __injected_1).await;
//              { /* publish &__out */ }
//              __out
//          }
/// The function that callers see: injects, calls `direct`, publishes.
pub(crate) fn wrapper(model: &Model) -> TokenStream {
    let Some(body) = &model.function.body else {
        return TokenStream::new();
    };
    let Dealt { public, .. } = attributes::deal(&model.function.attributes);
    let visibility = &model.function.visibility;
    let signature = public_signature(model);
    // The bus calls `direct`, so it is no mistake if nobody calls this.
    let by_bus = model
        .roles
        .is_called_by_bus()
        .then(|| quote! { #[allow(dead_code)] });
    let inside = inside(model);
    let inside = match model.call {
        Call::Boxed => quote! { __p::Box::pin(async move { #inside }) },
        Call::Plain | Call::Async => inside,
    };
    let body = body.around(quote! {
        use ::signal_bus::private as __p;
        #inside
    });
    quote! {
        #(#public)*
        #by_bus
        #visibility #signature #body
    }
}

fn inside(model: &Model) -> TokenStream {
    let call::Paths { direct, inject } = call::paths(model);
    let wait = model.call.is_async().then(|| quote!(.await));
    let injected = model.is_injected().then(|| {
        let locals = inject::locals(model);
        let give_up = inject::give_up(model);
        quote! {
            let #locals = match #inject() #wait {
                __p::Result::Ok(__values) => __values,
                __p::Result::Err(__error) => { #give_up }
            };
        }
    });
    let filled = publish::fill(model, |parameter| match parameter.source {
        Source::Injected(_) => inject::local(parameter).into_token_stream(),
        Source::Caller | Source::Signal(_) => argument(parameter).into_token_stream(),
    });
    let site = (!model.roles.publications.is_empty()).then(|| parts::site_of(model));
    let generics = turbofish(model);
    let this = model
        .receiver
        .iter()
        .map(|receiver| receiver.self_token.to_token_stream());
    let arguments = this.chain(
        model
            .parameters
            .iter()
            .map(|parameter| match &parameter.source {
                Source::Injected(injection) => inject::pass(parameter, injection),
                Source::Caller | Source::Signal(_) => argument(parameter).into_token_stream(),
            }),
    );
    let call = quote! { #direct #generics(#(#arguments),*) #wait };
    let run = run(model, &call);
    quote! {
        #site
        #injected
        #filled
        #run
    }
}

fn run(model: &Model, call: &TokenStream) -> TokenStream {
    match &model.output {
        Output::Nothing => quote! { #call; },
        Output::Value(ty) => {
            let publish = publish::kept(model);
            quote! {
                let __out: #ty = #call;
                #publish
                #[allow(clippy::let_and_return)]
                __out
            }
        }
        Output::Stream(_) => {
            let publish = publish::each(model);
            quote! {
                let __stream = #call;
                #publish
                #[allow(clippy::let_and_return)]
                __stream
            }
        }
        Output::Opaque(_) => call.clone(),
    }
}

/// The name of a wrapper's parameter; patterns stay with `direct`.
fn argument(parameter: &Parameter) -> Ident {
    match &parameter.ident {
        Some(ident) => ident.clone(),
        None => format_ident!("__argument_{}", parameter.index),
    }
}

/// The signature without injected parameters and without patterns.
fn public_signature(model: &Model) -> Signature {
    let mut signature = model.function.signature.clone();
    let mut parameters = model.parameters.iter();
    let mut inputs = Punctuated::<FnArg, Token![,]>::new();
    for input in signature.inputs {
        match input {
            FnArg::Receiver(receiver) => inputs.push(FnArg::Receiver(receiver)),
            FnArg::Typed(mut typed) => {
                let Some(parameter) = parameters.next() else {
                    continue;
                };
                if parameter.is_injected() {
                    continue;
                }
                typed.attrs.clear();
                *typed.pat = Pat::Ident(PatIdent {
                    attrs: Vec::new(),
                    by_ref: None,
                    mutability: None,
                    ident: argument(parameter),
                    subpat: None,
                });
                inputs.push(FnArg::Typed(typed));
            }
        }
    }
    signature.inputs = inputs;
    signature
}

/// Passes type and constant parameters on, since not all can be inferred from the arguments.
fn turbofish(model: &Model) -> Option<TokenStream> {
    let parameters = model.function.signature.generics.params.iter();
    let named: Vec<&Ident> = parameters
        .filter_map(|parameter| match parameter {
            GenericParam::Type(ty) => Some(&ty.ident),
            GenericParam::Const(constant) => Some(&constant.ident),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    (!named.is_empty()).then(|| quote! { ::<#(#named),*> })
}

// Output:  /// The function as written ..
//          async fn direct(x: In, name: String) { BODY }
/// The function as written, under another name.
pub(crate) fn direct(model: &Model, name: &Ident, visibility: &Visibility) -> TokenStream {
    let Some(body) = &model.function.body else {
        return TokenStream::new();
    };
    let Dealt {
        direct: attributes, ..
    } = attributes::deal(&model.function.attributes);
    let marker = parts::marker();
    let mut signature = model.function.signature.clone();
    signature.ident = name.clone();
    let body = &body.group;
    quote! {
        /// The function as written: nothing is injected, and nothing is published.
        #(#attributes)*
        #[allow(
            clippy::too_many_arguments,
            clippy::missing_errors_doc,
            clippy::missing_panics_doc,
            clippy::must_use_candidate,
            clippy::missing_const_for_fn,
            clippy::unused_async
        )]
        #marker
        #visibility #signature #body
    }
}
