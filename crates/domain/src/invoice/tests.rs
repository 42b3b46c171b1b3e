//! What holds of every invoice, whatever is billed and taken off, however it is taxed and rounded, credited and paid: parts
//! add up to wholes, the order of lines does not matter, and what is taken back mirrors what was billed.

use proptest::prelude::*;
use rust_decimal::Decimal;
use time::macros::date;
use uuid::Uuid;

use super::*;
use crate::catalog::PercentOff;
use crate::credit_note::{
    CreditNote, CreditNoteNumber, CreditPart, CreditReason, CreditRequest, CreditScope, LineCredit,
};
use crate::id::CreditNoteId;
use crate::letterhead::Letterhead;
use crate::money::{ExchangeRate, Quantity, Rounding, UnitPrice};
use crate::tax::{
    AppliedRate, Percentage, RatedLine, RoundingScope, TaxExchangeRate, TaxTreatment, TaxableLine, compute,
};
use crate::text::DisplayName;

const NOW: Timestamp = Timestamp::from_unix_micros(1);
const TODAY: Date = date!(2026 - 11 - 28);

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::parse("EUR").unwrap())
}

fn rate(percent: &str) -> AppliedRate {
    AppliedRate {
        tax_rate_id: None,
        display_name: DisplayName::parse("VAT").unwrap(),
        percentage: Percentage::parse(percent.parse().unwrap()).unwrap(),
        jurisdiction: None,
        source: None,
        since: None,
    }
}

fn item(unit_price: Decimal, quantity: u32, rates: &[&str], tax_behavior: TaxBehavior) -> InvoiceItem {
    InvoiceItem {
        description: Description::parse("Hosting").unwrap(),
        quantity: Quantity::parse(quantity.into()).unwrap(),
        unit_price: UnitPrice::parse(unit_price, eur(0).currency()).unwrap(),
        tax_behavior,
        tax_treatment: TaxTreatment::Manual(rates.iter().map(|percent| rate(percent)).collect()),
        price_id: None,
        shipping_rate_id: None,
        discount: None,
    }
}

/// The seller's own currency.
fn sek() -> Currency {
    Currency::parse("SEK").unwrap()
}

fn content(items: Vec<InvoiceItem>, discount: Option<Discount>) -> InvoiceContent {
    let rate = TaxExchangeRate {
        currency: sek(),
        rate: ExchangeRate::parse("11.0785".parse().unwrap()).unwrap(),
        date: TODAY,
        source: DisplayName::parse("European Central Bank").unwrap(),
    };
    InvoiceContent { discount, tax_exchange_rate: Some(rate), ..InvoiceContent::new(eur(0).currency(), items) }
}

fn taxed(content: &InvoiceContent, rounding: TaxRounding) -> TaxCalculation {
    let rated = |line: TaxableLine| {
        let TaxTreatment::Manual(rates) = line.treatment else { unreachable!("all are manual") };
        RatedLine::manual(line.amount, line.behavior, rates)
    };
    let lines: Vec<_> = content.taxable_lines().unwrap().into_iter().map(rated).collect();
    compute(content.currency, rounding, &lines).unwrap()
}

/// An open invoice.
fn open(content: InvoiceContent, rounding: TaxRounding) -> Invoice {
    content.check(TODAY, sek()).unwrap();
    let tax = taxed(&content, rounding);
    let ids = (1..=content.items.len()).map(|n| InvoiceLineId::from_uuid(Uuid::from_u128(n as u128))).collect();
    let id = (InvoiceId::from_uuid(Uuid::from_u128(1)), ids);
    let seller = SellerId::parse("north").unwrap();
    let mut invoice = Invoice::draft(id, seller, content, (rounding, tax.clone()), NOW).unwrap();
    let finalization = Finalization {
        number: "INV-1".to_owned(),
        series: "INV".to_owned(),
        sequence: 1,
        finalized_at: NOW,
        tax_point: TODAY,
        due_date: TODAY,
        seller: PartySnapshot { name: None, address: None, email: None, tax_ids: vec![] },
        letterhead: Letterhead::default(),
        buyer: None,
    };
    invoice.finalize(finalization, tax).unwrap();
    invoice
}

