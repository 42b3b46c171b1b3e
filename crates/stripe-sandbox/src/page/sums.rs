//! The rows between the lines and the total, which add up: of a page to pay, of its receipt and of an invoice. Tax that is
//! added stands among them; tax within prices stands below the total.

use maud::{Markup, html};
use rust_decimal::Decimal;
use serde_json::Value;

use super::Checkout;
use super::amount::amount;
use super::words::{Locale, named};
use crate::check::decimal;
use crate::state::text;

/// What a purchase came to, in minor units.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    subtotal: i64,
    discount: i64,
    /// The code that took it off, or the coupon's name.
    discount_name: Option<String>,
    percent_off: Option<Decimal>,
    /// None where nothing is shipped.
    shipping: Option<i64>,
    shipping_name: String,
    tax: i64,
    tax_included: i64,
    tax_percent: Option<u32>,
    /// What a trial leaves for later, and how many days it has.
    waived: i64,
    pub(super) trial_days: Option<i64>,
    total: i64,
}

impl Sums {
    /// Of an open checkout.
    pub(super) fn of_quote(view: &Checkout<'_>) -> Self {
        let (form, quote) = (view.form, view.quote);
        let rate = form.shipping_rates.iter().find(|rate| Some(&rate.id) == quote.shipping_rate.as_ref());
        Self {
            subtotal: quote.subtotal,
            discount: quote.discount,
            discount_name: quote.promotion_code.clone().or_else(|| quote.coupon_name.clone()),
            percent_off: quote.percent_off,
            shipping: quote.shipping_rate.as_ref().map(|_| quote.shipping),
            shipping_name: rate.map_or_else(String::new, |rate| rate.name.clone()),
            tax: quote.tax,
            tax_included: quote.tax_included,
            tax_percent: quote.tax_percent,
            waived: quote.waived,
            trial_days: view.trial_days(),
            total: quote.total,
        }
    }

    /// Of a completed session; `find` answers an object by kind and id. `waived` is what its trial left for later, of so
    /// many days.
    pub(crate) fn of_session(
        session: &Value,
        (waived, trial_days): (i64, Option<i64>),
        find: &dyn Fn(&str, &str) -> Option<Value>,
    ) -> Self {
        let amount_of = |name: &str| session["total_details"][name].as_i64().unwrap_or_default();
        let sum = |name: &str| session[name].as_i64().unwrap_or_default();
        let object = |kind: &str, id: &Value| id.as_str().and_then(|id| find(kind, id)).unwrap_or(Value::Null);
        let discount = &session["discounts"][0];
        let (coupon, code) =
            (object("coupon", &discount["coupon"]), object("promotion_code", &discount["promotion_code"]));
        let shipping = &session["shipping_cost"];
        let taxes = || session["total_details"]["breakdown"]["taxes"].as_array().into_iter().flatten();
        let within = taxes().filter(|tax| tax["rate"]["inclusive"] == true);
        let tax_included = within.filter_map(|tax| tax["amount"].as_i64()).sum();
        Self {
            subtotal: sum("amount_subtotal") + waived,
            discount: amount_of("amount_discount"),
            discount_name: code["code"].as_str().or(coupon["name"].as_str()).map(str::to_owned),
            percent_off: decimal(&coupon["percent_off"]),
            shipping: shipping["amount_subtotal"].as_i64(),
            shipping_name: text(&object("shipping_rate", &shipping["shipping_rate"]), "display_name").to_owned(),
            tax: amount_of("amount_tax") - tax_included,
            tax_included,
            tax_percent: taxes().find_map(|tax| percent(&tax["rate"]["percentage"])),
            waived,
            trial_days,
            total: sum("amount_total"),
        }
    }

    /// Of an invoice.
    pub(super) fn of_invoice(invoice: &Value) -> Self {
        let amount_of = |name: &str| invoice[name].as_i64();
        let (subtotal, total) = (amount_of("subtotal").unwrap_or_default(), amount_of("total").unwrap_or_default());
        let without = |name: &str, sum: i64| sum - amount_of(name).unwrap_or(sum);
        let tax_included = without("subtotal_excluding_tax", subtotal);
        let discounts = invoice["total_discount_amounts"].as_array().into_iter().flatten();
        Self {
            subtotal,
            discount: discounts.filter_map(|discount| discount["amount"].as_i64()).sum(),
            shipping: invoice["shipping_cost"]["amount_subtotal"].as_i64(),
            tax: without("total_excluding_tax", total) - tax_included,
            tax_included,
            total,
            ..Self::default()
        }
    }

