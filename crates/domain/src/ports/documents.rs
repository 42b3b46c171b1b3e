//! Who makes a document into a file.

use std::collections::BTreeSet;

use crate::document::Document;

/// Makes documents into files.
///
/// It is not async: rendering is computing alone, with no I/O to wait for. A large document takes long enough to hold up an
/// async runtime, so call it where blocking is allowed. The same document gives the same bytes, always.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait InvoiceRenderer: Send + Sync {
    /// The document as a file.
    ///
    /// # Errors
    /// See [`RenderError`].
    fn render(&self, document: &Document) -> Result<RenderedDocument, RenderError>;
}

/// A document as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedDocument {
    /// The file.
    pub bytes: Vec<u8>,
    /// What it is, as a media type (RFC 6838) such as `application/pdf`.
    pub content_type: &'static str,
    /// How the name of such a file ends, without the dot, such as `pdf`.
    pub extension: &'static str,
    /// The characters that could not be shown as they are, since no font has them. Each is marked in its place; empty for
    /// most documents.
    pub replaced: BTreeSet<char>,
}

/// Why there is no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The renderer can't make this document into a file that keeps its format's rules. Another try fails the same way: it
    /// is a defect of the renderer, to be reported with the document.
    #[error("the document can't be rendered: {reason}")]
    Unrenderable {
        /// What the format's rules say; nothing of the document's content.
        reason: String,
    },
}
