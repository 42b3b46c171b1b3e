//! Key-value pairs that callers attach to what they create.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::text::refuse_unfit;
use crate::validation::{Invalid, Validator, Violations};

/// Metadata: at most 40 pairs, key 1 to 40 characters, value at most 500.
///
/// A provider may take 50 pairs; ten are left for our own references. Keys that begin with `paylinks_` are those.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// The most pairs.
    pub const PAIRS_MAX: usize = 40;
    /// The most characters of a key.
    pub const KEY_CHARS_MAX: usize = 40;
    /// The most characters of a value.
    pub const VALUE_CHARS_MAX: usize = 500;
    /// What our own keys at a provider begin with; callers must not use it.
    pub const RESERVED_PREFIX: &'static str = "paylinks_";

    /// Parses pairs.
    ///
    /// # Errors
    /// Every pair that breaks a limit, named by its key; a key itself is named by its position where it is unfit.
    pub fn parse(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, Violations> {
        let pairs: BTreeMap<_, _> = pairs.into_iter().collect();
        let mut validator = Validator::new();
        if pairs.len() > Self::PAIRS_MAX {
            validator.refuse("", Invalid::new("TOO_MANY", format!("must have at most {} pairs", Self::PAIRS_MAX)));
        }
        for (index, (key, value)) in pairs.iter().enumerate() {
            if let Err(invalid) = check_key(key) {
                validator.refuse(&format!("[{index}]"), invalid);
            } else if let Err(invalid) = refuse_unfit(value, Self::VALUE_CHARS_MAX) {
                validator.refuse(&format!("[\"{key}\"]"), invalid);
            }
        }
        validator.finish(Some(Self(pairs)))
    }

    /// The pairs, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// Whether there are no pairs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// These pairs with a change applied: one that clears keeps nothing of what was there, and an empty value unsets its pair.
    ///
    /// # Errors
    /// The result has too many pairs.
    pub fn patched(&self, patch: &MetadataPatch) -> Result<Self, Violations> {
        let mut pairs = if patch.clear { BTreeMap::new() } else { self.0.clone() };
        for (key, value) in &patch.set {
            if value.is_empty() {
                pairs.remove(key);
            } else {
                pairs.insert(key.clone(), value.clone());
            }
        }
        Self::parse(pairs)
    }
}

/// A change of metadata: pairs are set, an empty value unsets its key, `clear` unsets all that was there before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetadataPatch {
    /// Unset everything first.
    pub clear: bool,
    /// Pairs to set; an empty value unsets.
    pub set: BTreeMap<String, String>,
}

impl MetadataPatch {
    /// Parses a change, each pair under the limits of [`Metadata`].
    ///
    /// # Errors
    /// See [`Metadata::parse`].
    pub fn parse(clear: bool, set: impl IntoIterator<Item = (String, String)>) -> Result<Self, Violations> {
        Metadata::parse(set).map(|metadata| Self { clear, set: metadata.0 })
    }
}

fn check_key(key: &str) -> Result<(), Invalid> {
    if key.is_empty() {
        return Err(Invalid::new("REQUIRED", "must have a key"));
    }
    refuse_unfit(key, Metadata::KEY_CHARS_MAX)?;
    if key.contains(['[', ']', '\n']) || key.trim() != key {
        let expected = "must not have brackets or line feeds in its key, nor white space around it";
        return Err(Invalid::new("KEY_CHARACTER", expected));
    }
    if key.starts_with(Metadata::RESERVED_PREFIX) {
        return Err(Invalid::new("RESERVED_KEY", format!("must not begin with {}", Metadata::RESERVED_PREFIX)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn a_patch_sets_unsets_and_clears() {
        let old = Metadata::parse(pairs(&[("a", "1"), ("b", "2")])).unwrap();
        let set = old.patched(&MetadataPatch::parse(false, pairs(&[("a", ""), ("c", "3")])).unwrap()).unwrap();
        assert_eq!(set, Metadata::parse(pairs(&[("b", "2"), ("c", "3")])).unwrap());
        let cleared = old.patched(&MetadataPatch::parse(true, pairs(&[])).unwrap()).unwrap();
        assert!(cleared.is_empty());
    }

    #[test]
    fn every_unfit_pair_is_named() {
        let list =
            pairs(&[("", "x"), ("card", "4242 4242 4242 4242"), ("paylinks_link", "x"), ("long", &"x".repeat(501))]);
        let violations = Metadata::parse(list).unwrap_err();
        let rules: Vec<_> = violations.iter().map(|v| (v.field.as_str(), v.rule.as_str())).collect();
        assert_eq!(
            rules,
            [("[0]", "REQUIRED"), ("[\"card\"]", "CARD_NUMBER"), ("[\"long\"]", "TOO_LONG"), ("[3]", "RESERVED_KEY")]
        );
    }
}
