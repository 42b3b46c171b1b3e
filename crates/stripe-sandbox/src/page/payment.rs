//! How it is paid: the payment options of the session, what each needs, and in whose name.

use maud::{Markup, html};

use super::Checkout;
use super::checkout_form::{Mode, PaymentOption};
use super::countries::countries;
use super::details::{address, autofilled};
use super::field::{self, Text};
use super::order;
use super::words::fill;
use crate::purchase::validation;

/// Account numbers to try, by payment method type: one that pays, and one that fails. The sandbox goes by the end: a debit of
/// an account that ends in 0000 fails.
const ACCOUNTS: [(&str, &str, &str); 5] = [
    ("sepa_debit", "AT61 1904 3002 3457 3201", "AT86 1904 3002 3547 0000"),
    ("us_bank_account", "000123456789", "000222220000"),
    ("bacs_debit", "00012345", "22220000"),
    ("au_becs_debit", "000123456", "222220000"),
    ("acss_debit", "000123456789", "000222220000"),
];

pub(super) fn payment(view: &Checkout<'_>) -> Markup {
    let (words, form) = (view.words(), view.form);
    html! {
        fieldset {
            legend { (if form.mode == Mode::Setup { words.payment_method } else { words.payment }) }
            @match form.payment_options.as_slice() {
                [only] => {
                    div id="method" tabindex="-1" role="group" aria-label=(words.label("method")) aria-describedby=[field::described(view, "method", false)] {
                        input type="hidden" name="method" value=(only.tag());
                        // The fields of a card say what they are of.
                        @if *only != PaymentOption::Card { p.part { (words.payment_option(*only, &form.debit)) } }
                        (panel(view, *only))
                    }
                }
                payment_options => {
                    div.method-options id="method" tabindex="-1" role="radiogroup" aria-label=(words.label("method"))
                        aria-describedby=[field::described(view, "method", false)] {
                        @for (index, option) in payment_options.iter().enumerate() { (payment_option_choice(view, *option, index == 0)) }
                    }
                }
            }
            (field::error(view, "method"))
            (payer(view))
        }
    }
}

/// A payment option; what it needs is shown while it is chosen, which the style sheet sees to.
fn payment_option_choice(view: &Checkout<'_>, option: PaymentOption, first: bool) -> Markup {
    let id = format!("method.{}", option.tag());
    let chosen = view.raw.get("method");
    html! {
        div.method-option {
            input id=(id) name="method" type="radio" value=(option.tag()) checked[chosen == option.tag() || (first && chosen.is_empty())];
            label for=(id) { (view.words().payment_option(option, &view.form.debit)) }
            div.panel { (panel(view, option)) }
        }
    }
}

fn panel(view: &Checkout<'_>, option: PaymentOption) -> Markup {
    let words = view.words();
    match option {
        PaymentOption::Card => card(view),
        PaymentOption::BankTransfer => html! { p.said { (words.transfer_explained) } },
        PaymentOption::BankDebit => debit(view),
    }
}

fn debit(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    let known = ACCOUNTS.iter().find(|(kind, ..)| *kind == view.form.debit).unwrap_or(&ACCOUNTS[0]);
    let is_sepa = view.form.debit == "sepa_debit";
    let about = Text {
        label: Some(words.label(if is_sepa { "iban" } else { "account_number" })),
        hint: Some(fill(words.for_example, known.1)),
        secret: true,
        ..Text::default()
    };
    let mandate = if is_sepa { words.mandate_sepa } else { words.mandate_other };
    html! {
        p.said { (words.debit_explained) }
        @if view.asks_again() { p.again { (words.account_again) } }
        (field::text(view, "account_number", &about))
        details open[view.problems.of("account_number").is_some()] {
            summary { (words.test_accounts) }
            table {
                tr { th scope="row" { code { (known.1) } } td { (words.account_pays) } }
                tr { th scope="row" { code { (known.2) } } td { (words.account_fails) } }
            }
        }
        p.note { (fill(mandate, view.merchant())) }
    }
}

fn card(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    let part = |autocomplete| Text { keyboard: Some("numeric"), secret: true, ..autofilled(autocomplete) };
    let number = Text { hint: Some(fill(words.for_example, words.cards[0].0)), ..part("cc-number") };
    html! {
        @if view.form.holds { p.said { (words.hold_note) } }
        @if view.asks_again() { p.again { (words.card_again) } }
        (field::text(view, "card_number", &number))
        div.pair {
            (field::text(view, "card_expiry", &Text { note: words.expiry_form, placeholder: Some(words.expiry_form), ..part("cc-exp") }))
            (field::text(view, "card_cvc", &part("cc-csc")))
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
pub(super) fn payer(view: &Checkout<'_>) -> Markup {
    let (words, form) = (view.words(), view.form);
    let autocomplete = if pays_by_card_alone(view) { "cc-name" } else { "name" };
    let named = countries(view.locale).iter().copied();
    let (draws, whole) = (form.draws(view.needs_method()), form.whole_billing_address);
    let country = (Some(country_label(view)), "billing country", false);
    html! {
        @if validation::needs_name(draws, whole) {
            (field::text(view, "name", &Text { label: Some(name_label(view)), ..autofilled(autocomplete) }))
        }
        @if form.shares_address() {
            (field::checkbox(view, "same_address", words.same_address, ""))
        }
        @if asks_payer(view) {
            div.billing {
                @if whole { p.part { (words.billing_address) } }
                (field::select(view, "country", country, named, view.form.home_country(view.locale)))
                // The tax goes by where it is sent to, where it is sent.
                @if form.automatic_tax && form.mode != Mode::Setup && form.shipping_countries.is_none() { (order::update(view)) }
                @if whole { (address(view, "billing")) }
            }
        }
    }
}

pub(super) fn asks_payer(view: &Checkout<'_>) -> bool {
    let form = view.form;
    validation::needs_country(form.draws(view.needs_method()), form.whole_billing_address, form.automatic_tax)
}

fn pays_by_card_alone(view: &Checkout<'_>) -> bool {
    view.form.payment_options == [PaymentOption::Card] && view.needs_method()
}

/// Whose name is asked.
pub(super) fn name_label(view: &Checkout<'_>) -> &'static str {
    let name = match view.form.payment_options.as_slice() {
        _ if !view.needs_method() => "name",
        [PaymentOption::Card] => "name_on_card",
        [PaymentOption::BankDebit] => "name_on_account",
        [PaymentOption::Card, PaymentOption::BankDebit] | [PaymentOption::BankDebit, PaymentOption::Card] => {
            "name_on_either"
        }
        _ => "name",
    };
    view.words().label(name)
}

/// What the country is called: of a whole address it is a part, and alone it is told apart from the one to ship to.
pub(super) fn country_label(view: &Checkout<'_>) -> &'static str {
    let name = if view.form.whole_billing_address || !view.needs_method() {
        "country"
    } else if pays_by_card_alone(view) {
        "card_country"
    } else {
        "billing_country"
    };
    view.words().label(name)
}
