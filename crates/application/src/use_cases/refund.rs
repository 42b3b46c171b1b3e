//! Refunds that callers ask for, and reads of refunds and disputes.
//!
//! An invoice stays paid when its payment is refunded: it says what was billed and paid then. What corrects an invoice is
//! a credit note.

use domain::dispute::Dispute;
use domain::id::{CreditNoteId, DisputeId, PaymentId, RefundId};
use domain::metadata::Metadata;
use domain::money::Money;
use domain::payment::{Payment, RefundRefused};
use domain::ports::storage::{DisputeFilter, RefundFilter, UnitOfWork};
use domain::provider::{Feature, ProviderAction};
use domain::refund::{NewRefund, OutOfBandRefund, Refund, RefundReason};
use serde::{Deserialize, Serialize};

use super::reads;
use crate::app::App;
use crate::error::{Error, Reason};
use crate::mutation::{Mutation, Step};

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

/// What a caller says of money that went back beside the provider.
#[derive(Debug, Clone, Serialize)]
pub struct RecordRefund {
    /// What went back, of which payment.
    pub refund: CreateRefund,
    /// How it went back.
    pub how: OutOfBandRefund,
}

/// A refund that was recorded, and its payment as it is since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedRefund {
    /// The refund.
    pub refund: Refund,
    /// The payment.
    pub payment: Payment,
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
                let (mut payment, asked) = app.payment_to_refund(uow, m, &command).await?;
                let amount = payment.hold_refund(asked, app.now()).map_err(refused)?;
                if Some(amount) != payment.received
                    && !app.provider(&payment.provider)?.capabilities().has(Feature::PartialRefunds)
                {
                    return Err(Error::unsupported("amount", Feature::PartialRefunds.name()));
                }
                let id = app.new_refund_id();
                let mut refund = Refund::creating(command.into_new(id, amount), &payment, app.now());
                uow.insert_refund(&mut refund).await?;
                app.store_reversals(uow, &mut payment, true).await?;
                app.call(uow, m, &payment.provider, ProviderAction::CreateRefund { refund_id: id }).await
            })
        })
        .await
    }
}

impl App {
    /// Records money of a payment that went back beside the provider, as in cash or by a transfer: all that is left of it, or
    /// a part. It is counted like any other refund, under the same lock.
    ///
    /// # Errors
    /// There is no such payment, its money has not come in, it went back before it came in, or less is left of it, or of the
    /// credit note that is named, than what went back; the request id was used otherwise.
    pub async fn record_refund(&self, mutation: Mutation<RecordRefund>) -> Result<RecordedRefund, Error> {
        self.mutate("RecordRefund", mutation, |app, uow, m| {
            Box::pin(async move {
                let RecordRefund { refund, how } = m.command.clone();
                let (mut payment, asked) = app.payment_to_refund(uow, m, &refund).await?;
                let amount = payment.expect_refundable(asked).map_err(refused)?;
                let new = refund.into_new(app.new_refund_id(), amount);
                let mut refund = Refund::recorded(new, how, &payment, app.now())
                    .map_err(|invalid| Error::field("refund_date", invalid.rule, invalid.expected))?;
                uow.insert_refund(&mut refund).await?;
                app.refund_moved(uow, &mut payment, None, &refund).await?;
                Ok(Step::Done(RecordedRefund { refund, payment }))
            })
        })
        .await
    }

    /// The payment of which money goes back, locked, and how much of it: by the credit note that is named, if one is.
    async fn payment_to_refund<C>(
        &self,
        uow: &mut dyn UnitOfWork,
        m: &Mutation<C>,
        refund: &CreateRefund,
    ) -> Result<(Payment, Option<Money>), Error> {
        let note = match refund.credit_note_id {
            Some(id) => Some(self.credit_note_to_refund(uow, m, id).await?),
            None => None,
        };
        let found = uow.lock_payment(refund.payment_id).await?;
        let found = found.filter(|payment| m.caller.sellers.contains(&payment.seller_id));
        let payment = found.ok_or_else(|| Error::not_found("payment", refund.payment_id))?;
        let asked = match &note {
            Some(note) => Some(self.refund_by_credit_note(uow, note, &payment, refund.amount).await?),
            None => refund.amount,
        };
        Ok((payment, asked))
    }
}

impl CreateRefund {
    fn into_new(self, id: RefundId, amount: Money) -> NewRefund {
        let Self { reason, credit_note_id, metadata, .. } = self;
        NewRefund { id, amount, reason, credit_note_id, metadata }
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
