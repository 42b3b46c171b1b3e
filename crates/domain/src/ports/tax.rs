//! Who knows which tax applies.

use async_trait::async_trait;

use crate::tax::{Jurisdiction, TaxCalculation, TaxRegistration, TaxRequest};
use crate::validation::Violations;

/// Computes the tax of a document.
#[cfg_attr(feature = "mocks", mockall::automock)]
#[async_trait]
pub trait TaxCalculator: Send + Sync {
    /// The tax of the request's lines.
    ///
    /// # Errors
    /// See [`TaxError`].
    async fn calculate(&self, request: &TaxRequest) -> Result<TaxCalculation, TaxError>;
}

/// Knows which registrations for tax there can be: where the borders are, and who may use which scheme.
#[cfg_attr(feature = "mocks", mockall::automock)]
pub trait TaxRegistrationRules: Send + Sync {
    /// Refuses a registration that no authority can have given a seller that is established in `seller`.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once: of `jurisdiction.country`, `jurisdiction.subdivision`, `scheme` and `until`.
    fn check(&self, seller: Jurisdiction, registration: &TaxRegistration) -> Result<(), Violations>;
}

/// Why there is no calculation.
#[derive(Debug, thiserror::Error)]
pub enum TaxError {
    /// The request can't be answered as it is: the fields are those of the request, such as `lines[2].amount`.
    #[error("{0}")]
    Rejected(Violations),
    /// The calculator can't be reached for now.
    #[error("the tax calculator is unavailable")]
    Unavailable,
    /// The calculator can't be used as it is set up, or its answer can't be taken: whoever runs the service must look.
    #[error("the tax calculator fails: {0}")]
    Failed(String),
}
