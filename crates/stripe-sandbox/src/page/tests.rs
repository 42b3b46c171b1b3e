//! What the pages show.

use super::checkout_form::{
    CustomField, FieldKind, Line, PaymentOption, Pricing, Rate, Requirement, Texts, Tier, TrialEnd,
};
use super::*;
use crate::purchase::{FieldError, FieldErrorKind, FormField, QuotedLine, Recurring};

/// 2026-11-24.
const NOW: i64 = 1_795_478_400;

fn line(id: &str, pricing: Pricing) -> Line {
    Line {
        id: id.to_owned(),
        name: "<script>alert(1)</script>".to_owned(),
        detail: None,
        unit_label: None,
        quantity: 1,
        adjustable: None,
        pricing,
        every: None,
    }
}

fn unit(minor: i64) -> Pricing {
    Pricing::Unit(minor.into())
}

fn form() -> CheckoutForm {
    CheckoutForm {
        currency: "sek".to_owned(),
        payment_options: vec![PaymentOption::Card],
        lines: vec![line("li_1", unit(160_875))],
        merchant: Some("Ada & co".to_owned()),
        ..CheckoutForm::default()
    }
}

fn quote(total: i64) -> Quote {
    let lines =
        vec![QuotedLine { line_item_id: "li_1".to_owned(), quantity: 1, subtotal: total, total, ..Default::default() }];
    Quote { lines, subtotal: total, total, ..Quote::default() }
}

/// The page with this in its form, and this wrong.
fn page(form: &CheckoutForm, quote: &Quote, pairs: &[(&str, &str)], field_errors: Vec<FieldError>) -> String {
    in_language(Locale::En, form, quote, pairs, field_errors)
}

fn in_language(
    locale: Locale,
    form: &CheckoutForm,
    quote: &Quote,
    pairs: &[(&str, &str)],
    field_errors: Vec<FieldError>,
) -> String {
    let raw = RawForm::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
    let mut problems = Problems::default();
    problems.add_field_errors(form, &raw, field_errors);
    checkout(&view(locale, form, quote, &raw, &problems)).into_string()
}

fn view<'a>(
    locale: Locale,
    form: &'a CheckoutForm,
    quote: &'a Quote,
    raw: &'a RawForm,
    problems: &'a Problems,
) -> Checkout<'a> {
    Checkout {
        locale,
        session_id: "cs_test_x",
        form_token: "token",
        form,
        quote,
        raw,
        problems,
        decline: None,
        changed: false,
        now: NOW,
    }
}

fn shut(reason: ClosedReason, message: Option<&str>) -> Closed<'_> {
    Closed { reason, merchant: None, message, back_url: None, start_url: None }
}

fn shows(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(page.contains(part), "{part} is not in {page}");
    }
}

fn hides(page: &str, parts: &[&str]) {
    for part in parts {
        assert!(!page.contains(part), "{part} is in {page}");
    }
}

#[test]
fn every_page_says_that_no_money_moves_in_both_languages() {
    let (form, quote, raw, problems) = (form(), quote(100), RawForm::default(), Problems::default());
    for (locale, said) in [(Locale::En, "No money moves"), (Locale::Sv, "Inga pengar flyttas")] {
        for page in [
            checkout(&view(locale, &form, &quote, &raw, &problems)),
            challenge(&view(locale, &form, &quote, &raw, &problems)),
            closed(locale, &shut(ClosedReason::Inactive, None)),
            not_found(locale),
            index(locale),
        ] {
            shows(&page.into_string(), &[said]);
        }
    }
}

#[test]
fn what_a_merchant_wrote_is_shown_and_never_run() {
    let page = page(&form(), &quote(100), &[], Vec::new());
    shows(&page, &["&lt;script&gt;alert(1)&lt;/script&gt;", "<title>Pay Ada &amp; co</title>"]);
    let closed = closed(Locale::En, &shut(ClosedReason::Inactive, Some("<b>sold out</b>"))).into_string();
    shows(&closed, &["&lt;b&gt;sold out&lt;/b&gt;"]);
}

#[test]
fn a_plain_order_asks_no_update_and_a_changeable_one_does() {
    hides(&page(&form(), &quote(100), &[], Vec::new()), &["value=\"update\"", "Promotion code", "Subtotal"]);
    let codes = CheckoutForm { promotion_codes: true, ..form() };
    let changeable = page(&codes, &quote(100), &[], Vec::new());
    shows(&changeable, &["value=\"update\"", "Promotion code"]);
    // The enter key presses the first button.
    assert!(changeable.find("value=\"pay\"").unwrap() < changeable.find("value=\"update\"").unwrap());
}

