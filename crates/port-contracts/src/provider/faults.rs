//! Faults: what is surely not done says so, what is perhaps done says so, and is found out; whatever fails, one page comes
//! of one call.

use std::time::Duration;

use domain::checkout::CheckoutSession;
use domain::payment_link::PaymentLink;
use domain::ports::provider::{HostedPage, ProviderError};
use domain::provider::{CheckoutProgress, Feature, ProviderKey};

use super::counterpart::{Call, Disturbance, Setup};
use super::subject::{Subject, key, money};

/// What leaves it open whether a call was done, though it was.
const DONE_AND_LOST: [Disturbance; 3] = [Disturbance::AnswerLost, Disturbance::Nonsense, Disturbance::Oversized];

impl Subject {
    async fn disturbed(&self, call: Call, disturbance: Disturbance) {
        self.counterpart.disturb(Some((call, disturbance))).await;
    }

    async fn undisturbed(&self) {
        self.counterpart.disturb(None).await;
    }

    /// The page of a link whose making is unknown: looked up, or told again under its key where nothing can be looked up.
    async fn found_out_link(&self, key: &ProviderKey, link: &PaymentLink) -> HostedPage {
        if self.has(Feature::LookupByReference) {
            self.provider.find_payment_link(link.id, link.created_at).await.unwrap().unwrap()
        } else {
            self.provider.create_payment_link(key, link).await.unwrap()
        }
    }

    /// The same of a session.
    async fn found_out_session(&self, key: &ProviderKey, session: &CheckoutSession) -> HostedPage {
        if self.has(Feature::LookupByReference) {
            self.provider.find_checkout(session.id, session.created_at).await.unwrap().unwrap()
        } else {
            self.provider.create_checkout(key, session, None).await.unwrap()
        }
    }
}

/// A lost, broken or huge answer leaves the outcome unknown; then the page is found out, and it is the one that was made.
pub async fn a_link_whose_answer_is_lost_is_found_out(at: Subject) {
    for lost in DONE_AND_LOST {
        let (link, key) = (at.invoice_link(money(10_000, "SEK")).await, key());
        at.disturbed(Call::CreatePaymentLink, lost).await;
        let told = at.provider.create_payment_link(&key, &link).await;
        assert_eq!(told, Err(ProviderError::OutcomeUnknown), "{lost:?}");
        at.undisturbed().await;
        let page = at.found_out_link(&key, &link).await;
        let pages = at.pages_of(link.id).await;
        assert_eq!(pages.len(), 1, "{lost:?}: {pages:?}");
        assert_eq!(pages[0].provider_ref, page.provider_ref, "{lost:?}");
        at.pay(&page).await;
    }
    assert_eq!(at.received().await.len(), DONE_AND_LOST.len());
}

/// The same of a checkout.
pub async fn a_checkout_whose_answer_is_lost_is_found_out(at: Subject) {
    for lost in DONE_AND_LOST {
        let (session, key) = (at.session(money(10_000, "SEK")).await, key());
        at.disturbed(Call::CreateCheckout, lost).await;
        let told = at.provider.create_checkout(&key, &session, None).await;
        assert_eq!(told, Err(ProviderError::OutcomeUnknown), "{lost:?}");
        at.undisturbed().await;
        let page = at.found_out_session(&key, &session).await;
        let pages = at.pages_of(session.id).await;
        assert_eq!(pages.len(), 1, "{lost:?}: {pages:?}");
        assert_eq!(pages[0].provider_ref, page.provider_ref, "{lost:?}");
        at.pay(&page).await;
    }
    assert_eq!(at.received().await.len(), DONE_AND_LOST.len());
}

/// Who waits no longer does not know the outcome; then it is found out.
pub async fn a_checkout_whose_answer_is_late_is_found_out(at: Subject) {
    let impatient = at.counterpart.adapter(Setup::Impatient);
    let (session, key) = (at.session(money(10_000, "SEK")).await, key());
    at.disturbed(Call::CreateCheckout, Disturbance::Late).await;
    assert_eq!(impatient.create_checkout(&key, &session, None).await, Err(ProviderError::OutcomeUnknown));
    at.undisturbed().await;
    let page = at.found_out_session(&key, &session).await;
    let pages = at.pages_of(session.id).await;
    assert_eq!(pages.len(), 1, "{pages:?}");
    assert_eq!(pages[0].provider_ref, page.provider_ref);
}

