//! Who pays: the person, where it goes, the merchant's own questions and the consents; and what is wrong with all that.

use maud::{Markup, html};

use super::Checkout;
use super::checkout_form::{CustomField, FieldKind, Mode, PaymentOption, Requirement, TrialEnd};
use super::countries::countries;
use super::field::{self, Text};
use super::form::Problem;
use super::order;
use super::payment::{asks_payer, country_label, name_label, payer, payment};
use super::words::{Submit, fill, fill_all};
use crate::purchase::{AddressPart, FieldErrorKind, validation};

pub(super) fn details(view: &Checkout<'_>) -> Markup {
    let (words, form) = (view.words(), view.form);
    html! {
        section.pay aria-label=(words.payment) {
            fieldset {
                legend { (words.contact) }
                (field::text(view, "email", &Text { kind: Some("email"), autocomplete: Some("email"), locked: form.is_email_locked,
                    hint: form.is_email_locked.then(|| words.locked_hint.to_owned()), ..Text::default() }))
                @if let Some(requirement) = form.individual_name {
                    (field::text(view, "individual_name", &Text { optional: requirement == Requirement::Optional, ..autofilled("name") }))
                }
                @if form.phone {
                    (field::text(view, "phone", &Text { kind: Some("tel"), autocomplete: Some("tel"), ..Text::default() }))
                }
            }
            (shipping_address(view))
            (questions(view))
            (business(view))
            @if view.needs_method() { (payment(view)) } @else {
                fieldset {
                    legend { @if asks_payer(view) { (words.your_details) } @else { (words.payment_method) } }
                    p.hint { (words.nothing_due) @if let Some(said) = after_trial(view) { " " (said) } }
                    (payer(view))
                }
            }
            (consents(view))
            @if let Some(said) = &form.texts.submit { p.said { (said) } }
            button.pay-button type="submit" name="action" value="pay" { (submit(view)) }
            @if let Some(said) = &form.texts.after_submit { p.said { (said) } }
        }
    }
}

