//! What the log of a server never has, however much of it is asked for: keys, secrets, and what callers and customers say.

use std::path::Path;
use std::process::Stdio;

use api_proto::v1;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tonic::service::Interceptor;
use tonic::{Request, Status};

use crate::access::create_key;
use crate::harness::{Db, Server, eventually, http, item, line, paylinks, unique};
use crate::mail::MailServer;
use crate::telemetry::Collector;

/// Part of every name, address and text that is planted.
const MARK: &str = "kanari";
const PHONE: &str = "+46709998877";
const TAX_ID: &str = "SE556703748501";
const CARD: &str = "4242424242424242";
const DECLINED: &str = "4000000000000002";
const MAIL_PASSWORD: &str = "kanari-smtp-password";
const PROVIDER_KEY: &str = "sk_test_kanariprovider";

const CONFIG: &str = r#"access = "api_keys"
[[sellers]]
id = "acme"
name = "Kanari Seller AB"
country = "SE"
line1 = "Kanarigatan 1"
postal_code = "111 22"
city = "Kanaristad"
email = "seller@kanari.example"
phone = "+46709998877"
tax_ids = ["SE556703748501"]
tax_registrations = [{ country = "SE" }]
currency = "SEK"
transfer = { iban = "SE45 5000 0000 0583 9825 7466", reference = "Kanari {number}" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_planted_is_in_the_log() {
    let login = format!("kanariuser:{MAIL_PASSWORD}");
    for format in ["text", "json"] {
        // One each: nobody reads what it tells, and it waits once that is much.
        let Some(post) = MailServer::start(&["--login", &login]).await else { return };
        let directory = tempfile::tempdir().unwrap();
        let log = directory.path().join("log");
        let collector = Collector::start().await;
        let (server, secrets) = start(format, &log, (&post, &collector)).await;
        let more = Box::pin(play(&server, &secrets)).await;
        // What is traced is told to others as well: it must be as clean.
        eventually(async || collector.text().contains("CreateCustomer").then_some(())).await;
        let log = std::fs::read_to_string(&log).unwrap() + &collector.text();
        // It is the log of what was played, at its fullest.
        for expected in
            ["ready", "CreateCustomer", "CREDENTIALS_INVALID", "called the provider", "a notification was refused"]
        {
            assert!(log.contains(expected), "{format}: no {expected} in\n{log}");
        }
        let fixed =
            [MARK, "709998877", "556703748501", "5000000005839825", CARD, "4242 4242", DECLINED, "Basic ", "Bearer "];
        let planted = fixed.into_iter().map(str::to_owned).chain(secrets.all()).chain(more);
        let found: Vec<_> = planted
            .filter(|text| log.to_lowercase().contains(&text.to_lowercase()))
            .map(|text| (log.lines().find(|line| line.to_lowercase().contains(&text.to_lowercase())).unwrap(), text))
            .collect();
        assert!(found.is_empty(), "{format}: {found:#?}");
    }
}

/// What opens something.
struct Secrets {
    key: String,
    webhook: String,
}

impl Secrets {
    /// Each of them, and the part of each that is the secret.
    fn all(&self) -> Vec<String> {
        let key = self.key.rsplit('_').next().unwrap().to_owned();
        let webhook = self.webhook.trim_start_matches("whsec_").to_owned();
        vec![key, webhook, MAIL_PASSWORD.to_owned(), PROVIDER_KEY.to_owned()]
    }
}

/// A server whose provider is a sandbox of its own process, with everything logged.
async fn start(format: &str, log: &Path, (post, collector): (&MailServer, &Collector)) -> (Server, Secrets) {
    let mut sandbox = paylinks(&[]);
    let sandbox = sandbox.args(["sandbox", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped());
    let mut sandbox = sandbox.spawn().unwrap();
    let greeting = BufReader::new(sandbox.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
    let url = greeting.split_whitespace().find(|word| word.starts_with("http://")).unwrap().trim_end_matches('.');
    let endpoint =
        at_provider(url, "/v1/webhook_endpoints", &[("url", "http://127.0.0.1:9/"), ("enabled_events[0]", "*")]);
    let endpoint = endpoint.await;
    let webhook = endpoint["secret"].as_str().unwrap().to_owned();
    let config = format!("{CONFIG}{}username = \"kanariuser\"\n", post.config());
    let [endpoint_of_traces, delay_of_traces] = collector.environment();
    let environment = [
        endpoint_of_traces,
        delay_of_traces,
        ("PAYLINKS_LOG", "trace"),
        ("PAYLINKS_LOG_FORMAT", format),
        ("PAYLINKS_MAIL_PASSWORD", MAIL_PASSWORD),
        ("STRIPE_API_KEY", PROVIDER_KEY),
        ("STRIPE_WEBHOOK_SECRET", &webhook),
        ("STRIPE_API_BASE", url),
    ];
    let mut server = Server::start_logged(Db::Sqlite, &config, &environment, log).await;
    server.sandbox = url.to_owned();
    server.keep(sandbox);
    let hook = format!("{}/webhooks/stripe", server.http);
    let path = format!("/v1/webhook_endpoints/{}", endpoint["id"].as_str().unwrap());
    at_provider(url, &path, &[("url", &hook)]).await;
    let key = create_key(&server, "admin", "acme", &[]).await.1;
    (server, Secrets { key, webhook })
}

async fn at_provider(url: &str, path: &str, form: &[(&str, &str)]) -> Value {
    let answer = http().post(format!("{url}{path}")).bearer_auth(PROVIDER_KEY).form(form).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    answer.json().await.unwrap()
}

#[derive(Clone)]
struct Key(String);

impl Interceptor for Key {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", format!("Bearer {}", self.0).parse().unwrap());
        Ok(request)
    }
}

/// The story, with its failures; answers what else must not be told.
async fn play(server: &Server, secrets: &Secrets) -> Vec<String> {
    let key = Key(secrets.key.clone());
    macro_rules! client {
        ($module:ident, $client:ident) => {
            v1::$module::$client::with_interceptor(server.channel.clone(), key.clone())
        };
    }
    let mut customers = client!(customer_service_client, CustomerServiceClient);
    let mut invoices = client!(invoice_service_client, InvoiceServiceClient);
    let mut links = client!(payment_link_service_client, PaymentLinkServiceClient);
    let mut checkouts = client!(checkout_service_client, CheckoutServiceClient);
    let mut payments = client!(payment_service_client, PaymentServiceClient);
    let mut tax = client!(tax_service_client, TaxServiceClient);
    let mut catalog = client!(catalog_service_client, CatalogServiceClient);

    let metadata = [("kanarikey".to_owned(), "kanarivalue".to_owned())];
    let customer = v1::CreateCustomerRequest {
        request_id: unique("customer"),
        name: "Kanari Ada".to_owned(),
        email: "ada@kanari.example".to_owned(),
        address: Some(v1::Address {
            line1: "Kanarivägen 1".to_owned(),
            postal_code: "111 22".to_owned(),
            city: "Kanariköping".to_owned(),
            country_code: "SE".to_owned(),
            ..v1::Address::default()
        }),
        tax_ids: vec![TAX_ID.to_owned()],
        metadata: metadata.clone().into(),
        ..v1::CreateCustomerRequest::default()
    };
    let made = customers.create_customer(customer.clone()).await.unwrap().into_inner().customer.unwrap();
    // The same id with something else, and what is malformed.
    let other = v1::CreateCustomerRequest { name: "Kanari Bo".to_owned(), ..customer.clone() };
    customers.create_customer(other).await.unwrap_err();
    let bad = v1::CreateCustomerRequest {
        request_id: unique("customer"),
        name: format!("Kanari {CARD}"),
        email: "kanari at example".to_owned(),
        tax_ids: vec!["SEkanari".to_owned()],
        ..customer
    };
    customers.create_customer(bad).await.unwrap_err();
    let product = v1::CreateProductRequest {
        request_id: unique("product"),
        name: "Kanari chair".to_owned(),
        description: "Kanari description".to_owned(),
        metadata: metadata.clone().into(),
        ..v1::CreateProductRequest::default()
    };
    catalog.create_product(product).await.unwrap();
    let check = v1::CheckTaxIdRequest { request_id: unique("check"), tax_id: TAX_ID.to_owned(), ..Default::default() };
    tax.check_tax_id(check).await.unwrap();

    let draft = v1::CreateInvoiceRequest {
        request_id: unique("invoice"),
        customer_id: made.id.clone(),
        currency_code: "SEK".to_owned(),
        lines: vec![v1::InvoiceLineInput { description: "Kanari hosting".to_owned(), ..line(10_000) }],
        description: "Kanari order".to_owned(),
        metadata: metadata.clone().into(),
        finalize: true,
        ..v1::CreateInvoiceRequest::default()
    };
    let invoice = invoices.create_invoice(draft).await.unwrap().into_inner().invoice.unwrap();
    let share = v1::ShareInvoiceRequest { id: invoice.id.clone(), ..Default::default() };
    let shared = invoices.share_invoice(share).await.unwrap().into_inner().url;
    assert_eq!(http().get(&shared).send().await.unwrap().status().as_u16(), 200);
    let mut forged = shared.clone();
    forged.truncate(shared.len() - 2);
    assert_ne!(http().get(&forged).send().await.unwrap().status().as_u16(), 200);
    let document = v1::RenderInvoiceRequest {
        id: invoice.id.clone(),
        kind: v1::InvoiceDocumentKind::Invoice as i32,
        ..Default::default()
    };
    invoices.render_invoice(document).await.unwrap();
    let mut mails = Vec::new();
    for to in ["ada@kanari.example", "unknown@kanari.example"] {
        let mail = v1::SendInvoiceRequest {
            request_id: unique("mail"),
            invoice_id: invoice.id.clone(),
            to: to.to_owned(),
            ..v1::SendInvoiceRequest::default()
        };
        mails.push(invoices.send_invoice(mail).await.unwrap().into_inner().mail.unwrap().id);
    }

    let checkout = v1::CreateInvoiceCheckoutRequest {
        request_id: unique("checkout"),
        invoice_id: invoice.id.clone(),
        mode: v1::CheckoutMode::Payment as i32,
        return_url: "https://shop.example.com/?who=kanari".to_owned(),
        metadata: metadata.clone().into(),
        ..v1::CreateInvoiceCheckoutRequest::default()
    };
    let session = checkouts.create_invoice_checkout(checkout).await.unwrap().into_inner().checkout_session.unwrap();
    assert_ne!(server.pay(&session.url, DECLINED).await, 200);
    assert_eq!(server.pay(&session.url, CARD).await, 200);
    eventually(async || {
        let get = v1::GetInvoiceRequest { id: invoice.id.clone() };
        let got = invoices.clone().get_invoice(get).await.unwrap().into_inner().invoice.unwrap();
        (got.state() == v1::InvoiceState::Paid).then_some(())
    })
    .await;

    let kind = Some(v1::custom_field::Kind::Text(v1::TextField::default()));
    let link = v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        line_items: vec![item("Kanari T-shirt", 10_000, 1)],
        inactive_message: "Kanari is closed".to_owned(),
        collection: Some(v1::Collection {
            billing_address: v1::AddressCollection::Required as i32,
            phone_number: true,
            custom_fields: vec![v1::CustomField {
                key: "kanarifield".to_owned(),
                label: "Kanari field".to_owned(),
                kind,
                ..v1::CustomField::default()
            }],
            ..v1::Collection::default()
        }),
        metadata: metadata.clone().into(),
        ..v1::CreatePaymentLinkRequest::default()
    };
    let link = links.create_payment_link(link).await.unwrap().into_inner().payment_link.unwrap();
    let share = v1::SharePaymentLinkRequest {
        id: link.id.clone(),
        client_reference_id: "kanari-reference".to_owned(),
        prefilled_email: "ada@kanari.example".to_owned(),
        ..v1::SharePaymentLinkRequest::default()
    };
    let url = links.share_payment_link(share).await.unwrap().into_inner().url;
    let address = json!({"country": "SE", "line1": "Kanarigatan 2", "postal_code": "111 22", "city": "Kanari"});
    let entered = json!({
        "url": url, "email": "bo@kanari.example", "name": "Kanari Bo", "phone": PHONE, "billing": address,
        "custom_fields": {"kanarifield": "Kanari engraving"},
    });
    let paid = server.control("pay", entered).await;
    assert_eq!(paid.status().as_u16(), 200, "{}", paid.text().await.unwrap());
    let of_link = v1::ListPaymentsRequest { payment_link_id: link.id, ..Default::default() };
    let payment = eventually(async || {
        let listed = payments.clone().list_payments(of_link.clone()).await.unwrap().into_inner().payments;
        listed.into_iter().find(|payment| payment.state() == v1::PaymentState::Succeeded)
    })
    .await;
    let refund = v1::CreateRefundRequest {
        request_id: unique("refund"),
        payment_id: payment.id,
        metadata: metadata.into(),
        ..v1::CreateRefundRequest::default()
    };
    payments.create_refund(refund).await.unwrap();
    // What the provider refuses, in its own words.
    let small = v1::CreatePaymentLinkRequest {
        request_id: unique("link"),
        line_items: vec![item("Kanari sweet", 100, 1)],
        ..v1::CreatePaymentLinkRequest::default()
    };
    links.create_payment_link(small).await.unwrap_err();

    over_http(server, secrets).await;
    for id in mails {
        eventually(async || {
            let get = v1::GetInvoiceMailRequest { id: id.clone() };
            let mail = invoices.clone().get_invoice_mail(get).await.unwrap().into_inner().mail.unwrap();
            (mail.state() != v1::InvoiceMailState::Queued).then_some(())
        })
        .await;
    }
    vec![shared.rsplit('/').next().unwrap().to_owned()]
}

/// JSON, webhooks and keys, right and wrong.
async fn over_http(server: &Server, secrets: &Secrets) {
    let wrong = [("authorization", "Bearer kanari".to_owned()), ("x-api-key", format!("{}x", secrets.key))];
    for (name, value) in &wrong {
        let asked = http().post(format!("{}/payments", server.http)).header(*name, value).json(&json!({"kanari": 1}));
        assert_eq!(asked.send().await.unwrap().status().as_u16(), 401);
    }
    let payment = json!({"amount": 12_500, "currency": "SEK", "description": "Kanari consulting"});
    let bad = json!({"amount": "kanari", "currency": "kanari", "description": CARD, "kanari": "kanari"});
    for (body, status) in [(payment.to_string(), 200), (bad.to_string(), 400), ("{kanari".to_owned(), 400)] {
        let asked = http().post(format!("{}/payments", server.http)).header("x-api-key", &secrets.key);
        let asked = asked.header("content-type", "application/json").header("idempotency-key", unique("json"));
        let answer = asked.body(body.clone()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), status, "{body}");
    }
    let event = json!({"id": "evt_kanari", "object": "event", "type": "kanari", "data": {"object": {"id": "kanari"}}});
    for signature in ["", "t=1,v1=kanari", "kanari"] {
        let hook = http().post(format!("{}/webhooks/stripe", server.http)).header("stripe-signature", signature);
        assert_eq!(hook.json(&event).send().await.unwrap().status().as_u16(), 400);
    }
    assert_eq!(http().get(format!("{}/invoices/kanari", server.http)).send().await.unwrap().status().as_u16(), 404);
}
