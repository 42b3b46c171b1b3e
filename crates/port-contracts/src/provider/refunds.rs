//! Refunds: money goes back once for each that is asked for, never more than came in, and what others send back is told.

use domain::ports::provider::ProviderError;
use domain::provider::{Feature, ProviderRef};
use domain::refund::{RefundProgress, RefundSnapshot};

use super::counterpart::{Call, CustomerAct, Disturbance, PageRefusal};
use super::subject::{Subject, key, money};
use crate::fixtures;

/// A refund that has come to nothing.
const fn has_failed(refund: &RefundSnapshot) -> bool {
    matches!(refund.progress, RefundProgress::Failed { .. } | RefundProgress::Canceled)
}

/// All that came in goes back, under our id, and is told so in the end.
pub async fn a_payment_is_refunded_as_a_whole(at: Subject) {
    let amount = money(10_000, "SEK");
    let (_, payment) = at.paid_session(amount).await;
    let refund = at.refund(amount);
    let made = at.provider.create_refund(&key(), &refund, &payment).await.unwrap();
    assert_eq!((made.refund_id, made.amount), (Some(refund.id), amount));
    assert!(!has_failed(&made), "{made:?}");
    let refunds = at.counterpart.ledger().await.refunds;
    let [sent] = &refunds[..] else { panic!("one refund: {refunds:?}") };
    assert_eq!((&sent.payment_ref, sent.amount), (&payment, amount));
    assert_eq!(sent.reference, Some(refund.id.to_string()));
    at.counterpart.end_refunds().await;
    let told = at.refunds().await;
    let [told] = &told[..] else { panic!("one refund is told: {told:?}") };
    let what = (&told.provider_ref, told.amount, &told.progress);
    assert_eq!(what, (&made.provider_ref, amount, &RefundProgress::Succeeded));
    // What is looked up carries our id. What is told may leave it out, since the answer gave the refund's own.
    let may_be_left_out = !at.has(Feature::LookupByReference);
    assert!(told.refund_id == Some(refund.id) || (may_be_left_out && told.refund_id.is_none()), "{told:?}");
    // A payment is not less paid for being refunded.
    at.books_agree().await;
}

/// Parts go back until nothing is left, where parts can; where they can't, that is told and nothing goes back.
pub async fn a_payment_is_refunded_in_parts_where_that_can_be(at: Subject) {
    let (_, payment) = at.paid_session(money(10_000, "SEK")).await;
    let first = at.provider.create_refund(&key(), &at.refund(money(4_000, "SEK")), &payment).await;
    if !at.has(Feature::PartialRefunds) {
        let capability = Feature::PartialRefunds.name();
        assert_eq!(first, Err(ProviderError::Unsupported { capability }));
        assert_eq!(at.refunded().await, []);
        return;
    }
    let first = first.unwrap();
    let second = at.provider.create_refund(&key(), &at.refund(money(6_000, "SEK")), &payment).await.unwrap();
    assert_ne!(first.provider_ref, second.provider_ref);
    assert_eq!(at.refunded().await, [money(4_000, "SEK"), money(6_000, "SEK")]);
    at.counterpart.end_refunds().await;
    let told: Vec<_> = at.refunds().await.iter().map(|it| it.provider_ref.clone()).collect();
    assert!(told.contains(&first.provider_ref) && told.contains(&second.provider_ref), "{told:?}");
}

/// What is more than is left is refused for good: at once, or told as failed in the end. It never goes back.
pub async fn more_than_came_in_never_goes_back(at: Subject) {
    let amount = money(10_000, "SEK");
    let (_, payment) = at.paid_session(amount).await;
    refused_or_failed(&at, money(10_001, "SEK"), &payment).await;
    assert_eq!(at.refunded().await, []);
    at.provider.create_refund(&key(), &at.refund(amount), &payment).await.unwrap();
    refused_or_failed(&at, amount, &payment).await;
    at.counterpart.end_refunds().await;
    assert_eq!(at.refunded().await, [amount]);
}

async fn refused_or_failed(at: &Subject, amount: domain::money::Money, payment: &ProviderRef) {
    let refund = at.refund(amount);
    match at.provider.create_refund(&key(), &refund, payment).await {
        Err(error) => {
            let is_final = matches!(error, ProviderError::Rejected { .. });
            assert!(
                is_final || error == ProviderError::Unsupported { capability: Feature::PartialRefunds.name() },
                "{error:?}"
            );
        }
        Ok(taken) => {
            at.counterpart.end_refunds().await;
            let told = at.refunds().await;
            let last = told.iter().find(|it| it.provider_ref == taken.provider_ref).unwrap();
            assert!(has_failed(last), "{last:?}");
        }
    }
}

