//! Card numbers: no text of any request takes one, and none comes back in an answer.

use api_proto::v1;
use prost::Message;

use super::contract::{Method, Text, field, methods, with_text};
use crate::harness::raw::{Answer, call};
use crate::harness::{Db, Server, error_parts};

/// As it is on a card, and as it is typed.
const CARDS: [&str; 2] = ["4242 4242 4242 4242", "4242424242424242"];

/// Texts that are not asked, by a part of their path; and why nothing is kept of them.
const EXEMPT: [(&str, &str); 9] = [
    ("seller_id", "that of a seller of the configuration, or nothing is found"),
    ("etag", "compared with that of the stored thing"),
    ("optional_items.id", "set by the service, and not read"),
    ("optional_items.name", "set by the service, and not read"),
    ("optional_items.model.", "set by the service, and not read"),
    ("shipping_options.display_name", "set by the service, and not read"),
    ("shipping_options.amount.", "set by the service, and not read"),
    ("payment_link.line_items.", "its id, quantity and range are read, the rest is set by the service"),
    ("amount.currency_code", "one of the codes of ISO 4217, which have three letters"),
];

/// What begins the name of a method that keeps nothing of what it is asked.
const KEEPS_NOTHING: [&str; 5] = ["Calculate", "Get", "List", "Render", "Stream"];

#[tokio::test(flavor = "multi_thread")]
async fn no_text_of_any_request_takes_a_card_number() {
    let server = Server::start(Db::Sqlite).await;
    let (mut tried, mut failed) = (0, Vec::new());
    let keeping = |method: &Method| {
        let own = method.name.rsplit('/').next().unwrap();
        !KEEPS_NOTHING.iter().any(|verb| own.starts_with(verb))
    };
    for method in methods().iter().filter(|method| keeping(method)) {
        for text in &method.texts {
            if EXEMPT.iter().any(|(part, _)| text.path.contains(part)) && !text.path.ends_with("line_items.id") {
                continue;
            }
            for card in CARDS {
                let answer = call(&server, &method.path(), None, request(method, text, card)).await;
                tried += 1;
                if !is_refused(method, text, &answer) {
                    failed.push(format!("{} {} takes {card}: {}", method.name, text.path, told(&answer)));
                } else if format!("{answer:?}").contains(card) {
                    failed.push(format!("{} {} repeats the number: {answer:?}", method.name, text.path));
                }
            }
        }
    }
    assert!(failed.is_empty(), "{} of {tried} texts may have a card number:\n{}", failed.len(), failed.join("\n"));
    assert!(tried > 200, "{tried}");
    assert!(server.all_events().await.is_empty(), "nothing was stored");
}

/// A request with the number there and nothing else, but what has it read: the mask, or what it depends on.
fn request(method: &Method, text: &Text, card: &str) -> Vec<u8> {
    let numbers = text.numbers.as_slice();
    let mut request = match text.path.rsplit('.').next() {
        Some("key") if text.is_in_map => in_map(text, card, "value"),
        Some("value") if text.is_in_map => in_map(text, "key", card),
        Some("default_value") => {
            // The fields of the page that are around it: its key and its label come first.
            let (around, within) = numbers.split_at(numbers.len() - 2);
            let named = [field(1, b"size"), field(2, b"Size"), with_text(within, card)].concat();
            around.iter().rev().fold(named, |inner, number| field(*number, &inner))
        }
        _ => with_text(numbers, card),
    };
    match (method.name.as_str(), text.path.as_str()) {
        ("TaxService/CreateTaxRate", "subdivision_code") => {
            let beside = v1::CreateTaxRateRequest { country_code: "CA".to_owned(), ..Default::default() };
            request.extend(beside.encode_to_vec());
        }
        ("TaxService/CreateTaxRegistration", "subdivision_code") => {
            let beside = v1::CreateTaxRegistrationRequest { country_code: "CA".to_owned(), ..Default::default() };
            request.extend(beside.encode_to_vec());
        }
        ("InvoiceService/CreateCreditNote", "reason_text") => {
            let reason = v1::CreditNoteReason::Other as i32;
            request.extend(v1::CreateCreditNoteRequest { reason, ..Default::default() }.encode_to_vec());
        }
        _ => {}
    }
    if let (Some(mask), Some(changed)) = (method.update_mask, text.path.split('.').nth(1)) {
        request.extend(field(mask, &field(1, changed.as_bytes())));
    }
    request
}

fn in_map(text: &Text, key: &str, value: &str) -> Vec<u8> {
    let (_, way) = text.numbers.split_last().unwrap();
    let entry = [field(1, key.as_bytes()), field(2, value.as_bytes())].concat();
    way.iter().rev().fold(entry, |inner, number| field(*number, &inner))
}

/// Whether the field is named as bad; or the mask is, for what can't be changed is not written.
fn is_refused(method: &Method, text: &Text, answer: &Answer) -> bool {
    let Err(status) = answer else { return false };
    let map = text.path.rsplit_once('.').map_or("", |(map, _)| map);
    let path = if text.is_in_map { map } else { &text.path };
    error_parts(status).2.iter().any(|field| {
        let bare = without_places(field);
        bare == path || (method.update_mask.is_some() && bare.starts_with("update_mask"))
    })
}

/// The path of a field without the places in lists and the keys of maps.
fn without_places(field: &str) -> String {
    let mut depth = 0;
    let kept = field.chars().filter(|c| {
        let is_outside = depth == 0 && *c != '[';
        depth += i32::from(*c == '[') - i32::from(*c == ']');
        is_outside
    });
    kept.collect()
}

fn told(answer: &Answer) -> String {
    match answer {
        Ok(_) => "taken".to_owned(),
        Err(status) => format!("{:?}", error_parts(status)),
    }
}
