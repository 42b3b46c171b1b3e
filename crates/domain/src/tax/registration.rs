//! Where a seller is registered for tax, hence charges it. It knows no rates.

use serde::{Deserialize, Serialize};
use time::Date;

use super::Jurisdiction;
use crate::aggregate::aggregate;
use crate::id::TaxRegistrationId;
use crate::seller::SellerId;
use crate::timestamp::Timestamp;
use crate::validation::{Invalid, Validator, Violations};

/// A registration for tax, in force from a date on and up to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxRegistration {
    /// Who registered the seller: a country or a part of one; with a [one-stop shop](TaxScheme), the Member State of
    /// identification.
    pub jurisdiction: Jurisdiction,
    /// What it covers.
    pub scheme: TaxScheme,
    /// The first date on which tax is charged by it; absent for always.
    pub since: Option<Date>,
    /// The last date on which tax is charged by it; absent while it has no end. The day before `since` where it never was in
    /// force.
    pub until: Option<Date>,
}

/// What a registration covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxScheme {
    /// Supplies in the jurisdiction itself.
    #[default]
    Standard,
    /// The one-stop shop of sellers that are established in the EU: distance sales of goods, and services to consumers, in all
    /// other Member States (Directive 2006/112/EC, art. 369a to 369k).
    UnionOss,
    /// The one-stop shop of sellers that are not established in the EU: services to consumers in all Member States
    /// (Directive 2006/112/EC, art. 358a to 369).
    NonUnionOss,
}

impl TaxRegistration {
    /// A registration of that jurisdiction for supplies there, without beginning or end.
    pub const fn standard(jurisdiction: Jurisdiction) -> Self {
        Self { jurisdiction, scheme: TaxScheme::Standard, since: None, until: None }
    }

    /// Refuses one that ends before it begins: what never was in force is not to be registered.
    ///
    /// # Errors
    /// It does.
    pub fn check_end(&self) -> Result<(), Invalid> {
        match (self.since, self.until) {
            (Some(since), Some(until)) if until < since => {
                Err(Invalid::new("ENDS_BEFORE_BEGIN", "must not be before the date since which it is in force"))
            }
            _ => Ok(()),
        }
    }

    /// Whether it ended before it began, so that tax was never charged by it.
    pub fn is_never_in_force(&self) -> bool {
        self.check_end().is_err()
    }

    /// Refuses a one-stop shop of a part of a country: Member States alone identify sellers for it.
    ///
    /// # Errors
    /// It is of a part.
    pub fn check_scheme(&self) -> Result<(), Invalid> {
        if self.scheme == TaxScheme::Standard || self.jurisdiction.subdivision().is_none() {
            return Ok(());
        }
        Err(Invalid::new("SCHEME_OF_COUNTRY", "must be standard for a part of a country"))
    }

    /// Whether both are of one authority, for the same, and in force on one day.
    pub fn overlaps(&self, other: &Self) -> bool {
        let begins_in_time = |a: &Self, b: &Self| match (a.since, b.until) {
            (Some(since), Some(until)) => since <= until,
            _ => true,
        };
        self.jurisdiction == other.jurisdiction
            && self.scheme == other.scheme
            && !self.is_never_in_force()
            && !other.is_never_in_force()
            && begins_in_time(self, other)
            && begins_in_time(other, self)
    }

    /// Whether tax is charged by it on that date.
    pub fn is_in_force(&self, on: Date) -> bool {
        self.since.is_none_or(|since| since <= on) && self.until.is_none_or(|until| on <= until)
    }
}

aggregate!(
    /// A registration that a caller keeps, beside those of the configuration.
    StoredTaxRegistration, StoredTaxRegistrationData
);

