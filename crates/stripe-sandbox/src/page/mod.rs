//! The pages that a person sees: pure rendering, without JavaScript, readable on a phone, in English and Swedish.
//!
//! They ask for figures and never compute them. What was entered is shown again, but never the number of a card.

mod after;
mod amount;
mod checkout_form;
mod countries;
mod details;
mod field;
mod form;
mod invoice;
mod method;
mod order;
mod payment;
mod period;
mod style;
mod sums;
#[cfg(test)]
mod tests;
mod words;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(crate) use after::{Bought, Confirmation, Facts, Outcome, confirmation, instructions};
pub(crate) use checkout_form::CheckoutForm;
pub(crate) use form::{Action, Problems, RawForm, read};
pub(crate) use invoice::invoice;
pub(crate) use method::{read_method, test_card};
pub(crate) use sums::Sums;
pub(crate) use words::Locale;

use crate::clock::DAY;
use crate::purchase::Quote;
use amount::amount;
use checkout_form::Mode;
use words::{Words, fill, fill_all};

/// Nothing but what the page itself holds. Forms may lead to the merchant, to whom the answer redirects.
pub(crate) const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// An open checkout.
pub(crate) struct Checkout<'a> {
    pub(crate) locale: Locale,
    pub(crate) session_id: &'a str,
    pub(crate) form_token: &'a str,
    pub(crate) form: &'a CheckoutForm,
    pub(crate) quote: &'a Quote,
    pub(crate) raw: &'a RawForm,
    pub(crate) problems: &'a Problems,
    /// Why the card was not charged.
    pub(crate) decline: Option<&'static str>,
    /// The figures are other than those that the customer saw.
    pub(crate) changed: bool,
    /// In seconds since the Unix epoch.
    pub(crate) now: i64,
}

/// Why a page can't be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClosedReason {
    Inactive,
    /// What could be paid once was paid.
    Paid,
    /// The link was paid as often as it may be.
    UsedUp,
    Expired,
}

/// A page that can't be paid.
pub(crate) struct Closed<'a> {
    pub(crate) reason: ClosedReason,
    pub(crate) merchant: Option<&'a str>,
    /// What the merchant says, in place of the page's own words.
    pub(crate) message: Option<&'a str>,
    /// Where the merchant takes the customer back.
    pub(crate) back_url: Option<&'a str>,
    /// Where the customer can begin again.
    pub(crate) start_url: Option<&'a str>,
}

/// The page on which a person pays.
pub(crate) fn checkout(view: &Checkout<'_>) -> Markup {
    let body = html! {
        main {
            form.checkout method="post" action={ "/c/pay/" (view.session_id) } novalidate {
                input type="hidden" name="token" value=(view.form_token);
                input type="hidden" name="locale" value=(view.locale.tag());
                input type="hidden" name="shown" value=(figures_tag(view.quote));
                @if view.form.changes_figures() {
                    // The enter key presses the first button of a form: it should pay, not lose the card to an update.
                    input.hidden type="submit" name="action" value="pay" tabindex="-1" aria-hidden="true";
                }
                (details::alerts(view))
                (order::summary(view))
                (details::details(view))
            }
        }
    };
    let heading = view.heading();
    // A reader hears the title first: it says that something is wrong.
    let title = if view.is_wrong() { fill(view.words().error_title, &heading) } else { heading };
    layout(view.locale, &title, body)
}

/// What stands for the figures that a customer saw, so that nobody is charged another amount.
pub(crate) fn figures_tag(quote: &Quote) -> String {
    let later = quote.recurring.as_ref().map_or(0, |recurring| recurring.total);
    format!("{}+{later}", quote.total)
}

/// Whether the figures are others than those that were shown. An amount that the customer typed needs no showing, and a
/// form that does not say what was shown came from no page.
pub(crate) fn has_changed(raw: &RawForm, quote: &Quote, custom_amount: Option<i64>) -> bool {
    let shown = raw.get("shown");
    !shown.is_empty() && shown != figures_tag(quote) && custom_amount != Some(quote.total)
}

