//! What a function returns, as far as syntax tells.

use syn::{
    GenericArgument, PathArguments, PathSegment, ReturnType, Signature, Type, TypeParamBound,
};

use quote::ToTokens as _;

use crate::model::shape::mentions;
use crate::parse::bare_type;

/// How a call of the function yields its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Plain,
    Async,
    /// A plain function that returns `Pin<Box<dyn Future>>`, as `#[async_trait]` makes it.
    Boxed,
}

impl Call {
    pub(crate) fn is_async(self) -> bool {
        self != Self::Plain
    }
}

/// The value that a call yields.
#[derive(Clone)]
pub(crate) enum Output {
    Nothing,
    Value(Type),
    /// `impl Stream<Item = T>`, with its `T`.
    Stream(Type),
    /// Another `impl Trait`: it has no name.
    Opaque(Type),
}

impl Output {
    /// Returns the type, if it can be named.
    pub(crate) fn named(&self) -> Option<Type> {
        match self {
            Self::Nothing => Some(syn::parse_quote!(())),
            Self::Value(ty) => Some(ty.clone()),
            Self::Stream(_) | Self::Opaque(_) => None,
        }
    }
}

/// Reads how `signature` returns, and what.
pub(crate) fn read(signature: &Signature) -> (Call, Output) {
    let call = if signature.asyncness.is_some() {
        Call::Async
    } else {
        Call::Plain
    };
    let ReturnType::Type(_, ty) = &signature.output else {
        return (call, Output::Nothing);
    };
    match boxed_future(ty) {
        Some(inner) if call == Call::Plain => (Call::Boxed, of_type(&inner)),
        _ => (call, of_type(ty)),
    }
}

fn of_type(ty: &Type) -> Output {
    match bare_type(ty) {
        Type::Tuple(tuple) if tuple.elems.is_empty() => Output::Nothing,
        Type::ImplTrait(opaque) => match opaque.bounds.iter().find_map(stream_item) {
            Some(item) => Output::Stream(item),
            None => Output::Opaque(ty.clone()),
        },
        other if mentions(other.to_token_stream(), &["impl".to_owned()]) => {
            Output::Opaque(other.clone())
        }
        other => Output::Value(other.clone()),
    }
}

fn stream_item(bound: &TypeParamBound) -> Option<Type> {
    let TypeParamBound::Trait(bound) = bound else {
        return None;
    };
    let last = bound.path.segments.last()?;
    if last.ident == "Stream" {
        associated(last, "Item")
    } else {
        None
    }
}

/// Returns `R` of `Pin<Box<dyn Future<Output = R> + ..>>`.
fn boxed_future(ty: &Type) -> Option<Type> {
    let boxed = argument_of(ty, &["Pin"])?;
    let Type::TraitObject(object) = bare_type(argument_of(boxed, &["Box"])?) else {
        return None;
    };
    object.bounds.iter().find_map(|bound| match bound {
        TypeParamBound::Trait(bound) => {
            let last = bound.path.segments.last()?;
            if last.ident == "Future" {
                associated(last, "Output")
            } else {
                None
            }
        }
        _ => None,
    })
}

fn associated(segment: &PathSegment, name: &str) -> Option<Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::AssocType(associated) if associated.ident == name => {
            Some(associated.ty.clone())
        }
        _ => None,
    })
}

/// Returns `T` of `Name<T, ..>`, if `ty` is spelt with one of `names`.
pub(crate) fn argument_of<'a>(ty: &'a Type, names: &[&str]) -> Option<&'a Type> {
    let Type::Path(path) = bare_type(ty) else {
        return None;
    };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    if !names.iter().any(|name| last.ident == name) {
        return None;
    }
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

/// Looks into `Result<_>`, `Option<_>` and `Arc<_>`, as far as they are spelt out.
pub(crate) fn innermost(ty: &Type) -> &Type {
    match argument_of(ty, &["Result", "Option", "Arc"]) {
        Some(inner) => innermost(inner),
        None => bare_type(ty),
    }
}

/// Whether `ty` is `&T` with another lifetime than `'static`.
pub(crate) fn is_short_reference(ty: &Type) -> bool {
    match bare_type(ty) {
        Type::Reference(reference) => reference
            .lifetime
            .as_ref()
            .is_none_or(|lifetime| lifetime.ident != "static"),
        _ => false,
    }
}
