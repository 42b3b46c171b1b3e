//! The place of supply: in which jurisdiction a supply is taxed, if in any, and by which rule. It must not know rates.
//!
//! Lines with manual rates are not asked about. For automatic lines the first row that fits decides. *Seller* is where the
//! seller is established, *customer* where the customer is; a customer of whom no place is known is taken to be where its VAT
//! id is from, else in the seller's country. The EU is that of the tax point, and so are registrations.
//!
//! | code | when | tax |
//! |---|---|---|
//! | `NONTAXABLE` | the kind of product is outside of the scope of tax | none |
//! | `NOT_REGISTERED` | the seller has no registration in force at all | none |
//! | `CUSTOMER_EXEMPT` | the customer is exempt | none |
//! | `DOMESTIC_REVERSE_CHARGE` | same country, registered there, and the customer accounts for the tax | none |
//! | `DOMESTIC` | same country, and registered there | the customer's |
//! | `INTRA_COMMUNITY_SUPPLY` | goods within the EU to a business with a VAT id of another Member State than the seller's | none |
//! | `ORIGIN` | goods within the EU to a business that shows no such VAT id | the seller's |
//! | `REVERSE_CHARGE` | services to a business in another country, which is in the EU | none |
//! | `DESTINATION` | goods or electronic services to a consumer elsewhere in the EU, registered there or by a one-stop shop | the customer's |
//! | `ORIGIN_BELOW_THRESHOLD` | the same, registered in the seller's own Member State alone | the seller's |
//! | `SUPPLIER_COUNTRY` | other services to a consumer abroad, and until 2014 electronic ones within the EU, by a seller in the EU that is registered there | the seller's |
//! | `DESTINATION` | a customer outside the EU where the seller is registered: a consumer, or anybody where registered foreign sellers charge businesses too | the customer's |
//! | `EXPORT` | goods to another country | none |
//! | `OUTSIDE_SCOPE` | services to another country | none |
//! | `NOT_REGISTERED` | otherwise | none |
//!
//! `ORIGIN_BELOW_THRESHOLD` is the rule up to EUR 10 000 a year of distance sales and electronic services (Directive
//! 2006/112/EC, art. 59c): a seller above it registers in its customers' countries or for the one-stop shop, and
//! `DESTINATION` decides. A business is a customer with a VAT id of a Member State where it is in the EU, with a tax id that
//! shows a business where it is not, or one that the seller says accounts for the tax itself.
//!
//! The rules changed: the table holds since 2021-07-01, and what was otherwise before is this (Directives 2008/8/EC,
//! (EU) 2017/2455 and (EU) 2019/1995). Tax points before 2010-01-01, when services to businesses moved to the customer, are
//! refused for supplies to another country.
//!
//! | until | what was otherwise |
//! |---|---|
//! | 2021-06-30 | no one-stop shop for goods, whose thresholds were those of each country (art. 34); a threshold for electronic services by art. 58(2) |
//! | 2018-12-31 | no threshold for electronic services: without a registration that covers the customer's country, `NOT_REGISTERED` |
//! | 2014-12-31 | electronic services to consumers within the EU are taxed where a seller in the EU is, and the Union's one-stop shop is not there yet |
//!
//! Northern Ireland (the place `GB-NIR`, or a place in the United Kingdom with a tax id that begins with XI) is as a Member
//! State for goods since 2021-01-01 (Windsor Framework, art. 8), at the United Kingdom's rates.
//!
//! Territories that a country's tax does not cover (such as the Canary Islands), and services with places of supply of their
//! own (land, transport, events, restaurants, and those of art. 59 to consumers outside the EU) are not told apart: they need
//! manual rates.

use domain::party::Country;
use domain::tax::{CustomerTaxStatus, Jurisdiction, TaxCategory, TaxRequest, TaxScheme};
use domain::tax_id::{TaxIdHolder, TaxIdKind};
use time::Date;
use time::macros::date;

use crate::table::RateTable;
use crate::tax_code::Supply;

