//! What composed pages look like, checked on what is drawn: nothing overlaps or leaves the page, and all of it is read once.

use std::collections::BTreeSet;

use domain::document::{DocumentDetails, Language};
use domain::invoice::PartySnapshot;
use domain::party::Address;
use domain::tax::TaxBehavior;
use domain::tax_id::TaxId;
use domain::text::PartyName;
use proptest::prelude::*;

use super::*;
use crate::samples::{self, Item};
use crate::sheet::{PAGE_HEIGHT, PAGE_WIDTH, Role, Shape};

/// Edges of something that is drawn: left, top, right, bottom.
type Edges = [f32; 4];

fn composed(document: &Document) -> Composed {
    compose(document, &Typesetter::new().unwrap())
}

/// The edges of texts and codes of a page, with what the text says.
fn drawn(page: &[crate::sheet::Item]) -> Vec<(Edges, &str)> {
    page.iter()
        .filter_map(|item| match &item.shape {
            // Capitals reach up to 0.73 em, and what hangs below the line down to 0.2 em.
            Shape::Text { x, y, line, .. } => {
                Some(([*x, y - 0.73 * line.size, x + line.width(), y + 0.2 * line.size], line.text.as_str()))
            }
            Shape::Code { area, .. } => Some(([area.x, area.y, area.x + area.width, area.y + area.height], "a code")),
            Shape::Fill { .. } => None,
        })
        .collect()
}

fn check_layout(document: &Document) -> Result<(), String> {
    const TOLERANCE: f32 = 0.15;
    let composed = composed(document);
    for (number, page) in composed.sheet.pages.iter().enumerate() {
        let drawn = drawn(page);
        for (index, ([left, top, right, bottom], text)) in drawn.iter().enumerate() {
            let is_inside = *left >= MARGIN - TOLERANCE
                && *right <= PAGE_WIDTH - MARGIN + TOLERANCE
                && *top >= 20.0
                && *bottom <= PAGE_HEIGHT - 20.0;
            if !is_inside {
                return Err(format!("page {number}: {text:?} leaves the page: {left} {top} {right} {bottom}"));
            }
            for ([other_left, other_top, other_right, other_bottom], other) in &drawn[index + 1..] {
                let across = right.min(*other_right) - left.max(*other_left);
                let down = bottom.min(*other_bottom) - top.max(*other_top);
                if across > TOLERANCE && down > TOLERANCE {
                    return Err(format!("page {number}: {text:?} overlaps {other:?} by {across} and {down}"));
                }
            }
        }
    }
    Ok(())
}

/// The leaves of a tree in the order of reading.
fn leaves(tree: &[Tree]) -> Vec<usize> {
    let mut found = Vec::new();
    for part in tree {
        match part {
            Tree::Leaf(leaf) => found.push(*leaf),
            Tree::Link(_) => {}
            Tree::Group(_, children) => found.extend(leaves(children)),
        }
    }
    found
}

/// What a reader of the tree hears.
fn heard(composed: &Composed) -> String {
    let mut texts = vec![""; composed.sheet.leaves];
    for item in composed.sheet.pages.iter().flatten() {
        if let (Role::Leaf(leaf), Shape::Text { line, .. }) = (item.role, &item.shape) {
            texts[leaf] = line.text.trim_end();
        }
    }
    leaves(&composed.tree).into_iter().map(|leaf| texts[leaf]).collect::<Vec<_>>().join("|")
}

#[test]
fn nothing_overlaps_or_leaves_the_page_in_any_language() {
    for language in Language::ALL {
        for document in [
            samples::common(language),
            samples::noted(language),
            samples::receipt(language),
            samples::credit_note(language),
        ] {
            check_layout(&document).unwrap_or_else(|found| panic!("{language:?}: {found}"));
        }
    }
    for code in ["EUR", "JPY", "KWD"] {
        check_layout(&samples::bare(code)).unwrap();
    }
    // German has the longest words.
    check_layout(&samples::extreme(Language::German)).unwrap();
}

