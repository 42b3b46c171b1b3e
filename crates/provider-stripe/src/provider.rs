//! The port's verbs, each as one or a few calls to Stripe.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::time::Duration;

use async_trait::async_trait;
use domain::checkout::CheckoutSession;
use domain::customer::Customer;
use domain::id::{CheckoutSessionId, LineItemId, PaymentLinkId};
use domain::payment_link::PaymentLink;
use domain::ports::provider::{HostedPage, LinkSnapshot, NotificationError, PaymentProvider, ProviderError};
use domain::provider::{
    Capabilities, CheckoutProgress, CheckoutSnapshot, Feature, Notification, ProviderKey, ProviderName, ProviderRef,
};
use domain::timestamp::Timestamp;
use futures::{StreamExt, TryStreamExt, stream};
use secrecy::SecretString;
use tokio::time::timeout;

use crate::client::{Call, Client};
use crate::config::{ConfigError, StripeConfig};
use crate::failure::Failure;
use crate::form::Form;
use crate::notification::Expected;
use crate::signature::SIGNATURE_HEADER;
use crate::wire::{self, List};
use crate::{checkouts, links, notification, references, signature};

/// How long one verb may take with all its calls.
const VERB_TIMEOUT: Duration = Duration::from_secs(75);
/// How many sessions are expired at once.
const EXPIRING_AT_ONCE: usize = 8;
/// How many pages of a list a lookup reads before it gives up.
const LOOKUP_PAGES_MAX: usize = 200;
/// How far Stripe's clock may be behind ours in a lookup by time.
const LOOKUP_CLOCK_SKEW: Duration = Duration::from_secs(15 * 60);

/// Stripe as a payment provider.
pub struct StripeProvider {
    name: ProviderName,
    capabilities: Capabilities,
    account: Option<String>,
    webhook_secrets: Vec<SecretString>,
    client: Client,
}

impl StripeProvider {
    /// A provider for a configuration. Makes no call.
    ///
    /// # Errors
    /// The configuration is refused, see [`ConfigError`].
    pub fn new(config: StripeConfig) -> Result<Self, ConfigError> {
        let livemode = config.check()?;
        let client = Client::new(&config, livemode)?;
        let capabilities = Capabilities {
            livemode,
            locales: checkouts::LOCALES.iter().map(|locale| (*locale).to_owned()).collect(),
            line_items_max: links::LINE_ITEMS_MAX,
            features: BTreeSet::from(Feature::ALL),
        };
        let StripeConfig { name, webhook_secrets, account, .. } = config;
        Ok(Self { name, capabilities, account, webhook_secrets, client })
    }

    async fn set_active(&self, key: &str, link: &PaymentLink, active: bool) -> Result<(), ProviderError> {
        let id = link_ref(link)?;
        let path = ["payment_links", id];
        let call = Call::set("POST /v1/payment_links/{id}", &path, key).with("active", active);
        let set: wire::PaymentLink = self.client.send(call).await.map_err(|f| f.of_change(|_| None))?;
        // Stripe can keep a link closed that has reached its limit.
        if set.active == active {
            Ok(())
        } else {
            Err(ProviderError::Conflict { code: "ACTIVE_NOT_CHANGED".to_owned() })
        }
    }

    /// Expires every open session of a link, until Stripe lists none that was not seen to be closed.
    async fn expire_sessions_of(&self, key: &str, link: &str) -> Result<(), ProviderError> {
        let mut closed = BTreeSet::new();
        loop {
            let call = Call::list("GET /v1/checkout/sessions", &["checkout", "sessions"])
                .with("payment_link", link)
                .with("status", "open");
            // Half done is not known to be done: the link's own state has been set already.
            let page: List<wire::Session> = self.client.send(call).await.map_err(|f| after_change(f.of_read()))?;
            let open: Vec<_> = page.data.into_iter().map(|s| s.id).filter(|id| !closed.contains(id)).collect();
            if open.is_empty() {
                return Ok(());
            }
            let expired: Vec<String> = stream::iter(open)
                .map(|id| async move {
                    self.expire(&format!("{key}-expire-{id}"), &id).await.map_err(after_change)?;
                    Ok::<_, ProviderError>(id)
                })
                .buffer_unordered(EXPIRING_AT_ONCE)
                .try_collect()
                .await?;
            closed.extend(expired);
        }
    }

