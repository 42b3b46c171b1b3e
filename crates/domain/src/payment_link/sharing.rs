//! Sharing a link: what its URL can bring along for the visitor who opens it. Which names the parameters have is the
//! provider's matter.

use std::fmt;

use super::{LinkError, LinkState, PaymentLink};
use crate::catalog::Code;
use crate::locale::Locale;
use crate::party::Email;
use crate::provider::{Capabilities, Feature};
use crate::text::parse_code;
use crate::validation::{Invalid, Validator};

/// What a caller wants a link's URL to bring along, as it was given: empty texts say nothing.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SharingSpec {
    /// The caller's own reference of the visit.
    pub client_reference_id: String,
    /// The e-mail address that the page begins with.
    pub prefilled_email: String,
    /// The e-mail address that the page has and the customer can't change.
    pub locked_prefilled_email: String,
    /// The promotion code that the page begins with.
    pub prefilled_promo_code: String,
    /// The language of the page.
    pub locale: String,
    /// Campaign codes, by [`UtmCodes::FIELDS`].
    pub utm: [String; 5],
}

/// Shows nothing of it: an e-mail address is a person's.
impl fmt::Debug for SharingSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharingSpec(..)")
    }
}

/// What a link's URL brings along.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkSharing {
    /// The caller's own reference; the checkout that follows has it.
    pub client_reference: Option<ClientReference>,
    /// The customer's e-mail address.
    pub email: Option<PrefilledEmail>,
    /// The promotion code that the page begins with.
    pub promotion_code: Option<Code>,
    /// The language of the page; the browser's where absent.
    pub locale: Option<Locale>,
    /// Campaign codes.
    pub utm: UtmCodes,
}

/// The e-mail address that a page has from the beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PrefilledEmail {
    /// The customer may change it.
    Changeable(Email),
    /// The customer can't change it.
    Locked(Email),
}

/// A caller's own reference of a visit, such as a basket's id: 1 to 200 ASCII letters, digits, hyphens and underscores. A
/// provider's page may drop any other without a word, so it is refused here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientReference(String);

impl ClientReference {
    /// The most characters.
    pub const CHARS_MAX: usize = 200;

    /// Parses a reference.
    ///
    /// # Errors
    /// Empty, too long, with another character, or with a card number in it.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        parse_code(text, Self::CHARS_MAX, true).map(Self)
    }

    /// The reference.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Campaign codes, each of 1 to 150 ASCII letters, digits, hyphens and underscores. They come back in the URL that the
/// browser is sent to after payment, where the link redirects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UtmCodes([Option<String>; 5]);

impl UtmCodes {
    /// The names of the codes, which are the same everywhere on the web.
    pub const FIELDS: [&str; 5] = ["utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content"];
    /// The most characters of a code.
    pub const CHARS_MAX: usize = 150;

    /// The codes that are there, with their names.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &str)> {
        Self::FIELDS.into_iter().zip(&self.0).filter_map(|(name, code)| Some((name, code.as_deref()?)))
    }
}

impl LinkSharing {
    /// Parses what a caller wants, whatever the link is; `None` once something is refused.
    pub fn parse(v: &mut Validator, spec: &SharingSpec) -> Option<Self> {
        let client_reference = optional(v, "client_reference_id", &spec.client_reference_id, ClientReference::parse);
        let changeable = optional(v, "prefilled_email", &spec.prefilled_email, Email::parse);
        let locked = optional(v, "locked_prefilled_email", &spec.locked_prefilled_email, Email::parse);
        if !spec.prefilled_email.is_empty() && !spec.locked_prefilled_email.is_empty() {
            let expected = "must be empty where prefilled_email is given";
            v.refuse("locked_prefilled_email", Invalid::new("EXCLUSIVE", expected));
        }
        let promotion_code = optional(v, "prefilled_promo_code", &spec.prefilled_promo_code, Code::parse);
        let locale = optional(v, "locale", &spec.locale, Locale::parse);
        let mut utm = UtmCodes::default();
        let mut utm_is_whole = true;
        for ((name, text), code) in UtmCodes::FIELDS.into_iter().zip(&spec.utm).zip(&mut utm.0) {
            match optional(v, name, text, |text| parse_code(text, UtmCodes::CHARS_MAX, true)) {
                Some(parsed) => *code = parsed,
                None => utm_is_whole = false,
            }
        }
        let changeable = changeable?.map(PrefilledEmail::Changeable);
        let email = locked?.map(PrefilledEmail::Locked).or(changeable);
        Some(Self {
            client_reference: client_reference?,
            email,
            promotion_code: promotion_code?,
            locale: locale?,
            utm: utm_is_whole.then_some(utm)?,
        })
    }
}

