//! A browser for the tests of the hosted page.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::repo;

/// The variables by which a test finds the browser and its driver.
pub(crate) const CHROMIUM: &str = "PAYLINKS_TEST_CHROMIUM";
pub(crate) const CHROMEDRIVER: &str = "PAYLINKS_TEST_CHROMEDRIVER";

/// Finds or installs Chromium and its driver.
pub(crate) fn find() -> Result<(PathBuf, PathBuf)> {
    let at_hand = || repo::find("chromium").zip(repo::find("chromedriver"));
    if let Some(found) = at_hand() {
        return Ok(found);
    }
    repo::apt_install(&["chromium", "chromium-driver", "fonts-dejavu-core"])?;
    at_hand().context("Chromium was installed, and is not to be found")
}
