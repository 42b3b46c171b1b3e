//! From what a caller names (stored prices, tax rates) to what is charged: the one place that resolves names.

use std::collections::BTreeSet;

use domain::catalog::{Price, PriceModel, Product, ShippingRate};
use domain::customer::Customer;
use domain::id::{CustomerId, PriceId, ShippingRateId, TaxRateId};
use domain::invoice::{InvoiceContent, InvoiceItem};
use domain::money::{Currency, UnitPrice};
use domain::party::Address;
use domain::ports::storage::Sellers;
use domain::ports::tax::TaxError;
use domain::seller::{Seller, TaxEngine};
use domain::tax::{
    TaxBehavior, TaxCalculation, TaxCode, TaxRequest, TaxRounding, TaxTreatment, TaxableLine, TaxedCustomer,
};
use domain::text::Description;
use domain::timestamp::Timestamp;
use domain::validation::{Invalid, Validator};
use telemetry::table::TAX_CALCULATIONS;
use time::Date;

use crate::app::App;
use crate::error::{Error, Reason};
use crate::use_cases::invoice::{InvoiceLineSpec, LinePrice};
use crate::use_cases::tax::TaxSpec;

impl App {
    /// A stored price that may be named now, with its product; `None` once `field` is refused.
    ///
    /// # Errors
    /// The storage fails.
    pub(crate) async fn usable_price(
        &self,
        v: &mut Validator,
        field: &str,
        sellers: &Sellers,
        id: PriceId,
    ) -> Result<Option<(Price, Product)>, Error> {
        let price = self.0.storage.get_price(sellers, id).await?;
        let product = match &price {
            None => None,
            Some(price) => self.0.storage.get_product(sellers, price.product_id).await?,
        };
        let usable = match price.zip(product) {
            None => Err(Invalid::new("UNKNOWN_PRICE", format!("names no price: {id}"))),
            Some((price, product)) if !price.active || !product.active => {
                Err(Invalid::new("INACTIVE", format!("names a price that is archived: {id}")))
            }
            Some(usable) => Ok(usable),
        };
        Ok(v.check(field, usable))
    }

    /// The tax treatment that a caller means, with the rates as they stand now; `None` once a part of `field` is refused.
    ///
    /// # Errors
    /// The storage fails.
    pub(crate) async fn tax_treatment(
        &self,
        v: &mut Validator,
        field: &str,
        sellers: &Sellers,
        spec: &TaxSpec,
    ) -> Result<Option<TaxTreatment>, Error> {
        let ids = match spec {
            TaxSpec::Untaxed => return Ok(Some(TaxTreatment::Manual(Vec::new()))),
            TaxSpec::Automatic { tax_code } => {
                return Ok(Some(TaxTreatment::Automatic { tax_code: tax_code.clone() }));
            }
            TaxSpec::Rates(ids) => ids,
        };
        let field = format!("{field}.manual.tax_rate_ids");
        if v.check(&field, check_rate_count(ids)).is_none() {
            return Ok(None);
        }
        let mut rates = Vec::with_capacity(ids.len());
        for (index, id) in ids.iter().enumerate() {
            let usable = match self.0.storage.get_tax_rate(sellers, *id).await? {
                None => Err(Invalid::new("UNKNOWN_TAX_RATE", format!("names no tax rate: {id}"))),
                Some(rate) if !rate.active => {
                    Err(Invalid::new("INACTIVE", format!("names a tax rate that is archived: {id}")))
                }
                Some(rate) => Ok(rate.applied()),
            };
            rates.extend(v.check(&format!("{field}[{index}]"), usable));
        }
        Ok((rates.len() == ids.len()).then_some(TaxTreatment::Manual(rates)))
    }

