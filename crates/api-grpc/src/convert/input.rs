//! From proto messages to domain values, naming every bad field by its path in the request.

use std::collections::BTreeMap;
use std::str::FromStr;

use api_proto::v1;
use application::{InvoiceLineSpec, ItemPrice, LineItemSpec, LinePrice, TaxSpec};
use domain::catalog::CurrencyAmounts;
use domain::id::TaxRateId;
use domain::invoice::InvoiceItem;
use domain::locale::Locale;
use domain::metadata::{Metadata, MetadataPatch};
use domain::money::{Currency, Money, Quantity, Rounding, UnitPrice};
use domain::party::{Address, Country, Email};
use domain::payment_link::{AfterCompletion, CompletedSessionsMax, LineItems};
use domain::redirect::{RedirectPolicy, RedirectUrl};
use domain::tax::{RoundingScope, TaxBehavior, TaxCode, TaxRounding};
use domain::tax_id::TaxId;
use domain::text::{ConfirmationMessage, Description, DisplayName};
use domain::timestamp::Timestamp;
use domain::validation::{Invalid, Validator};
use rust_decimal::Decimal;
use time::{Date, Month};

use super::discount::invoice_discount;
use super::link_options::adjustable;
use super::price_model::recurrence;

/// A text that may be empty for absent.
pub(crate) fn optional<T>(
    v: &mut Validator,
    field: &str,
    text: &str,
    parse: impl FnOnce(&str) -> Result<T, Invalid>,
) -> Option<Option<T>> {
    v.check_optional(field, (!text.is_empty()).then_some(text), parse)
}

/// A value of an enum: a number that is not known must not be taken for one that is not said.
pub(crate) fn known<E: TryFrom<i32>>(v: &mut Validator, field: &str, number: i32) -> Option<E> {
    let unknown = |_| Invalid::new("UNKNOWN_ENUM_VALUE", "must be a value of its enum that this version knows");
    v.check(field, E::try_from(number).map_err(unknown))
}

/// An id that must be there.
pub(crate) fn id<T: FromStr<Err = Invalid>>(v: &mut Validator, field: &str, text: &str) -> Option<T> {
    let parsed = if text.is_empty() { Err(Invalid::required()) } else { text.parse() };
    v.check(field, parsed)
}

/// An id that may be empty for absent.
pub(crate) fn optional_id<T: FromStr<Err = Invalid>>(v: &mut Validator, field: &str, text: &str) -> Option<Option<T>> {
    optional(v, field, text, str::parse)
}

/// A message that must be there.
fn required<'a, T>(v: &mut Validator, field: &str, message: Option<&'a T>) -> Option<&'a T> {
    v.check(field, message.ok_or_else(Invalid::required))
}

/// An amount to be paid.
pub(crate) fn amount(v: &mut Validator, field: &str, money: &v1::Money) -> Option<Money> {
    amount_by(v, field, money, Money::positive)
}

fn amount_by(
    v: &mut Validator,
    field: &str,
    money: &v1::Money,
    parse: impl Fn(i64, Currency) -> Result<Money, Invalid>,
) -> Option<Money> {
    v.within(field, |v| {
        let currency = v.check("currency_code", Currency::parse(&money.currency_code));
        // A currency that is unknown does not hide an amount that is wrong.
        let probe = currency.or_else(|| Currency::parse("EUR").ok())?;
        let money = v.check("minor_units", parse(money.minor_units, probe));
        money.filter(|_| currency.is_some())
    })
}

pub(crate) fn required_amount(v: &mut Validator, field: &str, money: Option<&v1::Money>) -> Option<Money> {
    let money = required(v, field, money)?;
    amount(v, field, money)
}

