//! The numbers by which money is transferred to an account: IBAN, BIC and Bankgiro. Each is held to its form and to its check
//! digits; whether there is such an account only its bank knows.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::check_digit::{digits, luhn_holds, mod_97_10_holds};
use crate::text_form::text_form;
use crate::validation::Invalid;

/// An account anywhere (ISO 13616), as its letters and digits without spaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Iban(String);

/// A bank (ISO 9362), in upper case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bic(String);

/// An address in Sweden's Bankgiro, behind which is an account: 7 or 8 digits, of which the last checks the others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Bankgiro(String);

/// How long the IBANs of a country are, by the registry that ISO 13616 has kept by SWIFT. Of countries that are not here the
/// check digits alone are held.
#[rustfmt::skip]
const IBAN_CHARS: [(&str, usize); 77] = [
    ("AD", 24), ("AE", 23), ("AL", 28), ("AT", 20), ("AZ", 28), ("BA", 20), ("BE", 16), ("BG", 22), ("BH", 22), ("BR", 29),
    ("BY", 28), ("CH", 21), ("CR", 22), ("CY", 28), ("CZ", 24), ("DE", 22), ("DK", 18), ("DO", 28), ("EE", 20), ("EG", 29),
    ("ES", 24), ("FI", 18), ("FO", 18), ("FR", 27), ("GB", 22), ("GE", 22), ("GI", 23), ("GL", 18), ("GR", 27), ("GT", 28),
    ("HR", 21), ("HU", 28), ("IE", 22), ("IL", 23), ("IQ", 23), ("IS", 26), ("IT", 27), ("JO", 30), ("KW", 30), ("KZ", 20),
    ("LB", 28), ("LC", 32), ("LI", 21), ("LT", 20), ("LU", 20), ("LV", 21), ("LY", 25), ("MC", 27), ("MD", 24), ("ME", 22),
    ("MK", 19), ("MR", 27), ("MT", 31), ("MU", 30), ("NL", 18), ("NO", 15), ("PK", 24), ("PL", 28), ("PS", 29), ("PT", 25),
    ("QA", 29), ("RO", 24), ("RS", 22), ("SA", 24), ("SC", 31), ("SD", 18), ("SE", 24), ("SI", 19), ("SK", 24), ("SM", 27),
    ("TL", 23), ("TN", 24), ("TR", 26), ("UA", 29), ("VA", 22), ("VG", 24), ("XK", 20),
];

impl Iban {
    /// The most characters, of any country.
    pub const CHARS_MAX: usize = 34;

    /// Parses an IBAN in either case; spaces are passed over.
    ///
    /// # Errors
    /// Not two letters, two digits and letters and digits; not as long as those of its country; or with check digits that
    /// are not those of the rest.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = compact(text);
        let is_formed = text.len() > 4
            && text.len() <= Self::CHARS_MAX
            && text.bytes().all(|b| b.is_ascii_alphanumeric())
            && text.bytes().take(2).all(|b| b.is_ascii_uppercase())
            && text.bytes().skip(2).take(2).all(|b| b.is_ascii_digit());
        if !is_formed {
            return Err(Invalid::new("MALFORMED_IBAN", "must be an IBAN such as SE45 5000 0000 0583 9825 7466"));
        }
        let (head, body) = text.split_at(4);
        let country = &head[..2];
        if let Some((_, chars)) = IBAN_CHARS.iter().find(|(known, _)| *known == country)
            && text.len() != *chars
        {
            return Err(Invalid::new("IBAN_LENGTH", format!("must have {chars} characters, as an IBAN of {country}")));
        }
        // The check is over the text turned round, with what stands in front behind.
        if !mod_97_10_holds(&format!("{body}{head}")) {
            return Err(Invalid::new("CHECK_DIGIT", "must have check digits that belong to the rest of the IBAN"));
        }
        Ok(Self(text))
    }
}

impl fmt::Display for Iban {
    /// In groups of four, as it is printed (ISO 13616-1, 6.1).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, c) in self.0.chars().enumerate() {
            if index > 0 && index % 4 == 0 {
                f.write_str(" ")?;
            }
            write!(f, "{c}")?;
        }
        Ok(())
    }
}

impl Bic {
    /// Parses a BIC in either case: four letters or digits, the two letters of a country, two letters or digits, and three
    /// more or none.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = compact(text);
        let is_fit = matches!(text.len(), 8 | 11)
            && text.bytes().all(|b| b.is_ascii_alphanumeric())
            && text.bytes().skip(4).take(2).all(|b| b.is_ascii_uppercase());
        if is_fit { Ok(Self(text)) } else { Err(Invalid::new("MALFORMED_BIC", "must be a BIC such as ESSESESS")) }
    }
}