fn credit(invoice: &mut Invoice, scope: CreditScope) -> Option<CreditNote> {
    let request = CreditRequest { scope, reason: CreditReason::OrderChange, memo: None, metadata: Metadata::default() };
    let number = CreditNoteNumber { number: "CN-1".to_owned(), series: "CN".to_owned(), sequence: 1 };
    CreditNote::issue(invoice, request, (CreditNoteId::from_uuid(Uuid::from_u128(9)), number), NOW).ok()
}

const RATES: [&[&str]; 6] = [&[], &["25"], &["19"], &["12.5"], &["0"], &["5", "9.975"]];

fn any_discount() -> impl Strategy<Value = Option<Result<i64, i64>>> {
    // Hundredths of a percent, or hundredths of what there is.
    prop_oneof![
        Just(None),
        (1..=10_000i64).prop_map(|part| Some(Ok(part))),
        (1..=100i64).prop_map(|part| Some(Err(part)))
    ]
}

fn discount(of: Option<Result<i64, i64>>, there: i64) -> Option<Discount> {
    match of? {
        Ok(hundredths) => Some(Discount::Percent(PercentOff::parse(Decimal::new(hundredths, 2)).unwrap())),
        Err(part) => Some(there * part / 100).filter(|off| *off > 0).map(|off| Discount::Amount(eur(off))),
    }
}

fn any_item() -> impl Strategy<Value = InvoiceItem> {
    let behavior = prop_oneof![Just(TaxBehavior::Exclusive), Just(TaxBehavior::Inclusive)];
    // Few distinct prices, so that lines often compete for the same minor unit.
    let unit = prop_oneof![0..4i64, 0..500_000i64];
    (unit, 0..3u32, 1..9u32, 0..RATES.len(), behavior, any_discount()).prop_map(
        |(unit, decimals, quantity, rates, behavior, off)| {
            let mut item = item(Decimal::new(unit, decimals), quantity, RATES[rates], behavior);
            let price = item.unit_price.times(item.quantity).unwrap();
            item.discount = discount(off, price.minor());
            item
        },
    )
}

fn any_content() -> impl Strategy<Value = InvoiceContent> {
    (prop::collection::vec(any_item(), 1..7), any_discount()).prop_map(|(items, off)| {
        let left: i64 = content(items.clone(), None).taxable_lines().unwrap().iter().map(|it| it.amount.minor()).sum();
        content(items, discount(off, left))
    })
}

fn any_rounding() -> impl Strategy<Value = TaxRounding> {
    let scope = prop_oneof![Just(RoundingScope::PerLine), Just(RoundingScope::PerInvoice)];
    let mode = prop_oneof![Just(Rounding::HalfUp), Just(Rounding::HalfEven)];
    (scope, mode).prop_map(|(scope, mode)| TaxRounding { scope, mode })
}

fn sum(amounts: impl Iterator<Item = Money>) -> Money {
    Money::sum(eur(0).currency(), amounts).unwrap()
}

