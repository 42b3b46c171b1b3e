//! How the customer pays, read from the form. The number of a card or an account is looked at here, and only its end is
//! kept.

use time::OffsetDateTime;

use super::checkout_form::{CheckoutForm, PaymentOption};
use super::form::{Problem, Problems, RawForm};
use crate::api::payments::{self, Card, CardBehavior};
use crate::purchase::{FieldErrorKind, Method, Quote};

/// Reads how the customer pays, where that is asked; `now` in seconds since the Unix epoch. A customer who comes back from
/// their bank brings no card number: it is the card with which they went.
pub(crate) fn read_method(
    form: &CheckoutForm,
    raw: &RawForm,
    (quote, now, authenticated): (&Quote, i64, Option<Card>),
    problems: &mut Problems,
) -> Method {
    if !form.needs_method(quote) {
        return Method::None;
    }
    if let Some(card) = authenticated {
        return Method::Card(card);
    }
    let option = match raw.get("method") {
        "" => form.payment_options.first(),
        tag => form.payment_options.iter().find(|option| option.tag() == tag),
    };
    match option {
        None => {
            problems.add("method", FieldErrorKind::NotAnOption);
            Method::None
        }
        Some(PaymentOption::BankTransfer) => Method::BankTransfer,
        Some(PaymentOption::BankDebit) => account(raw.get("account_number"), problems),
        Some(PaymentOption::Card) => read_card(raw, now, problems).map_or(Method::None, Method::Card),
    }
}

fn read_card(raw: &RawForm, now: i64, problems: &mut Problems) -> Option<Card> {
    let number = card(raw.get("card_number")).map_err(|problem| problems.add("card_number", problem)).ok();
    let expiry = expiry(raw);
    match expiry {
        None if raw.get("card_expiry").is_empty() => problems.add("card_expiry", FieldErrorKind::Missing),
        None => problems.add("card_expiry", FieldErrorKind::Malformed),
        Some(expiry) if is_past(expiry, now) => problems.add("card_expiry", Problem::Past),
        Some(_) => {}
    }
    let cvc = raw.get("card_cvc");
    if cvc.is_empty() {
        problems.add("card_cvc", FieldErrorKind::Missing);
    } else if !matches!(cvc.len(), 3 | 4) || !cvc.bytes().all(|b| b.is_ascii_digit()) {
        problems.add("card_cvc", FieldErrorKind::Malformed);
    }
    let ((brand, last4, behavior), (exp_month, exp_year)) = (number?, expiry?);
    Some(Card { brand, last4, exp_month, exp_year, behavior })
}

/// The brand and the last four digits of a test card, and what it does.
fn card(text: &str) -> Result<(&'static str, String, CardBehavior), Problem> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if digits.is_empty() {
        return Err(FieldErrorKind::Missing.into());
    }
    if !(12..=19).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) || !luhn_holds(&digits) {
        return Err(FieldErrorKind::Malformed.into());
    }
    let (brand, behavior) = payments::test_card(&digits).ok_or(Problem::NotATestCard)?;
    Ok((brand, digits[digits.len() - 4..].to_owned(), behavior))
}

/// The card of a number, for a test that pays without the page.
pub(crate) fn test_card(number: &str) -> Option<Card> {
    let (brand, last4, behavior) = card(number).ok()?;
    Some(Card { brand, last4, exp_month: 12, exp_year: 2099, behavior })
}

/// The last four characters of an account.
fn account(text: &str, problems: &mut Problems) -> Method {
    let number: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if number.is_empty() {
        problems.add("account_number", FieldErrorKind::Missing);
        return Method::None;
    }
    let is_account = (6..=34).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_alphanumeric());
    match number.get(number.len().saturating_sub(4)..).filter(|ends| is_account && ends.parse::<u16>().is_ok()) {
        Some(ends) => return Method::BankDebit { account_ends: ends.to_owned() },
        None => problems.add("account_number", FieldErrorKind::Malformed),
    }
    Method::None
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