    /// Expires a session; one that is complete or expired already is told as it is.
    async fn expire(&self, key: &str, id: &str) -> Result<CheckoutSnapshot, ProviderError> {
        let path = ["checkout", "sessions", id, "expire"];
        let call =
            Call::set("POST /v1/checkout/sessions/{id}/expire", &path, key).with("expand[]", checkouts::EXPANDED);
        let refused = match self.client.send(call).await {
            Ok(session) => return checkouts::snapshot(session).map_err(|f| f.of_change(|_| None)),
            Err(failure @ (Failure::Refused(_) | Failure::Busy { .. })) => failure.of_change(|_| None),
            Err(failure) => return Err(failure.of_change(|_| None)),
        };
        let snapshot = self.checkout(id).await?;
        if snapshot.progress == CheckoutProgress::Open { Err(refused) } else { Ok(snapshot) }
    }

    async fn checkout(&self, id: &str) -> Result<CheckoutSnapshot, ProviderError> {
        let path = ["checkout", "sessions", id];
        let call = Call::read("GET /v1/checkout/sessions/{id}", &path).with("expand[]", checkouts::EXPANDED);
        let session = self.client.send(call).await.map_err(Failure::of_read)?;
        checkouts::snapshot(session).map_err(Failure::of_read)
    }

    /// Stripe's ids of a link's items, by our own.
    async fn item_refs(&self, link: &str) -> Result<BTreeMap<LineItemId, String>, ProviderError> {
        let path = ["payment_links", link, "line_items"];
        let call =
            Call::list("GET /v1/payment_links/{id}/line_items", &path).with("expand[]", "data.price.product");
        let page: List<wire::LineItem> = self.client.send(call).await.map_err(Failure::of_read)?;
        Ok(page.data.into_iter().filter_map(|item| Some((our_item(item.price?)?, item.id))).collect())
    }

    /// When Stripe made a link of ours, which the link itself does not tell: its inline prices were made with it.
    async fn made_at(&self, link: &str) -> Result<Option<Timestamp>, Failure> {
        let path = ["payment_links", link, "line_items"];
        let call = Call::list("GET /v1/payment_links/{id}/line_items", &path);
        let page: List<wire::LineItem> = self.client.send(call).await?;
        let price = page.data.into_iter().find_map(|item| item.price);
        Ok(price.map(|price| Timestamp::from_unix_seconds(price.created)))
    }

    async fn find_link(&self, id: PaymentLinkId, since: Timestamp) -> Result<Option<HostedPage>, Failure> {
        let since = since.minus(LOOKUP_CLOCK_SKEW);
        let mut cursor = None;
        for _ in 0..LOOKUP_PAGES_MAX {
            let call = page_after(Call::list("GET /v1/payment_links", &["payment_links"]), cursor.as_deref());
            let page: List<wire::PaymentLink> = self.client.send(call).await?;
            if let Some(link) = page.data.iter().find(|link| our_link(link) == Some(id)) {
                return Ok(Some(HostedPage { provider_ref: ProviderRef(link.id.clone()), url: link.url.clone() }));
            }
            let Some(last) = page.data.last().filter(|_| page.has_more) else { return Ok(None) };
            // Newest first: once one is older than what is looked for can be, so is the rest.
            if let Some(oldest) = page.data.iter().rev().find(|link| our_link(link).is_some())
                && self.made_at(&oldest.id).await?.is_some_and(|made_at| made_at < since)
            {
                return Ok(None);
            }
            cursor = Some(last.id.clone());
        }
        Err(gave_up())
    }

