//! Every parameter of Stripe's for links and sessions: sent for something that the domain can say, or not sent for a reason.
//! Nothing is silently dropped.

use std::collections::{BTreeMap, BTreeSet};

use domain::catalog::{Interval, PriceModel, Recurrence};
use domain::checkout::{CheckoutMode, CheckoutSession, NewCheckoutSession, SessionOrigin};
use domain::metadata::Metadata;
use domain::money::{Currency, Money};
use domain::payment_link::{
    AccountRef, AfterCompletion, ApplicationFee, CustomField, CustomFieldKey, CustomFieldKind, CustomFieldLength,
    CustomFields, CustomTexts, FeePercent, FutureUsage, InvoiceField, InvoiceTexts, LineItem, LineItems, LinkOptions,
    LinkTarget, NewPaymentLink, PaymentLink, PaymentMethodCollection, PaymentMethodType, PaymentSettings,
    PlatformSettings, ShippingOptions, StatementDescriptor, SubscriptionSettings, Transfer, TrialDays, TrialEnd,
};
use domain::redirect::{RedirectPolicy, RedirectUrl};
use domain::text::{CustomText, Description, FieldLabel, InvoiceFieldName, InvoiceFieldValue, InvoiceFooter};
use port_contracts::fixtures::{
    checkout_session, customer, invoice_link, items_link, moment, money, open_invoice, seller,
};
use serde_json::Value;
use time::macros::date;

use super::{Params, Prepared, create_checkout, create_link, items_to_prepare, name_customer, update_link};

const CREATE: &str = "POST /v1/payment_links";
const UPDATE: &str = "POST /v1/payment_links/{id}";
const SESSION: &str = "POST /v1/checkout/sessions";

