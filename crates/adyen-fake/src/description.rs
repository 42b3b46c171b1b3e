//! Adyen's own description of its API (OpenAPI 3), where it is at hand: requests and answers are held to it.
//!
//! A narrow reading of JSON Schema, as far as the description uses it: types, required and unknown properties, lists, maps,
//! enumerations, lengths and times. A validator for all of JSON Schema would weigh more than the rest of the fake.

use std::path::{Path, PathBuf};

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Where the description is said to be.
pub(crate) const VARIABLE: &str = "PAYLINKS_ADYEN_DESCRIPTION";
/// Where it is looked for otherwise, from the root of the repository.
const DEFAULT: &str = "../shared/adyen/checkout-v71.json";

/// A description of the API.
#[derive(Debug)]
pub(crate) struct Description(Value);

impl Description {
    /// The description, where it is at hand.
    ///
    /// # Errors
    /// It is said where it is, and can't be read there.
    pub(crate) fn find() -> Result<Option<Self>, std::io::Error> {
        let read = |path: &Path| Ok(Self(serde_json::from_str(&std::fs::read_to_string(path)?)?));
        match std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            Some(path) => read(&PathBuf::from(path)).map(Some),
            None => Ok(read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(DEFAULT)).ok()),
        }
    }

    /// What does not fit in a value that is to be of a schema.
    pub(crate) fn violations(&self, schema: &str, value: &Value) -> Vec<String> {
        let mut found = Vec::new();
        self.check(&self.0["components"]["schemas"][schema], value, schema, &mut found);
        found
    }

    fn check(&self, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
        if let Some(reference) = schema["$ref"].as_str() {
            let named = self.0.pointer(reference.trim_start_matches('#')).unwrap_or(&Value::Null);
            return self.check(named, value, at, found);
        }
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        let is_right = match schema["type"].as_str() {
            Some("object") => value.is_object(),
            Some("array") => value.is_array(),
            Some("string") => value.is_string(),
            Some("boolean") => value.is_boolean(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            _ => !schema.is_null(),
        };
        if !is_right {
            found.push(format!("{at} is not of type {}", schema["type"]));
            return;
        }
        if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
            found.push(format!("{at} is none of {}", schema["enum"]));
        }
        match value {
            Value::String(text) => check_text(schema, text, at, found),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.check(&schema["items"], item, &format!("{at}[{index}]"), found);
                }
            }
            Value::Object(fields) => {
                let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
                let absent = required.filter(|name| !fields.contains_key(*name));
                found.extend(absent.map(|name| format!("{at}.{name} is absent")));
                for (name, field) in fields {
                    let at = format!("{at}.{name}");
                    match (&schema["properties"][name], &schema["additionalProperties"]) {
                        (Value::Null, Value::Null) => found.push(format!("{at} is unknown")),
                        (Value::Null, rest) => self.check(rest, field, &at, found),
                        (known, _) => self.check(known, field, &at, found),
                    }
                }
            }
            _ => {}
        }
    }
}

fn check_text(schema: &Value, text: &str, at: &str, found: &mut Vec<String>) {
    let chars = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
    if schema["maxLength"].as_u64().is_some_and(|most| chars > most) {
        found.push(format!("{at} is longer than {}", schema["maxLength"]));
    }
    if schema["minLength"].as_u64().is_some_and(|least| chars < least) {
        found.push(format!("{at} is shorter than {}", schema["minLength"]));
    }
    if schema["format"] == "date-time" && OffsetDateTime::parse(text, &Rfc3339).is_err() {
        found.push(format!("{at} is no time"));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_does_not_fit_is_found_at_its_place() {
        let description = Description(json!({"components": {"schemas": {
            "Amount": {"type": "object", "required": ["value"], "properties": {
                "value": {"type": "integer"}, "currency": {"type": "string", "minLength": 3, "maxLength": 3}}},
            "Link": {"type": "object", "required": ["amount"], "properties": {
                "amount": {"$ref": "#/components/schemas/Amount"},
                "state": {"type": "string", "enum": ["active"]},
                "ends": {"type": "string", "format": "date-time"},
                "methods": {"type": "array", "items": {"type": "string"}},
                "pairs": {"type": "object", "additionalProperties": {"type": "string"}}}}
        }}}));
        let check = |value: Value, want: &[&str]| assert_eq!(description.violations("Link", &value), want);
        let right = json!({"amount": {"value": 1, "currency": "EUR"}, "state": "active", "methods": ["visa"],
            "ends": "2026-11-29T10:00:00Z", "pairs": {"a": "b"}});
        check(right, &[]);
        check(json!({}), &["Link.amount is absent"]);
        let wrong = json!({"amount": {"currency": "EURO"}, "ends": "today", "methods": [1], "more": 1,
            "pairs": {"a": 1}, "state": "gone"});
        check(
            wrong,
            &[
                "Link.amount.value is absent",
                "Link.amount.currency is longer than 3",
                "Link.ends is no time",
                "Link.methods[0] is not of type \"string\"",
                "Link.more is unknown",
                "Link.pairs.a is not of type \"string\"",
                "Link.state is none of [\"active\"]",
            ],
        );
    }
}