    async fn find_session(&self, id: CheckoutSessionId, since: Timestamp) -> Result<Option<HostedPage>, Failure> {
        let since = since.minus(LOOKUP_CLOCK_SKEW).unix_seconds();
        let mut cursor = None;
        for _ in 0..LOOKUP_PAGES_MAX {
            let call = Call::list("GET /v1/checkout/sessions", &["checkout", "sessions"]).with("created[gte]", since);
            let page: List<wire::Session> = self.client.send(page_after(call, cursor.as_deref())).await?;
            let is_it = |s: &&wire::Session| references::read(s.metadata.as_ref(), references::CHECKOUT) == Some(id);
            if let Some(session) = page.data.iter().find(is_it) {
                // Stripe gives no URL of a session that can't be opened any more.
                let url = session.url.clone().unwrap_or_default();
                return Ok(Some(HostedPage { provider_ref: ProviderRef(session.id.clone()), url }));
            }
            let Some(last) = page.data.last().filter(|_| page.has_more) else { return Ok(None) };
            cursor = Some(last.id.clone());
        }
        Err(gave_up())
    }

    async fn detach(&self, key: &str, method: &str) -> Result<(), ProviderError> {
        let path = ["payment_methods", method, "detach"];
        let call = Call::set("POST /v1/payment_methods/{id}/detach", &path, key);
        let refused = match self.client.send::<wire::PaymentMethod>(call).await {
            Ok(_) => return Ok(()),
            Err(failure @ Failure::Refused(_)) => failure.of_change(|_| None),
            Err(failure) => return Err(failure.of_change(|_| None)),
        };
        // Stripe refuses to detach what is not attached.
        let path = ["payment_methods", method];
        let call = Call::read("GET /v1/payment_methods/{id}", &path);
        let method: wire::PaymentMethod = self.client.send(call).await.map_err(Failure::of_read)?;
        if method.is_kept() { Err(refused) } else { Ok(()) }
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

    async fn create_payment_link(&self, key: &ProviderKey, link: &PaymentLink) -> Result<HostedPage, ProviderError> {
        let call =
            Call::make("POST /v1/payment_links", &["payment_links"], &key.0).form(links::creation(link)?);
        let made: wire::PaymentLink =
            self.client.send(call).await.map_err(|f| made(f.of_change(|param| links::field(link, param))))?;
        Ok(HostedPage { provider_ref: ProviderRef(made.id), url: made.url })
    }

    async fn update_payment_link(
        &self,
        key: &ProviderKey,
        before: &PaymentLink,
        changed: &PaymentLink,
    ) -> Result<(), ProviderError> {
        let id = link_ref(before)?;
        let items = if links::changed_quantities(before, changed).is_empty() {
            BTreeMap::new()
        } else {
            self.item_refs(id).await?
        };
        let form = links::update(before, changed, &items)?;
        if form.is_empty() {
            return Ok(());
        }
        let path = ["payment_links", id];
        let call = Call::set("POST /v1/payment_links/{id}", &path, &key.0).form(form);
        let updated = self.client.send::<wire::PaymentLink>(call).await;
        updated.map(|_| ()).map_err(|f| f.of_change(|param| links::field(changed, param)))
    }

    async fn activate_payment_link(&self, key: &ProviderKey, link: &PaymentLink) -> Result<(), ProviderError> {
        self.set_active(&key.0, link, true).await
    }

    async fn deactivate_payment_link(&self, key: &ProviderKey, link: &PaymentLink) -> Result<(), ProviderError> {
        let closing = async {
            self.set_active(&key.0, link, false).await?;
            self.expire_sessions_of(&key.0, link_ref(link)?).await
        };
        within(closing, ProviderError::OutcomeUnknown).await
    }

    async fn create_checkout<'a>(
        &self,
        key: &ProviderKey,
        session: &CheckoutSession,
        customer: Option<&'a Customer>,
    ) -> Result<HostedPage, ProviderError> {
        let form: Form = checkouts::creation(session, customer)?;
        let call =
            Call::make("POST /v1/checkout/sessions", &["checkout", "sessions"], &key.0).form(form);
        let session: wire::Session =
            self.client.send(call).await.map_err(|f| made(f.of_change(checkouts::field)))?;
        match session.url {
            Some(url) => Ok(HostedPage { provider_ref: ProviderRef(session.id), url }),
            // Made, but replayed after it ended, or not to be understood.
            None => Err(ProviderError::OutcomeUnknown),
        }
    }

    async fn expire_checkout(
        &self,
        key: &ProviderKey,
        session: &CheckoutSession,
    ) -> Result<CheckoutSnapshot, ProviderError> {
        let Some(id) = &session.provider_ref else { return Err(ProviderError::NotFound) };
        within(self.expire(&key.0, &id.0), ProviderError::OutcomeUnknown).await
    }