proptest! {
    #[test]
    fn parts_add_up_to_wholes(content in any_content(), rounding in any_rounding()) {
        let invoice = open(content.clone(), rounding);
        let mut own = Vec::new();
        for line in &invoice.lines {
            let price = line.item.unit_price.times(line.item.quantity).unwrap();
            let off = line.discount_amount.unwrap_or(eur(0));
            prop_assert!(off.minor() >= 0 && line.amount.minor() >= 0);
            prop_assert_eq!(price.minor(), line.amount.minor() + off.minor());
            own.push(match line.item.discount {
                Some(discount) => discount.parts(content.currency, &[price]).unwrap()[0].minor(),
                None => 0,
            });
        }
        let prices: i64 = invoice.lines.iter().map(|it| it.item.unit_price.times(it.item.quantity).unwrap().minor()).sum();
        let left = prices - own.iter().sum::<i64>();
        let shared = match content.discount {
            None => 0,
            Some(Discount::Amount(off)) => off.minor().min(left),
            Some(Discount::Percent(percent)) => {
                Rounding::HalfUp.to_minor(Decimal::from(left) * percent.percent() / Decimal::ONE_HUNDRED).unwrap()
            }
        };
        prop_assert_eq!(invoice.discount_amount().unwrap().minor(), own.iter().sum::<i64>() + shared);
        let tax = &invoice.tax;
        prop_assert_eq!(sum(invoice.lines.iter().map(|line| line.taxed.net)), tax.net);
        prop_assert_eq!(sum(invoice.lines.iter().map(|line| line.taxed.gross)), tax.gross);
        prop_assert_eq!(tax.net.checked_add(tax.tax).unwrap(), tax.gross);
        prop_assert_eq!(sum(tax.subtotals.iter().map(|it| it.tax)), tax.tax);
        // Each base is told once: a line with two rates has it in both.
        let twice = sum(invoice.lines.iter().filter(|line| line.taxed.components.len() == 2).map(|line| line.taxed.net));
        prop_assert_eq!(sum(tax.subtotals.iter().map(|it| it.base)), tax.net.checked_add(twice).unwrap());
    }

    #[test]
    fn the_order_of_the_lines_never_matters(
        (content, turned) in any_content().prop_flat_map(|it| (Just(it.items.clone()).prop_shuffle(), Just(it))).prop_map(
            |(items, content)| { let turned = InvoiceContent { items, ..content.clone() }; (content, turned) }),
        rounding in any_rounding(),
    ) {
        let (one, other) = (open(content, rounding), open(turned, rounding));
        prop_assert_eq!(&one.tax.subtotals, &other.tax.subtotals);
        prop_assert_eq!((one.tax.net, one.tax.tax, one.tax.gross), (other.tax.net, other.tax.tax, other.tax.gross));
        prop_assert_eq!(one.discount_amount(), other.discount_amount());
        prop_assert_eq!(&one.exchanged_tax, &other.exchanged_tax);
    }

    /// A price with its tax inside that is what a price without comes to with tax has the same tax: rounding moves it by at
    /// most a half, of which the inclusive price has less.
    #[test]
    fn inclusive_and_exclusive_prices_agree(
        amounts in prop::collection::vec(0..900_000i64, 1..6), rates in 1..4usize, rounding in any_rounding(),
    ) {
        let lines = |behavior: TaxBehavior, amounts: &[i64]| {
            let item = |minor: &i64| item((*minor).into(), 1, RATES[rates], behavior);
            open(content(amounts.iter().map(item).collect(), None), rounding)
        };
        let exclusive = lines(TaxBehavior::Exclusive, &amounts);
        let gross: Vec<i64> = exclusive.lines.iter().map(|line| line.taxed.gross.minor()).collect();
        let inclusive = lines(TaxBehavior::Inclusive, &gross);
        prop_assert_eq!((inclusive.tax.net, inclusive.tax.tax), (exclusive.tax.net, exclusive.tax.tax));
    }

    #[test]
    fn a_credit_of_everything_is_the_mirror_and_parts_of_it_add_up_to_it(
        content in any_content(),
        rounding in any_rounding(),
        asked in prop::collection::vec((1..7u128, 0..3u8, 1..200_000i64), 0..10),
        paid in 0..900_000i64,
    ) {
        let mut invoice = open(content, rounding);
        let whole = invoice.clone();
        if let Some(mirror) = credit(&mut invoice.clone(), CreditScope::Rest) {
            let taxed: Vec<_> = mirror.lines.iter().map(|line| (line.amount, line.taxed.clone())).collect();
            let billed = whole.lines.iter().map(|line| (line.amount, line.taxed.clone())).collect::<Vec<_>>();
            prop_assert_eq!(taxed, billed);
            prop_assert_eq!((&mirror.subtotals, &mirror.trace), (&whole.tax.subtotals, &whole.tax.trace));
            prop_assert_eq!(&mirror.exchanged_tax, &whole.exchanged_tax);
        }
        if paid > 0 {
            invoice.receive(eur(paid), NOW).unwrap();
        }
        let mut notes = Vec::new();
        for (place, how, much) in asked {
            let part = match how {
                0 => CreditPart::Rest,
                1 => CreditPart::Quantity(Quantity::parse(1 + much % 4).unwrap()),
                _ => CreditPart::Amount(eur(much)),
            };
            let line_id = InvoiceLineId::from_uuid(Uuid::from_u128(place));
            notes.extend(credit(&mut invoice, CreditScope::Lines(vec![LineCredit { line_id, part }])));
        }
        notes.extend(credit(&mut invoice, CreditScope::Rest));
        let all = |of: fn(&CreditNote) -> Money| sum(notes.iter().map(of));
        prop_assert_eq!(all(|note| note.net), whole.tax.net);
        prop_assert_eq!(all(|note| note.tax), whole.tax.tax);
        prop_assert_eq!(all(|note| note.gross), whole.tax.gross);
        for told in &whole.tax.subtotals {
            let of_notes = notes.iter().flat_map(|note| &note.subtotals);
            let same: Vec<_> = of_notes.filter(|it| (it.category, &it.rate) == (told.category, &told.rate)).collect();
            prop_assert_eq!(sum(same.iter().map(|it| it.base)), told.base);
            prop_assert_eq!(sum(same.iter().map(|it| it.tax)), told.tax);
        }
        if !notes.is_empty() {
            let exchanged: i64 = notes.iter().map(|note| note.exchanged_tax.as_ref().unwrap().tax.minor()).sum();
            prop_assert_eq!(exchanged, whole.exchanged_tax.as_ref().unwrap().tax.minor());
        }
        let rounded: i64 = notes.iter().flat_map(|note| &note.trace).map(|step| step.rounded).sum();
        prop_assert_eq!(rounded, whole.tax.tax.minor());
    }

    #[test]
    fn the_tax_of_part_payments_adds_up_to_the_tax_of_the_invoice(
        content in any_content(), rounding in any_rounding(), parts in prop::collection::vec(1..300_000i64, 0..8),
    ) {
        let mut invoice = open(content, rounding);
        let (mut net, mut tax) = (eur(0), eur(0));
        for part in parts.into_iter().map(Some).chain([None]) {
            let due = invoice.amount_due();
            let amount = eur(part.map_or(due.minor(), |part| part.min(due.minor())));
            if amount.is_zero() {
                break;
            }
            let (of_net, of_tax) = invoice.part(amount).unwrap();
            prop_assert_eq!(of_net.checked_add(of_tax).unwrap(), amount);
            prop_assert!(of_tax.minor() >= 0 && of_net.minor() >= 0, "{of_net} and {of_tax} of {amount}");
            (net, tax) = (net.checked_add(of_net).unwrap(), tax.checked_add(of_tax).unwrap());
            invoice.receive(amount, NOW).unwrap();
        }
        prop_assert_eq!((net, tax), (invoice.tax.net, invoice.tax.tax));
    }
}

