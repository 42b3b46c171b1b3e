//! The port, over Stripe's operations.

mod visits;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use domain::catalog::{Coupon, PromotionCode, PromotionCodeSnapshot};
use domain::checkout::{CheckoutMode, CheckoutSession};
use domain::customer::Customer;
use domain::dispute::DisputeSnapshot;
use domain::id::{CheckoutSessionId, PaymentLinkId};
use domain::money::Money;
use domain::payment_link::{LineItem, LinkSharing, PaymentLink, ShippingOption};
use domain::ports::adapter::ConfiguredProvider;
use domain::ports::provider::{
    Delivery, HostedPage, LinkSnapshot, NotificationError, NotificationPage, PaymentProvider, ProviderError,
};
use domain::provider::{Capabilities, CheckoutSnapshot, Notification, ProviderKey, ProviderName, ProviderRef};
use domain::refund::{Refund, RefundSnapshot};
use domain::subscription::{CancellationTime, RenewalSnapshot, SubscriptionSnapshot};
use domain::timestamp::Timestamp;
use secrecy::SecretString;
use serde_json::Value;

use crate::amounts;
use crate::capabilities::capabilities;
use crate::client::{Client, Params};
use crate::config::{ConfigError, StripeConfig};
use crate::params::{
    Prepared, changed_items, check_tax_codes, create_checkout, create_customer, create_link, create_price,
    create_product, create_shipping_rate, items_to_prepare, lookup_key, name_customer, of_one_amount,
    optional_items_to_prepare, push, refused_in, update_link,
};
use crate::reversals::{create_refund, dispute_snapshot, refund_snapshot};
use crate::sharing;
use crate::signature::verify;
use crate::tax::StripeTaxCalculator;
use crate::wire::{checkout_id, checkout_snapshot, found_page, hosted_page, link_id, link_snapshot};
use crate::{discounts, notifications, subscriptions};

/// How many pages of a list are read at the most, a hundred objects each.
const PAGES_MAX: usize = 50;
/// How far Stripe's clock may be behind ours when looking for what was made since a time.
const CLOCK_SLACK: Duration = Duration::from_secs(300);

/// Stripe as a payment provider.
pub struct StripeProvider {
    name: ProviderName,
    capabilities: Capabilities,
    webhook_secrets: Vec<SecretString>,
    client: Arc<Client>,
}

impl StripeProvider {
    /// Whether some event of the last day was not taken where it was delivered.
    async fn has_untaken(&self) -> Result<bool, ProviderError> {
        let Some(now) = self.client.stripes_time() else { return Ok(false) };
        let found = self.client.get("/v1/events", notifications::untaken(now)).await?;
        Ok(found["data"].as_array().is_some_and(|events| !events.is_empty()))
    }

