//! Who knows to whom a tax id was issued: the register of a tax administration.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::tax_id::TaxId;

/// Looks tax ids up where they are registered. It asks an authority, and should not be asked inside a transaction.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait TaxIdRegistry: Send + Sync {
    /// What the register says of the id now. A "no" is an answer, not an error.
    ///
    /// # Errors
    /// See [`TaxIdLookupError`].
    async fn look_up(&self, id: &TaxId) -> Result<TaxIdLookup, TaxIdLookupError>;
}

/// What a register answered: evidence, to be stored as it came together with the time at which it was asked.
///
/// `Debug` shows neither name nor address: they may be a person's.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxIdLookup {
    /// Which register answered, such as `VIES`.
    pub registry: String,
    /// Whether the id is valid now.
    pub is_valid: bool,
    /// To whom it was issued, where the register tells.
    pub name: Option<String>,
    /// Where they are, where the register tells; lines are parted by line feeds.
    pub address: Option<String>,
    /// The number under which the register keeps the question, where it gives one: the proof that it was asked.
    pub consultation_number: Option<String>,
}

impl fmt::Debug for TaxIdLookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaxIdLookup")
            .field("registry", &self.registry)
            .field("is_valid", &self.is_valid)
            .finish_non_exhaustive()
    }
}

/// Why there is no answer. It says nothing about the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TaxIdLookupError {
    /// The register has no ids of that kind; asking again is of no use.
    #[error("no register can be asked about tax ids of that kind")]
    Unsupported,
    /// The register does not answer for now; asking later may help.
    #[error("the register of tax ids is unavailable")]
    Unavailable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_personal_data() {
        let lookup = TaxIdLookup {
            registry: "VIES".to_owned(),
            is_valid: true,
            name: Some("canary".to_owned()),
            address: Some("canary".to_owned()),
            consultation_number: Some("canary".to_owned()),
        };
        assert_eq!(format!("{lookup:?}"), "TaxIdLookup { registry: \"VIES\", is_valid: true, .. }");
    }
}
