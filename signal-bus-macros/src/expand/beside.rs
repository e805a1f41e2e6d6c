//! A function that stays as it is: plain subscribers, periodic functions and providers.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::expand::{declare, parts};
use crate::model::Model;

// Input:   #[subscriber("greeting")] async fn print(text: String) { .. }
// Output:  async fn print(text: String) { .. }
//          struct print {}
//          impl Registered for print { /* a registration whose handler calls `print` */ }
/// Expands a free function beside which its declaration stands.
pub(crate) fn function(model: &Model) -> TokenStream {
    let function = unchanged(model);
    let mentions = parts::mentions(&model.mentions);
    let companion = parts::companion(model);
    let site = parts::site_of(model);
    let declarations = declare::all(model);
    let name = model.function.signature.ident.to_token_stream();
    let registration = parts::registered(&site, &quote! { |__d| { #declarations } }, &name);
    quote! {
        #function
        #mentions
        #companion
        #registration
    }
}

/// The function as written, with the mark that it was expanded.
pub(crate) fn unchanged(model: &Model) -> TokenStream {
    let mut function = model.function.clone();
    let attributes = std::mem::take(&mut function.attributes);
    let marker = parts::marker();
    let as_it_must_be = parts::as_it_must_be(model.call);
    quote! {
        #(#attributes)*
        #as_it_must_be
        #marker
        #function
    }
}
