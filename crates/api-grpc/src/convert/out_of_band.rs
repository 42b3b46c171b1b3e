//! Money that came in beside every provider, from proto messages and to them.

use api_proto::v1;
use domain::payment::{OutOfBand, OutOfBandMethod, OutOfBandReceipt};
use domain::refund::OutOfBandRefund;
use domain::text::{Description, DisplayName};
use domain::timestamp::check_day_has_come;
use domain::validation::{Invalid, Validator};
use time::Date;

use super::input::{date, known, metadata, optional, required_amount};
use super::output;

/// The money that a request tells of.
pub(crate) fn receipt(v: &mut Validator, m: &v1::RecordInvoicePaymentRequest, today: Date) -> Option<OutOfBandReceipt> {
    let amount = required_amount(v, "amount", m.amount.as_ref());
    let method = method(v, m.method);
    let reference = optional(v, "reference", &m.reference, DisplayName::parse);
    let received_on = date(v, "receive_date", m.receive_date.as_ref()).and_then(|named| {
        let checked = named.ok_or_else(Invalid::required).and_then(|day| check_day_has_come(day, today));
        v.check("receive_date", checked)
    });
    let description = optional(v, "description", &m.description, Description::parse);
    let metadata = metadata(v, &m.metadata);
    Some(OutOfBandReceipt {
        amount: amount?,
        how: OutOfBand { method: method?, reference: reference?, received_on: received_on? },
        description: description?,
        metadata: metadata?,
    })
}

fn method(v: &mut Validator, number: i32) -> Option<OutOfBandMethod> {
    match known(v, "method", number)? {
        v1::OutOfBandMethod::Unspecified => {
            v.refuse("method", Invalid::required());
            None
        }
        v1::OutOfBandMethod::Cash => Some(OutOfBandMethod::Cash),
        v1::OutOfBandMethod::BankTransfer => Some(OutOfBandMethod::BankTransfer),
        v1::OutOfBandMethod::Other => Some(OutOfBandMethod::Other),
    }
}

/// How money went back, as a request tells.
pub(crate) fn out_of_band_refund(
    v: &mut Validator,
    m: &v1::RecordRefundRequest,
    today: Date,
) -> Option<OutOfBandRefund> {
    let method = known(v, "method", m.method).and_then(|method| {
        let named = match method {
            v1::OutOfBandRefundMethod::Unspecified => None,
            v1::OutOfBandRefundMethod::Cash => Some(OutOfBandMethod::Cash),
            v1::OutOfBandRefundMethod::BankTransfer => Some(OutOfBandMethod::BankTransfer),
            v1::OutOfBandRefundMethod::Other => Some(OutOfBandMethod::Other),
        };
        v.check("method", named.ok_or_else(Invalid::required))
    });
    let reference = optional(v, "reference", &m.reference, DisplayName::parse);
    let refunded_on = date(v, "refund_date", m.refund_date.as_ref()).and_then(|named| {
        let checked = named.ok_or_else(Invalid::required).and_then(|day| check_day_has_come(day, today));
        v.check("refund_date", checked)
    });
    Some(OutOfBandRefund { method: method?, reference: reference?, refunded_on: refunded_on? })
}

pub(super) fn told_out_of_band_refund(how: &OutOfBandRefund) -> v1::OutOfBandRefund {
    let method = match how.method {
        OutOfBandMethod::Cash => v1::OutOfBandRefundMethod::Cash,
        OutOfBandMethod::BankTransfer => v1::OutOfBandRefundMethod::BankTransfer,
        OutOfBandMethod::Other => v1::OutOfBandRefundMethod::Other,
    };
    v1::OutOfBandRefund {
        method: method as i32,
        reference: output::text(how.reference.as_ref()),
        refund_date: Some(output::date(how.refunded_on)),
    }
}

pub(super) fn told_receipt(how: &OutOfBand) -> v1::OutOfBandReceipt {
    let method = match how.method {
        OutOfBandMethod::Cash => v1::OutOfBandMethod::Cash,
        OutOfBandMethod::BankTransfer => v1::OutOfBandMethod::BankTransfer,
        OutOfBandMethod::Other => v1::OutOfBandMethod::Other,
    };
    v1::OutOfBandReceipt {
        method: method as i32,
        reference: output::text(how.reference.as_ref()),
        receive_date: Some(output::date(how.received_on)),
    }
}