/// An amount with what it is in other currencies, which are below `options_field`; `parse` says which amounts fit.
pub(crate) fn currency_amounts(
    v: &mut Validator,
    (field, own): (&str, Option<&v1::Money>),
    (options_field, options): (&str, &[v1::Money]),
    parse: impl Fn(i64, Currency) -> Result<Money, Invalid>,
) -> Option<CurrencyAmounts> {
    let own = required(v, field, own).and_then(|own| amount_by(v, field, own, &parse));
    let named = options.iter().enumerate().map(|(index, option)| (format!("{options_field}[{index}]"), option));
    // All of them are read before one that is amiss ends it.
    let options: Vec<_> = named.map(|(field, option)| amount_by(v, &field, option, &parse)).collect();
    let options: Option<Vec<_>> = options.into_iter().collect();
    CurrencyAmounts::parse(own?, options_field, &options?).map_err(|violations| v.absorb(violations)).ok()
}

pub(crate) fn optional_amount(v: &mut Validator, field: &str, money: Option<&v1::Money>) -> Option<Option<Money>> {
    match money {
        None => Some(None),
        Some(money) => amount(v, field, money).map(Some),
    }
}

pub(super) fn decimal(text: &str) -> Result<Decimal, Invalid> {
    let malformed = || Invalid::new("MALFORMED_DECIMAL", "must be a decimal such as 25 or 0.25");
    let digits = text.strip_prefix('-').unwrap_or(text);
    let fits = !digits.is_empty() && digits.len() <= 30 && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    if fits { Decimal::from_str_exact(text).map_err(|_| malformed()) } else { Err(malformed()) }
}

pub(crate) fn percentage(text: &str) -> Result<domain::tax::Percentage, Invalid> {
    domain::tax::Percentage::parse(decimal(text)?)
}

pub(crate) fn unit_price(v: &mut Validator, field: &str, price: Option<&v1::UnitPrice>) -> Option<UnitPrice> {
    let price = required(v, field, price)?;
    v.within(field, |v| {
        let currency = v.check("currency_code", Currency::parse(&price.currency_code));
        let probe = currency.or_else(|| Currency::parse("EUR").ok())?;
        let parsed =
            v.check("minor_units", decimal(&price.minor_units).and_then(|minor| UnitPrice::parse(minor, probe)));
        parsed.filter(|_| currency.is_some())
    })
}

pub(crate) fn tax_behavior(v: &mut Validator, field: &str, behavior: v1::TaxBehavior) -> Option<TaxBehavior> {
    let parsed = match behavior {
        v1::TaxBehavior::Exclusive => Ok(TaxBehavior::Exclusive),
        v1::TaxBehavior::Inclusive => Ok(TaxBehavior::Inclusive),
        v1::TaxBehavior::Unspecified => {
            Err(Invalid::new("REQUIRED", "must say whether tax is inside: EXCLUSIVE or INCLUSIVE"))
        }
    };
    v.check(field, parsed)
}

/// Whether tax is inside; the provider's own default where it is not said.
pub(crate) fn optional_tax_behavior(v: &mut Validator, field: &str, number: i32) -> Option<Option<TaxBehavior>> {
    match known(v, field, number)? {
        v1::TaxBehavior::Unspecified => Some(None),
        behavior => tax_behavior(v, field, behavior).map(Some),
    }
}

pub(crate) fn rounding(
    v: &mut Validator,
    field: &str,
    rounding: Option<&v1::TaxRounding>,
    default: TaxRounding,
) -> Option<Option<TaxRounding>> {
    let Some(rounding) = rounding else { return Some(None) };
    let mode = known(v, &format!("{field}.mode"), rounding.mode);
    let scope = match known(v, &format!("{field}.scope"), rounding.scope)? {
        v1::TaxRoundingScope::PerLine => RoundingScope::PerLine,
        v1::TaxRoundingScope::PerInvoice => RoundingScope::PerInvoice,
        v1::TaxRoundingScope::Unspecified => default.scope,
    };
    let mode = match mode? {
        v1::TaxRoundingMode::HalfUp => Rounding::HalfUp,
        v1::TaxRoundingMode::HalfEven => Rounding::HalfEven,
        v1::TaxRoundingMode::Unspecified => default.mode,
    };
    Some(Some(TaxRounding { scope, mode }))
}

