//! Tax in the seller's national currency: what article 230 of Directive 2006/112/EC asks of an invoice in another currency. It
//! must not know where a rate comes from: whoever bills names it, with its day and its source.

use serde::{Deserialize, Serialize};
use time::Date;

use crate::money::{Currency, ExchangeRate, Money, MoneyError};
use crate::text::DisplayName;
use crate::timestamp::check_day_has_come;
use crate::validation::{Invalid, Validator};

/// By which rate the tax of a document is told in the seller's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxExchangeRate {
    /// The seller's own currency.
    pub currency: Currency,
    /// What one unit of the document's currency is worth in it.
    pub rate: ExchangeRate,
    /// The day of the rate.
    pub date: Date,
    /// Who published it, such as a central bank.
    pub source: DisplayName,
}

/// The tax of a document in the seller's currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExchangedTax {
    /// By which rate.
    pub exchange_rate: TaxExchangeRate,
    /// All tax, rounded half up to whole minor units.
    pub tax: Money,
}

impl TaxExchangeRate {
    /// Refuses a rate that a document in `currency`, issued on `issued_on`, of a seller with the currency `own` can't have.
    pub fn check(&self, v: &mut Validator, (currency, issued_on): (Currency, Date), own: Currency) {
        if own == currency {
            let expected = format!("must be absent: the invoice is in the seller's own currency, {own}");
            v.refuse("currency_code", Invalid::new("SAME_CURRENCY", expected));
        } else if self.currency != own {
            let expected = format!("must be the seller's own currency, {own}");
            v.refuse("currency_code", Invalid::new("NOT_SELLERS_CURRENCY", expected));
        }
        v.check("date", check_day_has_come(self.date, issued_on));
    }

    /// The tax in the seller's currency.
    ///
    /// # Errors
    /// It does not fit into 64 bits.
    pub fn exchange(&self, tax: Money) -> Result<ExchangedTax, MoneyError> {
        let tax = self.rate.convert(tax, self.currency)?;
        Ok(ExchangedTax { exchange_rate: self.clone(), tax })
    }
}