#[test]
fn all_that_is_drawn_as_content_is_read_exactly_once() {
    for document in [samples::common(Language::French), samples::noted(Language::English), samples::long(80)] {
        let composed = composed(&document);
        let mut read = leaves(&composed.tree);
        read.sort_unstable();
        assert_eq!(read, (0..composed.sheet.leaves).collect::<Vec<_>>());
    }
}

#[test]
fn what_the_law_asks_of_an_invoice_is_said() {
    let heard = heard(&composed(&samples::noted(Language::English)));
    for said in [
        "Invoice|INV-2026-00042",
        "Date of issue|2\u{a0}March\u{a0}2026",
        "Date of supply|28\u{a0}February\u{a0}2026",
        "From|Nordljus Drift AB|Storgatan 1|111 22 Stockholm|Sweden",
        "Company\u{a0}no.\u{a0}556000-0001 · Registered\u{a0}office:\u{a0}Stockholm ·|+46\u{a0}8\u{a0}123\u{a0}45\u{a0}67 · nordljus.example",
        "VAT no. SE556000000101",
        "IBAN|SE45 5000 0000 0583 9825 7466|BIC|ESSESESS|Bankgiro|160-9908|Payment reference|INV-2026-00042",
        "Payments from abroad: charges are shared.",
        "VAT no. DE136695976",
        "1|Software licence|5|1,200.00|–|6,000.00",
        "3|Support|1|500.00|25%|500.00",
        "Total excl. VAT|EUR\u{a0}97,250.00|Total VAT|EUR\u{a0}125.00|Total incl. VAT|EUR\u{a0}97,375.00",
        "Moms|25%|500.00|125.00|Without VAT|–|96,750.00|0.00",
        "Reverse charge (Articles 44 and 196 of Directive 2006/112/EC). Lines 1 and 4.",
        "VAT in SEK: 1,404.31 (1 EUR = 11.2345 SEK, 27\u{a0}February\u{a0}2026)",
    ] {
        assert!(heard.contains(said), "{said} is not in {heard}");
    }
}

#[test]
fn a_credit_note_says_why_in_its_own_language_and_asks_for_no_transfer() {
    for (language, reason) in [
        (Language::English, "Reason: Goods or services not as agreed"),
        (Language::French, "Motif\u{a0}: Bien ou service non conforme"),
    ] {
        let heard = heard(&composed(&samples::credit_note(language)));
        assert!(heard.contains(reason) && !heard.contains("IBAN"), "{heard}");
    }
}

#[test]
fn prices_with_tax_inside_are_labelled_so_and_mixed_ones_each() {
    let sum = |document: &Document| heard(&composed(document));
    assert!(sum(&samples::receipt(Language::English)).contains("Unit price|incl. VAT"));
    assert!(sum(&samples::common(Language::English)).contains("Unit price|excl. VAT"));
    let items = [Item("a", 1, "12500", &["25"]), Item("b", 1, "10000", &["25"])];
    let behaviors = [TaxBehavior::Inclusive, TaxBehavior::Exclusive];
    let parties = (samples::seller(), samples::letterhead(), Some(samples::buyer()));
    let invoice = samples::invoice(samples::currency("SEK"), &behaviors, &items, parties, None);
    let mixed = sum(&Document::of_invoice(&invoice, DocumentDetails::default()).unwrap());
    assert!(
        mixed.contains("1|a|1|125.00|incl. VAT|25%|125.00|incl. VAT|2|b|1|100.00|excl. VAT|25%|100.00|excl. VAT"),
        "{mixed}"
    );
}

#[test]
fn money_is_asked_for_only_where_some_is_due() {
    let links = |document: &Document| composed(document).sheet.links.len();
    assert_eq!(links(&samples::common(Language::English)), 1);
    let mut invoice = samples::common_invoice();
    invoice.receive(invoice.total(), samples::ISSUED).unwrap();
    let paid = Document::of_invoice(&invoice, samples::details(Language::English)).unwrap();
    assert_eq!(links(&paid), 0);
    let heard = heard(&composed(&paid));
    assert!(
        heard.contains("Amount paid") && heard.contains("Paid on 2\u{a0}March\u{a0}2026") && !heard.contains("IBAN")
    );
}