/// What is not sent: operation, the beginning of the parameters, and why.
const NOT_SENT: &[(&str, &str, &str)] = &[
    (CREATE, "currency", "each item says its currency, and all of a link have the same"),
    (CREATE, "expand[]", "nothing of the answer but id and URL is needed"),
    (CREATE, "line_items[][price_data][product]", "an inline item is described by its name; a stored one is a price"),
    (CREATE, "line_items[][price_data][product_data][images]", "the domain's products have no images"),
    (CREATE, "line_items[][price_data][product_data][metadata]", "our metadata is the link's"),
    (CREATE, "line_items[][price_data][product_data][tax_details]", "the domain says one tax code, as tax_code"),
    (CREATE, "line_items[][price_data][product_data][unit_label]", "the domain's products have no unit label"),
    (UPDATE, "active", "activating and deactivating are calls of their own"),
    (UPDATE, "expand[]", "nothing of the answer is needed"),
    (SESSION, "adaptive_pricing", "an invoice is paid in its own currency"),
    (SESSION, "after_expiration", "an invoice's checkout is made anew, not recovered"),
    (SESSION, "allow_promotion_codes", "the invoice says what is due"),
    (SESSION, "automatic_tax", "the invoice's tax is computed here"),
    (SESSION, "billing_address_collection", "asked as far as the payment needs it"),
    (SESSION, "branding_settings", "the seller's branding is kept at the provider"),
    (SESSION, "client_reference_id", "our id is in the metadata"),
    (SESSION, "consent_collection", "an invoice's checkout asks no consent"),
    (SESSION, "custom_fields", "an invoice's checkout asks nothing but the payment"),
    (SESSION, "custom_text", "an invoice's checkout has the standard words"),
    (SESSION, "customer_account", "as customer"),
    (SESSION, "customer_update", "as customer"),
    (SESSION, "discounts", "the invoice says what is due"),
    (SESSION, "excluded_payment_method_types", "the provider's own choice is offered"),
    (SESSION, "expand[]", "nothing of the answer but id and URL is needed"),
    (SESSION, "integration_identifier", "for integrations that the provider lists"),
    (SESSION, "invoice_creation", "the invoice is made here"),
    (SESSION, "line_items[][adjustable_quantity]", "an invoice is one item, once"),
    (SESSION, "line_items[][metadata]", "our metadata is the session's"),
    (SESSION, "line_items[][price]", "an invoice is an inline item"),
    (SESSION, "line_items[][price_data][product]", "an invoice is described by its number"),
    (SESSION, "line_items[][price_data][product_data][images]", "an invoice has no images"),
    (SESSION, "line_items[][price_data][product_data][metadata]", "our metadata is the session's"),
    (SESSION, "line_items[][price_data][product_data][tax_code]", "the invoice's tax is computed here"),
    (SESSION, "line_items[][price_data][product_data][tax_details]", "the invoice's tax is computed here"),
    (SESSION, "line_items[][price_data][product_data][unit_label]", "an invoice is one piece"),
    (SESSION, "line_items[][price_data][recurring]", "an invoice is paid once"),
    (SESSION, "line_items[][price_data][tax_behavior]", "the invoice's tax is computed here"),
    (SESSION, "line_items[][price_data][unit_amount_decimal]", "what is due is whole minor units"),
    (SESSION, "line_items[][tax_rates]", "the invoice's tax is computed here"),
    (SESSION, "managed_payments", "the seller invoices, not the provider"),
    (SESSION, "name_collection", "an invoice's checkout asks nothing but the payment"),
    (SESSION, "optional_items", "the invoice says what is due"),
    (SESSION, "origin_context", "for embedded pages"),
    (SESSION, "payment_intent_data", "but for setup_future_usage, what the invoice says is enough"),
    (SESSION, "payment_method_collection", "for subscriptions"),
    (SESSION, "payment_method_configuration", "the account's own is used"),
    (SESSION, "payment_method_options[bacs_debit]", "the provider's own choice is offered"),
    (SESSION, "payment_method_options[boleto]", "the provider's own choice is offered"),
    (SESSION, "payment_method_options[card]", "the provider's own choice is offered"),
    (SESSION, "payment_method_options[klarna]", "the provider's own choice is offered"),
    (SESSION, "payment_method_options[konbini]", "the provider's own choice is offered"),
    (SESSION, "payment_method_options[oxxo]", "the provider's own choice is offered"),
    (SESSION, "payment_method_options[sepa_debit]", "the provider's own choice is offered"),
    (SESSION, "payment_method_options[swish]", "the provider's own choice is offered"),
    (SESSION, "payment_method_options[us_bank_account]", "the provider's own choice is offered"),
    (
        SESSION,
        "payment_method_options[customer_balance][bank_transfer][requested_address_types]",
        "the provider tells the kinds of account that fit",
    ),
    (SESSION, "payment_method_options[customer_balance][setup_future_usage]", "a transfer can't be kept"),
    (SESSION, "payment_method_data", "the provider's own choice is offered"),
    (SESSION, "permissions", "for embedded pages"),
    (SESSION, "phone_number_collection", "an invoice's checkout asks nothing but the payment"),
    (SESSION, "redirect_on_completion", "for embedded pages"),
    (SESSION, "return_url", "for embedded pages; ours is success_url"),
    (SESSION, "saved_payment_method_options", "as customer"),
    (SESSION, "setup_intent_data", "for the mode that stores a payment method without a payment"),
    (SESSION, "shipping_address_collection", "an invoice has its address"),
    (SESSION, "shipping_options", "the invoice says what is due"),
    (SESSION, "submit_type", "the standard word is right"),
    (SESSION, "subscription_data", "an invoice is paid once"),
    (SESSION, "tax_id_collection", "the invoice has its buyer"),
    (SESSION, "ui_mode", "the hosted page is the default"),
    (SESSION, "wallet_options", "the provider's own choice is offered"),
];

/// The parameters that an operation knows, lists as `[]` and maps as `[*]`.
pub(crate) fn known(operation: &str) -> BTreeSet<String> {
    let table: Value =
        serde_json::from_str(include_str!("../../../stripe-sandbox/data/params.json")).expect("the table is JSON");
    let mut found = BTreeSet::new();
    leaves(&table["operations"][operation], "", &mut found);
    found
}

