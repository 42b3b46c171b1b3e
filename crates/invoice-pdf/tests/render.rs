//! The renderer from outside: every document in every language becomes a file that keeps the standards, the same each time.
//! What stands in the file as text needs a reader of PDF, and is checked with the whole.

#[path = "render/samples.rs"]
mod samples;

use std::collections::BTreeSet;

use domain::document::{Document, DocumentDetails, Language};
use domain::invoice::InvoiceContent;
use domain::ports::documents::{InvoiceRenderer, RenderedDocument};
use domain::tax::TaxBehavior;
use invoice_pdf::PdfRenderer;
use proptest::prelude::*;

use crate::samples::Item;

fn rendered(document: &Document) -> RenderedDocument {
    PdfRenderer.render(document).unwrap_or_else(|error| panic!("{error}"))
}

fn has(file: &[u8], text: &str) -> bool {
    file.windows(text.len()).any(|window| window == text.as_bytes())
}

/// How many pages a file has, by the objects that are pages; those are not compressed.
fn pages(file: &[u8]) -> usize {
    let text = String::from_utf8_lossy(file);
    text.matches("/Type/Page").count() - text.matches("/Type/Pages").count()
}

#[test]
fn every_document_in_every_language_keeps_both_standards() {
    for language in Language::ALL {
        for document in [
            samples::common(language),
            samples::noted(language),
            samples::discounted_and_credited(language),
            samples::receipt(language),
            samples::credit_note(language),
        ] {
            let file = rendered(&document);
            assert_eq!((file.content_type, file.replaced), ("application/pdf", BTreeSet::new()));
            assert!(file.bytes.starts_with(b"%PDF-1.7"));
            // What the file claims to be; the writer refuses to claim it of a file that is not.
            for claim in ["<pdfaid:part>2</pdfaid:part>", "<pdfaid:conformance>A</pdfaid:conformance>"] {
                assert!(has(&file.bytes, claim), "{claim}");
            }
            assert!(has(&file.bytes, "<pdfuaid:part>1</pdfuaid:part>"));
        }
    }
}

#[test]
fn the_same_document_gives_the_same_bytes_and_another_gives_others() {
    let render = |language| rendered(&samples::common(language)).bytes;
    assert_eq!(render(Language::German), render(Language::German));
    assert_ne!(render(Language::German), render(Language::French));
    assert_eq!(rendered(&samples::long(100)).bytes, rendered(&samples::long(100)).bytes);
}

#[test]
fn as_many_lines_as_an_invoice_may_have_take_many_pages() {
    let count = pages(&rendered(&samples::long(InvoiceContent::LINES_MAX)).bytes);
    assert!((25..60).contains(&count), "{count} pages");
    assert_eq!(pages(&rendered(&samples::common(Language::English)).bytes), 1);
}

#[test]
fn everything_at_its_longest_still_becomes_a_file() {
    for language in [Language::English, Language::German] {
        assert!(pages(&rendered(&samples::extreme(language)).bytes) > 3);
    }
}

#[test]
fn currencies_without_and_with_three_decimals_and_an_unknown_party_are_fine() {
    for code in ["JPY", "EUR", "KWD"] {
        rendered(&samples::bare(code));
    }
}

#[test]
fn characters_that_can_not_be_shown_are_told() {
    let told = rendered(&samples::bare("EUR")).replaced;
    let expected = ['漢', '字', '\u{e000}', '\u{1F469}', '\u{1F680}', 'ש', 'ל', 'ו', 'ם'];
    assert_eq!(told, BTreeSet::from(expected));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn any_text_and_any_figures_become_a_file(
        text in "\\PC{1,120}",
        minor in 0u64..=999_999_999_999,
        decimals in 0u32..=12,
        lines in 1usize..6,
        language in 0usize..5,
        code in prop::sample::select(vec!["EUR", "JPY", "KWD", "SEK"]),
    ) {
        let description = format!("x{}", text.replace(|c: char| domain::text::refuse_unfit(&c.to_string(), 9).is_err(), " "));
        prop_assume!(domain::text::Description::parse(&description).is_ok());
        let price = rust_decimal::Decimal::from_i128_with_scale(minor.into(), decimals).to_string();
        let rates: [&[&str]; 3] = [&["25"], &[], &["6", "5.5"]];
        let items: Vec<Item<'_>> = (0..lines).map(|n| Item(&description, 1, &price, rates[n % 3])).collect();
        let behaviors = [TaxBehavior::Exclusive, TaxBehavior::Inclusive];
        let parties = (samples::seller(), samples::letterhead(), None);
        let invoice = samples::invoice(samples::currency(code), &behaviors, &items, parties, None);
        let details = DocumentDetails { language: Language::ALL[language], ..DocumentDetails::default() };
        prop_assert!(PdfRenderer.render(&Document::of_invoice(&invoice, details).unwrap()).is_ok());
    }
}
