//! What a payment link can do besides being paid, both ways.

use std::collections::BTreeSet;

use api_proto::v1;
use application::{ItemPrice, LineItemSpec, Offers};
use domain::money::Quantity;
use domain::party::Country;
use domain::payment_link::{
    AccountRef, AddressCollection, AdjustableQuantity, ApplicationFee, AutomaticTax, CaptureMethod, CardBrand,
    Collection, Consent, CustomField, CustomFieldKey, CustomFieldKind, CustomFieldLength, CustomFields, CustomTexts,
    CustomerCreation, DropdownOption, FeePercent, FutureUsage, InvoiceCreation, InvoiceField, InvoiceTexts, LineItem,
    NameCollection, NameField, PaymentMethodCollection, PaymentMethodType, PaymentSettings, PlatformSettings,
    ReuseAgreement, ShippingCountries, ShippingOption, StatementDescriptor, SubmitType, SubscriptionSettings,
    TaxIdCollection, Transfer, TrialDays, TrialEnd,
};
use domain::text::{CustomText, Description, FieldLabel, InvoiceFieldName, InvoiceFieldValue, InvoiceFooter};
use domain::validation::{Invalid, Validator};

use super::input::{self, decimal, id, known, optional};
use super::output::{self, pairs, text};
use super::price_model::{absorbed, told_delivery, told_model, told_recurrence};

/// Maps an enum of the proto to one of the domain, and back. What is unspecified is the domain's default.
macro_rules! enums {
    ($($parse:ident / $tell:ident: $proto:ident <=> $domain:ty { Unspecified $(($none:pat))? => $default:expr, $($name:ident => $value:pat = $make:expr),+ $(,)? })+) => {
        $(
            fn $parse(v: &mut Validator, field: &str, number: i32) -> Option<$domain> {
                Some(match known(v, field, number)? {
                    v1::$proto::Unspecified => $default,
                    $(v1::$proto::$name => $make,)+
                })
            }

            fn $tell(value: &$domain) -> i32 {
                match value {
                    $($value => v1::$proto::$name as i32,)+
                    $($none => v1::$proto::Unspecified as i32,)?
                }
            }
        )+
    };
}

enums! {
    address_collection / told_address_collection: AddressCollection <=> AddressCollection {
        Unspecified => AddressCollection::Auto,
        Auto => AddressCollection::Auto = AddressCollection::Auto,
        Required => AddressCollection::Required = AddressCollection::Required,
    }
    name_field / told_name_field: NameField <=> Option<NameField> {
        Unspecified(None) => None,
        Required => Some(NameField::Required) = Some(NameField::Required),
        Optional => Some(NameField::Optional) = Some(NameField::Optional),
    }
    tax_id_collection / told_tax_id_collection: TaxIdCollection <=> TaxIdCollection {
        Unspecified(TaxIdCollection::Off) => TaxIdCollection::Off,
        Optional => TaxIdCollection::Optional = TaxIdCollection::Optional,
        RequiredIfSupported => TaxIdCollection::RequiredIfSupported = TaxIdCollection::RequiredIfSupported,
    }
    reuse_agreement / told_reuse_agreement: ReuseAgreement <=> Option<ReuseAgreement> {
        Unspecified(None) => None,
        Auto => Some(ReuseAgreement::Auto) = Some(ReuseAgreement::Auto),
        Hidden => Some(ReuseAgreement::Hidden) = Some(ReuseAgreement::Hidden),
    }
    submit_type / told_submit_type: SubmitType <=> SubmitType {
        Unspecified => SubmitType::Auto,
        Auto => SubmitType::Auto = SubmitType::Auto,
        Book => SubmitType::Book = SubmitType::Book,
        Donate => SubmitType::Donate = SubmitType::Donate,
        Pay => SubmitType::Pay = SubmitType::Pay,
        Subscribe => SubmitType::Subscribe = SubmitType::Subscribe,
    }
    customer_creation / told_customer_creation: CustomerCreation <=> CustomerCreation {
        Unspecified => CustomerCreation::IfRequired,
        IfRequired => CustomerCreation::IfRequired = CustomerCreation::IfRequired,
        Always => CustomerCreation::Always = CustomerCreation::Always,
    }
    method_collection / told_method_collection: PaymentMethodCollection <=> PaymentMethodCollection {
        Unspecified => PaymentMethodCollection::Always,
        Always => PaymentMethodCollection::Always = PaymentMethodCollection::Always,
        IfRequired => PaymentMethodCollection::IfRequired = PaymentMethodCollection::IfRequired,
    }
    card_brand / told_card_brand: CardBrand <=> Option<CardBrand> {
        Unspecified(None) => None,
        AmericanExpress => Some(CardBrand::AmericanExpress) = Some(CardBrand::AmericanExpress),
        DiscoverGlobalNetwork => Some(CardBrand::DiscoverGlobalNetwork) = Some(CardBrand::DiscoverGlobalNetwork),
        Mastercard => Some(CardBrand::Mastercard) = Some(CardBrand::Mastercard),
        Visa => Some(CardBrand::Visa) = Some(CardBrand::Visa),
    }
    capture_method / told_capture_method: CaptureMethod <=> CaptureMethod {
        Unspecified => CaptureMethod::Automatic,
        Automatic => CaptureMethod::Automatic = CaptureMethod::Automatic,
        Manual => CaptureMethod::Manual = CaptureMethod::Manual,
    }
    future_usage / told_future_usage: FutureUsage <=> Option<FutureUsage> {
        Unspecified(None) => None,
        OnSession => Some(FutureUsage::OnSession) = Some(FutureUsage::OnSession),
        OffSession => Some(FutureUsage::OffSession) = Some(FutureUsage::OffSession),
    }
    trial_end / told_trial_end: TrialEnd <=> Option<TrialEnd> {
        Unspecified(None) => None,
        Cancel => Some(TrialEnd::Cancel) = Some(TrialEnd::Cancel),
        CreateInvoice => Some(TrialEnd::CreateInvoice) = Some(TrialEnd::CreateInvoice),
        Pause => Some(TrialEnd::Pause) = Some(TrialEnd::Pause),
    }
}