#[test]
fn errors_stand_at_their_fields_and_lead_there() {
    let field_errors = vec![
        FieldError { field: FormField::Email, kind: FieldErrorKind::Missing },
        FieldError { field: FormField::CustomField("size".to_owned()), kind: FieldErrorKind::TooLong(4) },
    ];
    let field = CustomField {
        key: "size".to_owned(),
        label: "Your size".to_owned(),
        optional: true,
        kind: FieldKind::Text,
        default: String::new(),
        longest: Some(4),
    };
    let page =
        page(&CheckoutForm { fields: vec![field], ..form() }, &quote(100), &[("field.size", "hugest")], field_errors);
    shows(
        &page,
        &[
            // Who hears the page, or uses a keyboard, is brought to the list.
            "<div class=\"alerts\" tabindex=\"-1\" autofocus>",
            "id=\"email-error\"",
            "aria-describedby=\"email-error\"",
            "href=\"#field.size\"",
            "Can have at most 4 characters.",
            "value=\"hugest\"",
            "Your size <span class=\"optional\">(optional)",
            "maxlength=\"4\"",
        ],
    );
}

#[test]
fn the_number_of_a_card_is_never_shown_again_nor_carried_to_the_bank() {
    let pairs = [
        ("card_number", "4000002500003155"),
        ("card_cvc", "987"),
        ("account_number", "AT611904300234573201"),
        ("email", "ada@example.com"),
        ("field.size", "L"),
        ("terms", "yes"),
        ("quantity.li_1", "3"),
        ("shown", "100+0"),
    ];
    let pairs_of = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let (form, quote, raw, problems) = (form(), quote(100), RawForm::of(pairs_of(&pairs)), Problems::default());
    let bank = challenge(&view(Locale::En, &form, &quote, &raw, &problems)).into_string();
    let again = checkout(&view(Locale::En, &form, &quote, &raw, &problems)).into_string();
    for page in [&bank, &again] {
        hides(page, &["4000002500003155", "987", "AT611904300234573201"]);
    }
    shows(
        &bank,
        &[
            "ada@example.com",
            "name=\"field.size\" value=\"L\"",
            "name=\"terms\"",
            "name=\"quantity.li_1\" value=\"3\"",
            "name=\"shown\" value=\"100+0\"",
            "SEK\u{a0}1.00 to Ada &amp; co",
        ],
    );
}

#[test]
fn figures_that_were_not_shown_are_noticed() {
    let form = |shown: &str| RawForm::of(vec![("shown".to_owned(), shown.to_owned())]);
    assert!(!has_changed(&form(&figures_tag(&quote(100))), &quote(100), None));
    assert!(has_changed(&form(&figures_tag(&quote(100))), &quote(101), None));
    let recurring =
        Recurring { interval: "month".to_owned(), interval_count: 1, total: 5, trial_ends: None, next_payment: None };
    let later = Quote { recurring: Some(recurring), ..quote(100) };
    assert!(has_changed(&form(&figures_tag(&quote(100))), &later, None));
    // What the customer typed they have seen; a form without the figures is no page's.
    assert!(!has_changed(&form("0+0"), &quote(500), Some(500)));
    assert!(!has_changed(&RawForm::default(), &quote(100), None));
}

#[test]
fn prices_are_told_as_they_are_counted() {
    let package = |is_begun_paid| Pricing::Package { amount: 1_000.into(), size: 12, is_begun_paid };
    let many = Line { quantity: 3, ..line("li_1", unit(1_000)) };
    let seats = Line { unit_label: Some("seat".to_owned()), every: Some(("month".to_owned(), 3)), ..many.clone() };
    for (line, parts) in [
        (Line { every: Some(("month".to_owned(), 1)), ..many.clone() }, vec!["SEK\u{a0}10.00 each per month"]),
        (many, vec!["SEK\u{a0}10.00 each", "Quantity 3"]),
        (seats, vec!["SEK\u{a0}10.00 per seat every 3 months"]),
        (line("li_1", package(true)), vec!["SEK\u{a0}10.00 per 12 or part of 12; 2 packages"]),
        (line("li_1", package(false)), vec!["SEK\u{a0}10.00 per full 12; 2 packages"]),
    ] {
        let mut counted = quote(3_000);
        counted.lines[0].packages = Some(2);
        shows(&page(&CheckoutForm { lines: vec![line], ..form() }, &counted, &[], Vec::new()), &parts);
    }
}

