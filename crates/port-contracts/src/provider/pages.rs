//! Pages: each is made once, is closed for good with all who have it open, and what was paid at it is told.

use domain::payment_link::{CompletedSessionsMax, LinkChanges, LinkField, LinkOptions, LinkTarget};
use domain::ports::provider::ProviderError;
use domain::provider::{CheckoutProgress, Feature};
use domain::text::DisplayName;

use super::counterpart::{CustomerAct, PageRefusal};
use super::subject::{Finding, Subject, key, money};
use crate::fixtures;

/// The page is one, it is open, it has our own id, and asks for the amount.
pub async fn a_link_for_an_invoice_is_one_page_with_our_id_and_its_amount(at: Subject) {
    let amount = money(160_875, "SEK");
    let (link, page) = at.make_link(at.invoice_link(amount).await).await;
    let pages = at.pages_of(link.id).await;
    let [made] = &pages[..] else { panic!("one page: {pages:?}") };
    assert_eq!((&made.provider_ref, made.is_open), (&page.provider_ref, true));
    let url: url::Url = page.url.parse().unwrap();
    assert!(["http", "https"].contains(&url.scheme()) && url.host().is_some(), "{url}");
    let snapshot = at.provider.fetch_payment_link(&page.provider_ref).await.unwrap().unwrap();
    assert_eq!((snapshot.payment_link_id, snapshot.active, snapshot.completed_sessions), (link.id, true, 0));
    at.pay(&page).await;
    assert_eq!(at.received().await, [amount]);
}

/// Each visitor pays for all items, once, and each payment is told as one of the link's.
pub async fn a_link_for_items_takes_a_payment_of_each_visitor(at: Subject) {
    let (link, page) = at.make_link(at.items_link(fixtures::currency(), &[(4_200, 2), (3_900, 3)]).await).await;
    let total = money(20_100, "SEK");
    for _ in 0..2 {
        at.pay(&page).await;
    }
    assert_eq!(at.received().await, [total, total]);
    let told = at.payments_of(|told| told.payment_link_id == Some(link.id)).await;
    assert_eq!(told.iter().map(|(_, received)| *received).collect::<Vec<_>>(), [total, total], "{told:?}");
    assert_eq!(at.checkouts().await.iter().find(|told| told.checkout_session_id.is_some()), None);
    assert!(at.provider.fetch_payment_link(&page.provider_ref).await.unwrap().unwrap().active);
}

/// A checkout's page has our own id, and a payment is told under it.
pub async fn a_checkout_is_one_page_with_our_id_and_its_amount(at: Subject) {
    let amount = money(12_345, "EUR");
    let (session, page) = at.make_session(at.session(amount).await).await;
    let pages = at.pages_of(session.id).await;
    let [made] = &pages[..] else { panic!("one page: {pages:?}") };
    assert_eq!((&made.provider_ref, made.is_open), (&page.provider_ref, true));
    at.pay(&page).await;
    assert_eq!(at.received().await, [amount]);
    let told = at.payments_of(|told| told.checkout_session_id == Some(session.id)).await;
    assert_eq!(told.len(), 1, "{told:?}");
    for told in at.checkouts().await {
        assert_eq!((told.checkout_session_id, told.payment_link_id), (Some(session.id), None));
        // What is told may name its payment alone.
        let is_its_payment = told.progress.payment_ref() == Some(&told.provider_ref);
        assert!(is_its_payment || told.provider_ref == page.provider_ref, "{told:?}");
    }
}

/// What is sent again under its key is answered as before, and done once.
pub async fn a_key_that_is_sent_again_makes_one_page(at: Subject) {
    let (link, session) = (at.invoice_link(money(10_000, "SEK")).await, at.session(money(10_000, "SEK")).await);
    let (for_link, for_session) = (key(), key());
    let link_page = at.provider.create_payment_link(&for_link, &link).await.unwrap();
    let session_page = at.provider.create_checkout(&for_session, &session, None).await.unwrap();
    for _ in 0..2 {
        assert_eq!(at.provider.create_payment_link(&for_link, &link).await, Ok(link_page.clone()));
        assert_eq!(at.provider.create_checkout(&for_session, &session, None).await, Ok(session_page.clone()));
    }
    assert_eq!((at.pages_of(link.id).await.len(), at.pages_of(session.id).await.len()), (1, 1));
}