/// A failure that the key repeats says nothing of what was done: the outcome stays unknown under that key, and a look tells
/// it. Where it surely was not done, another key does it.
pub async fn a_failure_that_is_kept_under_a_key_is_not_taken_for_a_refusal(at: Subject) {
    for (kept, is_done) in [(Disturbance::FailureKept, true), (Disturbance::FailureKeptUndone, false)] {
        let (session, used) = (at.session(money(10_000, "SEK")).await, key());
        at.disturbed(Call::CreateCheckout, kept).await;
        let told = at.provider.create_checkout(&used, &session, None).await;
        assert_eq!(told, Err(ProviderError::OutcomeUnknown), "{kept:?}");
        at.undisturbed().await;
        let again = at.provider.create_checkout(&used, &session, None).await;
        assert_eq!(again, Err(ProviderError::OutcomeUnknown), "{kept:?}");
        assert_eq!(at.pages_of(session.id).await.len(), usize::from(is_done), "{kept:?}");
        if at.has(Feature::LookupByReference) {
            let found = at.provider.find_checkout(session.id, session.created_at).await.unwrap();
            assert_eq!(found.is_some(), is_done, "{kept:?}");
            let page = match found {
                Some(page) => page,
                None => at.provider.create_checkout(&key(), &session, None).await.unwrap(),
            };
            assert_eq!(at.pages_of(session.id).await.len(), 1, "{kept:?}");
            at.pay(&page).await;
        }
    }
}

/// Too many calls: nothing is done, and the wait is told as the provider asked for it, also to calls that come meanwhile.
pub async fn a_limit_of_the_rate_is_told_with_its_wait(at: Subject) {
    let retry_after = Duration::from_secs(67);
    let (link, session) = (at.invoice_link(money(10_000, "SEK")).await, at.session(money(10_000, "SEK")).await);
    let is_told = |refused: Option<ProviderError>| match refused {
        Some(ProviderError::RateLimited { retry_after: Some(told) }) => {
            told <= retry_after && told + Duration::from_secs(10) > retry_after
        }
        _ => false,
    };
    let (for_link, for_session) = (key(), key());
    at.disturbed(Call::CreatePaymentLink, Disturbance::RateLimited { retry_after }).await;
    assert!(is_told(at.provider.create_payment_link(&for_link, &link).await.err()));
    at.disturbed(Call::CreateCheckout, Disturbance::RateLimited { retry_after }).await;
    assert!(is_told(at.provider.create_checkout(&for_session, &session, None).await.err()));
    assert_eq!(at.counterpart.ledger().await.pages, []);
    at.undisturbed().await;
    // The wait holds this adapter's calls back; one that was not told of it goes through.
    let another = at.counterpart.adapter(Setup::Usual);
    another.create_payment_link(&for_link, &link).await.unwrap();
    another.create_checkout(&for_session, &session, None).await.unwrap();
    assert_eq!(at.counterpart.ledger().await.pages.len(), 2);
}

/// Nobody there: surely nothing was done, and every call says so.
pub async fn a_provider_that_can_not_be_reached_has_done_nothing(at: Subject) {
    let alone = at.counterpart.adapter(Setup::Unreachable);
    let (link, session) = (at.invoice_link(money(10_000, "SEK")).await, at.session(money(10_000, "SEK")).await);
    let is_gone = |refused: Option<ProviderError>| {
        matches!(refused, Some(ProviderError::Unavailable | ProviderError::CircuitOpen { .. }))
    };
    assert!(is_gone(alone.create_payment_link(&key(), &link).await.err()));
    assert!(is_gone(alone.create_checkout(&key(), &session, None).await.err()));
    let (link, page) = at.make_link(link).await;
    assert!(is_gone(alone.deactivate_payment_link(&key(), &link).await.err()));
    assert!(is_gone(alone.fetch_payment_link(&page.provider_ref).await.err()));
    assert!(at.provider.fetch_payment_link(&page.provider_ref).await.unwrap().unwrap().active);
    let (_, payment) = at.paid_session(money(10_000, "SEK")).await;
    let refund = at.refund(money(10_000, "SEK"));
    assert!(is_gone(alone.create_refund(&key(), &refund, &payment).await.err()));
    assert_eq!(at.refunded().await, []);
}

