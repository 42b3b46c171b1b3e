//! The tax calculator over dated rate tables that are part of the program: standard VAT of the EU, and manual rates.
//!
//! [`RateTable`] is the data, [`TableTaxCalculator`] the rules that choose from it. Arithmetic is not here: figures come
//! from [`domain::tax::compute`]. This crate must not know any provider, storage or wire format, and it asks nobody.

mod calculator;
mod table;

pub use calculator::TableTaxCalculator;
pub use table::{RateTable, TableError};
