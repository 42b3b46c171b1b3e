//! What callers ask for, and how they ask again.

use std::sync::Arc;

use domain::access::{Caller, Scope};
use domain::credit_note::{CreditPart, CreditReason, CreditRequest, CreditScope, LineCredit};
use domain::id::{CheckoutSessionId, InvoiceId, PaymentId, PaymentLinkId};
use domain::idempotency::RequestId;
use domain::invoice::{Invoice, InvoiceState};
use domain::metadata::Metadata;
use domain::money::{Money, Quantity, UnitPrice};
use domain::payment::{OutOfBand, OutOfBandMethod, OutOfBandReceipt, Payment, PaymentState};
use domain::payment_link::{AfterCompletion, CaptureMethod, CompletedSessionsMax, LinkOptions, PaymentLink};
use domain::redirect::{RedirectPolicy, RedirectUrl};
use domain::seller::Seller;
use domain::tax::TaxBehavior;
use domain::text::{Description, DisplayName};
use port_simulator::Contents;
use time::macros::date;

use super::history::{Action, Step};
use crate::mocked::money;
use crate::{
    App, CapturePayment, CheckoutPurpose, CreateInvoice, CreateInvoiceCheckout, CreatePayment, CreatePaymentLink,
    CreateRefund, Error, InvoiceLineSpec, ItemPrice, LineItemSpec, LinePrice, LinkTargetSpec, Mutation, Offers,
    TaxSpec, Update,
};

/// A mutation, as a caller keeps it to ask again.
#[derive(Debug, Clone)]
pub(super) enum Command {
    CreateInvoice(CreateInvoice),
    FinalizeInvoice(InvoiceId),
    VoidInvoice(InvoiceId),
    GiveInvoiceUp(InvoiceId),
    CreateLink(Box<CreatePaymentLink>),
    CloseLink(PaymentLinkId),
    ReopenLink(PaymentLinkId),
    CreateCheckout(CreateInvoiceCheckout),
    ExpireCheckout(CheckoutSessionId),
    CreatePayment(CreatePayment),
    CancelPayment(PaymentId),
    CapturePayment(CapturePayment),
    CreateRefund(CreateRefund),
    CreditInvoice(InvoiceId, CreditRequest),
    RecordPayment(InvoiceId, OutOfBandReceipt),
}

/// One of these, if there is any.
pub(super) fn pick<T>(things: &[T], pick: u64) -> Option<&T> {
    let count = u64::try_from(things.len()).unwrap_or(u64::MAX);
    things.get(usize::try_from(pick.checked_rem(count)?).ok()?)
}

/// A part of an amount: all of it, or as much as the pick says.
pub(super) fn part(whole: Money, pick: u64) -> Money {
    match pick % 3 {
        0 => whole,
        _ => {
            let least = i64::try_from(pick >> 8 & 0xffff).unwrap_or(0);
            Money::new(1 + least % whole.minor().max(1), whole.currency())
        }
    }
}

