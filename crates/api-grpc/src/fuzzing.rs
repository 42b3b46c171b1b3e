//! Rules that hold for whatever bytes come in, for fuzzing and for the tests that do the same in small: nothing panics, and
//! what is accepted is accepted again as it is told.

use std::fmt::Debug;

use api_proto::v1;
use domain::id::ProductId;
use domain::page::{Page, PageRequest};
use domain::validation::Validator;
use prost::Message;

use crate::convert::{credit_note, discount, input, link_options as options, price_model, tax};
use crate::page_token::{next_page_token, page_request};

/// Requests that have the most in them.
pub fn requests(data: &[u8]) {
    if let Ok(m) = v1::CreatePaymentLinkRequest::decode(data) {
        read(|v| input::line_items(v, "line_items", &m.line_items));
        read(|v| input::metadata(v, &m.metadata));
        read(|v| input::timestamp(v, "expire_time", m.expire_time.as_ref()));
        let collection = read(|v| options::collection(v, "collection", m.collection.as_ref()));
        told_again(collection, options::told_collection, |v, told| options::collection(v, "collection", Some(&told)));
        let payment = read(|v| options::payment(v, "payment", m.payment.as_ref()));
        told_again(payment, options::told_payment, |v, told| options::payment(v, "payment", Some(&told)));
        let subscription = read(|v| options::subscription(v, "subscription", m.subscription.as_ref()));
        told_again(subscription, options::told_subscription, |v, told| {
            options::subscription(v, "subscription", Some(&told))
        });
    }
    if let Ok(m) = v1::CreatePriceRequest::decode(data) {
        let model = read(|v| price_model::price_model(v, m.unit_price.as_ref(), m.model.as_ref()));
        told_again(model, price_model::told_model, |v, told| price_model::price_model(v, None, Some(&told)));
        read(|v| price_model::recurrence(v, "recurrence", m.recurrence.as_ref()));
        read(|v| price_model::currency_options(v, &m.currency_options));
    }
    if let Ok(m) = v1::CreateInvoiceRequest::decode(data) {
        read(|v| input::date(v, "tax_point", m.tax_point.as_ref()));
        for line in &m.lines {
            read(|v| input::line_tax(v, "tax", line.tax.as_ref()));
        }
    }
    if let Ok(m) = v1::CreateCustomerRequest::decode(data) {
        read(|v| input::address(v, "address", m.address.as_ref()));
        read(|v| input::tax_ids(v, "tax_ids", &m.tax_ids));
        read(|v| tax::customer_tax_status(v, "tax_status", m.tax_status));
    }
    if let Ok(m) = v1::CreateCreditNoteRequest::decode(data) {
        read(|v| credit_note::credit_request(v, &m));
    }
    if let Ok(m) = v1::CreateCouponRequest::decode(data) {
        read(|v| discount::duration(v, m.duration.as_ref()));
    }
}

/// Page tokens: what is no token of ours is refused, and ours lead to where they were made.
pub fn page_tokens(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let key = ("seller", data.len() % 3);
    let asked = |token: &str| read(|v| page_request(v, (1, token), &key, ProductId::parse));
    let token = |before: ProductId| {
        let page = Page { items: vec![before], has_more: true };
        next_page_token(&page, &key, ProductId::to_string)
    };
    if let Some(PageRequest { before: Some(before), .. }) = asked(&text) {
        assert_eq!(token(before), text);
    }
    if let Ok(id) = ProductId::parse(&text) {
        assert_eq!(asked(&token(id)).and_then(|page| page.before), Some(id));
    }
}

/// What is read, if all of it is right: a refusal names its fields.
fn read<T>(parse: impl FnOnce(&mut Validator) -> Option<T>) -> Option<T> {
    let mut validator = Validator::new();
    let parsed = parse(&mut validator);
    match validator.finish(parsed) {
        Ok(parsed) => Some(parsed),
        Err(violations) => {
            assert!(violations.iter().next().is_some(), "nothing is said of what is wrong");
            None
        }
    }
}

fn told_again<T: PartialEq + Debug, M>(
    value: Option<T>,
    told: impl Fn(&T) -> M,
    parse: impl Fn(&mut Validator, M) -> Option<T>,
) {
    let Some(value) = value else { return };
    assert_eq!(read(|v| parse(v, told(&value))), Some(value));
}
