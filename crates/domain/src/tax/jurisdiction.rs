//! Who levies a tax: a country, or a part of one. It knows codes and their form, and nothing of rates.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::party::Country;
use crate::text_form::text_form;
use crate::validation::Invalid;

/// The most characters of a subdivision's code (ISO 3166-2).
const SUBDIVISION_CHARS_MAX: usize = 3;

/// A country that levies a tax (ISO 3166-1), or a subdivision of one with a tax of its own (ISO 3166-2), as `SE` or `CA-ON`.
///
/// Whether a country has such a subdivision is not checked: a rate table knows those that it has rates for. A country is
/// ordered before its parts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Jurisdiction {
    country: Country,
    /// Upper-case letters and digits, filled up with zero bytes; zero bytes alone for the whole country.
    subdivision: [u8; SUBDIVISION_CHARS_MAX],
}

impl Jurisdiction {
    /// The whole of a country.
    pub const fn of(country: Country) -> Self {
        Self { country, subdivision: [0; SUBDIVISION_CHARS_MAX] }
    }

    /// A part of a country by the code that ISO 3166-2 has after the hyphen, in either case, such as `ON`.
    ///
    /// # Errors
    /// The code is not one to three letters and digits.
    pub fn part(country: Country, subdivision: &str) -> Result<Self, Invalid> {
        let code = subdivision.as_bytes();
        if !(1..=SUBDIVISION_CHARS_MAX).contains(&code.len()) || !code.iter().all(u8::is_ascii_alphanumeric) {
            return Err(Invalid::new(
                "MALFORMED_SUBDIVISION",
                "must be a subdivision of the country by ISO 3166-2: one to three letters and digits, such as ON",
            ));
        }
        let mut part = Self::of(country);
        for (byte, letter) in part.subdivision.iter_mut().zip(code) {
            *byte = letter.to_ascii_uppercase();
        }
        Ok(part)
    }

    /// Parses `SE` or `CA-ON`, in either case.
    ///
    /// # Errors
    /// No country has the code before the hyphen, or the code after it is malformed.
    pub fn parse(code: &str) -> Result<Self, Invalid> {
        match code.split_once('-') {
            None => Country::parse(code).map(Self::of),
            Some((country, subdivision)) => Self::part(Country::parse(country)?, subdivision),
        }
    }

    /// The country that it is, or is a part of.
    pub const fn country(&self) -> Country {
        self.country
    }

    /// The code of the subdivision, such as `ON`, if it is a part of a country.
    pub fn subdivision(&self) -> Option<&str> {
        let chars = self.subdivision.iter().position(|byte| *byte == 0).unwrap_or(SUBDIVISION_CHARS_MAX);
        // Letters and digits alone are always text.
        std::str::from_utf8(&self.subdivision[..chars]).ok().filter(|code| !code.is_empty())
    }
}

impl From<Country> for Jurisdiction {
    fn from(country: Country) -> Self {
        Self::of(country)
    }
}

impl fmt::Display for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.country, f)?;
        self.subdivision().map_or(Ok(()), |code| write!(f, "-{code}"))
    }
}

impl fmt::Debug for Jurisdiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

text_form!(Jurisdiction);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_country_and_its_parts_are_told_by_their_codes() {
        for (text, country, subdivision, code) in [
            ("SE", "SE", None, "SE"),
            ("se", "SE", None, "SE"),
            ("CA-ON", "CA", Some("ON"), "CA-ON"),
            ("ca-qc", "CA", Some("QC"), "CA-QC"),
            ("AU-NSW", "AU", Some("NSW"), "AU-NSW"),
            ("AT-9", "AT", Some("9"), "AT-9"),
        ] {
            let jurisdiction = Jurisdiction::parse(text).unwrap();
            assert_eq!(jurisdiction.country().alpha2(), country);
            assert_eq!(jurisdiction.subdivision(), subdivision);
            assert_eq!(jurisdiction.to_string(), code);
        }
    }

    #[test]
    fn another_form_is_refused_by_its_rule() {
        for (text, rule) in [
            ("", "UNKNOWN_COUNTRY"),
            ("XX", "UNKNOWN_COUNTRY"),
            ("XX-ON", "UNKNOWN_COUNTRY"),
            ("CA-", "MALFORMED_SUBDIVISION"),
            ("CA-ONTA", "MALFORMED_SUBDIVISION"),
            ("CA-O N", "MALFORMED_SUBDIVISION"),
            ("CA-ON-1", "MALFORMED_SUBDIVISION"),
            ("CA-Ö", "MALFORMED_SUBDIVISION"),
        ] {
            assert_eq!(Jurisdiction::parse(text).unwrap_err().rule, rule, "{text}");
        }
    }

    #[test]
    fn it_is_stored_as_its_code_and_ordered_after_its_country() {
        let ontario = Jurisdiction::parse("CA-ON").unwrap();
        assert_eq!(serde_json::to_string(&ontario).unwrap(), "\"CA-ON\"");
        assert_eq!(serde_json::from_str::<Jurisdiction>("\"CA-ON\"").unwrap(), ontario);
        assert!(serde_json::from_str::<Jurisdiction>("\"CA-\"").is_err());
        assert!(Jurisdiction::of(ontario.country()) < ontario);
        assert!(Jurisdiction::parse("CA-BC").unwrap() < ontario);
    }
}
