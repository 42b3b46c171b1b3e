//! Abilities: what a provider can't do is told by the ability's name, before anyone is asked; and what is secret is told to
//! nobody.

use domain::catalog::CouponDuration;
use domain::payment_link::{LINK_EXPIRY_AHEAD_MIN, LinkSharing};
use domain::ports::provider::ProviderError;
use domain::provider::{Feature, ProviderRef};
use domain::subscription::CancellationTime;

use super::counterpart::Setup;
use super::subject::{Subject, key, money};
use crate::fixtures;

impl Subject {
    /// Where an ability is missing, what was told of it.
    fn is_unsupported<T: std::fmt::Debug>(&self, feature: Feature, told: Result<T, ProviderError>) {
        if !self.has(feature) {
            let told = told.map(|it| panic!("{feature:?} is missing, and {it:?} came of it")).unwrap_err();
            assert_eq!(told, ProviderError::Unsupported { capability: feature.name() }, "{feature:?}");
        }
    }
}

/// Every call that takes an ability says so where it is missing, and nobody is asked.
pub async fn what_is_missing_is_told_by_its_name_without_a_call(at: Subject) {
    let (link, page) = at.make_link(at.invoice_link(money(10_000, "SEK")).await).await;
    let session = at.session(money(10_000, "SEK")).await;
    let (provider, some) = (&at.provider, ProviderRef("something_1".to_owned()));
    let coupon = fixtures::coupon(&link.seller_id, fixtures::percent(), CouponDuration::Once);
    let code = fixtures::promotion_code(&coupon, "AUTUMN");
    let before = at.counterpart.requests().await;
    // Where it is there, the call is made, and what comes of it is another rule's.
    if !at.has(Feature::LinkReactivation) {
        at.is_unsupported(Feature::LinkReactivation, provider.activate_payment_link(&key(), &link).await);
    }
    if !at.has(Feature::StoredPaymentMethods) {
        at.is_unsupported(Feature::StoredPaymentMethods, provider.detach_payment_method(&key(), &some).await);
    }
    if !at.has(Feature::ManualCapture) {
        let amount = money(10_000, "SEK");
        at.is_unsupported(Feature::ManualCapture, provider.capture_payment(&key(), &some, amount).await);
        at.is_unsupported(Feature::ManualCapture, provider.cancel_payment(&key(), &some).await);
    }
    if !at.has(Feature::LookupByReference) {
        let since = link.created_at;
        at.is_unsupported(Feature::LookupByReference, provider.find_payment_link(link.id, since).await);
        at.is_unsupported(Feature::LookupByReference, provider.find_checkout(session.id, since).await);
        at.is_unsupported(Feature::LookupByReference, provider.fetch_refunds(&some).await);
    }
    if !at.has(Feature::PromotionCodes) {
        let feature = Feature::PromotionCodes;
        at.is_unsupported(feature, provider.create_promotion_code(&key(), &code, &coupon).await);
        at.is_unsupported(feature, provider.set_promotion_code_active(&key(), &some, false).await);
        at.is_unsupported(feature, provider.fetch_promotion_code(&some).await);
        at.is_unsupported(feature, provider.find_promotion_code(&code).await);
    }
    if !at.has(Feature::Subscriptions) {
        let feature = Feature::Subscriptions;
        at.is_unsupported(feature, provider.cancel_subscription(&key(), &some, CancellationTime::Now).await);
        at.is_unsupported(feature, provider.fetch_subscription(&some).await);
        at.is_unsupported(feature, provider.fetch_renewal(&some).await);
    }
    assert_eq!(at.counterpart.requests().await, before);
    let sharing = LinkSharing { locale: Some(domain::locale::Locale::parse("sv").unwrap()), ..LinkSharing::default() };
    assert_eq!(provider.payment_link_url(&page.url, &LinkSharing::default()), Ok(page.url.clone()));
    let shared = provider.payment_link_url(&page.url, &sharing);
    match at.has(Feature::LinkUrlParameters) {
        true => assert!(shared.as_ref().is_ok_and(|it| it.starts_with(&page.url) && *it != page.url), "{shared:?}"),
        false => at.is_unsupported(Feature::LinkUrlParameters, shared),
    }
}

/// A link that wants what the provider lacks is not made without it: nobody would know that it was left out.
pub async fn a_link_that_wants_what_is_missing_is_not_made(at: Subject) {
    let wanting = fixtures::items_link(&fixtures::seller("north"), None, fixtures::metadata(&[]));
    let needs: Vec<Feature> =
        wanting.options.needs().into_iter().chain(wanting.target.needs()).map(|(feature, _)| feature).collect();
    let missing: Vec<&str> = needs.iter().filter(|it| !at.has(**it)).map(|it| it.name()).collect();
    if missing.is_empty() {
        // Then it is the provider's own tests that say how each option is sent.
        return;
    }
    let before = at.counterpart.requests().await;
    match at.provider.create_payment_link(&key(), &wanting).await {
        Err(ProviderError::Unsupported { capability }) => assert!(missing.contains(&capability), "{capability}"),
        other => panic!("{missing:?} are missing, and {other:?} came of it"),
    }
    assert_eq!(at.counterpart.requests().await, before);
    assert_eq!(at.counterpart.ledger().await.pages, []);
}

/// What it says of itself can be so: languages, items, currencies.
pub async fn capabilities_are_of_this_world(at: Subject) {
    let told = at.provider.capabilities();
    assert!(told.line_items_max >= 1);
    for tag in &told.locales {
        assert!(domain::locale::Locale::parse(tag).is_ok(), "{tag}");
    }
    for code in &told.bank_transfer_currencies {
        let parsed = domain::money::Currency::parse(code);
        assert!(parsed.is_ok_and(|parsed| parsed.code() == code), "{code}");
    }
    assert!(!told.key_lifetime.is_zero(), "a key that protects nothing");
    assert!(told.link_lifetime_max.is_none_or(|lifetime| lifetime > LINK_EXPIRY_AHEAD_MIN));
    assert!(at.provider.acknowledgement().is_ascii());
    assert!(!told.livemode, "a counterpart moves no money");
    assert_ne!(at.provider.name(), &domain::provider::ProviderName::out_of_band());
}

/// No secret is in what shows itself: not the adapter, its configuration, or any error.
pub async fn no_secret_is_shown(at: Subject) {
    let secrets = at.counterpart.secrets();
    let mut shown = vec![at.counterpart.shown()];
    let link = at.invoice_link(money(10_000, "SEK")).await;
    for setup in [Setup::Unauthorized, Setup::Unreachable] {
        let error = at.counterpart.adapter(setup).create_payment_link(&key(), &link).await.unwrap_err();
        shown.extend([format!("{error:?}"), error.to_string()]);
    }
    let refused = at.provider.create_checkout(&key(), &at.session(money(0, "EUR")).await, None).await.unwrap_err();
    shown.extend([format!("{refused:?}"), refused.to_string()]);
    let (_, page) = at.make_link(link).await;
    shown.push(format!("{page:?} {:?}", at.told().await));
    assert!(secrets.iter().all(|secret| secret.len() >= 6), "a secret so short is in everything");
    for secret in secrets {
        assert!(shown.iter().all(|text| !text.contains(&secret)), "a secret is shown");
    }
}
