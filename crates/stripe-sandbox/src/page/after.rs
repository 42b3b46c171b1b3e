//! The page after a checkout: what was bought, and whether the money is there, on its way, or still to be sent.

use maud::{Markup, html};
use serde_json::Value;

use super::amount::amount;
use super::layout;
use super::words::{Locale, fill};
use crate::state::text;

/// A completed checkout.
pub(crate) struct Confirmation<'a> {
    pub(crate) locale: Locale,
    pub(crate) merchant: Option<&'a str>,
    pub(crate) currency: &'a str,
    pub(crate) total: i64,
    pub(crate) outcome: Outcome,
    pub(crate) lines: Vec<Bought>,
    pub(crate) parts: Parts,
    /// What the merchant says, in place of the page's own words.
    pub(crate) message: Option<&'a str>,
    pub(crate) return_url: Option<String>,
    pub(crate) invoice_url: Option<&'a str>,
    /// Where the money is to be sent: Stripe's names and their values.
    pub(crate) instructions: Vec<(String, String)>,
}

/// What a checkout came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Paid,
    /// There was nothing to pay.
    Free,
    Subscribed,
    Saved,
    /// The customer has still to send the money.
    AwaitingTransfer,
    /// The money is being drawn.
    Processing,
    /// The money is held on a card, to be taken later.
    Held,
    /// The bank did not give the money.
    Failed,
}

/// What stands between the lines and the total, in minor units.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Parts {
    discount: i64,
    shipping: i64,
    tax: i64,
    /// The tax is in the prices, and not added to them.
    is_tax_included: bool,
}

impl Parts {
    /// The parts of a completed session's total.
    pub(crate) fn of(session: &Value) -> Self {
        let told = |name: &str| session["total_details"][name].as_i64().unwrap_or_default();
        let (discount, shipping, tax) = (told("amount_discount"), told("amount_shipping"), told("amount_tax"));
        let sum = |name: &str| session[name].as_i64().unwrap_or_default();
        let is_tax_included = sum("amount_subtotal") - discount + shipping == sum("amount_total");
        Self { discount, shipping, tax, is_tax_included }
    }
}

/// A line of what was bought.
pub(crate) struct Bought {
    pub(crate) name: String,
    pub(crate) quantity: i64,
    pub(crate) amount: i64,
}

impl Outcome {
    /// What a completed session came to, told by its own words and its payment's.
    pub(crate) fn of(session: &Value, intent: &Value) -> Self {
        match (text(session, "mode"), text(session, "payment_status")) {
            ("setup", _) => Self::Saved,
            (_, "unpaid") if !intent["next_action"]["display_bank_transfer_instructions"].is_null() => {
                Self::AwaitingTransfer
            }
            (_, "unpaid") if text(intent, "status") == "processing" => Self::Processing,
            (_, "unpaid") if text(intent, "status") == "requires_capture" => Self::Held,
            (_, "unpaid") if !intent["last_payment_error"].is_null() => Self::Failed,
            (_, "unpaid") if is_transfer(session) => Self::AwaitingTransfer,
            (_, "unpaid") => Self::Processing,
            ("subscription", _) => Self::Subscribed,
            (_, "no_payment_required") => Self::Free,
            _ => Self::Paid,
        }
    }
}

fn is_transfer(session: &Value) -> bool {
    session["payment_method_types"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "customer_balance"))
}

/// Stripe's instructions for a bank transfer: the first account's parts, then what to write and how much.
pub(crate) fn instructions(intent: &Value, locale: Locale) -> Vec<(String, String)> {
    let told = &intent["next_action"]["display_bank_transfer_instructions"];
    let address = &told["financial_addresses"][0];
    let account = &address[text(address, "type")];
    let mut parts: Vec<(String, String)> = account
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
        .collect();
    if let Some(reference) = told["reference"].as_str() {
        parts.push(("reference".to_owned(), reference.to_owned()));
    }
    if let Some(remaining) = told["amount_remaining"].as_i64() {
        parts.push(("amount".to_owned(), amount(remaining, text(told, "currency"), locale)));
    }
    parts
}

