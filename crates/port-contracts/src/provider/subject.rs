//! An adapter under test, and what the rules do with it: they make things as the application does, and hear of what became
//! of them as it does.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::catalog::PriceModel;
use domain::checkout::{CheckoutMode, CheckoutSession, NewCheckoutSession, SessionOrigin};
use domain::customer::Customer;
use domain::dispute::DisputeSnapshot;
use domain::id::{CheckoutSessionId, InvoiceId, LineItemId, PaymentLinkId, RefundId};
use domain::metadata::Metadata;
use domain::money::{Currency, Money, Quantity, UnitPrice};
use domain::payment::Payment;
use domain::payment_link::{CaptureMethod, LineItem, LineItems, LinkOptions, LinkTarget, NewPaymentLink, PaymentLink};
use domain::ports::provider::{HostedPage, LinkSnapshot, PaymentProvider, ProviderError};
use domain::provider::{
    CheckoutProgress, CheckoutSnapshot, Feature, Notification, NotificationTopic, ProviderKey, ProviderRef,
};
use domain::redirect::{RedirectPolicy, RedirectUrl};
use domain::refund::{NewRefund, Refund, RefundReason, RefundSnapshot};
use domain::text::{Description, DisplayName};

use super::counterpart::{CustomerAct, Delivery, LedgerPage, ProviderCounterpart, Setup, SigningKey, Visit};
use crate::fixtures;

/// An adapter under test, with its provider.
pub struct Subject {
    /// The provider.
    pub counterpart: Box<dyn ProviderCounterpart>,
    /// The adapter, set up as it should be.
    pub provider: Arc<dyn PaymentProvider>,
}

/// What a notification comes to: told by it, or asked of the provider.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Finding {
    /// A checkout stands so.
    Checkout(Box<CheckoutSnapshot>),
    /// A link stands so.
    Link(ProviderRef, LinkSnapshot),
    /// Refunds of a payment stand so; there may be others that it does not speak of.
    Refunds(ProviderRef, Vec<RefundSnapshot>),
    /// A dispute stands so.
    Dispute(DisputeSnapshot),
    /// Nothing that is asked for here.
    Nothing,
}

impl Subject {
    /// The adapter of a provider whose account is empty.
    pub fn new(counterpart: Box<dyn ProviderCounterpart>) -> Self {
        let provider = counterpart.adapter(Setup::Usual);
        Self { counterpart, provider }
    }

    pub(super) fn has(&self, feature: Feature) -> bool {
        self.provider.capabilities().has(feature)
    }

    /// A link that is intended, for all of an invoice.
    pub(super) async fn invoice_link(&self, amount: Money) -> PaymentLink {
        let target = LinkTarget::Invoice {
            invoice_id: InvoiceId::from_uuid(fixtures::next_uuid()),
            amount,
            title: DisplayName::parse("Invoice INV-00001").unwrap(),
            description: Some(Description::parse("Includes VAT").unwrap()),
        };
        self.link(target, LinkOptions::default()).await
    }

    /// A link that is intended, for items of these prices in minor units and quantities.
    pub(super) async fn items_link(&self, currency: Currency, items: &[(i64, i64)]) -> PaymentLink {
        self.link(items_target(currency, items), LinkOptions::default()).await
    }

    /// A link that is intended, whose money is only held at first.
    pub(super) async fn holding_link(&self, amount: Money) -> PaymentLink {
        let mut options = LinkOptions::default();
        options.payment.capture = CaptureMethod::Manual;
        self.link(items_target(amount.currency(), &[(amount.minor(), 1)]), options).await
    }

    pub(super) async fn link(&self, target: LinkTarget, options: LinkOptions) -> PaymentLink {
        let now = self.counterpart.now().await;
        let metadata = fixtures::metadata(&[("order", "1042")]);
        let expires_at = self.provider.capabilities().link_expiry(options.expires_at, now).unwrap();
        let new = NewPaymentLink {
            id: PaymentLinkId::from_uuid(fixtures::next_uuid()),
            seller_id: fixtures::seller("north"),
            target,
            options: LinkOptions { metadata, expires_at, ..options },
            payment_id: None,
            stores_payment_method: false,
            provider: self.provider.name().clone(),
            livemode: self.provider.capabilities().livemode,
        };
        PaymentLink::creating(new, now)
    }

    /// A session that is intended, for an invoice.
    pub(super) async fn session(&self, amount: Money) -> CheckoutSession {
        self.session_of_mode(CheckoutMode::Payment, amount, None).await
    }

