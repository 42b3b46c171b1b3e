//! Which parameters each operation takes, from a table of Stripe's own; anything else is refused as Stripe refuses it.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::check::below;
use crate::error::ApiError;
use crate::form::Node;

/// What a parameter may be.
enum Spec {
    Text,
    Integer,
    Boolean,
    Decimal,
    Object(BTreeMap<String, Field>),
    List(Box<Spec>),
    Map(Box<Spec>),
    Enum(Vec<String>),
    AnyOf(Vec<Spec>),
    Clearable(Box<Spec>),
}

struct Field {
    required: bool,
    spec: Spec,
}

/// The table, by operation such as `POST /v1/payment_links/{id}`.
static TABLE: LazyLock<HashMap<String, Spec>> = LazyLock::new(|| {
    let table: Value = serde_json::from_str(include_str!("../data/params.json")).unwrap_or_default();
    let operations = table["operations"].as_object().cloned().unwrap_or_default();
    operations.into_iter().filter_map(|(name, spec)| Some((name, compile(&spec)?))).collect()
});

/// Whether the operation is served at all.
pub(crate) fn is_served(operation: &str) -> bool {
    TABLE.contains_key(operation)
}

/// Checks parameters and gives them their types.
///
/// # Errors
/// The first that does not fit, as Stripe tells it.
pub(crate) fn parse(operation: &str, form: BTreeMap<String, Node>) -> Result<Map<String, Value>, ApiError> {
    match TABLE.get(operation) {
        Some(Spec::Object(fields)) => object(fields, form, ""),
        _ => Err(ApiError::invalid("Unrecognized operation.")),
    }
}

fn compile(spec: &Value) -> Option<Spec> {
    if let Some(name) = spec.as_str() {
        return Some(match name {
            "integer" => Spec::Integer,
            "boolean" => Spec::Boolean,
            "decimal" | "number" => Spec::Decimal,
            _ => Spec::Text,
        });
    }
    let (form, inner) = spec.as_object()?.iter().next()?;
    match form.as_str() {
        "object" => {
            let field = |(name, spec): (&String, &Value)| {
                let required = spec.get("required").is_some() && spec.get("type").is_some();
                let spec = compile(if required { &spec["type"] } else { spec })?;
                Some((name.clone(), Field { required, spec }))
            };
            inner.as_object()?.iter().map(field).collect::<Option<_>>().map(Spec::Object)
        }
        "list" => Some(Spec::List(Box::new(compile(inner)?))),
        "map" => Some(Spec::Map(Box::new(compile(inner)?))),
        "clearable" => Some(Spec::Clearable(Box::new(compile(inner)?))),
        "any_of" => inner.as_array()?.iter().map(compile).collect::<Option<_>>().map(Spec::AnyOf),
        "enum" => {
            inner.as_array()?.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<_>>().map(Spec::Enum)
        }
        _ => None,
    }
}

fn object(
    fields: &BTreeMap<String, Field>,
    form: BTreeMap<String, Node>,
    path: &str,
) -> Result<Map<String, Value>, ApiError> {
    let mut parsed = Map::new();
    for (name, node) in form {
        let path = below(path, &name);
        let Some(field) = fields.get(&name) else {
            return Err(ApiError::invalid(format!("Received unknown parameter: {path}"))
                .code("parameter_unknown")
                .param(path));
        };
        parsed.insert(name, value(&field.spec, node, &path)?);
    }
    match fields.iter().find(|(name, field)| field.required && !parsed.contains_key(*name)) {
        Some((name, _)) => {
            let path = below(path, name);
            Err(ApiError::invalid(format!("Missing required param: {path}.")).code("parameter_missing").param(path))
        }
        None => Ok(parsed),
    }
}

