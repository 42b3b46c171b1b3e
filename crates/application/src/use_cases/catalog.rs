//! Products, prices, shipping rates and manual tax rates.

use domain::catalog::{
    NewPrice, NewProduct, NewShippingRate, Price, PriceChanges, Product, ProductChanges, ShippingRate,
    ShippingRateChanges,
};
use domain::event::{EventKind, EventSubject};
use domain::id::{PriceId, ProductId, ShippingRateId, TaxRateId};
use domain::metadata::Metadata;
use domain::ports::storage::{PriceFilter, UnitOfWork};
use domain::tax::{Jurisdiction, Percentage, TaxRate, TaxRateChanges};
use domain::text::DisplayName;
use serde::Serialize;

use super::reads;
use crate::app::App;
use crate::error::Error;
use crate::mutation::{Mutation, Step, Update};

reads!("product", Product, ProductId, get_product, list_products(Option<bool>));
reads!("price", Price, PriceId, get_price, list_prices(PriceFilter));
reads!("tax rate", TaxRate, TaxRateId, get_tax_rate, list_tax_rates(Option<bool>));
reads!("shipping rate", ShippingRate, ShippingRateId, get_shipping_rate, list_shipping_rates(Option<bool>));

/// What a caller says of a new manual tax rate.
#[derive(Debug, Clone, Serialize)]
pub struct NewTaxRate {
    /// What it is called on documents.
    pub display_name: DisplayName,
    /// The percentage.
    pub percentage: Percentage,
    /// Whose tax it is.
    pub jurisdiction: Option<Jurisdiction>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

impl App {
    /// Creates a product.
    ///
    /// # Errors
    /// The request id was used otherwise, or the store fails.
    pub async fn create_product(&self, mutation: Mutation<NewProduct>) -> Result<Product, Error> {
        self.mutate("CreateProduct", mutation, |app, uow, m| {
            Box::pin(async move {
                let mut product = Product::new(app.new_product_id(), m.seller.id.clone(), m.command.clone(), app.now());
                uow.insert_product(&mut product).await?;
                app.record(uow, EventKind::ProductCreated, EventSubject::Product(Box::new(product.clone()))).await?;
                Ok(Step::Done(product))
            })
        })
        .await
    }

    /// Changes a product.
    ///
    /// # Errors
    /// There is none, its etag is another, or the change is invalid.
    pub async fn update_product(
        &self,
        mutation: Mutation<Update<ProductId, ProductChanges>>,
    ) -> Result<Product, Error> {
        self.mutate("UpdateProduct", mutation, |app, uow, m| {
            Box::pin(async move {
                let update = &m.command;
                let found = uow.get_product(&m.caller.sellers, update.id).await?;
                let mut product = found.ok_or_else(|| Error::not_found("product", update.id))?;
                update.expect_etag(&product.etag())?;
                product.change(update.changes.clone(), app.now()).map_err(in_metadata)?;
                uow.update_product(&mut product).await?;
                app.record(uow, EventKind::ProductUpdated, EventSubject::Product(Box::new(product.clone()))).await?;
                Ok(Step::Done(product))
            })
        })
        .await
    }

    /// Creates a price of a product.
    ///
    /// # Errors
    /// The product is unknown or archived, or the request id was used otherwise.
    pub async fn create_price(&self, mutation: Mutation<NewPrice>) -> Result<Price, Error> {
        self.mutate("CreatePrice", mutation, |app, uow, m| {
            Box::pin(async move {
                expect_product(uow, m).await?;
                let mut price = Price::new(app.new_price_id(), m.seller.id.clone(), m.command.clone(), app.now());
                uow.insert_price(&mut price).await?;
                app.record(uow, EventKind::PriceCreated, EventSubject::Price(Box::new(price.clone()))).await?;
                Ok(Step::Done(price))
            })
        })
        .await
    }

    /// Changes a price.
    ///
    /// # Errors
    /// There is none, its etag is another, or the change is invalid.
    pub async fn update_price(&self, mutation: Mutation<Update<PriceId, PriceChanges>>) -> Result<Price, Error> {
        self.mutate("UpdatePrice", mutation, |app, uow, m| {
            Box::pin(async move {
                let update = &m.command;
                let found = uow.get_price(&m.caller.sellers, update.id).await?;
                let mut price = found.ok_or_else(|| Error::not_found("price", update.id))?;
                update.expect_etag(&price.etag())?;
                price.change(update.changes.clone(), app.now()).map_err(in_metadata)?;
                uow.update_price(&mut price).await?;
                app.record(uow, EventKind::PriceUpdated, EventSubject::Price(Box::new(price.clone()))).await?;
                Ok(Step::Done(price))
            })
        })
        .await
    }

