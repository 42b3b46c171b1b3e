//! Refunds that callers ask for, and reads of refunds and disputes.
//!
//! An invoice stays paid when its payment is refunded: it says what was billed and paid then. What corrects an invoice is
//! a credit note.

use domain::dispute::Dispute;
use domain::id::{CreditNoteId, DisputeId, PaymentId, RefundId};
use domain::metadata::Metadata;
use domain::money::Money;
use domain::payment::RefundRefused;
use domain::ports::storage::{DisputeFilter, RefundFilter};
use domain::provider::{Feature, ProviderAction};
use domain::refund::{NewRefund, Refund, RefundReason};
use serde::Serialize;

use super::reads;
use crate::app::App;
use crate::error::{Error, Reason};
use crate::mutation::Mutation;

reads!("refund", Refund, RefundId, get_refund, list_refunds(RefundFilter));
reads!("dispute", Dispute, DisputeId, get_dispute, list_disputes(DisputeFilter));

/// What a caller says of a refund.
#[derive(Debug, Clone, Serialize)]
pub struct CreateRefund {
    /// The payment, whose money must have come in.
    pub payment_id: PaymentId,
    /// How much goes back; all that is left where absent.
    pub amount: Option<Money>,
    /// Why.
    pub reason: Option<RefundReason>,
    /// The credit note by which it goes back: then no more than what that gives back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credit_note_id: Option<CreditNoteId>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

impl App {
    /// Sends money of a payment back, the whole or a part of it.
    ///
    /// Its payment holds the amount from the moment in which it is intended, so that refunds that are asked for at once
    /// never come to more than what came in. One that fails, also later, gives it free again.
    ///
    /// # Errors
    /// There is no such payment, its money has not come in or came in out of band, or less is left of it, or of the credit
    /// note that is named, than what is asked for; the provider refuses it or can't be reached; the request id was used otherwise.
    pub async fn create_refund(&self, mutation: Mutation<CreateRefund>) -> Result<Refund, Error> {
        self.mutate("CreateRefund", mutation, |app, uow, m| {
            Box::pin(async move {
                let command = m.command.clone();
                let note = match command.credit_note_id {
                    Some(id) => Some(app.credit_note_to_refund(uow, m, id).await?),
                    None => None,
                };
                let found = uow.lock_payment(command.payment_id).await?;
                let found = found.filter(|payment| m.caller.sellers.contains(&payment.seller_id));
                let mut payment = found.ok_or_else(|| Error::not_found("payment", command.payment_id))?;
                let asked = match &note {
                    Some(note) => Some(app.refund_by_credit_note(uow, note, &payment, command.amount).await?),
                    None => command.amount,
                };
                let amount = payment.hold_refund(asked, app.now()).map_err(refused)?;
                if Some(amount) != payment.received
                    && !app.provider(&payment.provider)?.capabilities().has(Feature::PartialRefunds)
                {
                    return Err(Error::unsupported("amount", Feature::PartialRefunds.name()));
                }
                let id = app.new_refund_id();
                let CreateRefund { reason, credit_note_id, metadata, .. } = command;
                let new = NewRefund { id, amount, reason, credit_note_id, metadata };
                let mut refund = Refund::creating(new, &payment, app.now());
                uow.insert_refund(&mut refund).await?;
                app.store_reversals(uow, &mut payment, true).await?;
                app.call(uow, m, &payment.provider, ProviderAction::CreateRefund { refund_id: id }).await
            })
        })
        .await
    }
}

fn refused(refused: RefundRefused) -> Error {
    match refused {
        RefundRefused::NotSucceeded { .. } | RefundRefused::OutOfBand | RefundRefused::NothingLeft => {
            Error::precondition(Reason::PaymentState, refused)
        }
        RefundRefused::WrongCurrency { .. } => {
            Error::field("amount.currency_code", "CURRENCY_MISMATCH", refused.to_string())
        }
        RefundRefused::TooMuch { .. } => Error::field("amount.minor_units", "ABOVE_AMOUNT_LEFT", refused.to_string()),
    }
}
