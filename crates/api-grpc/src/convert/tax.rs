//! Tax, between domain values and proto messages. It must not know the rules of tax.

use api_proto::v1;
use domain::money::{Currency, ExchangeRate, Rounding};
use domain::ports::tax_ids::TaxIdLookup;
use domain::seller::SellerId;
use domain::tax::{
    AppliedRate, CustomerTaxStatus, ExchangedTax, Jurisdiction, RoundingScope, StoredTaxRegistration, TaxCalculation,
    TaxCategory, TaxExchangeRate, TaxRate, TaxRegistration, TaxRounding, TaxScheme, TaxSubtotal, TaxedLine, TraceStep,
};
use domain::tax_id_check::{RegistryAnswer, TaxIdCheck};
use domain::text::DisplayName;
use domain::validation::{Invalid, Validator};

use super::input::{self, country, decimal, known};
use super::output::{date, money, pairs, text, timestamp};

/// A country, or a part of it, from their two fields; `Some(None)` where neither is said.
pub(crate) fn jurisdiction(
    v: &mut Validator,
    (at_country, country_code): (&str, &str),
    (at_part, subdivision_code): (&str, &str),
) -> Option<Option<Jurisdiction>> {
    match (country(v, at_country, country_code)?, subdivision_code) {
        (country, "") => Some(country.map(Jurisdiction::of)),
        (None, _) => {
            v.refuse(at_country, Invalid::required());
            None
        }
        (Some(country), part) => v.check(at_part, Jurisdiction::part(country, part)).map(Some),
    }
}

/// What a customer is for tax; taxable where it is not said.
pub(crate) fn customer_tax_status(v: &mut Validator, field: &str, number: i32) -> Option<CustomerTaxStatus> {
    Some(match known(v, field, number)? {
        v1::CustomerTaxStatus::Unspecified | v1::CustomerTaxStatus::Taxable => CustomerTaxStatus::Taxable,
        v1::CustomerTaxStatus::Exempt => CustomerTaxStatus::Exempt,
        v1::CustomerTaxStatus::ReverseCharge => CustomerTaxStatus::ReverseCharge,
    })
}

pub(super) fn told_customer_tax_status(status: CustomerTaxStatus) -> i32 {
    let told = match status {
        CustomerTaxStatus::Taxable => v1::CustomerTaxStatus::Taxable,
        CustomerTaxStatus::Exempt => v1::CustomerTaxStatus::Exempt,
        CustomerTaxStatus::ReverseCharge => v1::CustomerTaxStatus::ReverseCharge,
    };
    told.into()
}

const fn category(category: TaxCategory) -> v1::TaxCategory {
    match category {
        TaxCategory::Standard => v1::TaxCategory::Standard,
        TaxCategory::ZeroRated => v1::TaxCategory::ZeroRated,
        TaxCategory::Exempt => v1::TaxCategory::Exempt,
        TaxCategory::ReverseCharge => v1::TaxCategory::ReverseCharge,
        TaxCategory::IntraCommunitySupply => v1::TaxCategory::IntraCommunitySupply,
        TaxCategory::Export => v1::TaxCategory::Export,
        TaxCategory::OutsideScope => v1::TaxCategory::OutsideScope,
    }
}

fn country_code(jurisdiction: Option<Jurisdiction>) -> String {
    jurisdiction.map(|jurisdiction| jurisdiction.country().alpha2().to_owned()).unwrap_or_default()
}

fn subdivision_code(jurisdiction: Option<Jurisdiction>) -> String {
    jurisdiction.as_ref().and_then(Jurisdiction::subdivision).unwrap_or_default().to_owned()
}

pub(super) fn told_rounding(rounding: TaxRounding) -> v1::TaxRounding {
    let scope = match rounding.scope {
        RoundingScope::PerLine => v1::TaxRoundingScope::PerLine,
        RoundingScope::PerInvoice => v1::TaxRoundingScope::PerInvoice,
    };
    let mode = match rounding.mode {
        Rounding::HalfUp => v1::TaxRoundingMode::HalfUp,
        Rounding::HalfEven => v1::TaxRoundingMode::HalfEven,
    };
    v1::TaxRounding { scope: scope as i32, mode: mode as i32 }
}

