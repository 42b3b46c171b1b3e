//! Things on lines, with their fields below each other.

use prost_reflect::{DynamicMessage, Kind, ReflectMessage, Value};

use crate::nouns::Column;
use crate::values::{printable, shown};

/// Rows with their columns below each other; the last is as long as it is.
pub fn aligned<R: AsRef<[String]>>(rows: &[R]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.as_ref().get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let line = |row: &R| {
        let cells = row.as_ref().iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column)));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

/// Things of one kind, one a line below a heading. Amounts end below each other.
pub(crate) fn table(columns: &[Column], things: &[DynamicMessage]) -> String {
    let mut rows: Vec<Vec<String>> = vec![columns.iter().map(|(heading, _)| (*heading).to_owned()).collect()];
    rows.extend(things.iter().map(|thing| columns.iter().map(|(_, path)| cell(thing, path)).collect()));
    for (index, (_, path)) in columns.iter().enumerate() {
        if things.first().is_some_and(|thing| is_amount(thing, path)) {
            let width = rows.iter().map(|row| row[index].chars().count()).max().unwrap_or_default();
            rows.iter_mut().for_each(|row| row[index] = format!("{:>width$}", row[index]));
        }
    }
    aligned(&rows)
}

/// The value at the end of a path, on a line; empty where it is absent. A choice is named by itself, whichever field it is.
pub(crate) fn cell(thing: &DynamicMessage, path: &str) -> String {
    let (name, rest) = path.split_once('.').map_or((path, None), |(name, rest)| (name, Some(rest)));
    let choice = thing.descriptor().oneofs().find(|choice| choice.name() == name);
    let chosen = choice.and_then(|choice| choice.fields().find(|field| thing.has_field(field)));
    let named = || thing.descriptor().get_field_by_name(name).filter(|field| thing.has_field(field));
    let Some(field) = chosen.or_else(named) else {
        // A thing that is off is told; an absent text is not.
        return match thing.descriptor().get_field_by_name(name).map(|field| field.kind()) {
            Some(Kind::Bool) if rest.is_none() => "no".to_owned(),
            _ => String::new(),
        };
    };
    match (thing.get_field(&field).as_ref(), rest) {
        (Value::Message(inner), Some(rest)) => cell(inner, rest),
        (value, _) => line(&field.kind(), value).unwrap_or_default(),
    }
}

/// A value on a line, lists and pairs with commas between; none where it takes more than a line.
fn line(kind: &Kind, value: &Value) -> Option<String> {
    match value {
        Value::List(values) => {
            let texts: Option<Vec<String>> = values.iter().map(|value| shown(kind, value)).collect();
            texts.map(|texts| texts.join(", "))
        }
        Value::Map(pairs) => {
            let text = |(key, value): (&prost_reflect::MapKey, &Value)| {
                Some(printable(&format!("{}={}", key.as_str()?, value.as_str()?)))
            };
            let mut texts: Vec<String> = pairs.iter().filter_map(text).collect();
            texts.sort();
            Some(texts.join(", "))
        }
        value => shown(kind, value),
    }
}

fn is_amount(thing: &DynamicMessage, path: &str) -> bool {
    let mut message = thing.descriptor();
    for name in path.split('.') {
        let kind = message.get_field_by_name(name).map(|field| field.kind());
        let Some(inner) = kind.as_ref().and_then(Kind::as_message) else { return false };
        message = inner.clone();
    }
    matches!(message.full_name(), "paylinks.v1.Money" | "paylinks.v1.UnitPrice")
}

/// All that a thing says, a field a line, and what is within it further in.
pub(crate) fn details(thing: &DynamicMessage) -> String {
    let mut text = String::new();
    write_details(thing, "", &mut text);
    text
}

/// What is for programs: how each line was taxed, step by step in minor units, and a picture as text.
const FOR_PROGRAMS: [&str; 2] = ["tax_trace", "qr_code_svg"];

