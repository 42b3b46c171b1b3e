//! Payments: what a customer pays is told as it came in, whenever it comes and however much it is, and nothing else is told
//! as paid.

use domain::checkout::{CheckoutMode, CheckoutSession};
use domain::customer::Customer;
use domain::dispute::{Dispute, DisputeState};
use domain::money::{Currency, Money};
use domain::payment_link::{PaymentLink, PaymentMethodType};
use domain::ports::provider::{HostedPage, ProviderError};
use domain::provider::{CheckoutProgress, Feature, NotificationTopic};

use super::counterpart::{CustomerAct, DelayedEnd, PageRefusal};
use super::subject::{Finding, Subject, key, money};
use crate::fixtures;

impl Subject {
    /// What is told as paid is what has come in at the provider: the same payments, with the same amounts.
    pub(super) async fn books_agree(&self) {
        let mut ledger: Vec<_> =
            self.counterpart.ledger().await.payments.into_iter().map(|it| (it.payment_ref, it.received)).collect();
        ledger.sort_by(|one, other| one.0.cmp(&other.0));
        assert_eq!(self.payments_of(|_| true).await, ledger);
    }

    /// What the dispute that was told of last holds or took of its payment.
    async fn disputed(&self) -> Option<Money> {
        let findings = self.findings().await;
        let told = findings.iter().rev().find_map(|it| match it {
            Finding::Dispute(dispute) => Some(dispute),
            _ => None,
        });
        let payment = fixtures::pending_payment(&fixtures::seller("north"), fixtures::PaymentParties::default());
        let id = domain::id::DisputeId::from_uuid(fixtures::next_uuid());
        Dispute::opened(id, &payment, told?, fixtures::moment()).counted()
    }

    /// How the checkouts stand that were told of: each once, as it was told last.
    async fn progress(&self) -> Vec<CheckoutProgress> {
        let mut last = std::collections::BTreeMap::new();
        last.extend(self.checkouts().await.into_iter().map(|it| (it.provider_ref, it.progress)));
        last.into_values().collect()
    }

    /// A session that is paid by bank transfer, where the provider has that for some currency.
    async fn transfer_page(&self, minor: i64) -> Option<(CheckoutSession, HostedPage)> {
        let code = self.provider.capabilities().bank_transfer_currencies.first()?.clone();
        let customer = fixtures::customer(&fixtures::seller("north"));
        let amount = money(minor, &code);
        let mut session = self.transfer(amount.currency(), minor, &customer).await;
        let page = self.provider.create_checkout(&key(), &session, Some(&customer)).await.unwrap();
        assert!(session.created(page.provider_ref.clone(), page.url.clone(), self.counterpart.now().await));
        Some((session, page))
    }

    /// A link for an invoice that is paid in a way in which the money comes later.
    async fn delayed_link(&self, amount: Money, method: PaymentMethodType) -> PaymentLink {
        let link = self.invoice_link(amount).await;
        let mut options = link.options.clone();
        options.payment.method_types = vec![method];
        self.link(link.target.clone(), options).await
    }

    /// No page lets a customer pay so that the money comes later.
    async fn nothing_comes_later(&self) {
        let (_, page) = self.make_session(self.session(money(10_000, "EUR")).await).await;
        let visit = self.counterpart.visit(&page).await.unwrap();
        let refused = self.counterpart.act(&visit, CustomerAct::PayLater(DelayedEnd::Arrives)).await;
        assert_eq!(refused, Err(PageRefusal::NotOffered));
        assert_eq!(self.received().await, []);
    }

    /// Money can't be held, and that is told of each call that would.
    async fn nothing_is_held(&self, amount: Money) {
        let unsupported = ProviderError::Unsupported { capability: Feature::ManualCapture.name() };
        let (provider, payment) = (&self.provider, fixtures::provider_ref("payment_1"));
        assert_eq!(provider.capture_payment(&key(), &payment, amount).await, Err(unsupported.clone()));
        assert_eq!(provider.cancel_payment(&key(), &payment).await, Err(unsupported.clone()));
        let link = self.holding_link(amount).await;
        assert_eq!(provider.create_payment_link(&key(), &link).await, Err(unsupported));
    }