#[test]
fn tiers_tell_the_price_that_applies_and_to_which_pieces() {
    let told = |is_volume: bool, counted: std::ops::Range<usize>| {
        let tiers = vec![
            Tier { up_to: Some(10), unit: Some(500.into()), flat: None },
            Tier { up_to: Some(11), unit: Some(450.into()), flat: None },
            Tier { up_to: None, unit: Some(400.into()), flat: Some(1_000.into()) },
        ];
        let mut quote = quote(3_000);
        quote.lines[0].tiers = counted;
        let form = CheckoutForm { lines: vec![line("li_1", Pricing::Tiers { tiers, is_volume })], ..form() };
        page(&form, &quote, &[], Vec::new()).replace('\u{a0}', " ")
    };
    let dear = "<span class=\"detail\">SEK 5.00 each</span>";
    let volume = told(true, 2..3);
    shows(&volume, &["<span class=\"detail\">SEK 4.00 each + SEK 10.00 flat</span>", "applies to all pieces"]);
    shows(&volume, &[">1–10</th>", ">11</th>", ">12 or more</th>"]);
    hides(&volume, &["From SEK"]);
    shows(&told(false, 0..1), &[dear, "at the price of its step"]);
    shows(&told(false, 0..3), &["From SEK 4.00 each"]);
    shows(&told(false, 0..0), &["From SEK 4.00 each"]);
}

#[test]
fn quantities_offers_and_an_own_amount_can_be_chosen() {
    let adjustable = Line { adjustable: Some((1, 7)), ..line("li_1", unit(1_000)) };
    let offers = vec![line("price_1", unit(500)), Line { adjustable: Some((2, 4)), ..line("price_2", unit(500)) }];
    let choosing = CheckoutForm { lines: vec![adjustable], optional: offers, ..form() };
    let chosen = [("quantity.li_1", "5"), ("optional.price_1", "1")];
    shows(
        &page(&choosing, &quote(5_500), &chosen, Vec::new()),
        &[
            "name=\"quantity.li_1\" type=\"number\" inputmode=\"numeric\" autocomplete=\"off\" min=\"1\" max=\"7\" step=\"1\" value=\"5\"",
            "name=\"optional.price_1\" type=\"checkbox\" value=\"1\" checked",
            "name=\"optional.price_2\" type=\"number\" inputmode=\"numeric\" autocomplete=\"off\" min=\"0\" max=\"4\"",
            "From 1 to 7",
            "0, or 2 to 4",
        ],
    );
    let pricing = Pricing::Custom { minimum: 1_000, maximum: 5_000, preset: None };
    let own = CheckoutForm { lines: vec![line("li_1", pricing)], ..form() };
    let empty = page(&own, &quote(0), &[], Vec::new());
    shows(&empty, &["Amount (SEK)", "Between SEK\u{a0}10.00 and SEK\u{a0}50.00", "name=\"card_number\""]);
    hides(&empty, &["SEK\u{a0}0.00", "Complete the order"]);
    let little = vec![FieldError { field: FormField::CustomAmount, kind: FieldErrorKind::TooSmall(1_000) }];
    let refused = page(&own, &quote(0), &[("custom_amount", "5")], little);
    shows(&refused, &["The amount must be at least SEK\u{a0}10.00.", "Show the total", "name=\"card_number\""]);
    hides(&refused, &["SEK\u{a0}0.00", "Complete the order"]);
}

#[test]
fn a_code_that_applies_can_be_removed_and_one_that_does_not_is_told() {
    let codes = CheckoutForm { promotion_codes: true, ..form() };
    let applied = Quote { promotion_code: Some("SAVE10".to_owned()), discount: 10, total: 90, ..quote(100) };
    let page_with = page(&codes, &applied, &[("promotion_code", "save10")], Vec::new());
    shows(&page_with, &["value=\"remove_code\"", "Code SAVE10 applied", "Discount (SAVE10)", "−SEK\u{a0}0.10"]);
    let unknown = vec![FieldError { field: FormField::PromotionCode, kind: FieldErrorKind::UnknownCode }];
    shows(&page(&codes, &quote(100), &[("promotion_code", "WINTER")], unknown), &["know the code WINTER."]);
    let unknown = vec![FieldError { field: FormField::PromotionCode, kind: FieldErrorKind::BelowMinimum(50_000) }];
    let refused = page(&codes, &quote(100), &[("promotion_code", "SAVE10")], unknown);
    shows(&refused, &["The code needs an order of at least SEK\u{a0}500.00.", "value=\"SAVE10\""]);
    hides(&refused, &["remove_code"]);
    // One that applies and leaves too little is told at its place, and can be removed.
    let little = vec![FieldError { field: FormField::PromotionCode, kind: FieldErrorKind::BelowCharge(300) }];
    let left = page(&codes, &applied, &[("promotion_code", "SAVE10")], little);
    let parts = [
        "id=\"promotion_code\"",
        "id=\"promotion_code-error\"",
        "The code leaves less than SEK\u{a0}3.00",
        "remove_code",
    ];
    shows(&left, &parts);
}

