//! The seller: the legal entity that invoices. Everything belongs to one, and sellers come from the configuration.

use std::fmt;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::letterhead::Letterhead;
use crate::money::Currency;
use crate::party::{Address, Email};
use crate::ports::mail::SenderAddress;
use crate::provider::ProviderName;
use crate::redirect::RedirectPolicy;
use crate::tax::{TaxCode, TaxRegistration, TaxRounding};
use crate::tax_id::TaxId;
use crate::text::PartyName;
use crate::text_form::text_form;
use crate::validation::Invalid;

/// A seller's id: a short name that the operator chose, 1 to 40 of `a-z`, `0-9` and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SellerId(String);

impl SellerId {
    /// The most characters.
    pub const CHARS_MAX: usize = 40;

    /// Parses an id.
    ///
    /// # Errors
    /// Empty, too long, or with other characters.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let fits = (1..=Self::CHARS_MAX).contains(&text.len())
            && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(Invalid::new("MALFORMED_SELLER_ID", "must be 1 to 40 of a-z, 0-9 and hyphens"))
        }
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SellerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_form!(SellerId);

/// A legal entity that invoices.
#[derive(Debug, Clone)]
pub struct Seller {
    /// Its id.
    pub id: SellerId,
    /// Its legal name, as it stands on invoices and hosted pages.
    pub name: PartyName,
    /// Where it is established.
    pub address: Address,
    /// Where its customers write to it, as it stands on invoices.
    pub email: Option<Email>,
    /// What else stands on its documents.
    pub letterhead: Letterhead,
    /// Who its mails come from, and bounces go to; what holds for all sellers where absent.
    pub mail_from: Option<SenderAddress>,
    /// Who gets the answers to its mails; whoever they come from where absent.
    pub mail_reply_to: Option<Email>,
    /// Its tax ids, as they stand on invoices.
    pub tax_ids: Vec<TaxId>,
    /// Where it is registered for tax by the configuration; more registrations may be stored. It charges tax nowhere else.
    pub tax_registrations: Vec<TaxRegistration>,
    /// The kind of product that it usually sells: decides the tax of automatic lines that name none.
    pub default_tax_code: TaxCode,
    /// Who computes the tax of its automatic lines.
    pub tax_engine: TaxEngine,
    /// How tax is rounded on its invoices, unless an invoice says otherwise.
    pub tax_rounding: TaxRounding,
    /// How its invoices are numbered.
    pub invoice_numbers: NumberFormat,
    /// How its credit notes are numbered: in a series of their own, unless the format is that of its invoices.
    pub credit_note_numbers: NumberFormat,
    /// Its own currency: that of what it sells where a caller names none, and the one in which its tax is told beside another
    /// (article 230 of Directive 2006/112/EC).
    pub currency: Currency,
    /// The provider that charges for it.
    pub provider: ProviderName,
    /// Where hosted pages may send its customers' browsers.
    pub redirects: RedirectPolicy,
    /// Days from finalization until an invoice is due, where a caller names no date.
    pub payment_terms_days: u16,
}

/// Who computes tax by rules. Manual rates are always computed here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxEngine {
    /// The rate tables that are part of the program, without asking anybody.
    #[default]
    Tables,
    /// The engine of the seller's payment provider, by what is set up there: the registrations kept here do not count.
    Provider,
}

/// How the numbers of a series are written, such as `INV-{year}-{number:5}`.
///
/// With `{year}` in it, each year is a series of its own that begins at 1. `{number:5}` pads with zeros to five digits.
///
/// A series is known by what its format says, the padding with it: a seller that changes its format begins a new series at 1,
/// and goes on with the old one when it changes back. The year is that of the day of issue in UTC, as all dates here are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NumberFormat {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Year,
    Number { digits_min: usize },
}

impl NumberFormat {
    /// The most characters of a format.
    pub const CHARS_MAX: usize = 60;
    /// The most digits that a number can be padded to.
    pub const DIGITS_MAX: usize = 12;
    /// The most characters of a number that is looked for.
    pub const NUMBER_CHARS_MAX: usize = 100;

