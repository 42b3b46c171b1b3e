//! Who may call: API keys, their scopes, and sellers that see nothing of each other.

use api_proto::v1;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::harness::{Db, Server, invoice_request, line, on_both_databases, told, unique};

on_both_databases!(keys_open_what_they_say_and_nothing_else);

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

async fn create_key(server: &Server, scope: &str, seller: &str) -> (String, String) {
    let text = server.command(&["keys", "create", "--name", "test", "--scope", scope, "--seller", seller]).await;
    let told = |what: &str| text.lines().find_map(|line| line.strip_prefix(what)).unwrap().trim().to_owned();
    (told("id "), told("token "))
}

async fn keys_open_what_they_say_and_nothing_else(db: Db) {
    let server = Server::start_with(db, CONFIG).await;
    let list = v1::ListInvoicesRequest::default;
    let status = server.invoices().list_invoices(list()).await.unwrap_err();
    assert_eq!((told(&status).0, told(&status).1.as_str()), (Code::Unauthenticated, "CREDENTIALS_MISSING"));
    for wrong in ["pl_0123456789abcdef_00", "nonsense", "pl__"] {
        let status = invoices(&server, wrong).list_invoices(list()).await.unwrap_err();
        assert_eq!(
            (told(&status).0, told(&status).1.as_str()),
            (Code::Unauthenticated, "CREDENTIALS_INVALID"),
            "{wrong}"
        );
    }
    let (writer_id, writer) = create_key(&server, "write", "one").await;
    let (_, reader) = create_key(&server, "read", "one").await;
    let (_, other) = create_key(&server, "write", "two").await;
    let create =
        || v1::CreateInvoiceRequest { lines: vec![line(10_000)], request_id: unique("invoice"), ..invoice_request() };
    let invoice = invoices(&server, &writer).create_invoice(create()).await.unwrap().into_inner().invoice.unwrap();
    let status = invoices(&server, &reader).create_invoice(create()).await.unwrap_err();
    assert_eq!((told(&status).0, told(&status).1.as_str()), (Code::PermissionDenied, "SCOPE_INSUFFICIENT"));
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
    assert!(listed.contains("revoked") && listed.lines().count() == 4 && !listed.contains(&writer));
}
