//! How the customer pays, read from the form. The number of a card or an account is looked at here, and only its end is
//! kept.

use time::OffsetDateTime;

use super::ask::{Ask, Way};
use super::form::{Problem, Problems, RawForm};
use crate::api::payments::{self, Card, CardBehavior};
use crate::purchase::{Method, Quote, Why};

/// Reads how the customer pays, where that is asked; `now` in seconds since the Unix epoch. A customer who comes back from
/// their bank brings no card number: it is the card with which they went.
pub(crate) fn read_method(
    ask: &Ask,
    raw: &RawForm,
    (quote, now, authenticated): (&Quote, i64, Option<Card>),
    problems: &mut Problems,
) -> Method {
    if !ask.needs_method(quote) {
        return Method::None;
    }
    if let Some(card) = authenticated {
        return Method::Card(card);
    }
    let way = match raw.get("method") {
        "" => ask.ways.first(),
        tag => ask.ways.iter().find(|way| way.tag() == tag),
    };
    match way {
        None => {
            problems.add("method", Why::NotAnOption);
            Method::None
        }
        Some(Way::BankTransfer) => Method::BankTransfer,
        Some(Way::BankDebit) => account(raw.get("account_number"), problems),
        Some(Way::Card) => read_card(raw, now, problems).map_or(Method::None, Method::Card),
    }
}

fn read_card(raw: &RawForm, now: i64, problems: &mut Problems) -> Option<Card> {
    let number = card(raw.get("card_number")).map_err(|problem| problems.add("card_number", problem)).ok();
    let expiry = expiry(raw);
    match expiry {
        None if raw.get("card_expiry").is_empty() => problems.add("card_expiry", Why::Missing),
        None => problems.add("card_expiry", Why::Malformed),
        Some(expiry) if is_past(expiry, now) => problems.add("card_expiry", Problem::Past),
        Some(_) => {}
    }
    let cvc = raw.get("card_cvc");
    if cvc.is_empty() {
        problems.add("card_cvc", Why::Missing);
    } else if !matches!(cvc.len(), 3 | 4) || !cvc.bytes().all(|b| b.is_ascii_digit()) {
        problems.add("card_cvc", Why::Malformed);
    }
    let ((brand, last4, behavior), (exp_month, exp_year)) = (number?, expiry?);
    Some(Card { brand, last4, exp_month, exp_year, behavior })
}

/// The brand and the last four digits of a test card, and what it does.
fn card(text: &str) -> Result<(&'static str, String, CardBehavior), Problem> {
    let digits: String = text.chars().filter(|c| !matches!(c, ' ' | '-')).collect();
    if digits.is_empty() {
        return Err(Why::Missing.into());
    }
    if !(12..=19).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) || !luhn_holds(&digits) {
        return Err(Why::Malformed.into());
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
        problems.add("account_number", Why::Missing);
        return Method::None;
    }
    let is_account = (6..=34).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_alphanumeric());
    match number.get(number.len().saturating_sub(4)..).filter(|ends| is_account && ends.parse::<u16>().is_ok()) {
        Some(ends) => return Method::BankDebit { account_ends: ends.to_owned() },
        None => problems.add("account_number", Why::Malformed),
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

    fn why(name: &str, why: Why) -> (String, Problem) {
        (name.to_owned(), Problem::Why(why))
    }

    fn pays(ways: &[Way], pairs: &[(&str, &str)]) -> (Method, Vec<(String, Problem)>) {
        let ask = Ask { ways: ways.to_vec(), ..Ask::default() };
        let mut problems = Problems::default();
        let quote = Quote { total: 100, ..Quote::default() };
        (
            read_method(&ask, &raw(pairs), (&quote, NOW, None), &mut problems),
            problems.iter().map(|(name, problem)| (name.to_owned(), problem)).collect(),
        )
    }

    fn card_problems(number: &str, expiry: &str) -> Vec<(String, Problem)> {
        pays(&[Way::Card], &[("card_number", number), ("card_expiry", expiry), ("card_cvc", "123")]).1
    }

    #[test]
    fn test_cards_are_taken_and_others_are_not() {
        assert!(card_problems("4242 4242 4242 4242", "11/26").is_empty());
        assert!(card_problems("4000-0000-0000-0002", "12 / 2034").is_empty());
        assert_eq!(test_card("4000000000000002").unwrap().behavior, CardBehavior::Declined);
        let not_a_test_card = ("card_number".to_owned(), Problem::NotATestCard);
        assert_eq!(card_problems("4111111111111111", "12/34"), [not_a_test_card]);
        assert_eq!(card_problems("4242424242424241", "12/34"), [why("card_number", Why::Malformed)]);
        assert_eq!(card_problems("", "12/34"), [why("card_number", Why::Missing)]);
    }

    #[test]
    fn an_expiry_is_good_until_the_end_of_its_month() {
        assert!(card_problems("4242424242424242", "11/26").is_empty());
        let past = ("card_expiry".to_owned(), Problem::Past);
        assert_eq!(card_problems("4242424242424242", "10/26"), [past]);
        assert_eq!(card_problems("4242424242424242", "13/30"), [why("card_expiry", Why::Malformed)]);
    }

    #[test]
    fn only_the_way_that_was_chosen_is_read() {
        let both = [Way::Card, Way::BankTransfer, Way::BankDebit];
        assert!(
            matches!(pays(&both, &[("method", "bank_transfer")]), (Method::BankTransfer, problems) if problems.is_empty())
        );
        let (method, _) = pays(&both, &[("method", "bank_debit"), ("account_number", "AT61 1904 3002 3457 3201")]);
        assert!(matches!(method, Method::BankDebit { account_ends } if account_ends == "3201"));
        assert_eq!(
            pays(&both, &[("method", "bank_debit"), ("account_number", "AT61 åäö")]).1,
            [why("account_number", Why::Malformed)]
        );
        assert_eq!(pays(&both, &[("method", "bank_debit")]).1, [why("account_number", Why::Missing)]);
        assert_eq!(pays(&[Way::BankTransfer], &[("method", "card")]).1, [why("method", Why::NotAnOption)]);
        let (ask, mut problems) = (Ask { ways: both.to_vec(), ..Ask::default() }, Problems::default());
        let free = read_method(&ask, &raw(&[]), (&Quote::default(), NOW, None), &mut problems);
        assert!(matches!(free, Method::None) && problems.is_empty());
    }
}
