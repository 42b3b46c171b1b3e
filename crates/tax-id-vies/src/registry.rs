//! HTTP to VIES: one call a lookup, with a time limit and a capped answer. It never tries again: the registers of the
//! member states allow few calls at once, and whoever asked knows how long it can wait.

use std::time::Duration;

use async_trait::async_trait;
use domain::ports::tax_ids::{TaxIdLookup, TaxIdLookupError, TaxIdRegistry};
use domain::tax_id::TaxId;
use reqwest::Response;
use url::Url;

use crate::config::{ConfigError, ViesConfig, parts};
use crate::wire::{Answer, Question};

/// The longest that connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer that is read, in bytes. An answer has a name, an address and some flags.
const ANSWER_BYTES_MAX: usize = 64 << 10;

/// The registers of the member states of the EU, and of Northern Ireland, behind VIES.
#[derive(Debug)]
pub struct ViesRegistry {
    http: reqwest::Client,
    url: Url,
    requester: Option<TaxId>,
}

impl ViesRegistry {
    /// A client of VIES. The process must have chosen its provider of cryptography for TLS before.
    ///
    /// # Errors
    /// See [`ConfigError`].
    pub fn new(config: &ViesConfig) -> Result<Self, ConfigError> {
        config.check()?;
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(config.timeout)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("paylinks/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ConfigError::Client)?;
        let mut url = config.api_base.clone();
        // An https address always has a path.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("check-vat-number");
        }
        Ok(Self { http, url, requester: config.requester.clone() })
    }
}

#[async_trait]
impl TaxIdRegistry for ViesRegistry {
    async fn look_up(&self, id: &TaxId) -> Result<TaxIdLookup, TaxIdLookupError> {
        let (country_code, vat_number) = parts(id).ok_or(TaxIdLookupError::Unsupported)?;
        let (requester_member_state_code, requester_number) = self.requester.as_ref().and_then(parts).unzip();
        let question = Question { country_code, vat_number, requester_member_state_code, requester_number };
        let response = self.http.post(self.url.clone()).json(&question).send().await.map_err(|error| {
            tracing::warn!(country_code, timeout = error.is_timeout(), "the register of VAT ids can't be reached");
            TaxIdLookupError::Unavailable
        })?;
        let status = response.status();
        let answer = read_capped(response).await.filter(|_| status.is_success());
        tracing::debug!(country_code, status = status.as_u16(), "asked the register of VAT ids");
        answer.ok_or(TaxIdLookupError::Unavailable)?.into_lookup()
    }
}

/// The answer; nothing if it is too large, broken off or something else.
async fn read_capped(mut response: Response) -> Option<Answer> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        if bytes.len() + chunk.len() > ANSWER_BYTES_MAX {
            return None;
        }
        bytes.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use wiremock::matchers::{body_json, method, path};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    fn registry(uri: &str, requester: Option<&str>) -> ViesRegistry {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut config = ViesConfig::new(format!("{uri}/rest-api").parse().unwrap());
        config.requester = requester.map(|id| TaxId::parse(id).unwrap());
        config.timeout = Duration::from_millis(400);
        ViesRegistry::new(&config).unwrap()
    }

    /// Looks `id` up at a register that must be asked `question` once and then answers.
    async fn look_up(
        (id, requester): (&str, Option<&str>),
        question: Value,
        answer: ResponseTemplate,
    ) -> Result<TaxIdLookup, TaxIdLookupError> {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/rest-api/check-vat-number"))
            .and(body_json(question))
            .respond_with(answer)
            .expect(1)
            .mount(&server)
            .await;
        registry(&server.uri(), requester).look_up(&TaxId::parse(id).unwrap()).await
    }

    async fn answered(answer: ResponseTemplate) -> Result<TaxIdLookup, TaxIdLookupError> {
        look_up(("DE136695976", None), json!({"countryCode": "DE", "vatNumber": "136695976"}), answer).await
    }

    fn body(body: Value) -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(body)
    }

    #[tokio::test]
    async fn a_requester_is_told_and_gets_the_number_of_its_consultation() {
        let question = json!({
            "countryCode": "EL", "vatNumber": "094259216",
            "requesterMemberStateCode": "SE", "requesterNumber": "556703748501",
        });
        let answer = body(json!({
            "countryCode": "EL", "vatNumber": "094259216", "requestDate": "2026-11-28T12:00:00.000Z", "valid": true,
            "requestIdentifier": "WAPIAAAAZyxw1234", "name": "ACME AE", "address": "ODOS 1\n10000 ATHINA",
            "traderName": "---", "traderNameMatch": "NOT_PROCESSED",
        }));
        let lookup = look_up(("EL094259216", Some("SE556703748501")), question, answer).await;
        let told = TaxIdLookup {
            registry: "VIES".to_owned(),
            is_valid: true,
            name: Some("ACME AE".to_owned()),
            address: Some("ODOS 1\n10000 ATHINA".to_owned()),
            consultation_number: Some("WAPIAAAAZyxw1234".to_owned()),
        };
        assert_eq!(lookup, Ok(told));
    }

    #[tokio::test]
    async fn a_no_is_an_answer() {
        let lookup =
            answered(body(json!({"valid": false, "name": "---", "address": "---", "requestIdentifier": ""}))).await;
        let lookup = lookup.unwrap();
        assert!(!lookup.is_valid && lookup.name.is_none() && lookup.consultation_number.is_none());
    }

    #[tokio::test]
    async fn no_answer_says_nothing_about_the_id() {
        let valid = json!({"valid": true});
        for answer in [
            body(json!({"actionSucceed": false, "errorWrappers": [{"error": "MS_UNAVAILABLE"}]})),
            ResponseTemplate::new(500).set_body_json(&valid),
            ResponseTemplate::new(302).insert_header("location", "/elsewhere").set_body_json(&valid),
            body(valid.clone()).set_delay(Duration::from_secs(2)),
            ResponseTemplate::new(200).set_body_string("<html>"),
            ResponseTemplate::new(200).set_body_string(format!("{valid}{}", " ".repeat(ANSWER_BYTES_MAX))),
        ] {
            assert_eq!(answered(answer).await, Err(TaxIdLookupError::Unavailable));
        }
        // Port 1 of loopback has no listener.
        let unreachable = registry("http://127.0.0.1:1", None);
        let lookup = unreachable.look_up(&TaxId::parse("DE136695976").unwrap()).await;
        assert_eq!(lookup, Err(TaxIdLookupError::Unavailable));
    }

    #[tokio::test]
    async fn ids_of_other_countries_are_never_asked_about() {
        let server = MockServer::start().await;
        let registry = registry(&server.uri(), None);
        for id in ["GB980780684", "CHE100155212", "5567037485"] {
            assert_eq!(registry.look_up(&TaxId::parse(id).unwrap()).await, Err(TaxIdLookupError::Unsupported));
        }
        assert!(server.received_requests().await.unwrap().is_empty());
    }
}
