//! Readers of PDF for the tests of documents: what a person reads in one, and whether it is whole.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::repo;

/// The variables by which a test finds them.
pub(crate) const PDFTOTEXT: &str = "PAYLINKS_TEST_PDFTOTEXT";
pub(crate) const QPDF: &str = "PAYLINKS_TEST_QPDF";

/// Finds or installs poppler's reader of text, and qpdf.
pub(crate) fn find() -> Result<(PathBuf, PathBuf)> {
    let at_hand = || repo::find("pdftotext").zip(repo::find("qpdf"));
    if let Some(found) = at_hand() {
        return Ok(found);
    }
    repo::apt_install(&["poppler-utils", "qpdf"])?;
    at_hand().context("poppler-utils and qpdf were installed, and are not to be found")
}
