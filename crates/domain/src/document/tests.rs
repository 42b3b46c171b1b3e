//! What a document takes from an invoice and its payments, and what it refuses.

use time::macros::date;
use uuid::Uuid;

use super::*;
use crate::catalog::PercentOff;
use crate::credit_note::{CreditNoteData, CreditNoteNumber, CreditRequest, CreditScope};
use crate::discount::Discount;
use crate::id::{CreditNoteId, InvoiceLineId, TaxRateId};
use crate::invoice::{Finalization, InvoiceContent, InvoiceItem};
use crate::letterhead::ReferenceFormat;
use crate::metadata::Metadata;
use crate::money::{ExchangeRate, Quantity, UnitPrice};
use crate::payment::tests::{pending_payment, succeeded_payment};
use crate::payment::{OutOfBand, OutOfBandMethod};
use crate::seller::SellerId;
use crate::tax::{
    Percentage, RatedLine, TaxBehavior, TaxCalculation, TaxExchangeRate, TaxRate, TaxRounding, TaxTreatment, compute,
};
use crate::text::DisplayName;
use crate::timestamp::Timestamp;
use crate::validation::Violation;

/// 2026-02-01.
const ISSUED: Timestamp = Timestamp::from_unix_seconds(1_769_904_000);

fn sek() -> Currency {
    Currency::parse("SEK").unwrap()
}

fn party() -> PartySnapshot {
    PartySnapshot { name: None, address: None, email: None, tax_ids: Vec::new() }
}

/// A draft of two pieces at 50.00 without tax, and of a tip without any.
fn draft() -> (Invoice, TaxCalculation) {
    let moms = (DisplayName::parse("Moms").unwrap(), Percentage::parse(25.into()).unwrap(), None);
    let seller = SellerId::parse("north").unwrap();
    let rate =
        TaxRate::new(TaxRateId::from_uuid(Uuid::nil()), seller.clone(), moms, Metadata::default(), ISSUED).applied();
    let item = |name: &str, count: i64, minor: i64| InvoiceItem {
        description: Description::parse(name).unwrap(),
        quantity: Quantity::parse(count).unwrap(),
        unit_price: UnitPrice::parse(minor.into(), sek()).unwrap(),
        tax_behavior: TaxBehavior::Exclusive,
        tax_treatment: TaxTreatment::Manual(Vec::new()),
        price_id: None,
        shipping_rate_id: None,
        discount: None,
    };
    let rated = |minor: i64, rates| RatedLine::manual(Money::new(minor, sek()), TaxBehavior::Exclusive, rates);
    let tax = compute(sek(), TaxRounding::default(), &[rated(10_000, vec![rate]), rated(500, Vec::new())]).unwrap();
    let content = InvoiceContent::new(sek(), vec![item("Hosting", 2, 5_000), item("Tip", 1, 500)]);
    let line_ids = [1, 2].map(|n| InvoiceLineId::from_uuid(Uuid::from_u128(n))).to_vec();
    let ids = (InvoiceId::from_uuid(Uuid::from_u128(7)), line_ids);
    (Invoice::draft(ids, seller, content, (TaxRounding::default(), tax.clone()), ISSUED).unwrap(), tax)
}

fn finalization() -> Finalization {
    Finalization {
        number: "INV-7".to_owned(),
        series: "INV".to_owned(),
        sequence: 7,
        finalized_at: ISSUED,
        tax_point: date!(2026 - 01 - 31),
        due_date: date!(2026 - 03 - 03),
        seller: party(),
        letterhead: Letterhead::default(),
        buyer: None,
    }
}

fn open() -> Invoice {
    let (mut invoice, tax) = draft();
    invoice.finalize(finalization(), tax).unwrap();
    invoice
}

fn payment_of(invoice: &Invoice, minor: i64) -> Payment {
    let mut data = (*succeeded_payment(minor)).clone();
    data.invoice_id = Some(invoice.id);
    Payment::from_stored(data)
}

/// All of the open invoice, taken back.
fn credit_note() -> CreditNoteData {
    let request = CreditRequest {
        scope: CreditScope::Rest,
        reason: CreditReason::Duplicate,
        memo: None,
        metadata: Metadata::default(),
    };
    let number = CreditNoteNumber { number: "CN-1".to_owned(), series: "CN".to_owned(), sequence: 1 };
    let id = CreditNoteId::from_uuid(Uuid::from_u128(9));
    (*CreditNote::issue(&mut open(), request, (id, number), ISSUED).unwrap()).clone()
}

fn of_credit_note(note: CreditNoteData, details: DocumentDetails) -> Result<Document, DocumentError> {
    Document::of_credit_note(&CreditNote::from_stored(note), &open(), details)
}

