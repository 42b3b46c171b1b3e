//! How the parties to a document are written: their addresses and tax ids, and what the tax between them is called.

use domain::document::{Document, Language};
use domain::party::Address;
use domain::tax_id::TaxId;

use crate::countries::country_name;
use crate::words::Words;

/// Countries whose tax on consumption is not called a value added tax in English: sales tax, or goods and services tax.
const WITHOUT_VAT: [&str; 10] = ["AU", "CA", "HK", "IN", "JP", "MY", "NZ", "PR", "SG", "US"];

/// What VAT ids of the European Union, Northern Ireland, Great Britain, Norway and Switzerland begin with.
const VAT_ID_PREFIXES: [&str; 32] = [
    "AT", "BE", "BG", "CHE", "CY", "CZ", "DE", "DK", "EE", "EL", "ES", "FI", "FR", "GB", "HR", "HU", "IE", "IT", "LT",
    "LU", "LV", "MT", "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK", "XI", "EU",
];

impl Words {
    /// What the tax of a document is called within a sentence: a value added tax or not, by where its seller is.
    pub fn tax_term(&self, document: &Document) -> &'static str {
        let country = document.seller.address.as_ref().map(|address| address.country.alpha2());
        if country.is_none_or(|country| !WITHOUT_VAT.contains(&country)) { self.vat } else { self.tax }
    }

    /// A tax id with its label.
    pub fn labelled_tax_id(&self, id: &TaxId) -> String {
        let is_vat_id = VAT_ID_PREFIXES.iter().any(|prefix| {
            id.as_str().strip_prefix(prefix).is_some_and(|rest| rest.contains(|c: char| c.is_ascii_digit()))
        });
        format!("{} {}", if is_vat_id { self.vat_id } else { self.tax_id }, id.as_str())
    }
}

/// The lines of an address, none of them empty; the country comes last.
pub fn address_lines(address: &Address, language: Language) -> Vec<String> {
    let place = [&address.postal_code, &address.city].into_iter().flatten().map(String::as_str).collect::<Vec<_>>();
    let parts = [
        address.line1.clone(),
        address.line2.clone(),
        Some(place.join(" ")),
        address.state.clone(),
        Some(country_name(address.country, language).to_owned()),
    ];
    parts.into_iter().flatten().filter(|part| !part.is_empty()).collect()
}
