//! Amounts: whatever currency, what is asked for is what comes in and what is told; what can't be charged is refused by its
//! field, and never rounded.

use domain::checkout::CheckoutSession;
use domain::money::Money;
use domain::ports::provider::ProviderError;

use super::subject::{Subject, key, money};

/// Of currencies without decimals, with two and with three, and of those that providers count in units of their own, amounts
/// that all charge. The last digit of the three is 0: some networks have but two of them.
const AMOUNTS: [(i64, &str); 11] = [
    (5_000, "ISK"),
    (12_000, "CLP"),
    (5_000_000, "IDR"),
    (200_000, "CVE"),
    (5_000, "JPY"),
    (123_456, "JPY"),
    (1_000, "SEK"),
    (98_765_432, "SEK"),
    (12_345, "EUR"),
    (1_230, "KWD"),
    (45_670, "BHD"),
];

/// What is asked for is what comes in, and what is told, in checkouts, links and refunds alike.
pub async fn amounts_come_back_as_they_were_sent(at: Subject) {
    for (minor, code) in AMOUNTS {
        let amount = money(minor, code);
        let before = at.received().await.len();
        let (_, payment) = at.paid_session(amount).await;
        let (link, page) = at.make_link(at.items_link(amount.currency(), &[(minor, 1)]).await).await;
        at.pay(&page).await;
        let told = at.payments_of(|told| told.payment_link_id == Some(link.id)).await;
        assert_eq!(told.iter().map(|(_, received)| *received).collect::<Vec<_>>(), [amount]);
        assert_eq!(at.received().await[before..], [amount, amount]);
        let refund = at.refund(amount);
        let made = at.provider.create_refund(&key(), &refund, &payment).await.unwrap();
        assert_eq!(made.amount, amount);
        assert_eq!(at.refunded().await.last(), Some(&amount));
    }
    at.books_agree().await;
}

/// What a checkout asks for is told before anyone has paid it, too.
pub async fn the_amount_that_is_asked_for_is_told(at: Subject) {
    for (minor, code) in AMOUNTS {
        let amount = money(minor, code);
        let (session, page) = at.make_session(at.session(amount).await).await;
        let closed = at.provider.expire_checkout(&key(), &session).await.unwrap();
        assert_eq!((closed.provider_ref, closed.amount), (page.provider_ref, amount));
    }
}

/// Nothing and far too much are refused by their field, and nothing is made. What is too much for one provider may not be
/// for another, as long as it has the twelve digits that card networks have.
pub async fn extremes_are_refused_by_their_field(at: Subject) {
    let field = |error: &ProviderError| match error {
        ProviderError::Rejected { field: Some(field), .. } => field.clone(),
        other => panic!("not refused by its field: {other:?}"),
    };
    for (minor, code) in [(0, "EUR"), (i64::MAX, "EUR"), (i64::MAX, "SEK"), (i64::MAX, "KWD"), (0, "JPY")] {
        let amount = money(minor, code);
        let session: CheckoutSession = at.session(amount).await;
        let refused = at.provider.create_checkout(&key(), &session, None).await.unwrap_err();
        assert_eq!(field(&refused), "amount", "{amount:?}");
        let refused = at.provider.create_payment_link(&key(), &at.invoice_link(amount).await).await.unwrap_err();
        assert_eq!(field(&refused), "amount", "{amount:?}");
    }
    assert_eq!(at.counterpart.ledger().await.pages, []);
    let half = Money::MINOR_MAX / 2;
    let items = at.items_link(money(0, "EUR").currency(), &[(half, 1), (half, 1)]).await;
    if let Err(refused) = at.provider.create_payment_link(&key(), &items).await {
        assert!(field(&refused).starts_with("line_items"), "{refused:?}");
        assert_eq!(at.counterpart.ledger().await.pages, []);
    }
}