impl Command {
    /// What a caller asks for at a step, by what it has read; nothing where there is nothing to ask it of.
    pub(super) fn of(step: Step, read: &Contents<'_>) -> Option<Self> {
        let nth = step.pick >> 32;
        let odd = step.pick.is_multiple_of(4);
        let invoices = |state: &str| -> Vec<&Invoice> {
            // Some ask of what is in another state, and are refused.
            read.invoices.iter().copied().filter(|it| odd || it.state.name() == state).collect()
        };
        let invoice = |state: &str| pick(&invoices(state), nth).copied();
        let open = || invoice(InvoiceState::OPEN);
        let payment = |state: &str| {
            let payments: Vec<&Payment> =
                read.payments.iter().copied().filter(|it| odd || it.state.name() == state).collect();
            pick(&payments, nth).copied()
        };
        let link = || pick(&read.links, nth).map(|link: &&PaymentLink| link.id);
        Some(match step.action {
            Action::CreateInvoice => Self::CreateInvoice(new_invoice(step.pick)),
            Action::FinalizeInvoice => Self::FinalizeInvoice(invoice(InvoiceState::DRAFT)?.id),
            Action::VoidInvoice => Self::VoidInvoice(open()?.id),
            Action::GiveInvoiceUp => Self::GiveInvoiceUp(open()?.id),
            Action::CreateInvoiceLink => {
                let invoice = open()?;
                let amount = part(invoice.amount_due(), step.pick);
                let target = LinkTargetSpec::Invoice { invoice_id: invoice.id, amount: (!odd).then_some(amount) };
                Self::CreateLink(Box::new(new_link(target, LinkOptions::default())))
            }
            Action::CreateItemsLink => Self::CreateLink(Box::new(new_items_link(step.pick))),
            Action::CloseLink => Self::CloseLink(link()?),
            Action::ReopenLink => Self::ReopenLink(link()?),
            Action::CreateCheckout => {
                let invoice = open()?;
                let amount = Some(part(invoice.amount_due(), step.pick));
                let purpose = CheckoutPurpose::Pay { invoice_id: invoice.id, amount, by_bank_transfer: false };
                let return_url = RedirectUrl::parse("https://shop.example/paid", &RedirectPolicy::AnyHost).unwrap();
                Self::CreateCheckout(CreateInvoiceCheckout {
                    purpose,
                    locale: None,
                    return_url,
                    cancel_url: None,
                    metadata: Metadata::default(),
                })
            }
            Action::ExpireCheckout => Self::ExpireCheckout(pick(&read.sessions, nth)?.id),
            Action::CreatePayment => Self::CreatePayment(CreatePayment {
                amount: some_money(step.pick),
                tax_behavior: TaxBehavior::Inclusive,
                tax: TaxSpec::Automatic { tax_code: None },
                description: Description::parse("Consulting").unwrap(),
                customer_id: None,
                metadata: Metadata::default(),
                expires_at: None,
                after_completion: AfterCompletion::Confirmation,
            }),
            Action::CancelPayment => {
                let state = if step.pick.is_multiple_of(2) { PaymentState::PENDING } else { PaymentState::AUTHORIZED };
                Self::CancelPayment(payment(state)?.id)
            }
            Action::CapturePayment => {
                let payment = payment(PaymentState::AUTHORIZED)?;
                Self::CapturePayment(CapturePayment { id: payment.id, amount: Some(part(payment.total, step.pick)) })
            }
            Action::CreateRefund => {
                let payment = payment(PaymentState::SUCCEEDED)?;
                let amount = payment.refundable().filter(|_| !odd).map(|left| part(left, step.pick));
                let of_invoice = |note: &&domain::credit_note::CreditNote| Some(note.invoice_id) == payment.invoice_id;
                let credit_note_id = read.credit_notes.iter().copied().find(of_invoice).map(|note| note.id);
                Self::CreateRefund(CreateRefund {
                    payment_id: payment.id,
                    amount: amount.filter(|amount| amount.minor() > 0),
                    reason: None,
                    credit_note_id,
                    metadata: Metadata::default(),
                })
            }
            Action::CreditInvoice => {
                let invoice = if odd { open()? } else { invoice(InvoiceState::PAID)? };
                Self::CreditInvoice(invoice.id, credit(invoice, step.pick))
            }
            Action::RecordPayment => {
                let invoice = open()?;
                let how =
                    OutOfBand { method: OutOfBandMethod::Cash, reference: None, received_on: date!(2026 - 11 - 24) };
                let receipt = OutOfBandReceipt {
                    amount: part(invoice.amount_due(), step.pick),
                    how,
                    description: None,
                    metadata: Metadata::default(),
                };
                Self::RecordPayment(invoice.id, receipt)
            }
            _ => return None,
        })
    }

