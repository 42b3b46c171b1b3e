//! Mails about invoices, from proto messages and to them.

use api_proto::v1;
use domain::document::InvoiceDocumentKind;
use domain::invoice_mail::{InvoiceMail, MailFailure, MailState};
use domain::validation::Validator;

use super::input::known;
use super::output::timestamp;

/// Which document is sent: the invoice where nothing is said.
pub(crate) fn mail_kind(v: &mut Validator, field: &str, number: i32) -> Option<InvoiceDocumentKind> {
    known(v, field, number).map(|kind| match kind {
        v1::InvoiceMailKind::Unspecified | v1::InvoiceMailKind::Invoice => InvoiceDocumentKind::Invoice,
        v1::InvoiceMailKind::Receipt => InvoiceDocumentKind::Receipt,
    })
}

pub(crate) fn invoice_mail(mail: &InvoiceMail) -> v1::InvoiceMail {
    let kind = match mail.order.kind {
        InvoiceDocumentKind::Invoice => v1::InvoiceMailKind::Invoice,
        InvoiceDocumentKind::Receipt => v1::InvoiceMailKind::Receipt,
    };
    let told = v1::InvoiceMail {
        id: mail.id.to_string(),
        seller_id: mail.seller_id.to_string(),
        invoice_id: mail.order.invoice_id.to_string(),
        kind: kind as i32,
        language_code: mail.order.language.code().to_owned(),
        to: mail.order.to.as_str().to_owned(),
        message_id: mail.message_id.to_string(),
        attempts: i32::try_from(mail.attempts).unwrap_or(i32::MAX),
        create_time: Some(timestamp(mail.created_at)),
        update_time: Some(timestamp(mail.updated_at)),
        ..v1::InvoiceMail::default()
    };
    match &mail.state {
        MailState::Queued { next_attempt_at, last_failure } => v1::InvoiceMail {
            state: v1::InvoiceMailState::Queued as i32,
            next_attempt_time: Some(timestamp(*next_attempt_at)),
            failure_reason: last_failure.clone().unwrap_or_default(),
            ..told
        },
        MailState::Sent { sent_at } => {
            v1::InvoiceMail { state: v1::InvoiceMailState::Sent as i32, send_time: Some(timestamp(*sent_at)), ..told }
        }
        MailState::Failed { failure, failed_at } => {
            let (failure, reason) = match failure {
                MailFailure::Rejected { reason } => (v1::InvoiceMailFailure::Rejected, reason.clone()),
                MailFailure::GaveUp { reason } => (v1::InvoiceMailFailure::GaveUp, reason.clone()),
                MailFailure::Overtaken => (v1::InvoiceMailFailure::Overtaken, String::new()),
            };
            v1::InvoiceMail {
                state: v1::InvoiceMailState::Failed as i32,
                failure: failure as i32,
                failure_reason: reason,
                fail_time: Some(timestamp(*failed_at)),
                ..told
            }
        }
    }
}
