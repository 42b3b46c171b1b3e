//! Single values of fields: how they are written on a command line, and how they are shown.

use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage, Value};

use crate::money::{display_minor_units, parse_money, parse_unit_price};

/// How a value is written.
#[derive(Clone)]
pub(crate) enum Form {
    Text,
    /// A flag that is there or not.
    Switch,
    /// A flag with true or false: that it is absent is a third case.
    Bool,
    Int32,
    Int64,
    Enum(EnumDescriptor),
    Money(MessageDescriptor),
    UnitPrice(MessageDescriptor),
    Date(MessageDescriptor),
    Timestamp(MessageDescriptor),
    Duration(MessageDescriptor),
    /// A message without fields: that it is there is all that it says.
    Marker(MessageDescriptor),
    /// A pair of a map.
    Pair,
    /// Everything else, as JSON.
    Json(MessageDescriptor),
}

impl Form {
    /// The form of a field's value, of one of them where it has several.
    pub(crate) fn of(field: &FieldDescriptor) -> Self {
        if field.is_map() {
            return Self::Pair;
        }
        match field.kind() {
            Kind::Bool if field.supports_presence() => Self::Bool,
            Kind::Bool => Self::Switch,
            Kind::Int32 => Self::Int32,
            Kind::Int64 => Self::Int64,
            Kind::Enum(kind) => Self::Enum(kind),
            Kind::Message(message) => match message.full_name() {
                "paylinks.v1.Money" => Self::Money(message),
                "paylinks.v1.UnitPrice" => Self::UnitPrice(message),
                "paylinks.v1.Date" => Self::Date(message),
                "google.protobuf.Timestamp" => Self::Timestamp(message),
                "google.protobuf.Duration" => Self::Duration(message),
                _ if message.fields().len() == 0 => Self::Marker(message),
                _ => Self::Json(message),
            },
            _ => Self::Text,
        }
    }

    /// What stands for the value in a help text; none where there is no value.
    pub(crate) fn placeholder(&self) -> Option<&'static str> {
        Some(match self {
            Self::Switch | Self::Marker(_) => return None,
            Self::Text => "TEXT",
            Self::Bool => "BOOL",
            Self::Int32 | Self::Int64 => "NUMBER",
            Self::Enum(_) => "KIND",
            Self::Money(_) | Self::UnitPrice(_) => "AMOUNT",
            Self::Date(_) => "DATE",
            Self::Timestamp(_) => "TIME",
            Self::Duration(_) => "DURATION",
            Self::Pair => "KEY=VALUE",
            Self::Json(_) => "JSON",
        })
    }

    /// Every value that there is, where they can be counted.
    pub(crate) fn choices(&self) -> Vec<String> {
        match self {
            Self::Bool => vec!["true".to_owned(), "false".to_owned()],
            Self::Enum(kind) => {
                kind.values().filter(|value| value.number() != 0).map(|value| enum_text(kind, value.number())).collect()
            }
            _ => Vec::new(),
        }
    }

    /// Reads a value.
    ///
    /// # Errors
    /// What is expected instead.
    pub(crate) fn parse(&self, text: &str) -> Result<Value, String> {
        match self {
            Self::Text => Ok(Value::String(text.to_owned())),
            Self::Switch | Self::Bool => match text {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err("must be true or false".to_owned()),
            },
            Self::Int32 => text.parse().map(Value::I32).map_err(|_| "must be a whole number".to_owned()),
            Self::Int64 => text.parse().map(Value::I64).map_err(|_| "must be a whole number".to_owned()),
            Self::Enum(kind) => {
                let wanted = text.to_ascii_lowercase();
                let found =
                    kind.values().find(|value| value.number() != 0 && enum_text(kind, value.number()) == wanted);
                let expected = || format!("must be one of {}", self.choices().join(", "));
                found.map(|value| Value::EnumNumber(value.number())).ok_or_else(expected)
            }
            Self::Money(message) => {
                let (minor_units, currency_code) = parse_money(text)?;
                Ok(amount(message, Value::I64(minor_units), currency_code))
            }
            Self::UnitPrice(message) => {
                let (minor_units, currency_code) = parse_unit_price(text)?;
                Ok(amount(message, Value::String(minor_units), currency_code))
            }
            Self::Date(message) => parse_date(message, text),
            Self::Timestamp(message) => {
                let time: prost_types::Timestamp = text.parse().map_err(|_| {
                    "must be a time of RFC 3339 with its offset, such as 2026-12-31T23:59:59Z".to_owned()
                })?;
                Ok(seconds_and_nanos(message, time.seconds, time.nanos))
            }
            Self::Duration(message) => {
                let duration = crate::parse_duration(text)?;
                let seconds = i64::try_from(duration.as_secs()).map_err(|_| "is too long".to_owned())?;
                Ok(seconds_and_nanos(message, seconds, 0))
            }
            Self::Marker(message) => Ok(Value::Message(DynamicMessage::new(message.clone()))),
            Self::Pair => Err("must be KEY=VALUE".to_owned()),
            Self::Json(message) => match crate::json::parse(message, text) {
                Ok(parsed) => Ok(Value::Message(parsed)),
                Err(faults) => Err(faults.join("; ")),
            },
        }
    }
}

