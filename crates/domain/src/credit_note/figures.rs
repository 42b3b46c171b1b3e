//! The figures of a credit note, from what is asked and from what was credited before.
//!
//! Rounding happens in one place here, `share`: of the amount by pieces, and of the tax by amount.

use std::collections::HashMap;

use rust_decimal::Decimal;

use super::{
    CreditNoteLine, CreditPart, CreditRefused, CreditRequest, CreditScope, InvoiceCredits, LineCredits,
    expect_creditable,
};
use crate::invoice::{Invoice, InvoiceLine};
use crate::money::{Money, MoneyError, Quantity, Quotient, Rounding};
use crate::tax::{ExchangedTax, TaxBehavior, TaxComponent, TaxSubtotal, TraceStep, traced};
use crate::validation::{Invalid, Validator};

/// What a credit note comes to, and what is credited of its invoice since.
pub(super) struct Figures {
    pub(super) lines: Vec<CreditNoteLine>,
    pub(super) subtotals: Vec<TaxSubtotal>,
    pub(super) trace: Vec<TraceStep>,
    pub(super) exchanged_tax: Option<ExchangedTax>,
    pub(super) net: Money,
    pub(super) tax: Money,
    pub(super) gross: Money,
    pub(super) pre_payment: Money,
    pub(super) post_payment: Money,
    pub(super) credits_after: InvoiceCredits,
}

impl Figures {
    pub(super) fn of(invoice: &Invoice, request: &CreditRequest) -> Result<Self, CreditRefused> {
        expect_creditable(invoice)?;
        let mut credits = invoice.credits.clone().unwrap_or_else(|| InvoiceCredits::none(invoice));
        let mut validator = Validator::new();
        let lines = match &request.scope {
            CreditScope::Rest => whole_rest(invoice, &mut credits)?,
            CreditScope::Lines(asked) => by_line(invoice, asked, &mut credits, &mut validator)?,
        };
        let sum = |amount: fn(&CreditNoteLine) -> Money| Money::sum(invoice.currency, lines.iter().map(amount));
        let (net, tax, gross) =
            (sum(|line| line.taxed.net)?, sum(|line| line.taxed.tax)?, sum(|line| line.taxed.gross)?);
        if gross.is_zero() && validator.is_clean() {
            match &request.scope {
                CreditScope::Rest => return Err(CreditRefused::NothingLeft),
                CreditScope::Lines(_) => {
                    validator.refuse("by_line", Invalid::new("AMOUNT_OUT_OF_RANGE", "must come to more than nothing"));
                }
            }
        }
        let pre_payment = Money::new(gross.minor().min(invoice.amount_due().minor()), invoice.currency);
        let post_payment = gross.checked_sub(pre_payment)?;
        validator.finish(Some(()))?;
        credits.pre_payment = credits.pre_payment.checked_add(pre_payment)?;
        credits.post_payment = credits.post_payment.checked_add(post_payment)?;
        let subtotals = subtotals(invoice, &lines)?;
        let trace = trace(invoice, &lines)?;
        let exchanged_tax = exchanged_tax(invoice, &credits)?;
        Ok(Self {
            lines,
            subtotals,
            trace,
            exchanged_tax,
            net,
            tax,
            gross,
            pre_payment,
            post_payment,
            credits_after: credits,
        })
    }
}

/// All that is left of each line.
fn whole_rest(invoice: &Invoice, credits: &mut InvoiceCredits) -> Result<Vec<CreditNoteLine>, MoneyError> {
    let mut lines = Vec::new();
    for (line, before) in invoice.lines.iter().zip(&mut credits.lines) {
        if has_rest(line, before) {
            lines.push(credit_line(
                line,
                before,
                rest(line, before, invoice.tax_rounding.mode)?,
                invoice.tax_rounding.mode,
            )?);
        }
    }
    Ok(lines)
}

