//! Mapping between proto messages and domain values.

pub(crate) mod credit_note;
pub(crate) mod discount;
pub(crate) mod documents;
pub(crate) mod input;
pub(crate) mod invoice_mail;
pub(crate) mod link_options;
pub(crate) mod out_of_band;
pub(crate) mod output;
pub(crate) mod price_model;
pub(crate) mod qr_code;
pub(crate) mod reversals;
pub(crate) mod subscription;
pub(crate) mod tax;