pub(crate) fn tax_rate(rate: &TaxRate) -> v1::TaxRate {
    v1::TaxRate {
        id: rate.id.to_string(),
        seller_id: rate.seller_id.to_string(),
        display_name: rate.display_name.to_string(),
        percentage: rate.percentage.percent().to_string(),
        country_code: country_code(rate.jurisdiction),
        subdivision_code: subdivision_code(rate.jurisdiction),
        active: rate.active,
        metadata: pairs(&rate.metadata),
        etag: rate.etag(),
        create_time: Some(timestamp(rate.created_at)),
        update_time: Some(timestamp(rate.updated_at)),
    }
}

fn applied_rate(rate: &AppliedRate) -> v1::AppliedTaxRate {
    v1::AppliedTaxRate {
        tax_rate_id: text(rate.tax_rate_id.as_ref()),
        display_name: rate.display_name.to_string(),
        percentage: rate.percentage.percent().to_string(),
        country_code: country_code(rate.jurisdiction),
        subdivision_code: subdivision_code(rate.jurisdiction),
        source: rate.source.as_deref().unwrap_or_default().to_owned(),
        since: rate.since.map(date),
    }
}

/// The rate by which tax is told in the seller's currency.
pub(crate) fn tax_exchange_rate(
    v: &mut Validator,
    field: &str,
    rate: Option<&v1::TaxExchangeRate>,
) -> Option<Option<TaxExchangeRate>> {
    let Some(m) = rate else { return Some(None) };
    v.within(field, |v| {
        let currency = v.check("currency_code", Currency::parse(&m.currency_code));
        let rate = v.check("rate", decimal(&m.rate).and_then(ExchangeRate::parse));
        let day = input::date(v, "date", m.date.as_ref());
        let day = day.and_then(|day| v.check("date", day.ok_or_else(Invalid::required)));
        let source = v.check("source", DisplayName::parse(&m.source));
        Some(Some(TaxExchangeRate { currency: currency?, rate: rate?, date: day?, source: source? }))
    })
}

pub(super) fn told_exchange_rate(exchanged: &ExchangedTax) -> v1::TaxExchangeRate {
    let rate = &exchanged.exchange_rate;
    v1::TaxExchangeRate {
        currency_code: rate.currency.code().to_owned(),
        rate: rate.rate.get().to_string(),
        date: Some(date(rate.date)),
        source: rate.source.to_string(),
    }
}

pub(super) fn taxed_line(line: &TaxedLine) -> v1::TaxedLine {
    let component =
        |c: &domain::tax::TaxComponent| v1::TaxComponent { rate: Some(applied_rate(&c.rate)), tax: Some(money(c.tax)) };
    v1::TaxedLine {
        net: Some(money(line.net)),
        tax: Some(money(line.tax)),
        gross: Some(money(line.gross)),
        components: line.components.iter().map(component).collect(),
        category: category(line.category).into(),
    }
}

pub(super) fn tax_subtotal(subtotal: &TaxSubtotal) -> v1::TaxSubtotal {
    v1::TaxSubtotal {
        category: category(subtotal.category).into(),
        rate: subtotal.rate.as_ref().map(applied_rate),
        base: Some(money(subtotal.base)),
        tax: Some(money(subtotal.tax)),
    }
}

pub(super) fn trace_step(step: &TraceStep) -> v1::TaxTraceStep {
    v1::TaxTraceStep {
        line: i32::try_from(step.line).unwrap_or(i32::MAX),
        rule: step.decision.rule.to_string(),
        category: category(step.decision.category).into(),
        rate: step.rate.as_ref().map(applied_rate),
        base: step.base.to_string(),
        unrounded: step.unrounded.to_string(),
        rounded: step.rounded,
        country_code: country_code(step.decision.jurisdiction),
        subdivision_code: subdivision_code(step.decision.jurisdiction),
        law: step.decision.law.as_deref().unwrap_or_default().to_owned(),
    }
}

