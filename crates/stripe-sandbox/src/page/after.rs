//! The page after a checkout: what was bought, and whether the money is there, held, on its way, or still to be sent.

use maud::{Markup, html};
use serde_json::Value;

use super::amount::amount;
use super::checkout_form::PaymentOption;
use super::countries::countries;
use super::layout;
use super::period;
use super::sums::Sums;
use super::words::{Locale, Words, fill, fill_all, named};
use crate::purchase::Recurring;
use crate::state::text;

/// A completed checkout.
pub(crate) struct Confirmation<'a> {
    pub(crate) locale: Locale,
    pub(crate) merchant: Option<&'a str>,
    pub(crate) currency: &'a str,
    /// What was paid, held, or is to be paid, in minor units.
    pub(crate) amount: i64,
    pub(crate) outcome: Outcome,
    pub(crate) lines: Vec<Bought>,
    pub(crate) sums: Sums,
    /// What a subscription costs next.
    pub(crate) upcoming: Option<Recurring>,
    pub(crate) facts: Facts,
    /// What the merchant says, beside the page's own words.
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
    /// Of the money that was held, in minor units, a part was taken.
    Partly {
        held: i64,
    },
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
    /// The money was held, and let go.
    Released,
    /// The bank did not give the money.
    Failed,
}

/// What else a receipt tells; null and none where it is not known.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// In seconds since the Unix epoch.
    pub(crate) at: Option<i64>,
    /// By which the merchant finds the payment, if there is one.
    pub(crate) payment_id: Option<String>,
    /// The id of what there is where nothing is paid: a subscription, or what stored a payment method.
    pub(crate) reference: Option<String>,
    /// Stripe's payment method.
    pub(crate) method: Value,
    pub(crate) email: Option<String>,
    /// To whom and where it is sent: Stripe's `shipping_details`.
    pub(crate) shipping: Value,
}

/// A line of what was bought.
pub(crate) struct Bought {
    pub(crate) name: String,
    pub(crate) quantity: i64,
    /// How many packages were paid, where the price is for packages.
    pub(crate) packages: Option<i64>,
    pub(crate) amount: i64,
}

impl Outcome {
    /// What a completed session came to, told by its own words and its payment's.
    pub(crate) fn of(session: &Value, intent: &Value) -> Self {
        let (amount, received) = (intent["amount"].as_i64(), intent["amount_received"].as_i64());
        match (text(session, "mode"), text(session, "payment_status")) {
            ("setup", _) => Self::Saved,
            (_, "unpaid") if !intent["next_action"]["display_bank_transfer_instructions"].is_null() => {
                Self::AwaitingTransfer
            }
            (_, "unpaid") if text(intent, "status") == "canceled" => Self::Released,
            (_, "unpaid") if text(intent, "status") == "processing" => Self::Processing,
            (_, "unpaid") if text(intent, "status") == "requires_capture" => Self::Held,
            (_, "unpaid") if !intent["last_payment_error"].is_null() => Self::Failed,
            (_, "unpaid") if is_transfer(session) => Self::AwaitingTransfer,
            (_, "unpaid") => Self::Processing,
            ("subscription", _) => Self::Subscribed,
            (_, "no_payment_required") => Self::Free,
            _ => match (amount, received) {
                (Some(held), Some(received)) if received < held => Self::Partly { held },
                _ => Self::Paid,
            },
        }
    }

    /// What stands in the circle, and its class.
    const fn mark(self) -> (&'static str, &'static str) {
        match self {
            Self::Paid | Self::Partly { .. } | Self::Free | Self::Subscribed | Self::Saved | Self::Held => ("✓", ""),
            Self::AwaitingTransfer => ("→", "waits"),
            Self::Processing => ("⋯", "waits"),
            Self::Released => ("↩", "waits"),
            Self::Failed => ("!", "failed"),
        }
    }