    /// What is looked for as the number of a document. It is no free text: its digits may look like a card number's by chance.
    ///
    /// # Errors
    /// Empty, too long, or with a character that no number has.
    pub fn parse_number(text: &str) -> Result<String, Invalid> {
        if (1..=Self::NUMBER_CHARS_MAX).contains(&text.len()) && text.bytes().all(is_fit) {
            return Ok(text.to_owned());
        }
        Err(Invalid::new(
            "MALFORMED_NUMBER",
            "must be the number on a document, such as INV-2026-00042: at most 100 letters, digits, spaces and -/._",
        ))
    }

    /// Parses a format.
    ///
    /// # Errors
    /// Too long, without `{number}`, with it twice, with an unknown placeholder or an unfit character.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let pieces = parse_pieces(text).filter(|_| text.len() <= Self::CHARS_MAX);
        let is_unique = |pieces: &Vec<Piece>| pieces.iter().filter(|p| matches!(p, Piece::Number { .. })).count() == 1;
        match pieces.filter(is_unique) {
            Some(pieces) => Ok(Self { text: text.to_owned(), pieces }),
            None => Err(Invalid::new(
                "MALFORMED_NUMBER_FORMAT",
                "must have {number} or {number:digits} once, and else letters, digits, - / . _ and {year}",
            )),
        }
    }

    /// The series that a date falls into: numbers are without gaps within it.
    pub fn series(&self, date: Date) -> String {
        self.render(date, "#")
    }

    /// The number `sequence` of the series that the date falls into.
    pub fn number(&self, date: Date, sequence: u64) -> String {
        self.render(date, &sequence.to_string())
    }

    /// Whether a number of this format can be the same text as one of another format: then it would name two documents.
    /// Formats that are alike share a series, so they have no number in common.
    pub fn can_collide_with(&self, other: &Self) -> bool {
        self != other && can_be_alike(&self.signs(), &other.signs())
    }

    /// What stands at each place of a number.
    fn signs(&self) -> Vec<Sign> {
        let mut signs = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => signs.extend(text.chars().map(Sign::This)),
                // Of four digits until the year 9999, the last that a date can have.
                Piece::Year => signs.extend([Sign::Digit; 4]),
                Piece::Number { digits_min } => {
                    signs.extend(vec![Sign::Digit; *digits_min]);
                    signs.push(Sign::MoreDigits);
                }
            }
        }
        signs
    }

    fn render(&self, date: Date, number: &str) -> String {
        self.pieces
            .iter()
            .map(|piece| match piece {
                Piece::Text(text) => text.clone(),
                Piece::Year => date.year().to_string(),
                Piece::Number { digits_min } => format!("{number:0>digits_min$}"),
            })
            .collect()
    }
}

/// What can stand at a place of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    This(char),
    Digit,
    /// Any count of them.
    MoreDigits,
}

impl Sign {
    /// Whether some letter can stand for both.
    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::This(one), Self::This(other)) => one == other,
            (Self::This(one), _) | (_, Self::This(one)) => one.is_ascii_digit(),
            _ => true,
        }
    }
}

/// Whether there is a text that both lists of signs can stand for.
fn can_be_alike(a: &[Sign], b: &[Sign]) -> bool {
    use Sign::MoreDigits;
    match (a, b) {
        ([], []) => true,
        ([MoreDigits, rest @ ..], _) if can_be_alike(rest, b) => true,
        (_, [MoreDigits, rest @ ..]) if can_be_alike(a, rest) => true,
        // One of them ends before the other.
        ([MoreDigits, ..], [MoreDigits, ..]) => false,
        ([MoreDigits, ..], [sign, rest @ ..]) => sign.meets(MoreDigits) && can_be_alike(a, rest),
        ([sign, rest @ ..], [MoreDigits, ..]) => sign.meets(MoreDigits) && can_be_alike(rest, b),
        ([one, a @ ..], [other, b @ ..]) => one.meets(*other) && can_be_alike(a, b),
        _ => false,
    }
}

/// Whether a character can be in a number.
fn is_fit(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-/._ ".contains(&byte)
}