/// What was never paid can't be paid back.
pub async fn a_payment_that_is_not_there_is_not_refunded(at: Subject) {
    let unknown = fixtures::provider_ref("unknown_0193a5c2e8b27c3a");
    let refused = at.provider.create_refund(&key(), &at.refund(money(10_000, "SEK")), &unknown).await;
    assert!(matches!(refused, Err(ProviderError::NotFound | ProviderError::Rejected { .. })), "{refused:?}");
    assert_eq!(at.refunded().await, []);
}

/// A key pays back once, however often and from wherever it is sent.
pub async fn a_refund_that_is_sent_again_under_its_key_pays_back_once(at: Subject) {
    let amount = money(10_000, "SEK");
    let (_, payment) = at.paid_session(amount).await;
    let (refund, used) = (at.refund(amount), key());
    let call = || at.provider.create_refund(&used, &refund, &payment);
    let (first, second) = tokio::join!(call(), call());
    let made = call().await.unwrap();
    for told in [first, second] {
        match told {
            Ok(told) => assert_eq!((told.provider_ref, told.amount), (made.provider_ref.clone(), amount)),
            Err(error) => {
                assert!(matches!(error, ProviderError::Conflict { .. } | ProviderError::OutcomeUnknown), "{error:?}")
            }
        }
    }
    assert_eq!(at.refunded().await, [amount]);
}

/// A refund whose answer is lost is unknown; it is found among the payment's, or told again under its key, and is one.
pub async fn a_refund_whose_answer_is_lost_is_found_out(at: Subject) {
    for lost in [Disturbance::AnswerLost, Disturbance::Nonsense] {
        let amount = money(10_000, "SEK");
        let before = at.refunded().await.len();
        let (_, payment) = at.paid_session(amount).await;
        let (refund, used) = (at.refund(amount), key());
        at.counterpart.disturb(Some((Call::CreateRefund, lost))).await;
        let told = at.provider.create_refund(&used, &refund, &payment).await;
        assert_eq!(told, Err(ProviderError::OutcomeUnknown), "{lost:?}");
        at.counterpart.disturb(None).await;
        if at.has(Feature::LookupByReference) {
            let found = at.provider.fetch_refunds(&payment).await.unwrap();
            let ours: Vec<_> = found.iter().filter(|it| it.refund_id == Some(refund.id)).collect();
            assert_eq!(ours.len(), 1, "{found:?}");
        }
        let again = at.provider.create_refund(&used, &refund, &payment).await.unwrap();
        assert_eq!(again.refund_id, Some(refund.id));
        assert_eq!(at.refunded().await.len(), before + 1, "{lost:?}");
    }
}

/// A refund that its customer's bank gives back is told as failed, whatever was told of it before.
pub async fn a_refund_that_comes_back_is_told_as_failed(at: Subject) {
    let amount = money(10_000, "SEK");
    let (session, page) = at.make_session(at.session(amount).await).await;
    let visit = at.counterpart.visit(&page).await.unwrap();
    if at.counterpart.act(&visit, CustomerAct::PayAndReturnRefunds).await == Err(PageRefusal::NotOffered) {
        assert_eq!(at.received().await, []);
        return;
    }
    let paid = at.payments_of(|told| told.checkout_session_id == Some(session.id)).await;
    let made = at.provider.create_refund(&key(), &at.refund(amount), &paid[0].0).await.unwrap();
    assert!(!has_failed(&made), "{made:?}");
    at.counterpart.end_refunds().await;
    let told = at.refunds().await;
    let [told] = &told[..] else { panic!("one refund is told: {told:?}") };
    assert_eq!((&told.provider_ref, told.amount), (&made.provider_ref, amount));
    assert!(has_failed(told), "{told:?}");
    assert_eq!(at.refunded().await, []);
    at.books_agree().await;
}

/// Money that someone sends back at the dashboard is told, as nobody's of ours.
pub async fn a_refund_at_the_dashboard_is_told(at: Subject) {
    let amount = money(10_000, "SEK");
    let (_, payment) = at.paid_session(amount).await;
    at.counterpart.refund_at_dashboard(&payment, amount).await;
    at.counterpart.end_refunds().await;
    assert_eq!(at.refunded().await, [amount]);
    let told = at.refunds().await;
    let [told] = &told[..] else { panic!("one refund is told: {told:?}") };
    assert_eq!((told.refund_id, told.amount, &told.progress), (None, amount, &RefundProgress::Succeeded));
    at.books_agree().await;
}
