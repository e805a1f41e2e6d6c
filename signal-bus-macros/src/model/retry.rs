//! How a subscriber is called again for a signal whose handling has failed.

use proc_macro2::Ident;
use syn::{Expr, Lit, UnOp};

use crate::diagnostics::Errors;
use crate::model::options::Options;
use crate::model::role::{count, time, word};
use crate::model::time::Time;
use crate::parse::bare_expression;

/// `retry(attempts = 5, base = "100ms", ..)`; what is not said is as the runtime has it.
#[derive(Clone)]
pub(crate) struct Retry {
    pub(crate) attempts: Option<Expr>,
    pub(crate) base: Option<Time>,
    pub(crate) factor: Option<Expr>,
    pub(crate) cap: Option<Time>,
    /// `full` or `none`.
    pub(crate) jitter: Option<Ident>,
    pub(crate) budget: Option<Time>,
    pub(crate) panics: bool,
    pub(crate) timeouts: bool,
}

impl Retry {
    pub(super) fn read(options: &Options, errors: &mut Errors) -> Option<Self> {
        let parts = options.retry(errors)?;
        if let (Some(timeouts), None) = (parts.flag("timeouts"), options.name("timeout")) {
            errors.at(
                timeouts,
                "`timeouts` retries what the `timeout` of the subscriber has ended, so it needs \
                 one: `timeout = \"5s\"`",
            );
        }
        Some(Self {
            attempts: count(&parts, "attempts", errors),
            base: time(&parts, "base", errors),
            factor: factor(&parts, errors),
            cap: time(&parts, "cap", errors),
            jitter: word(&parts, "jitter", &["full", "none"], errors),
            budget: time(&parts, "budget", errors),
            panics: parts.flag("panics").is_some(),
            timeouts: parts.flag("timeouts").is_some(),
        })
    }
}

/// Reads how much longer each wait is; a literal is at least 1.
fn factor(parts: &Options, errors: &mut Errors) -> Option<Expr> {
    let value = parts.value("factor")?;
    let number = match bare_expression(value) {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Int(int) => int.base10_parse::<f64>().ok(),
            Lit::Float(float) => float.base10_parse::<f64>().ok(),
            _ => None,
        },
        Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => Some(-1.0),
        _ => return Some(value.clone()),
    };
    let message = match number {
        Some(number) if 1.0 <= number => return Some(value.clone()),
        Some(_) => "the waits between attempts do not shrink: the least `factor` is 1",
        None => "`factor` is a number, for example `factor = 2`",
    };
    errors.at(value, message);
    None
}
