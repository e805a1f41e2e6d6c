//! Injected parameters: how they are fetched, passed and declared.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned as _;

use crate::expand::parts::{line, method, ours_at};
use crate::model::{Factory, Form, Injection, Model, Parameter, is_inner};
use crate::parse::bare_type;

/// The local that holds what was injected; by number, since a name may break a lint on names.
pub(crate) fn local(parameter: &Parameter) -> Ident {
    format_ident!("__injected_{}", parameter.index)
}

// Input:   #[inject] pool: &Pool           #[inject(name)] name: String
// Output:  __p::shared::<Pool>().get(&__SITE, "pool")     __p::by_factory::<String, _, _>(name, &__SITE, "name").await
/// Fetches a value: an expression of type `Result<_, InjectError>`.
pub(crate) fn fetch(parameter: &Parameter, injection: &Injection, waits: bool) -> TokenStream {
    let name = parameter.name();
    let Some(factory) = &injection.factory else {
        let (form, at) = by_type(&injection.form);
        return quote_spanned! {at=> #form.get(&__SITE, #name) };
    };
    let Factory { function, once } = factory;
    let ty = made(&injection.form);
    let call = match (once, waits) {
        (false, true) => "by_factory",
        (true, true) => "by_factory_once",
        (false, false) => "by_factory_now",
        (true, false) => "by_factory_once_now",
    };
    let at = function.span();
    let call = method(call, at);
    let wait = waits.then(|| quote_spanned! {at=> .await });
    quote_spanned! {at=> __p::#call::<#ty, _, _>(#function, &__SITE, #name) #wait }
}

/// The form in which a parameter is injected by type, and where it is written.
fn by_type(form: &Form) -> (TokenStream, Span) {
    let at = form.ty().span();
    let form = match form {
        Form::Reference(ty) => quote_spanned! {at=> __p::shared::<#ty>() },
        Form::OptionalReference(ty) => quote_spanned! {at=> __p::shared_optional::<#ty>() },
        Form::Owned(ty) => quote_spanned! {at=> __p::Wanted::<#ty>::NEW.peel_option().form() },
    };
    (form, at)
}

/// The type of what [`fetch`] yields.
fn fetched(injection: &Injection) -> TokenStream {
    match (&injection.form, &injection.factory) {
        (Form::Reference(ty), None) => quote! { __p::Arc<#ty> },
        (Form::OptionalReference(ty), None) => quote! { __p::Option<__p::Arc<#ty>> },
        (Form::Owned(ty), None) => quote! { #ty },
        (form, Some(Factory { once, .. })) => {
            let ty = made(form);
            if *once {
                quote! { __p::Arc<#ty> }
            } else {
                ty
            }
        }
    }
}

/// What a factory makes for a parameter: an owned `str` is a `String`, an owned `[U]` a `Vec<U>`.
fn made(form: &Form) -> TokenStream {
    match form {
        Form::Reference(ty) => match bare_type(ty) {
            Type::Slice(slice) => {
                let elem = &slice.elem;
                quote! { __p::Vec<#elem> }
            }
            Type::Path(path) if path.path.is_ident("str") => {
                quote_spanned! {path.span()=> ::std::string::String }
            }
            _ => quote! { #ty },
        },
        Form::OptionalReference(ty) | Form::Owned(ty) => quote! { #ty },
    }
}

/// Passes what was fetched on as the parameter's type.
pub(crate) fn pass(parameter: &Parameter, injection: &Injection) -> TokenStream {
    let local = local(parameter);
    let once = injection
        .factory
        .as_ref()
        .is_some_and(|factory| factory.once);
    match (&injection.form, &injection.factory) {
        (Form::Reference(_), Some(_)) if !once => quote! { &#local },
        (Form::Reference(_), _) => quote! { &*#local },
        (Form::OptionalReference(_), _) => quote! { #local.as_deref() },
        (Form::Owned(ty), _) if once => {
            let mut local = local;
            local.set_span(ours_at(ty.span()));
            quote_spanned! {ours_at(ty.span())=> __p::unshare(&#local) }
        }
        (Form::Owned(_), _) => quote! { #local },
    }
}

// Output:  let __injected_0 = #fetch?;
/// Fetches all, and hands a failure on with `?`.
pub(crate) fn fetch_or_fail(model: &Model, waits: bool) -> TokenStream {
    let each = model.injected().filter_map(|parameter| {
        let local = local(parameter);
        let fetch = fetch(parameter, parameter.injection()?, waits);
        Some(quote! { let #local = #fetch?; })
    });
    each.collect()
}

// Output:  async fn __inject() -> Result<(Arc<Pool>,), InjectError> { Ok((#fetch?,)) }
/// The one place that fetches for a split function, by hand and by bus.
pub(crate) fn function(model: &Model, name: &Ident, site: &TokenStream) -> TokenStream {
    if !model.is_injected() {
        return TokenStream::new();
    }
    let waits = model.call.is_async();
    let asyncness = waits.then(|| quote!(async));
    let fetched = model
        .injected()
        .filter_map(|parameter| Some(fetched(parameter.injection()?)));
    let fetch = model
        .injected()
        .filter_map(|parameter| Some(fetch(parameter, parameter.injection()?, waits)));
    let cfgs = model.cfgs();
    quote! {
        #(#cfgs)*
        #asyncness fn #name() -> __p::Result<(#(#fetched,)*), __p::InjectError> {
            #site
            __p::Result::Ok((#(#fetch?,)*))
        }
    }
}

/// The pattern that takes what [`function`] returns.
pub(crate) fn locals(model: &Model) -> TokenStream {
    let locals = model.injected().map(local);
    quote! { (#(#locals,)*) }
}

/// Returns from a call by hand whose injection failed.
pub(crate) fn give_up(model: &Model) -> TokenStream {
    match model.output.named() {
        Some(ty) => quote! {
            use ::signal_bus::private::InjectFallback as _;
            return __p::Probe::<#ty>::NEW.inject_error(__error);
        },
        // The type has no name to look for an error in, so this panics.
        None => quote! {
            use ::signal_bus::private::InjectFallback as _;
            match __p::Probe::<::core::convert::Infallible>::NEW.inject_error(__error) {}
        },
    }
}

/// What a function needs: `self` and its injected parameters, as far as they can be named.
pub(crate) fn dependencies(model: &Model) -> Vec<TokenStream> {
    let mut dependencies = Vec::new();
    if let (Some(receiver), Some(owner), true) = (
        &model.receiver,
        &model.owner,
        model.roles.is_called_by_bus(),
    ) {
        let line = line(receiver.self_token.span);
        // Where `call` asks for it, so that a type that cannot be shared is told once.
        dependencies.push(quote_spanned! {ours_at(owner.span())=>
            __p::shared::<Self>().dependency("self", #line)
        });
    }
    for parameter in model.injected() {
        if is_inner(
            parameter.ty(),
            &model.function.signature,
            model.owner.is_some(),
        ) {
            continue;
        }
        dependencies.extend(
            parameter
                .injection()
                .map(|injection| dependency(parameter, injection)),
        );
    }
    dependencies
}

fn dependency(parameter: &Parameter, injection: &Injection) -> TokenStream {
    let name = parameter.name();
    if let Some(Factory { function, .. }) = &injection.factory {
        let at = function.span();
        return quote_spanned! {at=> __p::factory_dependency(&#function, #name) };
    }
    let line = line(parameter.typed.span());
    let (form, at) = by_type(&injection.form);
    quote_spanned! {at=> #form.dependency(#name, #line) }
}
