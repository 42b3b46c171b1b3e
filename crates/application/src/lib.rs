//! The use cases of paylinks: what callers ask for and what providers tell, carried out over the ports of `domain`.
//!
//! It knows the domain alone: no wire format, no database, no provider. Its rules are these:
//!
//! - a mutation runs in a task that outlives its caller, under the caller's `request_id` ([`mutation`]);
//! - a provider is never called inside a transaction: the intent is committed first, then the call is made, then the
//!   outcome is committed ([`provider_calls`], [`captures`], [`sequels`]);
//! - what a provider tells is a hint to look; how things stand is asked of the provider ([`inbox`], [`settlement`],
//!   [`refunds`], [`subscriptions`]).

mod access;
mod app;
mod backoff;
mod captures;
mod collectables;
mod discounts;
mod documents;
mod error;
mod inbox;
mod invoice_mail;
mod invoice_text;
mod journal;
mod leases;
#[cfg(test)]
mod mocked;
#[cfg(any(test, feature = "mocks"))]
pub mod mocks;
mod mutation;
mod owners;
mod places;
mod pricing;
mod provider_calls;
mod reconciliation;
mod refunds;
mod rendering;
mod sequels;
mod settlement;
mod shared_invoices;
#[cfg(test)]
mod simulation;
mod subscriptions;
mod traced;
mod use_cases;
mod watch;
mod worker;

pub use access::{AccessPolicy, IssuedApiKey, NewApiKey};
pub use app::{App, AppParts, ProviderInfo};
pub use documents::RenderedFile;
pub use error::{Error, Lacking, Reason};
pub use inbox::NotificationReceipt;
pub use invoice_mail::MailParts;
pub use mutation::{ListQuery, Mutation, Update};
pub use owners::Named;
pub use provider_calls::UnansweredRefund;
pub use shared_invoices::{InvoiceSharing, ShareInvoice, SharedDocument, SharedInvoice, SharedUrl};
pub use use_cases::catalog::NewTaxRate;
pub use use_cases::checkout::{CheckoutPurpose, CreateInvoiceCheckout};
pub use use_cases::credit_note::CreditedInvoice;
pub use use_cases::discount::CreatePromotionCode;
pub use use_cases::event::EventQuery;
pub use use_cases::invoice::{CreateInvoice, InvoiceChanges, InvoiceLineSpec, LinePrice};
pub use use_cases::invoice_mail::SendInvoice;
pub use use_cases::out_of_band::RecordedPayment;
pub use use_cases::payment::{CapturePayment, CreatePayment};
pub use use_cases::payment_link::{
    CreatePaymentLink, ItemPrice, LineItemSpec, LinkTargetSpec, Offers, UpdatePaymentLink,
};
pub use use_cases::refund::{CreateRefund, RecordRefund, RecordedRefund};
pub use use_cases::subscription::CancelSubscription;
pub use use_cases::tax::{CalculateTax, TaxLineSpec, TaxSpec};
pub use use_cases::tax_records::{CheckTaxId, EndTaxRegistration};
pub use worker::Worker;
