//! Every aggregate reads back as it was written, through every read of one thing.

use domain::catalog::{PriceChanges, ProductChanges, ShippingRateChanges};
use domain::checkout::{CheckoutSession, SessionOrigin, SessionPayment};
use domain::customer::CustomerChanges;
use domain::invoice::Invoice;
use domain::payment::{Authorization, Payment, PaymentFlag};
use domain::payment_link::{CloseReason, LinkChanges, LinkField, PaymentLink};
use domain::ports::storage::{Sellers, StorageError};
use domain::tax::TaxRateChanges;
use time::macros::date;

use super::Store;
use crate::fixtures::{
    PaymentParties, checkout_session, customer, draft_invoice, invoice_link, items_link, later, made_link,
    made_session, metadata, moment, money, only, open_invoice, payment_method, pending_payment, price, product,
    provider, provider_ref, seller, shipping_rate, tax_rate,
};

/// Reads a thing inside of the transaction that wrote it, commits, and reads it again: by each read.
macro_rules! reads_back {
    ($storage:expr, $work:expr, $thing:expr, [$($read:ident($($argument:expr),*)),+ $(,)?]) => {{
        let (work, expected) = ($work, Some($thing.clone()));
        $(assert_eq!(work.$read($($argument),*).await.unwrap(), expected, "inside: {}", stringify!($read));)+
        work.commit().await.unwrap();
        $(assert_eq!($storage.$read($($argument),*).await.unwrap(), expected, "after: {}", stringify!($read));)+
    }};
}

/// Products, prices and rates, new and changed.
pub async fn the_catalog_reads_back_equal(storage: Store) {
    let own = only(&seller("north"));
    let mut cup = product(&seller("north"));
    let mut work = storage.begin().await.unwrap();
    work.insert_product(&mut cup).await.unwrap();
    reads_back!(storage, work, cup, [get_product(&own, cup.id)]);
    cup.change(ProductChanges { description: Some(None), active: Some(false), ..Default::default() }, later()).unwrap();
    let mut work = storage.begin().await.unwrap();
    work.update_product(&mut cup).await.unwrap();
    reads_back!(storage, work, cup, [get_product(&own, cup.id)]);

    let mut each = price(&seller("north"), cup.id);
    let mut work = storage.begin().await.unwrap();
    work.insert_price(&mut each).await.unwrap();
    reads_back!(storage, work, each, [get_price(&own, each.id)]);
    each.change(PriceChanges { nickname: Some(None), active: Some(false), ..Default::default() }, later()).unwrap();
    let mut work = storage.begin().await.unwrap();
    work.update_price(&mut each).await.unwrap();
    reads_back!(storage, work, each, [get_price(&own, each.id)]);

    let mut shipping = shipping_rate(&seller("north"));
    let mut work = storage.begin().await.unwrap();
    work.insert_shipping_rate(&mut shipping).await.unwrap();
    reads_back!(storage, work, shipping, [get_shipping_rate(&own, shipping.id)]);
    shipping.change(ShippingRateChanges { active: Some(false), ..Default::default() }, later()).unwrap();
    let mut work = storage.begin().await.unwrap();
    work.update_shipping_rate(&mut shipping).await.unwrap();
    reads_back!(storage, work, shipping, [get_shipping_rate(&own, shipping.id)]);

    let mut rate = tax_rate(&seller("north"));
    let mut work = storage.begin().await.unwrap();
    work.insert_tax_rate(&mut rate).await.unwrap();
    reads_back!(storage, work, rate, [get_tax_rate(&own, rate.id)]);
    rate.change(TaxRateChanges { active: Some(false), ..Default::default() }, later()).unwrap();
    let mut work = storage.begin().await.unwrap();
    work.update_tax_rate(&mut rate).await.unwrap();
    reads_back!(storage, work, rate, [get_tax_rate(&own, rate.id)]);
}

