//! JSON of messages, by the rules of proto3. What comes in is held to the contract, and every fault of it is told with its
//! place; what goes out has each field that is not absent, so that a script finds a zero where there is one.

use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde_json::Value as Json;
use serde_path_to_error::{Path, Segment};

/// Reads a message.
///
/// # Errors
/// Everything that is wrong with the text, each with its place.
pub(crate) fn parse(message: &MessageDescriptor, text: &str) -> Result<DynamicMessage, Vec<String>> {
    let mut json: Json = serde_json::from_str(text).map_err(|error| vec![format!("is no JSON: {error}")])?;
    if !json.is_object() {
        return Err(vec!["must be a JSON object".to_owned()]);
    }
    let mut faults = Vec::new();
    loop {
        let mut track = serde_path_to_error::Track::new();
        let options = DeserializeOptions::new();
        let read = serde_path_to_error::Deserializer::new(json.clone(), &mut track);
        match DynamicMessage::deserialize_with_options(message.clone(), read, &options) {
            Ok(parsed) if faults.is_empty() => return Ok(parsed),
            Ok(_) => return Err(faults),
            Err(error) => {
                let place = track.path();
                let told = error.to_string();
                // A name that is not known is told by the object that has it.
                let unknown = told.strip_prefix("unrecognized field name '").and_then(|rest| rest.split('\'').next());
                faults.push(match (unknown, place.iter().next()) {
                    (Some(name), Some(_)) => format!("{place}.{name} is no field of the request"),
                    (Some(name), None) => format!("{name} is no field of the request"),
                    (None, _) => format!("{place} {told}"),
                });
                // Without it, the next fault is found.
                if !remove(&mut json, &place, unknown) {
                    return Err(faults);
                }
            }
        }
    }
}

/// Takes away what is at that place, or what has that name there; whether that can be done. An item of a list makes way for
/// nothing, so that the others keep their places.
fn remove(json: &mut Json, place: &Path, name: Option<&str>) -> bool {
    let mut segments: Vec<Segment> =
        place.iter().filter(|segment| !matches!(segment, Segment::Unknown)).map(owned).collect();
    segments.extend(name.map(|name| Segment::Map { key: name.to_owned() }));
    let Some(last) = segments.pop() else { return false };
    let mut at = Some(json);
    for segment in segments {
        at = match segment {
            Segment::Map { key } => at.and_then(|value| value.get_mut(key)),
            Segment::Seq { index } => at.and_then(|value| value.get_mut(index)),
            Segment::Enum { .. } | Segment::Unknown => at,
        };
    }
    match (at, last) {
        (Some(Json::Object(object)), Segment::Map { key }) => object.remove(&key).is_some(),
        (Some(value), Segment::Seq { index }) => match value.get_mut(index) {
            Some(item) if *item != Json::Object(serde_json::Map::new()) => {
                *item = Json::Object(serde_json::Map::new());
                true
            }
            _ => false,
        },
        _ => false,
    }
}

fn owned(segment: &Segment) -> Segment {
    match segment {
        Segment::Seq { index } => Segment::Seq { index: *index },
        Segment::Map { key } => Segment::Map { key: key.clone() },
        Segment::Enum { .. } | Segment::Unknown => Segment::Unknown,
    }
}

/// A message on a line.
pub(crate) fn line(message: &DynamicMessage) -> String {
    let mut out = Vec::new();
    let options = SerializeOptions::new().skip_default_fields(false);
    let written = message.serialize_with_options(&mut serde_json::Serializer::new(&mut out), &options);
    // A message that came over the wire can be written: what JSON has no form for, Any of an unknown type, is in none of ours.
    written.ok().and_then(|()| String::from_utf8(out).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::pool;

    fn message(name: &str) -> MessageDescriptor {
        pool().get_message_by_name(&format!("paylinks.v1.{name}")).unwrap()
    }

    #[test]
    fn every_fault_of_a_request_is_told_with_its_place() {
        let text = r#"{"requestId": 7, "lines": [{"quantity": "many"}, {"quantity": 1, "prise": {}, "tax": 5}],
            "currency_code": "SEK", "currencyKode": "SEK"}"#;
        let faults = parse(&message("CreateInvoiceRequest"), text).unwrap_err();
        let places: Vec<_> = faults.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
        assert_eq!(
            places,
            ["currencyKode", "lines[0].quantity", "lines[1].prise", "lines[1].tax", "requestId"],
            "{faults:?}"
        );
        assert!(parse(&message("CreateInvoiceRequest"), "{").unwrap_err()[0].starts_with("is no JSON: "));
        assert_eq!(parse(&message("CreateInvoiceRequest"), "[]").unwrap_err(), ["must be a JSON object"]);
        let fraction = parse(&message("Money"), r#"{"minorUnits": 1608.75}"#).unwrap_err();
        assert!(fraction[0].starts_with("minorUnits "), "{fraction:?}");
    }

    #[test]
    fn what_is_written_can_be_read_and_tells_zeros() {
        let text = r#"{"minorUnits":"9007199254740993","currencyCode":""}"#;
        assert_eq!(line(&parse(&message("Money"), text).unwrap()), text);
    }
}
