//! What a link can do besides being paid, as Stripe's parameters.

use std::fmt::Display;

use domain::id::PaymentLinkId;
use domain::metadata::Metadata;
use domain::payment_link::{
    AccountRef, AddressCollection, ApplicationFee, AutomaticTax, CaptureMethod, Collection, Consent, CustomField,
    CustomFieldKind, CustomFieldLength, CustomerCreation, FutureUsage, InvoiceCreation, InvoiceTexts, LinkOptions,
    NameField, PaymentMethodCollection, PaymentSettings, PlatformSettings, ReuseAgreement, SubmitType,
    SubscriptionSettings, TaxIdCollection,
};
use domain::ports::provider::ProviderError;

use crate::amounts;
use crate::client::Params;
use crate::params::LINK_KEY;

/// Writes parameters: in a new link only what is said, in a change also what is cleared.
pub(crate) struct Writer<'a> {
    params: &'a mut Params,
    clears: bool,
}

impl<'a> Writer<'a> {
    /// A writer for a new link.
    pub(crate) fn creating(params: &'a mut Params) -> Self {
        Self { params, clears: false }
    }

    /// A writer for a change.
    pub(crate) fn updating(params: &'a mut Params) -> Self {
        Self { params, clears: true }
    }

    fn put(&mut self, name: &str, value: impl Display) {
        self.params.push((name.to_owned(), value.to_string()));
    }

    /// A value that an empty text clears.
    fn option(&mut self, name: &str, value: Option<impl Display>) {
        match value {
            Some(value) => self.put(name, value),
            None => self.clear(name),
        }
    }

    fn clear(&mut self, name: &str) {
        if self.clears {
            self.put(name, "");
        }
    }

    /// A value that can't be cleared, so that a change says the default where nothing else is said.
    fn value<T: PartialEq>(&mut self, name: &str, value: &T, default: &T, text: impl Display) {
        if self.clears || value != default {
            self.put(name, text);
        }
    }

    fn list(&mut self, name: &str, values: impl ExactSizeIterator<Item = String>) {
        if values.len() == 0 {
            self.clear(name);
        }
        for (index, value) in values.enumerate() {
            self.put(&format!("{name}[{index}]"), value);
        }
    }

    /// Pairs of what a link's payments or subscriptions carry. Stripe takes them declaratively, unlike those of the link
    /// itself: an update clears what it does not say again, so a change says all of them. See `payment_intent_data[metadata]`
    /// and `subscription_data[metadata]` at <https://docs.stripe.com/api/payment-link/update>.
    fn declared_metadata<'v>(&mut self, name: &str, pairs: impl Iterator<Item = (&'v str, &'v str)>) {
        let mut pairs = pairs.filter(|(_, value)| !value.is_empty()).peekable();
        if pairs.peek().is_none() {
            self.clear(name);
        }
        for (key, value) in pairs {
            self.put(&format!("{name}[{key}]"), value);
        }
    }

    /// Pairs of the invoices that a link makes, of which Stripe unsets a key only by an empty value: `before` is what was
    /// there.
    fn metadata(&mut self, name: &str, metadata: &Metadata, before: Option<&Metadata>) {
        let gone = before.into_iter().flat_map(Metadata::iter).filter(|(key, _)| metadata.get(key).is_none());
        for (key, _) in gone {
            self.put(&format!("{name}[{key}]"), "");
        }
        for (key, value) in metadata.iter().filter(|(_, value)| !value.is_empty()) {
            self.put(&format!("{name}[{key}]"), value);
        }
    }
}

/// Every option of a new link but those that are written where they need an answer of Stripe's first.
///
/// `subscriptions_of` is the link, if subscriptions come of it: they carry its id.
pub(crate) fn create(
    params: &mut Params,
    options: &LinkOptions,
    subscriptions_of: Option<PaymentLinkId>,
) -> Result<(), ProviderError> {
    let mut w = Writer::creating(params);
    collection(&mut w, &options.collection);
    payment(&mut w, &options.payment, None);
    platform(&mut w, &options.platform)?;
    if let Some(link) = subscriptions_of {
        subscription(&mut w, link, &options.subscription, None);
    }
    if let Some(creation) = &options.invoice_creation {
        invoice_creation(&mut w, Some(creation), None);
    }
    automatic_tax(&mut w, options.automatic_tax.as_ref());
    w.value("allow_promotion_codes", &options.promotion_codes, &false, options.promotion_codes);
    if options.managed_payments {
        w.put("managed_payments[enabled]", true);
    }
    Ok(())
}