/// Customers and their cards, new and changed.
pub async fn customers_and_payment_methods_read_back_equal(storage: Store) {
    let own = only(&seller("north"));
    let mut ada = customer(&seller("north"));
    let mut work = storage.begin().await.unwrap();
    work.insert_customer(&mut ada).await.unwrap();
    reads_back!(storage, work, ada, [get_customer(&own, ada.id)]);
    ada.change(CustomerChanges { email: Some(None), address: Some(None), ..Default::default() }, later()).unwrap();
    let mut work = storage.begin().await.unwrap();
    work.update_customer(&mut ada).await.unwrap();
    reads_back!(storage, work, ada, [get_customer(&own, ada.id)]);

    let mut card = payment_method(&seller("north"), ada.id, "pm_1");
    let at = (provider(), provider_ref("pm_1"));
    let mut work = storage.begin().await.unwrap();
    assert!(work.insert_payment_method(&mut card).await.unwrap());
    reads_back!(
        storage,
        work,
        card,
        [get_payment_method(&own, card.id), load_payment_method(card.id), load_payment_method_by_ref(&at.0, &at.1),]
    );
    assert!(card.detach(later()));
    let mut work = storage.begin().await.unwrap();
    work.update_payment_method(&mut card).await.unwrap();
    reads_back!(storage, work, card, [load_payment_method(card.id), load_payment_method_by_ref(&at.0, &at.1)]);
}

/// Invoices, new in every state, and one through its life.
pub async fn invoices_read_back_equal_in_every_state(storage: Store) {
    let own = only(&seller("north"));
    for mut invoice in invoices_in_every_state() {
        let mut work = storage.begin().await.unwrap();
        work.insert_invoice(&mut invoice).await.unwrap();
        assert_eq!(work.lock_invoice(invoice.id).await.unwrap().as_ref(), Some(&invoice));
        reads_back!(storage, work, invoice, [get_invoice(&own, invoice.id)]);
    }
    let mut invoice = draft_invoice(&seller("north"), None);
    let mut work = storage.begin().await.unwrap();
    work.insert_invoice(&mut invoice).await.unwrap();
    reads_back!(storage, work, invoice, [get_invoice(&own, invoice.id)]);
    let steps: [&dyn Fn(&mut Invoice); 3] = [
        &|invoice| {
            let fixed = crate::fixtures::finalization(100, date!(2026 - 12 - 24));
            invoice.finalize(fixed, crate::fixtures::invoice_tax()).unwrap();
        },
        &|invoice| assert_eq!(invoice.receive(money(875), later()).unwrap(), [PaymentFlag::Partial]),
        &|invoice| assert_eq!(invoice.receive(money(170_000), later()).unwrap(), [PaymentFlag::Overpaid]),
    ];
    for change in steps.map(|step| {
        step(&mut invoice);
        invoice.clone()
    }) {
        let mut work = storage.begin().await.unwrap();
        let stored = work.lock_invoice(invoice.id).await.unwrap().unwrap();
        let mut change = change;
        change.mark_stored(stored.version);
        work.update_invoice(&mut change).await.unwrap();
        assert_eq!(change.version, stored.version + 1);
        reads_back!(storage, work, change, [get_invoice(&own, invoice.id)]);
    }
    let mut work = storage.begin().await.unwrap();
    assert_eq!(work.lock_invoice(draft_invoice(&seller("north"), None).id).await.unwrap(), None);
    work.rollback().await;
}

fn invoices_in_every_state() -> Vec<Invoice> {
    let north = seller("north");
    let open = |sequence| open_invoice(&north, None, sequence, date!(2026 - 12 - 24));
    let (mut paid, mut partly, mut void, mut given_up) = (open(2), open(3), open(4), open(5));
    paid.receive(money(160_875), later()).unwrap();
    partly.receive(money(1), later()).unwrap();
    void.void(later()).unwrap();
    given_up.mark_uncollectible(later()).unwrap();
    let mut void_draft = draft_invoice(&north, None);
    void_draft.void(later()).unwrap();
    vec![draft_invoice(&north, None), open(1), paid, partly, void, given_up, void_draft]
}