/// Month and four-digit year of `12/34`, `12 / 2034` or `1234`.
fn expiry(raw: &RawForm) -> Option<(u8, u16)> {
    let text = raw.get("card_expiry");
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let fits = text.chars().all(|c| c.is_ascii_digit() || matches!(c, '/' | ' ' | '-'));
    if !fits || !matches!(digits.len(), 4 | 6) {
        return None;
    }
    let (month, year) = digits.split_at(2);
    let month: u8 = month.parse().ok().filter(|month| (1..=12).contains(month))?;
    let year: u16 = year.parse().ok()?;
    Some((month, if year < 100 { 2000 + year } else { year }))
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

    fn raw(pairs: &[(&str, &str)]) -> RawForm {
        RawForm::of(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn kind(name: &str, kind: FieldErrorKind) -> (String, Problem) {
        (name.to_owned(), Problem::Field(kind))
    }

    fn pays(payment_options: &[PaymentOption], pairs: &[(&str, &str)]) -> (Method, Vec<(String, Problem)>) {
        let form = CheckoutForm { payment_options: payment_options.to_vec(), ..CheckoutForm::default() };
        let mut problems = Problems::default();
        let quote = Quote { total: 100, ..Quote::default() };
        (
            read_method(&form, &raw(pairs), (&quote, NOW, None), &mut problems),
            problems.iter().map(|(name, problem)| (name.to_owned(), problem)).collect(),
        )
    }

    fn card_problems(number: &str, expiry: &str) -> Vec<(String, Problem)> {
        pays(&[PaymentOption::Card], &[("card_number", number), ("card_expiry", expiry), ("card_cvc", "123")]).1
    }

    #[test]
    fn test_cards_are_taken_and_others_are_not() {
        assert!(card_problems("4242 4242 4242 4242", "11/26").is_empty());
        assert!(card_problems("4000-0000-0000-0002", "12 / 2034").is_empty());
        assert_eq!(test_card("4000000000000002").unwrap().behavior, CardBehavior::Declined);
        let not_a_test_card = ("card_number".to_owned(), Problem::NotATestCard);
        assert_eq!(card_problems("4111111111111111", "12/34"), [not_a_test_card]);
        assert_eq!(card_problems("4242424242424241", "12/34"), [kind("card_number", FieldErrorKind::Malformed)]);
        assert_eq!(card_problems("", "12/34"), [kind("card_number", FieldErrorKind::Missing)]);
    }

    #[test]
    fn an_expiry_is_good_until_the_end_of_its_month() {
        assert!(card_problems("4242424242424242", "11/26").is_empty());
        let past = ("card_expiry".to_owned(), Problem::Past);
        assert_eq!(card_problems("4242424242424242", "10/26"), [past]);
        assert_eq!(card_problems("4242424242424242", "13/30"), [kind("card_expiry", FieldErrorKind::Malformed)]);
    }

    #[test]
    fn only_the_payment_option_that_was_chosen_is_read() {
        let both = [PaymentOption::Card, PaymentOption::BankTransfer, PaymentOption::BankDebit];
        assert!(
            matches!(pays(&both, &[("method", "bank_transfer")]), (Method::BankTransfer, problems) if problems.is_empty())
        );
        let (method, _) = pays(&both, &[("method", "bank_debit"), ("account_number", "AT61 1904 3002 3457 3201")]);
        assert!(matches!(method, Method::BankDebit { account_ends } if account_ends == "3201"));
        assert_eq!(
            pays(&both, &[("method", "bank_debit"), ("account_number", "AT61 åäö")]).1,
            [kind("account_number", FieldErrorKind::Malformed)]
        );
        assert_eq!(pays(&both, &[("method", "bank_debit")]).1, [kind("account_number", FieldErrorKind::Missing)]);
        assert_eq!(
            pays(&[PaymentOption::BankTransfer], &[("method", "card")]).1,
            [kind("method", FieldErrorKind::NotAnOption)]
        );
        let (form, mut problems) =
            (CheckoutForm { payment_options: both.to_vec(), ..CheckoutForm::default() }, Problems::default());
        let free = read_method(&form, &raw(&[]), (&Quote::default(), NOW, None), &mut problems);
        assert!(matches!(free, Method::None) && problems.is_empty());
    }
}
