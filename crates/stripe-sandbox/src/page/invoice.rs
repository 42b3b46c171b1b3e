//! The page of an invoice that the sandbox made: what Stripe's hosted invoice would tell.

use maud::{Markup, html};
use serde_json::Value;

use super::amount::amount;
use super::layout;
use super::words::{Locale, fill};
use crate::state::text;

/// An invoice, for whoever has its address.
pub(crate) fn invoice(invoice: &Value, locale: Locale) -> Markup {
    let words = locale.words();
    let money = |minor: &Value| amount(minor.as_i64().unwrap_or_default(), text(invoice, "currency"), locale);
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let is_paid = invoice["status"] == "paid";
    let title = fill(words.invoice_number, text(invoice, "number"));
    let body = html! {
        main.card {
            h1 { (title) }
            p.hint { (fill(words.invoice_to, text(invoice, "customer_email"))) }
            p.total { (money(&invoice["total"])) }
            p { (if is_paid { words.invoice_paid } else { words.invoice_unpaid }) }
            @if let Some(said) = invoice["description"].as_str() { p.said { (said) } }
            section.bought {
                ul.items {
                    @for line in list(&invoice["lines"]["data"]) {
                        li { span.what { (text(&line, "description")) } span.amount { (money(&line["amount"])) } }
                    }
                }
                div.sum { span { (words.total) } span.amount { (money(&invoice["total"])) } }
                @for field in list(&invoice["custom_fields"]) {
                    div.row { span { (text(&field, "name")) } span { (text(&field, "value")) } }
                }
            }
            @if let Some(said) = invoice["footer"].as_str() { p.said { (said) } }
        }
    };
    layout(locale, &title, body)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_invoice_tells_its_lines_and_what_the_merchant_says_in_either_language() {
        let told = json!({"number": "SANDBOX-0001", "customer_email": "a@b.se", "currency": "sek", "total": 10_000,
            "status": "paid", "description": "In <June>", "footer": "Come again", "custom_fields": [{"name": "Room",
            "value": "12"}], "lines": {"data": [{"description": "Workshop", "amount": 10_000}]}});
        let page = invoice(&told, Locale::En).into_string();
        for part in ["Invoice SANDBOX-0001", "To a@b.se", "Workshop", "Paid", "In &lt;June&gt;", "Room", "Come again"] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(invoice(&told, Locale::Sv).into_string().contains("100,00\u{a0}kr"));
        assert!(invoice(&json!({"status": "open"}), Locale::En).into_string().contains("Not paid yet"));
    }
}