pub(crate) fn line_tax(v: &mut Validator, field: &str, tax: Option<&v1::LineTax>) -> Option<TaxSpec> {
    use v1::line_tax::Treatment;
    let treatment = tax.and_then(|tax| tax.treatment.as_ref());
    let missing = Invalid::new("REQUIRED", "must say how the line is taxed: manual, automatic or untaxed");
    match v.check(field, treatment.ok_or(missing))? {
        Treatment::Untaxed(_) => Some(TaxSpec::Untaxed),
        Treatment::Automatic(automatic) => {
            let tax_code = optional(v, &format!("{field}.automatic.tax_code"), &automatic.tax_code, TaxCode::parse)?;
            Some(TaxSpec::Automatic { tax_code })
        }
        Treatment::Manual(manual) => {
            let ids = manual.tax_rate_ids.iter().enumerate();
            let parsed: Vec<Option<TaxRateId>> =
                ids.map(|(i, text)| id(v, &format!("{field}.manual.tax_rate_ids[{i}]"), text)).collect();
            parsed.into_iter().collect::<Option<Vec<_>>>().map(TaxSpec::Rates)
        }
    }
}

pub(crate) fn invoice_lines(
    v: &mut Validator,
    field: &str,
    lines: &[v1::InvoiceLineInput],
    currency: Option<Currency>,
) -> Option<Vec<InvoiceLineSpec>> {
    let parsed: Vec<_> = lines
        .iter()
        .enumerate()
        .map(|(index, line)| v.within(&format!("{field}[{index}]"), |v| invoice_line(v, line, currency)))
        .collect();
    parsed.into_iter().collect()
}

/// A line of an invoice. Where the invoice's `currency` is known already, what is in another is refused with all that is
/// malformed.
fn invoice_line(v: &mut Validator, line: &v1::InvoiceLineInput, currency: Option<Currency>) -> Option<InvoiceLineSpec> {
    use v1::invoice_line_input::Price;
    let description = optional(v, "description", &line.description, Description::parse);
    let quantity = v.check("quantity", Quantity::parse(line.quantity));
    let missing = Invalid::new("REQUIRED", "must be a price_id, price_data or a shipping_rate_id");
    let price = v.check("price", line.price.as_ref().ok_or(missing)).and_then(|price| match price {
        Price::PriceId(text) => id(v, "price_id", text).map(LinePrice::Stored),
        Price::ShippingRateId(text) => id(v, "shipping_rate_id", text).map(LinePrice::Shipping),
        Price::PriceData(data) => v.within("price_data", |v| {
            let unit_price = unit_price(v, "unit_price", data.unit_price.as_ref());
            if let Some((unit_price, currency)) = unit_price.zip(currency) {
                v.check("unit_price", InvoiceItem::check_currency(unit_price, currency));
            }
            let tax_behavior = tax_behavior(v, "tax_behavior", data.tax_behavior());
            Some(LinePrice::Inline { unit_price: unit_price?, tax_behavior: tax_behavior? })
        }),
    });
    if line.description.is_empty() && matches!(line.price, Some(Price::PriceData(_))) {
        v.refuse("description", Invalid::required());
    }
    let tax = line_tax(v, "tax", line.tax.as_ref());
    let discount = invoice_discount(v, "discount", line.discount.as_ref(), currency);
    Some(InvoiceLineSpec {
        description: description?,
        quantity: quantity?,
        price: price?,
        tax: tax?,
        discount: discount?,
    })
}

pub(crate) fn line_items(v: &mut Validator, field: &str, items: &[v1::LineItemInput]) -> Option<Vec<LineItemSpec>> {
    v.within(field, |v| LineItems::check_count(items.len(), v));
    let parsed: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(index, item)| v.within(&format!("{field}[{index}]"), |v| line_item(v, item)))
        .collect();
    parsed.into_iter().collect()
}

