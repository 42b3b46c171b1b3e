//! What the tax ids of a country look like, and which country an id claims to be of. The digits that check it are told
//! by the rows of `europe` and `elsewhere`; this module must not know a country.

use isocountry::CountryCode;

use super::elsewhere::{BARE_FORMS, COUNTRIES_ELSEWHERE};
use super::europe::{COUNTRIES_OF_EUROPE, MEMBER_STATES};
use crate::party::Country;

/// A country whose ids we can check, and the two letters that they begin with.
pub(super) struct CountryForms {
    pub(super) prefix: &'static str,
    pub(super) country: CountryCode,
    pub(super) scope: Scope,
    /// What ids of the country look like, for a person: it follows on "must be".
    pub(super) expected: &'static str,
    pub(super) forms: &'static [Form],
}

/// Whether ids of a country are VAT ids of the EU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    MemberState,
    NorthernIreland,
    Elsewhere,
}

/// Who is given ids of a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaxIdHolder {
    /// Somebody in business, be it a company or a person: the id shows that its holder is one.
    Business,
    /// Any natural person: the id shows no business, though its holder may have one.
    Person,
}

/// One form of a country's ids, without the prefix.
///
/// The pattern has a character for each of the id's: `d` is a digit, `n` a digit other than 0, `a` a letter, `x` a letter
/// or digit, `s` a letter, `+` or `*`, and any other stands for itself.
pub(super) struct Form {
    pub(super) pattern: &'static str,
    pub(super) holder: TaxIdHolder,
    /// Whether the digits are right, of a number that fits the pattern.
    pub(super) check: fn(&str) -> bool,
}

impl Form {
    pub(super) const fn new(pattern: &'static str, check: fn(&str) -> bool) -> Self {
        Self { pattern, holder: TaxIdHolder::Business, check }
    }

    /// A form that natural persons have as such.
    pub(super) const fn of_person(pattern: &'static str, check: fn(&str) -> bool) -> Self {
        Self { pattern, holder: TaxIdHolder::Person, check }
    }
}

/// A form that is as unmistakable without a prefix.
pub(super) struct BareForm {
    pub(super) country: CountryCode,
    pub(super) form: Form,
}

/// A form of ids that are written without a prefix, and that are not checked.
struct UnprefixedForm {
    country: CountryCode,
    pattern: &'static str,
    holder: TaxIdHolder,
}

/// Forms of ids that are written without a prefix and begin with letters, which may be those of a prefix: India's PAN, whose
/// fourth letter is P for a person (Income Tax Department), Italy's codice fiscale, and Mexico's RFC, of 12 characters for
/// companies and 13 for persons (SAT). The first that fits counts. Brazil's CNPJ may have letters anywhere, so that its form
/// would excuse too much: one that begins as another country's ids do has to be given with BR.
const UNPREFIXED: [UnprefixedForm; 5] = [
    UnprefixedForm { country: CountryCode::IND, pattern: "aaaPadddda", holder: TaxIdHolder::Person },
    UnprefixedForm { country: CountryCode::IND, pattern: "aaaaadddda", holder: TaxIdHolder::Business },
    UnprefixedForm { country: CountryCode::ITA, pattern: "aaaaaaddaddaddda", holder: TaxIdHolder::Person },
    UnprefixedForm { country: CountryCode::MEX, pattern: "aaaddddddxxx", holder: TaxIdHolder::Business },
    UnprefixedForm { country: CountryCode::MEX, pattern: "aaaaddddddxxx", holder: TaxIdHolder::Person },
];

/// What an id is found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Of this country, and its check digits fit.
    Right { country: CountryCode, scope: Scope, holder: TaxIdHolder },
    /// Of this country's form, but its digits do not go together.
    WrongDigits,
    /// It begins as ids of a country do, and is none of them; what was expected.
    Malformed { expected: &'static str },
    /// Of no kind that we can check.
    Unknown,
}

