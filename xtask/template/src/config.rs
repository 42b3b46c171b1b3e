//! How to reach Template.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use domain::ports::adapter::{
    AccountIdentity, ConfiguredProvider, ProviderAdapter, ProviderPorts, Setting, SettingKind, required,
};
use domain::provider::{Capabilities, ProviderName};
use domain::validation::Validator;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::provider::{TemplateProvider, capabilities};

/// Template's adapter, as it is registered and configured.
#[derive(Debug, Clone, Copy)]
pub struct Template;

/// What is configured of Template.
#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub struct TemplateSettings {
    api_key: Option<String>,
    signing_keys: Vec<String>,
    live: bool,
}

impl ProviderAdapter for Template {
    type Settings = TemplateSettings;

    const NAME: &'static str = "template";

    const SETTINGS: &'static [Setting] = &[
        Setting::new("api_key", SettingKind::Text, "The secret by which calls are known to be ours")
            .variable("TEMPLATE_API_KEY")
            .secret(),
        Setting::new(
            "signing_keys",
            SettingKind::Texts,
            "The secrets by which notifications are signed: all of them verify",
        )
        .variable("TEMPLATE_SIGNING_KEYS")
        .secret(),
        Setting::new("live", SettingKind::Flag, "Whether real money moves").or("false"),
    ];

    fn capabilities(livemode: bool) -> Capabilities {
        capabilities(livemode)
    }

    fn check(name: ProviderName, settings: TemplateSettings, v: &mut Validator) -> Option<Box<dyn ConfiguredProvider>> {
        if settings.signing_keys.is_empty() || settings.signing_keys.iter().any(String::is_empty) {
            v.refuse("signing_keys", required::<Self>(&name, "signing_keys"));
        }
        let key = settings.api_key.filter(|key| !key.is_empty());
        let key = v.check("api_key", key.ok_or_else(|| required::<Self>(&name, "api_key")));
        let signing_keys = settings.signing_keys.into_iter().map(SecretString::from).collect();
        Some(Box::new(TemplateConfig { name, api_key: key?.into(), signing_keys, live: settings.live }))
    }
}

/// How to reach Template.
#[derive(Clone)]
pub struct TemplateConfig {
    /// The name under which the adapter is registered.
    pub name: ProviderName,
    /// The secret by which calls are known to be ours.
    pub api_key: SecretString,
    /// The secrets by which notifications are signed: several while one is being rolled.
    pub signing_keys: Vec<SecretString>,
    /// Whether real money moves.
    pub live: bool,
}

impl ConfiguredProvider for TemplateConfig {
    fn name(&self) -> &ProviderName {
        &self.name
    }

    fn is_live(&self) -> bool {
        self.live
    }

    fn account(&self) -> AccountIdentity {
        AccountIdentity::new(Template::NAME, "", self.api_key.expose_secret())
    }

    fn summary(&self) -> String {
        format!("Template, {}", if self.live { "live" } else { "for tests" })
    }

    fn make(&self) -> Result<ProviderPorts, Box<dyn Error + Send + Sync>> {
        let provider = Arc::new(TemplateProvider::new(self.clone()));
        Ok(ProviderPorts { provider: provider.clone(), in_background: provider, tax: None })
    }
}

impl fmt::Debug for TemplateConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TemplateConfig").field("name", &self.name).field("live", &self.live).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_that_is_missing_is_told_at_once() {
        let mut validator = Validator::new();
        let checked = Template::check("template".parse().unwrap(), TemplateSettings::default(), &mut validator);
        let told = validator.finish(checked.map(|_| ())).unwrap_err();
        let fields: Vec<_> = told.iter().map(|violation| violation.field.as_str()).collect();
        assert_eq!(fields, ["signing_keys", "api_key"]);
    }
}