/// What follows on a trial for which no payment method is asked.
fn after_trial(view: &Checkout<'_>) -> Option<&'static str> {
    let words = view.words();
    view.trial_days().map(|_| match view.form.trial_end {
        TrialEnd::Invoice => words.trial_invoices,
        TrialEnd::Pause => words.trial_pauses,
        TrialEnd::Cancel => words.trial_ends_itself,
    })
}

/// What is wrong, all of it, each leading to its field.
pub(super) fn alerts(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    if !view.is_wrong() {
        return html! {};
    }
    html! {
        // Without a script, only this brings whoever uses a keyboard or hears the page to what is wrong.
        div.alerts tabindex="-1" autofocus {
        @if let Some(code) = view.decline { p.alert role="alert" { (words.decline(code)) } }
        // Nothing is wrong with figures that follow from a choice: they are only to be looked at.
        @if view.changed { p.alert.changed role="alert" { (changed(view)) } }
        @if !view.problems.is_empty() {
            div.alert role="alert" {
                p { (words.check_fields) }
                ul { @for name in in_order(view) { li { (error_entry(view, name)) } } }
            }
        }
        }
    }
}

/// From which total to which, or that what comes later is another.
fn changed(view: &Checkout<'_>) -> String {
    let words = view.words();
    let shown = view.raw.get("shown").split('+').next().and_then(|total| total.parse::<i64>().ok());
    match shown.filter(|shown| *shown != view.quote.total) {
        Some(shown) => fill_all(words.total_changed, &[&view.money(shown), &view.money(view.quote.total)]),
        None => words.later_changed.to_owned(),
    }
}

fn error_entry(view: &Checkout<'_>, name: &str) -> Markup {
    let called = called(view, name);
    // Each of many fields that are empty is named, rather than said to be filled in.
    let is_missing = view.problems.of(name) == Some(Problem::Field(FieldErrorKind::Missing)) && name != "terms";
    html! {
        @if is_missing { a href={ "#" (name) } { (fill(view.words().is_missing, called)) } }
        @else { a href={ "#" (name) } { (called) } ": " (view.problem(name).unwrap_or_default()) }
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
        "individual_name",
        "phone",
        "shipping.name",
        "shipping.country",
        "shipping.",
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
    let form = view.form;
    let line = name.strip_prefix("quantity.").or(name.strip_prefix("optional."));
    if let Some(line) = line.and_then(|id| form.lines.iter().chain(&form.optional).find(|line| line.id == id)) {
        return &line.name;
    }
    if let Some(field) = name.strip_prefix("field.").and_then(|key| form.fields.iter().find(|field| field.key == key)) {
        return &field.label;
    }
    match name {
        "name" => name_label(view),
        "country" => country_label(view),
        name => view.words().label(name),
    }
}

fn submit(view: &Checkout<'_>) -> String {
    let (form, total) = (view.form, view.quote.total);
    let does = match (form.mode, form.submit_type.as_str()) {
        (Mode::Setup, _) if !form.payment_options.contains(&PaymentOption::Card) => Submit::SaveAccount,
        (Mode::Setup, _) => Submit::SaveCard,
        (Mode::Payment, _) if total == 0 && !view.awaits_amount() => Submit::Order,
        (Mode::Payment, _) if form.payment_options == [PaymentOption::BankTransfer] => Submit::GoToTransfer,
        (Mode::Payment, _) if form.holds && form.payment_options == [PaymentOption::Card] => Submit::Reserve,
        _ if view.trial_days().is_some() => Submit::StartTrial,
        // Where nothing is due today, the button does not say that something is paid.
        (Mode::Subscription, _) if total == 0 => Submit::Subscribe,
        (_, "book") => Submit::Book,
        (_, "donate") => Submit::Donate,
        (Mode::Subscription, _) | (_, "subscribe") => Submit::Subscribe,
        (Mode::Payment, _) => Submit::Pay,
    };
    let amount = (total > 0).then(|| view.money(total));
    view.words().submit(does, amount.as_deref())
}

fn shipping_address(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    let Some(served) = &view.form.shipping_countries else { return html! {} };
    let options = countries(view.locale).iter().copied().filter(|(code, _)| served.iter().any(|known| known == code));
    let fallback = view.form.first_shipping_country(view.locale);
    html! {
        fieldset {
            legend { (words.shipping_address) }
            @if let Some(said) = &view.form.texts.shipping_address { p.said { (said) } }
            (field::text(view, "shipping.name", &autofilled("shipping name")))
            (field::select(view, "shipping.country", (None, "shipping country", false), options, fallback))
            @if view.form.automatic_tax { (order::update(view)) }
            (address(view, "shipping"))
        }
    }
}

/// The parts of an address below its country. Which of them it needs, depends on the country, and that can be chosen after
/// the page was made: a hint tells what is needed where.
pub(super) fn address(view: &Checkout<'_>, of: &str) -> Markup {
    let fill_in = |part: &str| format!("{of} {part}");
    let served = view.form.shipping_countries.as_ref().filter(|_| of == "shipping");
    let choices =
        || countries(view.locale).iter().filter(|(code, _)| served.is_none_or(|all| all.iter().any(|c| c == code)));
    let needing = |part| choices().filter(move |(code, _)| validation::needs_part(code, part)).map(|(_, name)| *name);
    let is_everywhere = |part| needing(part).count() == choices().count();
    let (has_postal_code, has_state) = (is_everywhere(AddressPart::PostalCode), is_everywhere(AddressPart::State));
    let states: Vec<&str> = needing(AddressPart::State).collect();
    let postal_code = Text {
        conditional: !has_postal_code,
        hint: (!has_postal_code).then(|| view.words().postal_code_hint.to_owned()),
        ..autofilled("")
    };
    let state = Text {
        conditional: !has_state,
        note: if has_state { "" } else { view.words().only_some },
        hint: (!has_state).then(|| fill(view.words().state_hint, &states.join(", "))),
        ..autofilled("")
    };
    html! {
        (field::text(view, &format!("{of}.line1"), &autofilled(&fill_in("address-line1"))))
        (field::text(view, &format!("{of}.line2"), &Text { optional: true, ..autofilled(&fill_in("address-line2")) }))
        div.pair {
            (field::text(view, &format!("{of}.postal_code"), &Text { autocomplete: Some(&fill_in("postal-code")), ..postal_code }))
            (field::text(view, &format!("{of}.city"), &autofilled(&fill_in("address-level2"))))
        }
        // Where no country has states, there is nothing to ask.
        @if !states.is_empty() {
        (field::text(view, &format!("{of}.state"), &Text { autocomplete: Some(&fill_in("address-level1")), ..state }))
        }
    }
}

pub(super) fn autofilled(autocomplete: &str) -> Text<'_> {
    Text { autocomplete: Some(autocomplete), ..Text::default() }
}

/// The merchant's own questions.
fn questions(view: &Checkout<'_>) -> Markup {
    let form = view.form;
    html! {
        @if !form.fields.is_empty() {
            fieldset {
                legend { (view.words().more) }
                @for field in &form.fields { (custom_field(view, field)) }
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
    let (words, form) = (view.words(), view.form);
    html! {
        @if form.business_name.is_some() || form.tax_id.is_some() {
            fieldset {
                legend { (words.tax_id_legend) }
                @if let Some(requirement) = form.business_name {
                    (field::text(view, "business_name", &Text { optional: requirement == Requirement::Optional, ..autofilled("organization") }))
                }
                @if let Some(requirement) = form.tax_id {
                    @let optional = requirement == Requirement::Optional;
                    (field::select(view, "tax_id_type", (None, "off", optional), words.tax_ids.iter().copied(), ""))
                    (field::text(view, "tax_id", &Text { optional, ..Text::default() }))
                }
            }
        }
    }
}

fn consents(view: &Checkout<'_>) -> Markup {
    let (words, form) = (view.words(), view.form);
    // The merchant's own words say themselves where the terms are.
    let terms = form
        .texts
        .terms
        .clone()
        .map_or_else(|| (fill(words.terms, view.merchant()), words.terms_hint), |own| (own, ""));
    html! {
        @if form.terms { (field::checkbox(view, "terms", &terms.0, terms.1)) }
        @if form.promotions {
            (field::checkbox(view, "promotions", &fill(words.promotions, view.merchant()), ""))
        }
        @if form.reuse && view.needs_method() { p.note { (reuse(view)) } }
    }
}

/// What keeping the payment method means: of a subscription, how much is drawn and how often, and after a trial from when.
fn reuse(view: &Checkout<'_>) -> String {
    let words = view.words();
    match &view.quote.recurring {
        Some(later) => {
            let every = words.every(&later.interval, later.interval_count);
            let (merchant, amount) = (view.merchant(), view.money(later.total));
            match later.trial_ends {
                Some(end) => fill_all(words.reuse_after_trial, &[merchant, &amount, &every, &words.date(end)]),
                None => fill_all(words.reuse_until, &[merchant, &amount, &every]),
            }
        }
        None => fill(words.reuse, view.merchant()),
    }
}
