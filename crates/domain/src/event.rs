//! Events: one for each change of state, in an order that every reader sees alike.

use serde::{Deserialize, Serialize};

use crate::catalog::{Coupon, Price, Product, PromotionCode, ShippingRate};
use crate::checkout::CheckoutSession;
use crate::credit_note::CreditNote;
use crate::customer::Customer;
use crate::dispute::Dispute;
use crate::id::EventId;
use crate::invoice::Invoice;
use crate::invoice_mail::InvoiceMail;
use crate::payment::Payment;
use crate::payment_link::PaymentLink;
use crate::payment_method::PaymentMethod;
use crate::refund::Refund;
use crate::seller::SellerId;
use crate::subscription::Subscription;
use crate::tax::{StoredTaxRegistration, TaxRate};
use crate::tax_id_check::TaxIdCheck;
use crate::timestamp::Timestamp;
use crate::trace_context::TraceContext;

/// An event as it is appended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Its id.
    pub id: EventId,
    /// Whose it is.
    pub seller_id: SellerId,
    /// What happened.
    pub kind: EventKind,
    /// The thing that it happened to, as it is since.
    pub subject: EventSubject,
    /// When it was recorded.
    pub occurred_at: Timestamp,
    /// Where in a trace it was recorded, where that was traced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
}

/// An event with its place in the order of all events.
#[derive(Debug, Clone, PartialEq)]
pub struct SequencedEvent {
    /// Its place.
    pub position: EventPosition,
    /// The event.
    pub event: Event,
}

/// A place in the order of events, from 1; 0 is before the first.
///
/// A reader that has seen everything up to a position never finds anything new at or before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventPosition(pub i64);

impl EventPosition {
    /// Before the first event.
    pub const START: Self = Self(0);
}

/// The thing that an event happened to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "snapshot", rename_all = "snake_case")]
pub enum EventSubject {
    /// A product.
    Product(Box<Product>),
    /// A price.
    Price(Box<Price>),
    /// A manual tax rate.
    TaxRate(Box<TaxRate>),
    /// A registration for tax.
    TaxRegistration(Box<StoredTaxRegistration>),
    /// A check of a tax id.
    TaxIdCheck(Box<TaxIdCheck>),
    /// A shipping rate.
    ShippingRate(Box<ShippingRate>),
    /// A coupon.
    Coupon(Box<Coupon>),
    /// A promotion code.
    PromotionCode(Box<PromotionCode>),
    /// A customer.
    Customer(Box<Customer>),
    /// A stored payment method.
    PaymentMethod(Box<PaymentMethod>),
    /// An invoice.
    Invoice(Box<Invoice>),
    /// A mail about an invoice.
    InvoiceMail(Box<InvoiceMail>),
    /// A credit note.
    CreditNote(Box<CreditNote>),
    /// A payment link.
    PaymentLink(Box<PaymentLink>),
    /// A checkout session.
    CheckoutSession(Box<CheckoutSession>),
    /// A payment.
    Payment(Box<Payment>),
    /// A refund.
    Refund(Box<Refund>),
    /// A dispute.
    Dispute(Box<Dispute>),
    /// A subscription.
    Subscription(Box<Subscription>),
}

impl EventSubject {
    /// The id of the thing.
    pub fn id(&self) -> String {
        match self {
            Self::Product(product) => product.id.to_string(),
            Self::Price(price) => price.id.to_string(),
            Self::TaxRate(rate) => rate.id.to_string(),
            Self::TaxRegistration(registration) => registration.id.to_string(),
            Self::TaxIdCheck(check) => check.id.to_string(),
            Self::ShippingRate(rate) => rate.id.to_string(),
            Self::Coupon(coupon) => coupon.id.to_string(),
            Self::PromotionCode(code) => code.id.to_string(),
            Self::Customer(customer) => customer.id.to_string(),
            Self::PaymentMethod(method) => method.id.to_string(),
            Self::Invoice(invoice) => invoice.id.to_string(),
            Self::InvoiceMail(mail) => mail.id.to_string(),
            Self::CreditNote(note) => note.id.to_string(),
            Self::PaymentLink(link) => link.id.to_string(),
            Self::CheckoutSession(session) => session.id.to_string(),
            Self::Payment(payment) => payment.id.to_string(),
            Self::Refund(refund) => refund.id.to_string(),
            Self::Dispute(dispute) => dispute.id.to_string(),
            Self::Subscription(subscription) => subscription.id.to_string(),
        }
    }

