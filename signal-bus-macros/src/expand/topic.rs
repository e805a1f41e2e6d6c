//! Topics as expressions of type `Topic<T>`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned as _;

use crate::model::{Form, Output, Parameter, Piece, Subscription, Template, Topic};

// Input:   "greeting"                   ORDERS
// Output:  __p::literal(#probe, "greeting")     __p::exact(ORDERS)
/// A topic whose type, if it is not typed itself, comes from `probe`, and from what stands `at`.
pub(crate) fn topic(topic: &Topic, probe: &TokenStream, at: Span) -> TokenStream {
    match topic {
        Topic::Literal { name, .. } => quote_spanned! {at=> __p::literal(#probe, #name) },
        Topic::Typed(path) => quote_spanned! {path.span()=> __p::exact(#path) },
    }
}

/// Finds the signal's type from what a subscriber takes.
fn taken(subscription: &Subscription, form: &Form) -> TokenStream {
    let ty = form.ty();
    let batched = subscription
        .batch
        .as_ref()
        .map(|_| quote_spanned!(ty.span()=> .peel_batch()));
    quote_spanned! {ty.span()=> __p::Probe::<#ty>::NEW #batched.peel_param() }
}

// Input:   #[subscriber("orders.{region}.created", SHARED)]
// Output:  .written(["orders.{region}.created", __p::exact(SHARED).name()])
/// The topics as they were written, if one of them has holes.
pub(crate) fn written(subscription: &Subscription) -> Option<TokenStream> {
    let mut topics = subscription.topics.iter();
    topics.find_map(Topic::template)?;
    let written = subscription.topics.iter().map(|topic| match topic {
        Topic::Literal {
            template: Some(template),
            ..
        } => template.literal.to_token_stream(),
        Topic::Literal { name, .. } => name.to_token_stream(),
        Topic::Typed(path) => quote_spanned! {path.span()=> __p::exact(#path).name() },
    });
    Some(quote! { .written([#(#written),*]) })
}

/// Finds the signal's type from what a publisher returns.
pub(crate) fn returned(output: &Output, ty: &Type) -> TokenStream {
    let at = ty.span();
    match output {
        Output::Stream(_) => quote_spanned! {at=> __p::Probe::<#ty>::NEW },
        _ => quote_spanned! {at=>
            __p::Probe::<#ty>::NEW.peel_result().peel_option().peel_arc()
        },
    }
}

/// The topic that stands for the replies of a function: it has their type, and no name.
pub(crate) fn replies(ty: &Type) -> TokenStream {
    let at = ty.span();
    let probe = returned(&Output::Value(ty.clone()), ty);
    quote_spanned! {at=> __p::replies(#probe) }
}

/// All topics of a subscriber. Beside a typed one, a literal has its type.
pub(crate) fn all(subscription: &Subscription, form: &Form) -> Vec<TokenStream> {
    let probe = match typed(subscription) {
        Some(_) => quote! { __p::Probe::NEW },
        None => taken(subscription, form),
    };
    subscription
        .topics
        .iter()
        .map(|one| topic(one, &probe, form_span(form)))
        .collect()
}

/// The topic by which a subscriber opens its signals: a typed one knows best.
pub(crate) fn opening(subscription: &Subscription, form: &Form) -> TokenStream {
    match typed(subscription).or(subscription.topics.first()) {
        Some(first) => topic(first, &taken(subscription, form), form_span(form)),
        None => TokenStream::new(),
    }
}

fn typed(subscription: &Subscription) -> Option<&Topic> {
    subscription
        .topics
        .iter()
        .find(|topic| matches!(topic, Topic::Typed(_)))
}

/// The place where errors about a parameter's type belong.
pub(crate) fn form_span(form: &Form) -> Span {
    form.ty().span()
}

// Input:   "orders.{region}.created"
// Output:  let __filled_0 = __p::fill(&[Text("orders."), Hole("region", &region), Text(".created")]);
/// Fills a template; `value_of` is the place of a parameter's value.
pub(crate) fn fill(
    index: usize,
    template: &Template,
    parameters: &[Parameter],
    value_of: impl Fn(&Parameter) -> TokenStream,
) -> TokenStream {
    let span = template.literal.span();
    let pieces = template.pieces.iter().map(|piece| match piece {
        Piece::Text(text) => quote! { __p::Piece::Text(#text) },
        Piece::Hole(name) => {
            let filler = parameters
                .iter()
                .find(|parameter| parameter.name() == *name);
            let value = standing_at(filler.map(&value_of).unwrap_or_default(), span);
            quote_spanned! {span=> __p::Piece::Hole(#name, &#value) }
        }
    });
    let filled = filled(index);
    quote! { let #filled = __p::fill(&[#(#pieces),*]); }
}

/// Moves tokens to `span`; their names still mean what they meant.
fn standing_at(tokens: TokenStream, span: Span) -> TokenStream {
    let moved = |mut token: TokenTree| {
        token.set_span(span.resolved_at(token.span()));
        token
    };
    tokens.into_iter().map(moved).collect()
}

/// The local that holds the filled template of the publisher `index`.
pub(crate) fn filled(index: usize) -> TokenStream {
    quote::format_ident!("__filled_{index}").into_token_stream()
}