fn amount(message: &MessageDescriptor, minor_units: Value, currency_code: String) -> Value {
    let mut amount = DynamicMessage::new(message.clone());
    amount.set_field_by_name("minor_units", minor_units);
    amount.set_field_by_name("currency_code", Value::String(currency_code));
    Value::Message(amount)
}

fn seconds_and_nanos(message: &MessageDescriptor, seconds: i64, nanos: i32) -> Value {
    let mut value = DynamicMessage::new(message.clone());
    value.set_field_by_name("seconds", Value::I64(seconds));
    value.set_field_by_name("nanos", Value::I32(nanos));
    Value::Message(value)
}

/// The form of a date alone is looked at; whether there is such a day, the server says.
fn parse_date(message: &MessageDescriptor, text: &str) -> Result<Value, String> {
    let parts: Vec<i32> = text
        .split('-')
        .filter(|part| part.bytes().all(|b| b.is_ascii_digit()))
        .filter_map(|part| part.parse().ok())
        .collect();
    let ([year, month, day], 2) = (parts.as_slice(), text.matches('-').count()) else {
        return Err("must be a date, such as 2026-12-31".to_owned());
    };
    let mut date = DynamicMessage::new(message.clone());
    for (name, part) in [("year", year), ("month", month), ("day", day)] {
        date.set_field_by_name(name, Value::I32(*part));
    }
    Ok(Value::Message(date))
}

/// A value of an enumeration as people read it: `order-change` for `CREDIT_NOTE_REASON_ORDER_CHANGE`. One that this version does
/// not know is told by its number.
pub(crate) fn enum_text(kind: &EnumDescriptor, number: i32) -> String {
    let zero = kind.default_value();
    let prefix = zero.name().trim_end_matches("UNSPECIFIED");
    kind.get_value(number).map_or_else(
        || number.to_string(),
        |value| value.name().trim_start_matches(prefix).to_ascii_lowercase().replace('_', "-"),
    )
}

/// A value as people read it on a line; none where it takes more than a line, or says nothing.
pub(crate) fn shown(kind: &Kind, value: &Value) -> Option<String> {
    let text = match value {
        Value::Bool(value) => if *value { "yes" } else { "no" }.to_owned(),
        Value::I32(value) => value.to_string(),
        Value::I64(value) => value.to_string(),
        Value::String(value) => printable(value),
        Value::Bytes(value) => format!("{} bytes", value.len()),
        Value::EnumNumber(0) => String::new(),
        Value::EnumNumber(number) => kind.as_enum().map(|kind| enum_text(kind, *number)).unwrap_or_default(),
        Value::Message(message) => return shown_message(message),
        _ => return None,
    };
    Some(text).filter(|text| !text.is_empty())
}