#[test]
fn equal_lines_with_different_rates_share_a_discount_alike_in_either_order() {
    // Of one cent off, one of the two gets all: which one decides the tax.
    let lines =
        [item(100.into(), 1, &["25"], TaxBehavior::Exclusive), item(100.into(), 1, &["50"], TaxBehavior::Exclusive)];
    let off = Some(Discount::Amount(eur(1)));
    let [a, b] = lines.clone();
    let (one, other) = (content(vec![a.clone(), b.clone()], off), content(vec![b, a], off));
    let per_line = TaxRounding { scope: RoundingScope::PerLine, mode: Rounding::HalfUp };
    assert_eq!(open(one, per_line).tax.subtotals, open(other, per_line).tax.subtotals);
}

#[test]
fn dates_and_exchange_rates_that_can_not_be_are_refused_by_name() {
    let mut slip = content(vec![item(100.into(), 1, &["25"], TaxBehavior::Exclusive)], None);
    for fine in [date!(2016 - 11 - 28), date!(2126 - 11 - 27)] {
        (slip.tax_point, slip.due_date) = (Some(fine), Some(fine));
        assert_eq!(slip.check(TODAY, sek()), Ok(()), "{fine}");
    }
    let mut rate = slip.tax_exchange_rate.clone().unwrap();
    (rate.currency, rate.date) = (slip.currency, date!(2026 - 12 - 01));
    slip.tax_exchange_rate = Some(rate);
    for bad in [date!(0001 - 01 - 01), date!(2016 - 11 - 26), date!(2126 - 12 - 01), date!(9999 - 12 - 31)] {
        (slip.tax_point, slip.due_date) = (Some(bad), Some(bad));
        let told = slip.check(TODAY, sek()).unwrap_err();
        let told: Vec<_> = told.iter().map(|violation| (violation.field.as_str(), violation.rule.as_ref())).collect();
        let expected = [
            ("tax_point", "DATE_OUT_OF_RANGE"),
            ("due_date", "DATE_OUT_OF_RANGE"),
            ("tax_exchange_rate.currency_code", "NOT_SELLERS_CURRENCY"),
            ("tax_exchange_rate.date", "DATE_IN_FUTURE"),
        ];
        assert_eq!(told, expected, "{bad}");
    }
}

