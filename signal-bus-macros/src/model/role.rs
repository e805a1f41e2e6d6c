//! What the attributes of one function ask for.

use proc_macro2::Ident;
use syn::{Expr, Lit, Path};

use crate::diagnostics::{Errors, unknown};
use crate::model::options::Options;
use crate::model::retry::Retry;
use crate::model::time::Time;
use crate::model::topic::{Side, Topic};
use crate::parse::bare_expression;

/// `#[publisher(..)]`.
#[derive(Clone)]
pub(crate) struct Publication {
    pub(crate) topic: Topic,
    /// Its signals stay in the bus.
    pub(crate) local: bool,
    pub(crate) bus: Option<Path>,
}

/// `#[subscriber(..)]`.
#[derive(Clone)]
pub(crate) struct Subscription {
    pub(crate) topics: Vec<Topic>,
    pub(crate) concurrency: Option<Concurrency>,
    pub(crate) key: Option<Expr>,
    pub(crate) capacity: Option<Expr>,
    pub(crate) filter: Option<Expr>,
    pub(crate) timeout: Option<Time>,
    pub(crate) retry: Option<Retry>,
    pub(crate) batch: Option<Batch>,
    /// `drop_oldest` or `drop_newest`.
    pub(crate) overflow: Option<Ident>,
    /// `rest` or `close_bus`.
    pub(crate) on_trip: Option<Ident>,
    pub(crate) group: Option<Expr>,
    pub(crate) blocking: Option<Ident>,
    /// `reply`: what it returns goes back to whoever asks.
    pub(crate) reply: Option<Ident>,
    pub(crate) bus: Option<Path>,
}

/// `batch = n, within = ".."`.
#[derive(Clone)]
pub(crate) struct Batch {
    pub(crate) size: Expr,
    pub(crate) within: Option<Time>,
}

/// How many signals are handled at once.
#[derive(Clone)]
pub(crate) enum Concurrency {
    Limit(Expr),
    Unbounded(Ident),
}

impl Publication {
    pub(crate) fn read(options: &Options, errors: &mut Errors) -> Option<Self> {
        let bus = bus(options, errors);
        let mut values = options.values.iter();
        let Some(topic) = values.next() else {
            options.missing(
                "a publisher needs a topic: `#[publisher(\"orders.created\")]`, or the path of a \
                 `Topic<T>`",
                errors,
            );
            return None;
        };
        for extra in values {
            errors.at(
                extra,
                "one topic for each `#[publisher]`; stack another one for this topic",
            );
        }
        let topic = Topic::read(topic, Side::Publisher, errors)?;
        let local = options.flag("local").is_some();
        Some(Self { topic, local, bus })
    }
}

impl Subscription {
    pub(crate) fn read(options: &Options, errors: &mut Errors) -> Option<Self> {
        let read = |topic: &Expr| Topic::read(topic, Side::Subscriber, errors);
        let topics: Vec<_> = options.values.iter().map(read).collect();
        if topics.is_empty() {
            options.missing(
                "a subscriber needs a topic: `#[subscriber(\"orders.created\")]`, or the path of \
                 a `Topic<T>`",
                errors,
            );
        }
        let subscription = Self {
            concurrency: concurrency(options, errors),
            key: options.value("key").cloned(),
            capacity: count(options, "capacity", errors),
            filter: options.value("filter").cloned(),
            timeout: time(options, "timeout", errors),
            retry: Retry::read(options, errors),
            batch: Batch::read(options, errors),
            overflow: word(options, "overflow", &OVERFLOWS, errors),
            on_trip: on_trip(options, errors),
            group: group(options, errors),
            blocking: options.flag("blocking").cloned(),
            reply: options.flag("reply").cloned(),
            bus: bus(options, errors),
            topics: topics.into_iter().collect::<Option<_>>()?,
        };
        subscription.check(options, errors);
        (!subscription.topics.is_empty()).then_some(subscription)
    }

    fn check(&self, options: &Options, errors: &mut Errors) {
        for (index, topic) in self.topics.iter().enumerate() {
            if self.topics[..index]
                .iter()
                .any(|earlier| earlier.text() == topic.text())
            {
                let message = format!("topic {} is listed twice; keep one", topic.text());
                errors.at_span(topic.span(), message);
            }
        }
        if let Some(key) = options.name("key") {
            match &self.concurrency {
                None if options.name("concurrency").is_none() => errors.at(
                    key,
                    "`key` keeps an order per key while several run at once, so it needs \
                     `concurrency = n`; without it all signals are handled in order anyway",
                ),
                Some(Concurrency::Unbounded(unbounded)) => errors.at(
                    unbounded,
                    "`unbounded` starts every signal at once, so `key` could keep no order; write \
                     `concurrency = n`",
                ),
                _ => {}
            }
        }
        if let (Some(reply), Some(_)) = (&self.reply, options.name("batch")) {
            errors.at(
                reply,
                "a reply is one request's, and a batch has several: remove `batch`, or `reply`",
            );
        }
        if let (Some(timeout), Some(_)) = (options.name("timeout"), &self.blocking) {
            errors.at(
                timeout,
                "a blocking subscriber runs on a thread, and a thread cannot be cancelled: remove \
                 `timeout`, or make it an `async fn` without `blocking`",
            );
        }
    }
}

