//! The hosted page, as much of it as a person needs who tries it.

use maud::{DOCTYPE, Markup, html};
use serde_json::Value;

use crate::state::{LinkStatus, State};

/// The page of a payment link; nothing if there is none.
pub(crate) fn page(state: &State, id: &str) -> Option<Markup> {
    let link = state.links.get(id)?;
    let text = |name: &str| link.request[name].as_str().unwrap_or_default();
    let amount = &link.request["amount"];
    let (currency, value) = (amount["currency"].as_str().unwrap_or_default(), amount["value"].as_i64());
    Some(html! {
        (DOCTYPE)
        html lang="en" {
            head { meta charset="utf-8"; title { "Payment" } }
            body {
                h1 { "Test payment" }
                p { "No money moves here." }
                p id="description" { (text("description")) }
                p id="amount" { (currency) " " (value.unwrap_or_default()) " (minor units)" }
                @if state.status(link) == LinkStatus::Active {
                    form method="post" {
                        button type="submit" name="act" value="pay" id="pay" { "Pay" }
                        button type="submit" name="act" value="decline" { "Pay with a card that is declined" }
                        button type="submit" name="act" value="later" { "Pay later" }
                    }
                } @else {
                    p id="status" { (state.status(link).name()) }
                    @if let Some(url) = link.request.get("returnUrl").and_then(Value::as_str) {
                        a id="continue" href=(url) { "Continue" }
                    }
                }
            }
        }
    })
}