/// Links of both kinds and in every state, and one through a change.
pub async fn payment_links_read_back_equal_in_every_state(storage: Store) {
    let own = only(&seller("north"));
    let mut invoice = open_invoice(&seller("north"), None, 1, date!(2026 - 12 - 24));
    let mut work = storage.begin().await.unwrap();
    work.insert_invoice(&mut invoice).await.unwrap();
    work.commit().await.unwrap();
    for mut link in links_in_every_state(&invoice) {
        let mut work = storage.begin().await.unwrap();
        work.insert_payment_link(&mut link).await.unwrap();
        assert_eq!(work.lock_payment_link(link.id).await.unwrap().as_ref(), Some(&link));
        reads_back!(storage, work, link, [get_payment_link(&own, link.id), load_payment_link(link.id)]);
    }
    let mut link = items_link(&seller("north"), Some(later()), metadata(&[("shop", "1")]));
    let mut work = storage.begin().await.unwrap();
    work.insert_payment_link(&mut link).await.unwrap();
    work.commit().await.unwrap();
    let mut link = made_link(link, "plink_changed");
    link.count_completed_session(later());
    let fields = [LinkField::InactiveMessage].into();
    let changes = LinkChanges { fields, ..Default::default() };
    let mut link = link.changed(&changes, later()).unwrap();
    let mut work = storage.begin().await.unwrap();
    work.update_payment_link(&mut link).await.unwrap();
    assert_eq!(link.version, 2);
    reads_back!(storage, work, link, [get_payment_link(&own, link.id), load_payment_link(link.id)]);
}

fn links_in_every_state(invoice: &Invoice) -> Vec<PaymentLink> {
    let north = seller("north");
    let link = || items_link(&north, Some(later()), metadata(&[("a", "1"), ("b", "2")]));
    let (mut closing, mut inactive, mut failed) = (made_link(link(), "plink_2"), made_link(link(), "plink_3"), link());
    closing.begin_closing(CloseReason::Requested, later()).unwrap();
    inactive.closed(CloseReason::AtProvider, later());
    failed.failed("amount_too_small".to_owned(), later());
    vec![invoice_link(&north, invoice), link(), made_link(link(), "plink_1"), closing, inactive, failed]
}

/// Sessions of both origins and in every state.
pub async fn checkout_sessions_read_back_equal_in_every_state(storage: Store) {
    let own = only(&seller("north"));
    let mut invoice = open_invoice(&seller("north"), None, 1, date!(2026 - 12 - 24));
    let mut link = items_link(&seller("north"), None, metadata(&[]));
    let mut work = storage.begin().await.unwrap();
    work.insert_invoice(&mut invoice).await.unwrap();
    work.insert_payment_link(&mut link).await.unwrap();
    work.commit().await.unwrap();
    for mut session in sessions_in_every_state(&invoice, &link) {
        let mut work = storage.begin().await.unwrap();
        let of_invoice = session.invoice_id();
        assert!(work.insert_checkout_session(&mut session, of_invoice).await.unwrap());
        assert_eq!(work.lock_checkout_session(session.id).await.unwrap().as_ref(), Some(&session));
        reads_back!(
            storage,
            work,
            session,
            [get_checkout_session(&own, session.id), load_checkout_session(session.id),]
        );
        if let Some(reference) = &session.provider_ref {
            let found = storage.load_checkout_session_by_ref(&provider(), reference).await.unwrap();
            assert_eq!(found.as_ref(), Some(&session));
        }
    }
    let mut session = checkout_session(&seller("north"), SessionOrigin::Invoice { invoice_id: invoice.id }, None);
    let mut work = storage.begin().await.unwrap();
    assert!(work.insert_checkout_session(&mut session, Some(invoice.id)).await.unwrap());
    work.commit().await.unwrap();
    let mut session = made_session(session, "cs_changed");
    let mut work = storage.begin().await.unwrap();
    work.update_checkout_session(&mut session).await.unwrap();
    let reference = provider_ref("cs_changed");
    reads_back!(
        storage,
        work,
        session,
        [get_checkout_session(&own, session.id), load_checkout_session_by_ref(&provider(), &reference),]
    );
}

