//! Reads the JSON object that a request is, and tells everything that is wrong with it at once: what is missing, of the
//! wrong type, there twice, or not known.

use std::collections::BTreeMap;
use std::fmt;

use domain::metadata::Metadata;
use domain::timestamp::Timestamp;
use domain::validation::{Invalid, Validator, Violations};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::number::ExactNumber;

/// The fields of an object, each as it is written, and the names of those that are there more than once.
struct Object<'a> {
    fields: BTreeMap<String, &'a RawValue>,
    twice: Vec<String>,
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;

        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut object = Object { fields: BTreeMap::new(), twice: Vec::new() };
                while let Some((name, value)) = map.next_entry::<String, &RawValue>()? {
                    if object.fields.insert(name.clone(), value).is_some() {
                        object.twice.push(name);
                    }
                }
                Ok(object)
            }
        }

        deserializer.deserialize_map(Fields)
    }
}

/// A request that is being read. Each field is taken by its name; what is left in the end is not known.
pub(crate) struct Reader<'a> {
    object: Object<'a>,
    /// Everything that is wrong with the request so far.
    pub(crate) validator: Validator,
}

impl<'a> Reader<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// It is not an object of JSON; the text says where it ceases to be one.
    pub(crate) fn open(body: &'a [u8]) -> Result<Self, String> {
        let object: Object<'a> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
        Ok(Self { object, validator: Validator::new() })
    }

    /// A field that must be there.
    pub(crate) fn required<T>(&mut self, name: &str, parse: impl FnOnce(&RawValue) -> Result<T, Invalid>) -> Option<T> {
        let parsed = self.object.fields.remove(name).ok_or_else(Invalid::required).and_then(parse);
        self.validator.check(name, parsed)
    }

    /// A field that may be absent: `Some(None)` says absent and fine.
    pub(crate) fn optional<T>(
        &mut self,
        name: &str,
        parse: impl FnOnce(&RawValue) -> Result<T, Invalid>,
    ) -> Option<Option<T>> {
        let raw = self.object.fields.remove(name);
        self.validator.check_optional(name, raw, parse)
    }

    /// The caller's pairs, under `metadata`; none where absent.
    pub(crate) fn metadata(&mut self) -> Option<Metadata> {
        let Some(raw) = self.object.fields.remove("metadata") else { return Some(Metadata::default()) };
        let wrong = |_| Invalid::new("WRONG_TYPE", "must be an object of texts");
        let object = self.validator.check("metadata", serde_json::from_str::<Object<'_>>(raw.get()).map_err(wrong))?;
        self.validator.within("metadata", |v| {
            for key in &object.twice {
                v.refuse(&format!("[\"{key}\"]"), twice());
            }
            // A value of the wrong type does not hide a key that is unfit.
            let pairs: Vec<_> = object
                .fields
                .into_iter()
                .map(|(key, raw)| {
                    let value = v.check(&format!("[\"{key}\"]"), text(raw));
                    (key, value.unwrap_or_default())
                })
                .collect();
            match Metadata::parse(pairs) {
                Ok(metadata) => v.is_clean().then_some(metadata),
                Err(violations) => {
                    v.absorb(violations);
                    None
                }
            }
        })
    }

    /// What was read, if nothing is wrong and nothing is left.
    ///
    /// # Errors
    /// Everything that is wrong.
    pub(crate) fn close<T>(mut self, value: Option<T>) -> Result<T, Violations> {
        for name in &self.object.twice {
            self.validator.refuse(name, twice());
        }
        for name in self.object.fields.keys() {
            self.validator.refuse(name, Invalid::new("UNKNOWN_FIELD", "is not a field of this request"));
        }
        self.validator.finish(value)
    }
}

fn twice() -> Invalid {
    Invalid::new("TWICE", "must be there once")
}

/// A text.
pub(crate) fn text(raw: &RawValue) -> Result<String, Invalid> {
    serde_json::from_str(raw.get()).map_err(|_| Invalid::new("WRONG_TYPE", "must be a text"))
}

/// A number, exactly.
pub(crate) fn number(raw: &RawValue) -> Result<ExactNumber, Invalid> {
    ExactNumber::parse(raw.get()).ok_or_else(|| Invalid::new("WRONG_TYPE", "must be a number"))
}

/// One of some texts.
pub(crate) fn choice<T: Copy>(raw: &RawValue, choices: &[(&str, T)]) -> Result<T, Invalid> {
    let named = text(raw)?;
    let known = || choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    choices
        .iter()
        .find_map(|(name, value)| (*name == named).then_some(*value))
        .ok_or_else(|| Invalid::new("UNKNOWN_VALUE", format!("must be one of {}", known())))
}

/// A moment.
pub(crate) fn timestamp(raw: &RawValue) -> Result<Timestamp, Invalid> {
    let malformed = |_| Invalid::new("MALFORMED_TIMESTAMP", "must be a time such as 2030-01-31T12:00:00Z");
    let moment = OffsetDateTime::parse(&text(raw)?, &Rfc3339).map_err(malformed)?;
    Ok(Timestamp::from(moment))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(violations: &Violations) -> Vec<(&str, &str)> {
        violations.iter().map(|violation| (violation.field.as_str(), violation.rule.as_str())).collect()
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let body =
            br#"{"a": 1, "b": "x", "b": "y", "c": null, "z": {}, "metadata": {"k": 1, "card": "x", "card": "y", "paylinks_x": "x"}}"#;
        let mut reader = Reader::open(body).unwrap();
        reader.required("a", text);
        reader.required("b", |raw| choice(raw, &[("x", 1), ("z", 2)]));
        reader.optional("c", number);
        reader.required("d", text);
        assert_eq!(reader.optional("e", text), Some(None));
        assert_eq!(reader.metadata(), None);
        let violations = reader.close(None::<()>).unwrap_err();
        let want = [
            ("a", "WRONG_TYPE"),
            ("b", "UNKNOWN_VALUE"),
            ("c", "WRONG_TYPE"),
            ("d", "REQUIRED"),
            ("metadata[\"card\"]", "TWICE"),
            ("metadata[\"k\"]", "WRONG_TYPE"),
            ("metadata[2]", "RESERVED_KEY"),
            ("b", "TWICE"),
            ("z", "UNKNOWN_FIELD"),
        ];
        assert_eq!(told(&violations), want);
    }

    #[test]
    fn what_is_no_object_is_refused_with_its_place() {
        for (body, place) in
            [("", "line 1 column 0"), ("[]", "an object"), ("{\"a\": }", "line 1 column 7"), ("{} x", "trailing")]
        {
            let error = Reader::open(body.as_bytes()).err().unwrap();
            assert!(error.contains(place), "{body}: {error}");
        }
    }

    #[test]
    fn times_are_read_with_their_offset() {
        let raw = |text: &str| RawValue::from_string(format!("\"{text}\"")).unwrap();
        assert_eq!(timestamp(&raw("1970-01-01T01:00:00.5+01:00")).unwrap(), Timestamp::from_unix_micros(500_000));
        for bad in ["2030-01-31", "2030-02-31T00:00:00Z", "tomorrow", ""] {
            assert_eq!(timestamp(&raw(bad)).unwrap_err().rule, "MALFORMED_TIMESTAMP", "{bad}");
        }
    }
}
