//! Who sells and who buys: countries, addresses, e-mail addresses. Tax ids have their own module.

use std::fmt;

use isocountry::CountryCode;
use serde::{Deserialize, Serialize};

use crate::tax::Jurisdiction;
use crate::text::{refuse_card_number, refuse_unfit};
use crate::text_form::text_form;
use crate::validation::{Invalid, Validator, Violations};

/// A country by ISO 3166-1, as its two letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country(CountryCode);

impl Country {
    /// Parses two letters in either case.
    ///
    /// # Errors
    /// No country has that code.
    pub fn parse(alpha2: &str) -> Result<Self, Invalid> {
        CountryCode::for_alpha2_caseless(alpha2)
            .map(Self)
            .map_err(|_| Invalid::new("UNKNOWN_COUNTRY", "must be a two-letter country code of ISO 3166-1, such as SE"))
    }

    /// The two letters in upper case.
    pub fn alpha2(self) -> &'static str {
        self.0.alpha2()
    }
}

impl From<CountryCode> for Country {
    fn from(code: CountryCode) -> Self {
        Self(code)
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.alpha2())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.alpha2())
    }
}

text_form!(Country);

/// A postal address. Only the country is needed: it is what tax depends on.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Address {
    /// Street and number.
    pub line1: Option<String>,
    /// Apartment, suite, care of.
    pub line2: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// City or town.
    pub city: Option<String>,
    /// State, province or county.
    pub state: Option<String>,
    /// Country.
    pub country: Country,
}

impl Address {
    /// The most characters of each part.
    pub const PART_CHARS_MAX: usize = 200;

    /// An address of which only the country is known.
    pub const fn in_country(country: Country) -> Self {
        Self { line1: None, line2: None, postal_code: None, city: None, state: None, country }
    }

    /// Parses an address; empty parts are absent.
    ///
    /// # Errors
    /// Every part that is unfit: `country` unknown, others too long or with control characters.
    pub fn parse([line1, line2, postal_code, city, state]: [&str; 5], country: &str) -> Result<Self, Violations> {
        let mut validator = Validator::new();
        let mut part = |field: &str, text: &str| {
            let text = text.trim();
            if let Err(invalid) = refuse_unfit(text, Self::PART_CHARS_MAX) {
                validator.refuse(field, invalid);
            }
            (!text.is_empty()).then(|| text.to_owned())
        };
        let (line1, line2) = (part("line1", line1), part("line2", line2));
        let (postal_code, city, state) = (part("postal_code", postal_code), part("city", city), part("state", state));
        let country = validator.check("country_code", Country::parse(country));
        validator.finish(country.map(|country| Self { line1, line2, postal_code, city, state, country }))
    }
}

impl Address {
    /// Whose tax law the place is under: the part of the country where `state` is its code by ISO 3166-2 (`ON`, or
    /// `CA-ON`), else the country as a whole.
    pub fn jurisdiction(&self) -> Jurisdiction {
        let country = Jurisdiction::of(self.country);
        let Some(state) = &self.state else { return country };
        Jurisdiction::part(self.country, state)
            .or_else(|_| Jurisdiction::parse(state))
            .ok()
            .filter(|part| part.country() == self.country)
            .unwrap_or(country)
    }
}

impl fmt::Debug for Address {
    /// The country alone: the rest may be a person's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({}, ..)", self.country)
    }
}

/// An e-mail address. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Email(String);

impl Email {
    /// The most characters (RFC 5321, 4.5.3.1.3, without the angle brackets).
    pub const CHARS_MAX: usize = 254;

    /// Parses an address: something, an at sign, and a domain with a dot; no white space. Whether mail arrives there only
    /// mail can tell.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        let fits = text.chars().count() <= Self::CHARS_MAX
            && !text.chars().any(|c| c.is_whitespace() || c.is_control())
            && text.rsplit_once('@').is_some_and(|(local, domain)| {
                !local.is_empty()
                    && !local.contains('@')
                    && domain.contains('.')
                    && !domain.starts_with('.')
                    && !domain.ends_with('.')
            });
        if !fits {
            return Err(Invalid::new("MALFORMED_EMAIL", "must be an e-mail address"));
        }
        refuse_card_number(text)?;
        Ok(Self(text.to_owned()))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bad_part_of_an_address_is_named() {
        let long = "x".repeat(201);
        let violations = Address::parse([&long, "", "", "a\u{0}", ""], "XX").unwrap_err();
        let fields: Vec<_> = violations.iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["line1", "city", "country_code"]);
    }

    #[test]
    fn debug_shows_no_personal_data() {
        let address = Address::parse(["Secret Street 1", "", "", "", ""], "se").unwrap();
        assert_eq!(format!("{address:?}"), "Address(SE, ..)");
        assert_eq!(format!("{:?}", Email::parse("ada@example.com").unwrap()), "Email(..)");
    }

    #[test]
    fn email_addresses_are_checked_for_their_form() {
        assert!(Email::parse("a.b+c@example.co.uk").is_ok());
        for bad in ["", "a", "@x.se", "a@b", "a b@x.se", "a@@x.se", "a@.se", "a@x."] {
            assert!(Email::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Email::parse("4242424242424242@example.com").unwrap_err().rule, "CARD_NUMBER");
    }
}