fn line_item(v: &mut Validator, item: &v1::LineItemInput) -> Option<LineItemSpec> {
    use v1::line_item_input::Price;
    let missing = Invalid::new("REQUIRED", "must be a price_id or price_data");
    let price = v.check("price", item.price.as_ref().ok_or(missing)).and_then(|price| match price {
        Price::PriceId(text) => id(v, "price_id", text).map(ItemPrice::Stored),
        Price::PriceData(data) => v.within("price_data", |v| {
            let name = v.check("name", DisplayName::parse(&data.name));
            let description = optional(v, "description", &data.description, Description::parse);
            let unit_price = unit_price(v, "unit_price", data.unit_price.as_ref());
            let recurrence = recurrence(v, "recurrence", data.recurrence.as_ref());
            let tax_behavior = optional_tax_behavior(v, "tax_behavior", data.tax_behavior);
            let tax_code = optional(v, "tax_code", &data.tax_code, TaxCode::parse);
            Some(ItemPrice::Inline {
                name: name?,
                description: description?,
                unit_price: unit_price?,
                recurrence: recurrence?,
                tax_behavior: tax_behavior?,
                tax_code: tax_code?,
            })
        }),
    });
    let quantity = v.check("quantity", Quantity::parse(item.quantity));
    let adjustable = adjustable(v, "adjustable_quantity", item.adjustable_quantity.as_ref());
    Some(LineItemSpec { price: price?, quantity: quantity?, adjustable: adjustable? })
}

pub(crate) fn after_completion(
    v: &mut Validator,
    field: &str,
    after: Option<&v1::AfterCompletion>,
    policy: &RedirectPolicy,
) -> Option<AfterCompletion> {
    use v1::after_completion::Kind;
    match after.and_then(|after| after.kind.as_ref()) {
        None => Some(AfterCompletion::Confirmation),
        Some(Kind::HostedConfirmation(confirmation)) => {
            let path = format!("{field}.hosted_confirmation.custom_message");
            let message = optional(v, &path, &confirmation.custom_message, ConfirmationMessage::parse)?;
            Some(
                message.map_or(AfterCompletion::Confirmation, |message| AfterCompletion::ConfirmationWithMessage {
                    message,
                }),
            )
        }
        Some(Kind::Redirect(redirect)) => {
            let url = v.check(&format!("{field}.redirect.url"), RedirectUrl::parse(&redirect.url, policy));
            url.map(|url| AfterCompletion::Redirect { url })
        }
    }
}

pub(crate) fn restrictions(
    v: &mut Validator,
    restrictions: Option<&v1::Restrictions>,
) -> Option<Option<CompletedSessionsMax>> {
    match restrictions {
        None => Some(None),
        Some(restrictions) => {
            let limit = CompletedSessionsMax::parse(restrictions.completed_sessions_limit);
            v.check("restrictions.completed_sessions_limit", limit).map(Some)
        }
    }
}

pub(crate) fn timestamp(
    v: &mut Validator,
    field: &str,
    at: Option<&prost_types::Timestamp>,
) -> Option<Option<Timestamp>> {
    v.check_optional(field, at, |at| {
        let in_range = (0..=253_402_300_799).contains(&at.seconds) && (0..1_000_000_000).contains(&at.nanos);
        if !in_range {
            return Err(Invalid::new("TIMESTAMP_OUT_OF_RANGE", "must be a time between 1970 and 9999"));
        }
        Ok(Timestamp::from_unix_micros(at.seconds * 1_000_000 + i64::from(at.nanos / 1_000)))
    })
}

pub(crate) fn date(v: &mut Validator, field: &str, date: Option<&v1::Date>) -> Option<Option<Date>> {
    v.check_optional(field, date, |date| {
        let month = u8::try_from(date.month).ok().and_then(|month| Month::try_from(month).ok());
        let day = u8::try_from(date.day).ok();
        let parsed = month.zip(day).and_then(|(month, day)| Date::from_calendar_date(date.year, month, day).ok());
        let parsed = parsed.filter(|parsed| (1..=9999).contains(&parsed.year()));
        parsed.ok_or_else(|| Invalid::new("MALFORMED_DATE", "must be a date of the calendar, from year 1 to 9999"))
    })
}