    /// The provider for a configuration.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: StripeConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            client: Arc::new(Client::new(&config)?),
            capabilities: capabilities(config.is_live()),
            name: config.name,
            webhook_secrets: config.webhook_secrets,
        })
    }

    /// The same Stripe, for calls that no caller waits for: those of callers come first.
    #[must_use]
    pub fn in_background(&self) -> Self {
        Self {
            name: self.name.clone(),
            capabilities: self.capabilities.clone(),
            webhook_secrets: self.webhook_secrets.clone(),
            client: Arc::new(self.client.in_background()),
        }
    }

    /// Stripe's tax engine, over the same connection and within the same limit of calls.
    pub fn tax_calculator(&self) -> StripeTaxCalculator {
        StripeTaxCalculator::new(Arc::clone(&self.client))
    }

    /// Reads a list page by page, newest first, until `wanted` finds something.
    ///
    /// # Errors
    /// Also when there is more than is read: then it is not known to be absent.
    async fn find<T>(
        &self,
        path: &str,
        params: Params,
        wanted: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, ProviderError> {
        let mut after: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut params = params.clone();
            push(&mut params, "limit", 100);
            if let Some(after) = &after {
                push(&mut params, "starting_after", after);
            }
            let page = self.client.get(path, params).await?;
            let data = page["data"].as_array().ok_or(ProviderError::Unavailable)?;
            if let Some(found) = data.iter().find_map(&wanted) {
                return Ok(Some(found));
            }
            after = data.last().and_then(|last| last["id"].as_str()).map(str::to_owned);
            if page["has_more"] != true || after.is_none() {
                return Ok(None);
            }
        }
        Err(ProviderError::Unavailable)
    }

    /// Makes what a link names and Stripe must have before it. Prices are found again by a key of ours, so one is made once
    /// however many links name it; a way to ship belongs to its link, and is made once under the link's own key.
    async fn prepare(
        &self,
        key: &ProviderKey,
        items: Vec<(String, &LineItem)>,
        shipping: &[ShippingOption],
    ) -> Result<Prepared, ProviderError> {
        let mut prepared = Prepared::default();
        for (field, item) in items {
            let price = self.price(key, item).await.map_err(|error| refused_in(error, &field))?;
            prepared.prices.insert(item.id, price);
        }
        for (index, option) in shipping.iter().enumerate() {
            let key = format!("{}-shipping-{index}", key.0);
            let rate = self.shipping_rate(&key, option).await;
            prepared
                .shipping_rates
                .push(rate.map_err(|error| refused_in(error, &format!("shipping_options[{index}]")))?);
        }
        Ok(prepared)
    }

    async fn shipping_rate(&self, key: &str, option: &ShippingOption) -> Result<String, ProviderError> {
        id_of(&self.client.post("/v1/shipping_rates", create_shipping_rate(option)?, key).await?)
    }

    /// Stripe's price of an item, which is made if it is not there, with its product.
    async fn price(&self, key: &ProviderKey, item: &LineItem) -> Result<String, ProviderError> {
        let lookup = lookup_key(item);
        if let Some(price) = self.find_price(&lookup).await? {
            return Ok(price);
        }
        // The keys are also the link's: under a price's alone, an answer that failed would be repeated to every link.
        let product_key = format!("{}-{lookup}-product", key.0);
        let product = id_of(&self.client.post("/v1/products", create_product(item), &product_key).await?)?;
        let made = self.client.post("/v1/prices", create_price(item, &product)?, &format!("{}-{lookup}", key.0)).await;
        match made {
            Ok(price) => id_of(&price),
            // Another link's call made it meanwhile, and the lookup key is given once.
            Err(refusal @ ProviderError::Rejected { .. }) => self.find_price(&lookup).await?.ok_or(refusal),
            Err(error) => Err(error),
        }
    }

    async fn find_price(&self, lookup: &str) -> Result<Option<String>, ProviderError> {
        let query = vec![("lookup_keys[]".to_owned(), lookup.to_owned()), ("active".to_owned(), "true".to_owned())];
        let found = self.client.get("/v1/prices", query).await?;
        found["data"].as_array().and_then(|data| data.first()).map(id_of).transpose()
    }

    /// The payment intent by which an invoice was paid or is to be, or null: a subscription's session names the invoice alone.
    async fn intent_of_invoice(&self, invoice: &str) -> Result<Value, ProviderError> {
        let expand = |path: &str| vec![("expand[]".to_owned(), path.to_owned())];
        let invoice = self.client.get(&format!("/v1/invoices/{invoice}"), expand("payments")).await?;
        match subscriptions::intent_of(&invoice).and_then(Value::as_str) {
            Some(intent) => self.client.get(&format!("/v1/payment_intents/{intent}"), expand("payment_method")).await,
            None => Ok(Value::Null),
        }
    }

    /// A subscription as Stripe tells it, with the names of what it is for.
    async fn subscription(&self, id: &str) -> Result<Value, ProviderError> {
        let expand = vec![("expand[]".to_owned(), "items.data.price.product".to_owned())];
        self.client.get(&format!("/v1/subscriptions/{id}"), expand).await
    }

    /// The subscription that a session of `link` began. One that can't be read is left out, and the payment is told all the
    /// same: notifications of the subscription itself come too.
    ///
    /// # Errors
    /// Those that pass: later it may be read.
    async fn subscription_begun(
        &self,
        id: &str,
        link: PaymentLinkId,
    ) -> Result<Option<Box<SubscriptionSnapshot>>, ProviderError> {
        let read = match self.subscription(id).await {
            Ok(subscription) => subscriptions::snapshot(&subscription, link),
            Err(ProviderError::NotFound | ProviderError::Unauthorized | ProviderError::Rejected { .. }) => None,
            Err(error) => return Err(error),
        };
        if read.is_none() {
            tracing::warn!(subscription = id, "a subscription can't be read");
        }
        Ok(read.map(Box::new))
    }

    /// The link of ours that a subscription came of: by its metadata, or else by the session that began it. Its metadata may
    /// have been changed in Stripe's dashboard, or its link be older than they are.
    async fn link_of_subscription(&self, id: &str, metadata: &Value) -> Result<Option<PaymentLinkId>, ProviderError> {
        if let Some(link) = subscriptions::link_of(metadata) {
            return Ok(Some(link));
        }
        let params = vec![("subscription".to_owned(), id.to_owned())];
        let sessions = self.client.get("/v1/checkout/sessions", params).await?;
        Ok(sessions["data"].as_array().into_iter().flatten().find_map(link_id))
    }

    async fn set_active(&self, key: &ProviderKey, link: &PaymentLink, active: bool) -> Result<(), ProviderError> {
        let path = format!("/v1/payment_links/{}", reference(link.provider_ref.as_ref())?);
        self.client.post(&path, vec![("active".to_owned(), active.to_string())], &key.0).await.map(|_| ())
    }
}

