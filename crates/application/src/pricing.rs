//! From what a caller names (stored prices, tax rates) to what is charged: the one place that resolves names.

use std::collections::BTreeSet;

use domain::catalog::{Price, Product};
use domain::id::{CustomerId, PriceId, TaxRateId};
use domain::invoice::InvoiceItem;
use domain::money::Currency;
use domain::ports::storage::Sellers;
use domain::ports::tax::TaxError;
use domain::seller::Seller;
use domain::tax::{TaxCalculation, TaxRequest, TaxRounding, TaxTreatment, TaxableLine, TaxedCustomer};
use domain::text::Description;
use domain::timestamp::Timestamp;
use domain::validation::{Invalid, Validator};
use time::Date;

use crate::app::App;
use crate::error::{Error, Reason};
use crate::use_cases::invoice::{InvoiceLineSpec, LinePrice};
use crate::use_cases::tax::TaxSpec;

impl App {
    /// A stored price that may be named now, with its product.
    pub(crate) async fn usable_price(&self, sellers: &Sellers, id: PriceId) -> Result<(Price, Product), Unresolved> {
        let price = self.0.storage.get_price(sellers, id).await.map_err(Error::from)?;
        let price = price.ok_or_else(|| Invalid::new("UNKNOWN_PRICE", format!("names no price: {id}")))?;
        let product = self.0.storage.get_product(sellers, price.product_id).await.map_err(Error::from)?;
        let product = product.ok_or_else(|| Invalid::new("UNKNOWN_PRODUCT", "names a price without a product"))?;
        if !price.active || !product.active {
            return Err(Invalid::new("INACTIVE", format!("names a price that is archived: {id}")).into());
        }
        Ok((price, product))
    }

    /// The tax treatment that a caller means; the rates are kept as they stand now.
    pub(crate) async fn tax_treatment(&self, sellers: &Sellers, spec: &TaxSpec) -> Result<TaxTreatment, Unresolved> {
        match spec {
            TaxSpec::Untaxed => Ok(TaxTreatment::Manual(Vec::new())),
            TaxSpec::Automatic { tax_code } => Ok(TaxTreatment::Automatic { tax_code: tax_code.clone() }),
            TaxSpec::Rates(ids) => {
                check_rate_count(ids)?;
                let mut rates = Vec::with_capacity(ids.len());
                for id in ids {
                    let rate = self.0.storage.get_tax_rate(sellers, *id).await.map_err(Error::from)?;
                    let rate =
                        rate.ok_or_else(|| Invalid::new("UNKNOWN_TAX_RATE", format!("names no tax rate: {id}")))?;
                    if !rate.active {
                        return Err(Invalid::new("INACTIVE", format!("names a tax rate that is archived: {id}")).into());
                    }
                    rates.push(rate.applied());
                }
                Ok(TaxTreatment::Manual(rates))
            }
        }
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
        let sellers = Sellers::from([seller.id.clone()]);
        let mut validator = Validator::new();
        let mut items = Vec::with_capacity(specs.len());
        for (index, spec) in specs.iter().enumerate() {
            let field = |name: &str| format!("lines[{index}].{name}");
            let tax = noted(&mut validator, &field("tax"), self.tax_treatment(&sellers, &spec.tax).await)?;
            let price = match &spec.price {
                LinePrice::Inline { unit_price, tax_behavior } => Some((*unit_price, *tax_behavior, None, None)),
                LinePrice::Stored(id) => {
                    noted(&mut validator, &field("price"), self.usable_price(&sellers, *id).await)?.map(
                        |(price, product)| {
                            (price.unit_price, price.tax_behavior, Some(product.name.clone()), Some(price.id))
                        },
                    )
                }
            };
            let Some((unit_price, tax_behavior, product_name, price_id)) = price else { continue };
            let description = spec
                .description
                .clone()
                .or_else(|| product_name.and_then(|name| Description::parse(name.as_str()).ok()));
            if description.is_none() {
                validator.refuse(&field("description"), Invalid::required());
            }
            if unit_price.currency() != currency {
                let expected = format!("must be in the invoice's currency, {currency}");
                validator.refuse(&field("price"), Invalid::new("CURRENCY_MISMATCH", expected));
            }
            if let (Some(description), Some(tax_treatment)) = (description, tax) {
                let quantity = spec.quantity;
                items.push(InvoiceItem { description, quantity, unit_price, tax_behavior, tax_treatment, price_id });
            }
        }
        Ok(validator.finish(Some(items))?)
    }

    /// The tax of lines, as the seller, the customer and the date decide.
    pub(crate) async fn calculate(
        &self,
        seller: &Seller,
        customer: TaxedCustomer,
        (tax_point, rounding): (Date, TaxRounding),
        (currency, lines): (Currency, Vec<TaxableLine>),
    ) -> Result<TaxCalculation, Error> {
        let request = TaxRequest {
            seller_country: seller.address.country,
            registrations: seller.tax_registrations.clone(),
            customer,
            tax_point,
            currency,
            rounding,
            lines,
        };
        self.0.tax_calculator.calculate(&request).await.map_err(|error| match error {
            TaxError::Rejected(violations) => Error::Invalid(violations),
            TaxError::Unavailable => Error::Unavailable {
                reason: Reason::TaxUnavailable,
                message: "the tax calculator can't be reached; retry".to_owned(),
                retry_after: Some(crate::error::RETRY_AFTER),
            },
        })
    }

    /// What a calculator needs to know of a customer.
    pub(crate) async fn taxed_customer(&self, seller: &Seller, id: Option<CustomerId>) -> Result<TaxedCustomer, Error> {
        let Some(id) = id else { return Ok(TaxedCustomer::default()) };
        let sellers = BTreeSet::from([seller.id.clone()]);
        let customer = self
            .0
            .storage
            .get_customer(&sellers, id)
            .await?
            .ok_or_else(|| Error::field("customer_id", "UNKNOWN_CUSTOMER", format!("names no customer: {id}")))?;
        Ok(TaxedCustomer {
            country: customer.profile.address.as_ref().map(|address| address.country),
            tax_ids: customer.profile.tax_ids.clone(),
        })
    }

    /// The date whose rates apply: the one named, or today's in UTC.
    pub(crate) fn tax_point(&self, named: Option<Date>, now: Timestamp) -> Date {
        named.unwrap_or_else(|| now.date())
    }
}

/// A value that was refused, or a failure on the way to it.
pub(crate) enum Unresolved {
    Refused(Invalid),
    Failed(Error),
}

impl From<Invalid> for Unresolved {
    fn from(invalid: Invalid) -> Self {
        Self::Refused(invalid)
    }
}

impl From<Error> for Unresolved {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Keeps a resolved value or notes why it was refused; a failure ends it all.
pub(crate) fn noted<T>(
    validator: &mut Validator,
    field: &str,
    resolved: Result<T, Unresolved>,
) -> Result<Option<T>, Error> {
    match resolved {
        Ok(value) => Ok(Some(value)),
        Err(Unresolved::Refused(invalid)) => {
            validator.refuse(field, invalid);
            Ok(None)
        }
        Err(Unresolved::Failed(error)) => Err(error),
    }
}

fn check_rate_count(ids: &[TaxRateId]) -> Result<(), Invalid> {
    let distinct: BTreeSet<_> = ids.iter().collect();
    if ids.is_empty() || ids.len() > TaxTreatment::RATES_MAX || distinct.len() != ids.len() {
        let expected = format!("must have 1 to {} different tax rates", TaxTreatment::RATES_MAX);
        return Err(Invalid::new("TAX_RATE_COUNT", expected));
    }
    Ok(())
}
