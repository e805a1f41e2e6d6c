//! What kind of function it may be, and where it stands.

use syn::{FnArg, ReceiverKind, Type};

use crate::diagnostics::Errors;
use crate::model::Model;
use crate::model::output::argument_of;
use crate::model::rules::Asked;
use crate::model::shape::says_self;
use crate::parse::{Role, bare_type};

/// Checks the words before `fn`, the body, and `cfg`s on parameters.
pub(super) fn check(model: &Model, roles: &Asked<'_>, errors: &mut Errors) {
    let signature = &model.function.signature;
    let noun = roles.noun();
    if let Some(constness) = &signature.constness {
        errors.at(
            constness,
            format!("{noun} cannot be a `const fn`: it needs the running bus; remove `const`"),
        );
    }
    if let syn::Safety::Unsafe(unsafety) = &signature.safety {
        errors.at(
            unsafety,
            format!("{noun} cannot be an `unsafe fn`: the bus could not keep its promises; call it from a safe function"),
        );
    }
    if let Some(abi) = &signature.abi {
        errors.at(
            abi,
            format!("{noun} cannot be an `extern fn`; call it from a plain function"),
        );
    }
    if let Some(variadic) = &signature.variadic {
        errors.at(
            variadic,
            format!("{noun} cannot be variadic; call it from a plain function"),
        );
    }
    if model.function.body.is_none() {
        errors.at(
            &signature.ident,
            format!(
                "`{}` has no body here; annotate it where it is implemented",
                signature.ident
            ),
        );
    }
    for input in &signature.inputs {
        let attributes = match input {
            FnArg::Typed(typed) => &typed.attrs,
            FnArg::Receiver(receiver) => &receiver.attrs,
        };
        for attribute in attributes {
            if attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr") {
                errors.at(
                    attribute,
                    format!("a parameter of {noun} cannot depend on a `cfg`; write two functions, each with its `#[cfg]`"),
                );
            }
        }
    }
}

/// Checks that the bus can give `self`.
pub(super) fn check_receiver(model: &Model, roles: &Asked<'_>, errors: &mut Errors) {
    let by_bus = roles.is_called_by_bus();
    let provider = roles.has(Role::Provider);
    let noun = roles.noun();
    let Some(receiver) = &model.receiver else {
        let signature = &model.function.signature;
        let beside = by_bus || provider || model.is_injected();
        if beside && model.owner.is_none() && says_self(signature) {
            let advice = "put `#[service]` on the impl block";
            errors.at(
                &signature.ident,
                format!("{noun} in an `impl` needs its type: {advice}"),
            );
        }
        return;
    };
    if provider {
        errors.at(receiver, "a provider makes the value, so there is no `self` yet; take what it needs as parameters");
    } else if by_bus && model.owner.is_none() {
        errors.at(
            receiver,
            format!("{noun} with `self` needs to know where `self` comes from: put `#[service]` on the impl block"),
        );
    } else if model.owner.is_some() {
        let exclusive = match &receiver.kind {
            ReceiverKind::Reference(_, _, mutability) => mutability.is_some(),
            ReceiverKind::Typed(_, ty) => {
                matches!(bare_type(ty), Type::Reference(reference) if reference.mutability.is_some())
            }
            _ => false,
        };
        if exclusive {
            errors.at(
                receiver,
                "a service is shared by its methods, so take `&self` and put what changes behind a \
                 `Mutex` or an atomic",
            );
        } else if by_bus && !is_shareable(&receiver.kind) {
            errors.at(
                receiver,
                "the bus keeps the service: take `&self` or `self: Arc<Self>`",
            );
        }
    }
}

fn is_shareable(kind: &ReceiverKind) -> bool {
    match kind {
        ReceiverKind::Reference(_, _, mutability) => mutability.is_none(),
        ReceiverKind::Typed(_, ty) => {
            let target = match bare_type(ty) {
                Type::Reference(reference) => {
                    let elem = bare_type(&reference.elem);
                    if is_self(elem) {
                        return true;
                    }
                    elem
                }
                other => other,
            };
            argument_of(target, &["Arc"]).is_some_and(is_self)
        }
        _ => false,
    }
}

fn is_self(ty: &Type) -> bool {
    matches!(bare_type(ty), Type::Path(path) if path.path.is_ident("Self"))
}