/// What differs between two states of the options of `link`.
pub(crate) fn update(
    params: &mut Params,
    link: PaymentLinkId,
    old: &LinkOptions,
    new: &LinkOptions,
) -> Result<(), ProviderError> {
    let mut w = Writer::updating(params);
    if old.collection != new.collection {
        collection(&mut w, &new.collection);
    }
    if old.payment != new.payment {
        payment(&mut w, &new.payment, Some(&old.payment));
    }
    if old.platform != new.platform {
        platform(&mut w, &new.platform)?;
    }
    if old.subscription != new.subscription {
        subscription(&mut w, link, &new.subscription, Some(&old.subscription));
    }
    if old.invoice_creation != new.invoice_creation {
        invoice_creation(&mut w, new.invoice_creation.as_ref(), old.invoice_creation.as_ref());
    }
    if old.automatic_tax != new.automatic_tax {
        automatic_tax(&mut w, new.automatic_tax.as_ref());
    }
    if old.promotion_codes != new.promotion_codes {
        w.put("allow_promotion_codes", new.promotion_codes);
    }
    Ok(())
}

fn collection(w: &mut Writer<'_>, asked: &Collection) {
    let default = Collection::default();
    let billing = match asked.billing_address {
        AddressCollection::Auto => "auto",
        AddressCollection::Required => "required",
    };
    w.value("billing_address_collection", &asked.billing_address, &default.billing_address, billing);
    match &asked.shipping_countries {
        None => w.clear("shipping_address_collection"),
        Some(countries) => {
            let codes = countries.iter().map(|country| country.alpha2().to_owned());
            w.list("shipping_address_collection[allowed_countries]", codes);
        }
    }
    w.value("phone_number_collection[enabled]", &asked.phone, &false, asked.phone);
    let names = [("individual", asked.names.individual), ("business", asked.names.business)];
    if names.iter().all(|(_, field)| field.is_none()) {
        w.clear("name_collection");
    } else {
        for (name, field) in names {
            let at = format!("name_collection[{name}]");
            w.value(&format!("{at}[enabled]"), &field.is_some(), &false, field.is_some());
            if let Some(field) = field {
                w.put(&format!("{at}[optional]"), field == NameField::Optional);
            }
        }
    }
    let (enabled, required) = match asked.tax_id {
        TaxIdCollection::Off => (false, "never"),
        TaxIdCollection::Optional => (true, "never"),
        TaxIdCollection::RequiredIfSupported => (true, "if_supported"),
    };
    w.value("tax_id_collection[enabled]", &enabled, &false, enabled);
    if enabled {
        w.put("tax_id_collection[required]", required);
    }
    if asked.custom_fields.iter().len() == 0 {
        w.clear("custom_fields");
    }
    for (index, field) in asked.custom_fields.iter().enumerate() {
        custom_field(w, &format!("custom_fields[{index}]"), field);
    }
    consent(w, &asked.consent);
    let texts = &asked.custom_text;
    for (name, text) in [
        ("submit", &texts.submit),
        ("after_submit", &texts.after_submit),
        ("shipping_address", &texts.shipping_address),
        ("terms_of_service_acceptance", &texts.terms_of_service),
    ] {
        match text {
            Some(text) => w.put(&format!("custom_text[{name}][message]"), text),
            None => w.clear(&format!("custom_text[{name}]")),
        }
    }
    let submit = match asked.submit_type {
        SubmitType::Auto => "auto",
        SubmitType::Book => "book",
        SubmitType::Donate => "donate",
        SubmitType::Pay => "pay",
        SubmitType::Subscribe => "subscribe",
    };
    w.value("submit_type", &asked.submit_type, &default.submit_type, submit);
    let creation = match asked.customer_creation {
        CustomerCreation::IfRequired => "if_required",
        CustomerCreation::Always => "always",
    };
    w.value("customer_creation", &asked.customer_creation, &default.customer_creation, creation);
}

