//! The pages that a person sees: pure rendering, without JavaScript, readable on a phone, in English and Swedish.

mod amount;
mod form;
mod style;
mod words;

use maud::{DOCTYPE, Markup, PreEscaped, html};

pub(crate) use form::{Entered, FormErrors, PaymentForm, RawForm};
pub(crate) use words::Locale;

use amount::amount;
use form::Field;

/// Nothing but what the page itself holds. Forms may lead to the merchant, to whom the answer redirects.
pub(crate) const CONTENT_SECURITY_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

/// An open checkout.
pub(crate) struct CheckoutView<'a> {
    pub(crate) locale: Locale,
    pub(crate) session_id: &'a str,
    pub(crate) form_token: &'a str,
    pub(crate) currency: &'a str,
    pub(crate) total: i64,
    pub(crate) items: Vec<ItemView<'a>>,
    pub(crate) cancel_url: Option<&'a str>,
    pub(crate) submit_type: &'a str,
    pub(crate) entered: Entered,
    pub(crate) errors: FormErrors,
}

/// A line of a checkout.
pub(crate) struct ItemView<'a> {
    pub(crate) name: &'a str,
    pub(crate) detail: Option<&'a str>,
    pub(crate) quantity: i64,
    pub(crate) amount: i64,
}

/// A completed checkout.
pub(crate) struct ConfirmationView<'a> {
    pub(crate) locale: Locale,
    pub(crate) currency: &'a str,
    pub(crate) total: i64,
    pub(crate) message: Option<&'a str>,
    pub(crate) return_url: Option<&'a str>,
}

/// Why a page can't be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClosedReason {
    Inactive,
    Expired,
}

/// The page on which a person pays.
pub(crate) fn checkout(view: &CheckoutView<'_>) -> Markup {
    let words = view.locale.words();
    let total = amount(view.total, view.currency, view.locale);
    let summary = html! {
        section.summary aria-labelledby="summary" {
            @if let Some(url) = view.cancel_url { a.back href=(url) { "← " (words.back) } }
            h1 id="summary" { (words.to_pay) }
            p.total { (total) }
            ul.items {
                @for item in &view.items {
                    li {
                        div {
                            span.name { (item.name) }
                            @if let Some(detail) = item.detail { span.detail { (detail) } }
                            @if item.quantity > 1 { span.detail { (words.quantity) " " (item.quantity) } }
                        }
                        span.amount { (amount(item.amount, view.currency, view.locale)) }
                    }
                }
            }
            div.sum { span { (words.total) } span.amount { (total) } }
        }
    };
    let form = html! {
        section.pay aria-labelledby="pay" {
            h2 id="pay" { (words.pay_by_card) }
            @if let Some(code) = view.errors.decline { p.alert role="alert" { (words.decline(code)) } }
            @if !view.errors.fields.is_empty() { p.alert role="alert" { (words.check_fields) } }
            form method="post" action={ "/c/pay/" (view.session_id) } novalidate {
                input type="hidden" name="token" value=(view.form_token);
                input type="hidden" name="locale" value=(view.locale.tag());
                (field(view, Field::Email, "email", html! {
                    input id="email" name="email" type="email" autocomplete="email" value=(view.entered.email)
                        aria-invalid=(invalid(view, Field::Email)) aria-describedby="email-error";
                }))
                (field(view, Field::CardNumber, "card_number", html! {
                    input id="card_number" name="card_number" inputmode="numeric" autocomplete="cc-number"
                        placeholder="4242 4242 4242 4242" aria-invalid=(invalid(view, Field::CardNumber)) aria-describedby="card_number-error";
                }))
                div.pair {
                    (field(view, Field::Expiry, "card_expiry", html! {
                        input id="card_expiry" name="card_expiry" inputmode="numeric" autocomplete="cc-exp" placeholder="12 / 34"
                            aria-invalid=(invalid(view, Field::Expiry)) aria-describedby="card_expiry-error";
                    }))
                    (field(view, Field::Cvc, "card_cvc", html! {
                        input id="card_cvc" name="card_cvc" inputmode="numeric" autocomplete="cc-csc" placeholder="123"
                            aria-invalid=(invalid(view, Field::Cvc)) aria-describedby="card_cvc-error";
                    }))
                }
                (field(view, Field::Name, "name", html! {
                    input id="name" name="name" autocomplete="cc-name" value=(view.entered.name)
                        aria-invalid=(invalid(view, Field::Name)) aria-describedby="name-error";
                }))
                (field(view, Field::Country, "country", html! {
                    select id="country" name="country" autocomplete="country" {
                        @for (code, name) in words.countries {
                            option value=(code) selected[*code == view.entered.country] { (name) }
                        }
                    }
                }))
                button type="submit" { (words.submit(view.submit_type)) " " (total) }
            }
            details open[view.errors.has_card_problem()] {
                summary { (words.test_cards) }
                table {
                    @for (number, what) in words.cards {
                        tr { th scope="row" { code { (number) } } td { (what) } }
                    }
                }
                p.note { (words.test_cards_note) }
            }
        }
    };
    layout(view.locale, words.checkout_title, html! { main.checkout { (summary) (form) } })
}

