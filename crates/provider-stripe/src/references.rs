//! What of ours is written into Stripe's objects, so that they can be found again by our own ids.
//!
//! All of it is metadata under the prefix that callers may not use. Stripe copies a link's metadata into each session of
//! the link, so a session tells its link.

use std::collections::BTreeMap;

use domain::metadata::Metadata;

use crate::form::Form;

/// On a link, and by Stripe's copy on its sessions: the link's id.
pub(crate) const LINK: &str = "paylinks_link";
/// On a session that we made: its id.
pub(crate) const CHECKOUT: &str = "paylinks_checkout";
/// Whose it is.
pub(crate) const SELLER: &str = "paylinks_seller";
/// The invoice that is paid.
pub(crate) const INVOICE: &str = "paylinks_invoice";
/// The ad-hoc payment that a link is the page of.
pub(crate) const PAYMENT: &str = "paylinks_payment";
/// On the product of a line item: the item's id.
pub(crate) const ITEM: &str = "paylinks_item";

/// Writes a caller's pairs and our own.
pub(crate) fn write(form: &mut Form, metadata: &Metadata, references: &[(&str, Option<String>)]) {
    // An empty value would mean "unset" to Stripe, and there is nothing yet to unset.
    for (key, value) in metadata.iter().filter(|(_, value)| !value.is_empty()) {
        form.push(format!("metadata[{key}]"), value);
    }
    for (key, value) in references {
        if let Some(value) = value {
            form.push(format!("metadata[{key}]"), value);
        }
    }
}

/// Reads one of our ids; `None` where the object is not ours.
pub(crate) fn read<T: std::str::FromStr>(metadata: Option<&BTreeMap<String, String>>, key: &str) -> Option<T> {
    metadata?.get(key)?.parse().ok()
}