impl<'a> Checkout<'a> {
    fn words(&self) -> &'static Words {
        self.locale.words()
    }

    fn money(&self, minor: i64) -> String {
        amount(minor, &self.form.currency, self.locale)
    }

    fn merchant(&self) -> &'a str {
        self.form.merchant().unwrap_or(self.words().merchant)
    }

    /// The page is shown again, with something to look at.
    fn is_wrong(&self) -> bool {
        self.decline.is_some() || self.changed || !self.problems.is_empty()
    }

    fn heading(&self) -> String {
        self.words().heading(self.form.mode, &self.form.submit_type, self.merchant())
    }

    /// What is wrong with a field, in words.
    fn problem(&self, name: &str) -> Option<String> {
        let is_money = matches!(name, "custom_amount" | "promotion_code" | "method");
        let limit = |limit: i64| if is_money { self.money(limit) } else { limit.to_string() };
        self.problems.of(name).map(|problem| self.words().problem((name, self.raw.get(name)), problem, limit))
    }

    /// What was entered of a card or an account is gone, and must be entered again.
    fn asks_again(&self) -> bool {
        self.raw.has_forgotten() || self.decline.is_some()
    }

    fn needs_method(&self) -> bool {
        // Before an amount is chosen nothing is due, but it will be.
        self.form.needs_method(self.quote) || self.awaits_amount()
    }

    /// The customer has still to choose the amount, or to choose one that fits.
    fn awaits_amount(&self) -> bool {
        let is_open = self.raw.get("custom_amount").is_empty() || self.problems.of("custom_amount").is_some();
        self.quote.total == 0 && is_open && self.form.custom_line().is_some()
    }

    /// Whole days that are free, a day that has begun counted.
    fn trial_days(&self) -> Option<i64> {
        let ends = self.quote.recurring.as_ref()?.trial_ends?;
        Some((ends - self.now + DAY - 1) / DAY).filter(|days| *days > 0)
    }
}

/// The page that plays the customer's bank. It carries on what was entered, but never the number of a card.
pub(crate) fn challenge(view: &Checkout<'_>) -> Markup {
    let words = view.words();
    let (title, said) = match view.form.mode {
        Mode::Setup => (words.challenge_title_saving, words.challenge_text_saving),
        Mode::Payment | Mode::Subscription => (words.challenge_title, words.challenge_text),
    };
    let body = html! {
        main.card {
            h1 { (title) }
            @if view.quote.total > 0 {
                p { strong { (fill_all(words.challenge_amount, &[&view.money(view.quote.total), view.merchant()])) } }
            }
            p { (said) }
            form method="post" action={ "/c/pay/" (view.session_id) "/authenticate" } {
                @for (name, value) in view.raw.carried() { input type="hidden" name=(name) value=(value); }
                button type="submit" name="outcome" value="complete" { (words.challenge_complete) }
                button.secondary type="submit" name="outcome" value="fail" { (words.challenge_fail) }
            }
        }
    };
    layout(view.locale, title, body)
}

/// The page of something that can't be paid.
pub(crate) fn closed(locale: Locale, page: &Closed<'_>) -> Markup {
    let words = locale.words();
    let (title, standard) = match page.reason {
        ClosedReason::Inactive => (words.closed_title, words.inactive_text),
        // The merchant's own words can be for others than who paid.
        ClosedReason::Paid if page.message.is_some() => (words.closed_title, words.paid_already_text),
        ClosedReason::Paid => (words.paid_already_title, words.paid_already_text),
        ClosedReason::UsedUp => (words.closed_title, words.used_up_text),
        ClosedReason::Expired => (words.expired_title, words.expired_text),
    };
    let body = html! {
        main.card {
            h1 { (title) }
            p.hint { (page.merchant.unwrap_or(words.merchant)) }
            p.said { (page.message.unwrap_or(standard)) }
            @if let Some(url) = page.start_url { p { a href=(url) { (words.start_again) } } }
            @if let Some(url) = page.back_url { p { a href=(url) { (words.back) } } }
        }
    };
    layout(locale, title, body)
}

/// The page of something that is not there.
pub(crate) fn not_found(locale: Locale) -> Markup {
    let words = locale.words();
    layout(
        locale,
        words.not_found_title,
        html! { main.card { h1 { (words.not_found_title) } p { (words.not_found_text) } } },
    )
}

/// What the sandbox is, for whoever opens its root.
pub(crate) fn index(locale: Locale) -> Markup {
    let words = locale.words();
    layout(locale, "paylinks sandbox", html! { main.card { h1 { "paylinks sandbox" } p { (words.index_text) } } })
}

fn layout(locale: Locale, title: &str, body: Markup) -> Markup {
    let words = locale.words();
    html! {
        (DOCTYPE)
        html lang=(locale.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(style::CSS)) }
            }
            body {
                p.banner role="note" { strong { (words.banner_title) } " " (words.banner_text) }
                (body)
                footer { "paylinks sandbox" }
            }
        }
    }
}