fn sessions_in_every_state(invoice: &Invoice, link: &PaymentLink) -> Vec<CheckoutSession> {
    let of_invoice = SessionOrigin::Invoice { invoice_id: invoice.id };
    let of_link = SessionOrigin::Link { payment_link_id: link.id };
    let session = |origin| checkout_session(&seller("north"), origin, None);
    let mut closing = made_session(session(of_invoice), "cs_2");
    closing.begin_closing(CloseReason::InvoiceClosed, later()).unwrap();
    let mut completed = made_session(session(of_link), "cs_3");
    completed.completed(provider_ref("cs_3"), SessionPayment::Processing, later());
    let (mut expired, mut failed) = (session(of_link), session(of_invoice));
    expired.expired(CloseReason::Expired, later());
    failed.failed("currency_unsupported".to_owned(), later());
    vec![
        session(of_invoice),
        session(of_link),
        made_session(session(of_invoice), "cs_1"),
        closing,
        completed,
        expired,
        failed,
    ]
}

/// Payments in every state.
pub async fn payments_read_back_equal_in_every_state(storage: Store) {
    let own = only(&seller("north"));
    for mut payment in payments_in_every_state() {
        let mut work = storage.begin().await.unwrap();
        work.insert_payment(&mut payment).await.unwrap();
        assert_eq!(work.lock_payment(payment.id).await.unwrap().as_ref(), Some(&payment));
        reads_back!(storage, work, payment, [get_payment(&own, payment.id)]);
        if let Some(reference) = &payment.provider_ref {
            let found = storage.load_payment_by_ref(&provider(), reference).await.unwrap();
            assert_eq!(found.as_ref(), Some(&payment));
        }
    }
    let mut payment = pending_payment(&seller("north"), PaymentParties::default());
    authorize(&mut payment, "pi_changed");
    let mut work = storage.begin().await.unwrap();
    work.insert_payment(&mut payment).await.unwrap();
    work.commit().await.unwrap();
    succeed(&mut payment, "pi_changed", vec![PaymentFlag::Overpaid, PaymentFlag::CollectableClosed]);
    let mut work = storage.begin().await.unwrap();
    work.update_payment(&mut payment).await.unwrap();
    let reference = provider_ref("pi_changed");
    reads_back!(storage, work, payment, [get_payment(&own, payment.id), load_payment_by_ref(&provider(), &reference),]);
}

fn payments_in_every_state() -> Vec<Payment> {
    let pending = || pending_payment(&seller("north"), PaymentParties::default());
    let (mut processing, mut succeeded, mut failed) = (pending(), pending(), pending());
    let (mut canceled, mut expired, mut authorized, mut released) = (pending(), pending(), pending(), pending());
    processing.process((provider_ref("pi_1"), processing.checkout_session_id.unwrap()), vec![], later());
    succeed(&mut succeeded, "pi_2", vec![]);
    failed.fail(later());
    canceled.cancel(later()).unwrap();
    expired.expire(later());
    authorize(&mut authorized, "pi_3");
    authorize(&mut released, "pi_4");
    assert!(released.release((provider_ref("pi_4"), released.checkout_session_id.unwrap()), later()));
    vec![pending(), processing, succeeded, failed, canceled, expired, authorized, released]
}

fn authorize(payment: &mut Payment, reference: &str) {
    let session = payment.checkout_session_id.unwrap();
    let held = Authorization { amount: money(160_875), capture_before: Some(later()) };
    assert!(payment.authorize((provider_ref(reference), session), held, vec![PaymentFlag::Partial], later()));
}

