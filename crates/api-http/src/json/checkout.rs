//! A checkout of one invoice, as a billing page asks for it.

use application::{App, CheckoutPurpose, CreateInvoiceCheckout, Error, Mutation};
use axum::response::Response;
use domain::checkout::{CheckoutSession, PaymentType};
use domain::id::InvoiceId;
use domain::invoice::Invoice;
use domain::locale::Locale;
use domain::metadata::Metadata;
use domain::money::Money;
use domain::redirect::RedirectUrl;
use domain::seller::Seller;
use domain::text::refuse_unfit;
use domain::timestamp::Timestamp;
use domain::validation::Invalid;
use serde::Serialize;

use super::fault::{Fault, FieldFault};
use super::number::ExactNumber;
use super::reader::{Reader, choice, number, text};
use super::{Asked, Endpoint, Ids, RequestIdPlace, iso, json};

/// The languages of the page.
const LOCALES: [(&str, &str); 2] = [("en", "en"), ("sv", "sv")];
/// What a session may be asked to do.
const MODES: [(&str, Mode); 3] =
    [("payment", Mode::Payment), ("bank_transfer_payment", Mode::BankTransferPayment), ("setup", Mode::Setup)];
/// The most characters of what names an invoice.
const INVOICE_NAME_CHARS_MAX: usize = 100;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Payment,
    BankTransferPayment,
    Setup,
}

impl Mode {
    /// What a checkout of an invoice does in this mode. A method is stored for the invoice's customer.
    fn purpose(self, reader: &mut Reader<'_>, invoice: &Invoice, amount: Option<Money>) -> Option<CheckoutPurpose> {
        if self != Self::Setup {
            let by_bank_transfer = self == Self::BankTransferPayment;
            return Some(CheckoutPurpose::Pay { invoice_id: invoice.id, amount, by_bank_transfer });
        }
        if amount.is_some() {
            let expected = "must be absent in the mode setup, which charges nothing";
            reader.validator.refuse("amount", Invalid::new("EXCLUSIVE", expected));
        }
        let expected = "must be an invoice with a customer, whose payment method is stored";
        let customer = invoice.customer_id.ok_or_else(|| Invalid::new("NEEDS_CUSTOMER", expected));
        let customer_id = reader.validator.check("invoiceId", customer)?;
        Some(CheckoutPurpose::Setup { customer_id })
    }
}

/// `POST /api/billing/stripe-checkout`.
pub(super) struct Checkout;

/// What is answered.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Data {
    session_id: String,
    session_url: String,
    /// The domain's names are those of the reference: `card` and `bank_transfer`.
    payment_type: PaymentType,
}

impl Data {
    fn of(session: &CheckoutSession) -> Result<Self, Fault> {
        let url = session.url.clone().ok_or_else(|| Error::internal("a session that is made has a page"))?;
        Ok(Self { session_id: session.id.to_string(), session_url: url, payment_type: session.payment_type })
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Success<'a> {
    success: bool,
    timestamp: String,
    request_id: &'a str,
    data: Data,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Failure<'a> {
    code: &'a str,
    error: &'a str,
    message: &'a str,
    request_id: &'a str,
    timestamp: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<FieldFault>,
}

/// What a request says by itself, before anything is looked up.
struct Wire {
    invoice: Option<InvoiceName>,
    amount: Option<Option<ExactNumber>>,
    mode: Option<Mode>,
    locale: Option<Locale>,
    return_url: Option<RedirectUrl>,
    cancel_url: Option<RedirectUrl>,
}

/// What names an invoice: our id, or the number that its seller knows it by.
enum InvoiceName {
    Id(InvoiceId),
    Number(String),
}

impl InvoiceName {
    fn parse(text: &str) -> Result<Self, Invalid> {
        if text.is_empty() {
            return Err(Invalid::required());
        }
        match text.parse() {
            Ok(id) => Ok(Self::Id(id)),
            Err(_) => refuse_unfit(text, INVOICE_NAME_CHARS_MAX).map(|()| Self::Number(text.to_owned())),
        }
    }
}

fn read(reader: &mut Reader<'_>, seller: &Seller) -> Wire {
    let url = |text: String| RedirectUrl::parse(&text, &seller.redirects);
    Wire {
        invoice: reader.required("invoiceId", |raw| InvoiceName::parse(&text(raw)?)),
        amount: reader.optional("amount", number),
        mode: reader.required("mode", |raw| choice(raw, &MODES)),
        locale: reader.required("locale", |raw| choice(raw, &LOCALES).and_then(Locale::parse)),
        return_url: reader.required("returnUrl", |raw| text(raw).and_then(url)),
        cancel_url: reader.required("cancelUrl", |raw| text(raw).and_then(url)),
    }
}

/// The amount asked for, in the invoice's currency. Without an invoice something else is wrong already.
fn amount(
    reader: &mut Reader<'_>,
    written: Option<Option<ExactNumber>>,
    invoice: Option<&Invoice>,
) -> Option<Option<Money>> {
    match (written?, invoice) {
        (None, _) => Some(None),
        (Some(_), None) => None,
        (Some(written), Some(invoice)) => {
            let minor = written.minor_units(invoice.currency.exponent());
            let money = minor.and_then(|minor| Money::positive(minor, invoice.currency));
            reader.validator.check("amount", money).map(Some)
        }
    }
}

impl Endpoint for Checkout {
    const PATH: &'static str = "/api/billing/stripe-checkout";
    const REQUEST_ID: RequestIdPlace = RequestIdPlace::Field("requestId");
    const NAMES: &'static [(&'static str, &'static str)] = &[
        ("invoice_id", "invoiceId"),
        ("amount.minor_units", "amount"),
        ("amount.currency_code", "amount"),
        // A provider that refuses an amount names the items that it was asked to sell.
        ("line_items", "amount"),
        ("return_url", "returnUrl"),
        ("cancel_url", "cancelUrl"),
        ("request_id", "requestId"),
        ("seller_id", "X-Seller-Id"),
    ];
    type Data = Data;

