//! The whole story against a running server and its sandbox: product, customer, invoice with tax, link, the page, a
//! payment with a test card, the webhook, the invoice paid, the event.

use std::io::Write;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use api_proto::v1;
use api_proto::v1::catalog_service_client::CatalogServiceClient;
use api_proto::v1::customer_service_client::CustomerServiceClient;
use api_proto::v1::event_service_client::EventServiceClient;
use api_proto::v1::invoice_service_client::InvoiceServiceClient;
use api_proto::v1::payment_link_service_client::PaymentLinkServiceClient;
use tonic::transport::Channel;

/// The longest that the story may wait for one thing.
const PATIENCE: Duration = Duration::from_secs(30);

/// Plays the story against the server at `grpc_url`, and tells it to `out`.
///
/// # Errors
/// Anything in it does not come as it should.
pub async fn run(grpc_url: &str, out: &mut impl Write) -> Result<()> {
    let channel = Channel::from_shared(grpc_url.to_owned())?.connect().await.context("the server can't be reached")?;
    let mut events =
        EventServiceClient::new(channel.clone()).stream_events(v1::StreamEventsRequest::default()).await?.into_inner();

    let price = create_price(&channel, out).await?;
    let customer = create_customer(&channel, out).await?;
    let invoice = create_invoice(&channel, &price, &customer, out).await?;
    let link = create_link(&channel, &invoice.id, out).await?;
    pay(&link.url, out).await?;

    loop {
        let message = tokio::time::timeout(PATIENCE, events.message()).await.context("no event came in time")??;
        let Some(event) = message.context("the stream of events ended")?.event else { continue };
        writeln!(out, "  event     {}  {}", event.cursor, event.r#type)?;
        if event.r#type == "invoice.paid" {
            break;
        }
    }
    let request = v1::GetInvoiceRequest { id: invoice.id };
    let paid = InvoiceServiceClient::new(channel).get_invoice(request).await?.into_inner().invoice.unwrap_or_default();
    if paid.state() != v1::InvoiceState::Paid {
        bail!("the invoice is {:?}, not paid", paid.state());
    }
    writeln!(
        out,
        "Invoice {} is paid: {} of {}.",
        paid.number,
        amount(paid.amount_paid.as_ref()),
        amount(paid.total.as_ref())
    )?;
    Ok(())
}

async fn create_price(channel: &Channel, out: &mut impl Write) -> Result<v1::Price> {
    let mut catalog = CatalogServiceClient::new(channel.clone());
    let request = v1::CreateProductRequest {
        request_id: "demo-product".to_owned(),
        name: "Web hosting, one year".to_owned(),
        ..v1::CreateProductRequest::default()
    };
    let product = catalog.create_product(request).await?.into_inner().product.unwrap_or_default();
    writeln!(out, "  product   {}  {}", product.id, product.name)?;
    let request = v1::CreatePriceRequest {
        request_id: "demo-price".to_owned(),
        product_id: product.id,
        unit_price: Some(v1::UnitPrice { minor_units: "128700".to_owned(), currency_code: "SEK".to_owned() }),
        tax_behavior: v1::TaxBehavior::Exclusive as i32,
        ..v1::CreatePriceRequest::default()
    };
    Ok(catalog.create_price(request).await?.into_inner().price.unwrap_or_default())
}

async fn create_customer(channel: &Channel, out: &mut impl Write) -> Result<v1::Customer> {
    let request = v1::CreateCustomerRequest {
        request_id: "demo-customer".to_owned(),
        name: "Ada Lovelace".to_owned(),
        email: "ada@example.com".to_owned(),
        address: Some(v1::Address { country_code: "SE".to_owned(), ..v1::Address::default() }),
        locale: "sv".to_owned(),
        ..v1::CreateCustomerRequest::default()
    };
    let customer = CustomerServiceClient::new(channel.clone()).create_customer(request).await?.into_inner().customer;
    let customer = customer.unwrap_or_default();
    writeln!(out, "  customer  {}  {}", customer.id, customer.name)?;
    Ok(customer)
}

async fn create_invoice(
    channel: &Channel,
    price: &v1::Price,
    customer: &v1::Customer,
    out: &mut impl Write,
) -> Result<v1::Invoice> {
    let line = v1::InvoiceLineInput {
        quantity: 1,
        price: Some(v1::invoice_line_input::Price::PriceId(price.id.clone())),
        tax: Some(v1::LineTax { treatment: Some(v1::line_tax::Treatment::Automatic(v1::AutomaticTax::default())) }),
        ..v1::InvoiceLineInput::default()
    };
    let request = v1::CreateInvoiceRequest {
        request_id: "demo-invoice".to_owned(),
        customer_id: customer.id.clone(),
        currency_code: "SEK".to_owned(),
        lines: vec![line],
        finalize: true,
        ..v1::CreateInvoiceRequest::default()
    };
    let invoice = InvoiceServiceClient::new(channel.clone()).create_invoice(request).await?.into_inner().invoice;
    let invoice = invoice.unwrap_or_default();
    writeln!(out, "  invoice   {}  {}", invoice.id, invoice.number)?;
    writeln!(
        out,
        "            {} and {} of tax: {}",
        amount(invoice.net.as_ref()),
        amount(invoice.tax.as_ref()),
        amount(invoice.total.as_ref())
    )?;
    Ok(invoice)
}

async fn create_link(channel: &Channel, invoice_id: &str, out: &mut impl Write) -> Result<v1::PaymentLink> {
    let request = v1::CreatePaymentLinkRequest {
        request_id: "demo-link".to_owned(),
        invoice_id: invoice_id.to_owned(),
        ..v1::CreatePaymentLinkRequest::default()
    };
    let link =
        PaymentLinkServiceClient::new(channel.clone()).create_payment_link(request).await?.into_inner().payment_link;
    let link = link.unwrap_or_default();
    writeln!(out, "  link      {}  {}", link.id, link.url)?;
    Ok(link)
}

/// Opens the page as a browser does, and pays with a test card.
async fn pay(url: &str, out: &mut impl Write) -> Result<()> {
    let browser = reqwest::Client::builder().timeout(PATIENCE).no_proxy().build()?;
    let page = browser.get(url).send().await?.error_for_status()?;
    let session = page.url().clone();
    let html = page.text().await?;
    let token = html
        .split_once("name=\"token\" value=\"")
        .and_then(|(_, rest)| rest.split_once('"'))
        .map(|(token, _)| token.to_owned())
        .context("the page has no form")?;
    writeln!(out, "  page      {session}")?;
    let form = [
        ("token", token.as_str()),
        ("locale", "sv"),
        ("email", "ada@example.com"),
        ("card_number", "4242 4242 4242 4242"),
        ("card_expiry", "12 / 34"),
        ("card_cvc", "123"),
        ("name", "Ada Lovelace"),
        ("country", "SE"),
    ];
    let answer = browser.post(session).form(&form).send().await?;
    if !answer.status().is_success() {
        bail!("the page did not take the test card: {}", answer.status());
    }
    writeln!(out, "  paid      with the test card 4242 4242 4242 4242")?;
    Ok(())
}

/// An amount as a person reads it; the demo is in a currency of two decimals.
fn amount(money: Option<&v1::Money>) -> String {
    money.map_or_else(String::new, |money| {
        format!("{}.{:02} {}", money.minor_units / 100, money.minor_units % 100, money.currency_code)
    })
}