/// Every element, each parsed at its own place.
fn each<P, T>(
    v: &mut Validator,
    field: &str,
    list: &[P],
    mut parse: impl FnMut(&mut Validator, &P) -> Option<T>,
) -> Option<Vec<T>> {
    let parsed =
        list.iter().enumerate().map(|(index, item)| v.within(&format!("{field}[{index}]"), |v| parse(v, item)));
    parsed.collect::<Vec<_>>().into_iter().collect()
}

fn account(v: &mut Validator, field: &str, text: &str) -> Option<Option<AccountRef>> {
    optional(v, field, text, AccountRef::parse)
}

/// What the page asks; nothing where absent.
pub(crate) fn collection(v: &mut Validator, field: &str, collection: Option<&v1::Collection>) -> Option<Collection> {
    let Some(m) = collection else { return Some(Collection::default()) };
    v.within(field, |v| {
        let billing_address = address_collection(v, "billing_address", m.billing_address);
        let shipping_countries = v.within("shipping_address", |v| shipping_countries(v, m.shipping_address.as_ref()));
        let names = m.names.unwrap_or_default();
        let individual = name_field(v, "names.individual", names.individual);
        let business = name_field(v, "names.business", names.business);
        let tax_id = tax_id_collection(v, "tax_id", m.tax_id);
        let fields = each(v, "custom_fields", &m.custom_fields, custom_field);
        let custom_fields = absorbed(v, "custom_fields", CustomFields::parse(fields.clone().unwrap_or_default()));
        let consent = m.consent.unwrap_or_default();
        let reuse = "consent.payment_method_reuse_agreement";
        let reuse_agreement = reuse_agreement(v, reuse, consent.payment_method_reuse_agreement);
        let custom_text = custom_texts(v, m.custom_text.as_ref());
        let submit_type = submit_type(v, "submit_type", m.submit_type);
        let customer_creation = customer_creation(v, "customer_creation", m.customer_creation);
        Some(Collection {
            billing_address: billing_address?,
            shipping_countries: shipping_countries?,
            phone: m.phone_number,
            names: NameCollection { individual: individual?, business: business? },
            tax_id: tax_id?,
            custom_fields: fields.and(custom_fields)?,
            consent: Consent {
                terms_of_service: consent.terms_of_service,
                promotions: consent.promotions,
                reuse_agreement: reuse_agreement?,
            },
            custom_text: custom_text?,
            submit_type: submit_type?,
            customer_creation: customer_creation?,
        })
    })
}

fn shipping_countries(
    v: &mut Validator,
    shipping: Option<&v1::ShippingAddressCollection>,
) -> Option<Option<ShippingCountries>> {
    let Some(m) = shipping else { return Some(None) };
    let countries =
        each(v, "allowed_country_codes", &m.allowed_country_codes, |v, code| v.check("", Country::parse(code)));
    v.check("allowed_country_codes", ShippingCountries::parse(countries?)).map(Some)
}

