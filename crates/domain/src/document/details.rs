//! What a caller adds to a document beyond the figures: its language, notes, and where to pay. It must not know the words of
//! any language.

use serde::{Deserialize, Serialize};
use url::Url;

use super::AppliedNote;
use crate::locale::Locale;
use crate::tax::ExchangedTax;
use crate::text::DocumentMemo;
use crate::validation::Invalid;

/// A language in which a document can be written; stored as its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub enum Language {
    /// English, with British dates.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Swedish.
    #[serde(rename = "sv")]
    Swedish,
    /// German.
    #[serde(rename = "de")]
    German,
    /// French.
    #[serde(rename = "fr")]
    French,
    /// Spanish.
    #[serde(rename = "es")]
    Spanish,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 5] = [Self::English, Self::Swedish, Self::German, Self::French, Self::Spanish];

    /// The language of a locale, whatever its region; none if documents don't speak it.
    pub fn of(locale: &Locale) -> Option<Self> {
        let language = locale.as_str().split('-').next()?;
        Self::ALL.into_iter().find(|known| known.code() == language)
    }

    /// Parses a language tag, whatever its region.
    ///
    /// # Errors
    /// No tag, or one of a language that documents don't speak.
    pub fn parse(tag: &str) -> Result<Self, Invalid> {
        let unsupported = || Invalid::new("UNSUPPORTED_LANGUAGE", "must be en, sv, de, fr or es");
        Locale::parse(tag).ok().as_ref().and_then(Self::of).ok_or_else(unsupported)
    }

    /// Its code by ISO 639-1.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Swedish => "sv",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
        }
    }
}

/// What a caller adds to a document.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DocumentDetails {
    /// The language of the document.
    pub language: Language,
    /// The mentions that the law asks for.
    pub legal_notes: Vec<AppliedNote>,
    /// Where to pay: on an invoice, as a link and a QR code, while something is due.
    pub payment_url: Option<PaymentUrl>,
    /// A message to the customer.
    pub memo: Option<DocumentMemo>,
    /// Whether the last day to pay has passed. Of an invoice that is not open it says nothing.
    pub is_overdue: bool,
    /// The tax in the seller's national currency (article 230 of Directive 2006/112/EC), where the document is in another.
    pub tax_in_sellers_currency: Option<ExchangedTax>,
}

/// The URL under which a document can be paid: http or https, in ASCII as URLs are sent, at most 2,048 bytes, so that it
/// fits into one QR code (ISO/IEC 18004 has room for 2,953).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentUrl(Url);

impl PaymentUrl {
    /// The most bytes.
    pub const BYTES_MAX: usize = 2_048;

    /// Parses a URL.
    ///
    /// # Errors
    /// Not a URL, neither http nor https, without a host, with user information, or too long.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let url = Url::parse(text).map_err(|_| Invalid::new("MALFORMED_URL", "must be a URL"))?;
        if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
            return Err(Invalid::new("URL_SCHEME", "must be an http or https URL"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Invalid::new("URL_USERINFO", "must not have a user name or password"));
        }
        if url.as_str().len() > Self::BYTES_MAX {
            return Err(Invalid::new("TOO_LONG", format!("must have at most {} bytes", Self::BYTES_MAX)));
        }
        Ok(Self(url))
    }

    /// The URL.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The host that it leads to.
    pub fn host(&self) -> &str {
        // Parsing refused a URL without a host.
        self.0.host_str().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_language_is_that_of_the_locale_whatever_its_region() {
        let of = |tag: &str| Language::of(&Locale::parse(tag).unwrap());
        assert_eq!([of("sv"), of("de-AT"), of("fr-CA")].map(Option::unwrap).map(Language::code), ["sv", "de", "fr"]);
        assert_eq!([of("fi"), of("sve")], [None, None]);
        assert_eq!(Language::parse("es-MX"), Ok(Language::Spanish));
        for bad in ["", "fi", "sv_SE", "SV", "swedish"] {
            assert_eq!(Language::parse(bad).unwrap_err().rule, "UNSUPPORTED_LANGUAGE", "{bad}");
        }
    }

    #[test]
    fn a_payment_url_is_one_that_a_browser_opens_and_a_qr_code_holds() {
        let url = PaymentUrl::parse("https://pay.example.com/ä?x=1#y").unwrap();
        assert_eq!((url.as_str(), url.host()), ("https://pay.example.com/%C3%A4?x=1#y", "pay.example.com"));
        let long = format!("https://x.se/{}", "a".repeat(PaymentUrl::BYTES_MAX));
        for (text, rule) in [
            ("pay", "MALFORMED_URL"),
            ("ftp://x.se", "URL_SCHEME"),
            ("javascript:alert(1)", "URL_SCHEME"),
            ("https://a:b@x.se", "URL_USERINFO"),
            (long.as_str(), "TOO_LONG"),
        ] {
            assert_eq!(PaymentUrl::parse(text).unwrap_err().rule, rule, "{text}");
        }
    }
}
