//! The invoice: draft → open → paid, void or uncollectible.
//!
//! A finalized invoice is never edited: its number, lines, tax and parties stay as they were, and only what is paid on it,
//! what is credited of it and its state move.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};
use time::Date;

use crate::aggregate::aggregate;
use crate::credit_note::InvoiceCredits;
use crate::discount::Discount;
use crate::id::{CustomerId, InvoiceId, InvoiceLineId, PriceId, ShippingRateId};
use crate::letterhead::Letterhead;
use crate::metadata::Metadata;
use crate::money::{Currency, Money, MoneyError, Quantity, UnitPrice};
use crate::party::{Address, Email};
use crate::payment::PaymentFlag;
use crate::seller::SellerId;
use crate::tax::{
    ExchangedTax, TaxBehavior, TaxCalculation, TaxExchangeRate, TaxRounding, TaxTreatment, TaxableLine, TaxedLine,
    part_of,
};
use crate::tax_id::TaxId;
use crate::text::{Description, PartyName};
use crate::timestamp::Timestamp;
use crate::validation::{Invalid, Validator, Violations};

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

/// What a caller says of a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvoiceItem {
    /// What it is.
    pub description: Description,
    /// How many.
    pub quantity: Quantity,
    /// What one costs.
    pub unit_price: UnitPrice,
    /// Whether the price has its tax inside.
    pub tax_behavior: TaxBehavior,
    /// How it is taxed.
    pub tax_treatment: TaxTreatment,
    /// The stored price that it came from.
    pub price_id: Option<PriceId>,
    /// The stored shipping rate that it came from.
    #[serde(default)]
    pub shipping_rate_id: Option<ShippingRateId>,
    /// What is taken off of the line, before tax.
    #[serde(default)]
    pub discount: Option<Discount>,
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

/// The content of an invoice as the caller gives it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InvoiceContent {
    /// Who is invoiced.
    pub customer_id: Option<CustomerId>,
    /// Currency of every amount.
    pub currency: Currency,
    /// The lines: 1 to [`InvoiceContent::LINES_MAX`].
    pub items: Vec<InvoiceItem>,
    /// What is taken off of all lines, after their own discounts and before tax.
    pub discount: Option<Discount>,
    /// How tax is rounded, where not as the seller does.
    pub tax_rounding: Option<TaxRounding>,
    /// A note on the whole.
    pub description: Option<Description>,
    /// The date that decides tax rates.
    pub tax_point: Option<Date>,
    /// When it is due.
    pub due_date: Option<Date>,
    /// By which rate the tax is told in the seller's currency.
    pub tax_exchange_rate: Option<TaxExchangeRate>,
    /// The caller's pairs.
    pub metadata: Metadata,
}

impl InvoiceItem {
    /// Refuses a line whose amount is out of range.
    ///
    /// # Errors
    /// It is.
    pub fn check_amount(unit_price: UnitPrice, quantity: Quantity) -> Result<(), Invalid> {
        unit_price.times(quantity).map(|_| ()).map_err(|_| amount_overflow())
    }

    /// An order in which only lines that are taxed alike are equal.
    fn order_by_tax(&self, other: &Self) -> Ordering {
        let is_inclusive = |item: &Self| item.tax_behavior == TaxBehavior::Inclusive;
        let by_behavior = is_inclusive(self).cmp(&is_inclusive(other));
        by_behavior.then_with(|| self.tax_treatment.order(&other.tax_treatment))
    }

    /// Refuses a price in another currency than its invoice's.
    ///
    /// # Errors
    /// It is in another.
    pub fn check_currency(unit_price: UnitPrice, currency: Currency) -> Result<(), Invalid> {
        if unit_price.currency() == currency {
            return Ok(());
        }
        Err(Invalid::new("CURRENCY_MISMATCH", format!("must be in the invoice's currency, {currency}")))
    }
}