    pub(super) async fn session_of_mode(
        &self,
        mode: CheckoutMode,
        amount: Money,
        customer: Option<&Customer>,
    ) -> CheckoutSession {
        let url = |text| RedirectUrl::parse(text, &RedirectPolicy::AnyHost).unwrap();
        let new = NewCheckoutSession {
            id: CheckoutSessionId::from_uuid(fixtures::next_uuid()),
            seller_id: fixtures::seller("north"),
            origin: SessionOrigin::Invoice { invoice_id: InvoiceId::from_uuid(fixtures::next_uuid()) },
            mode,
            amount,
            title: Some(DisplayName::parse("Invoice INV-00002").unwrap()),
            description: None,
            locale: None,
            return_url: Some(url("https://example.com/thanks")),
            cancel_url: self.has(Feature::CheckoutCancelUrl).then(|| url("https://example.com/cart")),
            customer_id: customer.map(|customer| customer.id),
            metadata: fixtures::metadata(&[("cart", "7")]),
            provider: self.provider.name().clone(),
            livemode: self.provider.capabilities().livemode,
        };
        CheckoutSession::creating(new, self.counterpart.now().await)
    }

    /// Makes the page of a link.
    pub(super) async fn make_link(&self, mut link: PaymentLink) -> (PaymentLink, HostedPage) {
        let page = self.provider.create_payment_link(&key(), &link).await.unwrap();
        assert!(link.created(page.provider_ref.clone(), page.url.clone(), self.counterpart.now().await));
        (link, page)
    }

    /// Makes the page of a session.
    pub(super) async fn make_session(&self, mut session: CheckoutSession) -> (CheckoutSession, HostedPage) {
        let page = self.provider.create_checkout(&key(), &session, None).await.unwrap();
        assert!(session.created(page.provider_ref.clone(), page.url.clone(), self.counterpart.now().await));
        (session, page)
    }

    /// A customer opens a page and pays what it asks for.
    pub(super) async fn pay(&self, page: &HostedPage) -> Visit {
        let visit = self.counterpart.visit(page).await.unwrap();
        self.counterpart.act(&visit, CustomerAct::Pay).await.unwrap();
        visit
    }

    /// A session that was paid as a whole, and the provider's id of its payment.
    pub(super) async fn paid_session(&self, amount: Money) -> (CheckoutSession, ProviderRef) {
        let (session, page) = self.make_session(self.session(amount).await).await;
        self.pay(&page).await;
        let paid = self.payments_of(|told| told.checkout_session_id == Some(session.id)).await;
        let [(payment, received)] = &paid[..] else { panic!("one payment is told: {paid:?}") };
        assert_eq!(*received, amount);
        (session, payment.clone())
    }

    /// A refund that is intended.
    pub(super) fn refund(&self, amount: Money) -> Refund {
        let payment: Payment =
            fixtures::pending_payment(&fixtures::seller("north"), fixtures::PaymentParties::default());
        let new = NewRefund {
            id: RefundId::from_uuid(fixtures::next_uuid()),
            amount,
            reason: Some(RefundReason::RequestedByCustomer),
            credit_note_id: None,
            metadata: Metadata::default(),
        };
        Refund::creating(new, &payment, fixtures::moment())
    }

    /// The pages that the provider has under an id of ours.
    pub(super) async fn pages_of(&self, id: impl ToString) -> Vec<LedgerPage> {
        let reference = id.to_string();
        self.counterpart.ledger().await.pages.into_iter().filter(|page| page.reference == reference).collect()
    }

    /// What has come in at the provider, in all.
    pub(super) async fn received(&self) -> Vec<Money> {
        self.counterpart.ledger().await.payments.iter().map(|payment| payment.received).collect()
    }

    /// What has gone back at the provider, in all.
    pub(super) async fn refunded(&self) -> Vec<Money> {
        self.counterpart.ledger().await.refunds.iter().map(|refund| refund.amount).collect()
    }

    /// What is read of a delivery.
    pub(super) async fn read(&self, delivery: &Delivery) -> Vec<Notification> {
        let now = self.counterpart.now().await;
        self.provider.parse_notification(&delivery.headers, &delivery.body, now).unwrap()
    }

    /// All that has been told, in the order in which it happened.
    pub(super) async fn told(&self) -> Vec<Notification> {
        let mut told = Vec::new();
        for delivery in self.counterpart.deliveries(SigningKey::Old).await {
            told.extend(self.read(&delivery).await);
        }
        told
    }

