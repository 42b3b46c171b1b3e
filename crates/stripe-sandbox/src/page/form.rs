//! The payment form: what was entered, and what is wrong with it. A card number is looked at and never kept.

use serde::Deserialize;
use time::OffsetDateTime;

use crate::api::payments::{Card, CardBehavior, Payer};

/// The form as it came in. It has no `Debug`: it holds a card number.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct RawForm {
    pub(crate) token: String,
    pub(crate) locale: String,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) country: String,
    pub(crate) card_number: String,
    pub(crate) card_expiry: String,
    pub(crate) card_cvc: String,
    /// What the bank said, on the page that plays it.
    pub(crate) outcome: String,
    pub(crate) exp_month: String,
    pub(crate) exp_year: String,
}

/// What is shown again when something was wrong: nothing of the card.
#[derive(Debug, Default, Clone)]
pub(crate) struct Entered {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) country: String,
}

/// A field of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    Email,
    CardNumber,
    Expiry,
    Cvc,
    Name,
    Country,
}

/// What is wrong with a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    Missing,
    Malformed,
    /// A card number that is right but is no test card.
    NotATestCard,
    /// An expiry in the past.
    Past,
}

/// All that is wrong.
#[derive(Debug, Default, Clone)]
pub(crate) struct FormErrors {
    pub(crate) fields: Vec<(Field, Problem)>,
    pub(crate) decline: Option<&'static str>,
}

/// A form that is right.
pub(crate) struct PaymentForm {
    pub(crate) payer: Payer,
    pub(crate) card: Card,
}

impl FormErrors {
    pub(super) fn problem(&self, field: Field) -> Option<Problem> {
        self.fields.iter().find(|(at, _)| *at == field).map(|(_, problem)| *problem)
    }

    pub(super) fn has_card_problem(&self) -> bool {
        self.decline.is_some() || self.problem(Field::CardNumber).is_some()
    }
}

impl RawForm {
    pub(crate) fn entered(&self) -> Entered {
        Entered { email: self.email.clone(), name: self.name.clone(), country: self.country.clone() }
    }

    /// Month and four-digit year of `12/34`, `12 / 2034` or `1234`.
    pub(super) fn expiry(&self) -> Option<(u8, u16)> {
        let digits: String = self.card_expiry.chars().filter(char::is_ascii_digit).collect();
        let fits = self.card_expiry.chars().all(|c| c.is_ascii_digit() || matches!(c, '/' | ' ' | '-'));
        if !fits || !matches!(digits.len(), 4 | 6) {
            return None;
        }
        let (month, year) = digits.split_at(2);
        let month: u8 = month.parse().ok().filter(|month| (1..=12).contains(month))?;
        let year: u16 = year.parse().ok()?;
        Some((month, if year < 100 { 2000 + year } else { year }))
    }
}

impl PaymentForm {
    /// Reads a form; `now` in seconds since the Unix epoch.
    ///
    /// # Errors
    /// All fields that are wrong.
    pub(crate) fn parse(raw: &RawForm, now: i64) -> Result<Self, FormErrors> {
        let mut fields = Vec::new();
        let email = raw.email.trim();
        if email.is_empty() {
            fields.push((Field::Email, Problem::Missing));
        } else if !is_email(email) {
            fields.push((Field::Email, Problem::Malformed));
        }
        let number = card(&raw.card_number).map_err(|problem| fields.push((Field::CardNumber, problem))).ok();
        let expiry = raw.expiry();
        match expiry {
            None if raw.card_expiry.trim().is_empty() => fields.push((Field::Expiry, Problem::Missing)),
            None => fields.push((Field::Expiry, Problem::Malformed)),
            Some(expiry) if is_past(expiry, now) => fields.push((Field::Expiry, Problem::Past)),
            Some(_) => {}
        }
        let cvc = raw.card_cvc.trim();
        if cvc.is_empty() {
            fields.push((Field::Cvc, Problem::Missing));
        } else if !matches!(cvc.len(), 3 | 4) || !cvc.bytes().all(|b| b.is_ascii_digit()) {
            fields.push((Field::Cvc, Problem::Malformed));
        }
        if raw.name.trim().is_empty() {
            fields.push((Field::Name, Problem::Missing));
        }
        if raw.country.len() != 2 || !raw.country.bytes().all(|b| b.is_ascii_uppercase()) {
            fields.push((Field::Country, Problem::Malformed));
        }
        match (number, expiry) {
            (Some((last4, behavior)), Some((exp_month, exp_year))) if fields.is_empty() => Ok(Self {
                payer: Payer {
                    email: email.to_owned(),
                    name: raw.name.trim().to_owned(),
                    country: raw.country.clone(),
                },
                card: Card { brand: "visa", last4, exp_month, exp_year, behavior },
            }),
            _ => Err(FormErrors { fields, decline: None }),
        }
    }
}