fn refused(document: Result<Document, DocumentError>) -> Vec<(String, String)> {
    let Err(DocumentError::Rejected(violations)) = document else { panic!("not rejected: {document:?}") };
    violations.iter().map(|Violation { field, rule, .. }| (field.clone(), rule.clone())).collect()
}

#[test]
fn an_invoice_shows_what_was_fixed_and_what_is_due() {
    let document = Document::of_invoice(&open(), DocumentDetails::default()).unwrap();
    assert_eq!((document.number.as_str(), document.issued_on), ("INV-7", date!(2026 - 02 - 01)));
    assert_eq!(document.supplied_on, Some(date!(2026 - 01 - 31)));
    assert_eq!([document.net, document.tax, document.gross].map(Money::minor), [10_500, 2_500, 13_000]);
    let bases: Vec<_> = document
        .tax_subtotals
        .iter()
        .map(|it| (it.category.name(), it.rate.is_some(), it.base.minor(), it.tax.minor()))
        .collect();
    assert_eq!(bases, [("standard", true, 10_000, 2_500), ("outside_scope", false, 500, 0)]);
    let Subject::Invoice { due, standing, .. } = document.subject else { panic!("no invoice") };
    assert_eq!((due.minor(), standing), (13_000, Standing::Open { is_overdue: false }));
}

#[test]
fn the_date_of_supply_is_told_only_where_it_is_another() {
    let supplied_on = |tax_point| {
        let (mut invoice, tax) = draft();
        invoice.finalize(Finalization { tax_point, ..finalization() }, tax).unwrap();
        Document::of_invoice(&invoice, DocumentDetails::default()).unwrap().supplied_on
    };
    assert_eq!(supplied_on(ISSUED.date()), None);
    assert_eq!(supplied_on(date!(2026 - 01 - 31)), Some(date!(2026 - 01 - 31)));
}

#[test]
fn how_to_transfer_is_told_with_the_number_while_something_is_due() {
    let transfer = TransferInstructions {
        reference: ReferenceFormat::parse("Invoice {number}").unwrap(),
        ..TransferInstructions::default()
    };
    let letterhead = Letterhead { transfer: Some(transfer), ..Letterhead::default() };
    let (mut invoice, tax) = draft();
    invoice.finalize(Finalization { letterhead, ..finalization() }, tax).unwrap();
    let reference = |invoice: &Invoice| {
        let document = Document::of_invoice(invoice, DocumentDetails::default()).unwrap();
        document.transfer().map(|(_, reference)| reference)
    };
    assert_eq!(reference(&invoice).as_deref(), Some("Invoice INV-7"));
    let mut void = invoice.clone();
    void.void(ISSUED).unwrap();
    assert_eq!(reference(&void), None);
    invoice.receive(Money::new(13_000, sek()), ISSUED).unwrap();
    assert_eq!(reference(&invoice), None);
    assert_eq!(reference(&open()), None);
}

#[test]
fn a_paid_or_void_invoice_says_so_and_is_never_overdue() {
    let overdue = DocumentDetails { is_overdue: true, ..DocumentDetails::default() };
    let standing = |invoice: &Invoice| match &Document::of_invoice(invoice, overdue.clone()).unwrap().subject {
        Subject::Invoice { standing, .. } => *standing,
        subject => panic!("{subject:?}"),
    };
    let mut invoice = open();
    assert_eq!(standing(&invoice), Standing::Open { is_overdue: true });
    invoice.receive(Money::new(13_000, sek()), ISSUED).unwrap();
    assert_eq!(standing(&invoice), Standing::Paid { paid_on: ISSUED.date() });
    let mut invoice = open();
    invoice.void(ISSUED).unwrap();
    assert_eq!(standing(&invoice), Standing::Void { voided_on: ISSUED.date() });
}

#[test]
fn what_is_credited_before_it_is_paid_is_no_payment() {
    let mut invoice = open();
    invoice.receive(Money::new(4_000, sek()), ISSUED).unwrap();
    let credits = crate::credit_note::InvoiceCredits {
        pre_payment: Money::new(1_500, sek()),
        ..crate::credit_note::InvoiceCredits::none(&invoice)
    };
    invoice.take_credits(credits, ISSUED);
    let document = Document::of_invoice(&invoice, DocumentDetails::default()).unwrap();
    let Subject::Invoice { paid, credited, due, .. } = document.subject else { panic!("no invoice") };
    assert_eq!([paid, credited, due].map(Money::minor), [4_000, 1_500, 7_500]);
}

