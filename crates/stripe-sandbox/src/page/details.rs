//! Who pays and how: the person, where it goes, the merchant's own questions, the payment method and the consents.

use maud::{Markup, html};

use super::Checkout;
use super::ask::{CustomField, FieldKind, Mode, Need, Way};
use super::countries::countries;
use super::field::{self, Text};
use super::words::fill;
use crate::purchase::{AddressPart, entries};

/// Account numbers to try, by payment method type: one that pays, and one that fails. The sandbox goes by the end: a debit of
/// an account that ends in 0000 fails.
const ACCOUNTS: [(&str, &str, &str); 5] = [
    ("sepa_debit", "AT61 1904 3002 3457 3201", "AT86 1904 3002 3547 0000"),
    ("us_bank_account", "000123456789", "000222220000"),
    ("bacs_debit", "00012345", "22220000"),
    ("au_becs_debit", "000123456", "222220000"),
    ("acss_debit", "000123456789", "000222220000"),
];

pub(super) fn details(view: &Checkout<'_>) -> Markup {
    let (words, ask) = (view.words(), view.ask);
    html! {
        section.pay aria-label=(words.payment) {
            fieldset {
                legend { (words.contact) }
                (field::text(view, "email", &Text { kind: Some("email"), autocomplete: Some("email"), locked: ask.is_email_locked,
                    ..Text::default() }))
                @if ask.phone {
                    (field::text(view, "phone", &Text { kind: Some("tel"), autocomplete: Some("tel"), ..Text::default() }))
                }
            }
            (shipping_address(view))
            (questions(view))
            (business(view))
            @if view.needs_method() { (payment(view)) } @else {
                fieldset {
                    legend { @if asks_payer(view) { (words.your_details) } @else { (words.payment) } }
                    p.hint { (words.nothing_due) }
                    (payer(view))
                }
            }
            (consents(view))
            @if let Some(said) = &ask.texts.submit { p.said { (said) } }
            button.pay-button type="submit" name="action" value="pay" { (submit(view)) }
            @if let Some(said) = &ask.texts.after_submit { p.said { (said) } }
        }
    }
}

/// What is wrong, all of it, each leading to its field.
pub(super) fn alerts(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    if !view.is_wrong() {
        return html! {};
    }
    html! {
        div.alerts {
        @if let Some(code) = view.decline { p.alert role="alert" { (words.decline(code)) } }
        @if view.changed { p.alert role="alert" { (words.total_changed) } }
        @if !view.problems.is_empty() {
            div.alert role="alert" {
                p { (words.check_fields) }
                ul {
                    @for name in in_order(view) {
                        li { a href={ "#" (name) } { (called(view, name)) } ": " (view.problem(name).unwrap_or_default()) }
                    }
                }
            }
        }
        }
    }
}

/// The names of the fields that are wrong, in the order of the page.
fn in_order<'a>(view: &Checkout<'a>) -> Vec<&'a str> {
    const PLACES: [&str; 20] = [
        "quantity.",
        "custom_amount",
        "optional.",
        "promotion_code",
        "shipping_rate",
        "email",
        "phone",
        "shipping.name",
        "shipping.country",
        "shipping.",
        "individual_name",
        "field.",
        "business_name",
        "tax_id",
        "method",
        "card_",
        "account_number",
        "name",
        "country",
        "billing.",
    ];
    let mut names: Vec<&str> = view.problems.iter().map(|(name, _)| name).collect();
    names.sort_by_key(|name| PLACES.iter().position(|place| name.starts_with(place)).unwrap_or(PLACES.len()));
    names
}

/// What a field is called on the page.
fn called<'a>(view: &Checkout<'a>, name: &str) -> &'a str {
    let ask = view.ask;
    let line = name.strip_prefix("quantity.").or(name.strip_prefix("optional."));
    if let Some(line) = line.and_then(|id| ask.lines.iter().chain(&ask.optional).find(|line| line.id == id)) {
        return &line.name;
    }
    if let Some(field) = name.strip_prefix("field.").and_then(|key| ask.fields.iter().find(|field| field.key == key)) {
        return &field.label;
    }
    view.words().label(name)
}

fn submit(view: &Checkout<'_>) -> Markup {
    let (words, ask) = (view.words(), view.ask);
    let said = words.submit(ask.mode, &ask.submit_type);
    html! {
        @if ask.mode == Mode::Payment && view.awaits_amount() { (said) }
        @else if ask.mode == Mode::Payment && view.quote.total == 0 { (words.submit_free()) }
        @else if view.trial_days().is_some() {
            (words.submit_trial())
            @if view.quote.total > 0 { " · " (view.money(view.quote.total)) }
        }
        @else if ask.mode == Mode::Setup && !ask.ways.contains(&Way::Card) { (words.save_account) }
        @else if ask.mode != Mode::Payment { (said) }
        @else if ask.ways == [Way::BankTransfer] { (words.submit_transfer()) }
        @else { (said) " " (view.money(view.quote.total)) }
    }
}

