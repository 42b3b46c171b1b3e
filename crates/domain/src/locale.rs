//! The language of a hosted page or document.

use serde::{Deserialize, Serialize};

use crate::validation::Invalid;

/// A language tag of BCP 47 in its short form: two or three letters, and optionally a script or region, such as `sv` or
/// `pt-BR`. Which ones a provider's page has is among its capabilities.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Locale(String);

impl Locale {
    /// Parses a tag.
    ///
    /// # Errors
    /// Not of the short form.
    pub fn parse(tag: &str) -> Result<Self, Invalid> {
        let (language, rest) = tag.split_once('-').map_or((tag, None), |(language, rest)| (language, Some(rest)));
        let is_language = matches!(language.len(), 2 | 3) && language.bytes().all(|b| b.is_ascii_lowercase());
        let is_rest =
            rest.is_none_or(|rest| (2..=4).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_alphanumeric()));
        if is_language && is_rest {
            Ok(Self(tag.to_owned()))
        } else {
            Err(Invalid::new("MALFORMED_LOCALE", "must be a language tag such as en, sv or pt-BR"))
        }
    }

    /// The tag.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
