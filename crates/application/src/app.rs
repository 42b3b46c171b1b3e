//! The application: the ports it runs on, and what every use case needs of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::access::{Caller, Scope};
use domain::catalog::Code;
use domain::id;
use domain::ports::clock::{Clock, IdGenerator};
use domain::ports::documents::InvoiceRenderer;
use domain::ports::provider::PaymentProvider;
use domain::ports::storage::Storage;
use domain::ports::tax::{TaxCalculator, TaxRegistrationRules};
use domain::ports::tax_ids::TaxIdRegistry;
use domain::provider::{Capabilities, ProviderName};
use domain::seller::{Seller, SellerId, TaxEngine};
use domain::timestamp::Timestamp;
use tokio::sync::Notify;

use crate::access::AccessPolicy;
use crate::error::{Error, Reason};
use crate::invoice_mail::MailParts;
use crate::places::Places;
use crate::rendering::Turns;
use crate::shared_invoices::InvoiceSharing;

/// What an application is built from.
pub struct AppParts {
    /// Where everything is kept.
    pub storage: Arc<dyn Storage>,
    /// How many transactions callers' mutations may have open at once: fewer than the storage can, so that webhooks, reads and
    /// the renewal of leases find room beside them.
    pub callers_transactions_max: usize,
    /// Who charges, by name.
    pub providers: Vec<Arc<dyn PaymentProvider>>,
    /// The same ones for calls that no caller waits for, by name, where they tell these apart: callers come first where a
    /// provider's limits leave no room for all.
    pub background_providers: Vec<Arc<dyn PaymentProvider>>,
    /// Who knows which tax applies, for sellers whose engine is the tables.
    pub tax_calculator: Arc<dyn TaxCalculator>,
    /// Who knows which registrations for tax there can be, whatever a seller's engine is.
    pub tax_registration_rules: Arc<dyn TaxRegistrationRules>,
    /// The tax engines of the providers that have one, for sellers that use it.
    pub provider_tax: BTreeMap<ProviderName, Arc<dyn TaxCalculator>>,
    /// Who knows to whom tax ids were issued; absent where looking them up is turned off.
    pub tax_id_registry: Option<Arc<dyn TaxIdRegistry>>,
    /// Who makes documents into files.
    pub renderer: Arc<dyn InvoiceRenderer>,
    /// How invoices are shared with their customers.
    pub sharing: InvoiceSharing,
    /// How often what providers have told is read back.
    pub reconcile_every: Duration,
    /// Who sends mail; absent where that is turned off.
    pub mail: Option<MailParts>,
    /// Who tells the time.
    pub clock: Arc<dyn Clock>,
    /// Who makes ids.
    pub ids: Arc<dyn IdGenerator>,
    /// Who invoices.
    pub sellers: Vec<Seller>,
    /// Who may call.
    pub access: AccessPolicy,
}

/// The application. A clone is another handle onto the same.
#[derive(Clone)]
pub struct App(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) storage: Arc<dyn Storage>,
    providers: BTreeMap<ProviderName, Arc<dyn PaymentProvider>>,
    background_providers: BTreeMap<ProviderName, Arc<dyn PaymentProvider>>,
    tax_calculator: Arc<dyn TaxCalculator>,
    pub(crate) tax_registration_rules: Arc<dyn TaxRegistrationRules>,
    provider_tax: BTreeMap<ProviderName, Arc<dyn TaxCalculator>>,
    pub(crate) tax_id_registry: Option<Arc<dyn TaxIdRegistry>>,
    pub(crate) renderer: Arc<dyn InvoiceRenderer>,
    pub(crate) renders: Turns,
    pub(crate) sharing: InvoiceSharing,
    pub(crate) mail: Option<MailParts>,
    pub(crate) reconcile_every: Duration,
    clock: Arc<dyn Clock>,
    ids: Arc<dyn IdGenerator>,
    pub(crate) sellers: BTreeMap<SellerId, Arc<Seller>>,
    pub(crate) access: AccessPolicy,
    /// What mutations may hold at once.
    pub(crate) places: Places,
    /// Keys whose use is being noted.
    pub(crate) noted_keys: Mutex<BTreeSet<id::ApiKeyId>>,
    /// Wakes the worker when there may be a provider call to make.
    pub(crate) call_work: Notify,
    /// Wakes the worker when a notification has come in.
    pub(crate) inbox_work: Notify,
    /// Wakes the worker when there is a mail to send.
    pub(crate) mail_work: Notify,
}