/// Judges an id in upper case without separators.
pub(super) fn judge(id: &str) -> Verdict {
    if let Some(bare) = BARE_FORMS.iter().find(|bare| fits(id, bare.form.pattern)) {
        return judge_digits(id, &[&bare.form], bare.country, Scope::Elsewhere);
    }
    let Some((prefix, number)) = id.split_at_checked(2) else { return Verdict::Unknown };
    let Some(row) = rows().find(|row| row.prefix == prefix) else { return Verdict::Unknown };
    let fitting: Vec<_> = row.forms.iter().filter(|form| fits(number, form.pattern)).collect();
    if !fitting.is_empty() {
        return judge_digits(number, &fitting, row.country, row.scope);
    }
    if is_claimed(row, number) && !UNPREFIXED.iter().any(|form| fits(id, form.pattern)) {
        return Verdict::Malformed { expected: row.expected };
    }
    Verdict::Unknown
}

fn rows() -> impl Iterator<Item = &'static CountryForms> {
    MEMBER_STATES.iter().chain(&COUNTRIES_OF_EUROPE).chain(&COUNTRIES_ELSEWHERE)
}

/// Whom an id is given to that says nothing of its country, read as one of `country`; nothing where it fits no form of it.
pub(super) fn holder_in(id: &str, country: Country) -> Option<TaxIdHolder> {
    let is_of = |code: CountryCode| Country::from(code) == country;
    if let Some(form) = UNPREFIXED.iter().find(|form| is_of(form.country) && fits(id, form.pattern)) {
        return Some(form.holder);
    }
    let row = rows().find(|row| is_of(row.country) && !row.forms.is_empty())?;
    match judge(&format!("{}{id}", row.prefix)) {
        Verdict::Right { holder, .. } => Some(holder),
        Verdict::WrongDigits | Verdict::Malformed { .. } | Verdict::Unknown => None,
    }
}

fn judge_digits(number: &str, forms: &[&Form], country: CountryCode, scope: Scope) -> Verdict {
    match forms.iter().find(|form| !is_blank(number, form.pattern) && (form.check)(number)) {
        Some(form) => Verdict::Right { country, scope, holder: form.holder },
        None => Verdict::WrongDigits,
    }
}

/// Whether a number has noughts alone wherever its form leaves a choice. Nobody was given such a one, though most checks let
/// it pass.
fn is_blank(number: &str, pattern: &str) -> bool {
    let mut chosen = number.chars().zip(pattern.chars()).filter(|(_, class)| !class.is_ascii_digit());
    !chosen.any(|(c, _)| matches!(c, '1'..='9'))
}

/// Whether what follows the prefix begins as the country's ids do. A word that happens to begin with the two letters
/// does not.
fn is_claimed(row: &CountryForms, number: &str) -> bool {
    let Some(first) = number.chars().next() else { return true };
    let begins = |form: &Form| form.pattern.chars().next().is_some_and(|class| is_of(first, class));
    first.is_ascii_digit() || row.forms.iter().any(begins)
}

fn fits(text: &str, pattern: &str) -> bool {
    text.len() == pattern.len() && text.chars().zip(pattern.chars()).all(|(c, class)| is_of(c, class))
}

fn is_of(c: char, class: char) -> bool {
    match class {
        'd' => c.is_ascii_digit(),
        'n' => c.is_ascii_digit() && c != '0',
        'a' => c.is_ascii_uppercase(),
        'x' => c.is_ascii_digit() || c.is_ascii_uppercase(),
        's' => c.is_ascii_uppercase() || matches!(c, '+' | '*'),
        literal => c == literal,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_prefix_stands_for_one_country_and_a_pattern_has_known_classes_alone() {
        let mut prefixes = BTreeSet::new();
        for row in rows() {
            assert!(prefixes.insert(row.prefix), "{} stands there twice", row.prefix);
            assert!(row.expected.starts_with(row.prefix) || row.forms.is_empty(), "{}", row.prefix);
            for form in row.forms {
                let is_known = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase() || "dnaxs".contains(c);
                assert!(form.pattern.chars().all(is_known), "{}", form.pattern);
            }
        }
        assert_eq!(MEMBER_STATES.len(), 27);
    }

    #[test]
    fn the_prefix_is_the_countrys_code_but_for_greece_and_northern_ireland() {
        for row in rows().filter(|row| !["EL", "XI"].contains(&row.prefix)) {
            assert_eq!(row.prefix, row.country.alpha2());
        }
    }
}
