//! The forms in which functions take and give signals.
//!
//! A parameter or return type names the signal's type in one of several forms: `T`, `&T`, `Arc<T>`, `Signal<T>`,
//! `Result<Option<T>, E>`. Each trait here maps the forms to the type `T` that travels; the second type
//! parameter of a trait marks the form, so that the implementations do not overlap, and is always inferred.

pub(crate) mod give;
pub(crate) mod probe;
pub(crate) mod take;
pub(crate) mod batch;
pub(crate) mod reply;
