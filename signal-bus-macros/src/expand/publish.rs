//! Sending what a function returns.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned as _;

use crate::expand::parts::{method, ours_at, over};
use crate::expand::topic;
use crate::model::{Model, Output, Parameter, Publication, Topic};

/// The static that a publisher sends by.
fn publication(model: &Model, publication: &Publication, at_once: bool) -> TokenStream {
    let at_once = at_once.then(|| quote!(.at_once()));
    let generic = model.generic.then(|| quote!(.generic()));
    let bus = bus(publication);
    let local = publication.local.then(|| quote!(.local()));
    quote! {
        static __PUBLICATION: __p::Publication = __p::Publication::new(__SITE) #local #at_once #generic #bus;
    }
}

/// The trait by which a literal topic finds the signal's type.
fn peel(publication: &Publication) -> Option<TokenStream> {
    match publication.topic {
        Topic::Literal { .. } => Some(quote! { use ::signal_bus::private::Peel as _; }),
        Topic::Typed(_) => None,
    }
}

/// `.bus(&NAME)`, pointing at the user's name.
fn bus(publication: &Publication) -> Option<TokenStream> {
    let path = publication.bus.as_ref()?;
    Some(quote_spanned! {path.span()=> .bus(&#path) })
}

// Output:  __p::on(#topic).filled(&__filled_0).gives(__p::Probe::<R>::NEW)
/// The topic as it is sent on: with its template filled in, and checked against what is returned.
fn on(model: &Model, index: usize, publication: &Publication) -> TokenStream {
    let (probe, at) = match &model.output {
        Output::Value(ty) | Output::Stream(ty) => (topic::returned(&model.output, ty), ty.span()),
        Output::Nothing | Output::Opaque(_) => (TokenStream::new(), publication.topic.span()),
    };
    let topic = topic::topic(&publication.topic, &probe, at);
    let filled = publication.topic.template().map(|_| {
        let filled = topic::filled(index);
        quote_spanned! {at=> .filled(&#filled) }
    });
    let gives = match &model.output {
        Output::Value(ty) | Output::Stream(ty) => {
            let returned = over(ty, quote_spanned! {at=> __p::Probe::<#ty>::NEW });
            Some(quote_spanned! {at=> .gives(#returned) })
        }
        Output::Nothing | Output::Opaque(_) => None,
    };
    quote_spanned! {at=> __p::on(#topic) #filled #gives }
}

/// Fills all templates of the function.
pub(crate) fn fill(model: &Model, value_of: impl Fn(&Parameter) -> TokenStream) -> TokenStream {
    let publications = model.roles.publications.iter().enumerate();
    let each = publications.filter_map(|(index, publication)| {
        let template = publication.topic.template()?;
        Some(topic::fill(index, template, &model.parameters, &value_of))
    });
    each.collect()
}

// Output:  {
//              static __PUBLICATION: ..;
//              if __p::any_running() {
//                  let __pending = #on.publish(&__PUBLICATION, &__out);
//                  if let __p::Option::Some(__pending) = __pending { __pending.wait().await; }
//              }
//          }
/// Publishes `__out` and keeps it, one block for each topic: called by hand.
pub(crate) fn kept(model: &Model) -> TokenStream {
    let Output::Value(ty) = &model.output else {
        return TokenStream::new();
    };
    let at_once = !model.call.is_async();
    let send = if at_once {
        quote! { if let __p::Option::Some(__pending) = __pending { __pending.now(); } }
    } else {
        waits()
    };
    let publications = model.roles.publications.iter().enumerate();
    let each = publications.map(|(index, one)| {
        let publication = publication(model, one, at_once);
        let on = on(model, index, one);
        let publish = method("publish", ty.span());
        let peel = peel(one);
        quote! {
            {
                #peel
                #publication
                if __p::any_running() {
                    let __pending = #on.#publish(&__PUBLICATION, &__out);
                    #send
                }
            }
        }
    });
    each.collect()
}

/// Waits for room, where a publish has to: bound first, so that nothing else is held meanwhile.
fn waits() -> TokenStream {
    quote! { if let __p::Option::Some(__pending) = __pending { __pending.wait().await; } }
}

// Output:  let (__part, __outcome) = #on.part(__out);
//          {
//              static __PUBLICATION: ..;
//              let __pending = ..publish_part(..);
//              if let __p::Option::Some(__pending) = __pending { __pending.wait().await; }
//          }
//          __outcome
/// Gives `__out` away to each topic: called by the bus.
pub(crate) fn parts(model: &Model) -> TokenStream {
    let (Output::Value(ty), Some(first)) = (&model.output, model.roles.publications.first()) else {
        return TokenStream::new();
    };
    let part = method("part", ty.span());
    let on_first = on(model, 0, first);
    let publications = model.roles.publications.iter().enumerate();
    let waits = waits();
    let each = publications.map(|(index, one)| {
        let publication = publication(model, one, false);
        let on = on(model, index, one);
        let publish_part = method("publish_part", ty.span());
        quote! {
            {
                #publication
                let __pending = #on.#publish_part(&__PUBLICATION, &__part);
                #waits
            }
        }
    });
    let out = Ident::new("__out", ours_at(ty.span()));
    quote! {
        let (__part, __outcome) = #on_first.#part(#out);
        #(#each)*
        __outcome
    }
}

// Output:  __p::reply(__p::replies(__p::Probe::<R>::NEW..), __requested, __out)
/// Gives `__out` to whoever asks, if somebody does.
pub(crate) fn reply(model: &Model) -> TokenStream {
    let Output::Value(ty) = &model.output else {
        return TokenStream::new();
    };
    let replies = topic::replies(ty);
    let at = ours_at(ty.span());
    let out = Ident::new("__out", at);
    let requested = Ident::new("__requested", at);
    quote_spanned! {at=> __p::reply(#replies, #requested, #out) }
}

// Output:  { static __PUBLICATION: ..; #on.publish_each(&__PUBLICATION, __stream) }
/// Publishes each item of `__stream` as it is polled.
pub(crate) fn each(model: &Model) -> TokenStream {
    let Output::Stream(item) = &model.output else {
        return TokenStream::new();
    };
    let publications = model.roles.publications.iter().enumerate();
    let each = publications.map(|(index, one)| {
        let publication = publication(model, one, false);
        let on = on(model, index, one);
        let publish = quote_spanned! {ours_at(item.span())=>
            #on.publish_each(&__PUBLICATION, __stream)
        };
        quote! {
            let __stream = {
                #publication
                #publish
            };
        }
    });
    each.collect()
}