/// A key of something else makes nothing. It is no refusal: what the key did before may be just what is asked for, said
/// in other words since an update of this program, so it must be looked at.
pub async fn a_key_of_another_payload_makes_nothing_and_refuses_nothing(at: Subject) {
    let may_be =
        |error: &ProviderError| matches!(error, ProviderError::Conflict { .. } | ProviderError::OutcomeUnknown);
    let (used, amount) = (key(), money(10_000, "SEK"));
    let first = at.session(amount).await;
    at.provider.create_checkout(&used, &first, None).await.unwrap();
    let other = at.session(money(20_000, "SEK")).await;
    let error = at.provider.create_checkout(&used, &other, None).await.unwrap_err();
    assert!(may_be(&error), "{error:?}");
    let used = key();
    at.provider.create_payment_link(&used, &at.invoice_link(amount).await).await.unwrap();
    let link = at.invoice_link(money(20_000, "SEK")).await;
    let error = at.provider.create_payment_link(&used, &link).await.unwrap_err();
    assert!(may_be(&error), "{error:?}");
    assert_eq!((at.pages_of(other.id).await.len(), at.pages_of(link.id).await.len()), (0, 0));
    assert_eq!(at.counterpart.ledger().await.pages.len(), 2);
}

/// Many calls at once under one key make one page, and none of them is told of another.
pub async fn a_key_that_is_sent_many_times_at_once_makes_one_page(at: Subject) {
    let (session, key) = (at.session(money(10_000, "SEK")).await, key());
    let call = || at.provider.create_checkout(&key, &session, None);
    let told = tokio::join!(call(), call(), call(), call());
    let page = at.provider.create_checkout(&key, &session, None).await.unwrap();
    for told in [told.0, told.1, told.2, told.3] {
        match told {
            Ok(told) => assert_eq!(told, page),
            Err(error) => {
                assert!(matches!(error, ProviderError::Conflict { .. } | ProviderError::OutcomeUnknown), "{error:?}")
            }
        }
    }
    assert_eq!(at.pages_of(session.id).await.len(), 1);
}

/// Closed, a link takes nobody any more, nor does a page of it that was open before. Closing it again is fine.
pub async fn a_closed_link_takes_no_money_any_more(at: Subject) {
    let (link, page) = at.make_link(at.items_link(fixtures::currency(), &[(10_000, 1)]).await).await;
    let visit = at.counterpart.visit(&page).await.unwrap();
    let key = key();
    for key in [&key, &key, &super::subject::key()] {
        at.provider.deactivate_payment_link(key, &link).await.unwrap();
    }
    assert_eq!(at.counterpart.visit(&page).await, Err(PageRefusal::Closed));
    assert_eq!(at.counterpart.act(&visit, CustomerAct::Pay).await, Err(PageRefusal::Closed));
    assert_eq!(at.received().await, []);
    assert!(at.pages_of(link.id).await.iter().all(|page| !page.is_open));
    assert!(!at.provider.fetch_payment_link(&page.provider_ref).await.unwrap().unwrap().active);
    let is_told =
        |it: &Finding| matches!(it, Finding::Link(_, told) if told.payment_link_id == link.id && !told.active);
    // Whoever closes it at the dashboard is told of so; here it was we, so it need not be, but it must not be told as open.
    let links: Vec<_> = at.findings().await.into_iter().filter(|it| matches!(it, Finding::Link(..))).collect();
    assert!(links.iter().all(is_told), "{links:?}");
}

/// Closed, a checkout takes no money any more. Closing it again is fine, and tells the same.
pub async fn a_closed_checkout_takes_no_money_any_more(at: Subject) {
    let (session, page) = at.make_session(at.session(money(10_000, "SEK")).await).await;
    let visit = at.counterpart.visit(&page).await.unwrap();
    let used = key();
    for key in [&used, &used, &key()] {
        let told = at.provider.expire_checkout(key, &session).await.unwrap();
        assert_eq!((&told.provider_ref, told.progress), (&page.provider_ref, CheckoutProgress::Expired));
        assert_eq!(told.checkout_session_id, Some(session.id));
    }
    assert_eq!(at.counterpart.act(&visit, CustomerAct::Pay).await, Err(PageRefusal::Closed));
    assert_eq!(at.counterpart.visit(&page).await, Err(PageRefusal::Closed));
    assert_eq!(at.received().await, []);
}

