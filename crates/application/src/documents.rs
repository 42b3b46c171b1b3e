//! Documents: what is read for one, in which language it is, and how it becomes a file.
//!
//! A document is made anew each time, since what is due and paid on it moves. It must not know a format or the words of a
//! language: those are the renderer's.

use std::sync::Arc;

use domain::access::Caller;
use domain::credit_note::CreditNote;
use domain::document::{
    Document, DocumentDetails, DocumentError, InvoiceDocumentKind, Language, PaymentUrl, notes_of_credit_note,
    notes_of_invoice,
};
use domain::id::{CreditNoteId, InvoiceId};
use domain::invoice::Invoice;
use domain::page::{PageRequest, PageSize};
use domain::payment::Payment;
use domain::payment_link::LinkState;
use domain::ports::storage::{CustomerQueries, LinkFilter, PaymentFilter, Sellers};
use domain::text::DocumentMemo;

use crate::app::App;
use crate::error::{Error, Reason};
use crate::rendering::Audience;

/// A document as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedFile {
    /// The file.
    pub content: Vec<u8>,
    /// Its media type.
    pub content_type: &'static str,
    /// A name for it: letters, digits, hyphens, underscores and dots alone.
    pub file_name: String,
}

impl App {
    /// A document of a finalized invoice. It is in `language`, else in the customer's, else in English.
    ///
    /// # Errors
    /// There is no such invoice, it was never finalized, or, for a receipt, no money has come in.
    pub async fn render_invoice(
        &self,
        caller: &Caller,
        id: InvoiceId,
        kind: InvoiceDocumentKind,
        language: Option<Language>,
    ) -> Result<RenderedFile, Error> {
        let (invoice, payments) = self.with_payments(self.get_invoice(caller, id).await?).await?;
        let language = self.document_language(&invoice, language).await?;
        let document = self.document_of((&invoice, &payments), kind, language).await?;
        self.render(document, Audience::Caller).await
    }

    /// The document of a credit note, in `language`, else in the customer's, else in English.
    ///
    /// # Errors
    /// There is no such credit note.
    pub async fn render_credit_note(
        &self,
        caller: &Caller,
        id: CreditNoteId,
        language: Option<Language>,
    ) -> Result<RenderedFile, Error> {
        let note = self.get_credit_note(caller, id).await?;
        let invoice = self.0.storage.get_invoice(&caller.sellers, note.invoice_id).await?;
        let invoice = invoice.ok_or_else(|| Error::internal(format!("the invoice of {id} is not there")))?;
        let language = self.document_language(&invoice, language).await?;
        self.render(credit_note_document(&note, &invoice, language)?, Audience::Caller).await
    }

    pub(crate) async fn document_language(
        &self,
        invoice: &Invoice,
        asked: Option<Language>,
    ) -> Result<Language, Error> {
        language_of(self.0.storage.as_ref(), invoice, asked).await
    }

    /// A document of an invoice and its payments [of one moment](Self::with_payments).
    pub(crate) async fn document_of(
        &self,
        (invoice, payments): (&Invoice, &[Payment]),
        kind: InvoiceDocumentKind,
        language: Language,
    ) -> Result<Document, Error> {
        let details = DocumentDetails {
            language,
            legal_notes: notes_of_invoice(invoice),
            is_overdue: invoice.is_overdue(self.now().date()),
            tax_in_sellers_currency: invoice.exchanged_tax.clone(),
            ..DocumentDetails::default()
        };
        let document = match kind {
            InvoiceDocumentKind::Invoice => {
                let payment_url = self.payment_url(invoice).await?;
                Document::of_invoice(invoice, DocumentDetails { payment_url, ..details })
            }
            InvoiceDocumentKind::Receipt => Document::receipt_of_invoice(invoice, payments, details),
        };
        document.map_err(no_document)
    }

    /// An invoice with its payments, both of one moment: money that comes in while they are read would be among the payments
    /// and not in the invoice, as if it were too much. An invoice changes with each of its payments, so both are read again as
    /// long as it does.
    pub(crate) async fn with_payments(&self, mut invoice: Invoice) -> Result<(Invoice, Vec<Payment>), Error> {
        let sellers = Sellers::from([invoice.seller_id.clone()]);
        loop {
            let payments = self.payments_of(&invoice).await?;
            let id = invoice.id;
            let again =
                self.0.storage.get_invoice(&sellers, id).await?.ok_or_else(|| Error::not_found("invoice", id))?;
            if again.version == invoice.version {
                return Ok((invoice, payments));
            }
            invoice = again;
        }
    }

    /// Where an invoice can be paid: the URL of its open link, while something is due.
    pub(crate) async fn payment_url(&self, invoice: &Invoice) -> Result<Option<PaymentUrl>, Error> {
        if invoice.amount_due().is_zero() {
            return Ok(None);
        }
        // An invoice has one open link at most, and a new one is only made once those before it are closed.
        let filter = LinkFilter { active: Some(true), invoice_id: Some(invoice.id), ..LinkFilter::default() };
        let links = self.0.storage.list_payment_links(&invoice.seller_id, filter, PageRequest::NEWEST).await?;
        let link = links.items.into_iter().find(|link| link.state == LinkState::Active);
        let Some(url) = link.and_then(|link| link.url.clone()) else { return Ok(None) };
        let parsed = PaymentUrl::parse(&url);
        if let Err(invalid) = &parsed {
            tracing::warn!(invoice = %invoice.id, %invalid, "the URL of a link can't stand on a document");
        }
        Ok(parsed.ok())
    }

