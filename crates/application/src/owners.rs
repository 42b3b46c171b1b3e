//! Whose a thing is that a request names, for faces: what depends on a seller is that of the thing's own.

use std::sync::Arc;

use domain::access::Caller;
use domain::id::{
    CheckoutSessionId, CouponId, CustomerId, InvoiceId, PaymentId, PaymentLinkId, PaymentMethodId, PriceId, ProductId,
    PromotionCodeId, ShippingRateId, SubscriptionId, TaxRateId, TaxRegistrationId,
};
use domain::seller::Seller;

use crate::app::App;
use crate::error::Error;

/// A thing that a request names.
#[derive(Debug, Clone, Copy)]
pub enum Named {
    /// A product.
    Product(ProductId),
    /// A price.
    Price(PriceId),
    /// A shipping rate.
    ShippingRate(ShippingRateId),
    /// A coupon.
    Coupon(CouponId),
    /// A promotion code.
    PromotionCode(PromotionCodeId),
    /// A manual tax rate.
    TaxRate(TaxRateId),
    /// A registration for tax.
    TaxRegistration(TaxRegistrationId),
    /// A customer.
    Customer(CustomerId),
    /// A stored payment method.
    PaymentMethod(PaymentMethodId),
    /// An invoice.
    Invoice(InvoiceId),
    /// A payment link.
    PaymentLink(PaymentLinkId),
    /// A checkout session.
    CheckoutSession(CheckoutSessionId),
    /// A payment.
    Payment(PaymentId),
    /// A subscription.
    Subscription(SubscriptionId),
}

impl App {
    /// The seller of a thing of the caller's sellers.
    ///
    /// # Errors
    /// There is no such thing among theirs, or the store fails.
    pub async fn seller_of(&self, caller: &Caller, named: Named) -> Result<Arc<Seller>, Error> {
        let id = match named {
            Named::Product(id) => self.get_product(caller, id).await?.seller_id.clone(),
            Named::Price(id) => self.get_price(caller, id).await?.seller_id.clone(),
            Named::ShippingRate(id) => self.get_shipping_rate(caller, id).await?.seller_id.clone(),
            Named::Coupon(id) => self.get_coupon(caller, id).await?.seller_id.clone(),
            Named::PromotionCode(id) => self.get_promotion_code(caller, id).await?.seller_id.clone(),
            Named::TaxRate(id) => self.get_tax_rate(caller, id).await?.seller_id.clone(),
            Named::TaxRegistration(id) => self.get_tax_registration(caller, id).await?.seller_id.clone(),
            Named::Customer(id) => self.get_customer(caller, id).await?.seller_id.clone(),
            Named::PaymentMethod(id) => {
                let found = self.0.storage.get_payment_method(&caller.sellers, id).await?;
                found.ok_or_else(|| Error::not_found("payment method", id))?.seller_id.clone()
            }
            Named::Invoice(id) => self.get_invoice(caller, id).await?.seller_id.clone(),
            Named::PaymentLink(id) => self.get_payment_link(caller, id).await?.seller_id.clone(),
            Named::CheckoutSession(id) => self.get_checkout_session(caller, id).await?.seller_id.clone(),
            Named::Payment(id) => self.get_payment(caller, id).await?.seller_id.clone(),
            Named::Subscription(id) => self.get_subscription(caller, id).await?.seller_id.clone(),
        };
        self.seller(&id).cloned()
    }
}
