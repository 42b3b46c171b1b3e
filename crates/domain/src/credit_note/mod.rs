//! The credit note: a document that takes back what a finalized invoice billed, all of it or a part.
//!
//! It is issued once and never changes: what it got wrong is billed anew by another invoice. It must not know how money
//! goes back to the customer; it says how much has to.

mod figures;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::aggregate::aggregate;
use crate::id::{CreditNoteId, CustomerId, InvoiceId, InvoiceLineId};
use crate::invoice::{Invoice, InvoiceContent, InvoiceState, PartySnapshot};
use crate::metadata::Metadata;
use crate::money::{Currency, Money, MoneyError, Quantity, UnitPrice};
use crate::seller::SellerId;
use crate::tax::{ExchangedTax, TaxBehavior, TaxSubtotal, TaxedLine, TraceStep, with_untaxed};
use crate::text::Description;
use crate::timestamp::Timestamp;
use crate::validation::{Invalid, Violations};

use figures::Figures;

aggregate!(
    /// A credit note.
    CreditNote, CreditNoteData
);

/// What a credit note is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreditNoteData {
    /// Its id.
    pub id: CreditNoteId,
    /// Who credits.
    pub seller_id: SellerId,
    /// The stored version; always the first.
    #[serde(default)]
    pub version: i64,
    /// The invoice that it credits.
    pub invoice_id: InvoiceId,
    /// That invoice's number, to which the document must refer (Directive 2006/112/EC, article 219).
    pub invoice_number: String,
    /// Who is credited, if a stored customer.
    pub customer_id: Option<CustomerId>,
    /// Currency of every amount: the invoice's.
    pub currency: Currency,
    /// Its number.
    #[serde(flatten)]
    pub number: CreditNoteNumber,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// The date whose tax rates apply: the invoice's.
    pub tax_point: Date,
    /// What is credited, in the order of the invoice's lines.
    pub lines: Vec<CreditNoteLine>,
    /// What it comes to by category and rate, in the order of the invoice's. Those that were issued before categories were
    /// told have rates alone: [`CreditNote::tax_subtotals`] has all.
    pub subtotals: Vec<TaxSubtotal>,
    /// The tax in the seller's currency, by the invoice's rate where it has one. That of all credit notes of a whole invoice is
    /// the invoice's to the minor unit.
    #[serde(default)]
    pub exchanged_tax: Option<ExchangedTax>,
    /// How each figure of tax came about, with the indexes of the credit note's lines; empty on those that were issued before
    /// it was told.
    #[serde(default)]
    pub trace: Vec<TraceStep>,
    /// All without tax; positive, as all amounts here.
    pub net: Money,
    /// All tax.
    pub tax: Money,
    /// All with tax: what is credited.
    pub gross: Money,
    /// The part of the gross that was still to be paid, and is not any more.
    pub pre_payment_amount: Money,
    /// The part of the gross that had been paid, and goes back.
    pub post_payment_amount: Money,
    /// What of `post_payment_amount` went back beside the provider, on notes that were issued while a caller could say so
    /// with the note; else nothing: a recorded refund says it, which is counted at its payment.
    pub out_of_band_refund_amount: Money,
    /// Why.
    pub reason: CreditReason,
    /// A note to the customer.
    pub memo: Option<Description>,
    /// The caller's pairs.
    pub metadata: Metadata,
    /// The seller as on the invoice.
    pub seller: PartySnapshot,
    /// The customer as on the invoice.
    pub buyer: Option<PartySnapshot>,
}

/// The number of a credit note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditNoteNumber {
    /// The number, without gaps within the series.
    pub number: String,
    /// The series.
    pub series: String,
    /// The place in the series, from 1.
    pub sequence: u64,
}