fn leaves(spec: &Value, path: &str, found: &mut BTreeSet<String>) {
    let Some(object) = spec.as_object() else {
        found.insert(path.to_owned());
        return;
    };
    if object.contains_key("required") && object.contains_key("type") {
        return leaves(&object["type"], path, found);
    }
    let (form, inner) = object.iter().next().expect("a spec says what it is");
    match (form.as_str(), inner) {
        ("object", Value::Object(fields)) => {
            for (name, spec) in fields {
                let path = if path.is_empty() { name.clone() } else { format!("{path}[{name}]") };
                leaves(spec, &path, found);
            }
        }
        ("list", inner) => leaves(inner, &format!("{path}[]"), found),
        ("map", inner) => leaves(inner, &format!("{path}[*]"), found),
        ("clearable", inner) => leaves(inner, path, found),
        ("any_of", Value::Array(specs)) => specs.iter().for_each(|spec| leaves(spec, path, found)),
        _ => {
            found.insert(path.to_owned());
        }
    }
}

/// A sent parameter in the form of the table: indexes as `[]`, keys of metadata as `[*]`.
fn shape(name: &str) -> String {
    let mut parts = name.split('[');
    let mut shape = parts.next().unwrap_or_default().to_owned();
    let mut before = shape.clone();
    for part in parts {
        let part = part.trim_end_matches(']');
        let is_index = part.is_empty() || part.bytes().all(|b| b.is_ascii_digit());
        shape.push_str(match (is_index, before.as_str()) {
            (true, _) => "[]",
            (false, "metadata") => "[*]",
            (false, _) => "",
        });
        if !is_index && before != "metadata" {
            shape.push_str(&format!("[{part}]"));
        }
        before = part.to_owned();
    }
    shape
}

fn account() -> AccountRef {
    AccountRef::parse("acct_1").expect("an account")
}

fn texts() -> InvoiceTexts {
    let field = InvoiceField {
        name: InvoiceFieldName::parse("PO").expect("a name"),
        value: InvoiceFieldValue::parse("1").expect("a value"),
    };
    InvoiceTexts {
        description: Some(Description::parse("Thanks").expect("a text")),
        footer: Some(InvoiceFooter::parse("Foot").expect("a text")),
        custom_fields: vec![field],
        account_tax_ids: vec![account()],
        issuer: Some(account()),
    }
}

fn link(target: LinkTarget, options: LinkOptions) -> PaymentLink {
    let model = items_link(&seller("north"), None, Metadata::default());
    let new = NewPaymentLink {
        id: model.id,
        seller_id: model.seller_id.clone(),
        target,
        options,
        payment_id: None,
        stores_payment_method: false,
        provider: model.provider.clone(),
        livemode: false,
    };
    PaymentLink::creating(new, moment())
}

fn items(change: impl Fn(usize, &mut LineItem)) -> LinkTarget {
    let model = items_link(&seller("north"), None, Metadata::default());
    let LinkTarget::Items { items } = &model.target else { unreachable!("it is for items") };
    let mut items: Vec<LineItem> = items.iter().cloned().collect();
    // What is stored is sold by its price; the rest is said inline.
    items.iter_mut().for_each(|item| item.price_id = None);
    items.iter_mut().enumerate().for_each(|(index, item)| change(index, item));
    LinkTarget::Items { items: LineItems::parse(items).expect("items") }
}