fn write_details(thing: &DynamicMessage, indent: &str, text: &mut String) {
    let on_a_line = |kind: &Kind, value: &Value| line(kind, value).filter(|line| !line.is_empty());
    let fields = || thing.fields().filter(|(field, _)| !FOR_PROGRAMS.contains(&field.name()));
    let lines = fields().filter(|(field, value)| on_a_line(&field.kind(), value).is_some());
    let width = lines.map(|(field, _)| field.name().len()).max().unwrap_or_default();
    let deeper = format!("{indent}  ");
    for (field, value) in fields() {
        let name = field.name().replace('_', " ");
        if let Some(line) = on_a_line(&field.kind(), value) {
            text.push_str(&format!("{indent}{name:<width$}  {line}\n"));
            continue;
        }
        match value {
            Value::Message(inner) => {
                let mut within = String::new();
                write_details(inner, &deeper, &mut within);
                // What says nothing is left out; that it was chosen among others says something.
                if !within.is_empty() || field.containing_oneof().is_some() {
                    text.push_str(&format!("{indent}{name}\n{within}"));
                }
            }
            Value::List(values) => {
                for (index, inner) in values.iter().filter_map(Value::as_message).enumerate() {
                    text.push_str(&format!("{indent}{name} {}\n", index + 1));
                    write_details(inner, &deeper, text);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::pool;
    use crate::nouns;

    fn thing(message: &str, json: &str) -> DynamicMessage {
        let message = pool().get_message_by_name(&format!("paylinks.v1.{message}")).unwrap();
        crate::json::parse(&message, json).unwrap()
    }

    #[test]
    fn a_list_has_its_amounts_below_each_other() {
        let invoice = |id: &str, minor_units: u32| {
            thing(
                "Invoice",
                &format!(
                    r#"{{"id": "{id}", "number": "INV-1", "state": "INVOICE_STATE_OPEN", "createTime": "2026-11-29T06:30:12.123456Z",
                    "total": {{"minorUnits": {minor_units}, "currencyCode": "SEK"}}, "dueDate": {{"year": 2026, "month": 12, "day": 9}}}}"#
                ),
            )
        };
        let columns = nouns::find("invoice").unwrap().columns;
        insta::assert_snapshot!(table(columns, &[invoice("inv_1", 160_875), invoice("inv_22", 5)]), @r"
        ID      NUMBER  STATE         TOTAL  DUE  DUE DATE    CUSTOMER  CREATED
        inv_1   INV-1   open   1 608.75 SEK       2026-12-09            2026-11-29 06:30:12Z
        inv_22  INV-1   open       0.05 SEK       2026-12-09            2026-11-29 06:30:12Z
        ");
        insta::assert_snapshot!(table(nouns::find("product").unwrap().columns, &[thing("Product", r#"{"id": "prod_1"}"#)]), @r"
        ID      NAME  TAX CODE  ACTIVE  CREATED
        prod_1                  no
        ");
    }

    #[test]
    fn one_thing_tells_all_that_it_says() {
        let payment = thing(
            "Payment",
            r#"{"id": "pay_1", "state": "PAYMENT_STATE_SUCCEEDED", "flags": ["PAYMENT_FLAG_OVERPAID", "PAYMENT_FLAG_COLLECTABLE_CLOSED"],
            "metadata": {"order": "7", "cart": "a\u001bb"}, "received": {"minorUnits": 0, "currencyCode": "SEK"},
            "outOfBand": {"method": "OUT_OF_BAND_METHOD_CASH", "reference": "R 7"}}"#,
        );
        insta::assert_snapshot!(details(&payment), @r"
        id        pay_1
        state     succeeded
        received  0.00 SEK
        flags     overpaid, collectable-closed
        metadata  cart=a�b, order=7
        out of band
          method     cash
          reference  R 7
        ");
        let invoice = thing("Invoice", r#"{"id": "inv_1", "lines": [{"id": "il_1", "quantity": 2}, {"id": "il_2"}]}"#);
        insta::assert_snapshot!(details(&invoice), @r"
        id  inv_1
        lines 1
          id        il_1
          quantity  2
        lines 2
          id  il_2
        ");
    }
}