    /// Creates a shipping rate.
    ///
    /// # Errors
    /// The request id was used otherwise, or the store fails.
    pub async fn create_shipping_rate(&self, mutation: Mutation<NewShippingRate>) -> Result<ShippingRate, Error> {
        self.mutate("CreateShippingRate", mutation, |app, uow, m| {
            Box::pin(async move {
                let (id, seller_id) = (app.new_shipping_rate_id(), m.seller.id.clone());
                let mut rate = ShippingRate::new(id, seller_id, m.command.clone(), app.now());
                uow.insert_shipping_rate(&mut rate).await?;
                let subject = EventSubject::ShippingRate(Box::new(rate.clone()));
                app.record(uow, EventKind::ShippingRateCreated, subject).await?;
                Ok(Step::Done(rate))
            })
        })
        .await
    }

    /// Changes a shipping rate; what it costs never changes.
    ///
    /// # Errors
    /// There is none, its etag is another, or the change is invalid.
    pub async fn update_shipping_rate(
        &self,
        mutation: Mutation<Update<ShippingRateId, ShippingRateChanges>>,
    ) -> Result<ShippingRate, Error> {
        self.mutate("UpdateShippingRate", mutation, |app, uow, m| {
            Box::pin(async move {
                let update = &m.command;
                let found = uow.get_shipping_rate(&m.caller.sellers, update.id).await?;
                let mut rate = found.ok_or_else(|| Error::not_found("shipping rate", update.id))?;
                update.expect_etag(&rate.etag())?;
                rate.change(update.changes.clone(), app.now()).map_err(in_metadata)?;
                uow.update_shipping_rate(&mut rate).await?;
                let subject = EventSubject::ShippingRate(Box::new(rate.clone()));
                app.record(uow, EventKind::ShippingRateUpdated, subject).await?;
                Ok(Step::Done(rate))
            })
        })
        .await
    }

    /// Creates a manual tax rate.
    ///
    /// # Errors
    /// The request id was used otherwise, or the store fails.
    pub async fn create_tax_rate(&self, mutation: Mutation<NewTaxRate>) -> Result<TaxRate, Error> {
        self.mutate("CreateTaxRate", mutation, |app, uow, m| {
            Box::pin(async move {
                let new = m.command.clone();
                let figures = (new.display_name, new.percentage, new.jurisdiction);
                let mut rate =
                    TaxRate::new(app.new_tax_rate_id(), m.seller.id.clone(), figures, new.metadata, app.now());
                uow.insert_tax_rate(&mut rate).await?;
                app.record(uow, EventKind::TaxRateCreated, EventSubject::TaxRate(Box::new(rate.clone()))).await?;
                Ok(Step::Done(rate))
            })
        })
        .await
    }

    /// Changes a manual tax rate; its percentage never changes.
    ///
    /// # Errors
    /// There is none, its etag is another, or the change is invalid.
    pub async fn update_tax_rate(
        &self,
        mutation: Mutation<Update<TaxRateId, TaxRateChanges>>,
    ) -> Result<TaxRate, Error> {
        self.mutate("UpdateTaxRate", mutation, |app, uow, m| {
            Box::pin(async move {
                let update = &m.command;
                let found = uow.get_tax_rate(&m.caller.sellers, update.id).await?;
                let mut rate = found.ok_or_else(|| Error::not_found("tax rate", update.id))?;
                update.expect_etag(&rate.etag())?;
                rate.change(update.changes.clone(), app.now()).map_err(in_metadata)?;
                uow.update_tax_rate(&mut rate).await?;
                app.record(uow, EventKind::TaxRateUpdated, EventSubject::TaxRate(Box::new(rate.clone()))).await?;
                Ok(Step::Done(rate))
            })
        })
        .await
    }
}

async fn expect_product(uow: &dyn UnitOfWork, mutation: &Mutation<NewPrice>) -> Result<(), Error> {
    let id = mutation.command.product_id;
    match uow.get_product(&[mutation.seller.id.clone()].into(), id).await? {
        None => Err(Error::field("product_id", "UNKNOWN_PRODUCT", format!("names no product: {id}"))),
        Some(product) if !product.active => {
            Err(Error::field("product_id", "INACTIVE", format!("names a product that is archived: {id}")))
        }
        Some(_) => Ok(()),
    }
}

/// Puts violations of metadata below its field.
pub(crate) fn in_metadata(violations: domain::validation::Violations) -> Error {
    let mut validator = domain::validation::Validator::new();
    validator.within("metadata", |v| v.absorb(violations));
    match validator.finish(Some(())) {
        Err(violations) => Error::Invalid(violations),
        Ok(()) => Error::internal("violations are never empty"),
    }
}