fn custom_field(v: &mut Validator, m: &v1::CustomField) -> Option<CustomField> {
    use v1::custom_field::Kind;
    let key = v.check("key", CustomFieldKey::parse(&m.key));
    let label = v.check("label", FieldLabel::parse(&m.label));
    let missing = || Invalid::new("REQUIRED", "must say what may be entered: text, numeric or dropdown");
    let default = |value: &str| (!value.is_empty()).then(|| value.to_owned());
    let length = |v: &mut Validator, field: &str, m: &v1::TextField| {
        v.check(field, CustomFieldLength::parse(m.minimum_length.map(Into::into), m.maximum_length.map(Into::into)))
    };
    let kind = match m.kind.as_ref() {
        None => {
            v.refuse("kind", missing());
            None
        }
        Some(Kind::Text(m)) => length(v, "text", m)
            .map(|length| CustomFieldKind::Text { length, default_value: default(&m.default_value) }),
        Some(Kind::Numeric(m)) => length(v, "numeric", m)
            .map(|length| CustomFieldKind::Numeric { length, default_value: default(&m.default_value) }),
        Some(Kind::Dropdown(m)) => {
            let options = each(v, "dropdown.options", &m.options, |v, option| {
                let label = v.check("label", FieldLabel::parse(&option.label));
                let value = v.check("value", DropdownOption::parse_value(&option.value));
                Some(DropdownOption { label: label?, value: value? })
            });
            options.map(|options| CustomFieldKind::Dropdown { options, default_value: default(&m.default_value) })
        }
    };
    Some(CustomField { key: key?, label: label?, optional: m.optional, kind: kind? })
}

fn custom_texts(v: &mut Validator, texts: Option<&v1::CustomText>) -> Option<CustomTexts> {
    let Some(m) = texts else { return Some(CustomTexts::default()) };
    v.within("custom_text", |v| {
        let submit = optional(v, "submit", &m.submit, CustomText::parse);
        let after_submit = optional(v, "after_submit", &m.after_submit, CustomText::parse);
        let shipping_address = optional(v, "shipping_address", &m.shipping_address, CustomText::parse);
        let terms = optional(v, "terms_of_service_acceptance", &m.terms_of_service_acceptance, CustomText::parse);
        Some(CustomTexts {
            submit: submit?,
            after_submit: after_submit?,
            shipping_address: shipping_address?,
            terms_of_service: terms?,
        })
    })
}

/// How the payment is made; as it is by default where absent.
pub(crate) fn payment(
    v: &mut Validator,
    field: &str,
    payment: Option<&v1::PaymentSettings>,
) -> Option<PaymentSettings> {
    let Some(m) = payment else { return Some(PaymentSettings::default()) };
    v.within(field, |v| {
        let method_types =
            each(v, "method_types", &m.method_types, |v, name| v.check("", PaymentMethodType::parse(name)));
        let method_collection = method_collection(v, "method_collection", m.method_collection);
        let brands = each(v, "blocked_card_brands", &m.blocked_card_brands, |v, number| {
            let brand = card_brand(v, "", *number)?;
            v.check("", brand.ok_or_else(|| Invalid::new("REQUIRED", "must be a brand of card")))
        });
        let capture = capture_method(v, "capture_method", m.capture_method);
        let description = optional(v, "description", &m.description, Description::parse);
        let metadata = input::metadata(v, &m.metadata);
        let future_usage = future_usage(v, "setup_future_usage", m.setup_future_usage);
        let descriptor = |suffix| move |text: &str| StatementDescriptor::parse(text, suffix);
        let statement = optional(v, "statement_descriptor", &m.statement_descriptor, descriptor(false));
        let suffix = optional(v, "statement_descriptor_suffix", &m.statement_descriptor_suffix, descriptor(true));
        let transfer_group = optional(v, "transfer_group", &m.transfer_group, Description::parse);
        Some(PaymentSettings {
            method_types: method_types?,
            method_collection: method_collection?,
            blocked_brands: brands?.into_iter().collect::<BTreeSet<_>>(),
            capture: capture?,
            description: description?,
            metadata: metadata?,
            future_usage: future_usage?,
            statement_descriptor: statement?,
            statement_descriptor_suffix: suffix?,
            transfer_group: transfer_group?,
        })
    })
}