/// The page after a checkout.
pub(crate) fn confirmation(view: &Confirmation<'_>) -> Markup {
    let words = view.locale.words();
    let merchant = view.merchant.unwrap_or(words.merchant);
    let money = |minor| amount(minor, view.currency, view.locale);
    let (title, said, mark) = match view.outcome {
        Outcome::Paid => (words.thanks, words.paid, "✓"),
        Outcome::Free => (words.thanks, words.free_done, "✓"),
        Outcome::Subscribed => (words.thanks, words.subscribed, "✓"),
        Outcome::Saved => (words.thanks, words.saved, "✓"),
        Outcome::AwaitingTransfer => (words.awaiting_title, words.awaiting, "→"),
        Outcome::Processing => (words.processing_title, words.processing, "…"),
        Outcome::Held => (words.thanks, words.held, "✓"),
        Outcome::Failed => (words.failed_title, words.failed, "!"),
    };
    // What is still to be done is told even where the merchant has words of their own.
    let is_waiting = matches!(view.outcome, Outcome::AwaitingTransfer | Outcome::Processing | Outcome::Failed);
    let body = html! {
        main.card {
            div.mark aria-hidden="true" { (mark) }
            h1 { (title) }
            p.hint { (merchant) }
            @if view.outcome != Outcome::Saved && (view.total > 0 || view.outcome == Outcome::Free) { p.total { (money(view.total)) } }
            @if is_waiting || view.message.is_none() { p { (said) } }
            @if let Some(message) = view.message { p.said { (message) } }
            @if !view.instructions.is_empty() {
                section.transfer aria-labelledby="transfer" {
                    h2 id="transfer" { (words.instructions) }
                    dl {
                        @for (name, value) in &view.instructions {
                            dt { (words.transfer_part(name).map_or_else(|| name.replace('_', " "), str::to_owned)) }
                            dd { (value) }
                        }
                    }
                }
            }
            @if !view.lines.is_empty() {
                section.bought aria-labelledby="bought" {
                    h2 id="bought" { (words.bought) }
                    ul.items {
                        @for line in &view.lines {
                            li {
                                div.what {
                                    span.name { (line.name) }
                                    @if line.quantity > 1 { span.detail { (words.quantity) " " (line.quantity) } }
                                }
                                span.amount { (money(line.amount)) }
                            }
                        }
                    }
                    (parts(view))
                }
            }
            @if let Some(url) = view.invoice_url { p { a href=(url) { (words.invoice) } } }
            @if let Some(url) = &view.return_url { p { a href=(url) { (words.back) } } }
        }
    };
    layout(view.locale, &fill(&format!("{title} – {{}}"), merchant), body)
}

fn parts(view: &Confirmation<'_>) -> Markup {
    let (words, parts) = (view.locale.words(), &view.parts);
    let tax = if parts.is_tax_included { words.tax_included } else { words.tax };
    let rows = [(words.discount, -parts.discount), (words.shipping, parts.shipping), (tax, parts.tax)];
    html! {
        @for (label, minor) in rows.into_iter().filter(|(_, minor)| *minor != 0) {
            div.row { span { (label) } span.amount { (amount(minor, view.currency, view.locale)) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn page(outcome: Outcome, message: Option<&str>, instructions: Vec<(String, String)>) -> String {
        confirmation(&Confirmation {
            locale: Locale::En,
            merchant: Some("Ada & co"),
            currency: "eur",
            total: 1_000,
            outcome,
            lines: vec![Bought { name: "Cup".to_owned(), quantity: 2, amount: 1_000 }],
            parts: Parts::of(&json!({"amount_subtotal": 1_200, "amount_total": 1_000,
                "total_details": {"amount_discount": 200, "amount_shipping": 0, "amount_tax": 160}})),
            message,
            return_url: None,
            invoice_url: Some("/i/invst_1"),
            instructions,
        })
        .into_string()
    }

    #[test]
    fn what_a_session_came_to_is_read_from_it_and_its_payment() {
        let session = |mode, status| json!({"mode": mode, "payment_status": status});
        let none = Value::Null;
        for (session, intent, want) in [
            (session("payment", "paid"), none.clone(), Outcome::Paid),
            (session("payment", "no_payment_required"), none.clone(), Outcome::Free),
            (session("subscription", "paid"), none.clone(), Outcome::Subscribed),
            (session("subscription", "no_payment_required"), none.clone(), Outcome::Subscribed),
            (session("setup", "no_payment_required"), none.clone(), Outcome::Saved),
            (session("payment", "unpaid"), json!({"status": "processing"}), Outcome::Processing),
            (session("payment", "unpaid"), json!({"status": "requires_capture"}), Outcome::Held),
            (
                session("payment", "unpaid"),
                json!({"status": "requires_payment_method", "last_payment_error": {"type": "card_error"}}),
                Outcome::Failed,
            ),
            (
                session("payment", "unpaid"),
                json!({"next_action": {"display_bank_transfer_instructions": {"reference": "R"}}}),
                Outcome::AwaitingTransfer,
            ),
        ] {
            assert_eq!(Outcome::of(&session, &intent), want);
        }
    }

    #[test]
    fn a_merchants_message_replaces_thanks_but_never_what_is_still_to_do() {
        let paid = page(Outcome::Paid, Some("<i>Come again</i>"), Vec::new());
        assert!(paid.contains("&lt;i&gt;Come again") && !paid.contains("Your payment was received"));
        assert!(page(Outcome::Processing, Some("Come again"), Vec::new()).contains("It takes some days"));
        assert!(paid.contains("<a href=\"/i/invst_1\">Your invoice</a>"));
        assert!(paid.contains("Discount") && paid.contains("−€2.00") && paid.contains("Tax included"));
        assert!(
            paid.contains("Cup") && paid.contains("Quantity 2") && paid.contains("<title>Thank you – Ada &amp; co")
        );
    }

    #[test]
    fn a_transfer_is_told_with_account_reference_and_amount() {
        let intent = json!({"next_action": {"display_bank_transfer_instructions": {"currency": "eur",
            "amount_remaining": 1_000, "reference": "ABC123", "financial_addresses": [{"type": "iban",
            "iban": {"iban": "DE89", "bic": "TEST", "account_holder_name": "Ada", "country": "DE"}}]}}});
        let page = page(Outcome::AwaitingTransfer, None, instructions(&intent, Locale::En));
        for part in ["IBAN", "DE89", "Reference", "ABC123", "Account holder", "€10.00", "Now transfer the money"] {
            assert!(page.contains(part), "{part}");
        }
    }
}
