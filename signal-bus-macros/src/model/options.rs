//! The options of one attribute: known, and given once.

use proc_macro2::{Ident, Span};
use syn::Expr;

use crate::diagnostics::{Errors, nearest, unknown};
use crate::parse::{Annotation, Argument, Role, arguments, bare_expression};

/// The options that an attribute knows: with a value, without, and with parts of their own.
#[derive(Clone, Copy)]
struct Known {
    valued: &'static [&'static str],
    flags: &'static [&'static str],
    groups: &'static [&'static str],
}

impl Known {
    fn all(self) -> Vec<&'static str> {
        let all = [self.valued, self.flags, self.groups];
        all.into_iter().flatten().copied().collect()
    }
}

/// The parts of `retry(..)`.
const RETRY: Known = Known {
    valued: &["attempts", "base", "factor", "cap", "jitter", "budget"],
    flags: &["panics", "timeouts"],
    groups: &[],
};

fn known(role: Role) -> Known {
    let (valued, flags, groups): (&[_], &[_], &[_]) = match role {
        Role::Publisher => (&["bus"], &["local"], &[]),
        Role::Subscriber => (
            &[
                "concurrency",
                "key",
                "capacity",
                "overflow",
                "filter",
                "timeout",
                "on_trip",
                "batch",
                "within",
                "group",
                "bus",
            ],
            &["blocking", "reply"],
            &["retry"],
        ),
        Role::Periodic => (
            &[
                "cron", "tz", "after", "jitter", "missed", "once_in", "on_trip", "bus",
            ],
            &["fixed_rate"],
            &[],
        ),
        Role::Inject => (&[], &["once"], &[]),
        Role::Provider | Role::Service => (&[], &[], &[]),
    };
    Known {
        valued,
        flags,
        groups,
    }
}

/// The arguments of one attribute, each known and given once.
pub(crate) struct Options {
    pub(crate) role: Role,
    pub(crate) span: Span,
    /// What has no name: topics, a period.
    pub(crate) values: Vec<Expr>,
    named: Vec<(Ident, Expr)>,
    flags: Vec<Ident>,
    groups: Vec<(Ident, Vec<Expr>)>,
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
            groups: vec![],
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

    /// Returns the name of an option as the user wrote it.
    pub(crate) fn name(&self, name: &str) -> Option<&Ident> {
        let named = self.named.iter().map(|(given, _)| given);
        let groups = self.groups.iter().map(|(given, _)| given);
        let mut given = named.chain(&self.flags).chain(groups);
        given.find(|given| *given == name)
    }

    /// Returns the parts of the option `retry`, if it was given.
    pub(crate) fn retry(&self, errors: &mut Errors) -> Option<Self> {
        let (name, parts) = self.groups.first()?;
        let mut options = Self {
            role: self.role,
            span: name.span(),
            values: vec![],
            named: vec![],
            flags: vec![],
            groups: vec![],
            faulty: false,
        };
        for part in parts {
            options.add_part(part, errors);
        }
        Some(options)
    }

    fn add_part(&mut self, part: &Expr, errors: &mut Errors) {
        let (name, value) = match part {
            Expr::Assign(assign) => (leading_word(&assign.left), Some(&*assign.right)),
            other => (leading_word(other), None),
        };
        let Some(name) = name else {
            let example = "`retry(attempts = 5, base = \"100ms\")`";
            errors.at(part, format!("the parts of `retry` have names: {example}"));
            return;
        };
        let text = name.to_string();
        let valued = RETRY.valued.contains(&text.as_str());
        let flag = RETRY.flags.contains(&text.as_str());
        match value {
            _ if self.name(&text).is_some() => {
                errors.at(&name, format!("`{text}` is given twice; keep one"));
            }
            Some(value) if valued => self.named.push((name, value.clone())),
            None if flag => self.flags.push(name),
            None if valued => {
                errors.at(&name, format!("`{text}` needs a value: `{text} = ..`"));
            }
            Some(_) if flag => errors.at(
                &name,
                format!("`{text}` takes no value: write `{text}` alone"),
            ),
            _ => errors.at(&name, unknown("part of `retry`", &text, &RETRY.all())),
        }
    }

    fn add_named(&mut self, name: Ident, value: Expr, errors: &mut Errors) {
        let text = name.to_string();
        let Known {
            valued,
            flags,
            groups,
        } = known(self.role);
        if self.name(&text).is_some() {
            errors.at(&name, format!("option `{text}` is given twice; keep one"));
        } else if valued.contains(&text.as_str()) {
            self.named.push((name, value));
        } else if flags.contains(&text.as_str()) {
            errors.at(
                &name,
                format!("`{text}` takes no value: write `{text}` alone"),
            );
        } else if groups.contains(&text.as_str()) {
            errors.at(
                &value,
                format!("`{text}` has several parts, so say which: `{text}(attempts = 5)`; `{text}` alone takes the usual ones"),
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
        let known = known(self.role);
        let Known {
            valued,
            flags,
            groups,
        } = known;
        let called = matches!(bare_expression(&value), Expr::Call(_));
        if groups.contains(&text.as_str()) {
            if self.name(&text).is_some() {
                errors.at(&word, format!("option `{text}` is given twice; keep one"));
            } else {
                self.groups.push((word, call_arguments(&value)));
            }
        } else if flags.contains(&text.as_str()) && !called {
            if self.flag(&text).is_some() {
                errors.at(&word, format!("option `{text}` is given twice; keep one"));
            } else {
                self.flags.push(word);
            }
        } else if valued.contains(&text.as_str()) {
            errors.at(&word, format!("`{text}` needs a value: `{text} = ..`"));
        } else if owner(&text).is_some_and(|owner| owner != self.role)
            || !called && nearest(&text, &known.all()).is_some()
        {
            errors.at(&value, self.not_an_option(&text));
        } else {
            self.values.push(value);
        }
    }

    /// Says why `name` is no option here.
    fn not_an_option(&self, name: &str) -> String {
        if let Some(owner) = owner(name) {
            return format!("`{name}` is an option of {owner}, not of {}", self.role);
        }
        if let Some(example) = unnamed(self.role, name) {
            return format!("write it without `{name} =`: `#[{example}]`");
        }
        unknown("option", name, &known(self.role).all())
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

/// Returns the attribute that has the option `name`.
fn owner(name: &str) -> Option<Role> {
    let mut roles = Role::ALL.into_iter();
    roles.find(|role| known(*role).all().contains(&name))
}

/// Returns the arguments of `x(..)`; `x` alone has none.
fn call_arguments(value: &Expr) -> Vec<Expr> {
    match bare_expression(value) {
        Expr::Call(call) => call.args.iter().cloned().collect(),
        _ => Vec::new(),
    }
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