impl InvoiceContent {
    /// The most lines.
    pub const LINES_MAX: usize = 1_000;
    /// The most days by which the tax point or the due date lies before the day of issue: ten years, for which books are kept.
    /// What is further away is a slip.
    pub const DATE_DAYS_BEFORE_MAX: i64 = 3_653;
    /// The most days by which they lie after it: a hundred years.
    pub const DATE_DAYS_AFTER_MAX: i64 = 36_525;

    /// An invoice of these lines, with nothing that is optional.
    pub fn new(currency: Currency, items: Vec<InvoiceItem>) -> Self {
        Self {
            customer_id: None,
            currency,
            items,
            discount: None,
            tax_rounding: None,
            description: None,
            tax_point: None,
            due_date: None,
            tax_exchange_rate: None,
            metadata: Metadata::default(),
        }
    }

    /// Checks the rules that join fields: number of lines, one currency, line totals and their sum within range; and the
    /// dates of an invoice that is issued on `issued_on`, by a seller whose own currency is `sellers_currency`.
    ///
    /// # Errors
    /// Every violation, with paths such as `lines[3].price_data.unit_price`.
    pub fn check(&self, issued_on: Date, sellers_currency: Currency) -> Result<(), Violations> {
        let mut validator = Validator::new();
        for (field, date) in [("tax_point", self.tax_point), ("due_date", self.due_date)] {
            validator.check_optional(field, date, |date| Self::check_date(date, issued_on));
        }
        if let Some(rate) = &self.tax_exchange_rate {
            validator.within("tax_exchange_rate", |v| rate.check(v, (self.currency, issued_on), sellers_currency));
        }
        validator.check("lines", Self::check_line_count(self.items.len()));
        for (index, item) in self.items.iter().enumerate() {
            if let Err(mismatch) = InvoiceItem::check_currency(item.unit_price, self.currency) {
                validator.refuse(&format!("lines[{index}].price_data.unit_price"), mismatch);
            } else if let Err(overflow) = InvoiceItem::check_amount(item.unit_price, item.quantity) {
                validator.refuse(&format!("lines[{index}]"), overflow);
            } else if let Ok(price) = item.unit_price.times(item.quantity) {
                let field = format!("lines[{index}].discount.amount_off");
                self.check_discount(&mut validator, &field, item.discount, Some(price));
            }
        }
        // What the lines come to is known once they are right.
        let left = validator.is_clean().then(|| {
            let priced = price_items(self.currency, self.items.iter(), None)?;
            let amounts = priced.iter().map(PricedItem::amount).collect::<Result<Vec<_>, _>>()?;
            Money::sum(self.currency, amounts)
        });
        // Twice the sum leaves room for tax of up to 100 %.
        let left = left.map(|left| left.ok().filter(|left| left.minor() <= Money::MINOR_MAX / 2));
        let left = left.and_then(|left| validator.check("lines", left.ok_or_else(amount_overflow)));
        self.check_discount(&mut validator, "discount.amount_off", self.discount, left);
        validator.finish(Some(()))
    }

    /// Refuses a tax point or a due date that is too far from the day of issue. Both may lie before it: a supply is often
    /// billed later, and what was to be paid at once is overdue from the start.
    ///
    /// # Errors
    /// It is more than [`InvoiceContent::DATE_DAYS_BEFORE_MAX`] days before it, or more than
    /// [`InvoiceContent::DATE_DAYS_AFTER_MAX`] after.
    pub fn check_date(date: Date, issued_on: Date) -> Result<Date, Invalid> {
        if (-Self::DATE_DAYS_BEFORE_MAX..=Self::DATE_DAYS_AFTER_MAX).contains(&(date - issued_on).whole_days()) {
            return Ok(date);
        }
        let expected = format!("must be from 10 years before to 100 years after the day of issue, {issued_on}");
        Err(Invalid::new("DATE_OUT_OF_RANGE", expected))
    }

    /// Refuses a total that is above what an amount may be. What the lines come to is bounded before their tax is known, and
    /// several rates may come to more than 100 %.
    ///
    /// # Errors
    /// It is above [`Money::MINOR_MAX`].
    pub fn check_total(tax: &TaxCalculation) -> Result<(), Invalid> {
        if tax.gross.minor() <= Money::MINOR_MAX {
            return Ok(());
        }
        let expected = format!("must come to at most {} minor units with tax", Money::MINOR_MAX);
        Err(Invalid::new("AMOUNT_OUT_OF_RANGE", expected))
    }

