//! From domain values to proto messages.

use api_proto::v1;
use domain::catalog::{Price, Product};
use domain::checkout::{
    CheckoutMode, CheckoutSession, Collected, EnteredAddress, PaymentType, SessionPayment, SessionState,
};
use domain::customer::Customer;
use domain::event::{EventSubject, SequencedEvent};
use domain::id::LineItemId;
use domain::invoice::{Invoice, InvoiceLine, InvoiceState, PartySnapshot};
use domain::metadata::Metadata;
use domain::money::{Money, UnitPrice};
use domain::party::Address;
use domain::payment::{Payment, PaymentFlag, PaymentKind, PaymentState};
use domain::payment_link::{AfterCompletion, CloseReason, LineItem, LinkState, LinkTarget, PaymentLink};
use domain::payment_method::PaymentMethod;
use domain::tax::TaxBehavior;
use domain::tax_id::TaxId;
use domain::text::{Description, DisplayName};
use domain::timestamp::Timestamp;
use time::Date;

use super::credit_note::credit_note;
use super::discount::{coupon, promotion_code, told_invoice_discount};
use super::invoice_mail::invoice_mail;
use super::link_options::{
    told_adjustable, told_automatic_tax, told_collection, told_invoice_creation, told_optional_item, told_payment,
    told_platform, told_shipping_option, told_subscription,
};
use super::out_of_band::told_receipt;
use super::price_model::{shipping_rate, told_model, told_recurrence, told_unit_price};
use super::reversals::{dispute, refund};
use super::subscription::subscription;
use super::tax::{
    tax_id_check, tax_rate, tax_registration, tax_subtotal, taxed_line, told_customer_tax_status, told_exchange_rate,
    told_rounding, trace_step,
};

pub(crate) fn money(money: Money) -> v1::Money {
    v1::Money { minor_units: money.minor(), currency_code: money.currency().code().to_owned() }
}

pub(crate) fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: at.unix_seconds(), nanos: at.subsec_nanos() }
}

pub(super) fn date(date: Date) -> v1::Date {
    v1::Date { year: date.year(), month: i32::from(u8::from(date.month())), day: i32::from(date.day()) }
}

