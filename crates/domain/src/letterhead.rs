//! What stands on a seller's documents beside its name, address and tax ids: who it is by law, how it is reached, and how it
//! is paid without a link. It is fixed with the invoice, since an account that changed must not change what was issued. It
//! must not know the words of any language.

use serde::{Deserialize, Serialize};
use url::Url;

use crate::bank_account::{Bankgiro, Bic, Iban};
use crate::text::{DocumentFooter, LetterheadText, PaymentInstructions, refuse_unfit};
use crate::text_form::text_form;
use crate::validation::Invalid;

/// A seller's letterhead. Companies must state on their letters which register they are in, under which number, and where
/// their registered office is (Directive (EU) 2017/1132, article 26).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Letterhead {
    /// Its number in the register of companies, as it is written there.
    pub registration_number: Option<LetterheadText>,
    /// The town of its registered office.
    pub registered_office: Option<LetterheadText>,
    /// Its telephone number, as it is dialled.
    pub phone: Option<LetterheadText>,
    /// Its site.
    pub website: Option<Website>,
    /// How money is transferred to it.
    pub transfer: Option<TransferInstructions>,
    /// What stands below everything else, such as terms.
    pub footer: Option<DocumentFooter>,
}

/// How money is transferred to a seller: its accounts, what to write beside the amount, and what else there is to say.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TransferInstructions {
    /// Its account.
    pub iban: Option<Iban>,
    /// The bank of the account.
    pub bic: Option<Bic>,
    /// Its address in Sweden's Bankgiro.
    pub bankgiro: Option<Bankgiro>,
    /// What the payer writes, so that the money finds its invoice.
    pub reference: ReferenceFormat,
    /// Free lines.
    pub text: Option<PaymentInstructions>,
}

impl TransferInstructions {
    /// Whether there is an account to transfer to, so that a reference is needed.
    pub const fn has_account(&self) -> bool {
        self.iban.is_some() || self.bankgiro.is_some()
    }

    /// Fails for a bank without an account of it.
    ///
    /// # Errors
    /// There is a BIC and no IBAN.
    pub fn check_bic(&self) -> Result<(), Invalid> {
        if self.bic.is_some() && self.iban.is_none() {
            return Err(Invalid::new("BIC_WITHOUT_IBAN", "must stand beside an iban"));
        }
        Ok(())
    }
}

/// What a payer writes beside a transfer, such as `Invoice {number}`; the number alone where nothing is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ReferenceFormat(String);

impl ReferenceFormat {
    /// What stands for the invoice's number.
    const NUMBER: &str = "{number}";
    /// The most characters of a format. Within the 140 of a SEPA transfer (EPC115-06) it leaves room for any number.
    pub const CHARS_MAX: usize = 40;

    /// Parses a format: one line that has `{number}` once, and no other brace.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let text = text.trim();
        refuse_unfit(text, Self::CHARS_MAX)?;
        let rest = text.replacen(Self::NUMBER, "", 1);
        if rest.len() == text.len() || rest.contains(['{', '}', '\n']) {
            let expected = "must be one line that has {number} once, such as Invoice {number}";
            return Err(Invalid::new("MALFORMED_REFERENCE", expected));
        }
        Ok(Self(text.to_owned()))
    }

    /// The reference of an invoice.
    pub fn of(&self, number: &str) -> String {
        self.0.replace(Self::NUMBER, number)
    }
}

impl Default for ReferenceFormat {
    fn default() -> Self {
        Self(Self::NUMBER.to_owned())
    }
}

impl std::fmt::Display for ReferenceFormat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

text_form!(ReferenceFormat);

/// The address of a site: http or https.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Website(Url);

impl Website {
    /// The most characters, as typed and as a URL is written: with a host in Punycode and what is beyond ASCII in percents.
    pub const CHARS_MAX: usize = 200;

    /// Parses a URL.
    ///
    /// # Errors
    /// Too long, no URL, neither http nor https, or with user information.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        refuse_unfit(text, Self::CHARS_MAX)?;
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let url = url
            .filter(|url| url.username().is_empty() && url.password().is_none())
            .ok_or_else(|| Invalid::new("MALFORMED_URL", "must be a URL such as https://example.com"))?;
        // What is kept is this form, which is held to the same limit when it is read again.
        refuse_unfit(url.as_str(), Self::CHARS_MAX)?;
        Ok(Self(url))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// How people write it: without what every site has.
    pub fn shown(&self) -> &str {
        let text = self.0.as_str();
        let bare = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or(text);
        bare.strip_suffix('/').unwrap_or(bare)
    }
}

impl std::fmt::Display for Website {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

text_form!(Website);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_names_the_invoice_once() {
        let format = ReferenceFormat::parse(" Invoice {number} ").unwrap();
        assert_eq!(format.of("INV-7"), "Invoice INV-7");
        assert_eq!(ReferenceFormat::default().of("INV-7"), "INV-7");
        for bad in ["", "Invoice", "{number}{number}", "{year} {number}", "a\n{number}", &"x".repeat(41)] {
            assert!(ReferenceFormat::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_site_is_shown_as_people_write_it() {
        assert_eq!(Website::parse("https://example.com/").unwrap().shown(), "example.com");
        assert_eq!(Website::parse("http://example.com/billing").unwrap().shown(), "example.com/billing");
        for bad in ["", "example.com", "ftp://example.com", "https://a:b@example.com", "javascript:alert(1)"] {
            assert!(Website::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn every_site_that_is_taken_can_be_read_again() {
        for (letters, is_fit) in [(30, true), (31, false), (100, false)] {
            let typed = format!("https://example.com/{}", "å".repeat(letters));
            match Website::parse(&typed) {
                Ok(site) => assert!(is_fit && Website::parse(site.as_str()) == Ok(site.clone()), "{typed}"),
                Err(invalid) => assert_eq!((is_fit, invalid.rule), (false, "TOO_LONG"), "{typed}"),
            }
        }
        let host = format!("https://{}.example", "ä".repeat(50));
        assert_eq!(Website::parse(&host).and_then(|site| Website::parse(site.as_str())), Website::parse(&host));
    }

    #[test]
    fn a_letterhead_of_an_older_version_reads_as_one_without_what_is_new() {
        assert_eq!(serde_json::from_str::<Letterhead>("{}").unwrap(), Letterhead::default());
        let transfer = TransferInstructions { bic: Bic::parse("ESSESESS").ok(), ..TransferInstructions::default() };
        assert_eq!(transfer.check_bic().unwrap_err().rule, "BIC_WITHOUT_IBAN");
        let whole = Letterhead {
            transfer: Some(TransferInstructions { iban: Iban::parse("DE89370400440532013000").ok(), ..transfer }),
            website: Website::parse("https://example.com").ok(),
            ..Letterhead::default()
        };
        let stored = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<Letterhead>(&stored).unwrap(), whole);
    }
}
