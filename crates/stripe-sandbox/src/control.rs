//! What a test tells the sandbox to do: to fail, to stall, to let time pass.

use serde::{Deserialize, Serialize};

/// A fault of the next calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The operation, such as `POST /v1/payment_links`, or `*` for each.
    pub operation: String,
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// How many calls it still happens to.
    #[serde(default = "once")]
    pub times: u32,
}

fn once() -> u32 {
    1
}

/// What goes wrong with a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// The answer comes later.
    Delay {
        /// How much later, in milliseconds.
        ms: u64,
    },
    /// The call has begun, and does not go on before the faults are cleared.
    Hold,
    /// The call is executed, and its answer does not go before the faults are cleared.
    HoldAnswer,
    /// Another status is answered.
    Status {
        /// The status.
        status: u16,
        /// The header `Retry-After`, in seconds.
        retry_after: Option<u64>,
        /// The header `Stripe-Should-Retry`.
        should_retry: Option<bool>,
        /// Whether the operation was executed all the same.
        #[serde(default)]
        after_execution: bool,
        /// Whether the call's key answers so from then on, as Stripe's keys do after errors of its own.
        #[serde(default)]
        kept: bool,
    },
    /// The connection breaks before the operation is executed.
    ResetBefore,
    /// The connection breaks after the operation was executed.
    ResetAfter,
    /// The answer's body breaks off.
    Truncate,
    /// The answer is not JSON.
    Garbage,
    /// The answer is 50 MB.
    HugeBody,
}

/// What happens to webhooks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookPolicy {
    /// They are not sent, and count as sent.
    pub lose: bool,
    /// They are sent this many times more.
    pub duplicate: u32,
    /// They are held back until the policy is lifted, and then sent the last first.
    pub reorder: bool,
    /// They are sent this much later, in milliseconds.
    pub delay_ms: u64,
}