    /// Refuses an exchange rate by which the tax is out of range.
    ///
    /// # Errors
    /// It is above [`Money::MINOR_MAX`].
    pub fn check_exchanged_tax(&self, tax: &TaxCalculation) -> Result<(), Invalid> {
        let exchanged = self.tax_exchange_rate.as_ref().map(|rate| rate.exchange(tax.tax));
        match exchanged {
            Some(exchanged) if exchanged.as_ref().map_or(true, |it| it.tax.minor() > Money::MINOR_MAX) => {
                let expected = format!("must bring the tax to at most {} minor units", Money::MINOR_MAX);
                Err(Invalid::new("AMOUNT_OUT_OF_RANGE", expected))
            }
            _ => Ok(()),
        }
    }

    /// Refuses an amount that is taken off in another currency than the invoice's.
    ///
    /// # Errors
    /// It is in another.
    pub fn check_discount_currency(discount: Option<Discount>, currency: Currency) -> Result<(), Invalid> {
        match discount {
            Some(Discount::Amount(amount)) if amount.currency() != currency => {
                Err(Invalid::new("CURRENCY_MISMATCH", format!("must be in the invoice's currency, {currency}")))
            }
            _ => Ok(()),
        }
    }

    /// Refuses an amount that is taken off in another currency, or is more than there is, where that is known.
    fn check_discount(&self, v: &mut Validator, field: &str, discount: Option<Discount>, there: Option<Money>) {
        let Some(Discount::Amount(amount)) = discount else { return };
        if let Err(mismatch) = Self::check_discount_currency(discount, self.currency) {
            v.refuse(&format!("{field}.currency_code"), mismatch);
        } else if let Some(there) = there.filter(|there| amount.minor() > there.minor()) {
            let expected = format!("must be at most {there}, which is what it is taken off of");
            v.refuse(&format!("{field}.minor_units"), Invalid::new("DISCOUNT_ABOVE_AMOUNT", expected));
        }
    }

    /// Refuses a wrong number of lines.
    ///
    /// # Errors
    /// None, or more than [`InvoiceContent::LINES_MAX`].
    pub fn check_line_count(count: usize) -> Result<(), Invalid> {
        if (1..=Self::LINES_MAX).contains(&count) {
            return Ok(());
        }
        Err(Invalid::new("LINE_COUNT", format!("must have 1 to {} lines", Self::LINES_MAX)))
    }

    /// The lines as a tax calculator wants them: after what is taken off.
    ///
    /// # Errors
    /// A line's total is out of range.
    pub fn taxable_lines(&self) -> Result<Vec<TaxableLine>, MoneyError> {
        let priced = price_items(self.currency, self.items.iter(), self.discount)?;
        let line = |(item, priced): (&InvoiceItem, PricedItem)| {
            let treatment = item.tax_treatment.clone();
            Ok(TaxableLine { amount: priced.amount()?, behavior: item.tax_behavior, treatment })
        };
        self.items.iter().zip(priced).map(line).collect()
    }
}

/// What a line costs, and what is taken off of it.
struct PricedItem {
    /// Quantity times unit price.
    price: Money,
    /// Taken off of the line.
    own_discount: Money,
    /// Its share of what is taken off of all lines.
    shared_discount: Money,
}

impl PricedItem {
    fn discount(&self) -> Result<Money, MoneyError> {
        self.own_discount.checked_add(self.shared_discount)
    }

    fn amount(&self) -> Result<Money, MoneyError> {
        self.price.checked_sub(self.discount()?)
    }
}