    async fn transfer(&self, currency: Currency, minor: i64, customer: &Customer) -> CheckoutSession {
        let amount = Money::new(minor, currency);
        self.session_of_mode(CheckoutMode::BankTransferPayment, amount, Some(customer)).await
    }
}

/// Nothing is told as paid before somebody pays, and a card that is declined pays nothing and leaves the page open.
pub async fn a_declined_card_leaves_the_page_open(at: Subject) {
    let (_, page) = at.make_session(at.session(money(10_000, "SEK")).await).await;
    let visit = at.counterpart.visit(&page).await.unwrap();
    assert_eq!(at.counterpart.act(&visit, CustomerAct::BeDeclined).await, Err(PageRefusal::Declined));
    at.books_agree().await;
    assert!(at.progress().await.iter().all(|told| *told == CheckoutProgress::Open));
    at.counterpart.act(&visit, CustomerAct::Pay).await.unwrap();
    assert_eq!(at.received().await, [money(10_000, "SEK")]);
    at.books_agree().await;
}

/// Where a page takes another amount than it asks for, what came in is told; where it does not, nothing came in.
pub async fn another_amount_than_asked_for_is_told_as_it_came(at: Subject) {
    for paid in [money(4_000, "SEK"), money(12_500, "SEK")] {
        let before = at.received().await.len();
        let (session, page) = at.make_session(at.session(money(10_000, "SEK")).await).await;
        let visit = at.counterpart.visit(&page).await.unwrap();
        match at.counterpart.act(&visit, CustomerAct::PayOther(paid)).await {
            Ok(()) => {
                let told = at.payments_of(|told| told.checkout_session_id == Some(session.id)).await;
                assert_eq!(told.iter().map(|(_, received)| *received).collect::<Vec<_>>(), [paid], "{told:?}");
            }
            Err(refusal) => {
                assert_eq!(refusal, PageRefusal::NotOffered);
                assert_eq!(at.received().await.len(), before);
            }
        }
        at.books_agree().await;
    }
}

/// Money that is on its way is no money: it is told as paid when it is there, and as failed where it will not come. Closing
/// the page meanwhile loses nothing of that.
pub async fn money_that_comes_later_is_told_when_it_comes(at: Subject) {
    for (end, is_closed) in [(DelayedEnd::Arrives, false), (DelayedEnd::Arrives, true), (DelayedEnd::Fails, true)] {
        let Some(method) = at.counterpart.delayed_method() else { return at.nothing_comes_later().await };
        let amount = money(10_000, "EUR");
        let (link, page) = at.make_link(at.delayed_link(amount, method).await).await;
        let visit = at.counterpart.visit(&page).await.unwrap();
        at.counterpart.act(&visit, CustomerAct::PayLater(end)).await.unwrap();
        let paid = async || at.payments_of(|told| told.payment_link_id == Some(link.id)).await;
        assert_eq!(paid().await, [], "nothing has come in");
        at.books_agree().await;
        // It was gone through, so it can't be paid again, and its closing does not tell it as unpaid.
        let again = at.counterpart.act(&visit, CustomerAct::PayLater(end)).await;
        assert_eq!(again, Err(PageRefusal::Closed));
        if is_closed {
            for told in at.provider.deactivate_payment_link(&key(), &link).await.unwrap() {
                let is_unpaid = matches!(told.progress, CheckoutProgress::Open | CheckoutProgress::Expired);
                assert!(!is_unpaid, "{:?}", told.progress);
            }
        }
        at.counterpart.end_delayed(&visit).await;
        at.books_agree().await;
        let wanted: &[_] = if end == DelayedEnd::Arrives { &[amount] } else { &[] };
        assert_eq!(paid().await.iter().map(|(_, received)| *received).collect::<Vec<_>>(), wanted);
    }
    let told = at.progress().await;
    let failed = told.iter().filter(|it| matches!(it, CheckoutProgress::PaymentFailed { .. })).count();
    // Where a payment is told only once its money is there, nobody waits for it.
    let is_awaited = told.iter().any(|it| matches!(it, CheckoutProgress::Processing { .. })) || failed > 0;
    assert_eq!(failed, usize::from(is_awaited), "who waits for the money is told that it does not come");
}

