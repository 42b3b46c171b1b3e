//! When a legal note applies: read off the decisions that the tax was computed by. It decides no tax, and must not know the
//! rules of a country: a decision says which law it follows.

use std::collections::BTreeMap;

use super::{AppliedNote, LegalNote};
use crate::credit_note::CreditNote;
use crate::invoice::Invoice;
use crate::party::Country;
use crate::tax::{TaxCategory, TaxDecision};

/// The rule of a calculator by which a supply is exempt for who buys it, and not for what it is.
const CUSTOMER_EXEMPT: &str = "CUSTOMER_EXEMPT";

/// The notes on an invoice's lines.
pub fn notes_of_invoice(invoice: &Invoice) -> Vec<AppliedNote> {
    let decisions = decisions(invoice);
    apply(seller_country(invoice), (0..invoice.lines.len()).map(|line| decisions.get(&line).copied()))
}

/// The notes on the lines of a credit note: those of the invoice's lines that it credits.
pub fn notes_of_credit_note(note: &CreditNote, invoice: &Invoice) -> Vec<AppliedNote> {
    let decisions = decisions(invoice);
    let place = |id| invoice.lines.iter().position(|line| line.id == id);
    let of_line = |id| place(id).and_then(|place| decisions.get(&place).copied());
    apply(seller_country(invoice), note.lines.iter().map(|line| of_line(line.invoice_line_id)))
}

/// The decision on each line; the first where several rates applied by one.
fn decisions(invoice: &Invoice) -> BTreeMap<usize, &TaxDecision> {
    let mut decisions = BTreeMap::new();
    for step in &invoice.tax.trace {
        decisions.entry(step.line).or_insert(&step.decision);
    }
    decisions
}

fn seller_country(invoice: &Invoice) -> Option<Country> {
    invoice.finalization()?.seller.address.as_ref().map(|address| address.country)
}

/// The notes in the order of [`LegalNote::ALL`], each with its lines.
fn apply<'a>(seller: Option<Country>, lines: impl Iterator<Item = Option<&'a TaxDecision>>) -> Vec<AppliedNote> {
    let mut found: BTreeMap<LegalNote, Vec<usize>> = BTreeMap::new();
    let mut count = 0;
    for (index, decision) in lines.enumerate() {
        count += 1;
        if let Some(note) = decision.and_then(|decision| note_of(decision, seller)) {
            found.entry(note).or_default().push(index);
        }
    }
    let whole = |lines: Vec<usize>| if lines.len() == count { Vec::new() } else { lines };
    found.into_iter().map(|(note, lines)| AppliedNote { note, lines: whole(lines) }).collect()
}

/// The note that a decision asks for. All notes quote Directive 2006/112/EC, so there is none where a decision follows no law
/// of it: a line that the caller left untaxed, a seller that is not registered, or one outside of the Union.
fn note_of(decision: &TaxDecision, seller: Option<Country>) -> Option<LegalNote> {
    decision.law.as_ref()?;
    match decision.category {
        // Zero is a rate, and stands on the document as one.
        TaxCategory::Standard | TaxCategory::ZeroRated => None,
        TaxCategory::ReverseCharge => {
            let is_domestic = decision.jurisdiction.is_some_and(|place| Some(place.country()) == seller);
            Some(if is_domestic { LegalNote::DomesticReverseCharge } else { LegalNote::ReverseCharge })
        }
        TaxCategory::IntraCommunitySupply => Some(LegalNote::IntraCommunitySupply),
        TaxCategory::Export => Some(LegalNote::Export),
        TaxCategory::Exempt if decision.rule == CUSTOMER_EXEMPT => Some(LegalNote::ExemptCustomer),
        TaxCategory::Exempt => Some(LegalNote::ExemptSupply),
        TaxCategory::OutsideScope => Some(LegalNote::OutsideScope),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        Country::parse(code).unwrap()
    }

    fn decision(rule: &'static str, category: TaxCategory, place: &str, law: Option<&'static str>) -> TaxDecision {
        TaxDecision { rule: rule.into(), category, jurisdiction: Some(country(place).into()), law: law.map(Into::into) }
    }

    fn notes(decisions: &[TaxDecision]) -> Vec<(LegalNote, Vec<usize>)> {
        let applied = apply(Some(country("SE")), decisions.iter().map(Some));
        applied.into_iter().map(|applied| (applied.note, applied.lines)).collect()
    }

    #[test]
    fn goods_and_services_have_notes_of_their_own() {
        let law = Some("Directive 2006/112/EC");
        for (rule, category, place, note) in [
            ("INTRA_COMMUNITY_SUPPLY", TaxCategory::IntraCommunitySupply, "DE", LegalNote::IntraCommunitySupply),
            ("REVERSE_CHARGE", TaxCategory::ReverseCharge, "DE", LegalNote::ReverseCharge),
            ("DOMESTIC_REVERSE_CHARGE", TaxCategory::ReverseCharge, "SE", LegalNote::DomesticReverseCharge),
            ("EXPORT", TaxCategory::Export, "US", LegalNote::Export),
            ("OUTSIDE_SCOPE", TaxCategory::OutsideScope, "US", LegalNote::OutsideScope),
            ("CUSTOMER_EXEMPT", TaxCategory::Exempt, "SE", LegalNote::ExemptCustomer),
            ("EXEMPT_PRODUCT", TaxCategory::Exempt, "SE", LegalNote::ExemptSupply),
        ] {
            assert_eq!(notes(&[decision(rule, category, place, law)]), [(note, vec![])], "{rule}");
        }
    }

    #[test]
    fn what_follows_no_law_of_the_directive_has_no_note() {
        for (rule, category) in [
            ("UNTAXED", TaxCategory::OutsideScope),
            ("NONTAXABLE", TaxCategory::OutsideScope),
            ("NOT_REGISTERED", TaxCategory::OutsideScope),
            ("OUTSIDE_SCOPE", TaxCategory::OutsideScope),
            ("EXPORT", TaxCategory::Export),
            ("CUSTOMER_EXEMPT", TaxCategory::Exempt),
        ] {
            assert_eq!(notes(&[decision(rule, category, "US", None)]), [], "{rule}");
        }
    }

    #[test]
    fn what_is_taxed_has_no_note_whatever_law_it_follows() {
        let law = Some("Directive 2006/112/EC, art. 58");
        for category in [TaxCategory::Standard, TaxCategory::ZeroRated] {
            assert_eq!(notes(&[decision("DESTINATION", category, "FI", law)]), []);
        }
    }

    #[test]
    fn a_note_names_its_lines_unless_it_is_on_all() {
        let law = Some("Directive 2006/112/EC");
        let service = decision("REVERSE_CHARGE", TaxCategory::ReverseCharge, "DE", law);
        let goods = decision("INTRA_COMMUNITY_SUPPLY", TaxCategory::IntraCommunitySupply, "DE", law);
        let taxed = decision("DESTINATION", TaxCategory::Standard, "DE", law);
        assert_eq!(notes(&[service.clone(), service.clone()]), [(LegalNote::ReverseCharge, vec![])]);
        assert_eq!(
            notes(&[goods.clone(), service.clone(), taxed, service]),
            [(LegalNote::ReverseCharge, vec![1, 3]), (LegalNote::IntraCommunitySupply, vec![0])]
        );
        assert_eq!(notes(&[]), []);
        // A line of which nothing was decided keeps the others from standing for all.
        let applied = apply(None, [Some(&goods), None].into_iter());
        assert_eq!(applied, [AppliedNote { note: LegalNote::IntraCommunitySupply, lines: vec![0] }]);
    }
}
