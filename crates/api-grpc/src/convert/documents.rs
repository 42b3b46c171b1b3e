//! Documents: which is asked for, and the file that is answered.

use api_proto::v1;
use application::{RenderedFile, ShareInvoice};
use domain::document::{InvoiceDocumentKind, Language};
use domain::validation::{Invalid, Validator};

use super::input::{known, optional};

/// Which document of an invoice.
pub(crate) fn kind(v: &mut Validator, field: &str, number: i32) -> Option<InvoiceDocumentKind> {
    match known::<v1::InvoiceDocumentKind>(v, field, number)? {
        v1::InvoiceDocumentKind::Unspecified => {
            v.refuse(field, Invalid::required());
            None
        }
        v1::InvoiceDocumentKind::Invoice => Some(InvoiceDocumentKind::Invoice),
        v1::InvoiceDocumentKind::Receipt => Some(InvoiceDocumentKind::Receipt),
    }
}

/// How an invoice is to be shared.
pub(crate) fn share(v: &mut Validator, m: &v1::ShareInvoiceRequest) -> Option<ShareInvoice> {
    let language = optional(v, "language", &m.language, Language::parse);
    let lifetime = v.check_optional("lifetime", m.lifetime.as_ref(), |lifetime| match lifetime.nanos {
        0 => ShareInvoice::parse_lifetime(lifetime.seconds),
        _ => Err(Invalid::new("WHOLE_SECONDS", "must be whole seconds")),
    });
    Some(ShareInvoice { language: language?, lifetime: lifetime? })
}

/// A file.
pub(crate) fn rendered(file: RenderedFile) -> v1::RenderedDocument {
    v1::RenderedDocument {
        content: file.content,
        content_type: file.content_type.to_owned(),
        file_name: file.file_name,
    }
}
