//! What objects have in common.

use serde_json::{Map, Value, json};

use crate::error::ApiError;

/// The text of a field; empty if it has none.
pub(crate) fn text<'a>(object: &'a Value, name: &str) -> &'a str {
    object[name].as_str().unwrap_or_default()
}

/// Applies a change of metadata: an empty value unsets its key, null unsets all.
pub(crate) fn merge_metadata(object: &mut Value, change: Option<&Value>) -> Result<(), ApiError> {
    merge_metadata_at(object, change, "metadata")
}

/// The same, for metadata that a request has at another place.
pub(crate) fn merge_metadata_at(object: &mut Value, change: Option<&Value>, path: &str) -> Result<(), ApiError> {
    match change {
        None => return Ok(()),
        Some(Value::Object(pairs)) => {
            let mut metadata = object["metadata"].as_object().cloned().unwrap_or_default();
            for (key, value) in pairs {
                let value = value.as_str().unwrap_or_default();
                let refused =
                    |message: &str| Err(ApiError::invalid(message.to_owned()).param(format!("{path}[{key}]")));
                if key.chars().count() > 40 {
                    return refused("Metadata keys must be at most 40 characters.");
                }
                if value.chars().count() > 500 {
                    return refused("Metadata values must be at most 500 characters.");
                }
                if value.is_empty() {
                    metadata.remove(key);
                } else {
                    metadata.insert(key.clone(), value.into());
                }
            }
            if metadata.len() > 50 {
                return Err(ApiError::invalid("You can have at most 50 metadata keys.").param(path));
            }
            object["metadata"] = metadata.into();
        }
        Some(_) => object["metadata"] = json!({}),
    }
    Ok(())
}

/// Copies the parameters named, where given, onto an object.
pub(crate) fn copy(object: &mut Value, params: &Map<String, Value>, names: &[&str]) {
    for name in names {
        if let Some(value) = params.get(*name) {
            object[*name] = value.clone();
        }
    }
}
