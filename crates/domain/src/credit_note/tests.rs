//! Credits of a whole, by line and in parts: they never pass what is left, and together they are the invoice.

use proptest::prelude::*;
use rust_decimal::Decimal;
use time::macros::date;
use uuid::Uuid;

use super::*;
use crate::discount::Discount;
use crate::invoice::{Finalization, InvoiceItem};
use crate::letterhead::Letterhead;
use crate::money::Rounding;
use crate::tax::{AppliedRate, RatedLine, RoundingScope, TaxCalculation, TaxRounding, TaxTreatment, compute};
use crate::text::DisplayName;

const NOW: Timestamp = Timestamp::from_unix_micros(1);

fn sek(minor: i64) -> Money {
    Money::new(minor, Currency::parse("SEK").unwrap())
}

fn rate(percent: &str) -> AppliedRate {
    let json = serde_json::json!({"display_name": DisplayName::parse("Moms").unwrap(), "percentage": percent});
    serde_json::from_value(json).unwrap()
}

/// A line: unit price in öre, quantity, percent of each rate, and whether tax is inside.
type Line<'a> = (&'a str, u32, &'a [&'a str], TaxBehavior);

/// An open invoice of these lines.
fn open(lines: &[Line<'_>], scope: RoundingScope) -> Invoice {
    open_discounted(lines, scope, None)
}

/// An open invoice of these lines, with a discount on all of them together.
fn open_discounted(lines: &[Line<'_>], scope: RoundingScope, discount: Option<Discount>) -> Invoice {
    let currency = sek(0).currency();
    let items: Vec<InvoiceItem> = lines
        .iter()
        .map(|(unit, quantity, rates, behavior)| InvoiceItem {
            description: Description::parse("Hosting").unwrap(),
            quantity: Quantity::parse((*quantity).into()).unwrap(),
            unit_price: UnitPrice::parse(unit.parse::<Decimal>().unwrap(), currency).unwrap(),
            tax_behavior: *behavior,
            tax_treatment: TaxTreatment::Manual(rates.iter().map(|percent| rate(percent)).collect()),
            price_id: None,
            shipping_rate_id: None,
            discount: None,
        })
        .collect();
    let rounding = TaxRounding { scope, mode: Rounding::HalfUp };
    let content = InvoiceContent { discount, tax_rounding: Some(rounding), ..InvoiceContent::new(currency, items) };
    let tax = taxed(&content, rounding);
    let ids = (1..=lines.len()).map(line_id).collect();
    let seller = SellerId::parse("north").unwrap();
    let id = (InvoiceId::from_uuid(Uuid::from_u128(1)), ids);
    let mut invoice = Invoice::draft(id, seller, content, (rounding, tax.clone()), NOW).unwrap();
    let party = PartySnapshot { name: None, address: None, email: None, tax_ids: vec![] };
    let finalization = Finalization {
        number: "INV-1".to_owned(),
        series: "INV".to_owned(),
        sequence: 1,
        finalized_at: NOW,
        tax_point: date!(2026 - 11 - 01),
        due_date: date!(2026 - 12 - 01),
        seller: party,
        letterhead: Letterhead::default(),
        buyer: None,
    };
    invoice.finalize(finalization, tax).unwrap();
    invoice
}

fn taxed(content: &InvoiceContent, rounding: TaxRounding) -> TaxCalculation {
    let rated: Vec<RatedLine> = content
        .taxable_lines()
        .unwrap()
        .into_iter()
        .map(|line| {
            let TaxTreatment::Manual(rates) = line.treatment else { unreachable!("all are manual") };
            RatedLine::manual(line.amount, line.behavior, rates)
        })
        .collect();
    compute(sek(0).currency(), rounding, &rated).unwrap()
}

fn line_id(place: usize) -> InvoiceLineId {
    InvoiceLineId::from_uuid(Uuid::from_u128(place as u128))
}

/// Asks for parts of lines, which count from 1.
fn lines(parts: &[(usize, CreditPart)]) -> CreditScope {
    CreditScope::Lines(parts.iter().map(|(place, part)| LineCredit { line_id: line_id(*place), part: *part }).collect())
}

fn pieces(quantity: i64) -> CreditPart {
    CreditPart::Quantity(Quantity::parse(quantity).unwrap())
}

fn request(scope: CreditScope) -> CreditRequest {
    CreditRequest { scope, reason: CreditReason::OrderChange, memo: None, metadata: Metadata::default() }
}

fn credit(invoice: &mut Invoice, request: CreditRequest) -> Result<CreditNote, CreditRefused> {
    let number = CreditNoteNumber { number: "CN-1".to_owned(), series: "CN".to_owned(), sequence: 1 };
    CreditNote::issue(invoice, request, (CreditNoteId::from_uuid(Uuid::from_u128(9)), number), NOW)
}

/// Field and rule of each violation.
fn refused(invoice: &Invoice, request: &CreditRequest) -> Vec<(String, String)> {
    match CreditNote::check(invoice, request).unwrap_err() {
        CreditRefused::Fields(violations) => {
            violations.iter().map(|violation| (violation.field.clone(), violation.rule.clone())).collect()
        }
        other => panic!("{other:?}"),
    }
}

const EXCLUSIVE: TaxBehavior = TaxBehavior::Exclusive;
const INCLUSIVE: TaxBehavior = TaxBehavior::Inclusive;

#[test]
fn a_credit_of_everything_is_the_mirror_of_the_invoice() {
    let lines: [Line<'_>; 4] = [
        ("3333", 3, &["25"], EXCLUSIVE),
        ("4.4", 7, &["12", "6"], INCLUSIVE),
        ("0", 2, &["25"], EXCLUSIVE),
        ("999", 1, &[], EXCLUSIVE),
    ];
    for scope in [RoundingScope::PerLine, RoundingScope::PerInvoice] {
        let mut invoice = open(&lines, scope);
        let note = credit(&mut invoice, request(CreditScope::Rest)).unwrap();
        let (of_note, of_invoice): (Vec<_>, Vec<_>) = note
            .lines
            .iter()
            .zip(&invoice.lines)
            .map(|(note, line)| {
                let quantity = note.quantity.unwrap();
                ((note.amount, quantity, note.taxed.clone()), (line.amount, line.item.quantity, line.taxed.clone()))
            })
            .unzip();
        assert_eq!((of_note, note.lines.len()), (of_invoice, 4));
        assert_eq!((note.net, note.tax, note.gross), (invoice.tax.net, invoice.tax.tax, invoice.tax.gross));
        assert_eq!(note.subtotals, invoice.tax.subtotals);
        assert_eq!((note.pre_payment_amount, note.post_payment_amount), (invoice.total(), sek(0)));
        assert_eq!((invoice.state.name(), invoice.amount_due(), invoice.amount_paid), ("paid", sek(0), sek(0)));
        assert_eq!(credit(&mut invoice, request(CreditScope::Rest)), Err(CreditRefused::NothingLeft));
    }
}

#[test]
fn what_is_due_is_lowered_first_and_the_rest_goes_back() {
    let mut invoice = open(&[("10000", 1, &["25"], EXCLUSIVE)], RoundingScope::PerInvoice);
    invoice.receive(sek(10_000), NOW).unwrap();
    let first = credit(&mut invoice, request(lines(&[(1, CreditPart::Amount(sek(1_000)))]))).unwrap();
    assert_eq!((first.gross, first.pre_payment_amount, first.post_payment_amount), (sek(1_250), sek(1_250), sek(0)));
    assert_eq!((invoice.state.name(), invoice.amount_due()), ("open", sek(1_250)));
    let second = credit(&mut invoice, request(lines(&[(1, CreditPart::Amount(sek(2_000)))]))).unwrap();
    assert_eq!((second.pre_payment_amount, second.post_payment_amount), (sek(1_250), sek(1_250)));
    assert_eq!((second.out_of_band_refund_amount, second.refundable_amount()), (sek(0), sek(1_250)));
    // One that was issued while a caller could say with it what had gone back already.
    let mut stored = serde_json::to_value(&second).unwrap();
    stored["out_of_band_refund_amount"] = serde_json::to_value(sek(250)).unwrap();
    let read: CreditNote = serde_json::from_value(stored).unwrap();
    assert_eq!((read.out_of_band_refund_amount, read.refundable_amount()), (sek(250), sek(1_000)));
    assert_eq!((invoice.state.name(), invoice.amount_due(), invoice.amount_paid), ("paid", sek(0), sek(10_000)));
    assert_eq!((invoice.amount_credited(), invoice.amount_credited_after_payment()), (sek(3_750), sek(1_250)));
    let rest = credit(&mut invoice, request(CreditScope::Rest)).unwrap();
    assert_eq!((rest.pre_payment_amount, rest.post_payment_amount), (sek(0), sek(8_750)));
    assert_eq!((invoice.amount_credited(), invoice.amount_settled()), (invoice.total(), invoice.total()));
}

#[test]
fn money_that_comes_after_a_credit_completes_the_invoice() {
    let mut invoice = open(&[("10000", 1, &["25"], EXCLUSIVE)], RoundingScope::PerInvoice);
    credit(&mut invoice, request(lines(&[(1, CreditPart::Amount(sek(2_000)))]))).unwrap();
    assert_eq!(invoice.receive(sek(10_100), NOW).unwrap(), [crate::payment::PaymentFlag::Overpaid]);
    assert_eq!((invoice.amount_paid, invoice.amount_overpaid), (sek(10_000), sek(100)));
    assert_eq!((invoice.state.name(), invoice.amount_settled()), ("paid", invoice.total()));
}

#[test]
fn pieces_tell_a_discount_only_of_a_line_that_has_one() {
    // Three at 1.5 öre are 5 öre, so that the second piece comes to less than the price of one.
    let mut invoice = open(&[("1.5", 3, &[], EXCLUSIVE)], RoundingScope::PerInvoice);
    let mut of_pieces = Vec::new();
    for _ in 0..3 {
        let note = credit(&mut invoice, request(lines(&[(1, pieces(1))]))).unwrap();
        of_pieces.push((note.lines[0].amount, note.lines[0].discount_amount()));
    }
    assert_eq!(of_pieces, [(sek(2), None), (sek(1), None), (sek(2), None)]);

    let off = Discount::Amount(sek(20));
    let mut invoice = open_discounted(&[("100", 2, &[], EXCLUSIVE)], RoundingScope::PerInvoice, Some(off));
    let note = credit(&mut invoice, request(lines(&[(1, pieces(1))]))).unwrap();
    assert_eq!((note.lines[0].amount, note.lines[0].discount_amount()), (sek(90), Some(sek(10))));
    // A note from before lines said whether they have one.
    let mut stored = serde_json::to_value(&note).unwrap();
    stored["lines"][0].as_object_mut().unwrap().remove("is_discounted");
    let read: CreditNote = serde_json::from_value(stored).unwrap();
    assert_eq!(read.lines[0].discount_amount(), Some(sek(10)));
}

#[test]
fn a_draft_a_void_and_a_partly_credited_invoice_keep_their_rules() {
    let mut invoice = open(&[("10000", 1, &["25"], EXCLUSIVE)], RoundingScope::PerInvoice);
    credit(&mut invoice, request(lines(&[(1, CreditPart::Amount(sek(1)))]))).unwrap();
    assert_eq!(invoice.void(NOW), Err(crate::invoice::InvoiceError::Credited));
    let mut void = open(&[("10000", 1, &["25"], EXCLUSIVE)], RoundingScope::PerInvoice);
    void.void(NOW).unwrap();
    assert_eq!(credit(&mut void, request(CreditScope::Rest)), Err(CreditRefused::NotFinal { state: "void" }));
    invoice.mark_uncollectible(NOW).unwrap();
    credit(&mut invoice, request(CreditScope::Rest)).unwrap();
    assert_eq!(invoice.state.name(), "paid");
}

#[test]
fn every_line_that_asks_for_more_than_is_left_is_named() {
    let mut invoice = open(
        &[("100", 3, &["25"], EXCLUSIVE), ("0", 1, &[], EXCLUSIVE), ("50", 2, &[], INCLUSIVE)],
        RoundingScope::PerLine,
    );
    credit(&mut invoice, request(lines(&[(1, pieces(2))]))).unwrap();
    credit(&mut invoice, request(lines(&[(3, CreditPart::Rest)]))).unwrap();
    let euros = Money::new(1, Currency::parse("EUR").unwrap());
    let cases = [
        (vec![(1, pieces(2))], "[0].quantity", "ABOVE_QUANTITY_LEFT"),
        (vec![(1, CreditPart::Amount(sek(101)))], "[0].amount.minor_units", "ABOVE_AMOUNT_LEFT"),
        (vec![(1, CreditPart::Amount(euros))], "[0].amount.currency_code", "CURRENCY_MISMATCH"),
        (vec![(1, pieces(1)), (3, CreditPart::Rest)], "[1]", "ABOVE_AMOUNT_LEFT"),
        (vec![(1, pieces(1)), (1, CreditPart::Rest)], "[1].invoice_line_id", "DUPLICATE"),
        (vec![(4, pieces(1))], "[0].invoice_line_id", "UNKNOWN_LINE"),
        (vec![], "", "LINE_COUNT"),
    ];
    for (asked, below, rule) in cases {
        let expected = (format!("by_line.lines{below}"), rule.to_owned());
        assert_eq!(refused(&invoice, &request(lines(&asked))), [expected], "{asked:?}");
    }
    // A line of nothing alone is a credit of nothing.
    assert_eq!(refused(&invoice, &request(lines(&[(2, pieces(1))])))[0].1, "AMOUNT_OUT_OF_RANGE");
    credit(&mut invoice, request(lines(&[(1, CreditPart::Amount(sek(1)))]))).unwrap();
    // Pieces after an amount: one is left by number, but not by amount.
    assert_eq!(refused(&invoice, &request(lines(&[(1, pieces(1))])))[0].1, "ABOVE_AMOUNT_LEFT");
    let rest = credit(&mut invoice, request(CreditScope::Rest)).unwrap();
    assert_eq!((rest.lines[0].quantity, rest.lines[0].amount), (None, sek(99)));
}

fn behavior() -> impl Strategy<Value = TaxBehavior> {
    prop_oneof![Just(EXCLUSIVE), Just(INCLUSIVE)]
}

proptest! {
    /// Whatever is credited in whatever parts: no line and no rate is ever credited for more than it was billed, each
    /// note adds up, and all of them together are the invoice to the minor unit.
    #[test]
    fn parts_never_pass_what_is_left_and_add_up_to_the_mirror(
        billed in prop::collection::vec((0..5_000i64, 1..9u32, 0..4usize, behavior()), 1..5),
        per_line in any::<bool>(),
        asked in prop::collection::vec((1..5usize, any::<bool>(), 1..4_000i64), 0..12),
        paid in 0..20_000i64,
    ) {
        const RATES: [&[&str]; 4] = [&[], &["25"], &["12.5"], &["5", "9.975"]];
        let texts: Vec<String> = billed.iter().map(|(unit, ..)| unit.to_string()).collect();
        let of: Vec<Line<'_>> = billed
            .iter()
            .zip(&texts)
            .map(|((_, quantity, rates, behavior), unit)| (unit.as_str(), *quantity, RATES[*rates], *behavior))
            .collect();
        let mut invoice = open(&of, if per_line { RoundingScope::PerLine } else { RoundingScope::PerInvoice });
        if paid > 0 {
            invoice.receive(sek(paid), NOW).unwrap();
        }
        let mut notes = Vec::new();
        for (place, by_pieces, much) in asked {
            let part = if by_pieces { pieces(1 + much % 3) } else { CreditPart::Amount(sek(much)) };
            notes.extend(credit(&mut invoice, request(lines(&[(place, part)]))).ok());
        }
        notes.extend(credit(&mut invoice, request(CreditScope::Rest)).ok());
        for note in &notes {
            prop_assert_eq!(note.net.minor() + note.tax.minor(), note.gross.minor());
            prop_assert_eq!(note.pre_payment_amount.minor() + note.post_payment_amount.minor(), note.gross.minor());
            let by_rate: i64 = note.subtotals.iter().map(|subtotal| subtotal.tax.minor()).sum();
            prop_assert_eq!(by_rate, note.tax.minor());
            let by_line = note.lines.iter().all(|line| {
                line.taxed.net.minor() >= 0 && line.taxed.components.iter().all(|component| component.tax.minor() >= 0)
            });
            prop_assert!(by_line, "{note:?}");
        }
        let sum = |of: fn(&CreditNote) -> Money| notes.iter().map(|note| of(note).minor()).sum::<i64>();
        let all = (sum(|note| note.net), sum(|note| note.tax), sum(|note| note.gross));
        prop_assert_eq!(all, (invoice.tax.net.minor(), invoice.tax.tax.minor(), invoice.total().minor()));
        for subtotal in &invoice.tax.subtotals {
            let credited = notes.iter().flat_map(|note| &note.subtotals).filter(|it| it.rate == subtotal.rate);
            let (base, tax) = credited.fold((0, 0), |(base, tax), it| (base + it.base.minor(), tax + it.tax.minor()));
            prop_assert_eq!((base, tax), (subtotal.base.minor(), subtotal.tax.minor()));
        }
        prop_assert_eq!(invoice.amount_credited(), invoice.total());
        prop_assert_eq!((invoice.state.name(), invoice.amount_due()), ("paid", sek(0)));
        prop_assert_eq!(invoice.amount_settled(), invoice.total());
    }
}

#[test]
fn what_is_asked_for_after_a_credit_has_the_tax_that_is_left() {
    // 100.00 at 25 % and 100.00 at 0 %, of which the first is taken back: the rest bears no tax.
    let mut invoice =
        open(&[("10000", 1, &["25"], EXCLUSIVE), ("10000", 1, &["0"], EXCLUSIVE)], RoundingScope::PerInvoice);
    assert_eq!(invoice.part(invoice.amount_due()).unwrap(), (sek(20_000), sek(2_500)));
    credit(&mut invoice, request(lines(&[(1, CreditPart::Rest)]))).unwrap();
    assert_eq!(invoice.part(invoice.amount_due()).unwrap(), (sek(10_000), sek(0)));
    // And the other way round, the parts of the rest add up to its tax.
    let mut invoice =
        open(&[("10001", 1, &["25"], EXCLUSIVE), ("10000", 1, &["0"], EXCLUSIVE)], RoundingScope::PerInvoice);
    credit(&mut invoice, request(lines(&[(2, CreditPart::Rest)]))).unwrap();
    let (net, tax) = invoice.part(sek(5_000)).unwrap();
    assert_eq!((net, tax), (sek(4_000), sek(1_000)));
    invoice.receive(sek(5_000), NOW).unwrap();
    let rest = invoice.amount_due();
    assert_eq!(invoice.part(rest).unwrap(), (sek(6_001), sek(1_500)));
}

#[test]
fn a_credit_note_explains_its_tax_as_its_invoice_does() {
    let lines_of = |invoice: &mut Invoice, scope| credit(invoice, request(scope)).unwrap();
    let lines_there: [Line<'_>; 3] = [
        ("33.3", 3, &["25", "6"], TaxBehavior::Exclusive),
        ("100", 1, &[], TaxBehavior::Exclusive),
        ("999", 2, &["12"], TaxBehavior::Inclusive),
    ];
    let whole = open(&lines_there, RoundingScope::PerInvoice);
    let mirror = lines_of(&mut whole.clone(), CreditScope::Rest);
    assert_eq!((&mirror.trace, &mirror.subtotals), (&whole.tax.trace, &whole.tax.subtotals));

    let mut invoice = whole.clone();
    let part = lines_of(&mut invoice, lines(&[(2, CreditPart::Rest), (3, pieces(1))]));
    let told: Vec<_> = part
        .trace
        .iter()
        .map(|step| (step.line, step.decision.rule.as_ref(), step.rate.is_some(), step.rounded))
        .collect();
    assert_eq!(told, [(0, "UNTAXED", false, 0), (1, "MANUAL_RATE", true, part.lines[1].taxed.tax.minor())]);
    let whole_line = whole.tax.trace.iter().find(|step| step.line == 2).unwrap();
    let apart = part.trace[1].unrounded * Decimal::TWO - whole_line.unrounded;
    assert!(apart.abs() <= Decimal::new(1, 12), "half of the line: {:?}", part.trace[1]);
    let bases: Vec<_> = part.subtotals.iter().map(|it| (it.category.name(), it.base.minor())).collect();
    assert_eq!(bases, [("standard", part.lines[1].taxed.net.minor()), ("outside_scope", 100)]);
}

#[test]
fn a_credit_note_from_before_categories_were_told_tells_every_base() {
    let mut invoice = open(
        &[("100", 1, &["25"], TaxBehavior::Exclusive), ("7", 1, &[], TaxBehavior::Exclusive)],
        RoundingScope::PerLine,
    );
    let note = credit(&mut invoice, request(CreditScope::Rest)).unwrap();
    let mut stored = serde_json::to_value(&note).unwrap();
    stored.as_object_mut().unwrap().remove("trace");
    stored["subtotals"].as_array_mut().unwrap().retain(|subtotal| !subtotal["rate"].is_null());
    for list in ["subtotals", "lines"] {
        for one in stored[list].as_array_mut().unwrap() {
            one.as_object_mut().unwrap().remove("category");
            one.get_mut("taxed").map(|taxed| taxed.as_object_mut().unwrap().remove("category"));
        }
    }
    let read: CreditNote = serde_json::from_value(stored).unwrap();
    assert_eq!((read.subtotals.len(), read.tax_subtotals().unwrap()), (1, note.subtotals.clone()));
}
