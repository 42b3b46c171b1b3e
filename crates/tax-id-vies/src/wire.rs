//! The bodies of `POST check-vat-number`, and what an answer means. It must not know how they travel.

use domain::ports::tax_ids::{TaxIdLookup, TaxIdLookupError};
use serde::{Deserialize, Serialize};

/// The register's name in answers.
const REGISTRY: &str = "VIES";
/// What stands where a member state tells nothing.
const UNDISCLOSED: &str = "---";

/// A question about one id.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Question<'a> {
    pub(crate) country_code: &'a str,
    pub(crate) vat_number: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) requester_member_state_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) requester_number: Option<&'a str>,
}

/// An answer, or a refusal: both may come under any status.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    valid: Option<bool>,
    name: Option<String>,
    address: Option<String>,
    request_identifier: Option<String>,
    user_error: Option<String>,
    action_succeed: Option<bool>,
    #[serde(default)]
    error_wrappers: Vec<ErrorWrapper>,
}

#[derive(Deserialize)]
struct ErrorWrapper {
    error: Option<String>,
}

impl Answer {
    /// What the answer says of the id.
    ///
    /// # Errors
    /// Unavailable, unless the register said yes or no: neither silence nor a refusal makes an id invalid.
    pub(crate) fn into_lookup(self) -> Result<TaxIdLookup, TaxIdLookupError> {
        let refusal = self.error_wrappers.iter().find_map(|wrapper| wrapper.error.as_deref());
        let told = self.user_error.as_deref().filter(|told| !matches!(*told, "" | "VALID" | "INVALID"));
        let is_refused = self.action_succeed == Some(false) || refusal.or(told).is_some();
        let Some(is_valid) = self.valid.filter(|_| !is_refused) else {
            tracing::warn!(code = code(refusal.or(told)), "the register of VAT ids gave no answer");
            return Err(TaxIdLookupError::Unavailable);
        };
        Ok(TaxIdLookup {
            registry: REGISTRY.to_owned(),
            is_valid,
            name: disclosed(self.name),
            address: disclosed(self.address),
            consultation_number: disclosed(self.request_identifier),
        })
    }
}

/// VIES's code, such as `MS_UNAVAILABLE`, as far as it can be one; whatever else stands there is for no log.
fn code(told: Option<&str>) -> &str {
    told.filter(|code| {
        code.len() <= 64 && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    })
    .unwrap_or("unknown")
}

fn disclosed(text: Option<String>) -> Option<String> {
    let text = text?;
    let text = text.trim();
    (!text.is_empty() && text != UNDISCLOSED).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: serde_json::Value) -> Result<TaxIdLookup, TaxIdLookupError> {
        serde_json::from_value::<Answer>(body).unwrap().into_lookup()
    }

    #[test]
    fn what_is_not_told_is_absent() {
        for untold in [json!("---"), json!(""), json!("  "), json!(null)] {
            let lookup = read(json!({
                "valid": false, "name": untold, "address": untold, "requestIdentifier": untold, "userError": "INVALID",
            }));
            let lookup = lookup.unwrap();
            assert!(!lookup.is_valid);
            assert_eq!((lookup.name, lookup.address, lookup.consultation_number), (None, None, None));
        }
    }

    #[test]
    fn only_a_yes_or_a_no_is_an_answer() {
        for body in [
            json!({}),
            json!({"actionSucceed": false, "errorWrappers": [{"error": "MS_MAX_CONCURRENT_REQ"}]}),
            json!({"actionSucceed": false}),
            json!({"valid": false, "errorWrappers": [{"error": "INVALID_INPUT", "message": "canary"}]}),
            json!({"valid": false, "userError": "MS_UNAVAILABLE"}),
        ] {
            assert_eq!(read(body), Err(TaxIdLookupError::Unavailable));
        }
        assert!(read(json!({"valid": true, "userError": "VALID"})).unwrap().is_valid);
    }

    #[test]
    fn a_log_has_codes_alone() {
        assert_eq!(code(Some("MS_UNAVAILABLE")), "MS_UNAVAILABLE");
        for other in [Some("Ada Lovelace"), Some(""), None] {
            assert!(matches!(code(other), "unknown" | ""), "{other:?}");
        }
    }
}