fn parse_pieces(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('{') {
            let (name, after) = after.split_once('}')?;
            pieces.push(match name.split_once(':') {
                None if name == "year" => Piece::Year,
                None if name == "number" => Piece::Number { digits_min: 1 },
                Some(("number", digits)) => Piece::Number {
                    digits_min: digits.parse().ok().filter(|d| (1..=NumberFormat::DIGITS_MAX).contains(d))?,
                },
                _ => return None,
            });
            rest = after;
        } else {
            let end = rest.find('{').unwrap_or(rest.len());
            let (literal, after) = rest.split_at(end);
            pieces.push(Piece::Text(literal.bytes().all(is_fit).then(|| literal.to_owned())?));
            rest = after;
        }
    }
    Some(pieces)
}

impl TryFrom<String> for NumberFormat {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        Self::parse(&text)
    }
}

impl From<NumberFormat> for String {
    fn from(format: NumberFormat) -> Self {
        format.text
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;
    use crate::timestamp::Timestamp;

    #[test]
    fn each_year_is_a_series_where_the_year_is_in_the_format() {
        let format = NumberFormat::parse("INV-{year}-{number:5}").unwrap();
        assert_eq!(format.number(date!(2026 - 11 - 24), 42), "INV-2026-00042");
        assert_ne!(format.series(date!(2026 - 12 - 31)), format.series(date!(2027 - 01 - 01)));
        let plain = NumberFormat::parse("{number}").unwrap();
        assert_eq!(plain.number(date!(2026 - 11 - 24), 51_910), "51910");
        assert_eq!(plain.series(date!(2026 - 12 - 31)), plain.series(date!(2027 - 01 - 01)));
    }

    #[test]
    fn what_can_be_no_number_is_not_looked_for() {
        for number in ["1", "INV-2026-00042", "4242424242424242", "a/b_c.d 5"] {
            assert_eq!(NumberFormat::parse_number(number).unwrap(), number);
        }
        for text in ["", "INV\0", "№ 7", &"1".repeat(101)] {
            assert_eq!(NumberFormat::parse_number(text).unwrap_err().rule, "MALFORMED_NUMBER");
        }
    }

    #[test]
    fn the_year_changes_at_midnight_in_utc() {
        let format = NumberFormat::parse("INV-{year}-{number:5}").unwrap();
        // The last microsecond of 2026, and the first of 2027.
        let midnight = Timestamp::from_unix_seconds(1_798_761_600);
        let before = Timestamp::from_unix_micros(midnight.unix_micros() - 1);
        let number = |at: Timestamp| format.number(at.date(), 7);
        assert_eq!([number(before), number(midnight)], ["INV-2026-00007", "INV-2027-00007"]);
        assert_ne!(format.series(before.date()), format.series(midnight.date()));
    }

    #[test]
    fn another_format_is_another_series() {
        let day = date!(2026 - 06 - 30);
        let series = ["INV-{number}", "INV-{year}-{number}", "F-{number}", "INV-{number:5}"]
            .map(|format| NumberFormat::parse(format).unwrap().series(day));
        assert_eq!(series.iter().collect::<std::collections::BTreeSet<_>>().len(), series.len(), "{series:?}");
    }

    #[test]
    fn formats_that_can_give_one_text_are_told() {
        let format = |text| NumberFormat::parse(text).unwrap();
        for (one, other, is_alike) in [
            ("X{number}", "X1{number}", true),
            ("{number}", "{number:5}", true),
            ("{year}{number}", "{number}", true),
            ("{number}7", "7{number}", true),
            ("INV-{year}-{number}", "INV-2026-{number}", true),
            ("INV-{year}-{number:5}", "CN-{year}-{number:5}", false),
            ("{year}-{number}", "{year}-K{number}", false),
            ("{year}-{number}", "{number}", false),
            ("{number}", "{number}", false),
            ("{number}7", "{number}8", false),
        ] {
            let (one, other) = (format(one), format(other));
            assert_eq!(one.can_collide_with(&other), is_alike, "{one:?} {other:?}");
            assert_eq!(other.can_collide_with(&one), is_alike, "{one:?} {other:?}");
        }
        let (one, other) = (format("X{number}"), format("X1{number}"));
        let day = date!(2026 - 11 - 24);
        assert_eq!(one.number(day, 11), other.number(day, 1));
    }

    #[test]
    fn formats_without_exactly_one_number_are_refused() {
        for bad in ["", "INV", "{number}{number}", "{month}{number}", "{number", "é{number}", "{number:99}"] {
            assert!(NumberFormat::parse(bad).is_err(), "{bad}");
        }
    }
}