#[test]
fn what_is_wrong_leads_to_a_place_that_there_is() {
    let both = CheckoutForm { payment_options: vec![PaymentOption::Card, PaymentOption::BankTransfer], ..form() };
    for form in [form(), both] {
        let field_errors = vec![FieldError { field: FormField::Method, kind: FieldErrorKind::BelowCharge(300) }];
        let page = page(&form, &quote(100), &[], field_errors);
        shows(
            &page,
            &[
                "href=\"#method\"",
                "id=\"method\"",
                "id=\"method-error\"",
                "aria-describedby=\"method-error\"",
                "<title>Error: Pay Ada &amp; co</title>",
                "It must come to at least SEK\u{a0}3.00.",
            ],
        );
    }
}

#[test]
fn shipping_and_tax_are_told_in_the_figures() {
    let rate = |id: &str, amount| Rate {
        id: id.to_owned(),
        name: format!("Post {id}"),
        amount,
        soonest: Some((3, "business_day".to_owned())),
        latest: Some((5, "business_day".to_owned())),
    };
    let form = CheckoutForm { shipping_rates: vec![rate("shr_1", 0), rate("shr_2", 4_900)], ..form() };
    let added = Quote {
        shipping: 4_900,
        shipping_rate: Some("shr_2".to_owned()),
        tax: 2_500,
        tax_included: 980,
        tax_percent: Some(25),
        total: 17_400,
        ..quote(10_000)
    };
    let page_added = page(&form, &added, &[("shipping_rate", "shr_2")], Vec::new());
    shows(
        &page_added,
        &[
            "Subtotal",
            "3–5 business days",
            "Free",
            "value=\"shr_2\" checked",
            "<span>Shipping (Post shr_2)</span>",
            "<span>Tax 25%</span><span class=\"amount\">SEK\u{a0}25.00",
            "<span>Tax included 25%</span><span class=\"amount\">SEK\u{a0}9.80",
        ],
    );
    let inside = Quote { tax_included: 2_000, ..quote(10_000) };
    shows(&page(&form, &inside, &[], Vec::new()), &["Tax included", "value=\"shr_1\" checked"]);
}

#[test]
fn a_subscription_tells_what_comes_when_and_a_trial_that_it_is_free() {
    let recurring = |trial_ends: Option<i64>| Recurring {
        interval: "month".to_owned(),
        interval_count: 1,
        total: 9_900,
        trial_ends,
        next_payment: trial_ends.or(Some(NOW + 30 * DAY)),
    };
    let told = |form: &CheckoutForm, quote: &Quote| page(form, quote, &[], Vec::new()).replace('\u{a0}', " ");
    let form = CheckoutForm { mode: Mode::Subscription, always_needs_method: true, reuse: true, ..form() };
    let now = Quote { recurring: Some(recurring(None)), ..quote(9_900) };
    shows(
        &told(&form, &now),
        &[
            "SEK 99.00 <span class=\"per\">per month</span>",
            "<p class=\"every\">Next payment 24 December 2026</p>",
            "Subscribe to Ada &amp; co",
            "Due today",
            ">Subscribe and pay SEK 99.00</button>",
            "charge you SEK 99.00 per month until you cancel",
        ],
    );
    let with_fee = Quote { total: 14_900, ..now.clone() };
    shows(&told(&form, &with_fee), &["Then SEK 99.00 per month from 24 December 2026"]);
    let later = Quote { recurring: Some(recurring(Some(NOW + 14 * DAY - 5))), total: 0, waived: 9_900, ..quote(9_900) };
    shows(
        &told(&form, &later),
        &[
            "<p class=\"total\">14 days free</p>",
            "Until 7 December 2026, then SEK 99.00 per month",
            "−SEK 99.00",
            "charge you SEK 99.00 per month from 7 December 2026 until you cancel",
            ">Start the trial</button>",
            "card_number",
        ],
    );
    // A fee that is due today is told, and the trial beside it.
    let fee = Quote { total: 5_000, subtotal: 14_900, ..later.clone() };
    shows(
        &told(&form, &fee),
        &[
            "<p class=\"total\">SEK 50.00</p>",
            "14 days free. Until 7 December 2026, then SEK 99.00 per month",
            ">Start the trial and pay SEK 50.00</button>",
        ],
    );
    for (trial_end, said) in [
        (TrialEnd::Invoice, "you are sent an invoice"),
        (TrialEnd::Pause, "pauses until you add a payment method"),
        (TrialEnd::Cancel, "ends by itself"),
    ] {
        let free = told(&CheckoutForm { always_needs_method: false, trial_end, ..form.clone() }, &later);
        shows(&free, &["<legend>Payment method</legend>", "Nothing is due today", said]);
        hides(&free, &["card_number"]);
    }
}

