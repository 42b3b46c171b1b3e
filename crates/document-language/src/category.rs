//! What supplies to which no rate applies are called in the breakdown of a document's tax. It must not know when a supply
//! falls into which category.

use domain::document::{DocumentTaxSubtotal, Language};
use domain::tax::TaxCategory;

use crate::words::{Words, fill};

impl Words {
    /// What a row of the breakdown is called: its rate and whose tax it is, or its category; `term` is what tax is called.
    pub fn tax_subtotal(&self, language: Language, subtotal: &DocumentTaxSubtotal, term: &str) -> String {
        let Some(rate) = &subtotal.rate else {
            let name = category_name(language, subtotal.category);
            return name.map_or_else(|| fill(self.untaxed, &[term]), str::to_owned);
        };
        let name = rate.name.as_str();
        subtotal.jurisdiction.as_ref().map_or(name.to_owned(), |levier| format!("{name} ({levier})"))
    }
}

/// What a category is called, with the words of EN 16931; none for one that is told by its rate, or is told by nothing but
/// that there is no tax.
fn category_name(language: Language, category: TaxCategory) -> Option<&'static str> {
    let [english, swedish, german, french, spanish] = match category {
        TaxCategory::Standard | TaxCategory::ZeroRated | TaxCategory::OutsideScope => return None,
        TaxCategory::Exempt => ["Exempt", "Undantaget", "Steuerfrei", "Exonéré", "Exento"],
        TaxCategory::ReverseCharge => [
            "Reverse charge",
            "Omvänd betalningsskyldighet",
            "Steuerschuldnerschaft des Leistungsempfängers",
            "Autoliquidation",
            "Inversión del sujeto pasivo",
        ],
        TaxCategory::IntraCommunitySupply => [
            "Intra-Community supply",
            "Unionsintern leverans",
            "Innergemeinschaftliche Lieferung",
            "Livraison intracommunautaire",
            "Entrega intracomunitaria",
        ],
        TaxCategory::Export => ["Export", "Export", "Ausfuhr", "Exportation", "Exportación"],
    };
    Some(match language {
        Language::English => english,
        Language::Swedish => swedish,
        Language::German => german,
        Language::French => french,
        Language::Spanish => spanish,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_without_tax_by_law_has_a_name_in_each_language() {
        for language in Language::ALL {
            let names: Vec<_> = [
                TaxCategory::Exempt,
                TaxCategory::ReverseCharge,
                TaxCategory::IntraCommunitySupply,
                TaxCategory::Export,
            ]
            .into_iter()
            .filter_map(|category| category_name(language, category))
            .collect();
            assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 4, "{language:?}: {names:?}");
        }
        assert_eq!(category_name(Language::Swedish, TaxCategory::OutsideScope), None);
    }
}
