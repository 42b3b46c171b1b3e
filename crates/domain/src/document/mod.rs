//! The documents that a customer gets: an invoice, a receipt, a credit note, with what article 226 of Directive 2006/112/EC
//! (the VAT directive) asks of an invoice. It must not know how a document looks, in which format it comes, or in which
//! words of a language it speaks; that is a [renderer](crate::ports::documents::InvoiceRenderer)'s. It decides no tax: that
//! is given, and the legal notes follow from it.

mod applying;
mod details;
mod legal_note;
mod line;
mod rules;

use serde::{Deserialize, Serialize};
use time::Date;

pub use applying::{notes_of_credit_note, notes_of_invoice};
pub use details::{DocumentDetails, Language, PaymentUrl};
pub use legal_note::{AppliedNote, LegalNote};
pub use line::{DocumentLine, DocumentTaxSubtotal, LineDiscount, LinePrice, LineRate};

use crate::credit_note::{CreditNote, CreditReason};
use crate::id::InvoiceId;
use crate::invoice::{Invoice, InvoiceState, PartySnapshot};
use crate::letterhead::{Letterhead, TransferInstructions};
use crate::money::{Currency, Money, MoneyError};
use crate::payment::{Payment, PaymentFlag, PaymentState};
use crate::tax::TaxBehavior;
use crate::text::Description;
use crate::validation::Violations;

/// A document whose parts belong together: one currency, figures that add up, notes on lines that exist. Its content is
/// read through `Deref`, and made by the constructors alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Document(DocumentContent);

/// What a document says.
#[derive(Debug, Clone, PartialEq)]
pub struct DocumentContent {
    /// Which kind of document it is, with what that kind alone has.
    pub subject: Subject,
    /// Its sequential number (article 226, point 2). A receipt has its invoice's.
    pub number: String,
    /// The date of issue (point 1).
    pub issued_on: Date,
    /// The date of supply (point 7), where it is another than that of issue.
    pub supplied_on: Option<Date>,
    /// Who supplies: name, address and VAT id (points 3 and 5).
    pub seller: PartySnapshot,
    /// What else stands on the seller's documents.
    pub letterhead: Letterhead,
    /// Who is supplied (points 4 and 5). Absent where the customer is not known: a simplified invoice (article 226b).
    pub buyer: Option<PartySnapshot>,
    /// Currency of every amount.
    pub currency: Currency,
    /// What is supplied (points 6 and 8).
    pub lines: Vec<DocumentLine>,
    /// The taxable amount and the tax of each rate, and the taxable amount of each category without one (points 8 to 10).
    pub tax_subtotals: Vec<DocumentTaxSubtotal>,
    /// All without tax.
    pub net: Money,
    /// All tax.
    pub tax: Money,
    /// All with tax.
    pub gross: Money,
    /// A note on the whole.
    pub description: Option<Description>,
    /// What the caller adds.
    pub details: DocumentDetails,
}

/// The kind of a document.
#[derive(Debug, Clone, PartialEq)]
pub enum Subject {
    /// It asks for money.
    Invoice {
        /// The last day to pay.
        due_on: Date,
        /// What has been paid on it.
        paid: Money,
        /// What credit notes took off what was to be paid.
        credited: Money,
        /// What of the money paid credit notes gave back, or are to.
        credited_after_payment: Money,
        /// What is still to be paid.
        due: Money,
        /// Where it stands.
        standing: Standing,
    },
    /// It says that money came in for an invoice.
    Receipt {
        /// The date of issue of the invoice.
        invoice_issued_on: Date,
        /// What came in; at least one payment, the earliest first.
        payments: Vec<ReceivedPayment>,
        /// The sum of it.
        received: Money,
        /// What has gone back since, or is about to.
        refunded: Money,
        /// What came in beyond the invoice's total, and has not gone back nor is held by a dispute.
        overpaid: Money,
        /// What is still to be paid on the invoice.
        due: Money,
    },
    /// It corrects an invoice (article 219). Positive amounts are in the buyer's favour.
    CreditNote {
        /// The invoice.
        corrects: CorrectedInvoice,
        /// Why.
        reason: CreditReason,
    },
}

/// Which document of an invoice: to be made, or to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceDocumentKind {
    /// The invoice itself, as it stands: it asks for what is due.
    Invoice,
    /// The receipt for what has come in.
    Receipt,
}

/// Where an invoice stands, as far as its reader cares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// To be paid.
    Open {
        /// Whether the last day to pay has passed.
        is_overdue: bool,
    },
    /// Paid in full.
    Paid {
        /// When.
        paid_on: Date,
    },
    /// Withdrawn: nothing is to be paid.
    Void {
        /// When.
        voided_on: Date,
    },
}