#[test]
fn the_button_says_what_is_paid_now_or_only_held() {
    let button = |form: &CheckoutForm, total: i64| {
        let page = page(form, &quote(total), &[], Vec::new()).replace('\u{a0}', " ");
        let (_, rest) = page.split_once("class=\"pay-button\"").unwrap();
        rest.split(['>', '<']).nth(1).unwrap().to_owned()
    };
    let of = |submit_type: &str| CheckoutForm { submit_type: submit_type.to_owned(), ..form() };
    assert_eq!(
        (button(&of("pay"), 100), button(&of("book"), 100)),
        ("Pay SEK 1.00".into(), "Book and pay SEK 1.00".into())
    );
    assert_eq!(
        (button(&of("book"), 0), button(&of("donate"), 100)),
        ("Complete the order".into(), "Donate SEK 1.00".into())
    );
    let subscription = CheckoutForm { mode: Mode::Subscription, ..form() };
    assert_eq!(button(&subscription, 0), "Subscribe");
    let holding = CheckoutForm { holds: true, ..form() };
    assert_eq!(button(&holding, 100), "Reserve SEK 1.00");
    shows(&page(&holding, &quote(100), &[], Vec::new()), &["Reserved on your card now, charged later."]);
    // What is not paid by card is not held.
    let either = CheckoutForm { payment_options: vec![PaymentOption::Card, PaymentOption::BankDebit], ..holding };
    assert_eq!(button(&either, 100), "Pay SEK 1.00");
}

#[test]
fn what_was_changed_is_told_from_and_to_and_as_no_error() {
    let told = |shown: &str| {
        let (form, quote, problems) = (form(), quote(12_500), Problems::default());
        let raw = RawForm::of(vec![("shown".to_owned(), shown.to_owned())]);
        let view = Checkout { changed: true, ..view(Locale::En, &form, &quote, &raw, &problems) };
        checkout(&view).into_string().replace('\u{a0}', " ")
    };
    shows(&told("10000+0"), &["class=\"alert changed\"", "from SEK 100.00 to SEK 125.00. Nothing has been charged."]);
    shows(&told("12500+0"), &["Your choices changed what you pay later."]);
}

#[test]
fn what_is_not_kept_of_a_card_is_asked_for_again() {
    let again = |pairs: &[(&str, &str)], decline: Option<&'static str>| {
        let (form, quote, problems) = (form(), quote(100), Problems::default());
        let mut raw = RawForm::of(pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect());
        raw.forget_secrets();
        let view = Checkout { decline, ..view(Locale::En, &form, &quote, &raw, &problems) };
        checkout(&view).into_string().contains("enter your card again")
    };
    assert!(again(&[("card_number", "4242")], None) && again(&[], Some("authentication_failed")));
    assert!(!again(&[("email", "ada@example.com")], None));
}

#[test]
fn a_hint_gives_way_to_what_is_wrong() {
    let form = CheckoutForm { whole_billing_address: true, ..form() };
    let hint = "Leave empty if your country has none.";
    shows(&page(&form, &quote(100), &[], Vec::new()), &[hint, "aria-describedby=\"billing.postal_code-hint\""]);
    let field = FormField::BillingAddress(crate::purchase::AddressPart::PostalCode);
    let wrong = page(&form, &quote(100), &[], vec![FieldError { field, kind: FieldErrorKind::Missing }]);
    shows(&wrong, &["aria-describedby=\"billing.postal_code-error\"", "Postal code is missing"]);
    hides(&wrong, &[hint]);
}

#[test]
fn a_page_that_is_closed_says_whose_it_was_and_leads_on() {
    let told = |reason| {
        let urls = (Some("https://example.com/basket"), Some("/test_x"));
        let page = Closed { reason, merchant: Some("Ada & co"), message: None, back_url: urls.0, start_url: urls.1 };
        closed(Locale::En, &page).into_string()
    };
    shows(
        &told(ClosedReason::Expired),
        &["Ada &amp; co", "no longer open", "href=\"https://example.com/basket\"", "/test_x"],
    );
    shows(&told(ClosedReason::Paid), &["Already paid", "to do anything"]);
    shows(&told(ClosedReason::UsedUp), &["This page is closed", "as many times as it allows"]);
}

#[test]
fn nothing_to_pay_asks_no_card_and_saving_a_card_shows_no_amount() {
    let free = page(&form(), &quote(0), &[], Vec::new());
    shows(&free, &["Complete the order"]);
    hides(&free, &["card_number"]);
    let setup = CheckoutForm { mode: Mode::Setup, always_needs_method: true, reuse: true, lines: Vec::new(), ..form() };
    let saving = page(&setup, &Quote::default(), &[], Vec::new());
    shows(&saving, &["Save card", "card_number", "you let Ada &amp; co keep this payment method"]);
    shows(&saving, &["Nothing is charged now"]);
    let account = CheckoutForm { payment_options: vec![PaymentOption::BankDebit], ..setup.clone() };
    shows(&page(&account, &Quote::default(), &[], Vec::new()), &["Save account"]);
    let (raw, problems, none) = (RawForm::default(), Problems::default(), Quote::default());
    let bank = challenge(&view(Locale::En, &setup, &none, &raw, &problems)).into_string();
    shows(&bank, &["Confirm the card"]);
    hides(&bank, &["payment"]);
    hides(&saving, &["SEK", "Due today", "<ul class=\"items\""]);
}