/// Money that came before a link for an invoice was closed is told by its closing, or is still to be told by a
/// notification; either way all of it.
pub async fn what_a_link_took_before_its_close_is_told(at: Subject) {
    let amount = money(10_000, "SEK");
    let (link, page) = at.make_link(at.invoice_link(amount).await).await;
    at.pay(&page).await;
    let told = at.provider.deactivate_payment_link(&key(), &link).await.unwrap();
    for told in &told {
        assert!(
            matches!(told.progress, CheckoutProgress::Paid { received, .. } if received == amount)
                || told.progress == CheckoutProgress::Completed,
            "{:?}",
            told.progress
        );
        assert_eq!(told.payment_link_id, Some(link.id));
    }
    let told = at.payments_of(|told| told.payment_link_id == Some(link.id)).await;
    assert_eq!(told.iter().map(|(_, received)| *received).collect::<Vec<_>>(), [amount], "{told:?}");
    assert_eq!(at.received().await, [amount]);
}

/// A checkout that was paid before it was closed is not told as closed unpaid, by anyone at any time.
pub async fn what_a_checkout_took_before_its_close_is_told(at: Subject) {
    let amount = money(10_000, "SEK");
    let (session, page) = at.make_session(at.session(amount).await).await;
    at.pay(&page).await;
    let closed = at.provider.expire_checkout(&key(), &session).await.unwrap();
    let unpaid = [CheckoutProgress::Open, CheckoutProgress::Expired];
    assert!(!unpaid.contains(&closed.progress), "{:?}", closed.progress);
    let told = at.payments_of(|told| told.checkout_session_id == Some(session.id)).await;
    assert_eq!(told.iter().map(|(_, received)| *received).collect::<Vec<_>>(), [amount], "{told:?}");
    assert_eq!(at.received().await, [amount]);
}

/// A link is opened again where that can be, and takes money again.
pub async fn a_closed_link_is_opened_again_where_that_can_be(at: Subject) {
    let (link, page) = at.make_link(at.items_link(fixtures::currency(), &[(10_000, 1)]).await).await;
    at.provider.deactivate_payment_link(&key(), &link).await.unwrap();
    if at.has(Feature::LinkReactivation) {
        let used = key();
        for _ in 0..2 {
            at.provider.activate_payment_link(&used, &link).await.unwrap();
        }
        at.pay(&page).await;
        assert_eq!(at.received().await, [money(10_000, "SEK")]);
    } else {
        let capability = Feature::LinkReactivation.name();
        let refused = at.provider.activate_payment_link(&key(), &link).await;
        assert_eq!(refused, Err(ProviderError::Unsupported { capability }));
        assert_eq!(at.counterpart.visit(&page).await, Err(PageRefusal::Closed));
    }
}

/// A link for an invoice is over once it is paid; were a second payment taken, it would be one of its own and told.
pub async fn a_link_for_an_invoice_is_paid_once_or_each_payment_is_told(at: Subject) {
    let amount = money(10_000, "SEK");
    let (link, page) = at.make_link(at.invoice_link(amount).await).await;
    let second = at.counterpart.visit(&page).await.unwrap();
    at.pay(&page).await;
    let was_paid_twice = at.counterpart.act(&second, CustomerAct::Pay).await.is_ok();
    let told = at.payments_of(|told| told.payment_link_id == Some(link.id)).await;
    assert_eq!(at.received().await.len(), if was_paid_twice { 2 } else { 1 });
    assert_eq!(told.len(), at.received().await.len(), "{told:?}");
    assert_eq!(at.counterpart.visit(&page).await, Err(PageRefusal::Closed), "although it was paid");
}

