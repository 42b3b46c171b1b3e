//! Changes of links, and options that exclude one another.

use crate::catalog::{Interval, Recurrence};
use crate::money::{Currency, Money, UnitPrice};

use super::*;

const NOW: Timestamp = Timestamp::from_unix_micros(1);

fn money(minor: i64, code: &str) -> Money {
    Money::new(minor, Currency::parse(code).unwrap())
}

fn link(target: LinkTarget) -> PaymentLink {
    let new = NewPaymentLink {
        id: PaymentLinkId::from_uuid(uuid::Uuid::from_u128(1)),
        seller_id: SellerId::parse("north").unwrap(),
        target,
        options: LinkOptions::default(),
        payment_id: None,
        stores_payment_method: false,
        provider: "acquirer".parse().unwrap(),
        livemode: false,
    };
    let mut link = PaymentLink::creating(new, NOW);
    assert!(link.created(ProviderRef("link_1".into()), "https://pay.example/1".into(), NOW));
    link
}

fn items(recurrence: Option<Recurrence>) -> LineItems {
    let unit_price = UnitPrice::parse(10_000.into(), Currency::parse("SEK").unwrap()).unwrap();
    let item = LineItem {
        id: LineItemId::from_uuid(uuid::Uuid::from_u128(2)),
        name: DisplayName::parse("Ticket").unwrap(),
        description: None,
        model: PriceModel::PerUnit { unit_price },
        recurrence,
        tax_behavior: None,
        tax_code: None,
        quantity: Quantity::ONE,
        adjustable: None,
        price_id: None,
        product_id: None,
    };
    LineItems::parse(vec![item]).unwrap()
}

/// A link for one item of 100 SEK.
fn items_link() -> PaymentLink {
    link(LinkTarget::Items { items: items(None) })
}

/// A link for an invoice of 100 SEK.
fn invoice_link() -> PaymentLink {
    let invoice_id = InvoiceId::from_uuid(uuid::Uuid::from_u128(3));
    let title = DisplayName::parse("Invoice 1").unwrap();
    link(LinkTarget::Invoice { invoice_id, amount: money(10_000, "SEK"), title, description: None })
}

fn change(field: LinkField, options: LinkOptions) -> LinkChanges {
    LinkChanges { fields: [field].into(), options, ..LinkChanges::default() }
}

/// The rules that a link breaks with these options, each with its field.
#[track_caller]
fn check(link: &PaymentLink, options: &LinkOptions, want: &[(&str, &str)]) {
    let mut v = Validator::new();
    options.check(&link.target, &mut v);
    let found = v.finish(Some(())).map_or_else(|violations| violations.iter().cloned().collect(), |()| Vec::new());
    let found: Vec<_> = found.iter().map(|violation| (violation.field.as_str(), violation.rule.as_str())).collect();
    assert_eq!(found, want);
}

#[test]
fn a_checkout_that_completes_meanwhile_refuses_a_new_limit_but_undoes_none() {
    let mut link = items_link();
    let options = LinkOptions { completed_sessions_max: Some(CompletedSessionsMax::ONE), ..LinkOptions::default() };
    let limit = change(LinkField::CompletedSessionsMax, options);
    assert!(link.changed(&limit, NOW).is_ok());
    link.count_completed_session(NOW);
    let LinkError::Violations(violations) = link.changed(&limit, NOW).unwrap_err() else { panic!("no violations") };
    let violation = violations.iter().next().unwrap();
    assert_eq!(
        (violation.field.as_str(), violation.rule.as_str()),
        ("restrictions.completed_sessions_limit", "LIMIT_REACHED")
    );
    assert!(link.with_checked(&limit, NOW).is_used_up());
}

#[test]
fn a_part_of_an_invoice_is_in_its_currency_and_at_most_all_of_it() {
    let fee = |amount| LinkOptions {
        platform: PlatformSettings {
            application_fee: Some(ApplicationFee::Amount(amount)),
            ..PlatformSettings::default()
        },
        ..LinkOptions::default()
    };
    check(&invoice_link(), &fee(money(10_000, "SEK")), &[]);
    check(&invoice_link(), &fee(money(10_001, "SEK")), &[("platform.application_fee_amount", "ABOVE_AMOUNT")]);
    for link in [invoice_link(), items_link()] {
        check(&link, &fee(money(500, "JPY")), &[("platform.application_fee_amount", "CURRENCY_MISMATCH")]);
    }
    let destination = AccountRef::parse("acct_1").unwrap();
    let transfer = Some(Transfer { destination, amount: Some(money(500, "JPY")) });
    let platform = PlatformSettings { transfer, ..PlatformSettings::default() };
    let options = LinkOptions { platform, ..LinkOptions::default() };
    check(&invoice_link(), &options, &[("platform.transfer.amount", "CURRENCY_MISMATCH")]);
}

#[test]
fn the_provider_does_not_sell_what_the_seller_invoices() {
    let options = LinkOptions { managed_payments: true, ..LinkOptions::default() };
    check(&items_link(), &options, &[]);
    check(&invoice_link(), &options, &[("managed_payments", "FIXED_FOR_INVOICE")]);
}

#[test]
fn what_a_provider_can_not_change_is_refused_by_name() {
    let monthly = Recurrence::parse(Interval::Month, 1).unwrap();
    let mut described = link(LinkTarget::Items { items: items(Some(monthly)) });
    let description = Some(Description::parse("A plan").unwrap());
    let subscription = SubscriptionSettings { description, ..SubscriptionSettings::default() };
    let describe = change(LinkField::Subscription, LinkOptions { subscription, ..LinkOptions::default() });
    let LinkError::Violations(violations) = described.changed(&describe, NOW).unwrap_err() else {
        panic!("no violations")
    };
    let found: Vec<_> =
        violations.iter().map(|violation| (violation.field.as_str(), violation.rule.as_str())).collect();
    assert_eq!(found, [("subscription.description", "FIXED")]);
    described = described.with_checked(&describe, NOW);
    assert!(described.changed(&describe, NOW).is_ok(), "the same words are no change");
}

#[test]
fn the_expiry_of_an_ad_hoc_payment_is_not_changed_at_its_link() {
    let mut of_payment = invoice_link();
    let expiry = change(LinkField::ExpiresAt, LinkOptions::default());
    assert!(of_payment.changed(&expiry, NOW).is_ok());
    of_payment.0.payment_id = Some(PaymentId::from_uuid(uuid::Uuid::from_u128(4)));
    let LinkError::Violations(violations) = of_payment.changed(&expiry, NOW).unwrap_err() else {
        panic!("no violations")
    };
    assert_eq!(violations.iter().next().unwrap().field, "expire_time");
}

#[test]
fn optional_items_are_ten_at_most_and_twenty_with_the_line_items() {
    for (count, line_items, fits) in [(10, 10, true), (11, 1, false), (10, 11, false), (21, 0, false)] {
        let mut v = Validator::new();
        assert_eq!(OptionalItems::check_count(count, line_items, &mut v), fits);
        let said = v.finish(Some(())).err().map(|violations| violations.to_string());
        let refusal = "must be at most 10 items, and 20 together with the line items";
        assert_eq!(said.as_deref().map(str::trim), (!fits).then_some(refusal));
    }
}