    /// The lines of an invoice with every name resolved.
    ///
    /// # Errors
    /// All bad lines at once.
    pub(crate) async fn invoice_items(
        &self,
        seller: &Seller,
        currency: Currency,
        specs: &[InvoiceLineSpec],
    ) -> Result<Vec<InvoiceItem>, Error> {
        // What a line names is looked up, so their number comes first.
        InvoiceContent::check_line_count(specs.len()).map_err(|i| Error::field("lines", i.rule, i.expected))?;
        let sellers = Sellers::from([seller.id.clone()]);
        let mut validator = Validator::new();
        let mut items = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            let field = |name: &str| format!("lines[{index}].{name}");
            let tax = self.tax_treatment(&mut validator, &field("tax"), &sellers, &spec.tax).await?;
            let Some(priced) = self.line_price(&mut validator, index, (currency, &sellers), &spec.price).await? else {
                continue;
            };
            let LinePriced { unit_price, tax_behavior, name, tax_code, price_id, shipping_rate_id } = priced;
            let tax = tax.map(|treatment| match treatment {
                TaxTreatment::Automatic { tax_code: None } => TaxTreatment::Automatic { tax_code },
                said => said,
            });
            let description = spec.description.clone().or(name);
            if description.is_none() {
                validator.refuse(&field("description"), Invalid::required());
            }
            // A stored price is resolved in the invoice's currency.
            if let Err(mismatch) = InvoiceItem::check_currency(unit_price, currency) {
                validator.refuse(&field("price_data.unit_price"), mismatch);
            } else if let Err(overflow) = InvoiceItem::check_amount(unit_price, spec.quantity) {
                validator.refuse(&format!("lines[{index}]"), overflow);
            }
            if let (Some(description), Some(tax_treatment)) = (description, tax) {
                let (quantity, discount) = (spec.quantity, spec.discount);
                items.push(InvoiceItem {
                    description,
                    quantity,
                    unit_price,
                    tax_behavior,
                    tax_treatment,
                    price_id,
                    shipping_rate_id,
                    discount,
                });
            }
        }
        Ok(validator.finish(Some(items))?)
    }

    /// What a piece of a line costs, with what is known of what is sold; `None` once a part of the line is refused.
    async fn line_price(
        &self,
        v: &mut Validator,
        index: usize,
        (currency, sellers): (Currency, &Sellers),
        price: &LinePrice,
    ) -> Result<Option<LinePriced>, Error> {
        Ok(match price {
            LinePrice::Inline { unit_price, tax_behavior } => Some(LinePriced {
                unit_price: *unit_price,
                tax_behavior: *tax_behavior,
                name: None,
                tax_code: None,
                price_id: None,
                shipping_rate_id: None,
            }),
            LinePrice::Stored(id) => {
                let at = format!("lines[{index}].price_id");
                let usable = self.usable_price(v, &at, sellers, *id).await?;
                usable.and_then(|(price, product)| {
                    let (unit_price, tax_behavior) = v.check(&at, per_unit(&price, currency))?;
                    Some(LinePriced {
                        unit_price,
                        tax_behavior,
                        name: Description::parse(product.name.as_str()).ok(),
                        tax_code: product.tax_code.clone(),
                        price_id: Some(price.id),
                        shipping_rate_id: None,
                    })
                })
            }
            LinePrice::Shipping(id) => {
                let at = format!("lines[{index}].shipping_rate_id");
                let usable = match self.0.storage.get_shipping_rate(sellers, *id).await? {
                    None => Err(Invalid::new("UNKNOWN_SHIPPING_RATE", format!("names no shipping rate: {id}"))),
                    Some(rate) if !rate.active => {
                        Err(Invalid::new("INACTIVE", format!("names a shipping rate that is archived: {id}")))
                    }
                    Some(rate) => shipping(&rate, currency).map(|(unit_price, tax_behavior)| LinePriced {
                        unit_price,
                        tax_behavior,
                        name: Description::parse(rate.terms.display_name.as_str()).ok(),
                        tax_code: rate.terms.tax_code.clone(),
                        price_id: None,
                        shipping_rate_id: Some(rate.id),
                    }),
                };
                v.check(&at, usable)
            }
        })
    }

    /// The tax of lines, as the seller, its engine, the customer and the date decide. What is wrong with the place of the
    /// customer is told of `customer.place`, and that none is known of `customer.place.country`; with that of the seller, of `seller_id`. An engine that can't be
    /// reached has no substitute: another's figures would be others.
    pub(crate) async fn calculate(
        &self,
        seller: &Seller,
        customer: TaxedCustomer,
        (tax_point, rounding): (Date, TaxRounding),
        (currency, lines): (Currency, Vec<TaxableLine>),
    ) -> Result<TaxCalculation, Error> {
        let request = TaxRequest {
            seller: seller.address.jurisdiction(),
            registrations: self.tax_registrations(seller).await?,
            default_tax_code: seller.default_tax_code.clone(),
            customer,
            tax_point,
            currency,
            rounding,
            lines,
        };
        let calculated = self.tax_calculator(seller)?.calculate(&request).await;
        let engine = match seller.tax_engine {
            TaxEngine::Tables => "tables",
            TaxEngine::Provider => "provider",
        };
        let outcome = match &calculated {
            Ok(_) => "done",
            Err(TaxError::Rejected(_)) => "refused",
            Err(TaxError::Unavailable) => "unavailable",
            Err(TaxError::Failed(_)) => "failed",
        };
        TAX_CALCULATIONS.increment([engine.into(), outcome.into()]);
        calculated.map_err(|error| match error {
            TaxError::Rejected(violations) => Error::Invalid(violations.renamed("seller", "seller_id")),
            TaxError::Unavailable => Error::Unavailable {
                reason: Reason::TaxUnavailable,
                message: "the tax calculator can't be reached; retry".to_owned(),
                retry_after: Some(crate::error::RETRY_AFTER),
            },
            TaxError::Failed(why) => Error::precondition(
                Reason::ProviderRejected,
                format!("the tax engine can't be used; whoever runs the service must look: {why}"),
            ),
        })
    }

    /// The customer who is named, if one is.
    pub(crate) async fn customer_to_tax(
        &self,
        seller: &Seller,
        id: Option<CustomerId>,
    ) -> Result<Option<Customer>, Error> {
        let Some(id) = id else { return Ok(None) };
        let sellers = BTreeSet::from([seller.id.clone()]);
        self.0.storage.get_customer(&sellers, id).await?.ok_or_else(|| unknown_customer(id)).map(Some)
    }

    /// The date whose rates apply: the one named, or today's in UTC.
    pub(crate) fn tax_point(&self, named: Option<Date>, now: Timestamp) -> Date {
        named.unwrap_or_else(|| now.date())
    }
}

