//! A sandbox without a server, for the tests beside the code: operations called as the server calls them.

use serde_json::Value;

use crate::error::ApiError;
use crate::purchase::{Address, Method, Purchase};
use crate::state::{Ctx, State, text};

const ACCOUNT: &str = "account";
const URL: &str = "http://127.0.0.1";

/// The state of one account, and calls on it.
pub(crate) struct Sandbox {
    pub(crate) state: State,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { state: State::default() }
    }

    pub(crate) fn now(&self) -> i64 {
        self.state.now()
    }

    pub(crate) fn within<T>(&mut self, work: impl FnOnce(&mut Ctx<'_>) -> T) -> T {
        work(&mut self.state.enter(ACCOUNT, URL))
    }

    /// Moves the clock, and does what was due by then.
    pub(crate) fn advance(&mut self, seconds: i64) {
        self.state.clock_offset += seconds;
        self.within(crate::scheduled_tasks::run);
    }

    /// An operation; one such as `GET /v1/coupons/A` is told apart into its name and its id.
    pub(crate) fn try_call(&mut self, call: &str, body: &str) -> Result<Value, ApiError> {
        let (method, path) = call.split_once(' ').unwrap();
        let (operation, id) = crate::api::route(method, path).unwrap_or_else(|| panic!("{call} is not served"));
        let mut params = crate::params::parse(&operation, crate::form::decode(body.as_bytes())?)?;
        let answer = self.within(|ctx| crate::api::answer(ctx, &operation, &id, &mut params));
        answer.map(std::sync::Arc::unwrap_or_clone)
    }

    pub(crate) fn call(&mut self, call: &str, body: &str) -> Value {
        self.try_call(call, body).unwrap_or_else(|error| panic!("{call} {body}: {}", error.to_json()))
    }

    /// An operation on an object that was answered.
    pub(crate) fn try_call_on(&mut self, operation: &str, object: &Value, body: &str) -> Result<Value, ApiError> {
        self.try_call(&operation.replace("{id}", text(object, "id")), body)
    }

    pub(crate) fn call_on(&mut self, operation: &str, object: &Value, body: &str) -> Value {
        self.call(&operation.replace("{id}", text(object, "id")), body)
    }

    /// The types of all events, the oldest first.
    pub(crate) fn events(&mut self) -> Vec<String> {
        self.within(|ctx| ctx.account().events.all().map(|event| event.kind.clone()).collect())
    }
}

/// The parameter that was refused.
pub(crate) fn refusal(result: Result<Value, ApiError>) -> String {
    let error = result.expect_err("it was taken").to_json();
    error["error"]["param"].as_str().unwrap_or_default().to_owned()
}

/// Someone in Sweden who pays with a test card.
pub(crate) fn purchase(last4: &str) -> Purchase {
    use crate::api::payments::{Card, CardBehavior};
    let behavior = match last4 {
        "0002" => CardBehavior::Declined,
        "3155" => CardBehavior::AsksForAuthentication,
        "0259" => CardBehavior::PaysThenDisputed,
        "5126" => CardBehavior::PaysRefundFails,
        _ => CardBehavior::Pays,
    };
    let card = Card { brand: "visa", last4: last4.to_owned(), exp_month: 12, exp_year: 2099, behavior };
    Purchase {
        email: Some("ada@example.com".to_owned()),
        name: "Ada".to_owned(),
        billing: Address { country: "SE".to_owned(), ..Address::default() },
        method: Method::Card(card),
        ..Purchase::default()
    }
}