/// Who waits for a provider's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waiting {
    /// A caller.
    Caller,
    /// Nobody but the worker.
    Worker,
}

/// A provider and what it can do.
#[derive(Debug, Clone)]
pub struct ProviderInfo {
    /// Its name.
    pub name: ProviderName,
    /// What it can do.
    pub capabilities: Capabilities,
}

impl App {
    /// Builds the application.
    ///
    /// # Errors
    /// A seller names a provider that is not among the parts, or the tax engine of one that has none; a provider has a reserved
    /// name; there is no seller, or two have one id.
    pub fn new(parts: AppParts) -> Result<Self, String> {
        let by_name = |providers: Vec<Arc<dyn PaymentProvider>>| -> BTreeMap<_, _> {
            providers.into_iter().map(|provider| (provider.name().clone(), provider)).collect()
        };
        let providers = by_name(parts.providers);
        let mut sellers = BTreeMap::new();
        for seller in parts.sellers {
            if !providers.contains_key(&seller.provider) {
                return Err(format!(
                    "seller {} names the provider {}, which is not configured",
                    seller.id, seller.provider
                ));
            }
            if seller.tax_engine == TaxEngine::Provider && !parts.provider_tax.contains_key(&seller.provider) {
                return Err(format!("seller {} uses the tax engine of {}, which has none", seller.id, seller.provider));
            }
            let id = seller.id.clone();
            if sellers.insert(id.clone(), Arc::new(seller)).is_some() {
                return Err(format!("seller {id} is configured twice"));
            }
        }
        let reserved = ProviderName::out_of_band();
        if providers.contains_key(&reserved) {
            return Err(format!("no provider may be named {reserved}"));
        }
        if sellers.is_empty() {
            return Err("no seller is configured".to_owned());
        }
        let places = Places::new(sellers.values().map(Arc::as_ref), parts.callers_transactions_max);
        Ok(Self(Arc::new(Inner {
            storage: parts.storage,
            providers,
            background_providers: by_name(parts.background_providers),
            tax_calculator: parts.tax_calculator,
            tax_registration_rules: parts.tax_registration_rules,
            provider_tax: parts.provider_tax,
            tax_id_registry: parts.tax_id_registry,
            renderer: parts.renderer,
            renders: Turns::new(),
            sharing: parts.sharing,
            mail: parts.mail,
            reconcile_every: parts.reconcile_every,
            clock: parts.clock,
            ids: parts.ids,
            sellers,
            access: parts.access,
            places,
            noted_keys: Mutex::default(),
            call_work: Notify::new(),
            inbox_work: Notify::new(),
            mail_work: Notify::new(),
        })))
    }