/// What is credited of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreditNoteLine {
    /// The line of the invoice.
    pub invoice_line_id: InvoiceLineId,
    /// What it is.
    pub description: Description,
    /// How many are credited; absent where an amount is.
    pub quantity: Option<Quantity>,
    /// What one cost.
    pub unit_price: UnitPrice,
    /// Whether the price had its tax inside.
    pub tax_behavior: TaxBehavior,
    /// Whether the invoice's line has a discount. Those that were issued before it was told may have one.
    #[serde(default = "maybe_discounted")]
    pub is_discounted: bool,
    /// What is credited in the terms of the line: without tax where that is exclusive, with it where it is inclusive.
    pub amount: Money,
    /// Net, tax and gross of it, by the rates of the line.
    pub taxed: TaxedLine,
}

impl CreditNoteLine {
    /// What had been taken off of the price of the pieces; nothing where the line has no discount, or an amount is credited.
    ///
    /// Pieces of a line without a discount may come to a minor unit more or less than their price: the line's amount is
    /// rounded as a whole, and they are its parts.
    pub fn discount_amount(&self) -> Option<Money> {
        if !self.is_discounted {
            return None;
        }
        let price = self.unit_price.times(self.quantity?).ok()?;
        price.checked_sub(self.amount).ok().filter(|discount| discount.minor() > 0)
    }
}

/// What a stored line says of its discount where it says nothing.
fn maybe_discounted() -> bool {
    true
}

/// Why an invoice is credited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditReason {
    /// It was billed twice.
    Duplicate,
    /// The order was a fraud.
    Fraudulent,
    /// The order changed.
    OrderChange,
    /// The customer was not satisfied.
    ProductUnsatisfactory,
    /// Something else.
    Other(Description),
}

/// What a caller asks to be credited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CreditRequest {
    /// How much of the invoice.
    pub scope: CreditScope,
    /// Why.
    pub reason: CreditReason,
    /// A note to the customer.
    pub memo: Option<Description>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

/// How much of an invoice is credited.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditScope {
    /// All that is left of it.
    Rest,
    /// Parts of these lines, each named once.
    Lines(Vec<LineCredit>),
}

/// What is to be credited of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineCredit {
    /// The line of the invoice.
    pub line_id: InvoiceLineId,
    /// How much of it.
    pub part: CreditPart,
}

/// How much of a line is credited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreditPart {
    /// All that is left of it.
    Rest,
    /// So many pieces.
    Quantity(Quantity),
    /// So much of its amount, in the terms of the line.
    Amount(Money),
}

/// What credit notes have taken back of an invoice so far. The invoice carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceCredits {
    /// What they took off what was to be paid.
    pub pre_payment: Money,
    /// What of the money paid is to go back by them.
    pub post_payment: Money,
    /// What they took of each line, in the order of the lines.
    pub lines: Vec<LineCredits>,
}

/// What credit notes have taken back of a line so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineCredits {
    /// Pieces.
    pub quantity: u32,
    /// Of its amount, in the terms of the line.
    pub amount: Money,
    /// Tax by each of its rates, in their order.
    pub taxes: Vec<Money>,
}

/// Why an invoice can't be credited so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CreditRefused {
    /// Only what is finalized and not withdrawn can be.
    #[error("the invoice is {state}; what is open, paid or uncollectible can be credited")]
    NotFinal {
        /// Its state.
        state: &'static str,
    },
    /// All of it is credited, or it was of nothing.
    #[error("nothing is left to credit")]
    NothingLeft,
    /// Fields are wrong, as by more than what is left.
    #[error(transparent)]
    Fields(#[from] Violations),
    /// An amount out of range.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl CreditScope {
    /// Refuses a wrong number of lines.
    ///
    /// # Errors
    /// None, or more than an invoice can have.
    pub fn check_line_count(count: usize) -> Result<(), Invalid> {
        InvoiceContent::check_line_count(count)
    }
}

impl CreditNote {
    /// Fails if an invoice can't be credited so, as it stands now.
    ///
    /// # Errors
    /// See [`CreditRefused`]; fields are named as in the request.
    pub fn check(invoice: &Invoice, request: &CreditRequest) -> Result<(), CreditRefused> {
        Figures::of(invoice, request).map(|_| ())
    }