impl fmt::Display for Bic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Bankgiro {
    /// Parses a number, with its hyphen or without.
    ///
    /// # Errors
    /// Not 7 or 8 digits, a hyphen elsewhere than before the last four, or a check digit that is not that of the others.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = compact(text);
        let bare = match text.split_once('-') {
            Some((front, back)) if back.len() == 4 => format!("{front}{back}"),
            Some(_) => String::new(),
            None => text,
        };
        if !matches!(bare.len(), 7 | 8) || !bare.bytes().all(|b| b.is_ascii_digit()) {
            return Err(Invalid::new("MALFORMED_BANKGIRO", "must be a Bankgiro number such as 160-9908"));
        }
        if !luhn_holds(&digits(&bare)) {
            return Err(Invalid::new("CHECK_DIGIT", "must have a last digit that belongs to the others"));
        }
        Ok(Self(bare))
    }
}

impl fmt::Display for Bankgiro {
    /// With a hyphen before the last four digits, as it is printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (front, back) = self.0.split_at(self.0.len() - 4);
        write!(f, "{front}-{back}")
    }
}

fn compact(text: &str) -> String {
    text.chars().filter(|c| *c != ' ').map(|c| c.to_ascii_uppercase()).collect()
}

text_form!(Iban);
text_form!(Bic);
text_form!(Bankgiro);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule<T>(parsed: Result<T, Invalid>) -> Option<&'static str> {
        parsed.err().map(|invalid| invalid.rule)
    }

    #[test]
    fn ibans_of_the_registry_are_taken_and_printed_in_groups() {
        for iban in [
            "SE4550000000058398257466",
            "DE89370400440532013000",
            "FR1420041010050500013M02606",
            "ES9121000418450200051332",
            "GB29NWBK60161331926819",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
        ] {
            assert_eq!(Iban::parse(iban).unwrap().to_string().replace(' ', ""), iban);
        }
        let iban = Iban::parse("se45 5000 0000 0583 9825 7466").unwrap();
        assert_eq!(iban.to_string(), "SE45 5000 0000 0583 9825 7466");
    }

    #[test]
    fn an_iban_of_another_length_or_form_or_with_wrong_digits_is_refused() {
        for (iban, told) in [
            ("", "MALFORMED_IBAN"),
            ("SE45", "MALFORMED_IBAN"),
            ("45SE50000000058398257466", "MALFORMED_IBAN"),
            ("SE45-5000-0000-0583-9825-7466", "MALFORMED_IBAN"),
            ("SE45500000000583982574é6", "MALFORMED_IBAN"),
            ("SE455000000005839825746", "IBAN_LENGTH"),
            ("SE4650000000058398257466", "CHECK_DIGIT"),
            ("SE4550000000058398257467", "CHECK_DIGIT"),
        ] {
            assert_eq!(rule(Iban::parse(iban)), Some(told), "{iban}");
        }
    }

    #[test]
    fn a_bic_has_eight_or_eleven_characters_and_a_country() {
        for bic in ["ESSESESS", "DEUTDEFF500", "nwbkgb2l"] {
            assert_eq!(Bic::parse(bic).unwrap().to_string(), bic.to_uppercase());
        }
        for bic in ["", "ESSESES", "ESSE1ESS", "ESSESESS50", "ESSESES!"] {
            assert_eq!(rule(Bic::parse(bic)), Some("MALFORMED_BIC"), "{bic}");
        }
    }

    #[test]
    fn a_bankgiro_number_is_held_to_its_last_digit() {
        for (text, printed) in [("160-9908", "160-9908"), ("1609908", "160-9908"), ("5050-1055", "5050-1055")] {
            assert_eq!(Bankgiro::parse(text).unwrap().to_string(), printed);
        }
        for text in ["", "16-09908", "160-990-8", "160990", "160990800", "16099O8"] {
            assert_eq!(rule(Bankgiro::parse(text)), Some("MALFORMED_BANKGIRO"), "{text}");
        }
        assert_eq!(rule(Bankgiro::parse("160-9909")), Some("CHECK_DIGIT"));
    }

    proptest! {
        #[test]
        fn no_change_of_one_digit_of_an_iban_passes(at in 2_usize..24, by in 1_u8..10) {
            let mut iban = *b"SE4550000000058398257466";
            iban[at] = b'0' + (iban[at] - b'0' + by) % 10;
            prop_assert!(Iban::parse(std::str::from_utf8(&iban).unwrap()).is_err());
        }
    }
}
