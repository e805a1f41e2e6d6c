//! The arguments of an attribute: values, and `name = value`.

use proc_macro2::{Ident, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser};
use syn::{Expr, Token, Type};

use crate::diagnostics::Errors;

/// One argument of an attribute.
#[derive(Clone)]
pub(crate) enum Argument {
    Value(Expr),
    Named(Ident, Expr),
}

/// Parses `value, name = value, ..`; an argument that does not parse is reported and skipped.
pub(crate) fn arguments(tokens: &TokenStream, errors: &mut Errors) -> Vec<Argument> {
    let parser = |input: ParseStream<'_>| {
        let mut arguments = Vec::new();
        while !input.is_empty() {
            match argument(input) {
                Ok(argument) => arguments.push(argument),
                Err(error) => {
                    errors.add(error);
                    skip(input)?;
                }
            }
            if !input.is_empty() && input.parse::<Token![,]>().is_err() {
                errors.add(input.error("expected `,` between arguments"));
                skip(input)?;
                input.parse::<Option<Token![,]>>()?;
            }
        }
        Ok(arguments)
    };
    let arguments = parser.parse2(tokens.clone());
    match arguments {
        Ok(arguments) => arguments,
        Err(error) => {
            errors.add(error);
            Vec::new()
        }
    }
}

fn argument(input: ParseStream<'_>) -> syn::Result<Argument> {
    let named =
        input.peek(syn::Ident::peek_any) && input.peek2(Token![=]) && !input.peek2(Token![==]);
    if !named {
        return Ok(Argument::Value(input.parse()?));
    }
    let name = input.call(Ident::parse_any)?;
    input.parse::<Token![=]>()?;
    if input.is_empty() || input.peek(Token![,]) {
        let message = format!("`{name}` needs a value: `{name} = ..`");
        return Err(syn::Error::new(name.span(), message));
    }
    Ok(Argument::Named(name, input.parse()?))
}

/// Goes on to the next comma.
fn skip(input: ParseStream<'_>) -> syn::Result<()> {
    while !input.is_empty() && !input.peek(Token![,]) {
        input.parse::<proc_macro2::TokenTree>()?;
    }
    Ok(())
}

/// Looks through the invisible groups that `macro_rules` puts around an expression.
pub(crate) fn bare_expression(expression: &Expr) -> &Expr {
    match expression {
        Expr::Group(group) => bare_expression(&group.expr),
        Expr::Paren(paren) => bare_expression(&paren.expr),
        other => other,
    }
}

/// Looks through the invisible groups that `macro_rules` puts around a type.
pub(crate) fn bare_type(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare_type(&group.elem),
        Type::Paren(paren) => bare_type(&paren.elem),
        other => other,
    }
}
