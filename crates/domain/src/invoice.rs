//! The invoice: draft → open → paid, void or uncollectible.
//!
//! A finalized invoice is never edited: its number, lines, tax and parties stay as they were, and only what is paid on it,
//! what is credited of it and its state move.

mod content;
mod state;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::aggregate::aggregate;
use crate::credit_note::InvoiceCredits;
use crate::discount::Discount;
use crate::id::{CustomerId, InvoiceId, InvoiceLineId};
use crate::metadata::Metadata;
use crate::money::{Currency, Money, MoneyError};
use crate::payment::PaymentFlag;
use crate::seller::SellerId;
use crate::tax::{ExchangedTax, TaxBehavior, TaxCalculation, TaxRounding, TaxedLine, part_of};
use crate::text::Description;
use crate::timestamp::Timestamp;

use self::content::price_items;
pub use self::content::{InvoiceContent, InvoiceItem};
pub use self::state::{Finalization, InvoiceState, PartySnapshot};

aggregate!(
    /// An invoice.
    Invoice, InvoiceData
);

/// What an invoice is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvoiceData {
    /// Its id.
    pub id: InvoiceId,
    /// Who invoices.
    pub seller_id: SellerId,
    /// The stored version, for optimistic concurrency.
    #[serde(default)]
    pub version: i64,
    /// Who is invoiced, if a stored customer.
    pub customer_id: Option<CustomerId>,
    /// Currency of every amount.
    pub currency: Currency,
    /// What is invoiced.
    pub lines: Vec<InvoiceLine>,
    /// What is taken off of all lines, after their own discounts and before tax.
    #[serde(default)]
    pub discount: Option<Discount>,
    /// How tax was rounded.
    pub tax_rounding: TaxRounding,
    /// The tax; its gross is the total of the invoice.
    pub tax: TaxCalculation,
    /// The tax in the seller's currency, where the caller named an exchange rate.
    #[serde(default)]
    pub exchanged_tax: Option<ExchangedTax>,
    /// A note on the whole.
    pub description: Option<Description>,
    /// The date that decides tax rates where the caller named one; else the day of finalization.
    pub tax_point: Option<Date>,
    /// The due date where the caller named one; else by the seller's payment terms.
    pub due_date: Option<Date>,
    /// The caller's pairs.
    pub metadata: Metadata,
    /// What has been paid and applied; never more than the total.
    pub amount_paid: Money,
    /// What came in beyond the total: to be paid back.
    pub amount_overpaid: Money,
    /// What credit notes have taken back of it; absent before the first.
    #[serde(default)]
    pub credits: Option<InvoiceCredits>,
    /// Where it stands.
    pub state: InvoiceState,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// A line with its figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceLine {
    /// Its id.
    pub id: InvoiceLineId,
    /// What the caller said.
    #[serde(flatten)]
    pub item: InvoiceItem,
    /// Quantity times unit price, less what is taken off: what is taxed, with its tax inside or not.
    pub amount: Money,
    /// What is taken off, by the line's own discount and by its share of the whole's; absent where nothing is.
    #[serde(default)]
    pub discount_amount: Option<Money>,
    /// Net, tax and gross.
    pub taxed: TaxedLine,
}

/// A transition that the invoice's state does not allow, or figures that don't fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvoiceError {
    /// Only a draft can do that.
    #[error("the invoice is {state}, not a draft")]
    NotDraft {
        /// Its state.
        state: &'static str,
    },
    /// Only an open invoice can do that.
    #[error("the invoice is {state}, not open")]
    NotOpen {
        /// Its state.
        state: &'static str,
    },
    /// Money has come in, so it can't be withdrawn.
    #[error("the invoice is partly paid")]
    PartlyPaid,
    /// A credit note takes a part of it back already, and must not stand alone.
    #[error("the invoice is partly credited; credit the rest of it")]
    Credited,
    /// The calculation is not one of these lines.
    #[error("the tax calculation does not belong to the invoice")]
    ForeignCalculation,
    /// An amount out of range.
    #[error(transparent)]
    Money(#[from] MoneyError),
}