/// A link that is paid once, with everything that it can say.
fn once() -> PaymentLink {
    let model = items_link(&seller("north"), None, Metadata::default());
    let mut options = model.options.clone();
    let words = || Some(CustomText::parse("Words").expect("a text"));
    options.metadata = Metadata::parse([("order".to_owned(), "1".to_owned())]).expect("metadata");
    options.collection.custom_text =
        CustomTexts { submit: words(), after_submit: words(), shipping_address: words(), terms_of_service: words() };
    let field = |key: &str, kind| CustomField {
        key: CustomFieldKey::parse(key).expect("a key"),
        label: FieldLabel::parse("Label").expect("a label"),
        optional: false,
        kind,
    };
    let length = CustomFieldLength::parse(Some(1), Some(9)).expect("lengths");
    let default_value = || Some("123".to_owned());
    let mut fields: Vec<_> = options.collection.custom_fields.iter().cloned().collect();
    fields.push(field("text", CustomFieldKind::Text { length, default_value: default_value() }));
    fields.push(field("digits", CustomFieldKind::Numeric { length, default_value: default_value() }));
    options.collection.custom_fields = CustomFields::parse(fields).expect("fields");
    options.payment.description = Some(Description::parse("Order").expect("a text"));
    options.payment.future_usage = Some(FutureUsage::OnSession);
    options.payment.statement_descriptor_suffix = Some(StatementDescriptor::parse("ORDER", true).expect("words"));
    options.payment.transfer_group = Some(Description::parse("group").expect("a text"));
    if let Some(creation) = &mut options.invoice_creation {
        creation.invoice = texts();
        creation.tax_inside = Some(true);
        creation.template = Some(account());
    }
    // Prices finer than a minor unit, and by packages.
    let target = items(|index, item| {
        if index == 1 {
            let PriceModel::PerUnit { unit_price } = item.model else { unreachable!("it is per unit") };
            item.model = PriceModel::Package {
                package_price: unit_price,
                size: domain::catalog::PackageSize::parse(6).expect("a size"),
                rounding: domain::catalog::PackageRounding::Up,
            };
        }
    });
    link(target, options)
}

/// A link that is paid again and again, with everything that it can say.
fn again() -> PaymentLink {
    let options = LinkOptions {
        after_completion: AfterCompletion::Redirect {
            url: RedirectUrl::parse("https://shop.example.com/", &RedirectPolicy::AnyHost).expect("a URL"),
        },
        payment: PaymentSettings {
            method_types: vec![PaymentMethodType::parse("card").expect("a method")],
            method_collection: PaymentMethodCollection::IfRequired,
            ..PaymentSettings::default()
        },
        platform: PlatformSettings {
            application_fee: Some(ApplicationFee::Percent(FeePercent::parse(5.into()).expect("a percentage"))),
            on_behalf_of: None,
            transfer: Some(Transfer { destination: account(), amount: Some(money(100)) }),
        },
        subscription: SubscriptionSettings {
            description: Some(Description::parse("Plan").expect("a text")),
            metadata: Metadata::parse([("plan".to_owned(), "1".to_owned())]).expect("metadata"),
            trial: Some(TrialDays::parse(14).expect("days")),
            trial_end: Some(TrialEnd::Pause),
            invoice: texts(),
        },
        ..LinkOptions::default()
    };
    let pace = Recurrence::parse(Interval::Month, 1).expect("a recurrence");
    link(items(|_, item| item.recurrence = Some(pace)), options)
}

/// The same link with nothing said but what it sells.
fn bare(link_: &PaymentLink) -> PaymentLink {
    link(link_.target.clone(), LinkOptions::default())
}

fn prepared(link: &PaymentLink) -> Prepared {
    let ShippingOptions(shipping) = &link.options.shipping_options;
    Prepared {
        prices: items_to_prepare(link).map(|(_, item)| (item.id, "price_1".to_owned())).collect(),
        shipping_rates: shipping.iter().map(|_| "shr_1".to_owned()).collect(),
    }
}

