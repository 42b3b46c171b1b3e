//! What the pages say, in each language. A missing word does not compile. `{}` stands for what is filled in.

use super::ask::{Mode, Way};
use super::form::Problem;
use crate::purchase::Why;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locale {
    En,
    Sv,
}

impl Locale {
    /// What the URL wishes, else what the session says, else what the browser accepts, else English.
    pub(crate) fn negotiate(wished: Option<&str>, session: Option<&str>, accepted: Option<&str>) -> Self {
        let parse = |tag: &str| match tag.split(['-', '_', ';', ',']).next().unwrap_or_default().trim() {
            "sv" => Some(Self::Sv),
            "en" => Some(Self::En),
            _ => None,
        };
        let accepted = accepted.and_then(|list| list.split(',').find_map(parse));
        wished.and_then(parse).or(session.and_then(parse)).or(accepted).unwrap_or(Self::En)
    }

    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Sv => "sv",
        }
    }

    pub(super) const fn words(self) -> &'static Words {
        match self {
            Self::En => &EN,
            Self::Sv => &SV,
        }
    }
}

/// A template with one place filled in.
pub(super) fn fill(template: &str, value: &str) -> String {
    template.replacen("{}", value, 1)
}

/// The words of a language.
pub(super) struct Words {
    pub(super) banner_title: &'static str,
    pub(super) banner_text: &'static str,
    pub(super) merchant: &'static str,
    pub(super) back: &'static str,
    pub(super) order: &'static str,
    pub(super) quantity: &'static str,
    pub(super) between: &'static str,
    pub(super) none_or_between: &'static str,
    pub(super) state_hint: &'static str,
    pub(super) postal_code_hint: &'static str,
    pub(super) each: &'static str,
    pub(super) per_package: &'static str,
    pub(super) from: &'static str,
    pub(super) tiers: &'static str,
    pub(super) tier_to: &'static str,
    pub(super) tier_above: &'static str,
    pub(super) flat: &'static str,
    pub(super) custom_hint: &'static str,
    pub(super) optional_items: &'static str,
    pub(super) add: &'static str,
    pub(super) apply: &'static str,
    pub(super) remove: &'static str,
    pub(super) code_applies: &'static str,
    pub(super) shipping: &'static str,
    pub(super) free: &'static str,
    pub(super) update: &'static str,
    pub(super) subtotal: &'static str,
    pub(super) discount: &'static str,
    pub(super) tax: &'static str,
    pub(super) tax_included: &'static str,
    pub(super) tax_by_address: &'static str,
    pub(super) total: &'static str,
    pub(super) due_today: &'static str,
    pub(super) then: &'static str,
    pub(super) total_changed: &'static str,
    pub(super) contact: &'static str,
    pub(super) shipping_address: &'static str,
    pub(super) more: &'static str,
    pub(super) payment: &'static str,
    pub(super) your_details: &'static str,
    pub(super) billing_address: &'static str,
    pub(super) same_address: &'static str,
    pub(super) tax_id_legend: &'static str,
    pub(super) optional: &'static str,
    pub(super) choose: &'static str,
    pub(super) terms: &'static str,
    pub(super) promotions: &'static str,
    pub(super) reuse: &'static str,
    pub(super) transfer_explained: &'static str,
    pub(super) debit_explained: &'static str,
    pub(super) nothing_due: &'static str,
    pub(super) nothing_charged: &'static str,
    pub(super) save_account: &'static str,
    pub(super) check_fields: &'static str,
    pub(super) error_title: &'static str,
    pub(super) test_cards: &'static str,
    pub(super) test_cards_note: &'static str,
    pub(super) cards: &'static [(&'static str, &'static str); 6],
    pub(super) test_accounts: &'static str,
    pub(super) account_pays: &'static str,
    pub(super) account_fails: &'static str,
    pub(super) challenge_title: &'static str,
    pub(super) challenge_text: &'static str,
    pub(super) challenge_amount: &'static str,
    pub(super) challenge_complete: &'static str,
    pub(super) challenge_fail: &'static str,
    pub(super) thanks: &'static str,
    pub(super) paid: &'static str,
    pub(super) free_done: &'static str,
    pub(super) subscribed: &'static str,
    pub(super) saved: &'static str,
    pub(super) awaiting_title: &'static str,
    pub(super) awaiting: &'static str,
    pub(super) instructions: &'static str,
    pub(super) processing_title: &'static str,
    pub(super) processing: &'static str,
    pub(super) held: &'static str,
    pub(super) failed_title: &'static str,
    pub(super) failed: &'static str,
    pub(super) bought: &'static str,
    pub(super) invoice: &'static str,
    pub(super) invoice_number: &'static str,
    pub(super) invoice_to: &'static str,
    pub(super) invoice_paid: &'static str,
    pub(super) invoice_unpaid: &'static str,
    pub(super) closed_title: &'static str,
    pub(super) inactive_text: &'static str,
    pub(super) expired_text: &'static str,
    pub(super) not_found_title: &'static str,
    pub(super) not_found_text: &'static str,
    pub(super) index_text: &'static str,
    /// Pay, subscribe to, save, donate to, book with: the merchant is filled in.
    headings: [&'static str; 5],
    /// Pay, book, donate, subscribe, start a trial, save, order for nothing, go on to the transfer.
    submits: [&'static str; 8],
    /// Card, bank transfer, bank debit, and the debit that Europeans know by its name.
    ways: [&'static str; 4],
    /// Names of fields, by the name in the form.
    labels: &'static [(&'static str, &'static str)],
    /// Parts of the instructions for a transfer, by Stripe's name.
    transfer_parts: &'static [(&'static str, &'static str)],
    pub(super) tax_ids: &'static [(&'static str, &'static str)],
    /// Day, week, month, year: each of them, every second, every so many.
    intervals: [[&'static str; 3]; 4],
    /// How a number is written in the last of these.
    nth: fn(i64) -> String,
    /// One day free, so many days free.
    trial: [&'static str; 2],
    /// Hour, day, business day, week, month: one, and many.
    units: [[&'static str; 2]; 5],
    /// From, up to.
    estimates: [&'static str; 2],
    /// Declined, insufficient funds, authentication failed.
    declines: [&'static str; 3],
    missing: &'static str,
    terms_missing: &'static str,
    /// By the name in the form.
    malformed: &'static [(&'static str, &'static str)],
    malformed_other: &'static str,
    not_a_test_card: &'static str,
    past: &'static str,
    bounds: [&'static str; 4],
    unknown_code: &'static str,
    expired_code: &'static str,
    code_not_for_you: &'static str,
    below_minimum: &'static str,
    too_little: &'static str,
    code_leaves_too_little: &'static str,
    country_not_served: &'static str,
    not_an_option: &'static str,
}

fn look_up(table: &'static [(&'static str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == name).map(|(_, words)| *words)
}

impl Words {
    /// The label of a field, by its name in the form; parts of an address are called alike wherever they stand.
    pub(super) fn label(&self, name: &str) -> &'static str {
        let part = name.strip_prefix("shipping.").or(name.strip_prefix("billing."));
        let part = if name == "shipping.name" { None } else { part };
        if name.starts_with("quantity.") || name.starts_with("optional.") {
            return self.quantity;
        }
        look_up(self.labels, part.unwrap_or(name)).unwrap_or_default()
    }

    /// What is wrong with a field; `limit` writes a limit as the field counts: pieces or money.
    pub(super) fn problem(&self, name: &str, problem: Problem, limit: impl Fn(i64) -> String) -> String {
        let why = match problem {
            Problem::NotATestCard => return self.not_a_test_card.to_owned(),
            Problem::Past => return self.past.to_owned(),
            Problem::Why(why) => why,
        };
        let of_name = match name.split_once('.') {
            Some(("quantity" | "optional", _)) => "quantity",
            Some(("field", _)) => "field",
            _ => name,
        };
        match why {
            Why::Missing if name == "terms" => self.terms_missing.to_owned(),
            Why::Missing => self.missing.to_owned(),
            Why::Malformed => look_up(self.malformed, of_name).unwrap_or(self.malformed_other).to_owned(),
            Why::TooSmall(least) => fill(self.bounds[0], &limit(least)),
            Why::TooLarge(most) => fill(self.bounds[1], &limit(most)),
            Why::TooShort(least) => fill(self.bounds[2], &least.to_string()),
            Why::TooLong(most) => fill(self.bounds[3], &most.to_string()),
            Why::UnknownCode => self.unknown_code.to_owned(),
            Why::ExpiredCode => self.expired_code.to_owned(),
            Why::CodeNotForYou => self.code_not_for_you.to_owned(),
            Why::BelowMinimum(least) => fill(self.below_minimum, &limit(least)),
            Why::BelowCharge(least) if name == "promotion_code" => fill(self.code_leaves_too_little, &limit(least)),
            Why::BelowCharge(least) => fill(self.too_little, &limit(least)),
            Why::CountryNotServed => self.country_not_served.to_owned(),
            Why::NotAnOption => self.not_an_option.to_owned(),
        }
    }

    pub(super) fn heading(&self, mode: Mode, submit_type: &str, merchant: &str) -> String {
        let template = match (mode, submit_type) {
            (Mode::Subscription, _) => self.headings[1],
            (Mode::Setup, _) => self.headings[2],
            (Mode::Payment, "donate") => self.headings[3],
            (Mode::Payment, "book") => self.headings[4],
            (Mode::Payment, _) => self.headings[0],
        };
        fill(template, merchant)
    }

    /// What the button says; only what is paid now has an amount.
    pub(super) fn submit(&self, mode: Mode, submit_type: &str) -> &'static str {
        match (mode, submit_type) {
            (Mode::Setup, _) => self.submits[5],
            (_, "book") => self.submits[1],
            (_, "donate") => self.submits[2],
            (Mode::Subscription, _) | (_, "subscribe") => self.submits[3],
            (Mode::Payment, _) => self.submits[0],
        }
    }

    pub(super) const fn submit_trial(&self) -> &'static str {
        self.submits[4]
    }

    pub(super) const fn submit_free(&self) -> &'static str {
        self.submits[6]
    }

    pub(super) const fn submit_transfer(&self) -> &'static str {
        self.submits[7]
    }

    /// `debit` is Stripe's type of the debit, where that is the way.
    pub(super) fn way(&self, way: Way, debit: &str) -> &'static str {
        match way {
            Way::Card => self.ways[0],
            Way::BankTransfer => self.ways[1],
            Way::BankDebit if debit == "sepa_debit" => self.ways[3],
            Way::BankDebit => self.ways[2],
        }
    }

    pub(super) fn transfer_part(&self, name: &str) -> Option<&'static str> {
        look_up(self.transfer_parts, name)
    }

    /// `each month`, `every 3 months`.
    pub(super) fn every(&self, interval: &str, count: i64) -> String {
        let words = match interval {
            "day" => self.intervals[0],
            "week" => self.intervals[1],
            "year" => self.intervals[3],
            _ => self.intervals[2],
        };
        match count {
            1 => words[0].to_owned(),
            2 => words[1].to_owned(),
            count => fill(words[2], &(self.nth)(count)),
        }
    }

    /// `14 days free`.
    pub(super) fn trial(&self, days: i64) -> String {
        if days == 1 { self.trial[0].to_owned() } else { fill(self.trial[1], &days.to_string()) }
    }

    /// `2–5 business days`, from the least and the most of a delivery's time.
    pub(super) fn estimate(&self, soonest: Option<&(i64, String)>, latest: Option<&(i64, String)>) -> Option<String> {
        let unit = |count: i64, unit: &str| {
            let words = match unit {
                "hour" => self.units[0],
                "business_day" => self.units[2],
                "week" => self.units[3],
                "month" => self.units[4],
                _ => self.units[1],
            };
            words[usize::from(count != 1)]
        };
        let told = |(count, name): &(i64, String)| format!("{count} {}", unit(*count, name));
        match (soonest, latest) {
            (Some((a, one)), Some((b, other))) if one == other && a != b => {
                Some(format!("{a}–{b} {}", unit(*b, other)))
            }
            (Some(soonest), Some(latest)) if soonest == latest => Some(told(latest)),
            (Some(soonest), Some(latest)) => Some(format!("{} – {}", told(soonest), told(latest))),
            (Some(soonest), None) => Some(fill(self.estimates[0], &told(soonest))),
            (None, Some(latest)) => Some(fill(self.estimates[1], &told(latest))),
            (None, None) => None,
        }
    }

    pub(super) fn decline(&self, code: &str) -> &'static str {
        match code {
            "insufficient_funds" => self.declines[1],
            "authentication_failed" => self.declines[2],
            _ => self.declines[0],
        }
    }
}

static EN: Words = Words {
    banner_title: "Test page.",
    banner_text: "No money moves here. Pay with a test card only.",
    merchant: "Sandbox merchant",
    back: "Back to the merchant",
    order: "Your order",
    quantity: "Quantity",
    between: "From {} to {}",
    none_or_between: "0, or {} to {}",
    state_hint: "Needed in: {}",
    postal_code_hint: "Leave it empty where there is none.",
    each: "{} each",
    per_package: "{} per {}",
    from: "From {} each",
    tiers: "Prices by quantity",
    tier_to: "Up to {}",
    tier_above: "Above that",
    flat: "{} flat",
    custom_hint: "Between {} and {}",
    optional_items: "Add to your order",
    add: "Add",
    apply: "Apply",
    remove: "Remove",
    code_applies: "applied",
    shipping: "Shipping",
    free: "Free",
    update: "Update the total",
    subtotal: "Subtotal",
    discount: "Discount",
    tax: "Tax",
    tax_included: "Tax included",
    tax_by_address: "Tax is worked out from your address. Update the total once you have entered it.",
    total: "Total",
    due_today: "Due today",
    then: "Then {} {}",
    total_changed: "The total has changed with what you chose. Please look at it, and enter how you pay again.",
    contact: "Contact",
    shipping_address: "Shipping address",
    more: "A few more details",
    payment: "Payment",
    your_details: "Your details",
    billing_address: "Billing address",
    same_address: "The billing address is the shipping address",
    tax_id_legend: "Buying for a business",
    optional: "optional",
    choose: "Choose …",
    terms: "I agree to the merchant's terms of service",
    promotions: "The merchant may send me news and offers by e-mail",
    reuse: "By going on you let {} keep this payment method and charge it for later payments, as you have agreed with them.",
    transfer_explained: "You get an account number and a reference, and pay from your own bank. The order is complete once the money has arrived, usually within a few days.",
    debit_explained: "The money is drawn from your account. It takes some days until your bank confirms it.",
    nothing_due: "Nothing is due today, so no payment method is needed.",
    nothing_charged: "Nothing is charged now.",
    save_account: "Save account",
    check_fields: "Please check these fields:",
    error_title: "Error: {}",
    test_cards: "Test cards",
    test_cards_note: "Any future expiry date and any security code will do.",
    cards: &[
        ("4242 4242 4242 4242", "Pays"),
        ("4000 0000 0000 0002", "Is declined"),
        ("4000 0000 0000 9995", "Has insufficient funds"),
        ("4000 0025 0000 3155", "Asks for authentication"),
        ("4000 0000 0000 0259", "Pays, and is disputed"),
        ("4000 0000 0000 5126", "Pays, and a refund fails"),
    ],
    test_accounts: "Test accounts",
    account_pays: "Pays, some days later",
    account_fails: "Fails, some days later",
    challenge_title: "Confirm the payment",
    challenge_text: "Here your bank would ask you to confirm the payment. This page plays the bank.",
    challenge_amount: "{} to {}",
    challenge_complete: "Confirm",
    challenge_fail: "Fail the authentication",
    thanks: "Thank you",
    paid: "Your payment was received.",
    free_done: "Your order is complete. There was nothing to pay.",
    subscribed: "Your subscription has started.",
    saved: "Your payment method is saved. Nothing was charged.",
    awaiting_title: "Now transfer the money",
    awaiting: "Your order is placed. It is complete once the transfer has arrived.",
    instructions: "Transfer to this account",
    processing_title: "Payment on its way",
    processing: "Your order is placed. It takes some days until your bank confirms the payment.",
    held: "Your order is placed. The amount is reserved on your card, and is taken later.",
    failed_title: "The payment failed",
    failed: "Your bank did not pay. Please ask the merchant for a new way to pay.",
    bought: "What you ordered",
    invoice: "Your invoice",
    invoice_number: "Invoice {}",
    invoice_to: "To {}",
    invoice_paid: "Paid",
    invoice_unpaid: "Not paid yet",
    closed_title: "This page is closed",
    inactive_text: "This payment link is no longer active. Please ask the merchant for a new one.",
    expired_text: "This checkout has expired. Please go back to the merchant and start again.",
    not_found_title: "Nothing here",
    not_found_text: "There is no page to pay at this address.",
    index_text: "A stateful test double of a payment provider. Point an API client at this address with any key that begins with sk_test_.",
    headings: ["Pay {}", "Subscribe to {}", "Save a payment method with {}", "Donate to {}", "Book with {}"],
    submits: [
        "Pay",
        "Book",
        "Donate",
        "Subscribe",
        "Start the trial",
        "Save card",
        "Complete the order",
        "Continue to the transfer",
    ],
    ways: ["Card", "Bank transfer", "Bank debit", "SEPA Direct Debit"],
    labels: &[
        ("email", "E-mail"),
        ("card_number", "Card number"),
        ("card_expiry", "Expires (MM/YY)"),
        ("card_cvc", "Security code"),
        ("name", "Name"),
        ("name_on_card", "Name on card"),
        ("country", "Country"),
        ("phone", "Phone number"),
        ("individual_name", "Full name"),
        ("business_name", "Business name"),
        ("shipping.name", "Recipient"),
        ("line1", "Address"),
        ("line2", "Apartment, floor, c/o"),
        ("postal_code", "Postal code"),
        ("city", "City"),
        ("state", "State or region"),
        ("tax_id_type", "Type of tax ID"),
        ("tax_id", "Tax ID"),
        ("account_number", "Account number"),
        ("iban", "IBAN"),
        ("custom_amount", "Amount"),
        ("promotion_code", "Promotion code"),
        ("shipping_rate", "Shipping"),
        ("terms", "Terms of service"),
        ("method", "How to pay"),
    ],
    transfer_parts: &[
        ("account_holder_name", "Account holder"),
        ("iban", "IBAN"),
        ("bic", "BIC"),
        ("sort_code", "Sort code"),
        ("account_number", "Account number"),
        ("routing_number", "Routing number"),
        ("swift_code", "SWIFT code"),
        ("bank_name", "Bank"),
        ("bank_code", "Bank code"),
        ("branch_name", "Branch"),
        ("branch_code", "Branch code"),
        ("account_type", "Kind of account"),
        ("clabe", "CLABE"),
        ("country", "Country"),
        ("reference", "Reference"),
        ("amount", "Amount"),
    ],
    tax_ids: &[
        ("eu_vat", "VAT number (EU)"),
        ("gb_vat", "VAT number (United Kingdom)"),
        ("no_vat", "VAT number (Norway)"),
        ("ch_vat", "VAT number (Switzerland)"),
        ("is_vat", "VAT number (Iceland)"),
        ("us_ein", "EIN (United States)"),
        ("ca_bn", "BN (Canada)"),
        ("ca_gst_hst", "GST/HST number (Canada)"),
        ("ca_qst", "QST number (Québec)"),
        ("au_abn", "ABN (Australia)"),
        ("nz_gst", "GST number (New Zealand)"),
        ("jp_cn", "Corporate number (Japan)"),
        ("jp_trn", "Registered invoice number (Japan)"),
        ("sg_gst", "GST number (Singapore)"),
        ("in_gst", "GST number (India)"),
        ("za_vat", "VAT number (South Africa)"),
        ("ae_trn", "TRN (United Arab Emirates)"),
        ("br_cnpj", "CNPJ (Brazil)"),
        ("mx_rfc", "RFC (Mexico)"),
        ("tr_tin", "Tax number (Türkiye)"),
        ("ua_vat", "VAT number (Ukraine)"),
    ],
    intervals: [
        ["each day", "every 2 days", "every {} days"],
        ["each week", "every 2 weeks", "every {} weeks"],
        ["each month", "every 2 months", "every {} months"],
        ["each year", "every 2 years", "every {} years"],
    ],
    nth: |count| count.to_string(),
    trial: ["1 day free", "{} days free"],
    units: [
        ["hour", "hours"],
        ["day", "days"],
        ["business day", "business days"],
        ["week", "weeks"],
        ["month", "months"],
    ],
    estimates: ["At least {}", "At most {}"],
    declines: [
        "The card was declined. Please try another card.",
        "The card has insufficient funds. Please try another card.",
        "The payment was not confirmed. Please try again or use another card.",
    ],
    missing: "Please fill in this field.",
    terms_missing: "Please agree to the terms to go on.",
    malformed: &[
        ("email", "This is not an e-mail address."),
        ("card_number", "This is not a card number."),
        ("card_expiry", "Please write month and year as MM / YY."),
        ("card_cvc", "The security code has three or four digits."),
        ("phone", "Please write the number with digits, such as +46 8 123 45 67."),
        ("quantity", "Please write a whole number."),
        ("field", "Please write digits alone."),
        ("custom_amount", "Please write an amount such as 100.00."),
        ("tax_id", "This is not a number of the kind chosen."),
        ("account_number", "This is not an account number."),
        ("country", "Please choose a country."),
    ],
    malformed_other: "Please check this field.",
    not_a_test_card: "Please use one of the test cards below, never a real card.",
    past: "The card has expired.",
    bounds: [
        "It must be at least {}.",
        "It can be at most {}.",
        "It needs at least {} characters.",
        "It can have at most {} characters.",
    ],
    unknown_code: "There is no such code.",
    expired_code: "The code is no longer valid.",
    code_not_for_you: "The code is not valid for you.",
    below_minimum: "The code needs an order of at least {}.",
    too_little: "It must come to at least {}.",
    code_leaves_too_little: "The code leaves less than {} to pay, which can't be charged. Please order more, or remove the code.",
    country_not_served: "The merchant does not ship there.",
    not_an_option: "Please choose one of the options.",
};

static SV: Words = Words {
    banner_title: "Testsida.",
    banner_text: "Inga pengar flyttas här. Betala bara med ett testkort.",
    merchant: "Sandlådans säljare",
    back: "Tillbaka till säljaren",
    order: "Din beställning",
    quantity: "Antal",
    between: "Från {} till {}",
    none_or_between: "0, eller {} till {}",
    state_hint: "Behövs i: {}",
    postal_code_hint: "Lämna det tomt där det inte finns något.",
    each: "{} per styck",
    per_package: "{} per {}",
    from: "Från {} per styck",
    tiers: "Priser efter antal",
    tier_to: "Upp till {}",
    tier_above: "Därutöver",
    flat: "{} fast",
    custom_hint: "Mellan {} och {}",
    optional_items: "Lägg till i beställningen",
    add: "Lägg till",
    apply: "Använd",
    remove: "Ta bort",
    code_applies: "används",
    shipping: "Frakt",
    free: "Gratis",
    update: "Uppdatera summan",
    subtotal: "Delsumma",
    discount: "Rabatt",
    tax: "Moms",
    tax_included: "Varav moms",
    tax_by_address: "Momsen räknas ut efter din adress. Uppdatera summan när du har fyllt i den.",
    total: "Summa",
    due_today: "Att betala i dag",
    then: "Sedan {} {}",
    total_changed: "Summan har ändrats av dina val. Se över den och fyll i hur du betalar igen.",
    contact: "Kontakt",
    shipping_address: "Leveransadress",
    more: "Några uppgifter till",
    payment: "Betalning",
    your_details: "Dina uppgifter",
    billing_address: "Fakturaadress",
    same_address: "Fakturaadressen är leveransadressen",
    tax_id_legend: "Köp som företag",
    optional: "valfritt",
    choose: "Välj …",
    terms: "Jag godkänner säljarens villkor",
    promotions: "Säljaren får skicka nyheter och erbjudanden till min e-post",
    reuse: "När du går vidare låter du {} spara betalsättet och använda det för senare betalningar, som ni har kommit överens om.",
    transfer_explained: "Du får ett kontonummer och en referens och betalar från din egen bank. Beställningen är klar när pengarna har kommit, oftast inom några dagar.",
    debit_explained: "Pengarna dras från ditt konto. Det tar några dagar innan din bank bekräftar det.",
    nothing_due: "Inget ska betalas i dag, så inget betalsätt behövs.",
    nothing_charged: "Inget dras nu.",
    save_account: "Spara kontot",
    check_fields: "Kontrollera de här fälten:",
    error_title: "Fel: {}",
    test_cards: "Testkort",
    test_cards_note: "Vilket framtida utgångsdatum och vilken säkerhetskod som helst går bra.",
    cards: &[
        ("4242 4242 4242 4242", "Betalar"),
        ("4000 0000 0000 0002", "Nekas"),
        ("4000 0000 0000 9995", "Saknar täckning"),
        ("4000 0025 0000 3155", "Kräver bekräftelse"),
        ("4000 0000 0000 0259", "Betalar och bestrids"),
        ("4000 0000 0000 5126", "Betalar och återbetalningen misslyckas"),
    ],
    test_accounts: "Testkonton",
    account_pays: "Betalar, några dagar senare",
    account_fails: "Misslyckas, några dagar senare",
    challenge_title: "Bekräfta betalningen",
    challenge_text: "Här skulle din bank be dig att bekräfta betalningen. Den här sidan spelar bank.",
    challenge_amount: "{} till {}",
    challenge_complete: "Bekräfta",
    challenge_fail: "Låt bekräftelsen misslyckas",
    thanks: "Tack",
    paid: "Din betalning har tagits emot.",
    free_done: "Din beställning är klar. Det fanns inget att betala.",
    subscribed: "Din prenumeration har startat.",
    saved: "Ditt betalsätt är sparat. Inget har dragits.",
    awaiting_title: "För nu över pengarna",
    awaiting: "Din beställning är lagd. Den är klar när överföringen har kommit fram.",
    instructions: "För över till det här kontot",
    processing_title: "Betalningen är på väg",
    processing: "Din beställning är lagd. Det tar några dagar innan din bank bekräftar betalningen.",
    held: "Din beställning är lagd. Beloppet är reserverat på ditt kort och dras senare.",
    failed_title: "Betalningen misslyckades",
    failed: "Din bank betalade inte. Be säljaren om ett nytt sätt att betala.",
    bought: "Det här beställde du",
    invoice: "Din faktura",
    invoice_number: "Faktura {}",
    invoice_to: "Till {}",
    invoice_paid: "Betald",
    invoice_unpaid: "Inte betald än",
    closed_title: "Sidan är stängd",
    inactive_text: "Betallänken är inte längre aktiv. Be säljaren om en ny.",
    expired_text: "Tiden för betalningen har gått ut. Gå tillbaka till säljaren och börja om.",
    not_found_title: "Här finns inget",
    not_found_text: "Det finns ingen betalsida på den här adressen.",
    index_text: "En testdubbel av en betaltjänst. Rikta en API-klient hit med en nyckel som börjar med sk_test_.",
    headings: ["Betala till {}", "Prenumerera hos {}", "Spara ett betalsätt hos {}", "Skänk till {}", "Boka hos {}"],
    submits: [
        "Betala",
        "Boka",
        "Skänk",
        "Prenumerera",
        "Starta provperioden",
        "Spara kortet",
        "Slutför beställningen",
        "Gå vidare till överföringen",
    ],
    ways: ["Kort", "Banköverföring", "Direktdebitering", "SEPA-autogiro"],
    labels: &[
        ("email", "E-post"),
        ("card_number", "Kortnummer"),
        ("card_expiry", "Utgår (MM/ÅÅ)"),
        ("card_cvc", "Säkerhetskod"),
        ("name", "Namn"),
        ("name_on_card", "Namn på kortet"),
        ("country", "Land"),
        ("phone", "Telefonnummer"),
        ("individual_name", "Fullständigt namn"),
        ("business_name", "Företagets namn"),
        ("shipping.name", "Mottagare"),
        ("line1", "Adress"),
        ("line2", "Lägenhet, våning, c/o"),
        ("postal_code", "Postnummer"),
        ("city", "Ort"),
        ("state", "Delstat eller region"),
        ("tax_id_type", "Typ av nummer"),
        ("tax_id", "Skattenummer"),
        ("account_number", "Kontonummer"),
        ("iban", "IBAN"),
        ("custom_amount", "Belopp"),
        ("promotion_code", "Rabattkod"),
        ("shipping_rate", "Frakt"),
        ("terms", "Villkor"),
        ("method", "Betalsätt"),
    ],
    transfer_parts: &[
        ("account_holder_name", "Kontoinnehavare"),
        ("iban", "IBAN"),
        ("bic", "BIC"),
        ("sort_code", "Sort code"),
        ("account_number", "Kontonummer"),
        ("routing_number", "Routingnummer"),
        ("swift_code", "SWIFT-kod"),
        ("bank_name", "Bank"),
        ("bank_code", "Bankkod"),
        ("branch_name", "Kontor"),
        ("branch_code", "Kontorskod"),
        ("account_type", "Kontotyp"),
        ("clabe", "CLABE"),
        ("country", "Land"),
        ("reference", "Referens"),
        ("amount", "Belopp"),
    ],
    tax_ids: &[
        ("eu_vat", "Momsnummer (EU)"),
        ("gb_vat", "Momsnummer (Storbritannien)"),
        ("no_vat", "Momsnummer (Norge)"),
        ("ch_vat", "Momsnummer (Schweiz)"),
        ("is_vat", "Momsnummer (Island)"),
        ("us_ein", "EIN (USA)"),
        ("ca_bn", "BN (Kanada)"),
        ("ca_gst_hst", "GST/HST-nummer (Kanada)"),
        ("ca_qst", "QST-nummer (Québec)"),
        ("au_abn", "ABN (Australien)"),
        ("nz_gst", "GST-nummer (Nya Zeeland)"),
        ("jp_cn", "Företagsnummer (Japan)"),
        ("jp_trn", "Registrerat fakturanummer (Japan)"),
        ("sg_gst", "GST-nummer (Singapore)"),
        ("in_gst", "GST-nummer (Indien)"),
        ("za_vat", "Momsnummer (Sydafrika)"),
        ("ae_trn", "TRN (Förenade Arabemiraten)"),
        ("br_cnpj", "CNPJ (Brasilien)"),
        ("mx_rfc", "RFC (Mexiko)"),
        ("tr_tin", "Skattenummer (Turkiet)"),
        ("ua_vat", "Momsnummer (Ukraina)"),
    ],
    intervals: [
        ["varje dag", "varannan dag", "var {} dag"],
        ["varje vecka", "varannan vecka", "var {} vecka"],
        ["varje månad", "varannan månad", "var {} månad"],
        ["varje år", "vartannat år", "vart {} år"],
    ],
    nth: |count| match (count % 10, count % 100) {
        (1 | 2, rest) if !matches!(rest, 11 | 12) => format!("{count}:a"),
        _ => format!("{count}:e"),
    },
    trial: ["1 dag gratis", "{} dagar gratis"],
    units: [
        ["timme", "timmar"],
        ["dag", "dagar"],
        ["arbetsdag", "arbetsdagar"],
        ["vecka", "veckor"],
        ["månad", "månader"],
    ],
    estimates: ["Minst {}", "Högst {}"],
    declines: [
        "Kortet nekades. Försök med ett annat kort.",
        "Kortet saknar täckning. Försök med ett annat kort.",
        "Betalningen bekräftades inte. Försök igen eller använd ett annat kort.",
    ],
    missing: "Fyll i fältet.",
    terms_missing: "Godkänn villkoren för att gå vidare.",
    malformed: &[
        ("email", "Det är ingen e-postadress."),
        ("card_number", "Det är inget kortnummer."),
        ("card_expiry", "Skriv månad och år som MM / ÅÅ."),
        ("card_cvc", "Säkerhetskoden har tre eller fyra siffror."),
        ("phone", "Skriv numret med siffror, som +46 8 123 45 67."),
        ("quantity", "Skriv ett heltal."),
        ("field", "Skriv bara siffror."),
        ("custom_amount", "Skriv ett belopp som 100,00."),
        ("tax_id", "Det är inget nummer av det slag som är valt."),
        ("account_number", "Det är inget kontonummer."),
        ("country", "Välj ett land."),
    ],
    malformed_other: "Kontrollera fältet.",
    not_a_test_card: "Använd ett av testkorten nedan, aldrig ett riktigt kort.",
    past: "Kortet har gått ut.",
    bounds: [
        "Det måste vara minst {}.",
        "Det får vara högst {}.",
        "Det behöver minst {} tecken.",
        "Det får ha högst {} tecken.",
    ],
    unknown_code: "Koden finns inte.",
    expired_code: "Koden gäller inte längre.",
    code_not_for_you: "Koden gäller inte för dig.",
    below_minimum: "Koden gäller för köp från {}.",
    too_little: "Summan måste vara minst {}.",
    code_leaves_too_little: "Med koden blir mindre än {} kvar att betala, och så lite kan inte dras. Beställ mer eller ta bort koden.",
    country_not_served: "Säljaren levererar inte dit.",
    not_an_option: "Välj ett av alternativen.",
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wish_comes_first_then_the_session_then_the_browser() {
        assert_eq!(Locale::negotiate(Some("sv"), Some("en"), None), Locale::Sv);
        assert_eq!(Locale::negotiate(Some("xx"), Some("sv-SE"), Some("en")), Locale::Sv);
        assert_eq!(Locale::negotiate(None, None, Some("de, sv;q=0.8, en;q=0.5")), Locale::Sv);
        assert_eq!(Locale::negotiate(None, Some("auto"), None), Locale::En);
    }

    #[test]
    fn tables_name_the_same_things_in_both_languages() {
        let names = |table: &[(&'static str, &str)]| table.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        for (en, sv) in [
            (EN.labels, SV.labels),
            (EN.malformed, SV.malformed),
            (EN.tax_ids, SV.tax_ids),
            (EN.transfer_parts, SV.transfer_parts),
        ] {
            assert_eq!(names(en), names(sv));
        }
    }

    #[test]
    fn periods_and_deliveries_are_told_as_people_tell_them() {
        assert_eq!((EN.every("month", 1), EN.every("year", 3)), ("each month".into(), "every 3 years".into()));
        assert_eq!((SV.every("week", 2), SV.every("month", 3)), ("varannan vecka".into(), "var 3:e månad".into()));
        for (days, told) in [(11, "var 11:e dag"), (21, "var 21:a dag"), (32, "var 32:a dag"), (112, "var 112:e dag")] {
            assert_eq!(SV.every("day", days), told);
        }
        assert_eq!(
            (SV.way(Way::BankDebit, "sepa_debit"), SV.way(Way::BankDebit, "bacs_debit")),
            ("SEPA-autogiro", "Direktdebitering")
        );
        assert_eq!((EN.trial(1), SV.trial(14)), ("1 day free".into(), "14 dagar gratis".into()));
        let days = |count: i64| (count, "business_day".to_owned());
        assert_eq!(EN.estimate(Some(&days(3)), Some(&days(5))).as_deref(), Some("3–5 business days"));
        assert_eq!(EN.estimate(Some(&days(1)), Some(&days(1))).as_deref(), Some("1 business day"));
        assert_eq!(SV.estimate(None, Some(&days(5))).as_deref(), Some("Högst 5 arbetsdagar"));
        assert_eq!(EN.estimate(None, None), None);
    }
}
