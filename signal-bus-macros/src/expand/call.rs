//! The call of the user's function by the bus.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned;
use syn::{ReceiverKind, Type};

use crate::expand::parts::{method, ours_at};
use crate::expand::{inject, publish, topic};
use crate::model::{Form, Model, Output, Parameter, Shape, Source};
use crate::parse::bare_type;

/// The paths by which generated code reaches a function.
pub(crate) struct Paths {
    /// The function as the user wrote it.
    pub(crate) direct: TokenStream,
    /// What fetches its injected parameters.
    pub(crate) inject: TokenStream,
}

/// The names of the two functions that a split method becomes.
pub(crate) fn method_names(model: &Model) -> (Ident, Ident) {
    let name = &model.function.signature.ident;
    // Two underscores inside a name are not snake case.
    let bare = name.unraw().to_string();
    let bare = bare.trim_matches('_');
    let at = name.span();
    (
        format_ident!("__{bare}_direct", span = at),
        format_ident!("__{bare}_inject", span = at),
    )
}

pub(crate) fn paths(model: &Model) -> Paths {
    let name = &model.function.signature.ident;
    let split = model.shape == Shape::Split;
    match (&model.owner, split) {
        (None, false) => Paths {
            direct: quote!(#name),
            inject: TokenStream::new(),
        },
        (None, true) => Paths {
            direct: quote!(#name::direct),
            inject: quote!(#name::__inject),
        },
        (Some(_), false) => Paths {
            direct: quote!(Self::#name),
            inject: TokenStream::new(),
        },
        (Some(_), true) => {
            let (direct, inject) = method_names(model);
            Paths {
                direct: quote!(Self::#direct),
                inject: quote!(Self::#inject),
            }
        }
    }
}

/// A signal that a subscriber handles: how it is opened, and taken.
pub(crate) struct Opening<'a> {
    pub(crate) topic: TokenStream,
    pub(crate) form: &'a Form,
    /// Whether there are several at once.
    pub(crate) batched: bool,
}

// Output:  __p::handler(async move {
//              while __run.more().await {
//                  let __topic = #topic;
//                  let mut __signals = __p::open(__topic, &mut __run);
//                  while let __p::Option::Some(__signal) = __p::next(&mut __signals) {
//                      let (__injected_0,) = on::__inject().await?;
//                      let __out = on::direct(__signal.take::<Order, _>(), &*__injected_0).await;
//                      { __p::outcome::<R>(__out) }?     or, for a stage, publishes what was returned; with `reply`, replies
//                  }
//              }
//              __p::Result::Ok(())
//          })
/// One run of a function by the bus.
pub(crate) fn run(model: &Model, opening: Option<&Opening<'_>>) -> TokenStream {
    let Paths { direct, inject } = paths(model);
    let injected = model.is_injected().then(|| {
        let locals = inject::locals(model);
        let wait = model.call.is_async().then(|| quote!(.await));
        quote! { let #locals = #inject() #wait?; }
    });
    let this = receiver(model).map(|_| {
        // A service that cannot be shared: point at its type.
        let at = model
            .owner
            .as_ref()
            .map_or_else(Span::call_site, Spanned::span);
        quote_spanned! {ours_at(at)=> let __self = __p::shared::<Self>().get(&__SITE, "self")?; }
    });
    let opened = opening.map(
        |opening| match (opening.batched, model.roles.is_blocking()) {
            (true, _) => opening.open("open_batch", &quote!(__signal), &quote!(let __signal)),
            // It leaves its thread, and so its turn.
            (false, true) => quote! { let __signal = __signal.whole(); },
            (false, false) => TokenStream::new(),
        },
    );
    let bound = bind(model, opening);
    let filled = fill(model, opening);
    let arguments = arguments(model, opening);
    let call = quote! { #direct(#arguments) };
    let call = if model.roles.is_blocking() {
        quote! { __p::blocking(move || #call).await }
    } else if model.call.is_async() {
        quote! { #call.await }
    } else {
        call
    };
    let replies = opening.is_some() && model.roles.reply().is_some();
    // Who waits is known before the signal is taken.
    let requested = replies.then(|| quote! { let __requested = __signal.requested(); });
    let finish = if replies {
        publish::reply(model)
    } else if model.roles.publications.is_empty() {
        outcome(model)
    } else {
        publish::parts(model)
    };
    let bind = quote! { let __out = #call; };
    let body = quote! {
        #injected
        #this
        #opened
        #requested
        #bound
        #filled
        #bind
        #finish
    };
    let body = match opening {
        Some(opening) if !opening.batched => one_by_one(opening, &body),
        _ => body,
    };
    // A future that cannot be sent is the function's: point at its name.
    quote_spanned! {ours_at(model.function.signature.ident.span())=>
        __p::handler(async move { #body })
    }
}

/// Goes through the signals of a run, until one fails.
fn one_by_one(opening: &Opening<'_>, body: &TokenStream) -> TokenStream {
    let open = opening.open("open", &quote!(&mut __run), &quote!(let mut __signals));
    let at = ours_at(topic::form_span(opening.form));
    let next = quote_spanned! {at=> __p::next(&mut __signals) };
    quote! {
        while __run.more().await {
            #open
            while let __p::Option::Some(__signal) = #next {
                { #body }?;
            }
        }
        __p::Result::Ok(())
    }
}

impl Opening<'_> {
    /// Gives what there is the type of the topic.
    fn open(&self, open: &str, signals: &TokenStream, bind: &TokenStream) -> TokenStream {
        let at = ours_at(topic::form_span(self.form));
        let (open, topic) = (Ident::new(open, at), &self.topic);
        // Bound first: a type that cannot travel is then told once, where the declaration tells it.
        quote_spanned! {at=>
            let __topic = #topic;
            #bind = __p::#open(__topic, #signals);
        }
    }
}

/// Turns a plain return value into the handler's, and points at its type if that cannot be.
fn outcome(model: &Model) -> TokenStream {
    match &model.output {
        Output::Value(ty) => {
            let outcome = quote_spanned! {ty.span()=> __p::outcome::<#ty> };
            quote! { #outcome(__out) }
        }
        _ => quote! { __p::outcome::<()>(__out) },
    }
}

/// Takes a signal before a template shows it: it is taken once.
fn bind(model: &Model, opening: Option<&Opening<'_>>) -> Option<TokenStream> {
    let opening = opening?;
    if !has_template(model) {
        return None;
    }
    let take = match opening.form {
        Form::Owned(_) => take(opening),
        // It lies with others, or goes to another thread, and may be lent as often as one likes.
        _ if opening.batched || model.roles.is_blocking() => return None,
        Form::Reference(ty) | Form::OptionalReference(ty) => lend(ty),
    };
    Some(quote! { let __argument = #take; })
}

fn has_template(model: &Model) -> bool {
    model
        .roles
        .publications
        .iter()
        .any(|publication| publication.topic.template().is_some())
}

fn fill(model: &Model, opening: Option<&Opening<'_>>) -> TokenStream {
    let bound = bind(model, opening).is_some();
    publish::fill(model, |parameter| match (&parameter.source, opening) {
        (Source::Signal(Form::Owned(_)), _) => quote!(__argument),
        (Source::Signal(_), _) if bound => quote!(&*__argument),
        (Source::Signal(_), Some(opening)) => take(opening),
        _ => inject::local(parameter).into_token_stream(),
    })
}

fn take(opening: &Opening<'_>) -> TokenStream {
    match opening.form {
        // Nobody holds several signals in one slice, so they are gathered first.
        Form::Reference(Type::Slice(slice)) if opening.batched => {
            let element = &slice.elem;
            let take = method("take", slice.span());
            quote! { &*__signal.#take::<__p::Vec<#element>, _>() }
        }
        Form::Reference(ty) | Form::OptionalReference(ty) => {
            let lend = lend(ty);
            quote! { &*#lend }
        }
        Form::Owned(ty) => {
            let take = method("take", ty.span());
            quote! { __signal.#take::<#ty, _>() }
        }
    }
}

fn lend(ty: &Type) -> TokenStream {
    let lend = method("lend", ty.span());
    quote! { __signal.#lend::<#ty, _>() }
}

fn arguments(model: &Model, opening: Option<&Opening<'_>>) -> TokenStream {
    let this = receiver(model);
    let bound = bind(model, opening).is_some();
    let each = model
        .parameters
        .iter()
        .map(|parameter| match (&parameter.source, parameter) {
            (Source::Signal(Form::Owned(_)), _) if bound => quote!(__argument),
            (Source::Signal(_), _) if bound => quote!(&*__argument),
            (Source::Signal(_), _) => opening.map(take).unwrap_or_default(),
            (Source::Injected(injection), parameter) => inject::pass(parameter, injection),
            (Source::Caller, Parameter { ident, .. }) => quote!(#ident),
        });
    let all = this.into_iter().chain(each);
    quote! { #(#all),* }
}

/// How the bus passes `self`.
fn receiver(model: &Model) -> Option<TokenStream> {
    let receiver = model.receiver.as_ref()?;
    let reference = quote!(&*__self);
    Some(match &receiver.kind {
        ReceiverKind::Typed(_, ty) => match bare_type(ty) {
            Type::Reference(inner) => match bare_type(&inner.elem) {
                Type::Path(path) if path.path.is_ident("Self") => reference,
                _ => quote!(&__self),
            },
            _ => quote!(__self),
        },
        _ => reference,
    })
}
