//! The small parts that all expansions share.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;

use crate::model::{Call, Model, Time};

/// What strict users' lints must not say about generated items.
pub(crate) fn silence() -> TokenStream {
    quote! {
        #[allow(
            unused_imports,
            unused_qualifications,
            non_local_definitions,
            deprecated,
            clippy::all,
            clippy::pedantic,
            clippy::nursery
        )]
    }
}

/// Brings the runtime's door and its traits into an anonymous scope.
pub(crate) fn imports() -> TokenStream {
    quote! {
        use ::signal_bus::private::{
            self as __p, Form as _, InjectFallback as _, NoCodec as _, OwnedType as _, Peel as _, PeelOption as _,
            Provides as _,
        };
    }
}

/// The argument by which a taken attribute is only looked up.
pub(crate) const MENTION: &str = "__mention";

// Output:  #[inject(__mention)] const _: () = ();
/// Lets rustc look up the attributes that were taken off: it never sees them otherwise.
///
/// A forgotten import is then told as that of any attribute, with the line to add.
pub(crate) fn mentions(paths: &[Path]) -> TokenStream {
    let argument = Ident::new(MENTION, Span::call_site());
    paths
        .iter()
        .map(|path| quote! { #[#path(#argument)] const _: () = (); })
        .collect()
}

/// Marks a function that was expanded, so that an attribute renamed on import can be told.
pub(crate) fn marker() -> TokenStream {
    quote! { #[rust_analyzer::signal_bus_expanded] }
}

/// The line of `span`, as a call of `line!` that stands there.
pub(crate) fn line(span: Span) -> TokenStream {
    quote_spanned! {span=> ::core::line!() }
}

// Input:   async fn print(..)
// Output:  const __SITE: __p::Site = __p::Site::new("print", module_path!(), file!(), line!());
/// Says where a function stands.
pub(crate) fn site(function: &str, span: Span) -> TokenStream {
    let line = line(span);
    let file = quote_spanned! {span=> ::core::file!() };
    quote! {
        const __SITE: ::signal_bus::private::Site = ::signal_bus::private::Site::new(
            #function,
            ::core::module_path!(),
            #file,
            #line,
        );
    }
}

/// The site of a function; of a service's method it names the type, too.
pub(crate) fn site_of(model: &Model) -> TokenStream {
    let ident = &model.function.signature.ident;
    let name = match &model.owner {
        Some(owner) => format!("{}::{ident}", type_name(owner)),
        None => ident.to_string(),
    };
    site(&name, ident.span())
}

/// Writes a type as a human would.
pub(crate) fn type_name(ty: &syn::Type) -> String {
    quote!(#ty).to_string().replace(' ', "")
}

/// A literal duration, or the user's expression.
pub(crate) fn time(time: &Time) -> TokenStream {
    match time {
        Time::Literal(duration, span) => {
            let (seconds, rest) = (duration.as_secs(), duration.subsec_nanos());
            quote_spanned! {*span=> __p::Duration::new(#seconds, #rest) }
        }
        Time::Expression(expression) => quote!(#expression),
    }
}

/// The place of `span`, for code that has locals of its own.
///
/// They would not be found with the user's span, if that comes out of a `macro_rules`.
pub(crate) fn ours_at(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}

/// Stretches an expression over all of `place`: rustc points from its first token to its last.
pub(crate) fn over(place: &impl ToTokens, expression: TokenStream) -> TokenStream {
    let place: Vec<TokenTree> = place.to_token_stream().into_iter().collect();
    let mut tokens: Vec<TokenTree> = expression.into_iter().collect();
    if let (Some(first), Some(token)) = (place.first(), tokens.first_mut()) {
        token.set_span(first.span());
    }
    if let (Some(last), Some(token)) = (place.last(), tokens.last_mut()) {
        token.set_span(last.span());
    }
    tokens.into_iter().collect()
}

/// Names a method so that errors in its call point at `span`.
pub(crate) fn method(name: &str, span: Span) -> Ident {
    Ident::new(name, span)
}

// Output:  impl Registered for print {
//              fn registration() -> &'static Registration { .. static __REGISTRATION ..; submit! ..; &__REGISTRATION }
//          }
/// Leaves the declaration of `owner` at link time.
///
/// `before` are items of the same scope; `declare` is what `Registration::new` takes. All of it is one item: where
/// a free function must stand and a method stands, rustc refuses it whole, and does not go on about what is inside.
pub(crate) fn registered(
    before: &TokenStream,
    declare: &TokenStream,
    owner: &TokenStream,
) -> TokenStream {
    let silence = silence();
    let imports = imports();
    let submitted = submitted(declare);
    quote! {
        #silence
        impl ::signal_bus::private::Registered for #owner {
            fn registration() -> &'static ::signal_bus::private::Registration {
                #imports
                #before
                #submitted
                &__REGISTRATION
            }
        }
    }
}

// Output:  const _: () = { .. static __REGISTRATION ..; submit! .. };
/// Leaves the declaration of a publisher at link time, inside its body.
pub(crate) fn registration(declare: &TokenStream) -> TokenStream {
    let silence = silence();
    let imports = imports();
    let submitted = submitted(declare);
    quote! {
        #silence
        const _: () = {
            #imports
            #submitted
        };
    }
}

fn submitted(declare: &TokenStream) -> TokenStream {
    quote! {
        static __REGISTRATION: __p::Registration = __p::Registration::new(__SITE, #declare);
        __p::inventory::submit! { __p::Submitted(&__REGISTRATION) }
    }
}

// Output:  #[doc(hidden)] struct print {}
/// The type by which a function is chosen: `Bus::empty().with::<print>()`.
pub(crate) fn companion(model: &Model) -> TokenStream {
    let visibility = &model.function.visibility;
    let name = &model.function.signature.ident;
    // A name that is taken is the function's.
    let companion = quote_spanned! {ours_at(name.span())=> #visibility struct #name {} };
    quote! {
        #[doc(hidden)]
        #[allow(
            non_camel_case_types,
            dead_code,
            unreachable_pub,
            unnameable_types,
            missing_debug_implementations,
            missing_copy_implementations,
            clippy::all,
            clippy::pedantic,
            clippy::nursery
        )]
        #companion
    }
}

/// Quiets the lints that would have an annotated function be what it cannot be.
///
/// The bus awaits it, so that it is `async` needs no `.await` inside; and it cannot be `const`.
pub(crate) fn as_it_must_be(call: Call) -> TokenStream {
    match call {
        Call::Async => quote! { #[allow(clippy::unused_async)] },
        Call::Plain | Call::Boxed => quote! { #[allow(clippy::missing_const_for_fn)] },
    }
}
