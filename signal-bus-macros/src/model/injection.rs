//! `#[inject]`: which parameters leave the signature, and what fills them.

use proc_macro2::{Ident, Span};
use syn::{Expr, Lit};

use crate::diagnostics::{Errors, nearest};
use crate::model::parameter::{Factory, Form, Injection, Parameter, Source};
use crate::parse::{Annotation, Argument, Role, arguments, bare_expression};

/// Reads all `#[inject]` of a function and marks its parameters.
pub(crate) fn mark(
    parameters: &mut [Parameter],
    on_function: &[&Annotation],
    on_parameters: &[Vec<Annotation>],
    errors: &mut Errors,
) {
    for (parameter, annotations) in parameters.iter_mut().zip(on_parameters) {
        for annotation in annotations {
            mark_one(parameter, annotation, errors);
        }
    }
    for annotation in on_function {
        for (name, factory) in named_factories(annotation, errors) {
            let names: Vec<String> = parameters.iter().map(Parameter::name).collect();
            match parameters
                .iter_mut()
                .find(|parameter| name == parameter.name())
            {
                Some(parameter) => {
                    inject(parameter, Some(factory), name.span(), errors);
                }
                None => errors.at(&name, unknown_parameter(&name, &names)),
            }
        }
    }
}

/// Marks every parameter that is not injected yet as injected by type.
pub(crate) fn mark_rest(parameters: &mut [Parameter], errors: &mut Errors) {
    for parameter in parameters
        .iter_mut()
        .filter(|parameter| !parameter.is_injected())
    {
        inject(parameter, None, Span::call_site(), errors);
    }
}

fn unknown_parameter(name: &Ident, names: &[String]) -> String {
    let name = name.to_string();
    let known: Vec<&str> = names.iter().map(String::as_str).collect();
    match nearest(&name, &known) {
        Some(near) => format!("unknown parameter `{name}`, did you mean `{near}`?"),
        None => format!(
            "unknown parameter `{name}`; `#[inject(parameter = factory)]` names one of this function"
        ),
    }
}

fn inject(parameter: &mut Parameter, factory: Option<Factory>, at: Span, errors: &mut Errors) {
    let name = parameter.name();
    if parameter.is_injected() {
        errors.at_span(
            at,
            format!("parameter `{name}` is injected twice; keep one `#[inject]`"),
        );
        return;
    }
    let Some(form) = Form::injected(parameter, errors) else {
        // Marked all the same, so that no rule asks where its value comes from.
        let form = Form::Owned(parameter.ty().clone());
        parameter.source = Source::Injected(Injection { form, factory });
        return;
    };
    if let (Form::OptionalReference(_), Some(_)) = (&form, &factory) {
        errors.at(
            parameter.ty(),
            "a factory returns an owned value: take `Option<X>` instead of `Option<&X>`",
        );
    }
    parameter.source = Source::Injected(Injection { form, factory });
}

/// Reads `#[inject]`, `#[inject(factory)]` and `#[inject(factory, once)]` on a parameter.
fn mark_one(parameter: &mut Parameter, annotation: &Annotation, errors: &mut Errors) {
    if annotation.role != Role::Inject {
        let message = format!("{} goes on a function, not on a parameter", annotation.role);
        errors.at_span(annotation.span, message);
        return;
    }
    let mut factory = None;
    let mut once: Option<Ident> = None;
    for argument in arguments(&annotation.arguments, errors) {
        match argument {
            Argument::Named(name, value) => {
                let value = quote::quote!(#value);
                errors.at(
                    name,
                    format!("on a parameter the factory stands alone: `#[inject({value})]`"),
                );
            }
            Argument::Value(value) => match once_flag(&value) {
                Some(flag) if once.is_some() => {
                    errors.at(flag, "option `once` is given twice; keep one");
                }
                Some(flag) => once = Some(flag),
                None if factory.is_some() => {
                    errors.at(value, "a parameter has one factory; remove the others");
                }
                None => factory = read_factory(value, None, errors),
            },
        }
    }
    if let (None, Some(once)) = (&factory, &once) {
        errors.at(
            once,
            "`once` needs a factory: `#[inject(factory, once)]`; what is injected by type is \
             built once anyway",
        );
    }
    let factory = factory.map(|function| Factory {
        function,
        once: once.is_some(),
    });
    inject(parameter, factory, annotation.span, errors);
}

/// Reads `#[inject(name = factory, .. , once)]` on a function.
fn named_factories(annotation: &Annotation, errors: &mut Errors) -> Vec<(Ident, Factory)> {
    let mut named = Vec::new();
    let mut once: Option<Ident> = None;
    for argument in arguments(&annotation.arguments, errors) {
        match argument {
            Argument::Named(name, value) => {
                if let Some(factory) = read_factory(value, Some(&name), errors) {
                    named.push((name, factory));
                }
            }
            Argument::Value(value) => match once_flag(&value) {
                Some(flag) if once.is_some() => {
                    errors.at(flag, "option `once` is given twice; keep one");
                }
                Some(flag) => once = Some(flag),
                None => errors.at(
                    value,
                    "which parameter is this for? write `#[inject(parameter = factory)]`, or mark \
                     the parameter itself with `#[inject(factory)]`",
                ),
            },
        }
    }
    if let (true, Some(once)) = (named.is_empty(), &once) {
        errors.at(
            once,
            "`once` needs a factory: `#[inject(parameter = factory, once)]`",
        );
    }
    let factory = |function| Factory {
        function,
        once: once.is_some(),
    };
    named
        .into_iter()
        .map(|(name, function)| (name, factory(function)))
        .collect()
}

fn once_flag(value: &Expr) -> Option<Ident> {
    match bare_expression(value) {
        Expr::Path(path) => path
            .path
            .get_ident()
            .filter(|word| *word == "once")
            .cloned(),
        _ => None,
    }
}

fn read_factory(value: Expr, name: Option<&Ident>, errors: &mut Errors) -> Option<Expr> {
    let message = match bare_expression(&value) {
        Expr::Path(_) => return Some(value),
        Expr::Closure(closure) if closure.inputs.is_empty() => return Some(value),
        Expr::Closure(_) => {
            "a factory takes no arguments; arguments of its own come from `#[inject]` on the \
             factory"
                .to_owned()
        }
        Expr::Call(call) => {
            let function = &call.func;
            let function = quote::quote!(#function).to_string().replace(' ', "");
            let name = name.map(|name| format!("{name} = ")).unwrap_or_default();
            format!(
                "name the factory, do not call it: `#[inject({name}{function})]`; it is called \
                 for each invocation"
            )
        }
        Expr::Lit(lit) => match &lit.lit {
            Lit::Str(_) => "a factory is a function; for a constant text write a closure: \
                `|| \"..\".to_owned()`"
                .to_owned(),
            _ => "a factory is a function; for a constant write a closure: `|| 1`".to_owned(),
        },
        _ => {
            "expected a factory: the path of a function, or a closure without parameters".to_owned()
        }
    };
    errors.at(value, message);
    None
}