impl Invoice {
    /// A new draft. `tax` is the calculation of the content's lines; `line_ids` has one id for each.
    ///
    /// # Errors
    /// The calculation is of other lines.
    pub fn draft(
        (id, line_ids): (InvoiceId, Vec<InvoiceLineId>),
        seller_id: SellerId,
        content: InvoiceContent,
        (tax_rounding, tax): (TaxRounding, TaxCalculation),
        now: Timestamp,
    ) -> Result<Self, InvoiceError> {
        let currency = content.currency;
        let mut invoice = Self(InvoiceData {
            id,
            seller_id,
            version: 0,
            customer_id: None,
            currency,
            lines: Vec::new(),
            discount: None,
            tax_rounding,
            tax: TaxCalculation {
                lines: Vec::new(),
                subtotals: Vec::new(),
                net: Money::zero(currency),
                tax: Money::zero(currency),
                gross: Money::zero(currency),
                trace: Vec::new(),
            },
            exchanged_tax: None,
            description: None,
            tax_point: None,
            due_date: None,
            metadata: Metadata::default(),
            amount_paid: Money::zero(currency),
            amount_overpaid: Money::zero(currency),
            credits: None,
            state: InvoiceState::Draft,
            created_at: now,
            updated_at: now,
        });
        invoice.rewrite(line_ids, content, (tax_rounding, tax), now)?;
        Ok(invoice)
    }

    /// Replaces the whole content of a draft.
    ///
    /// # Errors
    /// Not a draft, or the calculation is of other lines.
    pub fn rewrite(
        &mut self,
        line_ids: Vec<InvoiceLineId>,
        content: InvoiceContent,
        (tax_rounding, tax): (TaxRounding, TaxCalculation),
        now: Timestamp,
    ) -> Result<(), InvoiceError> {
        self.expect_draft()?;
        if line_ids.len() != content.items.len() {
            return Err(InvoiceError::ForeignCalculation);
        }
        let lines =
            price_lines(content.currency, line_ids.into_iter().zip(content.items).collect(), content.discount, &tax)?;
        let exchanged_tax = content.tax_exchange_rate.map(|rate| rate.exchange(tax.tax)).transpose()?;
        let data = &mut self.0;
        data.exchanged_tax = exchanged_tax;
        data.discount = content.discount;
        data.customer_id = content.customer_id;
        data.currency = content.currency;
        data.lines = lines;
        data.tax_rounding = tax_rounding;
        data.tax = tax;
        data.description = content.description;
        data.tax_point = content.tax_point;
        data.due_date = content.due_date;
        data.metadata = content.metadata;
        data.amount_paid = Money::zero(content.currency);
        data.amount_overpaid = Money::zero(content.currency);
        data.updated_at = now;
        Ok(())
    }

    /// The content of the invoice as a caller would give it.
    pub fn content(&self) -> InvoiceContent {
        InvoiceContent {
            customer_id: self.customer_id,
            currency: self.currency,
            items: self.lines.iter().map(|line| line.item.clone()).collect(),
            discount: self.discount,
            tax_rounding: Some(self.tax_rounding),
            description: self.description.clone(),
            tax_point: self.tax_point,
            due_date: self.due_date,
            tax_exchange_rate: self.exchanged_tax.as_ref().map(|exchanged| exchanged.exchange_rate.clone()),
            metadata: self.metadata.clone(),
        }
    }

    /// Finalizes a draft: it gets its number and the tax of its tax point, and opens. One of nothing is paid at once.
    ///
    /// # Errors
    /// Not a draft, or the calculation is of other lines.
    pub fn finalize(&mut self, finalization: Finalization, tax: TaxCalculation) -> Result<(), InvoiceError> {
        self.expect_draft()?;
        let lines = self.0.lines.iter().map(|line| (line.id, line.item.clone())).collect();
        let rate = self.exchanged_tax.as_ref().map(|exchanged| &exchanged.exchange_rate);
        let exchanged_tax = rate.map(|rate| rate.exchange(tax.tax)).transpose()?;
        self.0.lines = price_lines(self.currency, lines, self.discount, &tax)?;
        self.0.exchanged_tax = exchanged_tax;
        self.0.tax = tax;
        let now = finalization.finalized_at;
        self.0.updated_at = now;
        self.0.state = if self.total().is_zero() {
            InvoiceState::Paid { finalization, paid_at: now }
        } else {
            InvoiceState::Open { finalization }
        };
        Ok(())
    }