#[async_trait]
impl PaymentProvider for StripeProvider {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn capabilities(&self) -> &Capabilities {
        &self.capabilities
    }

    fn provider_time(&self) -> Option<Timestamp> {
        self.client.stripes_time()
    }

    async fn create_payment_link(&self, key: &ProviderKey, link: &PaymentLink) -> Result<HostedPage, ProviderError> {
        check_tax_codes(link)?;
        let prepared = self.prepare(key, items_to_prepare(link).collect(), &link.options.shipping_options.0).await?;
        let made = self.client.post("/v1/payment_links", create_link(link, &prepared)?, &key.0).await;
        hosted_page(&made.map_err(|error| if link.invoice_id().is_some() { of_one_amount(error) } else { error })?)
    }

    async fn update_payment_link(
        &self,
        key: &ProviderKey,
        before: &PaymentLink,
        changed: &PaymentLink,
    ) -> Result<(), ProviderError> {
        check_tax_codes(changed)?;
        let id = reference(changed.provider_ref.as_ref())?;
        let mut items = Vec::new();
        if changed_items(before, changed).next().is_some() {
            let all = vec![("limit".to_owned(), "100".to_owned())];
            let page = self.client.get(&format!("/v1/payment_links/{id}/line_items"), all).await?;
            let data = page["data"].as_array().ok_or(ProviderError::Unavailable)?;
            items = data.iter().filter_map(|item| item["id"].as_str().map(str::to_owned)).collect();
        }
        let (old, new) = (&before.options, &changed.options);
        let optional = if old.optional_items == new.optional_items { &[] } else { new.optional_items.0.as_slice() };
        let shipping =
            if old.shipping_options == new.shipping_options { &[] } else { new.shipping_options.0.as_slice() };
        let prepared = self.prepare(key, optional_items_to_prepare(optional).collect(), shipping).await?;
        let params = update_link(before, changed, &items, &prepared)?;
        if params.is_empty() {
            // Only what is ours alone has changed, such as the expiry.
            return Ok(());
        }
        self.client.post(&format!("/v1/payment_links/{id}"), params, &key.0).await.map(|_| ())
    }

    async fn activate_payment_link(&self, key: &ProviderKey, link: &PaymentLink) -> Result<(), ProviderError> {
        self.set_active(key, link, true).await
    }

    async fn deactivate_payment_link(
        &self,
        key: &ProviderKey,
        link: &PaymentLink,
    ) -> Result<Vec<CheckoutSnapshot>, ProviderError> {
        self.set_active(key, link, false).await?;
        // Visitors who came before the link closed hold sessions of their own.
        let id = reference(link.provider_ref.as_ref())?;
        self.close_open_sessions(key, id).await?;
        let mut completed = Vec::new();
        if link.invoice_id().is_some() {
            for session in self.sessions_of(id, "complete").await? {
                completed.push(self.fetch_checkout(&ProviderRef(session)).await?);
            }
        }
        Ok(completed)
    }