fn shipping_address(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    let Some(served) = &view.ask.shipping_countries else { return html! {} };
    let options = countries(view.locale).iter().copied().filter(|(code, _)| served.iter().any(|known| known == code));
    let fallback = view.ask.first_shipping_country(view.locale);
    html! {
        fieldset {
            legend { (words.shipping_address) }
            @if let Some(said) = &view.ask.texts.shipping_address { p.said { (said) } }
            (field::text(view, "shipping.name", &autofilled("shipping name")))
            (field::select(view, "shipping.country", (None, "shipping country", false), options, fallback))
            (address(view, "shipping"))
        }
    }
}

/// The parts of an address below its country. Which of them it needs, depends on the country, and that can be chosen after
/// the page was made: a hint tells what is needed where.
fn address(view: &Checkout<'_>, of: &str) -> Markup {
    let fill_in = |part: &str| format!("{of} {part}");
    let served = view.ask.shipping_countries.as_ref().filter(|_| of == "shipping");
    let choices =
        || countries(view.locale).iter().filter(|(code, _)| served.is_none_or(|all| all.iter().any(|c| c == code)));
    let needing = |part| choices().filter(move |(code, _)| entries::needs_part(code, part)).map(|(_, name)| *name);
    let is_everywhere = |part| needing(part).count() == choices().count();
    let (has_postal_code, has_state) = (is_everywhere(AddressPart::PostalCode), is_everywhere(AddressPart::State));
    let states: Vec<&str> = needing(AddressPart::State).collect();
    let postal_code = Text {
        conditional: !has_postal_code,
        hint: (!has_postal_code).then(|| view.words().postal_code_hint.to_owned()),
        ..autofilled("")
    };
    let state = Text {
        optional: states.is_empty(),
        conditional: !has_state,
        hint: (!has_state && !states.is_empty()).then(|| fill(view.words().state_hint, &states.join(", "))),
        ..autofilled("")
    };
    html! {
        (field::text(view, &format!("{of}.line1"), &autofilled(&fill_in("address-line1"))))
        (field::text(view, &format!("{of}.line2"), &Text { optional: true, ..autofilled(&fill_in("address-line2")) }))
        div.pair {
            (field::text(view, &format!("{of}.postal_code"), &Text { autocomplete: Some(&fill_in("postal-code")), ..postal_code }))
            (field::text(view, &format!("{of}.city"), &autofilled(&fill_in("address-level2"))))
        }
        (field::text(view, &format!("{of}.state"), &Text { autocomplete: Some(&fill_in("address-level1")), ..state }))
    }
}

fn autofilled(autocomplete: &str) -> Text<'_> {
    Text { autocomplete: Some(autocomplete), ..Text::default() }
}

/// The customer's name, and the merchant's own questions.
fn questions(view: &Checkout<'_>) -> Markup {
    let ask = view.ask;
    html! {
        @if ask.individual_name.is_some() || !ask.fields.is_empty() {
            fieldset {
                legend { (view.words().more) }
                @if let Some(need) = ask.individual_name {
                    (field::text(view, "individual_name", &Text { optional: need == Need::Optional, ..autofilled("name") }))
                }
                @for field in &ask.fields { (custom_field(view, field)) }
            }
        }
    }
}

fn custom_field(view: &Checkout<'_>, field: &CustomField) -> Markup {
    let name = format!("field.{}", field.key);
    match &field.kind {
        FieldKind::Dropdown(options) => {
            let options = options.iter().map(|(value, label)| (value.as_str(), label.as_str()));
            field::select(view, &name, (Some(&field.label), "off", field.optional), options, "")
        }
        kind => {
            let numeric = *kind == FieldKind::Numeric;
            let about = Text {
                label: Some(&field.label),
                keyboard: numeric.then_some("numeric"),
                optional: field.optional,
                longest: field.longest,
                ..Text::default()
            };
            field::text(view, &name, &about)
        }
    }
}

fn business(view: &Checkout<'_>) -> Markup {
    let (words, ask) = (view.words(), view.ask);
    html! {
        @if ask.business_name.is_some() || ask.tax_id.is_some() {
            fieldset {
                legend { (words.tax_id_legend) }
                @if let Some(need) = ask.business_name {
                    (field::text(view, "business_name", &Text { optional: need == Need::Optional, ..autofilled("organization") }))
                }
                @if let Some(need) = ask.tax_id {
                    @let optional = need == Need::Optional;
                    (field::select(view, "tax_id_type", (None, "off", optional), words.tax_ids.iter().copied(), ""))
                    (field::text(view, "tax_id", &Text { optional, ..Text::default() }))
                }
            }
        }
    }
}