fn value(spec: &Spec, node: Node, path: &str) -> Result<Value, ApiError> {
    match (spec, node) {
        (Spec::Clearable(_), Node::Text(text)) if text.is_empty() => Ok(Value::Null),
        (Spec::Clearable(inner), node) => value(inner, node, path),
        (Spec::AnyOf(options), node) => {
            let mut last = Err(ApiError::invalid(format!("Invalid value: {path}")).param(path));
            for option in options {
                last = value(option, node.clone(), path);
                if last.is_ok() {
                    break;
                }
            }
            last
        }
        (Spec::Object(fields), Node::Nested(nested)) => object(fields, nested, path).map(Value::Object),
        (Spec::List(inner), Node::Nested(nested)) => {
            let mut items: Vec<(usize, Node)> = Vec::with_capacity(nested.len());
            for (index, node) in nested {
                let index =
                    index.parse().map_err(|_| ApiError::invalid(format!("Invalid array: {path}")).param(path))?;
                items.push((index, node));
            }
            items.sort_by_key(|(index, _)| *index);
            let parsed = items.into_iter().map(|(index, node)| value(inner, node, &format!("{path}[{index}]")));
            parsed.collect::<Result<_, _>>().map(Value::Array)
        }
        // An empty list is sent as an empty text, since a form has no other way.
        (Spec::List(_), Node::Text(text)) if text.is_empty() => Ok(Value::Array(Vec::new())),
        (Spec::Map(inner), Node::Nested(nested)) => {
            let parsed = nested.into_iter().map(|(key, node)| {
                // Pairs of metadata may be empty: that unsets them.
                let parsed = match (inner.as_ref(), node) {
                    (Spec::Text, Node::Text(text)) => Ok(Value::String(text)),
                    (inner, node) => value(inner, node, &below(path, &key)),
                };
                parsed.map(|parsed| (key, parsed))
            });
            parsed.collect::<Result<_, _>>().map(Value::Object)
        }
        (Spec::Map(_), Node::Text(text)) if text.is_empty() => Ok(Value::Null),
        (Spec::Object(_), Node::Text(_)) => Err(ApiError::invalid(format!("Invalid object: {path}")).param(path)),
        (Spec::List(_), Node::Text(_)) => Err(ApiError::invalid(format!("Invalid array: {path}")).param(path)),
        (Spec::Map(_), Node::Text(_)) => Err(ApiError::invalid(format!("Invalid hash: {path}")).param(path)),
        (_, Node::Nested(_)) => Err(ApiError::invalid(format!("Invalid string: {path}")).param(path)),
        (scalar, Node::Text(text)) => self::scalar(scalar, text, path),
    }
}

fn scalar(spec: &Spec, text: String, path: &str) -> Result<Value, ApiError> {
    if text.is_empty() {
        let message = format!(
            "You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; however '{path}' cannot be unset."
        );
        return Err(ApiError::invalid(message).code("parameter_invalid_empty").param(path));
    }
    match spec {
        Spec::Integer => text.parse::<i64>().map(Value::from).map_err(|_| {
            ApiError::invalid(format!("Invalid integer: {text}")).code("parameter_invalid_integer").param(path)
        }),
        Spec::Boolean => match text.as_str() {
            "true" => Ok(true.into()),
            "false" => Ok(false.into()),
            _ => Err(ApiError::invalid(format!("Invalid boolean: {text}")).param(path)),
        },
        Spec::Decimal => match text.parse::<rust_decimal::Decimal>() {
            Ok(_) => Ok(text.into()),
            Err(_) => Err(ApiError::invalid(format!("Invalid decimal: {text}")).param(path)),
        },
        Spec::Enum(options) if !options.contains(&text) => {
            let message = format!("Invalid {path}: must be one of {}", options.join(", "));
            Err(ApiError::invalid(message).param(path))
        }
        _ => Ok(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(operation: &str, body: &str) -> Value {
        let form = crate::form::decode(body.as_bytes()).unwrap();
        parse(operation, form).unwrap_err().to_json()["error"].clone()
    }

    #[test]
    fn every_operation_of_the_table_compiles() {
        let table: Value = serde_json::from_str(include_str!("../data/params.json")).unwrap();
        assert_eq!(table["operations"].as_object().unwrap().len(), TABLE.len());
    }

    #[test]
    fn unknown_missing_and_mistyped_parameters_are_named_with_their_path() {
        let link = "POST /v1/payment_links";
        let error = refused(link, "line_items[0][foo]=1");
        assert_eq!(
            (error["code"].as_str(), error["param"].as_str()),
            (Some("parameter_unknown"), Some("line_items[0][foo]"))
        );
        let error = refused(link, "metadata[a]=b");
        assert_eq!((error["code"].as_str(), error["param"].as_str()), (Some("parameter_missing"), Some("line_items")));
        let error = refused(link, "line_items[0][quantity]=x");
        assert_eq!(error["code"], "parameter_invalid_integer");
        let error = refused(link, "line_items[0][quantity]=1&submit_type=steal");
        assert_eq!(error["param"], "submit_type");
        let error = refused(link, "line_items[0][quantity]=1&currency=");
        assert_eq!(error["code"], "parameter_invalid_empty");
    }

    #[test]
    fn clearable_parameters_take_an_empty_text() {
        let form = crate::form::decode(b"inactive_message=&metadata=").unwrap();
        let parsed = parse("POST /v1/payment_links/{id}", form).unwrap();
        assert_eq!(parsed["inactive_message"], Value::Null);
        assert_eq!(parsed["metadata"], Value::Null);
    }
}