#[test]
fn what_is_credited_after_it_was_paid_is_told_beside_the_money() {
    let mut invoice = open();
    invoice.receive(Money::new(13_000, sek()), ISSUED).unwrap();
    let none = crate::credit_note::InvoiceCredits::none(&invoice);
    let credits = crate::credit_note::InvoiceCredits { post_payment: Money::new(1_500, sek()), ..none };
    invoice.take_credits(credits, ISSUED);
    let document = Document::of_invoice(&invoice, DocumentDetails::default()).unwrap();
    let Subject::Invoice { paid, credited, credited_after_payment, due, .. } = document.subject else {
        panic!("no invoice")
    };
    assert_eq!([paid, credited, credited_after_payment, due].map(Money::minor), [13_000, 0, 1_500, 0]);
}

#[test]
fn a_line_tells_what_was_taken_off_and_by_which_percentage_where_one_alone_was() {
    let percent = |percent: i64| Some(Discount::Percent(PercentOff::parse(percent.into()).unwrap()));
    let of = |own, whole, amount: Option<i64>| {
        let mut line = open().lines[0].clone();
        (line.item.discount, line.discount_amount) = (own, amount.map(|minor| Money::new(minor, sek())));
        let told = DocumentLine::of(&line, whole).discount;
        told.map(|told| (told.amount.minor(), told.percent.map(|percent| percent.percent().to_string())))
    };
    let ten = Some("10".to_owned());
    assert_eq!(of(percent(10), None, Some(1_000)), Some((1_000, ten.clone())));
    assert_eq!(of(None, percent(10), Some(1_000)), Some((1_000, ten)));
    assert_eq!(of(percent(10), percent(10), Some(1_900)), Some((1_900, None)));
    assert_eq!(of(None, Some(Discount::Amount(Money::new(5, sek()))), Some(5)), Some((5, None)));
    // Invoices that an older version stored have a zero where nothing was taken off.
    assert_eq!(of(None, None, Some(0)), None);
    assert_eq!(of(None, None, None), None);
}

#[test]
fn a_draft_has_no_document() {
    let (draft, _) = draft();
    assert_eq!(Document::of_invoice(&draft, DocumentDetails::default()), Err(DocumentError::NotFinalized));
    assert_eq!(Document::receipt_of_invoice(&draft, &[], DocumentDetails::default()), Err(DocumentError::NotFinalized));
}

#[test]
fn a_receipt_adds_up_what_came_in_and_tells_what_is_left() {
    let mut invoice = open();
    invoice.receive(Money::new(4_000, sek()), ISSUED).unwrap();
    let document =
        Document::receipt_of_invoice(&invoice, &[payment_of(&invoice, 4_000)], DocumentDetails::default()).unwrap();
    assert_eq!(document.issued_on, date!(1970 - 01 - 01));
    let Subject::Receipt { payments, received, refunded, due, .. } = &document.subject else { panic!("no receipt") };
    assert_eq!(payments.len(), 1);
    assert_eq!([*received, *refunded, *due].map(Money::minor), [4_000, 0, 9_000]);
}

#[test]
fn a_receipt_asks_back_what_was_overpaid_until_it_went_back() {
    let overpaid = |(refunded, disputed): (i64, i64), credited_after: i64| {
        let mut invoice = open();
        let total = invoice.total().minor();
        invoice.receive(Money::new(total + 5_000, sek()), ISSUED).unwrap();
        let none = crate::credit_note::InvoiceCredits::none(&invoice);
        let credits = crate::credit_note::InvoiceCredits { post_payment: Money::new(credited_after, sek()), ..none };
        invoice.take_credits(credits, ISSUED);
        let mut payment = (*payment_of(&invoice, total + 5_000)).clone();
        payment.refunded = Some(Money::new(refunded, sek()));
        payment.disputed = Some(Money::new(disputed, sek()));
        let payments = [Payment::from_stored(payment)];
        let document = Document::receipt_of_invoice(&invoice, &payments, DocumentDetails::default()).unwrap();
        let Subject::Receipt { overpaid, .. } = document.subject else { panic!("no receipt") };
        overpaid.minor()
    };
    assert_eq!([0, 2_000, 5_000, 6_000].map(|refunded| overpaid((refunded, 0), 0)), [5_000, 3_000, 0, 0]);
    // The bank has taken it back, or may.
    assert_eq!([(0, 5_000), (1_000, 3_000)].map(|gone| overpaid(gone, 0)), [0, 1_000]);
    // What a credit note gives back goes back before it.
    assert_eq!([0, 4_000, 6_000, 9_000].map(|refunded| overpaid((refunded, 0), 4_000)), [5_000, 5_000, 3_000, 0]);
}

