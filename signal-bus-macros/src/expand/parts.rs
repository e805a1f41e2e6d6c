//! The small parts that all expansions share.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Path;
use syn::spanned::Spanned as _;

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

/// Uses the attributes that were taken off: rustc never resolves them otherwise.
pub(crate) fn mentions(paths: &[Path]) -> TokenStream {
    if paths.is_empty() {
        return TokenStream::new();
    }
    // A forgotten import is the user's mistake, at the place of the attribute.
    let uses = paths
        .iter()
        .map(|path| quote_spanned! {path.span()=> use #path as _; });
    quote! {
        #[allow(unused_imports)]
        const _: () = {
            #(#uses)*
        };
    }
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

/// Names a method so that errors in its call point at `span`.
pub(crate) fn method(name: &str, span: Span) -> Ident {
    Ident::new(name, span)
}

// Output:  const _: () = { .. static __REGISTRATION ..; impl Registered for print ..; submit! };
/// Leaves a declaration at link time.
///
/// `before` are items of the same scope; `declare` is what `Registration::new` takes.
pub(crate) fn registration(
    before: &TokenStream,
    declare: &TokenStream,
    registered: Option<&TokenStream>,
) -> TokenStream {
    let silence = silence();
    let imports = imports();
    let registered = registered.map(|owner| {
        quote! {
            impl __p::Registered for #owner {
                fn registration() -> &'static __p::Registration {
                    &__REGISTRATION
                }
            }
        }
    });
    quote! {
        #silence
        const _: () = {
            #imports
            #before
            static __REGISTRATION: __p::Registration = __p::Registration::new(__SITE, #declare);
            #registered
            __p::inventory::submit! { __p::Submitted(&__REGISTRATION) }
        };
    }
}

// Output:  #[doc(hidden)] struct print {}
/// The type by which a function is chosen: `Bus::empty().with::<print>()`.
pub(crate) fn companion(model: &Model) -> TokenStream {
    let visibility = &model.function.visibility;
    let name = &model.function.signature.ident;
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
        #visibility struct #name {}
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
