//! Tax ids: what a party gave, which country it is of, and whether its check digits fit. That an id was really issued, and
//! to whom, a registry alone can say ([`TaxIdRegistry`](crate::ports::tax_ids::TaxIdRegistry)); this module must not ask
//! one.

mod elsewhere;
mod europe;
mod form;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::form::TaxIdHolder;
use self::form::{Scope, Verdict, holder_in, judge};
use crate::party::Country;
use crate::text::refuse_card_number;
use crate::validation::Invalid;

/// A tax id in upper case, such as the VAT id `SE556000000101`. `Debug` shows its first two characters: the id of a sole
/// trader may be a person's number.
///
/// What is read from storage is taken as it is: it may be older than the check that it would fail today.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaxId(String);

/// Of which country an id is, as far as its form and its check digits can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaxIdKind {
    /// A VAT id of this member state of the EU. Greece has the prefix EL and the country GR.
    EuVat(Country),
    /// A VAT id with XI. It counts as one of the EU for goods alone, and for services as one of the United Kingdom
    /// (Windsor Framework, article 8).
    NorthernIrelandVat,
    /// A tax id of another country, that of the United Kingdom's VAT with GB among them.
    Other(Country),
}

impl TaxId {
    /// The most characters.
    pub const CHARS_MAX: usize = 20;

    /// Parses an id. Letters are put in upper case, spaces and full stops are dropped; so are hyphens where the country
    /// is known.
    ///
    /// An id is of a known country where it begins with that country's prefix and a character that may follow it: those of
    /// the member states of the EU and of Australia, Brazil, Canada, Iceland, India, Japan, New Zealand, Northern Ireland
    /// (XI), Norway, Singapore, Switzerland, Türkiye, the United Kingdom and the United States. Such an id must have the
    /// country's form and the right check digits. So must an id without prefix whose form is unmistakable: `…MVA`,
    /// `…RT0001`, `T…` with 13 digits, and the GSTIN. All others are of unknown kind: anything of 4 to 20 letters, digits
    /// and hyphens.
    ///
    /// # Errors
    /// `MALFORMED_TAX_ID`: too short, too long, with other characters, or not of the form that its country's ids have.
    /// `CARD_NUMBER`: of no country's form that is known here, and of a payment card's.
    /// `TAX_ID_CHECK_DIGITS`: of that form, but with digits that do not go together, so that it is mistyped.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let id: String = text.chars().filter(|c| !matches!(c, ' ' | '.')).map(|c| c.to_ascii_uppercase()).collect();
        let joined = id.replace('-', "");
        match judge(&joined) {
            Verdict::Right { .. } => Ok(Self(joined)),
            Verdict::Malformed { expected } => Err(Invalid::new("MALFORMED_TAX_ID", format!("must be {expected}"))),
            Verdict::WrongDigits => Err(Invalid::new(
                "TAX_ID_CHECK_DIGITS",
                "must have check digits that fit the rest of it: a character of it is wrong",
            )),
            Verdict::Unknown => Self::parse_unknown(id),
        }
    }

    fn parse_unknown(id: String) -> Result<Self, Invalid> {
        let fits =
            (4..=Self::CHARS_MAX).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !fits {
            return Err(Invalid::new("MALFORMED_TAX_ID", "must be a tax id of 4 to 20 letters and digits"));
        }
        // Of no form that is known, it may as well be a card's number in the wrong field.
        refuse_card_number(&id)?;
        Ok(Self(id))
    }

    /// The id.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The kind of id. Nothing if it is of none that we know, and also for a stored one whose check digits do not fit.
    pub fn kind(&self) -> Option<TaxIdKind> {
        let Verdict::Right { country, scope, .. } = judge(&self.0) else { return None };
        let country = Country::from(country);
        Some(match scope {
            Scope::MemberState => TaxIdKind::EuVat(country),
            Scope::NorthernIreland => TaxIdKind::NorthernIrelandVat,
            Scope::Elsewhere => TaxIdKind::Other(country),
        })
    }

    /// The country that issues ids of its kind. Nothing where [`kind`](Self::kind) is nothing.
    pub fn country(&self) -> Option<Country> {
        match judge(&self.0) {
            Verdict::Right { country, .. } => Some(Country::from(country)),
            _ => None,
        }
    }

    /// Whom it is given to, as an id of `country`: nothing if it is another country's. What says nothing of its country is read
    /// as one of that country, and counts as a business's where it fits no form that we know.
    ///
    /// A VAT id is a business's, also where it is made of a person's number: it is given for the business, and tells a taxable
    /// person (Implementing Regulation (EU) 282/2011, art. 18). What every person has, such as Brazil's CPF, tells none.
    pub fn holder_in(&self, country: Country) -> Option<TaxIdHolder> {
        match judge(&self.0) {
            Verdict::Right { country: of, holder, .. } => (Country::from(of) == country).then_some(holder),
            _ => Some(holder_in(&self.0.replace('-', ""), country).unwrap_or(TaxIdHolder::Business)),
        }
    }

    /// The member state of the EU whose VAT id it is. Nothing for an id of Northern Ireland, which is none for services:
    /// [`kind`](Self::kind) tells it.
    pub fn eu_vat_country(&self) -> Option<Country> {
        match self.kind()? {
            TaxIdKind::EuVat(country) => Some(country),
            TaxIdKind::NorthernIrelandVat | TaxIdKind::Other(_) => None,
        }
    }

    /// Whether it is a VAT id of this member state of the EU.
    pub fn is_eu_vat_of(&self, country: Country) -> bool {
        self.eu_vat_country() == Some(country)
    }
}

impl fmt::Debug for TaxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaxId({}..)", self.0.get(..2).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