#[test]
fn each_payment_option_has_its_panel() {
    let all = CheckoutForm {
        payment_options: vec![PaymentOption::Card, PaymentOption::BankTransfer, PaymentOption::BankDebit],
        debit: "sepa_debit".to_owned(),
        ..form()
    };
    let choosing = page(&all, &quote(100), &[("method", "bank_debit")], Vec::new());
    shows(
        &choosing,
        &["value=\"bank_debit\" checked", "IBAN", "AT61 1904", "account number and a reference", "card_number"],
    );
    let transfer = page(
        &CheckoutForm { payment_options: vec![PaymentOption::BankTransfer], ..form() },
        &quote(100),
        &[],
        Vec::new(),
    );
    shows(&transfer, &["name=\"method\" value=\"bank_transfer\"", "Continue to the transfer"]);
    hides(&transfer, &["card_number", "Name on card"]);
    shows(&transfer, &["<p class=\"part\">Bank transfer</p>"]);
    let sepa =
        CheckoutForm { payment_options: vec![PaymentOption::BankDebit], debit: "sepa_debit".to_owned(), ..form() };
    let debit = page(&sepa, &quote(100), &[], Vec::new());
    shows(&debit, &["SEPA Direct Debit", "you authorise Ada &amp; co", "Account holder's name"]);
}

#[test]
fn the_form_asks_what_the_session_asks_and_nothing_else() {
    let every = [
        "name=\"phone\"",
        "name=\"individual_name\"",
        "name=\"business_name\"",
        "name=\"tax_id_type\"",
        "name=\"shipping.line1\"",
        "name=\"billing.line1\"",
        "name=\"same_address\"",
        "name=\"terms\"",
        "name=\"promotions\"",
        "name=\"field.size\"",
    ];
    hides(&page(&form(), &quote(100), &[], Vec::new()), &every);
    let sizes = FieldKind::Dropdown(vec![("l".to_owned(), "Large".to_owned())]);
    let all = CheckoutForm {
        phone: true,
        individual_name: Some(Requirement::Required),
        business_name: Some(Requirement::Optional),
        tax_id: Some(Requirement::Optional),
        shipping_countries: Some(vec!["SE".to_owned(), "NO".to_owned()]),
        whole_billing_address: true,
        terms: true,
        promotions: true,
        fields: vec![CustomField {
            key: "size".to_owned(),
            label: "Size".to_owned(),
            optional: false,
            kind: sizes,
            default: String::new(),
            longest: None,
        }],
        texts: Texts {
            submit: Some("said at the button".to_owned()),
            after_submit: Some("said below the button".to_owned()),
            shipping_address: Some("said at the address".to_owned()),
            terms: Some("own terms".to_owned()),
        },
        ..form()
    };
    let page = page(&all, &quote(100), &[("field.size", "l")], Vec::new());
    shows(&page, &every);
    shows(
        &page,
        &["said at the address", "own terms", "<option value=\"l\" selected>Large", "<option value=\"NO\">Norway"],
    );
    let at = |part: &str| page.find(part).unwrap();
    assert!(
        at("said at the button") < at("class=\"pay-button\"")
            && at("class=\"pay-button\"") < at("said below the button")
    );
    // Neither Sweden nor Norway has states, some country on earth does.
    hides(&page, &["shipping.state"]);
    shows(
        &page,
        &[
            "for=\"billing.state\">State or region <span class=\"optional\">(only in some countries)</span></label>",
            "Needed in: Australia, Brazil, Canada, India, Japan, Mexico, United States",
        ],
    );
    let field = |name: &str| page[at(&format!("name=\"{name}\""))..].split('>').next().unwrap();
    let is_required = |name| field(name).contains(" required");
    assert!(
        is_required("shipping.postal_code") && !is_required("billing.postal_code") && !is_required("billing.state")
    );
    let served = &page[at("name=\"shipping.country\"")..at("name=\"shipping.line1\"")];
    assert!(!served.contains("Denmark"));
}

