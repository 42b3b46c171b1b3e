//! Lines of invoices and items of links in short: `12 x 140.00 EUR Consulting`, or `2 x price_…`.

use clap::{Arg, ArgAction, ArgMatches};
use prost_reflect::{DynamicMessage, ReflectMessage, Value};
use serde_json::{Map, Value as Json, json};

use crate::money::parse_unit_price;

const ITEM_EXPECTED: &str = "must be QUANTITY x PRICE, QUANTITY a whole number, with a description where the price is an amount, such as \
     12 x 140.00 EUR Consulting";

/// The flags: those of an invoice's lines also say how they are taxed.
pub(crate) fn args(is_invoice: bool) -> Vec<Arg> {
    let flag = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help).help_heading("Items in short")
    };
    let item = flag(
        "item",
        "ITEM",
        "An item: \"12 x 140.00 EUR Consulting\", or \"2 x price_…\" of a stored price; may be given several times",
    );
    let behavior = flag("tax-behavior", "BEHAVIOR", "Whether the prices of these items have tax inside")
        .value_parser(["exclusive", "inclusive"]);
    let code = flag("tax-code", "CODE", "What kind of product these items are for tax, such as service");
    let mut args = vec![item.action(ArgAction::Append), behavior, code];
    if is_invoice {
        let rate = flag("tax-rate-id", "ID", "A manual rate for these items; by the rules of the place if absent");
        let untaxed = Arg::new("untaxed").long("untaxed").action(ArgAction::SetTrue).help("Without tax");
        args.push(rate.action(ArgAction::Append).conflicts_with_all(["tax-code", "untaxed"]));
        args.push(untaxed.conflicts_with("tax-code").help_heading("Items in short"));
    }
    args
}

/// What an item says.
struct Item<'a> {
    quantity: i64,
    price: Price<'a>,
    /// Empty where it is the stored thing's.
    description: String,
}

enum Price<'a> {
    Stored(&'a str),
    Inline { minor_units: String, currency_code: String },
}

fn parse(text: &str) -> Result<Item<'_>, String> {
    let expected = || ITEM_EXPECTED.to_owned();
    let (quantity, rest) = text.trim().split_once([' ', '\u{a0}']).ok_or_else(expected)?;
    let quantity = quantity.parse().map_err(|_| expected())?;
    let rest = rest.trim_start().strip_prefix(['x', '×']).ok_or_else(expected)?.trim_start();
    let mut end = 0;
    if let Some(stored) = rest.split_whitespace().next().filter(|word| word.contains('_')) {
        let description = rest[stored.len()..].trim().to_owned();
        return Ok(Item { quantity, price: Price::Stored(stored), description });
    }
    // Up to the currency, which is the first word without a digit.
    for word in rest.split_whitespace() {
        end = word.as_ptr().addr() - rest.as_ptr().addr() + word.len();
        if word.bytes().any(|b| b.is_ascii_alphabetic()) {
            break;
        }
    }
    let (minor_units, currency_code) = parse_unit_price(&rest[..end])?;
    let description = rest[end..].trim().to_owned();
    if description.is_empty() {
        return Err(expected());
    }
    Ok(Item { quantity, price: Price::Inline { minor_units, currency_code }, description })
}

/// Adds the items as lines of an invoice. Its currency is theirs, unless it is named.
pub(crate) fn add_lines(request: &mut DynamicMessage, matches: &ArgMatches, faults: &mut Vec<String>) {
    let text = |name: &str| matches.get_one::<String>(name).cloned().unwrap_or_default();
    let rates: Vec<&String> = matches.get_many("tax-rate-id").into_iter().flatten().collect();
    let tax = if matches.get_flag("untaxed") {
        json!({"untaxed": {}})
    } else if rates.is_empty() {
        json!({"automatic": {"taxCode": text("tax-code")}})
    } else {
        json!({"manual": {"taxRateIds": rates}})
    };
    let mut currency = None;
    let lines = each(matches, faults, |item, behavior| {
        let mut line = Map::from_iter([("quantity".to_owned(), item.quantity.into()), ("tax".to_owned(), tax.clone())]);
        if !item.description.is_empty() {
            line.insert("description".to_owned(), item.description.into());
        }
        match item.price {
            Price::Stored(id) if id.starts_with("shr_") => line.insert("shippingRateId".to_owned(), id.into()),
            Price::Stored(id) => line.insert("priceId".to_owned(), id.into()),
            Price::Inline { minor_units, currency_code } => {
                let behavior = behavior
                    .ok_or("--tax-behavior must say whether amounts have tax inside: inclusive or exclusive")?;
                currency.get_or_insert_with(|| currency_code.clone());
                let unit_price = json!({"minorUnits": minor_units, "currencyCode": currency_code});
                let data = json!({"unitPrice": unit_price, "taxBehavior": behavior});
                line.insert("priceData".to_owned(), data)
            }
        };
        Ok(Json::Object(line))
    });
    append(request, "lines", lines, faults);
    if let Some(Value::String(named)) = request.get_field_by_name_mut("currency_code")
        && let (true, Some(currency)) = (named.is_empty(), currency)
    {
        *named = currency;
    }
}