fn shown_message(message: &DynamicMessage) -> Option<String> {
    let text = |name: &str| message.get_field_by_name(name).and_then(|value| value.as_str().map(str::to_owned));
    let whole = |name: &str| message.get_field_by_name(name).and_then(|value| value.as_i32()).unwrap_or_default();
    match message.descriptor().full_name() {
        "paylinks.v1.Money" => {
            let minor_units = message.get_field_by_name("minor_units")?.as_i64()?;
            Some(display_minor_units(&minor_units.to_string(), &printable(&text("currency_code")?)))
        }
        "paylinks.v1.UnitPrice" => {
            Some(display_minor_units(&printable(&text("minor_units")?), &printable(&text("currency_code")?)))
        }
        "paylinks.v1.Date" => Some(format!("{:04}-{:02}-{:02}", whole("year"), whole("month"), whole("day"))),
        "google.protobuf.Timestamp" => {
            let time: prost_types::Timestamp = message.transcode_to().ok()?;
            Some(time_text(&time))
        }
        "google.protobuf.Duration" => {
            Some(format!("{} s", message.get_field_by_name("seconds")?.as_i64().unwrap_or_default()))
        }
        _ => None,
    }
}

/// A time in UTC, to the second.
pub(crate) fn time_text(time: &prost_types::Timestamp) -> String {
    let whole = prost_types::Timestamp { nanos: 0, ..*time };
    whole.to_string().replacen('T', " ", 1)
}

/// Without what a terminal would obey, or what turns the order of the text around: texts are what anyone entered.
pub(crate) fn printable(text: &str) -> String {
    let is_obeyed = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if is_obeyed(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::pool;

    fn form(field: &str) -> Form {
        let (message, field) = field.split_once('.').unwrap();
        let message = pool().get_message_by_name(&format!("paylinks.v1.{message}")).unwrap();
        Form::of(&message.get_field_by_name(field).unwrap())
    }

    /// What is read, shown again; or what is expected.
    fn there_and_back(field: &str, text: &str) -> String {
        let (message, name) = field.split_once('.').unwrap();
        let message = pool().get_message_by_name(&format!("paylinks.v1.{message}")).unwrap();
        let kind = message.get_field_by_name(name).unwrap().kind();
        match form(field).parse(text) {
            Ok(value) => shown(&kind, &value).unwrap_or_default(),
            Err(expected) => expected,
        }
    }

    #[test]
    fn each_form_is_read_and_shown_or_says_what_is_expected() {
        for (field, text, told) in [
            ("CreatePaymentRequest.amount", "1608.75 SEK", "1 608.75 SEK"),
            ("CreatePaymentRequest.amount", "much", "must be an amount and its currency, such as 1608.75 SEK"),
            ("CreatePriceRequest.unit_price", "0.0025 EUR", "0.0025 EUR"),
            ("CreateInvoiceRequest.due_date", "2026-12-31", "2026-12-31"),
            ("CreateInvoiceRequest.due_date", "31.12.2026", "must be a date, such as 2026-12-31"),
            ("CreateInvoiceRequest.due_date", "-2026-12-31", "must be a date, such as 2026-12-31"),
            ("CreatePaymentLinkRequest.expire_time", "2026-12-31T23:59:59Z", "2026-12-31 23:59:59Z"),
            ("CreatePaymentLinkRequest.expire_time", "2027-01-01T00:59:59+01:00", "2026-12-31 23:59:59Z"),
            ("ShareInvoiceRequest.lifetime", "7d", "604800 s"),
            ("ListInvoicesRequest.state", "open", "open"),
            ("ListInvoicesRequest.state", "OPEN", "open"),
            ("ListInvoicesRequest.state", "shut", "must be one of draft, open, paid, void, uncollectible"),
            ("ListProductsRequest.active", "yes", "must be true or false"),
            ("CreateCouponRequest.max_redemptions", "1.5", "must be a whole number"),
            ("CreateCouponRequest.max_redemptions", "3000000000", "must be a whole number"),
        ] {
            assert_eq!(there_and_back(field, text), told, "{field}");
        }
        assert!(
            there_and_back("CreatePaymentLinkRequest.expire_time", "tomorrow")
                .starts_with("must be a time of RFC 3339")
        );
    }

    #[test]
    fn a_terminal_obeys_nothing_that_was_entered() {
        assert_eq!(printable("Ada\u{1b}[2J\n\u{202e}x"), "Ada\u{fffd}[2J\u{fffd}\u{fffd}x");
    }
}
