//! What a function returns.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::Type;

use crate::diagnostics::Errors;
use crate::model::output::{innermost, is_short_reference};
use crate::model::rules::Asked;
use crate::model::shape::borrows;
use crate::model::{Call, Form, Model, Output};
use crate::parse::Role;

/// Checks that there is something to publish or to provide, and that it has a name.
pub(super) fn check(model: &Model, roles: &Asked<'_>, errors: &mut Errors) {
    let name = &model.function.signature.ident;
    let publisher = roles.has(Role::Publisher);
    let provider = roles.has(Role::Provider);
    let nothing = match (publisher, provider) {
        (true, _) => {
            format!(
                "publisher `{name}` returns nothing; it publishes its return value, so add `-> T`"
            )
        }
        (_, true) => format!("provider `{name}` returns nothing; add `-> T` with what it provides"),
        _ => String::new(),
    };
    match &model.output {
        Output::Nothing if publisher || provider => errors.at(name, nothing),
        Output::Value(ty) if publisher || provider => match innermost(ty) {
            Type::Tuple(tuple) if tuple.elems.is_empty() => errors.at(ty, nothing),
            Type::Never(_) => errors.at(ty, format!("`{name}` never returns; return the value")),
            inner
                if is_short_reference(inner)
                    || has_short_lifetime(inner.to_token_stream())
                    || borrows(inner.to_token_stream(), &model.function.signature).is_some() =>
            {
                let noun = roles.noun();
                let keeper = if publisher {
                    "signal"
                } else {
                    "provided value"
                };
                errors.at(
                    ty,
                    format!("{noun} cannot return a reference: the {keeper} outlives the call; return an owned value or `Arc<_>`"),
                );
            }
            _ => {}
        },
        Output::Opaque(ty) if publisher => errors.at(
            ty,
            "a publisher needs a return type with a name, or `impl Stream<Item = T>`",
        ),
        Output::Opaque(ty) | Output::Stream(ty) if provider => errors.at(
            ty,
            "a provider needs a return type with a name; for a trait return `Arc<dyn Trait>`",
        ),
        // Told of by what is said of replies.
        Output::Stream(_) | Output::Opaque(_) if model.roles.reply().is_some() => {}
        Output::Stream(ty) if roles.is_called_by_bus() && !publisher => errors.at(
            ty,
            "a subscriber or periodic function returns `()` or `Result<(), E>`; read the stream \
             in its body",
        ),
        Output::Opaque(ty) if roles.is_called_by_bus() => errors.at(
            ty,
            "a subscriber or periodic function needs a return type with a name: `()` or \
             `Result<(), E>`",
        ),
        _ => {}
    }
}

/// Checks that there is something to reply with, and that it goes nowhere else.
pub(super) fn check_reply(model: &Model, roles: &Asked<'_>, errors: &mut Errors) {
    let Some(reply) = model.roles.reply() else {
        return;
    };
    let name = &model.function.signature.ident;
    if model
        .roles
        .subscriptions
        .iter()
        .any(|one| one.reply.is_none())
    {
        errors.at(
            name,
            "either all `#[subscriber]` of a function `reply`, or none: its return value means one thing",
        );
    }
    if roles.has(Role::Publisher) {
        errors.at(
            reply,
            "the return value either goes back to whoever asks, by `reply`, or is published, by `#[publisher]`: remove one, and \
             publish in the body by `bus.publish(topic, value)`",
        );
        return;
    }
    let nothing = format!("`{name}` returns nothing to reply with; add `-> T`, or remove `reply`");
    match &model.output {
        Output::Nothing => errors.at(reply, nothing),
        Output::Value(ty) => match innermost(ty) {
            Type::Tuple(tuple) if tuple.elems.is_empty() => errors.at(ty, nothing),
            Type::Never(_) => errors.at(ty, format!("`{name}` never returns; return the reply")),
            inner
                if is_short_reference(inner)
                    || has_short_lifetime(inner.to_token_stream())
                    || borrows(inner.to_token_stream(), &model.function.signature).is_some() =>
            {
                errors.at(
                    ty,
                    "a reply cannot be a reference: it outlives the call; return an owned value or `Arc<_>`",
                );
            }
            _ => {}
        },
        Output::Opaque(ty) | Output::Stream(ty) => errors.at(
            ty,
            "a reply needs a type with a name: return `T`, `Arc<T>`, or these in `Result<_, E>`",
        ),
    }
}

/// Whether `tokens` name the lifetime `'_`.
fn has_short_lifetime(tokens: TokenStream) -> bool {
    let mut after_quote = false;
    for token in tokens {
        let found = match &token {
            TokenTree::Ident(word) => after_quote && word == "_",
            TokenTree::Group(group) => has_short_lifetime(group.stream()),
            _ => false,
        };
        if found {
            return true;
        }
        after_quote = matches!(&token, TokenTree::Punct(quote) if quote.as_char() == '\'');
    }
    false
}

/// A stream is published while the caller polls it: there must be a caller, and it must own it.
pub(super) fn check_stream(model: &Model, roles: &Asked<'_>, errors: &mut Errors) {
    let Output::Stream(item) = &model.output else {
        return;
    };
    if !roles.has(Role::Publisher) {
        return;
    }
    if roles.is_called_by_bus() {
        errors.at(
            item,
            "each item of a stream is published as the caller polls it, and the bus would not poll \
             this one; return a value, or publish by `bus.publish(topic, item)` in a loop",
        );
    }
    if model.call == Call::Boxed {
        errors.at(
            item,
            "a stream cannot come out of a boxed future; return the stream from a plain `fn`",
        );
    }
    for parameter in model.injected() {
        let lent = matches!(
            parameter.injection().map(|injection| &injection.form),
            Some(Form::Reference(_) | Form::OptionalReference(_))
        );
        if lent {
            errors.at(
                parameter.ty(),
                "a stream outlives the call, so it cannot borrow what is injected; take `Arc<X>`",
            );
        }
    }
}
