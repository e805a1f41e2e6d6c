//! Which of the user's other attributes go where, when a function is split in two.

use syn::{Attribute, Meta, parse_quote};

/// The user's attributes, dealt out.
#[derive(Default)]
pub(crate) struct Dealt {
    /// For the wrapper that has the function's name.
    pub(crate) public: Vec<Attribute>,
    /// For the function as written.
    pub(crate) direct: Vec<Attribute>,
}

/// Deals out: documentation and use to the public name, lints and `cfg` to both, the rest (such as
/// `#[instrument]`) to the function as written.
pub(crate) fn deal(attributes: &[Attribute]) -> Dealt {
    let mut dealt = Dealt::default();
    for attribute in attributes {
        match name(attribute).as_str() {
            "doc" | "must_use" | "deprecated" => dealt.public.push(attribute.clone()),
            "cfg" | "allow" | "warn" | "deny" | "forbid" => {
                dealt.public.push(attribute.clone());
                dealt.direct.push(attribute.clone());
            }
            "expect" => {
                // One of the two may not do what is expected of it.
                let allow = allowed(attribute);
                dealt.public.push(allow.clone());
                dealt.direct.push(allow);
            }
            _ => dealt.direct.push(attribute.clone()),
        }
    }
    dealt
}

fn name(attribute: &Attribute) -> String {
    attribute
        .path()
        .get_ident()
        .map(ToString::to_string)
        .unwrap_or_default()
}

fn allowed(attribute: &Attribute) -> Attribute {
    match &attribute.meta {
        Meta::List(list) => {
            let lints = &list.tokens;
            parse_quote!(#[allow(#lints)])
        }
        _ => attribute.clone(),
    }
}
