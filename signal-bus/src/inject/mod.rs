//! Injection: values by type, made once per start, and values by factory, made per call.

pub(crate) mod container;
pub(crate) mod factory;
pub(crate) mod provider;
pub(crate) mod wanted;

use std::any::{TypeId, type_name};

use crate::signal::Kind;

/// A value of a bus: whoever asks for it gets a share.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be injected: a value of the bus must be `Send + Sync + 'static`",
    label = "cannot be shared between the tasks of the bus",
    note = "put what changes behind a `Mutex` or an atomic; of a trait say `trait Name: Send + Sync`"
)]
pub trait Providable: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: ?Sized + Send + Sync + 'static> Providable for T {}

/// Identifies a function: every function has a type of its own.
#[derive(Clone, Copy, Debug)]
pub struct FunctionId {
    pub(crate) id: TypeId,
    pub(crate) name: &'static str,
}

impl PartialEq for FunctionId {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl FunctionId {
    /// The identity of a function.
    pub fn of<F: 'static>(_function: &F) -> Self {
        Self {
            id: TypeId::of::<F>(),
            name: type_name::<F>(),
        }
    }
}

/// What a parameter needs in order to be injected, for the check at start.
#[derive(Clone, Copy, Debug)]
pub struct Dependency {
    pub(crate) parameter: &'static str,
    pub(crate) need: Need,
}

/// What a dependency asks for.
#[derive(Clone, Copy, Debug)]
pub enum Need {
    /// A value of a type; without it the bus does not start.
    Type(Kind),
    /// A value of a type, if there is one.
    OptionalType(Kind),
    /// What a factory makes; its own needs are those of an annotated function.
    Factory(FunctionId),
}

impl Dependency {
    pub(crate) fn new(parameter: &'static str, need: Need) -> Self {
        Self { parameter, need }
    }
}
