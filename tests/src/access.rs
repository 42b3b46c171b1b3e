//! Who may call: API keys, their scopes, and sellers that see nothing of each other.

use api_proto::v1;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::harness::{
    Db, Server, error_parts, invoice_request, item, line, mask, on_both_databases, sek_amount, unique,
};

on_both_databases!(keys_open_what_they_say_and_nothing_else, what_depends_on_a_seller_is_that_of_the_thing);

const CONFIG: &str = "access = \"api_keys\"\n\
    [[sellers]]\nid = \"one\"\nname = \"One AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntax_registrations = [{ country = \"SE\" }]\n\
    [[sellers]]\nid = \"two\"\nname = \"Two AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\ntax_registrations = [{ country = \"SE\" }]\n";

type Keyed<F> = InterceptedService<Channel, F>;
type Invoices<F> = v1::invoice_service_client::InvoiceServiceClient<Keyed<F>>;
type Events<F> = v1::event_service_client::EventServiceClient<Keyed<F>>;

fn invoices(server: &Server, token: &str) -> Invoices<impl FnMut(Request<()>) -> Result<Request<()>, Status> + Clone> {
    v1::invoice_service_client::InvoiceServiceClient::with_interceptor(server.channel.clone(), with_token(token))
}

fn events(server: &Server, token: &str) -> Events<impl FnMut(Request<()>) -> Result<Request<()>, Status> + Clone> {
    v1::event_service_client::EventServiceClient::with_interceptor(server.channel.clone(), with_token(token))
}

fn with_token(token: &str) -> impl FnMut(Request<()>) -> Result<Request<()>, Status> + Clone + use<> {
    let bearer: tonic::metadata::MetadataValue<_> = format!("Bearer {token}").parse().unwrap();
    move |mut request: Request<()>| {
        request.metadata_mut().insert("authorization", bearer.clone());
        Ok(request)
    }
}

/// Makes a key of a seller; answers its id and its token.
pub(crate) async fn create_key(server: &Server, scope: &str, seller: &str, more: &[&str]) -> (String, String) {
    let create = ["keys", "create", "--json", "--name", "test", "--scope", scope, "--seller", seller];
    let told = server.command(&[create.as_slice(), more].concat()).await;
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    let value_of = |what: &str| told[what].as_str().unwrap().to_owned();
    (value_of("id"), value_of("token"))
}

async fn keys_open_what_they_say_and_nothing_else(db: Db) {
    let server = Server::start_with(db, CONFIG).await;
    let list = v1::ListInvoicesRequest::default;
    let status = server.invoices().list_invoices(list()).await.unwrap_err();
    assert_eq!(
        (error_parts(&status).0, error_parts(&status).1.as_str()),
        (Code::Unauthenticated, "CREDENTIALS_MISSING")
    );
    for wrong in ["pl_0123456789abcdef_00", "nonsense", "pl__"] {
        let status = invoices(&server, wrong).list_invoices(list()).await.unwrap_err();
        assert_eq!(
            (error_parts(&status).0, error_parts(&status).1.as_str()),
            (Code::Unauthenticated, "CREDENTIALS_INVALID"),
            "{wrong}"
        );
    }
    let (writer_id, writer) = create_key(&server, "write", "one", &[]).await;
    let (_, reader) = create_key(&server, "read", "one", &[]).await;
    let (_, other) = create_key(&server, "write", "two", &[]).await;
    let create =
        || v1::CreateInvoiceRequest { lines: vec![line(10_000)], request_id: unique("invoice"), ..invoice_request() };
    let invoice = invoices(&server, &writer).create_invoice(create()).await.unwrap().into_inner().invoice.unwrap();
    let status = invoices(&server, &reader).create_invoice(create()).await.unwrap_err();
    assert_eq!(
        (error_parts(&status).0, error_parts(&status).1.as_str()),
        (Code::PermissionDenied, "SCOPE_INSUFFICIENT")
    );
    let get = v1::GetInvoiceRequest { id: invoice.id.clone() };
    assert!(invoices(&server, &reader).get_invoice(get.clone()).await.is_ok());
    assert_eq!(invoices(&server, &other).get_invoice(get.clone()).await.unwrap_err().code(), Code::NotFound);
    let void = v1::VoidInvoiceRequest { request_id: unique("void"), id: invoice.id, ..Default::default() };
    assert_eq!(invoices(&server, &other).void_invoice(void).await.unwrap_err().code(), Code::NotFound);
    let foreign = v1::CreateInvoiceRequest { seller_id: "two".to_owned(), ..create() };
    assert_eq!(invoices(&server, &writer).create_invoice(foreign).await.unwrap_err().code(), Code::NotFound);
    let mut stream =
        events(&server, &writer).stream_events(v1::StreamEventsRequest::default()).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().unwrap().event.is_none());
    server.command(&["keys", "revoke", &writer_id]).await;
    // The next event would have been its.
    invoices(&server, &other).create_invoice(create()).await.unwrap();
    let ended = tokio::time::timeout(crate::harness::PATIENCE, stream.message()).await.unwrap().unwrap_err();
    assert_eq!(ended.code(), Code::Unauthenticated);
    assert_eq!(invoices(&server, &writer).get_invoice(get).await.unwrap_err().code(), Code::Unauthenticated);
    let listed = server.command(&["keys", "list"]).await;
    // A heading, a line for each key, and where they are.
    assert!(listed.contains("revoked") && listed.lines().count() == 5 && !listed.contains(&writer));
}

