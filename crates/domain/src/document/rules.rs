//! The rules that join the parts of a document: one currency, figures that add up, notes on lines that exist. It checks what
//! it is given, and computes nothing that is shown.

use super::{Document, DocumentContent, DocumentLine, Subject};
use crate::invoice::InvoiceContent;
use crate::money::{Currency, Money, MoneyError};
use crate::text::refuse_unfit;
use crate::validation::{Invalid, Validator, Violations};

/// Every violation of a document's content.
pub(super) fn check(content: &DocumentContent) -> Result<(), Violations> {
    let mut validator = Validator::new();
    validator.check("number", check_number(&content.number));
    if let Subject::CreditNote { corrects, .. } = &content.subject {
        validator.check("corrects.number", check_number(&corrects.number));
    }
    validator.check("lines", InvoiceContent::check_line_count(content.lines.len()));
    for (index, line) in content.lines.iter().enumerate() {
        validator.check(&format!("lines[{index}]"), check_line(line, content.currency));
    }
    validator.check("gross", check_sum(content.net, content.tax, content.gross));
    if validator.is_clean() {
        check_totals(content, &mut validator);
    }
    validator.within("details", |validator| check_details(content, validator));
    validator.finish(Some(()))
}

fn check_number(number: &str) -> Result<(), Invalid> {
    if number.trim().is_empty() {
        return Err(Invalid::required());
    }
    if number.contains('\n') {
        return Err(Invalid::new("MALFORMED_NUMBER", "must be one line"));
    }
    refuse_unfit(number, Document::NUMBER_CHARS_MAX)
}

fn check_line(line: &DocumentLine, currency: Currency) -> Result<(), Invalid> {
    let price_currency = line.price.map_or(currency, |price| price.unit_price.currency());
    if [line.net.currency(), line.tax.currency(), line.gross.currency(), price_currency].iter().any(|c| *c != currency)
    {
        return Err(currency_mismatch(currency));
    }
    check_sum(line.net, line.tax, line.gross)
}

fn check_sum(net: Money, tax: Money, gross: Money) -> Result<(), Invalid> {
    if net.checked_add(tax) == Ok(gross) { Ok(()) } else { Err(does_not_add_up("net and tax")) }
}

fn check_totals(content: &DocumentContent, validator: &mut Validator) {
    let sum = |part: fn(&DocumentLine) -> Money| Money::sum(content.currency, content.lines.iter().map(part));
    let subtotal_tax = Money::sum(content.currency, content.tax_subtotals.iter().map(|subtotal| subtotal.tax));
    let is = |sum: Result<Money, MoneyError>, total: Money| sum == Ok(total);
    if !is(sum(|line| line.net), content.net) {
        validator.refuse("net", does_not_add_up("the lines"));
    }
    if !is(sum(|line| line.tax), content.tax) {
        validator.refuse("tax", does_not_add_up("the lines"));
    }
    if !is(subtotal_tax, content.tax) {
        validator.refuse("tax_subtotals", does_not_add_up("the total tax"));
    }
    if content.tax_subtotals.iter().any(|subtotal| subtotal.base.currency() != content.currency) {
        validator.refuse("tax_subtotals", currency_mismatch(content.currency));
    }
}

fn check_details(content: &DocumentContent, validator: &mut Validator) {
    for (index, applied) in content.details.legal_notes.iter().enumerate() {
        if applied.lines.last().is_some_and(|line| *line >= content.lines.len())
            || !applied.lines.is_sorted_by(|a, b| a < b)
        {
            let expected = "must be indexes of lines of the document, each once and in order";
            validator.refuse(&format!("legal_notes[{index}].lines"), Invalid::new("LINE_INDEX", expected));
        }
    }
    if let Some(national) = &content.details.tax_in_sellers_currency
        && national.tax.currency() == content.currency
    {
        let expected = "must be in another currency than the document";
        validator.refuse("tax_in_sellers_currency", Invalid::new("SAME_CURRENCY", expected));
    }
}

fn does_not_add_up(what: &str) -> Invalid {
    Invalid::new("SUM_MISMATCH", format!("must be the sum of {what}"))
}

fn currency_mismatch(currency: Currency) -> Invalid {
    Invalid::new("CURRENCY_MISMATCH", format!("must be in the document's currency, {currency}"))
}
