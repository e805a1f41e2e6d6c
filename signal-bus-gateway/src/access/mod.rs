//! Who may publish, and who may see what.

pub(crate) mod payloaders;
pub(crate) mod acl;
pub(crate) mod basic;