fn sent() -> BTreeMap<&'static str, Params> {
    let mut sent: BTreeMap<&'static str, Params> = BTreeMap::new();
    let invoice = open_invoice(&seller("north"), None, 1, date!(2026 - 12 - 24));
    let for_invoice = invoice_link(&seller("north"), &invoice);
    let half = |index: usize, item: &mut LineItem| {
        if index == 0 {
            let half = domain::money::UnitPrice::parse("0.5".parse().expect("a decimal"), item.model.currency());
            item.model = PriceModel::PerUnit { unit_price: half.expect("a price") };
        }
    };
    for made in [once(), again(), for_invoice, link(items(half), LinkOptions::default())] {
        let params = create_link(&made, &prepared(&made)).expect("it can be said");
        sent.entry(CREATE).or_default().extend(params);
    }
    let ids = ["li_1".to_owned(), "li_2".to_owned()];
    for full in [once(), again()] {
        let plain = bare(&full);
        let more = items(|_, item| item.quantity = domain::money::Quantity::parse(3).expect("a quantity"));
        let full = link(more, full.options.clone());
        for (before, changed) in [(&plain, &full), (&full, &plain)] {
            let params = update_link(before, changed, &ids, &prepared(changed)).expect("it can be said");
            sent.entry(UPDATE).or_default().extend(params);
        }
    }
    let ada = customer(&seller("north"));
    let session = checkout_session(&seller("north"), SessionOrigin::Invoice { invoice_id: invoice.id }, Some(ada.id));
    let mut params = create_checkout(&session, Some(&ada)).expect("it can be said");
    name_customer(&mut params, Some(&ada), None);
    for mode in [CheckoutMode::BankTransferPayment, CheckoutMode::Setup] {
        let new = NewCheckoutSession {
            id: session.id,
            seller_id: session.seller_id.clone(),
            origin: session.origin,
            mode,
            amount: Money::new(10_000, Currency::parse("EUR").expect("a currency")),
            title: None,
            description: None,
            locale: None,
            return_url: None,
            cancel_url: None,
            customer_id: Some(ada.id),
            metadata: Metadata::default(),
            provider: session.provider.clone(),
            livemode: false,
        };
        let session = CheckoutSession::creating(new, moment());
        params.extend(create_checkout(&session, Some(&ada)).expect("it can be said"));
        name_customer(&mut params, Some(&ada), Some("cus_1"));
    }
    sent.insert(SESSION, params);
    sent
}

#[test]
fn every_parameter_is_sent_or_is_left_out_for_a_reason() {
    let mut faults = Vec::new();
    for (operation, params) in sent() {
        let known = known(operation);
        // What only clears names a part that is a parameter as a whole.
        let named: BTreeSet<String> =
            params.iter().filter(|(_, value)| !value.is_empty()).map(|(name, _)| shape(name)).collect();
        faults.extend(named.difference(&known).map(|name| format!("{operation} knows no {name}")));
        let reasons: Vec<&str> =
            NOT_SENT.iter().filter(|(of, _, _)| *of == operation).map(|(_, prefix, _)| *prefix).collect();
        let begins = |name: &str, prefix: &str| {
            name.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('['))
        };
        for name in known.difference(&named) {
            if !reasons.iter().any(|prefix| begins(name, prefix)) {
                faults.push(format!("{operation} takes {name}, which is neither sent nor explained"));
            }
        }
        for prefix in reasons {
            if !known.difference(&named).any(|name| begins(name, prefix)) {
                faults.push(format!("{operation}: {prefix} needs no explanation: all of it is sent, or there is none"));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_is_cleared_is_named_as_a_whole_and_can_be_cleared() {
    let (full, plain) = (once(), bare(&once()));
    let params = update_link(&full, &plain, &[], &prepared(&plain)).expect("it can be said");
    let cleared: BTreeSet<&str> =
        params.iter().filter(|(_, value)| value.is_empty()).map(|(name, _)| name.as_str()).collect();
    for name in [
        "inactive_message",
        "restrictions",
        "custom_fields",
        "name_collection",
        "shipping_address_collection",
        "shipping_options",
        "optional_items",
        "custom_text[submit]",
        "payment_method_types",
        "payment_method_options",
        "payment_intent_data[description]",
        "payment_intent_data[metadata]",
        "on_behalf_of",
        "transfer_data",
        "application_fee_amount",
        "metadata[order]",
    ] {
        assert!(cleared.contains(name), "{name} is not cleared: {cleared:?}");
    }
    let encoded: BTreeMap<&str, &str> = params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for (name, value) in [
        ("phone_number_collection[enabled]", "false"),
        ("tax_id_collection[enabled]", "false"),
        ("automatic_tax[enabled]", "false"),
        ("invoice_creation[enabled]", "false"),
        ("allow_promotion_codes", "false"),
        ("consent_collection[terms_of_service]", "none"),
        ("submit_type", "auto"),
    ] {
        assert_eq!(encoded.get(name), Some(&value), "{name}");
    }
}

#[test]
fn only_what_differs_is_sent() {
    let link = once();
    assert_eq!(update_link(&link, &link, &[], &prepared(&link)).expect("it can be said"), Params::new());
}