    pub(super) fn rows(&self, total_label: &str, currency: &str, locale: Locale) -> Markup {
        let words = locale.words();
        let money = |minor| amount(minor, currency, locale);
        let has_parts = self.discount != 0 || self.tax != 0 || self.waived != 0 || self.shipping.is_some();
        html! {
            @if has_parts { (row(words.subtotal, &money(self.subtotal))) }
            @if self.discount != 0 {
                (row(&words.discount(self.discount_name.as_deref(), self.percent_off), &money(-self.discount)))
            }
            @if let Some(shipping) = self.shipping {
                (row(&named(words.shipping, &self.shipping_name),
                    &if shipping == 0 { words.free.to_owned() } else { money(shipping) }))
            }
            @if self.tax != 0 { (row(&words.taxed(words.tax, self.tax_percent), &money(self.tax))) }
            @if let Some(days) = self.trial_days.filter(|_| self.waived != 0) {
                (row(&words.trial(days), &money(-self.waived)))
            }
            div.sum { span { (total_label) } span.amount { (money(self.total)) } }
            @if self.tax_included != 0 {
                (row(&words.taxed(words.tax_included, self.tax_percent), &money(self.tax_included)))
            }
        }
    }
}

fn percent(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|percent| u32::try_from(percent).ok()).filter(|percent| *percent > 0)
}

fn row(label: &str, amount: &str) -> Markup {
    html! { div.row { span { (label) } span.amount { (amount) } } }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rows(sums: &Sums) -> String {
        let rows = sums.rows("Total", "eur", Locale::En).into_string();
        rows.replace("<div class=\"row\"><span>", "|").replace("</span><span class=\"amount\">", " ")
    }

    #[test]
    fn a_receipt_with_both_kinds_of_tax_adds_up() {
        let tax = |amount: i64, inclusive: bool| json!({"amount": amount, "rate": {"inclusive": inclusive, "percentage": 25}});
        let session = json!({"amount_subtotal": 2_000, "amount_total": 2_150, "discounts": [{"coupon": "C",
            "promotion_code": "promo_1"}], "shipping_cost": {"amount_subtotal": 100, "shipping_rate": "shr_1"},
            "total_details": {"amount_discount": 200, "amount_shipping": 100, "amount_tax": 450,
                "breakdown": {"taxes": [tax(250, false), tax(200, true)]}}});
        let find = |kind: &str, _: &str| match kind {
            "coupon" => Some(json!({"name": "Summer sale", "percent_off": 10})),
            "promotion_code" => Some(json!({"code": "SUMMER"})),
            _ => Some(json!({"display_name": "Courier"})),
        };
        let rows = rows(&Sums::of_session(&session, (0, None), &find));
        for part in [
            "|Subtotal €20.00",
            "|Discount (SUMMER, 10% off) −€2.00",
            "|Shipping (Courier) €1.00",
            "|Tax 25% €2.50",
            "Total €21.50",
            "|Tax included 25% €2.00",
        ] {
            assert!(rows.contains(part), "{part} is not in {rows}");
        }
    }

    #[test]
    fn what_a_trial_leaves_for_later_is_taken_off() {
        let session = json!({"amount_subtotal": 0, "amount_total": 0, "total_details": {}});
        let rows = rows(&Sums::of_session(&session, (9_900, Some(14)), &|_, _| None));
        assert!(rows.contains("|Subtotal €99.00") && rows.contains("|14 days free −€99.00"), "{rows}");
    }

    #[test]
    fn an_invoice_tells_discount_shipping_and_each_tax() {
        let invoice = json!({"subtotal": 10_000, "subtotal_excluding_tax": 9_000, "total": 12_000,
            "total_excluding_tax": 9_500, "total_discount_amounts": [{"amount": 500}],
            "shipping_cost": {"amount_subtotal": 1_000}});
        let rows = rows(&Sums::of_invoice(&invoice));
        for part in ["|Subtotal €100.00", "|Discount −€5.00", "|Shipping €10.00", "|Tax €15.00", "|Tax included €10.00"]
        {
            assert!(rows.contains(part), "{part} is not in {rows}");
        }
        assert!(!self::rows(&Sums::of_invoice(&json!({"subtotal": 100, "total": 100}))).contains('|'));
    }
}
