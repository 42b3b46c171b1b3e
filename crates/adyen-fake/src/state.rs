//! What the fake keeps, and what happens to it without the API.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::faults::{Fault, Operation};
use crate::webhooks::{Endpoint, Policy};

/// What the fake keeps.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) merchant_account: String,
    pub(crate) links: BTreeMap<String, Link>,
    pub(crate) payments: BTreeMap<String, Payment>,
    pub(crate) refunds: BTreeMap<String, Refund>,
    /// What each key was answered, by path and key.
    pub(crate) answers: BTreeMap<(String, String), (u16, Value)>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) requests: u64,
    /// Whether a refund waits for its end to be said.
    pub(crate) holds_refunds: bool,
    /// Every event, in the order in which it happened.
    pub(crate) events: Vec<Value>,
    /// Those that are to be delivered.
    pub(crate) waiting: Vec<Value>,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) policy: Policy,
    /// How far the fake's clock is ahead of the machine's, in seconds.
    pub(crate) ahead: i64,
    /// What did not fit the description of the API.
    pub(crate) violations: Vec<String>,
    pub(crate) numbers: u64,
}

/// A payment link.
#[derive(Debug, Clone)]
pub(crate) struct Link {
    /// What it was made of, as it was sent.
    pub(crate) request: Value,
    pub(crate) status: LinkStatus,
    pub(crate) expires_at: OffsetDateTime,
}

/// Where a payment link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkStatus {
    /// It can be paid.
    Active,
    /// It was paid.
    Completed,
    /// Its customer has paid in a way in which the money comes later.
    PaymentPending,
    /// It can't be paid any more.
    Expired,
}

impl LinkStatus {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Completed => "completed",
            Self::PaymentPending => "paymentPending",
            Self::Expired => "expired",
        }
    }
}

/// A payment, or a try of one.
#[derive(Debug, Clone)]
pub(crate) struct Payment {
    pub(crate) link: String,
    pub(crate) reference: String,
    pub(crate) currency: String,
    pub(crate) value: i64,
    pub(crate) outcome: Outcome,
    pub(crate) dispute: Option<String>,
}

/// What a payment comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The money is there.
    Paid,
    /// The money comes later, or never will.
    Pending,
    /// The money does not come.
    Failed,
}

/// A refund.
#[derive(Debug, Clone)]
pub(crate) struct Refund {
    pub(crate) payment: String,
    pub(crate) reference: Option<String>,
    pub(crate) currency: String,
    pub(crate) value: i64,
    pub(crate) outcome: Outcome,
}

/// A page does not take a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the payment link can't be paid")]
pub struct Closed;

/// What is in the fake's books.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// The payment links.
    pub links: Vec<LedgerLink>,
    /// The payments whose money has come in.
    pub payments: Vec<LedgerPayment>,
    /// The refunds that have not failed.
    pub refunds: Vec<LedgerRefund>,
}

/// A payment link in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerLink {
    /// Its id.
    pub id: String,
    /// The merchant's reference.
    pub reference: String,
    /// Where it stands.
    pub status: LinkStatus,
}

/// A payment in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerPayment {
    /// Its reference.
    pub psp_reference: String,
    /// The currency.
    pub currency: String,
    /// How much came in, in Adyen's unit.
    pub value: i64,
}

/// A refund in the books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerRefund {
    /// The payment of which money goes back.
    pub payment: String,
    /// The merchant's reference, where it was made by the API.
    pub reference: Option<String>,
    /// The currency.
    pub currency: String,
    /// How much, in Adyen's unit.
    pub value: i64,
}

