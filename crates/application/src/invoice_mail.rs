//! Mails about invoices: written when they are sent, so that they tell how things stand then, and sent by the worker.
//!
//! A mail is queued in the transaction of the request that asks for it; it is leased, handed over outside of any
//! transaction, and what came of that is committed with its event. A crash after the mail server took it, and before that
//! commit, sends it again once the lease has run out: at least once, under the same message id. Two tries are never under
//! way at once, since a try is cut off long before its lease runs out. No address and no word of a mail is logged.

mod letter;

use std::sync::Arc;
use std::time::Duration;

use document_language::Words;
use domain::event::{EventKind, EventSubject};
use domain::invoice::Invoice;
use domain::invoice_mail::{InvoiceMail, MailOrder, MailState};
use domain::payment::Payment;
use domain::ports::mail::{
    Attachment, FileName, HeaderText, MailError, Mailer, MediaType, Message, Sender, SenderAddress,
};
use domain::seller::Seller;
use telemetry::table::MAILS;

use crate::app::App;
use crate::error::{Error, Reason};
use crate::rendering::Audience;
use crate::shared_invoices::ShareInvoice;

/// The longest that one try may take: waiting for a thread that renders, writing the mail, and handing it over.
const TRY_MAX: Duration = Duration::from_secs(180);
/// How long a mail belongs to whoever sends it: longer than a try and noting what came of it take.
const LEASE: Duration = Duration::from_secs(300);
const _: () = assert!(TRY_MAX.as_secs() + 60 < LEASE.as_secs(), "two tries would be under way at once");

/// Who sends mail, and from where.
#[derive(Clone)]
pub struct MailParts {
    /// Who hands it over.
    pub mailer: Arc<dyn Mailer>,
    /// Where it comes from, of sellers that name no address of their own. Answers and bounces go there.
    pub from: SenderAddress,
}

impl MailParts {
    /// Where the mails of a seller come from.
    pub(crate) fn sender<'a>(&'a self, seller: &'a Seller) -> &'a SenderAddress {
        seller.mail_from.as_ref().unwrap_or(&self.from)
    }
}

/// What goes with a mail beside its words.
#[derive(Debug, Default)]
pub(crate) struct Enclosures {
    /// Where the invoice can be paid.
    pub(crate) payment_url: Option<String>,
    /// Where its customer sees it.
    pub(crate) page_url: Option<String>,
    /// How to transfer what is due, as label and value; lines without a label are free.
    pub(crate) transfer: Vec<(String, String)>,
    /// The document as a file.
    pub(crate) document: Option<Attachment>,
}

impl App {
    /// Takes mails that are due, at most `limit`; none where mail is turned off.
    pub(crate) async fn take_due_mails(&self, limit: u32) -> Result<Vec<InvoiceMail>, Error> {
        if self.0.mail.is_none() {
            return Ok(Vec::new());
        }
        self.transact(move |_, uow| Box::pin(async move { Ok(uow.lease_due_invoice_mails(limit, LEASE).await?) })).await
    }

    /// Sends a mail that was taken.
    ///
    /// # Errors
    /// What came of it could not be noted: its lease runs out, and it is tried again.
    pub(crate) async fn send_mail(&self, mail: InvoiceMail) -> Result<(), Error> {
        let Some(parts) = &self.0.mail else { return Ok(()) };
        self.deliver(parts, mail, TRY_MAX).await
    }

    /// One try of a mail, which takes no longer than `limit`.
    async fn deliver(&self, parts: &MailParts, mut mail: InvoiceMail, limit: Duration) -> Result<(), Error> {
        let sellers = [mail.seller_id.clone()].into();
        let invoice = self.0.storage.get_invoice(&sellers, mail.order.invoice_id).await?;
        let invoice = invoice.ok_or_else(|| Error::internal(format!("the invoice of {} is gone", mail.id)))?;
        let trying = tokio::time::timeout(limit, self.try_once(parts, &mail, invoice));
        let outcome = match trying.await {
            Err(_) => Err(MailError::Unavailable { reason: "timeout".to_owned() }),
            Ok(Ok(outcome)) => outcome,
            // What it was to tell does not hold any more, and may never again: it is not tried for ever.
            Ok(Err(Error::FailedPrecondition { .. })) => {
                mail.overtaken(self.now());
                return self.note(mail, Duration::ZERO).await;
            }
            // A defect that goes away with a new version of this program, before the mail is given up, harms nobody.
            Ok(Err(Error::Internal(source))) => {
                tracing::error!(mail = %mail.id, error = source.as_ref() as &dyn std::error::Error, "a mail can't be written");
                Err(MailError::Unavailable { reason: "internal".to_owned() })
            }
            Ok(Err(error)) => return Err(error),
        };
        if let Err(error) = &outcome {
            tracing::warn!(mail = %mail.id, attempts = mail.attempts + 1, %error, "a mail was not handed over");
        }
        let retry_in = mail.tried(outcome, self.now());
        let outcome = match mail.state {
            MailState::Queued { .. } => "put_off",
            MailState::Sent { .. } => "sent",
            MailState::Failed { .. } => "failed",
        };
        self.note(mail, retry_in.unwrap_or_default()).await?;
        MAILS.increment([outcome.into()]);
        Ok(())
    }