/// A platform's part; none where absent.
pub(crate) fn platform(
    v: &mut Validator,
    field: &str,
    platform: Option<&v1::PlatformSettings>,
) -> Option<PlatformSettings> {
    use v1::platform_settings::ApplicationFee as Fee;
    let Some(m) = platform else { return Some(PlatformSettings::default()) };
    v.within(field, |v| {
        let application_fee = match &m.application_fee {
            None => Some(None),
            Some(Fee::ApplicationFeeAmount(money)) => {
                input::amount(v, "application_fee_amount", money).map(|amount| Some(ApplicationFee::Amount(amount)))
            }
            Some(Fee::ApplicationFeePercent(text)) => v
                .check("application_fee_percent", decimal(text).and_then(FeePercent::parse))
                .map(|percent| Some(ApplicationFee::Percent(percent))),
        };
        let on_behalf_of = account(v, "on_behalf_of", &m.on_behalf_of);
        let transfer = match &m.transfer {
            None => Some(None),
            Some(m) => v.within("transfer", |v| {
                let destination = v.check("destination", AccountRef::parse(&m.destination));
                let amount = input::optional_amount(v, "amount", m.amount.as_ref());
                Some(Some(Transfer { destination: destination?, amount: amount? }))
            }),
        };
        Some(PlatformSettings { application_fee: application_fee?, on_behalf_of: on_behalf_of?, transfer: transfer? })
    })
}

fn provider_invoice(v: &mut Validator, field: &str, invoice: Option<&v1::ProviderInvoice>) -> Option<InvoiceTexts> {
    let Some(m) = invoice else { return Some(InvoiceTexts::default()) };
    v.within(field, |v| {
        let description = optional(v, "description", &m.description, Description::parse);
        let footer = optional(v, "footer", &m.footer, InvoiceFooter::parse);
        let custom_fields = each(v, "custom_fields", &m.custom_fields, |v, field| {
            let name = v.check("name", InvoiceFieldName::parse(&field.name));
            let value = v.check("value", InvoiceFieldValue::parse(&field.value));
            Some(InvoiceField { name: name?, value: value? })
        });
        let ids = each(v, "account_tax_ids", &m.account_tax_ids, |v, id| v.check("", AccountRef::parse(id)));
        for (field, count, most) in [
            ("custom_fields", m.custom_fields.len(), InvoiceTexts::CUSTOM_FIELDS_MAX),
            ("account_tax_ids", m.account_tax_ids.len(), InvoiceTexts::TAX_IDS_MAX),
        ] {
            if count > most {
                v.refuse(field, Invalid::new("TOO_MANY", format!("must be at most {most}")));
            }
        }
        let issuer = account(v, "issuer", &m.issuer);
        Some(InvoiceTexts {
            description: description?,
            footer: footer?,
            custom_fields: custom_fields?,
            account_tax_ids: ids?,
            issuer: issuer?,
        })
    })
}

/// What a subscription is like; as it is by default where absent.
pub(crate) fn subscription(
    v: &mut Validator,
    field: &str,
    subscription: Option<&v1::SubscriptionSettings>,
) -> Option<SubscriptionSettings> {
    let Some(m) = subscription else { return Some(SubscriptionSettings::default()) };
    v.within(field, |v| {
        let description = optional(v, "description", &m.description, Description::parse);
        let metadata = input::metadata(v, &m.metadata);
        let days = (m.trial_period_days != 0).then_some(m.trial_period_days);
        let trial = v.check_optional("trial_period_days", days, |days| TrialDays::parse(days.into()));
        let trial_end = trial_end(v, "trial_end", m.trial_end);
        let invoice = provider_invoice(v, "invoice", m.invoice.as_ref());
        Some(SubscriptionSettings {
            description: description?,
            metadata: metadata?,
            trial: trial?,
            trial_end: trial_end?,
            invoice: invoice?,
        })
    })
}

pub(crate) fn invoice_creation(
    v: &mut Validator,
    field: &str,
    creation: Option<&v1::InvoiceCreation>,
) -> Option<Option<InvoiceCreation>> {
    let Some(m) = creation else { return Some(None) };
    v.within(field, |v| {
        let invoice = provider_invoice(v, "invoice", m.invoice.as_ref());
        let metadata = input::metadata(v, &m.metadata);
        let template = account(v, "template", &m.template);
        let (tax_inside, invoice) = (m.show_tax_inside, invoice?);
        Some(Some(InvoiceCreation { invoice, metadata: metadata?, tax_inside, template: template? }))
    })
}

