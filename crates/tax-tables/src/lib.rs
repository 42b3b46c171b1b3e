//! The tax calculator over dated rate tables that are part of the program, and manual rates.
//!
//! [`RateTable`] is the data: VAT, GST, HST and sales taxes by [`Jurisdiction`](domain::tax::Jurisdiction), tax code and
//! date, with their sources, as the files in `data/` tell them. [`TableTaxCalculator`] is the rules that choose
//! from it by the [place of supply](place).
//! Arithmetic is not here: figures come from [`domain::tax::compute`]. This crate must not know any provider, storage or
//! wire format, and it asks nobody.

mod calculator;
mod place;
mod registration;
mod table;
mod tax_code;

pub use calculator::TableTaxCalculator;
pub use table::{PartRelation, RateTable, TableError};
pub use tax_code::{Supply, TaxCodeEntry};