    async fn payments_of(&self, invoice: &Invoice) -> Result<Vec<Payment>, Error> {
        let filter = PaymentFilter { invoice_id: Some(invoice.id), ..PaymentFilter::default() };
        let mut payments: Vec<Payment> = Vec::new();
        loop {
            let before = payments.last().map(|payment| payment.id);
            let request = PageRequest { size: PageSize::DEFAULT, before };
            let page = self.0.storage.list_payments(&invoice.seller_id, filter.clone(), request).await?;
            payments.extend(page.items);
            if !page.has_more {
                return Ok(payments);
            }
        }
    }

    /// Makes a document into a file, on a thread that may be kept busy.
    ///
    /// # Errors
    /// Too many are being made, or the renderer fails.
    pub(crate) async fn render(&self, document: Document, audience: Audience) -> Result<RenderedFile, Error> {
        let name = file_stem(&document);
        let turn = self.0.renders.take(audience).await?;
        let renderer = Arc::clone(&self.0.renderer);
        let rendering = tokio::task::spawn_blocking(move || {
            let rendered = renderer.render(&document);
            // Held until it is done, even where nobody waits for it any more.
            drop(turn);
            rendered
        });
        let rendered = rendering.await.map_err(Error::internal)?.map_err(Error::internal)?;
        if !rendered.replaced.is_empty() {
            tracing::warn!(count = rendered.replaced.len(), "a document has characters that its font has not");
        }
        let file_name = format!("{name}.{}", rendered.extension);
        Ok(RenderedFile { content: rendered.bytes, content_type: rendered.content_type, file_name })
    }
}

/// The language of an invoice's documents: the one asked for, else the customer's, else English.
pub(crate) async fn language_of<Q: CustomerQueries + Sync + ?Sized>(
    queries: &Q,
    invoice: &Invoice,
    asked: Option<Language>,
) -> Result<Language, Error> {
    if let Some(language) = asked {
        return Ok(language);
    }
    let Some(id) = invoice.customer_id else { return Ok(Language::default()) };
    let customer = queries.get_customer(&Sellers::from([invoice.seller_id.clone()]), id).await?;
    let locale = customer.and_then(|customer| customer.profile.locale.clone());
    Ok(locale.as_ref().and_then(Language::of).unwrap_or_default())
}

/// The document of a credit note.
pub(crate) fn credit_note_document(
    note: &CreditNote,
    invoice: &Invoice,
    language: Language,
) -> Result<Document, Error> {
    let details = DocumentDetails {
        language,
        legal_notes: notes_of_credit_note(note, invoice),
        tax_in_sellers_currency: note.exchanged_tax.clone(),
        memo: note.memo.clone().map(DocumentMemo::from),
        ..DocumentDetails::default()
    };
    Document::of_credit_note(note, invoice, details).map_err(no_document)
}

/// What it means to a caller that there is no document.
pub(crate) fn no_document(error: DocumentError) -> Error {
    match error {
        DocumentError::NotFinalized | DocumentError::NothingReceived => {
            Error::precondition(Reason::InvoiceState, error)
        }
        DocumentError::ForeignPayment { .. } | DocumentError::Rejected(_) | DocumentError::Money(_) => {
            Error::internal(error)
        }
    }
}

/// The name of a document's file without its ending: its number, with what it is where the number does not say so. The
/// format of numbers is the operator's, and may have what a file's name or a header can't.
fn file_stem(document: &Document) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '-' };
    let number: String = document.number.chars().map(fit).collect();
    match document.subject {
        domain::document::Subject::Receipt { .. } => format!("{number}-receipt"),
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use domain::page::Page;
    use domain::ports::provider::MockPaymentProvider;
    use domain::ports::storage::MockStorage;
    use port_contracts::fixtures::{PaymentParties, later, open_invoice, pending_payment, seller};

    use super::*;
    use crate::mocked;

    /// An application whose store changes the invoice `changes` times while its payments are read; each time there is one more.
    fn moving(changes: usize) -> (Invoice, App) {
        let invoice = open_invoice(&seller("north"), None, 1, later().date());
        let parties = PaymentParties { invoice_id: Some(invoice.id), ..PaymentParties::default() };
        let payment = pending_payment(&seller("north"), parties);
        let (mut lists, mut reads) = (0, 0);
        let mut storage = MockStorage::new();
        storage.expect_list_payments().returning(move |_, _, _| {
            lists += 1;
            Ok(Page { items: vec![payment.clone(); lists], has_more: false })
        });
        let read = invoice.clone();
        storage.expect_get_invoice().returning(move |_, _| {
            reads = changes.min(reads + 1);
            let mut again = read.clone();
            again.mark_stored(i64::try_from(reads).unwrap());
            Ok(Some(again))
        });
        (invoice, mocked::app(storage, MockPaymentProvider::new()))
    }

    #[tokio::test]
    async fn an_invoice_and_its_payments_are_of_one_moment() {
        for changes in [0, 1, 7] {
            let (invoice, app) = moving(changes);
            let (read, payments) = app.with_payments(invoice).await.unwrap();
            assert_eq!((usize::try_from(read.version).unwrap(), payments.len()), (changes, changes + 1));
        }
    }
}