    const fn title(self, words: &Words) -> &'static str {
        match self {
            Self::Paid | Self::Partly { .. } | Self::Free | Self::Subscribed | Self::Saved | Self::Held => words.thanks,
            Self::AwaitingTransfer => words.awaiting_title,
            Self::Processing => words.processing_title,
            Self::Released => words.released_title,
            Self::Failed => words.failed_title,
        }
    }

    /// How the merchant is named: nobody thanks them.
    const fn merchant(self, words: &Words) -> &'static str {
        match self {
            Self::Paid | Self::Partly { .. } => words.paid_to,
            Self::Held => words.reserved_by,
            Self::AwaitingTransfer | Self::Processing | Self::Failed => words.to_be_paid_to,
            Self::Saved => words.saved_with,
            Self::Free | Self::Subscribed | Self::Released => words.ordered_from,
        }
    }
}

fn is_transfer(session: &Value) -> bool {
    session["payment_method_types"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "customer_balance"))
}

/// Stripe's instructions for a bank transfer, in the order in which a bank asks: how much, to the first account, and what
/// to write.
pub(crate) fn instructions(intent: &Value, locale: Locale) -> Vec<(String, String)> {
    const ORDER: [&str; 8] =
        ["amount", "iban", "account_number", "sort_code", "routing_number", "bic", "swift_code", "account_holder_name"];
    let transfer = &intent["next_action"]["display_bank_transfer_instructions"];
    let address = &transfer["financial_addresses"][0];
    let account = &address[text(address, "type")];
    let written = |name: &str, value: &str| match name {
        "iban" => grouped(value),
        "country" => country(value, locale).to_owned(),
        _ => value.to_owned(),
    };
    let parts = account.as_object().into_iter().flatten();
    let mut parts: Vec<(String, String)> =
        parts.filter_map(|(name, value)| Some((name.clone(), written(name, value.as_str()?)))).collect();
    if let Some(remaining) = transfer["amount_remaining"].as_i64() {
        parts.push(("amount".to_owned(), amount(remaining, text(transfer, "currency"), locale)));
    }
    parts.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name).unwrap_or(ORDER.len()));
    if let Some(reference) = transfer["reference"].as_str() {
        parts.push(("reference".to_owned(), reference.to_owned()));
    }
    parts
}