/// A link that takes so many payments closes with the last of them, also where there were to be more at first.
pub async fn a_link_with_a_limit_closes_with_its_last_payment(at: Subject) {
    let limited = async |max| {
        let link = at.items_link(fixtures::currency(), &[(10_000, 1)]).await;
        let completed_sessions_max = Some(CompletedSessionsMax::parse(max).unwrap());
        at.link(link.target.clone(), LinkOptions { completed_sessions_max, ..LinkOptions::default() }).await
    };
    if !at.has(Feature::LinkCompletedSessionsLimit) {
        let capability = Feature::LinkCompletedSessionsLimit.name();
        let refused = at.provider.create_payment_link(&key(), &limited(2).await).await;
        assert_eq!(refused, Err(ProviderError::Unsupported { capability }));
        return;
    }
    for is_lowered in [false, true] {
        let (link, page) = at.make_link(limited(if is_lowered { 5 } else { 2 }).await).await;
        at.pay(&page).await;
        if is_lowered {
            let options = limited(2).await.options.clone();
            let fields = [LinkField::CompletedSessionsMax].into();
            let changes = LinkChanges { fields, options, ..LinkChanges::default() };
            let changed = link.changed(&changes, at.counterpart.now().await).unwrap();
            let used = key();
            for _ in 0..2 {
                at.provider.update_payment_link(&used, &link, &changed).await.unwrap();
            }
        }
        at.pay(&page).await;
        assert_eq!(at.counterpart.visit(&page).await, Err(PageRefusal::Closed));
        let found = at.provider.fetch_payment_link(&page.provider_ref).await.unwrap().unwrap();
        assert_eq!((found.active, found.completed_sessions), (false, 2));
        let told = at.findings().await;
        let is_close =
            |it: &&Finding| matches!(it, Finding::Link(of, told) if *of == page.provider_ref && !told.active);
        assert!(told.iter().any(|it| is_close(&it)), "nobody is told that the link has closed");
    }
    assert_eq!(at.received().await.len(), 4);
}

/// A checkout is paid once.
pub async fn a_checkout_is_paid_once(at: Subject) {
    let (_, page) = at.make_session(at.session(money(10_000, "SEK")).await).await;
    let visit = at.pay(&page).await;
    assert_eq!(at.counterpart.act(&visit, CustomerAct::Pay).await, Err(PageRefusal::Closed));
    assert_eq!(at.received().await.len(), 1);
}

/// What was never made there is not found, and nobody is asked for it; nor is what is another's.
pub async fn what_is_not_there_is_not_found(at: Subject) {
    let link = at.invoice_link(money(10_000, "SEK")).await;
    let session = at.session(money(10_000, "SEK")).await;
    let before = at.counterpart.requests().await;
    assert_eq!(at.provider.deactivate_payment_link(&key(), &link).await, Err(ProviderError::NotFound));
    assert_eq!(at.provider.expire_checkout(&key(), &session).await.err(), Some(ProviderError::NotFound));
    assert_eq!(at.counterpart.requests().await, before);
    let unknown = fixtures::provider_ref("unknown_0193a5c2e8b27c3a");
    let found = at.provider.fetch_payment_link(&unknown).await;
    assert!(matches!(found, Ok(None) | Err(ProviderError::NotFound)), "{found:?}");
    let link = fixtures::made_link(link, "unknown_0193a5c2e8b27c3a");
    assert_eq!(at.provider.deactivate_payment_link(&key(), &link).await, Err(ProviderError::NotFound));
    // Nor is what nobody finds under an id of the provider's own kind taken for closed.
    let (_, made) = at.make_link(at.invoice_link(money(10_000, "SEK")).await).await;
    let absent: String = made.provider_ref.0.chars().rev().collect();
    let link = fixtures::made_link(at.invoice_link(money(10_000, "SEK")).await, &absent);
    let closed = at.provider.deactivate_payment_link(&key(), &link).await;
    assert!(matches!(closed, Err(ProviderError::NotFound | ProviderError::Rejected { .. })), "{closed:?}");
}

/// What a page says is what the caller wrote, whatever it is written with.
pub async fn a_page_is_made_of_any_text(at: Subject) {
    let target = LinkTarget::Invoice {
        invoice_id: domain::id::InvoiceId::from_uuid(fixtures::next_uuid()),
        amount: money(10_000, "SEK"),
        title: DisplayName::parse(fixtures::AWKWARD_TEXT).unwrap(),
        description: None,
    };
    let (link, page) = at.make_link(at.link(target, LinkOptions::default()).await).await;
    assert_eq!(at.pages_of(link.id).await.len(), 1);
    at.pay(&page).await;
    assert_eq!(at.received().await, [money(10_000, "SEK")]);
}