    /// Asks once. The answer, whole, as JSON.
    pub(super) async fn ask(&self, app: &App, seller: &Arc<Seller>, request_id: &RequestId) -> Result<String, Error> {
        /// Asks for an operation.
        macro_rules! ask {
            ($operation:ident($command:expr)) => {{
                let caller = Caller { key: None, scope: Scope::Admin, sellers: [seller.id.clone()].into() };
                let (seller, request_id) = (Arc::clone(seller), request_id.clone());
                let mutation = Mutation { caller, seller, request_id, command: $command };
                app.$operation(mutation).await.map(|answer| serde_json::to_string(&answer).unwrap())
            }};
        }
        fn update<C>(id: InvoiceId, changes: C) -> Update<InvoiceId, C> {
            Update { id, etag: None, changes }
        }
        match self.clone() {
            Self::CreateInvoice(command) => ask!(create_invoice(command)),
            Self::FinalizeInvoice(id) => ask!(finalize_invoice(update(id, ()))),
            Self::VoidInvoice(id) => ask!(void_invoice(update(id, ()))),
            Self::GiveInvoiceUp(id) => ask!(mark_invoice_uncollectible(update(id, ()))),
            Self::CreateLink(command) => ask!(create_payment_link(*command)),
            Self::CloseLink(id) => ask!(deactivate_payment_link(id)),
            Self::ReopenLink(id) => ask!(activate_payment_link(id)),
            Self::CreateCheckout(command) => ask!(create_invoice_checkout(command)),
            Self::ExpireCheckout(id) => ask!(expire_checkout_session(id)),
            Self::CreatePayment(command) => ask!(create_payment(command)),
            Self::CancelPayment(id) => ask!(cancel_payment(id)),
            Self::CapturePayment(command) => ask!(capture_payment(command)),
            Self::CreateRefund(command) => ask!(create_refund(command)),
            Self::CreditInvoice(id, request) => ask!(create_credit_note(update(id, request))),
            Self::RecordPayment(id, receipt) => ask!(record_invoice_payment(update(id, receipt))),
        }
    }
}

/// From 1 to 1 000 kronor.
fn some_money(pick: u64) -> Money {
    money(100 + i64::try_from(pick >> 16 & 0xffff).unwrap_or(0) % 99_900)
}

fn unit_price(pick: u64) -> UnitPrice {
    let amount = some_money(pick);
    UnitPrice::parse(amount.minor().into(), amount.currency()).unwrap()
}

pub(super) fn new_invoice(pick: u64) -> CreateInvoice {
    let line = |pick: u64| InvoiceLineSpec {
        description: Some(Description::parse("Web hosting").unwrap()),
        quantity: Quantity::parse(1 + i64::try_from(pick % 3).unwrap()).unwrap(),
        price: LinePrice::Inline { unit_price: unit_price(pick), tax_behavior: TaxBehavior::Exclusive },
        tax: TaxSpec::Automatic { tax_code: None },
        discount: None,
    };
    CreateInvoice {
        customer_id: None,
        currency: money(0).currency(),
        lines: vec![line(pick), line(pick.rotate_left(7))],
        discount: None,
        tax_rounding: None,
        description: None,
        tax_point: None,
        due_date: None,
        tax_exchange_rate: None,
        metadata: Metadata::default(),
        finalize: !pick.is_multiple_of(5),
    }
}

pub(super) fn new_link(target: LinkTargetSpec, options: LinkOptions) -> CreatePaymentLink {
    CreatePaymentLink { target, options, offers: Offers::default(), currency: None }
}

pub(super) fn new_items_link(pick: u64) -> CreatePaymentLink {
    let price = ItemPrice::Inline {
        name: DisplayName::parse("Ticket").unwrap(),
        description: None,
        unit_price: unit_price(pick),
        recurrence: None,
        tax_behavior: None,
        tax_code: None,
    };
    let mut options = LinkOptions::default();
    if !pick.is_multiple_of(3) {
        options.payment.capture = CaptureMethod::Manual;
    }
    if pick.is_multiple_of(2) {
        options.completed_sessions_max = Some(CompletedSessionsMax::parse(2).unwrap());
    }
    new_link(LinkTargetSpec::Items(vec![LineItemSpec { price, quantity: Quantity::ONE, adjustable: None }]), options)
}

fn credit(invoice: &Invoice, pick: u64) -> CreditRequest {
    let scope = match invoice.lines.first().filter(|_| !pick.is_multiple_of(3)) {
        None => CreditScope::Rest,
        Some(line) => {
            let part = CreditPart::Amount(part(line.amount, pick >> 4));
            CreditScope::Lines(vec![LineCredit { line_id: line.id, part }])
        }
    };
    CreditRequest { scope, reason: CreditReason::OrderChange, memo: None, metadata: Metadata::default() }
}