fn payment(view: &Checkout<'_>) -> Markup {
    let (words, ask) = (view.words(), view.ask);
    html! {
        fieldset {
            legend { (words.payment) }
            @match ask.ways.as_slice() {
                [only] => {
                    div id="method" tabindex="-1" role="group" aria-label=(words.label("method")) aria-describedby=[field::described(view, "method", false)] {
                        input type="hidden" name="method" value=(only.tag());
                        (panel(view, *only))
                    }
                }
                ways => {
                    div.ways id="method" tabindex="-1" role="radiogroup" aria-label=(words.label("method"))
                        aria-describedby=[field::described(view, "method", false)] {
                        @for (index, way) in ways.iter().enumerate() { (way_choice(view, *way, index == 0)) }
                    }
                }
            }
            (field::error(view, "method"))
            (payer(view))
        }
    }
}

/// A way to pay; what it needs is shown while it is chosen, which the style sheet sees to.
fn way_choice(view: &Checkout<'_>, way: Way, first: bool) -> Markup {
    let id = format!("method.{}", way.tag());
    let chosen = view.raw.get("method");
    html! {
        div.way {
            input id=(id) name="method" type="radio" value=(way.tag()) checked[chosen == way.tag() || (first && chosen.is_empty())];
            label for=(id) { (view.words().way(way, &view.ask.debit)) }
            div.panel { (panel(view, way)) }
        }
    }
}

fn panel(view: &Checkout<'_>, way: Way) -> Markup {
    let words = view.words();
    match way {
        Way::Card => card(view),
        Way::BankTransfer => html! { p.said { (words.transfer_explained) } },
        Way::BankDebit => {
            let known = ACCOUNTS.iter().find(|(kind, ..)| *kind == view.ask.debit).unwrap_or(&ACCOUNTS[0]);
            let label = if view.ask.debit == "sepa_debit" { "iban" } else { "account_number" };
            let about =
                Text { label: Some(words.label(label)), placeholder: Some(known.1), secret: true, ..Text::default() };
            html! {
                p.said { (words.debit_explained) }
                (field::text(view, "account_number", &about))
                details open[view.problems.of("account_number").is_some()] {
                    summary { (words.test_accounts) }
                    table {
                        tr { th scope="row" { code { (known.1) } } td { (words.account_pays) } }
                        tr { th scope="row" { code { (known.2) } } td { (words.account_fails) } }
                    }
                }
            }
        }
    }
}

fn card(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    let part = |autocomplete, placeholder| Text {
        keyboard: Some("numeric"),
        placeholder: Some(placeholder),
        secret: true,
        ..autofilled(autocomplete)
    };
    html! {
        (field::text(view, "card_number", &part("cc-number", "4242 4242 4242 4242")))
        div.pair {
            (field::text(view, "card_expiry", &part("cc-exp", "12 / 34")))
            (field::text(view, "card_cvc", &part("cc-csc", "123")))
        }
        details open[view.decline.is_some() || view.problems.of("card_number").is_some()] {
            summary { (words.test_cards) }
            table {
                @for (number, what) in words.cards { tr { th scope="row" { code { (number) } } td { (what) } } }
            }
            p.note { (words.test_cards_note) }
        }
    }
}

/// The name and the country, or the whole billing address.
fn payer(view: &Checkout<'_>) -> Markup {
    let (words, ask) = (view.words(), view.ask);
    let card_alone = ask.ways == [Way::Card] && view.needs_method();
    let (label, autocomplete) = if card_alone { ("name_on_card", "cc-name") } else { ("name", "name") };
    let named = countries(view.locale).iter().copied();
    let (draws, whole) = (ask.draws(view.needs_method()), ask.whole_billing_address);
    html! {
        @if entries::needs_name(draws, whole) {
            (field::text(view, "name", &Text { label: Some(words.label(label)), ..autofilled(autocomplete) }))
        }
        @if ask.shares_address() {
            (field::checkbox(view, "same_address", "yes", words.same_address))
        }
        @if asks_payer(view) {
            div.billing {
                @if whole { p.part { (words.billing_address) } }
                (field::select(view, "country", (None, "billing country", false), named, view.ask.home_country(view.locale)))
                @if whole { (address(view, "billing")) }
            }
        }
    }
}

fn asks_payer(view: &Checkout<'_>) -> bool {
    let ask = view.ask;
    entries::needs_country(ask.draws(view.needs_method()), ask.whole_billing_address, ask.automatic_tax)
}

fn consents(view: &Checkout<'_>) -> Markup {
    let (words, ask) = (view.words(), view.ask);
    html! {
        @if ask.terms {
            (field::checkbox(view, "terms", "yes", ask.texts.terms.as_deref().unwrap_or(words.terms)))
        }
        @if ask.promotions { (field::checkbox(view, "promotions", "yes", words.promotions)) }
        @if ask.reuse && view.needs_method() { p.note { (fill(words.reuse, view.merchant())) } }
    }
}
