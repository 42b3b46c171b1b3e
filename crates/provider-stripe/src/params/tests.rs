//! What is told to Stripe of links whose page needs something of its own, and what its words for it are here.

use std::collections::BTreeMap;

use domain::catalog::PriceModel;
use domain::id::InvoiceId;
use domain::money::UnitPrice;
use domain::payment_link::{LineItems, NewPaymentLink, OptionalItems, ShippingOption, ShippingOptions};
use domain::tax::TaxCode;
use port_contracts::fixtures::{items_link, made_link, moment, money, next_uuid, seller};

use super::*;

fn new(target: LinkTarget, options: LinkOptions) -> NewPaymentLink {
    NewPaymentLink {
        id: domain::id::PaymentLinkId::from_uuid(next_uuid()),
        seller_id: seller("north"),
        target,
        options,
        payment_id: None,
        stores_payment_method: false,
        provider: "stripe".parse().unwrap(),
        livemode: false,
    }
}

fn vaulting() -> PaymentLink {
    let target = LinkTarget::Invoice {
        invoice_id: InvoiceId::from_uuid(next_uuid()),
        amount: money(10_000),
        title: DisplayName::parse("Hosting").unwrap(),
        description: Some(Description::parse("SEK 100.00 + Moms 25% SEK 25.00").unwrap()),
    };
    let new = NewPaymentLink { stores_payment_method: true, ..new(target, LinkOptions::default()) };
    made_link(PaymentLink::creating(new, moment()), "plink_1")
}