impl State {
    pub(crate) fn now(&self) -> OffsetDateTime {
        #[expect(
            clippy::disallowed_methods,
            reason = "a provider has a clock of its own, whatever that of its callers says"
        )]
        let now = OffsetDateTime::from(std::time::SystemTime::now());
        now + time::Duration::seconds(self.ahead)
    }

    /// A reference that was not given yet: 16 letters and digits.
    pub(crate) fn new_reference(&mut self, prefix: &str) -> String {
        self.numbers += 1;
        format!("{prefix}{:0>width$}", self.numbers, width = 16 - prefix.len())
    }

    /// Where a link stands now.
    pub(crate) fn status(&self, link: &Link) -> LinkStatus {
        match link.status {
            LinkStatus::Active if link.expires_at <= self.now() => LinkStatus::Expired,
            status => status,
        }
    }

    /// The fault that happens to a call, if one was asked for.
    pub(crate) fn take_fault(&mut self, operation: Operation, reference: &str) -> Option<Fault> {
        let fits = |fault: &Fault| {
            fault.operation == operation
                && reference.starts_with(&fault.reference_prefix)
                && fault.times.is_none_or(|times| times > 0)
        };
        let fault = self.faults.iter_mut().find(|fault| fits(fault))?;
        if let Some(times) = &mut fault.times {
            *times -= 1;
        }
        Some(fault.clone())
    }

    /// A customer pays through a link: what it asks for, or another amount. `races` has the page not see that it was paid,
    /// as where two pay at once.
    pub(crate) fn pay(
        &mut self,
        id: &str,
        value: Option<i64>,
        outcome: Outcome,
        races: bool,
    ) -> Result<String, Closed> {
        let link = self.links.get(id).ok_or(Closed)?.clone();
        let status = self.status(&link);
        let may_race = races && status == LinkStatus::Completed;
        if status != LinkStatus::Active && !may_race {
            return Err(Closed);
        }
        let psp = self.new_reference("PSP");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let payment = Payment {
            link: id.to_owned(),
            reference: text(&link.request["reference"]),
            currency: text(&link.request["amount"]["currency"]),
            value: value.unwrap_or_else(|| self.asked(id)),
            outcome,
            dispute: None,
        };
        self.payments.insert(psp.clone(), payment);
        if outcome == Outcome::Pending {
            self.move_link(id, LinkStatus::PaymentPending);
            self.payment_event("PENDING", &psp, true);
        } else {
            self.settle(&psp, outcome);
        }
        Ok(psp)
    }

    /// What the page of a link asks for: what was not paid yet, where it is paid once. One who pays it at the same moment as
    /// another, and a page that is paid again and again, ask for the whole.
    fn asked(&self, id: &str) -> i64 {
        let whole = self.links.get(id).and_then(|link| link.request["amount"]["value"].as_i64()).unwrap_or_default();
        let is_reusable = self.links.get(id).is_some_and(|link| link.request["reusable"] == true);
        let rest = self.rest(id);
        if is_reusable || rest <= 0 { whole } else { rest }
    }

    /// What was not paid yet of what a link asks for.
    fn rest(&self, id: &str) -> i64 {
        let whole = self.links.get(id).and_then(|link| link.request["amount"]["value"].as_i64()).unwrap_or_default();
        let paid = self.payments.values().filter(|payment| payment.link == id && payment.outcome == Outcome::Paid);
        whole - paid.map(|payment| payment.value).sum::<i64>()
    }

    /// How a payment ends.
    pub(crate) fn settle(&mut self, psp: &str, outcome: Outcome) {
        let Some(payment) = self.payments.get_mut(psp) else { return };
        payment.outcome = outcome;
        let link = payment.link.clone();
        // A page of which a part is paid takes the rest, as where a customer pays with a gift card first.
        let is_done = outcome == Outcome::Paid && self.rest(&link) <= 0;
        let status = if is_done { LinkStatus::Completed } else { LinkStatus::Active };
        self.move_link(&link, status);
        self.payment_event("AUTHORISATION", psp, outcome == Outcome::Paid);
    }

    /// A payment moves its link, unless that takes payments again and again or is closed.
    fn move_link(&mut self, id: &str, status: LinkStatus) {
        if let Some(link) = self.links.get_mut(id)
            && link.request["reusable"] != true
            && link.status != LinkStatus::Expired
        {
            link.status = status;
        }
    }

    fn payment_event(&mut self, code: &str, psp: &str, success: bool) {
        let Some(payment) = self.payments.get(psp).cloned() else { return };
        let mut event = self.event(code, psp, &payment.reference, (&payment.currency, payment.value), success);
        event["additionalData"]["paymentLinkId"] = payment.link.into();
        event["paymentMethod"] = "visa".into();
        self.tell(event);
    }

    /// Something that happens to a payment afterwards.
    pub(crate) fn modification_event(&mut self, code: &str, psp: &str, original: &str, value: i64, success: bool) {
        let Some(payment) = self.payments.get(original).cloned() else { return };
        let mut event = self.event(code, psp, &payment.reference, (&payment.currency, value), success);
        event["originalReference"] = original.into();
        if !success || code.ends_with("FAILED") {
            event["reason"] = "Insufficient balance on payment".into();
        }
        self.tell(event);
    }

    fn event(&self, code: &str, psp: &str, reference: &str, amount: (&str, i64), success: bool) -> Value {
        json!({
            "additionalData": {},
            "amount": {"currency": amount.0, "value": amount.1},
            "eventCode": code,
            "eventDate": written(self.now()),
            "merchantAccountCode": self.merchant_account,
            "merchantReference": reference,
            "pspReference": psp,
            "reason": "",
            "success": success.to_string(),
        })
    }

    pub(crate) fn tell(&mut self, event: Value) {
        self.events.push(event.clone());
        self.waiting.push(event);
    }

    /// A refund is taken on; how it ends is told now, or when it is said.
    pub(crate) fn refund(&mut self, payment: &str, value: i64, reference: Option<String>) -> String {
        let psp = self.new_reference("REF");
        let currency = self.payments.get(payment).map(|payment| payment.currency.clone()).unwrap_or_default();
        let refund = Refund { payment: payment.to_owned(), reference, currency, value, outcome: Outcome::Pending };
        self.refunds.insert(psp.clone(), refund);
        if !self.holds_refunds {
            self.end_refund(&psp, Outcome::Paid);
        }
        psp
    }

    /// How a refund ends; one that had succeeded can fail later.
    pub(crate) fn end_refund(&mut self, psp: &str, outcome: Outcome) {
        let Some(refund) = self.refunds.get_mut(psp) else { return };
        let code = if refund.outcome == Outcome::Paid { "REFUND_FAILED" } else { "REFUND" };
        refund.outcome = outcome;
        let (payment, value) = (refund.payment.clone(), refund.value);
        let success = code == "REFUND_FAILED" || outcome == Outcome::Paid;
        self.modification_event(code, psp, &payment, value, success);
    }

    /// What can still be sent back of a payment.
    pub(crate) fn refundable(&self, psp: &str) -> i64 {
        let received = match self.payments.get(psp) {
            Some(payment) if payment.outcome == Outcome::Paid => payment.value,
            _ => 0,
        };
        let counts = |refund: &&Refund| refund.payment == psp && refund.outcome != Outcome::Failed;
        received - self.refunds.values().filter(counts).map(|refund| refund.value).sum::<i64>()
    }

    /// An event of the dispute of a payment: all of one dispute have the same reference.
    pub(crate) fn dispute(&mut self, payment: &str, code: &str, status: &str) -> String {
        let known = self.payments.get(payment).and_then(|payment| payment.dispute.clone());
        let psp = known.unwrap_or_else(|| self.new_reference("DIS"));
        let Some(paid) = self.payments.get_mut(payment) else { return psp };
        paid.dispute = Some(psp.clone());
        let (reference, currency, value) = (paid.reference.clone(), paid.currency.clone(), paid.value);
        let mut event = self.event(code, &psp, &reference, (&currency, value), true);
        event["originalReference"] = payment.into();
        event["reason"] = "Fraudulent Processing of Transactions".into();
        event["additionalData"] = json!({"disputeStatus": status, "chargebackReasonCode": "4837",
            "defensePeriodEndsAt": written(self.now() + time::Duration::days(14))});
        self.tell(event);
        psp
    }

    pub(crate) fn ledger(&self) -> Ledger {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let links = self.links.iter().map(|(id, link)| LedgerLink {
            id: id.clone(),
            reference: text(&link.request["reference"]),
            status: self.status(link),
        });
        let paid = self.payments.iter().filter(|(_, payment)| payment.outcome == Outcome::Paid);
        let payments = paid.map(|(psp, payment)| LedgerPayment {
            psp_reference: psp.clone(),
            currency: payment.currency.clone(),
            value: payment.value,
        });
        let refunds = self.refunds.values().filter(|refund| refund.outcome != Outcome::Failed);
        let refunds = refunds.map(|refund| LedgerRefund {
            payment: refund.payment.clone(),
            reference: refund.reference.clone(),
            currency: refund.currency.clone(),
            value: refund.value,
        });
        Ledger { links: links.collect(), payments: payments.collect(), refunds: refunds.collect() }
    }
}

/// A time as Adyen writes it, in whole seconds.
pub(crate) fn written(at: OffsetDateTime) -> String {
    let whole = at.replace_nanosecond(0).unwrap_or(at);
    whole.format(&Rfc3339).unwrap_or_default()
}