fn succeed(payment: &mut Payment, reference: &str, flags: Vec<PaymentFlag>) {
    let session = payment.checkout_session_id.unwrap();
    assert!(payment.succeed((provider_ref(reference), session), money(160_876), flags, later()));
}

/// What a provider has one of, there is one of here: a second card or session of the same id is told and not written.
pub async fn a_providers_id_is_taken_once(storage: Store) {
    let north = seller("north");
    let mut work = storage.begin().await.unwrap();
    let (mut ada, mut link) = (customer(&north), items_link(&north, None, metadata(&[])));
    work.insert_customer(&mut ada).await.unwrap();
    work.insert_payment_link(&mut link).await.unwrap();
    let (mut card, mut same) = (payment_method(&north, ada.id, "pm_1"), payment_method(&north, ada.id, "pm_1"));
    assert!(work.insert_payment_method(&mut card).await.unwrap());
    assert!(!work.insert_payment_method(&mut same).await.unwrap());
    let origin = SessionOrigin::Link { payment_link_id: link.id };
    let visited = || made_session(checkout_session(&north, origin, None), "cs_1");
    let (mut visit, mut same_visit) = (visited(), visited());
    assert!(work.insert_checkout_session(&mut visit, None).await.unwrap());
    assert!(!work.insert_checkout_session(&mut same_visit, None).await.unwrap());
    // Those without an id at the provider don't count as the same.
    for mut intended in [checkout_session(&north, origin, None), checkout_session(&north, origin, None)] {
        assert!(work.insert_checkout_session(&mut intended, None).await.unwrap());
    }
    work.commit().await.unwrap();
    let (pm, cs) = (provider_ref("pm_1"), provider_ref("cs_1"));
    assert_eq!(storage.load_payment_method_by_ref(&provider(), &pm).await.unwrap(), Some(card));
    assert_eq!(storage.load_payment_method(same.id).await.unwrap(), None);
    assert_eq!(storage.load_checkout_session_by_ref(&provider(), &cs).await.unwrap(), Some(visit));
    assert_eq!(storage.load_checkout_session(same_visit.id).await.unwrap(), None);
    let elsewhere = "other".parse().unwrap();
    assert_eq!(storage.load_payment_method_by_ref(&elsewhere, &pm).await.unwrap(), None);
}

/// For who may see other sellers alone, or none, nothing is there; who may see several sees it.
pub async fn things_of_other_sellers_are_absent(storage: Store) {
    let north = seller("north");
    let mut work = storage.begin().await.unwrap();
    let (mut cup, mut rate, mut ada) = (product(&north), tax_rate(&north), customer(&north));
    work.insert_product(&mut cup).await.unwrap();
    work.insert_tax_rate(&mut rate).await.unwrap();
    let mut shipping = shipping_rate(&north);
    work.insert_shipping_rate(&mut shipping).await.unwrap();
    work.insert_customer(&mut ada).await.unwrap();
    let (mut each, mut card) = (price(&north, cup.id), payment_method(&north, ada.id, "pm_1"));
    work.insert_price(&mut each).await.unwrap();
    work.insert_payment_method(&mut card).await.unwrap();
    let mut invoice = open_invoice(&north, Some(ada.id), 1, date!(2026 - 12 - 24));
    work.insert_invoice(&mut invoice).await.unwrap();
    let mut link = invoice_link(&north, &invoice);
    work.insert_payment_link(&mut link).await.unwrap();
    let mut visit = checkout_session(&north, SessionOrigin::Invoice { invoice_id: invoice.id }, Some(ada.id));
    work.insert_checkout_session(&mut visit, Some(invoice.id)).await.unwrap();
    let mut payment = pending_payment(&north, PaymentParties::default());
    work.insert_payment(&mut payment).await.unwrap();
    work.commit().await.unwrap();

    let several = Sellers::from([seller("north"), seller("south")]);
    for (sellers, is_there) in [(several, true), (only(&seller("south")), false), (Sellers::new(), false)] {
        assert_eq!(storage.get_product(&sellers, cup.id).await.unwrap().is_some(), is_there);
        assert_eq!(storage.get_price(&sellers, each.id).await.unwrap().is_some(), is_there);
        assert_eq!(storage.get_tax_rate(&sellers, rate.id).await.unwrap().is_some(), is_there);
        assert_eq!(storage.get_shipping_rate(&sellers, shipping.id).await.unwrap().is_some(), is_there);
        assert_eq!(storage.get_customer(&sellers, ada.id).await.unwrap().is_some(), is_there);
        assert_eq!(storage.get_payment_method(&sellers, card.id).await.unwrap().is_some(), is_there);
        assert_eq!(storage.get_invoice(&sellers, invoice.id).await.unwrap().is_some(), is_there);
        assert_eq!(storage.get_payment_link(&sellers, link.id).await.unwrap().is_some(), is_there);
        assert_eq!(storage.get_checkout_session(&sellers, visit.id).await.unwrap().is_some(), is_there);
        assert_eq!(storage.get_payment(&sellers, payment.id).await.unwrap().is_some(), is_there);
    }
}