    async fn answer(app: &App, asked: Asked<'_>) -> Result<Data, Fault> {
        let Asked { caller, seller, request_id, mut reader } = asked;
        let wire = read(&mut reader, &seller);
        // An amount is in units of the invoice's currency, so the invoice comes first; it also tells its own id.
        let found = match &wire.invoice {
            None => None,
            Some(InvoiceName::Id(id)) => Some(app.get_invoice(&caller, *id).await),
            Some(InvoiceName::Number(number)) => Some(app.get_invoice_by_number(&seller, number).await),
        };
        let invoice = match found {
            Some(Err(error)) => {
                // What is wrong with the request itself comes before what is not there.
                reader.close(Some(()))?;
                return Err(error.into());
            }
            Some(Ok(invoice)) => Some(invoice),
            None => None,
        };
        let amount = amount(&mut reader, wire.amount, invoice.as_ref());
        let purpose = match (wire.mode, &invoice, amount) {
            (Some(mode), Some(invoice), Some(amount)) => mode.purpose(&mut reader, invoice, amount),
            _ => None,
        };
        let command = purpose.and_then(|purpose| {
            Some(CreateInvoiceCheckout {
                purpose,
                locale: Some(wire.locale?),
                return_url: wire.return_url?,
                cancel_url: Some(wire.cancel_url?),
                metadata: Metadata::default(),
            })
        });
        let (request_id, command) = reader.close(request_id.zip(command))?;
        let session = app.create_invoice_checkout(Mutation { caller, seller, request_id, command }).await?;
        Data::of(&session)
    }

    fn success(ids: &Ids, at: Timestamp, data: Data) -> Response {
        json(&Success { success: true, timestamp: iso(at), request_id: &ids.request, data })
    }

    fn failure(ids: &Ids, at: Timestamp, fault: Fault) -> Response {
        json(&Failure {
            code: fault.code,
            error: fault.status.canonical_reason().unwrap_or_default(),
            message: &fault.message,
            request_id: &ids.request,
            timestamp: iso(at),
            details: fault.details,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::json::contract;

    #[test]
    fn the_description_has_the_fields_choices_and_bounds_of_the_code() {
        let schema = contract::request_schema::<Checkout>();
        let seller = contract::seller();
        contract::same_fields::<Checkout>(&schema, |reader| {
            read(reader, &seller);
        });
        contract::same_choices(&schema["properties"]["locale"], LOCALES.map(|(name, _)| name));
        contract::same_choices(&schema["properties"]["mode"], MODES.map(|(name, _)| name));
        assert_eq!(schema["properties"]["amount"]["maximum"], json!(Money::MINOR_MAX));
        assert_eq!(schema["properties"]["invoiceId"]["maxLength"], json!(INVOICE_NAME_CHARS_MAX));
        for field in ["returnUrl", "cancelUrl"] {
            assert_eq!(schema["properties"][field]["maxLength"], json!(RedirectUrl::CHARS_MAX));
        }
    }

    #[test]
    fn the_reference_request_is_read_as_it_is() {
        let seller = contract::seller();
        let examples = contract::request_examples::<Checkout>();
        assert!(examples.iter().any(|example| example["invoiceId"] == "51910" && example["locale"] == "sv"));
        for example in examples {
            let body = example.to_string();
            let mut reader = Reader::open(body.as_bytes()).unwrap();
            reader.optional("requestId", text);
            let wire = read(&mut reader, &seller);
            reader.close(Some(())).unwrap();
            assert_eq!((wire.mode, example["mode"].as_str()), (Some(Mode::Payment), Some("payment")));
            assert_eq!(wire.amount.map(|amount| amount.is_some()), Some(example.get("amount").is_some()));
        }
    }
}
