//! Tokens. Every decision was made in the model.
//!
//! Generated code is thin: it names `::signal_bus::private` and nothing else, and its locals begin
//! with `__`. What can fail carries the span of the user's type, topic or factory, also on method
//! names, so that rustc points there.

pub(crate) mod parts;
mod attributes;
mod topic;
mod inject;
mod call;
mod publish;
mod declare;
mod beside;
mod in_place;
mod split;
mod service;

pub(crate) use service::service;

use proc_macro2::TokenStream;

use crate::model::{Model, Shape};

/// Expands a free function, or a method of an ordinary `impl`.
pub(crate) fn function(model: &Model) -> TokenStream {
    match model.shape {
        Shape::Beside => beside::function(model),
        Shape::InPlace => in_place::function(model),
        Shape::Split => split::function(model),
    }
}
