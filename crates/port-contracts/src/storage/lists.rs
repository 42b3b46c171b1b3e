//! Lists: newest first, by every filter, across the seams of pages, and of one seller alone.

use std::time::Duration;

use domain::catalog::{PriceChanges, ProductChanges, ShippingRateChanges};
use domain::checkout::{CheckoutSession, SessionOrigin, SessionState};
use domain::invoice::InvoiceState;
use domain::metadata::MetadataPatch;
use domain::page::{PageRequest, PageSize};
use domain::payment::{Authorization, PaymentFlag, PaymentState};
use domain::payment_link::{CloseReason, LinkChanges};
use domain::ports::storage::{InvoiceFilter, LinkFilter, PaymentFilter, PriceFilter, SessionFilter};
use domain::tax::TaxRateChanges;
use time::macros::date;

use super::Store;
use crate::fixtures::{
    PaymentParties, checkout_session, customer, draft_invoice, invoice_link, items_link, later, made_link,
    made_session, metadata, money, open_invoice, payment_method, pending_payment, price, product, provider_ref, seller,
    shipping_rate, tax_rate,
};

/// Every id of a list, walked by pages of two, so that three rows already lie across a seam.
macro_rules! ids {
    ($storage:expr, $list:ident($($argument:expr),*)) => {{
        let mut ids = Vec::new();
        loop {
            let request = PageRequest { size: PageSize::parse(2).unwrap(), before: ids.last().copied() };
            let page = $storage.$list($($argument,)* request).await.unwrap();
            assert!(page.items.len() == 2 || !page.has_more && page.items.len() < 2);
            ids.extend(page.items.iter().map(|item| item.id));
            if !page.has_more {
                break ids;
            }
        }
    }};
}

/// Products, prices and rates.
pub async fn the_catalog_is_listed_by_filter_and_page(storage: Store) {
    let (north, south) = (seller("north"), seller("south"));
    let mut work = storage.begin().await.unwrap();
    let mut products = [product(&north), product(&north), product(&north), product(&south)];
    products[1].change(ProductChanges { active: Some(false), ..Default::default() }, later()).unwrap();
    for product in &mut products {
        work.insert_product(product).await.unwrap();
    }
    let [a, b, c, d] = products.map(|product| product.id);
    let mut prices = [price(&north, a), price(&north, b), price(&north, a), price(&south, d)];
    prices[2].change(PriceChanges { active: Some(false), ..Default::default() }, later()).unwrap();
    for price in &mut prices {
        work.insert_price(price).await.unwrap();
    }
    let mut rates = [tax_rate(&north), tax_rate(&north), tax_rate(&north), tax_rate(&south)];
    rates[0].change(TaxRateChanges { active: Some(false), ..Default::default() }, later()).unwrap();
    for rate in &mut rates {
        work.insert_tax_rate(rate).await.unwrap();
    }
    let mut shipping = [shipping_rate(&north), shipping_rate(&north), shipping_rate(&south)];
    shipping[0].change(ShippingRateChanges { active: Some(false), ..Default::default() }, later()).unwrap();
    for rate in &mut shipping {
        work.insert_shipping_rate(rate).await.unwrap();
    }
    work.commit().await.unwrap();

    let [x, y, z] = shipping.map(|rate| rate.id);
    assert_eq!(ids!(storage, list_shipping_rates(&north, None)), [y, x]);
    assert_eq!(ids!(storage, list_shipping_rates(&north, Some(false))), [x]);
    assert_eq!(ids!(storage, list_shipping_rates(&south, Some(true))), [z]);

    assert_eq!(ids!(storage, list_products(&north, None)), [c, b, a]);
    assert_eq!(ids!(storage, list_products(&north, Some(true))), [c, a]);
    assert_eq!(ids!(storage, list_products(&north, Some(false))), [b]);
    assert_eq!(ids!(storage, list_products(&south, None)), [d]);
    assert_eq!(ids!(storage, list_products(&seller("west"), None)), []);

    let [p, q, r, _] = prices.map(|price| price.id);
    let of = |product_id, active| PriceFilter { product_id, active };
    assert_eq!(ids!(storage, list_prices(&north, of(None, None))), [r, q, p]);
    assert_eq!(ids!(storage, list_prices(&north, of(Some(a), None))), [r, p]);
    assert_eq!(ids!(storage, list_prices(&north, of(Some(a), Some(true)))), [p]);
    assert_eq!(ids!(storage, list_prices(&north, of(None, Some(false)))), [r]);
    assert_eq!(ids!(storage, list_prices(&north, of(Some(d), None))), []);

    let [s, t, u, v] = rates.map(|rate| rate.id);
    assert_eq!(ids!(storage, list_tax_rates(&north, None)), [u, t, s]);
    assert_eq!(ids!(storage, list_tax_rates(&north, Some(true))), [u, t]);
    assert_eq!(ids!(storage, list_tax_rates(&south, Some(true))), [v]);
}