/// The lines that are asked for, in the order of the invoice.
fn by_line(
    invoice: &Invoice,
    asked: &[super::LineCredit],
    credits: &mut InvoiceCredits,
    validator: &mut Validator,
) -> Result<Vec<CreditNoteLine>, MoneyError> {
    validator.check("by_line.lines", CreditScope::check_line_count(asked.len()));
    let places: HashMap<_, _> = invoice.lines.iter().enumerate().map(|(place, line)| (line.id, place)).collect();
    let mut named = HashMap::new();
    let mut credited = Vec::new();
    for (index, credit) in asked.iter().enumerate() {
        let field = format!("by_line.lines[{index}]");
        let Some(&place) = places.get(&credit.line_id) else {
            validator.refuse(
                &format!("{field}.invoice_line_id"),
                Invalid::new("UNKNOWN_LINE", "must be the id of a line of the invoice"),
            );
            continue;
        };
        if let Some(first) = named.insert(credit.line_id, index) {
            let expected = format!("must name a line once; it is in lines[{first}] already");
            validator.refuse(&format!("{field}.invoice_line_id"), Invalid::new("DUPLICATE", expected));
            continue;
        }
        let (line, before) = (&invoice.lines[place], &mut credits.lines[place]);
        match taken(line, before, credit.part, invoice.tax_rounding.mode)? {
            Ok(taken) => credited.push((place, credit_line(line, before, taken, invoice.tax_rounding.mode)?)),
            Err((below, invalid)) => validator.refuse(&format!("{field}{below}"), invalid),
        }
    }
    credited.sort_by_key(|(place, _)| *place);
    Ok(credited.into_iter().map(|(_, line)| line).collect())
}

/// What is taken of a line: pieces, where it is pieces, and the amount.
type Taken = (Option<u32>, Money);

/// What a part of a line comes to, or why it can't be taken and below which field.
fn taken(
    line: &InvoiceLine,
    before: &LineCredits,
    part: CreditPart,
    rounding: Rounding,
) -> Result<Result<Taken, (&'static str, Invalid)>, MoneyError> {
    let above = |expected: String| Invalid::new("ABOVE_AMOUNT_LEFT", expected);
    let left = line.amount.checked_sub(before.amount)?;
    let all = i64::from(line.item.quantity.get());
    Ok(match part {
        CreditPart::Rest if has_rest(line, before) => Ok(rest(line, before, rounding)?),
        CreditPart::Rest => Err(("", above("has nothing left to credit".to_owned()))),
        CreditPart::Quantity(quantity) => {
            let (from, pieces) = (i64::from(before.quantity), i64::from(quantity.get()));
            if from + pieces > all {
                let expected = format!("must be at most {}, which is what is left of the line", all - from);
                return Ok(Err((".quantity", Invalid::new("ABOVE_QUANTITY_LEFT", expected))));
            }
            let amount = share(line.amount, (from + pieces, all), rounding)?.checked_sub(share(
                line.amount,
                (from, all),
                rounding,
            )?)?;
            if amount.minor() > left.minor() {
                Err((".quantity", above(format!("must come to at most {left}, which is what is left of the line"))))
            } else {
                Ok((Some(quantity.get()), amount))
            }
        }
        CreditPart::Amount(amount) if amount.currency() != left.currency() => {
            let expected = format!("must be {}, the currency of the invoice", left.currency());
            Err((".amount.currency_code", Invalid::new("CURRENCY_MISMATCH", expected)))
        }
        CreditPart::Amount(amount) if amount.minor() > left.minor() => {
            Err((".amount.minor_units", above(format!("must be at most {left}, which is what is left of the line"))))
        }
        CreditPart::Amount(amount) => Ok((None, amount)),
    })
}

fn has_rest(line: &InvoiceLine, before: &LineCredits) -> bool {
    // A line of nothing is credited once, so that the mirror of an invoice has it too.
    before.amount != line.amount || (line.amount.is_zero() && before.quantity < line.item.quantity.get())
}

/// All that is left of a line. It is pieces as long as only pieces were credited before.
fn rest(line: &InvoiceLine, before: &LineCredits, rounding: Rounding) -> Result<Taken, MoneyError> {
    let left = line.amount.checked_sub(before.amount)?;
    let all = line.item.quantity.get();
    let is_by_pieces = before.amount == share(line.amount, (before.quantity.into(), all.into()), rounding)?;
    Ok((is_by_pieces.then(|| all - before.quantity), left))
}

/// Credits a part of a line, and counts it.
fn credit_line(
    line: &InvoiceLine,
    before: &mut LineCredits,
    (quantity, amount): Taken,
    rounding: Rounding,
) -> Result<CreditNoteLine, MoneyError> {
    let up_to = before.amount.checked_add(amount)?;
    let mut components = Vec::with_capacity(line.taxed.components.len());
    for (component, credited) in line.taxed.components.iter().zip(&mut before.taxes) {
        let due = if up_to == line.amount {
            component.tax
        } else {
            share(component.tax, (up_to.minor(), line.amount.minor()), rounding)?
        };
        components.push(TaxComponent { rate: component.rate.clone(), tax: due.checked_sub(*credited)? });
        *credited = due;
    }
    before.amount = up_to;
    before.quantity += quantity.unwrap_or(0);
    let mut taxed = line.taxed.clone();
    taxed.tax = Money::sum(amount.currency(), components.iter().map(|component| component.tax))?;
    (taxed.net, taxed.gross) = match line.item.tax_behavior {
        TaxBehavior::Exclusive => (amount, amount.checked_add(taxed.tax)?),
        TaxBehavior::Inclusive => (amount.checked_sub(taxed.tax)?, amount),
    };
    taxed.components = components;
    Ok(CreditNoteLine {
        invoice_line_id: line.id,
        description: line.item.description.clone(),
        quantity: quantity.and_then(|quantity| Quantity::parse(quantity.into()).ok()),
        unit_price: line.item.unit_price,
        tax_behavior: line.item.tax_behavior,
        is_discounted: line.discount_amount.is_some(),
        amount,
        taxed,
    })
}

