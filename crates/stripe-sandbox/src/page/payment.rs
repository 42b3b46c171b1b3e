//! How it is paid: the ways that the session takes, what each needs, and in whose name.

use maud::{Markup, html};

use super::Checkout;
use super::ask::{Mode, Way};
use super::countries::countries;
use super::details::{address, autofilled};
use super::field::{self, Text};
use super::order;
use super::words::fill;
use crate::purchase::entries;

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
    let (words, ask) = (view.words(), view.ask);
    html! {
        fieldset {
            legend { (if ask.mode == Mode::Setup { words.payment_method } else { words.payment }) }
            @match ask.ways.as_slice() {
                [only] => {
                    div id="method" tabindex="-1" role="group" aria-label=(words.label("method")) aria-describedby=[field::described(view, "method", false)] {
                        input type="hidden" name="method" value=(only.tag());
                        // The fields of a card say what they are of.
                        @if *only != Way::Card { p.part { (words.way(*only, &ask.debit)) } }
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
        Way::BankDebit => debit(view),
    }
}

fn debit(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    let known = ACCOUNTS.iter().find(|(kind, ..)| *kind == view.ask.debit).unwrap_or(&ACCOUNTS[0]);
    let is_sepa = view.ask.debit == "sepa_debit";
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
        @if view.ask.holds { p.said { (words.hold_note) } }
        @if view.asks_again() { p.again { (words.card_again) } }
        (field::text(view, "card_number", &number))
        div.pair {
            (field::text(view, "card_expiry", &Text { placeholder: Some(words.expiry_form), ..part("cc-exp") }))
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
    let (words, ask) = (view.words(), view.ask);
    let autocomplete = if pays_by_card_alone(view) { "cc-name" } else { "name" };
    let named = countries(view.locale).iter().copied();
    let (draws, whole) = (ask.draws(view.needs_method()), ask.whole_billing_address);
    let country = (Some(country_label(view)), "billing country", false);
    html! {
        @if entries::needs_name(draws, whole) {
            (field::text(view, "name", &Text { label: Some(name_label(view)), ..autofilled(autocomplete) }))
        }
        @if ask.shares_address() {
            (field::checkbox(view, "same_address", words.same_address, ""))
        }
        @if asks_payer(view) {
            div.billing {
                @if whole { p.part { (words.billing_address) } }
                (field::select(view, "country", country, named, view.ask.home_country(view.locale)))
                // The tax goes by where it is sent to, where it is sent.
                @if ask.automatic_tax && ask.mode != Mode::Setup && ask.shipping_countries.is_none() { (order::update(view)) }
                @if whole { (address(view, "billing")) }
            }
        }
    }
}

pub(super) fn asks_payer(view: &Checkout<'_>) -> bool {
    let ask = view.ask;
    entries::needs_country(ask.draws(view.needs_method()), ask.whole_billing_address, ask.automatic_tax)
}

fn pays_by_card_alone(view: &Checkout<'_>) -> bool {
    view.ask.ways == [Way::Card] && view.needs_method()
}

/// Whose name is asked.
pub(super) fn name_label(view: &Checkout<'_>) -> &'static str {
    let name = match view.ask.ways.as_slice() {
        _ if !view.needs_method() => "name",
        [Way::Card] => "name_on_card",
        [Way::BankDebit] => "name_on_account",
        [Way::Card, Way::BankDebit] | [Way::BankDebit, Way::Card] => "name_on_either",
        _ => "name",
    };
    view.words().label(name)
}

/// What the country is called: of a whole address it is a part, and alone it is told apart from the one to ship to.
pub(super) fn country_label(view: &Checkout<'_>) -> &'static str {
    let name = if view.ask.whole_billing_address || !view.needs_method() {
        "country"
    } else if pays_by_card_alone(view) {
        "card_country"
    } else {
        "billing_country"
    };
    view.words().label(name)
}