/// Of two writers that read the same version, the second is refused, and its aggregate is as it was.
pub async fn a_stale_version_is_refused_for_every_aggregate(storage: Store) {
    /// Inserts, updates one copy, and fails to update another.
    macro_rules! refuses_stale {
        ($thing:ident, $insert:ident $(, $argument:expr)?; $update:ident) => {{
            let mut work = storage.begin().await.unwrap();
            let _ = work.$insert(&mut $thing $(, $argument)?).await.unwrap();
            work.commit().await.unwrap();
            assert_eq!($thing.version, 1);
            let mut stale = $thing.clone();
            let mut work = storage.begin().await.unwrap();
            work.$update(&mut $thing).await.unwrap();
            work.commit().await.unwrap();
            assert_eq!($thing.version, 2);
            let mut work = storage.begin().await.unwrap();
            let refused = work.$update(&mut stale).await;
            assert!(matches!(refused, Err(StorageError::Stale)), "{}: {refused:?}", stringify!($update));
            assert_eq!(stale.version, 1);
            work.$update(&mut $thing).await.unwrap();
            work.commit().await.unwrap();
            assert_eq!($thing.version, 3);
        }};
    }
    let north = seller("north");
    let (mut cup, mut rate, mut ada) = (product(&north), tax_rate(&north), customer(&north));
    refuses_stale!(cup, insert_product; update_product);
    refuses_stale!(rate, insert_tax_rate; update_tax_rate);
    let mut shipping = shipping_rate(&north);
    refuses_stale!(shipping, insert_shipping_rate; update_shipping_rate);
    refuses_stale!(ada, insert_customer; update_customer);
    let (mut each, mut card) = (price(&north, cup.id), payment_method(&north, ada.id, "pm_1"));
    refuses_stale!(each, insert_price; update_price);
    refuses_stale!(card, insert_payment_method; update_payment_method);
    let mut invoice = open_invoice(&north, Some(ada.id), 1, date!(2026 - 12 - 24));
    refuses_stale!(invoice, insert_invoice; update_invoice);
    let mut link = invoice_link(&north, &invoice);
    refuses_stale!(link, insert_payment_link; update_payment_link);
    let mut visit = checkout_session(&north, SessionOrigin::Link { payment_link_id: link.id }, None);
    refuses_stale!(visit, insert_checkout_session, Some(invoice.id); update_checkout_session);
    let mut payment = pending_payment(&north, PaymentParties::default());
    refuses_stale!(payment, insert_payment; update_payment);

    let mut unknown = product(&north);
    unknown.change(ProductChanges::default(), moment()).unwrap();
    let mut work = storage.begin().await.unwrap();
    assert!(matches!(work.update_product(&mut unknown).await, Err(StorageError::Stale)));
    work.rollback().await;
}
