//! Syntax: what stands there, without judging it.

mod role;
mod function;
mod annotated;
mod service_block;
mod argument;

pub(crate) use annotated::{Annotated, Annotation};
pub(crate) use argument::{Argument, arguments, bare_expression, bare_type};
pub(crate) use function::{Body, Function};
pub(crate) use role::Role;
pub(crate) use service_block::{Method, ServiceBlock, ServiceItem};
