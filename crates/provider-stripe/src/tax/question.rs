//! What Stripe is asked: the automatic lines of a request in its words, and its refusals in ours.

use domain::ports::provider::ProviderError;
use domain::tax::{CustomerTaxStatus, TaxBehavior, TaxCode, TaxRequest, TaxedCustomer};
use domain::validation::{Invalid, Validator, Violations};

use super::codes::stripe_code;
use super::ids::stripe_tax_id;
use crate::amounts;
use crate::client::Params;
use crate::params::push;

/// A question, and what is needed to understand the answer.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) params: Params,
    pub(super) currency: domain::money::Currency,
    /// The lines as they are sent, in that order.
    pub(super) lines: Vec<SentLine>,
}

/// A line that is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SentLine {
    /// Its place in the request.
    pub(super) index: usize,
    /// Its price in Stripe's units.
    pub(super) amount: i64,
    pub(super) behavior: TaxBehavior,
}

impl SentLine {
    /// The name by which the line is known again in the answer.
    pub(super) fn reference(self) -> String {
        format!("L{}", self.index)
    }
}

impl Question {
    /// The question for the tax of these lines, by their places; none where there are none. What can't be asked is refused.
    pub(super) fn of(v: &mut Validator, request: &TaxRequest, automatic: &[(usize, Option<&TaxCode>)]) -> Option<Self> {
        if automatic.is_empty() {
            return None;
        }
        let mut params = Params::new();
        push(&mut params, "currency", amounts::code(request.currency));
        let mut lines = Vec::with_capacity(automatic.len());
        for (index, tax_code) in automatic {
            let tax_code = tax_code.unwrap_or(&request.default_tax_code);
            lines.extend(push_line(v, &mut params, (lines.len(), *index), request, tax_code));
        }
        push_customer(v, &mut params, &request.customer);
        push(&mut params, "tax_date", request.tax_point.midnight().assume_utc().unix_timestamp());
        push(&mut params, "expand[0]", "line_items");
        push(&mut params, "expand[1]", "line_items.data.tax_breakdown");
        Some(Self { params, currency: request.currency, lines })
    }

    /// A refusal of Stripe's as one of the request's fields; nothing where none of them is at fault.
    pub(super) fn refusal(&self, param: Option<&str>, code: &str) -> Option<Violations> {
        let field = self.field(param.unwrap_or_default(), code)?;
        let is_code = code == "resource_missing" && field.ends_with("tax_code");
        let rule = if is_code { "UNKNOWN_TAX_CODE" } else { "PROVIDER_REJECTED" };
        Some(Violations::one(field, Invalid::new(rule, format!("is refused by the tax engine: {code}"))))
    }

    fn field(&self, param: &str, code: &str) -> Option<String> {
        let (first, rest) = param.split_once('[').unwrap_or((param, ""));
        let mut parts = rest.split('[').map(|part| part.trim_end_matches(']'));
        let next = parts.next().unwrap_or_default();
        let field = match (first, next) {
            ("line_items", place) => {
                let Some(line) = place.parse::<usize>().ok().and_then(|place| self.lines.get(place)) else {
                    return Some("lines".to_owned());
                };
                return Some(match parts.next() {
                    Some("amount") => format!("lines[{}].amount", line.index),
                    Some("tax_code") => format!("lines[{}].tax.automatic.tax_code", line.index),
                    _ => format!("lines[{}]", line.index),
                });
            }
            ("customer_details", "tax_ids") => "customer.tax_ids",
            ("customer_details", "taxability_override") => "customer.status",
            ("customer_details", _) => "customer.place",
            ("tax_date", _) => "tax_point",
            ("currency", _) => return Some(format!("lines[{}].amount", self.lines.first()?.index)),
            _ => match code {
                "customer_tax_location_invalid" => "customer.place",
                "tax_id_invalid" => "customer.tax_ids",
                _ => return None,
            },
        };
        Some(field.to_owned())
    }
}

/// Adds a line, at `place` of those that are sent.
fn push_line(
    v: &mut Validator,
    params: &mut Params,
    (place, index): (usize, usize),
    request: &TaxRequest,
    tax_code: &TaxCode,
) -> Option<SentLine> {
    let line = request.lines.get(index)?;
    let field = format!("lines[{index}].amount");
    let amount = v.check(&field, amounts::part(line.amount, &field).map_err(unfit));
    let code = stripe_code(tax_code).ok_or_else(|| {
        let expected =
            "must be a tax code that the provider's tax engine knows, such as goods, electronic_service or ebook";
        Invalid::new("UNKNOWN_TAX_CODE", expected)
    });
    let code = v.check(&format!("lines[{index}].tax.automatic.tax_code"), code);
    let (sent, code) = (SentLine { index, amount: amount?, behavior: line.behavior }, code?);
    let at = |name: &str| format!("line_items[{place}][{name}]");
    push(params, &at("amount"), sent.amount);
    push(params, &at("reference"), sent.reference());
    push(params, &at("tax_behavior"), behavior(sent.behavior));
    push(params, &at("tax_code"), code);
    Some(sent)
}

/// What Stripe calls it whether tax is inside.
pub(super) const fn behavior(behavior: TaxBehavior) -> &'static str {
    match behavior {
        TaxBehavior::Exclusive => "exclusive",
        TaxBehavior::Inclusive => "inclusive",
    }
}

/// An amount that Stripe can't be told.
fn unfit(error: ProviderError) -> Invalid {
    match error {
        ProviderError::Rejected { code, .. } if code == "amount_too_large" => {
            Invalid::new("AMOUNT_OUT_OF_RANGE", "must not be above what the provider can charge")
        }
        _ => Invalid::new("AMOUNT_PRECISION", "must not be finer than the provider counts in its currency"),
    }
}

fn push_customer(v: &mut Validator, params: &mut Params, customer: &TaxedCustomer) {
    let Some(place) = customer.place else {
        let expected = "is required: the provider's tax engine needs to know where the customer is";
        v.refuse("customer.place.country", Invalid::new("REQUIRED", expected));
        return;
    };
    let address = customer.address.as_ref().filter(|address| address.jurisdiction() == place);
    let at = |name: &str| format!("customer_details[address][{name}]");
    push(params, &at("country"), place.country());
    if let Some(state) = place.subdivision().or_else(|| address?.state.as_deref()) {
        push(params, &at("state"), state);
    }
    if let Some(address) = address {
        let parts = [
            ("line1", &address.line1),
            ("line2", &address.line2),
            ("city", &address.city),
            ("postal_code", &address.postal_code),
        ];
        for (name, part) in parts {
            if let Some(part) = part {
                push(params, &at(name), part);
            }
        }
    }
    push(params, "customer_details[address_source]", "billing");
    for (index, (kind, value)) in customer.tax_ids.iter().filter_map(stripe_tax_id).enumerate() {
        push(params, &format!("customer_details[tax_ids][{index}][type]"), kind);
        push(params, &format!("customer_details[tax_ids][{index}][value]"), value);
    }
    let status = match customer.status {
        CustomerTaxStatus::Taxable => return,
        CustomerTaxStatus::Exempt => "customer_exempt",
        CustomerTaxStatus::ReverseCharge => "reverse_charge",
    };
    push(params, "customer_details[taxability_override]", status);
}