impl SharingSpec {
    /// Refuses what a link has no use for: a promotion code where it takes none, a language that its page has not.
    pub fn check(&self, link: &PaymentLink, capabilities: &Capabilities, v: &mut Validator) {
        if !self.prefilled_promo_code.is_empty() && !link.options.promotion_codes {
            let expected = "must be empty: the link does not allow promotion codes";
            v.refuse("prefilled_promo_code", Invalid::new("PROMOTION_CODES_NOT_ALLOWED", expected));
        }
        // One of another form is refused for that alone.
        if let Ok(locale) = Locale::parse(&self.locale) {
            v.check("locale", capabilities.expect_locale(&locale));
        }
    }

    /// What a provider must be able to do for it, with each field that wants it.
    pub fn needs(&self) -> impl Iterator<Item = (Feature, &'static str)> {
        let given = [
            ("client_reference_id", &self.client_reference_id),
            ("prefilled_email", &self.prefilled_email),
            ("locked_prefilled_email", &self.locked_prefilled_email),
            ("prefilled_promo_code", &self.prefilled_promo_code),
            ("locale", &self.locale),
        ];
        let given = given.into_iter().chain(UtmCodes::FIELDS.into_iter().zip(&self.utm));
        given.filter(|(_, text)| !text.is_empty()).map(|(field, _)| (Feature::LinkUrlParameters, field))
    }
}

impl PaymentLink {
    /// The URL of a link that can be paid.
    ///
    /// # Errors
    /// It is not made yet, being closed or closed.
    pub fn shareable_url(&self) -> Result<&str, LinkError> {
        match (&self.state, &self.url) {
            (LinkState::Active, Some(url)) => Ok(url),
            _ => Err(self.wrong_state()),
        }
    }
}

fn optional<T>(
    v: &mut Validator,
    field: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Option<Option<T>> {
    v.check_optional(field, (!text.is_empty()).then_some(text), parse)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(spec: &SharingSpec) -> Vec<(String, String)> {
        let mut v = Validator::new();
        let parsed = LinkSharing::parse(&mut v, spec);
        match v.finish(parsed) {
            Ok(_) => Vec::new(),
            Err(violations) => violations.iter().map(|v| (v.field.clone(), v.rule.clone())).collect(),
        }
    }

    #[test]
    fn every_bad_parameter_is_told_at_once() {
        let spec = SharingSpec {
            client_reference_id: "basket 7".to_owned(),
            prefilled_email: "ada".to_owned(),
            locked_prefilled_email: "ada@example.com".to_owned(),
            prefilled_promo_code: "10%".to_owned(),
            locale: "Svenska".to_owned(),
            utm: ["a".repeat(151), String::new(), "ok_1".to_owned(), "å".to_owned(), "a&b".to_owned()],
        };
        let told = refused(&spec);
        let told: Vec<_> = told.iter().map(|(field, rule)| (field.as_str(), rule.as_str())).collect();
        let wanted = [
            ("client_reference_id", "MALFORMED_CODE"),
            ("prefilled_email", "MALFORMED_EMAIL"),
            ("locked_prefilled_email", "EXCLUSIVE"),
            ("prefilled_promo_code", "MALFORMED_CODE"),
            ("locale", "MALFORMED_LOCALE"),
            ("utm_source", "TOO_LONG"),
            ("utm_term", "MALFORMED_CODE"),
            ("utm_content", "MALFORMED_CODE"),
        ];
        assert_eq!(told, wanted);
    }

    #[test]
    fn limits_are_held_to_the_character_and_no_card_number_travels_in_a_url() {
        assert!(ClientReference::parse(&"a".repeat(200)).is_ok());
        assert_eq!(ClientReference::parse(&"a".repeat(201)).unwrap_err().rule, "TOO_LONG");
        assert_eq!(ClientReference::parse("4242-4242-4242-4242").unwrap_err().rule, "CARD_NUMBER");
        let most = SharingSpec { utm: std::array::from_fn(|_| "u".repeat(150)), ..SharingSpec::default() };
        assert_eq!(refused(&most), []);
        assert_eq!(refused(&SharingSpec::default()), []);
    }

    #[test]
    fn debug_shows_no_address() {
        let spec = SharingSpec { prefilled_email: "ada@example.com".to_owned(), ..SharingSpec::default() };
        let sharing = LinkSharing::parse(&mut Validator::new(), &spec).unwrap();
        assert!(!format!("{spec:?}{sharing:?}").contains("ada"));
    }
}