/// Customers, and their cards that are not detached.
pub async fn customers_and_payment_methods_are_listed_by_page(storage: Store) {
    let (north, south) = (seller("north"), seller("south"));
    let mut work = storage.begin().await.unwrap();
    let mut customers = [customer(&north), customer(&north), customer(&north), customer(&south)];
    for customer in &mut customers {
        work.insert_customer(customer).await.unwrap();
    }
    let [a, b, c, d] = customers.map(|customer| customer.id);
    let mut cards = ["pm_1", "pm_2", "pm_3", "pm_4"].map(|reference| payment_method(&north, a, reference));
    cards[1].detach(later());
    for card in &mut cards {
        work.insert_payment_method(card).await.unwrap();
    }
    assert_eq!(ids!(work, list_customers(&north)), [c, b, a]);
    work.commit().await.unwrap();

    assert_eq!(ids!(storage, list_customers(&north)), [c, b, a]);
    assert_eq!(ids!(storage, list_customers(&south)), [d]);
    let [p, _, q, r] = cards.map(|card| card.id);
    assert_eq!(ids!(storage, list_payment_methods(a)), [r, q, p]);
    assert_eq!(ids!(storage, list_payment_methods(b)), []);
}

/// Invoices by customer, state and due date.
pub async fn invoices_are_listed_by_filter_and_page(storage: Store) {
    let (north, south) = (seller("north"), seller("south"));
    let mut work = storage.begin().await.unwrap();
    let mut ada = customer(&north);
    work.insert_customer(&mut ada).await.unwrap();
    let mut invoices = [
        draft_invoice(&north, Some(ada.id)),
        open_invoice(&north, Some(ada.id), 1, date!(2026 - 12 - 01)),
        open_invoice(&north, None, 2, date!(2026 - 12 - 02)),
        open_invoice(&north, None, 3, date!(2026 - 11 - 30)),
        open_invoice(&south, None, 1, date!(2026 - 11 - 30)),
    ];
    invoices[3].receive(money(160_875), later()).unwrap();
    for invoice in &mut invoices {
        work.insert_invoice(invoice).await.unwrap();
    }
    work.commit().await.unwrap();

    let [a, b, c, d, e] = invoices.map(|invoice| invoice.id);
    let any = InvoiceFilter::default;
    assert_eq!(ids!(storage, list_invoices(&north, any())), [d, c, b, a]);
    assert_eq!(ids!(storage, list_invoices(&south, any())), [e]);
    assert_eq!(ids!(storage, list_invoices(&north, InvoiceFilter { customer_id: Some(ada.id), ..any() })), [b, a]);
    assert_eq!(
        ids!(storage, list_invoices(&north, InvoiceFilter { state: Some(InvoiceState::OPEN), ..any() })),
        [c, b]
    );
    assert_eq!(ids!(storage, list_invoices(&north, InvoiceFilter { state: Some(InvoiceState::PAID), ..any() })), [d]);
    let second = || InvoiceFilter { number: Some("INV-00002".to_owned()), ..InvoiceFilter::default() };
    assert_eq!(ids!(storage, list_invoices(&north, second())), [c]);
    assert_eq!(ids!(storage, list_invoices(&south, second())), []);
    // The last day to pay is not over; what is paid is not due.
    let due = |date| InvoiceFilter { due_before: Some(date), ..InvoiceFilter::default() };
    assert_eq!(ids!(storage, list_invoices(&north, due(date!(2026 - 12 - 01)))), []);
    assert_eq!(ids!(storage, list_invoices(&north, due(date!(2026 - 12 - 02)))), [b]);
    assert_eq!(ids!(storage, list_invoices(&north, due(date!(2027 - 01 - 01)))), [c, b]);
}

