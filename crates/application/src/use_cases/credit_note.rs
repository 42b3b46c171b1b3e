//! Credit notes: what takes back what a finalized invoice billed.

use domain::credit_note::{CreditNote, CreditNoteNumber, CreditRefused, CreditRequest};
use domain::event::{EventKind, EventSubject};
use domain::id::{CreditNoteId, InvoiceId};
use domain::invoice::{Invoice, InvoiceState};
use domain::money::Money;
use domain::page::{PageRequest, PageSize};
use domain::payment::Payment;
use domain::ports::storage::{CreditNoteFilter, RefundFilter, UnitOfWork};
use domain::provider::Sequel;
use domain::refund::Refund;
use serde::{Deserialize, Serialize};

use super::reads;
use crate::app::App;
use crate::error::{Error, Reason};
use crate::mutation::{Mutation, Step, Update};

reads!("credit note", CreditNote, CreditNoteId, get_credit_note, list_credit_notes(CreditNoteFilter));

/// A credit note, and its invoice as it is since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreditedInvoice {
    /// The credit note.
    pub credit_note: CreditNote,
    /// The invoice.
    pub invoice: Invoice,
}

impl App {
    /// Issues a credit note for a finalized invoice: all that is left of it, or parts of its lines.
    ///
    /// Where it lowers what is due, the link or session of the invoice is closed at the provider first, for it asks for
    /// what is not due any more. A customer may be faster: then what is credited goes back.
    ///
    /// # Errors
    /// There is no such invoice, it is a draft or void, its etag is another, nothing is left of it, more is asked for than
    /// what is left, a payment of it is under way, or the provider can't be reached.
    pub async fn create_credit_note(
        &self,
        mutation: Mutation<Update<InvoiceId, CreditRequest>>,
    ) -> Result<CreditedInvoice, Error> {
        self.mutate("CreateCreditNote", mutation, |app, uow, m| {
            Box::pin(async move {
                let mut invoice = app.lock_for_update(uow, m).await?;
                let request = &m.command.changes;
                CreditNote::check(&invoice, request).map_err(refused)?;
                let sequel = Sequel::Credit { invoice_id: invoice.id, request: Box::new(request.clone()) };
                if let Some(call) = app.close_before(uow, m, &invoice, sequel).await? {
                    return Ok(call);
                }
                Ok(Step::Done(app.credit(uow, &mut invoice, request.clone()).await?))
            })
        })
        .await
    }

    /// Credits an invoice that is locked, and on which nothing can be paid meanwhile. Nothing is written where it fails
    /// other than by the store.
    pub(crate) async fn credit(
        &self,
        uow: &mut dyn UnitOfWork,
        invoice: &mut Invoice,
        request: CreditRequest,
    ) -> Result<CreditedInvoice, Error> {
        CreditNote::check(invoice, &request).map_err(refused)?;
        let now = self.now();
        let format = &self.seller(&invoice.seller_id)?.credit_note_numbers;
        let series = format.series(now.date());
        let sequence = uow.next_number(&invoice.seller_id, &series).await?;
        let number = CreditNoteNumber { number: format.number(now.date(), sequence), series, sequence };
        let was_paid = matches!(invoice.state, InvoiceState::Paid { .. });
        let mut credit_note =
            CreditNote::issue(invoice, request, (self.new_credit_note_id(), number), now).map_err(refused)?;
        uow.insert_credit_note(&mut credit_note).await?;
        uow.update_invoice(invoice).await?;
        let subject = EventSubject::CreditNote(Box::new(credit_note.clone()));
        self.record(uow, EventKind::CreditNoteCreated, subject).await?;
        let is_paid = matches!(invoice.state, InvoiceState::Paid { .. }) && !was_paid;
        for kind in [Some(EventKind::InvoiceCredited), is_paid.then_some(EventKind::InvoicePaid)].into_iter().flatten()
        {
            self.record(uow, kind, EventSubject::Invoice(Box::new(invoice.clone()))).await?;
        }
        Ok(CreditedInvoice { credit_note, invoice: invoice.clone() })
    }

    /// A credit note of the caller's, by which money is to go back. Its invoice is locked: refunds of several payments by
    /// one credit note must not come to more than it gives back.
    pub(crate) async fn credit_note_to_refund<C>(
        &self,
        uow: &mut dyn UnitOfWork,
        m: &Mutation<C>,
        id: CreditNoteId,
    ) -> Result<CreditNote, Error> {
        let note = uow.get_credit_note(&m.caller.sellers, id).await?;
        let note = note.ok_or_else(|| Error::not_found("credit note", id))?;
        uow.lock_invoice(note.invoice_id).await?;
        Ok(note)
    }

    /// How much of a payment goes back by a credit note: what is asked for, or all that is left of both.
    pub(crate) async fn refund_by_credit_note(
        &self,
        uow: &dyn UnitOfWork,
        note: &CreditNote,
        payment: &Payment,
        asked: Option<Money>,
    ) -> Result<Money, Error> {
        if payment.invoice_id != Some(note.invoice_id) {
            let expected = "must be a credit note of the invoice that the payment paid";
            return Err(Error::field("credit_note_id", "OTHER_INVOICE", expected));
        }
        if payment.refundable().is_some_and(|refundable| refundable.currency() != note.currency) {
            let expected = "must be a credit note in the currency of the money that came in";
            return Err(Error::field("credit_note_id", "CURRENCY_MISMATCH", expected));
        }
        let left = self.left_to_refund(uow, note).await?;
        if left.is_zero() {
            let message = "nothing is left to refund by the credit note";
            return Err(Error::precondition(Reason::InvoiceCredited, message));
        }
        match asked {
            Some(asked) if asked.currency() != left.currency() => Err(Error::field(
                "amount.currency_code",
                "CURRENCY_MISMATCH",
                format!("must be in the credit note's currency, {}", left.currency()),
            )),
            Some(asked) if asked.minor() > left.minor() => Err(Error::field(
                "amount.minor_units",
                "ABOVE_AMOUNT_LEFT",
                format!("must be at most {left}, which is what is left to refund by the credit note"),
            )),
            Some(asked) => Ok(asked),
            None => {
                let of_payment = payment.refundable().filter(|refundable| !refundable.is_zero());
                Ok(of_payment
                    .map_or(left, |refundable| Money::new(left.minor().min(refundable.minor()), refundable.currency())))
            }
        }
    }

    /// What a credit note gives back through a provider, without what refunds that name it have taken.
    async fn left_to_refund(&self, uow: &dyn UnitOfWork, note: &CreditNote) -> Result<Money, Error> {
        let mut left = note.refundable_amount().minor();
        let mut before = None;
        loop {
            let filter = RefundFilter { credit_note_id: Some(note.id), ..RefundFilter::default() };
            let page =
                uow.list_refunds(&note.seller_id, filter, PageRequest { size: PageSize::DEFAULT, before }).await?;
            left -= page.items.iter().filter_map(Refund::counted).map(Money::minor).sum::<i64>();
            before = page.items.last().map(|refund| refund.id);
            if !page.has_more {
                return Ok(Money::new(left.max(0), note.currency));
            }
        }
    }
}

/// What a credit that is refused means to a caller.
fn refused(refused: CreditRefused) -> Error {
    match refused {
        CreditRefused::NotFinal { .. } => Error::precondition(Reason::InvoiceState, refused),
        CreditRefused::NothingLeft => Error::precondition(Reason::InvoiceCredited, refused),
        CreditRefused::Fields(violations) => Error::Invalid(violations),
        CreditRefused::Money(error) => Error::internal(error),
    }
}
