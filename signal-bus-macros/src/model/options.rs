//! The options of one attribute: known, given once, in this version.

use proc_macro2::{Ident, Span};
use syn::Expr;

use crate::diagnostics::{Errors, nearest, unknown};
use crate::parse::{Annotation, Argument, Role, arguments, bare_expression};

/// What is planned, and what to do until then.
const PLANNED: [(&str, &str); 1] = [(
    "retry",
    "repeat inside the function, and return the last error",
)];

/// The options that an attribute knows: with a value, and without.
struct Known {
    valued: &'static [&'static str],
    flags: &'static [&'static str],
}

fn known(role: Role) -> Known {
    let (valued, flags): (&[_], &[_]) = match role {
        Role::Publisher => (&["bus"], &["local"]),
        Role::Subscriber => (
            &[
                "concurrency",
                "key",
                "capacity",
                "overflow",
                "filter",
                "timeout",
                "batch",
                "within",
                "group",
                "bus",
            ],
            &["blocking"],
        ),
        Role::Periodic => (
            &["cron", "tz", "after", "jitter", "missed", "bus"],
            &["fixed_rate"],
        ),
        Role::Inject => (&[], &["once"]),
        Role::Provider | Role::Service => (&[], &[]),
    };
    Known { valued, flags }
}

/// The arguments of one attribute, each known and given once.
pub(crate) struct Options {
    pub(crate) role: Role,
    pub(crate) span: Span,
    /// What has no name: topics, a period.
    pub(crate) values: Vec<Expr>,
    named: Vec<(Ident, Expr)>,
    flags: Vec<Ident>,
    /// Whether an argument was refused: then what is missing may be what was meant.
    pub(crate) faulty: bool,
}

impl Options {
    pub(crate) fn read(annotation: &Annotation, errors: &mut Errors) -> Self {
        let Annotation {
            role,
            span,
            arguments: tokens,
        } = annotation;
        let errors_before = errors.count();
        let mut options = Self {
            role: *role,
            span: *span,
            values: vec![],
            named: vec![],
            flags: vec![],
            faulty: false,
        };
        for argument in arguments(tokens, errors) {
            match argument {
                Argument::Named(name, value) => options.add_named(name, value, errors),
                Argument::Value(value) => options.add_value(value, errors),
            }
        }
        options.faulty = errors_before < errors.count();
        options
    }

    /// Reports that what the attribute is about is missing.
    pub(crate) fn missing(&self, message: &str, errors: &mut Errors) {
        if !self.faulty {
            errors.at_span(self.span, message);
        }
    }

    /// Returns the value of the option `name`, if it was given.
    pub(crate) fn value(&self, name: &str) -> Option<&Expr> {
        self.named
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value)
    }

    /// Returns the flag `name`, if it was given.
    pub(crate) fn flag(&self, name: &str) -> Option<&Ident> {
        self.flags.iter().find(|given| *given == name)
    }

    /// Returns the name of an option or flag as the user wrote it.
    pub(crate) fn name(&self, name: &str) -> Option<&Ident> {
        let named = self.named.iter().map(|(given, _)| given);
        named.chain(&self.flags).find(|given| *given == name)
    }

    fn add_named(&mut self, name: Ident, value: Expr, errors: &mut Errors) {
        let text = name.to_string();
        let Known { valued, flags } = known(self.role);
        if self.name(&text).is_some() {
            errors.at(&name, format!("option `{text}` is given twice; keep one"));
        } else if valued.contains(&text.as_str()) {
            self.named.push((name, value));
        } else if flags.contains(&text.as_str()) {
            errors.at(
                &name,
                format!("`{text}` takes no value: write `{text}` alone"),
            );
        } else {
            errors.at(&name, self.not_an_option(&text));
        }
    }

    fn add_value(&mut self, value: Expr, errors: &mut Errors) {
        let Some(word) = leading_word(&value) else {
            self.values.push(value);
            return;
        };
        let text = word.to_string();
        let Known { valued, flags } = known(self.role);
        let called = matches!(bare_expression(&value), Expr::Call(_));
        let all: Vec<&str> = valued.iter().chain(flags).copied().collect();
        if flags.contains(&text.as_str()) && !called {
            if self.flag(&text).is_some() {
                errors.at(&word, format!("option `{text}` is given twice; keep one"));
            } else {
                self.flags.push(word);
            }
        } else if valued.contains(&text.as_str()) {
            errors.at(&word, format!("`{text}` needs a value: `{text} = ..`"));
        } else if planned(&text).is_some()
            || owner(&text).is_some_and(|owner| owner != self.role)
            || !called && nearest(&text, &all).is_some()
        {
            errors.at(&value, self.not_an_option(&text));
        } else {
            self.values.push(value);
        }
    }

    /// Says why `name` is no option here.
    fn not_an_option(&self, name: &str) -> String {
        if let Some(advice) = planned(name) {
            return format!("`{name}` is not in this version of signal-bus yet; {advice}");
        }
        if let Some(owner) = owner(name) {
            return format!("`{name}` is an option of {owner}, not of {}", self.role);
        }
        if let Some(example) = unnamed(self.role, name) {
            return format!("write it without `{name} =`: `#[{example}]`");
        }
        let Known { valued, flags } = known(self.role);
        let all: Vec<&str> = valued.iter().chain(flags).copied().collect();
        unknown("option", name, &all)
    }
}

/// Returns how to write what `name` stands for, if it stands first and alone.
fn unnamed(role: Role, name: &str) -> Option<&'static str> {
    match (role, name) {
        (Role::Publisher, "topic") => Some("publisher(\"orders.created\")"),
        (Role::Subscriber, "topic" | "topics" | "pattern") => {
            Some("subscriber(\"orders.created\")")
        }
        (Role::Periodic, "period" | "every" | "interval") => Some("periodic(\"250ms\")"),
        _ => None,
    }
}

fn planned(name: &str) -> Option<&'static str> {
    PLANNED
        .iter()
        .find(|(planned, _)| *planned == name)
        .map(|(_, advice)| *advice)
}

/// Returns the attribute that has the option `name`.
fn owner(name: &str) -> Option<Role> {
    Role::ALL.into_iter().find(|role| {
        let Known { valued, flags } = known(*role);
        valued.contains(&name) || flags.contains(&name)
    })
}

/// Returns `x` of `x` and of `x(..)`, if it is spelt like an option and not like a `static`.
fn leading_word(value: &Expr) -> Option<Ident> {
    let path = match bare_expression(value) {
        Expr::Path(path) => path,
        Expr::Call(call) => match bare_expression(&call.func) {
            Expr::Path(path) => path,
            _ => return None,
        },
        _ => return None,
    };
    let word = path.path.get_ident()?;
    word.to_string()
        .starts_with(|c: char| c.is_ascii_lowercase())
        .then(|| word.clone())
}