/// The first day for which the rules between countries are known: services to businesses are taxed at the customer
/// (Directive 2008/8/EC, art. 2).
pub(crate) const KNOWN_SINCE: Date = date!(2010 - 01 - 01);
/// Electronic services to consumers within the EU are taxed at the customer, and a one-stop shop covers them (Directive
/// 2008/8/EC, art. 5).
const ELECTRONIC_AT_CUSTOMER_SINCE: Date = date!(2015 - 01 - 01);
/// Below a threshold they are taxed at the seller (Directive (EU) 2017/2455, art. 1).
const ELECTRONIC_THRESHOLD_SINCE: Date = date!(2019 - 01 - 01);
/// The end of the United Kingdom's transition (Withdrawal Agreement, art. 126 and 185).
const NORTHERN_IRELAND_SINCE: Date = date!(2021 - 01 - 01);
/// The one-stop shop covers goods, and they share the threshold of electronic services (Directive (EU) 2017/2455, art. 2, as
/// postponed by Decision (EU) 2020/1109).
const GOODS_IN_ONE_STOP_SHOP_SINCE: Date = date!(2021 - 07 - 01);

/// Why an automatic line has its rates, or none. The codes are stable: they are kept with documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Nontaxable,
    NotRegistered,
    CustomerExempt,
    Domestic,
    DomesticReverseCharge,
    IntraCommunitySupply,
    ReverseCharge,
    Destination,
    OriginBelowThreshold,
    Origin,
    SupplierCountry,
    Export,
    OutsideScope,
}

impl Rule {
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Nontaxable => "NONTAXABLE",
            Self::NotRegistered => "NOT_REGISTERED",
            Self::CustomerExempt => "CUSTOMER_EXEMPT",
            Self::Domestic => "DOMESTIC",
            Self::DomesticReverseCharge => "DOMESTIC_REVERSE_CHARGE",
            Self::IntraCommunitySupply => "INTRA_COMMUNITY_SUPPLY",
            Self::ReverseCharge => "REVERSE_CHARGE",
            Self::Destination => "DESTINATION",
            Self::OriginBelowThreshold => "ORIGIN_BELOW_THRESHOLD",
            Self::Origin => "ORIGIN",
            Self::SupplierCountry => "SUPPLIER_COUNTRY",
            Self::Export => "EXPORT",
            Self::OutsideScope => "OUTSIDE_SCOPE",
        }
    }

    /// What a supply without a rate is by the rule; one with rates is what its rates make it.
    pub(crate) const fn category_without_rate(self) -> TaxCategory {
        match self {
            Self::CustomerExempt => TaxCategory::Exempt,
            Self::DomesticReverseCharge | Self::ReverseCharge => TaxCategory::ReverseCharge,
            Self::IntraCommunitySupply => TaxCategory::IntraCommunitySupply,
            Self::Export => TaxCategory::Export,
            _ => TaxCategory::OutsideScope,
        }
    }
}

/// Where a supply is taxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) rule: Rule,
    /// Whose tax it is subject to, charged or not.
    pub(crate) jurisdiction: Option<Jurisdiction>,
    /// Whether the seller charges that tax.
    pub(crate) is_charged: bool,
    /// The law that says so, where an invoice or an auditor wants it named.
    pub(crate) law: Option<&'static str>,
}

impl Place {
    const fn charged(rule: Rule, jurisdiction: Jurisdiction, law: Option<&'static str>) -> Self {
        Self { rule, jurisdiction: Some(jurisdiction), is_charged: true, law }
    }

    const fn free(rule: Rule, jurisdiction: Jurisdiction, law: Option<&'static str>) -> Self {
        Self { rule, jurisdiction: Some(jurisdiction), is_charged: false, law }
    }

    /// No tax, and no jurisdiction whose tax it could be.
    pub(crate) const fn nowhere(rule: Rule) -> Self {
        Self { rule, jurisdiction: None, is_charged: false, law: None }
    }
}