    /// Who computes a seller's tax.
    ///
    /// # Errors
    /// None for a seller of the configuration, which was checked for its engine.
    pub(crate) fn tax_calculator(&self, seller: &Seller) -> Result<&Arc<dyn TaxCalculator>, Error> {
        match seller.tax_engine {
            TaxEngine::Tables => Ok(&self.0.tax_calculator),
            TaxEngine::Provider => self
                .0
                .provider_tax
                .get(&seller.provider)
                .ok_or_else(|| Error::internal(format!("{} has no tax engine", seller.provider))),
        }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    /// An id for a request whose caller names none; it can't be retried under it before it is answered.
    pub fn new_request_id(&self) -> String {
        self.0.ids.uuid_v7().to_string()
    }

    /// Whether the store answers, for readiness.
    ///
    /// # Errors
    /// It does not.
    pub async fn ping(&self) -> Result<(), Error> {
        Ok(self.0.storage.ping().await?)
    }

    /// The seller on whose behalf a caller acts: the one named, or the only one that the caller may see.
    ///
    /// # Errors
    /// None is named although the caller has several, or the one named is unknown or not the caller's.
    pub fn resolve_seller(&self, caller: &Caller, named: Option<&str>) -> Result<Arc<Seller>, Error> {
        match named.filter(|name| !name.is_empty()) {
            Some(name) => self
                .0
                .sellers
                .get_key_value(
                    &SellerId::parse(name)
                        .map_err(|invalid| Error::field("seller_id", invalid.rule, invalid.expected))?,
                )
                .filter(|(id, _)| caller.sellers.contains(*id))
                .map(|(_, seller)| Arc::clone(seller))
                .ok_or_else(|| Error::not_found("seller", name)),
            None => {
                let mut mine = self.0.sellers.iter().filter(|(id, _)| caller.sellers.contains(*id));
                match (mine.next(), mine.next()) {
                    (Some((_, seller)), None) => Ok(Arc::clone(seller)),
                    (None, _) => Err(Error::not_found("seller", "")),
                    _ => Err(Error::field("seller_id", "REQUIRED", "is required, since there are several sellers")),
                }
            }
        }
    }

    /// The seller of a thing.
    pub(crate) fn seller(&self, id: &SellerId) -> Result<&Arc<Seller>, Error> {
        self.0.sellers.get(id).ok_or_else(|| Error::internal(format!("seller {id} is not configured any more")))
    }

    /// The ids of all sellers.
    pub fn seller_ids(&self) -> impl Iterator<Item = &SellerId> {
        self.0.sellers.keys()
    }

    pub(crate) fn provider(&self, name: &ProviderName) -> Result<&Arc<dyn PaymentProvider>, Error> {
        self.0.providers.get(name).ok_or_else(|| Error::Unavailable {
            reason: Reason::ProviderUnavailable,
            message: format!(
                "the provider {name} is not configured any more: whoever runs the service must put it back"
            ),
            retry_after: None,
        })
    }

    /// The same, for calls that someone waits for, or nobody.
    pub(crate) fn provider_for(
        &self,
        waiting: Waiting,
        name: &ProviderName,
    ) -> Result<&Arc<dyn PaymentProvider>, Error> {
        match self.0.background_providers.get(name) {
            Some(provider) if waiting == Waiting::Worker => Ok(provider),
            _ => self.provider(name),
        }
    }

    /// The provider registered under a name, for faces that take its notifications.
    pub(crate) fn find_provider(&self, name: &str) -> Option<&Arc<dyn PaymentProvider>> {
        name.parse().ok().and_then(|name: ProviderName| self.0.providers.get(&name))
    }

    pub(crate) fn provider_names(&self) -> impl Iterator<Item = &ProviderName> {
        self.0.providers.keys()
    }

    /// The providers of the caller's sellers.
    pub fn list_providers(&self, caller: &Caller) -> Vec<ProviderInfo> {
        self.0
            .providers
            .values()
            .filter(|provider| {
                self.0
                    .sellers
                    .values()
                    .any(|seller| caller.sellers.contains(&seller.id) && &seller.provider == provider.name())
            })
            .map(|provider| ProviderInfo {
                name: provider.name().clone(),
                capabilities: provider.capabilities().clone(),
            })
            .collect()
    }

    /// What a provider of the caller's sellers can do.
    ///
    /// # Errors
    /// There is no such provider among them.
    pub fn get_capabilities(&self, caller: &Caller, name: &str) -> Result<ProviderInfo, Error> {
        self.list_providers(caller)
            .into_iter()
            .find(|provider| provider.name.as_str() == name)
            .ok_or_else(|| Error::not_found("provider", name))
    }

    /// Fails unless the caller's scope reaches `needed`.
    ///
    /// # Errors
    /// It does not.
    pub fn authorize(&self, caller: &Caller, needed: Scope) -> Result<(), Error> {
        if caller.scope >= needed {
            return Ok(());
        }
        Err(Error::PermissionDenied {
            reason: Reason::ScopeInsufficient,
            message: format!("the API key has the scope {}, and this needs {}", caller.scope.name(), needed.name()),
        })
    }
}

impl App {
    /// A promotion code that customers can hardly guess.
    pub(crate) fn draw_code(&self) -> Code {
        Code::drawn([self.0.ids.uuid_v7(), self.0.ids.uuid_v7()])
    }
}

macro_rules! id_makers {
    ($($method:ident -> $id:ident,)*) => {
        impl App {
            $(pub(crate) fn $method(&self) -> id::$id {
                id::$id::from_uuid(self.0.ids.uuid_v7())
            })*
        }
    };
}

id_makers! {
    new_product_id -> ProductId,
    new_price_id -> PriceId,
    new_tax_rate_id -> TaxRateId,
    new_tax_registration_id -> TaxRegistrationId,
    new_tax_id_check_id -> TaxIdCheckId,
    new_shipping_rate_id -> ShippingRateId,
    new_coupon_id -> CouponId,
    new_promotion_code_id -> PromotionCodeId,
    new_subscription_id -> SubscriptionId,
    new_customer_id -> CustomerId,
    new_payment_method_id -> PaymentMethodId,
    new_invoice_id -> InvoiceId,
    new_invoice_line_id -> InvoiceLineId,
    new_credit_note_id -> CreditNoteId,
    new_invoice_mail_id -> InvoiceMailId,
    new_payment_link_id -> PaymentLinkId,
    new_line_item_id -> LineItemId,
    new_checkout_session_id -> CheckoutSessionId,
    new_payment_id -> PaymentId,
    new_refund_id -> RefundId,
    new_dispute_id -> DisputeId,
    new_event_id -> EventId,
    new_intent_id -> IntentId,
    new_notification_id -> NotificationId,
    new_api_key_id -> ApiKeyId,
}

#[cfg(test)]
mod tests {
    use domain::ports::provider::MockPaymentProvider;
    use domain::ports::storage::MockStorage;
    use domain::ports::tax::MockTaxCalculator;