    /// Whose the thing is.
    pub fn seller_id(&self) -> &SellerId {
        match self {
            Self::Product(product) => &product.seller_id,
            Self::Price(price) => &price.seller_id,
            Self::TaxRate(rate) => &rate.seller_id,
            Self::TaxRegistration(registration) => &registration.seller_id,
            Self::TaxIdCheck(check) => &check.seller_id,
            Self::ShippingRate(rate) => &rate.seller_id,
            Self::Coupon(coupon) => &coupon.seller_id,
            Self::PromotionCode(code) => &code.seller_id,
            Self::Customer(customer) => &customer.seller_id,
            Self::PaymentMethod(method) => &method.seller_id,
            Self::Invoice(invoice) => &invoice.seller_id,
            Self::InvoiceMail(mail) => &mail.seller_id,
            Self::CreditNote(note) => &note.seller_id,
            Self::PaymentLink(link) => &link.seller_id,
            Self::CheckoutSession(session) => &session.seller_id,
            Self::Payment(payment) => &payment.seller_id,
            Self::Refund(refund) => &refund.seller_id,
            Self::Dispute(dispute) => &dispute.seller_id,
            Self::Subscription(subscription) => &subscription.seller_id,
        }
    }
}

macro_rules! event_kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What happened. The name is public: `<thing>.<past participle>`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum EventKind {
            $($(#[$doc])* #[serde(rename = $name)] $variant,)*
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The public name.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// The kind of a public name.
            pub fn from_name(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|kind| kind.name() == name)
            }
        }
    };
}