pub(crate) fn address(v: &mut Validator, field: &str, address: Option<&v1::Address>) -> Option<Option<Address>> {
    let Some(a) = address else { return Some(None) };
    let parts = [a.line1.as_str(), &a.line2, &a.postal_code, &a.city, &a.state];
    match Address::parse(parts, &a.country_code) {
        Ok(address) => Some(Some(address)),
        Err(violations) => {
            v.within(field, |v| v.absorb(violations));
            None
        }
    }
}

pub(crate) fn tax_ids(v: &mut Validator, field: &str, ids: &[String]) -> Option<Vec<TaxId>> {
    let max = domain::customer::CustomerProfile::TAX_IDS_MAX;
    if ids.len() > max {
        v.refuse(field, Invalid::new("TOO_MANY", format!("must have at most {max} tax ids")));
    }
    let parsed: Vec<_> =
        ids.iter().enumerate().map(|(i, text)| v.check(&format!("{field}[{i}]"), TaxId::parse(text))).collect();
    parsed.into_iter().collect()
}

pub(crate) fn email(v: &mut Validator, field: &str, text: &str) -> Option<Option<Email>> {
    optional(v, field, text, Email::parse)
}

pub(crate) fn locale(v: &mut Validator, field: &str, text: &str) -> Option<Option<Locale>> {
    optional(v, field, text, Locale::parse)
}

pub(crate) fn country(v: &mut Validator, field: &str, text: &str) -> Option<Option<Country>> {
    optional(v, field, text, Country::parse)
}

pub(crate) fn metadata(v: &mut Validator, pairs: &BTreeMap<String, String>) -> Option<Metadata> {
    match Metadata::parse(pairs.clone()) {
        Ok(metadata) => Some(metadata),
        Err(violations) => {
            v.within("metadata", |v| v.absorb(violations));
            None
        }
    }
}

/// The paths of an update mask.
pub(crate) struct Mask(Vec<String>);

impl Mask {
    /// Reads a mask; `metadata.KEY` is fine wherever `metadata` is.
    pub(crate) fn parse(v: &mut Validator, mask: Option<&prost_types::FieldMask>, known: &[&str]) -> Self {
        let paths = mask.map(|mask| mask.paths.clone()).unwrap_or_default();
        if paths.is_empty() {
            v.refuse("update_mask", Invalid::new("REQUIRED", format!("must name what changes: {}", known.join(", "))));
        }
        for (index, path) in paths.iter().enumerate() {
            let key = path.strip_prefix("metadata.");
            let is_pair = known.contains(&"metadata") && key.is_some_and(|key| !key.is_empty());
            if !is_pair && !known.contains(&path.as_str()) {
                let expected = format!("must be one of {}", known.join(", "));
                v.refuse(&format!("update_mask.paths[{index}]"), Invalid::new("UNKNOWN_PATH", expected));
            }
        }
        Self(paths)
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.iter().any(|known| known == path)
    }

    /// Keeps what was parsed if its path is in the mask.
    pub(crate) fn pick<T>(&self, path: &str, parse: impl FnOnce() -> Option<T>) -> Option<Option<T>> {
        if self.has(path) { parse().map(Some) } else { Some(None) }
    }

    /// The change of metadata: `metadata` replaces all, `metadata.KEY` sets one pair, or unsets it if it is not there.
    /// `within` is the message that carries the values.
    pub(crate) fn metadata(
        &self,
        v: &mut Validator,
        within: &str,
        pairs: &BTreeMap<String, String>,
    ) -> Option<MetadataPatch> {
        let clear = self.has("metadata");
        let mut set = if clear { pairs.clone() } else { BTreeMap::new() };
        for key in self.0.iter().filter_map(|path| path.strip_prefix("metadata.")).filter(|key| !key.is_empty()) {
            set.insert(key.to_owned(), pairs.get(key).cloned().unwrap_or_default());
        }
        match MetadataPatch::parse(clear, set) {
            Ok(patch) => Some(patch),
            Err(violations) => {
                v.within(within, |v| v.within("metadata", |v| v.absorb(violations)));
                None
            }
        }
    }
}
