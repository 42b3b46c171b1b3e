//! `CatalogService`.

use api_proto::v1::catalog_service_server::CatalogService;
use api_proto::v1::*;
use application::{CreatePromotionCode, ListQuery, Named, Update};
use domain::catalog::{
    Code, CouponChanges, NewCoupon, NewPrice, NewProduct, NewShippingRate, PriceChanges, ProductChanges,
    PromotionCodeChanges, ShippingRateChanges,
};
use domain::ports::storage::{PriceFilter, PromotionCodeFilter};
use domain::tax::TaxCode;
use domain::text::{CouponName, Description, DisplayName, ShippingName};
use tonic::{Request, Response, Status};

use super::{Services, caller, parse};
use crate::convert::input::{
    Mask, id, known, metadata, optional, optional_id, optional_tax_behavior, tax_behavior, timestamp,
};
use crate::convert::price_model::{
    by_index, currency_options, delivery_estimate, model_currency, price_model, recurrence, shipping_amounts,
    shipping_rate,
};
use crate::convert::{discount, output};
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
            let amounts = shipping_amounts(v, m.amount.as_ref(), &m.currency_options);
            let delivery_estimate = delivery_estimate(v, "delivery_estimate", m.delivery_estimate.as_ref());
            let tax_behavior = optional_tax_behavior(v, "tax_behavior", m.tax_behavior);
            let tax_code = optional(v, "tax_code", &m.tax_code, TaxCode::parse);
            let metadata = metadata(v, &m.metadata);
            Some(NewShippingRate {
                display_name: display_name?,
                amounts: amounts?,
                delivery_estimate: delivery_estimate?,
                tax_behavior: tax_behavior?,
                tax_code: tax_code?,
                metadata: metadata?,
            })
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

    async fn create_coupon(
        &self,
        request: Request<CreateCouponRequest>,
    ) -> Result<Response<CreateCouponResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let name = optional(v, "name", &m.name, CouponName::parse);
            let off = discount::discount(v, m.discount.as_ref());
            let duration = discount::duration(v, m.duration.as_ref());
            let max_redemptions = discount::max_redemptions(v, m.max_redemptions);
            let redeem_by = timestamp(v, "redeem_by_time", m.redeem_by_time.as_ref());
            let metadata = metadata(v, &m.metadata);
            Some(NewCoupon {
                name: name?,
                discount: off?,
                duration: duration?,
                max_redemptions: max_redemptions?,
                redeem_by: redeem_by?,
                metadata: metadata?,
            })
        })?;
        let coupon = self.app.create_coupon(mutation).await.map_err(status)?;
        Ok(Response::new(CreateCouponResponse { coupon: Some(discount::coupon(&coupon)) }))
    }

    async fn get_coupon(&self, request: Request<GetCouponRequest>) -> Result<Response<GetCouponResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let coupon = self.app.get_coupon(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetCouponResponse { coupon: Some(discount::coupon(&coupon)) }))
    }

    async fn update_coupon(
        &self,
        request: Request<UpdateCouponRequest>,
    ) -> Result<Response<UpdateCouponResponse>, Status> {
        let (caller, m) = caller(request)?;
        let new = m.coupon.unwrap_or_default();
        let seller = self.seller_of(&caller, &new.id, Named::Coupon).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let id = id(v, "coupon.id", &new.id);
            let mask = Mask::parse(v, m.update_mask.as_ref(), &["active", "metadata"]);
            let active = mask.has("active").then_some(new.active);
            let metadata = mask.metadata(v, "coupon", &new.metadata);
            let changes = CouponChanges { active, metadata: metadata? };
            Some(Update { id: id?, etag: Some(new.etag.clone()).filter(|etag| !etag.is_empty()), changes })
        })?;
        let coupon = self.app.update_coupon(mutation).await;
        let coupon = coupon.map_err(|error| status(error.within("coupon")))?;
        Ok(Response::new(UpdateCouponResponse { coupon: Some(discount::coupon(&coupon)) }))
    }

    async fn list_coupons(
        &self,
        request: Request<ListCouponsRequest>,
    ) -> Result<Response<ListCouponsResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), m.active);
        let page = parse(|v| page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse()))?;
        let query = ListQuery { seller, filter: m.active, page };
        let page = self.app.list_coupons(&caller, query).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |coupon| coupon.id.to_string());
        let coupons = page.items.iter().map(discount::coupon).collect();
        Ok(Response::new(ListCouponsResponse { coupons, next_page_token }))
    }

    async fn create_promotion_code(
        &self,
        request: Request<CreatePromotionCodeRequest>,
    ) -> Result<Response<CreatePromotionCodeResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let coupon_id = id(v, "coupon_id", &m.coupon_id);
            let code = optional(v, "code", &m.code, Code::parse);
            let max_redemptions = discount::max_redemptions(v, m.max_redemptions);
            let expires_at = timestamp(v, "expire_time", m.expire_time.as_ref());
            let minimum = if m.minimum_amount.is_none() && m.minimum_amount_options.is_empty() {
                Some(None)
            } else {
                let options = ("minimum_amount_options", m.minimum_amount_options.as_slice());
                discount::discount_amounts(v, ("minimum_amount", m.minimum_amount.as_ref()), options).map(Some)
            };
            let metadata = metadata(v, &m.metadata);
            Some(CreatePromotionCode {
                coupon_id: coupon_id?,
                code: code?,
                max_redemptions: max_redemptions?,
                expires_at: expires_at?,
                first_time_only: m.first_time_only,
                minimum: minimum?,
                metadata: metadata?,
            })
        })?;
        let code = self.app.create_promotion_code(mutation).await.map_err(status)?;
        Ok(Response::new(CreatePromotionCodeResponse { promotion_code: Some(discount::promotion_code(&code)) }))
    }

    async fn get_promotion_code(
        &self,
        request: Request<GetPromotionCodeRequest>,
    ) -> Result<Response<GetPromotionCodeResponse>, Status> {
        let (caller, m) = caller(request)?;
        let id = parse(|v| id(v, "id", &m.id))?;
        let code = self.app.get_promotion_code(&caller, id).await.map_err(status)?;
        Ok(Response::new(GetPromotionCodeResponse { promotion_code: Some(discount::promotion_code(&code)) }))
    }

    async fn update_promotion_code(
        &self,
        request: Request<UpdatePromotionCodeRequest>,
    ) -> Result<Response<UpdatePromotionCodeResponse>, Status> {
        let (caller, m) = caller(request)?;
        let new = m.promotion_code.unwrap_or_default();
        let seller = self.seller_of(&caller, &new.id, Named::PromotionCode).await?;
        let mutation = self.mutation(caller, seller, &m.request_id, |v, _| {
            let id = id(v, "promotion_code.id", &new.id);
            let mask = Mask::parse(v, m.update_mask.as_ref(), &["active", "metadata"]);
            let active = mask.has("active").then_some(new.active);
            let metadata = mask.metadata(v, "promotion_code", &new.metadata);
            let changes = PromotionCodeChanges { active, metadata: metadata? };
            Some(Update { id: id?, etag: Some(new.etag.clone()).filter(|etag| !etag.is_empty()), changes })
        })?;
        let code = self.app.update_promotion_code(mutation).await;
        let code = code.map_err(|error| status(error.within("promotion_code")))?;
        Ok(Response::new(UpdatePromotionCodeResponse { promotion_code: Some(discount::promotion_code(&code)) }))
    }

    async fn list_promotion_codes(
        &self,
        request: Request<ListPromotionCodesRequest>,
    ) -> Result<Response<ListPromotionCodesResponse>, Status> {
        let (caller, m) = caller(request)?;
        let seller = self.seller(&caller, &m.seller_id)?;
        let key = (seller.id.clone(), m.coupon_id.clone(), m.code.clone(), m.state);
        let (filter, page) = parse(|v| {
            let coupon_id = optional_id(v, "coupon_id", &m.coupon_id);
            let code = optional(v, "code", &m.code, Code::parse);
            let state = known::<PromotionCodeState>(v, "state", m.state).map(discount::state_name);
            let page = page_request(v, (m.page_size, &m.page_token), &key, |text| text.parse());
            Some((PromotionCodeFilter { coupon_id: coupon_id?, code: code?, state: state? }, page?))
        })?;
        let page = self.app.list_promotion_codes(&caller, ListQuery { seller, filter, page }).await.map_err(status)?;
        let next_page_token = next_page_token(&page, &key, |code| code.id.to_string());
        let promotion_codes = page.items.iter().map(discount::promotion_code).collect();
        Ok(Response::new(ListPromotionCodesResponse { promotion_codes, next_page_token }))
    }
}
