//! VIES, the European Commission's service for VAT ids, as a register of tax ids.
//!
//! It implements [`TaxIdRegistry`](domain::ports::tax_ids::TaxIdRegistry) over the service's public REST API. It asks the
//! register of the member state that issued the id, and is unavailable whenever that one is. It must not know any use case,
//! storage or provider, nor keep what it was told.

mod config;
mod registry;
mod wire;

pub use config::{ConfigError, ViesConfig};
pub use registry::ViesRegistry;