/// The parties to a supply, as the law sees them.
pub(crate) struct Parties<'a> {
    request: &'a TaxRequest,
    table: &'a RateTable,
    seller: Jurisdiction,
    customer: Jurisdiction,
    is_registered_at_all: bool,
}

/// The tax point is before the rules between countries that are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BeforeKnownRules;

impl<'a> Parties<'a> {
    pub(crate) fn of(request: &'a TaxRequest, table: &'a RateTable) -> Self {
        let on = request.tax_point;
        let mut parties = Self {
            request,
            table,
            seller: taxed_as(request.seller),
            customer: taxed_as(request.seller),
            is_registered_at_all: request.registrations.iter().any(|registration| registration.is_in_force(on)),
        };
        let of_vat_id = parties.states_of_vat_ids(Supply::Goods).next().map(Jurisdiction::of);
        parties.customer = request.customer.place.or(of_vat_id).map_or(parties.seller, taxed_as);
        parties
    }

    /// Where a supply of that kind is taxed.
    ///
    /// # Errors
    /// It is between countries, on a day for which the rules between them are not known.
    pub(crate) fn place_of(&self, supply: Supply) -> Result<Place, BeforeKnownRules> {
        if supply == Supply::Nontaxable {
            return Ok(Place::nowhere(Rule::Nontaxable));
        }
        if !self.is_registered_at_all {
            return Ok(Place::nowhere(Rule::NotRegistered));
        }
        if self.request.customer.status == CustomerTaxStatus::Exempt {
            let law = self.is_in_eu(self.seller, supply).then_some("Directive 2006/112/EC, art. 151");
            return Ok(Place::free(Rule::CustomerExempt, self.customer, law));
        }
        if self.seller.country() == self.customer.country() {
            return Ok(self.domestic(supply));
        }
        if self.request.tax_point < KNOWN_SINCE {
            return Err(BeforeKnownRules);
        }
        Ok(if self.is_in_eu(self.customer, supply) { self.within_or_to_eu(supply) } else { self.beyond_eu(supply) })
    }

    fn domestic(&self, supply: Supply) -> Place {
        if !self.is_registered_in(self.customer) {
            return Place::free(Rule::NotRegistered, self.customer, None);
        }
        if self.request.customer.status == CustomerTaxStatus::ReverseCharge {
            let law = self.is_in_eu(self.customer, supply).then_some("Directive 2006/112/EC, art. 194 to 199b");
            return Place::free(Rule::DomesticReverseCharge, self.customer, law);
        }
        Place::charged(Rule::Domestic, self.customer, None)
    }

    /// To a customer in another country, which is a Member State.
    fn within_or_to_eu(&self, supply: Supply) -> Place {
        let seller_is_in_eu = self.is_in_eu(self.seller, supply);
        if supply == Supply::Goods && seller_is_in_eu && self.is_business(supply) {
            return self.goods_to_business_in_eu();
        }
        if supply != Supply::Goods && self.is_business(supply) {
            return Place::free(Rule::ReverseCharge, self.customer, Some("Directive 2006/112/EC, art. 44 and 196"));
        }
        let is_taxed_at_supplier = match supply {
            Supply::Goods | Supply::Nontaxable => false,
            Supply::ElectronicService => self.request.tax_point < ELECTRONIC_AT_CUSTOMER_SINCE && seller_is_in_eu,
            Supply::Service => true,
        };
        let law = match supply {
            Supply::Goods => "Directive 2006/112/EC, art. 33",
            _ => "Directive 2006/112/EC, art. 58",
        };
        let is_charged_there =
            !is_taxed_at_supplier && (self.is_registered_in(self.customer) || self.has_one_stop_shop_for(supply));
        if is_charged_there {
            return Place::charged(Rule::Destination, self.customer, Some(law));
        }
        if !seller_is_in_eu {
            return self.abroad(supply);
        }
        if !self.is_registered_in(self.seller) {
            return Place::free(Rule::NotRegistered, self.customer, None);
        }
        if is_taxed_at_supplier {
            return self.at_supplier();
        }
        match self.threshold(supply) {
            Some(law) => Place::charged(Rule::OriginBelowThreshold, self.seller, Some(law)),
            None => Place::free(Rule::NotRegistered, self.customer, None),
        }
    }

