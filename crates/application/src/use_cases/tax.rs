//! Tax as callers ask for it.

use std::sync::Arc;

use domain::id::{CustomerId, TaxRateId};
use domain::invoice::InvoiceContent;
use domain::money::{Currency, Money};
use domain::ports::storage::Sellers;
use domain::seller::Seller;
use domain::tax::{Jurisdiction, TaxBehavior, TaxCalculation, TaxCode, TaxRounding, TaxableLine, TaxedCustomer};
use domain::validation::Validator;
use serde::Serialize;
use time::Date;

use crate::app::App;
use crate::error::Error;
use crate::pricing::taxed_customer;

/// How a caller wants a line taxed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxSpec {
    /// By these manual rates.
    Rates(Vec<TaxRateId>),
    /// By the rules for the seller, the customer and the kind of product.
    Automatic {
        /// The kind of product.
        tax_code: Option<TaxCode>,
    },
    /// Not at all.
    Untaxed,
}

/// A line for which tax is asked.
#[derive(Debug, Clone)]
pub struct TaxLineSpec {
    /// The price of the whole line.
    pub amount: Money,
    /// Whether it has the tax inside.
    pub tax_behavior: TaxBehavior,
    /// How it is taxed.
    pub tax: TaxSpec,
}

/// A question for the tax of some lines; nothing is stored.
#[derive(Debug, Clone)]
pub struct CalculateTax {
    /// Who sells.
    pub seller: Arc<Seller>,
    /// Who buys, if a stored customer.
    pub customer_id: Option<CustomerId>,
    /// The buyer, if not a stored customer; its place alone counts also where a stored one has none.
    pub customer: TaxedCustomer,
    /// Currency of every line.
    pub currency: Currency,
    /// The lines: 1 to [`InvoiceContent::LINES_MAX`].
    pub lines: Vec<TaxLineSpec>,
    /// The date whose rates apply; today where absent.
    pub tax_point: Option<Date>,
    /// How to round; as the seller does where absent.
    pub rounding: Option<TaxRounding>,
}

impl App {
    /// Computes the tax of lines, with a trace that explains every figure.
    ///
    /// # Errors
    /// Every bad line at once, or the calculator can't be reached.
    pub async fn calculate_tax(&self, query: CalculateTax) -> Result<TaxCalculation, Error> {
        let sellers = Sellers::from([query.seller.id.clone()]);
        // What a line names is looked up, so their number comes first.
        InvoiceContent::check_line_count(query.lines.len()).map_err(|i| Error::field("lines", i.rule, i.expected))?;
        let mut validator = Validator::new();
        let mut lines = Vec::with_capacity(query.lines.len());
        for (index, line) in query.lines.iter().enumerate() {
            let field = format!("lines[{index}].tax");
            if let Some(treatment) = self.tax_treatment(&mut validator, &field, &sellers, &line.tax).await? {
                lines.push(TaxableLine { amount: line.amount, behavior: line.tax_behavior, treatment });
            }
        }
        let lines = validator.finish(Some(lines))?;
        let (customer, fields) = match query.customer_id {
            None => (query.customer, FIELDS_OF_REQUEST),
            Some(id) => {
                let stored = taxed_customer(self.customer_to_tax(&query.seller, Some(id)).await?.as_ref());
                stored_or_named(stored, query.customer.place)?
            }
        };
        let tax_point = self.tax_point(query.tax_point, self.now());
        let rounding = query.rounding.unwrap_or(query.seller.tax_rounding);
        let calculated = self.calculate(&query.seller, customer, (tax_point, rounding), (query.currency, lines)).await;
        calculated.map_err(|error| fields.iter().fold(error, |error, (of, at)| error.renamed(of, at)))
    }
}

/// Fields of a question to a calculator, and where the request has what they hold.
type Fields = [(&'static str, &'static str); 4];

/// Where a buyer that is not stored is told.
const FIELDS_OF_REQUEST: Fields = [
    ("customer.place.country", "customer_country_code"),
    ("customer.place", "customer_subdivision_code"),
    ("customer.tax_ids", "customer_tax_ids"),
    ("customer.status", "customer_tax_status"),
];
/// Where a stored buyer is told whose address is known.
const FIELDS_OF_STORED: Fields = [
    ("customer.place.country", "customer_id"),
    ("customer.place", "customer_id"),
    ("customer.tax_ids", "customer_id"),
    ("customer.status", "customer_id"),
];

/// A stored customer, at the place that the request names where it has none itself.
fn stored_or_named(stored: TaxedCustomer, named: Option<Jurisdiction>) -> Result<(TaxedCustomer, Fields), Error> {
    let [country, place, ..] = FIELDS_OF_REQUEST;
    let [.., tax_ids, status] = FIELDS_OF_STORED;
    match (stored.place, named) {
        (Some(known), Some(named)) if known != named => {
            let field = if known.country() == named.country() { place.1 } else { country.1 };
            let expected = "must be empty, or where the customer is by its address";
            Err(Error::field(field, "NOT_CUSTOMERS_PLACE", expected))
        }
        (Some(_), _) => Ok((stored, FIELDS_OF_STORED)),
        (None, named) => Ok((TaxedCustomer { place: named, ..stored }, [country, place, tax_ids, status])),
    }
}