/// The page that plays the customer's bank.
pub(crate) fn challenge(locale: Locale, session_id: &str, raw: &RawForm) -> Markup {
    let words = locale.words();
    let (month, year) = raw.expiry().unwrap_or((12, 2099));
    let body = html! {
        main.card {
            h1 { (words.challenge_title) }
            p { (words.challenge_text) }
            form method="post" action={ "/c/pay/" (session_id) "/authenticate" } {
                @for (name, value) in [("token", &raw.token), ("locale", &raw.locale), ("email", &raw.email), ("name", &raw.name), ("country", &raw.country)] {
                    input type="hidden" name=(name) value=(value);
                }
                input type="hidden" name="exp_month" value=(month);
                input type="hidden" name="exp_year" value=(year);
                button type="submit" name="outcome" value="complete" { (words.challenge_complete) }
                button.secondary type="submit" name="outcome" value="fail" { (words.challenge_fail) }
            }
        }
    };
    layout(locale, words.challenge_title, body)
}

/// The page after a payment.
pub(crate) fn confirmation(view: &ConfirmationView<'_>) -> Markup {
    let words = view.locale.words();
    let body = html! {
        main.card {
            div.mark aria-hidden="true" { "✓" }
            h1 { (words.paid_title) }
            p.total { (amount(view.total, view.currency, view.locale)) }
            p { (view.message.unwrap_or(words.paid_text)) }
            @if let Some(url) = view.return_url { p { a href=(url) { (words.back) } } }
        }
    };
    layout(view.locale, words.paid_title, body)
}

/// The page of something that can't be paid.
pub(crate) fn closed(locale: Locale, reason: ClosedReason, message: Option<&str>) -> Markup {
    let words = locale.words();
    let standard = match reason {
        ClosedReason::Inactive => words.inactive_text,
        ClosedReason::Expired => words.expired_text,
    };
    let body = html! { main.card { h1 { (words.closed_title) } p { (message.unwrap_or(standard)) } } };
    layout(locale, words.closed_title, body)
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

fn field(view: &CheckoutView<'_>, field: Field, id: &str, input: Markup) -> Markup {
    let words = view.locale.words();
    let problem = view.errors.problem(field);
    html! {
        div.field {
            label for=(id) { (words.label(field)) }
            (input)
            @if let Some(problem) = problem { p.error id={ (id) "-error" } { (words.problem(field, problem)) } }
        }
    }
}

fn invalid(view: &CheckoutView<'_>, field: Field) -> &'static str {
    if view.errors.problem(field).is_some() { "true" } else { "false" }
}

#[cfg(test)]
mod tests {
    use super::form::Problem;
    use super::*;

    fn view(locale: Locale, errors: FormErrors) -> String {
        checkout(&CheckoutView {
            locale,
            session_id: "cs_test_x",
            form_token: "token",
            currency: "sek",
            total: 160_875,
            items: vec![ItemView { name: "<script>alert(1)</script>", detail: None, quantity: 2, amount: 160_875 }],
            cancel_url: Some("https://example.com/"),
            submit_type: "",
            entered: Entered::default(),
            errors,
        })
        .into_string()
    }

    #[test]
    fn every_page_says_that_no_money_moves_in_both_languages() {
        for (locale, said) in [(Locale::En, "No money moves"), (Locale::Sv, "Inga pengar flyttas")] {
            for page in [
                view(locale, FormErrors::default()),
                closed(locale, ClosedReason::Inactive, None).into_string(),
                not_found(locale).into_string(),
                index(locale).into_string(),
                challenge(locale, "cs_test_x", &RawForm::default()).into_string(),
            ] {
                assert!(page.contains(said), "{said}");
            }
        }
    }

    #[test]
    fn what_a_merchant_wrote_is_shown_and_never_run() {
        assert!(view(Locale::En, FormErrors::default()).contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
        let closed = closed(Locale::En, ClosedReason::Inactive, Some("<b>sold out</b>")).into_string();
        assert!(closed.contains("&lt;b&gt;sold out&lt;/b&gt;"));
    }

    #[test]
    fn a_decline_is_told_and_field_errors_stand_at_their_fields() {
        let errors = FormErrors { decline: Some("insufficient_funds"), fields: vec![(Field::Cvc, Problem::Malformed)] };
        let page = view(Locale::En, errors);
        assert!(page.contains("insufficient funds") && page.contains("card_cvc-error"));
    }
}
