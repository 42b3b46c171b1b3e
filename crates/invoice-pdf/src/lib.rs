//! The [`InvoiceRenderer`] that makes documents into PDF: A4, five languages, archived for good (PDF/A-2a) and read by anyone
//! (PDF/UA-1).
//!
//! It lays documents out itself, on top of a writer of PDF: a document is composed into pages, and the pages are written. It
//! must not know where documents come from or go, and has no clock: the same document gives the same bytes. Lengths are
//! floating point here; amounts never are, they come as text.
//!
//! The font has Latin, Greek and Cyrillic. Another character is drawn as a white square, its text stays behind it for
//! whoever copies or searches, and [`RenderedDocument::replaced`] names it.

mod compose;
mod pdf;
mod qr;
mod sheet;
mod table;
mod typeface;

use domain::document::Document;
use domain::ports::documents::{InvoiceRenderer, RenderError, RenderedDocument};

use crate::typeface::Typesetter;

/// Makes documents into PDF. It keeps nothing between documents, so one serves all threads.
#[derive(Debug, Clone, Copy, Default)]
pub struct PdfRenderer;

impl InvoiceRenderer for PdfRenderer {
    fn render(&self, document: &Document) -> Result<RenderedDocument, RenderError> {
        let unrenderable = |reason: String| RenderError::Unrenderable { reason };
        let setter = Typesetter::new().ok_or_else(|| unrenderable("the font can't be read".to_owned()))?;
        let composed = compose::compose(document, &setter);
        let bytes = pdf::write(&composed.sheet, composed.tree, &setter, composed.about).map_err(unrenderable)?;
        Ok(RenderedDocument { bytes, content_type: "application/pdf", extension: "pdf", replaced: setter.replaced() })
    }
}

#[cfg(test)]
#[path = "../tests/render/samples.rs"]
mod samples;