/// Credentials that are not accepted are told as that, and nothing was done.
pub async fn credentials_that_are_refused_do_nothing(at: Subject) {
    let stranger = at.counterpart.adapter(Setup::Unauthorized);
    let (link, session) = (at.invoice_link(money(10_000, "SEK")).await, at.session(money(10_000, "SEK")).await);
    assert_eq!(stranger.create_payment_link(&key(), &link).await, Err(ProviderError::Unauthorized));
    assert_eq!(stranger.create_checkout(&key(), &session, None).await, Err(ProviderError::Unauthorized));
    assert_eq!(at.counterpart.ledger().await.pages, []);
}

/// A close whose answer is lost is unknown, and under another key it is found closed.
pub async fn a_close_whose_answer_is_lost_can_be_repeated(at: Subject) {
    let (link, _) = at.make_link(at.invoice_link(money(10_000, "SEK")).await).await;
    at.disturbed(Call::DeactivatePaymentLink, Disturbance::AnswerLost).await;
    let told = at.provider.deactivate_payment_link(&key(), &link).await;
    assert_eq!(told, Err(ProviderError::OutcomeUnknown));
    at.undisturbed().await;
    assert_eq!(at.provider.deactivate_payment_link(&key(), &link).await, Ok(vec![]));
    assert!(at.pages_of(link.id).await.iter().all(|page| !page.is_open));

    let (session, _) = at.make_session(at.session(money(10_000, "SEK")).await).await;
    at.disturbed(Call::ExpireCheckout, Disturbance::AnswerLost).await;
    let told = at.provider.expire_checkout(&key(), &session).await;
    assert_eq!(told.err(), Some(ProviderError::OutcomeUnknown));
    at.undisturbed().await;
    let closed = at.provider.expire_checkout(&key(), &session).await.unwrap();
    assert_eq!(closed.progress, CheckoutProgress::Expired);
}

/// A look that fails has changed nothing: it is unavailable, whatever came instead of an answer.
pub async fn a_look_that_fails_is_unavailable(at: Subject) {
    let (_, page) = at.make_link(at.invoice_link(money(10_000, "SEK")).await).await;
    for lost in DONE_AND_LOST {
        at.disturbed(Call::FetchPaymentLink, lost).await;
        let told = at.provider.fetch_payment_link(&page.provider_ref).await;
        assert_eq!(told, Err(ProviderError::Unavailable), "{lost:?}");
        at.undisturbed().await;
    }
    assert!(at.provider.fetch_payment_link(&page.provider_ref).await.unwrap().unwrap().active);
}

/// A look for what was never made finds nothing, and says so; what was made is found, closed or paid.
pub async fn what_was_made_is_looked_up_by_our_id_alone(at: Subject) {
    let (link, page) = at.make_link(at.invoice_link(money(10_000, "SEK")).await).await;
    let (session, session_page) = at.make_session(at.session(money(10_000, "SEK")).await).await;
    let never = (at.invoice_link(money(10_000, "SEK")).await, at.session(money(10_000, "SEK")).await);
    if !at.has(Feature::LookupByReference) {
        // That is a rule of what capabilities lack.
        return;
    }
    at.pay(&session_page).await;
    at.provider.deactivate_payment_link(&key(), &link).await.unwrap();
    let found = at.provider.find_payment_link(link.id, link.created_at).await.unwrap();
    assert_eq!(found.map(|found| found.provider_ref), Some(page.provider_ref));
    let found = at.provider.find_checkout(session.id, session.created_at).await.unwrap();
    assert_eq!(found.map(|found| found.provider_ref), Some(session_page.provider_ref));
    assert_eq!(at.provider.find_payment_link(never.0.id, never.0.created_at).await, Ok(None));
    assert_eq!(at.provider.find_checkout(never.1.id, never.1.created_at).await, Ok(None));
}

/// The provider's clock is told by its answers.
pub async fn an_answer_tells_the_time(at: Subject) {
    at.make_session(at.session(money(10_000, "SEK")).await).await;
    let (told, now) = (at.provider.provider_time(), at.counterpart.now().await);
    let off = told.expect("an answer has told the time").unix_seconds().abs_diff(now.unix_seconds());
    assert!(off <= 30, "off by {off} seconds");
}