async fn what_depends_on_a_seller_is_that_of_the_thing(db: Db) {
    let seller = |id: &str| {
        format!(
            "[[sellers]]\nid = \"{id}\"\nname = \"{id} AB\"\ncountry = \"SE\"\ncurrency = \"SEK\"\n\
             redirect_hosts = [\"{id}.example.com\"]\n"
        )
    };
    let server = Server::start_with(db, &(seller("one") + &seller("two"))).await;
    let request_id = unique("update");
    // The caller has both sellers; one request id may be used once for the things of each.
    for (owner, foreign) in [("one", "two"), ("two", "one")] {
        let request = v1::CreatePaymentLinkRequest {
            seller_id: owner.to_owned(),
            request_id: unique("link"),
            line_items: vec![item("Ticket", 10_000, 1)],
            ..Default::default()
        };
        let link = server.links().create_payment_link(request).await.unwrap().into_inner().payment_link.unwrap();
        let change = |host: &str| {
            let redirect = v1::Redirect { url: format!("https://{host}.example.com/thanks") };
            let kind = Some(v1::after_completion::Kind::Redirect(redirect));
            let after_completion = Some(v1::AfterCompletion { kind });
            let payment_link = Some(v1::PaymentLink { id: link.id.clone(), after_completion, ..Default::default() });
            let update_mask = mask(&["after_completion"]);
            v1::UpdatePaymentLinkRequest { request_id: request_id.clone(), payment_link, update_mask }
        };
        let status = server.links().update_payment_link(change(foreign)).await.unwrap_err();
        assert_eq!(error_parts(&status).2, ["payment_link.after_completion.redirect.url"]);
        server.links().update_payment_link(change(owner)).await.unwrap();
    }

    let rate = v1::CreateTaxRateRequest {
        seller_id: "one".to_owned(),
        request_id: unique("rate"),
        display_name: "VAT".to_owned(),
        percentage: "25".to_owned(),
        ..Default::default()
    };
    let rate = server.tax().create_tax_rate(rate).await.unwrap().into_inner().tax_rate.unwrap();
    let manual = v1::ManualTax { tax_rate_ids: vec![rate.id] };
    let calculate = |seller: &str| v1::CalculateTaxRequest {
        seller_id: seller.to_owned(),
        lines: vec![v1::TaxLine {
            amount: Some(sek_amount(10_000)),
            tax_behavior: v1::TaxBehavior::Exclusive as i32,
            tax: Some(v1::LineTax { treatment: Some(v1::line_tax::Treatment::Manual(manual.clone())) }),
        }],
        ..Default::default()
    };
    assert!(server.tax().calculate_tax(calculate("one")).await.is_ok());
    let status = server.tax().calculate_tax(calculate("two")).await.unwrap_err();
    assert_eq!(error_parts(&status).2, ["lines[0].tax.manual.tax_rate_ids[0]"]);
}