    /// The law by which a supply to a consumer in another Member State is taxed at the seller below a threshold, if any did.
    fn threshold(&self, supply: Supply) -> Option<&'static str> {
        let on = self.request.tax_point;
        if on >= GOODS_IN_ONE_STOP_SHOP_SINCE {
            return Some("Directive 2006/112/EC, art. 59c");
        }
        match supply {
            Supply::Goods => Some("Directive 2006/112/EC, art. 34"),
            _ => (on >= ELECTRONIC_THRESHOLD_SINCE).then_some("Directive 2006/112/EC, art. 58(2)"),
        }
    }

    /// Goods from one Member State to a business in another.
    fn goods_to_business_in_eu(&self) -> Place {
        if !self.is_registered_in(self.seller) && !self.is_registered_in_eu() {
            return Place::free(Rule::NotRegistered, self.customer, None);
        }
        if self.states_of_vat_ids(Supply::Goods).any(|state| state != self.seller.country()) {
            let law = Some("Directive 2006/112/EC, art. 138(1)");
            return Place::free(Rule::IntraCommunitySupply, self.customer, law);
        }
        if !self.is_registered_in(self.seller) {
            return Place::free(Rule::NotRegistered, self.customer, None);
        }
        Place::charged(Rule::Origin, self.seller, Some("Directive 2006/112/EC, art. 32"))
    }

    /// To a customer in another country, which is no Member State.
    fn beyond_eu(&self, supply: Supply) -> Place {
        let is_taxed_at_supplier = supply == Supply::Service
            && self.is_in_eu(self.seller, supply)
            && !self.is_business(supply)
            && self.is_registered_in(self.seller);
        if is_taxed_at_supplier {
            return self.at_supplier();
        }
        let country = self.customer.country();
        let is_charged_there = self.is_registered_in(self.customer)
            && (!self.is_business(supply) || self.table.foreign_sellers_charge_businesses(country));
        if is_charged_there {
            return Place::charged(Rule::Destination, self.customer, None);
        }
        self.abroad(supply)
    }

    fn at_supplier(&self) -> Place {
        Place::charged(Rule::SupplierCountry, self.seller, Some("Directive 2006/112/EC, art. 45"))
    }

    /// What leaves the seller's country and is not taxed there.
    fn abroad(&self, supply: Supply) -> Place {
        let (rule, law) = match supply {
            Supply::Goods => (Rule::Export, "Directive 2006/112/EC, art. 146(1)(a)"),
            _ if self.is_business(supply) => (Rule::OutsideScope, "Directive 2006/112/EC, art. 44"),
            _ => (Rule::OutsideScope, "Directive 2006/112/EC, art. 58 and 59"),
        };
        Place::free(rule, self.customer, self.is_in_eu(self.seller, supply).then_some(law))
    }

    /// Whether a place is within the EU for a supply of that kind, on the tax point.
    fn is_in_eu(&self, place: Jurisdiction, supply: Supply) -> bool {
        let is_northern_ireland = || {
            let is_told = place.subdivision() == Some("NIR");
            place.country().alpha2() == "GB" && (is_told || (place == self.customer && self.has_northern_irish_id()))
        };
        self.table.is_eu_member(place.country(), self.request.tax_point)
            || (supply == Supply::Goods && self.is_northern_ireland_in_eu() && is_northern_ireland())
    }

    /// Whether Northern Ireland is as a Member State for goods, and the rest of the United Kingdom is not.
    fn is_northern_ireland_in_eu(&self) -> bool {
        self.request.tax_point >= NORTHERN_IRELAND_SINCE
    }

    fn has_northern_irish_id(&self) -> bool {
        self.request.customer.tax_ids.iter().any(|id| id.kind() == Some(TaxIdKind::NorthernIrelandVat))
    }

    /// Whether the seller charges the tax of that jurisdiction, or of the country that it is a part of; of a country with
    /// parts, where the part is not told, whether it charges tax in any of them.
    pub(crate) fn is_registered_in(&self, jurisdiction: Jurisdiction) -> bool {
        let country = jurisdiction.country();
        let is_part_unknown =
            self.table.parts_of(country).next().is_some() && self.table.relation(&jurisdiction).is_none();
        self.is_registered_with(jurisdiction)
            || self.is_registered_with(country.into())
            || (is_part_unknown && self.table.parts_of(country).any(|part| self.is_registered_with(part)))
    }

    fn is_registered_in_eu(&self) -> bool {
        self.request.registrations.iter().any(|registration| {
            registration.is_in_force(self.request.tax_point)
                && self.table.is_eu_member(registration.jurisdiction.country(), self.request.tax_point)
        })
    }

    /// Whether that very jurisdiction has registered the seller for supplies there.
    pub(crate) fn is_registered_with(&self, jurisdiction: Jurisdiction) -> bool {
        self.request.registrations.iter().any(|registration| {
            registration.scheme == TaxScheme::Standard
                && registration.jurisdiction == jurisdiction
                && registration.is_in_force(self.request.tax_point)
        })
    }

    fn has_one_stop_shop_for(&self, supply: Supply) -> bool {
        let on = self.request.tax_point;
        let seller_is_in_eu = self.table.is_eu_member(self.seller.country(), on);
        self.request.registrations.iter().any(|registration| {
            let of = registration.jurisdiction.country();
            let covers = match registration.scheme {
                TaxScheme::Standard => false,
                // The Member State of identification is that where the seller is established.
                TaxScheme::UnionOss => {
                    let since = match supply {
                        Supply::ElectronicService => ELECTRONIC_AT_CUSTOMER_SINCE,
                        _ => GOODS_IN_ONE_STOP_SHOP_SINCE,
                    };
                    seller_is_in_eu && of == self.seller.country() && since <= on
                }
                TaxScheme::NonUnionOss => {
                    !seller_is_in_eu && self.table.is_eu_member(of, on) && supply != Supply::Goods
                }
            };
            covers && registration.is_in_force(on)
        })
    }

    fn is_business(&self, supply: Supply) -> bool {
        let customer = &self.request.customer;
        let country = self.customer.country();
        customer.status == CustomerTaxStatus::ReverseCharge
            || match self.is_in_eu(self.customer, supply) {
                true => self.states_of_vat_ids(supply).next().is_some(),
                false => customer.tax_ids.iter().any(|id| id.holder_in(country) == Some(TaxIdHolder::Business)),
            }
    }

    /// The countries whose VAT ids the customer shows and that are Member States for a supply of that kind, on the tax point.
    fn states_of_vat_ids(&self, supply: Supply) -> impl Iterator<Item = Country> {
        let is_member = |country: Country| self.table.is_eu_member(country, self.request.tax_point);
        self.request.customer.tax_ids.iter().filter_map(move |id| {
            let country = id.country()?;
            let counts = match id.kind()? {
                TaxIdKind::NorthernIrelandVat => supply == Supply::Goods && self.is_northern_ireland_in_eu(),
                TaxIdKind::EuVat(_) | TaxIdKind::Other(_) => is_member(country),
            };
            counts.then_some(country)
        })
    }
}

/// Whose tax is levied in a place: Monaco is treated as France (Directive 2006/112/EC, art. 7(1)), and the Isle of Man as the
/// United Kingdom (the same, and the Customs and Excise Agreement of 1979).
pub(crate) fn taxed_as(place: Jurisdiction) -> Jurisdiction {
    let code = match place.country().alpha2() {
        "MC" => "FR",
        "IM" => "GB",
        _ => return place,
    };
    Country::parse(code).map_or(place, Jurisdiction::of)
}