/// Prices the lines of an invoice. What is taken off of the whole is taken of what is left of each line, in proportion, by
/// largest remainder. Where equal lines compete for a minor unit, how they are taxed decides and not their order, which would
/// decide the tax with it.
fn price_items<'a>(
    currency: Currency,
    items: impl Iterator<Item = &'a InvoiceItem>,
    discount: Option<Discount>,
) -> Result<Vec<PricedItem>, MoneyError> {
    let items: Vec<_> = items.collect();
    let mut priced = Vec::with_capacity(items.len());
    for item in &items {
        let price = item.unit_price.times(item.quantity)?;
        let own = item.discount.map(|discount| discount.parts(currency, &[price])).transpose()?;
        let own_discount = own.and_then(|parts| parts.first().copied()).unwrap_or(Money::zero(currency));
        priced.push(PricedItem { price, own_discount, shared_discount: Money::zero(currency) });
    }
    if let Some(discount) = discount {
        let mut places: Vec<usize> = (0..items.len()).collect();
        places.sort_by(|a, b| items[*a].order_by_tax(items[*b]));
        let left = |place: &usize| priced[*place].price.checked_sub(priced[*place].own_discount);
        let left = places.iter().map(left).collect::<Result<Vec<_>, _>>()?;
        for (place, share) in places.into_iter().zip(discount.parts(currency, &left)?) {
            priced[place].shared_discount = share;
        }
    }
    Ok(priced)
}

fn amount_overflow() -> Invalid {
    Invalid::new("AMOUNT_OUT_OF_RANGE", format!("must come to at most {} minor units", Money::MINOR_MAX / 2))
}

/// Where an invoice stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum InvoiceState {
    /// May be edited; has no number.
    Draft,
    /// Finalized, and to be paid.
    Open {
        /// What was fixed.
        finalization: Finalization,
    },
    /// Paid in full, or what had not been paid was credited.
    Paid {
        /// What was fixed.
        finalization: Finalization,
        /// When the payment or credit note that completed it was recorded.
        paid_at: Timestamp,
    },
    /// Withdrawn. Its number stays taken.
    Void {
        /// What was fixed; absent if it was still a draft.
        finalization: Option<Finalization>,
        /// When.
        voided_at: Timestamp,
    },
    /// Given up. A payment that still comes makes it paid.
    Uncollectible {
        /// What was fixed.
        finalization: Finalization,
        /// When.
        marked_at: Timestamp,
    },
}

impl InvoiceState {
    /// The name of the state in which it may still change.
    pub const DRAFT: &str = "draft";
    /// The name of the state in which it is to be paid.
    pub const OPEN: &str = "open";
    /// The name of the state in which nothing is due any more.
    pub const PAID: &str = "paid";
    /// The name of the state in which it does not count.
    pub const VOID: &str = "void";
    /// The name of the state in which it was given up.
    pub const UNCOLLECTIBLE: &str = "uncollectible";

    /// The state's name, in snake case.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Draft => Self::DRAFT,
            Self::Open { .. } => Self::OPEN,
            Self::Paid { .. } => Self::PAID,
            Self::Void { .. } => Self::VOID,
            Self::Uncollectible { .. } => Self::UNCOLLECTIBLE,
        }
    }
}

/// What finalization fixes for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finalization {
    /// The number, without gaps within the series.
    pub number: String,
    /// The series.
    pub series: String,
    /// The place in the series, from 1.
    pub sequence: u64,
    /// When it was finalized: the date of issue.
    pub finalized_at: Timestamp,
    /// The date whose tax rates apply.
    pub tax_point: Date,
    /// The last day to pay.
    pub due_date: Date,
    /// The seller as it was.
    pub seller: PartySnapshot,
    /// What else stood on the seller's documents.
    #[serde(default)]
    pub letterhead: Letterhead,
    /// The customer as it was.
    pub buyer: Option<PartySnapshot>,
}

/// A party as it stood when the invoice was finalized.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartySnapshot {
    /// Its name.
    pub name: Option<PartyName>,
    /// Its address.
    pub address: Option<Address>,
    /// Its e-mail address.
    pub email: Option<Email>,
    /// Its tax ids.
    pub tax_ids: Vec<TaxId>,
}

impl std::fmt::Debug for PartySnapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PartySnapshot(..)")
    }
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

#[cfg(test)]
mod tests;
