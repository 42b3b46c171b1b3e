//! What Stripe can do.

use std::time::Duration;

use domain::payment_link::LineItems;
use domain::provider::{Capabilities, Feature};

/// The languages of Stripe's hosted pages.
const LOCALES: [&str; 40] = [
    "bg", "cs", "da", "de", "el", "en", "en-GB", "es", "es-419", "et", "fi", "fil", "fr", "fr-CA", "hr", "hu", "id",
    "it", "ja", "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pl", "pt", "pt-BR", "ro", "ru", "sk", "sl", "sv", "th",
    "tr", "vi", "zh", "zh-HK", "zh-TW",
];

/// The currencies of bank transfers, with the kind of each.
pub(crate) const TRANSFERS: [(&str, &str); 5] = [
    ("EUR", "eu_bank_transfer"),
    ("GBP", "gb_bank_transfer"),
    ("JPY", "jp_bank_transfer"),
    ("MXN", "mx_bank_transfer"),
    ("USD", "us_bank_transfer"),
];

/// Keys can be removed once they are at least 24 hours old, as the reference of idempotent requests says.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

pub(crate) fn capabilities(livemode: bool) -> Capabilities {
    Capabilities {
        livemode,
        locales: LOCALES.iter().map(|tag| (*tag).to_owned()).collect(),
        line_items_max: u32::try_from(LineItems::ITEMS_MAX).unwrap_or(20),
        bank_transfer_currencies: TRANSFERS.iter().map(|(code, _)| (*code).to_owned()).collect(),
        link_lifetime_max: None,
        key_lifetime: KEY_LIFETIME,
        features: Feature::ALL.into_iter().collect(),
    }
}