    /// Withdraws a draft, an open or an uncollectible invoice on which nothing has been paid or credited.
    ///
    /// # Errors
    /// Paid, void already, partly paid, or partly credited.
    pub fn void(&mut self, now: Timestamp) -> Result<(), InvoiceError> {
        let finalization = match &self.state {
            InvoiceState::Draft => None,
            InvoiceState::Open { finalization } | InvoiceState::Uncollectible { finalization, .. } => {
                Some(finalization.clone())
            }
            state => return Err(InvoiceError::NotOpen { state: state.name() }),
        };
        if !self.amount_paid.is_zero() {
            return Err(InvoiceError::PartlyPaid);
        }
        if self.credits.is_some() {
            return Err(InvoiceError::Credited);
        }
        self.0.state = InvoiceState::Void { finalization, voided_at: now };
        self.0.updated_at = now;
        Ok(())
    }

    /// Gives an open invoice up.
    ///
    /// # Errors
    /// Not open.
    pub fn mark_uncollectible(&mut self, now: Timestamp) -> Result<(), InvoiceError> {
        let InvoiceState::Open { finalization } = &self.state else {
            return Err(InvoiceError::NotOpen { state: self.state.name() });
        };
        self.0.state = InvoiceState::Uncollectible { finalization: finalization.clone(), marked_at: now };
        self.0.updated_at = now;
        Ok(())
    }

    /// Records money that came in, whatever the state is, and says what is odd about it. Money never gets lost here: what
    /// can't be applied is told by a flag, and the payment itself keeps the amount.
    ///
    /// # Errors
    /// The sum does not fit into 64 bits.
    pub fn receive(&mut self, amount: Money, now: Timestamp) -> Result<Vec<PaymentFlag>, InvoiceError> {
        if amount.currency() != self.currency {
            return Ok(vec![PaymentFlag::WrongCurrency]);
        }
        let finalization = match &self.state {
            InvoiceState::Draft | InvoiceState::Void { .. } => return Ok(vec![PaymentFlag::InvoiceNotOpen]),
            InvoiceState::Paid { .. } => {
                self.0.amount_overpaid = self.amount_overpaid.checked_add(amount)?;
                self.0.updated_at = now;
                return Ok(vec![PaymentFlag::InvoiceAlreadyPaid]);
            }
            InvoiceState::Open { finalization } | InvoiceState::Uncollectible { finalization, .. } => {
                finalization.clone()
            }
        };
        let due = self.amount_due();
        let mut flags = Vec::new();
        if amount.minor() < due.minor() {
            self.0.amount_paid = self.amount_paid.checked_add(amount)?;
            flags.push(PaymentFlag::Partial);
        } else {
            let over = amount.checked_sub(due)?;
            if !over.is_zero() {
                self.0.amount_overpaid = self.amount_overpaid.checked_add(over)?;
                flags.push(PaymentFlag::Overpaid);
            }
            self.0.amount_paid = self.amount_paid.checked_add(due)?;
            self.0.state = InvoiceState::Paid { finalization, paid_at: now };
        }
        self.0.updated_at = now;
        Ok(flags)
    }

    /// Counts a credit note, after which `credits` is credited. With nothing left to pay the invoice is paid.
    pub(crate) fn take_credits(&mut self, credits: InvoiceCredits, now: Timestamp) {
        self.0.credits = Some(credits);
        self.0.updated_at = now;
        if let InvoiceState::Open { finalization } | InvoiceState::Uncollectible { finalization, .. } = &self.state
            && self.amount_due().is_zero()
        {
            self.0.state = InvoiceState::Paid { finalization: finalization.clone(), paid_at: now };
        }
    }

    /// What was taken off of all lines, by their own discounts and by that of the whole.
    ///
    /// # Errors
    /// The sum does not fit into 64 bits.
    pub fn discount_amount(&self) -> Result<Money, MoneyError> {
        Money::sum(self.currency, self.lines.iter().filter_map(|line| line.discount_amount))
    }

    /// What was billed in all. Credit notes do not change it.
    pub fn total(&self) -> Money {
        self.tax.gross
    }

    /// What is done with of the total: what was paid and applied, and what was credited before it was paid.
    pub fn amount_settled(&self) -> Money {
        let credited = self.credits.as_ref().map_or(0, |credits| credits.pre_payment.minor());
        Money::new(self.amount_paid.minor() + credited, self.currency)
    }

