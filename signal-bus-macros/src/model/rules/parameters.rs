//! Where each parameter comes from.

use quote::ToTokens as _;

use crate::diagnostics::Errors;
use crate::model::parameter::generic_part;
use crate::model::rules::Asked;
use crate::model::shape::{borrows, mentions};
use crate::model::{Form, Model, Source};
use crate::parse::Role;

/// Finds the parameter that takes the signal; the others must be injected.
pub(super) fn check_sources(
    model: &mut Model,
    roles: &Asked<'_>,
    injected_badly: bool,
    errors: &mut Errors,
) {
    let name = model.function.signature.ident.clone();
    if roles.has(Role::Inject) && !model.is_injected() && !injected_badly {
        errors.at(
            &name,
            "`#[inject]` finds nothing to inject: mark a parameter with `#[inject]`, or name one: \
             `#[inject(parameter = factory)]`",
        );
    }
    let (subscriber, periodic) = (roles.has(Role::Subscriber), roles.has(Role::Periodic));
    if injected_badly || (subscriber && periodic) || roles.has(Role::Provider) {
        return;
    }
    let renamed = renamed(model);
    let mut signal: Option<String> = None;
    for parameter in &mut model.parameters {
        if parameter.is_injected() {
            continue;
        }
        let what = parameter.name();
        if periodic {
            errors.at(
                &parameter.typed,
                format!(
                    "nobody calls a periodic function with arguments; where does `{what}` come \
                     from? Mark it `#[inject]` (by type) or `#[inject(factory)]`{renamed}"
                ),
            );
        } else if subscriber {
            if let Some(signal) = &signal {
                errors.at(
                    &parameter.typed,
                    format!(
                        "a subscriber takes one signal (here `{signal}`); where does `{what}` come \
                         from? Mark it `#[inject]` (by type) or `#[inject(factory)]`{renamed}"
                    ),
                );
                continue;
            }
            signal = Some(what);
            if let Some(form) = Form::signal(parameter, errors) {
                parameter.source = Source::Signal(form);
            }
        }
    }
    if subscriber && signal.is_none() {
        errors.at(
            &name,
            format!(
                "subscriber `{name}` has no parameter for the signal; add one, for example \
                 `_: Signal`"
            ),
        );
    }
}

/// Adds a hint, if an attribute of the function may be `#[inject]` under another name.
fn renamed(model: &Model) -> String {
    let built_in = [
        "allow",
        "cold",
        "deny",
        "deprecated",
        "doc",
        "expect",
        "forbid",
        "inline",
        "must_use",
        "track_caller",
        "warn",
    ];
    let mut names = model
        .function
        .attributes
        .iter()
        .filter_map(|attribute| attribute.path().get_ident().map(ToString::to_string));
    let foreign = names.find(|name| !built_in.contains(&name.as_str()));
    foreign
        .map(|name| format!("; if `#[{name}]` is `#[inject]` under another name, use its own name"))
        .unwrap_or_default()
}

/// Checks that the bus knows every type.
pub(super) fn check_generics(model: &Model, roles: &Asked<'_>, errors: &mut Errors) {
    let signature = &model.function.signature;
    let fixed = roles.is_called_by_bus() || roles.has(Role::Provider);
    if let (true, Some(part)) = (fixed, generic_part(signature)) {
        let noun = roles.noun();
        errors.at(
            part,
            format!("{noun} cannot be generic: the bus would not know which types to run it with"),
        );
        return;
    }
    let generics: Vec<String> = signature
        .generics
        .type_params()
        .map(|parameter| parameter.ident.to_string())
        .collect();
    for parameter in model.injected() {
        if mentions(parameter.ty().to_token_stream(), &generics) {
            errors.at(
                parameter.ty(),
                "an injected parameter cannot have a generic type: the bus would not know which \
                 one to inject",
            );
        }
    }
}

/// Checks that nothing which outlives the call borrows from it.
pub(super) fn check_lifetimes(model: &Model, errors: &mut Errors) {
    for parameter in &model.parameters {
        let (what, form) = match &parameter.source {
            Source::Signal(form) => ("a signal", form),
            Source::Injected(injection) => ("an injected value", &injection.form),
            Source::Caller => continue,
        };
        if let Some(lifetime) = borrows(form.ty().to_token_stream(), &model.function.signature) {
            errors.at(
                parameter.ty(),
                format!(
                    "{what} outlives the call, so its type cannot borrow for `'{lifetime}`; let it \
                     own what it holds"
                ),
            );
        }
    }
}
