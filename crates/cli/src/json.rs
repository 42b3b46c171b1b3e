//! JSON of messages, by the rules of proto3. What comes in is held to the contract, and every fault of it is told with its
//! place; what goes out has each field that is not absent, so that a script finds a zero where there is one.

use std::fmt;

use prost_reflect::{DeserializeOptions, DynamicMessage, MessageDescriptor, SerializeOptions};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json};
use serde_path_to_error::{Path, Segment};

/// Reads a message.
///
/// # Errors
/// Everything that is wrong with the text, each with its place.
pub(crate) fn parse(message: &MessageDescriptor, text: &str) -> Result<DynamicMessage, Vec<String>> {
    let Unambiguous(mut json) =
        serde_json::from_str(text).map_err(|error| vec![format!("is no JSON that can be meant: {error}")])?;
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

/// A value in which no object has a key twice: of two amounts, nobody knows which is meant (RFC 8259, 4).
struct Unambiguous(Json);

impl<'de> Deserialize<'de> for Unambiguous {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UnambiguousVisitor).map(Self)
    }
}

struct UnambiguousVisitor;

impl<'de> Visitor<'de> for UnambiguousVisitor {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
        Ok(Number::from_f64(value).map_or(Json::Null, Json::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
        Ok(value.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut list = Vec::new();
        while let Some(Unambiguous(item)) = items.next_element()? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Json, A::Error> {
        let mut object = Map::new();
        while let Some(key) = pairs.next_key::<String>()? {
            if object.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key {key:?} is there twice")));
            }
            let Unambiguous(value) = pairs.next_value()?;
            object.insert(key, value);
        }
        Ok(Json::Object(object))
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
            Some(item) if *item != Json::Object(Map::new()) => {
                *item = Json::Object(Map::new());
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
        assert!(
            parse(&message("CreateInvoiceRequest"), "{").unwrap_err()[0].starts_with("is no JSON that can be meant: ")
        );
        assert_eq!(parse(&message("CreateInvoiceRequest"), "[]").unwrap_err(), ["must be a JSON object"]);
        let fraction = parse(&message("Money"), r#"{"minorUnits": 1608.75}"#).unwrap_err();
        assert!(fraction[0].starts_with("minorUnits "), "{fraction:?}");
    }

    #[test]
    fn a_key_that_is_there_twice_is_refused_wherever_it_is() {
        for text in [
            r#"{"currencyCode": "SEK", "currencyCode": "EUR"}"#,
            r#"{"lines": [{"quantity": 1}, {"quantity": 1, "quantity": 2}]}"#,
        ] {
            let faults = parse(&message("CreateInvoiceRequest"), text).unwrap_err();
            assert!(faults.len() == 1 && faults[0].contains("is there twice"), "{faults:?}");
        }
    }

    #[test]
    fn what_is_written_can_be_read_and_tells_zeros() {
        let text = r#"{"minorUnits":"9007199254740993","currencyCode":""}"#;
        assert_eq!(line(&parse(&message("Money"), text).unwrap()), text);
    }
}
