//! What a seller's letterhead says, and how money is transferred to it; and why an invoice is credited. It must not know where
//! any of it stands.

use domain::credit_note::CreditReason;
use domain::document::Document;
use domain::letterhead::{Letterhead, Website};
use domain::text::LetterheadText;

use crate::words::{Words, fill};

impl Words {
    /// Who the seller is by law, and how it is reached: each a line.
    pub fn letterhead(&self, letterhead: &Letterhead) -> Vec<String> {
        let said =
            |template: &str, fact: &Option<LetterheadText>| fact.as_ref().map(|fact| fill(template, &[fact.as_str()]));
        let facts = [
            said(self.registration_number, &letterhead.registration_number),
            said(self.registered_office, &letterhead.registered_office),
            said("{}", &letterhead.phone),
            letterhead.website.as_ref().map(|website| Website::shown(website).to_owned()),
        ];
        facts.into_iter().flatten().collect()
    }

    /// How to transfer what is due on a document, as labels and values; free lines have no label. Nothing where nothing is
    /// due.
    pub fn transfer(&self, document: &Document) -> Vec<(String, String)> {
        let Some((transfer, reference)) = document.transfer() else { return Vec::new() };
        let accounts = [
            ("IBAN", transfer.iban.as_ref().map(ToString::to_string)),
            ("BIC", transfer.bic.as_ref().map(ToString::to_string)),
            ("Bankgiro", transfer.bankgiro.as_ref().map(ToString::to_string)),
            (self.payment_reference, Some(reference).filter(|_| transfer.has_account())),
        ];
        let accounts = accounts.into_iter().filter_map(|(label, value)| Some((label.to_owned(), value?)));
        let free = transfer.text.iter().flat_map(|text| text.as_str().lines());
        accounts.chain(free.map(|line| (String::new(), line.to_owned()))).collect()
    }

    /// A value behind its label; the value alone where there is none.
    pub fn labelled(&self, label: &str, value: &str) -> String {
        if label.is_empty() { value.to_owned() } else { fill(self.labelled, &[label, value]) }
    }

    /// Why an invoice is credited.
    pub fn credit_reason<'a>(&self, reason: &'a CreditReason) -> &'a str {
        match reason {
            CreditReason::Duplicate => self.duplicate,
            CreditReason::Fraudulent => self.fraudulent,
            CreditReason::OrderChange => self.order_change,
            CreditReason::ProductUnsatisfactory => self.product_unsatisfactory,
            CreditReason::Other(text) => text.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::document::Language;
    use domain::text::Description;

    use super::*;

    #[test]
    fn every_reason_of_a_credit_note_has_words_of_its_own_in_every_language() {
        let fixed = [
            CreditReason::Duplicate,
            CreditReason::Fraudulent,
            CreditReason::OrderChange,
            CreditReason::ProductUnsatisfactory,
        ];
        let mut told: Vec<&str> = Language::ALL
            .iter()
            .flat_map(|language| fixed.iter().map(|reason| Words::of(*language).credit_reason(reason)))
            .collect();
        told.sort_unstable();
        assert!(told.windows(2).all(|pair| pair[0] != pair[1]) && !told.contains(&""), "{told:?}");
        let other = CreditReason::Other(Description::parse("Returned").unwrap());
        assert_eq!(Words::of(Language::German).credit_reason(&other), "Returned");
    }

    #[test]
    fn a_letterhead_says_what_it_has() {
        let words = Words::of(Language::Swedish);
        assert_eq!(words.letterhead(&Letterhead::default()), Vec::<String>::new());
        let letterhead = Letterhead {
            registration_number: LetterheadText::parse("556000-0001").ok(),
            registered_office: LetterheadText::parse("Stockholm").ok(),
            website: Website::parse("https://nordljus.example").ok(),
            ..Letterhead::default()
        };
        assert_eq!(words.letterhead(&letterhead), ["Org.nr 556000-0001", "Säte: Stockholm", "nordljus.example"]);
        assert_eq!(words.labelled("", "x"), "x");
        assert_eq!(Words::of(Language::French).labelled("IBAN", "x"), "IBAN\u{a0}: x");
    }
}