/// `part` of `all` of an amount, rounded to whole minor units.
fn share(amount: Money, (part, all): (i64, i64), rounding: Rounding) -> Result<Money, MoneyError> {
    Ok(Money::new(Quotient::share(amount.minor(), part, all).round(rounding)?, amount.currency()))
}

/// What the lines come to by category and rate, in the order in which the invoice tells its own.
fn subtotals(invoice: &Invoice, lines: &[CreditNoteLine]) -> Result<Vec<TaxSubtotal>, MoneyError> {
    let mut subtotals = Vec::new();
    for of_invoice in &invoice.tax.subtotals {
        let mut subtotal = of_invoice.clone();
        (subtotal.base, subtotal.tax) = (Money::zero(invoice.currency), Money::zero(invoice.currency));
        let mut is_there = false;
        let mut add = |base: Money, tax: Money| {
            is_there = true;
            subtotal.base = subtotal.base.checked_add(base)?;
            subtotal.tax = subtotal.tax.checked_add(tax)?;
            Ok(())
        };
        for taxed in lines.iter().map(|line| &line.taxed) {
            match &of_invoice.rate {
                None if taxed.components.is_empty() && taxed.category == of_invoice.category => {
                    add(taxed.net, taxed.tax)?;
                }
                None => {}
                Some(rate) => {
                    let is_of = |c: &&TaxComponent| c.rate == *rate && taxed.category_of(rate) == of_invoice.category;
                    taxed.components.iter().filter(is_of).try_for_each(|component| add(taxed.net, component.tax))?;
                }
            }
        }
        if is_there {
            subtotals.push(subtotal);
        }
    }
    Ok(subtotals)
}

/// The tax in the seller's currency: what is due up to this credit note, less what was due up to those before it.
fn exchanged_tax(invoice: &Invoice, after: &InvoiceCredits) -> Result<Option<ExchangedTax>, MoneyError> {
    let Some(of_invoice) = &invoice.exchanged_tax else { return Ok(None) };
    let up_to = |credits: &InvoiceCredits| of_invoice.exchange_rate.exchange(credits.tax()?);
    let mut exchanged = up_to(after)?;
    if let Some(before) = &invoice.credits {
        exchanged.tax = exchanged.tax.checked_sub(up_to(before)?.tax)?;
    }
    Ok(Some(exchanged))
}

/// How each figure of tax came about: the steps of the invoice's lines, each with the credited part of what it says there.
fn trace(invoice: &Invoice, lines: &[CreditNoteLine]) -> Result<Vec<TraceStep>, MoneyError> {
    let places: HashMap<_, _> = invoice.lines.iter().enumerate().map(|(place, line)| (line.id, place)).collect();
    let mut steps_of: HashMap<usize, Vec<&TraceStep>> = HashMap::new();
    for step in &invoice.tax.trace {
        steps_of.entry(step.line).or_default().push(step);
    }
    let mut trace = Vec::with_capacity(invoice.tax.trace.len());
    for (index, line) in lines.iter().enumerate() {
        let Some(place) = places.get(&line.invoice_line_id) else { continue };
        let all = invoice.lines[*place].amount;
        let credited = |exact: Decimal| {
            if line.amount == all {
                return Ok(exact);
            }
            let product = exact.checked_mul(line.amount.minor().into());
            let part =
                product.and_then(|product| product.checked_div(all.minor().into())).ok_or(MoneyError::Overflow)?;
            Ok(traced(part))
        };
        // The steps with a rate are in the order of the line's components.
        let mut components = line.taxed.components.iter();
        for step in steps_of.get(place).into_iter().flatten() {
            let charged = step.rate.as_ref().and_then(|_| components.next()).map_or(0, |part| part.tax.minor());
            trace.push(TraceStep {
                line: index,
                base: credited(step.base)?,
                unrounded: credited(step.unrounded)?,
                rounded: charged,
                ..(*step).clone()
            });
        }
    }
    Ok(trace)
}
