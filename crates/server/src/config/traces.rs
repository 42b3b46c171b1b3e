//! Where traces are sent: the part `[telemetry]` of the file, and the variables that OpenTelemetry has for it.

use domain::validation::{Invalid, Validator};
use rust_decimal::Decimal;
use serde::Deserialize;
use url::Url;

use super::given;
use crate::Settings;

/// The checked part.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TraceConfig {
    /// Who takes them, by OTLP over gRPC.
    pub(crate) endpoint: Url,
    /// Which part of the traces that begin here is recorded, from 0 to 1. What a caller has begun is its own to decide.
    pub(crate) sample_ratio: Decimal,
}

#[derive(Deserialize, Default)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileTelemetry {
    otlp_endpoint: Option<String>,
    /// In the file it is a text, as in the environment.
    trace_sample_ratio: Option<String>,
}

/// Where traces are sent: `Some(None)` is nowhere.
pub(super) fn traces(v: &mut Validator, file: FileTelemetry, settings: &Settings) -> Option<Option<TraceConfig>> {
    let endpoint = given(&settings.otlp_endpoint).or(file.otlp_endpoint).filter(|endpoint| !endpoint.is_empty());
    let ratio = given(&settings.trace_sample_ratio).or(file.trace_sample_ratio);
    v.within("telemetry", |v| {
        let endpoint = v.check_optional("otlp_endpoint", endpoint.as_deref(), parse_endpoint);
        let ratio = v.check_optional("trace_sample_ratio", ratio.as_deref(), parse_ratio);
        let (endpoint, ratio) = endpoint.zip(ratio)?;
        let sample_ratio = ratio.unwrap_or(Decimal::ONE);
        Some(endpoint.map(|endpoint| TraceConfig { endpoint, sample_ratio }))
    })
}

fn parse_endpoint(text: &str) -> Result<Url, Invalid> {
    let expected =
        "must be the URL of a collector for OTLP over gRPC, such as http://127.0.0.1:4317, without credentials";
    let url = Url::parse(text).map_err(|_| Invalid::new("URL", expected))?;
    let is_fit = matches!(url.scheme(), "http" | "https") && url.has_host() && url.username().is_empty();
    if is_fit && url.password().is_none() { Ok(url) } else { Err(Invalid::new("URL", expected)) }
}

fn parse_ratio(text: &str) -> Result<Decimal, Invalid> {
    let ratio = text.parse::<Decimal>().ok().filter(|ratio| *ratio >= Decimal::ZERO && *ratio <= Decimal::ONE);
    ratio.ok_or_else(|| Invalid::new("OUT_OF_RANGE", "must be a number from 0 to 1, such as 0.1"))
}

impl TraceConfig {
    pub(super) fn summary(&self) -> String {
        format!("to {}, {} of those that begin here", self.endpoint, self.sample_ratio)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(endpoint: &str, ratio: &str) -> Result<Option<TraceConfig>, Vec<String>> {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let settings =
            Settings { otlp_endpoint: text(endpoint), trace_sample_ratio: text(ratio), ..Settings::default() };
        let mut v = Validator::new();
        let traces = traces(&mut v, FileTelemetry::default(), &settings);
        v.finish(traces).map_err(|found| found.iter().map(|v| v.field.clone()).collect())
    }

    #[test]
    fn traces_are_off_without_an_endpoint_and_all_that_is_wrong_is_told_at_once() {
        assert_eq!(check("", ""), Ok(None));
        let on = check("http://127.0.0.1:4317", "0.25").unwrap().unwrap();
        assert_eq!((on.endpoint.as_str(), on.sample_ratio.to_string()), ("http://127.0.0.1:4317/", "0.25".to_owned()));
        assert_eq!(check("http://c:4317", "").unwrap().unwrap().sample_ratio, Decimal::ONE);
        let both = ["telemetry.otlp_endpoint", "telemetry.trace_sample_ratio"].map(str::to_owned).to_vec();
        for (endpoint, ratio) in [("collector:4317", "1.5"), ("https://me:secret@c", "-1"), ("ftp://c", "half")] {
            assert_eq!(check(endpoint, ratio), Err(both.clone()), "{endpoint} {ratio}");
        }
    }
}
