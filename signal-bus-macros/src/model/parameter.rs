//! Parameters, and where their values come from.

use proc_macro2::Ident;
use syn::{Expr, FnArg, GenericParam, Pat, PatType, Signature, Type};

use crate::diagnostics::Errors;
use crate::model::output::{argument_of, is_short_reference};
use crate::parse::bare_type;

/// A typed parameter. `self` is not one.
#[derive(Clone)]
pub(crate) struct Parameter {
    /// As written, without our attributes.
    pub(crate) typed: PatType,
    /// `None` for patterns such as `(a, b)` and `_`.
    pub(crate) ident: Option<Ident>,
    pub(crate) index: usize,
    pub(crate) source: Source,
}

/// Who gives the value.
#[derive(Clone)]
pub(crate) enum Source {
    Caller,
    Signal(Form),
    Injected(Injection),
}

/// What the parameter takes.
#[derive(Clone)]
pub(crate) enum Form {
    /// `&X`.
    Reference(Type),
    /// `Option<&X>`.
    OptionalReference(Type),
    Owned(Type),
}

/// By type, or from a factory.
#[derive(Clone)]
pub(crate) struct Injection {
    pub(crate) form: Form,
    pub(crate) factory: Option<Factory>,
}

/// A function that makes the value of a parameter.
#[derive(Clone)]
pub(crate) struct Factory {
    /// A path or a closure.
    pub(crate) function: Expr,
    /// Called once per bus, not per call.
    pub(crate) once: bool,
}

impl Parameter {
    /// Reads the parameters of `signature`, all of them given by the caller so far.
    pub(crate) fn read(signature: &Signature) -> Vec<Self> {
        let typed = signature.inputs.iter().filter_map(|input| match input {
            FnArg::Typed(typed) => Some(typed.clone()),
            FnArg::Receiver(_) => None,
        });
        let parameter = |(index, typed): (usize, PatType)| {
            let ident = match &*typed.pat {
                Pat::Ident(pattern) if pattern.subpat.is_none() => Some(pattern.ident.clone()),
                _ => None,
            };
            Self {
                typed,
                ident,
                index,
                source: Source::Caller,
            }
        };
        typed.enumerate().map(parameter).collect()
    }

    /// The name in messages.
    pub(crate) fn name(&self) -> String {
        match (&self.ident, &*self.typed.pat) {
            (Some(ident), _) => ident.to_string(),
            (None, Pat::Wild(_)) => "_".to_owned(),
            (None, _) => format!("argument {}", self.index + 1),
        }
    }

    pub(crate) fn ty(&self) -> &Type {
        &self.typed.ty
    }

    pub(crate) fn injection(&self) -> Option<&Injection> {
        match &self.source {
            Source::Injected(injection) => Some(injection),
            Source::Caller | Source::Signal(_) => None,
        }
    }

    pub(crate) fn is_injected(&self) -> bool {
        self.injection().is_some()
    }
}

impl Form {
    /// The type without what is around it here.
    pub(crate) fn ty(&self) -> &Type {
        match self {
            Self::Reference(ty) | Self::OptionalReference(ty) | Self::Owned(ty) => ty,
        }
    }

    /// Reads the form of an injected parameter.
    pub(crate) fn injected(parameter: &Parameter, errors: &mut Errors) -> Option<Self> {
        let ty = parameter.ty();
        let wrong = match bare_type(ty) {
            Type::ImplTrait(_) => {
                "an injected parameter needs a type with a name, not `impl Trait`; for a trait \
                 write `&dyn Trait` or `Arc<dyn Trait>`"
            }
            _ if is_exclusive(ty) || argument_of(ty, &["Option"]).is_some_and(is_exclusive) => {
                "an injected value is shared, so it cannot be `&mut`; take `&X`, and put what \
                 changes behind a `Mutex` or an atomic"
            }
            _ => return Some(Self::of(ty)),
        };
        errors.at(ty, wrong);
        None
    }

    /// Reads the form of the parameter that takes the signal.
    pub(crate) fn signal(parameter: &Parameter, errors: &mut Errors) -> Option<Self> {
        let ty = parameter.ty();
        if is_exclusive(ty) {
            errors.at(
                ty,
                "a signal is shared by all its subscribers, so it cannot be `&mut`; take it by \
                 value to change a copy",
            );
            return None;
        }
        match Self::of(ty) {
            Self::OptionalReference(_) => {
                errors.at(
                    ty,
                    "a signal is always there, so a subscriber cannot take `Option<&X>`; take \
                     `&X`, or `&Option<X>` if that is what is published",
                );
                None
            }
            form => Some(form),
        }
    }

    fn of(ty: &Type) -> Self {
        let lent = |ty: &Type| match bare_type(ty) {
            Type::Reference(reference) if is_short_reference(ty) => Some((*reference.elem).clone()),
            _ => None,
        };
        if let Some(inner) = lent(ty) {
            return Self::Reference(unparenthesized(inner));
        }
        match argument_of(ty, &["Option"]).and_then(lent) {
            Some(inner) => Self::OptionalReference(unparenthesized(inner)),
            None => Self::Owned(ty.clone()),
        }
    }
}

/// `&(dyn A + B)` lends a `dyn A + B`.
fn unparenthesized(ty: Type) -> Type {
    match ty {
        Type::Paren(paren) => *paren.elem,
        other => other,
    }
}

fn is_exclusive(ty: &Type) -> bool {
    matches!(bare_type(ty), Type::Reference(reference) if reference.mutability.is_some())
}

/// Returns the first type or constant parameter, or `impl Trait` argument.
pub(crate) fn generic_part(signature: &Signature) -> Option<proc_macro2::TokenStream> {
    let declared = signature
        .generics
        .params
        .iter()
        .find_map(|parameter| match parameter {
            GenericParam::Type(ty) => Some(quote::quote!(#ty)),
            GenericParam::Const(constant) => Some(quote::quote!(#constant)),
            GenericParam::Lifetime(_) => None,
        });
    declared.or_else(|| {
        signature.inputs.iter().find_map(|input| match input {
            FnArg::Typed(typed) if has_impl(&typed.ty) => {
                let ty = &typed.ty;
                Some(quote::quote!(#ty))
            }
            _ => None,
        })
    })
}

/// Whether an `impl Trait` stands in `ty` where it makes the function generic.
fn has_impl(ty: &Type) -> bool {
    match bare_type(ty) {
        Type::ImplTrait(_) => true,
        Type::Reference(reference) => has_impl(&reference.elem),
        Type::Tuple(tuple) => tuple.elems.iter().any(has_impl),
        Type::Slice(slice) => has_impl(&slice.elem),
        Type::Array(array) => has_impl(&array.elem),
        other => argument_of(other, &["Arc", "Box", "Option", "Vec", "Signal", "Result"])
            .is_some_and(has_impl),
    }
}
