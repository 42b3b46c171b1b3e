//! What Adyen's Pay by Link can do, as far as it is used here.

use std::time::Duration;

use domain::payment_link::LineItems;
use domain::provider::{Capabilities, Feature};

/// The languages of Adyen's pages: docs.adyen.com/unified-commerce/pay-by-link. Ours, and with the country by which Adyen
/// knows each.
pub(crate) const LOCALES: [(&str, &str); 27] = [
    ("ar", "ar"),
    ("cs", "cs-CZ"),
    ("da", "da-DK"),
    ("de", "de-DE"),
    ("el", "el-GR"),
    ("en", "en-US"),
    ("es", "es-ES"),
    ("fi", "fi-FI"),
    ("fr", "fr-FR"),
    ("hr", "hr-HR"),
    ("hu", "hu-HU"),
    ("it", "it-IT"),
    ("ja", "ja-JP"),
    ("ko", "ko-KR"),
    ("nb", "no-NO"),
    ("nl", "nl-NL"),
    ("pl", "pl-PL"),
    ("pt", "pt-PT"),
    ("pt-BR", "pt-BR"),
    ("ro", "ro-RO"),
    ("ru", "ru-RU"),
    ("sk", "sk-SK"),
    ("sl", "sl-SI"),
    ("sv", "sv-SE"),
    ("zh", "zh-CN"),
    ("zh-CN", "zh-CN"),
    ("zh-TW", "zh-TW"),
];

/// How long Adyen surely keeps a key: docs.adyen.com/development-resources/api-idempotency says more, and said this before.
const KEY_LIFETIME: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How long a payment link lives at the most: 70 days by Adyen's clock, less an hour in which clocks may differ.
const LINK_LIFETIME_MAX: Duration = Duration::from_secs((70 * 24 - 1) * 60 * 60);

pub(crate) fn capabilities(livemode: bool) -> Capabilities {
    Capabilities {
        livemode,
        locales: LOCALES.iter().map(|(ours, _)| (*ours).to_owned()).collect(),
        line_items_max: u32::try_from(LineItems::ITEMS_MAX).unwrap_or(20),
        bank_transfer_currencies: [].into(),
        features: [Feature::PartialRefunds, Feature::PaymentMethodTypes, Feature::StatementDescriptor].into(),
        key_lifetime: KEY_LIFETIME,
        link_lifetime_max: Some(LINK_LIFETIME_MAX),
    }
}
