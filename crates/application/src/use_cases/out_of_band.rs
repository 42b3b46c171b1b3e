//! Money that came in beside every provider, recorded on an invoice.

use domain::event::{EventKind, EventSubject};
use domain::id::InvoiceId;
use domain::invoice::Invoice;
use domain::payment::{OutOfBandReceipt, Payment, ReceiptRefused};
use domain::ports::storage::UnitOfWork;
use domain::provider::Sequel;
use serde::{Deserialize, Serialize};

use super::invoice::invoice_error;
use crate::app::App;
use crate::error::Error;
use crate::mutation::{Mutation, Step, Update};
use crate::settlement::net_and_tax;

/// A payment, and its invoice as it is since.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordedPayment {
    /// The payment.
    pub payment: Payment,
    /// The invoice.
    pub invoice: Invoice,
}

impl App {
    /// Records money that came in on an invoice beside the provider: all that is due, or a part of it.
    ///
    /// The link or session of the invoice is closed at the provider first, for it asks for what is not due any more. A
    /// customer may be faster: then it is refused where less is due than came in, and the money is to be given back.
    ///
    /// # Errors
    /// There is no such invoice, it is neither open nor uncollectible, its etag is another, less is due, the currency is
    /// another, a payment of it is under way, or the provider can't be reached.
    pub async fn record_invoice_payment(
        &self,
        mutation: Mutation<Update<InvoiceId, OutOfBandReceipt>>,
    ) -> Result<RecordedPayment, Error> {
        self.mutate("RecordInvoicePayment", mutation, |app, uow, m| {
            Box::pin(async move {
                let mut invoice = app.lock_for_update(uow, m).await?;
                let receipt = &m.command.changes;
                receipt.check(&invoice).map_err(refused)?;
                let sequel = Sequel::OutOfBandPayment { invoice_id: invoice.id, receipt: Box::new(receipt.clone()) };
                if let Some(call) = app.close_before(uow, m, &invoice, sequel).await? {
                    return Ok(call);
                }
                Ok(Step::Done(app.record_payment(uow, &mut invoice, receipt.clone()).await?))
            })
        })
        .await
    }

    /// Records money on an invoice that is locked. Nothing is written where it fails other than by the store.
    pub(crate) async fn record_payment(
        &self,
        uow: &mut dyn UnitOfWork,
        invoice: &mut Invoice,
        receipt: OutOfBandReceipt,
    ) -> Result<RecordedPayment, Error> {
        receipt.check(invoice).map_err(refused)?;
        let now = self.now();
        let provider = &self.seller(&invoice.seller_id)?.provider;
        // In a sandbox no invoice is about real money.
        let livemode = self.provider(provider)?.capabilities().livemode;
        let split = net_and_tax(receipt.amount, Some(invoice), None);
        let flags = invoice.receive(receipt.amount, now).map_err(Error::internal)?;
        let id = self.new_payment_id();
        let mut payment = Payment::out_of_band(id, invoice, (receipt, split), (flags.clone(), livemode), now);
        self.store_invoice(uow, invoice, &flags).await?;
        uow.insert_payment(&mut payment).await?;
        self.record(uow, EventKind::PaymentSucceeded, EventSubject::Payment(Box::new(payment.clone()))).await?;
        Ok(RecordedPayment { payment, invoice: invoice.clone() })
    }
}

/// What money that can't be recorded means to a caller.
fn refused(refused: ReceiptRefused) -> Error {
    match refused {
        ReceiptRefused::State(error) => invoice_error(error),
        ReceiptRefused::Fields(violations) => Error::Invalid(violations),
    }
}