/// A payment that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceivedPayment {
    /// When it came in: the day that whoever recorded it names, else that of the provider's word.
    pub received_on: Date,
    /// What came in.
    pub amount: Money,
    /// Its id, by which both sides can speak of it.
    pub reference: String,
}

/// The invoice that a credit note corrects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CorrectedInvoice {
    /// Its number.
    pub number: String,
    /// Its date of issue.
    pub issued_on: Date,
}

/// Why there is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
    /// The invoice is a draft, or was withdrawn as one: it has no number.
    #[error("the invoice was not finalized")]
    NotFinalized,
    /// Nothing has come in for the invoice: there is nothing to give a receipt for.
    #[error("no money has come in for the invoice")]
    NothingReceived,
    /// A payment belongs to something else.
    #[error("a payment is not of invoice {expected}")]
    ForeignPayment {
        /// The invoice of the receipt.
        expected: InvoiceId,
    },
    /// What was given does not fit together: the fields are those of [`DocumentContent`] and [`DocumentDetails`], such as
    /// `details.legal_notes[0].lines`.
    #[error("{0}")]
    Rejected(Violations),
    /// A sum that is out of range.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Document {
    /// The most characters of a number.
    pub const NUMBER_CHARS_MAX: usize = 100;

    /// The document of a finalized invoice, as it stands.
    ///
    /// # Errors
    /// The invoice has no number yet, or the details don't fit it.
    pub fn of_invoice(invoice: &Invoice, details: DocumentDetails) -> Result<Self, DocumentError> {
        let fixed = invoice.finalization().ok_or(DocumentError::NotFinalized)?;
        let standing = match invoice.state {
            InvoiceState::Paid { paid_at, .. } => Standing::Paid { paid_on: paid_at.date() },
            InvoiceState::Void { voided_at, .. } => Standing::Void { voided_on: voided_at.date() },
            _ => Standing::Open { is_overdue: details.is_overdue },
        };
        let subject = Subject::Invoice {
            due_on: fixed.due_date,
            paid: invoice.amount_paid,
            credited: invoice.amount_settled().checked_sub(invoice.amount_paid)?,
            credited_after_payment: invoice.amount_credited_after_payment(),
            due: invoice.amount_due(),
            standing,
        };
        Self::with_figures_of(invoice, subject, fixed.finalized_at.date(), details)
    }

    /// The receipt for what has come in for an invoice. Of `payments`, those count that succeeded and were applied to it;
    /// it is dated by the last of them.
    ///
    /// # Errors
    /// The invoice has no number yet, nothing has come in, a payment is of something else, or the details don't fit.
    pub fn receipt_of_invoice(
        invoice: &Invoice,
        payments: &[Payment],
        details: DocumentDetails,
    ) -> Result<Self, DocumentError> {
        let fixed = invoice.finalization().ok_or(DocumentError::NotFinalized)?;
        if payments.iter().any(|payment| payment.invoice_id != Some(invoice.id)) {
            return Err(DocumentError::ForeignPayment { expected: invoice.id });
        }
        let counted = || payments.iter().filter(|payment| is_applied(payment, invoice.currency));
        let mut received: Vec<_> = counted().filter_map(ReceivedPayment::of).collect();
        received.sort_by(|a, b| (a.received_on, &a.reference).cmp(&(b.received_on, &b.reference)));
        let issued_on = received.last().ok_or(DocumentError::NothingReceived)?.received_on;
        let sum = Money::sum(invoice.currency, received.iter().map(|payment| payment.amount))?;
        let refunded = Money::sum(invoice.currency, counted().filter_map(|payment| payment.refunded))?;
        let disputed = Money::sum(invoice.currency, counted().filter_map(|payment| payment.disputed))?;
        let subject = Subject::Receipt {
            invoice_issued_on: fixed.finalized_at.date(),
            received: sum,
            refunded,
            payments: received,
            overpaid: still_overpaid(invoice, sum.checked_sub(refunded)?.checked_sub(disputed)?)?,
            due: invoice.amount_due(),
        };
        Self::with_figures_of(invoice, subject, issued_on, details)
    }

    /// The document of a credit note on an invoice.
    ///
    /// # Errors
    /// The invoice has no number, or the details don't fit the credit note.
    pub fn of_credit_note(
        note: &CreditNote,
        invoice: &Invoice,
        details: DocumentDetails,
    ) -> Result<Self, DocumentError> {
        let fixed = invoice.finalization().ok_or(DocumentError::NotFinalized)?;
        let corrects = CorrectedInvoice { number: note.invoice_number.clone(), issued_on: fixed.finalized_at.date() };
        Self::checked(DocumentContent {
            subject: Subject::CreditNote { corrects, reason: note.reason.clone() },
            number: note.number.number.clone(),
            issued_on: note.issued_at.date(),
            supplied_on: None,
            seller: note.seller.clone(),
            letterhead: fixed.letterhead.clone(),
            buyer: note.buyer.clone(),
            currency: note.currency,
            lines: note.lines.iter().map(DocumentLine::of_credit).collect(),
            tax_subtotals: note.tax_subtotals()?.iter().map(DocumentTaxSubtotal::of).collect(),
            net: note.net,
            tax: note.tax,
            gross: note.gross,
            description: None,
            details,
        })
    }

    /// Whether tax is inside the stated prices, if it is the same for all lines.
    pub fn common_behavior(&self) -> Option<TaxBehavior> {
        let mut behaviors = self.lines.iter().map(|line| line.behavior);
        let first = behaviors.next()?;
        behaviors.all(|behavior| behavior == first).then_some(first)
    }

    /// Whether the document asks for money that is still due.
    pub fn is_payable(&self) -> bool {
        matches!(&self.subject, Subject::Invoice { due, standing: Standing::Open { .. }, .. } if due.minor() > 0)
    }

    /// How to transfer what is due, and the reference to write beside it; on what is payable alone.
    pub fn transfer(&self) -> Option<(&TransferInstructions, String)> {
        let transfer = self.letterhead.transfer.as_ref().filter(|_| self.is_payable())?;
        Some((transfer, transfer.reference.of(&self.number)))
    }

    fn with_figures_of(
        invoice: &Invoice,
        subject: Subject,
        issued_on: Date,
        details: DocumentDetails,
    ) -> Result<Self, DocumentError> {
        let fixed = invoice.finalization().ok_or(DocumentError::NotFinalized)?;
        Self::checked(DocumentContent {
            subject,
            number: fixed.number.clone(),
            issued_on,
            supplied_on: Some(fixed.tax_point).filter(|date| *date != fixed.finalized_at.date()),
            seller: fixed.seller.clone(),
            letterhead: fixed.letterhead.clone(),
            buyer: fixed.buyer.clone(),
            currency: invoice.currency,
            lines: invoice.lines.iter().map(|line| DocumentLine::of(line, invoice.discount)).collect(),
            tax_subtotals: invoice.tax.subtotals.iter().map(DocumentTaxSubtotal::of).collect(),
            net: invoice.tax.net,
            tax: invoice.tax.tax,
            gross: invoice.tax.gross,
            description: invoice.description.clone(),
            details,
        })
    }

    fn checked(content: DocumentContent) -> Result<Self, DocumentError> {
        rules::check(&content).map_err(DocumentError::Rejected)?;
        Ok(Self(content))
    }
}

