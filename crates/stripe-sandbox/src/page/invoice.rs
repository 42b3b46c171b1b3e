//! The page of an invoice that the sandbox made: what Stripe's hosted invoice would tell.

use maud::{Markup, html};
use serde_json::Value;

use super::amount::amount;
use super::layout;
use super::sums::Sums;
use super::words::{Locale, fill};
use crate::state::text;

/// An invoice, for whoever has its address; `receipt_url` is that of the checkout that it belongs to, if there is one.
pub(crate) fn invoice(invoice: &Value, receipt_url: Option<&str>, locale: Locale) -> Markup {
    let words = locale.words();
    let currency = text(invoice, "currency");
    let money = |minor: &Value| amount(minor.as_i64().unwrap_or_default(), currency, locale);
    let title = fill(words.invoice_number, text(invoice, "number"));
    let state = match text(invoice, "status") {
        "paid" => words.invoice_paid,
        "void" => words.invoice_void,
        "uncollectible" => words.invoice_written_off,
        _ => words.invoice_unpaid,
    };
    let body = html! {
        main.card {
            h1 { (title) }
            p.hint { (fill(words.invoice_from, words.merchant)) }
            p.total { (money(&invoice["total"])) }
            p { (state) }
            @if let Some(said) = invoice["description"].as_str() { p.said { (said) } }
            section.facts {
                dl {
                    @for (label, value) in facts(invoice, locale) { dt { (label) } dd { (value) } }
                }
            }
            section.bought {
                ul.items { @for line in list(&invoice["lines"]["data"]) { (item(&line, &money(&line["amount"]), locale)) } }
                (Sums::of_invoice(invoice).rows(words.total, currency, locale))
            }
            @if let Some(said) = invoice["footer"].as_str() { p.said { (said) } }
            @if let Some(url) = receipt_url { p { a href=(url) { (words.back_to_receipt) } } }
        }
    };
    layout(locale, &title, body)
}

/// For whom, when, and what the merchant's own fields say.
fn facts(invoice: &Value, locale: Locale) -> Vec<(String, String)> {
    let words = locale.words();
    let times = &invoice["status_transitions"];
    let date = |at: &Value| at.as_i64().map(|at| words.date(at));
    let text_of = |name: &str| invoice[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    let known = [
        (words.customer, text_of("customer_name")),
        (words.label("email"), text_of("customer_email")),
        (words.issued, date(&times["finalized_at"])),
        (words.paid_on, date(&times["paid_at"])),
    ];
    let known = known.into_iter().filter_map(|(label, value)| Some((label.to_owned(), value?)));
    let own = list(&invoice["custom_fields"]);
    let own = own.iter().map(|field| (text(field, "name").to_owned(), text(field, "value").to_owned()));
    known.chain(own).collect()
}

/// A line; how many of it stand before its name in Stripe's words, and below it on the page, as elsewhere.
fn item(line: &Value, amount: &str, locale: Locale) -> Markup {
    let quantity = line["quantity"].as_i64().unwrap_or(1);
    let name = text(line, "description");
    let name = name.strip_prefix(&format!("{quantity} × ")).unwrap_or(name);
    html! {
        li {
            div.what {
                span.name { (name) }
                @if quantity > 1 { span.detail { (locale.words().quantity) " " (quantity) } }
            }
            span.amount { (amount) }
        }
    }
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_invoice_tells_its_lines_and_what_the_merchant_says_in_either_language() {
        let object = json!({"number": "SANDBOX-0001", "customer_email": "a@b.se", "customer_name": "Ada", "currency": "sek",
            "subtotal": 10_000, "total": 12_500, "total_excluding_tax": 10_000, "subtotal_excluding_tax": 10_000,
            "status": "paid", "description": "In <June>", "footer": "Come again", "custom_fields": [{"name": "Room",
            "value": "12"}], "status_transitions": {"finalized_at": 1_796_688_000, "paid_at": 1_796_688_000},
            "lines": {"data": [{"description": "2 × Workshop", "quantity": 2, "amount": 10_000}]}});
        let page = invoice(&object, Some("/c/pay/cs_1"), Locale::En).into_string().replace('\u{a0}', " ");
        for part in [
            "Invoice SANDBOX-0001",
            "From Sandbox merchant",
            "a@b.se",
            "<dd>Ada</dd>",
            "<dt>Issued</dt><dd>8 December 2026",
            "<span class=\"name\">Workshop</span><span class=\"detail\">Quantity 2",
            "Paid",
            "In &lt;June&gt;",
            "<dt>Room</dt><dd>12</dd>",
            "<span>Tax</span><span class=\"amount\">SEK 25.00",
            "Come again",
            "<a href=\"/c/pay/cs_1\">Back to the receipt",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        assert!(invoice(&object, None, Locale::Sv).into_string().contains("100,00\u{a0}kr"));
        for (state, said) in [("open", "Not paid yet"), ("void", "voided"), ("uncollectible", "was not paid")] {
            assert!(invoice(&json!({"status": state}), None, Locale::En).into_string().contains(said), "{state}");
        }
    }
}
