//! `CatalogService`.

use api_proto::v1::catalog_service_server::CatalogService;
use api_proto::v1::*;
use application::{ListQuery, Named, Update};
use domain::catalog::{NewPrice, NewProduct, NewShippingRate, PriceChanges, ProductChanges, ShippingRateChanges};
use domain::money::Currency;
use domain::ports::storage::PriceFilter;
use domain::tax::TaxCode;
use domain::text::{Description, DisplayName, ShippingName};
use tonic::{Request, Response, Status};

use super::{Services, caller, parse};
use crate::convert::input::{Mask, id, metadata, optional, optional_id, optional_tax_behavior, tax_behavior};
use crate::convert::output;
use crate::convert::price_model::{
    by_index, currency_amounts, currency_options, delivery_estimate, model_currency, price_model, recurrence,
    shipping_amount, shipping_rate,
};
use crate::page_token::{next_page_token, page_request};
use crate::status::status;

#[tonic::async_trait]
impl CatalogService for Services {
    async fn create_product(
        &self,
        request: Request<CreateProductRequest>,
    ) -> Result<Response<CreateProductResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let name = v.check("name", DisplayName::parse(&m.name));
            let description = optional(v, "description", &m.description, Description::parse);
            let tax_code = optional(v, "tax_code", &m.tax_code, TaxCode::parse);
            let metadata = metadata(v, &m.metadata);
            Some(NewProduct { name: name?, description: description?, tax_code: tax_code?, metadata: metadata? })
        })?;
        let product = self.app.create_product(mutation).await.map_err(status)?;
        Ok(Response::new(CreateProductResponse { product: Some(output::product(&product)) }))
    }

    async fn get_product(&self, request: Request<GetProductRequest>) -> Result<Response<GetProductResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let product = self.app.get_product(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetProductResponse { product: Some(output::product(&product)) }))
    }

    async fn update_product(
        &self,
        request: Request<UpdateProductRequest>,
    ) -> Result<Response<UpdateProductResponse>, Status> {
        let (caller, m) = caller(request)?;
        let new = m.product.unwrap_or_default();
        let seller = self.seller_of(&caller, &new.id, Named::Product).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let id = id(v, "product.id", &new.id);
            let mask =
                Mask::parse(v, m.update_mask.as_ref(), &["name", "description", "tax_code", "active", "metadata"]);
            let name = mask.pick("name", || v.check("product.name", DisplayName::parse(&new.name)));
            let description =
                mask.pick("description", || optional(v, "product.description", &new.description, Description::parse));
            let tax_code = mask.pick("tax_code", || optional(v, "product.tax_code", &new.tax_code, TaxCode::parse));
            let active = mask.has("active").then_some(new.active);
            let metadata = mask.metadata(v, "product", &new.metadata);
            let changes = ProductChanges {
                name: name?,
                description: description?,
                tax_code: tax_code?,
                active,
                metadata: metadata?,
            };
            Some(Update { id: id?, etag: Some(new.etag.clone()).filter(|etag| !etag.is_empty()), changes })
        })?;
        let product = self.app.update_product(mutation).await.map_err(|error| status(error.within("product")))?;
        Ok(Response::new(UpdateProductResponse { product: Some(output::product(&product)) }))
    }

    async fn list_products(
        &self,
        request: Request<ListProductsRequest>,
    ) -> Result<Response<ListProductsResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), m.active);
        let page = parse(|v| page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse()))?;
        let page =
            self.app.list_products(&caller, ListQuery { seller, filter: m.active, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |product| product.id.to_string());
        Ok(Response::new(ListProductsResponse {
            products: page.items.iter().map(output::product).collect(),
            next_page_token,
        }))
    }

    async fn create_price(
        &self,
        request: Request<CreatePriceRequest>,
    ) -> Result<Response<CreatePriceResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let product_id = id(v, "product_id", &m.product_id);
            let model = price_model(v, m.unit_price.as_ref(), m.model.as_ref());
            let recurrence = recurrence(v, "recurrence", m.recurrence.as_ref());
            let currency_options = currency_options(v, &m.currency_options);
            let tax_behavior = tax_behavior(v, "tax_behavior", m.tax_behavior());
            let nickname = optional(v, "nickname", &m.nickname, DisplayName::parse);
            let metadata = metadata(v, &m.metadata);
            let new = NewPrice {
                product_id: product_id?,
                model: model?,
                tax_behavior: tax_behavior?,
                currency_options: currency_options?,
                recurrence: recurrence?,
                nickname: nickname?,
                metadata: metadata?,
            };
            let order = m.currency_options.iter().map(|option| model_currency(option.model.as_ref()));
            new.checked().map_err(|violations| v.absorb(by_index(order, violations))).ok()
        })?;
        let price = self.app.create_price(mutation).await.map_err(status)?;
        Ok(Response::new(CreatePriceResponse { price: Some(output::price(&price)) }))
    }

    async fn get_price(&self, request: Request<GetPriceRequest>) -> Result<Response<GetPriceResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let price = self.app.get_price(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetPriceResponse { price: Some(output::price(&price)) }))
    }

    async fn update_price(
        &self,
        request: Request<UpdatePriceRequest>,
    ) -> Result<Response<UpdatePriceResponse>, Status> {
        let (caller, m) = caller(request)?;
        let new = m.price.unwrap_or_default();
        let seller = self.seller_of(&caller, &new.id, Named::Price).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let id = id(v, "price.id", &new.id);
            let mask = Mask::parse(v, m.update_mask.as_ref(), &["nickname", "active", "metadata"]);
            let nickname = mask.pick("nickname", || optional(v, "price.nickname", &new.nickname, DisplayName::parse));
            let active = mask.has("active").then_some(new.active);
            let metadata = mask.metadata(v, "price", &new.metadata);
            let changes = PriceChanges { nickname: nickname?, active, metadata: metadata? };
            Some(Update { id: id?, etag: Some(new.etag.clone()).filter(|etag| !etag.is_empty()), changes })
        })?;
        let price = self.app.update_price(mutation).await.map_err(|error| status(error.within("price")))?;
        Ok(Response::new(UpdatePriceResponse { price: Some(output::price(&price)) }))
    }

    async fn list_prices(&self, request: Request<ListPricesRequest>) -> Result<Response<ListPricesResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), m.product_id.clone(), m.active);
        let (product_id, page) = parse(|v| {
            let product_id = optional_id(v, "product_id", &m.product_id);
            let page = page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse());
            product_id.zip(page)
        })?;
        let filter = PriceFilter { product_id, active: m.active };
        let page = self.app.list_prices(&caller, ListQuery { seller, filter, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |price| price.id.to_string());
        Ok(Response::new(ListPricesResponse {
            prices: page.items.iter().map(output::price).collect(),
            next_page_token,
        }))
    }

    async fn create_shipping_rate(
        &self,
        request: Request<CreateShippingRateRequest>,
    ) -> Result<Response<CreateShippingRateResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let display_name = v.check("display_name", ShippingName::parse(&m.display_name));
            let amount = shipping_amount(v, "amount", m.amount.as_ref());
            let currency_options = currency_amounts(v, &m.currency_options);
            let delivery_estimate = delivery_estimate(v, "delivery_estimate", m.delivery_estimate.as_ref());
            let tax_behavior = optional_tax_behavior(v, "tax_behavior", m.tax_behavior);
            let tax_code = optional(v, "tax_code", &m.tax_code, TaxCode::parse);
            let metadata = metadata(v, &m.metadata);
            let new = NewShippingRate {
                display_name: display_name?,
                amount: amount?,
                currency_options: currency_options?,
                delivery_estimate: delivery_estimate?,
                tax_behavior: tax_behavior?,
                tax_code: tax_code?,
                metadata: metadata?,
            };
            let order = m.currency_options.iter().map(|amount| Currency::parse(&amount.currency_code).ok());
            new.checked().map_err(|violations| v.absorb(by_index(order, violations))).ok()
        })?;
        let rate = self.app.create_shipping_rate(mutation).await.map_err(status)?;
        Ok(Response::new(CreateShippingRateResponse { shipping_rate: Some(shipping_rate(&rate)) }))
    }

    async fn get_shipping_rate(
        &self,
        request: Request<GetShippingRateRequest>,
    ) -> Result<Response<GetShippingRateResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let rate = self.app.get_shipping_rate(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetShippingRateResponse { shipping_rate: Some(shipping_rate(&rate)) }))
    }

    async fn update_shipping_rate(
        &self,
        request: Request<UpdateShippingRateRequest>,
    ) -> Result<Response<UpdateShippingRateResponse>, Status> {
        let (caller, m) = caller(request)?;
        let new = m.shipping_rate.unwrap_or_default();
        let seller = self.seller_of(&caller, &new.id, Named::ShippingRate).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let id = id(v, "shipping_rate.id", &new.id);
            let mask = Mask::parse(v, m.update_mask.as_ref(), &["active", "metadata"]);
            let active = mask.has("active").then_some(new.active);
            let metadata = mask.metadata(v, "shipping_rate", &new.metadata);
            let changes = ShippingRateChanges { active, metadata: metadata? };
            Some(Update { id: id?, etag: Some(new.etag.clone()).filter(|etag| !etag.is_empty()), changes })
        })?;
        let rate = self.app.update_shipping_rate(mutation).await;
        let rate = rate.map_err(|error| status(error.within("shipping_rate")))?;
        Ok(Response::new(UpdateShippingRateResponse { shipping_rate: Some(shipping_rate(&rate)) }))
    }

    async fn list_shipping_rates(
        &self,
        request: Request<ListShippingRatesRequest>,
    ) -> Result<Response<ListShippingRatesResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), m.active);
        let page = parse(|v| page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse()))?;
        let query = ListQuery { seller, filter: m.active, page };
        let page = self.app.list_shipping_rates(&caller, query).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |rate| rate.id.to_string());
        let shipping_rates = page.items.iter().map(shipping_rate).collect();
        Ok(Response::new(ListShippingRatesResponse { shipping_rates, next_page_token }))
    }
}
