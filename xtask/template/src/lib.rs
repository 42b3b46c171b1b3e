//! Template as a payment provider: the one place that speaks its wire.
//!
//! It implements [`PaymentProvider`](domain::ports::provider::PaymentProvider) and is registered as
//! [`ProviderAdapter`](domain::ports::adapter::ProviderAdapter). The provider's own rules (amounts in its
//! currencies' units, parameter names, signatures) live here and nowhere else. It must not know any use case or storage.

mod config;
#[cfg(test)]
mod contract;
mod provider;

pub use config::{Template, TemplateConfig, TemplateSettings};
pub use provider::TemplateProvider;