    use super::*;
    use crate::mocked::parts;

    #[test]
    fn a_seller_is_taxed_by_the_engine_that_it_uses_and_that_must_be_there() {
        let with = |tax_engine: TaxEngine, engine: Option<&str>| {
            let mut parts = parts(MockStorage::new(), MockPaymentProvider::new());
            parts.sellers[0].tax_engine = tax_engine;
            let at_provider: Arc<dyn TaxCalculator> = Arc::new(MockTaxCalculator::new());
            let tables = Arc::clone(&parts.tax_calculator);
            if let Some(name) = engine {
                parts.provider_tax.insert(name.parse().unwrap(), Arc::clone(&at_provider));
            }
            let seller = parts.sellers[0].clone();
            App::new(parts).map(|app| {
                let used = app.tax_calculator(&seller).unwrap();
                (Arc::ptr_eq(used, &tables), Arc::ptr_eq(used, &at_provider))
            })
        };
        assert_eq!(with(TaxEngine::Tables, None), Ok((true, false)));
        assert_eq!(with(TaxEngine::Tables, Some("acquirer")), Ok((true, false)));
        assert_eq!(with(TaxEngine::Provider, Some("acquirer")), Ok((false, true)));
        for engine in [None, Some("another")] {
            let told = "seller north uses the tax engine of acquirer, which has none";
            assert_eq!(with(TaxEngine::Provider, engine), Err(told.to_owned()));
        }
    }
}
