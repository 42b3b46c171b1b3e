//! Mapping between proto messages and domain values.

pub(crate) mod input;
pub(crate) mod output;
pub(crate) mod reversals;