    async fn detach_payment_method(&self, key: &ProviderKey, method: &ProviderRef) -> Result<(), ProviderError> {
        within(self.detach(&key.0, &method.0), ProviderError::OutcomeUnknown).await
    }

    async fn fetch_checkout(&self, session: &ProviderRef) -> Result<CheckoutSnapshot, ProviderError> {
        self.checkout(&session.0).await
    }

    async fn fetch_payment_link(&self, link: &ProviderRef) -> Result<Option<LinkSnapshot>, ProviderError> {
        let path = ["payment_links", link.0.as_str()];
        let call = Call::read("GET /v1/payment_links/{id}", &path);
        let link: wire::PaymentLink = self.client.send(call).await.map_err(Failure::of_read)?;
        let completed = link.restrictions.as_ref().and_then(|limits| limits.completed_sessions.as_ref());
        Ok(our_link(&link).map(|payment_link_id| LinkSnapshot {
            payment_link_id,
            active: link.active,
            completed_sessions: completed.map_or(0, |sessions| sessions.count),
        }))
    }

    async fn find_payment_link(
        &self,
        id: PaymentLinkId,
        since: Timestamp,
    ) -> Result<Option<HostedPage>, ProviderError> {
        let found = async { self.find_link(id, since).await.map_err(Failure::of_read) };
        within(found, ProviderError::Unavailable).await
    }

    async fn find_checkout(
        &self,
        id: CheckoutSessionId,
        since: Timestamp,
    ) -> Result<Option<HostedPage>, ProviderError> {
        let found = async { self.find_session(id, since).await.map_err(Failure::of_read) };
        within(found, ProviderError::Unavailable).await
    }

    fn parse_notification(
        &self,
        headers: &[(String, String)],
        body: &[u8],
        now: Timestamp,
    ) -> Result<Vec<Notification>, NotificationError> {
        let header = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(SIGNATURE_HEADER));
        let (_, header) = header.ok_or(NotificationError::BadSignature)?;
        signature::verify(header, body, &self.webhook_secrets, now)?;
        let expected = Expected { livemode: self.capabilities.livemode, account: self.account.as_deref() };
        notification::read(body, &expected).map(|notification| vec![notification])
    }
}

impl fmt::Debug for StripeProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StripeProvider")
            .field("name", &self.name.as_str())
            .field("livemode", &self.capabilities.livemode)
            .finish_non_exhaustive()
    }
}

async fn within<T>(
    verb: impl Future<Output = Result<T, ProviderError>>,
    too_late: ProviderError,
) -> Result<T, ProviderError> {
    timeout(VERB_TIMEOUT, Box::pin(verb)).await.unwrap_or(Err(too_late))
}

/// Making a thing names no other, so nothing can be missing but a parameter's object.
fn made(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::NotFound => ProviderError::Rejected { field: None, code: "resource_missing".to_owned() },
        other => other,
    }
}

/// A failure in the middle of a verb that has changed something: what says "surely not done" of one call must not say so
/// of the whole.
fn after_change(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::RateLimited { .. } => error,
        _ => ProviderError::OutcomeUnknown,
    }
}

fn link_ref(link: &PaymentLink) -> Result<&str, ProviderError> {
    link.provider_ref.as_ref().map(|id| id.0.as_str()).ok_or(ProviderError::NotFound)
}

fn our_link(link: &wire::PaymentLink) -> Option<PaymentLinkId> {
    references::read(link.metadata.as_ref(), references::LINK)
}

fn our_item(price: wire::Price) -> Option<LineItemId> {
    let product = price.product?.object()?;
    references::read(product.metadata.as_ref(), references::ITEM)
}

fn page_after<'a>(call: Call<'a>, cursor: Option<&str>) -> Call<'a> {
    match cursor {
        Some(id) => call.with("starting_after", id),
        None => call,
    }
}

fn gave_up() -> Failure {
    tracing::error!(pages = LOOKUP_PAGES_MAX, "a lookup at Stripe was given up");
    Failure::Unclear
}

#[cfg(test)]
#[path = "provider_tests.rs"]
mod tests;