pub(crate) fn automatic_tax(
    v: &mut Validator,
    field: &str,
    tax: Option<&v1::ProviderTax>,
) -> Option<Option<AutomaticTax>> {
    let Some(m) = tax else { return Some(None) };
    let liability = account(v, &format!("{field}.liability_account"), &m.liability_account);
    liability.map(|liability| Some(AutomaticTax { liability }))
}

pub(crate) fn adjustable(
    v: &mut Validator,
    field: &str,
    adjustable: Option<&v1::AdjustableQuantity>,
) -> Option<Option<AdjustableQuantity>> {
    v.check_optional(field, adjustable, |m| AdjustableQuantity::parse(m.minimum, m.maximum))
}

/// What customers may add, by name.
pub(crate) fn offers(
    v: &mut Validator,
    prefix: &str,
    items: &[v1::OptionalItem],
    shipping: &[v1::ShippingOption],
) -> Option<Offers> {
    v.within(prefix, |v| {
        let optional_items = each(v, "optional_items", items, |v, item| {
            let price_id = id(v, "price_id", &item.price_id);
            let quantity = v.check("quantity", Quantity::parse(item.quantity));
            let adjustable = adjustable(v, "adjustable_quantity", item.adjustable_quantity.as_ref());
            Some(LineItemSpec { price: ItemPrice::Stored(price_id?), quantity: quantity?, adjustable: adjustable? })
        });
        let shipping_rates =
            each(v, "shipping_options", shipping, |v, option| id(v, "shipping_rate_id", &option.shipping_rate_id));
        Some(Offers { optional_items: optional_items?, shipping_rates: shipping_rates? })
    })
}

pub(crate) fn told_collection(collection: &Collection) -> v1::Collection {
    let (names, consent, texts) = (&collection.names, &collection.consent, &collection.custom_text);
    v1::Collection {
        billing_address: told_address_collection(&collection.billing_address),
        shipping_address: collection.shipping_countries.as_ref().map(|countries| v1::ShippingAddressCollection {
            allowed_country_codes: countries.iter().map(|country| country.alpha2().to_owned()).collect(),
        }),
        phone_number: collection.phone,
        names: Some(v1::NameCollection {
            individual: told_name_field(&names.individual),
            business: told_name_field(&names.business),
        }),
        tax_id: told_tax_id_collection(&collection.tax_id),
        custom_fields: collection.custom_fields.iter().map(told_custom_field).collect(),
        consent: Some(v1::ConsentCollection {
            terms_of_service: consent.terms_of_service,
            promotions: consent.promotions,
            payment_method_reuse_agreement: told_reuse_agreement(&consent.reuse_agreement),
        }),
        custom_text: Some(v1::CustomText {
            submit: text(texts.submit.as_ref()),
            after_submit: text(texts.after_submit.as_ref()),
            shipping_address: text(texts.shipping_address.as_ref()),
            terms_of_service_acceptance: text(texts.terms_of_service.as_ref()),
        }),
        submit_type: told_submit_type(&collection.submit_type),
        customer_creation: told_customer_creation(&collection.customer_creation),
    }
}

fn told_custom_field(field: &CustomField) -> v1::CustomField {
    use v1::custom_field::Kind;
    let typed = |length: &CustomFieldLength, default: &Option<String>| v1::TextField {
        minimum_length: length.minimum.map(Into::into),
        maximum_length: length.maximum.map(Into::into),
        default_value: default.clone().unwrap_or_default(),
    };
    let kind = match &field.kind {
        CustomFieldKind::Text { length, default_value } => Kind::Text(typed(length, default_value)),
        CustomFieldKind::Numeric { length, default_value } => Kind::Numeric(typed(length, default_value)),
        CustomFieldKind::Dropdown { options, default_value } => Kind::Dropdown(v1::DropdownField {
            options: options
                .iter()
                .map(|option| v1::DropdownOption { label: option.label.to_string(), value: option.value.clone() })
                .collect(),
            default_value: default_value.clone().unwrap_or_default(),
        }),
    };
    v1::CustomField {
        key: field.key.as_str().to_owned(),
        label: field.label.to_string(),
        optional: field.optional,
        kind: Some(kind),
    }
}

fn told_account(account: Option<&AccountRef>) -> String {
    account.map(|account| account.as_str().to_owned()).unwrap_or_default()
}