#[test]
fn a_receipt_tells_the_day_on_which_money_came_in_beside_every_provider() {
    let invoice = open();
    let mut cash = (*payment_of(&invoice, 4_000)).clone();
    let received_on = date!(2026 - 02 - 13);
    cash.out_of_band = Some(OutOfBand { method: OutOfBandMethod::Cash, reference: None, received_on });
    let payments = [Payment::from_stored(cash), payment_of(&invoice, 100)];
    let document = Document::receipt_of_invoice(&invoice, &payments, DocumentDetails::default()).unwrap();
    assert_eq!(document.issued_on, received_on);
    let Subject::Receipt { payments, .. } = &document.subject else { panic!("no receipt") };
    let days: Vec<_> = payments.iter().map(|payment| (payment.received_on, payment.amount.minor())).collect();
    assert_eq!(days, [(date!(1970 - 01 - 01), 100), (received_on, 4_000)]);
}

#[test]
fn a_receipt_counts_only_money_that_came_in_for_its_own_invoice() {
    let invoice = open();
    let receipt = |payments: &[Payment]| Document::receipt_of_invoice(&invoice, payments, DocumentDetails::default());
    let foreign = Err(DocumentError::ForeignPayment { expected: invoice.id });
    assert_eq!(receipt(&[succeeded_payment(100)]), foreign);
    let mut pending = (*pending_payment(100)).clone();
    pending.invoice_id = Some(invoice.id);
    let mut flagged = (*payment_of(&invoice, 100)).clone();
    flagged.flags = vec![PaymentFlag::InvoiceNotOpen];
    let uncounted = [pending, flagged].map(Payment::from_stored);
    assert_eq!(receipt(&uncounted), Err(DocumentError::NothingReceived));
}

#[test]
fn figures_that_do_not_add_up_are_refused_with_their_field() {
    let with = |change: fn(&mut CreditNoteData)| {
        let mut note = credit_note();
        change(&mut note);
        refused(of_credit_note(note, DocumentDetails::default()))
    };
    let one = |field: &str, rule: &str| vec![(field.to_owned(), rule.to_owned())];
    assert!(of_credit_note(credit_note(), DocumentDetails::default()).is_ok());
    assert_eq!(with(|f| f.gross = f.net), one("gross", "SUM_MISMATCH"));
    assert_eq!(with(|f| f.lines[1].taxed.gross = f.net), one("lines[1]", "SUM_MISMATCH"));
    assert_eq!(with(|f| f.subtotals.clear()), one("tax_subtotals", "SUM_MISMATCH"));
    assert_eq!(with(|f| f.lines.clear()), one("lines", "LINE_COUNT"));
    assert_eq!(with(|f| f.number.number = " ".to_owned()), one("number", "REQUIRED"));
    assert_eq!(with(|f| f.invoice_number = "x".repeat(101)), one("corrects.number", "TOO_LONG"));
    let mixed = with(|f| f.lines[0].taxed.net = Money::new(1, Currency::parse("EUR").unwrap()));
    assert_eq!(mixed, one("lines[0]", "CURRENCY_MISMATCH"));
}

#[test]
fn notes_are_on_lines_that_exist_and_the_sellers_currency_is_another() {
    let with_lines = |lines: Vec<usize>| DocumentDetails {
        legal_notes: vec![AppliedNote { note: LegalNote::ReverseCharge, lines }],
        ..DocumentDetails::default()
    };
    assert!(of_credit_note(credit_note(), with_lines(vec![0, 1])).is_ok());
    let one = |field: &str, rule: &str| vec![(field.to_owned(), rule.to_owned())];
    for lines in [vec![2], vec![1, 0], vec![0, 0]] {
        let found = refused(of_credit_note(credit_note(), with_lines(lines)));
        assert_eq!(found, one("details.legal_notes[0].lines", "LINE_INDEX"));
    }
    let rate = TaxExchangeRate {
        currency: sek(),
        rate: ExchangeRate::parse(1.into()).unwrap(),
        date: date!(2026 - 02 - 01),
        source: DisplayName::parse("Sveriges Riksbank").unwrap(),
    };
    let same = rate.exchange(Money::new(2_500, sek())).unwrap();
    let details = DocumentDetails { tax_in_sellers_currency: Some(same), ..DocumentDetails::default() };
    assert_eq!(
        refused(of_credit_note(credit_note(), details)),
        one("details.tax_in_sellers_currency", "SAME_CURRENCY")
    );
}

#[test]
fn every_legal_note_has_its_article() {
    for note in LegalNote::ALL {
        assert!(note.articles().iter().all(|article| article.parse::<u16>().is_ok()), "{note:?}");
        assert!(!note.articles().is_empty(), "{note:?}");
    }
}
