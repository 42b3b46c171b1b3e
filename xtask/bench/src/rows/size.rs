//! How large the release binary is, stripped as its profile says.

use anyhow::Result;

use crate::Setup;
use crate::figure::Figure;

pub(super) async fn of_the_binary(setup: &Setup) -> Result<Vec<Figure>> {
    let bytes = std::fs::metadata(&setup.binary)?.len();
    Ok(vec![Figure::alone("size", "MB", &[bytes as f64 / 1e6], 25.0)])
}
