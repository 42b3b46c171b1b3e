//! Payment providers.

use super::{Noun, Verb};

pub(super) const NOUNS: &[Noun] = &[Noun {
    name: "provider",
    about: "Payment providers, and what they can do",
    columns: &[],
    verbs: &[
        Verb::new("list", "ProviderService.ListProviders"),
        Verb::new("get", "ProviderService.GetCapabilities").of("provider"),
    ],
}];
