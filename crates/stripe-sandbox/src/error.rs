//! Errors in Stripe's envelope.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

/// An error as Stripe tells it.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    body: Map<String, Value>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &str, message: impl Into<String>) -> Self {
        let mut body = Map::new();
        body.insert("type".to_owned(), kind.into());
        body.insert("message".to_owned(), message.into().into());
        Self { status, body }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message)
    }

    pub(crate) fn api(status: StatusCode, message: impl Into<String>) -> Self {
        Self::new(status, "api_error", message)
    }

    pub(crate) fn idempotency(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "idempotency_error", message)
    }

    pub(crate) fn key_in_use() -> Self {
        let message = "There is currently another in-progress request using this Idempotent Key.";
        let mut error = Self::new(StatusCode::CONFLICT, "idempotency_error", message);
        error.body.insert("code".to_owned(), "idempotency_key_in_use".into());
        error
    }

    pub(crate) fn missing(kind: &str, id: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::invalid(format!("No such {kind}: '{id}'")) }
            .code("resource_missing")
    }

    /// The same for an object that a parameter names: then the request is at fault, not its address.
    pub(crate) fn missing_param(kind: &str, id: &str, param: impl Into<String>) -> Self {
        Self::missing(kind, id).of_param(param)
    }

    /// What is missing was named by a parameter.
    pub(crate) fn of_param(self, param: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, ..self }.param(param)
    }

    pub(crate) fn unknown_url(method: &str, path: &str) -> Self {
        let message = format!("Unrecognized request URL ({method}: {path}).");
        Self { status: StatusCode::NOT_FOUND, ..Self::invalid(message) }
    }

    pub(crate) fn code(mut self, code: &str) -> Self {
        self.body.insert("code".to_owned(), code.into());
        self.body.insert(
            "doc_url".to_owned(),
            format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-")).into(),
        );
        self
    }

    pub(crate) fn param(mut self, param: impl Into<String>) -> Self {
        self.body.insert("param".to_owned(), param.into().into());
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({ "error": self.body })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, axum::Json(self.to_json())).into_response()
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::Sandbox;

    #[test]
    fn what_is_missing_is_a_404_by_its_address_and_a_400_by_a_parameter() {
        let mut sandbox = Sandbox::new();
        for (call, body, status, param) in [
            ("GET /v1/prices/none", "", 404, None),
            ("POST /v1/prices", "currency=sek&unit_amount=1&product=none", 400, Some("product")),
            (
                "POST /v1/payment_links",
                "line_items[0][price]=none&line_items[0][quantity]=1",
                400,
                Some("line_items[0][price]"),
            ),
            ("POST /v1/refunds", "payment_intent=none", 400, Some("payment_intent")),
            (
                "POST /v1/promotion_codes",
                "promotion[type]=coupon&promotion[coupon]=none",
                400,
                Some("promotion[coupon]"),
            ),
            ("GET /v1/prices", "starting_after=none", 400, Some("starting_after")),
        ] {
            let error = sandbox.try_call(call, body).unwrap_err();
            assert_eq!(error.status.as_u16(), status, "{call} {body}");
            let told = error.to_json()["error"].clone();
            assert_eq!(
                (told["code"].as_str(), told["param"].as_str()),
                (Some("resource_missing"), param),
                "{call} {body}"
            );
        }
    }
}