fn custom_field(w: &mut Writer<'_>, at: &str, field: &CustomField) {
    w.put(&format!("{at}[key]"), field.key.as_str());
    w.put(&format!("{at}[label][type]"), "custom");
    w.put(&format!("{at}[label][custom]"), &field.label);
    w.put(&format!("{at}[type]"), field.kind.name());
    w.put(&format!("{at}[optional]"), field.optional);
    let mut typed = |kind: &str, length: &CustomFieldLength, default_value: &Option<String>| {
        for (name, bound) in [("minimum_length", length.minimum), ("maximum_length", length.maximum)] {
            if let Some(bound) = bound {
                w.put(&format!("{at}[{kind}][{name}]"), bound);
            }
        }
        if let Some(value) = default_value {
            w.put(&format!("{at}[{kind}][default_value]"), value);
        }
    };
    match &field.kind {
        CustomFieldKind::Text { length, default_value } => typed("text", length, default_value),
        CustomFieldKind::Numeric { length, default_value } => typed("numeric", length, default_value),
        CustomFieldKind::Dropdown { options, default_value } => {
            for (index, option) in options.iter().enumerate() {
                w.put(&format!("{at}[dropdown][options][{index}][label]"), &option.label);
                w.put(&format!("{at}[dropdown][options][{index}][value]"), &option.value);
            }
            if let Some(value) = default_value {
                w.put(&format!("{at}[dropdown][default_value]"), value);
            }
        }
    }
}

fn consent(w: &mut Writer<'_>, consent: &Consent) {
    let terms = if consent.terms_of_service { "required" } else { "none" };
    w.value("consent_collection[terms_of_service]", &consent.terms_of_service, &false, terms);
    let promotions = if consent.promotions { "auto" } else { "none" };
    w.value("consent_collection[promotions]", &consent.promotions, &false, promotions);
    let position = match consent.reuse_agreement {
        None | Some(ReuseAgreement::Auto) => "auto",
        Some(ReuseAgreement::Hidden) => "hidden",
    };
    let name = "consent_collection[payment_method_reuse_agreement][position]";
    w.value(name, &consent.reuse_agreement, &None, position);
}

fn payment(w: &mut Writer<'_>, payment: &PaymentSettings, before: Option<&PaymentSettings>) {
    w.list("payment_method_types", payment.method_types.iter().map(|method| method.as_str().to_owned()));
    let collection = match payment.method_collection {
        PaymentMethodCollection::Always => "always",
        PaymentMethodCollection::IfRequired => "if_required",
    };
    let default = PaymentMethodCollection::default();
    let said_before = before.is_none_or(|before| before.method_collection != payment.method_collection);
    if said_before {
        w.value("payment_method_collection", &payment.method_collection, &default, collection);
    }
    let brands = payment.blocked_brands.iter().map(|brand| brand.name().to_owned());
    if payment.blocked_brands.is_empty() {
        w.clear("payment_method_options");
    } else {
        w.list("payment_method_options[card][restrictions][brands_blocked]", brands);
    }
    if before.is_some_and(|before| !before.describes_payment()) && !payment.describes_payment() {
        // A link with a recurring price may not even clear what describes a payment.
        return;
    }
    if payment.capture == CaptureMethod::Manual && before.is_none() {
        w.put("payment_intent_data[capture_method]", "manual");
    }
    let usage = payment.future_usage.map(|usage| match usage {
        FutureUsage::OnSession => "on_session",
        FutureUsage::OffSession => "off_session",
    });
    w.option("payment_intent_data[description]", payment.description.as_ref());
    w.declared_metadata("payment_intent_data[metadata]", payment.metadata.iter());
    w.option("payment_intent_data[setup_future_usage]", usage);
    let descriptor = payment.statement_descriptor.as_ref().map(|words| words.as_str());
    w.option("payment_intent_data[statement_descriptor]", descriptor);
    let suffix = payment.statement_descriptor_suffix.as_ref().map(|words| words.as_str());
    w.option("payment_intent_data[statement_descriptor_suffix]", suffix);
    w.option("payment_intent_data[transfer_group]", payment.transfer_group.as_ref());
}

fn platform(w: &mut Writer<'_>, platform: &PlatformSettings) -> Result<(), ProviderError> {
    let (amount, percent) = match platform.application_fee {
        None => (None, None),
        Some(ApplicationFee::Amount(fee)) => (Some(amounts::part(fee, "platform.application_fee_amount")?), None),
        Some(ApplicationFee::Percent(percent)) => (None, Some(percent.percent())),
    };
    w.option("application_fee_amount", amount);
    w.option("application_fee_percent", percent);
    w.option("on_behalf_of", platform.on_behalf_of.as_ref().map(AccountRef::as_str));
    match &platform.transfer {
        None => w.clear("transfer_data"),
        Some(transfer) => {
            w.put("transfer_data[destination]", transfer.destination.as_str());
            let amount = transfer.amount.map(|part| amounts::part(part, "platform.transfer.amount")).transpose()?;
            w.option("transfer_data[amount]", amount);
        }
    }
    Ok(())
}

