//! Checkout sessions.

use std::collections::BTreeSet;

use domain::checkout::{CheckoutMode, CheckoutSession, NewCheckoutSession, SessionOrigin, SessionState};
use domain::id::{CheckoutSessionId, CustomerId, InvoiceId};
use domain::invoice::Invoice;
use domain::locale::Locale;
use domain::metadata::Metadata;
use domain::money::Money;
use domain::payment_link::CloseReason;
use domain::ports::storage::{Collectable, SessionFilter};
use domain::provider::{Feature, ProviderAction};
use domain::redirect::RedirectUrl;
use domain::validation::Validator;
use serde::Serialize;

use super::payment_link::check_abilities;
use super::reads;
use crate::app::App;
use crate::error::{Error, Reason};
use crate::invoice_text::{invoice_title, tax_description};
use crate::mutation::{Mutation, Step};
use crate::pricing::unknown_customer;

reads!(
    "checkout session",
    CheckoutSession,
    CheckoutSessionId,
    get_checkout_session,
    list_checkout_sessions(SessionFilter)
);

/// What a caller says of a checkout.
#[derive(Debug, Clone, Serialize)]
pub struct CreateInvoiceCheckout {
    /// What it does, and for what.
    pub purpose: CheckoutPurpose,
    /// The language of the page; the browser's where absent.
    pub locale: Option<Locale>,
    /// Where the browser goes after payment.
    pub return_url: RedirectUrl,
    /// Where the browser goes when the customer turns back.
    pub cancel_url: Option<RedirectUrl>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

/// What a checkout does.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckoutPurpose {
    /// It takes the payment of an invoice.
    Pay {
        /// The invoice, which must be open; it names its customer if money is to be transferred.
        invoice_id: InvoiceId,
        /// A part of what is due; all of it where absent.
        amount: Option<Money>,
        /// Whether the customer transfers the money from a bank, so that it arrives days later.
        by_bank_transfer: bool,
    },
    /// It stores a payment method, and charges nothing.
    Setup {
        /// Whose.
        customer_id: CustomerId,
    },
}

impl App {
    /// Creates a checkout at the seller's provider.
    ///
    /// # Errors
    /// Every bad field at once; the invoice is unknown, not open, or can be paid by something else already; the customer is
    /// unknown; the provider refuses it, can't do it or can't be reached; the request id was used otherwise.
    pub async fn create_invoice_checkout(
        &self,
        mutation: Mutation<CreateInvoiceCheckout>,
    ) -> Result<CheckoutSession, Error> {
        let provider = self.provider(&mutation.seller.provider)?;
        let capabilities = provider.capabilities();
        let mut validator = Validator::new();
        if let Some(locale) = &mutation.command.locale {
            validator.check("locale", capabilities.expect_locale(locale));
        }
        validator.finish(Some(()))?;
        let is_setup = matches!(mutation.command.purpose, CheckoutPurpose::Setup { .. });
        let needed = [
            (Feature::CheckoutCancelUrl, "cancel_url", mutation.command.cancel_url.is_some()),
            (Feature::StoredPaymentMethods, "mode", is_setup),
        ];
        let needed = needed.into_iter().filter(|(_, _, is_wanted)| *is_wanted);
        check_abilities(provider.as_ref(), needed.map(|(feature, field, _)| (feature, field)))?;
        let (livemode, transfers) = (capabilities.livemode, capabilities.bank_transfer_currencies.clone());
        self.mutate("CreateInvoiceCheckout", mutation, move |app, uow, m| {
            let transfers = transfers.clone();
            Box::pin(async move {
                let command = m.command.clone();
                let id = app.new_checkout_session_id();
                let (origin, mode, amount, texts, customer_id) = match command.purpose {
                    CheckoutPurpose::Pay { invoice_id, amount, by_bank_transfer } => {
                        let (invoice, amount) = app.collect(uow, m, invoice_id, amount).await?;
                        if by_bank_transfer {
                            expect_transfer(&transfers, &invoice, amount)?;
                        }
                        let collectable = Collectable::CheckoutSession(id);
                        app.reserve_collectable(uow, &m.seller.id, invoice.id, collectable).await?;
                        let mode =
                            if by_bank_transfer { CheckoutMode::BankTransferPayment } else { CheckoutMode::Payment };
                        let origin = SessionOrigin::Invoice { invoice_id };
                        let title = invoice_title(&invoice, &m.seller.name)?;
                        let texts = (Some(title), tax_description(&invoice, amount));
                        (origin, mode, amount, texts, invoice.customer_id)
                    }
                    CheckoutPurpose::Setup { customer_id } => {
                        let sellers = [m.seller.id.clone()].into();
                        if uow.get_customer(&sellers, customer_id).await?.is_none() {
                            return Err(unknown_customer(customer_id));
                        }
                        let origin = SessionOrigin::Customer { customer_id };
                        (origin, CheckoutMode::Setup, Money::zero(m.seller.currency), (None, None), Some(customer_id))
                    }
                };
                let (title, description) = texts;
                let new = NewCheckoutSession {
                    id,
                    seller_id: m.seller.id.clone(),
                    origin,
                    mode,
                    amount,
                    title,
                    description,
                    locale: command.locale,
                    return_url: Some(command.return_url),
                    cancel_url: command.cancel_url,
                    customer_id,
                    metadata: command.metadata,
                    provider: m.seller.provider.clone(),
                    livemode,
                };
                let mut session = CheckoutSession::creating(new, app.now());
                let invoice_id = session.invoice_id();
                uow.insert_checkout_session(&mut session, invoice_id).await?;
                app.call(uow, m, &session.provider, ProviderAction::CreateCheckoutSession { checkout_session_id: id })
                    .await
            })
        })
        .await
    }