/// A session that asks all that there is to ask, in pages that tell all that there is to tell.
fn everything() -> CheckoutForm {
    let optional = Line { adjustable: Some((2, 4)), ..line("price_1", unit(500)) };
    let tiers = vec![
        Tier { up_to: Some(10), unit: Some(500.into()), flat: Some(100.into()) },
        Tier { up_to: None, unit: Some(400.into()), flat: None },
    ];
    let lines = vec![
        Line { adjustable: Some((1, 7)), every: Some(("month".to_owned(), 1)), ..line("li_1", unit(1_000)) },
        line("li_2", Pricing::Package { amount: 1_000.into(), size: 12, is_begun_paid: true }),
        line("li_3", Pricing::Tiers { tiers, is_volume: true }),
        line("li_4", Pricing::Custom { minimum: 1_000, maximum: 5_000, preset: None }),
    ];
    let rate = Rate {
        id: "shr_1".to_owned(),
        name: "Post".to_owned(),
        amount: 0,
        soonest: Some((3, "business_day".to_owned())),
        latest: Some((5, "business_day".to_owned())),
    };
    CheckoutForm {
        lines,
        optional: vec![line("price_2", unit(500)), optional],
        promotion_codes: true,
        shipping_rates: vec![rate],
        automatic_tax: true,
        whole_billing_address: true,
        shipping_countries: Some(vec!["SE".to_owned(), "US".to_owned()]),
        phone: true,
        individual_name: Some(Requirement::Required),
        business_name: Some(Requirement::Optional),
        tax_id: Some(Requirement::Optional),
        terms: true,
        promotions: true,
        reuse: true,
        payment_options: vec![PaymentOption::Card, PaymentOption::BankTransfer, PaymentOption::BankDebit],
        debit: "bacs_debit".to_owned(),
        cancel_url: Some("https://example.com".to_owned()),
        ..form()
    }
}

/// All pages in a language.
fn all_pages(locale: Locale) -> Vec<String> {
    let recurring = |trial_ends| Recurring {
        interval: "month".to_owned(),
        interval_count: 3,
        total: 9_900,
        trial_ends,
        next_payment: trial_ends,
    };
    let plain = Quote { discount: 100, tax: 25, ..quote(100) };
    let trial = Quote { recurring: Some(recurring(Some(NOW + 14 * DAY))), total: 0, ..quote(100) };
    let code = [("promotion_code", "CODE")];
    let fields =
        ["email", "phone", "terms", "tax_id", "card_number", "card_expiry", "card_cvc", "method", "custom_amount"];
    let kinds = [
        FieldErrorKind::Missing,
        FieldErrorKind::Malformed,
        FieldErrorKind::TooSmall(1),
        FieldErrorKind::TooLarge(1),
        FieldErrorKind::TooShort(1),
        FieldErrorKind::TooLong(1),
        FieldErrorKind::UnknownCode,
        FieldErrorKind::ExpiredCode,
        FieldErrorKind::CodeNotForYou,
        FieldErrorKind::BelowMinimum(1),
        FieldErrorKind::BelowCharge(1),
        FieldErrorKind::CountryNotServed,
        FieldErrorKind::CardBrandNotAccepted,
        FieldErrorKind::NotAnOption,
    ];
    let mut pages = Vec::new();
    for (mode, quote) in [(Mode::Payment, &plain), (Mode::Subscription, &trial), (Mode::Setup, &Quote::default())] {
        for submit_type in ["pay", "book", "donate", "subscribe"] {
            let form = CheckoutForm { mode, submit_type: submit_type.to_owned(), ..everything() };
            pages.push(in_language(locale, &form, quote, &[("custom_amount", "1")], Vec::new()));
        }
    }
    let applied = Quote { promotion_code: Some("CODE".to_owned()), ..quote(0) };
    let free = CheckoutForm {
        lines: vec![line("li_1", unit(0))],
        automatic_tax: false,
        whole_billing_address: false,
        ..everything()
    };
    pages.push(in_language(locale, &free, &applied, &code, vec![]));
    let (raw, problems, form) = (RawForm::default(), Problems::default(), everything());
    for decline in ["generic_decline", "insufficient_funds", "authentication_failed"] {
        let view = Checkout { decline: Some(decline), changed: true, ..view(locale, &form, &plain, &raw, &problems) };
        pages.push(checkout(&view).into_string());
    }
    for (name, kind) in fields.iter().flat_map(|name| kinds.iter().map(move |kind| (name, *kind))) {
        let mut problems = Problems::default();
        problems.add(name, kind);
        pages.push(checkout(&view(locale, &form, &plain, &raw, &problems)).into_string());
    }
    for problem in [form::Problem::NotATestCard, form::Problem::Past] {
        let mut problems = Problems::default();
        problems.add("card_number", problem);
        pages.push(checkout(&view(locale, &form, &plain, &raw, &problems)).into_string());
    }
    pages.push(challenge(&view(locale, &form, &plain, &raw, &problems)).into_string());
    let reasons = [ClosedReason::Inactive, ClosedReason::Paid, ClosedReason::UsedUp, ClosedReason::Expired];
    pages.extend(reasons.map(|reason| {
        let page = Closed { start_url: Some("/x"), back_url: Some("/x"), ..shut(reason, None) };
        closed(locale, &page).into_string()
    }));
    pages.extend([not_found(locale), index(locale)].map(Markup::into_string));
    let outcomes = [
        Outcome::Paid,
        Outcome::Free,
        Outcome::Subscribed,
        Outcome::Saved,
        Outcome::AwaitingTransfer,
        Outcome::Processing,
        Outcome::Held,
        Outcome::Released,
        Outcome::Partly { held: 2_000 },
        Outcome::Failed,
    ];
    let parts =
        ["account_holder_name", "routing_number", "branch_code", "account_type", "reference", "amount", "country"];
    for outcome in outcomes {
        let session = serde_json::json!({"amount_subtotal": 1_000, "amount_total": 1_000, "shipping_cost":
            {"amount_subtotal": 1}, "total_details": {"amount_discount": 1, "amount_shipping": 1, "amount_tax": 1}});
        let method = serde_json::json!({"type": "us_bank_account", "us_bank_account": {"last4": "6789"}});
        let view = Confirmation {
            locale,
            merchant: None,
            currency: "sek",
            amount: 1_000,
            outcome,
            lines: vec![Bought { name: "Post".to_owned(), quantity: 2, packages: Some(1), amount: 1_000 }],
            sums: Sums::of_session(&session, (100, Some(14)), &|_, _| None),
            upcoming: None,
            facts: Facts {
                at: Some(NOW),
                method,
                payment_id: Some("1".to_owned()),
                reference: Some("1".to_owned()),
                email: Some("1".to_owned()),
                shipping: serde_json::json!({"address": {"country": "SE"}}),
            },
            message: None,
            return_url: Some("https://example.com".to_owned()),
            invoice_url: Some("/i/1"),
            instructions: parts.map(|name| (name.to_owned(), "1".to_owned())).into(),
        };
        pages.push(confirmation(&view).into_string());
    }
    pages
}