pub(super) fn time(options: &Options, name: &str, errors: &mut Errors) -> Option<Time> {
    Time::read(options.value(name)?, &format!("`{name}`"), errors)
}

/// Reads `bus = NAME`.
pub(super) fn bus(options: &Options, errors: &mut Errors) -> Option<Path> {
    let value = options.value("bus")?;
    let named = match bare_expression(value) {
        Expr::Reference(reference) => bare_expression(&reference.expr),
        other => other,
    };
    if let Expr::Path(path) = named {
        if path.qself.is_none() {
            return Some(path.path.clone());
        }
    }
    errors.at(
        value,
        "`bus` takes the path of a `BusName`: `static BILLING: BusName = \
         BusName::new(\"billing\");` and `bus = BILLING`",
    );
    None
}

/// Reads a number of signals; a literal must not be zero.
pub(super) fn count(options: &Options, name: &str, errors: &mut Errors) -> Option<Expr> {
    let value = options.value(name)?;
    let message = match bare_expression(value) {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Int(int) if int.base10_parse::<u128>().is_ok_and(|count| count == 0) => {
                format!("`{name} = 0` would never handle a signal; the least is 1")
            }
            Lit::Int(_) => return Some(value.clone()),
            _ => format!("`{name}` is a number, for example `{name} = 4`"),
        },
        Expr::Unary(_) => format!("`{name}` is a positive number, for example `{name} = 4`"),
        _ => return Some(value.clone()),
    };
    errors.at(value, message);
    None
}

fn concurrency(options: &Options, errors: &mut Errors) -> Option<Concurrency> {
    let value = options.value("concurrency")?;
    if let Expr::Path(path) = bare_expression(value) {
        if let Some(word) = path.path.get_ident() {
            let text = word.to_string();
            if text == "unbounded" {
                return Some(Concurrency::Unbounded(word.clone()));
            }
            if crate::diagnostics::nearest(&text, &["unbounded"]).is_some() {
                errors.at(word, unknown("value", &text, &["unbounded"]));
                return None;
            }
        }
    }
    count(options, "concurrency", errors).map(Concurrency::Limit)
}

const OVERFLOWS: [&str; 3] = ["wait", "drop_oldest", "drop_newest"];
const TRIPS: [&str; 2] = ["rest", "close_bus"];

/// Reads `on_trip = close_bus`; as a text it means the same.
pub(super) fn on_trip(options: &Options, errors: &mut Errors) -> Option<Ident> {
    let value = options.value("on_trip")?;
    let Expr::Lit(lit) = bare_expression(value) else {
        return word(options, "on_trip", &TRIPS, errors);
    };
    match &lit.lit {
        Lit::Str(text) if TRIPS.contains(&text.value().as_str()) => {
            Some(Ident::new(&text.value(), text.span()))
        }
        Lit::Str(text) => {
            errors.at(value, unknown("value of `on_trip`", &text.value(), &TRIPS));
            None
        }
        _ => word(options, "on_trip", &TRIPS, errors),
    }
}

/// Reads `group = "name"`.
fn group(options: &Options, errors: &mut Errors) -> Option<Expr> {
    let value = options.value("group")?;
    match bare_expression(value) {
        Expr::Lit(lit) => match &lit.lit {
            Lit::Str(name) if !name.value().is_empty() => return Some(value.clone()),
            _ => {}
        },
        Expr::Path(_) => return Some(value.clone()),
        _ => {}
    }
    errors.at(
        value,
        "a group has a name, for example `group = \"workers\"`",
    );
    None
}

impl Batch {
    fn read(options: &Options, errors: &mut Errors) -> Option<Self> {
        let within = time(options, "within", errors);
        if let (Some(name), None) = (options.name("within"), options.name("batch")) {
            errors.at(
                name,
                "`within` says how long a batch waits for its signals, so it needs `batch = n`",
            );
        }
        let size = count(options, "batch", errors)?;
        if let Some(key) = options.name("key") {
            errors.at(
                key,
                "signals of one batch are handled together, and `key` orders single signals: \
                 remove one of them",
            );
        }
        Some(Self { size, within })
    }
}

/// Reads an option whose value is one of `words`.
pub(super) fn word(
    options: &Options,
    name: &str,
    words: &[&str],
    errors: &mut Errors,
) -> Option<Ident> {
    let value = options.value(name)?;
    let given = match bare_expression(value) {
        Expr::Path(path) => path.path.get_ident().cloned(),
        _ => None,
    };
    match given {
        Some(word) if words.iter().any(|known| word == known) => return Some(word),
        Some(word) => {
            let what = format!("value of `{name}`");
            errors.at(value, unknown(&what, &word.to_string(), words));
        }
        None => {
            let words = words.join(" | ");
            errors.at(
                value,
                format!("`{name}` is one of these words: `{name} = {words}`"),
            );
        }
    }
    None
}
