//! What the pages say, in each language, and how its days and counts are written. A missing word does not compile. `{}` stands for what is filled in.

mod en;
mod sv;

use en::EN;
use sv::SV;

use rust_decimal::Decimal;
use time::OffsetDateTime;

use super::checkout_form::{Mode, PaymentOption};
use super::form::Problem;
use crate::purchase::FieldErrorKind;

/// A language of the pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Locale {
    En,
    Sv,
}

impl Locale {
    /// What the URL requests, else what the session says, else what the browser accepts, else English.
    pub(crate) fn negotiate(requested: Option<&str>, session: Option<&str>, accepted: Option<&str>) -> Self {
        let parse = |tag: &str| match tag.split(['-', '_', ';', ',']).next().unwrap_or_default().trim() {
            "sv" => Some(Self::Sv),
            "en" => Some(Self::En),
            _ => None,
        };
        let accepted = accepted.and_then(|list| list.split(',').find_map(parse));
        requested.and_then(parse).or(session.and_then(parse)).or(accepted).unwrap_or(Self::En)
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

/// A template with its places filled in, in their order; what is filled in is never read as a template.
pub(super) fn fill_all(template: &str, values: &[&str]) -> String {
    let mut parts = template.split("{}");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (index, part) in parts.enumerate() {
        text.push_str(values.get(index).copied().unwrap_or_default());
        text.push_str(part);
    }
    text
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
    pub(super) from: &'static str,
    pub(super) tiers: &'static str,
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
    pub(super) total: &'static str,
    pub(super) due_today: &'static str,
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
    pub(super) invoice_paid: &'static str,
    pub(super) invoice_unpaid: &'static str,
    pub(super) closed_title: &'static str,
    pub(super) inactive_text: &'static str,
    pub(super) expired_text: &'static str,
    pub(super) not_found_title: &'static str,
    pub(super) not_found_text: &'static str,
    pub(super) index_text: &'static str,
    pub(super) only_some: &'static str,
    pub(super) locked_hint: &'static str,
    pub(super) per_unit: &'static str,
    pub(super) per_package_begun: &'static str,
    pub(super) per_package_whole: &'static str,
    pub(super) volume_note: &'static str,
    pub(super) graduated_note: &'static str,
    pub(super) added: &'static str,
    pub(super) show_total: &'static str,
    pub(super) tax_by_country: &'static str,
    pub(super) percent: &'static str,
    pub(super) percent_off: &'static str,
    pub(super) then_from: &'static str,
    pub(super) then_plain: &'static str,
    pub(super) until_then: &'static str,
    pub(super) next_payment: &'static str,
    pub(super) later_changed: &'static str,
    pub(super) payment_method: &'static str,
    pub(super) terms_hint: &'static str,
    pub(super) reuse_until: &'static str,
    pub(super) reuse_after_trial: &'static str,
    pub(super) mandate_sepa: &'static str,
    pub(super) mandate_other: &'static str,
    pub(super) hold_note: &'static str,
    pub(super) card_again: &'static str,
    pub(super) account_again: &'static str,
    pub(super) for_example: &'static str,
    pub(super) expiry_form: &'static str,
    pub(super) trial_pauses: &'static str,
    pub(super) trial_ends_itself: &'static str,
    pub(super) trial_invoices: &'static str,
    pub(super) is_missing: &'static str,
    pub(super) challenge_title_saving: &'static str,
    pub(super) challenge_text_saving: &'static str,
    pub(super) paid_to: &'static str,
    pub(super) reserved_by: &'static str,
    pub(super) to_be_paid_to: &'static str,
    pub(super) ordered_from: &'static str,
    pub(super) saved_with: &'static str,
    pub(super) quote_reference: &'static str,
    pub(super) released_title: &'static str,
    pub(super) released: &'static str,
    pub(super) partly: &'static str,
    pub(super) trialing: &'static str,
    pub(super) trialing_paid: &'static str,
    pub(super) details: &'static str,
    pub(super) date: &'static str,
    pub(super) payment_id: &'static str,
    pub(super) reference: &'static str,
    pub(super) paid_with: &'static str,
    pub(super) shipped_to: &'static str,
    pub(super) ending: &'static str,
    pub(super) invoice_from: &'static str,
    pub(super) invoice_void: &'static str,
    pub(super) invoice_written_off: &'static str,
    pub(super) issued: &'static str,
    pub(super) paid_on: &'static str,
    pub(super) customer: &'static str,
    pub(super) back_to_receipt: &'static str,
    pub(super) start_again: &'static str,
    pub(super) paid_already_title: &'static str,
    pub(super) paid_already_text: &'static str,
    pub(super) used_up_text: &'static str,
    pub(super) expired_title: &'static str,
    /// Pay, subscribe to, save, donate to, book with: the merchant is filled in.
    headings: [&'static str; 5],
    /// With an amount: pay, book, donate, subscribe, reserve, start a trial. Without: pay, book, donate, subscribe, start a
    /// trial, save a card, save an account, order for nothing, go on to the transfer.
    submits: [&'static str; 15],
    /// Card, bank transfer, bank debit, and the debit that Europeans know by its name.
    payment_options: [&'static str; 4],
    /// Names of fields, by the name in the form.
    labels: &'static [(&'static str, &'static str)],
    /// Parts of the instructions for a transfer, by Stripe's name.
    transfer_parts: &'static [(&'static str, &'static str)],
    pub(super) tax_ids: &'static [(&'static str, &'static str)],
    /// Day, week, month, year: each of them, every second, every so many.
    intervals: [[&'static str; 3]; 4],
    /// How a number is written in the last of these.
    nth: fn(i64) -> String,
    /// The first of these after `each`: `99,00 kr per styck och månad`.
    of_each: [&'static str; 4],
    /// One package, so many packages.
    packages: [&'static str; 2],
    /// One day free, so many days free.
    trial: [&'static str; 2],
    decimal_point: char,
    /// As they stand in a date.
    months: [&'static str; 12],
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
    /// At least, at most, of an amount of money.
    amount_bounds: [&'static str; 2],
    unknown_code: &'static str,
    expired_code: &'static str,
    code_not_for_you: &'static str,
    below_minimum: &'static str,
    too_little: &'static str,
    code_leaves_too_little: &'static str,
    country_not_served: &'static str,
    card_brand_not_accepted: &'static str,
    not_an_option: &'static str,
}

/// What the button of the form does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Submit {
    Pay,
    Book,
    Donate,
    Subscribe,
    /// The money is only held at first.
    Reserve,
    StartTrial,
    SaveCard,
    SaveAccount,
    /// There is nothing to pay.
    Order,
    GoToTransfer,
}

/// `Shipping (Courier)`, where there is a name.
pub(super) fn named(label: &str, name: &str) -> String {
    if name.is_empty() { label.to_owned() } else { format!("{label} ({name})") }
}

fn interval_index(interval: &str) -> usize {
    match interval {
        "day" => 0,
        "week" => 1,
        "year" => 3,
        _ => 2,
    }
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

    /// What is wrong with a field and what was entered in it; `limit` writes a limit as the field counts: pieces or money.
    pub(super) fn problem(
        &self,
        (name, entered): (&str, &str),
        problem: Problem,
        limit: impl Fn(i64) -> String,
    ) -> String {
        let kind = match problem {
            Problem::NotATestCard => return self.not_a_test_card.to_owned(),
            Problem::Past => return self.past.to_owned(),
            Problem::Field(kind) => kind,
        };
        let of_name = match name.split_once('.') {
            Some(("quantity" | "optional", _)) => "quantity",
            Some(("field", _)) => "field",
            Some(("billing" | "shipping", part)) => part,
            _ => name,
        };
        match kind {
            FieldErrorKind::Missing if name == "terms" => self.terms_missing.to_owned(),
            FieldErrorKind::Missing => self.missing.to_owned(),
            FieldErrorKind::Malformed => look_up(self.malformed, of_name).unwrap_or(self.malformed_other).to_owned(),
            FieldErrorKind::TooSmall(least) if name == "custom_amount" => fill(self.amount_bounds[0], &limit(least)),
            FieldErrorKind::TooLarge(most) if name == "custom_amount" => fill(self.amount_bounds[1], &limit(most)),
            FieldErrorKind::TooSmall(least) => fill(self.bounds[0], &limit(least)),
            FieldErrorKind::TooLarge(most) => fill(self.bounds[1], &limit(most)),
            FieldErrorKind::TooShort(least) => fill(self.bounds[2], &least.to_string()),
            FieldErrorKind::TooLong(most) => fill(self.bounds[3], &most.to_string()),
            FieldErrorKind::UnknownCode => fill(self.unknown_code, entered),
            FieldErrorKind::ExpiredCode => self.expired_code.to_owned(),
            FieldErrorKind::CodeNotForYou => self.code_not_for_you.to_owned(),
            FieldErrorKind::BelowMinimum(least) => fill(self.below_minimum, &limit(least)),
            FieldErrorKind::BelowCharge(least) if name == "promotion_code" => {
                fill(self.code_leaves_too_little, &limit(least))
            }
            FieldErrorKind::BelowCharge(least) => fill(self.too_little, &limit(least)),
            FieldErrorKind::CountryNotServed => self.country_not_served.to_owned(),
            FieldErrorKind::CardBrandNotAccepted => self.card_brand_not_accepted.to_owned(),
            FieldErrorKind::NotAnOption => self.not_an_option.to_owned(),
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

    /// What the button says; `amount` is written where it is paid now.
    pub(super) fn submit(&self, does: Submit, amount: Option<&str>) -> String {
        let of = |with: usize, without: usize| match amount {
            Some(amount) => fill(self.submits[with], amount),
            None => self.submits[without].to_owned(),
        };
        match does {
            Submit::Pay => of(0, 6),
            Submit::Book => of(1, 7),
            Submit::Donate => of(2, 8),
            Submit::Subscribe => of(3, 9),
            Submit::Reserve => of(4, 6),
            Submit::StartTrial => of(5, 10),
            Submit::SaveCard => of(11, 11),
            Submit::SaveAccount => of(12, 12),
            Submit::Order => of(13, 13),
            Submit::GoToTransfer => of(14, 14),
        }
    }

    /// `debit` is Stripe's type of the debit, where that is the option.
    pub(super) fn payment_option(&self, option: PaymentOption, debit: &str) -> &'static str {
        match option {
            PaymentOption::Card => self.payment_options[0],
            PaymentOption::BankTransfer => self.payment_options[1],
            PaymentOption::BankDebit if debit == "sepa_debit" => self.payment_options[3],
            PaymentOption::BankDebit => self.payment_options[2],
        }
    }

    pub(super) fn transfer_part(&self, name: &str) -> Option<&'static str> {
        look_up(self.transfer_parts, name)
    }

    /// `per month`, `every 3 months`.
    pub(super) fn every(&self, interval: &str, count: i64) -> String {
        let words = self.intervals[interval_index(interval)];
        match count {
            1 => words[0].to_owned(),
            2 => words[1].to_owned(),
            count => fill(words[2], &(self.nth)(count)),
        }
    }

    /// The same after `each`: `per month` in English, `och månad` in Swedish.
    pub(super) fn every_of_each(&self, interval: &str, count: i64) -> String {
        if count == 1 { self.of_each[interval_index(interval)].to_owned() } else { self.every(interval, count) }
    }

    /// `2 packages`.
    pub(super) fn packages(&self, count: i64) -> String {
        if count == 1 { self.packages[0].to_owned() } else { fill(self.packages[1], &count.to_string()) }
    }

    /// The day of a time, by UTC: `8 December 2026`. The time is in seconds since the Unix epoch.
    pub(super) fn date(&self, at: i64) -> String {
        let date = OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let month = self.months[usize::from(u8::from(date.month())) - 1];
        format!("{}\u{a0}{month}\u{a0}{}", date.day(), date.year())
    }

    /// `Discount (SUMMER, 10% off)`, of what is known.
    pub(super) fn discount(&self, name: Option<&str>, percent: Option<Decimal>) -> String {
        let percent = percent.map(|percent| fill(self.percent_off, &self.decimal(percent)));
        let known: Vec<&str> = name.into_iter().chain(percent.as_deref()).collect();
        named(self.discount, &known.join(", "))
    }

    /// `Tax 25%`, where there is one rate.
    pub(super) fn taxed(&self, label: &str, percent: Option<u32>) -> String {
        percent
            .map_or_else(|| label.to_owned(), |percent| format!("{label} {}", fill(self.percent, &percent.to_string())))
    }

    fn decimal(&self, number: Decimal) -> String {
        let text = number.normalize().to_string();
        if self.decimal_point == '.' { text } else { text.replace('.', &self.decimal_point.to_string()) }
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
        let written = |(count, name): &(i64, String)| format!("{count} {}", unit(*count, name));
        match (soonest, latest) {
            (Some((a, one)), Some((b, other))) if one == other && a != b => {
                Some(format!("{a}–{b} {}", unit(*b, other)))
            }
            (Some(soonest), Some(latest)) if soonest == latest => Some(written(latest)),
            (Some(soonest), Some(latest)) => Some(format!("{} – {}", written(soonest), written(latest))),
            (Some(soonest), None) => Some(fill(self.estimates[0], &written(soonest))),
            (None, Some(latest)) => Some(fill(self.estimates[1], &written(latest))),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_comes_first_then_the_session_then_the_browser() {
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
        assert_eq!((EN.every("month", 1), EN.every("year", 3)), ("per month".into(), "every 3 years".into()));
        assert_eq!((SV.every("week", 2), SV.every("month", 3)), ("varannan vecka".into(), "var 3:e månad".into()));
        for (days, expected) in
            [(11, "var 11:e dag"), (21, "var 21:a dag"), (32, "var 32:a dag"), (112, "var 112:e dag")]
        {
            assert_eq!(SV.every("day", days), expected);
        }
        assert_eq!(
            (
                SV.payment_option(PaymentOption::BankDebit, "sepa_debit"),
                SV.payment_option(PaymentOption::BankDebit, "bacs_debit")
            ),
            ("SEPA-autogiro", "Bankdebitering")
        );
        assert_eq!(
            (EN.every_of_each("month", 1), SV.every_of_each("month", 1), SV.every_of_each("month", 3)),
            ("per month".into(), "och månad".into(), "var 3:e månad".into())
        );
        assert_eq!((EN.packages(1), SV.packages(2)), ("1 package".into(), "2 paket".into()));
        assert_eq!((EN.trial(1), SV.trial(14)), ("1 day free".into(), "14 dagar gratis".into()));
        let days = |count: i64| (count, "business_day".to_owned());
        assert_eq!(EN.estimate(Some(&days(3)), Some(&days(5))).as_deref(), Some("3–5 business days"));
        assert_eq!(EN.estimate(Some(&days(1)), Some(&days(1))).as_deref(), Some("1 business day"));
        assert_eq!(SV.estimate(None, Some(&days(5))).as_deref(), Some("Inom 5 arbetsdagar"));
        assert_eq!(EN.estimate(None, None), None);
    }

    #[test]
    fn a_day_is_written_as_each_language_does() {
        let day = |words: &Words, at| words.date(at).replace('\u{a0}', " ");
        assert_eq!(day(&EN, 1_796_688_000), "8 December 2026");
        assert_eq!((day(&SV, 1_796_688_000 - 1), day(&SV, 0)), ("7 december 2026".into(), "1 januari 1970".into()));
    }

    #[test]
    fn a_discount_and_a_tax_tell_their_name_and_rate() {
        let half = "12.50".parse().ok();
        assert_eq!(EN.discount(Some("SUMMER"), half), "Discount (SUMMER, 12.5% off)");
        assert_eq!(SV.discount(Some("SUMMER"), half), "Rabatt (SUMMER, 12,5\u{a0}%)");
        assert_eq!(
            (EN.discount(None, None), SV.discount(Some("FIFTY"), None)),
            ("Discount".into(), "Rabatt (FIFTY)".into())
        );
        assert_eq!((EN.taxed("Tax", Some(25)), SV.taxed("Moms", None)), ("Tax 25%".into(), "Moms".into()));
    }
}
