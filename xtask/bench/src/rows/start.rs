//! The start, on an SQLite database that is migrated, to the first answer over gRPC.

use anyhow::Result;

use crate::Setup;
use crate::figure::Figure;
use crate::service::first_answer_ms;

pub(super) async fn first_answer(setup: &Setup) -> Result<Vec<Figure>> {
    let data = tempfile::tempdir()?;
    // This one makes the tables.
    first_answer_ms(&setup.binary, data.path()).await?;
    let mut took = Vec::new();
    for _ in 0..setup.rounds * 2 {
        took.push(first_answer_ms(&setup.binary, data.path()).await?);
    }
    Ok(vec![Figure::alone("start", "ms", &took, 150.0)])
}
