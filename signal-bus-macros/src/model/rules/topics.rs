//! Topics against the signature, and what a blocking handler cannot do.

use quote::ToTokens as _;
use syn::Type;

use crate::diagnostics::{Errors, nearest};
use crate::model::output::{argument_of, is_short_reference};
use crate::model::shape::mentions;
use crate::model::{Call, Form, Model, Parameter, Piece, Source};
use crate::parse::bare_type;

/// Checks what runs on a thread of its own, or cannot be cancelled.
pub(super) fn check_blocking(model: &Model, errors: &mut Errors) {
    for subscription in &model.roles.subscriptions {
        if let (Some(blocking), true) = (&subscription.blocking, model.call.is_async()) {
            errors.at(
                blocking,
                "`blocking` is for a plain `fn`: remove `blocking`, or remove `async` and run the \
                 body on the blocking pool",
            );
        }
        let plain = model.call == Call::Plain && subscription.blocking.is_none();
        if plain && subscription.timeout.is_some() {
            errors.at(
                model.function.signature.fn_token,
                "a plain `fn` cannot be cancelled, so it has no `timeout`; write `async fn`",
            );
        }
    }
    let blocking = model
        .roles
        .subscriptions
        .iter()
        .filter(|s| s.blocking.is_some())
        .count();
    if blocking != 0 && blocking != model.roles.subscriptions.len() {
        errors.at(
            &model.function.signature.ident,
            "either all `#[subscriber]` of a function are `blocking`, or none",
        );
    }
}

/// Checks how a subscriber takes its batches.
pub(super) fn check_batches(model: &Model, errors: &mut Errors) {
    let subscriptions = &model.roles.subscriptions;
    let batched = subscriptions.iter().filter(|one| one.batch.is_some());
    let count = batched.count();
    if count == 0 {
        return;
    }
    if count != subscriptions.len() {
        errors.at(
            &model.function.signature.ident,
            "either all `#[subscriber]` of a function take batches, or none",
        );
    }
    for parameter in &model.parameters {
        let Source::Signal(form) = &parameter.source else {
            continue;
        };
        if let Some(wrong) = wrong_batch(form) {
            errors.at(parameter.ty(), wrong);
        }
    }
}

/// Says why a batch cannot be taken so, as far as syntax tells; of other forms rustc knows more.
fn wrong_batch(form: &Form) -> Option<&'static str> {
    let one = match form {
        Form::Reference(ty) => match bare_type(ty) {
            Type::Slice(slice) => &*slice.elem,
            _ => {
                return Some(
                    "a batch is several signals: take `Vec<T>` or `&[T]`, where `T` is what one \
                     signal would be taken as",
                );
            }
        },
        Form::OptionalReference(ty) | Form::Owned(ty) => argument_of(ty, &["Vec"])?,
    };
    is_short_reference(one).then_some(
        "a batch holds its signals, and not references to them: take `Vec<T>` or `&[T]`, or \
         `&[Arc<T>]` to clone nothing",
    )
}

/// Topics given twice, and holes that no parameter fills.
pub(super) fn check(model: &Model, errors: &mut Errors) {
    let publications = &model.roles.publications;
    for (index, publication) in publications.iter().enumerate() {
        let topic = &publication.topic;
        if publications[..index]
            .iter()
            .any(|earlier| earlier.topic.text() == topic.text())
        {
            errors.at_span(
                topic.span(),
                format!(
                    "topic {} is published twice; keep one `#[publisher]`",
                    topic.text()
                ),
            );
        }
        let Some(template) = topic.template() else {
            continue;
        };
        for piece in &template.pieces {
            let Piece::Hole(hole) = piece else { continue };
            if let Some(wrong) = unfilled(hole, model) {
                errors.at(&template.literal, wrong);
            }
        }
    }
}

fn unfilled(hole: &str, model: &Model) -> Option<String> {
    let name = &model.function.signature.ident;
    let idents = model
        .parameters
        .iter()
        .filter_map(|parameter| parameter.ident.as_ref());
    let known: Vec<String> = idents.map(ToString::to_string).collect();
    if known.iter().any(|known| known == hole) {
        return None;
    }
    if hole == "self" {
        return Some(
            "a hole names a parameter, not `self`; take what it needs as a parameter".to_owned(),
        );
    }
    let in_pattern = |parameter: &&Parameter| {
        parameter.ident.is_none()
            && mentions(parameter.typed.pat.to_token_stream(), &[hole.to_owned()])
    };
    if model
        .parameters
        .iter()
        .any(|parameter| in_pattern(&parameter))
    {
        return Some(format!(
            "the topic names `{{{hole}}}`, which is a part of a pattern; give the parameter a plain \
             name and take it apart in the body"
        ));
    }
    let near = nearest(hole, &known.iter().map(String::as_str).collect::<Vec<_>>())
        .map(|near| format!("; did you mean `{{{near}}}`?"))
        .unwrap_or_default();
    Some(format!(
        "the topic names `{{{hole}}}`, but `{name}` has no parameter `{hole}`{near}"
    ))
}