pub(crate) fn pairs(metadata: &Metadata) -> std::collections::BTreeMap<String, String> {
    metadata.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

pub(crate) fn text<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

pub(super) fn unit_price(price: UnitPrice) -> v1::UnitPrice {
    v1::UnitPrice { minor_units: price.minor().to_string(), currency_code: price.currency().code().to_owned() }
}

pub(super) fn tax_behavior(behavior: TaxBehavior) -> i32 {
    match behavior {
        TaxBehavior::Exclusive => v1::TaxBehavior::Exclusive as i32,
        TaxBehavior::Inclusive => v1::TaxBehavior::Inclusive as i32,
    }
}

pub(super) fn optional_tax_behavior(behavior: Option<TaxBehavior>) -> i32 {
    behavior.map_or(v1::TaxBehavior::Unspecified as i32, tax_behavior)
}

fn address(address: &Address) -> v1::Address {
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    v1::Address {
        line1: part(&address.line1),
        line2: part(&address.line2),
        postal_code: part(&address.postal_code),
        city: part(&address.city),
        state: part(&address.state),
        country_code: address.country.alpha2().to_owned(),
    }
}

fn tax_ids(ids: &[TaxId]) -> Vec<String> {
    ids.iter().map(|id| id.as_str().to_owned()).collect()
}

pub(crate) fn product(product: &Product) -> v1::Product {
    v1::Product {
        id: product.id.to_string(),
        seller_id: product.seller_id.to_string(),
        name: product.name.to_string(),
        description: text(product.description.as_ref()),
        tax_code: product.tax_code.as_ref().map(|code| code.as_str().to_owned()).unwrap_or_default(),
        active: product.active,
        metadata: pairs(&product.metadata),
        etag: product.etag(),
        create_time: Some(timestamp(product.created_at)),
        update_time: Some(timestamp(product.updated_at)),
    }
}

pub(crate) fn price(price: &Price) -> v1::Price {
    v1::Price {
        id: price.id.to_string(),
        seller_id: price.seller_id.to_string(),
        product_id: price.product_id.to_string(),
        unit_price: told_unit_price(&price.model),
        tax_behavior: tax_behavior(price.tax_behavior),
        nickname: text(price.nickname.as_ref()),
        active: price.active,
        metadata: pairs(&price.metadata),
        etag: price.etag(),
        create_time: Some(timestamp(price.created_at)),
        update_time: Some(timestamp(price.updated_at)),
        model: Some(told_model(&price.model)),
        recurrence: price.recurrence.map(told_recurrence),
        currency_options: price
            .currency_options
            .values()
            .map(|option| v1::CurrencyOption {
                model: Some(told_model(&option.model)),
                tax_behavior: tax_behavior(option.tax_behavior),
            })
            .collect(),
    }
}

pub(crate) fn customer(customer: &Customer) -> v1::Customer {
    let profile = &customer.profile;
    v1::Customer {
        id: customer.id.to_string(),
        seller_id: customer.seller_id.to_string(),
        name: text(profile.name.as_ref()),
        email: profile.email.as_ref().map(|email| email.as_str().to_owned()).unwrap_or_default(),
        address: profile.address.as_ref().map(address),
        tax_ids: tax_ids(&profile.tax_ids),
        tax_status: told_customer_tax_status(profile.tax_status),
        locale: profile.locale.as_ref().map(|locale| locale.as_str().to_owned()).unwrap_or_default(),
        metadata: pairs(&profile.metadata),
        etag: customer.etag(),
        create_time: Some(timestamp(customer.created_at)),
        update_time: Some(timestamp(customer.updated_at)),
    }
}

pub(crate) fn payment_method(method: &PaymentMethod) -> v1::PaymentMethod {
    v1::PaymentMethod {
        id: method.id.to_string(),
        seller_id: method.seller_id.to_string(),
        customer_id: method.customer_id.to_string(),
        provider: method.provider.to_string(),
        provider_ref: method.provider_ref.to_string(),
        card_brand: method.card.brand.clone(),
        card_last4: method.card.last4.clone(),
        card_exp_month: method.card.exp_month.into(),
        card_exp_year: method.card.exp_year.into(),
        create_time: Some(timestamp(method.created_at)),
        detach_time: method.detached_at.map(timestamp),
    }
}

fn invoice_line(line: &InvoiceLine) -> v1::InvoiceLine {
    v1::InvoiceLine {
        id: line.id.to_string(),
        description: line.item.description.to_string(),
        quantity: line.item.quantity.get().into(),
        unit_price: Some(unit_price(line.item.unit_price)),
        tax_behavior: tax_behavior(line.item.tax_behavior),
        price_id: text(line.item.price_id.as_ref()),
        amount: Some(money(line.amount)),
        taxed: Some(taxed_line(&line.taxed)),
        shipping_rate_id: text(line.item.shipping_rate_id.as_ref()),
        discount: line.item.discount.map(told_invoice_discount),
        discount_amount: Some(money(line.discount_amount.unwrap_or(Money::zero(line.amount.currency())))),
    }
}

pub(super) fn party(party: &PartySnapshot) -> v1::Party {
    v1::Party {
        name: text(party.name.as_ref()),
        address: party.address.as_ref().map(address),
        email: party.email.as_ref().map(|email| email.as_str().to_owned()).unwrap_or_default(),
        tax_ids: tax_ids(&party.tax_ids),
    }
}

/// An invoice; `today` says whether it is overdue.
pub(crate) fn invoice(invoice: &Invoice, today: Date) -> v1::Invoice {
    let state = match invoice.state {
        InvoiceState::Draft => v1::InvoiceState::Draft,
        InvoiceState::Open { .. } => v1::InvoiceState::Open,
        InvoiceState::Paid { .. } => v1::InvoiceState::Paid,
        InvoiceState::Void { .. } => v1::InvoiceState::Void,
        InvoiceState::Uncollectible { .. } => v1::InvoiceState::Uncollectible,
    };
    let paid_at = match invoice.state {
        InvoiceState::Paid { paid_at, .. } => Some(paid_at),
        _ => None,
    };
    let fixed = invoice.finalization();
    v1::Invoice {
        id: invoice.id.to_string(),
        seller_id: invoice.seller_id.to_string(),
        customer_id: text(invoice.customer_id.as_ref()),
        state: state as i32,
        number: fixed.map(|fixed| fixed.number.clone()).unwrap_or_default(),
        currency_code: invoice.currency.code().to_owned(),
        lines: invoice.lines.iter().map(invoice_line).collect(),
        net: Some(money(invoice.tax.net)),
        tax: Some(money(invoice.tax.tax)),
        total: Some(money(invoice.total())),
        amount_paid: Some(money(invoice.amount_paid)),
        amount_due: Some(money(invoice.amount_due())),
        amount_overpaid: Some(money(invoice.amount_overpaid)),
        amount_credited: Some(money(invoice.amount_credited())),
        discount: invoice.discount.map(told_invoice_discount),
        discount_amount: invoice.discount_amount().ok().map(money),
        amount_credited_after_payment: Some(money(invoice.amount_credited_after_payment())),
        tax_subtotals: invoice.tax.subtotals.iter().map(tax_subtotal).collect(),
        tax_trace: invoice.tax.trace.iter().map(trace_step).collect(),
        description: text(invoice.description.as_ref()),
        tax_point: fixed.map(|fixed| fixed.tax_point).or(invoice.tax_point).map(date),
        due_date: fixed.map(|fixed| fixed.due_date).or(invoice.due_date).map(date),
        overdue: invoice.is_overdue(today),
        seller: fixed.map(|fixed| party(&fixed.seller)),
        buyer: fixed.and_then(|fixed| fixed.buyer.as_ref()).map(party),
        metadata: pairs(&invoice.metadata),
        etag: invoice.etag(),
        create_time: Some(timestamp(invoice.created_at)),
        update_time: Some(timestamp(invoice.updated_at)),
        finalize_time: fixed.map(|fixed| timestamp(fixed.finalized_at)),
        paid_time: paid_at.map(timestamp),
        tax_rounding: Some(told_rounding(invoice.tax_rounding)),
        tax_exchange_rate: invoice.exchanged_tax.as_ref().map(told_exchange_rate),
        tax_in_sellers_currency: invoice.exchanged_tax.as_ref().map(|exchanged| money(exchanged.tax)),
    }
}

fn after_completion(after: &AfterCompletion) -> v1::AfterCompletion {
    use v1::after_completion::Kind;
    let kind = match after {
        AfterCompletion::Confirmation => Kind::HostedConfirmation(v1::HostedConfirmation::default()),
        AfterCompletion::ConfirmationWithMessage { message } => {
            Kind::HostedConfirmation(v1::HostedConfirmation { custom_message: message.to_string() })
        }
        AfterCompletion::Redirect { url } => Kind::Redirect(v1::Redirect { url: url.as_str().to_owned() }),
    };
    v1::AfterCompletion { kind: Some(kind) }
}

fn close_reason(reason: CloseReason) -> v1::CloseReason {
    match reason {
        CloseReason::Requested => v1::CloseReason::Requested,
        CloseReason::Expired => v1::CloseReason::Expired,
        CloseReason::Completed => v1::CloseReason::Completed,
        CloseReason::InvoiceClosed => v1::CloseReason::InvoiceClosed,
        CloseReason::AtProvider => v1::CloseReason::AtProvider,
    }
}

pub(crate) fn line_item(item: &LineItem) -> v1::LineItem {
    let (amount, nothing) = (money(item.amount()), money(Money::zero(item.model.currency())));
    v1::LineItem {
        id: item.id.to_string(),
        name: item.name.to_string(),
        description: text(item.description.as_ref()),
        unit_price: told_unit_price(&item.model),
        quantity: item.quantity.get().into(),
        price_id: text(item.price_id.as_ref()),
        product_id: text(item.product_id.as_ref()),
        amount_discount: Some(nothing.clone()),
        amount_subtotal: Some(amount.clone()),
        amount_tax: Some(nothing),
        amount_total: Some(amount),
        model: Some(told_model(&item.model)),
        recurrence: item.recurrence.map(told_recurrence),
        tax_behavior: optional_tax_behavior(item.tax_behavior),
        tax_code: item.tax_code.as_ref().map(|code| code.as_str().to_owned()).unwrap_or_default(),
        adjustable_quantity: item.adjustable.map(told_adjustable),
    }
}

/// The one item of a link for an invoice: the amount that is asked for. Its tax is the invoice's.
pub(crate) fn invoice_item(
    link: &PaymentLink,
    amount: Money,
    (title, description): (&DisplayName, Option<&Description>),
) -> v1::LineItem {
    let (amount, nothing) = (money(amount), money(Money::zero(amount.currency())));
    v1::LineItem {
        // An item of its own has no id; the link's own UUID makes one that stays.
        id: LineItemId::from_uuid(link.id.uuid()).to_string(),
        name: title.to_string(),
        description: description.map(Description::to_string).unwrap_or_default(),
        unit_price: Some(v1::UnitPrice {
            minor_units: amount.minor_units.to_string(),
            currency_code: amount.currency_code.clone(),
        }),
        quantity: 1,
        amount_discount: Some(nothing.clone()),
        amount_subtotal: Some(amount.clone()),
        amount_tax: Some(nothing),
        amount_total: Some(amount),
        ..v1::LineItem::default()
    }
}

pub(crate) fn payment_link(link: &PaymentLink) -> v1::PaymentLink {
    let (state, reason, failure_code) = match &link.state {
        LinkState::Creating => (v1::PaymentLinkState::Creating, None, ""),
        LinkState::Active => (v1::PaymentLinkState::Active, None, ""),
        LinkState::Closing { reason } => (v1::PaymentLinkState::Closing, Some(*reason), ""),
        LinkState::Inactive { reason, .. } => (v1::PaymentLinkState::Inactive, Some(*reason), ""),
        LinkState::Failed { code } => (v1::PaymentLinkState::Failed, None, code.as_str()),
    };
    let amount = match &link.target {
        LinkTarget::Invoice { amount, .. } => *amount,
        // In range, by `LineItems::parse`.
        LinkTarget::Items { items } => {
            Money::new(items.iter().map(|item| item.amount().minor()).sum(), items.currency())
        }
    };
    v1::PaymentLink {
        id: link.id.to_string(),
        seller_id: link.seller_id.to_string(),
        state: state as i32,
        active: link.is_open(),
        close_reason: reason.map_or(v1::CloseReason::Unspecified, close_reason) as i32,
        failure_code: failure_code.to_owned(),
        url: link.url.clone().unwrap_or_default(),
        invoice_id: text(link.invoice_id().as_ref()),
        amount: Some(money(amount)),
        currency_code: link.currency().code().to_owned(),
        after_completion: Some(after_completion(&link.options.after_completion)),
        inactive_message: text(link.options.inactive_message.as_ref()),
        restrictions: link
            .options
            .completed_sessions_max
            .map(|max| v1::Restrictions { completed_sessions_limit: max.get().into() }),
        completed_sessions: link.completed_sessions.into(),
        expire_time: link.options.expires_at.map(timestamp),
        metadata: pairs(&link.options.metadata),
        payment_id: text(link.payment_id.as_ref()),
        provider: link.provider.to_string(),
        provider_ref: text(link.provider_ref.as_ref()),
        livemode: link.livemode,
        etag: link.etag(),
        create_time: Some(timestamp(link.created_at)),
        update_time: Some(timestamp(link.updated_at)),
        line_items: Vec::new(),
        collection: Some(told_collection(&link.options.collection)),
        payment: Some(told_payment(&link.options.payment)),
        platform: Some(told_platform(&link.options.platform)),
        subscription: link.is_recurring().then(|| told_subscription(&link.options.subscription)),
        invoice_creation: link.options.invoice_creation.as_ref().map(told_invoice_creation),
        automatic_tax: link.options.automatic_tax.as_ref().map(told_automatic_tax),
        allow_promotion_codes: link.options.promotion_codes,
        optional_items: link.options.optional_items.0.iter().map(told_optional_item).collect(),
        shipping_options: link.options.shipping_options.0.iter().map(told_shipping_option).collect(),
        managed_payments: link.options.managed_payments,
    }
}

fn collected(collected: &Collected) -> v1::Collected {
    let customer = &collected.customer;
    let entered_address = |address: &EnteredAddress| v1::Address {
        line1: text(address.line1.as_ref()),
        line2: text(address.line2.as_ref()),
        postal_code: text(address.postal_code.as_ref()),
        city: text(address.city.as_ref()),
        state: text(address.state.as_ref()),
        country_code: text(address.country.as_ref()),
    };
    v1::Collected {
        customer: Some(v1::EnteredCustomer {
            email: text(customer.email.as_ref()),
            name: text(customer.name.as_ref()),
            individual_name: text(customer.individual_name.as_ref()),
            business_name: text(customer.business_name.as_ref()),
            phone_number: text(customer.phone.as_ref()),
            billing_address: customer.billing_address.as_ref().map(entered_address),
            tax_ids: customer
                .tax_ids
                .iter()
                .map(|id| v1::EnteredTaxId { kind: id.kind.to_string(), value: id.value.to_string() })
                .collect(),
        }),
        shipping: collected.shipping.as_ref().map(|to| v1::EnteredRecipient {
            name: text(to.name.as_ref()),
            address: Some(entered_address(&to.address)),
        }),
        custom_fields: collected
            .custom_fields
            .iter()
            .map(|field| v1::EnteredField { key: field.key.to_string(), value: text(field.value.as_ref()) })
            .collect(),
        terms_accepted: collected.terms_accepted,
        promotions_accepted: collected.promotions_accepted,
        promotion_codes: collected
            .promotion_codes
            .iter()
            .map(|promotion| v1::EnteredPromotion {
                code: text(promotion.code.as_ref()),
                provider_ref: promotion.provider_ref.to_string(),
            })
            .collect(),
        client_reference: text(collected.client_reference.as_ref()),
        items: collected
            .items
            .iter()
            .map(|item| v1::BoughtItem {
                name: item.name.to_string(),
                price_id: text(item.price_id.as_ref()),
                quantity: item.quantity.into(),
                amount_subtotal: Some(money(item.subtotal)),
                amount_discount: Some(money(item.discount)),
                amount_tax: Some(money(item.tax)),
                amount_total: Some(money(item.total)),
            })
            .collect(),
        amount_subtotal: Some(money(collected.amounts.subtotal)),
        amount_discount: Some(money(collected.amounts.discount)),
        amount_shipping: Some(money(collected.amounts.shipping)),
        amount_tax: Some(money(collected.amounts.tax)),
        amount_total: Some(money(collected.amounts.total)),
    }
}

pub(crate) fn checkout_session(session: &CheckoutSession) -> v1::CheckoutSession {
    use v1::CheckoutSessionState as State;
    let (state, reason, failure_code) = match &session.state {
        SessionState::Creating => (State::Creating, None, ""),
        SessionState::Open => (State::Open, None, ""),
        SessionState::Closing { reason } => (State::Closing, Some(*reason), ""),
        SessionState::Completed { .. } => (State::Completed, None, ""),
        SessionState::Expired { reason, .. } => (State::Expired, Some(*reason), ""),
        SessionState::Failed { code } => (State::Failed, None, code.as_str()),
    };
    let payment_state = match session.state {
        SessionState::Completed { payment, .. } => match payment {
            SessionPayment::Processing => v1::SessionPaymentState::Processing,
            SessionPayment::Paid => v1::SessionPaymentState::Paid,
            SessionPayment::NotRequired => v1::SessionPaymentState::NotRequired,
            SessionPayment::Failed => v1::SessionPaymentState::Failed,
        },
        _ => v1::SessionPaymentState::Unspecified,
    };
    let mode = match session.mode {
        CheckoutMode::Payment => v1::CheckoutMode::Payment,
        CheckoutMode::BankTransferPayment => v1::CheckoutMode::BankTransferPayment,
        CheckoutMode::Setup => v1::CheckoutMode::Setup,
    };
    let payment_type = match session.payment_type {
        PaymentType::Card => v1::PaymentType::Card,
        PaymentType::BankTransfer => v1::PaymentType::BankTransfer,
    };
    v1::CheckoutSession {
        id: session.id.to_string(),
        seller_id: session.seller_id.to_string(),
        invoice_id: text(session.invoice_id().as_ref()),
        payment_link_id: text(session.payment_link_id().as_ref()),
        mode: mode as i32,
        payment_type: payment_type as i32,
        state: state as i32,
        payment_state: payment_state as i32,
        close_reason: reason.map_or(v1::CloseReason::Unspecified, close_reason) as i32,
        failure_code: failure_code.to_owned(),
        amount: Some(money(session.amount)),
        url: session.url.clone().unwrap_or_default(),
        locale: session.locale.as_ref().map(|locale| locale.as_str().to_owned()).unwrap_or_default(),
        return_url: session.return_url.as_ref().map(|url| url.as_str().to_owned()).unwrap_or_default(),
        cancel_url: session.cancel_url.as_ref().map(|url| url.as_str().to_owned()).unwrap_or_default(),
        customer_id: text(session.customer_id.as_ref()),
        metadata: pairs(&session.metadata),
        expire_time: Some(timestamp(session.expires_at)),
        provider: session.provider.to_string(),
        provider_ref: text(session.provider_ref.as_ref()),
        livemode: session.livemode,
        create_time: Some(timestamp(session.created_at)),
        collected: session.collected.as_deref().map(collected),
        update_time: Some(timestamp(session.updated_at)),
    }
}

fn payment_flag(flag: PaymentFlag) -> i32 {
    let flag = match flag {
        PaymentFlag::Partial => v1::PaymentFlag::Partial,
        PaymentFlag::Overpaid => v1::PaymentFlag::Overpaid,
        PaymentFlag::WrongCurrency => v1::PaymentFlag::WrongCurrency,
        PaymentFlag::InvoiceAlreadyPaid => v1::PaymentFlag::InvoiceAlreadyPaid,
        PaymentFlag::InvoiceNotOpen => v1::PaymentFlag::InvoiceNotOpen,
        PaymentFlag::CollectableClosed => v1::PaymentFlag::CollectableClosed,
        PaymentFlag::OverRefunded => v1::PaymentFlag::OverRefunded,
    };
    flag as i32
}

pub(crate) fn payment(payment: &Payment) -> v1::Payment {
    let kind = match payment.kind {
        PaymentKind::AdHoc => v1::PaymentKind::AdHoc,
        PaymentKind::Link => v1::PaymentKind::Link,
        PaymentKind::Checkout => v1::PaymentKind::Checkout,
        PaymentKind::Renewal => v1::PaymentKind::Renewal,
        PaymentKind::OutOfBand => v1::PaymentKind::OutOfBand,
    };
    let state = match payment.state {
        PaymentState::Pending => v1::PaymentState::Pending,
        PaymentState::Processing => v1::PaymentState::Processing,
        PaymentState::Authorized { .. } => v1::PaymentState::Authorized,
        PaymentState::Succeeded { .. } => v1::PaymentState::Succeeded,
        PaymentState::Failed { .. } => v1::PaymentState::Failed,
        PaymentState::Canceled { .. } => v1::PaymentState::Canceled,
        PaymentState::Expired { .. } => v1::PaymentState::Expired,
    };
    let authorization = payment.authorization();
    v1::Payment {
        amount_capturable: authorization.map(|held| money(held.amount)),
        capture_before_time: authorization.and_then(|held| held.capture_before).map(timestamp),
        id: payment.id.to_string(),
        seller_id: payment.seller_id.to_string(),
        customer_id: text(payment.customer_id.as_ref()),
        kind: kind as i32,
        state: state as i32,
        provider: payment.provider.to_string(),
        provider_ref: text(payment.provider_ref.as_ref()),
        subtotal: Some(money(payment.subtotal)),
        tax: Some(money(payment.tax)),
        total: Some(money(payment.total)),
        received: payment.received.map(money),
        refunded: payment.refunded.map(money),
        disputed: payment.disputed.map(money),
        out_of_band: payment.out_of_band.as_ref().map(told_receipt),
        subscription_id: text(payment.subscription_id.as_ref()),
        flags: payment.flags.iter().copied().map(payment_flag).collect(),
        description: text(payment.description.as_ref()),
        metadata: pairs(&payment.metadata),
        url: payment.url.clone().unwrap_or_default(),
        expire_time: payment.expires_at.map(timestamp),
        invoice_id: text(payment.invoice_id.as_ref()),
        payment_link_id: text(payment.payment_link_id.as_ref()),
        checkout_session_id: text(payment.checkout_session_id.as_ref()),
        livemode: payment.livemode,
        create_time: Some(timestamp(payment.created_at)),
        update_time: Some(timestamp(payment.updated_at)),
    }
}

pub(crate) fn event(sequenced: &SequencedEvent) -> v1::Event {
    use v1::event::Subject;
    let event = &sequenced.event;
    let subject = match &event.subject {
        EventSubject::Product(it) => Subject::Product(product(it)),
        EventSubject::Price(it) => Subject::Price(price(it)),
        EventSubject::TaxRate(it) => Subject::TaxRate(tax_rate(it)),
        EventSubject::TaxRegistration(it) => Subject::TaxRegistration(tax_registration(it)),
        EventSubject::TaxIdCheck(it) => Subject::TaxIdCheck(tax_id_check(it)),
        EventSubject::Customer(it) => Subject::Customer(customer(it)),
        EventSubject::PaymentMethod(it) => Subject::PaymentMethod(payment_method(it)),
        EventSubject::Invoice(it) => Subject::Invoice(invoice(it, event.occurred_at.date())),
        EventSubject::InvoiceMail(it) => Subject::InvoiceMail(invoice_mail(it)),
        EventSubject::CreditNote(it) => Subject::CreditNote(credit_note(it)),
        EventSubject::ShippingRate(it) => Subject::ShippingRate(shipping_rate(it)),
        EventSubject::Coupon(it) => Subject::Coupon(coupon(it)),
        EventSubject::PromotionCode(it) => Subject::PromotionCode(promotion_code(it)),
        EventSubject::Subscription(it) => Subject::Subscription(subscription(it)),
        EventSubject::PaymentLink(it) => Subject::PaymentLink(payment_link(it)),
        EventSubject::CheckoutSession(it) => Subject::CheckoutSession(checkout_session(it)),
        EventSubject::Payment(it) => Subject::Payment(payment(it)),
        EventSubject::Refund(it) => Subject::Refund(refund(it)),
        EventSubject::Dispute(it) => Subject::Dispute(dispute(it)),
    };
    v1::Event {
        id: event.id.to_string(),
        cursor: sequenced.position.0.to_string(),
        seller_id: event.seller_id.to_string(),
        r#type: event.kind.name().to_owned(),
        create_time: Some(timestamp(event.occurred_at)),
        subject: Some(subject),
        traceparent: event.trace.as_ref().map(|trace| trace.traceparent().to_owned()).unwrap_or_default(),
    }
}