pub(crate) fn tax_calculation(calculation: &TaxCalculation) -> v1::TaxCalculation {
    v1::TaxCalculation {
        lines: calculation.lines.iter().map(taxed_line).collect(),
        subtotals: calculation.subtotals.iter().map(tax_subtotal).collect(),
        net: Some(money(calculation.net)),
        tax: Some(money(calculation.tax)),
        gross: Some(money(calculation.gross)),
        trace: calculation.trace.iter().map(trace_step).collect(),
    }
}

/// What a registration covers; supplies in the jurisdiction itself where it is not said.
pub(crate) fn tax_scheme(v: &mut Validator, field: &str, number: i32) -> Option<TaxScheme> {
    Some(match known(v, field, number)? {
        v1::TaxScheme::Unspecified | v1::TaxScheme::Standard => TaxScheme::Standard,
        v1::TaxScheme::UnionOss => TaxScheme::UnionOss,
        v1::TaxScheme::NonUnionOss => TaxScheme::NonUnionOss,
    })
}

/// A registration of the configuration.
pub(crate) fn configured_registration(seller: &SellerId, registration: &TaxRegistration) -> v1::TaxRegistration {
    let scheme = match registration.scheme {
        TaxScheme::Standard => v1::TaxScheme::Standard,
        TaxScheme::UnionOss => v1::TaxScheme::UnionOss,
        TaxScheme::NonUnionOss => v1::TaxScheme::NonUnionOss,
    };
    v1::TaxRegistration {
        id: String::new(),
        seller_id: seller.to_string(),
        country_code: country_code(Some(registration.jurisdiction)),
        subdivision_code: subdivision_code(Some(registration.jurisdiction)),
        scheme: scheme.into(),
        since: registration.since.map(date),
        until: registration.until.map(date),
        create_time: None,
        update_time: None,
    }
}

pub(crate) fn tax_registration(stored: &StoredTaxRegistration) -> v1::TaxRegistration {
    v1::TaxRegistration {
        id: stored.id.to_string(),
        create_time: Some(timestamp(stored.created_at)),
        update_time: Some(timestamp(stored.updated_at)),
        ..configured_registration(&stored.seller_id, &stored.registration)
    }
}

pub(crate) fn tax_id_check(check: &TaxIdCheck) -> v1::TaxIdCheck {
    let (answer, lookup) = match &check.answer {
        RegistryAnswer::NotAsked => (v1::TaxIdAnswer::NotAsked, None),
        RegistryAnswer::Told(lookup) if lookup.is_valid => (v1::TaxIdAnswer::Registered, Some(lookup)),
        RegistryAnswer::Told(lookup) => (v1::TaxIdAnswer::NotRegistered, Some(lookup)),
        RegistryAnswer::Unavailable => (v1::TaxIdAnswer::Unavailable, None),
        RegistryAnswer::Unsupported => (v1::TaxIdAnswer::Unsupported, None),
    };
    let told = |part: fn(&TaxIdLookup) -> Option<&String>| lookup.and_then(part).cloned().unwrap_or_default();
    v1::TaxIdCheck {
        id: check.id.to_string(),
        seller_id: check.seller_id.to_string(),
        tax_id: check.tax_id.as_str().to_owned(),
        country_code: text(check.tax_id.country().as_ref()),
        eu_vat: check.tax_id.eu_vat_country().is_some(),
        answer: answer.into(),
        registry: told(|lookup| Some(&lookup.registry)),
        name: told(|lookup| lookup.name.as_ref()),
        address: told(|lookup| lookup.address.as_ref()),
        consultation_number: told(|lookup| lookup.consultation_number.as_ref()),
        check_time: Some(timestamp(check.checked_at)),
    }
}