/// The last four digits of a test card, and what it does.
fn card(text: &str) -> Result<(String, CardBehavior), Problem> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if digits.is_empty() {
        return Err(Problem::Missing);
    }
    if !(12..=19).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) || !luhn_holds(&digits) {
        return Err(Problem::Malformed);
    }
    let behavior = match digits.as_str() {
        "4242424242424242" => CardBehavior::Pays,
        "4000000000000002" => CardBehavior::Declined,
        "4000000000009995" => CardBehavior::InsufficientFunds,
        "4000002500003155" => CardBehavior::AsksForAuthentication,
        "4000000000000259" => CardBehavior::PaysThenDisputed,
        "4000000000005126" => CardBehavior::PaysRefundFails,
        _ => return Err(Problem::NotATestCard),
    };
    Ok((digits[digits.len() - 4..].to_owned(), behavior))
}

/// The check of ISO/IEC 7812-1, annex B.
fn luhn_holds(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, digit)| {
            let value = u32::from(digit - b'0') * if index % 2 == 1 { 2 } else { 1 };
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn is_email(text: &str) -> bool {
    !text.contains(char::is_whitespace)
        && text
            .split_once('@')
            .is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.') && !domain.contains('@'))
}

fn is_past((month, year): (u8, u16), now: i64) -> bool {
    let today = OffsetDateTime::from_unix_timestamp(now).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    (i32::from(year), month) < (today.year(), u8::from(today.month()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-24.
    const NOW: i64 = 1_795_478_400;

    fn form(card_number: &str, card_expiry: &str) -> Result<PaymentForm, FormErrors> {
        let raw = RawForm {
            email: "ada@example.com".to_owned(),
            name: "Ada".to_owned(),
            country: "SE".to_owned(),
            card_number: card_number.to_owned(),
            card_expiry: card_expiry.to_owned(),
            card_cvc: "123".to_owned(),
            ..RawForm::default()
        };
        PaymentForm::parse(&raw, NOW)
    }

    #[test]
    fn test_cards_are_taken_and_others_are_not() {
        assert_eq!(form("4242 4242 4242 4242", "11/26").ok().unwrap().card.last4, "4242");
        assert_eq!(form("4000-0000-0000-0002", "12 / 2034").ok().unwrap().card.behavior, CardBehavior::Declined);
        let problem = |number: &str| form(number, "12/34").err().unwrap().fields;
        assert_eq!(problem("4111111111111111"), [(Field::CardNumber, Problem::NotATestCard)]);
        assert_eq!(problem("4242424242424241"), [(Field::CardNumber, Problem::Malformed)]);
        assert_eq!(problem(""), [(Field::CardNumber, Problem::Missing)]);
    }

    #[test]
    fn an_expiry_is_good_until_the_end_of_its_month() {
        assert!(form("4242424242424242", "11/26").is_ok());
        assert_eq!(form("4242424242424242", "10/26").err().unwrap().fields, [(Field::Expiry, Problem::Past)]);
        assert_eq!(form("4242424242424242", "13/30").err().unwrap().fields, [(Field::Expiry, Problem::Malformed)]);
    }

    #[test]
    fn every_wrong_field_is_told_at_once() {
        let errors = PaymentForm::parse(&RawForm::default(), NOW).err().unwrap();
        let fields: Vec<_> = errors.fields.iter().map(|(field, _)| *field).collect();
        assert_eq!(fields, [Field::Email, Field::CardNumber, Field::Expiry, Field::Cvc, Field::Name, Field::Country]);
    }
}