/// What a stored registration is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StoredTaxRegistrationData {
    /// Its id.
    pub id: TaxRegistrationId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// Where, for what and when.
    pub registration: TaxRegistration,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl StoredTaxRegistration {
    /// A new one.
    ///
    /// # Errors
    /// It ends before it begins (`until`), or is a one-stop shop of a part of a country (`scheme`).
    pub fn new(
        id: TaxRegistrationId,
        seller_id: SellerId,
        registration: TaxRegistration,
        now: Timestamp,
    ) -> Result<Self, Violations> {
        let mut v = Validator::new();
        v.check("until", registration.check_end());
        v.check("scheme", registration.check_scheme());
        v.finish(Some(()))?;
        let data =
            StoredTaxRegistrationData { id, seller_id, version: 0, registration, created_at: now, updated_at: now };
        Ok(Self(data))
    }

    /// Ends it: `until` is the last date on which tax is charged by it. The day before it begins withdraws one that was
    /// stored by mistake: it never was in force. That it may have been used is no hindrance: what was finalized stays as it is
    /// and is mended by credit notes, and a mistake that can't be withdrawn would go on being charged.
    ///
    /// # Errors
    /// It would end earlier than that.
    pub fn end(&mut self, until: Date, now: Timestamp) -> Result<(), Invalid> {
        if self.registration.since.and_then(Date::previous_day).is_some_and(|day_before| until < day_before) {
            let expected = "must not be before the day before it begins, which says that it never was in force";
            return Err(Invalid::new("ENDS_BEFORE_BEGIN", expected));
        }
        self.0.registration.until = Some(until);
        self.0.updated_at = now;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use time::macros::date;

    use super::*;

    #[test]
    fn a_registration_never_ends_before_it_begins() {
        let sweden = Jurisdiction::parse("SE").unwrap();
        let terms = TaxRegistration { since: Some(date!(2026 - 01 - 01)), ..TaxRegistration::standard(sweden) };
        let id = TaxRegistrationId::from_uuid(uuid::Uuid::nil());
        let mut stored =
            StoredTaxRegistration::new(id, SellerId::parse("acme").unwrap(), terms, Timestamp::from_unix_seconds(0))
                .unwrap();
        assert!(stored.end(date!(2025 - 12 - 30), Timestamp::from_unix_seconds(0)).is_err());
        assert_eq!(stored.registration.until, None);
        stored.end(date!(2026 - 01 - 01), Timestamp::from_unix_seconds(0)).unwrap();
        assert!(stored.registration.is_in_force(date!(2026 - 01 - 01)));
        assert!(!stored.registration.is_in_force(date!(2026 - 01 - 02)));
        assert!(!stored.registration.is_never_in_force());
        let backwards = TaxRegistration { until: Some(date!(2025 - 12 - 31)), ..terms };
        let seller = SellerId::parse("acme").unwrap();
        assert!(StoredTaxRegistration::new(id, seller, backwards, Timestamp::from_unix_seconds(0)).is_err());
    }

    #[test]
    fn one_that_is_withdrawn_is_in_force_on_no_day_and_in_nobodys_way() {
        let standard = TaxRegistration::standard(Jurisdiction::parse("SE").unwrap());
        let terms = TaxRegistration { since: Some(date!(2026 - 01 - 01)), ..standard };
        let id = TaxRegistrationId::from_uuid(uuid::Uuid::nil());
        let seller = SellerId::parse("acme").unwrap();
        let mut stored = StoredTaxRegistration::new(id, seller, terms, Timestamp::from_unix_seconds(0)).unwrap();
        stored.end(date!(2025 - 12 - 31), Timestamp::from_unix_seconds(0)).unwrap();
        assert!(stored.registration.is_never_in_force());
        for day in [date!(2025 - 12 - 31), date!(2026 - 01 - 01)] {
            assert!(!stored.registration.is_in_force(day), "{day}");
        }
        assert!(!standard.overlaps(&stored.registration) && !stored.registration.overlaps(&standard));
    }

    #[test]
    fn registrations_overlap_that_charge_the_same_tax_on_one_day() {
        let standard = TaxRegistration::standard(Jurisdiction::parse("SE").unwrap());
        let early = TaxRegistration { until: Some(date!(2025 - 12 - 31)), ..standard };
        let late = TaxRegistration { since: Some(date!(2026 - 01 - 01)), ..standard };
        assert!(!early.overlaps(&late) && !late.overlaps(&early));
        assert!(standard.overlaps(&early) && late.overlaps(&standard));
        assert!(!standard.overlaps(&TaxRegistration { scheme: TaxScheme::UnionOss, ..standard }));
    }
}
