//! The port, over Adyen's operations.

use std::sync::Arc;

use async_trait::async_trait;
use domain::checkout::CheckoutSession;
use domain::customer::Customer;
use domain::payment_link::{LinkSharing, PaymentLink};
use domain::ports::provider::{
    Delivery, HostedPage, LinkSnapshot, NotificationError, PaymentProvider, ProviderError, unsupported,
};
use domain::provider::{
    Capabilities, CheckoutProgress, CheckoutSnapshot, Feature, Notification, ProviderKey, ProviderName, ProviderRef,
};
use domain::refund::{Refund, RefundProgress, RefundReason, RefundSnapshot};
use domain::timestamp::Timestamp;
use serde_json::json;

use crate::amounts::Amount;
use crate::capabilities::capabilities;
use crate::client::Client;
use crate::config::AdyenConfig;
use crate::events::Door;
use crate::notifications;
use crate::pages::{Page, PageRequest, PageState};

/// Adyen as a payment provider.
#[derive(Clone)]
pub struct AdyenProvider {
    name: ProviderName,
    capabilities: Capabilities,
    merchant_account: String,
    client: Client,
    door: Arc<Door>,
}

impl AdyenProvider {
    /// The provider for a configuration.
    ///
    /// # Errors
    /// The HTTP client can't be made.
    pub fn new(config: &AdyenConfig) -> Result<Self, reqwest::Error> {
        let door = Door {
            hmac_keys: config.hmac_keys.clone(),
            basic: config.basic.clone(),
            live: config.live,
            merchant_account: config.merchant_account.clone(),
        };
        Ok(Self {
            client: Client::new(config)?,
            name: config.name.clone(),
            capabilities: capabilities(config.live),
            merchant_account: config.merchant_account.clone(),
            door: Arc::new(door),
        })
    }

    /// The same Adyen, for calls that no caller waits for: those of callers come first.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self { client: self.client.in_background(), ..self.clone() }
    }

    async fn make(&self, request: &PageRequest, key: &ProviderKey) -> Result<HostedPage, ProviderError> {
        let made = self.client.post("paymentLinks", &request.body()?, &key.0).await?;
        // It was done, as the status said; the same key will tell what.
        let page = Page::read(made).ok_or(ProviderError::OutcomeUnknown)?;
        if !request.is_of(&page) {
            // Adyen answers to a key as it did the first time, whatever is asked for.
            return Err(ProviderError::Conflict { code: "key_of_another_page".to_owned() });
        }
        Ok(page.hosted())
    }

    async fn page(&self, page: &ProviderRef) -> Result<Page, ProviderError> {
        let told = self.client.get(&format!("paymentLinks/{}", path_part(page)?)).await?;
        Page::read(told).ok_or(ProviderError::Unavailable)
    }

    /// Closes a page, and tells how it stands: it may have been paid just before.
    async fn close(&self, page: Option<&ProviderRef>) -> Result<Page, ProviderError> {
        let page = page.ok_or(ProviderError::NotFound)?;
        let path = format!("paymentLinks/{}", path_part(page)?);
        match self.client.patch(&path, &json!({"status": "expired"})).await {
            Ok(told) => Page::read(told).ok_or(ProviderError::OutcomeUnknown),
            // Adyen refuses to close what was paid or is closed; then it can't be paid any more.
            Err(refusal @ ProviderError::Rejected { .. }) => match self.page(page).await? {
                open if open.state() == PageState::Active => Err(refusal),
                closed => Ok(closed),
            },
            // A page that was made is there. Whoever does not find it asks for it elsewhere, and it may still be paid.
            Err(ProviderError::NotFound) => {
                Err(ProviderError::Rejected { field: None, code: "page_not_found".to_owned() })
            }
            Err(error) => Err(error),
        }
    }
}

#[async_trait]
impl PaymentProvider for AdyenProvider {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn provider_time(&self) -> Option<Timestamp> {
        self.client.adyens_time()
    }

    async fn create_payment_link(&self, key: &ProviderKey, link: &PaymentLink) -> Result<HostedPage, ProviderError> {
        if let Some((missing, _)) = link.needs().into_iter().find(|(feature, _)| !self.capabilities.has(*feature)) {
            return Err(unsupported(missing));
        }
        self.make(&PageRequest::of_link(&self.merchant_account, link)?, key).await
    }

    /// What can change of a link without [`Feature::LinkPageUpdate`] is ours alone: its metadata, and an earlier end.
    async fn update_payment_link(
        &self,
        _key: &ProviderKey,
        _before: &PaymentLink,
        _changed: &PaymentLink,
    ) -> Result<(), ProviderError> {
        Ok(())
    }

    async fn deactivate_payment_link(
        &self,
        _key: &ProviderKey,
        link: &PaymentLink,
    ) -> Result<Vec<CheckoutSnapshot>, ProviderError> {
        let page = self.close(link.provider_ref.as_ref()).await?;
        // Who paid a link of items is told by notifications, however late; an invoice waits for them.
        match (page.state(), link.invoice_id()) {
            (PageState::Completed | PageState::PaymentPending, Some(_)) => Ok(vec![snapshot(&page)?]),
            (PageState::Active, _) => Err(ProviderError::Conflict { code: "still_open".to_owned() }),
            _ => Ok(Vec::new()),
        }
    }