pub(crate) fn told_payment(payment: &PaymentSettings) -> v1::PaymentSettings {
    let descriptor =
        |words: &Option<StatementDescriptor>| words.as_ref().map(|w| w.as_str().to_owned()).unwrap_or_default();
    v1::PaymentSettings {
        method_types: payment.method_types.iter().map(|method| method.as_str().to_owned()).collect(),
        method_collection: told_method_collection(&payment.method_collection),
        blocked_card_brands: payment.blocked_brands.iter().map(|brand| told_card_brand(&Some(*brand))).collect(),
        capture_method: told_capture_method(&payment.capture),
        description: text(payment.description.as_ref()),
        metadata: pairs(&payment.metadata),
        setup_future_usage: told_future_usage(&payment.future_usage),
        statement_descriptor: descriptor(&payment.statement_descriptor),
        statement_descriptor_suffix: descriptor(&payment.statement_descriptor_suffix),
        transfer_group: text(payment.transfer_group.as_ref()),
    }
}

pub(crate) fn told_platform(platform: &PlatformSettings) -> v1::PlatformSettings {
    use v1::platform_settings::ApplicationFee as Fee;
    v1::PlatformSettings {
        application_fee: platform.application_fee.map(|fee| match fee {
            ApplicationFee::Amount(amount) => Fee::ApplicationFeeAmount(output::money(amount)),
            ApplicationFee::Percent(percent) => Fee::ApplicationFeePercent(percent.percent().to_string()),
        }),
        on_behalf_of: told_account(platform.on_behalf_of.as_ref()),
        transfer: platform.transfer.as_ref().map(|transfer| v1::Transfer {
            destination: transfer.destination.as_str().to_owned(),
            amount: transfer.amount.map(output::money),
        }),
    }
}

fn told_provider_invoice(invoice: &InvoiceTexts) -> v1::ProviderInvoice {
    let field = |field: &InvoiceField| v1::ProviderInvoiceField {
        name: field.name.to_string(),
        value: field.value.to_string(),
    };
    v1::ProviderInvoice {
        description: text(invoice.description.as_ref()),
        footer: text(invoice.footer.as_ref()),
        custom_fields: invoice.custom_fields.iter().map(field).collect(),
        account_tax_ids: invoice.account_tax_ids.iter().map(|id| id.as_str().to_owned()).collect(),
        issuer: told_account(invoice.issuer.as_ref()),
    }
}

pub(crate) fn told_subscription(subscription: &SubscriptionSettings) -> v1::SubscriptionSettings {
    v1::SubscriptionSettings {
        description: text(subscription.description.as_ref()),
        metadata: pairs(&subscription.metadata),
        trial_period_days: subscription.trial.map_or(0, |trial| trial.get().into()),
        trial_end: told_trial_end(&subscription.trial_end),
        invoice: Some(told_provider_invoice(&subscription.invoice)),
    }
}

pub(crate) fn told_invoice_creation(creation: &InvoiceCreation) -> v1::InvoiceCreation {
    v1::InvoiceCreation {
        invoice: Some(told_provider_invoice(&creation.invoice)),
        metadata: pairs(&creation.metadata),
        show_tax_inside: creation.tax_inside,
        template: told_account(creation.template.as_ref()),
    }
}

pub(crate) fn told_automatic_tax(tax: &AutomaticTax) -> v1::ProviderTax {
    v1::ProviderTax { liability_account: told_account(tax.liability.as_ref()) }
}

pub(crate) fn told_adjustable(adjustable: AdjustableQuantity) -> v1::AdjustableQuantity {
    v1::AdjustableQuantity { minimum: Some(adjustable.minimum().into()), maximum: Some(adjustable.maximum().into()) }
}

pub(crate) fn told_optional_item(item: &LineItem) -> v1::OptionalItem {
    v1::OptionalItem {
        id: item.id.to_string(),
        price_id: text(item.price_id.as_ref()),
        quantity: item.quantity.get().into(),
        adjustable_quantity: item.adjustable.map(told_adjustable),
        name: item.name.to_string(),
        model: Some(told_model(&item.model)),
        recurrence: item.recurrence.map(told_recurrence),
    }
}

pub(crate) fn told_shipping_option(option: &ShippingOption) -> v1::ShippingOption {
    v1::ShippingOption {
        shipping_rate_id: option.shipping_rate_id.to_string(),
        display_name: option.display_name.to_string(),
        amount: Some(output::money(option.amount)),
        delivery_estimate: option.delivery_estimate.map(told_delivery),
        tax_behavior: output::optional_tax_behavior(option.tax_behavior),
    }
}