event_kinds! {
    /// A product was created.
    ProductCreated = "product.created",
    /// A product changed.
    ProductUpdated = "product.updated",
    /// A price was created.
    PriceCreated = "price.created",
    /// A price changed.
    PriceUpdated = "price.updated",
    /// A manual tax rate was created.
    TaxRateCreated = "tax_rate.created",
    /// A manual tax rate changed.
    TaxRateUpdated = "tax_rate.updated",
    /// A registration for tax was created.
    TaxRegistrationCreated = "tax_registration.created",
    /// A registration for tax was given an end.
    TaxRegistrationUpdated = "tax_registration.updated",
    /// A tax id was checked, and its register was asked or not.
    TaxIdChecked = "tax_id.checked",
    /// A shipping rate was created.
    ShippingRateCreated = "shipping_rate.created",
    /// A shipping rate changed.
    ShippingRateUpdated = "shipping_rate.updated",
    /// A coupon was created.
    CouponCreated = "coupon.created",
    /// A coupon changed.
    CouponUpdated = "coupon.updated",
    /// A promotion code can be redeemed.
    PromotionCodeCreated = "promotion_code.created",
    /// The provider refused to make a promotion code.
    PromotionCodeFailed = "promotion_code.failed",
    /// A promotion code changed.
    PromotionCodeUpdated = "promotion_code.updated",
    /// A customer was created.
    CustomerCreated = "customer.created",
    /// A customer changed.
    CustomerUpdated = "customer.updated",
    /// A payment method was stored.
    PaymentMethodAttached = "payment_method.attached",
    /// A payment method was detached.
    PaymentMethodDetached = "payment_method.detached",
    /// A draft invoice was created.
    InvoiceCreated = "invoice.created",
    /// A draft invoice changed.
    InvoiceUpdated = "invoice.updated",
    /// An invoice was finalized.
    InvoiceFinalized = "invoice.finalized",
    /// Money came in on an invoice without completing it, or beyond it.
    InvoicePaymentReceived = "invoice.payment_received",
    /// A credit note took a part of an invoice back, or all of it.
    InvoiceCredited = "invoice.credited",
    /// An invoice was paid in full, or what had not been paid was credited.
    InvoicePaid = "invoice.paid",
    /// An invoice was withdrawn.
    InvoiceVoided = "invoice.voided",
    /// An invoice was given up.
    InvoiceMarkedUncollectible = "invoice.marked_uncollectible",
    /// A mail server took a mail with an invoice or its receipt.
    InvoiceSent = "invoice.sent",
    /// A mail with an invoice or its receipt could not be sent, and is not tried any more.
    InvoiceSendFailed = "invoice.send_failed",
    /// A credit note was issued.
    CreditNoteCreated = "credit_note.created",
    /// A payment link can be paid.
    PaymentLinkCreated = "payment_link.created",
    /// The provider refused to make a payment link.
    PaymentLinkFailed = "payment_link.failed",
    /// A payment link changed.
    PaymentLinkUpdated = "payment_link.updated",
    /// A closed payment link was opened again.
    PaymentLinkActivated = "payment_link.activated",
    /// A payment link was closed.
    PaymentLinkDeactivated = "payment_link.deactivated",
    /// A checkout session can be paid.
    CheckoutSessionCreated = "checkout_session.created",
    /// The provider refused to make a checkout session.
    CheckoutSessionFailed = "checkout_session.failed",
    /// A customer went through a checkout session.
    CheckoutSessionCompleted = "checkout_session.completed",
    /// A checkout session was closed unpaid.
    CheckoutSessionExpired = "checkout_session.expired",
    /// A payment was asked for.
    PaymentCreated = "payment.created",
    /// A customer paid by a method whose money comes later.
    PaymentProcessing = "payment.processing",
    /// The money of a payment is held, to be captured or let go.
    PaymentAuthorized = "payment.authorized",
    /// The money of a payment is there.
    PaymentSucceeded = "payment.succeeded",
    /// The money of a payment will not come.
    PaymentFailed = "payment.failed",
    /// A pending payment was withdrawn, or the held money of an authorized one let go.
    PaymentCanceled = "payment.canceled",
    /// The time of a pending payment passed.
    PaymentExpired = "payment.expired",
    /// What is refunded of a payment, or disputed, changed.
    PaymentUpdated = "payment.updated",
    /// A refund is at the provider: asked for here, or made there.
    RefundCreated = "refund.created",
    /// A refund waits for its customer, or goes on.
    RefundUpdated = "refund.updated",
    /// The money of a refund was sent.
    RefundSucceeded = "refund.succeeded",
    /// The money of a refund did not reach the customer, or the provider refused to make it.
    RefundFailed = "refund.failed",
    /// A refund was withdrawn at the provider.
    RefundCanceled = "refund.canceled",
    /// A customer's bank disputes a payment, or asks about it.
    DisputeCreated = "dispute.created",
    /// A dispute moved without being decided, or what is known of it changed.
    DisputeUpdated = "dispute.updated",
    /// A dispute was decided.
    DisputeClosed = "dispute.closed",
    /// A subscription came about.
    SubscriptionCreated = "subscription.created",
    /// A subscription moved: it was renewed, its payment failed, its end was decided or called off, and the like.
    SubscriptionUpdated = "subscription.updated",
    /// A subscription has ended.
    SubscriptionEnded = "subscription.ended",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_read_back() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_name(kind.name()), Some(*kind));
        }
    }

    #[test]
    fn callers_are_told_every_name() {
        let told = include_str!("../../../proto/paylinks/v1/event_service.proto");
        let words: Vec<_> = told.split(|c: char| !(c.is_ascii_lowercase() || c == '_' || c == '.')).collect();
        for kind in EventKind::ALL {
            assert!(words.iter().any(|word| word.trim_end_matches('.') == kind.name()), "{}", kind.name());
        }
    }
}