    /// Writes a mail and hands it over: what the mailer says, unless there is nothing to hand over.
    async fn try_once(
        &self,
        parts: &MailParts,
        mail: &InvoiceMail,
        invoice: Invoice,
    ) -> Result<Result<(), MailError>, Error> {
        let (invoice, payments) = self.with_payments(invoice).await?;
        MailOrder::check(mail.order.kind, &invoice)
            .map_err(|error| Error::precondition(Reason::InvoiceState, error))?;
        let message = self.write(parts, mail, (&invoice, &payments)).await?;
        Ok(parts.mailer.send(&message).await)
    }

    /// Commits what came of a try, with its event.
    async fn note(&self, mail: InvoiceMail, retry_in: Duration) -> Result<(), Error> {
        self.transact(move |app, uow| {
            let mut mail = mail.clone();
            Box::pin(async move {
                uow.update_invoice_mail(&mut mail, retry_in).await?;
                let kind = match mail.state {
                    MailState::Queued { .. } => return Ok(()),
                    MailState::Sent { .. } => EventKind::InvoiceSent,
                    MailState::Failed { .. } => EventKind::InvoiceSendFailed,
                };
                app.record(uow, kind, EventSubject::InvoiceMail(Box::new(mail))).await
            })
        })
        .await
    }

    async fn write(
        &self,
        parts: &MailParts,
        mail: &InvoiceMail,
        (invoice, payments): (&Invoice, &[Payment]),
    ) -> Result<Message, Error> {
        let enclosures = self.enclosures(mail, (invoice, payments)).await?;
        let letter = letter::write(mail.order.kind, mail.order.language, invoice, &enclosures)
            .ok_or_else(|| Error::internal("an invoice without number or seller"))?;
        let seller = self.seller(&mail.seller_id)?;
        let address = parts.sender(seller).clone();
        let from = Sender { name: HeaderText::from_lossy(&letter.sender), address };
        let subject = HeaderText::from_lossy(&letter.subject).ok_or_else(|| Error::internal("an empty subject"))?;
        let written = (mail.message_id.clone(), mail.created_at);
        let message = Message::new(written, (from, mail.order.to.clone()), (subject, letter.text));
        let message = match seller.mail_reply_to.clone() {
            Some(reply_to) => message.with_reply_to(reply_to),
            None => message,
        };
        Ok(match enclosures.document {
            Some(document) => message.with_attachment(document),
            None => message,
        })
    }

    /// What goes with a mail: the document, where its customer sees it, and where to pay while something is due and a link is
    /// open.
    async fn enclosures(
        &self,
        mail: &InvoiceMail,
        (invoice, payments): (&Invoice, &[Payment]),
    ) -> Result<Enclosures, Error> {
        let language = mail.order.language;
        let document = self.document_of((invoice, payments), mail.order.kind, language).await?;
        let transfer = Words::of(language).transfer(&document);
        let file = self.render(document, Audience::Recipient).await?;
        let document = Attachment {
            name: FileName::parse(&file.file_name).map_err(Error::internal)?,
            content_type: MediaType::parse(file.content_type).map_err(Error::internal)?,
            bytes: file.content,
        };
        let payment_url = self.payment_url(invoice).await?.map(|url| url.as_str().to_owned());
        // A mail is kept, so its link is good for as long as one can be.
        let page_url = self.shared_url(invoice.id, language, ShareInvoice::LIFETIME_MAX).url;
        Ok(Enclosures { payment_url, page_url: Some(page_url), transfer, document: Some(document) })
    }
}

#[cfg(test)]
mod tests;
