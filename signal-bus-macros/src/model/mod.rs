//! All rules. What comes out of here can be generated without a further question.

mod output;
mod parameter;
mod topic;
mod time;
mod options;
mod retry;
mod role;
mod schedule;
mod injection;
mod shape;
mod rules;
mod service;

pub(crate) use output::{Call, Output, innermost};
pub(crate) use parameter::{Factory, Form, Injection, Parameter, Source};
pub(crate) use retry::Retry;
pub(crate) use role::{Batch, Concurrency, Publication, Subscription};
pub(crate) use schedule::{Clock, Schedule};
pub(crate) use service::{ModelItem, ServiceModel, of_service};
pub(crate) use shape::{Shape, is_inner};
pub(crate) use time::Time;
pub(crate) use topic::{Piece, Template, Topic};

use proc_macro2::Ident;
use syn::{Attribute, Path, Receiver, Type};

use crate::diagnostics::Errors;
use crate::model::options::Options;
use crate::parse::{Annotated, Annotation, Function, Role};

/// A function that passed all rules.
#[derive(Clone)]
pub(crate) struct Model {
    /// As written, without our attributes.
    pub(crate) function: Function,
    /// The type of the `#[service]` whose method this is.
    pub(crate) owner: Option<Type>,
    pub(crate) shape: Shape,
    pub(crate) roles: Roles,
    pub(crate) receiver: Option<Receiver>,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) call: Call,
    pub(crate) output: Output,
    /// The type of the published value, if an item outside of the function can name it.
    pub(crate) nameable: Option<Type>,
    /// Whether the function has type or constant parameters.
    pub(crate) generic: bool,
    /// Paths to `use`, so that taken attributes count as used.
    pub(crate) mentions: Vec<Path>,
}

/// The roles that a function plays.
#[derive(Clone, Default)]
pub(crate) struct Roles {
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) schedule: Option<Schedule>,
    pub(crate) provider: bool,
    pub(crate) publications: Vec<Publication>,
}

impl Model {
    pub(crate) fn injected(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters
            .iter()
            .filter(|parameter| parameter.is_injected())
    }

    pub(crate) fn is_injected(&self) -> bool {
        self.injected().next().is_some()
    }

    /// Whether it publishes without waiting: a plain `fn` that the user calls, and not the bus.
    pub(crate) fn publishes_at_once(&self) -> bool {
        let by_bus = !self.roles.subscriptions.is_empty() || self.roles.schedule.is_some();
        let waits = self.call.is_async() || matches!(self.output, Output::Stream(_));
        !by_bus && !waits
    }

    /// Whether the function can be named as a factory: it takes nothing that is not injected.
    pub(crate) fn can_be_factory(&self) -> bool {
        self.receiver.is_none()
            && !self.generic
            && self.parameters.iter().all(Parameter::is_injected)
    }

    /// The `#[cfg]`s that everything generated for a method must carry, too.
    pub(crate) fn cfgs(&self) -> impl Iterator<Item = &Attribute> {
        let attributes = self.function.attributes.iter();
        attributes.filter(|attribute| attribute.path().is_ident("cfg"))
    }
}

impl Roles {
    /// Whether the bus calls the function, by a signal or by the clock.
    pub(crate) fn is_called_by_bus(&self) -> bool {
        !self.subscriptions.is_empty() || self.schedule.is_some()
    }

    /// The word by which its return value goes back to whoever asks.
    pub(crate) fn reply(&self) -> Option<&Ident> {
        let mut subscriptions = self.subscriptions.iter();
        subscriptions.find_map(|one| one.reply.as_ref())
    }

    pub(crate) fn is_blocking(&self) -> bool {
        self.subscriptions
            .iter()
            .any(|subscription| subscription.blocking.is_some())
    }
}

/// Checks a function; returns nothing if a rule is broken so badly that no other can be checked.
pub(crate) fn of_function(
    annotated: Annotated,
    owner: Option<&Type>,
    errors: &mut Errors,
) -> Option<Model> {
    let Annotated {
        function,
        annotations,
        parameters: on_parameters,
        mentions,
    } = annotated;
    let main = annotations.first()?.clone();
    if !rules::is_first(&function, &main, errors) {
        return None;
    }
    let mut parameters = Parameter::read(&function.signature);
    let injects: Vec<&Annotation> = annotations
        .iter()
        .filter(|annotation| annotation.role == Role::Inject)
        .collect();
    let errors_before = errors.count();
    injection::mark(&mut parameters, &injects, &on_parameters, errors);
    let injected_badly = errors_before < errors.count();
    let roles = read_roles(&annotations, errors);
    if roles.provider {
        injection::mark_rest(&mut parameters, errors);
    }
    let (call, output) = output::read(&function.signature);
    let receiver = function
        .signature
        .inputs
        .iter()
        .find_map(|input| match input {
            syn::FnArg::Receiver(receiver) => Some(receiver.clone()),
            syn::FnArg::Typed(_) => None,
        });
    let generic = parameter::generic_part(&function.signature).is_some();
    let mut model = Model {
        shape: Shape::InPlace,
        nameable: shape::nameable(&function.signature, &output, owner),
        owner: owner.cloned(),
        function,
        roles,
        receiver,
        parameters,
        call,
        output,
        generic,
        mentions,
    };
    rules::check(&mut model, &annotations, injected_badly, errors);
    model.shape = Shape::of(&model);
    Some(model)
}

fn read_roles(annotations: &[Annotation], errors: &mut Errors) -> Roles {
    let mut roles = Roles::default();
    for annotation in annotations {
        match annotation.role {
            Role::Inject => continue,
            Role::Service => {
                errors.at_span(
                    annotation.span,
                    "`#[service]` goes on an `impl` block, not on a function",
                );
                continue;
            }
            Role::Publisher | Role::Subscriber | Role::Periodic | Role::Provider => {}
        }
        let options = Options::read(annotation, errors);
        match annotation.role {
            Role::Subscriber => {
                roles
                    .subscriptions
                    .extend(Subscription::read(&options, errors));
            }
            Role::Publisher => roles
                .publications
                .extend(Publication::read(&options, errors)),
            Role::Periodic => roles.schedule = Schedule::read(&options, errors),
            _ => {
                roles.provider = true;
                for value in &options.values {
                    errors.at(
                        value,
                        "`#[provider]` takes no arguments: the type tells what it provides",
                    );
                }
            }
        }
    }
    roles
}
