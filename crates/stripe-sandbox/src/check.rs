//! Checks that the operations share, with errors that name the parameter as Stripe does.

use std::ops::RangeInclusive;

use rust_decimal::Decimal;
use serde_json::{Map, Number, Value};
use url::Url;

use crate::error::ApiError;

/// The longest text where Stripe documents no other.
const TEXT_MAX: usize = 5_000;

/// The name of a parameter inside of another.
pub(crate) fn below(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { [path, "[", name, "]"].concat() }
}

/// A value that does not fit.
pub(crate) fn refused(message: impl Into<String>, param: impl Into<String>) -> ApiError {
    ApiError::invalid(message).param(param)
}

/// A value that is needed and absent.
pub(crate) fn missing(param: impl Into<String>) -> ApiError {
    let param = param.into();
    ApiError::invalid(format!("Missing required param: {param}.")).code("parameter_missing").param(param)
}

/// Parameters that Stripe knows and that would do nothing here: it is better to hear so.
pub(crate) fn not_served(params: &Map<String, Value>, path: &str, names: &[&str]) -> Result<(), ApiError> {
    match names.iter().find(|name| params.get(**name).is_some_and(|value| !value.is_null())) {
        Some(name) => Err(refused(format!("The sandbox does not serve `{name}`."), below(path, name))),
        None => Ok(()),
    }
}

/// At most so many characters.
pub(crate) fn at_most(value: &Value, max: usize, param: impl Into<String>) -> Result<(), ApiError> {
    match value.as_str() {
        Some(text) if text.chars().count() > max => {
            Err(refused(format!("Invalid string: must be at most {max} characters."), param))
        }
        _ => Ok(()),
    }
}

/// Each of the texts named is at most as long as Stripe takes a text without a limit of its own.
pub(crate) fn texts(params: &Map<String, Value>, path: &str, names: &[&str]) -> Result<(), ApiError> {
    names
        .iter()
        .filter_map(|name| Some((name, params.get(*name)?)))
        .try_for_each(|(name, value)| at_most(value, TEXT_MAX, below(path, name)))
}

/// An integer within bounds, where there is one.
pub(crate) fn within(
    value: &Value,
    bounds: RangeInclusive<i64>,
    param: impl Into<String>,
) -> Result<Option<i64>, ApiError> {
    let Some(number) = value.as_i64() else { return Ok(None) };
    let message = if number < *bounds.start() {
        format!("This value must be greater than or equal to {}.", bounds.start())
    } else if number > *bounds.end() {
        format!("This value must be less than or equal to {}.", bounds.end())
    } else {
        return Ok(Some(number));
    };
    Err(refused(message, param).code("parameter_invalid_integer"))
}

/// An absolute URL for browsers.
pub(crate) fn url(value: &Value, param: impl Into<String>) -> Result<(), ApiError> {
    let Some(text) = value.as_str() else { return Ok(()) };
    let fits = text.len() <= 2_048 && Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    if fits { Ok(()) } else { Err(refused("Not a valid URL", param).code("url_invalid")) }
}

/// What a customer reads on a bank statement: 5 to 22 characters (a suffix may be shorter), one letter at least.
pub(crate) fn statement_descriptor(value: &Value, least: usize, param: &str) -> Result<(), ApiError> {
    let Some(text) = value.as_str() else { return Ok(()) };
    if !(least..=22).contains(&text.chars().count()) {
        return Err(refused(format!("The statement descriptor must be {least} to 22 characters."), param));
    }
    if text.chars().any(|c| "<>\\\"'*".contains(c)) {
        return Err(refused("The statement descriptor must not contain any of < > \\ \" ' *.", param));
    }
    if !text.chars().any(char::is_alphabetic) {
        return Err(refused("The statement descriptor must contain at least one letter.", param));
    }
    Ok(())
}

/// A tax code such as `txcd_99999999`.
pub(crate) fn tax_code(value: &Value, param: impl Into<String>) -> Result<(), ApiError> {
    let Some(code) = value.as_str() else { return Ok(()) };
    let fits = code.strip_prefix("txcd_").is_some_and(|d| d.len() == 8 && d.bytes().all(|b| b.is_ascii_digit()));
    if fits { Ok(()) } else { Err(ApiError::missing_param("tax code", code, param)) }
}

/// A percentage: over 0 where `positive`, at most 100, and with two decimals at most.
pub(crate) fn percentage(value: &Value, positive: bool, param: &str) -> Result<Option<Value>, ApiError> {
    let Some(percent) = decimal(value) else { return Ok(None) };
    let too_small = percent.is_sign_negative() || (positive && percent.is_zero());
    if too_small || percent > Decimal::ONE_HUNDRED {
        return Err(refused("Invalid percentage: it must be at least 0 and at most 100.", param));
    }
    if percent.normalize().scale() > 2 {
        return Err(refused("Invalid percentage: it must have at most two decimals.", param));
    }
    Ok(Some(number(percent)))
}

/// A number of JSON with the digits of a decimal.
pub(crate) fn number(decimal: Decimal) -> Value {
    decimal.normalize().to_string().parse::<Number>().map_or(Value::Null, Value::Number)
}

/// The decimal that a text or a number of JSON holds.
pub(crate) fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.to_string().parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_statement_descriptor_is_held_to_the_cards_networks_rules() {
        let fits = |text: &str| statement_descriptor(&json!(text), 5, "statement_descriptor").is_ok();
        assert!(fits("ACME BOOKS"));
        assert!(!fits("ACME") && !fits(&"A".repeat(23)) && !fits("ACME*BOOKS") && !fits("123456"));
    }

    #[test]
    fn percentages_keep_their_digits_and_are_bounded() {
        assert_eq!(percentage(&json!("25.50"), true, "p").unwrap().unwrap().to_string(), "25.5");
        assert!(percentage(&json!("0"), true, "p").is_err() && percentage(&json!("0"), false, "p").is_ok());
        assert!(percentage(&json!("100.01"), true, "p").is_err() && percentage(&json!("9.125"), true, "p").is_err());
    }

    #[test]
    fn bounds_name_the_parameter() {
        let error = within(&json!(0), 1..=5, "limit").unwrap_err().to_json();
        assert_eq!(error["error"]["param"], "limit");
        assert!(within(&json!(6), 1..=5, "limit").is_err() && within(&json!(5), 1..=5, "limit").is_ok());
    }
}