    /// Closes an open session: it can't be paid any more. One that is closed is answered as it is; one that a customer
    /// completed just before comes back completed.
    ///
    /// # Errors
    /// There is none, it is completed or not made yet, or the provider can't be reached.
    pub async fn expire_checkout_session(
        &self,
        mutation: Mutation<CheckoutSessionId>,
    ) -> Result<CheckoutSession, Error> {
        self.mutate("ExpireCheckoutSession", mutation, |app, uow, m| {
            Box::pin(async move {
                let session = uow.lock_checkout_session(m.command).await?;
                let session = session.filter(|session| m.caller.sellers.contains(&session.seller_id));
                let mut session = session.ok_or_else(|| Error::not_found("checkout session", m.command))?;
                let is_news = session
                    .begin_closing(CloseReason::Requested, app.now())
                    .map_err(|error| Error::precondition(Reason::CheckoutSessionState, error))?;
                if is_news {
                    uow.update_checkout_session(&mut session).await?;
                } else if matches!(session.state, SessionState::Expired { .. }) {
                    return Ok(Step::Done(session));
                }
                let reason = CloseReason::Requested;
                let action = ProviderAction::ExpireCheckoutSession { checkout_session_id: session.id, reason };
                app.call(uow, m, &session.provider, action).await
            })
        })
        .await
    }
}

/// Refuses a bank transfer that the provider could not take.
fn expect_transfer(currencies: &BTreeSet<String>, invoice: &Invoice, amount: Money) -> Result<(), Error> {
    let currency = amount.currency();
    let code = currency.code();
    if !currencies.contains(code) {
        let known: Vec<_> = currencies.iter().map(String::as_str).collect();
        return Err(Error::FailedPrecondition {
            reason: Reason::UnsupportedCapability,
            message: format!("the provider takes bank transfers in {}, not in {code}", known.join(", ")),
            field: Some("mode".to_owned()),
        });
    }
    if invoice.customer_id.is_none() {
        let expected = "needs an invoice with a customer: a transfer is told by whom it comes from";
        return Err(Error::field("mode", "NEEDS_CUSTOMER", expected));
    }
    Ok(())
}
