//! Documents by the numbers that stand on them: where a command asks for the id of an invoice or of a credit note, its number
//! does as well, and is looked up first.

use prost_reflect::{DynamicMessage, Value};

use crate::call;
use crate::connection::Connection;
use crate::contract::method;
use crate::fault::Fault;
use crate::nouns::Verb;

/// A field of a request that names a document, and what lists such documents.
type Named = (&'static str, &'static str);

const INVOICES: &str = "InvoiceService.ListInvoices";
const CREDIT_NOTES: &str = "InvoiceService.ListCreditNotes";

/// What of a command's request names a document.
pub(crate) fn named(verb: &Verb) -> Vec<Named> {
    let request = method(verb.method).input();
    let own = match verb.method.split_once('.') {
        Some(("InvoiceService", name)) if name.ends_with("CreditNote") => Some(("id", CREDIT_NOTES)),
        Some(("InvoiceService", name)) if name.ends_with("InvoiceMail") => None,
        Some(("InvoiceService", _)) => Some(("id", INVOICES)),
        _ => None,
    };
    let all = own.into_iter().chain([("invoice_id", INVOICES), ("credit_note_id", CREDIT_NOTES)]);
    all.filter(|(field, _)| request.get_field_by_name(field).is_some()).collect()
}

/// Puts ids for the numbers in a request.
///
/// # Errors
/// There is no such document, or the server refuses to look.
pub(crate) async fn resolve(
    connection: &Connection,
    verb: &Verb,
    seller: Option<&str>,
    request: &mut DynamicMessage,
) -> Result<(), Fault> {
    for (field, list) in named(verb) {
        // As it was copied, perhaps with a blank at its end.
        let name = text(request, field).trim().to_owned();
        if !name.is_empty() && !is_id(&name) {
            let id = id_of(connection, list, (&name, seller.unwrap_or_default())).await?;
            request.set_field_by_name(field, Value::String(id));
        }
    }
    Ok(())
}

/// Whether it is an id, right or wrong, and no number.
fn is_id(name: &str) -> bool {
    ["inv_", "cn_"].iter().any(|prefix| name.starts_with(prefix))
}

async fn id_of(connection: &Connection, list: &str, (number, seller): (&str, &str)) -> Result<String, Fault> {
    let method = method(list);
    let mut request = DynamicMessage::new(method.input());
    for (field, value) in [("number", number), ("seller_id", seller)] {
        request.set_field_by_name(field, Value::String(value.to_owned()));
    }
    let answered = call::unary(connection, &method, request).await;
    let found = call::things(&answered.map_err(|status| Fault::refused(status, None))?).0;
    sole(&found, number).ok_or_else(|| {
        let what = if list == INVOICES { "invoice" } else { "credit note" };
        let status = tonic::Status::not_found(format!("no {what} of this seller has the number {number}"));
        Fault::refused(status, None)
    })
}

/// The id of what was found. A server that does not know how to look for a number lists whatever there is.
fn sole(found: &[DynamicMessage], number: &str) -> Option<String> {
    let [one] = found else { return None };
    (text(one, "number") == number).then(|| text(one, "id"))
}

fn text(message: &DynamicMessage, field: &str) -> String {
    message.get_field_by_name(field).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::pool;
    use crate::nouns::all;

    #[test]
    fn ids_of_documents_have_numbers_and_no_other() {
        let verb = |noun: &str, name: &str| {
            let noun = all().find(|it| it.name == noun).unwrap();
            noun.verbs.iter().find(|verb| verb.name == name).unwrap()
        };
        assert_eq!(named(verb("invoice", "void")), [("id", INVOICES)]);
        assert_eq!(named(verb("credit-note", "create")), [("invoice_id", INVOICES)]);
        assert_eq!(named(verb("credit-note", "get")), [("id", CREDIT_NOTES)]);
        assert_eq!(named(verb("link", "create")), [("invoice_id", INVOICES)]);
        for (noun, name) in [("mail", "get"), ("invoice", "create"), ("customer", "get")] {
            assert_eq!(named(verb(noun, name)), [], "{noun} {name}");
        }
    }

    #[test]
    fn what_an_older_server_lists_is_not_taken_for_what_was_looked_for() {
        let message = pool().get_message_by_name("paylinks.v1.Invoice").unwrap();
        let invoice = |number: &str| {
            crate::json::parse(&message, &format!(r#"{{"id": "inv_{number}", "number": "{number}"}}"#)).unwrap()
        };
        assert_eq!(sole(&[invoice("7")], "7").as_deref(), Some("inv_7"));
        assert_eq!(sole(&[invoice("8")], "7"), None);
        assert_eq!(sole(&[invoice("7"), invoice("6")], "7"), None);
        assert_eq!(sole(&[], "7"), None);
    }
}
