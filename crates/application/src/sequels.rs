//! What is done about an invoice only once nothing more can be paid on it at the provider: its link or session is closed
//! by an intent that carries the rest of the request with it.
//!
//! So a crash in between, or a provider that can't be reached, leaves it to the worker, and the request gets its answer as
//! soon as the page is closed.

use domain::idempotency::RequestProgress;
use domain::invoice::Invoice;
use domain::payment::PaymentState;
use domain::payment_link::CloseReason;
use domain::ports::storage::UnitOfWork;
use domain::provider::Sequel;

use crate::app::App;
use crate::error::{Error, Reason};
use crate::leases::LEASE;
use crate::mutation::{Mutation, Step};
use crate::provider_calls::done;

impl App {
    /// The call that must come before `sequel`, if one must: that closes what the invoice can be paid by. The invoice is
    /// locked.
    ///
    /// # Errors
    /// A payment is under way, or another call about the same page is unfinished.
    pub(crate) async fn close_before<C, T>(
        &self,
        uow: &mut dyn UnitOfWork,
        mutation: &Mutation<C>,
        invoice: &Invoice,
        sequel: Sequel,
    ) -> Result<Option<Step<T>>, Error> {
        self.expect_no_payment_under_way(uow, invoice).await?;
        if invoice.amount_due().is_zero() {
            return Ok(None);
        }
        let closing = self.begin_closing_of(uow, invoice.id, CloseReason::InvoiceClosed).await?;
        let Some((_, provider, action)) = closing else { return Ok(None) };
        self.expect_no_call(uow, &action.subject()).await?;
        let mut intent = self.new_intent((&mutation.seller.id, &provider), action, Some(mutation.request_key()));
        intent.sequel = Some(sequel);
        uow.insert_intent(&intent, LEASE).await?;
        Ok(Some(Step::Call(Box::new(intent))))
    }

    /// Does what waited for a page to be closed, and answers the request.
    ///
    /// # Errors
    /// The store fails. What speaks against it since is the inner error.
    pub(crate) async fn conclude_sequel(
        &self,
        uow: &mut dyn UnitOfWork,
        sequel: Sequel,
    ) -> Result<Result<RequestProgress, Error>, Error> {
        let found = uow.lock_invoice(sequel.invoice_id()).await?;
        let mut invoice = found.ok_or_else(|| Error::internal("the invoice of an intent is gone"))?;
        let is_free = match self.expect_no_payment_under_way(uow, &invoice).await {
            Ok(()) => self.expect_no_other_page(uow, &invoice).await,
            refused => refused,
        };
        let concluded = match is_free {
            Err(error) => Err(error),
            Ok(()) => match sequel {
                Sequel::Credit { request, .. } => {
                    self.credit(uow, &mut invoice, *request).await.and_then(|credited| done(&credited))
                }
                Sequel::OutOfBandPayment { receipt, .. } => {
                    self.record_payment(uow, &mut invoice, *receipt).await.and_then(|recorded| done(&recorded))
                }
            },
        };
        match concluded {
            Ok(progress) => Ok(Ok(progress)),
            Err(refusal @ (Error::Invalid(_) | Error::FailedPrecondition { .. })) => Ok(Err(refusal)),
            // The store's, such as a lost race: nothing is decided by it.
            Err(error) => Err(error),
        }
    }

    /// Fails while money may come in on an invoice other than by a page that can be closed.
    async fn expect_no_payment_under_way(&self, uow: &dyn UnitOfWork, invoice: &Invoice) -> Result<(), Error> {
        for state in [PaymentState::PENDING, PaymentState::PROCESSING, PaymentState::AUTHORIZED] {
            let Some(payment) = self.payment_in(uow, invoice, state).await? else { continue };
            let message = match state {
                PaymentState::PENDING => {
                    format!("{} waits for its customer; cancel it, which voids the invoice", payment.id)
                }
                PaymentState::AUTHORIZED => format!("the money of {} is held; cancel or capture it", payment.id),
                _ => format!("the money of {} is on its way; try again once it has come or failed", payment.id),
            };
            return Err(Error::precondition(Reason::PaymentUnderWay, message));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use domain::credit_note::{CreditReason, CreditRequest, CreditScope};
    use domain::id::PaymentLinkId;
    use domain::metadata::Metadata;
    use domain::page::Page;
    use domain::payment::Payment;
    use domain::ports::provider::MockPaymentProvider;
    use domain::ports::storage::{Collectable, MockStorage, MockUnitOfWork, StorageError};

    use super::*;
    use crate::mocked::{self, draft_invoice};

    /// What comes of a credit that waited, whose look at the payments ends so, and that at what its invoice can be paid by. The
    /// invoice can't be credited.
    async fn concluded(
        payments: Result<Vec<Payment>, StorageError>,
        page: Option<Collectable>,
    ) -> Result<Result<RequestProgress, Error>, Error> {
        let mut uow = MockUnitOfWork::new();
        uow.expect_lock_invoice().returning(|_| Ok(Some(draft_invoice())));
        uow.expect_open_collectable().returning(move |_| Ok(page));
        let mut found = Some(payments.map(|items| Page { items, has_more: false }));
        uow.expect_list_payments()
            .returning(move |_, _, _| found.take().unwrap_or(Ok(Page { items: vec![], has_more: false })));
        let request = CreditRequest {
            scope: CreditScope::Rest,
            reason: CreditReason::Duplicate,
            memo: None,
            metadata: Metadata::default(),
        };
        let sequel = Sequel::Credit { invoice_id: draft_invoice().id, request: Box::new(request) };
        mocked::app(MockStorage::new(), MockPaymentProvider::new()).conclude_sequel(&mut uow, sequel).await
    }

    #[tokio::test]
    async fn a_page_that_was_made_while_another_was_closed_is_not_passed_over() {
        let page = Collectable::PaymentLink(PaymentLinkId::from_uuid(uuid::Uuid::from_u128(mocked::UUID)));
        let refused = concluded(Ok(vec![]), Some(page)).await.unwrap().unwrap_err();
        assert!(matches!(refused, Error::FailedPrecondition { reason: Reason::PaymentUnderWay, .. }), "{refused:?}");
    }

    #[tokio::test]
    async fn a_refusal_is_an_answer_and_a_lost_race_is_none() {
        let refused = concluded(Ok(vec![]), None).await.unwrap().unwrap_err();
        assert!(matches!(refused, Error::FailedPrecondition { reason: Reason::InvoiceState, .. }), "{refused:?}");
        // It would be stored as the answer for good.
        assert!(matches!(concluded(Err(StorageError::Stale), None).await, Err(Error::Aborted { .. })));
    }
}
