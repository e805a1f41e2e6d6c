//! The rules that look at the attributes and the signature together.

mod signature;
mod parameters;
mod output;
mod topics;

use crate::diagnostics::Errors;
use crate::model::Model;
use crate::parse::{Annotation, Function, Role};

/// The last segment of the attribute that marks what we generated.
pub(crate) const MARKER: &str = "signal_bus_expanded";

/// Whether none of our attributes was expanded on `function` before.
pub(crate) fn is_first(function: &Function, main: &Annotation, errors: &mut Errors) -> bool {
    let marked = function.attributes.iter().any(|attribute| {
        attribute
            .path()
            .segments
            .last()
            .is_some_and(|last| last.ident == MARKER)
    });
    if marked {
        let name = main.role.name();
        errors.at_span(
            main.span,
            format!(
                "another signal-bus attribute was expanded before this `#[{name}]` and did not see \
                 it; was it renamed on import? Use the name `{name}`, or put this attribute first"
            ),
        );
    }
    !marked
}

/// Checks all rules, and says which parameter takes the signal.
pub(crate) fn check(
    model: &mut Model,
    annotations: &[Annotation],
    injected_badly: bool,
    errors: &mut Errors,
) {
    let roles = Asked { annotations };
    roles.check(errors);
    signature::check(model, &roles, errors);
    signature::check_receiver(model, &roles, errors);
    parameters::check_sources(model, &roles, injected_badly, errors);
    parameters::check_generics(model, &roles, errors);
    parameters::check_lifetimes(model, errors);
    output::check(model, &roles, errors);
    output::check_stream(model, &roles, errors);
    output::check_reply(model, &roles, errors);
    topics::check_blocking(model, errors);
    topics::check_batches(model, errors);
    topics::check(model, errors);
}

/// The roles that were asked for, also where their arguments were wrong.
struct Asked<'a> {
    annotations: &'a [Annotation],
}

impl Asked<'_> {
    fn has(&self, role: Role) -> bool {
        self.annotations
            .iter()
            .any(|annotation| annotation.role == role)
    }

    fn is_called_by_bus(&self) -> bool {
        self.has(Role::Subscriber) || self.has(Role::Periodic)
    }

    fn noun(&self) -> &'static str {
        self.annotations
            .first()
            .map_or("a function", |annotation| annotation.role.noun())
    }

    fn check(&self, errors: &mut Errors) {
        for role in [Role::Periodic, Role::Provider] {
            let mut same = self
                .annotations
                .iter()
                .filter(|annotation| annotation.role == role);
            same.next();
            for annotation in same {
                errors.at_span(
                    annotation.span,
                    format!("more than one {role} on a function; keep one"),
                );
            }
        }
        for annotation in self.annotations {
            let role = annotation.role;
            if role == Role::Periodic && self.has(Role::Subscriber) {
                errors.at_span(
                    annotation.span,
                    "a function is either a subscriber or periodic, not both: one is driven by \
                     signals, the other by the clock; call one function from the other",
                );
            }
            let other = matches!(role, Role::Subscriber | Role::Periodic | Role::Publisher);
            if other && self.has(Role::Provider) {
                errors.at_span(
                    annotation.span,
                    format!("a provider is called once per start, to provide; remove {role}"),
                );
            }
        }
    }
}