    /// What a notification comes to now: the one place of the suite that tells what is told from what must be asked.
    pub(super) async fn resolve(&self, notification: &Notification) -> Result<Finding, ProviderError> {
        let provider = &self.provider;
        Ok(match &notification.topic {
            NotificationTopic::Checkout { provider_ref } => {
                Finding::Checkout(Box::new(provider.fetch_checkout(provider_ref).await?))
            }
            NotificationTopic::PaymentLink { provider_ref } => {
                let found = provider.fetch_payment_link(provider_ref).await?;
                found.map_or(Finding::Nothing, |found| Finding::Link(provider_ref.clone(), found))
            }
            NotificationTopic::Refund { payment_ref } => {
                Finding::Refunds(payment_ref.clone(), provider.fetch_refunds(payment_ref).await?)
            }
            NotificationTopic::Dispute { provider_ref, .. } => {
                Finding::Dispute(provider.fetch_dispute(provider_ref).await?)
            }
            // The session of the payment, as the application has it in its books, tells how its money stands.
            NotificationTopic::HeldPayment { payment_ref } => match self.session_of(payment_ref).await? {
                Some(session) => Finding::Checkout(Box::new(provider.fetch_checkout(&session).await?)),
                None => Finding::Nothing,
            },
            NotificationTopic::CheckoutTold { snapshot } => Finding::Checkout(snapshot.clone()),
            NotificationTopic::RefundTold { payment_ref, snapshot } => {
                Finding::Refunds(payment_ref.clone(), vec![snapshot.as_ref().clone()])
            }
            NotificationTopic::DisputeTold { snapshot, .. } => Finding::Dispute(snapshot.as_ref().clone()),
            NotificationTopic::PaymentMethodDetached { .. }
            | NotificationTopic::PromotionCode { .. }
            | NotificationTopic::Subscription { .. }
            | NotificationTopic::Renewal { .. }
            | NotificationTopic::CaptureTold { .. }
            | NotificationTopic::NeedsAttention { .. }
            | NotificationTopic::Other { .. } => Finding::Nothing,
        })
    }

    /// The session through which a payment came, as it was told.
    async fn session_of(&self, payment: &ProviderRef) -> Result<Option<ProviderRef>, ProviderError> {
        for notification in self.told().await {
            if let NotificationTopic::Checkout { provider_ref } = &notification.topic {
                let snapshot = self.provider.fetch_checkout(provider_ref).await?;
                if snapshot.progress.payment_ref() == Some(payment) {
                    return Ok(Some(provider_ref.clone()));
                }
            }
        }
        Ok(None)
    }

    /// All that is known by what was told, in its order.
    pub(super) async fn findings(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for notification in self.told().await {
            findings.push(self.resolve(&notification).await.unwrap());
        }
        findings
    }

    /// The checkouts that are known by what was told.
    pub(super) async fn checkouts(&self) -> Vec<CheckoutSnapshot> {
        let findings = self.findings().await.into_iter();
        findings.filter_map(|it| if let Finding::Checkout(snapshot) = it { Some(*snapshot) } else { None }).collect()
    }

    /// Each payment that was told of as paid, once, of the checkouts that are `wanted`.
    pub(super) async fn payments_of(&self, wanted: impl Fn(&CheckoutSnapshot) -> bool) -> Vec<(ProviderRef, Money)> {
        let mut payments = BTreeMap::new();
        for snapshot in self.checkouts().await.iter().filter(|it| wanted(it)) {
            if let CheckoutProgress::Paid { payment_ref, received } = &snapshot.progress {
                let before = payments.insert(payment_ref.clone(), *received);
                assert!(before.is_none_or(|before| before == *received), "one payment is told with two amounts");
            }
        }
        payments.into_iter().collect()
    }

    /// Each refund that was told of, once, as it was told last.
    pub(super) async fn refunds(&self) -> Vec<RefundSnapshot> {
        let mut refunds = BTreeMap::new();
        for finding in self.findings().await {
            if let Finding::Refunds(_, snapshots) = finding {
                refunds.extend(snapshots.into_iter().map(|it| (it.provider_ref.clone(), it)));
            }
        }
        refunds.into_values().collect()
    }
}

/// A new key, of the length of the application's.
pub(super) fn key() -> ProviderKey {
    ProviderKey(format!("int_{}-0", fixtures::next_uuid().simple()))
}

/// An amount in minor units.
pub(super) fn money(minor: i64, currency: &str) -> Money {
    Money::new(minor, Currency::parse(currency).unwrap())
}

fn items_target(currency: Currency, items: &[(i64, i64)]) -> LinkTarget {
    let item = |(index, (minor, quantity)): (usize, &(i64, i64))| LineItem {
        id: LineItemId::from_uuid(fixtures::next_uuid()),
        name: DisplayName::parse(&format!("Item {index}")).unwrap(),
        description: None,
        model: PriceModel::PerUnit { unit_price: UnitPrice::parse((*minor).into(), currency).unwrap() },
        recurrence: None,
        tax_behavior: None,
        tax_code: None,
        quantity: Quantity::parse(*quantity).unwrap(),
        adjustable: None,
        price_id: None,
        product_id: None,
    };
    LinkTarget::Items { items: LineItems::parse(items.iter().enumerate().map(item).collect()).unwrap() }
}
