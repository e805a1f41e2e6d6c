//! A function whose body is wrapped: publishers, and methods with injected parameters.
//!
//! One item in, one item out: legal in `impl` blocks, trait impls and function bodies, and for
//! generic functions.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{FnArg, Signature, Token};

use crate::expand::{declare, inject, parts, publish};
use crate::model::{Call, Model, Output};

// Input:   #[publisher("greeting")] async fn greet(name: &str) -> String { BODY }
// Output:  async fn greet(name: &str) -> String {
//              const __SITE ..; const _: () = { /* a registration */ };
//              let __out: String = async move { BODY }.await;
//              { /* publish &__out */ }
//              __out
//          }
/// Expands a function or method in place.
pub(crate) fn function(model: &Model) -> TokenStream {
    let declarations = declare::all(model);
    wrapped(model, &declarations)
}

/// Expands a method of a service, which declares what is injected itself.
pub(crate) fn method(model: &Model) -> TokenStream {
    let declarations = declare::publishers(model);
    wrapped(model, &declarations)
}

fn wrapped(model: &Model, declarations: &TokenStream) -> TokenStream {
    let registration = (!declarations.is_empty())
        .then(|| parts::registration(&quote! { |__d| { #declarations } }));
    let Some(body) = &model.function.body else {
        return TokenStream::new();
    };
    let attributes = &model.function.attributes;
    let marker = parts::marker();
    let visibility = &model.function.visibility;
    let defaultness = &model.function.defaultness;
    let signature = public_signature(model);
    let (inner, statements) = body.split();
    let mentions = parts::mentions(&model.mentions);
    let site = parts::site_of(model);
    let inside = inside(model, &statements);
    let as_it_must_be = parts::as_it_must_be(model.call);
    let body = body.around(quote! {
        #inner
        #mentions
        #[allow(unused_imports)]
        use ::signal_bus::private as __p;
        #site
        #registration
        #inside
    });
    quote! {
        #(#attributes)*
        #as_it_must_be
        #marker
        #visibility #defaultness #signature #body
    }
}

/// The signature without the injected parameters.
fn public_signature(model: &Model) -> Signature {
    let mut signature = model.function.signature.clone();
    let mut parameters = model.parameters.iter();
    let kept = signature.inputs.iter().filter(|input| match input {
        FnArg::Receiver(_) => true,
        FnArg::Typed(_) => parameters
            .next()
            .is_none_or(|parameter| !parameter.is_injected()),
    });
    signature.inputs = kept
        .cloned()
        .collect::<syn::punctuated::Punctuated<_, Token![,]>>();
    signature
}

/// Injects, runs the body, publishes.
fn inside(model: &Model, statements: &TokenStream) -> TokenStream {
    let injected = injected(model);
    let filled = publish::fill(model, |parameter| parameter.ident.to_token_stream());
    let run = match &model.output {
        Output::Stream(_) if !model.roles.publications.is_empty() => stream(model, statements),
        _ => value(model, statements),
    };
    match model.call {
        Call::Boxed => quote! {
            __p::Box::pin(async move {
                #injected
                #filled
                #run
            })
        },
        Call::Plain | Call::Async => quote! { #injected #filled #run },
    }
}

// Output:  let __injected_0 = match #fetch { Ok(value) => value, Err(error) => return .. };
//          let pool: &Pool = &*__injected_0;
/// Makes locals of the injected parameters.
fn injected(model: &Model) -> TokenStream {
    let each = model.injected().filter_map(|parameter| {
        let injection = parameter.injection()?;
        let local = inject::local(parameter);
        let fetch = inject::fetch(parameter, injection, model.call.is_async());
        let give_up = inject::give_up(model);
        let pass = inject::pass(parameter, injection);
        let (pattern, ty) = (&parameter.typed.pat, &parameter.typed.ty);
        Some(quote! {
            #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
            let #local = {
                #[allow(unused_imports)]
                use ::signal_bus::private::{Form as _, PeelOption as _};
                match #fetch {
                    __p::Result::Ok(__value) => __value,
                    __p::Result::Err(__error) => { #give_up }
                }
            };
            #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
            let #pattern: #ty = #pass;
        })
    });
    each.collect()
}

/// Runs a body that yields a value, and publishes it.
fn value(model: &Model, statements: &TokenStream) -> TokenStream {
    let publish = publish::kept(model);
    if publish.is_empty() {
        return last(model, statements);
    }
    let Output::Value(ty) = &model.output else {
        return TokenStream::new();
    };
    let out = quote_spanned! {parts::ours_at(ty.span())=> let __out: #ty };
    let run = match model.call {
        Call::Async => {
            // A return that never happens pins the type that the body's `return` and `?` need.
            let pin = quote_spanned! {parts::ours_at(ty.span())=> return __out; };
            quote! {
                #out = async move {
                    if let __p::Option::Some(__out) = __p::Option::<#ty>::None {
                        #pin
                    }
                    { #statements }
                }.await;
            }
        }
        Call::Plain => quote! {
            #[allow(clippy::redundant_closure_call)]
            #out = (move || -> #ty { #statements })();
        },
        Call::Boxed => quote! {
            #[allow(unused_braces)]
            let __future = { #statements };
            #out = __future.await;
        },
    };
    quote! {
        #run
        #publish
        __out
    }
}

/// Runs a body whose value is only returned. It is bound first: what a tail expression borrows
/// would outlive the injected locals in edition 2021.
fn last(model: &Model, statements: &TokenStream) -> TokenStream {
    if model.call == Call::Boxed {
        return quote! {
            #[allow(unused_braces)]
            let __future = { #statements };
            let __out = __future.await;
            __out
        };
    }
    match model.output.named() {
        Some(ty) => quote! {
            #[allow(clippy::let_unit_value)]
            let __out: #ty = { #statements };
            #[allow(clippy::let_and_return)]
            __out
        },
        None => quote! { { #statements } },
    }
}

// Input:   #[publisher("ticks")] fn ticks() -> impl Stream<Item = Tick> { BODY }
// Output:  let __stream = { BODY }; let __stream = { .. publish_each(&__PUBLICATION, __stream) }; __stream
fn stream(model: &Model, statements: &TokenStream) -> TokenStream {
    let publish = publish::each(model);
    let run = match model.call {
        Call::Async => quote! { async move { #statements }.await },
        // A closure catches what leaves the body early; a block lets the stream borrow more.
        Call::Plain if leaves_early(statements.clone()) => quote! { (move || { #statements })() },
        Call::Plain | Call::Boxed => quote! { { #statements } },
    };
    quote! {
        #[allow(unused_braces, clippy::redundant_closure_call)]
        let __stream = #run;
        #publish
        __stream
    }
}

fn leaves_early(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(word) => word == "return",
        TokenTree::Punct(punct) => punct.as_char() == '?',
        TokenTree::Group(group) => leaves_early(group.stream()),
        TokenTree::Literal(_) => false,
    })
}