/// What a reader reads of a page: texts, and labels that are only heard. Countries are not among them: many are called alike.
fn said(page: &str) -> Vec<String> {
    let (_, body) = page.split_once("</style>").unwrap();
    let texts = body.split('<').skip(1).filter(|part| !part.starts_with("option")).filter_map(|part| {
        let (tag, text) = part.split_once('>')?;
        let label = tag.split_once("aria-label=\"").and_then(|(_, rest)| rest.split('"').next());
        Some([text.to_owned(), label.unwrap_or_default().to_owned()])
    });
    let is_said = |text: &String| text.chars().filter(|c| c.is_alphabetic()).count() > 1;
    texts.flatten().map(|text| text.trim().to_owned()).filter(is_said).collect()
}

#[test]
fn swedish_is_swedish_throughout() {
    // What is the same in both languages, or is not the page's own.
    let shared = ["paylinks sandbox", "&lt;script&gt;alert(1)&lt;/script&gt;", "Post", "CODE"];
    let (english, swedish) = (all_pages(Locale::En), all_pages(Locale::Sv));
    let of = |pages: &[String]| pages.iter().flat_map(|page| said(page)).collect::<std::collections::BTreeSet<_>>();
    let (english, swedish) = (of(&english), of(&swedish));
    let same: Vec<&String> = english.intersection(&swedish).filter(|text| !shared.contains(&text.as_str())).collect();
    assert_eq!(same, [""; 0]);
    assert_eq!(english.len(), swedish.len(), "{english:#?} {swedish:#?}");
    let page = in_language(Locale::Sv, &form(), &quote(160_875), &[], Vec::new());
    shows(&page, &["lang=\"sv\"", "Betala till Ada", "1\u{a0}608,75\u{a0}kr", "<option value=\"SE\" selected>Sverige"]);
}

#[test]
fn a_page_fetches_nothing_and_runs_nothing() {
    for page in all_pages(Locale::En) {
        let foreign =
            ["<script", "<link", "<img", "<iframe", "<object", "<svg", " src=", "@import", "url(", "javascript:"];
        hides(&page, &foreign);
        let is_handler = |word: &str| word.starts_with("on") && word.contains("=\"");
        assert!(!page.split([' ', '\n']).any(is_handler), "{page}");
    }
}

#[test]
fn what_is_wrong_is_told_in_the_order_of_the_page() {
    let wrong = |field| FieldError { field, kind: FieldErrorKind::Missing };
    // A shared address is found wrong as the billing address, before who receives the goods.
    let street = FormField::ShippingAddress(crate::purchase::AddressPart::Line1);
    let fields =
        [FormField::Terms, FormField::Name, street, FormField::ShippingName, FormField::Phone, FormField::CustomAmount];
    let field_errors = fields.map(wrong).into();
    let page = page(&form(), &quote(100), &[], field_errors);
    let at = |name: &str| page.find(&format!("href=\"#{name}\"")).unwrap();
    assert!(at("custom_amount") < at("phone") && at("phone") < at("shipping.name") && at("name") < at("terms"));
    assert!(at("shipping.name") < at("shipping.line1") && at("shipping.line1") < at("name"));
}