    fn payment_link_url(&self, url: &str, sharing: &LinkSharing) -> Result<String, ProviderError> {
        sharing::payment_link_url(url, sharing)
    }

    async fn create_checkout<'a>(
        &self,
        key: &ProviderKey,
        session: &CheckoutSession,
        customer: Option<&'a Customer>,
    ) -> Result<HostedPage, ProviderError> {
        // What can't be said is refused before anything is made.
        let mut params = create_checkout(session, customer)?;
        // To store a method, and to tell whose transfer came, Stripe must know the customer before the session.
        let made = match (session.mode, customer) {
            (CheckoutMode::Payment, _) | (_, None) => None,
            (CheckoutMode::Setup | CheckoutMode::BankTransferPayment, Some(customer)) => {
                let (params, key) = (create_customer(session, customer), format!("{}-customer", key.0));
                Some(id_of(&self.client.post("/v1/customers", params, &key).await?)?)
            }
        };
        name_customer(&mut params, customer, made.as_deref());
        let made = self.client.post("/v1/checkout/sessions", params, &key.0).await;
        hosted_page(&made.map_err(of_one_amount)?)
    }

    async fn expire_checkout(
        &self,
        key: &ProviderKey,
        session: &CheckoutSession,
    ) -> Result<CheckoutSnapshot, ProviderError> {
        let provider_ref = session.provider_ref.clone().ok_or(ProviderError::NotFound)?;
        self.close(&key.0, &provider_ref.0).await?;
        self.fetch_checkout(&provider_ref).await
    }

    async fn detach_payment_method(&self, key: &ProviderKey, method: &ProviderRef) -> Result<(), ProviderError> {
        match self.client.post(&format!("/v1/payment_methods/{method}/detach"), vec![], &key.0).await {
            // Stripe refuses to detach what is not attached; then it is detached.
            Ok(_) | Err(ProviderError::Rejected { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn fetch_checkout(&self, session: &ProviderRef) -> Result<CheckoutSnapshot, ProviderError> {
        let expand = [
            "payment_intent.payment_method",
            "payment_intent.latest_charge",
            "setup_intent.payment_method",
            "discounts.promotion_code",
        ];
        let expand = expand.map(|path| ("expand[]".to_owned(), path.to_owned())).to_vec();
        let path = format!("/v1/checkout/sessions/{session}");
        let mut object = self.client.get(&path, expand).await?;
        if object["status"] == "complete" {
            // Expanded, only the first of them would be there.
            let all = vec![("limit".to_owned(), "100".to_owned())];
            object["line_items"] = self.client.get(&format!("{path}/line_items"), all).await?;
            // In a trial there is an invoice, but of nothing.
            if object["payment_intent"].is_null()
                && object["amount_total"] != 0
                && let Some(invoice) = object["invoice"].as_str()
            {
                object["payment_intent"] = self.intent_of_invoice(invoice).await?;
            }
        }
        let mut snapshot = checkout_snapshot(&object)?;
        if let (Some(id), Some(link)) = (object["subscription"].as_str(), snapshot.payment_link_id) {
            snapshot.subscription = self.subscription_begun(id, link).await?;
        }
        Ok(snapshot)
    }

    async fn fetch_payment_link(&self, link: &ProviderRef) -> Result<Option<LinkSnapshot>, ProviderError> {
        Ok(link_snapshot(&self.client.get(&format!("/v1/payment_links/{link}"), vec![]).await?))
    }

    /// Stripe tells no time of a link's making, so the list is read from the newest on, whatever `since` is.
    async fn find_payment_link(
        &self,
        id: PaymentLinkId,
        _since: Timestamp,
    ) -> Result<Option<HostedPage>, ProviderError> {
        let wanted = |link: &Value| (link_id(link) == Some(id)).then(|| found_page(link));
        Ok(self.find("/v1/payment_links", vec![], wanted).await?.flatten())
    }

    async fn find_checkout(
        &self,
        id: CheckoutSessionId,
        since: Timestamp,
    ) -> Result<Option<HostedPage>, ProviderError> {
        let mut params = Params::new();
        push(&mut params, "created[gte]", since.minus(CLOCK_SLACK).unix_seconds());
        let wanted = |session: &Value| (checkout_id(session) == Some(id)).then(|| found_page(session));
        Ok(self.find("/v1/checkout/sessions", params, wanted).await?.flatten())
    }

    async fn capture_payment(
        &self,
        key: &ProviderKey,
        payment: &ProviderRef,
        amount: Money,
    ) -> Result<(), ProviderError> {
        let mut params = Params::new();
        push(&mut params, "amount_to_capture", amounts::part(amount, "amount")?);
        self.client.post(&format!("/v1/payment_intents/{payment}/capture"), params, &key.0).await.map(|_| ())
    }

    async fn cancel_payment(&self, key: &ProviderKey, payment: &ProviderRef) -> Result<(), ProviderError> {
        self.client.post(&format!("/v1/payment_intents/{payment}/cancel"), vec![], &key.0).await.map(|_| ())
    }

    async fn create_refund(
        &self,
        key: &ProviderKey,
        refund: &Refund,
        payment: &ProviderRef,
    ) -> Result<RefundSnapshot, ProviderError> {
        let made = self.client.post("/v1/refunds", create_refund(refund, payment)?, &key.0).await?;
        // It was done, as the status said; what it is must be looked up.
        refund_snapshot(&made).ok_or(ProviderError::OutcomeUnknown)
    }

    async fn fetch_refunds(&self, payment: &ProviderRef) -> Result<Vec<RefundSnapshot>, ProviderError> {
        let mut params = Params::new();
        push(&mut params, "payment_intent", payment);
        let found = Mutex::new(Vec::new());
        let collect = |refund: &Value| -> Option<()> {
            found.lock().unwrap_or_else(PoisonError::into_inner).push(refund_snapshot(refund));
            None
        };
        self.find("/v1/refunds", params, collect).await?;
        let found: Option<Vec<_>> = found.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect();
        found.ok_or_else(|| unreadable("unreadable_refund"))
    }

    async fn fetch_dispute(&self, dispute: &ProviderRef) -> Result<DisputeSnapshot, ProviderError> {
        let dispute = self.client.get(&format!("/v1/disputes/{dispute}"), vec![]).await?;
        dispute_snapshot(&dispute).ok_or_else(|| unreadable("unreadable_dispute"))
    }

    async fn create_promotion_code(
        &self,
        key: &ProviderKey,
        code: &PromotionCode,
        coupon: &Coupon,
    ) -> Result<PromotionCodeSnapshot, ProviderError> {
        discounts::create(&self.client, &key.0, code, coupon).await
    }

    async fn set_promotion_code_active(
        &self,
        key: &ProviderKey,
        code: &ProviderRef,
        active: bool,
    ) -> Result<(), ProviderError> {
        let params = vec![("active".to_owned(), active.to_string())];
        self.client.post(&format!("/v1/promotion_codes/{code}"), params, &key.0).await.map(|_| ())
    }

    async fn fetch_promotion_code(&self, code: &ProviderRef) -> Result<Option<PromotionCodeSnapshot>, ProviderError> {
        let code = self.client.get(&format!("/v1/promotion_codes/{code}"), vec![]).await?;
        Ok(discounts::snapshot(&code))
    }

    async fn find_promotion_code(&self, code: &PromotionCode) -> Result<Option<PromotionCodeSnapshot>, ProviderError> {
        let params = vec![("code".to_owned(), code.terms.code.as_str().to_owned())];
        let wanted = |found: &Value| discounts::snapshot(found).filter(|found| found.promotion_code_id == code.id);
        self.find("/v1/promotion_codes", params, wanted).await
    }

    async fn cancel_subscription(
        &self,
        key: &ProviderKey,
        subscription: &ProviderRef,
        at: CancellationTime,
    ) -> Result<SubscriptionSnapshot, ProviderError> {
        let path = format!("/v1/subscriptions/{subscription}");
        let ended = match at {
            CancellationTime::Now => self.client.delete(&path).await,
            CancellationTime::PeriodEnd => {
                let params = vec![("cancel_at_period_end".to_owned(), "true".to_owned())];
                self.client.post(&path, params, &key.0).await
            }
        };
        let refused = match ended {
            Ok(_) => None,
            // Stripe does not find what has ended, or refuses to end it again: then it has.
            Err(error @ (ProviderError::Rejected { .. } | ProviderError::NotFound)) => Some(error),
            Err(error) => return Err(error),
        };
        // What was done stays done, so a look that fails leaves it to be found out.
        let found = self.fetch_subscription(subscription).await.map_err(|error| match error {
            ProviderError::NotFound => error,
            _ => ProviderError::OutcomeUnknown,
        })?;
        let snapshot = found.ok_or_else(|| unreadable("unreadable_subscription"))?;
        match refused {
            Some(refused) if !snapshot.terms.state.has_ended() => Err(refused),
            _ => Ok(snapshot),
        }
    }

    async fn fetch_subscription(
        &self,
        subscription: &ProviderRef,
    ) -> Result<Option<SubscriptionSnapshot>, ProviderError> {
        let object = self.subscription(&subscription.0).await?;
        let Some(link) = self.link_of_subscription(&subscription.0, &object["metadata"]).await? else {
            return Ok(None);
        };
        subscriptions::snapshot(&object, link).map(Some).ok_or_else(|| unreadable("unreadable_subscription"))
    }

    async fn fetch_renewal(&self, invoice: &ProviderRef) -> Result<Option<RenewalSnapshot>, ProviderError> {
        let expand = vec![("expand[]".to_owned(), "payments.data.payment.payment_intent".to_owned())];
        let invoice = self.client.get(&format!("/v1/invoices/{invoice}"), expand).await?;
        let Some((subscription_ref, payment)) = subscriptions::renewal(&invoice) else { return Ok(None) };
        let metadata = &invoice["parent"]["subscription_details"]["metadata"];
        let link = self.link_of_subscription(&subscription_ref.0, metadata).await?;
        Ok(link.map(|payment_link_id| RenewalSnapshot { subscription_ref, payment_link_id, payment }))
    }

    fn acknowledgement(&self) -> &'static str {
        ""
    }

    fn parse_notification(
        &self,
        headers: &[(String, String)],
        body: &[u8],
        now: Timestamp,
    ) -> Result<Vec<Notification>, NotificationError> {
        let header = headers.iter().find(|(name, _)| name == "stripe-signature").map(|(_, value)| value.as_str());
        verify(header.unwrap_or_default(), body, &self.webhook_secrets, now)?;
        let event: Value = serde_json::from_slice(body).map_err(|_| NotificationError::Malformed)?;
        let notification = notifications::read(&event, self.capabilities.livemode);
        notification.map(|notification| vec![notification]).ok_or(NotificationError::Malformed)
    }

    async fn list_notifications(
        &self,
        since: Timestamp,
        cursor: Option<String>,
    ) -> Result<NotificationPage, ProviderError> {
        let page = self.client.get("/v1/events", notifications::question(since, cursor.as_deref())).await?;
        notifications::page(&page, self.capabilities.livemode).ok_or(ProviderError::Unavailable)
    }

    async fn probe(&self, webhook_url: &str) -> Result<Delivery, ProviderError> {
        let mut params = Params::new();
        push(&mut params, "limit", 100);
        match self.client.get("/v1/webhook_endpoints", params).await {
            Ok(endpoints) => match notifications::delivery(&endpoints, webhook_url) {
                // Stripe tells no endpoint's secret: whether ours is the same, what was taken tells.
                Delivery::On if self.has_untaken().await? => Ok(Delivery::Untaken),
                delivery => Ok(delivery),
            },
            // A restricted key need not see the endpoints. Events it must: they are read back by it.
            Err(ProviderError::Unauthorized) => {
                self.client.get("/v1/events", notifications::newest()).await.map(|_| Delivery::Untold)
            }
            Err(error) => Err(error),
        }
    }
}

fn id_of(object: &Value) -> Result<String, ProviderError> {
    object["id"].as_str().map(str::to_owned).ok_or(ProviderError::Unavailable)
}

/// One of ours that can't be read needs a person: no retry will help.
fn unreadable(code: &str) -> ProviderError {
    ProviderError::Rejected { field: None, code: code.to_owned() }
}

fn reference(provider_ref: Option<&ProviderRef>) -> Result<&str, ProviderError> {
    provider_ref.map(|provider_ref| provider_ref.0.as_str()).ok_or(ProviderError::NotFound)
}

#[cfg(test)]
mod tests;
