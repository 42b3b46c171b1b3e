//! Bills somebody, and waits until the invoice is paid. The server is where `PAYLINKS_SERVER` says, such as
//! `http://127.0.0.1:50051` or `127.0.0.1:50051`; a key, where one is needed, is in `PAYLINKS_API_KEY`.
#![expect(clippy::print_stdout, reason = "an example tells what it does")]

use std::time::Duration;

use api_proto::v1;
use api_proto::v1::event_service_client::EventServiceClient;
use api_proto::v1::invoice_service_client::InvoiceServiceClient;
use api_proto::v1::payment_link_service_client::PaymentLinkServiceClient;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Response, Status};
use tonic_types::StatusExt;

/// The way to the server, and the key, if there is one.
struct Caller {
    channel: Channel,
    key: Option<MetadataValue<Ascii>>,
}

impl Caller {
    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(key) = &self.key {
            request.metadata_mut().insert("authorization", key.clone());
        }
        request
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = std::env::var("PAYLINKS_SERVER").unwrap_or_else(|_| "127.0.0.1:50051".to_owned());
    let server = if server.contains("://") { server } else { format!("http://{server}") };
    let key = std::env::var("PAYLINKS_API_KEY").ok().map(|key| format!("Bearer {key}").parse()).transpose()?;
    let channel = Endpoint::from_shared(server)?.timeout(Duration::from_secs(30)).connect().await?;
    let caller = Caller { channel, key };
    let unit_price = Some(v1::UnitPrice { minor_units: "128700".to_owned(), currency_code: "SEK".to_owned() });
    let price = v1::InlinePrice { unit_price, tax_behavior: v1::TaxBehavior::Exclusive.into() };
    let line = v1::InvoiceLineInput {
        description: "Web hosting".to_owned(),
        quantity: 1,
        price: Some(v1::invoice_line_input::Price::PriceData(price)),
        tax: Some(v1::LineTax { treatment: Some(v1::line_tax::Treatment::Automatic(v1::AutomaticTax::default())) }),
        discount: None,
    };
    let to_bill = v1::CreateInvoiceRequest {
        request_id: request_id(),
        currency_code: "SEK".to_owned(),
        lines: vec![line],
        finalize: true,
        ..Default::default()
    };
    let invoices = InvoiceServiceClient::new(caller.channel.clone());
    let billed = retried(async || invoices.clone().create_invoice(caller.request(to_bill.clone())).await).await?;
    let invoice_id = billed.invoice.unwrap_or_default().id;
    let to_pay =
        v1::CreatePaymentLinkRequest { request_id: request_id(), invoice_id: invoice_id.clone(), ..Default::default() };
    let links = PaymentLinkServiceClient::new(caller.channel.clone());
    let link = retried(async || links.clone().create_payment_link(caller.request(to_pay.clone())).await).await?;
    println!("pay at {}", link.payment_link.unwrap_or_default().url);
    let paid = wait_until_paid(&caller, &invoice_id).await?;
    let amount = paid.amount_paid.unwrap_or_default();
    println!("{} is paid: {} minor units of {}", paid.number, amount.minor_units, amount.currency_code);
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "ids of requests are the caller's own")]
fn request_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// Tries a call again where that may help, five times in all; one that took too long is told as canceled. Each has a request
/// id, so whatever came of the last try, it is done once.
async fn retried<T>(mut call: impl AsyncFnMut() -> Result<Response<T>, Status>) -> Result<T, Status> {
    let mut wait = Duration::from_millis(200);
    for _ in 1..5 {
        match call().await {
            Err(status) if matches!(status.code(), Code::Unavailable | Code::Aborted | Code::Cancelled) => {
                let told = status.get_details_retry_info().and_then(|info| info.retry_delay);
                tokio::time::sleep(told.unwrap_or(wait)).await;
                wait *= 2;
            }
            called => return called.map(Response::into_inner),
        }
    }
    call().await.map(Response::into_inner)
}

/// Follows the invoice's events from the first on, which may have come before this was called. Where the server was restarted,
/// or the network broke, the stream is begun again behind the last cursor.
async fn wait_until_paid(caller: &Caller, invoice_id: &str) -> Result<v1::Invoice, Status> {
    let mut cursor = "0".to_owned();
    let mut follow = async || {
        let subject_id = invoice_id.to_owned();
        let request = v1::StreamEventsRequest { after_cursor: cursor.clone(), subject_id, ..Default::default() };
        let mut events = EventServiceClient::new(caller.channel.clone());
        let mut stream = events.stream_events(caller.request(request)).await?.into_inner();
        while let Some(message) = stream.message().await? {
            if let Some(event) = message.event {
                println!("{} {}", event.cursor, event.r#type);
                if let ("invoice.paid", Some(v1::event::Subject::Invoice(paid))) = (&*event.r#type, event.subject) {
                    return Ok(paid);
                }
            }
            cursor = message.cursor;
        }
        Err(Status::unavailable("the stream ended"))
    };
    loop {
        match follow().await {
            Err(status)
                if matches!(status.code(), Code::Unavailable | Code::Internal | Code::Unknown | Code::Cancelled) =>
            {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            told => return told,
        }
    }
}