/// What a calculator needs to know of a customer; nothing is known where none is named.
pub(crate) fn taxed_customer(customer: Option<&Customer>) -> TaxedCustomer {
    let Some(customer) = customer else { return TaxedCustomer::default() };
    TaxedCustomer {
        place: customer.profile.address.as_ref().map(Address::jurisdiction),
        address: customer.profile.address.clone(),
        tax_ids: customer.profile.tax_ids.clone(),
        status: customer.profile.tax_status,
    }
}

/// What a piece of a line costs, and what the catalog knows of it.
struct LinePriced {
    unit_price: UnitPrice,
    tax_behavior: TaxBehavior,
    name: Option<Description>,
    tax_code: Option<TaxCode>,
    price_id: Option<PriceId>,
    shipping_rate_id: Option<ShippingRateId>,
}

/// A customer that is named and is not the seller's.
pub(crate) fn unknown_customer(id: CustomerId) -> Error {
    Error::field("customer_id", "UNKNOWN_CUSTOMER", format!("names no customer: {id}"))
}

/// What a piece costs on an invoice, whose lines are pieces at a price each.
fn per_unit(price: &Price, currency: Currency) -> Result<(UnitPrice, TaxBehavior), Invalid> {
    match price.in_currency(currency) {
        None => Err(Invalid::new("CURRENCY_MISMATCH", format!("must have a price in {currency}"))),
        Some((PriceModel::PerUnit { unit_price }, tax_behavior)) if price.recurrence.is_none() => {
            Ok((*unit_price, tax_behavior))
        }
        Some(_) => Err(Invalid::new("NOT_PER_UNIT", "must be a price per unit that is paid once")),
    }
}

/// What shipping costs on an invoice.
fn shipping(rate: &ShippingRate, currency: Currency) -> Result<(UnitPrice, TaxBehavior), Invalid> {
    let missing = || Invalid::new("CURRENCY_MISMATCH", format!("must have an amount in {currency}"));
    let amount = rate.amount_in(currency).ok_or_else(missing)?;
    let unspecified =
        || Invalid::new("TAX_BEHAVIOR_REQUIRED", "must be a shipping rate that says whether tax is inside");
    let tax_behavior = rate.terms.tax_behavior.ok_or_else(unspecified)?;
    Ok((UnitPrice::parse(amount.minor().into(), currency)?, tax_behavior))
}

fn check_rate_count(ids: &[TaxRateId]) -> Result<(), Invalid> {
    let distinct: BTreeSet<_> = ids.iter().collect();
    if ids.is_empty() || ids.len() > TaxTreatment::RATES_MAX || distinct.len() != ids.len() {
        let expected = format!("must have 1 to {} different tax rates", TaxTreatment::RATES_MAX);
        return Err(Invalid::new("TAX_RATE_COUNT", expected));
    }
    Ok(())
}