    /// Issues a credit note, and takes what it credits off the invoice.
    ///
    /// The tax of it is the invoice's own, by line and rate, in proportion: each part has the tax that is due up to its
    /// end, rounded as the invoice was, less what the parts before it had. So whatever the parts, once they come to a
    /// whole line their figures add up to that line's, and those of all notes to the invoice's.
    ///
    /// What was still to be paid is taken off first; what exceeds it is to go back to the customer.
    ///
    /// # Errors
    /// See [`CreditRefused`]; the invoice is unchanged then.
    pub fn issue(
        invoice: &mut Invoice,
        request: CreditRequest,
        (id, number): (CreditNoteId, CreditNoteNumber),
        now: Timestamp,
    ) -> Result<Self, CreditRefused> {
        let figures = Figures::of(invoice, &request)?;
        let Some(fixed) = invoice.finalization().cloned() else {
            return Err(CreditRefused::NotFinal { state: invoice.state.name() });
        };
        let currency = invoice.currency;
        let note = Self(CreditNoteData {
            id,
            seller_id: invoice.seller_id.clone(),
            version: 0,
            invoice_id: invoice.id,
            invoice_number: fixed.number,
            customer_id: invoice.customer_id,
            currency,
            number,
            issued_at: now,
            tax_point: fixed.tax_point,
            lines: figures.lines,
            subtotals: figures.subtotals,
            trace: figures.trace,
            exchanged_tax: figures.exchanged_tax,
            net: figures.net,
            tax: figures.tax,
            gross: figures.gross,
            pre_payment_amount: figures.pre_payment,
            post_payment_amount: figures.post_payment,
            out_of_band_refund_amount: Money::zero(currency),
            reason: request.reason,
            memo: request.memo,
            metadata: request.metadata,
            seller: fixed.seller,
            buyer: fixed.buyer,
        });
        invoice.take_credits(figures.credits_after, now);
        Ok(note)
    }

    /// What it comes to by category and rate, also where it was issued before categories were told.
    ///
    /// # Errors
    /// A sum does not fit into 64 bits.
    pub fn tax_subtotals(&self) -> Result<Vec<TaxSubtotal>, MoneyError> {
        with_untaxed(&self.subtotals, self.lines.iter().map(|line| &line.taxed))
    }

    /// What of the money paid is to go back by refunds that name this credit note, made by a provider or recorded.
    pub fn refundable_amount(&self) -> Money {
        let left = self.post_payment_amount.minor() - self.out_of_band_refund_amount.minor();
        Money::new(left, self.currency)
    }
}

impl InvoiceCredits {
    /// The tax that credit notes have taken back so far.
    ///
    /// # Errors
    /// It does not fit into 64 bits.
    pub fn tax(&self) -> Result<Money, MoneyError> {
        Money::sum(self.pre_payment.currency(), self.lines.iter().flat_map(|line| &line.taxes).copied())
    }

    /// Nothing yet.
    pub fn none(invoice: &Invoice) -> Self {
        let zero = Money::zero(invoice.currency);
        let none = |line: &crate::invoice::InvoiceLine| LineCredits {
            quantity: 0,
            amount: zero,
            taxes: vec![zero; line.taxed.components.len()],
        };
        Self { pre_payment: zero, post_payment: zero, lines: invoice.lines.iter().map(none).collect() }
    }
}

/// Fails unless an invoice is one that can be credited.
fn expect_creditable(invoice: &Invoice) -> Result<(), CreditRefused> {
    match invoice.state {
        InvoiceState::Open { .. } | InvoiceState::Paid { .. } | InvoiceState::Uncollectible { .. } => Ok(()),
        InvoiceState::Draft | InvoiceState::Void { .. } => Err(CreditRefused::NotFinal { state: invoice.state.name() }),
    }
}

#[cfg(test)]
mod tests;
