//! Credit notes, from proto messages and to them.

use api_proto::v1;
use domain::credit_note::{
    CreditNote, CreditNoteLine, CreditPart, CreditReason, CreditRequest, CreditScope, LineCredit,
};
use domain::money::Quantity;
use domain::text::Description;
use domain::validation::{Invalid, Validator};

use super::input::{amount, id, known, metadata, optional};
use super::output::{date, money, pairs, party, tax_behavior, text, timestamp, unit_price};
use super::tax::{tax_subtotal, taxed_line, told_exchange_rate, trace_step};

/// What a request asks to be credited.
pub(crate) fn credit_request(v: &mut Validator, m: &v1::CreateCreditNoteRequest) -> Option<CreditRequest> {
    let scope = scope(v, m.scope.as_ref());
    let reason = reason(v, m.reason, &m.reason_text);
    let memo = optional(v, "memo", &m.memo, Description::parse);
    let metadata = metadata(v, &m.metadata);
    refuse_refund(v, m);
    Some(CreditRequest { scope: scope?, reason: reason?, memo: memo?, metadata: metadata? })
}

/// Refuses to be told with a credit note what went back already: it would be counted at no payment, and could go back again.
#[expect(deprecated, reason = "callers may still send the field, and must not believe that it was taken")]
fn refuse_refund(v: &mut Validator, m: &v1::CreateCreditNoteRequest) {
    if m.out_of_band_refund_amount.is_some() {
        let expected = "must be absent: PaymentService.RecordRefund records what went back beside the provider, with the \
                        id of the credit note as its credit_note_id";
        v.refuse("out_of_band_refund_amount", Invalid::new("DEPRECATED", expected));
    }
}

fn scope(v: &mut Validator, scope: Option<&v1::create_credit_note_request::Scope>) -> Option<CreditScope> {
    use v1::create_credit_note_request::Scope;
    // An empty list must not be taken for the whole invoice.
    let missing = Invalid::new("REQUIRED", "must say how much is credited: rest or by_line");
    match v.check("scope", scope.ok_or(missing))? {
        Scope::Rest(_) => Some(CreditScope::Rest),
        Scope::ByLine(by_line) => {
            let count = v.check("by_line.lines", CreditScope::check_line_count(by_line.lines.len()));
            let lines = by_line.lines.iter().enumerate();
            let parsed: Vec<_> =
                lines.map(|(i, line)| v.within(&format!("by_line.lines[{i}]"), |v| line_credit(v, line))).collect();
            count.and(parsed.into_iter().collect::<Option<_>>()).map(CreditScope::Lines)
        }
    }
}

fn line_credit(v: &mut Validator, line: &v1::CreditedLine) -> Option<LineCredit> {
    use v1::credited_line::Part;
    let line_id = id(v, "invoice_line_id", &line.invoice_line_id);
    let missing = Invalid::new("REQUIRED", "must say how much of the line is credited: rest, quantity or amount");
    let part = v.check("part", line.part.as_ref().ok_or(missing)).and_then(|part| match part {
        Part::Rest(_) => Some(CreditPart::Rest),
        Part::Quantity(quantity) => v.check("quantity", Quantity::parse(*quantity)).map(CreditPart::Quantity),
        Part::Amount(money) => amount(v, "amount", money).map(CreditPart::Amount),
    });
    Some(LineCredit { line_id: line_id?, part: part? })
}

fn reason(v: &mut Validator, number: i32, other: &str) -> Option<CreditReason> {
    let reason = match known(v, "reason", number)? {
        v1::CreditNoteReason::Unspecified => {
            v.refuse("reason", Invalid::required());
            return None;
        }
        v1::CreditNoteReason::Other => {
            return v.check("reason_text", Description::parse(other)).map(CreditReason::Other);
        }
        v1::CreditNoteReason::Duplicate => CreditReason::Duplicate,
        v1::CreditNoteReason::Fraudulent => CreditReason::Fraudulent,
        v1::CreditNoteReason::OrderChange => CreditReason::OrderChange,
        v1::CreditNoteReason::ProductUnsatisfactory => CreditReason::ProductUnsatisfactory,
    };
    if !other.is_empty() {
        v.refuse("reason_text", Invalid::new("NOT_WITH_REASON", "must be empty unless the reason is OTHER"));
        return None;
    }
    Some(reason)
}

pub(crate) fn credit_note(note: &CreditNote) -> v1::CreditNote {
    let (reason, reason_text) = match &note.reason {
        CreditReason::Duplicate => (v1::CreditNoteReason::Duplicate, ""),
        CreditReason::Fraudulent => (v1::CreditNoteReason::Fraudulent, ""),
        CreditReason::OrderChange => (v1::CreditNoteReason::OrderChange, ""),
        CreditReason::ProductUnsatisfactory => (v1::CreditNoteReason::ProductUnsatisfactory, ""),
        CreditReason::Other(text) => (v1::CreditNoteReason::Other, text.as_str()),
    };
    v1::CreditNote {
        id: note.id.to_string(),
        seller_id: note.seller_id.to_string(),
        invoice_id: note.invoice_id.to_string(),
        invoice_number: note.invoice_number.clone(),
        customer_id: text(note.customer_id.as_ref()),
        number: note.number.number.clone(),
        currency_code: note.currency.code().to_owned(),
        lines: note.lines.iter().map(credit_note_line).collect(),
        net: Some(money(note.net)),
        tax: Some(money(note.tax)),
        total: Some(money(note.gross)),
        pre_payment_amount: Some(money(note.pre_payment_amount)),
        post_payment_amount: Some(money(note.post_payment_amount)),
        out_of_band_refund_amount: Some(money(note.out_of_band_refund_amount)),
        refundable_amount: Some(money(note.refundable_amount())),
        // Sums of parts of an amount that fits.
        tax_subtotals: note.tax_subtotals().unwrap_or_default().iter().map(tax_subtotal).collect(),
        tax_exchange_rate: note.exchanged_tax.as_ref().map(told_exchange_rate),
        tax_in_sellers_currency: note.exchanged_tax.as_ref().map(|exchanged| money(exchanged.tax)),
        tax_trace: note.trace.iter().map(trace_step).collect(),
        reason: reason as i32,
        reason_text: reason_text.to_owned(),
        memo: text(note.memo.as_ref()),
        tax_point: Some(date(note.tax_point)),
        seller: Some(party(&note.seller)),
        buyer: note.buyer.as_ref().map(party),
        metadata: pairs(&note.metadata),
        create_time: Some(timestamp(note.issued_at)),
    }
}

fn credit_note_line(line: &CreditNoteLine) -> v1::CreditNoteLine {
    v1::CreditNoteLine {
        invoice_line_id: line.invoice_line_id.to_string(),
        description: line.description.to_string(),
        quantity: line.quantity.map_or(0, |quantity| quantity.get().into()),
        unit_price: Some(unit_price(line.unit_price)),
        tax_behavior: tax_behavior(line.tax_behavior),
        amount: Some(money(line.amount)),
        taxed: Some(taxed_line(&line.taxed)),
        discount_amount: line.discount_amount().map(money),
    }
}