impl std::ops::Deref for Document {
    type Target = DocumentContent;

    fn deref(&self) -> &DocumentContent {
        &self.0
    }
}

impl ReceivedPayment {
    fn of(payment: &Payment) -> Option<Self> {
        let PaymentState::Succeeded { succeeded_at } = payment.state else { return None };
        // Of money that came in beside every provider, the day of recording says nothing.
        let received_on = payment.out_of_band.as_ref().map_or(succeeded_at.date(), |how| how.received_on);
        Some(Self { received_on, amount: payment.received?, reference: payment.id.to_string() })
    }
}

/// What of an overpayment is still to be paid back, where `kept` of the money that came in has not gone back and is not
/// disputed: what is beyond the invoice's own claim, which credit notes lower. An invoice tells what was overpaid, whatever
/// went back since.
fn still_overpaid(invoice: &Invoice, kept: Money) -> Result<Money, MoneyError> {
    let claim = invoice.amount_paid.checked_sub(invoice.amount_credited_after_payment())?;
    let beyond = kept.checked_sub(claim)?.minor();
    Ok(Money::new(beyond.clamp(0, invoice.amount_overpaid.minor()), invoice.currency))
}

/// Whether a payment counts on its invoice: its money is there, in the invoice's currency, and the invoice took it.
fn is_applied(payment: &Payment, currency: Currency) -> bool {
    let refused = [PaymentFlag::WrongCurrency, PaymentFlag::InvoiceNotOpen];
    matches!(payment.state, PaymentState::Succeeded { .. })
        && payment.received.is_some_and(|received| received.currency() == currency)
        && !payment.flags.iter().any(|flag| refused.contains(flag))
}

#[cfg(test)]
mod tests;
