//! The other side of the port: what customers, people at the provider's dashboard and the network do, whatever provider it is.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use domain::money::Money;
use domain::payment_link::PaymentMethodType;
use domain::ports::provider::{HostedPage, PaymentProvider};
use domain::provider::ProviderRef;
use domain::timestamp::Timestamp;

/// A provider with an account of its own, empty at first, and all that happens there without us.
///
/// What a method makes happen has happened when it returns, its notifications included. Where a rule needs to know what
/// differs between providers, it asks the adapter's [capabilities](PaymentProvider::capabilities); what is none of the
/// adapter's is asked here.
#[async_trait]
pub trait ProviderCounterpart: Send + Sync {
    /// The adapter, with this account's credentials. Each call makes another one, with a circuit and a queue of its own.
    fn adapter(&self, setup: Setup) -> Arc<dyn PaymentProvider>;

    /// Every secret that is in the adapter's configuration: no text that is shown may contain one.
    fn secrets(&self) -> Vec<String>;

    /// The adapter and its configuration, as `{:?}` shows them where they show themselves at all.
    fn shown(&self) -> String;

    /// The time at the provider: notifications are signed at this time, where a signature has a time.
    async fn now(&self) -> Timestamp;

    /// Whether a signature holds for a while only.
    fn signatures_expire(&self) -> bool;

    /// A way to pay in euro in which the money comes later, as a link may name it; `None` where there is none.
    fn delayed_method(&self) -> Option<PaymentMethodType>;

    /// How many requests of adapters have reached the provider, refused ones included.
    async fn requests(&self) -> u64;

    /// What goes wrong from now on with each call of a kind, other tries of the same call included; `None`: nothing any more.
    async fn disturb(&self, disturbance: Option<(Call, Disturbance)>);

    /// A customer opens a page. A page of a link may be opened again and again.
    ///
    /// # Errors
    /// The page is closed.
    async fn visit(&self, page: &HostedPage) -> Result<Visit, PageRefusal>;

    /// A customer does something at a page that is opened.
    ///
    /// # Errors
    /// The page does not allow it. No money has moved then.
    async fn act(&self, visit: &Visit, act: CustomerAct) -> Result<(), PageRefusal>;

    /// The money of a customer who [pays later](CustomerAct::PayLater) comes, or fails to, as it was to end.
    async fn end_delayed(&self, visit: &Visit);

    /// Someone at the provider's dashboard sends money of a payment back.
    async fn refund_at_dashboard(&self, payment: &ProviderRef, amount: Money);

    /// A dispute of a payment is decided for the seller, after the bank had taken its money; `false` where that can't be had.
    async fn win_dispute(&self, payment: &ProviderRef) -> bool;

    /// A refund that is on its way has its end now, where the provider takes time for it: the money is back. One of a customer
    /// who [has refunds come back](CustomerAct::PayAndReturnRefunds) fails after it had succeeded.
    async fn end_refunds(&self);

    /// All that has been told since the account is there, in the order in which it happened: each as it is delivered to the
    /// webhook, signed now by `key`.
    async fn deliveries(&self, key: SigningKey) -> Vec<Delivery>;

    /// The same in one request, where the provider tells several things in one.
    async fn batch(&self, key: SigningKey) -> Option<Delivery>;

    /// What is in the provider's own books.
    async fn ledger(&self) -> Ledger;
}

/// How an adapter is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setup {
    /// As it should be; notifications verify by [`SigningKey::Old`] alone.
    Usual,
    /// While the signing key is rolled: notifications verify by both.
    BothKeys,
    /// When the signing key has been rolled: notifications verify by [`SigningKey::New`] alone.
    NewKey,
    /// With an address where nobody listens.
    Unreachable,
    /// With credentials that the provider does not accept.
    Unauthorized,
    /// It waits for an answer for a moment only: for less than [`Disturbance::Late`] holds it.
    Impatient,
}

/// A key by which the provider signs what it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SigningKey {
    /// The one that every adapter has that is set up as [`Setup::Usual`].
    Old,
    /// Another one.
    New,
}

/// A kind of call: the request that does it, not those before it that prepare it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    /// The page of a link is made.
    CreatePaymentLink,
    /// The page of a session is made.
    CreateCheckout,
    /// A link is closed.
    DeactivatePaymentLink,
    /// A session is closed.
    ExpireCheckout,
    /// Money is sent back.
    CreateRefund,
    /// It is asked how a link stands.
    FetchPaymentLink,
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disturbance {
    /// The provider does it, and the connection breaks in the middle of the answer.
    AnswerLost,
    /// The provider does it, and its answer is none: another format than the provider's.
    Nonsense,
    /// The provider does it, and its answer is larger than anything that it ever tells: 50 MB.
    Oversized,
    /// The provider does it, and the answer does not come as long as this is so.
    Late,
    /// The provider does it, and answers that it failed; it goes on to answer so under the same key.
    FailureKept,
    /// The provider does not do it, and answers that it failed; it goes on to answer so under the same key.
    FailureKeptUndone,
    /// The provider does not do it, since there were too many calls: the next one is welcome after this.
    RateLimited {
        /// In whole seconds.
        retry_after: Duration,
    },
}

/// A page that a customer has open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit(pub String);

/// What a customer does at a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerAct {
    /// Pays what is asked for, by a card: the money is there, or held where it is to be held.
    Pay,
    /// Pays another amount than what is asked for.
    PayOther(Money),
    /// Pays what is asked for, in a way in which the money comes later and is to [end](ProviderCounterpart::end_delayed)
    /// so.
    PayLater(DelayedEnd),
    /// Tries a card that its bank declines.
    BeDeclined,
    /// Pays what is asked for by a card, and has its bank take the money back at once.
    PayAndDispute,
    /// Pays what is asked for by a card whose bank gives every refund back, after it was told as done.
    PayAndReturnRefunds,
}

/// How a payment ends whose money comes later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DelayedEnd {
    /// The money comes.
    Arrives,
    /// It does not.
    Fails,
}

/// Why a page does not let a customer do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageRefusal {
    /// It is closed, or was gone through already.
    Closed,
    /// There is no such way to pay there.
    NotOffered,
    /// The customer's bank said no.
    Declined,
}

/// What arrives at the webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The bytes as they come in.
    pub body: Vec<u8>,
}

/// What is in the provider's books, whoever did it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The pages that were made for us: of links and of sessions, not a visit's own.
    pub pages: Vec<LedgerPage>,
    /// The payments whose money has come in. Held money has not.
    pub payments: Vec<LedgerPayment>,
    /// The refunds that have not failed.
    pub refunds: Vec<LedgerRefund>,
}

/// A page in the provider's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerPage {
    /// The provider's id of it.
    pub provider_ref: ProviderRef,
    /// Our own id, as the provider keeps it.
    pub reference: String,
    /// Whether it can be visited.
    pub is_open: bool,
}

/// A payment in the provider's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerPayment {
    /// The provider's id of it.
    pub payment_ref: ProviderRef,
    /// What came in, refunded or not.
    pub received: Money,
}

/// A refund in the provider's books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRefund {
    /// The payment of which money goes back, at the provider.
    pub payment_ref: ProviderRef,
    /// How much.
    pub amount: Money,
    /// Our own id, where it was we who asked for it.
    pub reference: Option<String>,
}