/// A transfer is on its way until it is there; a part of it is no payment of the whole, and more is not told as less.
pub async fn a_bank_transfer_is_told_when_it_is_there(at: Subject) {
    for sent in [None, Some(4_000), Some(12_500)] {
        let Some((session, page)) = at.transfer_page(10_000).await else {
            // There is no currency for it, and so none is taken.
            return a_transfer_that_is_not_offered_is_refused_without_a_call(at).await;
        };
        let currency = session.amount.currency();
        let visit = at.counterpart.visit(&page).await.unwrap();
        let act = sent.map_or(CustomerAct::PayLater(DelayedEnd::Arrives), |minor| {
            CustomerAct::PayOther(Money::new(minor, currency))
        });
        let paid = async || at.payments_of(|told| told.checkout_session_id == Some(session.id)).await;
        let begun = at.counterpart.act(&visit, act).await;
        assert!(matches!(begun, Ok(()) | Err(PageRefusal::NotOffered)), "{begun:?}");
        at.books_agree().await;
        if sent.is_none() && begun.is_ok() {
            assert_eq!(paid().await, [], "nothing has come in");
            at.counterpart.end_delayed(&visit).await;
            assert_eq!(paid().await.len(), 1);
        }
        at.books_agree().await;
    }
}

/// A currency in which there are no transfers is refused before anyone is asked.
pub async fn a_transfer_that_is_not_offered_is_refused_without_a_call(at: Subject) {
    let offered = &at.provider.capabilities().bank_transfer_currencies;
    let codes = ["EUR", "SEK", "NOK", "DKK", "BHD"];
    let code = codes.into_iter().find(|code| !offered.contains(*code)).unwrap();
    let customer = fixtures::customer(&fixtures::seller("north"));
    let session = at.transfer(Currency::parse(code).unwrap(), 10_000, &customer).await;
    let before = at.counterpart.requests().await;
    let refused = at.provider.create_checkout(&key(), &session, Some(&customer)).await;
    assert_eq!(refused, Err(ProviderError::Unsupported { capability: "bank_transfer" }));
    assert_eq!(at.counterpart.requests().await, before);
}

/// Held money is not there until it is captured: then as much is told as was captured, once however often it is asked for.
pub async fn held_money_is_told_as_it_was_captured(at: Subject) {
    let (held, captured) = (money(10_000, "SEK"), money(6_000, "SEK"));
    if !at.has(Feature::ManualCapture) {
        return at.nothing_is_held(held).await;
    }
    let (_, page) = at.make_link(at.holding_link(held).await).await;
    at.pay(&page).await;
    let told = at.progress().await;
    let [CheckoutProgress::Authorized { payment_ref, authorization }] = &told[..] else { panic!("held: {told:?}") };
    assert_eq!(authorization.amount, held);
    assert!(authorization.capture_before.is_none_or(|end| end > fixtures::moment()));
    assert_eq!(at.received().await, []);
    at.books_agree().await;
    let more = at.provider.capture_payment(&key(), payment_ref, money(10_001, "SEK")).await;
    assert!(matches!(more, Err(ProviderError::Rejected { .. })), "{more:?}");
    let used = key();
    for _ in 0..2 {
        at.provider.capture_payment(&used, payment_ref, captured).await.unwrap();
    }
    let again = at.provider.capture_payment(&key(), payment_ref, captured).await;
    assert!(matches!(again, Err(ProviderError::Rejected { .. } | ProviderError::Conflict { .. })), "{again:?}");
    assert_eq!(at.received().await, [captured]);
    at.books_agree().await;
}