    fn payment_link_url(&self, url: &str, sharing: &LinkSharing) -> Result<String, ProviderError> {
        if *sharing != LinkSharing::default() {
            return Err(unsupported(Feature::LinkUrlParameters));
        }
        Ok(url.to_owned())
    }

    async fn create_checkout<'a>(
        &self,
        key: &ProviderKey,
        session: &CheckoutSession,
        customer: Option<&'a Customer>,
    ) -> Result<HostedPage, ProviderError> {
        self.make(&PageRequest::of_session(&self.merchant_account, session, customer)?, key).await
    }

    async fn expire_checkout(
        &self,
        _key: &ProviderKey,
        session: &CheckoutSession,
    ) -> Result<CheckoutSnapshot, ProviderError> {
        snapshot(&self.close(session.provider_ref.as_ref()).await?)
    }

    async fn fetch_checkout(&self, session: &ProviderRef) -> Result<CheckoutSnapshot, ProviderError> {
        snapshot(&self.page(session).await?)
    }

    async fn fetch_payment_link(&self, link: &ProviderRef) -> Result<Option<LinkSnapshot>, ProviderError> {
        let page = self.page(link).await?;
        Ok(page.link_id().map(|payment_link_id| LinkSnapshot {
            payment_link_id,
            active: matches!(page.state(), PageState::Active | PageState::PaymentPending),
            completed_sessions: u32::from(page.state() == PageState::Completed),
        }))
    }

    async fn create_refund(
        &self,
        key: &ProviderKey,
        refund: &Refund,
        payment: &ProviderRef,
    ) -> Result<RefundSnapshot, ProviderError> {
        let mut body = json!({
            "merchantAccount": self.merchant_account,
            "amount": Amount::of(refund.amount, "amount")?,
            "reference": refund.id.to_string(),
        });
        if let Some(reason) = refund.reason {
            body["merchantRefundReason"] = json!(reason_name(reason));
        }
        let path = format!("payments/{}/refunds", path_part(payment)?);
        let made = self.client.post(&path, &body, &key.0).await?;
        if made["reference"].as_str().is_some_and(|reference| reference != refund.id.to_string()) {
            return Err(ProviderError::Conflict { code: "key_of_another_refund".to_owned() });
        }
        // Adyen answers that it received the request; a notification tells what came of it.
        let provider_ref = made["pspReference"].as_str().filter(|text| !text.is_empty());
        Ok(RefundSnapshot {
            provider_ref: ProviderRef(provider_ref.ok_or(ProviderError::OutcomeUnknown)?.to_owned()),
            refund_id: Some(refund.id),
            progress: RefundProgress::Pending,
            amount: refund.amount,
            reason: refund.reason,
        })
    }

    fn acknowledgement(&self) -> &'static str {
        "[accepted]"
    }

    /// Signatures of Adyen's have no time: an event is known by its id, and told twice is told once. Adyen delivers nothing else
    /// until one is accepted, so what is signed is accepted, and set aside where it can't be read.
    fn parse_notification(
        &self,
        headers: &[(String, String)],
        body: &[u8],
        now: Timestamp,
    ) -> Result<Vec<Notification>, NotificationError> {
        let items = self.door.open(headers, body)?;
        Ok(items.iter().map(|item| notifications::read(item, now)).collect())
    }

    /// A link that nobody has is asked for: whoever answers that there is none has taken our key. Which webhooks there are, is
    /// told by another API of Adyen's, to which this key does not belong.
    async fn probe(&self, _webhook_url: &str) -> Result<Delivery, ProviderError> {
        match self.client.get("paymentLinks/PL0000000000000000").await {
            Ok(_) | Err(ProviderError::NotFound | ProviderError::Rejected { .. }) => Ok(Delivery::Untold),
            Err(error) => Err(error),
        }
    }
}

/// How a page stands, as far as it can be asked: not by whom it was paid.
///
/// # Errors
/// It asks for an amount that can't be told here.
fn snapshot(page: &Page) -> Result<CheckoutSnapshot, ProviderError> {
    let unreadable = || ProviderError::Rejected { field: None, code: "unreadable_amount".to_owned() };
    Ok(CheckoutSnapshot {
        provider_ref: page.provider_ref(),
        checkout_session_id: page.session_id(),
        payment_link_id: page.link_id(),
        progress: match page.state() {
            PageState::Active => CheckoutProgress::Open,
            PageState::Expired => CheckoutProgress::Expired,
            PageState::Completed | PageState::PaymentPending => CheckoutProgress::Completed,
        },
        amount: page.amount().ok_or_else(unreadable)?,
        payment_method: None,
        expires_at: page.expires_at(),
        collected: None,
        subscription: None,
    })
}

/// An id as a part of a path.
///
/// # Errors
/// It can't be one of Adyen's.
fn path_part(id: &ProviderRef) -> Result<&str, ProviderError> {
    let is_fit = !id.0.is_empty() && id.0.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_fit { Ok(&id.0) } else { Err(ProviderError::NotFound) }
}

const fn reason_name(reason: RefundReason) -> &'static str {
    match reason {
        RefundReason::Duplicate => "DUPLICATE",
        RefundReason::Fraudulent => "FRAUD",
        RefundReason::RequestedByCustomer => "CUSTOMER REQUEST",
    }
}