/// An IBAN in groups of four, as it stands on paper.
fn grouped(iban: &str) -> String {
    let letters: Vec<char> = iban.chars().filter(|c| !c.is_whitespace()).collect();
    letters.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

fn country(code: &str, locale: Locale) -> &str {
    countries(locale).iter().find(|(known, _)| *known == code).map_or(code, |(_, name)| *name)
}

/// The page after a checkout.
pub(crate) fn confirmation(view: &Confirmation<'_>) -> Markup {
    let words = view.locale.words();
    let merchant = view.merchant.unwrap_or(words.merchant);
    let (title, (mark, class)) = (view.outcome.title(words), view.outcome.mark());
    let body = html! {
        main.card {
            div class={ "mark " (class) } aria-hidden="true" { (mark) }
            h1 { (title) }
            p.hint { (fill(view.outcome.merchant(words), merchant)) }
            (headline(view))
            // What became of the money is told whatever words of their own the merchant has.
            p { (outcome(view)) }
            @if let Some(message) = view.message { p.said { (message) } }
            (transfer(view))
            @if !view.lines.is_empty() { (bought(view)) }
            (facts(view))
            @if let Some(url) = view.invoice_url { p { a href=(url) { (words.invoice) } } }
            @if let Some(url) = &view.return_url { p { a href=(url) { (words.back) } } }
        }
    };
    layout(view.locale, &fill_all("{} – {}", &[title, merchant]), body)
}

/// The amount, large; nothing where none was taken and none will be.
fn headline(view: &Confirmation<'_>) -> Markup {
    let money = |minor| amount(minor, view.currency, view.locale);
    let upcoming = view.upcoming.as_ref();
    let trial_days = view.sums.trial_days.filter(|_| upcoming.is_some_and(|later| later.trial_ends.is_some()));
    match view.outcome {
        Outcome::Saved | Outcome::Released => html! {},
        Outcome::Failed if view.amount == 0 => html! {},
        _ => period::headline(view.locale.words(), &money, (view.amount, upcoming, trial_days)),
    }
}

fn outcome(view: &Confirmation<'_>) -> String {
    let words = view.locale.words();
    let money = |minor| amount(minor, view.currency, view.locale);
    let is_trial = view.upcoming.as_ref().is_some_and(|later| later.trial_ends.is_some());
    let said = match view.outcome {
        Outcome::Partly { held } => return fill_all(words.partly, &[&money(held), &money(view.amount)]),
        Outcome::Paid => words.paid,
        Outcome::Free => words.free_done,
        Outcome::Subscribed if is_trial && view.amount == 0 => words.trialing,
        Outcome::Subscribed if is_trial => words.trialing_paid,
        Outcome::Subscribed => words.subscribed,
        Outcome::Saved => words.saved,
        Outcome::AwaitingTransfer => words.awaiting,
        Outcome::Processing => words.processing,
        Outcome::Held => words.held,
        Outcome::Released => words.released,
        Outcome::Failed => words.failed,
    };
    said.to_owned()
}

fn transfer(view: &Confirmation<'_>) -> Markup {
    let words = view.locale.words();
    html! {
        @if !view.instructions.is_empty() {
            section.transfer aria-labelledby="transfer" {
                h2 id="transfer" { (words.instructions) }
                dl {
                    @for (name, value) in &view.instructions {
                        dt { (words.transfer_part(name).map_or_else(|| name.replace('_', " "), str::to_owned)) }
                        dd { (value) }
                    }
                }
                p.note { (words.quote_reference) }
            }
        }
    }
}

fn bought(view: &Confirmation<'_>) -> Markup {
    let words = view.locale.words();
    html! {
        section.bought aria-labelledby="bought" {
            h2 id="bought" { (words.bought) }
            ul.items {
                @for line in &view.lines {
                    li {
                        div.what {
                            span.name { (line.name) }
                            @if line.quantity > 1 {
                                span.detail {
                                    (words.quantity) " "
                                    (named(&line.quantity.to_string(), &line.packages.map_or_else(String::new, |count| words.packages(count))))
                                }
                            }
                        }
                        span.amount { (amount(line.amount, view.currency, view.locale)) }
                    }
                }
            }
            (view.sums.rows(words.total, view.currency, view.locale))
        }
    }
}

fn facts(view: &Confirmation<'_>) -> Markup {
    let (words, facts) = (view.locale.words(), &view.facts);
    let told = [
        (words.date, facts.at.map(|at| vec![words.date(at)])),
        (words.payment_id, facts.payment_id.clone().map(|id| vec![id])),
        (words.reference, facts.reference.clone().map(|reference| vec![reference])),
        (words.paid_with, method(&facts.method, words).map(|method| vec![method])),
        (words.label("email"), facts.email.clone().map(|email| vec![email])),
        (words.shipped_to, addressee(&facts.shipping, view.locale)),
    ];
    let told: Vec<_> = told.into_iter().filter_map(|(label, lines)| Some((label, lines?))).collect();
    html! {
        @if !told.is_empty() {
            section.facts aria-labelledby="facts" {
                h2 id="facts" { (words.details) }
                dl {
                    @for (label, lines) in &told {
                        dt { (label) }
                        dd { @for (index, line) in lines.iter().enumerate() { @if index > 0 { br; } (line) } }
                    }
                }
            }
        }
    }
}

/// `Visa ending 4242`.
fn method(method: &Value, words: &Words) -> Option<String> {
    let kind = method["type"].as_str()?;
    let details = &method[kind];
    let called = match kind {
        "card" => capitalized(text(details, "brand")),
        "customer_balance" => words.payment_option(PaymentOption::BankTransfer, kind).to_owned(),
        debit => words.payment_option(PaymentOption::BankDebit, debit).to_owned(),
    };
    Some(details["last4"].as_str().map_or_else(|| called.clone(), |ends| fill_all(words.ending, &[&called, ends])))
}

fn capitalized(brand: &str) -> String {
    let mut letters = brand.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A recipient with the lines of their address.
fn addressee(shipping: &Value, locale: Locale) -> Option<Vec<String>> {
    let address = &shipping["address"];
    let part = |name: &str| text(address, name).to_owned();
    let place = [part("postal_code"), part("city")].join(" ").trim().to_owned();
    let lines = [
        text(shipping, "name").to_owned(),
        part("line1"),
        part("line2"),
        place,
        part("state"),
        country(text(address, "country"), locale).to_owned(),
    ];
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    (!lines.is_empty()).then_some(lines)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn view<'a>(locale: Locale, outcome: Outcome, message: Option<&'a str>) -> Confirmation<'a> {
        let session = json!({"amount_subtotal": 1_200, "amount_total": 1_000, "discounts": [{"coupon": "C"}],
            "total_details": {"amount_discount": 200, "amount_shipping": 0, "amount_tax": 160,
                "breakdown": {"taxes": [{"amount": 160, "rate": {"inclusive": true}}]}}});
        Confirmation {
            locale,
            merchant: Some("Ada & co"),
            currency: "eur",
            amount: 1_000,
            outcome,
            lines: vec![Bought { name: "Cup".to_owned(), quantity: 6, packages: Some(2), amount: 1_200 }],
            sums: Sums::of_session(&session, (0, None), &|_, _| Some(json!({"name": "Spring"}))),
            upcoming: None,
            facts: Facts::default(),
            message,
            return_url: None,
            invoice_url: Some("/i/invst_1"),
            instructions: Vec::new(),
        }
    }

    fn page(outcome: Outcome, message: Option<&str>) -> String {
        confirmation(&view(Locale::En, outcome, message)).into_string()
    }

    #[test]
    fn what_a_session_came_to_is_read_from_it_and_its_payment() {
        let session = |mode, status| json!({"mode": mode, "payment_status": status});
        let none = Value::Null;
        for (session, intent, want) in [
            (session("payment", "paid"), none.clone(), Outcome::Paid),
            (session("payment", "paid"), json!({"amount": 500, "amount_received": 500}), Outcome::Paid),
            (session("payment", "paid"), json!({"amount": 500, "amount_received": 300}), Outcome::Partly { held: 500 }),
            (session("payment", "no_payment_required"), none.clone(), Outcome::Free),
            (session("subscription", "paid"), none.clone(), Outcome::Subscribed),
            (session("subscription", "no_payment_required"), none.clone(), Outcome::Subscribed),
            (session("setup", "no_payment_required"), none.clone(), Outcome::Saved),
            (session("payment", "unpaid"), json!({"status": "processing"}), Outcome::Processing),
            (session("payment", "unpaid"), json!({"status": "requires_capture"}), Outcome::Held),
            (session("payment", "unpaid"), json!({"status": "canceled"}), Outcome::Released),
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
    fn a_merchants_message_stands_beside_what_became_of_the_money() {
        let paid = page(Outcome::Paid, Some("<i>Come again</i>"));
        assert!(paid.contains("&lt;i&gt;Come again") && paid.contains("Your payment was received"));
        assert!(page(Outcome::Held, Some("Come again")).contains("reserved on your card"));
        assert!(paid.contains("<a href=\"/i/invst_1\">Your invoice</a>"));
        for part in [
            "Discount (Spring)",
            "−€2.00",
            "Tax included",
            "Quantity 6 (2 packages)",
            "<title>Thank you – Ada &amp; co",
            "Paid to Ada &amp; co",
            "<div class=\"sum\"><span>Total</span><span class=\"amount\">€10.00",
        ] {
            assert!(paid.contains(part), "{part} is not in {paid}");
        }
    }

    #[test]
    fn money_that_was_let_go_or_taken_in_part_is_told_as_it_is() {
        let released = page(Outcome::Released, None);
        assert!(released.contains("The reserved amount was released. Nothing was charged."));
        assert!(!released.contains("class=\"total\""), "{released}");
        let partly = page(Outcome::Partly { held: 1_500 }, None);
        assert!(partly.contains("€15.00 was reserved on your card. €10.00 of it was charged"));
    }

    #[test]
    fn a_trial_is_told_with_the_day_and_the_price_of_what_follows() {
        let mut view = view(Locale::Sv, Outcome::Subscribed, None);
        view.amount = 0;
        let session = json!({"amount_subtotal": 0, "amount_total": 0});
        view.sums = Sums::of_session(&session, (9_900, Some(14)), &|_, _| None);
        let later = Recurring {
            interval: "month".to_owned(),
            interval_count: 1,
            total: 9_900,
            trial_ends: Some(1_796_688_000),
            next_payment: Some(1_796_688_000),
        };
        view.upcoming = Some(later);
        let page = confirmation(&view).into_string().replace('\u{a0}', " ");
        for part in ["14 dagar gratis", "Till 8 december 2026, sedan 99,00 € per månad", "−99,00 €", "Din provperiod"]
        {
            assert!(page.contains(part), "{part} is not in {page}");
        }
    }

    #[test]
    fn a_receipt_tells_when_how_and_where() {
        let mut view = view(Locale::En, Outcome::Paid, None);
        view.facts = Facts {
            at: Some(1_796_688_000),
            payment_id: Some("pi_1".to_owned()),
            reference: None,
            method: json!({"type": "card", "card": {"brand": "visa", "last4": "4242"}}),
            email: Some("ada@example.com".to_owned()),
            shipping: json!({"name": "Ada", "address": {"line1": "Storgatan 1", "postal_code": "111 22",
                "city": "Stockholm", "country": "SE"}}),
        };
        let page = confirmation(&view).into_string().replace('\u{a0}', " ");
        for part in [
            "8 December 2026",
            "pi_1",
            "Visa ending 4242",
            "ada@example.com",
            "Ada<br>Storgatan 1<br>111 22 Stockholm<br>Sweden",
        ] {
            assert!(page.contains(part), "{part} is not in {page}");
        }
        let sepa = json!({"type": "sepa_debit", "sepa_debit": {"last4": "3201"}});
        assert_eq!(method(&sepa, Locale::En.words()).as_deref(), Some("SEPA Direct Debit ending 3201"));
    }

    #[test]
    fn a_transfer_is_told_as_a_bank_asks_for_it() {
        let intent = json!({"next_action": {"display_bank_transfer_instructions": {"currency": "eur",
            "amount_remaining": 1_000, "reference": "ABC123", "financial_addresses": [{"type": "iban",
            "iban": {"iban": "DE89370400440532013000", "bic": "TEST", "account_holder_name": "Ada", "country": "DE"}}]}}});
        let told = instructions(&intent, Locale::En);
        let told: Vec<_> = told.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let want = [
            ("amount", "€10.00"),
            ("iban", "DE89 3704 0044 0532 0130 00"),
            ("bic", "TEST"),
            ("account_holder_name", "Ada"),
            ("country", "Germany"),
            ("reference", "ABC123"),
        ];
        assert_eq!(told, want);
        let mut view = view(Locale::En, Outcome::AwaitingTransfer, None);
        view.instructions = instructions(&intent, Locale::En);
        let page = confirmation(&view).into_string();
        for part in ["IBAN", "Reference", "Account holder", "Now transfer the money", "do not really transfer anything"]
        {
            assert!(page.contains(part), "{part}");
        }
    }
}