/// Held money that is let go never came in, and can't be captured after that.
pub async fn held_money_that_is_let_go_never_came_in(at: Subject) {
    let held = money(10_000, "SEK");
    if !at.has(Feature::ManualCapture) {
        return at.nothing_is_held(held).await;
    }
    let (_, page) = at.make_link(at.holding_link(held).await).await;
    at.pay(&page).await;
    let told = at.progress().await;
    let payment = told[0].payment_ref().unwrap().clone();
    let used = key();
    for _ in 0..2 {
        at.provider.cancel_payment(&used, &payment).await.unwrap();
    }
    let captured = at.provider.capture_payment(&key(), &payment, held).await;
    assert!(matches!(captured, Err(ProviderError::Rejected { .. } | ProviderError::Conflict { .. })), "{captured:?}");
    assert_eq!(at.progress().await, [CheckoutProgress::Released { payment_ref: payment }]);
    assert_eq!(at.received().await, []);
    at.books_agree().await;
}

/// A bank that takes money back is told of, with the payment, the amount and a state that counts.
pub async fn a_dispute_is_told(at: Subject) {
    let amount = money(10_000, "SEK");
    let (_, page) = at.make_session(at.session(amount).await).await;
    let visit = at.counterpart.visit(&page).await.unwrap();
    if at.counterpart.act(&visit, CustomerAct::PayAndDispute).await == Err(PageRefusal::NotOffered) {
        assert_eq!(at.received().await, []);
        return;
    }
    assert_eq!(at.received().await, [amount]);
    let paid = at.payments_of(|_| true).await;
    let mut disputes = 0;
    for notification in at.told().await {
        if let NotificationTopic::Dispute { payment_ref, .. } | NotificationTopic::DisputeTold { payment_ref, .. } =
            &notification.topic
        {
            assert_eq!(*payment_ref, paid[0].0);
        }
        if let Finding::Dispute(dispute) = at.resolve(&notification).await.unwrap() {
            disputes += 1;
            assert_eq!(dispute.amount, amount);
            assert!(!matches!(dispute.state, DisputeState::Unknown { .. }), "{dispute:?}");
        }
    }
    assert!(disputes > 0, "no dispute is told");
    // The bank has the money, so it is not the seller's to send back.
    assert_eq!(at.disputed().await, Some(amount));
    if at.counterpart.win_dispute(&paid[0].0).await {
        assert_eq!(at.disputed().await, None, "the money is back");
    }
    // A payment is not less paid for being disputed.
    at.books_agree().await;
}

/// Less than a link for an invoice asks for is told as what it is, and its page takes no more than the rest beside it.
pub async fn a_part_of_what_a_link_asks_for_is_told_as_a_part(at: Subject) {
    let (part, whole) = (money(4_000, "SEK"), money(10_000, "SEK"));
    let (link, page) = at.make_link(at.invoice_link(whole).await).await;
    let visit = at.counterpart.visit(&page).await.unwrap();
    if at.counterpart.act(&visit, CustomerAct::PayOther(part)).await == Err(PageRefusal::NotOffered) {
        assert_eq!(at.received().await, []);
        return;
    }
    let told = at.payments_of(|told| told.payment_link_id == Some(link.id)).await;
    assert_eq!(told.iter().map(|(_, received)| *received).collect::<Vec<_>>(), [part]);
    if let Ok(visit) = at.counterpart.visit(&page).await {
        at.counterpart.act(&visit, CustomerAct::Pay).await.unwrap();
        assert_eq!(at.received().await.iter().map(|it| it.minor()).sum::<i64>(), whole.minor());
    }
    assert_eq!(at.counterpart.visit(&page).await.err(), Some(PageRefusal::Closed));
    at.books_agree().await;
}
