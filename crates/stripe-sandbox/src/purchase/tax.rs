//! Automatic tax, as the sandbox plays it: one rate for each of some countries, and none elsewhere. These are the sandbox's
//! own rates, and no advice.

use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::pricing::round;

/// The sandbox's own rates, in percent, by country.
const RATES: [(&str, u32, &str); 5] = [
    ("AT", 20, "Austria"),
    ("DE", 19, "Germany"),
    ("FR", 20, "France"),
    ("GB", 20, "United Kingdom"),
    ("SE", 25, "Sweden"),
];

/// What is taxed where, and how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tax {
    pub(crate) country: String,
    pub(crate) percent: u32,
    /// Why: `standard_rated`, `not_collecting`, `customer_exempt` or `reverse_charge`.
    pub(crate) reason: &'static str,
}

impl Tax {
    /// The tax of a country, for a customer with Stripe's `tax_exempt`.
    pub(crate) fn of(country: &str, exempt: &str) -> Self {
        let percent = RATES.iter().find(|(code, ..)| *code == country).map(|(_, percent, _)| *percent);
        let (percent, reason) = match (percent, exempt) {
            (_, "exempt") => (0, "customer_exempt"),
            (_, "reverse") => (0, "reverse_charge"),
            (Some(percent), _) => (percent, "standard_rated"),
            (None, _) => (0, "not_collecting"),
        };
        Self { country: country.to_owned(), percent, reason }
    }

    /// The country's name, where it is one with a rate; else its code.
    pub(crate) fn name(&self) -> &str {
        RATES.iter().find(|(code, ..)| *code == self.country).map_or(&self.country, |(.., name)| name)
    }

    /// The tax on an amount, or in it; half up.
    pub(crate) fn on(&self, amount: i64, is_inclusive: bool, currency: &str) -> i64 {
        let percent = Decimal::from(self.percent);
        let divisor = if is_inclusive { Decimal::ONE_HUNDRED + percent } else { Decimal::ONE_HUNDRED };
        let tax = Decimal::from(amount).checked_mul(percent).and_then(|product| product.checked_div(divisor));
        tax.and_then(|tax| round(tax, currency)).unwrap_or_default()
    }

    /// How a line tells its tax.
    pub(crate) fn to_json(&self, amount: i64, taxable: i64, is_inclusive: bool) -> Value {
        let name = RATES.iter().find(|(code, ..)| *code == self.country).map(|(.., name)| *name);
        let description =
            format!("The sandbox's own rate{}", name.map(|name| format!(" of {name}")).unwrap_or_default());
        let rate = json!({
            "id": format!("txr_1sandbox{}{}", self.country, if is_inclusive { "i" } else { "e" }), "object": "tax_rate",
            "active": false, "country": self.country, "created": 0, "description": description, "display_name": "VAT",
            "effective_percentage": self.percent, "flat_amount": null, "inclusive": is_inclusive,
            "jurisdiction": self.country, "jurisdiction_level": "country", "livemode": false, "metadata": {},
            "percentage": self.percent, "rate_type": "percentage", "state": null, "tax_type": "vat",
        });
        json!({"amount": amount, "rate": rate, "taxability_reason": self.reason, "taxable_amount": taxable})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tax_is_added_or_within_and_rounded_half_up() {
        let tax = Tax::of("SE", "none");
        assert_eq!((tax.on(1_000, false, "sek"), tax.on(1_250, true, "sek")), (250, 250));
        assert_eq!((tax.on(2, false, "sek"), tax.on(1, false, "sek")), (1, 0));
        assert_eq!(Tax::of("US", "none").on(1_000, false, "sek"), 0);
        assert_eq!(Tax::of("DE", "reverse").on(1_000, false, "sek"), 0);
    }
}