/// Links by whether they are open, by invoice and by metadata, whose change counts.
pub async fn payment_links_are_listed_by_filter_and_page(storage: Store) {
    let (north, south) = (seller("north"), seller("south"));
    let mut work = storage.begin().await.unwrap();
    let mut invoice = open_invoice(&north, None, 1, date!(2026 - 12 - 24));
    work.insert_invoice(&mut invoice).await.unwrap();
    let mut links = [
        invoice_link(&north, &invoice),
        made_link(items_link(&north, None, metadata(&[("order", "1"), ("shop", "a")])), "plink_1"),
        made_link(items_link(&north, None, metadata(&[("order", "1")])), "plink_2"),
        made_link(items_link(&north, None, metadata(&[("shop", "1")])), "plink_3"),
        made_link(items_link(&south, None, metadata(&[("order", "1")])), "plink_4"),
    ];
    links[2].closed(CloseReason::Requested, later());
    links[3].begin_closing(CloseReason::Requested, later()).unwrap();
    for link in &mut links {
        work.insert_payment_link(link).await.unwrap();
    }
    work.commit().await.unwrap();

    let [a, b, c, d, e] = links.each_ref().map(|link| link.id);
    let any = LinkFilter::default;
    let pair = |key: &str, value: &str| LinkFilter { metadata: Some((key.to_owned(), value.to_owned())), ..any() };
    assert_eq!(ids!(storage, list_payment_links(&north, any())), [d, c, b, a]);
    assert_eq!(ids!(storage, list_payment_links(&north, LinkFilter { active: Some(true), ..any() })), [d, b, a]);
    assert_eq!(ids!(storage, list_payment_links(&north, LinkFilter { active: Some(false), ..any() })), [c]);
    let of_invoice = || LinkFilter { invoice_id: Some(invoice.id), ..LinkFilter::default() };
    assert_eq!(ids!(storage, list_payment_links(&north, of_invoice())), [a]);
    assert_eq!(ids!(storage, list_payment_links(&north, pair("order", "1"))), [c, b]);
    assert_eq!(ids!(storage, list_payment_links(&north, pair("shop", "1"))), [d]);
    assert_eq!(ids!(storage, list_payment_links(&north, pair("order", "2"))), []);
    assert_eq!(ids!(storage, list_payment_links(&south, pair("order", "1"))), [e]);

    let set = MetadataPatch::parse(true, [("order".to_owned(), "2".to_owned())]).unwrap();
    let mut changed = links[1].changed(&LinkChanges { metadata: set, ..Default::default() }, later()).unwrap();
    let mut work = storage.begin().await.unwrap();
    work.update_payment_link(&mut changed).await.unwrap();
    work.commit().await.unwrap();
    assert_eq!(ids!(storage, list_payment_links(&north, pair("order", "1"))), [c]);
    assert_eq!(ids!(storage, list_payment_links(&north, pair("order", "2"))), [b]);
    assert_eq!(ids!(storage, list_payment_links(&north, pair("shop", "a"))), []);
}