#[test]
fn a_change_of_a_link_that_stores_the_payment_method_leaves_that_as_it_is() {
    let before = vaulting();
    let fields = [domain::payment_link::LinkField::Collection, domain::payment_link::LinkField::Payment].into();
    let mut options = LinkOptions::default();
    options.collection.phone = true;
    options.payment.description = Some(Description::parse("Order 7").unwrap());
    let changes = domain::payment_link::LinkChanges { fields, options, ..Default::default() };
    let params = update_link(&before, &before.changed(&changes, moment()).unwrap(), &[], &Prepared::default());
    let encoded: BTreeMap<String, String> = params.unwrap().into_iter().collect();
    for (name, value) in [("customer_creation", "always"), ("payment_intent_data[setup_future_usage]", "off_session")] {
        assert_eq!(encoded.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
fn a_change_of_subscription_settings_says_all_pairs_again_with_our_link_among_them() {
    let pairs = |given: &[(&str, &str)]| {
        Metadata::parse(given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))).unwrap()
    };
    let link = vaulting();
    let mut old = LinkOptions::default();
    old.subscription.metadata = pairs(&[("plan", "basic"), ("tenant", "7")]);
    for (metadata, want) in [(pairs(&[("tenant", "7")]), vec!["tenant"]), (pairs(&[]), vec![])] {
        let mut new = old.clone();
        new.subscription.metadata = metadata;
        let mut params = Params::new();
        options::update(&mut params, link.id, &old, &new).unwrap();
        let of = |name: &str| params.iter().find(|(encoded, _)| encoded == name).map(|(_, value)| value.clone());
        assert_eq!(of("subscription_data[metadata][paylinks_link]"), Some(link.id.to_string()));
        assert_eq!(of("subscription_data[metadata][plan]"), None, "what is not said is gone");
        let encoded = |key: &&str| of(&format!("subscription_data[metadata][{key}]")).is_some();
        assert_eq!(["tenant"].into_iter().filter(encoded).collect::<Vec<_>>(), want);
    }
    old.payment.metadata = pairs(&[("order", "1")]);
    let (mut new, mut params) = (old.clone(), Params::new());
    new.payment.metadata = Metadata::default();
    options::update(&mut params, link.id, &old, &new).unwrap();
    assert!(params.contains(&("payment_intent_data[metadata]".to_owned(), String::new())), "{params:?}");
}

#[test]
fn a_price_is_found_again_until_its_product_says_something_else() {
    let link = items_link(&seller("north"), None, Metadata::default());
    let item = items_to_prepare(&link).next().unwrap().1.clone();
    let key = lookup_key(&item);
    assert_eq!(price_of_lookup_key(&key), item.price_id);
    let unhashed = format!("paylinks_{}_sek", item.price_id.unwrap());
    assert_eq!(price_of_lookup_key(&unhashed), item.price_id, "those of before");
    assert_eq!(lookup_key(&LineItem { quantity: domain::money::Quantity::ONE, ..item.clone() }), key);
    for changed in [
        LineItem { name: DisplayName::parse("Other").unwrap(), ..item.clone() },
        LineItem { description: None, ..item.clone() },
        LineItem { tax_code: None, ..item.clone() },
    ] {
        assert_ne!(lookup_key(&changed), key);
    }
    assert_eq!(price_of_lookup_key(&lookup_key(&LineItem { price_id: None, ..item })), None);
}

#[test]
fn a_kind_of_product_is_told_by_stripes_code_or_not_at_all() {
    let link = items_link(&seller("north"), None, Metadata::default());
    let LinkTarget::Items { items } = &link.target else { panic!("it sells items") };
    let item = items.iter().next().unwrap().clone();
    let shipping = link.options.shipping_options.0[0].clone();
    for (ours, theirs) in
        [("ebook", Some("txcd_10302000")), ("txcd_92010001", Some("txcd_92010001")), ("accommodation", None)]
    {
        let code = Some(TaxCode::parse(ours).unwrap());
        let item = LineItem { tax_code: code.clone(), adjustable: None, ..item.clone() };
        let inline = LineItem {
            model: PriceModel::PerUnit { unit_price: UnitPrice::parse(100.into(), item.model.currency()).unwrap() },
            price_id: None,
            ..item.clone()
        };
        let mut in_line = Params::new();
        line_item(&mut in_line, "line_items[0]", &inline, &Prepared::default()).unwrap();
        let option = ShippingOption { tax_code: code, ..shipping.clone() };
        for params in [create_product(&item), in_line, create_shipping_rate(&option).unwrap()] {
            let told = params.iter().find(|(name, _)| name.ends_with("tax_code") || name.ends_with("tax_code]"));
            assert_eq!(told.map(|(_, code)| code.as_str()), theirs, "{ours}");
        }
        // A price is found again by what Stripe was told of its product.
        let bare = LineItem { tax_code: None, ..item.clone() };
        assert_eq!(lookup_key(&item) == lookup_key(&bare), theirs.is_none(), "{ours}");

        let taxed = |options: LinkOptions| LinkOptions { automatic_tax: Some(Default::default()), ..options };
        let none = LinkOptions::default;
        let shipped = LinkOptions { shipping_options: ShippingOptions(vec![option]), ..none() };
        let added = LinkOptions { optional_items: OptionalItems(vec![item.clone()]), ..none() };
        for (sold, options, refused) in [
            (&item, taxed(none()), Some("line_items[0]")),
            (&bare, taxed(added), Some("optional_items[0]")),
            (&bare, taxed(shipped), Some("shipping_options[0]")),
            (&bare, taxed(none()), None),
            (&item, none(), None),
        ] {
            let items = LineItems::parse(vec![sold.clone()]).unwrap();
            let link = PaymentLink::creating(new(LinkTarget::Items { items }, options), moment());
            let field = refused.filter(|_| theirs.is_none()).map(str::to_owned);
            let unknown = |field| ProviderError::Rejected { field: Some(field), code: "unknown_tax_code".to_owned() };
            assert_eq!(check_tax_codes(&link), field.map_or(Ok(()), |field| Err(unknown(field))), "{ours}");
        }
    }
}

#[test]
fn parameters_of_stripes_are_told_as_fields_of_ours() {
    for (param, field) in [
        ("subscription_data[trial_settings][end_behavior]", "subscription.trial_end"),
        ("subscription_data[invoice_settings][issuer]", "subscription.invoice"),
        ("subscription_data[trial_period_days]", "subscription.trial_period_days"),
        ("expires_at", "expire_time"),
        ("amount_to_capture", "amount"),
        ("optional_items[1][quantity]", "optional_items[1]"),
        ("shipping_options", "shipping_options"),
        ("payment_method_options[customer_balance][bank_transfer][type]", "mode"),
        ("payment_method_options[card][restrictions]", "payment.blocked_card_brands"),
        ("line_items[2][price_data][unit_amount]", "line_items[2]"),
    ] {
        assert_eq!(our_field(param).as_deref(), Some(field), "{param}");
    }
    let rejected = |field: &str| ProviderError::Rejected { field: Some(field.into()), code: "c".into() };
    assert_eq!(of_one_amount(rejected("line_items[0]")), rejected("amount"));
    assert_eq!(of_one_amount(rejected("locale")), rejected("locale"));
}
