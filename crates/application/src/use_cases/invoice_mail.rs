//! Sending invoices and receipts by mail: asking for it, and reading what became of it.

use domain::document::{InvoiceDocumentKind, Language};
use domain::id::{InvoiceId, InvoiceMailId};
use domain::invoice_mail::{InvoiceMail, MailOrder};
use domain::party::Email;
use serde::Serialize;

use super::reads;
use crate::app::App;
use crate::documents::language_of;
use crate::error::{Error, Reason};
use crate::mutation::{Mutation, Step};

/// What is sent, and to whom.
#[derive(Debug, Clone, Serialize)]
pub struct SendInvoice {
    /// The invoice.
    pub invoice_id: InvoiceId,
    /// Which document of it.
    pub kind: InvoiceDocumentKind,
    /// In which language; the customer's if absent, else English.
    pub language: Option<Language>,
    /// To whom; to the customer as the invoice has it if absent.
    pub to: Option<Email>,
}

reads!("invoice mail", InvoiceMail, InvoiceMailId, get_invoice_mail, list_invoice_mails(Option<InvoiceId>));

impl App {
    /// Queues a mail about an invoice; the worker sends it. The same request queues one alone.
    ///
    /// # Errors
    /// Mail is not turned on, there is no such invoice, it is not in a state for that, or it knows nobody to send it to.
    pub async fn send_invoice(&self, mutation: Mutation<SendInvoice>) -> Result<InvoiceMail, Error> {
        let queued = self
            .mutate("SendInvoice", mutation, |app, uow, m| {
                Box::pin(async move {
                    let order = &m.command;
                    let parts = app.0.mail.as_ref().ok_or_else(disabled)?;
                    let invoice = uow.get_invoice(&m.caller.sellers, order.invoice_id).await?;
                    let invoice = invoice.ok_or_else(|| Error::not_found("invoice", order.invoice_id))?;
                    MailOrder::check(order.kind, &invoice)
                        .map_err(|error| Error::precondition(Reason::InvoiceState, error))?;
                    let known = invoice.finalization().and_then(|fixed| fixed.buyer.as_ref()?.email.clone());
                    let to = order.to.clone().or(known).ok_or_else(no_recipient)?;
                    let language = language_of(uow, &invoice, order.language).await?;
                    let id = app.new_invoice_mail_id();
                    let sender = parts.sender(&m.seller);
                    let ids = (id, sender.message_id(id).map_err(Error::internal)?);
                    let order = MailOrder { invoice_id: invoice.id, kind: order.kind, language, to };
                    let mut mail = InvoiceMail::queued(ids, m.seller.id.clone(), order, app.now());
                    uow.insert_invoice_mail(&mut mail).await?;
                    Ok(Step::Done(mail))
                })
            })
            .await?;
        self.0.mail_work.notify_one();
        Ok(queued)
    }
}

fn disabled() -> Error {
    Error::precondition(Reason::MailDisabled, "mail is not turned on: the operator configures [mail]")
}

fn no_recipient() -> Error {
    Error::field("to", "REQUIRED", "is required, since the invoice has no e-mail address of its customer")
}
