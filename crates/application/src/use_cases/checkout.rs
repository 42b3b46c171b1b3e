//! Checkout sessions.

use domain::checkout::{CheckoutSession, NewCheckoutSession, SessionOrigin, SessionState};
use domain::id::{CheckoutSessionId, InvoiceId};
use domain::locale::Locale;
use domain::metadata::Metadata;
use domain::money::Money;
use domain::payment_link::CloseReason;
use domain::ports::storage::{Collectable, SessionFilter};
use domain::provider::{Feature, ProviderAction};
use domain::redirect::RedirectUrl;
use domain::validation::{Invalid, Validator};
use serde::Serialize;

use super::payment_link::invoice_title;
use super::reads;
use crate::app::App;
use crate::error::{Error, Reason};
use crate::mutation::{Mutation, Step};

reads!(
    "checkout session",
    CheckoutSession,
    CheckoutSessionId,
    get_checkout_session,
    list_checkout_sessions(SessionFilter)
);

/// What a caller says of a checkout of one invoice.
#[derive(Debug, Clone, Serialize)]
pub struct CreateInvoiceCheckout {
    /// The invoice, which must be open.
    pub invoice_id: InvoiceId,
    /// A part of what is due; all of it where absent.
    pub amount: Option<Money>,
    /// The language of the page; the browser's where absent.
    pub locale: Option<Locale>,
    /// Where the browser goes after payment.
    pub return_url: RedirectUrl,
    /// Where the browser goes when the customer turns back.
    pub cancel_url: Option<RedirectUrl>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

impl App {
    /// Creates a checkout of one invoice at the seller's provider.
    ///
    /// # Errors
    /// Every bad field at once; the invoice is unknown, not open, or can be paid by something else already; the provider
    /// refuses it or can't be reached; the request id was used otherwise.
    pub async fn create_invoice_checkout(
        &self,
        mutation: Mutation<CreateInvoiceCheckout>,
    ) -> Result<CheckoutSession, Error> {
        let capabilities = self.provider(&mutation.seller.provider)?.capabilities();
        let mut validator = Validator::new();
        if let Some(locale) = &mutation.command.locale
            && !capabilities.locales.contains(locale.as_str())
        {
            let known: Vec<_> = capabilities.locales.iter().map(String::as_str).collect();
            validator.refuse("locale", Invalid::new("UNKNOWN_LOCALE", format!("must be one of {}", known.join(", "))));
        }
        validator.finish(Some(()))?;
        if mutation.command.cancel_url.is_some() && !capabilities.has(Feature::CheckoutCancelUrl) {
            return Err(Error::unsupported("cancel_url", Feature::CheckoutCancelUrl.name()));
        }
        let livemode = capabilities.livemode;
        self.mutate("CreateInvoiceCheckout", mutation, move |app, uow, m| {
            Box::pin(async move {
                let command = m.command.clone();
                let id = app.new_checkout_session_id();
                let (invoice, amount) = app.collect(uow, m, command.invoice_id, command.amount).await?;
                app.reserve_collectable(uow, &m.seller.id, invoice.id, Collectable::CheckoutSession(id)).await?;
                let new = NewCheckoutSession {
                    id,
                    seller_id: m.seller.id.clone(),
                    origin: SessionOrigin::Invoice { invoice_id: invoice.id },
                    amount,
                    title: Some(invoice_title(&invoice)?),
                    locale: command.locale,
                    return_url: Some(command.return_url),
                    cancel_url: command.cancel_url,
                    customer_id: invoice.customer_id,
                    metadata: command.metadata,
                    provider: m.seller.provider.clone(),
                    livemode,
                };
                let mut session = CheckoutSession::creating(new, app.now());
                uow.insert_checkout_session(&mut session, Some(invoice.id)).await?;
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
