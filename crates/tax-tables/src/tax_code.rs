//! The kinds of products that rates tell apart. It knows their codes and names, and no rate.

use std::collections::HashMap;

use domain::tax::TaxCode;
use domain::text::DisplayName;
use serde::Deserialize;

/// What a kind of product is to the rules for the place of supply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supply {
    /// Goods that are delivered.
    Goods,
    /// A service that is delivered over the internet or an electronic network (Regulation (EU) 282/2011, art. 7).
    ElectronicService,
    /// Any other service.
    Service,
    /// Outside of the scope of tax anywhere: there is no rate to look up.
    Nontaxable,
}

/// A kind of product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaxCodeEntry {
    /// The stable code, such as `ebook`.
    pub code: TaxCode,
    /// What it is, in English, such as `Electronic books`.
    pub name: DisplayName,
    /// What it is to the place of supply.
    pub supply: Supply,
}

/// A kind of product within [`TaxCodes`].
pub(crate) type TaxCodeIndex = usize;

/// All kinds of products, by their codes and the codes that others have for them.
#[derive(Debug, Clone, Default)]
pub(crate) struct TaxCodes {
    entries: Vec<TaxCodeEntry>,
    by_code: HashMap<TaxCode, TaxCodeIndex>,
}

impl TaxCodes {
    /// Adds a kind of product; a code that is taken already is given back, and stays what it was.
    pub(crate) fn add(&mut self, entry: TaxCodeEntry, aliases: Vec<TaxCode>) -> Result<(), TaxCode> {
        let index = self.entries.len();
        for code in std::iter::once(entry.code.clone()).chain(aliases) {
            if self.by_code.contains_key(&code) {
                return Err(code);
            }
            self.by_code.insert(code, index);
        }
        self.entries.push(entry);
        Ok(())
    }

    /// The kind of product with that code or alias.
    pub(crate) fn find(&self, code: &TaxCode) -> Option<(TaxCodeIndex, &TaxCodeEntry)> {
        let index = *self.by_code.get(code)?;
        self.entries.get(index).map(|entry| (index, entry))
    }

    /// All of them, in the order of the data.
    pub(crate) fn entries(&self) -> &[TaxCodeEntry] {
        &self.entries
    }
}