fn subscription(
    w: &mut Writer<'_>,
    link: PaymentLinkId,
    subscription: &SubscriptionSettings,
    before: Option<&SubscriptionSettings>,
) {
    let at = "subscription_data";
    if let (Some(description), None) = (&subscription.description, before) {
        w.put(&format!("{at}[description]"), description);
    }
    // By our link a subscription is known as ours, whoever tells of it first.
    let link = link.to_string();
    let ours = std::iter::once((LINK_KEY, link.as_str()));
    w.declared_metadata(&format!("{at}[metadata]"), subscription.metadata.iter().chain(ours));
    w.option(&format!("{at}[trial_period_days]"), subscription.trial.map(|days| days.get()));
    match subscription.trial_end {
        None => w.clear(&format!("{at}[trial_settings]")),
        Some(end) => w.put(&format!("{at}[trial_settings][end_behavior][missing_payment_method]"), end.name()),
    }
    provider_invoice(
        w,
        &format!("{at}[invoice_settings]"),
        &subscription.invoice,
        before.map(|before| &before.invoice),
    );
}

fn invoice_creation(w: &mut Writer<'_>, creation: Option<&InvoiceCreation>, before: Option<&InvoiceCreation>) {
    w.put("invoice_creation[enabled]", creation.is_some());
    let Some(creation) = creation else { return };
    let at = "invoice_creation[invoice_data]";
    provider_invoice(w, at, &creation.invoice, before.map(|before| &before.invoice));
    w.metadata(&format!("{at}[metadata]"), &creation.metadata, before.map(|before| &before.metadata));
    if creation.tax_inside.is_none() && creation.template.is_none() {
        w.clear(&format!("{at}[rendering_options]"));
        return;
    }
    let display = creation.tax_inside.map(|inside| if inside { "include_inclusive_tax" } else { "exclude_tax" });
    w.option(&format!("{at}[rendering_options][amount_tax_display]"), display);
    if let Some(template) = &creation.template {
        w.put(&format!("{at}[rendering_options][template]"), template.as_str());
    }
}

/// Words that can't be cleared are said to be empty only where something was said before.
fn provider_invoice(w: &mut Writer<'_>, at: &str, invoice: &InvoiceTexts, before: Option<&InvoiceTexts>) {
    let was_said = |said: fn(&InvoiceTexts) -> bool| before.is_some_and(said);
    match &invoice.description {
        Some(text) => w.put(&format!("{at}[description]"), text),
        None if was_said(|invoice| invoice.description.is_some()) => w.clear(&format!("{at}[description]")),
        None => {}
    }
    match &invoice.footer {
        Some(text) => w.put(&format!("{at}[footer]"), text),
        None if was_said(|invoice| invoice.footer.is_some()) => w.clear(&format!("{at}[footer]")),
        None => {}
    }
    if invoice.custom_fields.is_empty() {
        w.clear(&format!("{at}[custom_fields]"));
    }
    for (index, field) in invoice.custom_fields.iter().enumerate() {
        w.put(&format!("{at}[custom_fields][{index}][name]"), &field.name);
        w.put(&format!("{at}[custom_fields][{index}][value]"), &field.value);
    }
    w.list(&format!("{at}[account_tax_ids]"), invoice.account_tax_ids.iter().map(|id| id.as_str().to_owned()));
    account(w, &format!("{at}[issuer]"), invoice.issuer.as_ref(), was_said(|invoice| invoice.issuer.is_some()));
}

fn automatic_tax(w: &mut Writer<'_>, tax: Option<&AutomaticTax>) {
    w.value("automatic_tax[enabled]", &tax.is_some(), &false, tax.is_some());
    if let Some(tax) = tax {
        let clears = w.clears;
        account(w, "automatic_tax[liability]", tax.liability.as_ref(), clears);
    }
}

/// Another account, or the seller's own where another was said before.
fn account(w: &mut Writer<'_>, at: &str, account: Option<&AccountRef>, was_said: bool) {
    match account {
        Some(account) => {
            w.put(&format!("{at}[type]"), "account");
            w.put(&format!("{at}[account]"), account.as_str());
        }
        None if was_said => w.put(&format!("{at}[type]"), "self"),
        None => {}
    }
}