    /// What credit notes took back in all.
    pub fn amount_credited(&self) -> Money {
        let sum = |credits: &InvoiceCredits| credits.pre_payment.minor() + credits.post_payment.minor();
        Money::new(self.credits.as_ref().map_or(0, sum), self.currency)
    }

    /// What of the money paid is to go back by credit notes.
    pub fn amount_credited_after_payment(&self) -> Money {
        Money::new(self.credits.as_ref().map_or(0, |credits| credits.post_payment.minor()), self.currency)
    }

    /// What of an amount that is asked for next is without tax, and the tax in it. What was credited is not asked for, nor
    /// is its tax; of the rest, each part has its share in proportion, and all parts together all of its tax. What is credited
    /// between two parts changes the proportion, and the first keeps the share that it was told.
    ///
    /// # Errors
    /// The amount is in another currency, or does not fit.
    pub fn part(&self, asked: Money) -> Result<(Money, Money), MoneyError> {
        let credited_tax = self.credits.as_ref().map_or(Ok(Money::zero(self.currency)), InvoiceCredits::tax)?;
        let left = (self.total().checked_sub(self.amount_credited())?, self.tax.tax.checked_sub(credited_tax)?);
        let kept = self.amount_paid.checked_sub(self.amount_credited_after_payment())?;
        part_of(left, kept, asked, self.tax_rounding.mode)
    }

    /// What is still to be paid; nothing unless it is open or uncollectible.
    pub fn amount_due(&self) -> Money {
        match self.state {
            InvoiceState::Open { .. } | InvoiceState::Uncollectible { .. } => {
                Money::new(self.total().minor() - self.amount_settled().minor(), self.currency)
            }
            _ => Money::zero(self.currency),
        }
    }

    /// Whether so much is still to be paid on it, in its currency: a page may ask for no more.
    pub fn is_due(&self, asked: Money) -> bool {
        let due = self.amount_due();
        asked.currency() == due.currency() && asked.minor() <= due.minor()
    }

    /// What finalization fixed, once it has.
    pub fn finalization(&self) -> Option<&Finalization> {
        match &self.state {
            InvoiceState::Draft => None,
            InvoiceState::Open { finalization }
            | InvoiceState::Paid { finalization, .. }
            | InvoiceState::Uncollectible { finalization, .. } => Some(finalization),
            InvoiceState::Void { finalization, .. } => finalization.as_ref(),
        }
    }

    /// Whether it is open and its due date has passed.
    pub fn is_overdue(&self, today: Date) -> bool {
        matches!(&self.state, InvoiceState::Open { finalization } if finalization.due_date < today)
    }

    /// Fails unless a payment can be asked for.
    ///
    /// # Errors
    /// Not open.
    pub fn expect_open(&self) -> Result<(), InvoiceError> {
        match &self.state {
            InvoiceState::Open { .. } => Ok(()),
            state => Err(InvoiceError::NotOpen { state: state.name() }),
        }
    }

    /// Fails unless it can be edited.
    ///
    /// # Errors
    /// Not a draft.
    pub fn expect_draft(&self) -> Result<(), InvoiceError> {
        match &self.state {
            InvoiceState::Draft => Ok(()),
            state => Err(InvoiceError::NotDraft { state: state.name() }),
        }
    }
}

fn price_lines(
    currency: Currency,
    items: Vec<(InvoiceLineId, InvoiceItem)>,
    discount: Option<Discount>,
    tax: &TaxCalculation,
) -> Result<Vec<InvoiceLine>, InvoiceError> {
    if items.len() != tax.lines.len() {
        return Err(InvoiceError::ForeignCalculation);
    }
    let priced = price_items(currency, items.iter().map(|(_, item)| item), discount)?;
    items
        .into_iter()
        .zip(priced)
        .zip(&tax.lines)
        .map(|(((id, item), priced), taxed)| {
            let amount = priced.amount()?;
            let stated = match item.tax_behavior {
                TaxBehavior::Exclusive => taxed.net,
                TaxBehavior::Inclusive => taxed.gross,
            };
            if stated != amount {
                return Err(InvoiceError::ForeignCalculation);
            }
            let discount_amount = Some(priced.discount()?).filter(|discount| !discount.is_zero());
            Ok(InvoiceLine { id, item, amount, discount_amount, taxed: taxed.clone() })
        })
        .collect()
}