/// Active links whose time has come, of every seller.
pub async fn expiring_links_are_listed_soonest_first(storage: Store) {
    let at = |seconds| Some(later().plus(Duration::from_secs(seconds)));
    let link = |name: &str, seconds, reference: &str| {
        made_link(items_link(&seller(name), at(seconds), metadata(&[])), reference)
    };
    let mut links = [
        link("north", 30, "plink_1"),
        link("south", 10, "plink_2"),
        link("north", 20, "plink_3"),
        link("north", 5, "plink_4"),
        items_link(&seller("north"), at(1), metadata(&[])),
        made_link(items_link(&seller("north"), None, metadata(&[])), "plink_5"),
    ];
    links[3].closed(CloseReason::Requested, later());
    let mut work = storage.begin().await.unwrap();
    for link in &mut links {
        work.insert_payment_link(link).await.unwrap();
    }
    work.commit().await.unwrap();
    let [a, b, c, ..] = links.each_ref().map(|link| link.id);
    let until = |seconds| later().plus(Duration::from_secs(seconds));
    assert_eq!(storage.list_expiring_payment_links(until(9), 10).await.unwrap(), []);
    assert_eq!(storage.list_expiring_payment_links(until(20), 10).await.unwrap(), [b, c]);
    assert_eq!(storage.list_expiring_payment_links(until(60), 10).await.unwrap(), [b, c, a]);
    assert_eq!(storage.list_expiring_payment_links(until(60), 2).await.unwrap(), [b, c]);
}

/// Sessions by invoice (also through its link), link and state.
pub async fn checkout_sessions_are_listed_by_filter_and_page(storage: Store) {
    let (north, south) = (seller("north"), seller("south"));
    let mut work = storage.begin().await.unwrap();
    let mut invoice = open_invoice(&north, None, 1, date!(2026 - 12 - 24));
    work.insert_invoice(&mut invoice).await.unwrap();
    let mut links = [invoice_link(&north, &invoice), items_link(&south, None, metadata(&[]))];
    for link in &mut links {
        work.insert_payment_link(link).await.unwrap();
    }
    let [link, elsewhere] = links.map(|link| link.id);
    let of_link = SessionOrigin::Link { payment_link_id: link };
    let session = |origin| checkout_session(&north, origin, None);
    let mut sessions = [
        (session(SessionOrigin::Invoice { invoice_id: invoice.id }), Some(invoice.id)),
        (made_session(session(of_link), "cs_1"), Some(invoice.id)),
        (session(of_link), None),
        (checkout_session(&south, SessionOrigin::Link { payment_link_id: elsewhere }, None), None),
    ];
    for (session, invoice) in &mut sessions {
        assert!(work.insert_checkout_session(session, *invoice).await.unwrap());
    }
    work.commit().await.unwrap();

    let [a, b, c, d] = sessions.map(|(session, _)| session.id);
    let any = SessionFilter::default;
    let list = |filter: SessionFilter| filter;
    assert_eq!(ids!(storage, list_checkout_sessions(&north, any())), [c, b, a]);
    assert_eq!(ids!(storage, list_checkout_sessions(&south, any())), [d]);
    let of_invoice = || list(SessionFilter { invoice_id: Some(invoice.id), ..any() });
    assert_eq!(ids!(storage, list_checkout_sessions(&north, of_invoice())), [b, a]);
    let of_link = || list(SessionFilter { payment_link_id: Some(link), ..any() });
    assert_eq!(ids!(storage, list_checkout_sessions(&north, of_link())), [c, b]);
    let open = || SessionFilter { state: Some(SessionState::OPEN), ..of_link() };
    assert_eq!(ids!(storage, list_checkout_sessions(&north, open())), [b]);
    let creating = || list(SessionFilter { state: Some("creating"), ..any() });
    assert_eq!(ids!(storage, list_checkout_sessions(&north, creating())), [c, a]);
}