#[test]
fn a_table_that_goes_on_repeats_its_head_and_every_page_has_its_number() {
    let composed = composed(&samples::long(200));
    let pages = &composed.sheet.pages;
    assert!(pages.len() > 5);
    for (index, page) in pages.iter().enumerate() {
        let has_rows =
            page.iter().any(|item| matches!(&item.shape, Shape::Text { line, .. } if line.text.starts_with("Item ")));
        let repeats = page.iter().any(|item| item.role == Role::Repeated);
        assert_eq!(repeats, index > 0 && has_rows, "page {index}");
        let number = format!("Page {} of {}", index + 1, pages.len());
        let is_number = |item: &crate::sheet::Item| matches!(&item.shape, Shape::Text { line, .. } if line.text.trim_end() == number);
        assert!(page.iter().any(|item| item.role == Role::Footer && is_number(item)), "{number}");
    }
}

#[test]
fn tax_is_called_as_it_is_where_the_seller_is() {
    let heard_of = |country: &str| {
        let seller = samples::party("Seller", ["1 Main St", "1", "Town", country, "12-3456789"]);
        let items = [Item("a", 1, "10000", &["25"])];
        let invoice = samples::invoice(
            samples::currency("USD"),
            &[TaxBehavior::Exclusive],
            &items,
            (seller, samples::letterhead(), None),
            None,
        );
        heard(&composed(&Document::of_invoice(&invoice, DocumentDetails::default()).unwrap()))
    };
    assert!(heard_of("US").contains("Total excl. tax") && heard_of("US").contains("Tax no. 12-3456789"));
    assert!(heard_of("NO").contains("Total excl. VAT"));
}

#[test]
fn a_seller_without_a_name_still_has_a_file_with_an_author() {
    assert_eq!(composed(&samples::bare("EUR")).about.author, "paylinks");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn nothing_overlaps_whatever_the_lengths(
        name in "[A-Zа-я]{1,40}( [a-zåäö]{1,60}){0,3}",
        street in "[A-Z]{1,200}",
        items in prop::collection::vec(("[a-zA-ZÅλж]{1,60}( [a-z]{1,80}){0,5}", 1i64..1_000_000, 0u64..1_000_000, 0u32..12), 1..12),
        language in 0usize..5,
        ids in 0usize..4,
    ) {
        let prices: Vec<String> = items
            .iter()
            .map(|(.., minor, decimals)| rust_decimal::Decimal::new(i64::try_from(*minor).unwrap(), *decimals).to_string())
            .collect();
        let rates: [&[&str]; 3] = [&["25"], &[], &["6", "5.5"]];
        let items: Vec<Item<'_>> = items
            .iter()
            .zip(&prices)
            .enumerate()
            .map(|(n, ((text, quantity, ..), price))| Item(text, *quantity, price, rates[n % 3]))
            .collect();
        let party = PartySnapshot {
            name: Some(PartyName::parse(&name).unwrap()),
            address: Some(Address::parse([&street, "", "", "", ""], "SE").unwrap()),
            email: None,
            tax_ids: (0..ids).map(|n| TaxId::parse(&format!("NUMBER-5560000000{n}")).unwrap()).collect(),
        };
        let invoice =
            samples::invoice(samples::currency("EUR"), &[TaxBehavior::Exclusive], &items, (party.clone(), samples::letterhead(), Some(party)), None);
        let document = Document::of_invoice(&invoice, samples::details(Language::ALL[language])).unwrap();
        let checked = check_layout(&document);
        prop_assert!(checked.is_ok(), "{:?}", checked);
        let numbers: BTreeSet<usize> = leaves(&composed(&document).tree).into_iter().collect();
        prop_assert_eq!(numbers.len(), composed(&document).sheet.leaves);
    }
}