#[test]
fn tax_is_exchanged_into_the_sellers_own_currency_alone_and_only_from_another() {
    let mut content = content(vec![item(100.into(), 1, &["25"], TaxBehavior::Exclusive)], None);
    let mut told = |rate: &str, own: &str| {
        let currency = Currency::parse(rate).unwrap();
        content.tax_exchange_rate.as_mut().unwrap().currency = currency;
        let told = content.check(TODAY, Currency::parse(own).unwrap());
        let told =
            told.err().map(|told| told.iter().map(|it| (it.field.clone(), it.rule.to_string())).collect::<Vec<_>>());
        told.unwrap_or_default()
    };
    let refused = |rule: &str| vec![("tax_exchange_rate.currency_code".to_owned(), rule.to_owned())];
    assert_eq!(told("SEK", "SEK"), []);
    assert_eq!(told("NOK", "SEK"), refused("NOT_SELLERS_CURRENCY"));
    assert_eq!(told("EUR", "SEK"), refused("NOT_SELLERS_CURRENCY"));
    for rate in ["EUR", "SEK"] {
        assert_eq!(told(rate, "EUR"), refused("SAME_CURRENCY"));
    }
}

#[test]
fn what_several_rates_bring_above_the_limit_of_amounts_is_refused() {
    let half = Decimal::from(Money::MINOR_MAX / 2);
    let rounding = TaxRounding::default();
    let total = |rates: &[&str]| {
        let content = content(vec![item(half, 1, rates, TaxBehavior::Exclusive)], None);
        content.check(TODAY, sek()).unwrap();
        let tax = taxed(&content, rounding);
        (InvoiceContent::check_total(&tax).map_err(|invalid| invalid.rule), content.check_exchanged_tax(&tax).is_ok())
    };
    assert_eq!(total(&["100"]), (Ok(()), false));
    assert_eq!(total(&["9"]), (Ok(()), true));
    assert_eq!(total(&["100", "1"]).0, Err("AMOUNT_OUT_OF_RANGE"));
}