/// Adds the items to a link.
pub(crate) fn add_line_items(request: &mut DynamicMessage, matches: &ArgMatches, faults: &mut Vec<String>) {
    let tax_code = matches.get_one::<String>("tax-code").cloned().unwrap_or_default();
    let items = each(matches, faults, |item, behavior| {
        Ok(match item.price {
            Price::Stored(id) => json!({"quantity": item.quantity, "priceId": id}),
            Price::Inline { minor_units, currency_code } => {
                let unit_price = json!({"minorUnits": minor_units, "currencyCode": currency_code});
                let behavior = behavior.unwrap_or("TAX_BEHAVIOR_UNSPECIFIED");
                let data = json!({"name": item.description, "unitPrice": unit_price, "taxBehavior": behavior, "taxCode": tax_code});
                json!({"quantity": item.quantity, "priceData": data})
            }
        })
    });
    append(request, "line_items", items, faults);
}

fn each(
    matches: &ArgMatches,
    faults: &mut Vec<String>,
    mut made: impl FnMut(Item<'_>, Option<&'static str>) -> Result<Json, &'static str>,
) -> Vec<Json> {
    let behavior = matches.get_one::<String>("tax-behavior").map(|behavior| match behavior.as_str() {
        "inclusive" => "TAX_BEHAVIOR_INCLUSIVE",
        _ => "TAX_BEHAVIOR_EXCLUSIVE",
    });
    let mut all = Vec::new();
    for text in matches.get_many::<String>("item").into_iter().flatten() {
        match parse(text).map(|item| made(item, behavior)) {
            Ok(Ok(item)) => all.push(item),
            Ok(Err(fault)) => faults.push(fault.to_owned()),
            Err(expected) => faults.push(format!("--item {expected}")),
        }
    }
    all
}

fn append(request: &mut DynamicMessage, field: &str, items: Vec<Json>, faults: &mut Vec<String>) {
    let Some(descriptor) = request.descriptor().get_field_by_name(field) else { return };
    let kind = descriptor.kind();
    let (Some(message), Some(list)) = (kind.as_message(), request.get_field_mut(&descriptor).as_list_mut()) else {
        return;
    };
    for item in items {
        match crate::json::parse(message, &item.to_string()) {
            Ok(parsed) => list.push(Value::Message(parsed)),
            Err(found) => faults.extend(found),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        match parse(text) {
            Ok(Item { quantity, price: Price::Stored(id), description }) => format!("{quantity} {id} [{description}]"),
            Ok(Item { quantity, price: Price::Inline { minor_units, currency_code }, description }) => {
                format!("{quantity} {minor_units} {currency_code} [{description}]")
            }
            Err(expected) => expected,
        }
    }

    #[test]
    fn an_item_is_a_quantity_a_price_and_what_it_is() {
        assert_eq!(told("12 x 140.00 EUR Consulting, in May"), "12 14000 EUR [Consulting, in May]");
        assert_eq!(told("1 x 1 287.00 SEK Web hosting"), "1 128700 SEK [Web hosting]");
        assert_eq!(told("1 × 0.0025 SEK Request"), "1 0.25 SEK [Request]");
        assert_eq!(told("2 x price_1"), "2 price_1 []");
        assert_eq!(told("1 x shr_1 By post"), "1 shr_1 [By post]");
        for text in ["", "12", "x 140.00 EUR C", "1 140.00 EUR C", "1.5 x 140.00 EUR C", "1 x 140.00 EUR"] {
            assert_eq!(told(text), ITEM_EXPECTED, "{text}");
        }
        assert_eq!(told("1 x Consulting"), "must be an amount and its currency, such as 1608.75 SEK");
    }
}