/// Open sessions whose time is over, and no others.
pub async fn expiring_sessions_are_listed_soonest_first(storage: Store) {
    let north = seller("north");
    let mut work = storage.begin().await.unwrap();
    let mut link = items_link(&north, None, metadata(&[]));
    work.insert_payment_link(&mut link).await.unwrap();
    let ending = |seconds: u64, name: &str| {
        let session = checkout_session(&north, SessionOrigin::Link { payment_link_id: link.id }, None);
        let mut data = (*made_session(session, name)).clone();
        data.expires_at = later().plus(Duration::from_secs(seconds));
        CheckoutSession::from_stored(data)
    };
    let mut sessions = [ending(30, "cs_1"), ending(10, "cs_2"), ending(5, "cs_3"), ending(60, "cs_4")];
    assert!(sessions[2].expired(CloseReason::Expired, later()));
    for session in &mut sessions {
        assert!(work.insert_checkout_session(session, None).await.unwrap());
    }
    work.commit().await.unwrap();
    let [a, b, _, d] = sessions.each_ref().map(|session| session.id);
    let until = |seconds| later().plus(Duration::from_secs(seconds));
    assert_eq!(storage.list_expiring_checkout_sessions(until(9), 10).await.unwrap(), []);
    assert_eq!(storage.list_expiring_checkout_sessions(until(30), 10).await.unwrap(), [b, a]);
    assert_eq!(storage.list_expiring_checkout_sessions(until(60), 10).await.unwrap(), [b, a, d]);
    assert_eq!(storage.list_expiring_checkout_sessions(until(60), 1).await.unwrap(), [b]);
}

/// Payments by invoice, customer, link, state and flags.
pub async fn payments_are_listed_by_filter_and_page(storage: Store) {
    let (north, south) = (seller("north"), seller("south"));
    let mut work = storage.begin().await.unwrap();
    let mut ada = customer(&north);
    work.insert_customer(&mut ada).await.unwrap();
    let mut invoice = open_invoice(&north, Some(ada.id), 1, date!(2026 - 12 - 24));
    work.insert_invoice(&mut invoice).await.unwrap();
    let mut link = invoice_link(&north, &invoice);
    work.insert_payment_link(&mut link).await.unwrap();
    let (invoice_id, payment_link_id, customer_id) = (Some(invoice.id), Some(link.id), Some(ada.id));
    let mut payments = [
        pending_payment(&north, PaymentParties { invoice_id, payment_link_id, customer_id }),
        pending_payment(&north, PaymentParties { invoice_id, ..Default::default() }),
        pending_payment(&north, PaymentParties { customer_id, ..Default::default() }),
        pending_payment(&north, PaymentParties::default()),
        pending_payment(&south, PaymentParties::default()),
    ];
    for (payment, flags) in payments.iter_mut().zip([vec![PaymentFlag::Partial], vec![]]) {
        let at = (provider_ref(&format!("pi_{}", flags.len())), payment.checkout_session_id.unwrap());
        payment.succeed(at, money(1), flags, later());
    }
    let held = Authorization { amount: money(1), capture_before: None };
    let at = (provider_ref("pi_held"), payments[3].checkout_session_id.unwrap());
    assert!(payments[3].authorize(at, held, vec![], later()));
    for payment in &mut payments {
        work.insert_payment(payment).await.unwrap();
    }
    work.commit().await.unwrap();

    let [a, b, c, d, e] = payments.map(|payment| payment.id);
    let any = PaymentFilter::default;
    assert_eq!(ids!(storage, list_payments(&north, any())), [d, c, b, a]);
    assert_eq!(ids!(storage, list_payments(&south, any())), [e]);
    assert_eq!(ids!(storage, list_payments(&north, PaymentFilter { invoice_id, ..any() })), [b, a]);
    assert_eq!(ids!(storage, list_payments(&north, PaymentFilter { customer_id, ..any() })), [c, a]);
    assert_eq!(ids!(storage, list_payments(&north, PaymentFilter { payment_link_id, ..any() })), [a]);
    assert_eq!(
        ids!(storage, list_payments(&north, PaymentFilter { state: Some(PaymentState::PENDING), ..any() })),
        [c]
    );
    assert_eq!(
        ids!(storage, list_payments(&north, PaymentFilter { state: Some(PaymentState::AUTHORIZED), ..any() })),
        [d]
    );
    assert_eq!(ids!(storage, list_payments(&north, PaymentFilter { flagged: Some(true), ..any() })), [a]);
    let both = || PaymentFilter { invoice_id, flagged: Some(false), ..PaymentFilter::default() };
    assert_eq!(ids!(storage, list_payments(&north, both())), [b]);
}
